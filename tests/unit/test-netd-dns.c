/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * agent/netd-dns.c: which ports of which name servers stay in the clear.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "agent/netd-dns.h"

static void check(char **servers, char **zones, const char *expected)
{
	const struct config_dns c = { .lookup = true,
				      .servers = servers,
				      .zones = zones };
	const struct netd_dns_ops ops = { 0 };
	const struct nameserver *s;
	struct netd_dns *d = NULL;
	sd_event *event = NULL;
	char text[4096] = "";
	size_t n;

	assert_true(sd_event_new(&event) >= 0);
	assert_int_equal(netd_dns_new(event, &c, &ops, &d), 0);
	s = netd_dns_servers(d, &n);
	assert_true(n <= LIMIT_DNS_OPENINGS);
	for (size_t i = 0; i < n && i < 4; i++) {
		char a[ADDR_STRLEN];

		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 "%s@%u ", addr_format(&s[i].addr, a), s[i].port);
	}
	assert_string_equal(text, expected);
	netd_dns_free(d);
	sd_event_unref(event);
}

static void test_list(void **state)
{
	char *servers[] = { "192.0.2.1", "2001:db8::1@5353#ns.example", NULL };
	char *local[] = { "127.0.0.53", "::1@54", NULL };
	char *zones[] = { "corp.example=192.0.2.1@53", NULL };

	(void)state;
	check(servers, NULL, "192.0.2.1@53 192.0.2.1@853 2001:db8::1@5353 ");
	check(local, NULL, "");
	check(NULL, zones, "192.0.2.1@53 ");
	/* Each port once. */
	check(servers, zones, "192.0.2.1@53 192.0.2.1@853 2001:db8::1@5353 ");
}

static void test_limit(void **state)
{
	char text[80][24], *servers[81] = { NULL };

	(void)state;
	for (size_t i = 0; i < 80; i++) {
		snprintf(text[i], sizeof(text[i]), "192.0.2.%zu@53", i + 1);
		servers[i] = text[i];
	}
	check(servers, NULL,
	      "192.0.2.1@53 192.0.2.2@53 192.0.2.3@53 192.0.2.4@53 ");
}

static void test_recursive(void **state)
{
	char *servers[] = { "192.0.2.1", NULL };
	struct config_dns c = { .lookup = true };

	(void)state;
	assert_true(netd_dns_recursive(&c));
	c.servers = servers;
	assert_false(netd_dns_recursive(&c));
	c.servers = NULL;
	c.system_servers = true;
	assert_false(netd_dns_recursive(&c));
	c = (struct config_dns){ 0 };
	assert_false(netd_dns_recursive(&c));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_recursive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
