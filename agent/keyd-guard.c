/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The cheap checks first; nothing here touches a key. */
#include "agent/keyd-guard.h"

#include <errno.h>
#include <string.h>

#include "ike/message.h"
#include "ike/prf.h"

static const struct {
	const char *name;
	int error;
} reasons[KEYD_REFUSED_REASONS] = {
	[KEYD_REFUSED_NONE] = { "none", 0 },
	[KEYD_REFUSED_FORM] = { "form", -EPROTO },
	[KEYD_REFUSED_KEY] = { "key", -ENOENT },
	[KEYD_REFUSED_IDENTITY] = { "identity", -EPERM },
	[KEYD_REFUSED_MESSAGE] = { "message", -EINVAL },
	[KEYD_REFUSED_RATE] = { "rate", -EAGAIN },
	[KEYD_REFUSED_BUSY] = { "busy", -EAGAIN },
};

const char *keyd_refused_name(enum keyd_refused r)
{
	return reasons[r].name;
}

int keyd_refused_errno(enum keyd_refused r)
{
	return reasons[r].error;
}

/* The configured one, or an address of this host: who looked our key up by
 * address asks for that. */
static bool own_identity(const struct keyd_guard *g, const struct keyd_sign *s)
{
	struct addr a = { .family = AF_INET };

	if (!ike_identity_is_none(&g->identity) &&
	    g->identity.type == s->identity_type &&
	    g->identity.len == s->identity_len &&
	    !memcmp(g->identity.data, s->identity, s->identity_len))
		return true;
	if (s->identity_type == IKE_ID_IPV6)
		a.family = AF_INET6;
	else if (s->identity_type != IKE_ID_IPV4)
		return false;
	memcpy(a.bytes, s->identity, addr_len(&a));
	return g->own_address && g->own_address(g->user, &a);
}

/* RFC 7296 1.2, 3.1: a request has no SPI of the responder yet. */
static bool own_message(const struct keyd_sign *s)
{
	const uint32_t wanted = IKE_PRESENT(IKE_PAYLOAD_SA) |
				IKE_PRESENT(IKE_PAYLOAD_KE) |
				IKE_PRESENT(IKE_PAYLOAD_NONCE);
	struct ike_message m;
	const struct ike_header *h = &m.header;

	if (ike_message_parse(s->message, s->message_len, &m) != IKE_MESSAGE_OK)
		return false;
	return h->exchange == IKE_EXCHANGE_SA_INIT && h->id == 0 && h->spi_i &&
	       (m.present & wanted) == wanted &&
	       ike_header_from_initiator(h) == (s->initiator == 1) &&
	       ike_header_is_response(h) == (s->initiator == 0) &&
	       (h->spi_r != 0) == (s->initiator == 0);
}

static enum keyd_refused judge(struct keyd_guard *g, uint64_t now,
			       const struct keyd_record *r,
			       struct own_key **ret_key)
{
	const struct keyd_sign *s = &r->sign;
	const struct ike_prf *prf;
	const char *field;

	if (keyd_record_validate(r, &field) < 0 || r->type != KEYD_SIGN)
		return KEYD_REFUSED_FORM;
	*ret_key = keyd_keys_find(g->keys, s->key);
	/* Who is shown a key that he cannot have found yet turns us away. */
	if (!*ret_key || (*ret_key)->life.stage == KEY_NEXT)
		return KEYD_REFUSED_KEY;
	prf = ike_prf_find(s->prf);
	if (!prf || prf->len != s->secret_len || !own_message(s))
		return KEYD_REFUSED_MESSAGE;
	if (!own_identity(g, s))
		return KEYD_REFUSED_IDENTITY;
	if (!ratelimit_take(&g->rate, now, LIMIT_KEYD_RATE, LIMIT_KEYD_RATE))
		return KEYD_REFUSED_RATE;
	return KEYD_REFUSED_NONE;
}

enum keyd_refused keyd_guard_check(struct keyd_guard *g, uint64_t now,
				   const struct keyd_record *r,
				   struct own_key **ret_key)
{
	struct own_key *key = NULL;
	enum keyd_refused why = judge(g, now, r, &key);

	if (why == KEYD_REFUSED_NONE) {
		g->passed++;
		*ret_key = key;
	} else {
		g->counts[why]++;
	}
	return why;
}

void keyd_guard_busy(struct keyd_guard *g)
{
	g->passed--;
	g->counts[KEYD_REFUSED_BUSY]++;
}

uint64_t keyd_guard_refusals(const struct keyd_guard *g)
{
	uint64_t sum = 0;

	for (unsigned i = 1; i < KEYD_REFUSED_REASONS; i++)
		sum += g->counts[i];
	return sum;
}
