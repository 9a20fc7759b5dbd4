/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ike-puppet.h"

#define P(type)	    IKE_PRESENT(IKE_PAYLOAD_##type)
#define ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))

/* Nothing came back, and it was counted as malformed. */
#define SILENCE (-1)
/* An IKE_SA_INIT response that can be gone on with. */
#define ANSWER 0

static struct ike_counters counters(const struct world *w)
{
	struct ike_counters c;

	ike_engine_count(w->hosts[0].engine, &c);
	return c;
}

/* --- as responder ------------------------------------------------------------ */

static const uint8_t zeros[256];
static const uint8_t one[32] = { 1 };

struct question_case {
	const char *name;
	uint16_t group; /* 0: X25519 */
	struct puppet_script script;
	int expect; /* or a notify type */
};

static const struct question_case question_cases[] = {
	{ "honest", 0, { 0 }, ANSWER },
	{ "P-256", IKE_KE_P256, { 0 }, ANSWER },
	{ "P-384", IKE_KE_P384, { 0 }, ANSWER },
	{ "reordered", 0, { .reverse = true }, ANSWER },
	{ "no SA", 0, { .omit = P(SA) }, SILENCE },
	{ "no KE", 0, { .omit = P(KE) }, SILENCE },
	{ "no nonce", 0, { .omit = P(NONCE) }, SILENCE },
	{ "two SA", 0, { .twice = P(SA) }, SILENCE },
	{ "two KE", 0, { .twice = P(KE) }, SILENCE },
	{ "two nonces", 0, { .twice = P(NONCE) }, SILENCE },
	{ "nonce of 15", 0, { .nonce_len = 15 }, SILENCE },
	{ "nonce of 16", 0, { .nonce_len = 16 }, ANSWER },
	{ "nonce of 256", 0, { .nonce_len = 256 }, ANSWER },
	{ "nonce of 257", 0, { .nonce_len = 257 }, SILENCE },
	{ "empty KE", 0, { .ke = zeros, .ke_len = 0 }, SILENCE },
	{ "short KE", 0, { .ke = one, .ke_len = 31 }, SILENCE },
	{ "long KE", 0, { .ke = zeros, .ke_len = 33 }, SILENCE },
	{ "X25519 of 0", 0, { .ke = zeros, .ke_len = 32 }, SILENCE },
	{ "X25519 of 1", 0, { .ke = one, .ke_len = 32 }, SILENCE },
	{ "P-256 at infinity",
	  IKE_KE_P256,
	  { .ke = zeros, .ke_len = 64 },
	  SILENCE },
	{ "P-384 at infinity",
	  IKE_KE_P384,
	  { .ke = zeros, .ke_len = 96 },
	  SILENCE },
	{ "group not known",
	  0,
	  { .group = 14, .ke = zeros, .ke_len = 256 },
	  IKE_NOTIFY_INVALID_KE_PAYLOAD },
	{ "group 0",
	  0,
	  { .group = 0xffff, .ke = zeros, .ke_len = 32 },
	  IKE_NOTIFY_INVALID_KE_PAYLOAD },
	{ "empty SA", 0, { .sa = zeros, .sa_len = 0 }, SILENCE },
	{ "unknown payload", 0, { .unknown = 200 }, ANSWER },
	{ "unknown critical payload",
	  0,
	  { .unknown = 200, .critical = true },
	  IKE_NOTIFY_UNSUPPORTED_CRITICAL_PAYLOAD },
	{ "IKEv1 payload", 0, { .unknown = 1 }, ANSWER },
	{ "IKEv1 payload, critical",
	  0,
	  { .unknown = 1, .critical = true },
	  IKE_NOTIFY_UNSUPPORTED_CRITICAL_PAYLOAD },
	{ "stray AUTH", 0, { .unknown = IKE_PAYLOAD_AUTH }, ANSWER },
	{ "unasked cookie",
	  0,
	  { .notify = IKE_NOTIFY_COOKIE, .data = one, .data_len = 8 },
	  ANSWER },
};

