/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ike/proposal.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))

/* A transform without and with Key Length; more is 3, or 0 at the last. */
#define T(more, type, id) more, 0, 0, 8, type, 0, (id) >> 8, (id)&255
#define K(more, type, id, bits)                                              \
	more, 0, 0, 12, type, 0, (id) >> 8, (id)&255, 0x80, 14, (bits) >> 8, \
		(bits)&255

/* Proposals, of IKE and of ESP with an SPI. */
#define IKE(more, len, number, n) more, 0, 0, len, number, 1, 0, n
#define ESP(more, len, number, n) \
	more, 0, 0, len, number, 3, 4, n, 0x11, 0x22, 0x33, 0x44

struct sa_case {
	const char *name;
	uint8_t data[160];
	size_t len;
	int rc;
	uint16_t group; /* preferred */
	/* Of what was chosen. */
	uint8_t number;
	uint16_t encr, bits, ke;
};

#define NO  IKE_PROPOSAL_NONE, 0, 0, 0, 0, 0
#define BAD -EBADMSG, 0, 0, 0, 0, 0

static const struct sa_case ike_cases[] = {
	{ "one of each",
	  { IKE(0, 36, 1, 3), K(3, 1, 20, 256), T(3, 2, 5), T(0, 4, 31) },
	  36,
	  0,
	  0,
	  1,
	  20,
	  256,
	  31 },
	{ "preference within a type",
	  { IKE(0, 56, 1, 5), K(3, 1, 20, 128), K(3, 1, 20, 256), T(3, 2, 5),
	    T(3, 4, 19), T(0, 4, 31) },
	  56,
	  0,
	  0,
	  1,
	  20,
	  256,
	  31 },
	{ "the group of the KE payload",
	  { IKE(0, 56, 1, 5), K(3, 1, 20, 128), K(3, 1, 20, 256), T(3, 2, 5),
	    T(3, 4, 31), T(0, 4, 19) },
	  56,
	  0,
	  19,
	  1,
	  20,
	  256,
	  19 },
	{ "a KE payload of no proposed group",
	  { IKE(0, 56, 1, 5), K(3, 1, 20, 128), K(3, 1, 20, 256), T(3, 2, 5),
	    T(3, 4, 31), T(0, 4, 19) },
	  56,
	  0,
	  20,
	  1,
	  20,
	  256,
	  31 },
	{ "unknown transforms reject only themselves",
	  { IKE(0, 72, 1, 7), K(3, 1, 99, 256), K(3, 1, 20, 256), T(3, 2, 99),
	    T(3, 2, 5), T(3, 4, 2), T(3, 4, 2000), T(0, 4, 20) },
	  72,
	  0,
	  2,
	  1,
	  20,
	  256,
	  20 },
	{ "our preference, not the order of the peer's proposals",
	  { IKE(2, 36, 1, 3), K(3, 1, 12, 256), T(3, 2, 5), T(0, 4, 31),
	    IKE(2, 36, 2, 3), K(3, 1, 20, 128), T(3, 2, 5), T(0, 4, 19),
	    IKE(0, 36, 3, 3), K(3, 1, 20, 256), T(3, 2, 5), T(0, 4, 31) },
	  108,
	  0,
	  0,
	  3,
	  20,
	  256,
	  31 },
	{ "of equal proposals the first",
	  { IKE(2, 36, 1, 3), K(3, 1, 20, 256), T(3, 2, 5), T(0, 4, 19),
	    IKE(0, 36, 2, 3), K(3, 1, 20, 256), T(3, 2, 5), T(0, 4, 31) },
	  72,
	  0,
	  0,
	  1,
	  20,
	  256,
	  19 },
	{ "of equal proposals that with the group of the KE payload",
	  { IKE(2, 36, 1, 3), K(3, 1, 20, 256), T(3, 2, 5), T(0, 4, 19),
	    IKE(0, 36, 2, 3), K(3, 1, 20, 256), T(3, 2, 5), T(0, 4, 31) },
	  72,
	  0,
	  31,
	  2,
	  20,
	  256,
	  31 },
	{ "an unknown type rejects its proposal",
	  { IKE(2, 44, 1, 4), K(3, 1, 20, 256), T(3, 2, 5), T(3, 4, 31),
	    T(0, 6, 35), IKE(0, 36, 2, 3), K(3, 1, 20, 128), T(3, 2, 5),
	    T(0, 4, 19) },
	  80,
	  0,
	  0,
	  2,
	  20,
	  128,
	  19 },
	{ "type 0 rejects its proposal",
	  { IKE(0, 44, 1, 4), K(3, 1, 20, 256), T(3, 2, 5), T(3, 4, 31),
	    T(0, 0, 1) },
	  44,
	  NO },
	{ "type 255 rejects its proposal",
	  { IKE(0, 44, 1, 4), K(3, 1, 20, 256), T(3, 2, 5), T(3, 4, 31),
	    T(0, 255, 1) },
	  44,
	  NO },
	{ "another protocol is passed over",
	  { ESP(2, 40, 1, 3), K(3, 1, 20, 256), T(3, 5, 0), T(0, 5, 1),
	    IKE(0, 36, 2, 3), K(3, 1, 20, 256), T(3, 2, 5), T(0, 4, 31) },
	  76,
	  0,
	  0,
	  2,
	  20,
	  256,
	  31 },
	{ "AEAD with INTEG NONE",
	  { IKE(0, 44, 1, 4), K(3, 1, 20, 256), T(3, 2, 5), T(3, 3, 0),
	    T(0, 4, 31) },
	  44,
	  0,
	  0,
	  1,
	  20,
	  256,
	  31 },
	{ "AEAD with an integrity algorithm",
	  { IKE(0, 44, 1, 4), K(3, 1, 20, 256), T(3, 2, 5), T(3, 3, 12),
	    T(0, 4, 31) },
	  44,
	  NO },
	{ "AEAD with one or NONE",
	  { IKE(0, 52, 1, 5), K(3, 1, 20, 256), T(3, 2, 5), T(3, 3, 12),
	    T(3, 3, 0), T(0, 4, 31) },
	  52,
	  0,
	  0,
	  1,
	  20,
	  256,
	  31 },
	{ "AES-CBC with an integrity algorithm",
	  { IKE(0, 44, 1, 4), K(3, 1, 12, 128), T(3, 2, 5), T(3, 3, 12),
	    T(0, 4, 14) },
	  44,
	  0,
	  0,
	  1,
	  12,
	  128,
	  14 },
	{ "AES-CBC without one",
	  { IKE(0, 36, 1, 3), K(3, 1, 12, 128), T(3, 2, 5), T(0, 4, 14) },
	  36,
	  NO },
	{ "AES-CBC with INTEG NONE",
	  { IKE(0, 44, 1, 4), K(3, 1, 12, 128), T(3, 2, 5), T(3, 3, 0),
	    T(0, 4, 14) },
	  44,
	  NO },
	{ "AES-CBC with SHA-1 and SHA-2",
	  { IKE(0, 52, 1, 5), K(3, 1, 12, 128), T(3, 2, 5), T(3, 3, 2),
	    T(3, 3, 14), T(0, 4, 14) },
	  52,
	  0,
	  0,
	  1,
	  12,
	  128,
	  14 },
	{ "AES-CBC of 192 bits",
	  { IKE(0, 44, 1, 4), K(3, 1, 12, 192), T(3, 2, 5), T(3, 3, 12),
	    T(0, 4, 14) },
	  44,
	  NO },
	/* 3.3: two sorts in one proposal; with an HMAC only CBC is meant. */
	{ "both sorts in one proposal",
	  { IKE(0, 56, 1, 5), K(3, 1, 20, 256), K(3, 1, 12, 256), T(3, 2, 5),
	    T(3, 3, 12), T(0, 4, 31) },
	  56,
	  0,
	  0,
	  1,
	  12,
	  256,
	  31 },
	{ "no PRF",
	  { IKE(0, 28, 1, 2), K(3, 1, 20, 256), T(0, 4, 31) },
	  28,
	  NO },
	{ "only an unknown PRF",
	  { IKE(0, 36, 1, 3), K(3, 1, 20, 256), T(3, 2, 2), T(0, 4, 31) },
	  36,
	  NO },
	{ "no group",
	  { IKE(0, 28, 1, 2), K(3, 1, 20, 256), T(0, 2, 5) },
	  28,
	  NO },
	{ "group NONE",
	  { IKE(0, 36, 1, 3), K(3, 1, 20, 256), T(3, 2, 5), T(0, 4, 0) },
	  36,
	  NO },
	{ "no cipher", { IKE(0, 24, 1, 2), T(3, 2, 5), T(0, 4, 31) }, 24, NO },
	{ "no transform", { IKE(0, 8, 1, 0) }, 8, NO },
	{ "AES-GCM without a key length",
	  { IKE(0, 32, 1, 3), T(3, 1, 20), T(3, 2, 5), T(0, 4, 31) },
	  32,
	  NO },
	{ "AES-GCM of 192 bits",
	  { IKE(0, 36, 1, 3), K(3, 1, 20, 192), T(3, 2, 5), T(0, 4, 31) },
	  36,
	  NO },
	{ "AES-GCM of 0 bits",
	  { IKE(0, 36, 1, 3), K(3, 1, 20, 0), T(3, 2, 5), T(0, 4, 31) },
	  36,
	  NO },
	{ "ChaCha20 with a key length",
	  { IKE(0, 36, 1, 3), K(3, 1, 28, 256), T(3, 2, 5), T(0, 4, 31) },
	  36,
	  NO },
	{ "ChaCha20",
	  { IKE(0, 32, 1, 3), T(3, 1, 28), T(3, 2, 7), T(0, 4, 31) },
	  32,
	  0,
	  0,
	  1,
	  28,
	  0,
	  31 },
	{ "a PRF with a key length",
	  { IKE(0, 40, 1, 3), K(3, 1, 20, 256), K(3, 2, 5, 256), T(0, 4, 31) },
	  40,
	  NO },
	{ "two key lengths",
	  { IKE(0, 40, 1, 3), 3, 0, 0, 16, 1, 0, 0, 20, 0x80, 14, 1, 0, 0x80,
	    14, 1, 0, T(3, 2, 5), T(0, 4, 31) },
	  40,
	  NO },
	{ "an unknown attribute",
	  { IKE(0, 42, 1, 3),
	    3,
	    0,
	    0,
	    18,
	    1,
	    0,
	    0,
	    20,
	    0x80,
	    14,
	    1,
	    0,
	    0,
	    99,
	    0,
	    2,
	    1,
	    2,
	    T(3, 2, 5),
	    T(0, 4, 31) },
	  42,
	  NO },
	{ "an attribute past the end",
	  { IKE(0, 40, 1, 3), 3, 0, 0, 16, 1, 0, 0, 20, 0x80, 14, 1, 0, 0, 99,
	    0, 2, T(3, 2, 5), T(0, 4, 31) },
	  40,
	  BAD },
	{ "half an attribute",
	  { IKE(0, 34, 1, 3), 3, 0, 0, 10, 1, 0, 0, 20, 0x80, 14, T(3, 2, 5),
	    T(0, 4, 31) },
	  34,
	  BAD },
	{ "empty", { 0 }, 0, BAD },
	{ "zeros", { 0 }, 36, BAD },
	{ "half a proposal", { 0, 0, 0, 36 }, 4, BAD },
	{ "proposal past the end",
	  { IKE(0, 37, 1, 3), K(3, 1, 20, 256), T(3, 2, 5), T(0, 4, 31) },
	  36,
	  BAD },
	{ "bytes behind the last",
	  { IKE(0, 36, 1, 3), K(3, 1, 20, 256), T(3, 2, 5), T(0, 4, 31), 0 },
	  37,
	  BAD },
	{ "says that more follow",
	  { IKE(2, 36, 1, 3), K(3, 1, 20, 256), T(3, 2, 5), T(0, 4, 31) },
	  36,
	  BAD },
	{ "says that it is the last",
	  { IKE(0, 36, 1, 3), K(3, 1, 20, 256), T(3, 2, 5), T(0, 4, 31),
	    IKE(0, 36, 2, 3), K(3, 1, 20, 256), T(3, 2, 5), T(0, 4, 31) },
	  72,
	  BAD },
	{ "first number 0",
	  { IKE(0, 36, 0, 3), K(3, 1, 20, 256), T(3, 2, 5), T(0, 4, 31) },
	  36,
	  BAD },
	{ "the same number twice",
	  { IKE(2, 36, 1, 3), K(3, 1, 20, 256), T(3, 2, 5), T(0, 4, 31),
	    IKE(0, 36, 1, 3), K(3, 1, 20, 256), T(3, 2, 5), T(0, 4, 31) },
	  72,
	  BAD },
	{ "fewer transforms than said",
	  { IKE(0, 36, 1, 4), K(3, 1, 20, 256), T(3, 2, 5), T(0, 4, 31) },
	  36,
	  BAD },
	{ "more transforms than said",
	  { IKE(0, 36, 1, 2), K(3, 1, 20, 256), T(3, 2, 5), T(0, 4, 31) },
	  36,
	  BAD },
	{ "255 transforms",
	  { IKE(0, 36, 1, 255), K(3, 1, 20, 256), T(3, 2, 5), T(0, 4, 31) },
	  36,
	  BAD },
	{ "last transform in the middle",
	  { IKE(0, 36, 1, 3), K(3, 1, 20, 256), T(0, 2, 5), T(0, 4, 31) },
	  36,
	  BAD },
	{ "transform of length 7",
	  { IKE(0, 36, 1, 3), K(3, 1, 20, 256), 3, 0, 0, 7, 2, 0, 0, 5,
	    T(0, 4, 31) },
	  36,
	  BAD },
	{ "transform of length 0",
	  { IKE(0, 36, 1, 3), K(3, 1, 20, 256), 3, 0, 0, 0, 2, 0, 0, 5,
	    T(0, 4, 31) },
	  36,
	  BAD },
	{ "an SPI in IKE_SA_INIT",
	  { 0, 0, 0, 44, 1, 1, 8, 3, 1, 2, 3, 4, 5, 6, 7, 8, K(3, 1, 20, 256),
	    T(3, 2, 5), T(0, 4, 31) },
	  44,
	  BAD },
};

