/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/ike-harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

/* A job, or an answer of the owner (then without one), that comes later. */
struct world_job {
	struct world_job *next;
	uint64_t at;
	unsigned host;
	struct ike_engine *engine; /* a restarted host has another */
	struct ike_job *job;
	struct handle sa;
	bool initiator, sign;
	uint8_t signature[LIMIT_IKE_SIGNATURE];
	size_t signature_len;
	int error;
};

/* splitmix64 */
static uint64_t draw(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

uint64_t world_random(struct world *w)
{
	return draw(&w->random);
}

static int on_random(void *user, void *buf, size_t len)
{
	struct host *h = user;
	uint8_t *p = buf;

	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)draw(&h->random);
	return 0;
}

static enum ike_admission on_admit(void *user, const struct endpoint *local,
				   const struct endpoint *remote, bool shown)
{
	struct host *h = user;

	(void)local;
	(void)remote;
	h->n_admitted++;
	return shown && h->admission == IKE_PROVE ? IKE_ADMIT : h->admission;
}

static enum ike_modes on_modes(void *user, const struct addr *local,
			       const struct addr *remote,
			       const struct ike_proof *peer)
{
	struct host *h = user;

	(void)local;
	(void)peer;
	(void)remote;
	return h->modes;
}

static int on_lease(void *user, const struct endpoint *remote,
		    const struct ike_proof *peer, uint16_t family,
		    const struct addr *wanted, struct addr *ret)
{
	struct host *h = user;

	(void)remote;
	(void)peer;
	assert_int_equal(family, h->address.addr.family);
	h->wanted = *wanted;
	if (h->lease_error)
		return h->lease_error;
	h->n_leased++;
	*ret = h->lease;
	ret->bytes[addr_len(ret) - 1] += (uint8_t)h->n_leased;
	return 0;
}

static void on_release(void *user, const struct addr *lease)
{
	struct host *h = user;

	assert_true(addr_len(lease) > 0);
	h->n_released++;
}

static void on_scope(void *user, const struct addr *remote, struct scope *ret)
{
	const struct host *h = user;

	(void)remote;
	*ret = h->scope;
}

static void start(struct world *w, struct host *h)
{
	struct ike_ops ops = {
		.random = on_random,
		.admit = on_admit,
		.modes = on_modes,
		.scope = on_scope,
		.lease = on_lease,
		.release = on_release,
		.user = h,
	};

	h->engine = ike_engine_new(&h->config, &ops, w->now);
	assert_non_null(h->engine);
}

void world_init(struct world *w, uint64_t seed, const struct ike_config *c)
{
	memset(w, 0, sizeof(*w));
	w->now = 1000;
	w->random = seed;
	for (unsigned i = 0; i < 2; i++) {
		struct host *h = &w->hosts[i];

		if (c)
			h->config = *c;
		else
			ike_config_init(&h->config);
		h->address.addr.family = AF_INET;
		memcpy(h->address.addr.bytes, (uint8_t[]){ 192, 0, 2, 1 }, 4);
		h->address.addr.bytes[3] += (uint8_t)i;
		h->address.port = 500;
		h->random = draw(&w->random);
		h->admission = IKE_ADMIT;
		h->credentials = ike_credentials_anonymous();
		h->lease_error = 1;
		w->wires[i].delay = 1;
		start(w, h);
	}
}

void world_use_ip6(struct world *w)
{
	static const uint8_t net[] = { 0x20, 0x01, 0x0d, 0xb8 };

	for (unsigned i = 0; i < 2; i++) {
		struct addr *a = &w->hosts[i].address.addr;

		memset(a, 0, sizeof(*a));
		a->family = AF_INET6;
		memcpy(a->bytes, net, sizeof(net));
		a->bytes[15] = (uint8_t)(1 + i);
	}
}

void world_nat(struct world *w, unsigned inside)
{
	struct nat_box *b = &w->nat;

	*b = (struct nat_box){
		.on = true,
		.inside = inside,
		.public = w->hosts[inside].address.addr,
		.next_port = 40000,
	};
	b->public.bytes[addr_len(&b->public) - 1] = 100;
}

void world_rebind(struct world *w, bool renumber)
{
	struct nat_box *b = &w->nat;

	b->n = 0;
	b->next_port += 1000;
	if (renumber)
		b->public.bytes[addr_len(&b->public) - 1]++;
}

/* Of what the host inside sends. */
static void nat_out(struct nat_box *b, struct endpoint *source)
{
	size_t i = b->n;

	while (i > 0 && b->map[i - 1].inside != source->port)
		i--;
	if (i == 0) {
		assert_true(b->n < HARNESS_MAPPINGS);
		b->map[b->n].inside = source->port;
		b->map[b->n].outside = b->next_port++;
		i = ++b->n;
	}
	source->port = b->map[i - 1].outside;
	source->addr = b->public;
}