static void run_question(const struct question_case *c)
{
	struct puppet p;
	struct world w;

	print_message("  %s\n", c->name);
	world_init(&w, 7, NULL);
	puppet_init(&p, &w, true, c->group ? c->group : IKE_KE_X25519);
	puppet_send_init(&p, &c->script);
	if (c->expect == SILENCE) {
		assert_int_equal(p.n_rx, 0);
		assert_int_equal(counters(&w).malformed, 1);
		assert_int_equal(counters(&w).sas, 0);
	} else if (c->expect == ANSWER) {
		assert_int_equal(p.n_rx, 1);
		puppet_take_init(&p);
		assert_int_equal(counters(&w).half_open, 1);
	} else {
		assert_int_equal(p.n_rx, 1);
		assert_int_equal(puppet_plain_notify(&p), c->expect);
		assert_int_equal(counters(&w).sas, 0);
		assert_int_equal(counters(&w).init_refused, 1);
	}
	assert_int_equal(w.hosts[0].n_failed, 0);
	/* Half-open ones do not stay. */
	world_run(&w, w.now + w.hosts[0].config.half_open_ms + 1000);
	assert_int_equal(counters(&w).sas, 0);
	assert_int_equal(counters(&w).half_open, 0);
	puppet_done(&p);
	world_done(&w);
}

static void test_questions(void **state)
{
	(void)state;
	for (size_t i = 0; i < ELEMENTS(question_cases); i++)
		run_question(&question_cases[i]);
}

static void test_off_curve(void **state)
{
	const struct puppet_script good = { 0 };
	struct puppet_script bad = { 0 };
	uint8_t point[64];
	struct puppet p;
	struct world w;

	(void)state;
	world_init(&w, 7, NULL);
	puppet_init(&p, &w, true, IKE_KE_P256);
	memcpy(point, p.public, sizeof(point));
	point[63] ^= 1;
	bad.ke = point;
	bad.ke_len = sizeof(point);
	puppet_send_init(&p, &bad);
	assert_int_equal(p.n_rx, 0);
	assert_int_equal(counters(&w).sas, 0);
	puppet_send_init(&p, &good);
	assert_int_equal(p.n_rx, 1);
	puppet_done(&p);
	world_done(&w);
}

static void test_invalid_ke_names_our_group(void **state)
{
	const struct puppet_script s = { .group = 14,
					 .ke = zeros,
					 .ke_len = 9 };
	struct ike_message m;
	struct ike_notify n;
	struct puppet p;
	struct world w;

	(void)state;
	world_init(&w, 7, NULL);
	puppet_init(&p, &w, true, IKE_KE_X25519);
	puppet_send_init(&p, &s);
	assert_int_equal(ike_message_parse(p.rx, p.rx_len, &m), 0);
	assert_int_equal(ike_notify_parse(&m.payloads[0], &n), 0);
	assert_int_equal(n.type, IKE_NOTIFY_INVALID_KE_PAYLOAD);
	assert_int_equal(n.data.len, 2);
	assert_int_equal(n.data.data[0] << 8 | n.data.data[1], IKE_KE_X25519);
	puppet_done(&p);
	world_done(&w);
}

static void test_admission(void **state)
{
	const struct puppet_script s = { 0 };
	struct puppet p;
	struct world w;

	(void)state;
	world_init(&w, 7, NULL);
	puppet_init(&p, &w, true, IKE_KE_X25519);
	w.hosts[0].admission = IKE_REFUSE;
	puppet_send_init(&p, &s);
	assert_int_equal(puppet_plain_notify(&p),
			 IKE_NOTIFY_NO_PROPOSAL_CHOSEN);
	w.hosts[0].admission = IKE_IGNORE;
	p.n_rx = 0;
	puppet_send_init(&p, &s);
	assert_int_equal(p.n_rx, 0);
	assert_int_equal(counters(&w).init_ignored, 1);
	assert_int_equal(counters(&w).sas, 0);
	assert_int_equal(w.hosts[0].n_admitted, 2);
	puppet_done(&p);
	world_done(&w);
}