static const struct sa_case rekey_cases[] = {
	{ "with an SPI",
	  { 0, 0, 0, 44, 1, 1, 8, 3, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
	    0x88, K(3, 1, 20, 256), T(3, 2, 5), T(0, 4, 31) },
	  44,
	  0,
	  0,
	  1,
	  20,
	  256,
	  31 },
	{ "SPI zero",
	  { 0, 0, 0, 44, 1, 1, 8, 3, 0, 0, 0, 0, 0, 0, 0, 0, K(3, 1, 20, 256),
	    T(3, 2, 5), T(0, 4, 31) },
	  44,
	  NO },
	{ "without an SPI",
	  { IKE(0, 36, 1, 3), K(3, 1, 20, 256), T(3, 2, 5), T(0, 4, 31) },
	  36,
	  BAD },
};

/* ESP with a key exchange, where the peer wants one. */
static const struct sa_case child_cases[] = {
	{ "no group",
	  { ESP(0, 32, 1, 2), K(3, 1, 20, 256), T(0, 5, 1) },
	  32,
	  0,
	  0,
	  1,
	  20,
	  256,
	  0 },
	{ "a group",
	  { ESP(0, 40, 1, 3), K(3, 1, 20, 256), T(3, 4, 31), T(0, 5, 1) },
	  40,
	  0,
	  31,
	  1,
	  20,
	  256,
	  31 },
	{ "a group or none, without a KE payload",
	  { ESP(0, 48, 1, 4), K(3, 1, 20, 256), T(3, 4, 31), T(3, 4, 0),
	    T(0, 5, 1) },
	  48,
	  0,
	  0,
	  1,
	  20,
	  256,
	  0 },
	{ "a group or none, with a KE payload",
	  { ESP(0, 48, 1, 4), K(3, 1, 20, 256), T(3, 4, 0), T(3, 4, 19),
	    T(0, 5, 1) },
	  48,
	  0,
	  19,
	  1,
	  20,
	  256,
	  19 },
	{ "an unknown group",
	  { ESP(0, 40, 1, 3), K(3, 1, 20, 256), T(3, 4, 2), T(0, 5, 1) },
	  40,
	  NO },
};

