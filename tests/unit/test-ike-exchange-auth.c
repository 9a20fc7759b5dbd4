/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ike-puppet.h"

#define P(type)	    IKE_PRESENT(IKE_PAYLOAD_##type)
#define ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))

static const struct addr elsewhere = {
	.family = AF_INET,
	.bytes = { 198, 51, 100, 7 },
};

static const struct addr six = {
	.family = AF_INET6,
	.bytes = { 0x20, 1, 0xd, 0xb8 },
};

/* One selector: type, protocol, length, ports, first, last. */
#define TS4(protocol, p0, p1, a, b, c, d, e, f, g, h)                          \
	7, protocol, 0, 16, (p0) >> 8, (p0)&255, (p1) >> 8, (p1)&255, a, b, c, \
		d, e, f, g, h

static const uint8_t ts_all[] = {
	1, 0, 0, 0, TS4(0, 0, 65535, 0, 0, 0, 0, 255, 255, 255, 255)
};
static const uint8_t ts_two[] = { 2,
				  0,
				  0,
				  0,
				  TS4(6, 80, 80, 192, 0, 2, 2, 192, 0, 2, 2),
				  TS4(0, 0, 65535, 192, 0, 2, 2, 192, 0, 2,
				      2) };
static const uint8_t ts_tcp[] = {
	1, 0, 0, 0, TS4(6, 0, 65535, 192, 0, 2, 2, 192, 0, 2, 2)
};
static const uint8_t ts_ports[] = {
	1, 0, 0, 0, TS4(0, 0, 1023, 192, 0, 2, 2, 192, 0, 2, 2)
};
static const uint8_t ts_none[] = { 0, 0, 0, 0 };
static const uint8_t ts_fewer[] = {
	2, 0, 0, 0, TS4(0, 0, 65535, 192, 0, 2, 2, 192, 0, 2, 2)
};
static const uint8_t ts_more[] = {
	1, 0, 0, 0, TS4(0, 0, 65535, 192, 0, 2, 2, 192, 0, 2, 2), 0
};
static const uint8_t ts_turned[] = {
	1, 0, 0, 0, TS4(0, 0, 65535, 192, 0, 2, 3, 192, 0, 2, 2)
};
static const uint8_t ts_short[] = { 1,	 0,   0,   0, 7, 0, 0,	 15, 0, 0,
				    255, 255, 192, 0, 2, 2, 192, 0,  2 };
static const uint8_t ts_family[] = { 1,	  0,   0,   0, 8, 0, 0,	  16, 0, 0,
				     255, 255, 192, 0, 2, 2, 192, 0,  2, 2 };
static const uint8_t zeros[64];

/* ENCR AES-GCM-16-256, ESN both; then something beside them. */
static const uint8_t esp_dh[] = { 0, 0, 0, 48, 1, 3, 4, 4,  1,	  2,  3, 4,
				  3, 0, 0, 12, 1, 0, 0, 20, 0x80, 14, 1, 0,
				  3, 0, 0, 8,  5, 0, 0, 1,  3,	  0,  0, 8,
				  5, 0, 0, 0,  0, 0, 0, 8,  4,	  0,  0, 31 };
static const uint8_t esp_cbc[] = { 0,	 0,    0, 40, 1, 3,  4, 3, 0, 0xc0,
				   0xff, 0xee, 3, 0,  0, 12, 1, 0, 0, 12,
				   0x80, 14,   1, 0,  3, 0,  0, 8, 3, 0,
				   0,	 12,   0, 0,  0, 8,  5, 0, 0, 1 };
static const uint8_t esp_cbc_alone[] = { 0, 0, 0, 32, 1,  3, 4, 2, 1,  2,    3,
					 4, 3, 0, 0,  12, 1, 0, 0, 12, 0x80, 14,
					 1, 0, 0, 0,  0,  8, 5, 0, 0,  0 };
