/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The nflog dialogue, and the elements of the table's sets.
 */
#include "xfrm/hear.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "util/limits.h"
#include "util/log.h"
#include "xfrm/nfnl.h"
#include "xfrm/nft.h"
#include "xfrm/packet.h"

#define RECEIVE_SIZE  2048u
#define SOCKET_BUFFER (1 << 20)
#define CHANGE_BATCH  64u
/* Heads taken in one go: other work of the loop must come between. */
#define HEAR_ROUND 64
/* An SPI that is no more is known for so long. */
#define SPI_LEAVE_MS 3000u

struct hear {
	struct hear_config config;
	struct hear_ops ops;
	struct nl_sock *sock;
	struct nft_table *table;
	struct nft_change changes[CHANGE_BATCH];
	size_t n_changes;
	int error; /* of changes that were made before hear_flush() */
};

static uint16_t hear_type(unsigned type)
{
	return (uint16_t)(NFNL_SUBSYS_ULOG << 8 | type);
}

/* --- what the kernel logs ------------------------------------------------ */

struct logged {
	uint8_t family;
	uint32_t in_ifindex;
	const uint8_t *head;
	size_t len;
};

static int parse_attrs(struct rbuf attrs, struct logged *l)
{
	struct rbuf data;
	uint16_t type;
	int r;

	while ((r = nfnl_next_attr(&attrs, &type, &data)) > 0) {
		if (type == NFULA_IFINDEX_INDEV) {
			l->in_ifindex = rbuf_be32(&data);
		} else if (type == NFULA_PAYLOAD) {
			l->len = data.left;
			l->head = rbuf_bytes(&data, data.left);
		}
		if (!rbuf_ok(&data))
			return -EBADMSG;
	}
	return r < 0 || !l->head ? -EBADMSG : 0;
}

static void set_scope(struct addr *a, uint32_t ifindex)
{
	if (a->family == AF_INET6 && addr_is_linklocal(a))
		a->scope = ifindex;
}

static int parse_head(const struct logged *l, uint16_t natt_port,
		      struct heard *ret)
{
	struct packet p;
	int r = packet_parse(l->family, l->head, l->len, &p);

	if (r < 0)
		return r;
	/* It came: the source is the other one. */
	*ret = (struct heard){ .local = p.remote, .remote = p.local };
	set_scope(&ret->local, l->in_ifindex);
	set_scope(&ret->remote, l->in_ifindex);
	if (p.protocol == IPPROTO_ESP) {
		ret->esp = true;
	} else if (p.protocol == IPPROTO_UDP && p.remote_port == natt_port) {
		ret->esp = true;
		ret->udp_remote = p.local_port;
	}
	ret->spi = ret->esp ? p.spi : 0;
	return ret->esp && !ret->spi ? -EBADMSG : 0;
}

int hear_parse(struct rbuf *pos, uint16_t natt_port, struct heard *ret)
{
	struct nfnl_message m;
	int r;

	while ((r = nfnl_next(pos, &m)) > 0) {
		struct logged l = { .family = m.family };

		if (m.type != hear_type(NFULNL_MSG_PACKET))
			continue;
		r = parse_attrs(m.attrs, &l);
		if (r == 0)
			r = parse_head(&l, natt_port, ret);
		return r < 0 ? r : 1;
	}
	return r;
}

int hear_fd(const struct hear *h)
{
	return nfnl_fd(h->sock);
}

int hear_dispatch(struct hear *h)
{
	uint8_t in[RECEIVE_SIZE];
	struct heard what;

	for (int i = 0; i < HEAR_ROUND; i++) {
		int r = nfnl_receive(h->sock, in, sizeof(in));
		struct rbuf pos;

		/* What was lost will be said again. */
		if (r == -ENOBUFS || r == -EMSGSIZE)
			continue;
		if (r <= 0)
			return r;
		pos = rbuf_of(in, (size_t)r);
		while (hear_parse(&pos, h->config.natt_port, &what) > 0)
			h->ops.heard(h->ops.user, &what);
	}
	return 0;
}

/* --- the group ------------------------------------------------------------ */

/* Sends one request; the kernel has queued its answer before that returns. */
static int transact(struct hear *h, struct wbuf *w)
{
	uint8_t in[RECEIVE_SIZE];
	struct nfnl_message m;
	int r = wbuf_ok(w) ? nfnl_send(h->sock, w->data, w->len) : -EMSGSIZE;

	while (r >= 0) {
		struct rbuf pos;

		r = nfnl_receive(h->sock, in, sizeof(in));
		if (r <= 0)
			return r < 0 ? r : -EIO;
		pos = rbuf_of(in, (size_t)r);
		while ((r = nfnl_next(&pos, &m)) > 0)
			if (m.type == NLMSG_ERROR)
				return m.error;
	}
	return r;
}