static const struct sa_case esp_cases[] = {
	{ "with ESN",
	  { ESP(0, 32, 1, 2), K(3, 1, 20, 256), T(0, 5, 1) },
	  32,
	  0,
	  0,
	  1,
	  20,
	  256,
	  0 },
	{ "both ESN values",
	  { ESP(0, 40, 1, 3), K(3, 1, 20, 256), T(3, 5, 0), T(0, 5, 1) },
	  40,
	  0,
	  0,
	  1,
	  20,
	  256,
	  0 },
	{ "no ESN transform", { ESP(0, 24, 1, 1), K(0, 1, 20, 256) }, 24, NO },
	{ "group NONE",
	  { ESP(0, 40, 1, 3), K(3, 1, 20, 256), T(3, 4, 0), T(0, 5, 1) },
	  40,
	  0,
	  0,
	  1,
	  20,
	  256,
	  0 },
	{ "a group",
	  { ESP(0, 40, 1, 3), K(3, 1, 20, 256), T(3, 4, 31), T(0, 5, 1) },
	  40,
	  NO },
	{ "AH",
	  { 0, 0, 0, 28, 1, 2, 4, 2, 1, 2, 3, 4, T(3, 3, 12), T(0, 5, 0) },
	  28,
	  NO },
	{ "AH of another SPI size",
	  { 0, 0, 0, 32, 1, 2, 8, 2, 1, 2, 3, 4, 1, 2, 3, 4, T(3, 3, 12),
	    T(0, 5, 0) },
	  32,
	  NO },
	{ "SPI 0",
	  { 0, 0, 0, 32, 1, 3, 4, 2, 0, 0, 0, 0, K(3, 1, 20, 256), T(0, 5, 1) },
	  32,
	  NO },
	{ "SPI 255",
	  { 0, 0, 0, 32, 1, 3, 4, 2, 0, 0, 0, 255, K(3, 1, 20, 256),
	    T(0, 5, 1) },
	  32,
	  NO },
	{ "no SPI",
	  { 0, 0, 0, 28, 1, 3, 0, 2, K(3, 1, 20, 256), T(0, 5, 1) },
	  28,
	  BAD },
	{ "SPI of 8 bytes",
	  { 0, 0, 0, 36, 1, 3, 8, 2, 1, 2, 3, 4, 5, 6, 7, 8, K(3, 1, 20, 256),
	    T(0, 5, 1) },
	  36,
	  BAD },
	{ "SPI past the end", { 0, 0, 0, 10, 1, 3, 4, 0, 1, 2 }, 10, BAD },
};

