/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading and writing of what the two sides take as proof.
 */
#include "ike/announce.h"

#include <errno.h>

/* RFC 7427 4: identifiers of 16 bits. */
static int learn_hashes(struct ike_view data, struct ike_wishes *w)
{
	struct rbuf r = rbuf_of(data.data, data.len);
	uint32_t hashes = 0;

	while (r.left) {
		uint16_t hash = rbuf_be16(&r);

		if (hash < 32)
			hashes |= IKE_HASH_BIT(hash);
	}
	if (!rbuf_ok(&r))
		return -EBADMSG;
	w->signature.hashes |= hashes & IKE_HASHES;
	return 0;
}

/* RFC 9593 3.2.3: a method, the CA that it is about, an algorithm. */
static void learn_signature(struct rbuf *r, struct ike_wishes *w)
{
	enum ike_signature s;

	(void)rbuf_u8(r);
	if (rbuf_ok(r) &&
	    ike_signature_read_algorithm((struct ike_view){ r->pos, r->left },
					 &s) == 0)
		w->signature.signatures |= 1u << s;
}

static void learn_method(struct rbuf *r, struct ike_wishes *w)
{
	uint8_t method = rbuf_u8(r);

	if (method == IKE_AUTH_SHARED)
		w->shared = true;
	else if (method == IKE_AUTH_NULL)
		w->null = true;
	else if (method == IKE_AUTH_SIGNATURE)
		learn_signature(r, w);
	else
		w->signature.signatures |= 1u
					   << ike_signature_of_method(method);
}

/* RFC 9593 3.2: each one begins with its length. An empty list says that it
 * will come later, which is as good as none. */
static int learn_methods(struct ike_view data, struct ike_wishes *w)
{
	struct rbuf r = rbuf_of(data.data, data.len);

	while (r.left) {
		uint8_t len = rbuf_u8(&r);
		struct rbuf one;

		if (len < 2)
			return -EBADMSG;
		one = rbuf_slice(&r, len - 1u);
		if (!rbuf_ok(&one))
			return -EBADMSG;
		learn_method(&one, w);
		w->signature.announced = true;
	}
	return 0;
}

int ike_wishes_learn(const struct ike_message *m, struct ike_wishes *w)
{
	struct ike_wishes learnt = *w;
	struct ike_notify n;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < m->n; i++) {
		const struct ike_payload *p = &m->payloads[i];

		if (p->type == IKE_PAYLOAD_CERTREQ && p->len >= 1 &&
		    p->data[0] == IKE_CERT_RAW_KEY)
			learnt.raw_key = true;
		if (p->type != IKE_PAYLOAD_NOTIFY)
			continue;
		rc = ike_notify_parse(p, &n);
		if (rc < 0)
			break;
		if (n.type == IKE_NOTIFY_SIGNATURE_HASH_ALGORITHMS)
			rc = learn_hashes(n.data, &learnt);
		else if (n.type == IKE_NOTIFY_SUPPORTED_AUTH_METHODS)
			rc = learn_methods(n.data, &learnt);
	}
	if (rc == 0)
		*w = learnt;
	return rc;
}

void ike_announce_hashes(struct ike_builder *b)
{
	static const uint8_t hashes[] = {
		0, IKE_HASH_SHA2_256, 0, IKE_HASH_SHA2_384,
		0, IKE_HASH_SHA2_512, 0, IKE_HASH_IDENTITY,
	};

	ike_notify_write(b, IKE_NOTIFY_SIGNATURE_HASH_ALGORITHMS, hashes,
			 sizeof(hashes));
}

void ike_announce_raw_key(struct ike_builder *b)
{
	/* RFC 7670 3: there is no authority to name. */
	wbuf_u8(ike_builder_open(b, IKE_PAYLOAD_CERTREQ), IKE_CERT_RAW_KEY);
	ike_builder_close(b);
}

/* RFC 9593 3.2.1 */
static void write_plain(struct wbuf *w, enum ike_auth_method method)
{
	wbuf_u8(w, 2);
	wbuf_u8(w, (uint8_t)method);
}

/* RFC 9593 3.2.3, of no authority; and 3.2.2 for RFC 4754. */
static void write_signature(struct wbuf *w, enum ike_signature s)
{
	struct ike_view der = ike_signature_algorithm(s);

	wbuf_u8(w, (uint8_t)(3 + der.len));
	wbuf_u8(w, (uint8_t)ike_signature_method(s));
	wbuf_u8(w, 0);
	wbuf_bytes(w, der.data, der.len);
}

/* Those that one of the peer's keys can make, as bits. */
static uint32_t count_signatures(const struct ike_credentials *c)
{
	uint32_t all = 0;

	for (size_t i = 0; i < c->n_peer_keys; i++) {
		struct ike_public_key k;

		if (ike_public_key_parse(c->peer_keys[i], &k) < 0)
			continue;
		for (unsigned s = 1; s < IKE_SIGNATURES; s++)
			if (ike_signature_suits((enum ike_signature)s, k.type))
				all |= 1u << s;
	}
	return all;
}

void ike_announce_methods(struct ike_builder *b,
			  const struct ike_credentials *c)
{
	uint32_t signatures = count_signatures(c);
	bool shared = c->accept_shared && c->shared.len;
	/* All kinds of keys together: some 350. */
	uint8_t buf[512];
	struct wbuf w = wbuf_of(buf, sizeof(buf));

	if (!signatures && !shared)
		return;
	for (unsigned s = 1; s < IKE_SIGNATURES; s++)
		if (signatures & 1u << s)
			write_signature(&w, (enum ike_signature)s);
	if (shared)
		write_plain(&w, IKE_AUTH_SHARED);
	if (c->accept_null)
		write_plain(&w, IKE_AUTH_NULL);
	if (wbuf_ok(&w))
		ike_notify_write(b, IKE_NOTIFY_SUPPORTED_AUTH_METHODS, buf,
				 w.len);
	if (signatures)
		ike_announce_raw_key(b);
}
