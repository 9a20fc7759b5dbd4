/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Our own addresses, and the broadcast addresses of our links, following
 * rtnetlink. Loopback addresses are nobody's business and left out.
 */
#ifndef TACIT_XFRM_ADDRESS_H
#define TACIT_XFRM_ADDRESS_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/addr.h"

/* One address on one link. */
struct address {
	struct addr addr;      /* scope set for an IPv6 link-local */
	struct addr broadcast; /* unset where there is none */
	uint8_t prefix_len;    /* of the network that is on the link */
	uint32_t ifindex;
	bool down; /* its link is, or has no carrier */
};

struct address_table {
	struct address *list;
	size_t count; /* at most LIMIT_OWN_ADDRESSES */
	size_t left_out;
};

/* 0 and *ret, *ret_gone; -ENOMSG: another message or a loopback address;
 * -EBADMSG. Pure. */
int address_read(const struct nlmsghdr *h, struct address *ret, bool *ret_gone)
	__attribute__((warn_unused_result));

/* The same of a link: RTM_NEWLINK, and whether packets can pass. */
int address_read_link(const struct nlmsghdr *h, uint32_t *ret_ifindex,
		      bool *ret_running) __attribute__((warn_unused_result));

/* 0; -EEXIST: this address is known on this link; -ENOSPC: beyond the limit,
 * counted; -ENOMEM. */
int address_table_add(struct address_table *t, const struct address *a)
	__attribute__((warn_unused_result));
/* The one with this address on this link (borrowed), or NULL. */
const struct address *address_table_get(const struct address_table *t,
					const struct address *a);
/* False: it was not there. */
bool address_table_remove(struct address_table *t, const struct address *a);
/* Is it ours, on any link? An address with a scope only on that link. */
bool address_table_has(const struct address_table *t, const struct addr *a);
/* Is it in the network of one of our links? */
bool address_table_on_link(const struct address_table *t, const struct addr *a);
/* The scope of our link-local address a, when it is on one link only; 0. */
uint32_t address_table_scope(const struct address_table *t,
			     const struct addr *a);
void address_table_done(struct address_table *t);

struct address_ops {
	void *user;
	/* The table is up to date when they are called. a is borrowed. */
	void (*added)(void *user, const struct address *a);
	void (*removed)(void *user, const struct address *a);
	/* Its link was down, and is up again; may be NULL. */
	void (*back)(void *user, const struct address *a);
};

struct address_watch;

/* Reads all addresses (added() is called for each) and follows them. 0 or
 * -errno. */
int address_watch_new(const struct address_ops *ops, struct address_watch **ret)
	__attribute__((warn_unused_result));
struct address_watch *address_watch_free(struct address_watch *w);
int address_watch_fd(const struct address_watch *w);
/* 0 or -errno (fatal). Lost events are made good by reading all again. */
int address_watch_dispatch(struct address_watch *w)
	__attribute__((warn_unused_result));
/* Borrowed. */
const struct address_table *address_watch_table(const struct address_watch *w);

#endif
