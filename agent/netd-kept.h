/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The networks that the configuration closes, kept for the boot at which it has
 * errors: then they are closed all the same, and nobody talks to them in the
 * clear because of a misspelt word in another file. Kept as a configuration of
 * its own, with nothing but networks, their services where only those are
 * closed, and whether they are.
 */
#ifndef TACIT_AGENT_NETD_KEPT_H
#define TACIT_AGENT_NETD_KEPT_H

#include "policy/config.h"

/* Keeps those of c in this directory, in the place of what is there; where it
 * closes none, nothing is kept. 0 or -errno, and what was kept still is. */
int netd_kept_save(const char *dir, const struct config *c)
	__attribute__((warn_unused_result));
/* 0; -ENOENT: nothing is kept; -errno. */
int netd_kept_load(const char *dir, struct config **ret)
	__attribute__((warn_unused_result));

/*
 * What net.core.xfrm_larval_drop was before it was set, kept there as long as it
 * is, for who finds it so after a crash. 0 or -errno; load: 0 or 1, or -ENOENT:
 * none of ours has set it.
 */
int netd_kept_larval_save(const char *dir, int before)
	__attribute__((warn_unused_result));
int netd_kept_larval_load(const char *dir) __attribute__((warn_unused_result));
int netd_kept_larval_forget(const char *dir)
	__attribute__((warn_unused_result));

#endif
