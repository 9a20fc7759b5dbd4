/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening of messages for the tap, words for states, and the line that
 * Wireshark reads.
 */
#include "ike/tap.h"

#include <errno.h>
#include <stdio.h>

#include "ike/core.h"
#include "util/secret.h"

void ike_tap_set(struct ike_engine *e,
		 void (*tap)(void *user, const struct ike_tap *t))
{
	e->ops.tap = tap;
}

/* --- messages -------------------------------------------------------------- */

/* The SA of a message of ours or of its peer; NULL where the keys are not
 * there. */
static const struct ike_sa *find_sa(const struct ike_engine *e, bool sent,
				    const struct ike_header *h)
{
	bool initiator = sent == ike_header_from_initiator(h);
	const struct ike_sa *sa;

	sa = ike_sa_find(e, initiator ? h->spi_i : h->spi_r);
	return sa && sa->initiator == initiator && sa->cipher &&
			       sa->spi_i == h->spi_i && sa->spi_r == h->spi_r
		       ? sa
		       : NULL;
}

/* The header, its first payload and its length patched, and the inner chain;
 * 0 where it cannot be opened. */
static size_t open_message(const struct ike_sa *sa, bool sent,
			   const struct ike_message *m, uint8_t *out)
{
	const struct ike_payload *sk = ike_message_find(m, IKE_PAYLOAD_SK);
	const struct ike_protect_key *key;
	struct ike_builder b;
	size_t len;

	key = sent == sa->initiator ? &sa->keys.ei : &sa->keys.er;
	if (!sk ||
	    ike_protect_read(m, sa->cipher, key->data, out + IKE_HEADER_LEN,
			     &len) != IKE_PROTECT_OK)
		return 0;
	ike_builder_init(&b, out, IKE_HEADER_LEN, &m->header);
	b.w.len += len;
	out[b.next_at] = sk->inner;
	return ike_builder_finish(&b) < 0 ? 0 : b.w.len;
}

void ike_tap_datagram(struct ike_engine *e, bool sent,
		      const struct endpoint *local,
		      const struct endpoint *remote, const void *data,
		      size_t len)
{
	uint8_t plain[IKE_HEADER_LEN + LIMIT_IKE_MESSAGE];
	struct ike_tap t = {
		.type = IKE_TAP_MESSAGE,
		.message = { .sent = sent,
			     .local = *local,
			     .remote = *remote,
			     .data = data,
			     .len = len },
	};
	const struct ike_sa *sa = NULL;
	struct ike_message m;
	size_t opened = 0;

	if (!e->ops.tap)
		return;
	if (ike_message_parse(data, len, &m) >= 0)
		sa = find_sa(e, sent, &m.header);
	if (sa)
		opened = open_message(sa, sent, &m, plain);
	if (opened) {
		t.message.opened = true;
		t.message.data = plain;
		t.message.len = opened;
	}
	e->ops.tap(e->ops.user, &t);
	secret_wipe(plain, opened);
}

void ike_tap_whole(struct ike_engine *e, bool sent,
		   const struct endpoint *local, const struct endpoint *remote,
		   const struct ike_header *h, uint8_t first,
		   const uint8_t *text, size_t len)
{
	struct ike_tap t = {
		.type = IKE_TAP_MESSAGE,
		.message = { .sent = sent,
			     .opened = true,
			     .local = *local,
			     .remote = *remote },
	};
	struct ike_outgoing out;

	if (!e->ops.tap)
		return;
	ike_builder_init(&out.b, out.buf, sizeof(out.buf), h);
	out.buf[IKE_NEXT_PAYLOAD_AT] = first;
	wbuf_bytes(&out.b.w, text, len);
	if (ike_builder_finish(&out.b) == 0) {
		t.message.data = out.buf;
		t.message.len = out.b.w.len;
		e->ops.tap(e->ops.user, &t);
	}
	secret_wipe(&out, sizeof(out));
}