static int bind_group(struct hear *h)
{
	const struct nfulnl_msg_config_cmd bind = {
		.command = NFULNL_CFG_CMD_BIND,
	};
	const struct nfulnl_msg_config_mode mode = {
		.copy_range = htonl(PACKET_HEAD),
		.copy_mode = NFULNL_COPY_PACKET,
	};
	uint8_t data[128];
	struct wbuf w = wbuf_of(data, sizeof(data));
	size_t at = nfnl_begin(&w, hear_type(NFULNL_MSG_CONFIG), NLM_F_ACK, 1,
			       AF_UNSPEC, h->config.group);
	int r;

	nfnl_put(&w, NFULA_CFG_CMD, &bind, sizeof(bind));
	nfnl_put(&w, NFULA_CFG_MODE, &mode, sizeof(mode));
	/* Each by itself, at once. */
	nfnl_put_be32(&w, NFULA_CFG_QTHRESH, 1);
	nfnl_end(&w, at);
	r = transact(h, &w);
	/* Another socket's: -EPERM, which a missing capability would be too,
	 * but for that we would not be here. No nfnetlink_log: -EINVAL. */
	if (r == -EPERM || r == -EBUSY || r == -EEXIST)
		return -EADDRINUSE;
	return r == -EINVAL || r == -ENOENT ? -EOPNOTSUPP : r;
}

static int make_table(struct hear *h)
{
	const struct nft_hear_config c = {
		.group = h->config.group,
		.port = h->config.port,
		.natt_port = h->config.natt_port,
	};

	return nft_table_new_hear(&c, &h->table);
}

int hear_new(const struct hear_config *c, const struct hear_ops *ops,
	     struct hear **ret)
{
	struct hear *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return -ENOMEM;
	h->config = *c;
	h->ops = *ops;
	r = nfnl_open(SOCKET_BUFFER, 0, &h->sock);
	if (r == -EPROTONOSUPPORT)
		r = -EOPNOTSUPP;
	if (r == 0)
		r = bind_group(h);
	if (r == 0)
		r = make_table(h);
	if (r < 0) {
		nfnl_close(h->sock);
		free(h);
		return r;
	}
	*ret = h;
	return 0;
}

struct hear *hear_free(struct hear *h)
{
	if (!h)
		return NULL;
	if (h->table && nft_table_remove(h->table) < 0)
		log_warning("the nftables table \"inet tacit_hear\" stays "
			    "behind");
	nft_table_free(h->table);
	nfnl_close(h->sock);
	free(h);
	return NULL;
}

int hear_renew(struct hear *h)
{
	h->n_changes = 0;
	h->error = 0;
	h->table = nft_table_free(h->table);
	return make_table(h);
}

/* --- elements --------------------------------------------------------------- */

static void make_changes(struct hear *h)
{
	int r = -ENOENT;

	if (h->table && h->n_changes)
		r = nft_table_change(h->table, h->changes, h->n_changes);
	if (h->n_changes && r < 0 && h->error == 0)
		h->error = r;
	h->n_changes = 0;
}

static void change(struct hear *h, const struct nft_change *c)
{
	if (h->n_changes == CHANGE_BATCH)
		make_changes(h);
	h->changes[h->n_changes++] = *c;
}

void hear_spi(struct hear *h, const struct addr *local, uint32_t spi,
	      bool known)
{
	struct nft_change c = {
		.set = SET_SPI,
		.local = *local,
		.spi = spi,
		.remove = !known,
	};

	change(h, &c);
	if (known)
		return;
	c.remove = false;
	c.lifetime_ms = SPI_LEAVE_MS;
	change(h, &c);
}

void hear_secured(struct hear *h, const struct addr *local,
		  const struct addr *remote, bool secured)
{
	const struct nft_change c = {
		.set = SET_SECURED,
		.local = *local,
		.remote = *remote,
		.remove = !secured,
	};

	change(h, &c);
}

int hear_connections(struct hear *h, const struct nft_change *c, size_t n)
{
	return h->table ? nft_table_change(h->table, c, n) : -ENOENT;
}

int hear_set_openings(struct hear *h, const struct nft_opening *list, size_t n)
{
	return h->table ? nft_table_set_openings(h->table, list, n) : -ENOENT;
}

int hear_flush(struct hear *h)
{
	int r;

	make_changes(h);
	r = h->error;
	h->error = 0;
	return r;
}