static void test_retransmitted_request(void **state)
{
	const struct puppet_script s = { 0 };
	uint8_t first[LIMIT_IKE_MESSAGE];
	struct puppet p;
	struct world w;
	size_t len;

	(void)state;
	world_init(&w, 7, NULL);
	puppet_init(&p, &w, true, IKE_KE_X25519);
	puppet_send_init(&p, &s);
	len = p.rx_len;
	memcpy(first, p.rx, len);
	puppet_send_init(&p, &s);
	assert_int_equal(p.n_rx, 2);
	assert_int_equal(p.rx_len, len);
	assert_memory_equal(p.rx, first, len);
	assert_int_equal(counters(&w).sas, 1);
	assert_int_equal(w.hosts[0].n_admitted, 1);
	/* From another port it is another initiator. */
	w.hosts[1].address.port = 501;
	puppet_send_init(&p, &s);
	assert_int_equal(counters(&w).sas, 2);
	/* After IKE_AUTH an old copy makes nothing new, and says nothing. */
	w.hosts[1].address.port = 500;
	puppet_send_init(&p, &s);
	puppet_take_init(&p);
	puppet_send_auth(&p, &s);
	assert_non_null(host_child(&w.hosts[0]));
	p.n_rx = 0;
	world_inject(&w, 0, p.request.data, p.request.len);
	assert_int_equal(p.n_rx, 0);
	assert_int_equal(counters(&w).sas, 2);
	puppet_done(&p);
	world_done(&w);
}

/* Our own request, sent back to us, must not make us talk to ourselves. */
static void test_reflection(void **state)
{
	struct puppet p;
	struct world w;

	(void)state;
	world_init(&w, 7, NULL);
	puppet_init(&p, &w, false, IKE_KE_X25519);
	world_initiate(&w, 0);
	assert_int_equal(p.n_rx, 1);
	world_inject(&w, 0, p.rx, p.rx_len);
	assert_int_equal(p.n_rx, 1);
	assert_int_equal(counters(&w).half_open, 0);
	puppet_done(&p);
	world_done(&w);
}

/* --- as initiator ------------------------------------------------------------- */

static void begin(struct world *w, struct puppet *p)
{
	world_init(w, 9, NULL);
	puppet_init(p, w, false, IKE_KE_X25519);
	world_initiate(w, 0);
	assert_int_equal(p->n_rx, 1);
}

static void finish(struct world *w, struct puppet *p)
{
	puppet_done(p);
	world_done(w);
}

static bool established(struct world *w)
{
	return host_child(&w->hosts[0]) != NULL;
}

/* The honest rest of the exchange, from the request in rx. */
static void complete(struct puppet *p)
{
	const struct puppet_script s = { 0 };

	puppet_answer_init(p, &s);
	puppet_open(p);
	puppet_answer_auth(p, &s);
}

static void test_cookie(void **state)
{
	static const uint8_t cookie[64] = { 1, 2, 3 };
	struct ike_message before, after;
	uint8_t first[LIMIT_IKE_MESSAGE];
	struct ike_notify n;
	struct puppet p;
	struct world w;

	(void)state;
	for (size_t len = 1; len <= 64; len += 63) {
		begin(&w, &p);
		memcpy(first, p.rx, p.rx_len);
		assert_int_equal(ike_message_parse(first, p.rx_len, &before),
				 0);
		puppet_answer_notify(&p, IKE_NOTIFY_COOKIE, cookie, len);
		assert_int_equal(p.n_rx, 2);
		/* RFC 7296 2.6: the cookie first, then all as it was. */
		assert_int_equal(ike_message_parse(p.rx, p.rx_len, &after), 0);
		assert_int_equal(after.n, before.n + 1);
		assert_int_equal(ike_notify_parse(&after.payloads[0], &n), 0);
		assert_int_equal(n.type, IKE_NOTIFY_COOKIE);
		assert_int_equal(n.data.len, len);
		assert_memory_equal(n.data.data, cookie, len);
		assert_int_equal(after.header.spi_i, before.header.spi_i);
		for (size_t i = 0; i < before.n; i++) {
			assert_int_equal(before.payloads[i].len,
					 after.payloads[i + 1].len);
			assert_memory_equal(before.payloads[i].data,
					    after.payloads[i + 1].data,
					    before.payloads[i].len);
		}
		complete(&p);
		assert_true(established(&w));
		finish(&w, &p);
	}
}

