/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Our offers as tables, and the walk through a peer's proposals: one pass that
 * checks the form of everything and notes, by transform type, the best that
 * the offer has.
 */
#include "ike/proposal.h"

#include <errno.h>
#include <string.h>

#define MORE_PROPOSALS	2u /* 3.3.1 */
#define MORE_TRANSFORMS 3u /* 3.3.2 */
#define ATTRIBUTE_TV	0x8000u
#define ESP_SPI_LEN	4u
/* RFC 4303 2.1: 0 to 255 are reserved. */
#define ESP_SPI_RESERVED 255u

#define ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))

static const struct ike_transform ike_transforms[] = {
	{ IKE_TRANSFORM_ENCR, IKE_ENCR_AES_GCM_16, 256 },
	{ IKE_TRANSFORM_ENCR, IKE_ENCR_AES_GCM_16, 128 },
	{ IKE_TRANSFORM_ENCR, IKE_ENCR_CHACHA20_POLY1305, 0 },
	{ IKE_TRANSFORM_PRF, IKE_PRF_HMAC_SHA2_256, 0 },
	{ IKE_TRANSFORM_PRF, IKE_PRF_HMAC_SHA2_384, 0 },
	{ IKE_TRANSFORM_PRF, IKE_PRF_HMAC_SHA2_512, 0 },
	{ IKE_TRANSFORM_KE, IKE_KE_X25519, 0 },
	{ IKE_TRANSFORM_KE, IKE_KE_P256, 0 },
	{ IKE_TRANSFORM_KE, IKE_KE_P384, 0 },
	/* 3.3: beside an AEAD cipher, NONE may be said or left out. */
	{ IKE_TRANSFORM_INTEG, IKE_INTEG_NONE, 0 },
};

static const struct ike_transform esp_transforms[] = {
	{ IKE_TRANSFORM_ENCR, IKE_ENCR_AES_GCM_16, 256 },
	{ IKE_TRANSFORM_ENCR, IKE_ENCR_AES_GCM_16, 128 },
	{ IKE_TRANSFORM_ENCR, IKE_ENCR_CHACHA20_POLY1305, 0 },
	{ IKE_TRANSFORM_SN, IKE_SN_ESN, 0 },
	{ IKE_TRANSFORM_SN, IKE_SN_32BIT, 0 },
	{ IKE_TRANSFORM_INTEG, IKE_INTEG_NONE, 0 },
	/* 1.2: nothing but NONE in IKE_AUTH. */
	{ IKE_TRANSFORM_KE, IKE_KE_NONE, 0 },
};

static const struct ike_offer offer_ike = {
	.protocol = IKE_PROTOCOL_IKE,
	.n = ELEMENTS(ike_transforms),
	.n_sent = ELEMENTS(ike_transforms) - 1,
	.list = ike_transforms,
};

static const struct ike_offer offer_esp = {
	.protocol = IKE_PROTOCOL_ESP,
	.n = ELEMENTS(esp_transforms),
	.n_sent = ELEMENTS(esp_transforms) - 2,
	.list = esp_transforms,
};

const struct ike_offer *ike_offer_ike(void)
{
	return &offer_ike;
}

const struct ike_offer *ike_offer_esp(void)
{
	return &offer_esp;
}

bool ike_offer_has(const struct ike_offer *o, enum ike_transform_type type,
		   uint16_t id)
{
	for (size_t i = 0; i < o->n_sent; i++)
		if (o->list[i].type == type && o->list[i].id == id)
			return true;
	return false;
}

uint16_t ike_offer_first(const struct ike_offer *o,
			 enum ike_transform_type type)
{
	for (size_t i = 0; i < o->n_sent; i++)
		if (o->list[i].type == type)
			return o->list[i].id;
	return 0;
}

/* The place of a transform in the offer; o->n when it is not there. */
static size_t offer_rank(const struct ike_offer *o,
			 const struct ike_transform *t)
{
	size_t i;

	for (i = 0; i < o->n; i++)
		if (o->list[i].type == t->type && o->list[i].id == t->id &&
		    o->list[i].key_bits == t->key_bits)
			break;
	return i;
}

/* One proposal, as far as an offer sees it. */
struct candidate {
	uint8_t number, protocol, spi_len;
	uint32_t spi;
	bool foreign; /* has a transform type unknown to us */
	unsigned n;   /* transforms, of all types */
	uint8_t seen; /* bit by transform type: present */
	size_t best[IKE_CHOICE_MAX + 1]; /* by type: rank in the offer */
	bool preferred;			 /* the preferred group is among them */
};

