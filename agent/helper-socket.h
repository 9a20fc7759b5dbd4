/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The socket at which a helper process waits for the agent: the one that
 * systemd hands over, or one made here.
 */
#ifndef TACIT_AGENT_HELPER_SOCKET_H
#define TACIT_AGENT_HELPER_SOCKET_H

#include <sys/types.h>

/*
 * EXIT_OK, *ret, a listening socket with that name, and *ret_agent, the user
 * that the agent runs as; else an exit code, said in the log. Call it before
 * privileges go.
 */
int helper_socket(const char *name, const char *runtime_dir, int *ret,
		  uid_t *ret_agent) __attribute__((warn_unused_result));

#endif
