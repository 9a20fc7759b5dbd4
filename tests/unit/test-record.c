/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xfrm/record.c: every field out of its domain is named, and the layout is
 * that of data/record-layout.txt, which the scenarios' own client packs by.
 */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "xfrm/record.h"

static struct addr four(uint8_t last)
{
	return (struct addr){ .family = AF_INET, .bytes = { 10, 0, 0, last } };
}

static struct addr link_local(uint32_t scope)
{
	return (struct addr){ .family = AF_INET6,
			      .scope = scope,
			      .bytes = { 0xfe, 0x80, [15] = 1 } };
}

static void good_flow(struct record *r)
{
	r->flow.udp_remote =
		r->type == RECORD_MOVE || r->type == RECORD_MAPPED ? 4501 : 0;
	r->flow.idle_ms = r->type == RECORD_IDLE ? 1000 : 0;
	r->flow.local = four(1);
	r->flow.remote = four(2);
	r->flow.reqid = RECORD_REQID_MAX;
	r->flow.spi = ESP_SPI_MIN;
}

static void good_install(struct record_install *ret)
{
	ret->local = four(1);
	ret->remote = four(2);
	ret->reqid = RECORD_REQID_MIN;
	ret->in.spi = ESP_SPI_MIN;
	ret->in.cipher = ESP_AES_GCM_16_128;
	ret->in.key_len = 20;
	ret->out = ret->in;
}

static void good_began(struct record_began *ret)
{
	ret->local = four(1);
	ret->remote = four(2);
	ret->first = 1;
	ret->n = 1;
	ret->list[0].protocol = IPPROTO_TCP;
}

/* A good record of each type. */
static struct record good(enum record_type type)
{
	struct record r;

	record_init(&r, type, 1);
	switch (type) {
	case RECORD_INSTALL:
		good_install(&r.install);
		break;
	case RECORD_SWITCH:
	case RECORD_HARDEN:
	case RECORD_REMOVE:
	case RECORD_REMOVE_SA:
	case RECORD_MOVE:
	case RECORD_USED:
	case RECORD_IDLE:
	case RECORD_MAPPED:
	case RECORD_ABANDON:
	case RECORD_COUNT:
		good_flow(&r);
		break;
	case RECORD_VERDICT:
		r.verdict.local = four(1);
		r.verdict.remote = four(2);
		r.verdict.verdict = RECORD_CLEAR;
		r.verdict.lifetime_ms = 1;
		break;
	case RECORD_REPLY:
		r.reply.type = RECORD_INSTALL;
		break;
	case RECORD_ACQUIRE:
	case RECORD_EXPIRE:
	case RECORD_ORPHAN:
	case RECORD_SOCKET:
	case RECORD_COUNTED:
		/* They begin alike. */
		r.socket.local = four(1);
		r.socket.remote = four(2);
		r.socket.reqid = RECORD_REQID_MIN;
		break;
	case RECORD_ADDRESS:
		r.address.addr = four(1);
		break;
	case RECORD_HINT:
		r.hint.local = four(1);
		r.hint.remote = four(2);
		r.hint.spi = 1;
		break;
	case RECORD_BEGAN:
		good_began(&r.began);
		break;
	case RECORD_REPAIR:
	case RECORD_HELLO:
	case RECORD_RELOAD:
	case RECORD_BYE:
	case RECORD_ALIVE:
	case RECORD_WELCOME:
	case RECORD_TYPES:
		break;
	}
	return r;
}

static void test_good(void **state)
{
	const char *field = "untouched";

	(void)state;
	for (unsigned t = RECORD_HELLO; t < RECORD_TYPES; t++) {
		struct record r = good((enum record_type)t);

		assert_int_equal(record_validate(&r, &field), 0);
		assert_string_equal(field, "untouched");
		assert_string_not_equal(record_type_name(t), "?");
	}
	assert_string_equal(record_type_name(RECORD_INSTALL), "INSTALL");
	assert_string_equal(record_type_name(0), "?");
	assert_string_equal(record_type_name(RECORD_TYPES), "?");
	assert_string_equal(record_type_name(UINT32_MAX), "?");
}

#define AT(member)    offsetof(struct record, member)
#define ADDR_RESERVED offsetof(struct addr, reserved)
#define ADDR_SCOPE    offsetof(struct addr, scope)
#define ADDR_BYTES    offsetof(struct addr, bytes)
#define ESP(member)   offsetof(struct esp_sa, member)