static const uint8_t esp_spi_zero[] = { 0, 0, 0, 32, 1,	 3, 4, 2, 0,  0,    0,
					0, 3, 0, 0,  12, 1, 0, 0, 20, 0x80, 14,
					1, 0, 0, 0,  0,	 8, 5, 0, 0,  1 };

static struct ike_counters counters(const struct world *w)
{
	struct ike_counters c;

	ike_engine_count(w->hosts[0].engine, &c);
	return c;
}

/* --- as responder -------------------------------------------------------------- */

#define UP 0

struct request_case {
	const char *name;
	struct puppet_script script;
	int expect; /* UP, or the notify that comes back */
	enum ike_reason reason;
};

#define SYNTAX IKE_NOTIFY_INVALID_SYNTAX, IKE_REASON_PROTOCOL
#define FAILED IKE_NOTIFY_AUTHENTICATION_FAILED, IKE_REASON_AUTH
#define NO_TS  IKE_NOTIFY_TS_UNACCEPTABLE, IKE_REASON_MODE
#define NO_SA  IKE_NOTIFY_NO_PROPOSAL_CHOSEN, IKE_REASON_MODE

static const struct request_case request_cases[] = {
	{ "honest", { 0 }, UP, 0 },
	{ "initial contact", { .initial_contact = true }, UP, 0 },
	{ "reordered", { .reverse = true }, UP, 0 },
	{ "no IDr", { .omit = P(IDR) }, UP, 0 },
	{ "no IDi", { .omit = P(IDI) }, SYNTAX },
	{ "no SA", { .omit = P(SA) }, SYNTAX },
	{ "no TSi", { .omit = P(TSI) }, SYNTAX },
	{ "no TSr", { .omit = P(TSR) }, SYNTAX },
	{ "no AUTH: EAP", { .omit = P(AUTH) }, FAILED },
	{ "two IDi", { .twice = P(IDI) }, SYNTAX },
	{ "two AUTH", { .twice = P(AUTH) }, SYNTAX },
	{ "two SA", { .twice = P(SA) }, SYNTAX },
	{ "two TSi", { .twice = P(TSI) }, SYNTAX },
	{ "wrong AUTH", { .bad_auth = true }, FAILED },
	{ "AUTH by a shared key", { .method = 2 }, FAILED },
	{ "AUTH of no method", { .method = 255 }, FAILED },
	{ "IDi is an address", { .id_type = IKE_ID_IPV4 }, FAILED },
	{ "IDi is ID_NULL with data", { .id_type = IKE_ID_NULL }, SYNTAX },
	/* We are nobody; the peer may do without. */
	{ "IDr is an address", { .idr_type = IKE_ID_IPV4 }, UP, 0 },
	{ "an address with a signature",
	  { .id_type = IKE_ID_IPV4, .method = 14 },
	  FAILED },
	{ "ID_NULL with a signature", { .method = 14 }, FAILED },
	{ "tunnel mode", { .no_transport = true }, NO_SA },
	{ "everything", { .ts = ts_all, .ts_len = sizeof(ts_all) }, UP, 0 },
	{ "two selectors", { .ts = ts_two, .ts_len = sizeof(ts_two) }, UP, 0 },
	{ "only TCP", { .ts = ts_tcp, .ts_len = sizeof(ts_tcp) }, NO_TS },
	{ "only ports", { .ts = ts_ports, .ts_len = sizeof(ts_ports) }, NO_TS },
	{ "another's address", { .tsi = &elsewhere }, NO_TS },
	{ "not our address", { .tsr = &elsewhere }, NO_TS },
	{ "IPv6 on IPv4", { .tsi = &six }, NO_TS },
	{ "no selector", { .ts = ts_none, .ts_len = sizeof(ts_none) }, SYNTAX },
	{ "fewer selectors than said",
	  { .ts = ts_fewer, .ts_len = sizeof(ts_fewer) },
	  SYNTAX },
	{ "more than selectors",
	  { .ts = ts_more, .ts_len = sizeof(ts_more) },
	  SYNTAX },
	{ "start after end",
	  { .ts = ts_turned, .ts_len = sizeof(ts_turned) },
	  SYNTAX },
	{ "short selector",
	  { .ts = ts_short, .ts_len = sizeof(ts_short) },
	  SYNTAX },
	{ "IPv6 selector of an IPv4 length",
	  { .ts = ts_family, .ts_len = sizeof(ts_family) },
	  SYNTAX },
	{ "empty TS", { .ts = zeros, .ts_len = 0 }, SYNTAX },
	{ "group in the child",
	  { .sa = esp_dh, .sa_len = sizeof(esp_dh) },
	  NO_SA },
	{ "AES-CBC", { .sa = esp_cbc, .sa_len = sizeof(esp_cbc) }, UP, 0 },
	{ "AES-CBC without integrity",
	  { .sa = esp_cbc_alone, .sa_len = sizeof(esp_cbc_alone) },
	  NO_SA },
	{ "SPI zero",
	  { .sa = esp_spi_zero, .sa_len = sizeof(esp_spi_zero) },
	  NO_SA },
	{ "SA of zeros", { .sa = zeros, .sa_len = 20 }, SYNTAX },
	{ "unknown payload", { .unknown = 200 }, UP, 0 },
	{ "unknown critical payload",
	  { .unknown = 200, .critical = true },
	  IKE_NOTIFY_UNSUPPORTED_CRITICAL_PAYLOAD,
	  IKE_REASON_PROTOCOL },
	{ "EAP beside AUTH", { .unknown = IKE_PAYLOAD_EAP }, UP, 0 },
	{ "SK inside SK", { .unknown = IKE_PAYLOAD_SK }, SYNTAX },
	{ "private notify of libreswan",
	  { .notify = 40960, .data = zeros, .data_len = 32 },
	  UP,
	  0 },
};

