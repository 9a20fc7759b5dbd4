/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ike/tap.h: what the tap shows of a whole life of an IKE SA, on both sides,
 * and that the engine does the same with it as without.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ike-puppet.h"

#define SEEN_MAX 64

struct seen {
	/* What went through, as it was shown. */
	struct {
		struct ike_header header;
		bool sent, opened;
		uint32_t present;
	} messages[SEEN_MAX];
	size_t n;
	unsigned n_keys;
	char line[IKE_TAP_KEYS_LINE];
	char states[1024];
	unsigned n_authenticated;
};

static struct seen seen[2];

static void on_message(struct seen *s, const struct ike_tap_message *t)
{
	struct ike_message m;

	assert_true(s->n < SEEN_MAX);
	assert_true(ike_message_parse(t->data, t->len, &m) >= 0);
	s->messages[s->n].header = m.header;
	s->messages[s->n].sent = t->sent;
	s->messages[s->n].opened = t->opened;
	s->messages[s->n++].present = m.present;
}

static void on_tap(struct seen *s, const struct ike_tap *t)
{
	if (t->type == IKE_TAP_MESSAGE) {
		on_message(s, &t->message);
		return;
	}
	s->n_keys++;
	s->line[0] = 0;
	if (ike_tap_keys_format(&t->keys, s->line, sizeof(s->line)) >= 0)
		assert_non_null(strchr(s->line, '\n'));
}

static void on_change(struct seen *s, const struct ike_change *c)
{
	size_t len = strlen(s->states);

	snprintf(s->states + len, sizeof(s->states) - len, "%s ", c->to);
	assert_true(strlen(c->meaning) > 3);
	s->n_authenticated += c->authenticated;
}

/* One of each for each host: the harness keeps user for itself. */
static void tap_0(void *user, const struct ike_tap *t)
{
	(void)user;
	on_tap(&seen[0], t);
}
static void tap_1(void *user, const struct ike_tap *t)
{
	(void)user;
	on_tap(&seen[1], t);
}
static void change_0(void *user, const struct ike_change *c)
{
	(void)user;
	on_change(&seen[0], c);
}
static void change_1(void *user, const struct ike_change *c)
{
	(void)user;
	on_change(&seen[1], c);
}

static void listen_to(struct world *w)
{
	memset(seen, 0, sizeof(seen));
	w->hosts[0].engine->ops.tap = tap_0;
	w->hosts[0].engine->ops.changed = change_0;
	w->hosts[1].engine->ops.tap = tap_1;
	w->hosts[1].engine->ops.changed = change_1;
}

/* Every message is shown once each way, opened where it was protected. */
static void test_messages(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 1, NULL);
	listen_to(&w);
	world_initiate(&w, 0);
	world_run(&w, w.now + 100);
	assert_true(world_agree(&w));
	ike_close(w.hosts[0].engine, w.now, host_child(&w.hosts[0])->sa);
	world_run(&w, w.now + 100);
	assert_int_equal(seen[0].n, seen[1].n);
	assert_true(seen[0].n >= 6);
	for (size_t i = 0; i < seen[0].n; i++) {
		bool init = seen[0].messages[i].header.exchange ==
			    IKE_EXCHANGE_SA_INIT;

		for (unsigned k = 0; k < 2; k++)
			assert_int_equal(seen[k].messages[i].opened, !init);
		assert_int_equal(seen[0].messages[i].sent,
				 !seen[1].messages[i].sent);
		assert_int_equal(seen[0].messages[i].present,
				 seen[1].messages[i].present);
		assert_false(seen[0].messages[i].present &
			     IKE_PRESENT(IKE_PAYLOAD_SK));
		if (seen[0].messages[i].header.exchange == IKE_EXCHANGE_AUTH)
			assert_true(seen[0].messages[i].present &
				    IKE_PRESENT(IKE_PAYLOAD_AUTH));
	}
	world_run(&w, w.now + 60000);
	world_done(&w);
}

/* Fragments are shown as they travel, and what they are of in the clear, on
 * both sides: IKE_AUTH both ways. */
static void test_fragments(void **state)
{
	struct ike_config c;
	struct world w;

	(void)state;
	ike_config_init(&c);
	c.fragment_mtu = 200;
	world_init(&w, 1, &c);
	listen_to(&w);
	world_initiate(&w, 0);
	world_run(&w, w.now + 100);
	assert_true(world_agree(&w));
	for (unsigned i = 0; i < 2; i++) {
		unsigned whole[2] = { 0 }, pieces[2] = { 0 };

		for (size_t k = 0; k < seen[i].n; k++) {
			bool sent = seen[i].messages[k].sent;
			uint32_t present = seen[i].messages[k].present;

			if (seen[i].messages[k].header.exchange !=
			    IKE_EXCHANGE_AUTH)
				continue;
			if (present == IKE_PRESENT(IKE_PAYLOAD_SKF)) {
				assert_false(seen[i].messages[k].opened);
				pieces[sent]++;
				continue;
			}
			assert_true(seen[i].messages[k].opened);
			assert_true(present & IKE_PRESENT(IKE_PAYLOAD_AUTH));
			assert_true(present & IKE_PRESENT(IKE_PAYLOAD_TSR));
			whole[sent]++;
		}
		for (unsigned sent = 0; sent < 2; sent++) {
			assert_int_equal(whole[sent], 1);
			assert_true(pieces[sent] > 1);
		}
	}
	world_done(&w);
}