/* Of what it gets; false: the box does not know what to do with it. */
static bool nat_in(const struct world *w, struct endpoint *destination)
{
	const struct nat_box *b = &w->nat;

	if (!addr_equal(&destination->addr, &b->public))
		return false;
	for (size_t i = b->n; i-- > 0;) {
		if (b->map[i].outside != destination->port)
			continue;
		destination->port = b->map[i].inside;
		destination->addr = w->hosts[b->inside].address.addr;
		return true;
	}
	return false;
}

static void forget(struct world *w, unsigned host)
{
	struct world_job **at = &w->jobs;

	while (*at) {
		struct world_job *j = *at;

		if (j->host != host) {
			at = &j->next;
			continue;
		}
		*at = j->next;
		ike_job_free(j->job);
		free(j);
	}
}

void world_restart(struct world *w, unsigned host)
{
	struct host *h = &w->hosts[host];

	forget(w, host);
	ike_engine_free(h->engine);
	h->n_children = 0;
	start(w, h);
}

void world_done(struct world *w)
{
	struct packet *p;

	while ((p = world_take(w, 0)))
		free(p);
	for (unsigned i = 0; i < 2; i++) {
		forget(w, i);
		w->hosts[i].engine = ike_engine_free(w->hosts[i].engine);
	}
}

static void *allocate(struct world *w, size_t size)
{
	void *p;

	if (w->own)
		w->own(true);
	p = calloc(1, size);
	assert_non_null(p);
	if (w->own)
		w->own(false);
	return p;
}

static void release(struct world *w, void *p)
{
	if (w->own)
		w->own(true);
	free(p);
	if (w->own)
		w->own(false);
}

static void put(struct world *w, unsigned from, const struct ike_send *s)
{
	const struct wire *wire = &w->wires[from];
	struct packet *p = allocate(w, sizeof(*p) + s->len), **at;

	p->at = w->now + wire->delay;
	if (wire->jitter)
		p->at += world_random(w) % wire->jitter;
	p->from = from;
	p->local = s->local;
	p->remote = s->remote;
	if (w->nat.on && from == w->nat.inside)
		nat_out(&w->nat, &p->local);
	p->len = s->len;
	memcpy(p->data, s->data, s->len);
	for (at = &w->packets; *at && (*at)->at <= p->at; at = &(*at)->next)
		;
	p->next = *at;
	*at = p;
}

static void transmit(struct world *w, unsigned from, const struct ike_send *s)
{
	const struct wire *wire = &w->wires[from];

	size_t headers = s->local.addr.family == AF_INET6 ? 48 : 28;

	/* The non-ESP marker. */
	if (s->local.port == w->hosts[from].config.natt_port)
		headers += 4;
	w->hosts[from].sent++;
	if (w->tap && w->tap(w, from, s, w->tap_user))
		return;
	if (wire->mtu && s->len + headers > wire->mtu)
		return;
	if (world_random(w) % 100 >= wire->loss)
		put(w, from, s);
	if (world_random(w) % 100 < wire->duplicate)
		put(w, from, s);
}

static void later(struct world *w, unsigned host, uint64_t at,
		  const struct world_job *what)
{
	struct world_job *j = allocate(w, sizeof(*j));

	*j = *what;
	j->at = at;
	j->host = host;
	j->engine = w->hosts[host].engine;
	j->next = w->jobs;
	w->jobs = j;
}

static void run_later(struct world *w, struct world_job *j)
{
	struct host *h = &w->hosts[j->host];

	if (j->job)
		ike_job_done(h->engine, w->now, j->job);
	else if (j->sign)
		ike_sign_done(h->engine, w->now, j->sa, j->signature,
			      j->signature_len, j->error);
	else if (h->refuse)
		ike_refuse(h->engine, w->now, j->sa);
	else
		(void)!ike_authenticate(h->engine, w->now, j->sa,
					j->initiator && h->initiating
						? h->initiating
						: &h->credentials);
}

static void identify(struct world *w, unsigned host, const struct ike_action *a)
{
	struct host *h = &w->hosts[host];
	struct world_job j = { .sa = a->sa,
			       .initiator = a->identify.initiator };

	h->n_identified++;
	h->identify = a->identify;
	j.host = host;
	if (h->silent)
		return;
	if (h->identify_delay)
		later(w, host, w->now + h->identify_delay, &j);
	else
		run_later(w, &j);
}

