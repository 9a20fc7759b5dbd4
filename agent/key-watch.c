/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/key-watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/key-finder.h"
#include "agent/negotiation-internal.h"
#include "agent/proof.h"
#include "ike/public-key.h"
#include "util/log.h"

/* Asked in the last part of its time, for the source to have it anew by the
 * end; but for the last moment, which is waited out. */
#define EARLY_PART 20u
#define SOON_MS	   2000u
/* What could not be told is asked again after. */
#define UNTOLD_MS 30000u
/* So long a peer has to prove itself with its new key. */
#define STALE_MS 10000u

struct watched {
	struct hmap_node node; /* hash: the flow's handle */
	struct key_watch *watch;
	struct handle flow;
	struct timer timer;
	bool asking;
	bool stale; /* another key is due, and IKE has begun anew */
	/* Of the keys with which a proof was last hoped for. */
	uint8_t tried[IKE_FINGERPRINT_LEN];
};

struct key_watch {
	struct agent *agent;
	struct hmap flows;
};

static uint64_t hash_of(struct handle h)
{
	return (uint64_t)h.generation << 32 | h.index;
}

static struct watched *find(struct key_watch *w, struct handle flow)
{
	hmap_for_each (n, &w->flows, hash_of(flow))
		return container_of(n, struct watched, node);
	return NULL;
}

static void drop(struct watched *x)
{
	struct key_watch *w = x->watch;

	timer_cancel(w->agent->timers, &x->timer);
	hmap_remove(&w->flows, &x->node);
	free(x);
}

static void again_in(struct watched *x, uint64_t ms)
{
	struct agent *a = x->watch->agent;

	timer_arm(a->timers, &x->timer, agent_now(a) + ms);
}

/* --- what the answer means ------------------------------------------------- */

/* Keys as one value, whatever their order. */
static bool has_key(const struct keyset *k, const uint8_t *fingerprint,
		    uint8_t ret_all[static IKE_FINGERPRINT_LEN])
{
	bool found = false;

	memset(ret_all, 0, IKE_FINGERPRINT_LEN);
	for (size_t i = 0; k && i < k->n; i++) {
		const struct ike_view spki = { k->keys[i].spki,
					       k->keys[i].spki_len };
		uint8_t one[IKE_FINGERPRINT_LEN];

		if (ike_public_key_fingerprint(spki, one) < 0)
			continue;
		found = found || !memcmp(one, fingerprint, sizeof(one));
		for (size_t b = 0; b < sizeof(one); b++)
			ret_all[b] ^= one[b];
	}
	return found;
}

static void renew(struct agent *a, struct flow *f, const char *why)
{
	struct log_fields fields = negotiation_fields(f);

	log_limited(&a->log_identify, agent_now(a), LOG_INFO, &fields,
		    "%s: IKE begins anew", why);
	if (f->renew)
		return;
	f->renew = true;
	negotiation_begin(a, f);
}

static void end(struct agent *a, struct flow *f, const char *why)
{
	struct log_fields fields = negotiation_fields(f);

	log_limited(&a->log_identify, agent_now(a), LOG_NOTICE, &fields,
		    "%s: the SA ends", why);
	ike_close(a->ike, agent_now(a), f->child.ike);
}

/* x may be gone afterwards. */
static void on_keys(struct watched *x, struct flow *f,
		    const struct ike_proof *proof, const struct keyset *keys)
{
	struct agent *a = x->watch->agent;
	uint8_t all[IKE_FINGERPRINT_LEN];
	bool known = has_key(keys, proof->fingerprint, all);

	if (!proof_is_one((uint8_t)proof->method)) {
		/* Once for each set: the peer may not want to prove it. */
		if (!memcmp(x->tried, all, sizeof(all)))
			return;
		memcpy(x->tried, all, sizeof(all));
		renew(a, f, "a key of the anonymous peer is known now");
	} else if (known) {
		x->stale = false;
	} else if (!x->stale) {
		x->stale = true;
		again_in(x, STALE_MS);
		renew(a, f, "the peer has another key now");
	} else {
		end(a, f, "the peer has not proven itself by its new key");
	}
}

static void on_nothing(struct agent *a, struct flow *f,
		       const struct ike_proof *proof, int found)
{
	if (proof_is_one((uint8_t)proof->method) &&
	    (found == -ENOENT || found == -EPERM))
		end(a, f, "the key that proved the peer is withdrawn");
}

