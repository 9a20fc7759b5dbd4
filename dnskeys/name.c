/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names. The text form is that of zone files (RFC 1035 5.1), so that what a
 * stranger published can be asked for again and printed safely.
 */
#include "dnskeys/name.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/rbuf.h"

#define LABEL_MAX 63u
#define WIRE_MAX  255u

int name_of_address(const struct addr *a, char ret[static NAME_STRLEN])
{
	const uint8_t *b = a->bytes;
	size_t at = 0;

	if (a->family == AF_INET) {
		snprintf(ret, NAME_STRLEN, "%u.%u.%u.%u.in-addr.arpa.", b[3],
			 b[2], b[1], b[0]);
		return 0;
	}
	if (a->family != AF_INET6)
		return -EAFNOSUPPORT;
	for (size_t i = 16; i--; at += 4)
		snprintf(ret + at, NAME_STRLEN - at, "%x.%x.", b[i] & 15,
			 b[i] >> 4);
	snprintf(ret + at, NAME_STRLEN - at, "ip6.arpa.");
	return 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The characters that stand for one byte; 0: none do. */
static size_t unit(const char *at)
{
	if (*at != '\\')
		return 1;
	if (!is_digit(at[1]))
		return at[1] ? 2 : 0;
	if (!is_digit(at[2]) || !is_digit(at[3]))
		return 0;
	return (at[1] - '0') * 100 + (at[2] - '0') * 10 + at[3] - '0' < 256 ? 4
									    : 0;
}

bool name_is_valid(const char *name)
{
	size_t label = 0, wire = 1, n;

	if (!strcmp(name, "."))
		return true;
	for (; *name; name += n) {
		n = unit(name);
		if (!n || (*name == '.' && !label))
			return false;
		if (*name == '.') {
			label = 0;
			continue;
		}
		wire += 1 + !label;
		if (++label > LABEL_MAX || wire > WIRE_MAX)
			return false;
	}
	return wire > 1;
}

/* One byte of a label; returns the length written. */
static size_t escape(uint8_t c, char *ret)
{
	if (c <= ' ' || c >= 0x7f)
		return (size_t)sprintf(ret, "\\%03u", c);
	if (strchr(".\\\"();@$", c))
		return (size_t)sprintf(ret, "\\%c", c);
	/* One spelling for all (RFC 4343 4.1). */
	*ret = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
	return 1;
}

int name_from_wire(const uint8_t *wire, size_t len,
		   char ret[static NAME_STRLEN])
{
	struct rbuf r = rbuf_of(wire, len);
	char text[NAME_STRLEN];
	size_t at = 0;
	uint8_t n;

	if (len > WIRE_MAX)
		return -EBADMSG;
	while ((n = rbuf_u8(&r)) != 0) {
		const uint8_t *label = rbuf_bytes(&r, n);

		if (n > LABEL_MAX || !label)
			return -EBADMSG;
		for (size_t i = 0; i < n; i++)
			at += escape(label[i], text + at);
		text[at++] = '.';
	}
	if (!rbuf_finish(&r))
		return -EBADMSG;
	if (at == 0)
		text[at++] = '.';
	text[at] = '\0';
	memcpy(ret, text, at + 1);
	return 0;
}
