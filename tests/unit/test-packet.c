/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Heads of packets, written out in hex. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "xfrm/packet.h"

#define IP4(proto, frag)                             \
	"4500 0054 0001 " frag " 40 " proto " 0000 " \
	"0a000001 0a000102 "
#define IP6(next)                           \
	"6000 0000 0020 " next " 40 "       \
	"20010db8000000000000000000000001 " \
	"20010db8000000000000000000000102 "

struct row {
	const char *name;
	uint8_t family;
	const char *hex;
	int error;
	uint8_t protocol;
	uint16_t local_port, remote_port;
};

static const struct row rows[] = {
	{ "tcp", AF_INET, IP4("06", "0000") "d431 0050 0000", 0, 6, 54321, 80 },
	{ "udp, do not fragment", AF_INET, IP4("11", "4000") "d431 0035", 0, 17,
	  54321, 53 },
	{ "first fragment", AF_INET, IP4("11", "2000") "d431 0035", 0, 17,
	  54321, 53 },
	{ "later fragment", AF_INET, IP4("11", "2001") "d431 0035", 0, 17, 0,
	  0 },
	{ "icmp has no ports", AF_INET, IP4("01", "0000") "0800 1234 5678", 0,
	  1, 0, 0 },
	{ "sctp", AF_INET, IP4("84", "0000") "0b59 0b5a", 0, 132, 2905, 2906 },
	{ "options", AF_INET,
	  "4600 0054 0001 0000 40 11 0000 0a000001 0a000102 "
	  "94040000 d431 0035",
	  0, 17, 54321, 53 },
	{ "options cut off", AF_INET,
	  "4600 0054 0001 0000 40 11 0000 0a000001 0a000102 9404", 0, 17, 0,
	  0 },
	{ "ports cut off", AF_INET, IP4("11", "0000") "d431 00", 0, 17, 0, 0 },
	{ "no transport header", AF_INET, IP4("11", "0000"), 0, 17, 0, 0 },
	{ "header too short", AF_INET,
	  "4400 0054 0001 0000 40 11 0000 0a000001 0a000102", -EBADMSG, 0, 0,
	  0 },
	{ "address cut off", AF_INET,
	  "4500 0054 0001 0000 40 11 0000 0a000001 0a0001", -EBADMSG, 0, 0, 0 },
	{ "version", AF_INET, IP6("11") "d431 0035", -EBADMSG, 0, 0, 0 },
	{ "nothing", AF_INET, "", -EBADMSG, 0, 0, 0 },

	{ "tcp", AF_INET6, IP6("06") "d431 0050", 0, 6, 54321, 80 },
	{ "icmp", AF_INET6, IP6("3a") "8000 1234", 0, 58, 0, 0 },
	{ "esp", AF_INET6, IP6("32") "00001000 00000001", 0, 50, 0, 0 },
	{ "hop by hop, udp", AF_INET6,
	  IP6("00") "1100 0502 0000 0100 d431 0035", 0, 17, 54321, 53 },
	{ "long destination options, tcp", AF_INET6,
	  IP6("3c") "0601 010c 0000000000000000 00000000 d431 0050", 0, 6,
	  54321, 80 },
	{ "routing, destination options, udp", AF_INET6,
	  IP6("2b") "3c00 0000 00000000 1100 0104 00000000 d431 0035", 0, 17,
	  54321, 53 },
	{ "first fragment", AF_INET6, IP6("2c") "1100 0001 12345678 d431 0035",
	  0, 17, 54321, 53 },
	{ "later fragment", AF_INET6, IP6("2c") "1100 0008 12345678 d431 0035",
	  0, 17, 0, 0 },
	{ "later fragment of who knows what", AF_INET6,
	  IP6("2c") "3c00 0008 12345678 d431 0035", 0, 60, 0, 0 },
	{ "ah counts in fours", AF_INET6,
	  IP6("33") "1104 0000 00001000 00000001 00000000 00000000 00000000 "
		    "d431 0035",
	  0, 17, 54321, 53 },
	{ "no next header", AF_INET6, IP6("3b") "d431 0035", 0, 59, 0, 0 },
	{ "extension cut off", AF_INET6, IP6("00") "1101 0502", 0, 0, 0, 0 },
	{ "second extension cut off", AF_INET6,
	  IP6("00") "3c00 0502 0000 0100 11ff", 0, 0, 0, 0 },
	{ "fragment cut off", AF_INET6, IP6("2c") "1100 0000", 0, 0, 0, 0 },
	{ "ports cut off", AF_INET6, IP6("11") "d431", 0, 17, 0, 0 },
	{ "address cut off", AF_INET6, "6000 0000 0020 11 40 2001", -EBADMSG, 0,
	  0, 0 },
	{ "version", AF_INET6,
	  "4500 0054 0001 0000 40 11 0000 0a000001 0a000102"
	  "0000000000000000000000000000000000000000",
	  -EBADMSG, 0, 0, 0 },
	{ "another family", AF_UNIX, IP4("06", "0000") "d431 0050", -EBADMSG, 0,
	  0, 0 },
};

/* Exactly its size, so that a read past it is seen. */
static uint8_t *from_hex(const char *hex, size_t *ret_len)
{
	uint8_t *data = malloc(strlen(hex) + 1);
	size_t n = 0;

	assert_non_null(data);
	for (; *hex; hex++) {
		unsigned byte;

		if (*hex == ' ')
			continue;
		assert_int_equal(sscanf(hex++, "%2x", &byte), 1);
		data[n++] = (uint8_t)byte;
	}
	data = realloc(data, n ? n : 1);
	assert_non_null(data);
	*ret_len = n;
	return data;
}

static void check(const struct row *row)
{
	struct packet p = { .protocol = 99 };
	char text[ADDR_STRLEN];
	size_t len;
	uint8_t *data = from_hex(row->hex, &len);
	int r = packet_parse(row->family, data, len, &p);

	free(data);
	if (r != row->error || (r < 0 && p.protocol != 99))
		fail_msg("%s: %d, protocol %u", row->name, r, p.protocol);
	if (r < 0)
		return;
	if (p.protocol != row->protocol || p.local_port != row->local_port ||
	    p.remote_port != row->remote_port)
		fail_msg("%s: protocol %u, ports %u and %u", row->name,
			 p.protocol, p.local_port, p.remote_port);
	assert_string_equal(addr_format(&p.local, text),
			    row->family == AF_INET ? "10.0.0.1"
						   : "2001:db8::1");
	assert_string_equal(addr_format(&p.remote, text),
			    row->family == AF_INET ? "10.0.1.2"
						   : "2001:db8::102");
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(&rows[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
