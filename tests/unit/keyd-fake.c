/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ike/message.h"
#include "ike/signature.h"
#include "keyd-fake.h"

size_t keyd_fake_message(uint8_t *buf, size_t cap, bool initiator)
{
	static const uint8_t types[] = { IKE_PAYLOAD_SA, IKE_PAYLOAD_KE,
					 IKE_PAYLOAD_NONCE };
	const struct ike_header h = {
		.spi_i = 0x1122334455667788,
		.spi_r = initiator ? 0 : 0x99aabbccddeeff00,
		.exchange = IKE_EXCHANGE_SA_INIT,
		.flags = initiator ? IKE_FLAG_INITIATOR : IKE_FLAG_RESPONSE,
	};
	struct ike_builder b;

	ike_builder_init(&b, buf, cap, &h);
	for (size_t i = 0; i < sizeof(types); i++) {
		wbuf_zero(ike_builder_open(&b, types[i]), 36);
		ike_builder_close(&b);
	}
	if (ike_builder_finish(&b) < 0)
		abort();
	return b.w.len;
}

void keyd_fake_sign(struct keyd_record *r, uint64_t key, bool initiator)
{
	static const uint8_t address[] = { 10, 0, 0, 1 };
	struct keyd_sign *s = &r->sign;

	keyd_record_init(r, KEYD_SIGN, 77);
	s->key = key;
	s->algorithm = IKE_SIGNATURE_ED25519;
	s->prf = IKE_PRF_HMAC_SHA2_256;
	s->initiator = initiator;
	s->identity_type = IKE_ID_IPV4;
	s->identity_len = sizeof(address);
	memcpy(s->identity, address, sizeof(address));
	s->secret_len = 32;
	memset(s->secret, 's', 32);
	s->nonce_len = 32;
	memset(s->nonce, 'n', 32);
	s->message_len = (uint16_t)keyd_fake_message(
		s->message, sizeof(s->message), initiator);
}