static void test_bad_cookies(void **state)
{
	struct puppet p;
	struct world w;

	(void)state;
	begin(&w, &p);
	puppet_answer_notify(&p, IKE_NOTIFY_COOKIE, zeros, 0);
	puppet_answer_notify(&p, IKE_NOTIFY_COOKIE, zeros, 65);
	assert_int_equal(p.n_rx, 1);
	assert_int_equal(counters(&w).malformed, 2);
	complete(&p);
	assert_true(established(&w));
	finish(&w, &p);
}

static void test_endless_cookies(void **state)
{
	struct puppet p;
	struct world w;

	(void)state;
	begin(&w, &p);
	for (uint8_t i = 0; i < 20; i++)
		puppet_answer_notify(&p, IKE_NOTIFY_COOKIE, &i, 1);
	assert_int_equal(p.n_rx, 1 + LIMIT_IKE_INIT_RETRIES);
	world_run(&w, w.now + 2000);
	assert_int_equal(w.hosts[0].n_failed, 1);
	assert_int_equal(w.hosts[0].failed.reason, IKE_REASON_REFUSED);
	assert_int_equal(w.hosts[0].failed.notify, IKE_NOTIFY_COOKIE);
	assert_true(world_empty(&w));
	finish(&w, &p);
}

static void use_group(struct puppet *p, uint16_t group)
{
	struct puppet fresh;

	puppet_done(p);
	puppet_init(&fresh, p->w, false, group);
	memcpy(fresh.rx, p->rx, p->rx_len);
	fresh.rx_len = p->rx_len;
	*p = fresh;
	p->w->tap_user = p;
}

static void test_invalid_ke(void **state)
{
	static const uint8_t p384[2] = { 0, IKE_KE_P384 };
	struct ike_sa_info info;
	struct ike_message m;
	struct ike_ke ke;
	struct puppet p;
	struct world w;

	(void)state;
	begin(&w, &p);
	puppet_answer_notify(&p, IKE_NOTIFY_INVALID_KE_PAYLOAD, p384, 2);
	assert_int_equal(p.n_rx, 2);
	assert_int_equal(ike_message_parse(p.rx, p.rx_len, &m), 0);
	assert_int_equal(
		ike_ke_parse(ike_message_find(&m, IKE_PAYLOAD_KE), &ke), 0);
	assert_int_equal(ke.group, IKE_KE_P384);
	use_group(&p, IKE_KE_P384);
	complete(&p);
	assert_true(established(&w));
	assert_true(ike_sa_describe(w.hosts[0].engine,
				    host_child(&w.hosts[0])->sa, &info));
	assert_string_equal(info.algorithms,
			    "AES-GCM-16-256/HMAC-SHA2-256/P-384");
	finish(&w, &p);
}

static void test_invalid_ke_after_cookie(void **state)
{
	static const uint8_t p256[2] = { 0, IKE_KE_P256 };
	struct ike_message m;
	struct puppet p;
	struct world w;

	(void)state;
	begin(&w, &p);
	puppet_answer_notify(&p, IKE_NOTIFY_COOKIE, "abc", 3);
	puppet_answer_notify(&p, IKE_NOTIFY_INVALID_KE_PAYLOAD, p256, 2);
	/* 2.6.1: the cookie goes along. */
	assert_int_equal(ike_message_parse(p.rx, p.rx_len, &m), 0);
	assert_int_equal(m.payloads[0].type, IKE_PAYLOAD_NOTIFY);
	use_group(&p, IKE_KE_P256);
	complete(&p);
	assert_true(established(&w));
	finish(&w, &p);
}

