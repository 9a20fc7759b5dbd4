/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A puppet that says who it is, and lies: as initiator and as responder. What
 * is expected is the outcome, and why.
 */
#include "ike/proof.h"

#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ike-puppet.h"
#include "tests/unit/ike-vectors.h"

#define ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))
#define P(type)	    IKE_PRESENT(IKE_PAYLOAD_##type)

static const uint8_t secret[] = "a secret of the two";

static struct ike_view view(const struct vector *v)
{
	return (struct ike_view){ v->data, v->len };
}

static struct ike_identity identity(const char *text)
{
	struct ike_identity id;

	assert_int_equal(ike_identity_parse(text, &id), 0);
	return id;
}

/* What host 0 knows of the puppet: this identity and these keys. */
struct knowledge {
	const char *id; /* NULL: any */
	const char *keys[2];
	bool accept_null, shared;
	bool given; /* a secret of ours, that is no proof of the peer's */
};

struct lie {
	const char *name;
	struct knowledge knows;
	const char *id;	      /* what the puppet says it is */
	const char *key;      /* by what it signs, */
	enum ike_signature s; /* and how */
	const char *raw_key;  /* what it shows */
	struct puppet_script script;
	enum ike_auth_method expect; /* NONE: refused, */
	const char *why;	     /* for this */
};

#define ED IKE_SIGNATURE_ED25519
#define KNOWS(id, ...)                                   \
	{                                                \
		id, { __VA_ARGS__ }, false, false, false \
	}
#define KNOWS_NULL(id, ...)                             \
	{                                               \
		id, { __VA_ARGS__ }, true, false, false \
	}

static const uint8_t zeros[300];

