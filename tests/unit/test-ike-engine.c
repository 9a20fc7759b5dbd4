/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ike-harness.h"

static void test_handshake(void **state)
{
	struct ike_sa_info info;
	struct world w;
	struct child *c;

	(void)state;
	world_init(&w, 1, NULL);
	world_initiate(&w, 0);
	world_run(&w, w.now + 100);
	assert_true(world_agree(&w));
	c = host_child(&w.hosts[0]);
	assert_true(c->up.initiator);
	assert_true(ike_sa_describe(w.hosts[0].engine, c->sa, &info));
	assert_string_equal(info.algorithms,
			    "AES-GCM-16-256/HMAC-SHA2-256/X25519");
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handshake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
