/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The body of one payload at a time, and what is inside of it: the first byte
 * says which reader sees the rest. What was read is written again, and must
 * be the same bytes, where there is but one way to write it.
 */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "ike/configuration.h"
#include "ike/identity.h"
#include "ike/payload.h"
#include "ike/proposal.h"
#include "ike/public-key.h"
#include "ike/selector.h"
#include "ike/signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(int condition)
{
	if (!condition)
		abort();
}

/* The one payload that was written is this one. */
static void check_same(struct ike_builder *b, const struct ike_payload *p)
{
	struct ike_message m;

	check(ike_builder_finish(b) == 0);
	check(ike_message_parse(b->w.data, b->w.len, &m) == IKE_MESSAGE_OK);
	check(m.n == 1 && m.payloads[0].len == p->len);
	check(memcmp(m.payloads[0].data, p->data, p->len) == 0);
}

static void begin(struct ike_builder *b, uint8_t *buf, size_t size)
{
	const struct ike_header h = {
		.spi_i = 1,
		.exchange = IKE_EXCHANGE_SA_INIT,
	};

	ike_builder_init(b, buf, size, &h);
}

static void try_id(const struct ike_payload *p)
{
	uint8_t buf[LIMIT_IKE_MESSAGE];
	struct ike_identity id, again;
	char text[IKE_IDENTITY_STRLEN];
	struct ike_builder b;
	struct ike_id raw;

	if (ike_id_parse(p, &raw) < 0)
		return;
	check((raw.type == IKE_ID_NULL) == (raw.data.len == 0));
	if (ike_identity_from_payload(&raw, &id) < 0)
		return;
	ike_identity_format(&id, text);
	check(strlen(text) < sizeof(text));
	/* What we show is what we would take for it. */
	if (ike_identity_parse(text, &again) == 0)
		check(ike_identity_equal(&id, &again));
	begin(&b, buf, sizeof(buf));
	ike_identity_write(&b, IKE_PAYLOAD_IDI, &id);
	/* Reserved bytes are written as zero. */
	if (!p->data[1] && !p->data[2] && !p->data[3])
		check_same(&b, p);
}

static void try_text(const uint8_t *data, size_t len)
{
	char text[512], shown[IKE_IDENTITY_STRLEN];
	struct ike_identity id, again;

	if (len >= sizeof(text))
		return;
	memcpy(text, data, len);
	text[len] = 0;
	if (ike_identity_parse(text, &id) < 0)
		return;
	ike_identity_format(&id, shown);
	check(ike_identity_parse(shown, &again) == 0);
	check(ike_identity_equal(&id, &again));
}

static void try_key(const uint8_t *data, size_t len)
{
	struct ike_view spki = { data, len };
	uint8_t print[IKE_FINGERPRINT_LEN];
	struct ike_public_key k;
	EVP_PKEY *key = NULL;

	if (ike_public_key_parse(spki, &k) < 0)
		return;
	check(k.type < IKE_KEY_TYPES);
	if (k.type == IKE_KEY_RSA)
		check(k.n.len >= IKE_RSA_BITS_MIN / 8 &&
		      k.n.len <= IKE_RSA_BITS_MAX / 8 && k.e.len > 0);
	check(ike_public_key_fingerprint(spki, print) == 0);
	if (ike_public_key_load(&k, &key) == 0) {
		static const uint8_t signature[64];

		for (unsigned s = 1; s < IKE_SIGNATURES; s++)
			check(ike_signature_verify(
				      (enum ike_signature)s, &k, "x", 1,
				      (struct ike_view){ signature, 64 }) != 0);
	}
	EVP_PKEY_free(key);
}

static void try_signature(const uint8_t *data, size_t len)
{
	struct ike_view v = { data, len }, signature;
	enum ike_signature s;

	if (ike_signature_parse(v, &s, &signature) == 0) {
		check(s > 0 && s < IKE_SIGNATURES);
		check(signature.data >= data &&
		      signature.data + signature.len == data + len);
	}
	if (ike_signature_read_algorithm(v, &s) == 0)
		check(s > 0 && s < IKE_SIGNATURES);
}