static void test_bad_invalid_ke(void **state)
{
	static const uint8_t bad[][4] = {
		{ 0, IKE_KE_X25519 }, /* what we just tried */
		{ 0, 14 },	      /* never proposed */
		{ 0, 0 },
		{ 0, 1 },
		{ 0, 32 },
	};
	struct puppet p;
	struct world w;

	(void)state;
	begin(&w, &p);
	for (size_t i = 0; i < ELEMENTS(bad); i++)
		puppet_answer_notify(&p, IKE_NOTIFY_INVALID_KE_PAYLOAD, bad[i],
				     2);
	puppet_answer_notify(&p, IKE_NOTIFY_INVALID_KE_PAYLOAD, bad, 0);
	puppet_answer_notify(&p, IKE_NOTIFY_INVALID_KE_PAYLOAD, bad, 3);
	assert_int_equal(p.n_rx, 1);
	assert_int_equal(counters(&w).malformed, ELEMENTS(bad) + 2);
	complete(&p);
	assert_true(established(&w));
	finish(&w, &p);
}

static void test_endless_invalid_ke(void **state)
{
	static const uint8_t group[2][2] = {
		{ 0, IKE_KE_P256 },
		{ 0, IKE_KE_X25519 },
	};
	struct puppet p;
	struct world w;

	(void)state;
	begin(&w, &p);
	for (unsigned i = 0; i < 20; i++)
		puppet_answer_notify(&p, IKE_NOTIFY_INVALID_KE_PAYLOAD,
				     group[i % 2], 2);
	assert_int_equal(p.n_rx, 1 + LIMIT_IKE_INIT_RETRIES);
	world_run(&w, w.now + 2000);
	assert_int_equal(w.hosts[0].failed.reason, IKE_REASON_REFUSED);
	assert_true(world_empty(&w));
	finish(&w, &p);
}

static void test_refusal_is_believed_late(void **state)
{
	struct puppet p;
	struct world w;

	(void)state;
	begin(&w, &p);
	puppet_answer_notify(&p, IKE_NOTIFY_NO_PROPOSAL_CHOSEN, NULL, 0);
	world_run(&w, w.now + w.hosts[0].config.refusal_wait_ms - 10);
	assert_int_equal(w.hosts[0].n_failed, 0);
	world_run(&w, w.now + 20);
	assert_int_equal(w.hosts[0].n_failed, 1);
	assert_int_equal(w.hosts[0].failed.reason, IKE_REASON_REFUSED);
	assert_int_equal(w.hosts[0].failed.notify,
			 IKE_NOTIFY_NO_PROPOSAL_CHOSEN);
	assert_true(world_empty(&w));
	finish(&w, &p);
}

/* Who waits for a real answer is not put off by what anybody may send. */
static void test_patient(void **state)
{
	struct ike_request req = { .patient = true };
	struct handle sa;
	struct puppet p;
	struct world w;

	(void)state;
	for (unsigned answered = 0; answered < 2; answered++) {
		world_init(&w, 9, NULL);
		puppet_init(&p, &w, false, IKE_KE_X25519);
		req.local = w.hosts[0].address;
		req.remote = w.hosts[1].address;
		assert_int_equal(
			ike_initiate(w.hosts[0].engine, w.now, &req, &sa), 0);
		world_settle(&w);
		puppet_answer_notify(&p, IKE_NOTIFY_NO_PROPOSAL_CHOSEN, NULL,
				     0);
		ike_unreachable(w.hosts[0].engine, w.now, &w.hosts[1].address);
		world_run(&w, w.now + 2 * w.hosts[0].config.refusal_wait_ms);
		assert_int_equal(w.hosts[0].n_failed, 0);
		if (answered)
			complete(&p);
		world_run(&w, w.now + 20000);
		assert_int_equal(established(&w), answered);
		assert_int_equal(w.hosts[0].n_failed, !answered);
		if (!answered)
			assert_int_equal(w.hosts[0].failed.reason,
					 IKE_REASON_REFUSED);
		finish(&w, &p);
	}
}

