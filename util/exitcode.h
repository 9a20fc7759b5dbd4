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
	EXIT_DOCTOR_WARNING = 7,   /* tacit doctor: not all is well */
	EXIT_NO_ESP = 10,	   /* this kernel has no ESP */
	EXIT_NO_PRIVILEGE = 11,	   /* a capability is missing */
	EXIT_PORT_TAKEN = 12,	   /* UDP 500 or 4500 belongs to another */
	EXIT_BAD_CONFIG = 13,	   /* an error in the configuration */
	EXIT_ALREADY_RUNNING = 14, /* this instance is running */
	EXIT_HELPER = 15,	   /* a helper does not start or keeps dying */
	EXIT_DNS_NONE = 20,	   /* tacit: DNS has no key of that host */
	EXIT_DNS_INSECURE = 21,	   /* tacit: the zone is not signed */
	EXIT_DNS_BOGUS = 22,	   /* tacit: DNSSEC validation fails */
	EXIT_DNS_UNREACHABLE = 23, /* tacit: no name server answers */
	EXIT_NO_HOST = 24,	   /* tacit: there is no such host */
	EXIT_UPDATE_REFUSED = 25,  /* tacit: the server refuses the update */
	EXIT_UPDATE_TSIG = 26,	   /* tacit: it does not accept the TSIG key */
	EXIT_UPDATE_UNSEEN = 27,   /* tacit: published, and not seen in DNS */
	EXIT_FOREIGN_KEYS = 28,	   /* tacit: others' keys are in the place */
};

#endif
