/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tacitd --standalone: what systemd does for the units, done by a small root
 * process where there is no systemd (containers, the lab). It starts
 * tacit-netd, tacit-keyd and the agent, each of which changes to its own user, restarts
 * what dies, kills what hangs, and stops them in order. It speaks the
 * sd_notify protocol with them, so they cannot tell the difference, and parses
 * nothing that a stranger sends.
 */
#ifndef TACIT_AGENT_STANDALONE_H
#define TACIT_AGENT_STANDALONE_H

#include <stdbool.h>

struct standalone_options {
	const char *config_dir; /* NULL: the compiled-in one */
	const char *runtime_dir;
	const char *state_dir; /* NULL: the compiled-in one */
	bool debug;
};

/* Runs until SIGTERM or SIGINT. An exit code (util/exitcode.h): that of a
 * helper which says at its first start that it cannot run here. */
int standalone_run(const struct standalone_options *options);

#endif