static void test_better_answer_wins(void **state)
{
	struct puppet p;
	struct world w;

	(void)state;
	begin(&w, &p);
	for (unsigned i = 0; i < 1000; i++)
		puppet_answer_notify(&p, IKE_NOTIFY_NO_PROPOSAL_CHOSEN, NULL,
				     0);
	assert_int_equal(p.n_rx, 1);
	ike_unreachable(w.hosts[0].engine, w.now, &w.hosts[1].address);
	world_run(&w, w.now + w.hosts[0].config.refusal_wait_ms - 10);
	complete(&p);
	world_run(&w, w.now + 5000);
	assert_true(established(&w));
	assert_int_equal(w.hosts[0].n_failed, 0);
	finish(&w, &p);
}

static void test_unreachable(void **state)
{
	struct endpoint other;
	struct puppet p;
	struct world w;

	(void)state;
	begin(&w, &p);
	/* Another port, another address: not about this one. */
	other = w.hosts[1].address;
	other.port = 4500;
	ike_unreachable(w.hosts[0].engine, w.now, &other);
	ike_unreachable(w.hosts[0].engine, w.now, &w.hosts[0].address);
	world_run(&w, w.now + 1000);
	assert_int_equal(w.hosts[0].n_failed, 0);
	ike_unreachable(w.hosts[0].engine, w.now, &w.hosts[1].address);
	world_run(&w, w.now + 1000);
	assert_int_equal(w.hosts[0].n_failed, 1);
	assert_int_equal(w.hosts[0].failed.reason, IKE_REASON_UNREACHABLE);
	finish(&w, &p);
	/* Not believed once there was any answer. */
	begin(&w, &p);
	puppet_answer_notify(&p, IKE_NOTIFY_COOKIE, "a", 1);
	ike_unreachable(w.hosts[0].engine, w.now, &w.hosts[1].address);
	world_run(&w, w.now + 1000);
	assert_int_equal(w.hosts[0].n_failed, 0);
	finish(&w, &p);
}

/* Not what we asked: each is as if it had not come. */
static const struct {
	const char *name;
	struct puppet_script script;
} answer_cases[] = {
	{ "no KE", { .omit = P(KE) } },
	{ "no nonce", { .omit = P(NONCE) } },
	{ "two SA", { .twice = P(SA) } },
	{ "short nonce", { .nonce_len = 15 } },
	{ "long nonce", { .nonce_len = 257 } },
	{ "X25519 of 0", { .ke = zeros, .ke_len = 32 } },
	{ "X25519 of 1", { .ke = one, .ke_len = 32 } },
	{ "short KE", { .ke = one, .ke_len = 31 } },
	{ "another group",
	  { .group = IKE_KE_P256, .ke = zeros, .ke_len = 64 } },
	{ "our group under another name", { .group = IKE_KE_P256 } },
	{ "group not proposed", { .group = 14, .ke = zeros, .ke_len = 256 } },
	{ "SA of nothing", { .sa = zeros, .sa_len = 0 } },
	{ "unknown critical", { .unknown = 99, .critical = true } },
};

static void test_bad_answers(void **state)
{
	const struct puppet_script honest = { 0 };

	(void)state;
	for (size_t i = 0; i < ELEMENTS(answer_cases); i++) {
		struct puppet p;
		struct world w;

		print_message("  %s\n", answer_cases[i].name);
		begin(&w, &p);
		puppet_answer_init(&p, &answer_cases[i].script);
		assert_int_equal(p.n_rx, 1);
		assert_int_equal(counters(&w).malformed, 1);
		/* The good one still wins. */
		p.nr.len = 32;
		puppet_answer_init(&p, &honest);
		assert_int_equal(p.n_rx, 2);
		puppet_open(&p);
		puppet_answer_auth(&p, &honest);
		assert_true(established(&w));
		finish(&w, &p);
	}
}

