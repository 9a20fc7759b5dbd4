/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * agent/own-dns.c against a server on loopback: when a next key counts as
 * published, and what is said about keys in DNS that are not ours.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "agent/own-dns.h"
#include "dns-fake.h"
#include "util/log.h"

#define V4	 "192.0.2.1"
#define REVERSE4 "1.2.0.192.in-addr.arpa."
#define V6	 "2001:db8::1"
#define REVERSE6                                           \
	"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0." \
	"8.b.d.0.1.0.0.2.ip6.arpa."
#define NAME "h.signed.test."

static const uint8_t ed25519[] = { 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
				   0x2b, 0x65, 0x70, 0x03, 0x21, 0x00 };

struct bench {
	sd_event *event;
	struct dns_fake *dns;
	struct key_dns *key_dns;
	struct own_dns *own;
	struct config config;
	char *servers[2], *anchors[2], identity[32];
	struct signer_key keys[3];
	size_t n_keys;
	uint64_t seen;
	uint32_t ttl;
};

static void on_answer(void *user, struct handle sa, int found,
		      struct key_answer *answer)
{
	(void)user;
	(void)sa;
	(void)found;
	key_answer_done(answer);
}

static size_t own_keys(void *user, const struct signer_key **ret)
{
	struct bench *b = user;

	*ret = b->keys;
	return b->n_keys;
}

static void on_seen(void *user, uint64_t key, uint32_t ttl)
{
	struct bench *b = user;

	b->seen = key;
	b->ttl = ttl;
}

/* The key with this number, as an Ed25519 key that nobody has. */
static void key_bytes(uint8_t number, uint8_t raw[static 32])
{
	for (unsigned i = 0; i < 32; i++)
		raw[i] = (uint8_t)(number * 16 + i);
}

static void have(struct bench *b, uint8_t number, enum key_stage stage)
{
	struct signer_key *k = &b->keys[b->n_keys++];

	k->id = number;
	strcpy(k->name, "ed25519");
	k->stage = stage;
	memcpy(k->spki, ed25519, sizeof(ed25519));
	key_bytes(number, k->spki + sizeof(ed25519));
	k->spki_len = sizeof(ed25519) + 32;
}

static void publish(struct bench *b, const char *name, uint8_t number,
		    unsigned ttl)
{
	unsigned char text[48];
	uint8_t raw[32];
	char record[256];

	key_bytes(number, raw);
	EVP_EncodeBlock(text, raw, sizeof(raw));
	snprintf(record, sizeof(record), "%s %u IN IPSECKEY 10 0 4 . %s", name,
		 ttl, (const char *)text);
	dns_fake_add(b->dns, record);
}

static int setup(void **state)
{
	static struct bench b;
	const struct key_dns_ops ops = { &b, on_answer, NULL };

	log_open("test-own-dns", LOG_EMERG);
	memset(&b, 0, sizeof(b));
	assert_true(sd_event_new(&b.event) >= 0);
	b.dns = dns_fake_new();
	b.servers[0] = (char *)dns_fake_address(b.dns);
	b.anchors[0] = (char *)dns_fake_anchor(b.dns);
	b.config.dns = (struct config_dns){ .lookup = true,
					    .servers = b.servers,
					    .anchors = b.anchors };
	assert_int_equal(key_dns_new(b.event, &b.config.dns, &ops, &b.key_dns),
			 0);
	have(&b, 1, KEY_ACTIVE);
	*state = &b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	own_dns_free(b->own);
	key_dns_free(b->key_dns);
	dns_fake_free(b->dns);
	sd_event_unref(b->event);
	return 0;
}

static void start(struct bench *b, const char *identity, const char *first,
		  const char *second)
{
	const struct own_dns_ops ops = { b, own_keys, on_seen };
	struct addr a;

	if (identity) {
		strcpy(b->identity, identity);
		b->config.local_identity = b->identity;
	}
	assert_int_equal(
		own_dns_new(b->event, b->key_dns, &b->config, &ops, &b->own),
		0);
	assert_int_equal(addr_parse(first, &a), 0);
	own_dns_address(b->own, &a, false);
	own_dns_address(b->own, &a, false);
	if (!second)
		return;
	assert_int_equal(addr_parse(second, &a), 0);
	own_dns_address(b->own, &a, false);
}

