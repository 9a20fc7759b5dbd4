/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A name server for tests: answers from a table, on loopback, in the test's
 * own thread. Zones under "signed.test." are really signed (ECDSA P-256), with
 * NSEC denials; what lies elsewhere is below no trust anchor.
 */
#ifndef TACIT_TESTS_DNS_FAKE_H
#define TACIT_TESTS_DNS_FAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "dnskeys/resolver.h"

struct dns_fake;

enum dns_fake_mood {
	DNS_FAKE_HONEST,
	DNS_FAKE_STRIPS,   /* no signatures, no denials */
	DNS_FAKE_SERVFAIL, /* for everything */
	DNS_FAKE_SILENT,
	DNS_FAKE_FORGES, /* signatures that do not verify */
};

/* Listens, and writes the trust anchors. Aborts on failure. */
struct dns_fake *dns_fake_new(void);
void dns_fake_free(struct dns_fake *f);
/* A record in zone file form: "a.signed.test. 60 IN A 192.0.2.1". */
void dns_fake_add(struct dns_fake *f, const char *record);
void dns_fake_clear(struct dns_fake *f);
void dns_fake_set_mood(struct dns_fake *f, enum dns_fake_mood mood);
/* "127.0.0.1@PORT" */
const char *dns_fake_address(const struct dns_fake *f);
const char *dns_fake_anchor(const struct dns_fake *f);
/* Answers what has come within ms, or until fd is readable. */
void dns_fake_serve(struct dns_fake *f, int fd, int ms);
/* A resolver that asks it, and trusts its anchors. */
struct resolver *dns_fake_resolver(const struct dns_fake *f);
/* How many questions of this type it was asked. */
unsigned dns_fake_asked(const struct dns_fake *f, uint16_t type);

#endif
