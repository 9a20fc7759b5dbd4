/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * agent/key-finder.c: sources that know, do not know, cannot tell and take
 * their time, one behind the other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "agent/key-finder.h"

struct fake {
	int says; /* at once, or -EINPROGRESS and then later */
	int later;
	uint64_t lifetime;
	unsigned asked;
	struct handle ticket;
};

struct bench {
	struct key_finder *f;
	struct fake sources[3];
	unsigned calls;
	int found;
	uint64_t lifetime;
};

static int find(void *user, const struct key_question *q,
		struct key_answer *ret)
{
	struct fake *s = user;

	s->asked++;
	s->ticket = q->ticket;
	ret->lifetime_ms = s->lifetime;
	return s->says;
}

static void on_found(void *user, struct handle who, int found,
		     struct key_answer *answer)
{
	struct bench *b = user;

	assert_int_equal(who.index, 5);
	b->calls++;
	b->found = found;
	b->lifetime = answer->lifetime_ms;
}

#define LATER(said, ms)                    \
	{                                  \
		-EINPROGRESS, said, ms, 0, \
		{                          \
			0, 0               \
		}                          \
	}
#define AT_ONCE(said, ms)       \
	{                       \
		said, 0, ms, 0, \
		{               \
			0, 0    \
		}               \
	}
#define NOTHING(ms) AT_ONCE(-ENOENT, ms)

static const struct {
	struct fake sources[3];
	int found;
	uint64_t lifetime;
	unsigned asked[3];
} rows[] = {
	{ { AT_ONCE(0, 0), NOTHING(0), NOTHING(0) }, 0, 0, { 1, 0, 0 } },
	{ { NOTHING(0), AT_ONCE(0, 70), NOTHING(5) }, 0, 70, { 1, 1, 0 } },
	/* The shortest time of those who were asked. */
	{ { NOTHING(9), AT_ONCE(0, 70), NOTHING(5) }, 0, 9, { 1, 1, 0 } },
	{ { NOTHING(9), NOTHING(0), NOTHING(5) }, -ENOENT, 5, { 1, 1, 1 } },
	/* A liar decides, and who is somebody else. */
	{ { AT_ONCE(-EBADMSG, 3), AT_ONCE(0, 0), NOTHING(0) },
	  -EBADMSG,
	  3,
	  { 1, 0, 0 } },
	{ { AT_ONCE(-EPERM, 0), AT_ONCE(0, 0), NOTHING(0) },
	  -EPERM,
	  0,
	  { 1, 0, 0 } },
	/* Who cannot tell does not keep others from knowing. */
	{ { AT_ONCE(-ENETUNREACH, 4), AT_ONCE(0, 0), NOTHING(0) },
	  0,
	  4,
	  { 1, 1, 0 } },
	{ { AT_ONCE(-ENETUNREACH, 4), NOTHING(0), NOTHING(0) },
	  -ENETUNREACH,
	  4,
	  { 1, 1, 1 } },
	{ { LATER(0, 7), NOTHING(0), NOTHING(0) }, 0, 7, { 1, 0, 0 } },
	{ { LATER(-ENOENT, 7), LATER(-ENOENT, 6), LATER(0, 8) },
	  0,
	  6,
	  { 1, 1, 1 } },
	{ { LATER(-ENETUNREACH, 7), NOTHING(0), LATER(-ENOENT, 8) },
	  -ENETUNREACH,
	  7,
	  { 1, 1, 1 } },
	{ { NOTHING(0), LATER(-EPERM, 7), AT_ONCE(0, 0) },
	  -EPERM,
	  7,
	  { 1, 1, 0 } },
};

static void begin(struct bench *b, const struct fake *sources)
{
	memset(b, 0, sizeof(*b));
	memcpy(b->sources, sources, sizeof(b->sources));
	assert_int_equal(key_finder_new(&b->f), 0);
	for (size_t i = 0; i < 3; i++) {
		const struct key_source s = { &b->sources[i], find };

		key_finder_add(b->f, &s);
	}
}

static int ask(struct bench *b)
{
	const struct key_asker asker = { on_found, b, { 5, 1 } };
	const struct key_question q = { 0 };
	struct key_answer answer;
	int found = key_finder_ask(b->f, &q, &asker, &answer);

	b->lifetime = answer.lifetime_ms;
	return found;
}

static void answer(struct bench *b, struct fake *s)
{
	struct key_answer a = { .lifetime_ms = s->lifetime };

	key_finder_on_answer(b->f, s->ticket, s->later, &a);
}

static void test_rows(void **state)
{
	struct bench b;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin(&b, rows[i].sources);
		b.found = ask(&b);
		for (size_t k = 0; b.found == -EINPROGRESS && k < 3; k++)
			if (b.sources[k].asked &&
			    b.sources[k].says == -EINPROGRESS)
				answer(&b, &b.sources[k]);
		assert_int_equal(b.found, rows[i].found);
		assert_int_equal(b.lifetime, rows[i].lifetime);
		for (size_t k = 0; k < 3; k++)
			assert_int_equal(b.sources[k].asked, rows[i].asked[k]);
		key_finder_free(b.f);
	}
}

/* Answers come once; one that comes twice, or too late, is passed over. */
static void test_stale(void **state)
{
	static const struct fake sources[3] = { LATER(0, 1), NOTHING(0),
						NOTHING(0) };
	struct bench b;

	(void)state;
	begin(&b, sources);
	assert_int_equal(ask(&b), -EINPROGRESS);
	answer(&b, &b.sources[0]);
	answer(&b, &b.sources[0]);
	assert_int_equal(b.calls, 1);
	assert_int_equal(ask(&b), -EINPROGRESS);
	key_finder_free(b.f);
	assert_null(key_finder_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_stale),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
