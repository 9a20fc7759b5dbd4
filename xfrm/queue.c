/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Binding, configuration, packets in and verdicts out. Verdicts wait in a
 * buffer for the next flush: one system call lets many packets go.
 */
#include "xfrm/queue.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <stdlib.h>

#include "xfrm/nfnl.h"

/* Larger than any message with QUEUE_COPY_MAX bytes of a packet. */
#define RECEIVE_SIZE   2048u
#define QUEUE_COPY_MAX 1024u
/* One verdict with a mark is 40 bytes. */
#define VERDICT_SIZE 40u
#define SEND_SIZE    (64u * VERDICT_SIZE)
/* The kernel accounts some 800 bytes for each copied head. */
#define SOCKET_BUFFER (16 << 20)

struct queue {
	struct nl_sock *sock;
	uint16_t numbers[2];
	bool bound[2];
	struct rbuf rest; /* of the datagram in in[] */
	struct wbuf out;
	uint8_t in[RECEIVE_SIZE];
	uint8_t out_data[SEND_SIZE];
};

static uint16_t queue_type(unsigned type)
{
	return (uint16_t)(NFNL_SUBSYS_QUEUE << 8 | type);
}

static int parse_attrs(struct rbuf attrs, struct queue_packet *p)
{
	bool have_id = false;
	struct rbuf data;
	uint16_t type;
	int r;

	while ((r = nfnl_next_attr(&attrs, &type, &data)) > 0) {
		/* Types that we did not ask for are skipped. */
		switch (type) {
		case NFQA_PACKET_HDR:
			p->id = rbuf_be32(&data);
			have_id = true;
			break;
		case NFQA_MARK:
			p->mark = rbuf_be32(&data);
			break;
		case NFQA_IFINDEX_OUTDEV:
			p->out_ifindex = rbuf_be32(&data);
			break;
		case NFQA_PAYLOAD:
			p->len = data.left;
			p->head = rbuf_bytes(&data, data.left);
			break;
		}
		if (!rbuf_ok(&data))
			return -EBADMSG;
	}
	if (r < 0 || !have_id)
		return -EBADMSG;
	return 0;
}

int queue_parse(struct rbuf *pos, struct queue_packet *ret)
{
	struct queue_packet p = { 0 };
	struct nfnl_message m;
	int r;

	while ((r = nfnl_next(pos, &m)) > 0) {
		if (m.type == NLMSG_ERROR && m.error != 0)
			return QUEUE_REFUSED;
		if (m.type != queue_type(NFQNL_MSG_PACKET))
			continue;
		p.queue = m.res_id;
		p.family = m.family;
		r = parse_attrs(m.attrs, &p);
		if (r < 0)
			return r;
		*ret = p;
		return QUEUE_PACKET;
	}
	return r;
}

/* Sends one request and waits for its answer, which the kernel has queued
 * before sending returns. */
static int transact(struct queue *q, struct wbuf *w)
{
	struct nfnl_message m;
	int r;

	if (!wbuf_ok(w))
		return -EMSGSIZE;
	r = nfnl_send(q->sock, w->data, w->len);
	if (r < 0)
		return r;
	for (;;) {
		struct rbuf in;

		r = nfnl_receive(q->sock, q->in, sizeof(q->in));
		if (r <= 0)
			return r < 0 ? r : -EIO;
		in = rbuf_of(q->in, (size_t)r);
		while ((r = nfnl_next(&in, &m)) > 0)
			if (m.type == NLMSG_ERROR)
				return m.error;
		if (r < 0)
			return r;
	}
}

static int command(struct queue *q, uint8_t cmd, uint16_t number)
{
	struct nfqnl_msg_config_cmd c = { .command = cmd };
	uint8_t data[64];
	struct wbuf w = wbuf_of(data, sizeof(data));
	size_t at = nfnl_begin(&w, queue_type(NFQNL_MSG_CONFIG), NLM_F_ACK, 1,
			       AF_UNSPEC, number);

	nfnl_put(&w, NFQA_CFG_CMD, &c, sizeof(c));
	nfnl_end(&w, at);
	return transact(q, &w);
}

