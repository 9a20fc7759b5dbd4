/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A list, and then one request for each of those to be destroyed: the kernel
 * finds them by addresses and ports, and compares the cookie.
 */
#include "xfrm/sock-diag.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netlink/msg.h>
#include <stddef.h>

#include "xfrm/nlsock.h"

struct walk {
	uint16_t family;
	uint8_t protocol;
	bool (*wanted)(uint64_t cookie, void *user);
	void *user;
	unsigned failed;
	/* Of one round: more are found by the next. */
	struct inet_diag_sockid found[NLSOCK_BATCH];
	size_t n;
};

static struct nl_msg *request(const struct walk *w, uint16_t type,
			      const struct inet_diag_sockid *id)
{
	struct inet_diag_req_v2 q = {
		.sdiag_family = (uint8_t)w->family,
		.sdiag_protocol = w->protocol,
		.idiag_states = UINT32_MAX,
	};
	struct nl_msg *m = nlmsg_alloc_simple(type, NLM_F_REQUEST);

	if (id)
		q.id = *id;
	if (m && nlmsg_append(m, &q, sizeof(q), NLMSG_ALIGNTO) < 0) {
		nlmsg_free(m);
		return NULL;
	}
	return m;
}

static int on_socket(const struct nlmsghdr *h, void *user)
{
	const struct inet_diag_msg *d = nlmsg_data((struct nlmsghdr *)h);
	struct walk *w = user;
	uint64_t cookie;

	if (h->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    nlmsg_datalen(h) < (int)sizeof(*d))
		return 0;
	cookie = (uint64_t)d->id.idiag_cookie[1] << 32 | d->id.idiag_cookie[0];
	if (w->n < NLSOCK_BATCH && w->wanted(cookie, w->user))
		w->found[w->n++] = d->id;
	return 0;
}

static int destroy(struct walk *w, struct nlsock *s)
{
	for (size_t i = 0; i < w->n; i++) {
		struct nl_msg *m = request(w, SOCK_DESTROY, &w->found[i]);
		int error = 0, r = m ? 0 : -ENOMEM;

		if (r == 0)
			r = nlsock_batch(s, &m, 1, &error);
		nlmsg_free(m);
		if (r < 0)
			return r;
		/* Gone by itself meanwhile: as good. */
		if (error < 0 && error != -ENOENT)
			w->failed++;
	}
	return 0;
}

int sock_diag_destroy(uint16_t family, uint8_t protocol,
		      bool (*wanted)(uint64_t cookie, void *user), void *user,
		      unsigned *ret_failed)
{
	struct walk w = { .family = family,
			  .protocol = protocol,
			  .wanted = wanted,
			  .user = user };
	struct nlsock *s = NULL;
	int r = nlsock_open(NETLINK_SOCK_DIAG, &s);

	if (r < 0)
		return r == -EPROTONOSUPPORT ? -EOPNOTSUPP : r;
	do {
		struct nl_msg *m = request(&w, SOCK_DIAG_BY_FAMILY, NULL);

		w.n = 0;
		r = m ? nlsock_ask(s, m, NLM_F_DUMP, on_socket, &w) : -ENOMEM;
		nlmsg_free(m);
		if (r == 0)
			r = destroy(&w, s);
	} while (r == 0 && w.n == NLSOCK_BATCH && !w.failed);
	nlsock_free(s);
	if (r == -ENOENT)
		r = -EOPNOTSUPP;
	if (r == 0)
		*ret_failed = w.failed;
	return r;
}
