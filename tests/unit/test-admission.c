/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Admission: each limit is reached, holds, and lets go again. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/admission.h"
#include "util/limits.h"

static const struct hash_key key = { 1, 2 };

static struct addr host(uint8_t net, uint8_t number)
{
	return (struct addr){ .family = AF_INET,
			      .bytes = { 10, net, 0, number } };
}

static struct addr host6(uint8_t net, uint8_t number)
{
	return (struct addr){ .family = AF_INET6,
			      .bytes = { 0xfd, 0, 0, 0, 0, net, 0, 0, 0, 0, 0,
					 0, 0, 0, 0, number } };
}

static void test_under_way(void **state)
{
	struct admission *a = admission_new(&key);
	struct addr one = host(200, 1);

	(void)state;
	for (unsigned i = 0; i < LIMIT_INITIATIONS; i++) {
		struct addr to = host((uint8_t)(i % 100), (uint8_t)i);

		assert_int_equal(admission_initiate(a, 1000, &to),
				 ADMISSION_GO);
	}
	assert_int_equal(admission_initiate(a, 1000, &one), ADMISSION_WAIT);
	admission_done(a);
	assert_int_equal(admission_initiate(a, 1000, &one), ADMISSION_GO);
	admission_free(a);
}

/* Forged packets come from everywhere, or from one network. */
static void test_provoked(void **state)
{
	struct addr (*const make[])(uint8_t, uint8_t) = { host, host6 };

	(void)state;
	for (int f = 0; f < 2; f++) {
		struct admission *a = admission_new(&key);
		unsigned yes = 0;

		for (unsigned i = 0; i < 200; i++) {
			struct addr to = make[f](1, (uint8_t)i);

			yes += admission_provoked(a, 1000, &to);
		}
		assert_int_equal(yes, LIMIT_PROVOKED_PREFIX);
		for (unsigned i = 0; i < 200; i++) {
			struct addr to = make[f]((uint8_t)i, 1);

			yes += admission_provoked(a, 1000, &to);
		}
		assert_int_equal(yes, LIMIT_PROVOKED_RATE);
		assert_int_equal(admission_count(a)->unprovoked,
				 400 - LIMIT_PROVOKED_RATE);
		admission_free(a);
	}
}

static void test_prefix(void **state)
{
	struct addr (*const make[])(uint8_t, uint8_t) = { host, host6 };

	(void)state;
	for (int f = 0; f < 2; f++) {
		struct admission *a = admission_new(&key);
		struct addr other = make[f](2, 1);

		for (unsigned i = 0; i < LIMIT_INITIATE_PREFIX; i++) {
			struct addr to = make[f](1, (uint8_t)i);

			assert_int_equal(admission_initiate(a, 1000, &to),
					 ADMISSION_GO);
		}
		for (unsigned i = 0; i < 3; i++) {
			struct addr to = make[f](1, (uint8_t)i);

			assert_int_equal(admission_initiate(a, 1000, &to),
					 ADMISSION_REFUSED);
		}
		assert_int_equal(admission_initiate(a, 1000, &other),
				 ADMISSION_GO);
		other = make[f](1, 9);
		assert_int_equal(admission_initiate(a, 2000, &other),
				 ADMISSION_GO);
		assert_int_equal(admission_count(a)->refused, 3);
		admission_free(a);
	}
}

static void test_rate(void **state)
{
	struct admission *a = admission_new(&key);
	unsigned gone = 0;

	(void)state;
	/* Many prefixes, all ended at once: only the rate in all is left. */
	for (unsigned i = 0; i < 2 * LIMIT_INITIATE_RATE; i++) {
		struct addr to = host((uint8_t)(i % 250), 1);

		if (admission_initiate(a, 5000, &to) == ADMISSION_GO) {
			gone++;
			admission_done(a);
		}
	}
	assert_int_equal(gone, LIMIT_INITIATE_RATE);
	admission_free(a);
}

static void test_line(void **state)
{
	struct admission *a = admission_new(&key);

	(void)state;
	assert_true(handle_is_none(admission_peek(a)));
	/* Twice, so that the ring goes round. */
	for (int turn = 0; turn < 2; turn++) {
		for (uint32_t i = 0; i < LIMIT_INITIATION_QUEUE; i++)
			assert_int_equal(
				admission_enqueue(a, (struct handle){ i, 1 }),
				0);
		assert_int_equal(admission_enqueue(a, (struct handle){ 0, 1 }),
				 -ENOBUFS);
		for (uint32_t i = 0; i < LIMIT_INITIATION_QUEUE; i++) {
			assert_int_equal(admission_peek(a).index, i);
			admission_dequeue(a);
		}
		assert_true(handle_is_none(admission_peek(a)));
	}
	admission_free(a);
}

static void test_answers(void **state)
{
	struct admission *a = admission_new(&key);
	struct addr flood = host(1, 1), honest = host(1, 2);

	(void)state;
	for (unsigned i = 0; i < LIMIT_RESPOND_RATE; i++)
		assert_true(admission_answer(a, 1000, &flood));
	assert_false(admission_answer(a, 1000, &flood));
	assert_true(admission_answer(a, 1000, &honest));
	assert_true(admission_answer(a, 1100, &flood));
	assert_int_equal(admission_count(a)->answers_refused, 1);
	admission_free(a);
}

/* One busy honest source: a thousand a second, for a minute, even where half of
 * them ask twice. */
static void test_busy_source(void **state)
{
	struct admission *a;
	struct addr remote;

	(void)state;
	a = admission_new(&key);
	assert_non_null(a);
	assert_int_equal(addr_parse("192.0.2.1", &remote), 0);
	for (unsigned i = 0; i < 60 * 1500; i++)
		assert_true(admission_answer(a, 5000 + i * 10 / 15, &remote));
	assert_int_equal(admission_count(a)->answers_refused, 0);
	admission_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_under_way),
		cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_provoked),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_busy_source),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
