/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The queue dialogue against a socket that only remembers. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "xfrm/nfnl.h"
#include "xfrm/queue.h"

#define PACKET	(NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET)
#define CONFIG	(NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_CONFIG)
#define VERDICT (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_VERDICT)

/* What was sent, and what is to be received: of a test at a time. */
static struct {
	uint8_t sent[65536];
	size_t sent_len, sends;
	uint8_t in[16][4096];
	int in_len[16]; /* or -errno */
	size_t n_in, next_in;
	/* Answer to the n-th request that wants one; the others get 0. */
	size_t requests, bad_request;
	int bad_error, open_error;
	bool closed;
} fake;

int nfnl_open(int receive_buffer, int send_buffer, struct nl_sock **ret)
{
	(void)receive_buffer;
	(void)send_buffer;
	if (fake.open_error)
		return fake.open_error;
	*ret = (struct nl_sock *)&fake;
	return 0;
}

struct nl_sock *nfnl_close(struct nl_sock *s)
{
	fake.closed = s != NULL;
	return NULL;
}

int nfnl_fd(const struct nl_sock *s)
{
	assert_ptr_equal(s, &fake);
	return 42;
}

static void receive_later(const void *data, int len)
{
	assert_true(fake.n_in < 16);
	if (len > 0)
		memcpy(fake.in[fake.n_in], data, (size_t)len);
	fake.in_len[fake.n_in++] = len;
}

static void acknowledge(int error)
{
	struct {
		struct nlmsghdr h;
		int32_t error;
	} e = { { .nlmsg_len = sizeof(e), .nlmsg_type = NLMSG_ERROR }, error };

	receive_later(&e, sizeof(e));
}

int nfnl_send(struct nl_sock *s, const void *data, size_t len)
{
	struct nlmsghdr h;

	assert_ptr_equal(s, &fake);
	memcpy(fake.sent + fake.sent_len, data, len);
	fake.sent_len += len;
	fake.sends++;
	memcpy(&h, data, sizeof(h));
	if (h.nlmsg_flags & NLM_F_ACK)
		acknowledge(++fake.requests == fake.bad_request ? fake.bad_error
								: 0);
	return 0;
}

int nfnl_receive(struct nl_sock *s, void *buf, size_t cap)
{
	int len;

	assert_ptr_equal(s, &fake);
	if (fake.next_in == fake.n_in)
		return 0;
	len = fake.in_len[fake.next_in];
	if (len > 0) {
		assert_true((size_t)len <= cap);
		memcpy(buf, fake.in[fake.next_in], (size_t)len);
	}
	fake.next_in++;
	return len;
}

static int reset(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	return 0;
}

static const struct queue_config config = {
	.offer = 10, .require = 11, .length = 100, .copy = 128
};

static struct queue *make(void)
{
	struct queue *q = NULL;

	assert_int_equal(queue_new(&config, &q), 0);
	fake.sent_len = fake.sends = 0;
	return q;
}

/* The flags that each queue was configured with. */
static void test_new(void **state)
{
	uint32_t flags[2] = { 0, 0 };
	struct queue *q = NULL;
	struct nfnl_message m;
	struct rbuf r, data;
	size_t messages = 0;
	uint16_t type;

	(void)state;
	assert_int_equal(queue_new(&config, &q), 0);
	assert_int_equal(queue_fd(q), 42);
	r = rbuf_of(fake.sent, fake.sent_len);
	while (nfnl_next(&r, &m) > 0) {
		messages++;
		assert_int_equal(m.type, CONFIG);
		while (nfnl_next_attr(&m.attrs, &type, &data) > 0)
			if (type == NFQA_CFG_FLAGS)
				flags[m.res_id - 10] = rbuf_be32(&data);
			else if (type == NFQA_CFG_QUEUE_MAXLEN)
				assert_int_equal(rbuf_be32(&data), 100);
	}
	assert_int_equal(messages, 5);
	assert_int_equal(flags[0], NFQA_CFG_F_FAIL_OPEN | NFQA_CFG_F_GSO);
	assert_int_equal(flags[1], NFQA_CFG_F_GSO);
	queue_free(q);
	assert_true(fake.closed);
	assert_int_equal(fake.requests, 7);
}

