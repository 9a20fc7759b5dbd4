/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A kernel for the tables of tacit-netd: keeps SAs and policies by the same
 * rules (one policy a place, one SA an SPI and destination), writes down what
 * was asked of it, and fails where it is told to.
 */
#ifndef TACIT_TESTS_NETD_FAKE_H
#define TACIT_TESTS_NETD_FAKE_H

#include <stddef.h>

#include "agent/netd-kernel.h"
#include "policy/policy.h"

#define FAKE_MAX 512

struct fake {
	struct netd_kernel kernel;
	struct kpolicy policies[FAKE_MAX];
	struct ksa sas[FAKE_MAX];
	size_t n_policies, n_sas;
	struct change log[4 * FAKE_MAX];
	size_t n_log;
	/* The change that fails next, counted from 1; 0: none. */
	unsigned fail_at;
	int fail_with;
	uint32_t used_spi; /* an SA with this SPI has carried packets */
};

void fake_init(struct fake *f);
const struct kpolicy *fake_policy(const struct fake *f, enum kdir dir,
				  const char *src, const char *dst);
const struct ksa *fake_sa(const struct fake *f, const char *dst, uint32_t spi);
/* Policies with this priority. */
size_t fake_count(const struct fake *f, uint32_t priority);
/* Where in the log the first such change is; -1: nowhere. */
int fake_log_sa(const struct fake *f, enum change_op op, uint32_t spi);
int fake_log_policy(const struct fake *f, enum change_op op, enum kdir dir,
		    uint32_t reqid);

struct addr fake_addr(const char *text);

/* A policy table of lines "LEVEL [PORT/PROTOCOL...] NETWORK...", NULL at the end; "wait" is an
 * offer with Wait=yes. */
struct policy_table *fake_policies(const char *const *lines);

#endif
