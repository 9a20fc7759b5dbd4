/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Offers made of lists, and the walk through a peer's proposals: one pass that
 * checks the form of everything and notes what of it the offer has.
 */
#include "ike/proposal.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#define MORE_PROPOSALS	2u /* 3.3.1 */
#define MORE_TRANSFORMS 3u /* 3.3.2 */
#define ATTRIBUTE_TV	0x8000u
#define ESP_SPI_LEN	4u
#define IKE_SPI_LEN	8u
/* RFC 4303 2.1: 0 to 255 are reserved. */
#define ESP_SPI_RESERVED 255u

#define TYPE(type) (1u << (type))
#define PLACE(i)   (UINT32_C(1) << (i))

/* --- offers ----------------------------------------------------------------- */

/* As a cipher, a PRF or a group. */
static const struct ike_transform transforms[ALGORITHMS] = {
	[ALGORITHM_AES_GCM_256] = { IKE_TRANSFORM_ENCR, IKE_ENCR_AES_GCM_16,
				    256 },
	[ALGORITHM_AES_GCM_128] = { IKE_TRANSFORM_ENCR, IKE_ENCR_AES_GCM_16,
				    128 },
	[ALGORITHM_CHACHA20_POLY1305] = { IKE_TRANSFORM_ENCR,
					  IKE_ENCR_CHACHA20_POLY1305, 0 },
	[ALGORITHM_AES_CBC_256] = { IKE_TRANSFORM_ENCR, IKE_ENCR_AES_CBC, 256 },
	[ALGORITHM_AES_CBC_128] = { IKE_TRANSFORM_ENCR, IKE_ENCR_AES_CBC, 128 },
	[ALGORITHM_SHA2_256] = { IKE_TRANSFORM_PRF, IKE_PRF_HMAC_SHA2_256, 0 },
	[ALGORITHM_SHA2_384] = { IKE_TRANSFORM_PRF, IKE_PRF_HMAC_SHA2_384, 0 },
	[ALGORITHM_SHA2_512] = { IKE_TRANSFORM_PRF, IKE_PRF_HMAC_SHA2_512, 0 },
	[ALGORITHM_X25519] = { IKE_TRANSFORM_KE, IKE_KE_X25519, 0 },
	[ALGORITHM_X448] = { IKE_TRANSFORM_KE, IKE_KE_X448, 0 },
	[ALGORITHM_P256] = { IKE_TRANSFORM_KE, IKE_KE_P256, 0 },
	[ALGORITHM_P384] = { IKE_TRANSFORM_KE, IKE_KE_P384, 0 },
	[ALGORITHM_P521] = { IKE_TRANSFORM_KE, IKE_KE_P521, 0 },
	[ALGORITHM_MODP_2048] = { IKE_TRANSFORM_KE, IKE_KE_MODP_2048, 0 },
	[ALGORITHM_MODP_3072] = { IKE_TRANSFORM_KE, IKE_KE_MODP_3072, 0 },
};

/* The same hash as integrity. */
static const struct ike_transform integrity[] = {
	{ IKE_TRANSFORM_INTEG, IKE_INTEG_HMAC_SHA2_256_128, 0 },
	{ IKE_TRANSFORM_INTEG, IKE_INTEG_HMAC_SHA2_384_192, 0 },
	{ IKE_TRANSFORM_INTEG, IKE_INTEG_HMAC_SHA2_512_256, 0 },
};

static void offer_add(struct ike_offer *o, const struct ike_transform *t)
{
	if (o->n < IKE_OFFER_MAX)
		o->list[o->n++] = *t;
}

static bool is_protocol_ike(enum ike_offer_use use)
{
	return use == IKE_OFFER_INIT || use == IKE_OFFER_REKEY;
}

static void offer_add_algorithm(struct ike_offer *o, enum ike_offer_use use,
				enum algorithm a)
{
	switch (algorithm_kind_of(a)) {
	case ALGORITHM_CIPHER:
		offer_add(o, &transforms[a]);
		break;
	case ALGORITHM_HASH:
		if (is_protocol_ike(use))
			offer_add(o, &transforms[a]);
		offer_add(o, &integrity[a - ALGORITHM_SHA2_256]);
		break;
	case ALGORITHM_GROUP:
		if (use != IKE_OFFER_AUTH)
			offer_add(o, &transforms[a]);
		break;
	case ALGORITHM_KINDS:
		break;
	}
}