static const struct lie lies[] = {
	{ "the truth",
	  KNOWS("@p.example", "ed25519"),
	  "@p.example",
	  "ed25519",
	  ED,
	  NULL,
	  { .hashes = true },
	  IKE_AUTH_SIGNATURE,
	  NULL },
	{ "the truth, any identity",
	  KNOWS(NULL, "ed25519"),
	  "@q.example",
	  "ed25519",
	  ED,
	  NULL,
	  { .hashes = true },
	  IKE_AUTH_SIGNATURE,
	  NULL },
	{ "the second key",
	  KNOWS("@p.example", "p256", "ed25519"),
	  "@p.example",
	  "ed25519",
	  ED,
	  NULL,
	  { .hashes = true },
	  IKE_AUTH_SIGNATURE,
	  NULL },
	{ "the second of a kind",
	  KNOWS("@p.example", "ed25519b", "ed25519"),
	  "@p.example",
	  "ed25519",
	  ED,
	  NULL,
	  { .hashes = true },
	  IKE_AUTH_SIGNATURE,
	  NULL },
	{ "the key shown too",
	  KNOWS("@p.example", "ed25519b", "ed25519"),
	  "@p.example",
	  "ed25519",
	  ED,
	  "ed25519",
	  { .hashes = true },
	  IKE_AUTH_SIGNATURE,
	  NULL },
	{ "RFC 4754, hashes or not",
	  KNOWS("@p.example", "p256"),
	  "@p.example",
	  "p256",
	  IKE_SIGNATURE_ECDSA_P256,
	  NULL,
	  { 0 },
	  IKE_AUTH_ECDSA_256,
	  NULL },
	{ "RFC 4754 by P-384",
	  KNOWS("@p.example", "p384"),
	  "@p.example",
	  "p384",
	  IKE_SIGNATURE_ECDSA_P384,
	  NULL,
	  { 0 },
	  IKE_AUTH_ECDSA_384,
	  NULL },
	{ "PKCS #1 v1.5",
	  KNOWS("@p.example", "rsa2048"),
	  "@p.example",
	  "rsa2048",
	  IKE_SIGNATURE_RSA_PKCS1_SHA2_512,
	  NULL,
	  { .hashes = true },
	  IKE_AUTH_SIGNATURE,
	  NULL },
	{ "another key",
	  KNOWS("@p.example", "ed25519"),
	  "@p.example",
	  "ed25519b",
	  ED,
	  NULL,
	  { .hashes = true },
	  0,
	  "its signature does not verify" },
	{ "another key, and shown",
	  KNOWS("@p.example", "ed25519"),
	  "@p.example",
	  "ed25519b",
	  ED,
	  "ed25519b",
	  { .hashes = true },
	  0,
	  "no key is known that could have signed so" },
	{ "another key, the right one shown",
	  KNOWS("@p.example", "ed25519"),
	  "@p.example",
	  "ed25519b",
	  ED,
	  "ed25519",
	  { .hashes = true },
	  0,
	  "its signature does not verify" },
	{ "another key of another kind",
	  KNOWS("@p.example", "ed25519"),
	  "@p.example",
	  "p256",
	  IKE_SIGNATURE_ECDSA_SHA2_256,
	  NULL,
	  { .hashes = true },
	  0,
	  "no key is known that could have signed so" },
	{ "another key, and NULL would do",
	  KNOWS_NULL("@p.example", "ed25519"),
	  "@p.example",
	  "ed25519b",
	  ED,
	  NULL,
	  { .hashes = true, .null_auth = true },
	  0,
	  "its signature does not verify" },
	/* CVE-2020-16088 */
	{ "the right key of somebody else",
	  KNOWS("@p.example", "ed25519"),
	  "@q.example",
	  "ed25519",
	  ED,
	  NULL,
	  { .hashes = true },
	  0,
	  "it is somebody else" },
	{ "the name in another case",
	  KNOWS("@p.example", "ed25519"),
	  "@P.example",
	  "ed25519",
	  ED,
	  NULL,
	  { .hashes = true },
	  IKE_AUTH_SIGNATURE,
	  NULL },
	{ "the name as another type",
	  KNOWS("@p.example", "ed25519"),
	  "keyid:702e6578616d706c65",
	  "ed25519",
	  ED,
	  NULL,
	  { .hashes = true },
	  0,
	  "it is somebody else" },
	{ "ID_NULL with a signature",
	  KNOWS(NULL, "ed25519"),
	  NULL,
	  "ed25519",
	  ED,
	  NULL,
	  { .hashes = true },
	  0,
	  "it is somebody else" },
	{ "one bit wrong",
	  KNOWS("@p.example", "ed25519"),
	  "@p.example",
	  "ed25519",
	  ED,
	  NULL,
	  { .hashes = true, .bad_auth = true },
	  0,
	  "its signature does not verify" },
	{ "a hash nobody announced",
	  KNOWS("@p.example", "ed25519"),
	  "@p.example",
	  "ed25519",
	  ED,
	  NULL,
	  { 0 },
	  0,
	  "a hash that was not announced" },
	{ "no AlgorithmIdentifier",
	  KNOWS("@p.example", "ed25519"),
	  "@p.example",
	  NULL,
	  0,
	  NULL,
	  { .hashes = true, .method = 14, .auth = { zeros, 65 } },
	  0,
	  "a malformed signature" },
	{ "an AlgorithmIdentifier and nothing else",
	  KNOWS("@p.example", "ed25519"),
	  "@p.example",
	  NULL,
	  0,
	  NULL,
	  { .hashes = true,
	    .method = 14,
	    .auth = { (const uint8_t *)"\x07\x30\x05\x06\x03\x2b\x65\x70",
		      8 } },
	  0,
	  "a malformed signature" },
	{ "longer than there is",
	  KNOWS("@p.example", "ed25519"),
	  "@p.example",
	  NULL,
	  0,
	  NULL,
	  { .hashes = true,
	    .method = 14,
	    .auth = { (const uint8_t *)"\xff\x30\x05\x06", 4 } },
	  0,
	  "a malformed signature" },
	{ "SHA-1 with RSA by RFC 7427",
	  KNOWS("@p.example", "rsa2048"),
	  "@p.example",
	  NULL,
	  0,
	  NULL,
	  { .hashes = true,
	    .method = 14,
	    .auth = { (const uint8_t
			       *)"\x0f\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d"
				 "\x01\x01\x05\x05\x00"
				 "signature",
		      25 } },
	  0,
	  "a signature algorithm that is not taken" },
	{ "RSA with SHA-1, method 1",
	  KNOWS("@p.example", "rsa2048"),
	  "@p.example",
	  NULL,
	  0,
	  NULL,
	  { .method = 1, .auth = { zeros, 256 } },
	  0,
	  "a signature with SHA-1" },
	{ "DSS",
	  KNOWS("@p.example", "rsa2048"),
	  "@p.example",
	  NULL,
	  0,
	  NULL,
	  { .method = 3, .auth = { zeros, 40 } },
	  0,
	  "an authentication method that is not taken" },
	{ "method 12",
	  KNOWS("@p.example", "p256"),
	  "@p.example",
	  NULL,
	  0,
	  NULL,
	  { .method = 12, .auth = { zeros, 40 } },
	  0,
	  "an authentication method that is not taken" },
	{ "zeros for r and s",
	  KNOWS("@p.example", "p256"),
	  "@p.example",
	  NULL,
	  0,
	  NULL,
	  { .method = 9, .auth = { zeros, 64 } },
	  0,
	  "its signature does not verify" },
	{ "r and s too long",
	  KNOWS("@p.example", "p256"),
	  "@p.example",
	  NULL,
	  0,
	  NULL,
	  { .method = 9, .auth = { zeros, 66 } },
	  0,
	  "its signature does not verify" },
	{ "method 10 by a P-256 key",
	  KNOWS("@p.example", "p256"),
	  "@p.example",
	  NULL,
	  0,
	  NULL,
	  { .method = 10, .auth = { zeros, 96 } },
	  0,
	  "no key is known that could have signed so" },
	{ "a key that nobody may have",
	  KNOWS("@p.example", "rsa1024"),
	  "@p.example",
	  NULL,
	  0,
	  NULL,
	  { .hashes = true,
	    .method = 14,
	    .auth = { (const uint8_t
			       *)"\x0f\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d"
				 "\x01\x01\x0b\x05\x00"
				 "signature",
		      25 } },
	  0,
	  "no key is known that could have signed so" },
	/* NULL */
	{ "nobody, where somebody is wanted",
	  KNOWS("@p.example", "ed25519"),
	  NULL,
	  NULL,
	  0,
	  NULL,
	  { .hashes = true },
	  0,
	  "policy requires authentication" },
	{ "nobody, where nobody will do",
	  KNOWS_NULL("@p.example", "ed25519"),
	  NULL,
	  NULL,
	  0,
	  NULL,
	  { .hashes = true },
	  IKE_AUTH_NULL,
	  NULL },
	{ "a name with NULL",
	  KNOWS_NULL("@p.example", "ed25519"),
	  "@p.example",
	  NULL,
	  0,
	  NULL,
	  { .hashes = true },
	  0,
	  "an identity with NULL authentication" },
	{ "an unknown key, and NULL would do",
	  KNOWS_NULL(NULL, NULL),
	  "@p.example",
	  "ed25519",
	  ED,
	  NULL,
	  { .hashes = true, .null_auth = true },
	  IKE_AUTH_NULL,
	  NULL },
	{ "an unknown key and a wrong NULL",
	  KNOWS_NULL(NULL, NULL),
	  "@p.example",
	  "ed25519",
	  ED,
	  NULL,
	  { .hashes = true, .null_auth = true, .bad_auth = true },
	  0,
	  "its NULL AUTH does not verify" },
	{ "an unknown key, without NULL",
	  KNOWS_NULL(NULL, NULL),
	  "@p.example",
	  "ed25519",
	  ED,
	  NULL,
	  { .hashes = true },
	  0,
	  "no key is known that could have signed so" },
	/* Shared keys */
	{ "the secret",
	  { "@p.example", { NULL }, false, true, false },
	  "@p.example",
	  NULL,
	  0,
	  NULL,
	  { .shared = { secret, sizeof(secret) } },
	  IKE_AUTH_SHARED,
	  NULL },
	{ "another secret",
	  { "@p.example", { NULL }, false, true, false },
	  "@p.example",
	  NULL,
	  0,
	  NULL,
	  { .shared = { secret + 1, sizeof(secret) - 1 } },
	  0,
	  "another shared key" },
	{ "the secret of somebody else",
	  { "@p.example", { NULL }, false, true, false },
	  "@q.example",
	  NULL,
	  0,
	  NULL,
	  { .shared = { secret, sizeof(secret) } },
	  0,
	  "it is somebody else" },
	{ "the secret of nobody",
	  { NULL, { NULL }, false, true, false },
	  NULL,
	  NULL,
	  0,
	  NULL,
	  { .shared = { secret, sizeof(secret) } },
	  0,
	  "it is somebody else" },
	{ "a secret where a key is wanted",
	  KNOWS("@p.example", "ed25519"),
	  "@p.example",
	  NULL,
	  0,
	  NULL,
	  { .shared = { secret, sizeof(secret) } },
	  0,
	  "no shared key is known for it" },
	{ "a secret that proves only us",
	  { "@p.example", { "ed25519" }, false, false, true },
	  "@p.example",
	  NULL,
	  0,
	  NULL,
	  { .shared = { secret, sizeof(secret) } },
	  0,
	  "no shared key is known for it" },
	{ "NULL where the secret is wanted",
	  { "@p.example", { NULL }, false, true, false },
	  NULL,
	  NULL,
	  0,
	  NULL,
	  { 0 },
	  0,
	  "policy requires authentication" },
	{ "nobody can be called that",
	  KNOWS("@p.example", "ed25519"),
	  "@p.example",
	  NULL,
	  0,
	  NULL,
	  { .id_type = 200, .method = 14, .auth = { zeros, 64 } },
	  0,
	  "an identity that nobody can have" },
};

