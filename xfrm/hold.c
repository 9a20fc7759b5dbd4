/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns the held packets: takes what the queues bring (queue.c) into the book
 * of destinations (dest.c), moves destinations through the table's sets
 * (nft.c), and gives verdicts.
 *
 * Every packet that is let go gets its mark flipped, also in the clear: the
 * kernel then asks its policies anew, so what is in force decides (a pass
 * policy, an SA that came in the meantime, a required template), not the
 * route that the packet had when it was caught.
 */
#include "xfrm/hold.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/limits.h"
#include "util/log.h"
#include "xfrm/dest.h"
#include "xfrm/nft.h"
#include "xfrm/packet.h"
#include "xfrm/queue.h"

/*
 * Order, and its races. With its first packet a destination enters a drain
 * set, so that all its packets come by the queue, also once its SAs are in
 * and their route has ESP; nothing overtakes. The element must be there
 * before the first verdict (chain "restore" goes by it too): changes are
 * always committed before verdicts.
 *
 * - A packet in the socket while the held ones go: it is read later, and
 *   follows at once (DEST_PASSING).
 * - The element goes when the destination has been quiet for a moment and
 *   the socket was read empty in this very call. A packet that saw the
 *   element and is queued while it goes is read right afterwards, and
 *   passes (DEST_REMEMBERED); only a flow that was never quiet within
 *   DEST_PASSING_MS can see two of its packets change places here.
 * - A packet routed just before its SAs came in, of a destination that had
 *   nothing held: it comes by the ranges' rule, finds the destination
 *   remembered by hold_release(), and makes it pass, by the element again.
 * - A gated destination (hold_gate()) drains from before its SAs are in: what
 *   comes meanwhile waits, and is let go in the same way.
 * - Elements outlive their sets when somebody flushes the ruleset, and
 *   packets their hook: both show as errors that are counted, no more.
 */

/* An offer destination whose time is up is left in peace for this long,
 * while the negotiation goes on. */
#define GRACE_MS 10000u
/* Datagrams read in one call, so that others get their turn. */
#define READ_BATCH   512u
#define CHANGE_BATCH 32u
/* A drain element that we did not live to remove goes by itself, this long
 * after the longest wait. */
#define DRAIN_MARGIN_MS 10000u

struct hold {
	struct hold_config config;
	struct hold_ops ops;
	struct queue *queue;
	struct nft_table *table;
	struct dest_table dests;
	/* The require ranges, in order: no clear verdict inside. */
	struct nft_range *closed;
	size_t n_closed;
	/* Not yet committed. */
	struct nft_change changes[CHANGE_BATCH];
	size_t n_changes;
	uint64_t now;	      /* the last one we were told */
	uint64_t clear_until; /* when the last clear element is gone */
	uint32_t drain_ms;    /* lifetime of a drain element */
	struct hold_counters counters;
	bool closing;
	bool broken; /* the table is gone */
};

static int make_table(struct hold *h)
{
	const struct hold_config *c = &h->config;
	struct nft_table_config table = {
		.queue_offer = c->queue_offer,
		.queue_require = c->queue_require,
		.port = c->port,
		.natt_port = c->natt_port,
		.mark_bit = c->mark_bit,
		.dns_bit = c->dns_bit,
		.recursive = c->recursive,
		.resolver = c->resolver,
	};

	return nft_table_new(&table, &h->table);
}

int hold_new(const struct hold_config *c, const struct hold_ops *ops,
	     struct hold **ret)
{
	struct queue_config queue = {
		.offer = c->queue_offer,
		.require = c->queue_require,
		.length = LIMIT_HELD + READ_BATCH,
		.copy = PACKET_HEAD,
	};
	struct hold *h;
	int r;

