/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Child SAs by themselves: SPIs, the list, terms and their choice.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ike-puppet.h"

/* What the next draws give: the last one for ever. */
struct dice {
	const uint32_t *faces;
	size_t n, at;
};

static int on_roll(void *user, void *buf, size_t len)
{
	struct dice *d = user;

	memset(buf, 0x55, len);
	if (len == sizeof(uint32_t)) {
		memcpy(buf, &d->faces[d->at], len);
		d->at += d->at + 1 < d->n;
	}
	return 0;
}

/* Neither reserved, nor ours already. */
static void test_child_spis(void **state)
{
	static const uint32_t faces[] = {
		0, 255, ESP_SPI_MIN - 1, ESP_SPI_MIN, ESP_SPI_MIN, 0x12345678
	};
	struct dice d = { faces, sizeof(faces) / sizeof(faces[0]), 0 };
	struct ike_child *a, *b;
	struct ike_engine *e;
	struct ike_ops ops;
	struct world w;

	(void)state;
	world_init(&w, 1, NULL);
	e = w.hosts[0].engine;
	ops = e->ops;
	e->ops.random = on_roll;
	e->ops.user = &d;
	assert_int_equal(ike_child_new(e, &a), 0);
	assert_int_equal(a->in, ESP_SPI_MIN);
	assert_int_equal(ike_child_new(e, &b), 0);
	assert_int_equal(b->in, 0x12345678);
	e->ops = ops;
	ike_child_free(e, a);
	ike_child_free(e, b);
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_child_spis),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