/* 3.3.5. *ret_known is false when the transform must be rejected. */
static int parse_attributes(struct rbuf *r, struct ike_transform *t,
			    bool *ret_known)
{
	bool known = true;

	while (r->left) {
		uint16_t type = rbuf_be16(r);
		uint16_t value = rbuf_be16(r);

		if (!(type & ATTRIBUTE_TV))
			(void)rbuf_bytes(r, value);
		if (!rbuf_ok(r))
			return -EBADMSG;
		if (type != (ATTRIBUTE_TV | IKE_ATTRIBUTE_KEY_LENGTH) ||
		    t->key_bits || !value)
			known = false;
		else
			t->key_bits = value;
	}
	*ret_known = known;
	return 0;
}

static void candidate_add(struct candidate *c, const struct ike_offer *o,
			  uint16_t prefer_group, const struct ike_transform *t,
			  bool known)
{
	size_t rank;

	c->n++;
	if (t->type == 0 || t->type > IKE_CHOICE_MAX) {
		c->foreign = true;
		return;
	}
	c->seen |= (uint8_t)(1u << t->type);
	rank = known ? offer_rank(o, t) : o->n;
	if (rank == o->n)
		return;
	if (t->type == IKE_TRANSFORM_KE && c->preferred)
		return;
	if (t->type == IKE_TRANSFORM_KE && prefer_group == t->id &&
	    prefer_group) {
		c->preferred = true;
		c->best[t->type] = rank;
	} else if (rank < c->best[t->type]) {
		c->best[t->type] = rank;
	}
}

static int parse_transform(struct rbuf *r, const struct ike_offer *o,
			   uint16_t prefer_group, struct candidate *c)
{
	uint8_t more = rbuf_u8(r);
	struct ike_transform t = { 0 };
	struct rbuf body;
	uint16_t len;
	bool known;
	int rc;

	(void)rbuf_u8(r);
	len = rbuf_be16(r);
	if (!rbuf_ok(r) || len < 8)
		return -EBADMSG;
	body = rbuf_slice(r, len - 4);
	t.type = rbuf_u8(&body);
	(void)rbuf_u8(&body);
	t.id = rbuf_be16(&body);
	if (!rbuf_ok(&body))
		return -EBADMSG;
	/* 3.3.2: 3 where another follows, 0 at the last. */
	if (more != (r->left ? MORE_TRANSFORMS : 0))
		return -EBADMSG;
	rc = parse_attributes(&body, &t, &known);
	if (rc < 0)
		return rc;
	candidate_add(c, o, prefer_group, &t, known);
	return 0;
}

static int parse_spi(struct rbuf *r, const struct ike_offer *o,
		     struct candidate *c)
{
	struct rbuf spi = rbuf_slice(r, c->spi_len);

	/* Those of other protocols are passed over with whatever they have. */
	if (c->protocol != o->protocol)
		return rbuf_ok(&spi) ? 0 : -EBADMSG;
	/* 3.3.1: none for an initial IKE SA, 4 bytes for ESP. */
	if (c->spi_len != (o->protocol == IKE_PROTOCOL_IKE ? 0 : ESP_SPI_LEN))
		return -EBADMSG;
	if (c->spi_len)
		c->spi = rbuf_be32(&spi);
	return rbuf_finish(&spi) ? 0 : -EBADMSG;
}

static int parse_proposal(struct rbuf *r, const struct ike_offer *o,
			  uint16_t prefer_group, struct candidate *ret)
{
	uint8_t more = rbuf_u8(r), count;
	struct rbuf body;
	uint16_t len;
	int rc;

	*ret = (struct candidate){ 0 };
	for (size_t i = 0; i < ELEMENTS(ret->best); i++)
		ret->best[i] = o->n;
	(void)rbuf_u8(r);
	len = rbuf_be16(r);
	if (!rbuf_ok(r) || len < 8)
		return -EBADMSG;
	body = rbuf_slice(r, len - 4);
	/* 3.3.1: 2 where another follows, 0 at the last. */
	if (!rbuf_ok(&body) || more != (r->left ? MORE_PROPOSALS : 0))
		return -EBADMSG;
	ret->number = rbuf_u8(&body);
	ret->protocol = rbuf_u8(&body);
	ret->spi_len = rbuf_u8(&body);
	count = rbuf_u8(&body);
	rc = parse_spi(&body, o, ret);
	if (rc < 0)
		return rc;
	if (count > LIMIT_IKE_TRANSFORMS)
		return -EBADMSG;
	for (unsigned i = 0; i < count; i++) {
		rc = parse_transform(&body, o, prefer_group, ret);
		if (rc < 0)
			return rc;
	}
	return rbuf_finish(&body) ? 0 : -EBADMSG;
}

/* 3.3.6: every type that it has and every type that we need was chosen. */
static bool candidate_ok(const struct candidate *c, const struct ike_offer *o)
{
	uint8_t need = c->seen;

	if (c->protocol != o->protocol || c->foreign)
		return false;
	if (c->protocol == IKE_PROTOCOL_ESP && c->spi <= ESP_SPI_RESERVED)
		return false;
	for (size_t i = 0; i < o->n_sent; i++)
		need |= (uint8_t)(1u << o->list[i].type);
	for (unsigned type = 1; type <= IKE_CHOICE_MAX; type++)
		if ((need & (1u << type)) && c->best[type] == o->n)
			return false;
	return true;
}

