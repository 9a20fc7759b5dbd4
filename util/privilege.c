/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Giving up privilege: user and groups, the five capability sets, and what
 * else a process may refuse for ever. Straight to the kernel, without libcap.
 */
#include "config.h"

#include "util/privilege.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

struct cap_sets {
	uint64_t effective, permitted, inheritable;
};

static int cap_get(struct cap_sets *ret)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3,
						   0 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	ret->effective = data[0].effective | (uint64_t)data[1].effective << 32;
	ret->permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	ret->inheritable = data[0].inheritable | (uint64_t)data[1].inheritable
							 << 32;
	return 0;
}

static int cap_set(const struct cap_sets *sets)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3,
						   0 };
	struct __user_cap_data_struct data[2];

	for (unsigned int i = 0; i < 2; i++) {
		data[i].effective = (uint32_t)(sets->effective >> (32 * i));
		data[i].permitted = (uint32_t)(sets->permitted >> (32 * i));
		data[i].inheritable = (uint32_t)(sets->inheritable >> (32 * i));
	}
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

int privilege_effective(uint64_t *ret)
{
	struct cap_sets sets = { 0 };
	int r = cap_get(&sets);

	if (r == 0)
		*ret = sets.effective;
	return r;
}

/* -ENOENT: no such user. */
static int user_find(const char *user, struct passwd **ret)
{
	struct passwd *pw = NULL;

	errno = 0;
	pw = getpwnam(user);
	if (pw) {
		*ret = pw;
		return 0;
	}
	/* getpwnam(3) lists what C libraries say of a user that is not there */
	if (errno == 0 || errno == ESRCH || errno == EBADF || errno == EPERM)
		return -ENOENT;
	return -errno;
}

int privilege_user(const char *user, uid_t *ret)
{
	struct passwd *pw = NULL;
	int r = user_find(user, &pw);

	if (r == 0)
		*ret = pw->pw_uid;
	return r;
}

/* Whatever may not be dropped from it is harmless without a way to gain it:
 * no_new_privs is set. */
static void bounding_cut(uint64_t keep)
{
	for (unsigned long cap = 0; cap < 64; cap++)
		if (!(keep & PRIVILEGE_CAP(cap)) &&
		    prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno == EINVAL)
			break; /* past the kernel's last one */
}

static bool may_switch(void)
{
	uint64_t need = PRIVILEGE_CAP(CAP_SETUID) | PRIVILEGE_CAP(CAP_SETGID);
	uint64_t have;

	return geteuid() == 0 && privilege_effective(&have) == 0 &&
	       (have & need) == need;
}

/* Capabilities stay permitted over the change. */
static int user_switch(const char *user, bool *ret_switched)
{
	struct passwd *pw = NULL;
	int r;

	*ret_switched = false;
	if (!may_switch())
		return 0;
	r = user_find(user, &pw);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	/* In a user namespace the first step tells whether it is allowed. */
	if (initgroups(pw->pw_name, pw->pw_gid) < 0)
		return errno == EPERM || errno == EINVAL ? 0 : -errno;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 ||
	    setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) < 0 ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) < 0 ||
	    prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0)
		return -errno;
	*ret_switched = true;
	return 0;
}

int privilege_drop(const char *user, uint64_t keep_caps, bool *ret_switched)
{
	const struct rlimit none = { 0, 0 };
	struct cap_sets sets = { 0 };
	bool switched;
	int r;

	bounding_cut(keep_caps);
	r = user_switch(user, &switched);
	if (r < 0)
		return r;
	r = cap_get(&sets);
	if (r < 0)
		return r;
	/* A sandbox that gave us none may forbid the call too. */
	if (sets.permitted | sets.inheritable) {
		sets.permitted &= keep_caps;
		sets.effective = sets.permitted;
		sets.inheritable = 0; /* empties the ambient set as well */
		r = cap_set(&sets);
		if (r < 0)
			return r;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    setrlimit(RLIMIT_CORE, &none) < 0)
		return -errno;
	*ret_switched = switched;
	return 0;
}