/* What the defaults accept, or propose. */
static struct ike_offer accepted_offer(enum ike_offer_use use)
{
	struct algorithms a;
	struct ike_offer o;

	algorithms_init(&a);
	ike_offer_init(&o, use, &a.accept);
	return o;
}

static void run(const struct sa_case *c, const struct ike_offer *o)
{
	struct ike_payload p = { .data = c->data, .len = c->len };
	struct ike_choice choice = { .number = 99 };
	const struct ike_transform *encr, *ke;

	print_message("  %s\n", c->name);
	assert_int_equal(ike_proposal_choose(&p, o, c->group, &choice), c->rc);
	if (c->rc != IKE_PROPOSAL_CHOSEN) {
		assert_int_equal(choice.number, 99);
		return;
	}
	encr = ike_choice_get(&choice, IKE_TRANSFORM_ENCR);
	ke = ike_choice_get(&choice, IKE_TRANSFORM_KE);
	assert_int_equal(choice.number, c->number);
	assert_int_equal(encr->id, c->encr);
	assert_int_equal(encr->key_bits, c->bits);
	assert_int_equal(ke ? ke->id : 0, c->ke);
	assert_non_null(ike_choice_cipher(&choice));
	if (o->spi_len == 8)
		assert_int_equal(choice.spi, UINT64_C(0x1122334455667788));
	if (o->protocol == IKE_PROTOCOL_ESP) {
		assert_int_equal(choice.spi, 0x11223344);
		assert_int_equal(ike_choice_get(&choice, IKE_TRANSFORM_SN)->id,
				 IKE_SN_ESN);
	}
}

