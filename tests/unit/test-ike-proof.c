/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who proves what to whom: two engines for each pair of methods, both ways and
 * over IPv4 and IPv6.
 */
#include "ike/proof.h"

#include <errno.h>
#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ike-harness.h"
#include "tests/unit/ike-vectors.h"

#define ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))

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

/* --- two engines ------------------------------------------------------------- */

/* One side: a name of a key, "shared", or "null". */
struct side {
	const char *name;
	const char *id;
	struct vector spki;
	struct ike_own_key own;
	struct ike_view peer;
};

static const uint8_t secret[] = "a secret of the two";

static bool is(const struct side *s, const char *name)
{
	return strcmp(s->name, name) == 0;
}

/* What host is to itself, and what it knows of the other one. */
static void equip(struct host *h, struct side *own, struct side *other)
{
	struct ike_credentials *c = &h->credentials;

	*c = (struct ike_credentials){ .identity = ike_identity_null() };
	if (is(own, "null")) {
		c->may_null = true;
	} else {
		c->identity = identity(own->id);
		if (is(own, "shared")) {
			c->shared = (struct ike_view){ secret, sizeof(secret) };
		} else {
			own->spki = vector_get2("spki", own->name);
			own->own = (struct ike_own_key){ 42, view(&own->spki) };
			c->keys = &own->own;
			c->n_keys = 1;
			h->key = vector_key(own->name);
		}
	}
	if (is(other, "null")) {
		c->accept_null = true;
		return;
	}
	c->peer = identity(other->id);
	if (is(other, "shared")) {
		c->shared = (struct ike_view){ secret, sizeof(secret) };
		c->accept_shared = true;
	} else {
		other->spki = vector_get2("spki", other->name);
		other->peer = view(&other->spki);
		c->peer_keys = &other->peer;
		c->n_peer_keys = 1;
	}
}

static void make_six(struct world *w)
{
	for (unsigned i = 0; i < 2; i++) {
		struct addr *a = &w->hosts[i].address.addr;

		memset(a, 0, sizeof(*a));
		a->family = AF_INET6;
		a->bytes[0] = 0x20;
		a->bytes[1] = 0x01;
		a->bytes[15] = (uint8_t)(i + 1);
	}
}

static void finish(struct world *w)
{
	for (unsigned i = 0; i < 2; i++) {
		EVP_PKEY_free(w->hosts[i].key);
		w->hosts[i].key = NULL;
	}
	world_done(w);
}

static enum ike_auth_method method_of(const struct side *s)
{
	if (is(s, "null"))
		return IKE_AUTH_NULL;
	return is(s, "shared") ? IKE_AUTH_SHARED : IKE_AUTH_SIGNATURE;
}

/* What host was told of the other side, in CHILD_UP and for status. */
static void check_told(struct host *h, const struct side *other)
{
	struct child *c = host_child(h);
	uint8_t fingerprint[IKE_FINGERPRINT_LEN] = { 0 };
	struct ike_identity id = ike_identity_null();
	struct ike_sa_info info;

	assert_non_null(c);
	if (!is(other, "null"))
		id = identity(other->id);
	assert_int_equal(c->up.peer.method, method_of(other));
	assert_true(ike_identity_equal(&c->up.peer.id, &id));
	assert_non_null(c->up.peer.how);
	if (method_of(other) == IKE_AUTH_SIGNATURE)
		assert_int_equal(
			ike_public_key_fingerprint(other->peer, fingerprint),
			0);
	assert_memory_equal(c->up.peer.fingerprint, fingerprint,
			    sizeof(fingerprint));
	assert_true(ike_sa_describe(h->engine, c->sa, &info));
	assert_int_equal(info.peer.method, method_of(other));
	assert_true(ike_identity_equal(&info.peer.id, &id));
	assert_string_equal(info.peer.how, c->up.peer.how);
	assert_memory_equal(info.peer.fingerprint, fingerprint,
			    sizeof(fingerprint));
}

static void run_pair(const char *a, const char *b, bool six)
{
	struct side sides[2] = {
		{ .name = a, .id = "@a.example" },
		{ .name = b, .id = "b@host.example" },
	};
	struct world w;

	print_message("  %s to %s over IPv%d\n", a, b, six ? 6 : 4);
	world_init(&w, 11, NULL);
	if (six)
		make_six(&w);
	equip(&w.hosts[0], &sides[0], &sides[1]);
	equip(&w.hosts[1], &sides[1], &sides[0]);
	world_initiate(&w, 0);
	world_run(&w, w.now + 100);
	assert_true(world_agree(&w));
	check_told(&w.hosts[0], &sides[1]);
	check_told(&w.hosts[1], &sides[0]);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(w.hosts[i].n_identified, 1);
		assert_int_equal(w.hosts[i].n_signed,
				 method_of(&sides[i]) == IKE_AUTH_SIGNATURE);
		assert_int_equal(w.hosts[i].n_failed, 0);
	}
	/* The responder heard who it is, and who is wanted. */
	assert_false(w.hosts[1].identify.initiator);
	assert_true(ike_identity_equal(&w.hosts[1].identify.peer,
				       &w.hosts[0].credentials.identity));
	assert_true(w.hosts[0].identify.initiator);
	assert_true(ike_identity_is_none(&w.hosts[0].identify.peer));
	finish(&w);
}

