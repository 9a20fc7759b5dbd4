/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The program ./tacit, run against an agent made up in another process, in a
 * pipe and on a terminal. TACIT_SOCKET names it.
 */
#ifndef TACIT_TESTS_CLI_WORLD_H
#define TACIT_TESTS_CLI_WORLD_H

#include <sys/types.h>

#include "dbus-fake.h"

#define OUTPUT_MAX (1u << 21)

struct cli_world {
	char dir[64], path[96];
	pid_t agent;
	struct fake fake;
	char *out; /* of the last run; standard error follows */
	char *err;
};

/* The agent, with w->fake as its status. */
void cli_start_agent(struct cli_world *w);
void cli_stop_agent(struct cli_world *w);
int cli_begin(void **state);
int cli_end(void **state);
/* Runs it with words (parted by spaces); standard output is out_write, read at
 * out_read. Returns the exit code. */
int cli_run_with(struct cli_world *w, const char *words, int out_read,
		 int out_write);
int cli_run(struct cli_world *w, const char *words);
int cli_run_terminal(struct cli_world *w, const char *words);

#endif
