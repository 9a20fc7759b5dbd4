/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of authentication methods; so far it has NULL alone.
 */
#include "ike/auth.h"

#include <errno.h>
#include <string.h>

#include "ike/engine.h"

struct method {
	uint8_t id;
	/* The identities that it can prove. */
	bool (*takes)(struct ike_view id);
	int (*sign)(const struct ike_auth_octets *o, uint8_t *ret,
		    size_t *ret_len);
	int (*verify)(const struct ike_auth_octets *o, struct ike_view data);
};

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

/* The shared-key form of 2.15 with SK_p as the secret (RFC 7619 2.1). */
static int null_sign(const struct ike_auth_octets *o, uint8_t *ret,
		     size_t *ret_len)
{
	static const char pad[] = "Key Pad for IKEv2";
	struct ike_part part = { pad, sizeof(pad) - 1 };
	uint8_t key[IKE_PRF_MAX];
	int rc;

	rc = ike_prf(o->prf, o->sk_p->data, o->sk_p->len, &part, 1, key);
	if (rc == 0)
		rc = mac_octets(o, key, o->prf->len, ret);
	if (rc == 0)
		*ret_len = o->prf->len;
	secret_wipe(key, sizeof(key));
	return rc;
}

static int null_verify(const struct ike_auth_octets *o, struct ike_view data)
{
	uint8_t expected[IKE_AUTH_DATA_MAX];
	size_t len;
	int rc;

	rc = null_sign(o, expected, &len);
	if (rc == 0 &&
	    (data.len != len || !secret_memequal(data.data, expected, len)))
		rc = -EACCES;
	secret_wipe(expected, sizeof(expected));
	return rc;
}

/* RFC 7619 2.1: any other identity would be a claim without a proof. */
static bool null_takes(struct ike_view id)
{
	return id.len == IKE_ID_NULL_BODY_LEN && id.data[0] == IKE_ID_NULL;
}

static const struct method methods[] = {
	{ IKE_AUTH_NULL, null_takes, null_sign, null_verify },
};

static const struct method *find(uint8_t id)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (methods[i].id == id)
			return &methods[i];
	return NULL;
}

int ike_auth_sign(uint8_t method, const struct ike_auth_octets *o, uint8_t *ret,
		  size_t *ret_len)
{
	const struct method *m = find(method);

	if (!m || !m->takes(o->id))
		return -EOPNOTSUPP;
	return m->sign(o, ret, ret_len);
}

int ike_auth_verify(const struct ike_auth_octets *o,
		    const struct ike_authentication *a)
{
	const struct method *m = find(a->method);

	if (!m || !m->takes(o->id))
		return -EOPNOTSUPP;
	return m->verify(o, a->data);
}
