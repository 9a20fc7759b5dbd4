/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The networks of a policy while its file is read: Networks=, and the lists of
 * NetworksFile=, which other tools keep: one network a line, empty lines and
 * what follows a # are nothing. Each network is remembered with its place.
 */
#ifndef TACIT_POLICY_CONFIG_NETWORKS_H
#define TACIT_POLICY_CONFIG_NETWORKS_H

#include "policy/config-file.h"
#include "policy/config-policy.h"

struct config_networks {
	struct config_policies *all; /* for what they have together */
	struct policy *policy;
	size_t room;
	bool bad; /* complained of */
	bool no_memory;
};

/* One network; what is wrong goes to errors, and then this is false. */
bool config_networks_read(struct config_errors *errors, const char *file,
			  unsigned line, const char *text, struct prefix *ret);
/* Of their keys; what is wrong goes to the place's errors. */
void config_networks_set(struct config_networks *n,
			 const struct config_place *at);
void config_networks_include(struct config_networks *n,
			     const struct config_place *at);
/* Frees what doubling left over. */
void config_networks_fit(struct config_networks *n);

#endif
