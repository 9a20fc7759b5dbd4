/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The flow table: flows by address pair, by reqid, by handle, and in order of
 * address; and the table of their legal moves.
 */
#include "agent/flow.h"

#include <errno.h>
#include <stdlib.h>

#include "util/limits.h"
#include "util/log.h"
#include "xfrm/record.h"

struct flow_table {
	struct hash_key key;
	struct hmap by_pair, by_reqid;
	struct tree by_address;
	struct slots *slots;
	struct peer_table *peers;
	uint32_t next_reqid;
	uint32_t counts[FLOW_STATES];
	void (*on_state)(struct flow *f, enum flow_state before, void *user);
	timer_func on_timer;
	void *user;
};

#define MOVE(state) (1u << (state))

/* flow_moves[from] holds the states that may follow. */
static const unsigned flow_moves[FLOW_STATES] = {
	[FLOW_IDLE] = MOVE(FLOW_LOOKUP) | MOVE(FLOW_QUEUED) |
		      MOVE(FLOW_INSTALL) | MOVE(FLOW_CLEAR) |
		      MOVE(FLOW_BLOCKED) | MOVE(FLOW_HOLDDOWN),
	[FLOW_LOOKUP] = MOVE(FLOW_IDLE) | MOVE(FLOW_QUEUED) |
			MOVE(FLOW_INSTALL) | MOVE(FLOW_CLEAR) |
			MOVE(FLOW_BLOCKED) | MOVE(FLOW_HOLDDOWN),
	[FLOW_QUEUED] = MOVE(FLOW_IDLE) | MOVE(FLOW_NEGOTIATE) |
			MOVE(FLOW_INSTALL) | MOVE(FLOW_CLEAR) |
			MOVE(FLOW_BLOCKED) | MOVE(FLOW_HOLDDOWN),
	[FLOW_NEGOTIATE] = MOVE(FLOW_IDLE) | MOVE(FLOW_INSTALL) |
			   MOVE(FLOW_CLEAR) | MOVE(FLOW_BLOCKED) |
			   MOVE(FLOW_HOLDDOWN),
	[FLOW_INSTALL] = MOVE(FLOW_IDLE) | MOVE(FLOW_SECURED) |
			 MOVE(FLOW_INSTALL) | MOVE(FLOW_CLEAR) |
			 MOVE(FLOW_BLOCKED) | MOVE(FLOW_HOLDDOWN),
	[FLOW_SECURED] = MOVE(FLOW_IDLE) | MOVE(FLOW_INSTALL) |
			 MOVE(FLOW_CLEAR) | MOVE(FLOW_BLOCKED) |
			 MOVE(FLOW_HOLDDOWN),
	[FLOW_CLEAR] = MOVE(FLOW_IDLE) | MOVE(FLOW_INSTALL),
	[FLOW_BLOCKED] = MOVE(FLOW_IDLE) | MOVE(FLOW_INSTALL),
	[FLOW_HOLDDOWN] = MOVE(FLOW_IDLE) | MOVE(FLOW_INSTALL),
};

static const char *const flow_state_names[FLOW_STATES] = {
	[FLOW_IDLE] = "idle",	      [FLOW_LOOKUP] = "lookup",
	[FLOW_QUEUED] = "queued",     [FLOW_NEGOTIATE] = "negotiate",
	[FLOW_INSTALL] = "install",   [FLOW_SECURED] = "secured",
	[FLOW_CLEAR] = "clear",	      [FLOW_BLOCKED] = "blocked",
	[FLOW_HOLDDOWN] = "holddown",
};

const char *flow_state_name(enum flow_state s)
{
	return flow_state_names[s];
}

const struct addr *flow_host(const struct flow *f)
{
	return f->outer.family && !f->behind ? &f->outer : &f->peer->addr;
}

static bool flow_serves(const struct flow *f, uint8_t protocol, uint16_t port)
{
	const struct service s = { protocol, port };

	for (size_t i = 0; i < f->policy->n_ports; i++)
		if (service_equal(&f->policy->ports[i], &s))
			return true;
	return false;
}

bool flow_covers(const struct flow *f, uint8_t protocol, uint16_t local_port,
		 uint16_t remote_port)
{
	uint8_t sides = f->child.sides ? f->child.sides : SCOPE_BOTH;

	if (!f->policy || !f->policy->n_ports)
		return true;
	return (sides & SCOPE_LOCAL && flow_serves(f, protocol, local_port)) ||
	       (sides & SCOPE_REMOTE && flow_serves(f, protocol, remote_port));
}