/* One field of a good record made another. */
static const struct {
	enum record_type type;
	size_t at, size;
	uint32_t value;
	const char *field;
} wrong[] = {
	{ RECORD_ALIVE, AT(version), 2, 0, "version" },
	{ RECORD_ALIVE, AT(version), 2, RECORD_VERSION + 1, "version" },
	{ RECORD_ALIVE, AT(type), 2, 0, "type" },
	{ RECORD_ALIVE, AT(type), 2, RECORD_TYPES, "type" },
	{ RECORD_ALIVE, AT(type), 2, 0xffff, "type" },
	{ RECORD_SOCKET, AT(socket.local), 2, 0, "local" },
	{ RECORD_SOCKET, AT(socket.remote), 2, AF_INET6, "remote" },
	{ RECORD_SOCKET, AT(socket.reqid), 4, RECORD_REQID_MAX + 1, "reqid" },
	{ RECORD_SOCKET, AT(socket.identified), 4, 2, "identified" },
	{ RECORD_ALIVE, AT(alive.separate), 4, 2, "separate" },
	{ RECORD_ALIVE, AT(alive) + sizeof(struct record_alive), 1, 1,
	  "reserved" },
	{ RECORD_BYE, AT(hello), 1, 1, "reserved" },
	{ RECORD_INSTALL, AT(install.replaces), 4, ESP_SPI_MIN - 1,
	  "replaces" },
	{ RECORD_INSTALL, AT(install.tunnel), 4, 2, "tunnel" },
	{ RECORD_INSTALL, AT(install.scope.n), 1, LIMIT_SCOPE_SERVICES + 1,
	  "scope" },
	{ RECORD_INSTALL, AT(install.scope.n), 1, 1, "scope" },
	{ RECORD_INSTALL, AT(install.scope.sides), 1, 1, "scope" },
	{ RECORD_INSTALL, AT(install.scope.list), 1, IPPROTO_TCP, "scope" },
	{ RECORD_INSTALL, AT(install.udp_local), 2, 4500, "udp_remote" },
	{ RECORD_INSTALL, AT(install.udp_remote), 2, 4500, "udp_remote" },
	{ RECORD_INSTALL, AT(install.outer.family), 2, AF_INET6, "outer" },
	{ RECORD_INSTALL, AT(install.lease.family), 2, AF_INET6, "lease" },
	{ RECORD_ORPHAN, AT(orphan.outer.family), 2, AF_INET6, "outer" },
	{ RECORD_ORPHAN, AT(orphan.lease.family), 2, AF_INET6, "lease" },
	{ RECORD_ADDRESS, AT(address.prefix_len), 4, 33, "prefix_len" },
	{ RECORD_MOVE, AT(flow.udp_remote), 4, 0, "udp_remote" },
	{ RECORD_MOVE, AT(flow.udp_remote), 4, 65536, "udp_remote" },
	{ RECORD_MAPPED, AT(flow.udp_remote), 4, 0, "udp_remote" },
	{ RECORD_REMOVE, AT(flow.udp_remote), 4, 1, "udp_remote" },
	{ RECORD_REMOVE, AT(flow.idle_ms), 4, 1, "idle_ms" },
	{ RECORD_IDLE, AT(flow.idle_ms), 4, 0, "idle_ms" },
	{ RECORD_USED, AT(flow.spi), 4, ESP_SPI_MIN - 1, "spi" },
	{ RECORD_HELLO, AT(hello) + 8, 1, 1, "reserved" },
	{ RECORD_RELOAD, AT(reload) + 4, 1, 1, "reserved" },
	{ RECORD_VERDICT, sizeof(struct record) - 1, 1, 1, "reserved" },
	{ RECORD_INSTALL, AT(install.local.family), 2, 0, "local" },
	{ RECORD_INSTALL, AT(install.local.family), 2, 17, "local" },
	{ RECORD_INSTALL, AT(install.local) + ADDR_RESERVED, 2, 1, "local" },
	{ RECORD_INSTALL, AT(install.local) + ADDR_SCOPE, 4, 1, "local" },
	{ RECORD_INSTALL, AT(install.local) + ADDR_BYTES + 4, 1, 1, "local" },
	{ RECORD_INSTALL, AT(install.remote.family), 2, AF_INET6, "remote" },
	{ RECORD_INSTALL, AT(install.remote) + ADDR_BYTES + 15, 1, 1,
	  "remote" },
	{ RECORD_INSTALL, AT(install.reqid), 4, RECORD_REQID_MIN - 1, "reqid" },
	{ RECORD_INSTALL, AT(install.reqid), 4, RECORD_REQID_MAX + 1, "reqid" },
	{ RECORD_INSTALL, AT(install.reqid), 4, 0, "reqid" },
	{ RECORD_INSTALL, AT(install.flags), 4, 8, "flags" },
	{ RECORD_INSTALL, AT(install.flags), 4, 0x80000000u, "flags" },
	{ RECORD_INSTALL, AT(install.flags), 4,
	  RECORD_IN_ONLY | RECORD_OUT_LATER, "flags" },
	{ RECORD_INSTALL, AT(install.flags), 4, RECORD_IN_ONLY, "out" },
	{ RECORD_INSTALL, AT(install.in) + ESP(spi), 4, ESP_SPI_MIN - 1,
	  "spi" },
	{ RECORD_INSTALL, AT(install.in) + ESP(cipher), 1, 0, "cipher" },
	{ RECORD_INSTALL, AT(install.in) + ESP(cipher), 1, 10, "cipher" },
	{ RECORD_INSTALL, AT(install.in) + ESP(cipher), 1,
	  ESP_AES_CBC_128_SHA2_256, "key_len" },
	{ RECORD_INSTALL, AT(install.in) + ESP(cipher), 1,
	  ESP_CHACHA20_POLY1305, "key_len" },
	{ RECORD_INSTALL, AT(install.in) + ESP(key_len), 1, 19, "key_len" },
	{ RECORD_INSTALL, AT(install.in) + ESP(key_len), 1, 255, "key_len" },
	{ RECORD_INSTALL, AT(install.in) + ESP(esn), 1, 2, "esn" },
	{ RECORD_INSTALL, AT(install.in) + ESP(reserved), 1, 1, "reserved" },
	{ RECORD_INSTALL, AT(install.in) + ESP(key) + 20, 1, 1, "key" },
	{ RECORD_INSTALL, AT(install.out) + ESP(spi), 4, 0, "spi" },
	{ RECORD_INSTALL, AT(install.out) + ESP(key) + 35, 1, 1, "key" },
	{ RECORD_INSTALL, AT(install.out) + ESP(cipher), 1, 255, "cipher" },
	{ RECORD_SWITCH, AT(flow.local.family), 2, 0, "local" },
	{ RECORD_SWITCH, AT(flow.reqid), 4, 16385, "reqid" },
	{ RECORD_HARDEN, AT(flow.remote.family), 2, AF_INET6, "remote" },
	{ RECORD_REMOVE, AT(flow.reqid), 4, 0x53ffffff, "reqid" },
	{ RECORD_REMOVE, AT(flow.inbound), 4, 2, "inbound" },
	{ RECORD_REMOVE_SA, AT(flow.spi), 4, 0, "spi" },
	{ RECORD_REMOVE_SA, AT(flow.spi), 4, 255, "spi" },
	{ RECORD_VERDICT, AT(verdict.verdict), 4, 0, "verdict" },
	{ RECORD_VERDICT, AT(verdict.verdict), 4, RECORD_FORGET + 1,
	  "verdict" },
	{ RECORD_VERDICT, AT(verdict.lifetime_ms), 4, 0, "lifetime_ms" },
	{ RECORD_VERDICT, AT(verdict.remote.family), 2, 0, "remote" },
	{ RECORD_WELCOME, AT(welcome.sockets), 4, 16, "sockets" },
	{ RECORD_WELCOME, AT(welcome.flags), 4, 256, "flags" },
	{ RECORD_REPLY, AT(reply.error), 4, 1, "error" },
	{ RECORD_REPLY, AT(reply.type), 4, 0, "type" },
	{ RECORD_REPLY, AT(reply.type), 4, RECORD_TYPES, "type" },
	{ RECORD_ACQUIRE, AT(acquire.local.family), 2, 0, "local" },
	{ RECORD_ACQUIRE, AT(acquire.held), 2, 2, "held" },
	{ RECORD_EXPIRE, AT(expire.hard), 4, 2, "hard" },
	{ RECORD_EXPIRE, AT(expire.inbound), 4, 2, "inbound" },
	{ RECORD_EXPIRE, AT(expire.reqid), 4, 1, "reqid" },
	{ RECORD_ORPHAN, AT(orphan.last), 4, 2, "last" },
	{ RECORD_ORPHAN, AT(orphan.reqid), 4, 0, "last" },
	{ RECORD_ORPHAN, AT(orphan.reqid), 4, 5, "reqid" },
	{ RECORD_ADDRESS, AT(address.gone), 4, 2, "gone" },
	{ RECORD_ADDRESS, AT(address.addr.family), 2, 0, "addr" },
	{ RECORD_HINT, AT(hint.remote.family), 2, 0, "remote" },
	{ RECORD_HINT, AT(hint.udp_remote), 4, 65536, "udp_remote" },
	{ RECORD_COUNT, AT(flow.reqid), 4, 1, "reqid" },
	{ RECORD_COUNTED, AT(counted.remote.family), 2, 0, "remote" },
	{ RECORD_COUNTED, AT(counted.reqid), 4, 1, "reqid" },
	{ RECORD_COUNTED, AT(counted.flags), 4, 16, "flags" },
	{ RECORD_COUNTED, AT(counted.guarded), 4, 2, "guarded" },
	{ RECORD_BEGAN, AT(began.remote.family), 2, 0, "remote" },
	{ RECORD_BEGAN, AT(began.first), 4, 2, "first" },
	{ RECORD_BEGAN, AT(began.n), 4, RECORD_BEGAN_MAX + 1, "n" },
	{ RECORD_BEGAN, AT(began.n), 4, 2, "protocol" },
	{ RECORD_BEGAN, AT(began.n), 4, 0, "list" },
	{ RECORD_BEGAN, AT(began.list), 2, IPPROTO_ICMP, "protocol" },
};