/* As a lie says; the vectors stay with the caller. */
struct stage {
	struct world w;
	struct puppet p;
	struct puppet_script script;
	struct vector spki[2], raw;
	struct ike_view keys[2];
	struct ike_identity id;
};

static void set_stage(struct stage *s, const struct lie *l, bool initiator)
{
	struct ike_credentials *c;

	print_message("  %s\n", l->name);
	world_init(&s->w, 21, NULL);
	c = &s->w.hosts[0].credentials;
	*c = (struct ike_credentials){
		.identity = ike_identity_null(),
		.may_null = true,
		.accept_null = l->knows.accept_null,
		.accept_shared = l->knows.shared,
	};
	if (l->knows.shared || l->knows.given)
		c->shared = (struct ike_view){ secret, sizeof(secret) };
	if (l->knows.id)
		c->peer = identity(l->knows.id);
	for (unsigned i = 0; i < 2 && l->knows.keys[i]; i++) {
		s->spki[i] = vector_get2("spki", l->knows.keys[i]);
		s->keys[i] = view(&s->spki[i]);
		c->n_peer_keys++;
	}
	c->peer_keys = s->keys;
	s->script = l->script;
	if (l->id && !l->script.id_type) {
		s->id = identity(l->id);
		s->script.identity = &s->id;
	}
	if (l->key)
		s->script.key = vector_key(l->key);
	s->script.signature = l->s;
	if (l->raw_key) {
		s->raw = vector_get2("spki", l->raw_key);
		s->script.raw_key = view(&s->raw);
	}
	puppet_init(&s->p, &s->w, initiator, IKE_KE_X25519);
}

