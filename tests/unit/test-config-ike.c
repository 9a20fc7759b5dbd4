/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The section [IKE]: numbers that only the engine cares about.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "policy/config.h"
#include "util/limits.h"

/* One line under [IKE]. As config_load(). */
static int load(const char *line, struct config **ret)
{
	char dir[] = "/tmp/tacit-ike.XXXXXX", path[64];
	struct config_errors e;
	FILE *f;
	int r;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/tacit.conf", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "[IKE]\n%s\n", line);
	fclose(f);
	r = config_load(dir, ret, &e);
	config_errors_done(&e);
	unlink(path);
	rmdir(dir);
	return r;
}

static void test_values(void **state)
{
	static const struct {
		const char *line;
		bool good;
		uint16_t fragment_size;
		uint32_t cookie_threshold;
	} rows[] = {
		{ "", true, 1280, 256 },
		{ "FragmentSize=576", true, 576, 256 },
		{ "FragmentSize=65535", true, 65535, 256 },
		{ "FragmentSize=575", false, 0, 0 },
		{ "FragmentSize=65536", false, 0, 0 },
		{ "FragmentSize=no", false, 0, 0 },
		{ "CookieThreshold=0", true, 1280, 0 },
		{ "CookieThreshold=16384", true, 1280, 16384 },
		{ "CookieThreshold=16385", false, 0, 0 },
		{ "CookieThreshold=-1", false, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct config *c = NULL;

		assert_int_equal(load(rows[i].line, &c) == 0, rows[i].good);
		if (!rows[i].good)
			continue;
		assert_int_equal(c->fragment_size, rows[i].fragment_size);
		assert_int_equal(c->cookie_threshold, rows[i].cookie_threshold);
		config_free(c);
	}
}

/* [Agent] MaxPeers= */
static void test_max_peers(void **state)
{
	static const struct {
		const char *line;
		uint32_t max; /* 0: an error */
	} rows[] = {
		{ "Port=500", LIMIT_PEERS },
		{ "[Agent]\nMaxPeers=16", 16 },
		{ "[Agent]\nMaxPeers=131072", 131072 },
		{ "[Agent]\nMaxPeers=15", 0 },
		{ "[Agent]\nMaxPeers=131073", 0 },
		{ "[Agent]\nMaxPeers=many", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct config *c = NULL;

		assert_int_equal(load(rows[i].line, &c) == 0, rows[i].max != 0);
		if (rows[i].max)
			assert_int_equal(c->max_peers, rows[i].max);
		config_free(c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_max_peers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