/* A key that gives no secret: retransmission goes on as if nothing came. */
static void test_bad_key_and_silence(void **state)
{
	const struct puppet_script bad = { .ke = zeros, .ke_len = 32 };
	struct puppet p;
	struct world w;

	(void)state;
	begin(&w, &p);
	for (unsigned i = 0; i < 10; i++)
		puppet_answer_init(&p, &bad);
	assert_int_equal(p.n_rx, 1);
	world_run(&w, w.now + 60000);
	assert_int_equal(p.n_rx, w.hosts[0].config.retransmit_sends);
	assert_int_equal(w.hosts[0].failed.reason, IKE_REASON_UNANSWERED);
	assert_true(world_empty(&w));
	finish(&w, &p);
}

static void test_no_responder_spi(void **state)
{
	const struct puppet_script s = { 0 };
	struct puppet p;
	struct world w;

	(void)state;
	begin(&w, &p);
	p.spi_r = 0;
	puppet_answer_init(&p, &s);
	assert_int_equal(p.n_rx, 1);
	assert_int_equal(counters(&w).malformed, 1);
	finish(&w, &p);
}

/* Answers that choose what was not offered. */
static const struct {
	const char *name;
	uint8_t sa[64];
	size_t len;
} downgrades[] = {
	{ "AES-CBC",
	  { 0, 0, 0, 36, 1, 1, 0, 3, 3, 0, 0, 12, 1, 0, 0, 12, 0x80, 14,
	    1, 0, 3, 0,	 0, 8, 2, 0, 0, 5, 0, 0,  0, 8, 4, 0,  0,    31 },
	  36 },
	{ "a short key",
	  { 0, 0,  0, 36, 1, 1, 0, 3, 3, 0, 0, 12, 1, 0, 0, 20, 0x80, 14,
	    0, 64, 3, 0,  0, 8, 2, 0, 0, 5, 0, 0,  0, 8, 4, 0,	0,    31 },
	  36 },
	{ "HMAC-SHA1",
	  { 0, 0, 0, 36, 1, 1, 0, 3, 3, 0, 0, 12, 1, 0, 0, 20, 0x80, 14,
	    1, 0, 3, 0,	 0, 8, 2, 0, 0, 2, 0, 0,  0, 8, 4, 0,  0,    31 },
	  36 },
	{ "no PRF",
	  { 0, 0,  0,	 28, 1, 1, 0, 2, 3, 0, 0, 12, 1, 0,
	    0, 20, 0x80, 14, 1, 0, 0, 0, 0, 8, 4, 0,  0, 31 },
	  28 },
	{ "two PRFs",
	  { 0,	0,    0,  44, 1, 1, 0, 4, 3, 0, 0, 12, 1, 0, 0,
	    20, 0x80, 14, 1,  0, 3, 0, 0, 8, 2, 0, 0,  5, 3, 0,
	    0,	8,    2,  0,  0, 6, 0, 0, 0, 8, 4, 0,  0, 31 },
	  44 },
	{ "INTEG NONE, unasked",
	  { 0,	0,    0,  44, 1, 1, 0, 4, 3, 0, 0, 12, 1, 0, 0,
	    20, 0x80, 14, 1,  0, 3, 0, 0, 8, 2, 0, 0,  5, 3, 0,
	    0,	8,    3,  0,  0, 0, 0, 0, 0, 8, 4, 0,  0, 31 },
	  44 },
	{ "proposal 2",
	  { 0, 0, 0, 36, 2, 1, 0, 3, 3, 0, 0, 12, 1, 0, 0, 20, 0x80, 14,
	    1, 0, 3, 0,	 0, 8, 2, 0, 0, 5, 0, 0,  0, 8, 4, 0,  0,    31 },
	  36 },
	{ "another group than the KE payload",
	  { 0, 0, 0, 36, 1, 1, 0, 3, 3, 0, 0, 12, 1, 0, 0, 20, 0x80, 14,
	    1, 0, 3, 0,	 0, 8, 2, 0, 0, 5, 0, 0,  0, 8, 4, 0,  0,    19 },
	  36 },
};

