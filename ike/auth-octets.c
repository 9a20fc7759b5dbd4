/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The octets of either side, and signing them in process.
 */
#include "ike/auth-octets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int ike_auth_octets_build(const struct ike_auth_octets *o, uint8_t **ret,
			  size_t *ret_len)
{
	size_t len = o->message.len + o->nonce->len + o->prf->len;
	struct ike_part id = { o->id.data, o->id.len };
	uint8_t *buf = malloc(len);
	struct wbuf w = wbuf_of(buf, len);
	int rc;

	if (!buf)
		return -ENOMEM;
	wbuf_bytes(&w, o->message.data, o->message.len);
	wbuf_bytes(&w, o->nonce->data, o->nonce->len);
	rc = ike_prf(o->prf, o->sk_p->data, o->sk_p->len, &id, 1,
		     wbuf_room(&w, o->prf->len));
	if (rc < 0) {
		free(buf);
		return rc;
	}
	*ret = buf;
	*ret_len = len;
	return 0;
}

/* An IKE_SA_INIT message of this role (RFC 7296 3.1), a nonce, an identity that
 * a key can prove: nothing else is ever signed. */
static bool is_plausible(const struct ike_sign *s)
{
	struct ike_header h;

	return s->algorithm > IKE_SIGNATURE_NONE &&
	       s->algorithm < IKE_SIGNATURES &&
	       s->nonce.len >= LIMIT_IKE_NONCE_MIN &&
	       s->nonce.len <= LIMIT_IKE_NONCE_MAX &&
	       s->sk_p.len <= sizeof(s->sk_p.data) && s->id.type != 0 &&
	       s->id.len <= sizeof(s->id.data) && s->id.type != IKE_ID_NULL &&
	       ike_header_parse(s->message, s->message_len, &h) == 0 &&
	       h.exchange == IKE_EXCHANGE_SA_INIT && h.id == 0 &&
	       ike_header_from_initiator(&h) == s->initiator &&
	       ike_header_is_response(&h) != s->initiator;
}

int ike_sign_with(EVP_PKEY *key, const struct ike_sign *s, uint8_t *ret,
		  size_t *ret_len)
{
	const struct ike_prf *prf = ike_prf_find(s->prf);
	uint8_t id[IKE_IDENTITY_BODY_MAX], *octets;
	struct ike_auth_octets o = {
		.prf = prf,
		.sk_p = &s->sk_p,
		.message = { s->message, s->message_len },
		.nonce = &s->nonce,
	};
	size_t len;
	int rc;

	if (!is_plausible(s) || !prf || s->sk_p.len != prf->len)
		return -EINVAL;
	o.id = (struct ike_view){ id, ike_identity_body(&s->id, id) };
	rc = ike_auth_octets_build(&o, &octets, &len);
	if (rc < 0)
		return rc;
	rc = ike_signature_make(s->algorithm, key, octets, len, ret, ret_len);
	free(octets);
	return rc;
}