static void test_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct record r = good(wrong[i].type);
		const char *field = NULL;

		/* Little-endian hosts only would do with one memcpy(). */
		if (wrong[i].size == 1) {
			uint8_t v = (uint8_t)wrong[i].value;

			memcpy((uint8_t *)&r + wrong[i].at, &v, 1);
		} else if (wrong[i].size == 2) {
			uint16_t v = (uint16_t)wrong[i].value;

			memcpy((uint8_t *)&r + wrong[i].at, &v, 2);
		} else {
			memcpy((uint8_t *)&r + wrong[i].at, &wrong[i].value, 4);
		}
		if (record_validate(&r, &field) != -EPROTO)
			fail_msg("row %zu: %s passes", i, wrong[i].field);
		assert_non_null(field);
		assert_string_equal(field, wrong[i].field);
	}
}

static void test_pairs(void **state)
{
	struct record r = good(RECORD_INSTALL);
	const char *field;

	(void)state;
	r.install.local = link_local(3);
	r.install.remote = link_local(3);
	r.install.remote.bytes[15] = 2;
	assert_int_equal(record_validate(&r, &field), 0);
	r.install.remote.scope = 4; /* on another link */
	assert_int_equal(record_validate(&r, &field), -EPROTO);
	r.install.remote.scope = 0;
	assert_int_equal(record_validate(&r, &field), 0);
	r = good(RECORD_REMOVE);
	memset(&r.flow.local, 0, sizeof(r.flow.local));
	memset(&r.flow.remote, 0, sizeof(r.flow.remote));
	assert_int_equal(record_validate(&r, &field), 0);
	r.flow.remote = four(2);
	assert_int_equal(record_validate(&r, &field), -EPROTO);
}