static uint64_t flow_hash(const struct flow_table *t, const struct addr *local,
			  const struct addr *remote)
{
	struct addr pair[2] = { *local, *remote };

	return hash_bytes(&t->key, pair, sizeof(pair));
}

static int flow_compare(const struct tree_node *a, const struct tree_node *b)
{
	const struct flow *x = container_of(a, struct flow, by_address);
	const struct flow *y = container_of(b, struct flow, by_address);
	int order = addr_compare(&x->peer->addr, &y->peer->addr);

	return order ? order : addr_compare(&x->local, &y->local);
}

/* Past every flow of this remote address. */
static int flow_compare_remote(const void *key, const struct tree_node *n)
{
	const struct flow *f = container_of(n, struct flow, by_address);
	int order = addr_compare(key, &f->peer->addr);

	return order ? order : 1;
}

/* Before every flow of this remote address. */
static int flow_compare_before(const void *key, const struct tree_node *n)
{
	int order = flow_compare_remote(key, n);
	const struct flow *f = container_of(n, struct flow, by_address);

	return addr_equal(key, &f->peer->addr) ? -1 : order;
}

struct flow_table *flow_table_new(const struct hash_key *key,
				  void (*on_state)(struct flow *f,
						   enum flow_state before,
						   void *user),
				  timer_func on_timer, void *user)
{
	struct flow_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->key = *key;
	t->on_state = on_state;
	t->on_timer = on_timer;
	t->user = user;
	/* Not where an earlier agent began: its SAs may still be there. */
	t->next_reqid =
		RECORD_REQID_MIN +
		(uint32_t)(key->k0 % (RECORD_REQID_MAX - RECORD_REQID_MIN + 1));
	t->by_address.compare = flow_compare;
	t->by_address.seed = key->k0 ^ key->k1;
	hmap_init(&t->by_pair);
	hmap_init(&t->by_reqid);
	t->slots = slots_new(LIMIT_FLOWS);
	t->peers = peer_table_new(key);
	if (!t->slots || !t->peers)
		return flow_table_free(t);
	return t;
}

struct flow_table *flow_table_free(struct flow_table *t)
{
	struct flow *f;
	uint32_t cursor = 0;

	if (!t)
		return NULL;
	while (t->slots && (f = flow_table_each(t, &cursor)))
		flow_table_remove(t, f);
	slots_free(t->slots);
	peer_table_free(t->peers);
	hmap_done(&t->by_pair);
	hmap_done(&t->by_reqid);
	free(t);
	return NULL;
}

struct flow *flow_table_get(const struct flow_table *t,
			    const struct addr *local, const struct addr *remote)
{
	hmap_for_each (n, &t->by_pair, flow_hash(t, local, remote)) {
		struct flow *f = container_of(n, struct flow, by_pair);

		if (addr_equal(&f->local, local) &&
		    addr_equal(&f->peer->addr, remote))
			return f;
	}
	return NULL;
}

static bool flow_reqid_taken(const struct flow_table *t, uint32_t reqid)
{
	return hmap_first(&t->by_reqid, reqid) != NULL;
}

/* Reqids go round, so that one is not soon used again for another pair; in odd
 * steps, which get to all of them. The kernel hashes SAs by reqid and addresses
 * together: were both to count up, as in a walk over a network, all would lie
 * in one place there, and with 10,000 of them each would cost 6 ms. */
#define REQID_COUNT (RECORD_REQID_MAX - RECORD_REQID_MIN + 1)
#define REQID_STEP  0x9e3779u

static uint32_t flow_new_reqid(struct flow_table *t)
{
	uint32_t reqid;

	do {
		reqid = t->next_reqid;
		t->next_reqid =
			RECORD_REQID_MIN +
			(reqid - RECORD_REQID_MIN + REQID_STEP) % REQID_COUNT;
	} while (flow_reqid_taken(t, reqid));
	return reqid;
}

/* Everything that can fail, undone in reverse by the caller's one exit. */
static int flow_insert(struct flow_table *t, struct flow *f)
{
	int r = slots_add(t->slots, f, &f->self);

	if (r < 0)
		return r;
	r = hmap_insert(&t->by_pair, &f->by_pair,
			flow_hash(t, &f->local, &f->peer->addr));
	if (r < 0)
		goto fail_slot;
	r = hmap_insert(&t->by_reqid, &f->by_reqid, f->reqid);
	if (r < 0)
		goto fail_pair;
	r = tree_insert(&t->by_address, &f->by_address);
	if (r < 0)
		goto fail_reqid;
	return 0;
fail_reqid:
	hmap_remove(&t->by_reqid, &f->by_reqid);
fail_pair:
	hmap_remove(&t->by_pair, &f->by_pair);
fail_slot:
	slots_remove(t->slots, f->self);
	return r;
}

