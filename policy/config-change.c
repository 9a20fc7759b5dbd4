/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What two readings of the configuration have in common.
 */
#include "policy/config-change.h"

#include <string.h>

#include "util/hmap.h"

struct digest {
	struct hash_key key;
};

/* Each piece is hashed under what came before it. */
static void add(struct digest *d, const void *data, size_t len)
{
	d->key.k0 = hash_bytes(&d->key, data, len);
	d->key.k1 += len + 1;
}

static void add_list(struct digest *d, const struct algorithm_list *l)
{
	add(d, l, sizeof(*l));
}

static void add_policy(struct digest *d, const struct policy *p)
{
	const uint64_t numbers[] = {
		p->level,	 p->auth,	   p->discover,
		p->wait,	 p->wait_ms,	   p->retry_ms,
		p->child_kib,	 p->n_networks,	   p->child_lifetime_s,
		p->n_identities, p->child_packets, p->idle_ms,
		p->mode,	 p->rekey_margin,  p->rekey_fuzz,
		p->lookup,	 p->n_ports,	   p->translation,
		p->lookup_ms,	 p->gateway,
	};

	add(d, p->name, strlen(p->name));
	add(d, p->pool, strlen(p->pool));
	add(d, numbers, sizeof(numbers));
	add_list(d, &p->algorithms.propose);
	add_list(d, &p->algorithms.answer);
	add_list(d, &p->algorithms.accept);
	for (size_t i = 0; i < p->n_identities; i++)
		add(d, p->identities[i], strlen(p->identities[i]));
	for (size_t i = 0; i < p->n_ports; i++) {
		add(d, &p->ports[i].protocol, sizeof(p->ports[i].protocol));
		add(d, &p->ports[i].port, sizeof(p->ports[i].port));
	}
	for (size_t i = 0; i < p->n_networks; i++) {
		add(d, &p->networks[i].addr, sizeof(p->networks[i].addr));
		add(d, &p->networks[i].len, sizeof(p->networks[i].len));
	}
}

static void add_pool(struct digest *d, const struct address_pool *p)
{
	add(d, p->name, strlen(p->name));
	for (size_t i = 0; i < p->n_networks; i++) {
		add(d, &p->networks[i].addr, sizeof(p->networks[i].addr));
		add(d, &p->networks[i].len, sizeof(p->networks[i].len));
	}
}

uint32_t config_digest(const struct config *c)
{
	struct digest d = { 0 };
	const struct policy *p;

	add(&d, &c->open_on_stop, sizeof(c->open_on_stop));
	for (size_t i = 0; (p = policy_table_at(c->policies, i)); i++)
		add_policy(&d, p);
	for (size_t i = 0; i < c->pools.count; i++)
		add_pool(&d, &c->pools.list[i]);
	return (uint32_t)(d.key.k0 ^ d.key.k0 >> 32);
}

static bool same_algorithms(const struct algorithms *a,
			    const struct algorithms *b)
{
	return !memcmp(&a->propose, &b->propose, sizeof(a->propose)) &&
	       !memcmp(&a->answer, &b->answer, sizeof(a->answer)) &&
	       !memcmp(&a->accept, &b->accept, sizeof(a->accept));
}

bool policy_same(const struct policy *a, const struct policy *b)
{
	if (!a || !b)
		return a == b;
	if (a->n_identities != b->n_identities)
		return false;
	for (size_t i = 0; i < a->n_identities; i++)
		if (strcmp(a->identities[i], b->identities[i]))
			return false;
	return a->level == b->level && a->auth == b->auth &&
	       a->discover == b->discover && a->lookup == b->lookup &&
	       a->lookup_ms == b->lookup_ms && a->wait == b->wait &&
	       a->wait_ms == b->wait_ms && a->retry_ms == b->retry_ms &&
	       a->child_lifetime_s == b->child_lifetime_s &&
	       a->child_kib == b->child_kib &&
	       a->child_packets == b->child_packets &&
	       a->idle_ms == b->idle_ms && a->mode == b->mode &&
	       a->translation == b->translation && a->gateway == b->gateway &&
	       !strcmp(a->pool, b->pool) &&
	       a->rekey_margin == b->rekey_margin &&
	       a->rekey_fuzz == b->rekey_fuzz &&
	       same_algorithms(&a->algorithms, &b->algorithms);
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

bool known_peer_same(const struct known_peer *a, const struct known_peer *b)
{
	if (!a || !b)
		return a == b;
	if (a->n_keys != b->n_keys || !same_text(a->identity, b->identity) ||
	    !same_text(a->shared_key_file, b->shared_key_file))
		return false;
	for (size_t i = 0; i < a->n_keys; i++)
		if (a->keys[i].len != b->keys[i].len ||
		    memcmp(a->keys[i].spki, b->keys[i].spki, a->keys[i].len))
			return false;
	return true;
}

static bool same_list(char *const *a, char *const *b)
{
	if (!a || !b)
		return a == b;
	while (*a && *b && !strcmp(*a, *b)) {
		a++;
		b++;
	}
	return !*a && !*b;
}

/* LookupTime= is the policies'. */
static bool same_dns(const struct config_dns *a, const struct config_dns *b)
{
	return a->lookup == b->lookup &&
	       a->system_servers == b->system_servers && a->tls == b->tls &&
	       same_list(a->servers, b->servers) &&
	       same_list(a->anchors, b->anchors) &&
	       same_list(a->zones, b->zones) &&
	       same_text(a->root_hints, b->root_hints);
}

static void keep_text(char **now, char **next)
{
	char *kept = *now;

	*now = *next;
	*next = kept;
}

void config_keep_fixed(struct config *now, struct config *next,
		       void (*each)(const char *key))
{
	struct config_dns dns = now->dns;

#define KEEP(field, key)                       \
	do {                                   \
		if (now->field != next->field) \
			each(key);             \
		next->field = now->field;      \
	} while (0)
	KEEP(port, "Port= in [IKE]");
	KEEP(natt_port, "NATPort= in [IKE]");
	KEEP(fragment_size, "FragmentSize= in [IKE]");
	KEEP(cookie_threshold, "CookieThreshold= in [IKE]");
	KEEP(ike_lifetime_s, "Lifetime= in [IKE]");
	KEEP(pfs, "ForwardSecrecy= in [IKE]");
	KEEP(queue_offer, "QueueOffer= in [Hold]");
	KEEP(queue_require, "QueueRequire= in [Hold]");
	KEEP(mark_bit, "MarkBit= in [Hold]");
	KEEP(dns_bit, "DNSMarkBit= in [Hold]");
#undef KEEP
	if (!same_text(now->capture, next->capture))
		each("Capture= in [Debug]");
	if (!same_text(now->keys, next->keys))
		each("Keys= in [Debug]");
	if (!same_text(now->key_command, next->key_command))
		each("Command= in [Keys]");
	if (!same_dns(&now->dns, &next->dns))
		each("[DNS]");
	/* Others point into what is there now. */
	keep_text(&now->capture, &next->capture);
	keep_text(&now->keys, &next->keys);
	keep_text(&now->key_command, &next->key_command);
	now->dns = next->dns;
	next->dns = dns;
}
