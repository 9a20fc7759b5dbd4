/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dnskeys/own-record.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

/* RFC 4025 2.2: the lowest is tried first. */
static uint8_t precedence_of(const EVP_PKEY *key)
{
	if (EVP_PKEY_is_a(key, "RSA"))
		return 20;
	return EVP_PKEY_is_a(key, "EC") ? 15 : 10;
}

int own_record_make(const void *spki, size_t len, struct own_record *ret)
{
	const unsigned char *at = spki;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)len);
	struct own_record r = { .len = 0 };
	struct wbuf w = wbuf_of(r.rdata, sizeof(r.rdata));
	int rc;

	if (!key)
		return -EBADMSG;
	rc = ipseckey_write(&w, precedence_of(key), key);
	EVP_PKEY_free(key);
	if (rc < 0)
		return rc;
	if (w.failed)
		return -EOPNOTSUPP;
	r.len = w.len;
	*ret = r;
	return 0;
}

bool own_record_is_same(const struct own_record *r, const void *rdata,
			size_t len)
{
	struct ipseckey a, b;

	return ipseckey_parse(r->rdata, r->len, &a) == 0 &&
	       ipseckey_parse(rdata, len, &b) == 0 &&
	       a.algorithm == b.algorithm && a.key_len == b.key_len &&
	       !memcmp(a.key, b.key, a.key_len);
}

char *own_record_rdata(const struct own_record *r,
		       char buf[static OWN_RECORD_LINE])
{
	int n = snprintf(buf, OWN_RECORD_LINE, "%u %u %u . ", r->rdata[0],
			 r->rdata[1], r->rdata[2]);

	EVP_EncodeBlock((unsigned char *)buf + n, r->rdata + 3,
			(int)r->len - 3);
	return buf;
}

char *own_record_line(const struct own_record *r, const char *name,
		      uint32_t ttl, char buf[static OWN_RECORD_LINE])
{
	char rdata[OWN_RECORD_LINE];

	own_record_rdata(r, rdata);
	snprintf(buf, OWN_RECORD_LINE, "%s %u IN IPSECKEY %.*s", name, ttl,
		 (int)(OWN_RECORD_LINE - NAME_STRLEN - 40), rdata);
	return buf;
}
