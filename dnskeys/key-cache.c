/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Entries in a hash map and in a list by last use. An entry has a key set, a
 * look-up under way, or both while it is refreshed; its waiters hang on it.
 */
#include "dnskeys/key-cache.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "dnskeys/name.h"
#include "util/hmap.h"
#include "util/limits.h"
#include "util/ratelimit.h"

/* Refreshed when it is used in the last tenth of its time. */
#define REFRESH_PART 10u

struct waiter {
	struct waiter *next;
	struct handle handle;
	key_cache_callback *callback; /* NULL: cancelled */
	void *user;
};

struct entry {
	struct hmap_node node;
	struct entry *newer, *older; /* by last use */
	struct key_cache *cache;
	struct lookup_request request; /* name is ours */
	struct keyset *keys;
	uint64_t found, expires; /* of keys */
	uint64_t asked;		 /* when the look-up under way began */
	struct lookup *lookup;
	struct waiter *waiters, **end;
};

struct key_cache {
	struct key_cache_config config;
	struct resolver *resolver;
	struct hmap map;
	struct hash_key hash_key;
	struct entry *newest, *oldest;
	struct slots *waiters;
	struct ratelimit rate;
	struct ratelimit_table *prefixes;
	struct key_cache_counters counters;
};

void key_cache_config_init(struct key_cache_config *c)
{
	*c = (struct key_cache_config){
		.floor = 5,
		.ceiling = 86400,
		.negative_ceiling = 900,
		.bogus = 10,
		.unreachable = 5,
		.entries = LIMIT_KEY_CACHE,
		.rate = LIMIT_DNS_RATE,
		.rate_prefix = LIMIT_DNS_RATE_PREFIX,
	};
}

struct key_cache *key_cache_new(const struct key_cache_config *config,
				struct resolver *r)
{
	struct key_cache *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->config = *config;
	c->resolver = r;
	hmap_init(&c->map);
	c->waiters = slots_new(LIMIT_KEY_WAITERS);
	c->prefixes = ratelimit_table_new(LIMIT_RATE_PREFIXES);
	if (!c->waiters || !c->prefixes ||
	    getrandom(&c->hash_key, sizeof(c->hash_key), 0) !=
		    sizeof(c->hash_key))
		return key_cache_free(c);
	return c;
}

/* --- entries ------------------------------------------------------------------ */

static void unlink_entry(struct key_cache *c, struct entry *e)
{
	*(e->newer ? &e->newer->older : &c->newest) = e->older;
	*(e->older ? &e->older->newer : &c->oldest) = e->newer;
	e->newer = e->older = NULL;
}

static void link_newest(struct key_cache *c, struct entry *e)
{
	e->older = c->newest;
	*(c->newest ? &c->newest->newer : &c->oldest) = e;
	c->newest = e;
}

static void touch(struct key_cache *c, struct entry *e)
{
	unlink_entry(c, e);
	link_newest(c, e);
}

static void drop_waiters(struct key_cache *c, struct entry *e)
{
	struct waiter *w;

	while ((w = e->waiters)) {
		e->waiters = w->next;
		(void)slots_remove(c->waiters, w->handle);
		free(w);
	}
	e->end = &e->waiters;
}

static void entry_free(struct entry *e)
{
	struct key_cache *c = e->cache;

	drop_waiters(c, e);
	c->counters.pending -= e->lookup != NULL;
	lookup_free(e->lookup);
	keyset_unref(e->keys);
	hmap_remove(&c->map, &e->node);
	unlink_entry(c, e);
	free((char *)e->request.name);
	free(e);
}

struct key_cache *key_cache_free(struct key_cache *c)
{
	if (!c)
		return NULL;
	while (c->newest)
		entry_free(c->newest);
	hmap_done(&c->map);
	slots_free(c->waiters);
	ratelimit_table_free(c->prefixes);
	free(c);
	return NULL;
}

/* Case means nothing in a name (RFC 4343). */
static uint64_t hash_name(const struct key_cache *c, const char *name)
{
	char folded[NAME_STRLEN];
	size_t n = 0;

	for (; name[n] && n < sizeof(folded); n++)
		folded[n] = (char)tolower((unsigned char)name[n]);
	return hash_bytes(&c->hash_key, folded, n);
}

static uint64_t hash_of(const struct key_cache *c,
			const struct lookup_request *r)
{
	if (r->name)
		return hash_name(c, r->name);
	return hash_bytes(&c->hash_key, r->peer.bytes, sizeof(r->peer.bytes));
}