static void check_refused(struct world *w, struct puppet *p,
			  const struct request_case *c)
{
	struct host *h = &w->hosts[0];

	assert_int_equal(puppet_error(p), c->expect);
	assert_int_equal(h->n_children, 0);
	assert_int_equal(h->n_failed, 1);
	assert_int_equal(h->failed.reason, c->reason);
	assert_false(h->failed.initiator);
	/* It counts as long as it is there to say so again. */
	assert_int_equal(counters(w).half_open, 1);
	assert_int_equal(counters(w).auth_failed, c->reason == IKE_REASON_AUTH);
	/* Authenticated but without a child: ID and AUTH say so. */
	assert_int_equal(!!(p->m.present & P(AUTH)),
			 c->reason == IKE_REASON_MODE);
}

static void check_granted(struct world *w, struct puppet *p)
{
	struct child *c = host_child(&w->hosts[0]);
	struct ike_selectors ts;

	assert_non_null(c);
	assert_int_equal(puppet_error(p), 0);
	assert_false(c->up.initiator);
	puppet_check_child(p, c);
	assert_int_equal(c->up.in.esn, 1);
	assert_true(c->up.in.spi >= ESP_SPI_MIN);
	assert_int_equal(c->up.peer.method, IKE_AUTH_NULL);
	/* Whatever was offered: the two addresses and nothing else. */
	assert_int_equal(ike_selectors_parse(
				 ike_message_find(&p->m, IKE_PAYLOAD_TSI), &ts),
			 0);
	assert_true(ike_selectors_are(&ts, &w->hosts[1].address.addr));
	assert_int_equal(ike_selectors_parse(
				 ike_message_find(&p->m, IKE_PAYLOAD_TSR), &ts),
			 0);
	assert_true(ike_selectors_are(&ts, &w->hosts[0].address.addr));
}

