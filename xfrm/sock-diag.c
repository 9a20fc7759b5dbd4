/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A list, and then one request for each of those to be destroyed: the kernel
 * finds them by addresses and ports, and compares the cookie. Connections
 * between two hosts are listed by a filter, which the kernel runs.
 */
#include "xfrm/sock-diag.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netlink/msg.h>
#include <stddef.h>
#include <string.h>

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

static uint64_t cookie_of(const struct inet_diag_sockid *id)
{
	return (uint64_t)id->idiag_cookie[1] << 32 | id->idiag_cookie[0];
}

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

	if (h->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    nlmsg_datalen(h) < (int)sizeof(*d))
		return 0;
	if (w->n < NLSOCK_BATCH && w->wanted(cookie_of(&d->id), w->user))
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

/* --- connections ----------------------------------------------------------- */

/* Those that have a peer, and may send. Requests of a listener, which are no
 * sockets yet, have a state of the kernel's own. */
#define STATE(s)     (1u << (s))
#define NEW_SYN_RECV 12
#define STATES_ALIVE                                                          \
	(STATE(TCP_ESTABLISHED) | STATE(TCP_SYN_SENT) | STATE(TCP_SYN_RECV) | \
	 STATE(NEW_SYN_RECV) | STATE(TCP_FIN_WAIT1) | STATE(TCP_FIN_WAIT2) |  \
	 STATE(TCP_CLOSE_WAIT) | STATE(TCP_LAST_ACK) | STATE(TCP_CLOSING))

/* A condition of the filter: an address, with any port. */
#define CONDITION_HEAD \
	(sizeof(struct inet_diag_bc_op) + sizeof(struct inet_diag_hostcond))

static size_t put_condition(uint8_t *at, uint8_t code, const struct addr *a,
			    size_t behind)
{
	const struct inet_diag_hostcond host = {
		.family = (uint8_t)a->family,
		.prefix_len = (uint8_t)(addr_len(a) * 8),
		.port = -1,
	};
	struct inet_diag_bc_op op = { .code = code };
	const size_t len = CONDITION_HEAD + addr_len(a);

	op.yes = (uint8_t)len;
	/* Who jumps beyond the end is refused. */
	op.no = (uint16_t)(len + behind + sizeof(op));
	memcpy(at, &op, sizeof(op));
	memcpy(at + sizeof(op), &host, sizeof(host));
	memcpy(at + CONDITION_HEAD, a->bytes, addr_len(a));
	return len;
}

struct between {
	const struct addr *remote;
	uint8_t protocol;
	int (*each)(const struct sock_diag_connection *c, void *user);
	void *user;
};

static int on_connection(const struct nlmsghdr *h, void *user)
{
	const struct inet_diag_msg *d = nlmsg_data((struct nlmsghdr *)h);
	const struct between *b = user;
	struct sock_diag_connection c;

	if (h->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    nlmsg_datalen(h) < (int)sizeof(*d) || !d->id.idiag_dport)
		return 0;
	c = (struct sock_diag_connection){
		.cookie = cookie_of(&d->id),
		.ifindex = d->id.idiag_if,
		.protocol = b->protocol,
		.local_port = ntohs(d->id.idiag_sport),
		.remote_port = ntohs(d->id.idiag_dport),
	};
	return b->each(&c, b->user);
}

static struct nl_msg *request_between(uint16_t family, uint8_t protocol,
				      const struct addr *local,
				      const struct addr *remote)
{
	struct inet_diag_req_v2 q = {
		.sdiag_family = (uint8_t)family,
		.sdiag_protocol = protocol,
		.idiag_states = STATES_ALIVE,
	};
	const size_t one = CONDITION_HEAD + addr_len(local);
	uint8_t filter[2 * (CONDITION_HEAD + sizeof(local->bytes))];
	struct nl_msg *m =
		nlmsg_alloc_simple(SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST);
	size_t n;

	if (!m)
		return NULL;
	n = put_condition(filter, INET_DIAG_BC_S_COND, local, one);
	n += put_condition(filter + n, INET_DIAG_BC_D_COND, remote, 0);
	if (nlmsg_append(m, &q, sizeof(q), NLMSG_ALIGNTO) < 0 ||
	    nla_put(m, INET_DIAG_REQ_BYTECODE, (int)n, filter) < 0) {
		nlmsg_free(m);
		return NULL;
	}
	return m;
}

