/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The cutting of prf+ output into keys, in the order of the RFC.
 */
#include "ike/keymat.h"

#include <errno.h>
#include <string.h>

#include "util/wbuf.h"

void ike_keys_wipe(struct ike_keys *k)
{
	secret_wipe(k, sizeof(*k));
}

static const uint8_t *take(struct ike_key *k, const uint8_t *from, size_t len)
{
	k->len = (uint8_t)len;
	memcpy(k->data, from, len);
	return from + len;
}

/* Appends. */
static const uint8_t *take_part(struct ike_protect_key *k, size_t at,
				const uint8_t *from, size_t len)
{
	memcpy(k->data + at, from, len);
	k->len = (uint8_t)(at + len);
	return from + len;
}

/* SKEYSEED = prf(SK_d (old), g^ir (new) | Ni | Nr) */
static int skeyseed_rekey(const struct ike_keymat *in,
			  const struct secret *shared, uint8_t *ret)
{
	struct ike_part parts[] = {
		{ shared->data, shared->len },
		{ in->ni.data, in->ni.len },
		{ in->nr.data, in->nr.len },
	};

	return ike_prf(in->old_prf, in->old_d.data, in->old_d.len, parts, 3,
		       ret);
}

/* SKEYSEED = prf(Ni | Nr, g^ir) */
static int skeyseed(const struct ike_keymat *in, const struct secret *shared,
		    uint8_t *ret)
{
	uint8_t key[2 * LIMIT_IKE_NONCE_MAX];
	struct ike_part part = { shared->data, shared->len };

	memcpy(key, in->ni.data, in->ni.len);
	memcpy(key + in->ni.len, in->nr.data, in->nr.len);
	return ike_prf(in->prf, key, (size_t)in->ni.len + in->nr.len, &part, 1,
		       ret);
}

/* SK_a behind SK_e, though they come first. */
static void cut(const struct ike_keymat *in, const uint8_t *at,
		struct ike_keys *ret)
{
	size_t prf_len = in->prf->len, auth_len = in->cipher->auth_len;
	size_t encr_len = in->cipher->key_len - auth_len;

	at = take(&ret->d, at, prf_len);
	at = take_part(&ret->ei, encr_len, at, auth_len);
	at = take_part(&ret->er, encr_len, at, auth_len);
	at = take_part(&ret->ei, 0, at, encr_len);
	at = take_part(&ret->er, 0, at, encr_len);
	ret->ei.len = ret->er.len = in->cipher->key_len;
	at = take(&ret->pi, at, prf_len);
	(void)take(&ret->pr, at, prf_len);
}

/* {SK_d | SK_ai | SK_ar | SK_ei | SK_er | SK_pi | SK_pr} =
 * prf+(SKEYSEED, Ni | Nr | SPIi | SPIr) */
int ike_keymat_derive(const struct ike_keymat *in, const struct secret *shared,
		      struct ike_keys *ret)
{
	size_t prf_len = in->prf->len, key_len = in->cipher->key_len;
	uint8_t seed[IKE_PRF_MAX], out[3 * IKE_PRF_MAX + 2 * IKE_KEY_MAX];
	uint8_t spis[16];
	struct wbuf w = wbuf_of(spis, sizeof(spis));
	struct ike_part parts[] = {
		{ in->ni.data, in->ni.len },
		{ in->nr.data, in->nr.len },
		{ spis, sizeof(spis) },
	};
	size_t seed_len = prf_len;
	int rc;

	wbuf_be64(&w, in->spi_i);
	wbuf_be64(&w, in->spi_r);
	if (in->old_prf) {
		seed_len = in->old_prf->len;
		rc = skeyseed_rekey(in, shared, seed);
	} else {
		rc = skeyseed(in, shared, seed);
	}
	if (rc == 0)
		rc = ike_prf_plus(in->prf, seed, seed_len, parts, 3, out,
				  3 * prf_len + 2 * key_len);
	if (rc == 0)
		cut(in, out, ret);
	else
		ike_keys_wipe(ret);
	secret_wipe(seed, sizeof(seed));
	secret_wipe(out, sizeof(out));
	return rc;
}

static const uint8_t *take_esp(struct esp_sa *sa, const uint8_t *from)
{
	sa->key_len = esp_key_len(sa->cipher);
	memcpy(sa->key, from, sa->key_len);
	return from + sa->key_len;
}

/* KEYMAT = prf+(SK_d, [g^ir |] Ni | Nr) */
int ike_keymat_child(const struct ike_prf *prf, const struct ike_key *sk_d,
		     const struct secret *shared, const struct ike_nonce *ni,
		     const struct ike_nonce *nr, struct esp_sa *from_initiator,
		     struct esp_sa *from_responder)
{
	uint8_t out[2 * ESP_KEY_MAX];
	struct ike_part parts[] = {
		{ shared ? shared->data : NULL, shared ? shared->len : 0 },
		{ ni->data, ni->len },
		{ nr->data, nr->len },
	};
	size_t len = (size_t)esp_key_len(from_initiator->cipher) +
		     esp_key_len(from_responder->cipher);
	int rc;

	rc = ike_prf_plus(prf, sk_d->data, sk_d->len, parts, 3, out, len);
	if (rc == 0)
		(void)take_esp(from_responder, take_esp(from_initiator, out));
	secret_wipe(out, sizeof(out));
	return rc;
}