/* Who would be known by a key that somebody spoils is not silently anybody. */
static void note(struct agent *a, struct flow *f, const struct ike_proof *proof,
		 bool bogus)
{
	struct log_fields fields = negotiation_fields(f);

	if (f->bogus == bogus)
		return;
	f->bogus = bogus;
	dbus_server_peer_changed(a->bus, &f->peer->addr);
	if (bogus)
		log_limited(&a->log_identify, agent_now(a), LOG_WARNING,
			    &fields, "the peer's key in DNS is bogus: %s",
			    proof_is_one((uint8_t)proof->method)
				    ? "its SA stays until that can be told"
				    : "it is anonymous");
}

static uint64_t wait_after(int found, uint64_t lifetime_ms)
{
	uint64_t ms = lifetime_ms > SOON_MS
			      ? lifetime_ms - lifetime_ms / EARLY_PART
			      : lifetime_ms + 100;

	if ((found == -ENETUNREACH || found == -EBADMSG) && ms < UNTOLD_MS)
		return UNTOLD_MS;
	return ms;
}

/* The SA in use and how its peer was proven; false: nothing can change that. */
static bool in_use(struct agent *a, const struct flow *f, struct ike_proof *ret)
{
	struct ike_sa_info info;

	if (f->state != FLOW_SECURED || handle_is_none(f->child.ike) ||
	    !ike_sa_describe(a->ike, f->child.ike, &info) ||
	    info.peer.method == IKE_AUTH_SHARED)
		return false;
	*ret = info.peer;
	return true;
}

static void conclude(struct watched *x, int found,
		     const struct key_answer *answer)
{
	struct agent *a = x->watch->agent;
	struct flow *f = flow_table_by_handle(a->flows, x->flow);
	struct ike_proof proof;

	x->asking = false;
	if (!f || !in_use(a, f, &proof))
		return;
	if (answer->lifetime_ms)
		again_in(x, wait_after(found, answer->lifetime_ms));
	if (found != -ENETUNREACH)
		note(a, f, &proof, found == -EBADMSG);
	if (found == 0)
		on_keys(x, f, &proof, answer->keys);
	else
		on_nothing(a, f, &proof, found);
}

static void on_found(void *user, struct handle flow, int found,
		     struct key_answer *answer)
{
	struct watched *x = find(user, flow);

	if (x)
		conclude(x, found, answer);
	key_answer_done(answer);
}

/* --- asking ------------------------------------------------------------------ */

static void on_timer(struct timer *t, uint64_t now, void *user)
{
	struct watched *x = container_of(t, struct watched, timer);
	struct agent *a = user;
	struct flow *f = flow_table_by_handle(a->flows, x->flow);
	const struct key_asker asker = { on_found, x->watch, x->flow };
	struct key_question q = { 0 };
	struct key_answer answer;
	struct ike_proof proof;
	int found;

	if (x->asking || !f || !f->policy || !in_use(a, f, &proof))
		return;
	q.policy = f->policy;
	q.remote = *flow_host(f);
	q.named = f->named;
	if (f->behind) {
		/* It has proven who it is, by a key of the host's. */
		q.begins = true;
		q.gateway = f->outer;
	} else if (proof_is_one((uint8_t)proof.method))
		q.identity = proof.id;
	/* Who is content with anybody does not look for more. */
	else if (f->policy->auth == POLICY_AUTH_ALLOW)
		return;
	x->asking = true;
	key_question_begin(&q, now);
	found = key_finder_ask(a->key_finder, &q, &asker, &answer);
	if (found == -EINPROGRESS)
		return;
	conclude(x, found, &answer);
	key_answer_done(&answer);
}

void key_watch_on_state(struct key_watch *w, const struct flow *f)
{
	struct watched *x = find(w, f->self);

	if (f->state != FLOW_SECURED) {
		/* One that is renewed goes through INSTALL. */
		if (x && f->state != FLOW_INSTALL)
			drop(x);
		return;
	}
	if (!x) {
		x = calloc(1, sizeof(*x));
		if (!x)
			return;
		x->watch = w;
		x->flow = f->self;
		timer_init(&x->timer, on_timer);
		if (hmap_insert(&w->flows, &x->node, hash_of(f->self)) < 0) {
			free(x);
			return;
		}
	}
	again_in(x, 0);
}

int key_watch_new(struct agent *a, struct key_watch **ret)
{
	struct key_watch *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->agent = a;
	hmap_init(&w->flows);
	*ret = w;
	return 0;
}

struct key_watch *key_watch_free(struct key_watch *w)
{
	struct hmap_node *n;

	if (!w)
		return NULL;
	while ((n = hmap_any(&w->flows)))
		drop(container_of(n, struct watched, node));
	hmap_done(&w->flows);
	free(w);
	return NULL;
}
