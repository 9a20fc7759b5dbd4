/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * nfnetlink messages: a writer over struct wbuf, a reader over struct rbuf,
 * and a socket. Knows the framing (nlmsghdr, nfgenmsg, attributes, nests) and
 * nothing of what is inside. Headers are in host order and read by copying,
 * so nothing needs to be aligned.
 */
#ifndef TACIT_XFRM_NFNL_H
#define TACIT_XFRM_NFNL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/rbuf.h"
#include "util/wbuf.h"

struct nl_sock;

/* One message as read. attrs is what follows nfgenmsg, or, for NLMSG_ERROR,
 * empty: error is set then (0 is an acknowledgement). */
struct nfnl_message {
	uint16_t type; /* subsystem << 8 | message, or NLMSG_ERROR */
	uint32_t seq;
	int error; /* negative errno of a NLMSG_ERROR */
	uint8_t family;
	uint16_t res_id;
	struct rbuf attrs;
};

/* type is subsystem << 8 | message. Returns where the message begins, for
 * nfnl_end(). */
size_t nfnl_begin(struct wbuf *w, uint16_t type, uint16_t flags, uint32_t seq,
		  uint8_t family, uint16_t res_id);
void nfnl_end(struct wbuf *w, size_t at);
void nfnl_put(struct wbuf *w, uint16_t type, const void *data, size_t len);
void nfnl_put_be32(struct wbuf *w, uint16_t type, uint32_t v);
void nfnl_put_be64(struct wbuf *w, uint16_t type, uint64_t v);
void nfnl_put_string(struct wbuf *w, uint16_t type, const char *s);
/* A nested attribute; returns where it begins, for nfnl_nest_end(). */
size_t nfnl_nest(struct wbuf *w, uint16_t type);
void nfnl_nest_end(struct wbuf *w, size_t at);

/* The next message of a datagram: 1, 0 at its end, -EBADMSG. */
int nfnl_next(struct rbuf *r, struct nfnl_message *ret)
	__attribute__((warn_unused_result));
/* The next attribute: 1, 0 at the end, -EBADMSG. The type comes without the
 * nested and byte order flags. */
int nfnl_next_attr(struct rbuf *r, uint16_t *ret_type, struct rbuf *ret_data)
	__attribute__((warn_unused_result));

/* A non-blocking, close-on-exec NETLINK_NETFILTER socket. Buffers of these
 * sizes, or of what the system allows us. -EPROTONOSUPPORT: no nfnetlink. */
int nfnl_open(int receive_buffer, int send_buffer, struct nl_sock **ret)
	__attribute__((warn_unused_result));
/* Takes NULL; returns NULL. */
struct nl_sock *nfnl_close(struct nl_sock *s);
int nfnl_fd(const struct nl_sock *s);
int nfnl_send(struct nl_sock *s, const void *data, size_t len)
	__attribute__((warn_unused_result));
/* One datagram of the kernel's (others are thrown away): its length, 0 when
 * there is none, -EMSGSIZE when it did not fit, -errno. */
int nfnl_receive(struct nl_sock *s, void *buf, size_t cap)
	__attribute__((warn_unused_result));

#endif