int flow_table_obtain(struct flow_table *t, const struct addr *local,
		      const struct addr *remote, uint64_t now,
		      struct flow **ret)
{
	struct flow *f = flow_table_get(t, local, remote);
	int r;

	if (f) {
		*ret = f;
		return 0;
	}
	f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	r = peer_table_obtain(t->peers, remote, &f->peer);
	if (r < 0) {
		free(f);
		return r;
	}
	f->local = *local;
	f->since = now;
	f->reqid = flow_new_reqid(t);
	timer_init(&f->timer, t->on_timer);
	r = flow_insert(t, f);
	if (r < 0) {
		peer_table_release(t->peers, f->peer);
		free(f);
		return r;
	}
	t->counts[FLOW_IDLE]++;
	*ret = f;
	return 0;
}

struct flow *flow_table_get_remote(const struct flow_table *t,
				   const struct addr *remote)
{
	struct tree_node *n =
		tree_after(&t->by_address, remote, flow_compare_before);
	struct flow *f = n ? container_of(n, struct flow, by_address) : NULL;

	return f && addr_equal(&f->peer->addr, remote) ? f : NULL;
}

const struct addr *flow_table_host(const struct flow_table *t,
				   const struct addr *remote)
{
	const struct flow *f = flow_table_get_remote(t, remote);

	return f ? flow_host(f) : remote;
}

struct flow *flow_table_by_handle(const struct flow_table *t, struct handle h)
{
	return slots_get(t->slots, h);
}

int flow_table_set_reqid(struct flow_table *t, struct flow *f, uint32_t reqid)
{
	if (f->reqid == reqid)
		return 0;
	if (flow_reqid_taken(t, reqid))
		return -EEXIST;
	hmap_remove(&t->by_reqid, &f->by_reqid);
	f->reqid = reqid;
	return hmap_insert(&t->by_reqid, &f->by_reqid, reqid);
}

struct flow *flow_table_after(const struct flow_table *t,
			      const struct addr *remote)
{
	struct tree_node *n =
		tree_after(&t->by_address, remote, flow_compare_remote);

	return n ? container_of(n, struct flow, by_address) : NULL;
}

struct flow *flow_table_next(const struct flow_table *t, const struct flow *f)
{
	struct tree_node *n = tree_next(&t->by_address, &f->by_address);

	return n ? container_of(n, struct flow, by_address) : NULL;
}

struct flow *flow_table_each(const struct flow_table *t, uint32_t *cursor)
{
	return slots_next(t->slots, cursor);
}

void flow_set_outer(struct flow_table *t, struct flow *f,
		    const struct addr *outer)
{
	if (f->host) {
		f->host->behind--;
		peer_table_release(t->peers, f->host);
	}
	f->outer = *outer;
	f->host = NULL;
	/* Without memory it is not known there, and might be asked for. */
	if (outer->family && !f->behind &&
	    peer_table_obtain(t->peers, outer, &f->host) == 0)
		f->host->behind++;
}

bool flow_table_hides(const struct flow_table *t, const struct addr *addr)
{
	const struct peer *p = peer_table_get(t->peers, addr);

	return p && p->behind;
}

void flow_table_remove(struct flow_table *t, struct flow *f)
{
	const struct addr none = { 0 };

	flow_set_outer(t, f, &none);
	t->counts[f->state]--;
	tree_remove(&t->by_address, &f->by_address);
	hmap_remove(&t->by_reqid, &f->by_reqid);
	hmap_remove(&t->by_pair, &f->by_pair);
	slots_remove(t->slots, f->self);
	peer_table_release(t->peers, f->peer);
	parked_drop(&f->parked);
	began_done(&f->began);
	free(f);
}

uint32_t flow_table_count(const struct flow_table *t)
{
	return slots_count(t->slots);
}

uint32_t flow_table_count_state(const struct flow_table *t,
				enum flow_state state)
{
	return t->counts[state];
}

void flow_set_state(struct flow_table *t, struct flow *f, enum flow_state state,
		    uint64_t now)
{
	enum flow_state before = f->state;
	struct log_fields fields = {
		.peer = &f->peer->addr,
		.policy = f->policy ? f->policy->name : NULL,
		.state = flow_state_names[state],
	};

	if (!(flow_moves[before] & MOVE(state))) {
		log_full(LOG_ERR, &fields, "bug: no move from %s to %s",
			 flow_state_names[before], flow_state_names[state]);
		return;
	}
	t->counts[before]--;
	t->counts[state]++;
	f->state = state;
	f->step = FLOW_STEP_NONE;
	f->since = now;
	t->on_state(f, before, t->user);
}