static void test_cases(void **state)
{
	struct ike_offer ike = accepted_offer(IKE_OFFER_INIT);
	struct ike_offer rekey = accepted_offer(IKE_OFFER_REKEY);
	struct ike_offer auth = accepted_offer(IKE_OFFER_AUTH);
	struct ike_offer child = accepted_offer(IKE_OFFER_CHILD);

	(void)state;
	for (size_t i = 0; i < ELEMENTS(ike_cases); i++)
		run(&ike_cases[i], &ike);
	for (size_t i = 0; i < ELEMENTS(rekey_cases); i++)
		run(&rekey_cases[i], &rekey);
	for (size_t i = 0; i < ELEMENTS(esp_cases); i++)
		run(&esp_cases[i], &auth);
	for (size_t i = 0; i < ELEMENTS(child_cases); i++)
		run(&child_cases[i], &child);
}

static void test_limits(void **state)
{
	struct ike_offer o = accepted_offer(IKE_OFFER_INIT);
	uint8_t data[40 * 17], *at = data;
	struct ike_choice choice;
	struct ike_payload p;

	(void)state;
	for (uint8_t i = 1; i <= 17; i++) {
		uint8_t one[] = { IKE(2, 36, i, 3), K(3, 1, 20, 256),
				  T(3, 2, 5), T(0, 4, 31) };

		memcpy(at, one, sizeof(one));
		at += sizeof(one);
	}
	at[-36] = 0;
	p = (struct ike_payload){ .data = data, .len = 36 * 17 };
	assert_int_equal(ike_proposal_choose(&p, &o, 0, &choice), -EBADMSG);
	at[-72] = 0;
	p.len = 36 * 16;
	assert_int_equal(ike_proposal_choose(&p, &o, 0, &choice), 0);
}

