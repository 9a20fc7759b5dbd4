/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE /* pipe2() */
#include "dbus/tacit-pager.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *pager_command(void)
{
	const char *text = getenv("TACIT_PAGER");

	if (!text)
		text = getenv("PAGER");
	/* Small systems have none. */
	return text ? text
		    : "command -v less >/dev/null && exec less; exec cat";
}

/* Where no pager can be run, what it would show is shown as it is. */
static void pager_run(const char *command)
{
	char block[4096];
	ssize_t n;

	/* Short texts stay on the screen, colours are shown. */
	setenv("LESS", "FRX", 0);
	execl("/bin/sh", "sh", "-c", command, NULL);
	while ((n = read(STDIN_FILENO, block, sizeof(block))) > 0)
		(void)!write(STDOUT_FILENO, block, (size_t)n);
	_exit(0);
}

pid_t tacit_pager_begin(void)
{
	const char *command = pager_command();
	int ends[2];
	pid_t pid;

	if (!*command || !strcmp(command, "cat"))
		return 0;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return 0;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		dup2(ends[0], STDIN_FILENO);
		pager_run(command);
	}
	if (pid > 0) {
		/* Its end is no failure of ours. */
		signal(SIGPIPE, SIG_IGN);
		dup2(ends[1], STDOUT_FILENO);
	}
	close(ends[0]);
	close(ends[1]);
	return pid > 0 ? pid : 0;
}

void tacit_pager_end(pid_t pager)
{
	fflush(stdout);
	close(STDOUT_FILENO);
	while (waitpid(pager, NULL, 0) < 0 && errno == EINTR)
		;
}
