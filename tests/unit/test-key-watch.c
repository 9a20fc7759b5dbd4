/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * agent/key-watch.c with a key source of our own: when a peer in use is asked
 * about again, and what becomes of its SA.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

#include "agent/key-finder.h"
#include "agent/key-watch.h"
#include "agent/negotiation-internal.h"
#include "ike/public-key.h"
#include "util/log.h"

#define START	 1000000u
#define LIFETIME 100000u

static struct {
	struct agent agent;
	uint64_t now;
	struct flow *flow;
	struct ike_proof proof;
	struct policy policy;
	/* What the source says. */
	int says;
	struct keyset *keys[3]; /* two keys, and another */
	unsigned which;
	unsigned asked, begun, closed, told;
	struct handle ticket;
	struct key_question question; /* the last one */
} world;

uint64_t agent_now(const struct agent *a)
{
	(void)a;
	return world.now;
}

bool ike_sa_describe(const struct ike_engine *e, struct handle sa,
		     struct ike_sa_info *ret)
{
	(void)e;
	(void)sa;
	*ret = (struct ike_sa_info){ .peer = world.proof };
	return true;
}

void dbus_server_peer_changed(struct dbus_server *s, const struct addr *remote)
{
	(void)s;
	(void)remote;
	world.told++;
}

void ike_close(struct ike_engine *e, uint64_t now, struct handle sa)
{
	(void)e;
	(void)now;
	(void)sa;
	world.closed++;
}

void negotiation_begin(struct agent *a, struct flow *f)
{
	(void)a;
	assert_true(f->renew);
	world.begun++;
}

struct log_fields negotiation_fields(const struct flow *f)
{
	(void)f;
	return (struct log_fields){ 0 };
}

static int find(void *user, const struct key_question *q,
		struct key_answer *ret)
{
	(void)user;
	world.asked++;
	world.ticket = q->ticket;
	world.question = *q;
	ret->lifetime_ms = LIFETIME;
	if (world.says == 0)
		ret->keys = keyset_ref(world.keys[world.which]);
	return world.says;
}

static struct keyset *key_new(uint8_t seed)
{
	struct keyset *set = keyset_new(KEYSET_SECURE, KEYSET_REVERSE, NULL);
	uint8_t raw[32] = { seed }, *der = NULL;
	struct keyset_key key = { 0 };
	EVP_PKEY *p = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, raw,
						   sizeof(raw));

	assert_non_null(set);
	key.spki_len = (size_t)i2d_PUBKEY(p, &der);
	key.spki = der;
	assert_int_equal(keyset_add(set, &key), 0);
	OPENSSL_free(der);
	EVP_PKEY_free(p);
	return set;
}

static void on_state(struct flow *f, enum flow_state before, void *user)
{
	(void)f;
	(void)before;
	(void)user;
}

static void on_flow_timer(struct timer *t, uint64_t now, void *user)
{
	(void)t;
	(void)now;
	(void)user;
}

static void prove(enum ike_auth_method method, unsigned key)
{
	const struct keyset_key *k = &world.keys[key]->keys[0];

	world.proof = (struct ike_proof){ .method = method };
	if (method != IKE_AUTH_NULL)
		assert_int_equal(
			ike_public_key_fingerprint(
				(struct ike_view){ k->spki, k->spki_len },
				world.proof.fingerprint),
			0);
}

static int setup(void **state)
{
	static const struct hash_key key = { 5, 6 };
	const struct key_source source = { .find = find };
	struct agent *a = &world.agent;
	struct addr local, remote;

	(void)state;
	log_open("test-key-watch", LOG_EMERG);
	memset(&world, 0, sizeof(world));
	world.now = START;
	for (uint8_t i = 0; i < 3; i++)
		world.keys[i] = key_new(i);
	a->timers = timer_wheel_new(world.now, a);
	a->flows = flow_table_new(&key, on_state, on_flow_timer, a);
	assert_int_equal(key_finder_new(&a->key_finder), 0);
	key_finder_add(a->key_finder, &source);
	assert_int_equal(key_watch_new(a, &a->key_watch), 0);
	assert_int_equal(addr_parse("10.0.0.1", &local), 0);
	assert_int_equal(addr_parse("10.0.0.2", &remote), 0);
	assert_int_equal(flow_table_obtain(a->flows, &local, &remote, world.now,
					   &world.flow),
			 0);
	world.policy.auth = POLICY_AUTH_OFFER;
	world.flow->policy = &world.policy;
	world.flow->state = FLOW_SECURED;
	world.flow->child.ike = (struct handle){ 3, 1 };
	prove(IKE_AUTH_SIGNATURE, 0);
	return 0;
}

static int teardown(void **state)
{
	struct agent *a = &world.agent;

	(void)state;
	key_watch_free(a->key_watch);
	key_finder_free(a->key_finder);
	flow_table_free(a->flows);
	timer_wheel_free(a->timers);
	for (size_t i = 0; i < 3; i++)
		keyset_unref(world.keys[i]);
	return 0;
}

static void pass(uint64_t ms)
{
	for (uint64_t end = world.now + ms; world.now < end; world.now += 10)
		timer_wheel_run(world.agent.timers, world.now);
}

static void secured(void)
{
	key_watch_on_state(world.agent.key_watch, world.flow);
	assert_int_equal(world.asked, 0);
	pass(20);
	assert_int_equal(world.asked, 1);
}

