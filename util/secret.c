/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keys in memory: set, compare in constant time, wipe.
 */
#include "util/secret.h"

#include <errno.h>
#include <string.h>

int secret_set(struct secret *s, const void *data, size_t len)
{
	if (len > SECRET_MAX)
		return -E2BIG;
	/* data may lie in *s itself. */
	if (len)
		memmove(s->data, data, len);
	secret_wipe(s->data + len, SECRET_MAX - len);
	s->len = len;
	return 0;
}

void secret_done(struct secret *s)
{
	if (s)
		secret_wipe(s, sizeof(*s));
}

bool secret_equal(const struct secret *a, const struct secret *b)
{
	/* The length is not secret: the algorithm gives it. */
	return a->len == b->len && secret_memequal(a->data, b->data, a->len);
}

bool secret_memequal(const void *a, const void *b, size_t len)
{
	const volatile uint8_t *x = a, *y = b;
	uint8_t different = 0;

	for (size_t i = 0; i < len; i++)
		different |= x[i] ^ y[i];
	return different == 0;
}

void secret_wipe(void *p, size_t len)
{
	if (len)
		explicit_bzero(p, len);
}
