/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * agent/keyd-guard.c: any bytes for a request, over a good one. What passes is
 * a whole IKE_SA_INIT of our role in the name of this host.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/keyd-fake.h"
#include "agent/keyd-guard.h"
#include "ike/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(int condition)
{
	if (!condition)
		abort();
}

static bool own_address(void *user, const struct addr *a)
{
	(void)user;
	return a->family == AF_INET && a->bytes[0] == 10;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct keyd_keys keys = { .dir = -1, .count = 1 };
	struct keyd_guard g = { .keys = &keys, .own_address = own_address };
	struct own_key *key = NULL;
	struct keyd_record r;
	struct ike_header h;
	size_t at;

	keys.list[0].id = 1;
	keyd_fake_sign(&r, 1, len > 0 && data[0] & 1);
	/* Pieces: where, how much, and what to write there. */
	while (len > 4) {
		size_t n = data[2] % 32;

		at = (size_t)(data[0] << 8 | data[1]) % sizeof(r);
		data += 3;
		len -= 3;
		if (n > len)
			n = len;
		if (n > sizeof(r) - at)
			n = sizeof(r) - at;
		memcpy((uint8_t *)&r + at, data, n);
		data += n;
		len -= n;
	}
	if (keyd_guard_check(&g, 1, &r, &key) != KEYD_REFUSED_NONE) {
		check(key == NULL && keyd_guard_refusals(&g) == 1);
		return 0;
	}
	check(key == &keys.list[0] && g.passed == 1);
	check(r.type == KEYD_SIGN && r.sign.message_len <= LIMIT_IKE_INIT);
	check(ike_header_parse(r.sign.message, r.sign.message_len, &h) == 0);
	check(h.exchange == IKE_EXCHANGE_SA_INIT && h.id == 0 && h.spi_i);
	check(r.sign.identity_type == IKE_ID_IPV4 && r.sign.identity[0] == 10);
	return 0;
}