static void test_new_fails(void **state)
{
	static const struct {
		size_t request;
		int error, result;
	} rows[] = {
		{ 1, -EINVAL, -EOPNOTSUPP },	 { 1, -EPERM, -EPERM },
		{ 2, -EPERM, -EADDRINUSE },	 { 2, -EBUSY, -EADDRINUSE },
		{ 4, -EEXIST, -EADDRINUSE },	 { 2, -ENOMEM, -ENOMEM },
		{ 3, -EOPNOTSUPP, -EOPNOTSUPP },
	};
	struct queue_config bad = config;
	struct queue *q = NULL;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		reset(state);
		fake.bad_request = rows[i].request;
		fake.bad_error = rows[i].error;
		assert_int_equal(queue_new(&config, &q), rows[i].result);
		assert_null(q);
		assert_true(fake.closed);
	}
	reset(state);
	fake.open_error = -EPROTONOSUPPORT;
	assert_int_equal(queue_new(&config, &q), -EOPNOTSUPP);
	bad.require = bad.offer;
	assert_int_equal(queue_new(&bad, &q), -EINVAL);
	bad = config;
	bad.copy = 60000;
	assert_int_equal(queue_new(&bad, &q), -EINVAL);
	assert_null(q);
}

static size_t put_packet(struct wbuf *w, uint16_t queue, uint32_t id)
{
	uint8_t header[7] = { (uint8_t)(id >> 24),
			      (uint8_t)(id >> 16),
			      (uint8_t)(id >> 8),
			      (uint8_t)id,
			      8,
			      0,
			      3 };
	size_t at = nfnl_begin(w, PACKET, 0, 0, AF_INET, queue);

	nfnl_put(w, NFQA_PACKET_HDR, header, sizeof(header));
	nfnl_put_be32(w, NFQA_IFINDEX_OUTDEV, 5);
	nfnl_put_be32(w, NFQA_MARK, 0xabcd);
	nfnl_put_be32(w, NFQA_SKB_INFO, 1);
	nfnl_put(w, NFQA_PAYLOAD, "headbytes", 9);
	nfnl_end(w, at);
	return w->len;
}

static void test_receive(void **state)
{
	struct queue *q = make();
	struct queue_packet p;
	uint8_t data[512];
	struct wbuf w = wbuf_of(data, sizeof(data));

	(void)state;
	assert_int_equal(queue_receive(q, &p), QUEUE_EMPTY);
	put_packet(&w, 10, 0x01020304);
	put_packet(&w, 11, 2);
	receive_later(data, (int)w.len);
	acknowledge(-ENOENT);
	receive_later(NULL, -ENOBUFS);
	receive_later(NULL, -EMSGSIZE);
	receive_later("garbage", 7);
	acknowledge(0);
	receive_later(data, (int)w.len / 2);
	receive_later(NULL, -EBADF);

	assert_int_equal(queue_receive(q, &p), QUEUE_PACKET);
	assert_int_equal(p.queue, 10);
	assert_int_equal(p.id, 0x01020304);
	assert_int_equal(p.mark, 0xabcd);
	assert_int_equal(p.out_ifindex, 5);
	assert_int_equal(p.family, AF_INET);
	assert_int_equal(p.len, 9);
	assert_memory_equal(p.head, "headbytes", 9);
	assert_int_equal(queue_receive(q, &p), QUEUE_PACKET);
	assert_int_equal(p.queue, 11);
	assert_int_equal(p.id, 2);
	assert_int_equal(queue_receive(q, &p), QUEUE_REFUSED);
	assert_int_equal(queue_receive(q, &p), QUEUE_OVERRUN);
	assert_int_equal(queue_receive(q, &p), QUEUE_OVERRUN);
	assert_int_equal(queue_receive(q, &p), QUEUE_PACKET);
	assert_int_equal(p.queue, 10);
	assert_int_equal(queue_receive(q, &p), -EBADF);
	queue_free(q);
}