static void sign(struct world *w, unsigned host, const struct ike_action *a)
{
	struct host *h = &w->hosts[host];
	struct world_job j = { .sa = a->sa, .sign = true };

	h->n_signed++;
	j.host = host;
	j.error = h->key ? ike_sign_with(h->key, &a->sign, j.signature,
					 &j.signature_len)
			 : -ENOENT;
	if (h->sign_delay)
		later(w, host, w->now + h->sign_delay, &j);
	else
		run_later(w, &j);
}

static void run_job(struct world *w, unsigned host, struct ike_job *job)
{
	struct host *h = &w->hosts[host];
	struct world_job j = { .job = job };

	if (h->undone)
		h->undone--;
	else
		ike_job_run(job);
	if (!w->job_jitter)
		ike_job_done(h->engine, w->now, job);
	else
		later(w, host, w->now + world_random(w) % w->job_jitter, &j);
}

static void forget_child(struct host *h, size_t at)
{
	h->n_children--;
	memmove(&h->children[at], &h->children[at + 1],
		(h->n_children - at) * sizeof(h->children[0]));
}

/* One that is up already comes again when it is no longer redundant. When all
 * places are taken, the oldest that is down is forgotten. */
static void make_room(struct host *h, uint32_t spi_in)
{
	size_t at;

	for (at = 0; at < h->n_children; at++) {
		struct child *c = &h->children[at];

		if (c->down || c->up.in.spi != spi_in)
			continue;
		assert_true(c->up.redundant);
		forget_child(h, at);
		return;
	}
	if (h->n_children < HARNESS_CHILDREN)
		return;
	for (at = 0; at < h->n_children && !h->children[at].down; at++)
		;
	assert_true(at < h->n_children);
	forget_child(h, at);
}

static void child_up(struct world *w, struct host *h,
		     const struct ike_action *a)
{
	make_room(h, a->child_up.in.spi);
	h->n_replaced += a->child_up.replaces != 0;
	h->children[h->n_children++] = (struct child){
		.sa = a->sa,
		.up = a->child_up,
		.up_at = w->now,
	};
}

static void rekeyed(struct host *h, const struct ike_rekeyed *r)
{
	h->n_rekeyed++;
	for (size_t i = 0; i < h->n_children; i++)
		if (!h->children[i].down &&
		    handle_equal(h->children[i].sa, r->old))
			h->children[i].sa = r->new;
}

static void child_down(struct world *w, struct host *h,
		       const struct ike_action *a)
{
	for (size_t i = 0; i < h->n_children; i++) {
		struct child *c = &h->children[i];

		if (c->down || c->up.in.spi != a->child_down.spi_in)
			continue;
		assert_true(handle_equal(c->sa, a->sa));
		assert_int_equal(c->up.out.spi, a->child_down.spi_out);
		assert_true(addr_equal(&c->up.local, &a->child_down.local));
		assert_true(addr_equal(&c->up.remote, &a->child_down.remote));
		c->down = true;
		c->down_at = w->now;
		c->reason = a->child_down.reason;
		return;
	}
	fail_msg("CHILD_DOWN of a child that never was up");
}

static void perform(struct world *w, unsigned host, struct ike_action *a)
{
	struct host *h = &w->hosts[host];

	switch (a->type) {
	case IKE_SEND:
		transmit(w, host, &a->send);
		break;
	case IKE_JOB:
		run_job(w, host, a->job);
		break;
	case IKE_CHILD_UP:
		child_up(w, h, a);
		break;
	case IKE_CHILD_DOWN:
		child_down(w, h, a);
		break;
	case IKE_IDENTIFY:
		identify(w, host, a);
		break;
	case IKE_SIGN:
		sign(w, host, a);
		break;
	case IKE_MOVED:
		h->n_moved++;
		h->moved = a->moved;
		break;
	case IKE_KEEPALIVE:
		h->n_keepalives++;
		h->keepalive = a->keepalive;
		break;
	case IKE_CHILD_REFUSED:
		h->n_refused++;
		h->refused = a->child_refused;
		break;
	case IKE_REKEYED:
		rekeyed(h, &a->rekeyed);
		break;
	case IKE_FAILED:
		h->n_failed++;
		h->failed = a->failed;
		break;
	}
}

void world_settle(struct world *w)
{
	bool busy;

	do {
		busy = false;
		for (unsigned i = 0; i < 2; i++) {
			struct ike_action a;

			if (!ike_engine_next_action(w->hosts[i].engine, &a))
				continue;
			perform(w, i, &a);
			ike_action_done(&a);
			busy = true;
		}
	} while (busy);
}