void ike_offer_init(struct ike_offer *o, enum ike_offer_use use,
		    const struct algorithm_list *l)
{
	static const struct ike_transform esn = { IKE_TRANSFORM_SN, IKE_SN_ESN,
						  0 },
					  short_sn = { IKE_TRANSFORM_SN,
						       IKE_SN_32BIT, 0 },
					  no_integ = { IKE_TRANSFORM_INTEG,
						       IKE_INTEG_NONE, 0 },
					  no_ke = { IKE_TRANSFORM_KE,
						    IKE_KE_NONE, 0 };

	*o = (struct ike_offer){ 0 };
	for (size_t i = 0; i < l->n; i++)
		offer_add_algorithm(o, use, (enum algorithm)l->list[i]);
	/* 3.3: beside an AEAD cipher, NONE may be said or left out. */
	offer_add(o, &no_integ);
	if (is_protocol_ike(use)) {
		o->protocol = IKE_PROTOCOL_IKE;
		o->spi_len = use == IKE_OFFER_REKEY ? IKE_SPI_LEN : 0;
		o->needs = TYPE(IKE_TRANSFORM_ENCR) | TYPE(IKE_TRANSFORM_PRF) |
			   TYPE(IKE_TRANSFORM_KE);
		return;
	}
	o->protocol = IKE_PROTOCOL_ESP;
	o->spi_len = ESP_SPI_LEN;
	o->needs = TYPE(IKE_TRANSFORM_ENCR) | TYPE(IKE_TRANSFORM_SN);
	offer_add(o, &esn);
	offer_add(o, &short_sn);
	/* 1.2: nothing but NONE in IKE_AUTH. */
	offer_add(o, &no_ke);
}

/* Those that say that there is none are only taken where a peer has them. */
static bool is_none(const struct ike_transform *t)
{
	return (t->type == IKE_TRANSFORM_INTEG && t->id == IKE_INTEG_NONE) ||
	       (t->type == IKE_TRANSFORM_KE && t->id == IKE_KE_NONE);
}

static bool transform_equal(const struct ike_transform *a,
			    const struct ike_transform *b)
{
	return a->type == b->type && a->id == b->id &&
	       a->key_bits == b->key_bits;
}

void ike_offer_limit(struct ike_offer *o, const struct algorithm_list *answer)
{
	for (size_t i = 0; i < o->n; i++) {
		for (unsigned a = 0; a < ALGORITHMS; a++) {
			bool hash =
				a >= ALGORITHM_SHA2_256 && a < ALGORITHM_X25519;

			if (algorithm_list_has(answer, (enum algorithm)a))
				continue;
			if (transform_equal(&o->list[i], &transforms[a]) ||
			    (hash &&
			     transform_equal(
				     &o->list[i],
				     &integrity[a - ALGORITHM_SHA2_256])))
				o->refused |= PLACE(i);
		}
	}
}

bool ike_offer_has(const struct ike_offer *o, enum ike_transform_type type,
		   uint16_t id)
{
	for (size_t i = 0; i < o->n; i++)
		if (o->list[i].type == type && o->list[i].id == id &&
		    !is_none(&o->list[i]) && !(o->refused & PLACE(i)))
			return true;
	return false;
}

uint16_t ike_offer_first(const struct ike_offer *o,
			 enum ike_transform_type type)
{
	for (size_t i = 0; i < o->n; i++)
		if (o->list[i].type == type)
			return o->list[i].id;
	return 0;
}

/* The place of a transform in the offer; o->n when it is not there. */
static size_t offer_place(const struct ike_offer *o,
			  const struct ike_transform *t)
{
	size_t i;

	for (i = 0; i < o->n; i++)
		if (transform_equal(&o->list[i], t))
			break;
	return i;
}

/* --- a peer's proposals ------------------------------------------------------ */