	if (c->mark_bit > 31 || c->queue_offer == c->queue_require)
		return -EINVAL;
	h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	h->config = *c;
	h->ops = *ops;
	h->drain_ms = DRAIN_MARGIN_MS + (c->wait_ms > LIMIT_HELD_REQUIRE_MS
						 ? c->wait_ms
						 : LIMIT_HELD_REQUIRE_MS);
	dest_table_init(&h->dests, &c->hash_key, c->wait_ms);
	/* The queues first: while another program has them, the table may be
	 * its own. */
	r = queue_new(&queue, &h->queue);
	if (r == 0)
		r = make_table(h);
	if (r < 0) {
		queue_free(h->queue);
		dest_table_done(&h->dests);
		free(h);
		return r;
	}
	*ret = h;
	return 0;
}

int hold_fd(const struct hold *h)
{
	return queue_fd(h->queue);
}

/* Commits the gathered changes. That somebody removed the table is counted,
 * and no error: nothing is held then. */
static int commit(struct hold *h)
{
	int r;

	if (h->n_changes == 0)
		return 0;
	r = -ENOENT;
	if (h->table)
		r = nft_table_change(h->table, h->changes, h->n_changes);
	h->n_changes = 0;
	h->broken = h->broken || r == -ENOENT;
	if (r < 0) {
		h->counters.refused++;
		log_debug("nftables refused a change: %s", strerror(-r));
	}
	return r == -ENOENT ? 0 : r;
}

static void change(struct hold *h, enum nft_set set, const struct addr *local,
		   const struct addr *remote, bool remove, uint32_t lifetime_ms)
{
	if (h->n_changes == CHANGE_BATCH)
		(void)!commit(h);
	h->changes[h->n_changes++] = (struct nft_change){
		.set = set,
		.remove = remove,
		.lifetime_ms = lifetime_ms,
		.local = *local,
		.remote = *remote,
	};
}

static int flush(struct hold *h)
{
	int r = commit(h);
	int q = queue_flush(h->queue);

	if (q < 0)
		h->counters.lost++;
	return q < 0 ? q : r;
}

static void verdict(struct hold *h, const struct dest_packet *p,
		    enum queue_verdict v)
{
	(void)!commit(h);
	if (queue_verdict(h->queue, p->queue, p->id, v,
			  p->mark ^ 1u << h->config.mark_bit) < 0)
		h->counters.lost++;
}

/* Diverts all packets of the destination to the queue. */
static void divert(struct hold *h, struct dest *d)
{
	change(h, d->require ? SET_DRAIN_REQUIRE : SET_DRAIN_OFFER, &d->local,
	       &d->remote, false, h->drain_ms);
	d->drains = d->drained = true;
}

static void undivert(struct hold *h, struct dest *d)
{
	if (!d->drains)
		return;
	d->drains = false;
	if (!dest_shares_drain(&h->dests, d))
		change(h, d->require ? SET_DRAIN_REQUIRE : SET_DRAIN_OFFER,
		       &d->local, &d->remote, true, 0);
}

/* One packet gets what its destination was given. */
static void pass(struct hold *h, enum dest_fate fate,
		 const struct dest_packet *p)
{
	switch (fate) {
	case DEST_THROUGH:
		verdict(h, p, QUEUE_ACCEPT_MARK);
		h->counters.released++;
		break;
	case DEST_CLEAR:
		verdict(h, p, QUEUE_ACCEPT_MARK);
		h->counters.cleared++;
		break;
	case DEST_DROP:
	case DEST_WAIT:
		verdict(h, p, QUEUE_DROP);
		h->counters.dropped++;
		break;
	}
}

static void let_go(struct hold *h, struct dest *d, enum dest_fate fate)
{
	d->fate = fate;
	d->forget_at = UINT64_MAX;
	for (size_t i = 0; i < d->n; i++)
		pass(h, fate, &d->packets[i]);
	if (d->state == DEST_HOLDING)
		dest_set_state(&h->dests, d, DEST_PASSING, h->now);
	else if (d->state == DEST_REMEMBERED)
		dest_set_state(&h->dests, d, DEST_REMEMBERED, h->now);
}