static void test_lifetimes(void **state)
{
	static const struct {
		uint32_t hard, soft;
		int want;
	} rows[] = { { 0, 0, 0 },
		     { 0, 100, 0 },
		     { 100, 0, 0 },
		     { 100, 100, 0 },
		     { 100, 101, -EPROTO } };
	const char *field;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct record r = good(RECORD_INSTALL);

		r.install.hard_s = rows[i].hard;
		r.install.soft_s = rows[i].soft;
		assert_int_equal(record_validate(&r, &field), rows[i].want);
	}
}

/* Where ESP goes to, and for whom: each only in a tunnel, and one of them. */
static void test_ends(void **state)
{
	const struct {
		struct addr outer, lease;
		uint32_t tunnel;
		const char *want;
	} rows[] = {
		{ .outer = four(3), .tunnel = 1 },
		{ .lease = four(3), .tunnel = 1 },
		{ .outer = four(3), .want = "tunnel" },
		{ .lease = four(3), .want = "tunnel" },
		{ .outer = four(2), .tunnel = 1, .want = "outer" },
		{ .lease = four(2), .tunnel = 1, .want = "lease" },
		{ .outer = four(3),
		  .lease = four(4),
		  .tunnel = 1,
		  .want = "lease" },
		{ .outer = { AF_INET, 0, 0, { 169, 254, 0, 1 } },
		  .tunnel = 1,
		  .want = "outer" },
		{ .lease = { AF_INET, 0, 0, { 169, 254, 0, 1 } },
		  .tunnel = 1,
		  .want = "lease" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct record r = good(RECORD_INSTALL);
		const char *field = NULL;

		r.install.outer = rows[i].outer;
		r.install.lease = rows[i].lease;
		r.install.tunnel = rows[i].tunnel;
		assert_int_equal(record_validate(&r, &field),
				 rows[i].want ? -EPROTO : 0);
		if (rows[i].want)
			assert_string_equal(field, rows[i].want);
	}
}

/* Offsets by name, as data/record-layout.txt has them. */
static const struct {
	const char *name;
	size_t at;
} layout[] = {
#define FIELD(member)                         \
	{                                     \
		"record." #member, AT(member) \
	}
	{ "record", sizeof(struct record) },
	FIELD(version),
	FIELD(type),
	FIELD(seq),
	FIELD(hello.pid),
	FIELD(welcome.sockets),
	FIELD(welcome.flags),
	FIELD(install.local),
	FIELD(install.remote),
	FIELD(install.reqid),
	FIELD(install.acquire_seq),
	FIELD(install.flags),
	FIELD(install.hard_s),
	FIELD(install.soft_s),
	FIELD(install.hard_kib),
	FIELD(install.soft_kib),
	FIELD(install.hard_packets),
	FIELD(install.soft_packets),
	FIELD(install.replaces),
	FIELD(install.tunnel),
	FIELD(install.udp_local),
	FIELD(install.udp_remote),
	FIELD(install.in),
	FIELD(install.out),
	FIELD(install.outer),
	FIELD(install.lease),
	FIELD(install.scope),
	FIELD(flow.local),
	FIELD(flow.remote),
	FIELD(flow.reqid),
	FIELD(flow.spi),
	FIELD(flow.inbound),
	FIELD(flow.udp_remote),
	FIELD(flow.idle_ms),
	FIELD(verdict.local),
	FIELD(verdict.remote),
	FIELD(verdict.verdict),
	FIELD(verdict.lifetime_ms),
	FIELD(alive.refused),
	FIELD(alive.left_out),
	FIELD(alive.separate),
	FIELD(alive.held),
	FIELD(alive.held_no_room),
	FIELD(alive.held_late),
	FIELD(alive.began),
	FIELD(alive.events_lost),
	FIELD(reply.error),
	FIELD(reply.type),
	FIELD(reply.count),
	FIELD(acquire.local),
	FIELD(acquire.remote),
	FIELD(acquire.seq),
	FIELD(acquire.reqid),
	FIELD(acquire.protocol),
	FIELD(acquire.local_port),
	FIELD(acquire.remote_port),
	FIELD(acquire.held),
	FIELD(expire.local),
	FIELD(expire.remote),
	FIELD(expire.reqid),
	FIELD(expire.spi),
	FIELD(expire.inbound),
	FIELD(expire.hard),
	FIELD(orphan.local),
	FIELD(orphan.remote),
	FIELD(orphan.reqid),
	FIELD(orphan.spi_in),
	FIELD(orphan.spi_out),
	FIELD(orphan.last),
	FIELD(orphan.outer),
	FIELD(orphan.lease),
	FIELD(address.addr),
	FIELD(address.gone),
	FIELD(address.prefix_len),
	FIELD(socket.local),
	FIELD(socket.remote),
	FIELD(socket.reqid),
	FIELD(socket.identified),
	FIELD(hint.local),
	FIELD(hint.remote),
	FIELD(hint.spi),
	FIELD(hint.udp_remote),
	FIELD(counted.local),
	FIELD(counted.remote),
	FIELD(counted.reqid),
	FIELD(counted.flags),
	FIELD(counted.spi_in),
	FIELD(counted.spi_out),
	FIELD(counted.idle_s),
	FIELD(counted.guarded),
	FIELD(counted.bytes_in),
	FIELD(counted.packets_in),
	FIELD(counted.bytes_out),
	FIELD(counted.packets_out),
	FIELD(began.local),
	FIELD(began.remote),
	FIELD(began.first),
	FIELD(began.n),
	FIELD(began.list),
};

static void test_layout(void **state)
{
	const char *dir = getenv("srcdir");
	char path[4096], name[64];
	size_t n = 0, at;
	FILE *f;

	(void)state;
	snprintf(path, sizeof(path), "%s/tests/unit/data/record-layout.txt",
		 dir ? dir : ".");
	f = fopen(path, "r");
	assert_non_null(f);
	for (; fscanf(f, "%63s %zu", name, &at) == 2; n++) {
		assert_true(n < sizeof(layout) / sizeof(layout[0]));
		assert_string_equal(name, layout[n].name);
		assert_int_equal(at, layout[n].at);
	}
	assert_int_equal(n, sizeof(layout) / sizeof(layout[0]));
	fclose(f);
	assert_int_equal(sizeof(struct addr), 24);
	assert_int_equal(sizeof(struct esp_sa), 104);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),  cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_pairs), cmocka_unit_test(test_lifetimes),
		cmocka_unit_test(test_ends),  cmocka_unit_test(test_layout),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