/* One proposal, as far as an offer sees it. */
struct candidate {
	uint8_t number, protocol, spi_len;
	uint64_t spi;
	bool foreign; /* has a transform type unknown to us */
	unsigned n;   /* transforms, of all types */
	uint8_t seen; /* bit by transform type: present */
	uint32_t has; /* bit by place in the offer */
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
			  const struct ike_transform *t, bool known)
{
	size_t place = known ? offer_place(o, t) : o->n;

	c->n++;
	if (t->type == 0 || t->type > IKE_CHOICE_MAX)
		c->foreign = true;
	else
		c->seen |= (uint8_t)TYPE(t->type);
	if (place < o->n)
		c->has |= PLACE(place);
}

static int parse_transform(struct rbuf *r, const struct ike_offer *o,
			   struct candidate *c)
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
	candidate_add(c, o, &t, known);
	return 0;
}

static int parse_spi(struct rbuf *r, const struct ike_offer *o,
		     struct candidate *c)
{
	struct rbuf spi = rbuf_slice(r, c->spi_len);

	/* Those of other protocols are passed over with whatever they have. */
	if (c->protocol != o->protocol)
		return rbuf_ok(&spi) ? 0 : -EBADMSG;
	/* 3.3.1: none for an initial IKE SA, 8 bytes when it is rekeyed, 4 for
	 * ESP. */
	if (c->spi_len != o->spi_len)
		return -EBADMSG;
	if (c->spi_len == IKE_SPI_LEN)
		c->spi = rbuf_be64(&spi);
	else if (c->spi_len)
		c->spi = rbuf_be32(&spi);
	return rbuf_finish(&spi) ? 0 : -EBADMSG;
}

static int parse_proposal(struct rbuf *r, const struct ike_offer *o,
			  struct candidate *ret)
{
	uint8_t more = rbuf_u8(r), count;
	struct rbuf body;
	uint16_t len;
	int rc;

	*ret = (struct candidate){ 0 };
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
		rc = parse_transform(&body, o, ret);
		if (rc < 0)
			return rc;
	}
	return rbuf_finish(&body) ? 0 : -EBADMSG;
}

/* --- the choice --------------------------------------------------------------- */

/* The first place of this type that the proposal has; o->n: none. */
static size_t best(const struct candidate *c, const struct ike_offer *o,
		   enum ike_transform_type type)
{
	size_t i;

	for (i = 0; i < o->n; i++)
		if (o->list[i].type == type && (c->has & PLACE(i)))
			break;
	return i;
}

/* What goes with the cipher at this place: an HMAC, or with an AEAD nothing
 * but NONE. False: the proposal has no such thing. */
static bool fits(const struct candidate *c, const struct ike_offer *o,
		 size_t cipher, size_t *ret_integ)
{
	bool aead = ike_cipher_is_aead(o->list[cipher].id);

	for (size_t i = 0; i < o->n; i++) {
		if (o->list[i].type != IKE_TRANSFORM_INTEG ||
		    !(c->has & PLACE(i)) || is_none(&o->list[i]) != aead)
			continue;
		*ret_integ = i;
		return true;
	}
	*ret_integ = o->n;
	return aead && !(c->seen & TYPE(IKE_TRANSFORM_INTEG));
}

/* The preferred cipher with its integrity; o->n: none. */
static size_t best_cipher(const struct candidate *c, const struct ike_offer *o,
			  size_t *ret_integ)
{
	size_t i;

	for (i = 0; i < o->n; i++)
		if (o->list[i].type == IKE_TRANSFORM_ENCR &&
		    (c->has & PLACE(i)) && fits(c, o, i, ret_integ))
			break;
	return i;
}

static size_t best_group(const struct candidate *c, const struct ike_offer *o,
			 uint16_t prefer)
{
	for (size_t i = 0; i < o->n; i++)
		if (o->list[i].type == IKE_TRANSFORM_KE &&
		    o->list[i].id == prefer && (c->has & PLACE(i)))
			return i;
	return best(c, o, IKE_TRANSFORM_KE);
}

/* How far a choice is from what the offer prefers: by its cipher, and by
 * whether the group of the KE payload can stay. */
