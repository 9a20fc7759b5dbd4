/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From one configuration to the next: whether two processes have read the same
 * files, what is different between two readings, and what of that takes effect
 * only with a restart.
 */
#ifndef TACIT_POLICY_CONFIG_CHANGE_H
#define TACIT_POLICY_CONFIG_CHANGE_H

#include "policy/config.h"

/* Of what a reload changes in tacitd and tacit-netd alike: policies, pools and
 * OnStop=. The same in every process that has read the same. */
uint32_t config_digest(const struct config *c);
/* Do the two decide alike in all that is asked of them? Their names, files and
 * networks do not matter. Either may be NULL: no policy. */
bool policy_same(const struct policy *a, const struct policy *b);
/* Are a peer's keys the same? Either may be NULL: none are known. */
bool known_peer_same(const struct known_peer *a, const struct known_peer *b);
/* Gives next what cannot change while the program runs, from now, and tells
 * each key that is different: its name, as in "Port= in [IKE]". */
void config_keep_fixed(struct config *now, struct config *next,
		       void (*each)(const char *key));

#endif
