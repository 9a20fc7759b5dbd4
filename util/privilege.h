/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Giving up privilege at the start of a daemon. Credentials and capabilities
 * belong to a thread in Linux: call this before there is a second one.
 */
#ifndef TACIT_UTIL_PRIVILEGE_H
#define TACIT_UTIL_PRIVILEGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A capability as a bit of a mask: PRIVILEGE_CAP(CAP_NET_ADMIN). */
#define PRIVILEGE_CAP(cap) (1ull << (cap))

/* 0; -ENOENT when there is no such user; -errno when it cannot be told. */
int privilege_user(const char *user, uid_t *ret)
	__attribute__((warn_unused_result));
/*
 * Becomes the user and keeps exactly those of keep_caps that we have, in the
 * permitted and the effective set; the inheritable and ambient sets become
 * empty and the bounding set holds no others. Sets no_new_privs, and forbids
 * core dumps and tracing by the user's other processes.
 *
 * Where we may not change user (not root, CAP_SETUID or CAP_SETGID missing,
 * the user unknown here) *ret_switched is false and all else is done. What
 * was to be kept but is missing is the caller's to notice, with
 * privilege_effective(). -errno: in part done, so end the process.
 */
int privilege_drop(const char *user, uint64_t keep_caps, bool *ret_switched)
	__attribute__((warn_unused_result));
/* The effective capabilities of this thread. 0 or -errno. */
int privilege_effective(uint64_t *ret) __attribute__((warn_unused_result));

#endif