static void test_parse(void **state)
{
	uint8_t data[512];
	struct wbuf w = wbuf_of(data, sizeof(data));
	size_t len = put_packet(&w, 10, 7), at;
	struct queue_packet p;
	struct rbuf r;

	(void)state;
	for (size_t cut = 1; cut < len - 3; cut++) {
		uint8_t *copy = malloc(cut);

		assert_non_null(copy);
		memcpy(copy, data, cut);
		r = rbuf_of(copy, cut);
		assert_int_equal(queue_parse(&r, &p), -EBADMSG);
		free(copy);
	}
	/* No mark is mark 0; no id is no packet. */
	w = wbuf_of(data, sizeof(data));
	at = nfnl_begin(&w, PACKET, 0, 0, AF_INET6, 10);
	nfnl_put(&w, NFQA_PACKET_HDR, "\0\0\0\1\0\0\0", 7);
	nfnl_end(&w, at);
	r = rbuf_of(data, w.len);
	assert_int_equal(queue_parse(&r, &p), QUEUE_PACKET);
	assert_int_equal(p.mark, 0);
	assert_int_equal(p.len, 0);
	w = wbuf_of(data, sizeof(data));
	at = nfnl_begin(&w, PACKET, 0, 0, AF_INET6, 10);
	nfnl_put_be32(&w, NFQA_MARK, 1);
	nfnl_end(&w, at);
	r = rbuf_of(data, w.len);
	assert_int_equal(queue_parse(&r, &p), -EBADMSG);
	/* Other messages are passed over. */
	w = wbuf_of(data, sizeof(data));
	nfnl_end(&w, nfnl_begin(&w, CONFIG, 0, 0, 0, 0));
	put_packet(&w, 11, 9);
	r = rbuf_of(data, w.len);
	assert_int_equal(queue_parse(&r, &p), QUEUE_PACKET);
	assert_int_equal(p.id, 9);
	assert_int_equal(queue_parse(&r, &p), QUEUE_EMPTY);
}

struct sent_verdict {
	uint16_t queue;
	uint32_t verdict, id;
	bool has_mark;
	uint32_t mark;
};

static void take_verdict(struct rbuf *r, struct sent_verdict *ret)
{
	struct sent_verdict v = { 0 };
	struct nfnl_message m;
	struct rbuf data;
	uint16_t type;

	assert_int_equal(nfnl_next(r, &m), 1);
	assert_int_equal(m.type, VERDICT);
	v.queue = m.res_id;
	while (nfnl_next_attr(&m.attrs, &type, &data) > 0) {
		if (type == NFQA_VERDICT_HDR) {
			v.verdict = rbuf_be32(&data);
			v.id = rbuf_be32(&data);
		} else if (type == NFQA_MARK) {
			v.has_mark = true;
			v.mark = rbuf_be32(&data);
		}
	}
	*ret = v;
}

static void test_verdicts(void **state)
{
	struct queue *q = make();
	struct sent_verdict v;
	struct rbuf r;

	(void)state;
	assert_int_equal(queue_verdict(q, 10, 5, QUEUE_ACCEPT_MARK, 77), 0);
	assert_int_equal(queue_verdict(q, 11, 6, QUEUE_ACCEPT, 77), 0);
	assert_int_equal(queue_verdict(q, 10, 7, QUEUE_DROP, 77), 0);
	assert_int_equal(fake.sends, 0);
	assert_int_equal(queue_flush(q), 0);
	assert_int_equal(fake.sends, 1);
	assert_int_equal(queue_flush(q), 0);
	assert_int_equal(fake.sends, 1);
	r = rbuf_of(fake.sent, fake.sent_len);
	take_verdict(&r, &v);
	assert_true(v.queue == 10 && v.id == 5 && v.verdict == NF_ACCEPT &&
		    v.has_mark && v.mark == 77);
	take_verdict(&r, &v);
	assert_true(v.queue == 11 && v.id == 6 && v.verdict == NF_ACCEPT &&
		    !v.has_mark);
	take_verdict(&r, &v);
	assert_true(v.queue == 10 && v.id == 7 && v.verdict == NF_DROP);
	assert_int_equal(r.left, 0);

	/* More than there is room for: sent in between, all and in order. */
	fake.sent_len = 0;
	for (uint32_t id = 0; id < 1000; id++)
		assert_int_equal(queue_verdict(q, 10, id, QUEUE_ACCEPT_MARK, 1),
				 0);
	assert_int_equal(queue_flush(q), 0);
	r = rbuf_of(fake.sent, fake.sent_len);
	for (uint32_t id = 0; id < 1000; id++) {
		take_verdict(&r, &v);
		assert_int_equal(v.id, id);
	}
	assert_int_equal(r.left, 0);
	queue_free(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_new, reset),
		cmocka_unit_test_setup(test_new_fails, reset),
		cmocka_unit_test_setup(test_receive, reset),
		cmocka_unit_test_setup(test_parse, reset),
		cmocka_unit_test_setup(test_verdicts, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
