/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * util/privilege.c, each case in a child process that gives up its privilege
 * and then says what is left. What needs root is skipped without it.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/privilege.h"

/* A user that every system has and that is not root. */
#define USER "nobody"

/* In a child: leave with the line that does not hold. */
#define CHECK(condition)                                        \
	do {                                                    \
		if (!(condition)) {                             \
			fprintf(stderr, "line %d\n", __LINE__); \
			_exit(1);                               \
		}                                               \
	} while (0)

static void in_child(void (*func)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		func();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* A line of /proc/self/status with capabilities. It is opened before the
 * drop: afterwards the file is root's. */
static uint64_t status_caps(FILE *f, const char *name)
{
	unsigned long long caps = ~0ull;
	char line[256];

	rewind(f);
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, name, strlen(name)) == 0)
			sscanf(line + strlen(name), "%llx", &caps);
	return caps;
}

static void check_for_ever(void)
{
	struct rlimit limit;

	CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	CHECK(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
	CHECK(prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0) == 0);
	CHECK(getrlimit(RLIMIT_CORE, &limit) == 0);
	CHECK(limit.rlim_cur == 0 && limit.rlim_max == 0);
}

static void check_sets(FILE *f, uint64_t keep)
{
	uint64_t effective = ~0ull;

	CHECK(status_caps(f, "CapPrm:") == keep);
	CHECK(status_caps(f, "CapEff:") == keep);
	CHECK(status_caps(f, "CapInh:") == 0);
	CHECK(status_caps(f, "CapAmb:") == 0);
	CHECK((status_caps(f, "CapBnd:") & ~keep) == 0);
	CHECK(privilege_effective(&effective) == 0);
	CHECK(effective == keep);
}

static void check_user(void)
{
	const struct passwd *pw = getpwnam(USER);
	uid_t r, e, s;
	gid_t groups[64];
	int n;

	CHECK(pw);
	CHECK(getresuid(&r, &e, &s) == 0);
	CHECK(r == pw->pw_uid && e == pw->pw_uid && s == pw->pw_uid);
	CHECK(getresgid(&r, &e, &s) == 0);
	CHECK(r == pw->pw_gid && e == pw->pw_gid && s == pw->pw_gid);
	n = getgroups(64, groups);
	CHECK(n >= 0);
	for (int i = 0; i < n; i++)
		CHECK(groups[i] != 0);
	/* And no way back. */
	CHECK(setuid(0) < 0);
	CHECK(setgid(0) < 0);
}

static const uint64_t keeps[] = {
	0,
	PRIVILEGE_CAP(CAP_NET_BIND_SERVICE),
	PRIVILEGE_CAP(CAP_NET_ADMIN) | PRIVILEGE_CAP(CAP_NET_BIND_SERVICE),
	PRIVILEGE_CAP(CAP_SETUID),
};
static uint64_t keep;

/* Fills the sets that must become empty. */
static void fill_sets(uint64_t caps)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3,
						   0 };
	struct __user_cap_data_struct data[2];

	for (unsigned int i = 0; i < 2; i++) {
		data[i].permitted = (uint32_t)(caps >> (32 * i));
		data[i].effective = data[i].permitted;
		data[i].inheritable = data[i].permitted;
	}
	CHECK(syscall(SYS_capset, &header, data) == 0);
	CHECK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SETGID, 0, 0) ==
	      0);
	CHECK(setgroups(1, &(gid_t){ 0 }) == 0);
}

static void child_switch(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	uint64_t had = 0;
	bool switched = false;

	CHECK(f);
	CHECK(privilege_effective(&had) == 0);
	fill_sets(had);
	CHECK(status_caps(f, "CapInh:") && status_caps(f, "CapAmb:"));
	CHECK(privilege_drop(USER, keep, &switched) == 0);
	CHECK(switched);
	check_sets(f, keep & had);
	check_for_ever();
	if (!(keep & PRIVILEGE_CAP(CAP_SETUID)))
		check_user();
}

static bool may_switch(void)
{
	uint64_t have = 0, need = PRIVILEGE_CAP(CAP_SETUID) |
				  PRIVILEGE_CAP(CAP_SETGID) |
				  PRIVILEGE_CAP(CAP_SETPCAP);

	assert_int_equal(privilege_effective(&have), 0);
	return geteuid() == 0 && (have & need) == need && getpwnam(USER);
}

static void test_switch(void **state)
{
	(void)state;
	if (!may_switch())
		skip();
	for (size_t i = 0; i < sizeof(keeps) / sizeof(keeps[0]); i++) {
		keep = keeps[i];
		in_child(child_switch);
	}
}

static void child_stay(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	uid_t uid = getuid(), euid = geteuid();
	uint64_t had = 0;
	bool switched = true;

	CHECK(f);
	CHECK(privilege_effective(&had) == 0);
	CHECK(privilege_drop("no-such-user-tacit", keep, &switched) == 0);
	CHECK(!switched);
	CHECK(getuid() == uid && geteuid() == euid);
	if (had & PRIVILEGE_CAP(CAP_SETPCAP)) {
		check_sets(f, keep & had);
	} else {
		CHECK(status_caps(f, "CapPrm:") == (keep & had));
		CHECK(status_caps(f, "CapEff:") == (keep & had));
	}
	check_for_ever();
}

/* No such user: all but the change of user is done. */
static void test_unknown_user(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(keeps) / sizeof(keeps[0]); i++) {
		keep = keeps[i];
		in_child(child_stay);
	}
}

/* As another user, who cannot change to anybody: no error either. */
static void child_not_root(void)
{
	bool switched = true;
	uint64_t left = ~0ull;

	CHECK(setgid(65534) == 0 && setuid(65534) == 0);
	CHECK(privilege_drop("root", ~0ull, &switched) == 0);
	CHECK(!switched);
	CHECK(getuid() == 65534);
	CHECK(privilege_effective(&left) == 0);
	CHECK(left == 0);
	check_for_ever();
}

static void test_not_root(void **state)
{
	(void)state;
	if (!may_switch())
		skip();
	in_child(child_not_root);
}

/* Root in a container that may not change users; CAP_SETGID alone is not
 * enough to begin. */
static void child_no_setuid(void)
{
	bool switched = true;
	uint64_t left = ~0ull;

	CHECK(privilege_drop("no-such-user-tacit",
			     PRIVILEGE_CAP(CAP_NET_ADMIN) |
				     PRIVILEGE_CAP(CAP_SETGID),
			     &switched) == 0);
	switched = true;
	CHECK(privilege_drop(USER, PRIVILEGE_CAP(CAP_NET_ADMIN), &switched) ==
	      0);
	CHECK(!switched);
	CHECK(getuid() == 0 && getgid() == 0);
	CHECK(privilege_effective(&left) == 0);
	CHECK((left & ~PRIVILEGE_CAP(CAP_NET_ADMIN)) == 0);
}

static void test_no_setuid(void **state)
{
	(void)state;
	if (!may_switch())
		skip();
	in_child(child_no_setuid);
}

static void test_user(void **state)
{
	uid_t uid = 77;

	(void)state;
	assert_int_equal(privilege_user("no-such-user-tacit", &uid), -ENOENT);
	assert_int_equal(privilege_user("", &uid), -ENOENT);
	assert_int_equal(uid, 77);
	assert_int_equal(privilege_user("root", &uid), 0);
	assert_int_equal(uid, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_switch),
		cmocka_unit_test(test_unknown_user),
		cmocka_unit_test(test_not_root),
		cmocka_unit_test(test_no_setuid),
		cmocka_unit_test(test_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