static const char *const methods[] = {
	"rsa2048", "rsa3072", "p256",	"p384", "p521",
	"ed25519", "ed448",   "shared", "null",
};

static void test_pairs(void **state)
{
	(void)state;
	for (size_t i = 0; i < ELEMENTS(methods); i++)
		for (size_t j = 0; j < ELEMENTS(methods); j++) {
			/* RFC 7619: one secret proves both or none. */
			if ((strcmp(methods[i], "shared") == 0) !=
			    (strcmp(methods[j], "shared") == 0))
				continue;
			run_pair(methods[i], methods[j], (i + j) % 2);
			if (i == j)
				run_pair(methods[i], methods[j],
					 !((i + j) % 2));
		}
}

/* Every kind of identity, as bytes. */
static void test_identities(void **state)
{
	static const char *const ids[] = {
		"192.0.2.1",	"2001:db8::1",
		"@a.example",	"a@b.example",
		"keyid:00ff00", "dn:300c310a3008060355040313016161",
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(ids); i++) {
		struct side sides[2] = {
			{ .name = "ed25519", .id = ids[i] },
			{ .name = "ed25519b", .id = "@b.example" },
		};
		struct world w;

		world_init(&w, 12, NULL);
		equip(&w.hosts[0], &sides[0], &sides[1]);
		equip(&w.hosts[1], &sides[1], &sides[0]);
		world_initiate(&w, i % 2);
		world_run(&w, w.now + 100);
		assert_true(world_agree(&w));
		check_told(&w.hosts[0], &sides[1]);
		check_told(&w.hosts[1], &sides[0]);
		finish(&w);
	}
}

/* Answers of the owner that come late, while IKE_AUTH is sent again; jobs
 * that take their time; and loss. */
static void test_late(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct side sides[2] = {
			{ .name = "ed25519", .id = "@a.example" },
			{ .name = "p256", .id = "@b.example" },
		};
		struct world w;

		world_init(&w, seed, NULL);
		equip(&w.hosts[0], &sides[0], &sides[1]);
		equip(&w.hosts[1], &sides[1], &sides[0]);
		for (unsigned i = 0; i < 2; i++) {
			w.hosts[i].identify_delay = 1200;
			w.hosts[i].sign_delay = 700;
			w.wires[i].loss = seed % 3 ? 20 : 0;
			w.wires[i].duplicate = 20;
			w.wires[i].jitter = 50;
		}
		w.job_jitter = 300;
		world_initiate(&w, 0);
		world_run(&w, w.now + 9000);
		if (seed % 3 == 0)
			assert_true(world_agree(&w));
		assert_true(w.hosts[1].n_identified <= 1);
		assert_true(w.hosts[1].n_signed <= 1);
		finish(&w);
	}
}

/* The owner never answers: the SA ends by itself, on both sides. */
static void test_silent_owner(void **state)
{
	(void)state;
	for (unsigned who = 0; who < 2; who++) {
		struct ike_counters c;
		struct world w;

		world_init(&w, 13, NULL);
		w.hosts[who].silent = true;
		world_initiate(&w, 0);
		world_run(&w, w.now + 5000);
		ike_engine_count(w.hosts[1].engine, &c);
		assert_int_equal(c.half_open, 1);
		world_run(&w, w.now + 60000);
		assert_true(world_empty(&w));
		ike_engine_count(w.hosts[1].engine, &c);
		assert_int_equal(c.half_open, 0);
		assert_int_equal(w.hosts[0].n_failed, 1);
		assert_int_equal(w.hosts[0].failed.reason,
				 who == 0 ? IKE_REASON_RESOURCES
					  : IKE_REASON_UNANSWERED);
		finish(&w);
	}
}

static void test_refuse(void **state)
{
	(void)state;
	for (unsigned who = 0; who < 2; who++) {
		struct world w;

		world_init(&w, 14, NULL);
		w.hosts[who].refuse = true;
		world_initiate(&w, 0);
		world_run(&w, w.now + 100);
		assert_int_equal(w.hosts[0].n_failed, 1);
		assert_int_equal(w.hosts[0].failed.reason,
				 who == 0 ? IKE_REASON_CLOSED
					  : IKE_REASON_AUTH);
		/* Nobody has proven anything: who may have said that? */
		assert_false(w.hosts[0].failed.proven);
		if (who == 1)
			assert_int_equal(w.hosts[1].failed.reason,
					 IKE_REASON_AUTH);
		world_run(&w, w.now + 60000);
		assert_true(world_empty(&w));
		finish(&w);
	}
}

