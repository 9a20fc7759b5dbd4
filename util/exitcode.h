/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Exit codes of the programs: one for each way to fail that an administrator
 * or a supervisor would act on differently. They are part of the interface
 * (the manual pages list them); never renumber.
 */
#ifndef TACIT_UTIL_EXITCODE_H
#define TACIT_UTIL_EXITCODE_H

enum exitcode {
	EXIT_OK = 0,
	EXIT_FAILED = 1,	   /* anything without a code of its own */
	EXIT_USAGE = 2,		   /* the command line is wrong */
	EXIT_NOT_RUNNING = 3,	   /* tacit: there is no agent to ask */
	EXIT_NO_PEER = 4,	   /* tacit: the agent knows no such peer */
	EXIT_TIMED_OUT = 5,	   /* tacit: waited for in vain */
	EXIT_NOT_ENCRYPTED = 6,	   /* tacit: the peer is not, and will not be */
	EXIT_NO_ESP = 10,	   /* this kernel has no ESP */
	EXIT_NO_PRIVILEGE = 11,	   /* a capability is missing */
	EXIT_PORT_TAKEN = 12,	   /* UDP 500 or 4500 belongs to another */
	EXIT_BAD_CONFIG = 13,	   /* an error in the configuration */
	EXIT_ALREADY_RUNNING = 14, /* this instance is running */
	EXIT_HELPER = 15,	   /* a helper does not start or keeps dying */
};

#endif
