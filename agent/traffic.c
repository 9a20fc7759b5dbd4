/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/traffic.h"

#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "dbus/names.h"
#include "dbus/traffic-dbus.h"

/* A measurement is good for so long; one that has not ended after so long never
 * will, since netd went. */
#define FRESH_MS 500u
#define STUCK_MS 5000u
/* Rates are not made of measurements further apart. */
#define APART_MS 30000u

struct entry {
	struct handle flow;
	struct addr local, remote;
	uint64_t bytes_in, bytes_out, packets_in, packets_out;
	uint64_t rate_in, rate_out; /* bytes a second */
	bool asked;
};

struct request {
	struct request *next;
	struct handle call;
	uint32_t limit;
};

struct traffic_sweep {
	uint64_t begun, ended; /* ms; ended 0: not yet */
	size_t count, next, asking, left_out;
	struct request *requests;
	struct entry entries[]; /* by index of the flow's handle */
};

static struct traffic_sweep *sweep_free(struct traffic_sweep *s)
{
	while (s && s->requests) {
		struct request *next = s->requests->next;

		free(s->requests);
		s->requests = next;
	}
	free(s);
	return NULL;
}

void traffic_done(struct traffic *t)
{
	t->now = sweep_free(t->now);
	t->last = sweep_free(t->last);
}

void traffic_ask(struct agent *a, const struct flow *f)
{
	struct record r;

	record_init(&r, RECORD_COUNT, 0);
	r.flow.local = f->local;
	r.flow.remote = f->peer->addr;
	r.flow.reqid = f->reqid;
	link_request(a->link, f->self, &r);
}

static int entry_compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return x->flow.index < y->flow.index   ? -1
	       : x->flow.index > y->flow.index ? 1
					       : 0;
}

/* The flow's entry, or NULL. */
static struct entry *sweep_find(struct traffic_sweep *s, struct handle flow)
{
	const struct entry key = { .flow = flow };
	struct entry *e = s && s->count ? bsearch(&key, s->entries, s->count,
						  sizeof(key), entry_compare)
					: NULL;

	return e && handle_equal(e->flow, flow) ? e : NULL;
}

static struct traffic_sweep *sweep_new(struct agent *a)
{
	size_t secured = flow_table_count_state(a->flows, FLOW_SECURED);
	size_t room = secured < LIMIT_TRAFFIC ? secured : LIMIT_TRAFFIC;
	struct traffic_sweep *s =
		calloc(1, sizeof(*s) + room * sizeof(s->entries[0]));
	struct flow *f;
	uint32_t cursor = 0;

	if (!s)
		return NULL;
	s->begun = agent_now(a);
	s->left_out = secured - room;
	while (s->count < room && (f = flow_table_each(a->flows, &cursor))) {
		if (f->state != FLOW_SECURED)
			continue;
		s->entries[s->count++] = (struct entry){
			.flow = f->self,
			.local = f->local,
			.remote = f->peer->addr,
		};
	}
	return s;
}

/* --- answers ---------------------------------------------------------------- */

static uint64_t rate_of(const struct entry *e)
{
	return e->rate_in + e->rate_out;
}

/* The busiest first; then those that have carried most. */
static int busy_compare(const void *a, const void *b)
{
	const struct entry *x = *(const struct entry *const *)a;
	const struct entry *y = *(const struct entry *const *)b;
	uint64_t total_x = x->bytes_in + x->bytes_out;
	uint64_t total_y = y->bytes_in + y->bytes_out;

	if (rate_of(x) != rate_of(y))
		return rate_of(x) > rate_of(y) ? -1 : 1;
	if (total_x != total_y)
		return total_x > total_y ? -1 : 1;
	return addr_compare(&x->remote, &y->remote);
}

static int append_entries(const struct entry **sorted, size_t n,
			  struct dbus_traffic *ret)
{
	ret->flows = calloc(n ? n : 1, sizeof(*ret->flows));
	if (!ret->flows)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const struct entry *e = sorted[i];

		ret->flows[ret->count++] = (struct dbus_traffic_flow){
			.local = e->local,
			.remote = e->remote,
			.bytes_in = e->bytes_in,
			.bytes_out = e->bytes_out,
			.packets_in = e->packets_in,
			.packets_out = e->packets_out,
			.rate_in = e->rate_in,
			.rate_out = e->rate_out,
		};
	}
	return 0;
}