void ike_tap_fragments(struct ike_engine *e, const struct ike_sa *sa,
		       const struct endpoint *local,
		       const struct endpoint *remote, const uint8_t *data,
		       size_t len)
{
	const struct ike_protect_key *key =
		sa->initiator ? &sa->keys.ei : &sa->keys.er;
	uint8_t text[LIMIT_IKE_MESSAGE], piece[LIMIT_IKE_MESSAGE], first = 0;
	struct wbuf w = wbuf_of(text, sizeof(text));
	struct ike_message m;
	size_t n, got;

	if (!e->ops.tap)
		return;
	for (size_t at = 0; at < len; at += n) {
		n = ike_fragment_next(data + at, len - at);
		if (ike_message_parse(data + at, n, &m) < 0 ||
		    ike_protect_read(&m, sa->cipher, key->data, piece, &got) !=
			    IKE_PROTECT_OK)
			return;
		if (at == 0)
			first = m.payloads[0].inner;
		wbuf_bytes(&w, piece, got);
		secret_wipe(piece, got);
	}
	if (wbuf_ok(&w))
		ike_tap_whole(e, true, local, remote, &m.header, first, text,
			      w.len);
	secret_wipe(text, sizeof(text));
}

/* --- states ---------------------------------------------------------------- */

static const char *meaning(uint8_t state)
{
	static const char *const words[] = {
		[IKE_SA_GENERATE] = "we begin",
		[IKE_SA_INIT_SENT] = "asked, waiting for an answer",
		[IKE_SA_DERIVE] = "it answered, making the keys",
		[IKE_SA_IDENTIFY] = "finding out who we are for it",
		[IKE_SA_SIGN] = "signing our proof",
		[IKE_SA_VERIFY] = "looking at its signature",
		[IKE_SA_AUTH_SENT] = "we said who we are, waiting for its "
				     "proof",
		[IKE_SA_RESPOND] = "it asks, making the keys",
		[IKE_SA_INIT_DONE] = "we answered, waiting for its proof",
		[IKE_SA_ESTABLISHED] = "established",
		[IKE_SA_HEIR] = "made by rekeying, not in charge yet",
		[IKE_SA_REKEYED] = "rekeyed, another took its place",
		[IKE_SA_CHILDLESS] = "nothing is protected by it any more",
		[IKE_SA_DELETING] = "we end it",
		[IKE_SA_LINGER] = "over, repeated messages are still answered",
		[IKE_SA_DEAD] = "gone",
	};

	if (state < sizeof(words) / sizeof(words[0]) && words[state])
		return words[state];
	return ike_sa_state_name(state);
}

const char *ike_sa_meaning(const struct ike_engine *e, struct handle sa)
{
	const struct ike_sa *found = slots_get(e->sas, sa);

	return found ? meaning(found->state) : NULL;
}

/* SK_e, and SK_a behind it. */
static struct ike_tap_key encr_of(const struct ike_sa *sa,
				  const struct ike_protect_key *k)
{
	return (struct ike_tap_key){ k->data, k->len - sa->cipher->auth_len };
}

static struct ike_tap_key integ_of(const struct ike_sa *sa,
				   const struct ike_protect_key *k)
{
	return (struct ike_tap_key){ k->data + k->len - sa->cipher->auth_len,
				     sa->cipher->auth_len };
}

static void show_keys(struct ike_engine *e, const struct ike_sa *sa)
{
	const struct ike_tap t = {
		.type = IKE_TAP_KEYS,
		.keys = { .spi_i = sa->spi_i,
			  .spi_r = sa->spi_r,
			  .encr = sa->cipher->id,
			  .key_bits = sa->cipher->key_bits,
			  .integ = sa->cipher->integ,
			  .ei = encr_of(sa, &sa->keys.ei),
			  .er = encr_of(sa, &sa->keys.er),
			  .ai = integ_of(sa, &sa->keys.ei),
			  .ar = integ_of(sa, &sa->keys.er) },
	};

	e->ops.tap(e->ops.user, &t);
}