/* Gives a destination its fate: what is held, what is on its way, and what
 * may come late. NULL when it had nothing held and there is no room to
 * remember it, which is no harm but for its late packets. */
static struct dest *decide(struct hold *h, const struct addr *local,
			   const struct addr *remote, enum dest_fate fate)
{
	struct dest *d = dest_get(&h->dests, local, remote);

	if (!d && h->dests.n_remembered < LIMIT_HOLD_MEMORY) {
		d = dest_new(&h->dests, local, remote);
		if (!d)
			return NULL;
		dest_set_state(&h->dests, d, DEST_REMEMBERED, h->now);
	}
	if (d) {
		if (d->state == DEST_REMEMBERED)
			d->drained = false;
		let_go(h, d, fate);
	}
	return d;
}

static void overflow(struct hold *h, const struct dest *d, bool require,
		     const struct dest_packet *p)
{
	h->counters.overflowed++;
	if (require)
		verdict(h, p, QUEUE_DROP);
	else
		/* Chain "restore" flips it back only where it drains. */
		verdict(h, p,
			d && d->drains ? QUEUE_ACCEPT_MARK : QUEUE_ACCEPT);
}

static void report_first(struct hold *h, const struct packet *head,
			 bool require)
{
	struct hold_packet p = {
		.local = head->local,
		.remote = head->remote,
		.protocol = head->protocol,
		.local_port = head->local_port,
		.remote_port = head->remote_port,
		.require = require,
	};

	h->ops.first(h->ops.user, &p);
}

static uint32_t wait_of(const struct hold *h, const struct addr *remote)
{
	uint32_t most = h->config.wait_ms, wait;

	if (!h->ops.wait_ms)
		return most;
	wait = h->ops.wait_ms(h->ops.user, remote);
	return wait < most ? wait : most;
}

/* Holds a packet of d, or of a destination that is new (NULL). */
static void hold_packet(struct hold *h, struct dest *d,
			const struct packet *head, bool require,
			const struct dest_packet *p)
{
	bool is_new = !d;

	if (!dest_has_room(&h->dests, d)) {
		overflow(h, d, require, p);
		return;
	}
	if (is_new) {
		d = dest_new(&h->dests, &head->local, &head->remote);
		if (d) {
			d->require = require;
			d->wait_ms = wait_of(h, &head->remote);
			dest_set_state(&h->dests, d, DEST_HOLDING, h->now);
		}
	}
	if (!d || dest_hold(&h->dests, d, p) < 0) {
		overflow(h, is_new ? NULL : d, require, p);
		if (d && is_new)
			dest_remove(&h->dests, d);
		return;
	}
	h->counters.held++;
	if (!is_new) {
		/* Each may be the answer to what proves the SAs. */
		if (d->gated)
			report_first(h, head, d->require);
		return;
	}
	divert(h, d);
	/* Last: it may give its verdict at once. */
	report_first(h, head, require);
}

static void set_scope(struct addr *a, uint32_t out_ifindex)
{
	/* By loopback (1, in every namespace) go black holes as well: the
	 * interface that was meant is not known then. */
	if (a->family == AF_INET6 && addr_is_linklocal(a) && out_ifindex != 1)
		a->scope = out_ifindex;
}

static void on_packet(struct hold *h, const struct queue_packet *q)
{
	struct dest_packet p = { .id = q->id,
				 .mark = q->mark,
				 .queue = q->queue };
	bool require = q->queue == h->config.queue_require;
	struct packet head;
	struct dest *d;

	if (packet_parse(q->family, q->head, q->len, &head) < 0 || h->closing) {
		verdict(h, &p, require ? QUEUE_DROP : QUEUE_ACCEPT);
		return;
	}
	set_scope(&head.local, q->out_ifindex);
	set_scope(&head.remote, q->out_ifindex);
	d = dest_get(&h->dests, &head.local, &head.remote);
	if (d && d->state == DEST_REMEMBERED && h->now >= d->forget_at) {
		dest_remove(&h->dests, d);
		d = NULL;
	}
	if (!d || d->state == DEST_HOLDING) {
		hold_packet(h, d, &head, require, &p);
		return;
	}
	/* Once is enough: a flow that is never quiet would come and go. */
	if (d->state == DEST_REMEMBERED && !d->drained &&
	    d->fate != DEST_DROP) {
		d->require = require;
		divert(h, d);
		dest_set_state(&h->dests, d, DEST_PASSING, h->now);
	}
	dest_touch(&h->dests, d, h->now);
	pass(h, d->fate, &p);
}

