/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The section [Algorithms], of tacit.conf and of a policy: Propose=,
 * AcceptAnswer= and Accept= are lists of names. Of a kind (cipher, hash,
 * group) that a list does not name, it has those of the list that it stands
 * in for: a policy's those of tacit.conf, and that the defaults'.
 */
#ifndef TACIT_POLICY_CONFIG_ALGORITHMS_H
#define TACIT_POLICY_CONFIG_ALGORITHMS_H

#include "policy/config-file.h"
#include "util/algorithm.h"

/* The value as a list; what is wrong goes to errors, and *ret is then
 * untouched. */
void config_algorithms_set(const struct config_place *at,
			   struct algorithm_list *ret);
/* Fills in what was not given. path and line are those of AcceptAnswer=. */
void config_algorithms_finish(struct algorithms *a,
			      const struct algorithms *base,
			      struct config_errors *errors, const char *path,
			      unsigned line);

#endif
