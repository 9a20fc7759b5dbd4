/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The files of pool.d/ while a configuration is read.
 */
#ifndef TACIT_POLICY_CONFIG_POOL_H
#define TACIT_POLICY_CONFIG_POOL_H

#include "policy/config-policy.h"

/* Reads one file of pool.d; base is its name without the directory. What is
 * wrong goes to errors. 0 or -ENOMEM. */
int config_pool_read(struct address_pools *all, const char *path,
		     const char *base, struct config_errors *errors)
	__attribute__((warn_unused_result));
/* What there is where there is no file. 0 or -ENOMEM. */
int config_pools_builtin(struct address_pools *all)
	__attribute__((warn_unused_result));
/* Networks that are of two pools, pools that policies name and that are not
 * there, and those that a policy has for itself. */
void config_pools_check(const struct address_pools *all,
			const struct config_policies *policies,
			struct config_errors *errors);

#endif