static unsigned distance(const struct ike_offer *o, size_t cipher, size_t group,
			 uint16_t prefer_group)
{
	bool other = group < o->n && o->list[group].id != prefer_group;

	return (unsigned)cipher << 1 | (prefer_group && other);
}

static bool spi_ok(const struct candidate *c)
{
	if (c->protocol == IKE_PROTOCOL_ESP)
		return c->spi > ESP_SPI_RESERVED;
	return c->spi || !c->spi_len;
}

/* 3.3.6: of every type that it has and every type that is needed, one, and its
 * distance. False: there is none of some type. */
static bool choose(const struct candidate *c, const struct ike_offer *o,
		   uint8_t needs, uint16_t prefer_group, struct ike_choice *ret,
		   unsigned *ret_distance)
{
	size_t place[IKE_CHOICE_MAX + 1];

	if (c->protocol != o->protocol || c->foreign || !spi_ok(c))
		return false;
	place[IKE_TRANSFORM_ENCR] =
		best_cipher(c, o, &place[IKE_TRANSFORM_INTEG]);
	place[IKE_TRANSFORM_PRF] = best(c, o, IKE_TRANSFORM_PRF);
	place[IKE_TRANSFORM_KE] = best_group(c, o, prefer_group);
	place[IKE_TRANSFORM_SN] = best(c, o, IKE_TRANSFORM_SN);
	*ret = (struct ike_choice){
		.number = c->number,
		.protocol = c->protocol,
		.spi_len = c->spi_len,
		.spi = c->spi,
	};
	for (unsigned type = 1; type <= IKE_CHOICE_MAX; type++) {
		if (place[type] < o->n)
			ret->list[ret->n++] = o->list[place[type]];
		else if ((c->seen | needs) & TYPE(type))
			return false;
	}
	*ret_distance = distance(o, place[IKE_TRANSFORM_ENCR],
				 place[IKE_TRANSFORM_KE], prefer_group);
	return true;
}

int ike_proposal_choose(const struct ike_payload *p, const struct ike_offer *o,
			uint16_t prefer_group, struct ike_choice *ret)
{
	struct rbuf r = ike_payload_reader(p);
	unsigned count = 0, nearest = UINT_MAX;
	struct ike_choice nearest_choice = { 0 };

	/* All of it is parsed, so that its form is judged as a whole. */
	do {
		struct ike_choice choice;
		struct candidate c;
		unsigned away;
		int rc;

		if (++count > LIMIT_IKE_PROPOSALS)
			return -EBADMSG;
		rc = parse_proposal(&r, o, &c);
		if (rc < 0)
			return rc;
		/* 3.3.1: numbered from 1, each one more. */
		if (c.number != count)
			return -EBADMSG;
		if (choose(&c, o, o->needs, prefer_group, &choice, &away) &&
		    away < nearest) {
			nearest = away;
			nearest_choice = choice;
		}
	} while (r.left);
	if (nearest == UINT_MAX)
		return IKE_PROPOSAL_NONE;
	*ret = nearest_choice;
	return IKE_PROPOSAL_CHOSEN;
}

/* The transform goes into the proposal of AEAD ciphers, or into the other. */
static bool is_sent(const struct ike_transform *t, bool aead)
{
	if (is_none(t))
		return false;
	if (t->type == IKE_TRANSFORM_ENCR)
		return ike_cipher_is_aead(t->id) == aead;
	return t->type != IKE_TRANSFORM_INTEG || !aead;
}

/* The number of the proposal with ciphers of this sort; 0: there is none. */
static uint8_t number_of(const struct ike_offer *o, bool aead)
{
	bool first = ike_cipher_is_aead(ike_offer_first(o, IKE_TRANSFORM_ENCR));

	for (size_t i = 0; i < o->n; i++)
		if (o->list[i].type == IKE_TRANSFORM_ENCR &&
		    ike_cipher_is_aead(o->list[i].id) == aead)
			return first == aead ? 1 : 2;
	return 0;
}

int ike_proposal_accept(const struct ike_payload *p, const struct ike_offer *o,
			struct ike_choice *ret)
{
	struct rbuf r = ike_payload_reader(p);
	struct ike_choice choice;
	struct candidate c;
	uint8_t needs = o->needs;
	unsigned away;
	bool aead;
	int rc;

