/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rules between policies that have the same network: one of them, without
 * Identity=, is for everybody, and others are for whoever proves one of theirs.
 */
#ifndef TACIT_POLICY_CONFIG_NAMED_H
#define TACIT_POLICY_CONFIG_NAMED_H

#include "policy/config.h"

/* A network of a policy, and where it stands. */
struct config_network {
	const struct policy *policy;
	const struct prefix *network;
	const char *file;
	unsigned line;
	size_t order; /* of reading */
	/* Whose it is for everybody, where policy has identities; or NULL. */
	const struct policy *rest;
};

/* May both have the network, the second one read later? What is wrong between
 * two of which one has identities is said here. */
bool config_named_beside(const struct config_network *a,
			 const struct config_network *b,
			 struct config_errors *errors);
/* All networks, in order; they are in that of reading afterwards. */
void config_named_check(struct config_network *list, size_t n,
			struct config_errors *errors);

#endif
