/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What DNS says of this host itself: looked up at start, and again when each
 * answer runs out, as peers do it (by each of our addresses) and under the name
 * of LocalIdentity=. So a next key is found to be published, and what would
 * keep peers from believing us is found before they do.
 */
#ifndef TACIT_AGENT_OWN_DNS_H
#define TACIT_AGENT_OWN_DNS_H

#include "agent/key-dns.h"
#include "agent/signer.h"

struct own_dns;

struct own_dns_ops {
	void *user;
	/* As signer_keys() and signer_seen(). */
	size_t (*keys)(void *user, const struct signer_key **ret);
	void (*seen)(void *user, uint64_t key, uint32_t ttl);
};

/* dns and config are borrowed; dns NULL: nothing is looked up. 0 or -errno. */
int own_dns_new(sd_event *event, struct key_dns *dns,
		const struct config *config, const struct own_dns_ops *ops,
		struct own_dns **ret) __attribute__((warn_unused_result));
/* Before the key_dns is freed. Takes NULL. */
struct own_dns *own_dns_free(struct own_dns *o);
/* An address of ours came or went. Only global ones are looked up. */
void own_dns_address(struct own_dns *o, const struct addr *a, bool gone);
/* The configuration has changed. */
void own_dns_reload(struct own_dns *o);
/* Our keys have changed. */
void own_dns_keys_changed(struct own_dns *o);
/* Those that DNS may know of, borrowed until the loop runs again. */
size_t own_dns_addresses(const struct own_dns *o, const struct addr **ret);
/* What needs attention, a sentence, or NULL. */
const char *own_dns_warning(const struct own_dns *o);

#endif