/* A gateway is asked about as what it is: whose keys the host has for it. */
static void test_gateway(void **state)
{
	(void)state;
	secured();
	assert_false(world.question.begins);
	assert_int_equal(world.question.gateway.family, 0);
	world.flow->behind = true;
	assert_int_equal(addr_parse("10.0.0.9", &world.flow->outer), 0);
	world.proof.id = ike_identity_of_addr(&world.flow->outer);
	pass(LIFETIME);
	assert_int_equal(world.asked, 2);
	assert_true(world.question.begins);
	assert_true(ike_identity_is_none(&world.question.identity));
	assert_true(
		addr_equal(&world.question.remote, &world.flow->peer->addr));
	assert_true(addr_equal(&world.question.gateway, &world.flow->outer));
	assert_int_equal(world.closed, 0);
	world.says = -ENOENT;
	pass(LIFETIME);
	assert_int_equal(world.closed, 1);
}

/* Shortly before the end of each time, for as long as it is in use. */
static void test_again(void **state)
{
	(void)state;
	secured();
	pass(LIFETIME * 9 / 10);
	assert_int_equal(world.asked, 1);
	pass(LIFETIME / 10);
	assert_int_equal(world.asked, 2);
	world.flow->state = FLOW_IDLE;
	key_watch_on_state(world.agent.key_watch, world.flow);
	pass(2 * LIFETIME);
	assert_int_equal(world.asked, 2);
	assert_int_equal(world.begun + world.closed, 0);
}

/* It has ten seconds to prove itself anew. */
static void test_another_key(void **state)
{
	(void)state;
	secured();
	world.which = 1;
	pass(LIFETIME);
	assert_int_equal(world.begun, 1);
	assert_int_equal(world.closed, 0);
	pass(11000);
	assert_int_equal(world.closed, 1);
}

static void test_proven_anew(void **state)
{
	(void)state;
	secured();
	world.which = 1;
	pass(LIFETIME);
	assert_int_equal(world.begun, 1);
	prove(IKE_AUTH_SIGNATURE, 1);
	world.flow->renew = false;
	key_watch_on_state(world.agent.key_watch, world.flow);
	pass(3 * LIFETIME);
	assert_int_equal(world.begun, 1);
	assert_int_equal(world.closed, 0);
}

static void test_withdrawn(void **state)
{
	(void)state;
	secured();
	world.says = -ENOENT;
	pass(LIFETIME);
	assert_int_equal(world.closed, 1);
	assert_int_equal(world.begun, 0);
}

/* What cannot be told, or may be a lie, changes nothing. */
static void test_untold(void **state)
{
	static const int says[] = { -ENETUNREACH, -EBADMSG };

	(void)state;
	secured();
	for (size_t i = 0; i < 2; i++) {
		world.says = says[i];
		pass(2 * LIFETIME);
		assert_int_equal(world.begun + world.closed, 0);
	}
	assert_true(world.asked > 3);
}

/* A lie is told once, to anonymous and proven peers alike, and so is its end;
 * silence says nothing of either. */
static void test_bogus(void **state)
{
	static const struct {
		int says;
		bool bogus;
		unsigned told;
	} rows[] = {
		{ -EBADMSG, true, 1 },	    { -EBADMSG, true, 1 },
		{ -ENETUNREACH, true, 1 },  { -ENOENT, false, 2 },
		{ -ENETUNREACH, false, 2 }, { -EBADMSG, true, 3 },
	};

	(void)state;
	prove(IKE_AUTH_NULL, 0);
	world.says = -ENOENT;
	secured();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		world.says = rows[i].says;
		pass(LIFETIME);
		assert_int_equal(world.flow->bogus, rows[i].bogus);
		assert_int_equal(world.told, rows[i].told);
	}
}

/* Who was anonymous is tried once for each set of keys. */
static void test_anonymous(void **state)
{
	(void)state;
	prove(IKE_AUTH_NULL, 0);
	world.says = -ENOENT;
	secured();
	assert_int_equal(world.begun, 0);
	world.says = 0;
	pass(LIFETIME);
	assert_int_equal(world.begun, 1);
	world.flow->renew = false;
	pass(3 * LIFETIME);
	assert_int_equal(world.begun, 1);
	world.which = 2;
	pass(LIFETIME);
	assert_int_equal(world.begun, 2);
	assert_int_equal(world.closed, 0);
	/* Who is content with anybody does not look for more. */
	world.flow->renew = false;
	world.which = 1;
	world.policy.auth = POLICY_AUTH_ALLOW;
	pass(3 * LIFETIME);
	assert_int_equal(world.begun, 2);
}

static void test_shared(void **state)
{
	(void)state;
	prove(IKE_AUTH_SHARED, 0);
	key_watch_on_state(world.agent.key_watch, world.flow);
	pass(LIFETIME);
	assert_int_equal(world.asked, 0);
}

/* The answer comes when the flow is gone. */
static void test_late(void **state)
{
	struct key_answer answer = { .keys = keyset_ref(world.keys[1]) };

	(void)state;
	world.says = -EINPROGRESS;
	secured();
	world.flow->state = FLOW_CLEAR;
	key_watch_on_state(world.agent.key_watch, world.flow);
	key_finder_on_answer(world.agent.key_finder, world.ticket, 0, &answer);
	assert_int_equal(world.begun + world.closed, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_again),	TEST(test_another_key),
		TEST(test_proven_anew), TEST(test_withdrawn),
		TEST(test_untold),	TEST(test_anonymous),
		TEST(test_shared),	TEST(test_late),
		TEST(test_bogus),	TEST(test_gateway),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
