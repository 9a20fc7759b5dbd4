/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SIGUSR1 ends a process at once, and nothing that runs at an exit does. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/handover.h"

#define TOOK_AWAY 77

static void take_away(void)
{
	_exit(TOOK_AWAY);
}

static void child(int ready)
{
	sd_event *event = NULL;

	if (sd_event_new(&event) < 0 || handover_watch(event) < 0 ||
	    atexit(take_away) != 0 || write(ready, "x", 1) != 1)
		_exit(1);
	sd_event_loop(event);
	exit(2);
}

static void test_ends(void **state)
{
	int ready[2], status = 0;
	char c;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		child(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_int_equal(kill(pid, SIGUSR1), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	close(ready[0]);
	close(ready[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
