/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/ike-vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static FILE *open_vectors(void)
{
	const char *srcdir = getenv("srcdir");
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/tests/unit/data/ike-vectors.txt",
		 srcdir ? srcdir : ".");
	f = fopen(path, "re");
	if (!f)
		fail_msg("%s is not there", path);
	return f;
}

static struct vector parse(const char *hex)
{
	struct vector v = { 0 };
	unsigned byte;

	while (sscanf(hex, "%2x", &byte) == 1) {
		assert_true(v.len < sizeof(v.data));
		v.data[v.len++] = (uint8_t)byte;
		hex += 2;
	}
	return v;
}

struct vector vector_get(const char *name)
{
	char line[2 * VECTOR_MAX + 128];
	size_t len = strlen(name);
	struct vector v = { 0 };
	FILE *f = open_vectors();

	while (!v.len && fgets(line, sizeof(line), f))
		if (strncmp(line, name, len) == 0 && line[len] == ' ')
			v = parse(line + len + 1);
	fclose(f);
	if (!v.len)
		fail_msg("no vector %s", name);
	return v;
}

struct vector vector_get2(const char *prefix, const char *name)
{
	char full[128];

	snprintf(full, sizeof(full), "%s-%s", prefix, name);
	return vector_get(full);
}

void vector_check(const struct vector *v, const void *data, size_t len)
{
	assert_int_equal(len, v->len);
	assert_memory_equal(data, v->data, len);
}