static void run_request(const struct request_case *c)
{
	const struct puppet_script honest = { 0 };
	uint8_t first[LIMIT_IKE_MESSAGE];
	struct puppet p;
	struct world w;
	size_t len;

	print_message("  %s\n", c->name);
	world_init(&w, 3, NULL);
	puppet_init(&p, &w, true, IKE_KE_X25519);
	puppet_send_init(&p, &honest);
	puppet_take_init(&p);
	puppet_send_auth(&p, &c->script);
	assert_int_equal(p.n_rx, 2);
	puppet_open(&p);
	if (c->expect == UP)
		check_granted(&w, &p);
	else
		check_refused(&w, &p, c);
	/* Asked again, the same bytes; whatever else it says now. */
	len = p.rx_len;
	memcpy(first, p.rx, len);
	p.next_id = 1;
	p.n_rx = 0;
	puppet_send_auth(&p, &honest);
	assert_int_equal(p.n_rx, 1);
	assert_int_equal(p.rx_len, len);
	assert_memory_equal(p.rx, first, len);
	if (c->expect != UP) {
		world_run(&w, w.now + 60000);
		assert_true(world_empty(&w));
		assert_int_equal(w.hosts[0].n_failed, 1);
	}
	puppet_done(&p);
	world_done(&w);
}

static void test_requests(void **state)
{
	(void)state;
	for (size_t i = 0; i < ELEMENTS(request_cases); i++)
		run_request(&request_cases[i]);
}

/* Without the keys, nothing happens to the half-open SA. */
static void test_integrity(void **state)
{
	const struct puppet_script s = { 0 };
	struct puppet p;
	struct world w;

	(void)state;
	world_init(&w, 3, NULL);
	puppet_init(&p, &w, true, IKE_KE_X25519);
	puppet_send_init(&p, &s);
	puppet_take_init(&p);
	p.keys.ei.data[0] ^= 1;
	puppet_send_auth(&p, &s);
	assert_int_equal(p.n_rx, 1);
	assert_int_equal(counters(&w).integrity_failed, 1);
	assert_int_equal(counters(&w).half_open, 1);
	p.keys.ei.data[0] ^= 1;
	p.next_id = 1;
	puppet_send_auth(&p, &s);
	assert_non_null(host_child(&w.hosts[0]));
	puppet_done(&p);
	world_done(&w);
}

static void test_refused_child_is_deleted(void **state)
{
	const struct puppet_script honest = { 0 };
	const struct puppet_script tunnel = { .no_transport = true };
	struct puppet p;
	struct world w;

	(void)state;
	world_init(&w, 3, NULL);
	puppet_init(&p, &w, true, IKE_KE_X25519);
	puppet_send_init(&p, &honest);
	puppet_take_init(&p);
	puppet_send_auth(&p, &tunnel);
	p.n_rx = 0;
	world_run(&w, w.now + w.hosts[0].config.redundant_ms + 100);
	assert_true(p.n_rx > 0);
	puppet_open(&p);
	assert_int_equal(p.m.header.exchange, IKE_EXCHANGE_INFORMATIONAL);
	assert_true(p.m.present & P(DELETE));
	puppet_done(&p);
	world_done(&w);
}

/* --- as initiator ----------------------------------------------------------------- */

struct response_case {
	const char *name;
	struct puppet_script script;
	enum ike_reason reason; /* NONE: up */
	uint16_t notify;
	bool deleted; /* we say so to the peer */
};

#define MODE	 IKE_REASON_MODE, 0, true
#define PROTOCOL IKE_REASON_PROTOCOL, 0, true

