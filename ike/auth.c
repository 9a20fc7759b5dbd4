/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The shared-key form of RFC 7296 2.15.
 */
#include "ike/auth.h"

#include <errno.h>

/* prf(secret, RealMessage | Nonce | prf(SK_p, RestOfIDPayload)) */
static int mac_octets(const struct ike_auth_octets *o, const void *key,
		      size_t key_len, uint8_t *ret)
{
	uint8_t id[IKE_PRF_MAX];
	struct ike_part body = { o->id.data, o->id.len };
	struct ike_part parts[] = {
		{ o->message.data, o->message.len },
		{ o->nonce->data, o->nonce->len },
		{ id, o->prf->len },
	};
	int rc;

	rc = ike_prf(o->prf, o->sk_p->data, o->sk_p->len, &body, 1, id);
	if (rc == 0)
		rc = ike_prf(o->prf, key, key_len, parts, 3, ret);
	secret_wipe(id, sizeof(id));
	return rc;
}

int ike_auth_mac(uint8_t method, const struct ike_auth_octets *o,
		 struct ike_view shared, uint8_t *ret, size_t *ret_len)
{
	static const char pad[] = "Key Pad for IKEv2";
	struct ike_part part = { pad, sizeof(pad) - 1 };
	uint8_t key[IKE_PRF_MAX];
	int rc;

	if (method == IKE_AUTH_NULL)
		shared = (struct ike_view){ o->sk_p->data, o->sk_p->len };
	else if (method != IKE_AUTH_SHARED)
		return -EOPNOTSUPP;
	if (shared.len == 0)
		return -EOPNOTSUPP;
	rc = ike_prf(o->prf, shared.data, shared.len, &part, 1, key);
	if (rc == 0)
		rc = mac_octets(o, key, o->prf->len, ret);
	if (rc == 0)
		*ret_len = o->prf->len;
	secret_wipe(key, sizeof(key));
	return rc;
}

int ike_auth_mac_verify(uint8_t method, const struct ike_auth_octets *o,
			struct ike_view shared, struct ike_view data)
{
	uint8_t expected[IKE_AUTH_DATA_MAX];
	size_t len;
	int rc;

	rc = ike_auth_mac(method, o, shared, expected, &len);
	if (rc == 0 &&
	    (data.len != len || !secret_memequal(data.data, expected, len)))
		rc = -EACCES;
	secret_wipe(expected, sizeof(expected));
	return rc;
}
