/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Against what nft writes beside such sets (1.0.6 and 1.1.3, which agree).
 */
#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "xfrm/nft-typeof.h"

static void is(const struct wbuf *w, const char *hex)
{
	char text[2 * NFT_TYPEOF_SIZE + 1] = "";

	/* Its numbers are in the order of the host. */
	if (__BYTE_ORDER == __BIG_ENDIAN)
		skip();
	assert_true(wbuf_ok(w));
	for (size_t i = 0; i < w->len; i++)
		sprintf(text + 2 * i, "%02x", w->data[i]);
	assert_string_equal(text, hex);
}

/* typeof ip daddr . @th,0,32 */
static void test_set(void **state)
{
	static const enum nft_typeof key[] = { NFT_TYPEOF_DADDR,
					       NFT_TYPEOF_RAW32 };
	uint8_t data[NFT_TYPEOF_SIZE];
	struct wbuf w = wbuf_of(data, sizeof(data));

	(void)state;
	nft_typeof_key(&w, false, key, 2);
	is(&w, "034600040d000000013e0014000407000000010c00040c0000000104"
	       "0c0000000126000407000000011e0004000000000104000000000204"
	       "03000000030400000000040420000000");
	w = wbuf_of(data, sizeof(data));
	nft_typeof_key(&w, true, key, 2);
	is(&w, "034600040d000000013e0014000407000000010c00040d0000000104"
	       "090000000126000407000000011e0004000000000104000000000204"
	       "03000000030400000000040420000000");
}

/* typeof ip6 saddr . ip6 daddr : @th,0,128 */
static void test_map(void **state)
{
	static const enum nft_typeof key[] = { NFT_TYPEOF_SADDR,
					       NFT_TYPEOF_DADDR };
	uint8_t data[NFT_TYPEOF_SIZE];
	struct wbuf w = wbuf_of(data, sizeof(data));

	(void)state;
	nft_typeof_raw_data(&w, true);
	nft_typeof_key(&w, true, key, 2);
	is(&w, "010402000000"
	       "0426000407000000011e000400000000010400000000020403000000"
	       "030400000000040480000000"
	       "033400040d000000012c0014000407000000010c00040d0000000104"
	       "080000000114000407000000010c00040d000000010409000000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_map),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
