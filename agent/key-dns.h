/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The key source of DNS: IPSECKEY records, judged by DNSSEC, under the name
 * that a policy gives for a peer, that the peer claims, or that its address
 * has in the reverse tree. Owns the resolver and the cache, and follows the
 * system's name servers.
 */
#ifndef TACIT_AGENT_KEY_DNS_H
#define TACIT_AGENT_KEY_DNS_H

#include <systemd/sd-event.h>

#include "agent/key-source.h"
#include "dnskeys/key-cache.h"
#include "policy/config.h"

struct key_dns;

struct key_dns_ops {
	void *user;
	/* The answer to a find() that said -EINPROGRESS, once: as find(). The
	 * answer's references are the callee's. */
	void (*answer)(void *user, struct handle ticket, int found,
		       struct key_answer *answer);
	/* May ESP for the peer go to this gateway? NULL: to none. Pure. */
	bool (*gateway)(void *user, const struct addr *peer,
			const struct addr *gateway);
};

/* config is borrowed. A resolver that cannot be made is said in the log, with
 * the remedy; peers then have no keys in DNS. 0; -ENOMEM; -errno. */
int key_dns_new(sd_event *event, const struct config_dns *config,
		const struct key_dns_ops *ops, struct key_dns **ret)
	__attribute__((warn_unused_result));
struct key_dns *key_dns_free(struct key_dns *d);
struct key_source key_dns_source(struct key_dns *d);

/* A look-up for its own sake, whatever is known: as key_cache_ask(), and its
 * end; and how long its answer holds, milliseconds. */
int key_dns_ask(struct key_dns *d, const struct lookup_request *request,
		key_cache_callback *callback, void *user, struct handle *ret)
	__attribute__((warn_unused_result));
void key_dns_cancel(struct key_dns *d, struct handle waiter);
uint64_t key_dns_lifetime(const struct key_dns *d, const struct keyset *keys);

/* What is known of the peer at this address, borrowed; NULL: nothing. Asks
 * nobody. For status. */
const struct keyset *key_dns_peek(const struct key_dns *d,
				  const struct addr *peer);
/* How it asks, borrowed until the loop runs again; NULL: it cannot. */
const struct resolver_config *key_dns_config(const struct key_dns *d);
/* Why there is no resolver, or NULL: a sentence. */
const char *key_dns_fault(const struct key_dns *d);

#endif
