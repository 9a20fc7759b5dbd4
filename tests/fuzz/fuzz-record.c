/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xfrm/record.c: any bytes for a record; what passes holds what it promises.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "xfrm/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(int condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct record_install *in;
	const char *field = NULL;
	struct record r;

	memset(&r, 0, sizeof(r));
	memcpy(&r, data, len < sizeof(r) ? len : sizeof(r));
	/* So that seeds outlive it. */
	r.version = RECORD_VERSION;
	if (record_validate(&r, &field) < 0) {
		check(field != NULL);
		return 0;
	}
	check(strcmp(record_type_name(r.type), "?") != 0);
	if (r.type != RECORD_INSTALL)
		return 0;
	in = &r.install;
	check(in->local.family == in->remote.family);
	check(in->reqid >= RECORD_REQID_MIN && in->reqid <= RECORD_REQID_MAX);
	check(in->in.key_len == esp_key_len((enum esp_cipher)in->in.cipher));
	check(in->in.key_len > 0 && in->in.key_len <= ESP_KEY_MAX);
	check(!in->outer.family || (in->tunnel && !in->lease.family));
	check(!in->outer.family || in->outer.family == in->remote.family);
	check(!in->lease.family ||
	      (in->tunnel && in->lease.family == in->local.family));
	return 0;
}
