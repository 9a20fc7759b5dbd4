/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A netlink socket, on libnl-3's core: requests with their acknowledgement,
 * batches, dumps, and events. The kernel answers requests before sendmsg()
 * returns, so these calls do not wait. What a message means is not known here.
 */
#ifndef TACIT_XFRM_NLSOCK_H
#define TACIT_XFRM_NLSOCK_H

#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>

struct nl_msg;
struct nlsock;

/* Messages in one batch. */
#define NLSOCK_BATCH 64u

/* Called for each message; anything but 0 ends the walk and is returned. */
typedef int (*nlsock_each)(const struct nlmsghdr *h, void *user);

/* NETLINK_XFRM or NETLINK_ROUTE. 0; -EPROTONOSUPPORT: the kernel lacks that
 * family; -errno. */
int nlsock_open(int protocol, struct nlsock **ret)
	__attribute__((warn_unused_result));
struct nlsock *nlsock_free(struct nlsock *s);
int nlsock_fd(const struct nlsock *s);

/*
 * Sends the messages in one go; the kernel carries them out in order, and
 * goes on after one that fails. errors[i] is 0 or -errno of the i-th. Their
 * sequence numbers and flags are set here; message contents are wiped from
 * our buffer (they may hold keys). n is at most NLSOCK_BATCH. 0, or -errno
 * when the dialogue itself broke down (errors[] is not set then).
 */
int nlsock_batch(struct nlsock *s, struct nl_msg *const *messages, size_t n,
		 int *errors) __attribute__((warn_unused_result));
/* Asks, and calls each() for every message of the answer: a dump with
 * NLM_F_DUMP in flags, else a single answer. */
int nlsock_ask(struct nlsock *s, struct nl_msg *m, uint16_t flags,
	       nlsock_each each, void *user)
	__attribute__((warn_unused_result));
/* The kernel's own words on the last error, or "". */
const char *nlsock_why(const struct nlsock *s);

/* Turns it into a listener: larger buffer (as far as we may), never blocks. */
int nlsock_listen(struct nlsock *s, const unsigned *groups, size_t n)
	__attribute__((warn_unused_result));
/* Reads one datagram of events. 1 there was one, 0 nothing there, -ENOBUFS
 * events were lost, -errno. */
int nlsock_receive(struct nlsock *s, nlsock_each each, void *user)
	__attribute__((warn_unused_result));

#endif