static void clear_stage(struct stage *s)
{
	EVP_PKEY_free(s->script.key);
	puppet_done(&s->p);
	world_done(&s->w);
}

static void check_verdict(struct stage *s, const struct lie *l)
{
	struct host *h = &s->w.hosts[0];
	struct ike_counters c;

	ike_engine_count(h->engine, &c);
	if (l->expect) {
		struct ike_identity id = ike_identity_null();

		assert_int_equal(h->n_failed, 0);
		assert_non_null(host_child(h));
		assert_int_equal(host_child(h)->up.peer.method, l->expect);
		if (l->expect != IKE_AUTH_NULL)
			id = s->id;
		assert_true(
			ike_identity_equal(&host_child(h)->up.peer.id, &id));
		puppet_check_child(&s->p, host_child(h));
		return;
	}
	assert_int_equal(host_children(h), 0);
	assert_int_equal(h->n_failed, 1);
	assert_int_equal(h->failed.reason, IKE_REASON_AUTH);
	assert_string_equal(h->failed.why, l->why);
	assert_false(h->failed.proven);
	assert_int_equal(c.auth_failed, 1);
	/* As responder it lingers, and counts. */
	assert_int_equal(c.half_open, s->p.initiator);
	puppet_open(&s->p);
	assert_int_equal(puppet_error(&s->p), IKE_NOTIFY_AUTHENTICATION_FAILED);
	/* Who could not prove anything learns nothing of ours. */
	if (s->p.initiator)
		assert_false(s->p.m.present & (P(AUTH) | P(IDR) | P(SA)));
	world_run(&s->w, s->w.now + 60000);
	assert_true(world_empty(&s->w));
}