static const struct response_case response_cases[] = {
	{ "honest", { 0 }, 0, 0, false },
	{ "reordered", { .reverse = true }, 0, 0, false },
	{ "tunnel mode", { .no_transport = true }, MODE },
	{ "an error beside it",
	  { .notify = IKE_NOTIFY_TS_UNACCEPTABLE },
	  IKE_REASON_MODE,
	  IKE_NOTIFY_TS_UNACCEPTABLE,
	  true },
	{ "an unknown error beside it",
	  { .notify = 8191 },
	  IKE_REASON_MODE,
	  8191,
	  true },
	{ "everything", { .ts = ts_all, .ts_len = sizeof(ts_all) }, MODE },
	{ "two selectors", { .ts = ts_two, .ts_len = sizeof(ts_two) }, MODE },
	{ "only TCP", { .ts = ts_tcp, .ts_len = sizeof(ts_tcp) }, MODE },
	{ "another's address", { .tsr = &elsewhere }, MODE },
	{ "not our address", { .tsi = &elsewhere }, MODE },
	{ "both ESN values", { .sa = esp_dh, .sa_len = sizeof(esp_dh) }, MODE },
	{ "AES-CBC", { .sa = esp_cbc, .sa_len = sizeof(esp_cbc) }, MODE },
	{ "SPI zero",
	  { .sa = esp_spi_zero, .sa_len = sizeof(esp_spi_zero) },
	  MODE },
	{ "SA of zeros", { .sa = zeros, .sa_len = 20 }, PROTOCOL },
	{ "no selector",
	  { .ts = ts_none, .ts_len = sizeof(ts_none) },
	  PROTOCOL },
	{ "no IDr", { .omit = P(IDR) }, PROTOCOL },
	{ "no AUTH", { .omit = P(AUTH) }, PROTOCOL },
	{ "no SA", { .omit = P(SA) }, PROTOCOL },
	{ "no TSi", { .omit = P(TSI) }, PROTOCOL },
	{ "no child and no reason",
	  { .omit = P(SA) | P(TSI) | P(TSR) },
	  PROTOCOL },
	{ "two AUTH", { .twice = P(AUTH) }, PROTOCOL },
	{ "unknown critical payload",
	  { .unknown = 99, .critical = true },
	  PROTOCOL },
	{ "wrong AUTH",
	  { .bad_auth = true },
	  IKE_REASON_AUTH,
	  IKE_NOTIFY_AUTHENTICATION_FAILED,
	  true },
	{ "IDr is an address",
	  { .id_type = IKE_ID_IPV4 },
	  IKE_REASON_AUTH,
	  IKE_NOTIFY_AUTHENTICATION_FAILED,
	  true },
	{ "ID_NULL with a signature",
	  { .method = 14 },
	  IKE_REASON_AUTH,
	  IKE_NOTIFY_AUTHENTICATION_FAILED,
	  true },
	{ "child refused",
	  { .omit = P(SA) | P(TSI) | P(TSR),
	    .notify = IKE_NOTIFY_TS_UNACCEPTABLE },
	  IKE_REASON_MODE,
	  IKE_NOTIFY_TS_UNACCEPTABLE,
	  true },
	{ "authentication failed",
	  { .omit = P(IDR) | P(AUTH) | P(SA) | P(TSI) | P(TSR),
	    .notify = IKE_NOTIFY_AUTHENTICATION_FAILED },
	  IKE_REASON_AUTH,
	  IKE_NOTIFY_AUTHENTICATION_FAILED,
	  false },
	{ "configuration wanted",
	  { .omit = P(IDR) | P(AUTH) | P(SA) | P(TSI) | P(TSR),
	    .notify = IKE_NOTIFY_FAILED_CP_REQUIRED },
	  IKE_REASON_MODE,
	  IKE_NOTIFY_FAILED_CP_REQUIRED,
	  false },
	{ "a refusal that we do not know",
	  { .omit = P(IDR) | P(AUTH) | P(SA) | P(TSI) | P(TSR),
	    .notify = 8191 },
	  IKE_REASON_REFUSED,
	  8191,
	  false },
	{ "a status that we do not know", { .notify = 16999 }, 0, 0, false },
};

