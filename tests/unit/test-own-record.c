/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dnskeys/own-record.c: each kind of key as a record, which ldns reads from its
 * line, and which is the same key again.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <ldns/ldns.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "dnskeys/own-record.h"

static EVP_PKEY *make(const char *kind)
{
	if (!strncmp(kind, "RSA", 3))
		return EVP_RSA_gen((unsigned)atoi(kind + 3));
	if (!strncmp(kind, "ED", 2))
		return EVP_PKEY_Q_keygen(NULL, NULL, kind);
	return EVP_PKEY_Q_keygen(NULL, NULL, "EC", kind);
}

static int record_of(const char *kind, struct own_record *ret)
{
	EVP_PKEY *key = make(kind);
	unsigned char *spki = NULL;
	int len, r;

	assert_non_null(key);
	len = i2d_PUBKEY(key, &spki);
	r = own_record_make(spki, (size_t)len, ret);
	OPENSSL_free(spki);
	EVP_PKEY_free(key);
	return r;
}

static void test_kinds(void **state)
{
	static const struct {
		const char *kind, *start;
	} rows[] = {
		{ "ED25519", "10 0 4 . " }, { "ED448", "10 0 4 . " },
		{ "P-256", "15 0 3 . " },   { "P-384", "15 0 3 . " },
		{ "RSA2048", "20 0 2 . " }, { "RSA3072", "20 0 2 . " },

	};
	char line[OWN_RECORD_LINE], name[NAME_STRLEN];

	(void)state;
	memset(name, 'n', sizeof(name));
	for (size_t i = 63; i < 253; i += 64)
		name[i] = '.';
	strcpy(name + 252, ".");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct own_record r, other;
		ldns_rr *rr = NULL;
		const ldns_rdf *rdf;

		assert_int_equal(record_of(rows[i].kind, &r), 0);
		own_record_rdata(&r, line);
		assert_memory_equal(line, rows[i].start, strlen(rows[i].start));
		own_record_line(&r, name, 3600, line);
		assert_null(strchr(line, '\n'));
		assert_int_equal(ldns_rr_new_frm_str(&rr, line, 0, NULL, NULL),
				 LDNS_STATUS_OK);
		assert_int_equal(ldns_rr_get_type(rr), LDNS_RR_TYPE_IPSECKEY);
		assert_int_equal(ldns_rr_ttl(rr), 3600);
		rdf = ldns_rr_rdf(rr, 0);
		assert_int_equal(ldns_rdf_size(rdf), r.len);
		assert_memory_equal(ldns_rdf_data(rdf), r.rdata, r.len);
		ldns_rr_free(rr);
		assert_true(own_record_is_same(&r, r.rdata, r.len));
		other = r;
		other.rdata[0] = 99;
		assert_true(own_record_is_same(&r, other.rdata, other.len));
		other.rdata[other.len - 1] ^= 1;
		assert_false(own_record_is_same(&r, other.rdata, other.len));
		assert_false(own_record_is_same(&r, r.rdata, r.len - 1));
		other = r;
		other.rdata[2]++;
		assert_false(own_record_is_same(&r, other.rdata, other.len));
	}
}

static void test_refused(void **state)
{
	struct own_record r;

	(void)state;
	assert_int_equal(record_of("P-521", &r), -EOPNOTSUPP);
	assert_int_equal(record_of("RSA1024", &r), -EOPNOTSUPP);
	assert_int_equal(own_record_make("no key", 6, &r), -EBADMSG);
	assert_int_equal(own_record_make("", 0, &r), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