/* No signature is to be had. */
static void test_unsigned(void **state)
{
	(void)state;
	for (unsigned who = 0; who < 2; who++) {
		struct side sides[2] = {
			{ .name = "ed25519", .id = "@a.example" },
			{ .name = "p256", .id = "@b.example" },
		};
		struct world w;

		world_init(&w, 15, NULL);
		equip(&w.hosts[0], &sides[0], &sides[1]);
		equip(&w.hosts[1], &sides[1], &sides[0]);
		EVP_PKEY_free(w.hosts[who].key);
		w.hosts[who].key = NULL;
		world_initiate(&w, 0);
		world_run(&w, w.now + 100);
		assert_int_equal(w.hosts[who].n_failed, 1);
		assert_int_equal(w.hosts[who].failed.reason,
				 IKE_REASON_RESOURCES);
		assert_non_null(w.hosts[who].failed.why);
		if (who == 1)
			assert_int_equal(w.hosts[0].failed.reason,
					 IKE_REASON_AUTH);
		world_run(&w, w.now + 60000);
		assert_true(world_empty(&w));
		finish(&w);
	}
}

/* Answers for SAs that are gone, or that have had one. */
static void test_stale(void **state)
{
	struct ike_credentials c = ike_credentials_anonymous();
	struct handle none = { 0 };
	struct handle sa;
	struct world w;

	(void)state;
	world_init(&w, 16, NULL);
	sa = world_initiate(&w, 0);
	assert_int_equal(ike_authenticate(w.hosts[0].engine, w.now, sa, &c),
			 -ESTALE);
	ike_refuse(w.hosts[0].engine, w.now, sa);
	ike_sign_done(w.hosts[0].engine, w.now, sa, "x", 1, 0);
	assert_int_equal(ike_authenticate(w.hosts[0].engine, w.now, none, &c),
			 -ESTALE);
	ike_refuse(w.hosts[0].engine, w.now, none);
	ike_sign_done(w.hosts[0].engine, w.now, none, "x", 1, 0);
	world_run(&w, w.now + 100);
	assert_true(world_agree(&w));
	sa = host_child(&w.hosts[0])->sa;
	assert_int_equal(ike_authenticate(w.hosts[0].engine, w.now, sa, &c),
			 -ESTALE);
	ike_refuse(w.hosts[0].engine, w.now, sa);
	ike_sign_done(w.hosts[0].engine, w.now, sa, "x", 1, 0);
	assert_true(world_agree(&w));
	/* Credentials that make no sense: it waits for better ones. */
	w.hosts[0].silent = true;
	sa = world_initiate(&w, 0);
	c.accept_null = false;
	assert_int_equal(ike_authenticate(w.hosts[0].engine, w.now, sa, &c),
			 -EINVAL);
	c.accept_null = true;
	assert_int_equal(ike_authenticate(w.hosts[0].engine, w.now, sa, &c), 0);
	world_run(&w, w.now + 10000);
	assert_true(world_agree(&w));
	finish(&w);
}

/* No thread has time for the peer's signature. */
static void test_undone(void **state)
{
	(void)state;
	for (unsigned who = 0; who < 2; who++) {
		struct side sides[2] = {
			{ .name = "ed25519", .id = "@a.example" },
			{ .name = "p256", .id = "@b.example" },
		};
		struct world w;

		world_init(&w, 22, NULL);
		equip(&w.hosts[0], &sides[0], &sides[1]);
		equip(&w.hosts[1], &sides[1], &sides[0]);
		w.hosts[1].identify_delay = 5;
		world_initiate(&w, 0);
		while (!w.hosts[1].n_identified)
			assert_true(world_step(&w, w.now + 100));
		w.hosts[who].undone = 1;
		world_run(&w, w.now + 1000);
		assert_int_equal(w.hosts[who].undone, 0);
		if (who == 1) {
			/* The request came again, and was read again. */
			assert_true(world_agree(&w));
			assert_int_equal(w.hosts[1].n_identified, 2);
		} else {
			assert_int_equal(w.hosts[0].failed.reason,
					 IKE_REASON_RESOURCES);
			ike_close_all(w.hosts[1].engine, w.now);
		}
		world_run(&w, w.now + 1000);
		finish(&w);
	}
}

