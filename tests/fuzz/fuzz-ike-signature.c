/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The input as AUTH data of method 14, as an AlgorithmIdentifier, as a public
 * key and as a signature. What is read is written again and read the same.
 */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "ike/signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(int condition)
{
	if (!condition)
		abort();
}

static void try_data(struct ike_view v)
{
	uint8_t buf[LIMIT_IKE_SIGNATURE + 1 + IKE_ALGORITHM_MAX];
	struct wbuf w = wbuf_of(buf, sizeof(buf));
	struct ike_view signature, again;
	enum ike_signature s, t;

	if (ike_signature_parse(v, &s, &signature) < 0)
		return;
	check(s > IKE_SIGNATURE_NONE && s < IKE_SIGNATURE_ECDSA_P256);
	check(signature.len > 0 && signature.len <= LIMIT_IKE_SIGNATURE);
	ike_signature_write(&w, s, signature.data, signature.len);
	check(wbuf_ok(&w));
	check(ike_signature_parse((struct ike_view){ buf, w.len }, &t,
				  &again) == 0);
	check(s == t && again.len == signature.len);
	check(memcmp(again.data, signature.data, signature.len) == 0);
}

static void try_algorithm(struct ike_view v)
{
	enum ike_signature s, t;

	if (ike_signature_read_algorithm(v, &s) < 0)
		return;
	check(v.len <= IKE_ALGORITHM_MAX);
	check(ike_signature_read_algorithm(ike_signature_algorithm(s), &t) ==
	      0);
	check(s == t);
}

/* A key that is taken, and what is behind it as its signature. */
static void try_key(struct ike_view v)
{
	uint8_t spki[LIMIT_IKE_SPKI];
	struct ike_public_key k;
	EVP_PKEY *key = NULL;
	size_t len;

	if (ike_public_key_parse(v, &k) < 0)
		return;
	if (k.type == IKE_KEY_RSA)
		check(k.n.len >= 256 && k.n.len <= 1024 && k.e.len <= 8);
	for (unsigned s = 1; s < IKE_SIGNATURES; s++)
		if (ike_signature_suits((enum ike_signature)s, k.type))
			check(ike_signature_verify((enum ike_signature)s, &k,
						   "message", 7, v) != 0);
	if (ike_public_key_load(&k, &key) < 0)
		return;
	check(ike_public_key_export(key, spki, &len) == 0);
	check(len == v.len && memcmp(spki, v.data, len) == 0);
	EVP_PKEY_free(key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct ike_view v = { data, len };

	try_data(v);
	try_algorithm(v);
	try_key(v);
	return 0;
}