/* What we offer, chosen from, written and accepted. */
static void round_trip(const struct ike_offer *o, uint64_t spi)
{
	static const struct ike_header h = { .spi_i = 1 };
	struct ike_choice choice, accepted;
	uint8_t buf[512], buf2[512];
	struct ike_builder b;
	struct ike_message m;

	ike_builder_init(&b, buf, sizeof(buf), &h);
	ike_proposal_write_offer(&b, o, spi);
	assert_int_equal(ike_builder_finish(&b), 0);
	assert_int_equal(ike_message_parse(buf, b.w.len, &m), 0);
	assert_int_equal(ike_proposal_choose(&m.payloads[0], o, 0, &choice), 0);
	assert_int_equal(choice.spi, spi);
	ike_builder_init(&b, buf2, sizeof(buf2), &h);
	ike_proposal_write_choice(&b, &choice, spi);
	assert_int_equal(ike_builder_finish(&b), 0);
	assert_int_equal(ike_message_parse(buf2, b.w.len, &m), 0);
	assert_int_equal(ike_proposal_accept(&m.payloads[0], o, &accepted), 0);
	assert_int_equal(accepted.n, choice.n);
	for (size_t i = 0; i < choice.n; i++) {
		const struct ike_transform *t = &choice.list[i];
		const struct ike_transform *u = &accepted.list[i];

		assert_int_equal(u->type, t->type);
		assert_int_equal(u->id, t->id);
		assert_int_equal(u->key_bits, t->key_bits);
	}
}

