/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Dynamic update (RFC 2136) of the IPSECKEY records at one name, each message
 * signed with TSIG (RFC 8945), through ldns. It waits: for the command line,
 * never for the agent.
 */
#ifndef TACIT_DNSKEYS_UPDATE_H
#define TACIT_DNSKEYS_UPDATE_H

#include "dnskeys/name.h"
#include "dnskeys/own-record.h"
#include "dnskeys/tsig-key.h"
#include "util/limits.h"

#define UPDATE_RECORDS_MAX LIMIT_DNS_RECORDS

enum update_outcome {
	UPDATE_OK = 0,
	UPDATE_UNREACHABLE,  /* no connection, or no answer */
	UPDATE_RUBBISH,	     /* an answer that is none */
	UPDATE_UNSIGNED,     /* an answer that its key has not signed */
	UPDATE_BADKEY,	     /* the server does not know the key */
	UPDATE_BADSIG,	     /* it has another secret of that name */
	UPDATE_BADTSIG,	     /* one of these three: it does not say which */
	UPDATE_BADTIME,	     /* the clocks differ */
	UPDATE_NO_ALGORITHM, /* ldns cannot do it */
	UPDATE_REFUSED,
	UPDATE_NOTAUTH, /* not the server of that zone */
	UPDATE_NOTZONE, /* the name is not in the zone */
	UPDATE_SERVFAIL,
	UPDATE_NOTIMP,
	UPDATE_CHANGED, /* the records are others than were read */
	UPDATE_FAILED,	/* anything else: rcode */
	UPDATE_OUTCOMES
};

struct update {
	struct endpoint server;
	const struct tsig_key *key; /* NULL: nothing is signed */
	unsigned timeout_ms;
	/* Of the last failure: an errno of the connection, the response code,
	 * seconds by which the server's clock is ahead. */
	int error, rcode;
	int64_t skew;
};

/* A record that is published. */
struct update_record {
	uint8_t rdata[OWN_RECORD_MAX + IPSECKEY_NAME_MAX];
	size_t len;
};

struct update_set {
	char zone[NAME_STRLEN]; /* that the name is in, at this server */
	struct update_record records[UPDATE_RECORDS_MAX];
	size_t n;
};

/* What the server has at the name now. An enum update_outcome. */
enum update_outcome update_read(struct update *u, const char *name,
				struct update_set *ret)
	__attribute__((warn_unused_result));
/* Adds and removes records, if those at the name are still what was read: else
 * UPDATE_CHANGED, and nothing is done. */
enum update_outcome update_write(struct update *u, const char *name,
				 const struct update_set *was,
				 const struct own_record *const *add,
				 size_t n_add,
				 const struct update_record *const *remove,
				 size_t n_remove, uint32_t ttl)
	__attribute__((warn_unused_result));

#endif
