/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/ike-vectors.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static FILE *open_vectors(const char *file)
{
	const char *srcdir = getenv("srcdir");
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/tests/unit/data/%s",
		 srcdir ? srcdir : ".", file);
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

static struct vector find(const char *file, const char *name)
{
	char line[2 * VECTOR_MAX + 128];
	size_t len = strlen(name);
	struct vector v = { 0 };
	FILE *f = open_vectors(file);

	while (!v.len && fgets(line, sizeof(line), f))
		if (strncmp(line, name, len) == 0 && line[len] == ' ')
			v = parse(line + len + 1);
	fclose(f);
	return v;
}

struct vector vector_get(const char *name)
{
	struct vector v = find("ike-vectors.txt", name);

	if (!v.len)
		v = find("signature-vectors.txt", name);
	if (!v.len)
		fail_msg("no vector %s", name);
	return v;
}

EVP_PKEY *vector_key(const char *name)
{
	struct vector v = vector_get2("key", name);
	const uint8_t *p = v.data;
	EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &p, (long)v.len);

	assert_non_null(key);
	return key;
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
