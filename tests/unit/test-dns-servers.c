/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * agent/dns-servers.c: who is asked about what, by configuration and as
 * systemd-resolved routes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/dns-servers.h"

static void join(char *const *list, char *ret, size_t size)
{
	ret[0] = '\0';
	for (size_t i = 0; list && list[i]; i++)
		snprintf(ret + strlen(ret), size - strlen(ret), "%s%s",
			 i ? " " : "", list[i]);
}

static void check(const struct config_dns *c, const struct nameservers *system,
		  const struct resolved_state *resolved, int expected,
		  const char *forwarders, const char *zones)
{
	struct dns_servers s;
	char text[2048];

	assert_int_equal(dns_servers_make(c, system, resolved, &s), expected);
	join(s.forwarders, text, sizeof(text));
	assert_string_equal(text, forwarders);
	join(s.zones, text, sizeof(text));
	assert_string_equal(text, zones);
	assert_true(dns_servers_equal(&s, &s));
	dns_servers_done(&s);
}

static struct addr address(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

/* TLS has its own port where none is named. */
static void test_config(void **state)
{
	char *servers[] = { "192.0.2.1", "192.0.2.2#ns.example",
			    "2001:db8::1@8853#ns.example", NULL };
	char *zones[] = { "corp.example=192.0.2.9", NULL };
	struct config_dns c = { .servers = servers, .zones = zones };
	const struct nameservers none = { 0 };

	(void)state;
	check(&c, &none, NULL, 0,
	      "192.0.2.1 192.0.2.2#ns.example 2001:db8::1@8853#ns.example",
	      "corp.example 192.0.2.9");
	c.tls = true;
	check(&c, &none, NULL, 0,
	      "192.0.2.1@853 192.0.2.2@853#ns.example "
	      "2001:db8::1@8853#ns.example",
	      "corp.example 192.0.2.9@853");
	/* Full recursion. */
	c = (struct config_dns){ 0 };
	check(&c, &none, NULL, 0, "", "");
}

static void test_system(void **state)
{
	const struct nameservers none = { 0 }, two = {
		.n = 2,
		.list = { address("192.0.2.1"), address("2001:db8::1") },
	};
	struct config_dns c = { .system_servers = true };

	(void)state;
	check(&c, &two, NULL, 0, "192.0.2.1 2001:db8::1", "");
	c.tls = true;
	check(&c, &two, NULL, 0, "192.0.2.1@853 2001:db8::1@853", "");
	check(&c, &none, NULL, -ENETDOWN, "", "");
}

/* A link to the world, a VPN with names of its own, and both's variants. */
static void test_resolved(void **state)
{
	struct resolved_state s = {
		.n_servers = 3,
		.servers = { { { address("192.0.2.1"), 0 }, 2, "" },
			     { { address("10.8.0.1"), 0 }, 5, "vpn.example" },
			     { { address("10.8.0.2"), 5353 }, 5, "" } },
		.n_domains = 2,
		.domains = { { 5, "corp.example" }, { 2, "home.example" } },
		.n_defaults = 1,
		.defaults = { 2 },
	};
	const struct config_dns c = { .system_servers = true };
	const struct config_dns tls = { .system_servers = true, .tls = true };
	const struct nameservers none = { 0 };

	(void)state;
	check(&c, &none, &s, 0, "192.0.2.1@53",
	      "corp.example 10.8.0.1@53 corp.example 10.8.0.2@5353 "
	      "home.example 192.0.2.1@53");
	check(&tls, &none, &s, 0, "192.0.2.1@853",
	      "corp.example 10.8.0.1@853#vpn.example "
	      "corp.example 10.8.0.2@5353 home.example 192.0.2.1@853");
	/* A VPN that takes everything. */
	strcpy(s.domains[0].name, ".");
	s.n_domains = 1;
	check(&c, &none, &s, 0, "10.8.0.1@53 10.8.0.2@5353", "");
	/* Names that are nobody's are asked of nobody. */
	strcpy(s.domains[0].name, "corp.example");
	s.n_defaults = 0;
	s.n_servers = 2;
	check(&c, &none, &s, 0, "127.0.0.1@9", "corp.example 10.8.0.1@53");
	/* Servers of no link serve all. */
	s.servers[0].link = 0;
	check(&c, &none, &s, 0, "192.0.2.1@53", "corp.example 10.8.0.1@53");
	s.n_servers = 0;
	check(&c, &none, &s, -ENETDOWN, "", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_system),
		cmocka_unit_test(test_resolved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
