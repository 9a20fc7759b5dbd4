/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The files of keys.d/ while a configuration is read.
 */
#ifndef TACIT_POLICY_CONFIG_PEER_H
#define TACIT_POLICY_CONFIG_PEER_H

#include "policy/config.h"

struct config_peers {
	struct known_peer **list;
	size_t count;
};

/* Reads one file of keys.d; what is wrong goes to errors. 0 or -ENOMEM. */
int config_peer_read(struct config_peers *all, const char *path,
		     struct config_errors *errors)
	__attribute__((warn_unused_result));
/* Moves them into a table; twins are an error of theirs. 0 or -ENOMEM. */
int config_peers_table(struct config_peers *all, struct config_errors *errors,
		       struct known_peers **ret)
	__attribute__((warn_unused_result));
void config_peers_done(struct config_peers *all);

#endif