int sock_diag_between(const struct addr *local, const struct addr *remote,
		      int (*each)(const struct sock_diag_connection *c,
				  void *user),
		      void *user)
{
	static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP };
	/* A socket of IPv6 may speak IPv4. */
	static const uint16_t families[] = { AF_INET6, AF_INET };
	struct nlsock *s = NULL;
	int r = nlsock_open(NETLINK_SOCK_DIAG, &s);

	if (r < 0)
		return r == -EPROTONOSUPPORT ? -EOPNOTSUPP : r;
	for (size_t i = 0; i < 4 && r == 0; i++) {
		struct between b = { remote, protocols[i / 2], each, user };
		struct nl_msg *m;

		if (families[i % 2] == AF_INET && local->family != AF_INET)
			continue;
		m = request_between(families[i % 2], b.protocol, local, remote);
		r = m ? nlsock_ask(s, m, NLM_F_DUMP, on_connection, &b)
		      : -ENOMEM;
		nlmsg_free(m);
	}
	nlsock_free(s);
	return r == -ENOENT ? -EOPNOTSUPP : r;
}

static struct nl_msg *request_one(const struct addr *local,
				  const struct addr *remote,
				  const struct sock_diag_connection *c)
{
	/* Of UDP the kernel wants the ends the other way round. */
	const bool udp = c->protocol == IPPROTO_UDP;
	const struct addr *near = udp ? remote : local;
	const struct addr *far = udp ? local : remote;
	const struct walk w = { .family = local->family,
				.protocol = c->protocol };
	struct inet_diag_sockid id = {
		.idiag_sport = htons(udp ? c->remote_port : c->local_port),
		.idiag_dport = htons(udp ? c->local_port : c->remote_port),
		.idiag_if = c->ifindex,
		.idiag_cookie = { INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE },
	};

	memcpy(id.idiag_src, near->bytes, addr_len(near));
	memcpy(id.idiag_dst, far->bytes, addr_len(far));
	return request(&w, SOCK_DIAG_BY_FAMILY, &id);
}

struct found {
	const struct sock_diag_connection *c;
	bool *alive;
};

/* What is left of a connection that is over is another thing to the kernel, with
 * another cookie. */
static int on_one(const struct nlmsghdr *h, void *user)
{
	const struct inet_diag_msg *d = nlmsg_data((struct nlmsghdr *)h);
	const struct found *f = user;
	bool over;

	if (h->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    nlmsg_datalen(h) < (int)sizeof(*d))
		return 0;
	over = d->idiag_state == TCP_TIME_WAIT ||
	       (d->idiag_state == TCP_FIN_WAIT2 && !d->idiag_inode);
	*f->alive = cookie_of(&d->id) == f->c->cookie ||
		    (f->c->protocol == IPPROTO_TCP && over &&
		     ntohs(d->id.idiag_dport) == f->c->remote_port);
	return 0;
}

int sock_diag_alive(const struct addr *local, const struct addr *remote,
		    const struct sock_diag_connection *const *list, size_t n,
		    bool *alive)
{
	struct nlsock *s = NULL;
	int r = nlsock_open(NETLINK_SOCK_DIAG, &s);

	for (size_t i = 0; i < n && r == 0; i++) {
		struct found f = { list[i], &alive[i] };
		struct nl_msg *m = request_one(local, remote, list[i]);

		alive[i] = false;
		r = m ? nlsock_ask(s, m, 0, on_one, &f) : -ENOMEM;
		nlmsg_free(m);
		if (r == -ENOENT)
			r = 0;
	}
	nlsock_free(s);
	return r;
}
