/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The policies of a configuration: one a file, and those that are built in.
 */
#ifndef TACIT_POLICY_CONFIG_POLICY_H
#define TACIT_POLICY_CONFIG_POLICY_H

#include "policy/config.h"

/* The policies while they are being read, with what only errors need. */
struct config_policies {
	struct config_policy {
		struct policy *policy;
		unsigned name_line; /* 0: the name is the file's */
	} * list;
	size_t count;
	size_t n_networks; /* of all, for LIMIT_POLICY_NETWORKS */
	bool too_many;	   /* said once */
	bool no_keys;	   /* keys.d has nobody who could prove anything */
	/* Of tacit.conf, for those that name none. */
	const struct algorithms *algorithms;
	uint32_t lookup_ms;
};

/* Of a policy, or of a pool. */
bool config_policy_good_name(const char *name);
/* A policy with the defaults, without name and networks; NULL: no memory. */
struct policy *config_policy_new(void);
/* Takes the policy, on failure too. 0 or -ENOMEM. */
int config_policies_add(struct config_policies *all, struct policy *p,
			unsigned name_line) __attribute__((warn_unused_result));
/* Reads one file of policy.d; base is its name without the directory. What is
 * wrong goes to errors. 0 or -ENOMEM. */
int config_policy_read(struct config_policies *all, const char *path,
		       const char *base, struct config_errors *errors)
	__attribute__((warn_unused_result));
/* Names and networks that are there twice. 0 or -ENOMEM. */
int config_policies_check(const struct config_policies *all,
			  struct config_errors *errors)
	__attribute__((warn_unused_result));
/* What holds where there is no file: 0 or -ENOMEM. */
int config_policies_builtin(struct config_policies *all)
	__attribute__((warn_unused_result));
/* Moves them into a table. 0 or -ENOMEM. */
int config_policies_table(struct config_policies *all,
			  struct policy_table **ret)
	__attribute__((warn_unused_result));
void config_policies_done(struct config_policies *all);

#endif