static bool is_same(const struct lookup_request *a,
		    const struct lookup_request *b)
{
	bool by_name = a->name || b->name;

	if (by_name &&
	    (!a->name || !b->name || strcasecmp(a->name, b->name) != 0))
		return false;
	/* A name is looked up as such; who claims it matters. */
	if (by_name && !a->claimed && !b->claimed)
		return true;
	return a->claimed == b->claimed && addr_equal(&a->peer, &b->peer);
}

static struct entry *find(const struct key_cache *c,
			  const struct lookup_request *r)
{
	hmap_for_each (n, &c->map, hash_of(c, r)) {
		struct entry *e = container_of(n, struct entry, node);

		if (is_same(&e->request, r))
			return e;
	}
	return NULL;
}

/* Room for one more: the oldest that nobody waits for. */
static bool make_room(struct key_cache *c)
{
	struct entry *e = c->oldest;

	if (hmap_count(&c->map) < c->config.entries)
		return true;
	while (e && e->lookup)
		e = e->newer;
	if (!e)
		return false;
	entry_free(e);
	c->counters.evicted++;
	return true;
}

static int entry_new(struct key_cache *c, const struct lookup_request *r,
		     struct entry **ret)
{
	struct entry *e;
	int rc;

	if (!make_room(c))
		return -ENOBUFS;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->cache = c;
	e->end = &e->waiters;
	e->request = *r;
	if (r->name)
		e->request.name = strdup(r->name);
	rc = r->name && !e->request.name ? -ENOMEM : 0;
	if (rc == 0)
		rc = hmap_insert(&c->map, &e->node, hash_of(c, r));
	if (rc < 0) {
		free((char *)e->request.name);
		free(e);
		return rc;
	}
	link_newest(c, e);
	*ret = e;
	return 0;
}

/* --- answers ------------------------------------------------------------------ */

static uint32_t lifetime(const struct key_cache_config *c,
			 const struct keyset *keys)
{
	uint32_t ttl = keys->ttl, ceiling = c->ceiling;

	switch (keys->status) {
	case KEYSET_BOGUS:
		return c->bogus;
	case KEYSET_UNREACHABLE:
		return c->unreachable;
	case KEYSET_NONE:
		ceiling = c->negative_ceiling;
		break;
	case KEYSET_SECURE:
	case KEYSET_INSECURE:
		break;
	}
	if (ttl < c->floor)
		ttl = c->floor;
	return ttl > ceiling ? ceiling : ttl;
}

/* What was secure stays until it runs out, when it cannot be asked for now:
 * DNS that is down takes nobody's key away before its time. */
static bool is_worth_keeping(const struct entry *e, uint64_t now)
{
	return e->keys && e->keys->status == KEYSET_SECURE && now < e->expires;
}

static void tell(struct entry *e, struct keyset *keys)
{
	struct key_cache *c = e->cache;
	struct waiter *w = e->waiters;

	/* Callbacks may ask and cancel: the list is taken off first. */
	e->waiters = NULL;
	e->end = &e->waiters;
	keyset_ref(keys);
	while (w) {
		struct waiter *next = w->next;

		(void)slots_remove(c->waiters, w->handle);
		if (w->callback)
			w->callback(w->user, keys);
		free(w);
		w = next;
	}
	keyset_unref(keys);
}

/* keys is borrowed; NULL: nothing could be found out. */
static void conclude(struct entry *e, uint64_t now, struct keyset *keys)
{
	struct key_cache *c = e->cache;

	if (keys)
		keyset_ref(keys);
	else
		keys = keyset_new(KEYSET_UNREACHABLE, KEYSET_REVERSE, NULL);
	if (!keys) {
		drop_waiters(c, e); /* no memory for an answer at all */
		return;
	}
	if (keys->status == KEYSET_UNREACHABLE && is_worth_keeping(e, now)) {
		keyset_unref(keys);
		keys = keyset_ref(e->keys);
	} else {
		keyset_unref(e->keys);
		e->keys = keyset_ref(keys);
		e->found = now;
		e->expires = now + 1000ull * lifetime(&c->config, keys);
	}
	tell(e, keys);
	keyset_unref(keys);
}

static void on_found(void *user, struct keyset *keys)
{
	struct entry *e = user;

	e->lookup = NULL;
	e->cache->counters.pending--;
	/* An answer is as old as its question: no clock is needed here. */
	conclude(e, e->asked, keys);
}

/* --- questions ---------------------------------------------------------------- */