/* A list of the algorithms given, which end with ALGORITHMS. */
static struct algorithm_list list_of(enum algorithm a, ...)
{
	struct algorithm_list l = { 0 };
	va_list ap;

	va_start(ap, a);
	for (; a != ALGORITHMS; a = (enum algorithm)va_arg(ap, unsigned))
		algorithm_list_add(&l, a);
	va_end(ap);
	return l;
}

/* What offers more than one of a type is no answer to itself. */
static void test_no_answer(void **state)
{
	static const struct ike_header h = { .spi_i = 1 };
	struct ike_choice choice;
	struct algorithms a;
	struct ike_builder b;
	struct ike_message m;
	struct ike_offer o;
	uint8_t buf[512];

	(void)state;
	algorithms_init(&a);
	ike_offer_init(&o, IKE_OFFER_INIT, &a.propose);
	ike_builder_init(&b, buf, sizeof(buf), &h);
	ike_proposal_write_offer(&b, &o, 0);
	assert_int_equal(ike_builder_finish(&b), 0);
	assert_int_equal(ike_message_parse(buf, b.w.len, &m), 0);
	assert_int_equal(ike_proposal_accept(&m.payloads[0], &o, &choice),
			 IKE_PROPOSAL_NONE);
}

/* Every pair of a cipher and a hash, alone, through every use. */
static void test_each_alone(void **state)
{
	static const uint64_t spis[] = {
		[IKE_OFFER_INIT] = 0,
		[IKE_OFFER_REKEY] = UINT64_C(0x123456789abcdef0),
		[IKE_OFFER_AUTH] = 0x12345678,
		[IKE_OFFER_CHILD] = 0x12345678,
	};

	(void)state;
	for (unsigned c = 0; c < ALGORITHM_SHA2_256; c++) {
		for (unsigned h = ALGORITHM_SHA2_256; h < ALGORITHM_X25519;
		     h++) {
			unsigned g = ALGORITHM_X25519 + (c + h) % 7;
			struct algorithm_list l = list_of(c, h, g, ALGORITHMS);

			for (unsigned use = 0; use < ELEMENTS(spis); use++) {
				struct ike_offer o;

				ike_offer_init(&o, (enum ike_offer_use)use, &l);
				round_trip(&o, spis[use]);
			}
		}
	}
}

static void test_round_trips(void **state)
{
	struct ike_offer all = accepted_offer(IKE_OFFER_INIT);
	struct ike_offer esp = accepted_offer(IKE_OFFER_AUTH);

	(void)state;
	round_trip(&all, 0);
	round_trip(&esp, 0x12345678);
}

/* 3.3: AEAD and other ciphers in proposals of their own, the preferred first;
 * each answered under its own number. */
static void two_proposals(enum algorithm first, enum algorithm second,
			  enum algorithm taken, uint8_t number)
{
	static const struct ike_header h = { .spi_i = 1 };
	struct algorithm_list l = list_of(first, ALGORITHM_SHA2_384, second,
					  ALGORITHM_P256, ALGORITHMS);
	struct algorithm_list theirs =
		list_of(taken, ALGORITHM_SHA2_384, ALGORITHM_P256, ALGORITHMS);
	struct ike_offer o, peer;
	struct ike_choice choice, answer;
	struct ike_builder b;
	struct ike_message m;
	uint8_t buf[512];

	ike_offer_init(&o, IKE_OFFER_INIT, &l);
	ike_offer_init(&peer, IKE_OFFER_INIT, &theirs);
	ike_builder_init(&b, buf, sizeof(buf), &h);
	ike_proposal_write_offer(&b, &o, 0);
	assert_int_equal(ike_builder_finish(&b), 0);
	assert_int_equal(ike_message_parse(buf, b.w.len, &m), 0);
	assert_int_equal(m.payloads[0].data[0], 2);
	assert_int_equal(ike_proposal_choose(&m.payloads[0], &peer, 0, &choice),
			 0);
	assert_int_equal(choice.number, number);
	for (uint8_t said = 1; said < 4; said++) {
		choice.number = said;
		ike_builder_init(&b, buf, sizeof(buf), &h);
		ike_proposal_write_choice(&b, &choice, 0);
		assert_int_equal(ike_builder_finish(&b), 0);
		assert_int_equal(ike_message_parse(buf, b.w.len, &m), 0);
		assert_int_equal(
			ike_proposal_accept(&m.payloads[0], &o, &answer),
			said == number ? IKE_PROPOSAL_CHOSEN
				       : IKE_PROPOSAL_NONE);
	}
}

