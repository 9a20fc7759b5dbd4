/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dbus/tacit-verdict.c: where a packet is said to go, and what by.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dbus/tacit-verdict.h"

static void test_parse(void **state)
{
	static const struct {
		const char *text, *host;
		struct service service;
	} good[] = {
		{ "10.0.0.1", "10.0.0.1", { 0, 0 } },
		{ "10.0.0.1:443/tcp", "10.0.0.1", { IPPROTO_TCP, 443 } },
		{ "host.example:65535/udp",
		  "host.example",
		  { IPPROTO_UDP, 65535 } },
		{ "2001:db8::1", "2001:db8::1", { 0, 0 } },
		{ "[2001:db8::1]", "2001:db8::1", { 0, 0 } },
		{ "[2001:db8::1]:1/udp", "2001:db8::1", { IPPROTO_UDP, 1 } },
		{ "fe80::1%2", "fe80::1%2", { 0, 0 } },
	};
	static const char *const bad[] = { "",
					   ":443/tcp",
					   "10.0.0.1:443",
					   "h:0/tcp",
					   "h:65536/tcp",
					   "h:/tcp",
					   "h:-1/tcp",
					   "h:+1/tcp",
					   "h:443/icmp",
					   "h:443/TCP",
					   "[]",
					   "[::1",
					   "[::1]443",
					   "[::1]:443",
					   "h:443/tcp ",
					   "h: 443/tcp",
					   "[::1]:443/tcp]" };
	char host[TACIT_HOST_LEN], longest[TACIT_HOST_LEN + 1];
	struct tacit_target t;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(tacit_target_parse(good[i].text, host, &t), 0);
		assert_string_equal(host, good[i].host);
		assert_true(service_equal(&t.service, &good[i].service));
	}
	strcpy(host, "untouched");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(tacit_target_parse(bad[i], host, &t), -EINVAL);
	memset(longest, 'a', sizeof(longest));
	longest[TACIT_HOST_LEN] = '\0';
	assert_int_equal(tacit_target_parse(longest, host, &t), -EINVAL);
	assert_string_equal(host, "untouched");
}

static const struct {
	const char *policy, *level, *discover;
	bool wait, in_file;
	const char *address;
	uint16_t port;
	const char *outcome, *has;
} rows[] = {
#define A4 "10.0.0.2", 0
	{ "", "", "", false, false, A4, "clear", "No policy" },
	{ "p", "forbid", "always", false, false, A4, "clear", "refused" },
	{ "p", "allow", "always", false, false, A4, "clear", "has begun" },
	{ "p", "offer", "always", false, false, A4, "clear-first", "IKE" },
	{ "p", "offer", "always", true, false, A4, "held",
	  "at most 2000 ms; where the peer cannot" },
	{ "p", "offer", "dns", false, false, A4, "clear-first", "DNS" },
	{ "p", "offer", "dns", true, false, A4, "held", "DNS" },
	/* Whose key is known need not be looked up. */
	{ "p", "offer", "dns", false, true, A4, "clear-first", "IKE" },
	{ "p", "require", "always", true, false, A4, "held", "never" },
	{ "p", "block", "always", false, false, A4, "dropped", "Nothing" },
	{ "p", "require", "always", true, false, "2001:db8::1", 0, "held",
	  "never" },
	{ "p", "require", "always", true, false, "127.0.0.1", 0, "clear",
	  "within this host" },
	{ "p", "require", "always", true, false, "::1", 0, "clear",
	  "within this host" },
	{ "p", "block", "always", false, false, "224.0.0.1", 0, "clear",
	  "many" },
	{ "p", "require", "always", true, false, "255.255.255.255", 0, "clear",
	  "many" },
	{ "p", "require", "always", true, false, "ff02::1", 0, "clear",
	  "many" },
	{ "p", "require", "always", true, false, "10.0.0.2", 53, "held",
	  "name server" },
};

static void test_outcomes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct tacit_dict d = {
			.count = 6,
			.entries = {
				{ .key = "Policy", .type = 's',
				  .text = rows[i].policy },
				{ .key = "Level", .type = 's',
				  .text = rows[i].level },
				{ .key = "Discover", .type = 's',
				  .text = rows[i].discover },
				{ .key = "Wait", .type = 'b',
				  .number = rows[i].wait },
				{ .key = "KeyFile", .type = 'b',
				  .number = rows[i].in_file },
				{ .key = "WaitTimeMs", .type = 'n',
				  .number = 2000 },
			},
		};
		struct tacit_target t = {
			.service = { IPPROTO_TCP, rows[i].port },
		};
		struct tacit_verdict v;

		assert_int_equal(addr_parse(rows[i].address, &t.address), 0);
		tacit_verdict_find(&t, &d, &v);
		assert_string_equal(v.outcome, rows[i].outcome);
		assert_non_null(strstr(v.why, rows[i].has));
		t.own = true;
		tacit_verdict_find(&t, &d, &v);
		assert_string_equal(v.outcome, "clear");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_outcomes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