static void check_failed(struct world *w, struct puppet *p,
			 const struct response_case *c)
{
	struct host *h = &w->hosts[0];

	assert_int_equal(h->n_children, 0);
	assert_int_equal(h->n_failed, 1);
	assert_int_equal(h->failed.reason, c->reason);
	assert_int_equal(h->failed.notify, c->notify);
	assert_true(h->failed.initiator);
	assert_int_equal(p->n_rx, c->deleted ? 3 : 2);
	if (c->deleted) {
		puppet_open(p);
		assert_true(p->m.present & P(DELETE));
		assert_int_equal(puppet_error(p),
				 c->reason == IKE_REASON_AUTH ? c->notify : 0);
	}
	world_run(w, w->now + 60000);
	assert_true(world_empty(w));
	assert_int_equal(h->n_failed, 1);
}

static void run_response(const struct response_case *c)
{
	const struct puppet_script honest = { 0 };
	struct puppet p;
	struct world w;
	struct child *child;

	print_message("  %s\n", c->name);
	world_init(&w, 4, NULL);
	puppet_init(&p, &w, false, IKE_KE_X25519);
	world_initiate(&w, 0);
	puppet_answer_init(&p, &honest);
	puppet_open(&p);
	puppet_answer_auth(&p, &c->script);
	child = host_child(&w.hosts[0]);
	if (c->reason) {
		check_failed(&w, &p, c);
	} else {
		assert_non_null(child);
		assert_true(child->up.initiator);
		puppet_check_child(&p, child);
		assert_int_equal(child->up.in.cipher, ESP_AES_GCM_16_128);
		assert_int_equal(child->up.in.key_len, 20);
		assert_int_equal(w.hosts[0].n_failed, 0);
	}
	puppet_done(&p);
	world_done(&w);
}

static void test_responses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ELEMENTS(response_cases); i++)
		run_response(&response_cases[i]);
}

/* RFC 7619, RFC 7296 1.2: what our request has. */
static void test_our_request(void **state)
{
	struct ike_offer offer = puppet_offer(IKE_OFFER_AUTH);
	const struct puppet_script honest = { 0 };
	struct ike_selectors tsi, tsr;
	const struct ike_message *m;
	struct ike_choice choice;
	unsigned transport = 0, initial = 0;
	struct ike_notify n;
	struct puppet p;
	struct world w;
	struct ike_id id;

	(void)state;
	world_init(&w, 4, NULL);
	puppet_init(&p, &w, false, IKE_KE_X25519);
	world_initiate(&w, 0);
	puppet_answer_init(&p, &honest);
	m = puppet_open(&p);
	assert_int_equal(
		ike_id_parse(ike_message_find(m, IKE_PAYLOAD_IDI), &id), 0);
	assert_int_equal(id.type, IKE_ID_NULL);
	assert_int_equal(
		ike_id_parse(ike_message_find(m, IKE_PAYLOAD_IDR), &id), 0);
	assert_int_equal(id.type, IKE_ID_NULL);
	for (size_t i = 0; i < m->n; i++) {
		if (m->payloads[i].type != IKE_PAYLOAD_NOTIFY)
			continue;
		assert_int_equal(ike_notify_parse(&m->payloads[i], &n), 0);
		transport += n.type == IKE_NOTIFY_USE_TRANSPORT_MODE;
		initial += n.type == IKE_NOTIFY_INITIAL_CONTACT;
	}
	assert_int_equal(transport, 1);
	assert_int_equal(initial, 1);
	assert_int_equal(
		ike_proposal_choose(ike_message_find(m, IKE_PAYLOAD_SA), &offer,
				    0, &choice),
		0);
	assert_true(choice.spi >= ESP_SPI_MIN);
	assert_int_equal(
		ike_selectors_parse(ike_message_find(m, IKE_PAYLOAD_TSI), &tsi),
		0);
	assert_int_equal(
		ike_selectors_parse(ike_message_find(m, IKE_PAYLOAD_TSR), &tsr),
		0);
	assert_true(ike_selectors_are(&tsi, &w.hosts[0].address.addr));
	assert_true(ike_selectors_are(&tsr, &w.hosts[1].address.addr));
	puppet_done(&p);
	world_done(&w);
}