static void test_two_proposals(void **state)
{
	(void)state;
	two_proposals(ALGORITHM_AES_GCM_128, ALGORITHM_AES_CBC_128,
		      ALGORITHM_AES_GCM_128, 1);
	two_proposals(ALGORITHM_AES_GCM_128, ALGORITHM_AES_CBC_128,
		      ALGORITHM_AES_CBC_128, 2);
	two_proposals(ALGORITHM_AES_CBC_128, ALGORITHM_CHACHA20_POLY1305,
		      ALGORITHM_AES_CBC_128, 1);
	two_proposals(ALGORITHM_AES_CBC_128, ALGORITHM_CHACHA20_POLY1305,
		      ALGORITHM_CHACHA20_POLY1305, 2);
}

/* Sent, but not taken as an answer. */
static void test_limit(void **state)
{
	static const uint8_t sha256[] = { IKE(0, 36, 1, 3), K(3, 1, 20, 256),
					  T(3, 2, 5), T(0, 4, 31) };
	static const uint8_t p384[] = { IKE(0, 36, 1, 3), K(3, 1, 20, 256),
					T(3, 2, 5), T(0, 4, 20) };
	struct ike_payload good = { .data = sha256, .len = sizeof(sha256) };
	struct ike_payload bad = { .data = p384, .len = sizeof(p384) };
	struct algorithms a;
	struct ike_choice c;
	struct ike_offer o;

	(void)state;
	algorithms_init(&a);
	ike_offer_init(&o, IKE_OFFER_INIT, &a.propose);
	assert_int_equal(ike_proposal_accept(&bad, &o, &c), 0);
	a.answer = list_of(ALGORITHM_AES_GCM_256, ALGORITHM_SHA2_256,
			   ALGORITHM_X25519, ALGORITHMS);
	ike_offer_limit(&o, &a.answer);
	assert_int_equal(ike_proposal_accept(&good, &o, &c), 0);
	assert_int_equal(ike_proposal_accept(&bad, &o, &c), IKE_PROPOSAL_NONE);
	assert_false(ike_offer_has(&o, IKE_TRANSFORM_KE, IKE_KE_P384));
	assert_true(ike_offer_has(&o, IKE_TRANSFORM_KE, IKE_KE_X25519));
}

static void test_offer(void **state)
{
	struct algorithms a;
	struct ike_offer o, esp;

	(void)state;
	algorithms_init(&a);
	ike_offer_init(&o, IKE_OFFER_INIT, &a.propose);
	ike_offer_init(&esp, IKE_OFFER_AUTH, &a.propose);
	assert_int_equal(ike_offer_first(&o, IKE_TRANSFORM_KE), IKE_KE_X25519);
	assert_true(ike_offer_has(&o, IKE_TRANSFORM_KE, IKE_KE_P384));
	assert_false(ike_offer_has(&o, IKE_TRANSFORM_KE, IKE_KE_MODP_2048));
	assert_false(ike_offer_has(&o, IKE_TRANSFORM_KE, IKE_KE_NONE));
	/* Taken where it is spelled out, never said by us. */
	assert_false(ike_offer_has(&o, IKE_TRANSFORM_INTEG, IKE_INTEG_NONE));
	assert_int_equal(ike_offer_first(&esp, IKE_TRANSFORM_SN), IKE_SN_ESN);
	assert_int_equal(ike_offer_first(&esp, IKE_TRANSFORM_KE), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_each_alone),
		cmocka_unit_test(test_two_proposals),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_offer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