static int configure(struct queue *q, const struct queue_config *c,
		     uint16_t number, bool fail_open)
{
	struct nfqnl_msg_config_params params = {
		.copy_range = htonl(c->copy),
		.copy_mode = NFQNL_COPY_PACKET,
	};
	uint8_t data[128];
	struct wbuf w = wbuf_of(data, sizeof(data));
	size_t at = nfnl_begin(&w, queue_type(NFQNL_MSG_CONFIG), NLM_F_ACK, 1,
			       AF_UNSPEC, number);

	nfnl_put(&w, NFQA_CFG_PARAMS, &params, sizeof(params));
	nfnl_put_be32(&w, NFQA_CFG_QUEUE_MAXLEN, c->length);
	nfnl_put_be32(&w, NFQA_CFG_MASK, NFQA_CFG_F_FAIL_OPEN | NFQA_CFG_F_GSO);
	/* Without GSO the kernel would cut large packets into pieces for us,
	 * and finish their checksums. */
	nfnl_put_be32(&w, NFQA_CFG_FLAGS,
		      (fail_open ? NFQA_CFG_F_FAIL_OPEN : 0) | NFQA_CFG_F_GSO);
	nfnl_end(&w, at);
	return transact(q, &w);
}

static int bind_queue(struct queue *q, const struct queue_config *c,
		      unsigned which)
{
	int r = command(q, NFQNL_CFG_CMD_BIND, q->numbers[which]);

	/* Another socket's queue: -EPERM; created while we asked: -EEXIST. */
	if (r == -EPERM || r == -EBUSY || r == -EEXIST)
		return -EADDRINUSE;
	if (r < 0)
		return r;
	q->bound[which] = true;
	return configure(q, c, q->numbers[which], which == 0);
}

int queue_new(const struct queue_config *c, struct queue **ret)
{
	struct queue *q;
	int r;

	if (c->offer == c->require || c->copy == 0 || c->copy > QUEUE_COPY_MAX)
		return -EINVAL;
	q = calloc(1, sizeof(*q));
	if (!q)
		return -ENOMEM;
	q->numbers[0] = c->offer;
	q->numbers[1] = c->require;
	q->out = wbuf_of(q->out_data, sizeof(q->out_data));
	r = nfnl_open(SOCKET_BUFFER, 0, &q->sock);
	if (r == -EPROTONOSUPPORT)
		r = -EOPNOTSUPP;
	/* A command without effect tells a missing module (-EINVAL) and a
	 * missing capability from a queue that is taken. */
	if (r == 0)
		r = command(q, NFQNL_CFG_CMD_PF_BIND, 0);
	if (r == -EINVAL)
		r = -EOPNOTSUPP;
	for (unsigned i = 0; i < 2 && r == 0; i++)
		r = bind_queue(q, c, i);
	if (r < 0) {
		queue_free(q);
		return r;
	}
	*ret = q;
	return 0;
}

struct queue *queue_free(struct queue *q)
{
	if (!q)
		return NULL;
	/* The kernel unbinds when the socket closes; by command, the numbers
	 * are free on return. Its answers are not waited for. */
	for (unsigned i = 0; i < 2; i++)
		if (q->bound[i])
			(void)!command(q, NFQNL_CFG_CMD_UNBIND, q->numbers[i]);
	nfnl_close(q->sock);
	free(q);
	return NULL;
}

int queue_fd(const struct queue *q)
{
	return nfnl_fd(q->sock);
}

int queue_receive(struct queue *q, struct queue_packet *ret)
{
	int r;

	for (;;) {
		r = queue_parse(&q->rest, ret);
		if (r > 0)
			return r;
		/* What cannot be read is not worth dying for: the kernel
		 * drops it with the queue. */
		q->rest = (struct rbuf){ 0 };
		r = nfnl_receive(q->sock, q->in, sizeof(q->in));
		if (r == -ENOBUFS || r == -EMSGSIZE)
			return QUEUE_OVERRUN;
		if (r <= 0)
			return r;
		q->rest = rbuf_of(q->in, (size_t)r);
	}
}

int queue_verdict(struct queue *q, uint16_t queue, uint32_t id,
		  enum queue_verdict v, uint32_t mark)
{
	struct nfqnl_msg_verdict_hdr h = {
		.verdict = htonl(v == QUEUE_DROP ? NF_DROP : NF_ACCEPT),
		.id = htonl(id),
	};
	size_t at;
	int r = 0;

	if (q->out.cap - q->out.len < VERDICT_SIZE)
		r = queue_flush(q);
	at = nfnl_begin(&q->out, queue_type(NFQNL_MSG_VERDICT), 0, 0, AF_UNSPEC,
			queue);
	nfnl_put(&q->out, NFQA_VERDICT_HDR, &h, sizeof(h));
	if (v == QUEUE_ACCEPT_MARK)
		nfnl_put_be32(&q->out, NFQA_MARK, mark);
	nfnl_end(&q->out, at);
	return r;
}

int queue_flush(struct queue *q)
{
	int r = 0;

	if (q->out.len > 0)
		r = nfnl_send(q->sock, q->out.data, q->out.len);
	q->out = wbuf_of(q->out_data, sizeof(q->out_data));
	return r;
}