/* Reads what the queues bring: 1 when the socket was read empty, 0 when
 * there may be more, -errno. */
static int pump(struct hold *h)
{
	struct queue_packet p;
	int r = QUEUE_PACKET;

	for (unsigned i = 0; i < READ_BATCH && r > 0; i++) {
		r = queue_receive(h->queue, &p);
		if (r == QUEUE_PACKET)
			on_packet(h, &p);
		else if (r > 0)
			h->counters.lost++;
	}
	/* An error here is counted; the next packet is not its fault. */
	(void)!flush(h);
	return r < 0 ? r : r == QUEUE_EMPTY;
}

static void expire(struct hold *h, struct dest *d)
{
	switch (d->state) {
	case DEST_HOLDING:
		h->counters.timed_out += d->n;
		if (d->require) {
			/* The next packet asks again. */
			for (size_t i = 0; i < d->n; i++)
				pass(h, DEST_DROP, &d->packets[i]);
			undivert(h, d);
			dest_remove(&h->dests, d);
			return;
		}
		change(h, SET_CLEAR, &d->local, &d->remote, false, GRACE_MS);
		if (h->clear_until < h->now + GRACE_MS)
			h->clear_until = h->now + GRACE_MS;
		let_go(h, d, DEST_CLEAR);
		d->forget_at = h->now + GRACE_MS;
		return;
	case DEST_PASSING:
		undivert(h, d);
		if (h->dests.n_remembered < LIMIT_HOLD_MEMORY)
			dest_set_state(&h->dests, d, DEST_REMEMBERED, h->now);
		else
			dest_remove(&h->dests, d);
		return;
	case DEST_REMEMBERED:
		dest_remove(&h->dests, d);
		return;
	case DEST_NEW:
	case DEST_STATES:
		return;
	}
}

static int run(struct hold *h, uint64_t now)
{
	struct dest *d;
	bool undiverted = false;
	int drained, r;

	h->now = now;
	drained = pump(h);
	if (drained < 0)
		return drained;
	while ((d = dest_due(&h->dests, now, drained))) {
		undiverted |= d->state == DEST_PASSING;
		expire(h, d);
	}
	(void)!flush(h);
	r = undiverted ? pump(h) : 0;
	return r < 0 ? r : 0;
}

int hold_dispatch(struct hold *h, uint64_t now)
{
	return run(h, now);
}

void hold_tick(struct hold *h, uint64_t now)
{
	/* What is fatal shows again when the socket is next read. */
	(void)!run(h, now);
}

uint64_t hold_deadline(const struct hold *h)
{
	return dest_deadline(&h->dests);
}

int hold_release(struct hold *h, const struct addr *local,
		 const struct addr *remote, uint64_t now)
{
	h->now = now;
	(void)decide(h, local, remote, DEST_THROUGH);
	/* It may have been clear until now. Not before the packets went. */
	if (now < h->clear_until) {
		int r = queue_flush(h->queue);

		if (r < 0)
			return r;
		change(h, SET_CLEAR, local, remote, true, 0);
	}
	return flush(h);
}

