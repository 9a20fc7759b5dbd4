/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dnskeys/tsig-key.c: any text; what is taken for a key is one. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dnskeys/tsig-key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct tsig_key k;
	size_t name;

	if (len > TSIG_FILE_MAX ||
	    tsig_key_parse((const char *)data, len, &k) != 0)
		return 0;
	name = strlen(k.name);
	if (name < 2 || k.name[name - 1] != '.' || strlen(k.secret) % 4 ||
	    strncmp(k.algorithm, "hmac-sha", 8) != 0)
		abort();
	return 0;
}