/* The peer initiates too, and we have answered it before our IKE_AUTH goes:
 * INITIAL_CONTACT would make it drop its attempt. */
static void test_crossed(void **state)
{
	const struct puppet_script honest = { 0 };
	const struct ike_message *m;
	unsigned initial = 0;
	struct puppet p, q;
	struct world w;

	(void)state;
	world_init(&w, 4, NULL);
	puppet_init(&p, &w, false, IKE_KE_X25519);
	world_initiate(&w, 0);
	puppet_init(&q, &w, true, IKE_KE_X25519);
	puppet_send_init(&q, &honest);
	assert_int_equal(q.n_rx, 1);
	puppet_answer_init(&p, &honest);
	assert_int_equal(q.n_rx, 2);
	memcpy(p.rx, q.rx, q.rx_len);
	p.rx_len = q.rx_len;
	m = puppet_open(&p);
	assert_true(m->present & P(AUTH));
	for (size_t i = 0; i < m->n; i++) {
		struct ike_notify n;

		if (m->payloads[i].type != IKE_PAYLOAD_NOTIFY)
			continue;
		assert_int_equal(ike_notify_parse(&m->payloads[i], &n), 0);
		initial += n.type == IKE_NOTIFY_INITIAL_CONTACT;
	}
	assert_int_equal(initial, 0);
	puppet_done(&q);
	puppet_done(&p);
	world_done(&w);
}

/* Closed while IKE_AUTH is under way: deleted when the answer comes. */
static void test_closed_meanwhile(void **state)
{
	const struct puppet_script honest = { 0 };
	struct handle sa;
	struct puppet p;
	struct world w;

	(void)state;
	world_init(&w, 4, NULL);
	puppet_init(&p, &w, false, IKE_KE_X25519);
	sa = world_initiate(&w, 0);
	puppet_answer_init(&p, &honest);
	puppet_open(&p);
	ike_close(w.hosts[0].engine, w.now, sa);
	world_settle(&w);
	assert_int_equal(w.hosts[0].n_failed, 1);
	assert_int_equal(w.hosts[0].failed.reason, IKE_REASON_CLOSED);
	assert_int_equal(p.n_rx, 2);
	puppet_answer_auth(&p, &honest);
	assert_int_equal(p.n_rx, 3);
	puppet_open(&p);
	assert_true(p.m.present & P(DELETE));
	assert_int_equal(w.hosts[0].n_children, 0);
	puppet_send_raw(&p, IKE_EXCHANGE_INFORMATIONAL, true, 2, 0, "", 0);
	assert_true(world_empty(&w));
	puppet_done(&p);
	world_done(&w);
}

static void test_ipv6(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 4, NULL);
	for (unsigned i = 0; i < 2; i++) {
		struct addr *a = &w.hosts[i].address.addr;

		a->family = AF_INET6;
		memset(a->bytes, 0, sizeof(a->bytes));
		a->bytes[0] = 0xfe;
		a->bytes[1] = 0x80;
		a->bytes[15] = (uint8_t)(i + 1);
		a->scope = 3;
	}
	world_initiate(&w, 0);
	world_run(&w, w.now + 100);
	assert_true(world_agree(&w));
	assert_int_equal(host_child(&w.hosts[0])->up.remote.scope, 3);
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_integrity),
		cmocka_unit_test(test_refused_child_is_deleted),
		cmocka_unit_test(test_responses),
		cmocka_unit_test(test_our_request),
		cmocka_unit_test(test_crossed),
		cmocka_unit_test(test_closed_meanwhile),
		cmocka_unit_test(test_ipv6),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
