/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * util/addr.c: what parses is printed and parsed again to the same value;
 * socket addresses of any bytes and length.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/addr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(int condition)
{
	if (!condition)
		abort();
}

static void try_addr(const char *text)
{
	char buf[ADDR_STRLEN];
	struct addr a, b;

	if (addr_parse(text, &a) < 0)
		return;
	check(addr_len(&a) > 0);
	check(addr_parse(addr_format(&a, buf), &b) == 0);
	check(addr_equal(&a, &b));
}

static void try_prefix(const char *text)
{
	char buf[PREFIX_STRLEN];
	struct prefix p, q;

	if (prefix_parse(text, &p) < 0)
		return;
	check(p.len <= addr_len(&p.addr) * 8 && p.addr.scope == 0);
	check(prefix_contains(&p, &p.addr));
	q = prefix_of(&p.addr, p.len);
	check(prefix_equal(&p, &q));
	check(prefix_parse(prefix_format(&p, buf), &q) == 0);
	check(prefix_equal(&p, &q));
}

static void try_sockaddr(const uint8_t *data, size_t len)
{
	char buf[ENDPOINT_STRLEN];
	struct sockaddr_storage ss;
	struct endpoint e, f;
	socklen_t n;

	if (endpoint_from_sockaddr((const struct sockaddr *)(const void *)data,
				   (socklen_t)len, &e) < 0)
		return;
	check(strlen(endpoint_format(&e, buf)) < sizeof(buf));
	n = endpoint_to_sockaddr(&e, &ss);
	check(endpoint_from_sockaddr((struct sockaddr *)&ss, n, &f) == 0);
	check(endpoint_equal(&e, &f));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = malloc(len + 1);

	check(text != NULL);
	memcpy(text, data, len);
	text[len] = '\0';
	try_addr(text);
	try_prefix(text);
	/* Any alignment will do: the bytes are copied. */
	try_sockaddr((uint8_t *)text, len);
	free(text);
	return 0;
}