/* Authenticated by either side, or about to be by our own wish. */
static bool is_trusted(uint8_t state)
{
	return state == IKE_SA_ESTABLISHED || state == IKE_SA_CHILDLESS ||
	       state == IKE_SA_HEIR || state == IKE_SA_REKEYED ||
	       state == IKE_SA_DELETING;
}

void ike_tap_state(struct ike_engine *e, struct ike_sa *sa, uint8_t from)
{
	struct ike_change c = {
		.sa = sa->handle,
		.initiator = sa->initiator,
		.local = sa->local,
		.remote = sa->remote,
		.authenticated = is_trusted(from) || is_trusted(sa->state),
	};

	if (e->ops.tap && sa->keys.ei.len && !sa->tapped) {
		sa->tapped = true;
		show_keys(e, sa);
	}
	if (!e->ops.changed)
		return;
	c.from = ike_sa_state_name(from);
	c.to = ike_sa_state_name(sa->state);
	c.meaning = meaning(sa->state);
	e->ops.changed(e->ops.user, &c);
}

/* --- Wireshark ------------------------------------------------------------- */

/* As in Wireshark's epan/dissectors/packet-isakmp.c; it has no ChaCha20. */
static const struct {
	uint16_t id, bits;
	const char *name;
} encr_names[] = {
	{ IKE_ENCR_AES_GCM_16, 128, "AES-GCM-128 with 16 octet ICV [RFC5282]" },
	{ IKE_ENCR_AES_GCM_16, 256, "AES-GCM-256 with 16 octet ICV [RFC5282]" },
	{ IKE_ENCR_AES_CBC, 128, "AES-CBC-128 [RFC3602]" },
	{ IKE_ENCR_AES_CBC, 256, "AES-CBC-256 [RFC3602]" },
}, integ_names[] = {
	{ IKE_INTEG_NONE, 0, "NONE [RFC4306]" },
	{ IKE_INTEG_HMAC_SHA2_256_128, 0, "HMAC_SHA2_256_128 [RFC4868]" },
	{ IKE_INTEG_HMAC_SHA2_384_192, 0, "HMAC_SHA2_384_192 [RFC4868]" },
	{ IKE_INTEG_HMAC_SHA2_512_256, 0, "HMAC_SHA2_512_256 [RFC4868]" },
};

static void put_hex(char **at, const struct ike_tap_key *k)
{
	for (size_t i = 0; i < k->len; i++)
		*at += sprintf(*at, "%02x", k->data[i]);
}

int ike_tap_keys_format(const struct ike_tap_keys *k, char *buf, size_t size)
{
	const char *encr = NULL, *integ = NULL;
	char *at = buf;

	for (size_t i = 0; i < sizeof(encr_names) / sizeof(*encr_names); i++)
		if (encr_names[i].id == k->encr &&
		    encr_names[i].bits == k->key_bits)
			encr = encr_names[i].name;
	for (size_t i = 0; i < sizeof(integ_names) / sizeof(*integ_names); i++)
		if (integ_names[i].id == k->integ)
			integ = integ_names[i].name;
	if (!encr || !integ)
		return snprintf(buf, size,
				"# %016llx,%016llx: an algorithm that "
				"Wireshark 4.0 does not know\n",
				(unsigned long long)k->spi_i,
				(unsigned long long)k->spi_r);
	/* Two SPIs, the names, quotes and commas take less than 160. */
	if (size < 160 + 2 * (k->ei.len + k->er.len + k->ai.len + k->ar.len))
		return -ENOBUFS;
	at += sprintf(at, "%016llx,%016llx,", (unsigned long long)k->spi_i,
		      (unsigned long long)k->spi_r);
	put_hex(&at, &k->ei);
	*at++ = ',';
	put_hex(&at, &k->er);
	at += sprintf(at, ",\"%s\",", encr);
	put_hex(&at, &k->ai);
	*at++ = ',';
	put_hex(&at, &k->ar);
	at += sprintf(at, ",\"%s\"\n", integ);
	return (int)(at - buf);
}
