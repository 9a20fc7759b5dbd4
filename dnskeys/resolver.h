/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Validated DNS: libunbound, asked without ever blocking. It validates in a
 * thread of its own; answers are called back from resolver_process(), on the
 * caller's thread.
 *
 * Without a trust anchor nothing can be judged, so that a resolver cannot be
 * made without one. Forwarders cannot change later: make a new resolver.
 */
#ifndef TACIT_DNSKEYS_RESOLVER_H
#define TACIT_DNSKEYS_RESOLVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/slots.h"

struct resolver;

/* All borrowed during resolver_new(). Lists end with NULL and may be NULL. */
struct resolver_config {
	/* Files of DS or DNSKEY records; at least one must be readable. */
	const char *const *anchors;
	/* "192.0.2.1", "2001:db8::1@5353", with TLS "192.0.2.1@853#name".
	 * None: full recursion from the root. */
	const char *const *forwarders;
	bool tls;
	const char *tls_bundle; /* certificates; NULL: the system's */
	/* Pairs: zone, and a server that is asked about what lies in it (split
	 * DNS), in the form of forwarders. */
	const char *const *zones;
	/* Root servers for full recursion; NULL: the library's own list. */
	const char *root_hints;
};

/* What DNS said, judged (RFC 4033 5). */
enum dns_verdict {
	DNS_SECURE,	 /* records, and the chain of trust holds */
	DNS_INSECURE,	 /* records, of a zone that is provably unsigned */
	DNS_BOGUS,	 /* the chain of trust is broken */
	DNS_NONE,	 /* there are no such records */
	DNS_UNREACHABLE, /* no answer, or none that says anything */
};
const char *dns_verdict_name(enum dns_verdict v); /* "secure" */

struct dns_record {
	const uint8_t *data;
	size_t len;
};

/* Valid during the callback. */
struct dns_answer {
	enum dns_verdict verdict;
	uint32_t ttl;	 /* seconds, also of NONE */
	const char *why; /* of BOGUS and UNREACHABLE; else NULL */
	size_t n;
	const struct dns_record *records; /* RDATA, LIMIT_DNS_RECORDS at most */
};

typedef void resolver_callback(void *user, const struct dns_answer *answer);

/* 0; -ENOENT: no trust anchor could be read; -EINVAL: a forwarder is no
 * address, or a zone no name; -EPROTONOSUPPORT: TLS is asked for, and this
 * libunbound has none; -ENOMEM; -EAGAIN: no thread. */
int resolver_new(const struct resolver_config *config, struct resolver **ret)
	__attribute__((warn_unused_result));
/* No callback comes any more; takes NULL. */
struct resolver *resolver_free(struct resolver *r);
/* What it was made with, borrowed for as long as it lives. */
const struct resolver_config *resolver_config_of(const struct resolver *r);
/* Readable when resolver_process() has something to do. */
int resolver_fd(const struct resolver *r);
/* Calls back for a few of the answers that are there; the rest keeps the
 * descriptor readable. Callbacks may ask and cancel, and must not free the
 * resolver. */
void resolver_process(struct resolver *r);

/* Asks for type (an RR type, class IN) at name, in text form. The callback
 * comes exactly once, never from within this call, unless it is cancelled.
 * 0; -ENOBUFS at LIMIT_DNS_QUERIES; -ENOMEM; -EINVAL: not a name. */
int resolver_ask(struct resolver *r, const char *name, uint16_t type,
		 resolver_callback *callback, void *user, struct handle *ret)
	__attribute__((warn_unused_result));
/* Questions that are over are passed over. */
void resolver_cancel(struct resolver *r, struct handle question);
/* Questions under way. */
size_t resolver_pending(const struct resolver *r);

#endif
