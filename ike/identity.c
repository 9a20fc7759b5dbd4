/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Identities as bytes, as payloads and as text.
 */
#include "ike/identity.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	uint8_t type;
	const char *prefix;
} hex_forms[] = {
	{ IKE_ID_KEY_ID, "keyid:" },
	{ IKE_ID_DN, "dn:" },
};

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

/* Where a host name begins, in which case means nothing (RFC 4343); at the end:
 * there is none. */
static size_t name_at(const struct ike_identity *id)
{
	const uint8_t *at = NULL;

	if (id->type == IKE_ID_FQDN)
		return 0;
	if (id->type == IKE_ID_RFC822)
		at = memchr(id->data, '@', id->len);
	return at ? (size_t)(at - id->data) : id->len;
}

bool ike_identity_equal(const struct ike_identity *a,
			const struct ike_identity *b)
{
	size_t name = name_at(a);

	if (a->type != b->type || a->len != b->len ||
	    memcmp(a->data, b->data, name) != 0)
		return false;
	for (size_t i = name; i < a->len; i++)
		if (lower(a->data[i]) != lower(b->data[i]))
			return false;
	return true;
}

static bool is_alphanumeric(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z');
}

/* 3.5: a host name, in ASCII (RFC 1123 2.1, and the underscore of DNS). */
static bool is_fqdn(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!is_alphanumeric(data[i]) && !strchr("-._", data[i]))
			return false;
	return len > 0 && !memchr(data, 0, len);
}

/* An address of mail as it may go into a log: printable, one "@", and no ":",
 * which other forms begin with. */
static bool is_rfc822(const uint8_t *data, size_t len)
{
	unsigned ats = 0;

	for (size_t i = 0; i < len; i++) {
		if (data[i] <= ' ' || data[i] > '~' || data[i] == ':')
			return false;
		ats += data[i] == '@';
	}
	return ats == 1 && data[0] != '@';
}

static bool is_well_formed(uint8_t type, const uint8_t *data, size_t len)
{
	switch (type) {
	case IKE_ID_IPV4:
		return len == 4;
	case IKE_ID_IPV6:
		return len == 16;
	case IKE_ID_FQDN:
		return is_fqdn(data, len);
	case IKE_ID_RFC822:
		return is_rfc822(data, len);
	case IKE_ID_DN:
	case IKE_ID_KEY_ID:
		return len > 0;
	case IKE_ID_NULL:
		return len == 0;
	}
	return false;
}

int ike_identity_make(uint8_t type, const void *data, size_t len,
		      struct ike_identity *ret)
{
	struct ike_identity id = { .type = type };

	if (len > sizeof(id.data) || !is_well_formed(type, data, len))
		return -EBADMSG;
	id.len = (uint16_t)len;
	if (len)
		memcpy(id.data, data, len);
	*ret = id;
	return 0;
}

int ike_identity_from_payload(const struct ike_id *id, struct ike_identity *ret)
{
	return ike_identity_make(id->type, id->data.data, id->data.len, ret);
}

struct ike_identity ike_identity_of_addr(const struct addr *a)
{
	struct ike_identity id = { 0 };

	id.type = a->family == AF_INET6 ? IKE_ID_IPV6 : IKE_ID_IPV4;
	id.len = (uint16_t)addr_len(a);
	memcpy(id.data, a->bytes, id.len);
	return id;
}

size_t ike_identity_body(const struct ike_identity *id,
			 uint8_t ret[static IKE_IDENTITY_BODY_MAX])
{
	memset(ret, 0, 4);
	ret[0] = id->type;
	memcpy(ret + 4, id->data, id->len);
	return 4 + (size_t)id->len;
}

void ike_identity_write(struct ike_builder *b, enum ike_payload_type type,
			const struct ike_identity *id)
{
	uint8_t body[IKE_IDENTITY_BODY_MAX];
	size_t len = ike_identity_body(id, body);

	wbuf_bytes(ike_builder_open(b, type), body, len);
	ike_builder_close(b);
}

/* --- as text --------------------------------------------------------------- */

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static int parse_hex(uint8_t type, const char *text, struct ike_identity *ret)
{
	uint8_t data[LIMIT_IKE_ID];
	size_t len = strlen(text);

	if (len % 2 || len / 2 > sizeof(data))
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		int d = digit(text[i]);

		if (d < 0)
			return -EINVAL;
		data[i / 2] = (uint8_t)(i % 2 ? data[i / 2] << 4 | d : d);
	}
	return ike_identity_make(type, data, len / 2, ret) < 0 ? -EINVAL : 0;
}

int ike_identity_parse(const char *text, struct ike_identity *ret)
{
	const char *name = text[0] == '@' ? text + 1 : text;
	uint8_t type = IKE_ID_FQDN;
	struct addr a;

	if (strcmp(text, "%null") == 0) {
		*ret = ike_identity_null();
		return 0;
	}
	for (size_t i = 0; i < ELEMENTS(hex_forms); i++) {
		size_t len = strlen(hex_forms[i].prefix);

		if (strncmp(text, hex_forms[i].prefix, len) == 0)
			return parse_hex(hex_forms[i].type, text + len, ret);
	}
	/* A scope says where a neighbour is, not who it is. */
	if (addr_parse(text, &a) == 0 && a.scope == 0) {
		*ret = ike_identity_of_addr(&a);
		return 0;
	}
	if (name == text && strchr(text, '@'))
		type = IKE_ID_RFC822;
	return ike_identity_make(type, name, strlen(name), ret) < 0 ? -EINVAL
								    : 0;
}

static void format_hex(const struct ike_identity *id, const char *prefix,
		       char *buf)
{
	int at = snprintf(buf, IKE_IDENTITY_STRLEN, "%s", prefix);

	for (size_t i = 0; i < id->len; i++)
		at += snprintf(buf + at, IKE_IDENTITY_STRLEN - (size_t)at,
			       "%02x", id->data[i]);
}

static void format_addr(const struct ike_identity *id, char *buf)
{
	struct addr a = { 0 };

	a.family = id->type == IKE_ID_IPV6 ? AF_INET6 : AF_INET;
	memcpy(a.bytes, id->data, id->len);
	addr_format(&a, buf);
}

static void format_name(const struct ike_identity *id, char *buf)
{
	size_t name = name_at(id);

	if (id->type == IKE_ID_FQDN)
		*buf++ = '@';
	for (size_t i = 0; i < id->len; i++)
		*buf++ = (char)(i < name ? id->data[i] : lower(id->data[i]));
	*buf = '\0';
}

char *ike_identity_format(const struct ike_identity *id,
			  char buf[static IKE_IDENTITY_STRLEN])
{
	strcpy(buf, "none");
	switch (id->type) {
	case IKE_ID_IPV4:
	case IKE_ID_IPV6:
		format_addr(id, buf);
		break;
	case IKE_ID_FQDN:
	case IKE_ID_RFC822:
		format_name(id, buf);
		break;
	case IKE_ID_KEY_ID:
		format_hex(id, "keyid:", buf);
		break;
	case IKE_ID_DN:
		format_hex(id, "dn:", buf);
		break;
	case IKE_ID_NULL:
		strcpy(buf, "%null");
		break;
	}
	return buf;
}
