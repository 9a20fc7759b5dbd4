/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The records of tacit-keyd: names, and the syntax of each. Whether one may be
 * obeyed is not decided here (agent/keyd-guard.c).
 */
#include "agent/keyd-record.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "dnskeys/key-life.h"
#include "ike/number.h"
#include "ike/signature.h"
#include "util/zero.h"

const char *keyd_type_name(unsigned type)
{
	static const char *const names[KEYD_TYPES] = {
		[KEYD_HELLO] = "HELLO", [KEYD_SIGN] = "SIGN",
		[KEYD_SEEN] = "SEEN",	[KEYD_ALIVE] = "ALIVE",
		[KEYD_KEY] = "KEY",	[KEYD_SIGNED] = "SIGNED",
	};

	return type < KEYD_TYPES && names[type] ? names[type] : "?";
}

void keyd_record_init(struct keyd_record *r, enum keyd_type type, uint32_t seq)
{
	memset(r, 0, sizeof(*r));
	r->version = KEYD_VERSION;
	r->type = (uint16_t)type;
	r->seq = seq;
}

/* len bytes are used, of those that there are, and no other is set. */
static bool filled(const void *data, size_t size, size_t len, size_t min)
{
	return len >= min && len <= size &&
	       zero_all((const uint8_t *)data + len, size - len);
}

static bool known_prf(uint16_t id)
{
	return id == IKE_PRF_HMAC_SHA2_256 || id == IKE_PRF_HMAC_SHA2_384 ||
	       id == IKE_PRF_HMAC_SHA2_512;
}

/* What may stand for us: nobody has to be anonymous by a signature. */
static bool known_identity(const struct keyd_sign *s)
{
	switch ((enum ike_id_type)s->identity_type) {
	case IKE_ID_IPV4:
		return s->identity_len == 4;
	case IKE_ID_IPV6:
		return s->identity_len == 16;
	case IKE_ID_FQDN:
	case IKE_ID_RFC822:
	case IKE_ID_DN:
	case IKE_ID_KEY_ID:
		return s->identity_len > 0;
	case IKE_ID_NULL:
		break;
	}
	return false;
}

static const char *sign_check(const struct keyd_sign *s)
{
	if (s->algorithm == IKE_SIGNATURE_NONE ||
	    s->algorithm >= IKE_SIGNATURES)
		return "algorithm";
	if (!known_prf(s->prf))
		return "prf";
	if (s->initiator > 1)
		return "initiator";
	if (s->reserved)
		return "reserved";
	if (!known_identity(s) ||
	    !filled(s->identity, sizeof(s->identity), s->identity_len, 1))
		return "identity";
	if (!filled(s->secret, sizeof(s->secret), s->secret_len, 32))
		return "secret";
	if (!filled(s->nonce, sizeof(s->nonce), s->nonce_len,
		    LIMIT_IKE_NONCE_MIN))
		return "nonce";
	if (!filled(s->message, sizeof(s->message), s->message_len, 28))
		return "message";
	return NULL;
}

static const char *signed_check(const struct keyd_signed *s)
{
	if (s->error > 0)
		return "error";
	if (!filled(s->data, sizeof(s->data), s->len, s->error ? 0 : 1))
		return "data";
	return s->error && s->len ? "len" : NULL;
}

static const char *key_check(const struct keyd_key *k)
{
	if (!memchr(k->name, '\0', sizeof(k->name)))
		return "name";
	if (k->stage >= KEY_STAGES)
		return "stage";
	return filled(k->spki, sizeof(k->spki), k->spki_len, k->total ? 1 : 0)
		       ? NULL
		       : "spki";
}

/* The field that is wrong, and how much of the union is used. */
static const char *body_check(const struct keyd_record *r, size_t *ret_used)
{
	*ret_used = 0;
	switch ((enum keyd_type)r->type) {
	case KEYD_HELLO:
	case KEYD_ALIVE:
		return NULL;
	case KEYD_SIGN:
		*ret_used = sizeof(r->sign);
		return sign_check(&r->sign);
	case KEYD_SEEN:
		*ret_used = sizeof(r->seen);
		return r->seen.reserved ? "reserved" : NULL;
	case KEYD_KEY:
		*ret_used = sizeof(r->key);
		return key_check(&r->key);
	case KEYD_SIGNED:
		*ret_used = sizeof(r->sig);
		return signed_check(&r->sig);
	case KEYD_TYPES:
		break;
	}
	return "type";
}

int keyd_record_validate(const struct keyd_record *r, const char **ret_field)
{
	const size_t body = offsetof(struct keyd_record, sign);
	const char *wrong;
	size_t used = 0;

	if (r->version != KEYD_VERSION)
		wrong = "version";
	else
		wrong = body_check(r, &used);
	if (!wrong && !zero_all((const uint8_t *)r + body + used,
				sizeof(*r) - body - used))
		wrong = "reserved";
	if (!wrong)
		return 0;
	*ret_field = wrong;
	return -EPROTO;
}