static void try_auth(const struct ike_payload *p)
{
	struct ike_authentication a;

	if (ike_authentication_parse(p, &a) < 0)
		return;
	check(a.data.len > 0 && a.data.len + 4 == p->len);
	try_signature(a.data.data, a.data.len);
}

static void try_cert(const struct ike_payload *p)
{
	uint8_t buf[2 * LIMIT_IKE_MESSAGE];
	struct ike_builder b;
	struct ike_cert c;

	if (ike_cert_parse(p, &c) < 0)
		return;
	check(c.data.len + 1 == p->len);
	try_key(c.data.data, c.data.len);
	begin(&b, buf, sizeof(buf));
	ike_cert_write(&b, c.encoding, c.data.data, c.data.len);
	if (p->len < LIMIT_IKE_MESSAGE - 64)
		check_same(&b, p);
}

static void try_configuration(const struct ike_payload *p)
{
	struct ike_configuration c, again;
	uint8_t buf[256];
	struct ike_builder b;
	struct ike_message m;

	if (ike_configuration_parse(p, &c) < 0 || !c.v6.present)
		return;
	check(c.v6.addr.family == AF_INET6 || !c.v6.addr.family);
	check(!addr_is_unspecified(&c.v6.addr));
	begin(&b, buf, sizeof(buf));
	ike_configuration_write(&b, (enum ike_cfg_type)c.type, AF_INET6,
				&c.v6.addr);
	check(ike_builder_finish(&b) == 0);
	check(ike_message_parse(b.w.data, b.w.len, &m) == IKE_MESSAGE_OK);
	check(ike_configuration_parse(&m.payloads[0], &again) == 0);
	check(again.type == c.type && !again.v4.present && again.v6.present &&
	      addr_equal(&again.v6.addr, &c.v6.addr));
}

static void try_rest(const struct ike_payload *p)
{
	uint8_t buf[2 * LIMIT_IKE_MESSAGE];
	struct ike_selectors ts;
	struct ike_nonce nonce;
	struct ike_builder b;
	struct ike_notify n;
	struct ike_delete d;
	struct ike_ke ke;

	if (ike_nonce_parse(p, &nonce) == 0) {
		begin(&b, buf, sizeof(buf));
		ike_nonce_write(&b, &nonce);
		check_same(&b, p);
	}
	if (ike_ke_parse(p, &ke) == 0)
		check(ke.data.data == p->data + 4);
	if (ike_notify_parse(p, &n) == 0)
		check(n.spi.len + n.data.len + 4 == p->len);
	if (ike_delete_parse(p, &d) == 0)
		check(d.spis.len == 4 * (size_t)d.count);
	try_configuration(p);
	if (ike_selectors_parse(p, &ts) == 0)
		check(ts.n + ts.unknown > 0 && ts.n <= LIMIT_IKE_SELECTORS);
}

static void try_sa(const struct ike_payload *p)
{
	struct algorithms a;
	struct ike_offer o;
	struct ike_choice c;

	algorithms_init(&a);
	for (unsigned use = IKE_OFFER_INIT; use <= IKE_OFFER_CHILD; use++) {
		ike_offer_init(&o, (enum ike_offer_use)use, &a.accept);
		for (uint16_t group = 0; group < 40; group += 19)
			if (ike_proposal_choose(p, &o, group, &c) == 0)
				check(c.n > 0 && c.n <= IKE_CHOICE_MAX &&
				      c.protocol == o.protocol);
		ike_offer_init(&o, (enum ike_offer_use)use, &a.propose);
		if (ike_proposal_accept(p, &o, &c) == 0)
			check(c.n > 0 && c.n <= IKE_CHOICE_MAX);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct ike_payload p = { .data = data + 1, .len = len - 1 };

	if (len < 1 || len > LIMIT_IKE_MESSAGE)
		return 0;
	switch (data[0] % 8) {
	case 0:
		try_id(&p);
		break;
	case 1:
		try_text(p.data, p.len);
		break;
	case 2:
		try_key(p.data, p.len);
		break;
	case 3:
		try_signature(p.data, p.len);
		break;
	case 4:
		try_auth(&p);
		break;
	case 5:
		try_cert(&p);
		break;
	case 6:
		try_sa(&p);
		break;
	case 7:
		try_rest(&p);
		break;
	}
	return 0;
}