static bool is_allowed(struct key_cache *c, uint64_t now,
		       const struct lookup_request *r)
{
	struct prefix p =
		prefix_of(&r->peer, r->peer.family == AF_INET ? 24 : 48);
	uint64_t key =
		hash_bytes(&c->hash_key, p.addr.bytes, sizeof(p.addr.bytes));

	if (addr_len(&r->peer) &&
	    !ratelimit_table_take(c->prefixes, key, now, c->config.rate_prefix,
				  c->config.rate_prefix))
		return false;
	return ratelimit_take(&c->rate, now, c->config.rate, c->config.rate);
}

static int start(struct key_cache *c, uint64_t now, struct entry *e)
{
	int rc;

	if (e->lookup)
		return 0;
	if (!c->resolver)
		return -ENETDOWN;
	if (!is_allowed(c, now, &e->request)) {
		c->counters.limited++;
		return -EBUSY;
	}
	rc = lookup_new(c->resolver, &e->request, on_found, e, &e->lookup);
	if (rc < 0)
		return rc;
	e->asked = now;
	c->counters.asked++;
	c->counters.pending++;
	return 0;
}

struct keyset *key_cache_get(struct key_cache *c, uint64_t now,
			     const struct lookup_request *request)
{
	struct entry *e = find(c, request);

	if (!e || !e->keys || now >= e->expires) {
		c->counters.misses++;
		return NULL;
	}
	c->counters.hits++;
	touch(c, e);
	if (!e->lookup &&
	    e->expires - now < (e->expires - e->found) / REFRESH_PART &&
	    start(c, now, e) == 0)
		c->counters.refreshed++;
	return e->keys;
}

const struct keyset *key_cache_peek(const struct key_cache *c, uint64_t now,
				    const struct lookup_request *request)
{
	const struct entry *e = find(c, request);

	return e && e->keys && now < e->expires ? e->keys : NULL;
}

uint64_t key_cache_left(const struct key_cache *c, uint64_t now,
			const struct lookup_request *request)
{
	const struct entry *e = find(c, request);

	return e && e->keys && now < e->expires ? e->expires - now : 0;
}

uint64_t key_cache_lifetime(const struct key_cache *c,
			    const struct keyset *keys)
{
	return 1000ull * lifetime(&c->config, keys);
}

static int add_waiter(struct key_cache *c, struct entry *e,
		      key_cache_callback *callback, void *user,
		      struct handle *ret)
{
	struct waiter *w = calloc(1, sizeof(*w));
	int rc;

	if (!w)
		return -ENOMEM;
	rc = slots_add(c->waiters, w, &w->handle);
	if (rc < 0) {
		free(w);
		return rc == -ENOSPC ? -ENOBUFS : rc;
	}
	w->callback = callback;
	w->user = user;
	*e->end = w;
	e->end = &w->next;
	*ret = w->handle;
	return 0;
}

int key_cache_ask(struct key_cache *c, uint64_t now,
		  const struct lookup_request *request,
		  key_cache_callback *callback, void *user, struct handle *ret)
{
	struct entry *e = find(c, request);
	bool fresh = !e, joined = e && e->lookup;
	int rc = e ? 0 : entry_new(c, request, &e);

	if (rc < 0)
		return rc;
	touch(c, e);
	rc = start(c, now, e);
	if (rc == 0)
		rc = add_waiter(c, e, callback, user, ret);
	if (rc == 0)
		c->counters.joined += joined;
	else if (fresh)
		entry_free(e);
	return rc;
}

void key_cache_cancel(struct key_cache *c, struct handle waiter)
{
	struct waiter *w = slots_remove(c->waiters, waiter);

	/* Freed with the answer: others may wait for it, and it is kept. */
	if (w)
		w->callback = NULL;
}

/* What could not be asked anew, so that its waiters hear of it. */
static struct entry *find_lost(const struct key_cache *c)
{
	struct entry *e = c->newest;

	while (e && (e->lookup || !e->waiters))
		e = e->older;
	return e;
}

void key_cache_set_resolver(struct key_cache *c, uint64_t now,
			    struct resolver *r)
{
	struct entry *e, *older;

	c->resolver = r;
	for (e = c->newest; e; e = older) {
		bool asking = e->lookup != NULL;

		older = e->older;
		c->counters.pending -= asking;
		e->lookup = lookup_free(e->lookup);
		if (!is_worth_keeping(e, now))
			e->keys = keyset_unref(e->keys);
		if (asking)
			(void)start(c, now, e);
		else if (!e->keys)
			entry_free(e);
	}
	while ((e = find_lost(c)))
		conclude(e, now, NULL);
}

void key_cache_count(const struct key_cache *c, struct key_cache_counters *ret)
{
	*ret = c->counters;
	ret->entries = (uint32_t)hmap_count(&c->map);
}