/* So many tenths of a second. */
static void turn(struct bench *b, unsigned n)
{
	uint64_t now, end;

	(void)sd_event_now(b->event, CLOCK_MONOTONIC, &now);
	end = now + n * 100000;
	while (now < end) {
		dns_fake_serve(b->dns, sd_event_get_fd(b->event), 50);
		while (sd_event_run(b->event, 0) > 0)
			;
		(void)sd_event_now(b->event, CLOCK_MONOTONIC, &now);
	}
}

static bool warns(const struct bench *b, const char *what)
{
	const char *w = own_dns_warning(b->own);

	return w && strstr(w, what);
}

static void test_seen(void **state)
{
	struct bench *b = *state;

	have(b, 2, KEY_NEXT);
	publish(b, REVERSE4, 1, 60);
	publish(b, REVERSE4, 2, 60);
	publish(b, NAME, 1, 100);
	publish(b, NAME, 2, 100);
	start(b, "@h.signed.test", V4, NULL);
	turn(b, 6);
	assert_int_equal(b->seen, 2);
	/* The longest of them. */
	assert_in_range(b->ttl, 99, 100);
	assert_null(own_dns_warning(b->own));
}

/* Everywhere where the old one is, or not at all. */
static void test_seen_in_part(void **state)
{
	struct bench *b = *state;
	struct addr a;

	have(b, 2, KEY_NEXT);
	publish(b, REVERSE4, 1, 60);
	publish(b, REVERSE4, 2, 60);
	publish(b, REVERSE6, 1, 60);
	start(b, NULL, V4, V6);
	turn(b, 6);
	assert_int_equal(b->seen, 0);
	/* That address goes, and with it what hindered. */
	assert_int_equal(addr_parse(V6, &a), 0);
	own_dns_address(b->own, &a, true);
	assert_int_equal(b->seen, 2);
}

/* One that has been seen is not seen again. */
static void test_seen_once(void **state)
{
	struct bench *b = *state;

	have(b, 2, KEY_NEXT);
	b->keys[1].until = 1764531200;
	publish(b, REVERSE4, 2, 60);
	start(b, NULL, V4, NULL);
	turn(b, 6);
	assert_int_equal(b->seen, 0);
	b->keys[1].until = 0;
	own_dns_keys_changed(b->own);
	assert_int_equal(b->seen, 2);
}

/* Anybody could have put it there. */
static void test_unsigned(void **state)
{
	struct bench *b = *state;

	have(b, 2, KEY_NEXT);
	publish(b, "h.plain.test.", 1, 60);
	publish(b, "h.plain.test.", 2, 60);
	start(b, "@h.plain.test", V4, NULL);
	turn(b, 6);
	assert_int_equal(b->seen, 0);
	assert_true(warns(b, "h.plain.test., but that zone is not signed"));
}

static void test_none_of_ours(void **state)
{
	struct bench *b = *state;

	publish(b, REVERSE6, 7, 60);
	start(b, NULL, V6, NULL);
	turn(b, 6);
	assert_true(warns(b, "none of this host's"));
	/* Until our own keys are known nothing is said. */
	b->n_keys = 0;
	own_dns_keys_changed(b->own);
	assert_true(warns(b, "none of this host's"));
	have(b, 7, KEY_RETIRED);
	own_dns_keys_changed(b->own);
	assert_null(own_dns_warning(b->own));
}

static void test_one_too_many(void **state)
{
	struct bench *b = *state;

	publish(b, REVERSE4, 1, 60);
	publish(b, REVERSE4, 7, 60);
	start(b, NULL, V4, NULL);
	turn(b, 6);
	assert_true(warns(b, "does not hold"));
}

static void test_gateway(void **state)
{
	struct bench *b = *state;

	dns_fake_add(b->dns,
		     REVERSE4 " 60 IN IPSECKEY 10 1 4 192.0.2.77 "
			      "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=");
	start(b, NULL, V4, NULL);
	turn(b, 6);
	assert_null(own_dns_warning(b->own));
}