/* The last range that begins at or before a; NULL. */
static const struct nft_range *range_before(const struct nft_range *r, size_t n,
					    const struct addr *a)
{
	size_t low = 0, high = n;
	struct addr key = *a;

	key.scope = 0;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (addr_compare(&r[mid].first, &key) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low > 0 ? &r[low - 1] : NULL;
}

static bool in_ranges(const struct nft_range *r, size_t n, const struct addr *a)
{
	const struct nft_range *at = range_before(r, n, a);
	struct addr key = *a;

	key.scope = 0;
	return at && at->first.family == a->family &&
	       addr_compare(&key, &at->last) <= 0;
}

int hold_clear(struct hold *h, const struct addr *local,
	       const struct addr *remote, uint64_t now, uint32_t lifetime_ms)
{
	struct dest *d;

	if (in_ranges(h->closed, h->n_closed, remote))
		return -EPERM;
	h->now = now;
	if (lifetime_ms > 0) {
		change(h, SET_CLEAR, local, remote, false, lifetime_ms);
		if (h->clear_until < now + lifetime_ms)
			h->clear_until = now + lifetime_ms;
	}
	d = decide(h, local, remote, DEST_CLEAR);
	if (d)
		d->forget_at = now + lifetime_ms;
	return flush(h);
}

int hold_forget(struct hold *h, const struct addr *local,
		const struct addr *remote)
{
	struct dest *d = dest_get(&h->dests, local, remote);

	change(h, SET_CLEAR, local, remote, true, 0);
	if (d && d->state != DEST_HOLDING) {
		undivert(h, d);
		dest_remove(&h->dests, d);
	}
	return flush(h);
}

int hold_drop(struct hold *h, const struct addr *local,
	      const struct addr *remote)
{
	(void)decide(h, local, remote, DEST_DROP);
	return flush(h);
}

int hold_gate(struct hold *h, const struct addr *local,
	      const struct addr *remote, uint64_t now)
{
	struct dest *d = dest_get(&h->dests, local, remote);

	h->now = now;
	if (d && d->state != DEST_HOLDING) {
		undivert(h, d);
		dest_remove(&h->dests, d);
		d = NULL;
	}
	if (!d) {
		if (!dest_has_room(&h->dests, NULL))
			return -ENOSPC;
		d = dest_new(&h->dests, local, remote);
		if (!d)
			return -ENOMEM;
		d->require = in_ranges(h->closed, h->n_closed, remote);
		d->wait_ms = wait_of(h, remote);
		dest_set_state(&h->dests, d, DEST_HOLDING, now);
		divert(h, d);
	}
	d->gated = true;
	return flush(h);
}

static int compare_ranges(const void *a, const void *b)
{
	const struct nft_range *x = a, *y = b;

	if (x->set != y->set)
		return x->set < y->set ? -1 : 1;
	return addr_compare(&x->first, &y->first);
}

/* Sorted, n_offer of them offer ones in front. Nobody else checks: in the
 * kernel an overlap would be an error without a name. */
static bool are_disjoint(const struct nft_range *r, size_t n, size_t n_offer)
{
	for (size_t i = 0; i < n; i++) {
		const struct nft_range *other = NULL;

		if (addr_len(&r[i].first) == 0 ||
		    r[i].first.family != r[i].last.family ||
		    addr_compare(&r[i].first, &r[i].last) > 0)
			return false;
		if (i > 0 && r[i - 1].set == r[i].set)
			other = &r[i - 1];
		if (other && addr_compare(&other->last, &r[i].first) >= 0)
			return false;
		if (i < n_offer)
			continue;
		other = range_before(r, n_offer, &r[i].last);
		if (other && addr_compare(&other->last, &r[i].first) >= 0)
			return false;
	}
	return true;
}

/* Lets go what is held for destinations that are in no range any more. */
static void leave_ranges(struct hold *h, const struct nft_range *r, size_t n,
			 bool require)
{
	struct dest *d, *next;

	for (d = TAILQ_FIRST(dest_holding(&h->dests, require)); d; d = next) {
		next = TAILQ_NEXT(d, link);
		if (d->gated || in_ranges(r, n, &d->remote))
			continue;
		let_go(h, d, DEST_CLEAR);
		d->forget_at = h->now;
	}
}

int hold_set_ranges(struct hold *h, const struct hold_range *r, size_t n)
{
	struct nft_range *sorted, *closed;
	size_t n_offer = 0, n_closed;
	int error = -EINVAL;

	sorted = calloc(n ? n : 1, sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		sorted[i].set = r[i].require ? SET_REQUIRE : SET_OFFER;
		sorted[i].first = r[i].first;
		sorted[i].last = r[i].last;
		sorted[i].first.scope = sorted[i].last.scope = 0;
		n_offer += !r[i].require;
	}
	if (n > 0)
		qsort(sorted, n, sizeof(*sorted), compare_ranges);
	n_closed = n - n_offer;
	closed = malloc((n_closed ? n_closed : 1) * sizeof(*closed));
	if (!closed)
		error = -ENOMEM;
	else if (!h->table)
		error = -ENOENT;
	else if (are_disjoint(sorted, n, n_offer))
		error = nft_table_set_ranges(h->table, sorted, n);
	if (error < 0) {
		free(closed);
		free(sorted);
		return error;
	}
	if (n_closed > 0)
		memcpy(closed, sorted + n_offer, n_closed * sizeof(*closed));
	free(h->closed);
	h->closed = closed;
	h->n_closed = n_closed;
	leave_ranges(h, sorted, n_offer, false);
	leave_ranges(h, closed, n_closed, true);
	free(sorted);
	return flush(h);
}

int hold_connections(struct hold *h, const struct nft_change *c, size_t n)
{
	return h->table ? nft_table_change(h->table, c, n) : -ENOENT;
}

int hold_set_openings(struct hold *h, const struct nft_opening *list, size_t n)
{
	return h->table ? nft_table_set_openings(h->table, list, n) : -ENOENT;
}

int hold_set_servers(struct hold *h, const struct nameserver *s, size_t n)
{
	if (!h->table)
		return -ENOENT;
	return nft_table_set_servers(h->table, s, n);
}

bool hold_waits(const struct hold *h, const struct addr *local,
		const struct addr *remote)
{
	const struct dest *d = dest_get(&h->dests, local, remote);

	return d && d->state == DEST_HOLDING;
}

bool hold_is_broken(const struct hold *h)
{
	return h->broken;
}

static void divert_again(struct hold *h, struct dest_list *list)
{
	struct dest *d;

	TAILQ_FOREACH(d, list, link)
	if (d->drains)
		divert(h, d);
}

int hold_renew(struct hold *h)
{
	int r;

	h->n_changes = 0;
	h->table = nft_table_free(h->table);
	r = make_table(h);
	if (r < 0)
		return r;
	h->broken = false;
	divert_again(h, &h->dests.offer);
	divert_again(h, &h->dests.require);
	divert_again(h, &h->dests.passing);
	return flush(h);
}

/* What waits gets its last word, also what nobody has read yet. */
static void close_down(struct hold *h, bool keep_require)
{
	struct hmap_node *n;

	h->closing = true;
	while ((n = hmap_any(&h->dests.map))) {
		struct dest *d = container_of(n, struct dest, node);

		if (d->state == DEST_HOLDING)
			let_go(h, d, d->require ? DEST_DROP : DEST_CLEAR);
		dest_remove(&h->dests, d);
	}
	(void)!flush(h);
	if (h->table && nft_table_disarm(h->table) < 0)
		h->counters.refused++;
	(void)!pump(h);
	if (!keep_require && h->table && nft_table_remove(h->table) < 0)
		log_warning("the nftables table \"inet tacit\" stays behind");
}

struct hold *hold_free(struct hold *h, bool keep_require)
{
	if (!h)
		return NULL;
	close_down(h, keep_require);
	queue_free(h->queue);
	nft_table_free(h->table);
	dest_table_done(&h->dests);
	free(h->closed);
	free(h);
	return NULL;
}

void hold_count(const struct hold *h, struct hold_counters *ret)
{
	*ret = h->counters;
	ret->now_held = h->dests.n_packets;
	ret->now_peers = h->dests.n_holding;
}
