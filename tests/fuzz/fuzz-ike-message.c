/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The parsers of ike/: a datagram as it comes, and the same bytes as the
 * inside of an SK payload (first byte: type of the first payload). Every
 * parser sees every payload.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ike/announce.h"
#include "ike/payload.h"
#include "ike/proposal.h"
#include "ike/selector.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(int condition)
{
	if (!condition)
		abort();
}

/* What is taken goes into logs, and comes back from its text. */
static void try_identity(const struct ike_id *payload)
{
	char text[IKE_IDENTITY_STRLEN];
	struct ike_identity id, back;

	if (ike_identity_from_payload(payload, &id) < 0)
		return;
	ike_identity_format(&id, text);
	for (size_t i = 0; text[i]; i++)
		check(text[i] > ' ' && text[i] <= '~');
	check(ike_identity_parse(text, &back) == 0);
	check(ike_identity_equal(&id, &back));
}

static void try_wishes(const struct ike_message *m)
{
	struct ike_wishes w = { .null = false };

	if (ike_wishes_learn(m, &w) < 0) {
		check(!w.signature.announced && !w.signature.hashes);
		return;
	}
	check(!(w.signature.hashes & ~IKE_HASHES));
	for (unsigned t = 0; t < IKE_KEY_TYPES; t++)
		(void)ike_signature_choose((enum ike_key_type)t, &w.signature);
}

static void try_small(const struct ike_payload *p)
{
	struct ike_authentication auth;
	struct ike_notify notify;
	struct ike_nonce nonce;
	struct ike_delete del;
	struct ike_ke ke;
	struct ike_cert cert;
	struct ike_id id;

	if (ike_ke_parse(p, &ke) == 0)
		check(ke.data.len == p->len - 4);
	if (ike_nonce_parse(p, &nonce) == 0)
		check(nonce.len >= 16 && nonce.len <= 256);
	if (ike_id_parse(p, &id) == 0) {
		check((id.type == IKE_ID_NULL) == (id.data.len == 0));
		try_identity(&id);
	}
	if (ike_cert_parse(p, &cert) == 0)
		check(cert.data.len + 1 == p->len);
	if (ike_authentication_parse(p, &auth) == 0)
		check(auth.data.len > 0);
	if (ike_notify_parse(p, &notify) == 0)
		check(notify.spi.len + notify.data.len + 4 == p->len);
	if (ike_delete_parse(p, &del) == 0)
		check(del.spis.len == 4 * (size_t)del.count);
}

static bool same(const struct ike_transform *a, const struct ike_transform *b)
{
	return a->type == b->type && a->id == b->id &&
	       a->key_bits == b->key_bits;
}

/* What was chosen was offered, and is one of each type. */
static void check_choice(const struct ike_choice *c, const struct ike_offer *o)
{
	uint32_t seen = 0;

	check(c->n > 0 && c->n <= IKE_CHOICE_MAX);
	check(c->protocol == o->protocol);
	for (size_t i = 0; i < c->n; i++) {
		size_t k = 0;

		check(!(seen & 1u << c->list[i].type));
		seen |= 1u << c->list[i].type;
		while (k < o->n && !same(&o->list[k], &c->list[i]))
			k++;
		check(k < o->n);
	}
}

static void try_offer(const struct ike_payload *p, const struct ike_offer *o)
{
	struct ike_choice c;

	for (uint16_t group = 0; group < 40; group += 19)
		if (ike_proposal_choose(p, o, group, &c) == 0)
			check_choice(&c, o);
	if (ike_proposal_accept(p, o, &c) == 0) {
		check_choice(&c, o);
		/* Whoever may answer so, may ask so. */
		check(c.number == 2 || ike_proposal_choose(p, o, 0, &c) == 0);
	}
}

static void try_sa(const struct ike_payload *p)
{
	static const enum ike_offer_use uses[] = {
		IKE_OFFER_INIT, IKE_OFFER_REKEY, IKE_OFFER_AUTH, IKE_OFFER_CHILD
	};
	struct algorithms a;
	struct ike_offer o;

	algorithms_init(&a);
	for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
		ike_offer_init(&o, uses[i], &a.propose);
		try_offer(p, &o);
		ike_offer_init(&o, uses[i], &a.accept);
		try_offer(p, &o);
	}
}

static void try_selectors(const struct ike_payload *p)
{
	struct addr host = { .family = AF_INET, .bytes = { 192, 0, 2, 1 } };
	struct ike_selectors s;

	if (ike_selectors_parse(p, &s) < 0)
		return;
	check(s.n + s.unknown > 0 && s.n <= LIMIT_IKE_SELECTORS);
	if (ike_selectors_are(&s, &host))
		check(ike_selectors_contain(&s, &host, true));
	for (size_t i = 0; i < s.n; i++)
		check(addr_compare(&s.list[i].first, &s.list[i].last) <= 0);
}

static void try_payloads(const struct ike_message *m)
{
	check(m->n <= LIMIT_IKE_PAYLOADS);
	try_wishes(m);
	for (size_t i = 0; i < m->n; i++) {
		const struct ike_payload *p = &m->payloads[i];

		check(m->present & IKE_PRESENT(p->type));
		try_small(p);
		try_sa(p);
		try_selectors(p);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct ike_message m;

	if (ike_message_parse(data, len, &m) >= 0)
		try_payloads(&m);
	if (len && ike_message_parse_inner(&m, data[0], data + 1, len - 1) >= 0)
		try_payloads(&m);
	return 0;
}