static void test_downgrade(void **state)
{
	(void)state;
	for (size_t i = 0; i < ELEMENTS(downgrades); i++) {
		struct puppet_script s = {
			.sa = downgrades[i].sa,
			.sa_len = downgrades[i].len,
		};
		struct puppet p;
		struct world w;

		print_message("  %s\n", downgrades[i].name);
		begin(&w, &p);
		puppet_answer_init(&p, &s);
		assert_int_equal(p.n_rx, 1);
		assert_int_equal(counters(&w).malformed, 1);
		complete(&p);
		assert_true(established(&w));
		finish(&w, &p);
	}
}

/* Who is not on the path knows neither SPI nor port. */
static void test_off_path(void **state)
{
	const struct puppet_script s = { 0 };
	struct endpoint other;
	struct puppet p;
	struct world w;
	struct host *h = &w.hosts[0];

	(void)state;
	begin(&w, &p);
	p.w->hosts[1].address.port = 501;
	puppet_answer_notify(&p, IKE_NOTIFY_NO_PROPOSAL_CHOSEN, NULL, 0);
	puppet_answer_init(&p, &s);
	assert_int_equal(p.n_rx, 1);
	p.w->hosts[1].address.port = 500;
	/* To another address of ours. */
	other = h->address;
	other.addr.bytes[3] = 77;
	ike_input(h->engine, w.now, &other, &w.hosts[1].address,
		  p.response.data, p.response.len);
	world_settle(&w);
	assert_int_equal(p.n_rx, 1);
	/* Under another SPI. */
	p.response.data[0] ^= 1;
	world_inject(&w, 0, p.response.data, p.response.len);
	assert_int_equal(counters(&w).unknown_spi, 1);
	assert_int_equal(p.n_rx, 1);
	p.response.data[0] ^= 1;
	world_run(&w, w.now + 1000);
	assert_int_equal(h->n_failed, 0);
	finish(&w, &p);
}

static void test_unanswered(void **state)
{
	struct puppet p;
	struct world w;

	(void)state;
	begin(&w, &p);
	world_run(&w, w.now + 60000);
	assert_int_equal(p.n_rx, w.hosts[0].config.retransmit_sends);
	assert_int_equal(w.hosts[0].n_failed, 1);
	assert_int_equal(w.hosts[0].failed.reason, IKE_REASON_UNANSWERED);
	assert_true(w.hosts[0].failed.initiator);
	assert_true(world_empty(&w));
	finish(&w, &p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_questions),
		cmocka_unit_test(test_off_curve),
		cmocka_unit_test(test_invalid_ke_names_our_group),
		cmocka_unit_test(test_admission),
		cmocka_unit_test(test_retransmitted_request),
		cmocka_unit_test(test_reflection),
		cmocka_unit_test(test_cookie),
		cmocka_unit_test(test_bad_cookies),
		cmocka_unit_test(test_endless_cookies),
		cmocka_unit_test(test_invalid_ke),
		cmocka_unit_test(test_invalid_ke_after_cookie),
		cmocka_unit_test(test_bad_invalid_ke),
		cmocka_unit_test(test_endless_invalid_ke),
		cmocka_unit_test(test_refusal_is_believed_late),
		cmocka_unit_test(test_better_answer_wins),
		cmocka_unit_test(test_unreachable),
		cmocka_unit_test(test_patient),
		cmocka_unit_test(test_bad_answers),
		cmocka_unit_test(test_bad_key_and_silence),
		cmocka_unit_test(test_no_responder_spi),
		cmocka_unit_test(test_downgrade),
		cmocka_unit_test(test_off_path),
		cmocka_unit_test(test_unanswered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