static void test_keys(void **state)
{
	struct ike_sa_info info;
	struct world w;
	char spis[64];

	(void)state;
	world_init(&w, 1, NULL);
	listen_to(&w);
	world_initiate(&w, 0);
	world_run(&w, w.now + 100);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(seen[i].n_keys, 1);
	assert_string_equal(seen[0].line, seen[1].line);
	assert_true(ike_sa_describe(w.hosts[0].engine,
				    host_child(&w.hosts[0])->sa, &info));
	snprintf(spis, sizeof(spis), "%016llx,%016llx,",
		 (unsigned long long)info.spi_i,
		 (unsigned long long)info.spi_r);
	assert_memory_equal(seen[0].line, spis, strlen(spis));
	world_done(&w);
}

static void test_states(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 1, NULL);
	listen_to(&w);
	world_initiate(&w, 0);
	world_run(&w, w.now + 100);
	assert_non_null(strstr(seen[0].states, "generate init-sent derive "));
	assert_non_null(strstr(seen[0].states, "established "));
	assert_non_null(strstr(seen[1].states, "respond init-done "));
	assert_non_null(strstr(seen[1].states, "established "));
	/* What a stranger can cause is told apart. */
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(seen[i].n_authenticated, 1);
	ike_abandon(w.hosts[0].engine, w.now, host_child(&w.hosts[0])->sa);
	world_settle(&w);
	assert_non_null(strstr(seen[0].states, "dead "));
	assert_int_equal(seen[0].n_authenticated, 2);
	world_done(&w);
}

/* The heir of a rekeyed IKE SA: its keys too, and all that it says. */
static void test_rekey(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 1, NULL);
	listen_to(&w);
	world_initiate(&w, 0);
	world_run(&w, w.now + 100);
	assert_int_equal(ike_rekey(w.hosts[0].engine, w.now,
				   host_child(&w.hosts[0])->sa),
			 0);
	world_run(&w, w.now + 5000);
	assert_true(world_agree(&w));
	ike_check(w.hosts[1].engine, w.now, host_child(&w.hosts[1])->sa);
	world_run(&w, w.now + 100);
	for (unsigned k = 0; k < 2; k++) {
		assert_int_equal(seen[k].n_keys, 2);
		for (size_t i = 0; i < seen[k].n; i++)
			assert_int_equal(seen[k].messages[i].opened,
					 seen[k].messages[i].header.exchange !=
						 IKE_EXCHANGE_SA_INIT);
	}
	assert_string_equal(seen[0].line, seen[1].line);
	world_done(&w);
}

/* What cannot be opened is shown as it is, and does no harm. */
static void test_garbage(void **state)
{
	static const uint8_t junk[] = "not a message of IKE at all";
	struct ike_outgoing out;
	struct puppet p;
	struct world w;

	(void)state;
	world_init(&w, 1, NULL);
	puppet_establish(&p, &w, true);
	listen_to(&w);
	puppet_begin(&p, &out, IKE_EXCHANGE_INFORMATIONAL, false, 2);
	assert_int_equal(ike_protect_seal(&out.b, p.cipher, p.keys.ei.data), 0);
	for (size_t i = IKE_HEADER_LEN; i < out.b.w.len; i++) {
		out.buf[i] ^= 1;
		seen[0].n = 0;
		/* The chain must parse, or on_message() fails. */
		if (i >= IKE_HEADER_LEN + IKE_GENERIC_LEN) {
			world_inject(&w, 0, out.buf, out.b.w.len);
			assert_false(seen[0].messages[0].opened);
		}
		out.buf[i] ^= 1;
	}
	w.hosts[0].engine->ops.tap = NULL;
	world_inject(&w, 0, junk, sizeof(junk));
	puppet_done(&p);
	world_done(&w);
}

static void test_format(void **state)
{
	static const uint8_t key[] = { 0, 0x7f, 0xff };
	struct ike_tap_keys k = {
		.spi_i = 0x0123456789abcdef,
		.spi_r = 1,
		.encr = IKE_ENCR_AES_GCM_16,
		.key_bits = 256,
		.ei = { key, 3 },
		.er = { key, 2 },
	};
	char buf[IKE_TAP_KEYS_LINE];
	int n;

	(void)state;
	n = ike_tap_keys_format(&k, buf, sizeof(buf));
	assert_true(n > 0);
	buf[n] = 0;
	assert_string_equal(buf, "0123456789abcdef,0000000000000001,007fff,"
				 "007f,\"AES-GCM-256 with 16 octet ICV "
				 "[RFC5282]\",,,\"NONE [RFC4306]\"\n");
	assert_int_equal(ike_tap_keys_format(&k, buf, 64), -ENOBUFS);
	k.encr = IKE_ENCR_CHACHA20_POLY1305;
	k.key_bits = 0;
	n = ike_tap_keys_format(&k, buf, sizeof(buf));
	assert_true(n > 0);
	assert_memory_equal(buf, "# 0123456789abcdef,0000000000000001: an ",
			    40);
	buf[n] = 0;
	assert_null(strstr(buf, "7fff"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_rekey),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