static struct ike_choice candidate_choice(const struct candidate *c,
					  const struct ike_offer *o)
{
	struct ike_choice choice = {
		.number = c->number,
		.protocol = c->protocol,
		.spi = c->spi,
	};

	for (unsigned type = 1; type <= IKE_CHOICE_MAX; type++)
		if (c->best[type] != o->n)
			choice.list[choice.n++] = o->list[c->best[type]];
	return choice;
}

int ike_proposal_choose(const struct ike_payload *p, const struct ike_offer *o,
			uint16_t prefer_group, struct ike_choice *ret)
{
	struct rbuf r = ike_payload_reader(p);
	int outcome = IKE_PROPOSAL_NONE;
	struct ike_choice choice = { 0 };
	unsigned count = 0;

	/* All of it is parsed, so that its form is judged as a whole. */
	do {
		struct candidate c;
		int rc;

		if (++count > LIMIT_IKE_PROPOSALS)
			return -EBADMSG;
		rc = parse_proposal(&r, o, prefer_group, &c);
		if (rc < 0)
			return rc;
		/* 3.3.1: numbered from 1, each one more. */
		if (c.number != count)
			return -EBADMSG;
		if (outcome == IKE_PROPOSAL_NONE && candidate_ok(&c, o)) {
			outcome = IKE_PROPOSAL_CHOSEN;
			choice = candidate_choice(&c, o);
		}
	} while (r.left);
	if (outcome == IKE_PROPOSAL_CHOSEN)
		*ret = choice;
	return outcome;
}

int ike_proposal_accept(const struct ike_payload *p, const struct ike_offer *o,
			struct ike_choice *ret)
{
	struct ike_offer sent = *o;
	struct rbuf r = ike_payload_reader(p);
	struct ike_choice choice;
	struct candidate c;
	int rc;

	/* Nothing that we did not send. */
	sent.n = o->n_sent;
	rc = parse_proposal(&r, &sent, 0, &c);
	if (rc < 0)
		return rc;
	if (!rbuf_finish(&r))
		return -EBADMSG;
	if (c.number != 1 || !candidate_ok(&c, &sent))
		return IKE_PROPOSAL_NONE;
	choice = candidate_choice(&c, &sent);
	/* One of each: what was counted is what was chosen. */
	if (choice.n != c.n)
		return IKE_PROPOSAL_NONE;
	*ret = choice;
	return IKE_PROPOSAL_CHOSEN;
}

const struct ike_transform *ike_choice_get(const struct ike_choice *c,
					   enum ike_transform_type type)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->list[i].type == type)
			return &c->list[i];
	return NULL;
}

static void write_transform(struct wbuf *w, const struct ike_transform *t,
			    bool last)
{
	wbuf_u8(w, last ? 0 : MORE_TRANSFORMS);
	wbuf_u8(w, 0);
	wbuf_be16(w, t->key_bits ? 12 : 8);
	wbuf_u8(w, t->type);
	wbuf_u8(w, 0);
	wbuf_be16(w, t->id);
	if (t->key_bits) {
		wbuf_be16(w, ATTRIBUTE_TV | IKE_ATTRIBUTE_KEY_LENGTH);
		wbuf_be16(w, t->key_bits);
	}
}

static void write_proposal(struct ike_builder *b, uint8_t number,
			   uint8_t protocol, uint32_t spi,
			   const struct ike_transform *list, size_t n)
{
	struct wbuf *w = ike_builder_open(b, IKE_PAYLOAD_SA);
	size_t at = w->len, length_at;

	wbuf_u8(w, 0);
	wbuf_u8(w, 0);
	length_at = wbuf_mark16(w);
	wbuf_u8(w, number);
	wbuf_u8(w, protocol);
	wbuf_u8(w, protocol == IKE_PROTOCOL_IKE ? 0 : ESP_SPI_LEN);
	wbuf_u8(w, (uint8_t)n);
	if (protocol != IKE_PROTOCOL_IKE)
		wbuf_be32(w, spi);
	for (size_t i = 0; i < n; i++)
		write_transform(w, &list[i], i + 1 == n);
	wbuf_patch16(w, length_at, w->len - at);
	ike_builder_close(b);
}

void ike_proposal_write_offer(struct ike_builder *b, const struct ike_offer *o,
			      uint32_t spi)
{
	write_proposal(b, 1, o->protocol, spi, o->list, o->n_sent);
}

void ike_proposal_write_choice(struct ike_builder *b,
			       const struct ike_choice *c, uint32_t spi)
{
	write_proposal(b, c->number, c->protocol, spi, c->list, c->n);
}
