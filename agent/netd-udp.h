/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The IKE sockets of tacit-netd. They outlive it: whoever supervises keeps them,
 * since ESP in UDP is the kernel's for only as long as a socket has its port,
 * and IKE that comes meanwhile waits in them.
 */
#ifndef TACIT_AGENT_NETD_UDP_H
#define TACIT_AGENT_NETD_UDP_H

#include "agent/netd.h"

/* The ports of the configuration, in the order of struct record_welcome: those
 * that an earlier tacit-netd has left, else new ones; -1 stays where the host has
 * no such family. EXIT_OK, or an exit code, said in the log. Call it before
 * privileges go. */
int netd_udp_open(const struct config *c, int ret[NETD_SOCKETS])
	__attribute__((warn_unused_result));
/* Asks whoever supervises to keep them. */
void netd_udp_keep(const int udp[NETD_SOCKETS]);

#endif