static void answer(struct agent *a, const struct traffic_sweep *s,
		   uint32_t limit, struct handle call)
{
	struct dbus_pending *calls = dbus_server_pending(a->bus);
	const struct traffic_sweep *last = a->traffic.last;
	const struct entry **sorted =
		calloc(s->count ? s->count : 1, sizeof(*sorted));
	struct dbus_traffic t = {
		.left_out = (uint32_t)s->left_out,
		.interval_ms = last && last != s ? s->ended - last->ended : 0,
	};

	for (size_t i = 0; sorted && i < s->count; i++)
		sorted[i] = &s->entries[i];
	if (sorted)
		qsort(sorted, s->count, sizeof(*sorted), busy_compare);
	if (!sorted ||
	    append_entries(sorted, s->count < limit ? s->count : limit, &t) < 0)
		dbus_pending_fail(calls, call, SD_BUS_ERROR_NO_MEMORY,
				  "Out of memory.");
	else
		dbus_reply_traffic(calls, call, &t);
	free(t.flows);
	free(sorted);
}

/* --- measuring -------------------------------------------------------------- */

/* A counter that went back is of other SAs. */
static uint64_t rate(uint64_t now, uint64_t before, uint64_t ms)
{
	return ms && now > before ? (now - before) * 1000 / ms : 0;
}

static void sweep_rates(struct traffic_sweep *s, struct traffic_sweep *last)
{
	uint64_t ms = last ? s->ended - last->ended : 0;

	for (size_t i = 0; i < s->count && ms <= APART_MS; i++) {
		struct entry *e = &s->entries[i];
		const struct entry *before = sweep_find(last, e->flow);

		if (!before)
			continue;
		e->rate_in = rate(e->bytes_in, before->bytes_in, ms);
		e->rate_out = rate(e->bytes_out, before->bytes_out, ms);
	}
}

static void sweep_end(struct agent *a)
{
	struct traffic_sweep *s = a->traffic.now;

	s->ended = agent_now(a);
	sweep_rates(s, a->traffic.last);
	for (struct request *r = s->requests; r; r = r->next)
		answer(a, s, r->limit, r->call);
	sweep_free(a->traffic.last);
	a->traffic.last = s;
	a->traffic.now = NULL;
}

/* So many are asked about at once. */
static void sweep_go_on(struct agent *a)
{
	struct traffic_sweep *s = a->traffic.now;

	while (s->next < s->count && s->asking < LIMIT_TRAFFIC_ASKING) {
		struct entry *e = &s->entries[s->next++];
		const struct flow *f = flow_table_by_handle(a->flows, e->flow);

		if (!f)
			continue;
		e->asked = true;
		s->asking++;
		traffic_ask(a, f);
	}
	if (s->next == s->count && s->asking == 0)
		sweep_end(a);
}

void traffic_on_reply(struct agent *a, struct handle flow,
		      const struct record_counted *c)
{
	struct traffic_sweep *s = a->traffic.now;
	struct entry *e = sweep_find(s, flow);

	if (!e || !e->asked)
		return;
	e->asked = false;
	s->asking--;
	if (c) {
		e->bytes_in = c->bytes_in;
		e->bytes_out = c->bytes_out;
		e->packets_in = c->packets_in;
		e->packets_out = c->packets_out;
	}
	sweep_go_on(a);
}

void traffic_list(struct agent *a, uint32_t limit, struct handle call)
{
	struct traffic *t = &a->traffic;
	uint64_t now = agent_now(a);
	struct request *r;

	if (!t->now && t->last && now - t->last->ended < FRESH_MS) {
		answer(a, t->last, limit, call);
		return;
	}
	if (t->now && now - t->now->begun > STUCK_MS)
		t->now = sweep_free(t->now);
	r = calloc(1, sizeof(*r));
	if (r && !t->now)
		t->now = sweep_new(a);
	if (!r || !t->now) {
		free(r);
		dbus_pending_fail(dbus_server_pending(a->bus), call,
				  SD_BUS_ERROR_NO_MEMORY, "Out of memory.");
		return;
	}
	*r = (struct request){ t->now->requests, call, limit };
	t->now->requests = r;
	if (t->now->next == 0)
		sweep_go_on(a);
}
