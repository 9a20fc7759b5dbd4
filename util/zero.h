/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Is all of it zero? For what is to be unused; not for secrets, since how long
 * it takes says where the first other byte is.
 */
#ifndef TACIT_UTIL_ZERO_H
#define TACIT_UTIL_ZERO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline bool zero_all(const void *data, size_t len)
{
	const uint8_t *p = data;

	/* Each byte is the one before it: memcmp() takes many at once. */
	return len == 0 || (p[0] == 0 && memcmp(p, p + 1, len - 1) == 0);
}

#endif