	rc = parse_proposal(&r, o, &c);
	if (rc < 0)
		return rc;
	if (!rbuf_finish(&r))
		return -EBADMSG;
	/* All that we sent, and nothing that we did not send. */
	c.has &= ~o->refused;
	for (size_t i = 0; i < o->n; i++) {
		if (is_none(&o->list[i]))
			c.has &= ~PLACE(i);
		else if (o->list[i].type == IKE_TRANSFORM_KE)
			needs |= TYPE(IKE_TRANSFORM_KE);
	}
	if (!choose(&c, o, needs, 0, &choice, &away))
		return IKE_PROPOSAL_NONE;
	/* One of each: what was counted is what was chosen. */
	if (choice.n != c.n)
		return IKE_PROPOSAL_NONE;
	aead = ike_cipher_is_aead(
		ike_choice_get(&choice, IKE_TRANSFORM_ENCR)->id);
	if (choice.number != number_of(o, aead))
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

const struct ike_cipher *ike_choice_cipher(const struct ike_choice *c)
{
	const struct ike_transform *encr =
		ike_choice_get(c, IKE_TRANSFORM_ENCR);
	const struct ike_transform *integ =
		ike_choice_get(c, IKE_TRANSFORM_INTEG);

	return ike_cipher_find(encr->id, encr->key_bits,
			       integ ? integ->id : IKE_INTEG_NONE);
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

/* The head of a proposal; returns where it begins. */
static size_t open_proposal(struct wbuf *w, const struct ike_choice *c,
			    uint64_t spi, size_t n, bool more)
{
	size_t at = w->len;

	wbuf_u8(w, more ? MORE_PROPOSALS : 0);
	wbuf_u8(w, 0);
	wbuf_be16(w, 0);
	wbuf_u8(w, c->number);
	wbuf_u8(w, c->protocol);
	wbuf_u8(w, c->spi_len);
	wbuf_u8(w, (uint8_t)n);
	if (c->spi_len == IKE_SPI_LEN)
		wbuf_be64(w, spi);
	else if (c->spi_len)
		wbuf_be32(w, (uint32_t)spi);
	return at;
}

static void close_proposal(struct wbuf *w, size_t at)
{
	wbuf_patch16(w, at + 2, w->len - at);
}

static void write_half(struct wbuf *w, const struct ike_offer *o, bool aead,
		       uint64_t spi, bool more)
{
	struct ike_choice head = {
		.number = number_of(o, aead),
		.protocol = o->protocol,
		.spi_len = o->spi_len,
	};
	size_t n = 0, left, at;

	for (size_t i = 0; i < o->n; i++)
		n += is_sent(&o->list[i], aead);
	at = open_proposal(w, &head, spi, n, more);
	left = n;
	/* In the order of the types, as all others write them. */
	for (unsigned type = 1; type <= IKE_CHOICE_MAX; type++)
		for (size_t i = 0; i < o->n; i++)
			if (o->list[i].type == type &&
			    is_sent(&o->list[i], aead))
				write_transform(w, &o->list[i], --left == 0);
	close_proposal(w, at);
}

void ike_proposal_write_offer(struct ike_builder *b, const struct ike_offer *o,
			      uint64_t spi)
{
	struct wbuf *w = ike_builder_open(b, IKE_PAYLOAD_SA);
	bool aead = ike_cipher_is_aead(ike_offer_first(o, IKE_TRANSFORM_ENCR));
	bool both = number_of(o, !aead) != 0;

	write_half(w, o, aead, spi, both);
	if (both)
		write_half(w, o, !aead, spi, false);
	ike_builder_close(b);
}

void ike_proposal_write_choice(struct ike_builder *b,
			       const struct ike_choice *c, uint64_t spi)
{
	struct wbuf *w = ike_builder_open(b, IKE_PAYLOAD_SA);
	size_t at = open_proposal(w, c, spi, c->n, false);

	for (size_t i = 0; i < c->n; i++)
		write_transform(w, &c->list[i], i + 1 == c->n);
	close_proposal(w, at);
	ike_builder_close(b);
}
