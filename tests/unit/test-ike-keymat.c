/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ike/keymat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ike/auth.h"
#include "ike/engine.h"
#include "tests/unit/ike-vectors.h"

static const struct {
	uint16_t id;
	const char *name;
} prfs[] = {
	{ IKE_PRF_HMAC_SHA2_256, "256" },
	{ IKE_PRF_HMAC_SHA2_384, "384" },
	{ IKE_PRF_HMAC_SHA2_512, "512" },
};

static const struct {
	uint16_t id, bits, integ;
	const char *name;
} ciphers[] = {
	{ IKE_ENCR_AES_GCM_16, 128, 0, "gcm128" },
	{ IKE_ENCR_AES_GCM_16, 256, 0, "gcm256" },
	{ IKE_ENCR_CHACHA20_POLY1305, 0, 0, "chacha" },
	/* With HMAC-SHA2-256 as PRF only. */
	{ IKE_ENCR_AES_CBC, 128, IKE_INTEG_HMAC_SHA2_256_128, "cbc128-256" },
	{ IKE_ENCR_AES_CBC, 128, IKE_INTEG_HMAC_SHA2_384_192, "cbc128-384" },
	{ IKE_ENCR_AES_CBC, 128, IKE_INTEG_HMAC_SHA2_512_256, "cbc128-512" },
	{ IKE_ENCR_AES_CBC, 256, IKE_INTEG_HMAC_SHA2_256_128, "cbc256-256" },
	{ IKE_ENCR_AES_CBC, 256, IKE_INTEG_HMAC_SHA2_384_192, "cbc256-384" },
	{ IKE_ENCR_AES_CBC, 256, IKE_INTEG_HMAC_SHA2_512_256, "cbc256-512" },
};

/* The inputs of ike-vectors.py. */
static void fill(struct ike_keymat *k, struct secret *shared)
{
	struct vector v = vector_get("x25519-shared");

	k->ni.len = 32;
	k->nr.len = 40;
	for (uint8_t i = 0; i < 40; i++) {
		k->ni.data[i] = i;
		k->nr.data[i] = 100 + i;
	}
	k->spi_i = UINT64_C(0x0102030405060708);
	k->spi_r = UINT64_C(0x0b0c0d0e0f101112);
	assert_int_equal(secret_set(shared, v.data, v.len), 0);
}

static void check_key(const char *set, const char *name,
		      const struct ike_key *k)
{
	struct vector v = vector_get2(set, name);

	vector_check(&v, k->data, k->len);
}

static void check_protect_key(const char *set, const char *name,
			      const struct ike_protect_key *k)
{
	struct vector v = vector_get2(set, name);

	vector_check(&v, k->data, k->len);
}

static void check_child(const char *set, const struct ike_keymat *k,
			const struct ike_key *d)
{
	struct esp_sa i = { .cipher = k->cipher->esp_cipher };
	struct esp_sa r = { .cipher = k->cipher->esp_cipher };
	struct vector vi = vector_get2(set, "child-i");
	struct vector vr = vector_get2(set, "child-r");

	assert_int_equal(
		ike_keymat_child(k->prf, d, NULL, &k->ni, &k->nr, &i, &r), 0);
	vector_check(&vi, i.key, i.key_len);
	vector_check(&vr, r.key, r.key_len);
}

/* 2.17: the same with a key exchange of its own. */
static void check_pfs(const char *set, const struct ike_keymat *k,
		      const struct ike_key *d, const struct secret *shared)
{
	struct esp_sa i = { .cipher = k->cipher->esp_cipher };
	struct esp_sa r = { .cipher = k->cipher->esp_cipher };
	struct vector vi = vector_get2(set, "pfs-i");
	struct vector vr = vector_get2(set, "pfs-r");

	assert_int_equal(
		ike_keymat_child(k->prf, d, shared, &k->ni, &k->nr, &i, &r), 0);
	vector_check(&vi, i.key, i.key_len);
	vector_check(&vr, r.key, r.key_len);
}

/* 2.18: from the SK_d and with the PRF of another IKE SA. */
static void check_rekey(const char *set, struct ike_keymat k,
			const struct secret *shared)
{
	struct ike_keys keys = { 0 };

	k.old_prf = ike_prf_find(IKE_PRF_HMAC_SHA2_384);
	k.old_d.len = 48;
	for (uint8_t i = 0; i < 48; i++)
		k.old_d.data[i] = 200 + i;
	assert_int_equal(ike_keymat_derive(&k, shared, &keys), 0);
	check_key(set, "rekey-d", &keys.d);
	check_protect_key(set, "rekey-er", &keys.er);
}

/* RFC 7619: AUTH of both sides. */
static void check_auth(const char *set, const struct ike_keymat *k,
		       const struct ike_keys *keys)
{
	static const uint8_t id[4] = { IKE_ID_NULL };
	struct ike_auth_octets o = {
		.prf = k->prf,
		.sk_p = &keys->pi,
		.message = { (const uint8_t *)"message one", 11 },
		.nonce = &k->nr,
		.id = { id, sizeof(id) },
	};
	struct vector vi = vector_get2(set, "auth-i");
	struct vector vr = vector_get2(set, "auth-r");
	struct ike_authentication a = { .method = IKE_AUTH_NULL };
	uint8_t data[IKE_AUTH_DATA_MAX];
	size_t len;

	assert_int_equal(ike_auth_mac(IKE_AUTH_NULL, &o, (struct ike_view){ 0 },
				      data, &len),
			 0);
	vector_check(&vi, data, len);
	o.sk_p = &keys->pr;
	o.message.data = (const uint8_t *)"message two";
	o.nonce = &k->ni;
	a.data = (struct ike_view){ vr.data, vr.len };
	assert_int_equal(ike_auth_mac_verify(a.method, &o,
					     (struct ike_view){ 0 }, a.data),
			 0);
}

static void test_vectors(void **state)
{
	(void)state;
	for (size_t p = 0; p < 3; p++) {
		size_t n = p ? 3 : sizeof(ciphers) / sizeof(ciphers[0]);

		for (size_t c = 0; c < n; c++) {
			struct secret shared = { 0 };
			struct ike_keymat k = { 0 };
			struct ike_keys keys = { 0 };
			char set[64];

			snprintf(set, sizeof(set), "keys-%s-%s", prfs[p].name,
				 ciphers[c].name);
			fill(&k, &shared);
			k.prf = ike_prf_find(prfs[p].id);
			k.cipher =
				ike_cipher_find(ciphers[c].id, ciphers[c].bits,
						ciphers[c].integ);
			assert_int_equal(ike_keymat_derive(&k, &shared, &keys),
					 0);
			check_key(set, "d", &keys.d);
			check_protect_key(set, "ei", &keys.ei);
			check_protect_key(set, "er", &keys.er);
			check_key(set, "pi", &keys.pi);
			check_key(set, "pr", &keys.pr);
			check_child(set, &k, &keys.d);
			if (c < 3) {
				check_pfs(set, &k, &keys.d, &shared);
				check_rekey(set, k, &shared);
			}
			check_auth(set, &k, &keys);
			secret_done(&shared);
		}
	}
}

static void test_wipe(void **state)
{
	static const struct ike_keys zero;
	struct ike_keys k;

	(void)state;
	memset(&k, 0xaa, sizeof(k));
	ike_keys_wipe(&k);
	assert_memory_equal(&k, &zero, sizeof(k));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_wipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