struct handle world_initiate(struct world *w, unsigned host)
{
	struct ike_request req = {
		.local = w->hosts[host].address,
		.remote = w->hosts[!host].address,
		.modes = w->hosts[host].modes,
		.lease = w->hosts[host].wish,
		.leased = w->hosts[host].had,
		.host = w->hosts[host].behind,
	};
	struct handle sa = { 0 };

	assert_int_equal(ike_initiate(w->hosts[host].engine, w->now, &req, &sa),
			 0);
	world_settle(w);
	return sa;
}

void world_inject(struct world *w, unsigned to, const void *data, size_t len)
{
	struct host *h = &w->hosts[to];

	ike_input(h->engine, w->now, &h->address, &w->hosts[!to].address, data,
		  len);
	world_settle(w);
}

size_t world_in_flight(const struct world *w)
{
	size_t n = 0;

	for (const struct packet *p = w->packets; p; p = p->next)
		n++;
	return n;
}

struct packet *world_take(struct world *w, size_t n)
{
	struct packet **at = &w->packets, *p;

	while (*at && n--)
		at = &(*at)->next;
	p = *at;
	if (p)
		*at = p->next;
	return p;
}

void world_deliver(struct world *w, struct packet *p)
{
	if (!w->nat.on || p->from == w->nat.inside || nat_in(w, &p->remote))
		ike_input(w->hosts[!p->from].engine, w->now, &p->remote,
			  &p->local, p->data, p->len);
	release(w, p);
	world_settle(w);
}

static struct world_job **next_job(struct world *w)
{
	struct world_job **best = &w->jobs;

	for (struct world_job **at = &w->jobs; *at; at = &(*at)->next)
		if ((*at)->at < (*best)->at)
			best = at;
	return best;
}

bool world_step(struct world *w, uint64_t until)
{
	struct world_job **job = next_job(w), *j;
	uint64_t at = UINT64_MAX;

	if (w->packets)
		at = w->packets->at;
	if (*job && (*job)->at < at)
		at = (*job)->at;
	for (unsigned i = 0; i < 2; i++) {
		uint64_t d = ike_engine_deadline(w->hosts[i].engine);

		if (d < at)
			at = d;
	}
	if (at > until)
		return false;
	if (at > w->now)
		w->now = at;
	if (w->packets && w->packets->at <= w->now) {
		world_deliver(w, world_take(w, 0));
	} else if (*job && (*job)->at <= w->now) {
		j = *job;
		*job = j->next;
		run_later(w, j);
		release(w, j);
	} else {
		for (unsigned i = 0; i < 2; i++)
			ike_tick(w->hosts[i].engine, w->now);
	}
	world_settle(w);
	return true;
}

void world_run(struct world *w, uint64_t until)
{
	unsigned steps = 0;

	world_settle(w);
	while (world_step(w, until))
		assert_true(++steps < 1000000);
	if (w->now < until)
		w->now = until;
}

struct child *host_child(struct host *h)
{
	struct child *last = NULL;

	for (size_t i = 0; i < h->n_children; i++)
		if (!h->children[i].down && !h->children[i].up.redundant)
			last = &h->children[i];
	return last;
}

size_t host_children(const struct host *h)
{
	size_t n = 0;

	for (size_t i = 0; i < h->n_children; i++)
		n += !h->children[i].down;
	return n;
}

uint32_t host_sas(const struct host *h)
{
	struct ike_counters c;

	ike_engine_count(h->engine, &c);
	return c.sas;
}

static bool esp_equal(const struct esp_sa *a, const struct esp_sa *b)
{
	return a->spi == b->spi && a->cipher == b->cipher && a->esn == b->esn &&
	       a->key_len == b->key_len &&
	       memcmp(a->key, b->key, a->key_len) == 0;
}

bool world_agree(struct world *w)
{
	struct host *a = &w->hosts[0], *b = &w->hosts[1];
	struct child *ca = host_child(a), *cb = host_child(b);
	struct ike_sa_info ia, ib;

	if (!ca || !cb || host_children(a) != 1 || host_children(b) != 1 ||
	    host_sas(a) != 1 || host_sas(b) != 1)
		return false;
	return ike_sa_describe(a->engine, ca->sa, &ia) &&
	       ike_sa_describe(b->engine, cb->sa, &ib) && ia.established &&
	       ib.established && ia.initiator != ib.initiator &&
	       ia.spi_i == ib.spi_i && ia.spi_r == ib.spi_r &&
	       ca->up.in.spi != ca->up.out.spi &&
	       esp_equal(&ca->up.in, &cb->up.out) &&
	       esp_equal(&ca->up.out, &cb->up.in);
}

bool world_empty(struct world *w)
{
	for (unsigned i = 0; i < 2; i++)
		if (host_children(&w->hosts[i]) || host_sas(&w->hosts[i]))
			return false;
	return true;
}
