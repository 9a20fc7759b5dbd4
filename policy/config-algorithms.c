/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lists of algorithms, and how the lists depend on each other.
 */
#include "policy/config-algorithms.h"

#include <string.h>

#include "policy/config-error.h"
#include "policy/config-value.h"

#define WORDS_MAX 32

static void unknown(const struct config_place *at, const char *word)
{
	const char *words[WORDS_MAX] = { NULL }, *near;

	for (size_t i = 0; i < WORDS_MAX - 1 && algorithm_word(i); i++)
		words[i] = algorithm_word(i);
	near = config_value_nearest(word, words);
	if (near)
		config_place_error(at, "%s is no algorithm: did you mean %s?",
				   word, near);
	else
		config_place_error(at,
				   "%s is no algorithm that Tacit uses: see "
				   "tacit.conf(5)",
				   word);
}

void config_algorithms_set(const struct config_place *at,
			   struct algorithm_list *ret)
{
	struct algorithm_list l = { 0 };
	char text[256], *save, *word;
	size_t len = strlen(at->item->value);
	bool bad = false;

	if (len >= sizeof(text)) {
		config_place_error(at, "name each algorithm once");
		return;
	}
	memcpy(text, at->item->value, len + 1);
	word = strtok_r(text, " \t,", &save);
	for (; word; word = strtok_r(NULL, " \t,", &save)) {
		enum algorithm a;

		if (algorithm_parse(word, &a) < 0) {
			unknown(at, word);
			bad = true;
		} else if (algorithm_list_has(&l, a)) {
			config_place_error(at, "%s is there twice", word);
			bad = true;
		} else {
			algorithm_list_add(&l, a);
		}
	}
	if (!bad && !l.n)
		config_place_error(at, "name an algorithm, or remove the line");
	else if (!bad)
		*ret = l;
}

static void complete(struct algorithm_list *l,
		     const struct algorithm_list *base)
{
	if (!l->n)
		*l = *base;
	for (unsigned k = 0; k < ALGORITHM_KINDS; k++)
		if (!algorithm_list_has_kind(l, (enum algorithm_kind)k))
			algorithm_list_fill(l, base, (enum algorithm_kind)k);
}

void config_algorithms_finish(struct algorithms *a,
			      const struct algorithms *base,
			      struct config_errors *errors, const char *path,
			      unsigned line)
{
	bool proposes = a->propose.n != 0;

	complete(&a->propose, &base->propose);
	complete(&a->accept, &base->accept);
	if (!a->answer.n)
		a->answer = proposes ? a->propose : base->answer;
	else
		complete(&a->answer, &a->propose);
	for (size_t i = 0; i < a->answer.n; i++) {
		enum algorithm x = (enum algorithm)a->answer.list[i];

		/* RFC 7296 3.3.6: such an answer is never right. */
		if (!algorithm_list_has(&a->propose, x))
			config_errors_add(errors, path, line,
					  "AcceptAnswer= has %s, which is not "
					  "proposed: add it to Propose=, or "
					  "remove it here",
					  algorithm_name(x));
	}
}
