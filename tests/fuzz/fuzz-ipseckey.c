/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* RDATA of an IPSECKEY record; what is a key is written and read again. */
#include <openssl/evp.h>
#include <stdlib.h>

#include "dnskeys/ipseckey.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t buf[3 + IPSECKEY_KEY_MAX];
	struct wbuf w = wbuf_of(buf, sizeof(buf));
	EVP_PKEY *key = NULL, *back = NULL;
	struct ipseckey k;

	if (ipseckey_parse(data, len, &k) < 0 || ipseckey_to_pkey(&k, &key) < 0)
		return 0;
	if (ipseckey_write(&w, k.precedence, key) < 0 || !wbuf_ok(&w) ||
	    ipseckey_parse(buf, w.len, &k) < 0 ||
	    ipseckey_to_pkey(&k, &back) < 0 || EVP_PKEY_eq(key, back) != 1)
		abort();
	EVP_PKEY_free(back);
	EVP_PKEY_free(key);
	return 0;
}