/* Closed while it waits. */
static void test_closed_meanwhile(void **state)
{
	(void)state;
	for (unsigned who = 0; who < 2; who++) {
		struct side sides[2] = {
			{ .name = "ed25519", .id = "@a.example" },
			{ .name = "p256", .id = "@b.example" },
		};
		struct world w;
		unsigned steps = 0;

		for (unsigned at = 0; at < 60; at++) {
			world_init(&w, 17, NULL);
			equip(&w.hosts[0], &sides[0], &sides[1]);
			equip(&w.hosts[1], &sides[1], &sides[0]);
			w.hosts[0].identify_delay = w.hosts[0].sign_delay = 9;
			w.hosts[1].identify_delay = w.hosts[1].sign_delay = 9;
			w.job_jitter = 3;
			world_initiate(&w, 0);
			for (steps = 0; steps < at; steps++)
				world_step(&w, w.now + 100);
			ike_close_all(w.hosts[who].engine, w.now);
			world_run(&w, w.now + 100000);
			/* A responder may be asked again afterwards. */
			assert_true(world_empty(&w) ||
				    (who == 1 && world_agree(&w)));
			finish(&w);
		}
	}
}

/* --- upgrades and downgrades ----------------------------------------------------- */

/* Both would do without: who has a proof gives it, who has a key takes it. */
static void test_offered(void **state)
{
	struct side a = { .name = "ed25519", .id = "@a.example" };
	struct side b = { .name = "p256", .id = "@b.example" };
	struct world w;

	(void)state;
	/* a knows b's key, b knows nobody's: b is proven, a is not. */
	for (unsigned who = 0; who < 2; who++) {
		world_init(&w, 18, NULL);
		equip(&w.hosts[0], &a, &b);
		equip(&w.hosts[1], &b, &a);
		for (unsigned i = 0; i < 2; i++) {
			w.hosts[i].credentials.may_null = true;
			w.hosts[i].credentials.accept_null = true;
		}
		w.hosts[1].credentials.n_peer_keys = 0;
		w.hosts[1].credentials.peer = (struct ike_identity){ 0 };
		world_initiate(&w, who);
		world_run(&w, w.now + 100);
		assert_true(world_agree(&w));
		assert_int_equal(host_child(&w.hosts[1])->up.peer.method,
				 IKE_AUTH_NULL);
		/* As initiator it says that it wants b; as responder it cannot
		 * say what it knows before b has signed. */
		assert_int_equal(host_child(&w.hosts[0])->up.peer.method,
				 IKE_AUTH_SIGNATURE);
		finish(&w);
	}
}

/* A peer that can only be anonymous, and policy that does not take that. */
static void test_downgrade(void **state)
{
	(void)state;
	for (unsigned who = 0; who < 2; who++) {
		struct side a = { .name = "null", .id = "@a.example" };
		struct side b = { .name = "ed25519", .id = "@b.example" };
		struct world w;

		world_init(&w, 19, NULL);
		equip(&w.hosts[0], &a, &b);
		equip(&w.hosts[1], &b, &a);
		w.hosts[1].credentials.accept_null = false;
		w.hosts[1].credentials.accept_shared = true;
		w.hosts[1].credentials.shared =
			(struct ike_view){ secret, sizeof(secret) };
		world_initiate(&w, who);
		world_run(&w, w.now + 100);
		assert_int_equal(host_children(&w.hosts[0]), 0);
		assert_int_equal(host_children(&w.hosts[1]), 0);
		assert_int_equal(w.hosts[1].failed.reason, IKE_REASON_AUTH);
		world_run(&w, w.now + 100000);
		assert_true(world_empty(&w));
		finish(&w);
	}
}

static void test_another_secret(void **state)
{
	struct side a = { .name = "shared", .id = "@a.example" };
	struct side b = { .name = "shared", .id = "@b.example" };
	struct world w;

	(void)state;
	world_init(&w, 20, NULL);
	equip(&w.hosts[0], &a, &b);
	equip(&w.hosts[1], &b, &a);
	w.hosts[1].credentials.shared.data++; /* HMAC pads with zeros */
	w.hosts[1].credentials.shared.len--;
	world_initiate(&w, 0);
	world_run(&w, w.now + 100);
	assert_int_equal(host_children(&w.hosts[0]), 0);
	assert_int_equal(w.hosts[0].failed.reason, IKE_REASON_AUTH);
	assert_int_equal(w.hosts[1].failed.reason, IKE_REASON_AUTH);
	assert_string_equal(w.hosts[1].failed.why, "another shared key");
	finish(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_identities),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_silent_owner),
		cmocka_unit_test(test_refuse),
		cmocka_unit_test(test_unsigned),
		cmocka_unit_test(test_stale),
		cmocka_unit_test(test_undone),
		cmocka_unit_test(test_closed_meanwhile),
		cmocka_unit_test(test_offered),
		cmocka_unit_test(test_downgrade),
		cmocka_unit_test(test_another_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