static void test_bogus(void **state)
{
	struct bench *b = *state;

	publish(b, REVERSE4, 1, 60);
	dns_fake_set_mood(b->dns, DNS_FAKE_FORGES);
	start(b, NULL, V4, NULL);
	turn(b, 10);
	assert_true(warns(b, "is bogus"));
}

/* Looked up again when it runs out. */
static void test_again(void **state)
{
	struct bench *b = *state;

	have(b, 2, KEY_NEXT);
	/* The server's denials know of no other types. */
	dns_fake_add(b->dns, REVERSE4 " 60 IN PTR " NAME);
	publish(b, REVERSE4, 1, 1);
	start(b, NULL, V4, NULL);
	turn(b, 6);
	assert_int_equal(b->seen, 0);
	publish(b, REVERSE4, 2, 1);
	for (unsigned i = 0; i < 20 && !b->seen; i++)
		turn(b, 10);
	assert_int_equal(b->seen, 2);
}

/* What had the old key and cannot be seen now may still have it. */
static void test_hidden(void **state)
{
	struct bench *b = *state;

	dns_fake_add(b->dns, REVERSE4 " 60 IN PTR " NAME);
	publish(b, REVERSE4, 1, 1);
	start(b, NULL, V4, NULL);
	turn(b, 6);
	assert_null(own_dns_warning(b->own));
	/* A new one, published under the name alone. */
	have(b, 2, KEY_NEXT);
	publish(b, NAME, 2, 100);
	strcpy(b->identity, "@h.signed.test");
	b->config.local_identity = b->identity;
	own_dns_reload(b->own);
	turn(b, 6);
	assert_int_equal(b->seen, 0);
	/* The tree of the address breaks; the name's answer stays. */
	dns_fake_set_mood(b->dns, DNS_FAKE_FORGES);
	for (unsigned i = 0; i < 15 && !warns(b, "bogus"); i++)
		turn(b, 10);
	assert_true(warns(b, "bogus"));
	assert_int_equal(b->seen, 0);
	own_dns_keys_changed(b->own);
	assert_int_equal(b->seen, 0);
}

/* Another name by a reload. */
static void test_renamed(void **state)
{
	struct bench *b = *state;

	publish(b, NAME, 7, 60);
	publish(b, "i.signed.test.", 1, 60);
	start(b, "@h.signed.test", V4, NULL);
	turn(b, 6);
	assert_true(warns(b, NAME));
	strcpy(b->identity, "@i.signed.test");
	own_dns_reload(b->own);
	assert_null(own_dns_warning(b->own));
	turn(b, 6);
	assert_null(own_dns_warning(b->own));
	b->config.local_identity = NULL;
	own_dns_reload(b->own);
	turn(b, 2);
	assert_null(own_dns_warning(b->own));
}

static void test_local_addresses(void **state)
{
	static const char *const none[] = { "127.0.0.1", "::1", "fe80::1",
					    "169.254.3.4" };
	struct bench *b = *state;
	const struct addr *list;
	struct addr a;

	start(b, NULL, V4, V6);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		assert_int_equal(addr_parse(none[i], &a), 0);
		own_dns_address(b->own, &a, false);
	}
	assert_int_equal(own_dns_addresses(b->own, &list), 2);
	for (unsigned i = 0; i < 2 * LIMIT_OWN_NAMES; i++) {
		char text[32];

		snprintf(text, sizeof(text), "192.0.2.%u", 10 + i);
		assert_int_equal(addr_parse(text, &a), 0);
		own_dns_address(b->own, &a, false);
	}
	assert_int_equal(own_dns_addresses(b->own, &list), LIMIT_OWN_NAMES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define B(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		B(test_seen),	      B(test_seen_in_part),
		B(test_seen_once),    B(test_unsigned),
		B(test_none_of_ours), B(test_one_too_many),
		B(test_gateway),      B(test_bogus),
		B(test_again),	      B(test_local_addresses),
		B(test_renamed),      B(test_hidden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