/* The puppet initiates, and says it in its request. */
static void test_lies_of_initiator(void **state)
{
	(void)state;
	for (size_t i = 0; i < ELEMENTS(lies); i++) {
		struct stage s = { 0 };

		set_stage(&s, &lies[i], true);
		puppet_send_init(&s.p, &s.script);
		puppet_take_init(&s.p);
		puppet_send_auth(&s.p, &s.script);
		check_verdict(&s, &lies[i]);
		clear_stage(&s);
	}
}

/* The puppet answers. */
static void test_lies_of_responder(void **state)
{
	(void)state;
	for (size_t i = 0; i < ELEMENTS(lies); i++) {
		struct lie l = lies[i];
		struct stage s = { 0 };

		/* We always name our hashes first, and 40960 is for requests. */
		if (!l.script.hashes && l.key && !l.expect)
			continue;
		if (l.script.null_auth && !l.knows.keys[0]) {
			l.expect = 0;
			l.why = "no key is known that could have signed so";
		}
		set_stage(&s, &l, false);
		world_initiate(&s.w, 0);
		puppet_answer_init(&s.p, &s.script);
		puppet_open(&s.p);
		puppet_answer_auth(&s.p, &s.script);
		check_verdict(&s, &l);
		clear_stage(&s);
	}
}

/* A refusal of IKE_AUTH that SK does not protect is nobody's: it changes
 * nothing, and the answer behind it counts. */
static void test_unprotected_refusal(void **state)
{
	const struct puppet_script honest = { 0 };
	struct ike_outgoing out;
	struct ike_header h = {
		.exchange = IKE_EXCHANGE_AUTH,
		.flags = IKE_FLAG_RESPONSE,
		.id = 1,
	};
	struct puppet p;
	struct world w;

	(void)state;
	world_init(&w, 23, NULL);
	puppet_init(&p, &w, false, IKE_KE_X25519);
	world_initiate(&w, 0);
	puppet_answer_init(&p, &honest);
	puppet_open(&p);
	h.spi_i = p.spi_i;
	h.spi_r = p.spi_r;
	ike_builder_init(&out.b, out.buf, sizeof(out.buf), &h);
	ike_notify_write(&out.b, IKE_NOTIFY_AUTHENTICATION_FAILED, NULL, 0);
	assert_int_equal(ike_builder_finish(&out.b), 0);
	world_inject(&w, 0, out.buf, out.b.w.len);
	assert_int_equal(w.hosts[0].n_failed, 0);
	puppet_answer_auth(&p, &honest);
	assert_non_null(host_child(&w.hosts[0]));
	assert_int_equal(w.hosts[0].n_failed, 0);
	puppet_done(&p);
	world_done(&w);
}

/* A refusal with proof, and one without: the owner can tell them apart. */
static void test_refusals(void **state)
{
	(void)state;
	for (unsigned proven = 0; proven < 2; proven++) {
		struct puppet_script s = {
			.omit = P(SA) | P(TSI) | P(TSR),
			.notify = IKE_NOTIFY_TS_UNACCEPTABLE,
		};
		struct puppet p;
		struct world w;

		if (!proven)
			s.omit |= P(IDR) | P(AUTH);
		world_init(&w, 24, NULL);
		puppet_init(&p, &w, false, IKE_KE_X25519);
		world_initiate(&w, 0);
		puppet_answer_init(&p, &(struct puppet_script){ 0 });
		puppet_open(&p);
		puppet_answer_auth(&p, &s);
		assert_int_equal(w.hosts[0].n_failed, 1);
		assert_int_equal(w.hosts[0].failed.reason, IKE_REASON_MODE);
		assert_int_equal(w.hosts[0].failed.proven, proven);
		puppet_done(&p);
		world_done(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lies_of_initiator),
		cmocka_unit_test(test_lies_of_responder),
		cmocka_unit_test(test_unprotected_refusal),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
