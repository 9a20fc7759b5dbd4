/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Proposing, choosing and accepting Child SAs between exactly the two hosts of
 * an IKE SA, for all that they say or for single services of theirs, and keeping the list of them.
 */
#include "ike/child.h"

#include <errno.h>
#include <stdlib.h>

#include "ike/core.h"

/* Random like the SPIs of IKE; spread to the width of the hash. */
static uint64_t spi_hash(uint32_t spi)
{
	return spi * UINT64_C(0x9e3779b97f4a7c15);
}

static int draw(struct ike_engine *e, struct ike_child *c)
{
	int rc;

	do {
		rc = ike_engine_random(e, &c->in, sizeof(c->in));
		if (rc < 0)
			return rc;
	} while (c->in < ESP_SPI_MIN ||
		 hmap_first(&e->by_child, spi_hash(c->in)));
	return hmap_insert(&e->by_child, &c->by_spi, spi_hash(c->in));
}

int ike_child_new(struct ike_engine *e, struct ike_child **ret)
{
	struct ike_child *c = calloc(1, sizeof(*c));
	int rc = -ENOMEM;

	if (!c)
		return -ENOMEM;
	c->down = ike_action_node_new();
	if (c->down)
		rc = draw(e, c);
	if (rc < 0) {
		ike_action_node_free(c->down);
		free(c);
		return rc;
	}
	*ret = c;
	return 0;
}

struct ike_child *ike_child_free(struct ike_engine *e, struct ike_child *c)
{
	if (!c)
		return NULL;
	hmap_remove(&e->by_child, &c->by_spi);
	ike_action_node_free(c->down);
	free(c);
	return NULL;
}

void ike_child_attach(struct ike_sa *sa, struct ike_child *c,
		      struct ike_action_node *up)
{
	/* The hosts that it is between, also when the peer moves. */
	c->down->action.child_down.local = up->action.child_up.local;
	c->down->action.child_down.remote = up->action.child_up.remote;
	c->out = up->action.child_up.out.spi;
	c->replaces = up->action.child_up.replaces;
	c->state = IKE_CHILD_LIVE;
	c->mode = (uint8_t)up->action.child_up.mode;
	c->next = sa->children;
	sa->children = c;
	sa->n_children++;
}

void ike_child_remove(struct ike_engine *e, struct ike_sa *sa,
		      struct ike_child *c)
{
	struct ike_child **at = &sa->children;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	sa->n_children--;
	ike_child_free(e, c);
}

void ike_child_tell(struct ike_engine *e, struct ike_sa *sa,
		    struct ike_child *c, enum ike_reason reason)
{
	struct ike_action_node *n = c->down;

	if (!n)
		return;
	c->down = NULL;
	n->action.type = IKE_CHILD_DOWN;
	n->action.sa = sa->handle;
	n->action.child_down.spi_in = c->in;
	n->action.child_down.spi_out = c->out;
	n->action.child_down.reason = reason;
	ike_queue_push(&e->queue, n);
}

struct ike_child *ike_child_find_in(const struct ike_sa *sa, uint32_t spi)
{
	struct ike_child *c = sa->children;

	while (c && c->in != spi)
		c = c->next;
	return c;
}

struct ike_child *ike_child_find_out(const struct ike_sa *sa, uint32_t spi)
{
	struct ike_child *c = sa->children;

	while (c && c->out != spi)
		c = c->next;
	return c;
}

static int find_transport(const struct ike_message *m, bool *ret)
{
	bool found = false;

	for (size_t i = 0; i < m->n; i++) {
		struct ike_notify n;

		if (m->payloads[i].type != IKE_PAYLOAD_NOTIFY)
			continue;
		if (ike_notify_parse(&m->payloads[i], &n) < 0)
			return -EBADMSG;
		found |= n.type == IKE_NOTIFY_USE_TRANSPORT_MODE;
	}
	*ret = found;
	return 0;
}

int ike_child_parse(const struct ike_message *m, struct ike_child_terms *ret)
{
	const struct ike_payload *sa = ike_message_find(m, IKE_PAYLOAD_SA);
	const struct ike_payload *tsi = ike_message_find(m, IKE_PAYLOAD_TSI);
	const struct ike_payload *tsr = ike_message_find(m, IKE_PAYLOAD_TSR);

	if (!sa && !tsi && !tsr)
		return 1;
	if (!sa || !tsi || !tsr || ike_selectors_parse(tsi, &ret->tsi) < 0 ||
	    ike_selectors_parse(tsr, &ret->tsr) < 0)
		return -EBADMSG;
	ret->sa = sa;
	return find_transport(m, &ret->transport);
}

/* 1.3.1: transport mode is asked for by a notify. */
static bool asks_transport(const struct ike_sa *sa, const struct ike_child *c)
{
	return sa->modes != IKE_MODES_TUNNEL && c->mode == IKE_MODE_TRANSPORT;
}

void ike_child_write_offer(const struct ike_sa *sa, const struct ike_child *c,
			   const struct ike_offer *offer, struct ike_builder *b)
{
	if (asks_transport(sa, c))
		ike_notify_write(b, IKE_NOTIFY_USE_TRANSPORT_MODE, NULL, 0);
	ike_proposal_write_offer(b, offer, c->in);
}

void ike_child_write_wanted(const struct ike_sa *sa, struct ike_builder *b)
{
	const struct addr *us = ike_sa_selector_us(sa);
	const struct addr *peer = ike_sa_selector_peer(sa);

	if (sa->scope.n) {
		ike_selectors_write_scope(b, IKE_PAYLOAD_TSI, us, &sa->scope,
					  true, true);
		ike_selectors_write_scope(b, IKE_PAYLOAD_TSR, peer, &sa->scope,
					  true, true);
		return;
	}
	ike_selectors_write(b, IKE_PAYLOAD_TSI, us);
	ike_selectors_write(b, IKE_PAYLOAD_TSR, peer);
}

void ike_child_propose(const struct ike_sa *sa, const struct ike_child *c,
		       const struct ike_offer *offer, struct ike_builder *b)
{
	ike_child_write_offer(sa, c, offer, b);
	if (!ike_lease_asked(sa)) {
		ike_child_write_wanted(sa, b);
		return;
	}
	/* 2.19: the responder narrows it to the address that it gives us. */
	ike_selectors_write_any(b, IKE_PAYLOAD_TSI, sa->local.addr.family);
	ike_selectors_write(b, IKE_PAYLOAD_TSR, ike_sa_selector_peer(sa));
}

/* Which of the two sides the selectors have whole. */
static uint8_t find_sides(const struct ike_sa *sa,
			  const struct ike_selectors *ours,
			  const struct addr *us,
			  const struct ike_selectors *theirs,
			  const struct addr *them)
{
	uint8_t sides = 0;

	if (ike_selectors_cover(ours, us, theirs, them, &sa->scope))
		sides |= SCOPE_LOCAL;
	if (ike_selectors_cover(theirs, them, ours, us, &sa->scope))
		sides |= SCOPE_REMOTE;
	return sides;
}

/* What the responder has made of what we asked for: all of it, or less. */
static bool accepts_selectors(const struct ike_sa *sa,
			      const struct ike_child_terms *terms,
			      struct ike_child_agreed *ret)
{
	const struct addr *us = ike_sa_selector_us(sa);
	const struct addr *peer = ike_sa_selector_peer(sa);

	ret->sides = 0;
	if (!sa->scope.n)
		return ike_selectors_are(&terms->tsi, us) &&
		       ike_selectors_are(&terms->tsr, peer);
	ret->sides = find_sides(sa, &terms->tsi, us, &terms->tsr, peer);
	return ret->sides &&
	       ike_selectors_within(&terms->tsi, us, &sa->scope) &&
	       ike_selectors_within(&terms->tsr, peer, &sa->scope);
}

int ike_child_accept(const struct ike_sa *sa, const struct ike_child *c,
		     const struct ike_child_terms *terms,
		     const struct ike_offer *offer,
		     struct ike_child_agreed *ret)
{
	int rc;

	/* 1.3.1: no more than we asked for; without it, it is tunnel mode. */
	if (terms->transport ? !asks_transport(sa, c)
			     : sa->modes == IKE_MODES_TRANSPORT)
		return 1;
	rc = ike_proposal_accept(terms->sa, offer, &ret->choice);
	if (rc != 0)
		return rc;
	if (!accepts_selectors(sa, terms, ret))
		return 1;
	ret->mode = terms->transport ? IKE_MODE_TRANSPORT : IKE_MODE_TUNNEL;
	return 0;
}

/*
 * Which address of a TS payload stands for host. RFC 7296 2.23.1: where a NAT
 * changed it on the way, transport mode gives the one host that it names the
 * address of the IP header, and the answer names it as before.
 */
static bool find_host(const struct ike_selectors *ts, const struct addr *host,
		      bool scoped, bool substitute, struct addr *ret)
{
	if (ike_selectors_contain(ts, host, scoped)) {
		*ret = *host;
		return true;
	}
	return substitute && ike_selectors_host(ts, host->family, scoped, ret);
}

/* 2.19: who asks for an address asks for a Child SA of any, which is narrowed to
 * that one. libreswan names its own in place of any. */
static bool find_peer(const struct ike_sa *sa, const struct ike_selectors *ts,
		      bool transport, struct addr *ret)
{
	const struct addr *peer = ike_sa_selector_peer(sa);
	struct addr own;

	if (find_host(ts, peer, sa->scope.n, transport && sa->nat.peer, ret))
		return true;
	if (!sa->inner_peer.family || sa->gateway ||
	    !ike_selectors_host(ts, peer->family, false, &own))
		return false;
	*ret = *peer;
	return true;
}

/* 2.9: who asks for all traffic gets the services that we have, and what of ours
 * asks for those of the peer's own asks for its protocols whole. */
static uint8_t choose_sides(const struct ike_sa *sa,
			    const struct ike_child_terms *terms,
			    const struct ike_child_agreed *agreed)
{
	uint8_t sides = find_sides(sa, &terms->tsr, &agreed->tsr, &terms->tsi,
				   &agreed->tsi);

	if (ike_selectors_within(&terms->tsi, &agreed->tsi, &sa->scope) &&
	    ike_selectors_within(&terms->tsr, &agreed->tsr, &sa->scope))
		return sides;
	return sides & SCOPE_LOCAL ? SCOPE_LOCAL : sides;
}

int ike_child_choose(const struct ike_sa *sa,
		     const struct ike_child_terms *terms,
		     const struct ike_offer *offer, uint16_t prefer_group,
		     struct ike_child_agreed *ret)
{
	bool transport = terms->transport && sa->modes != IKE_MODES_TUNNEL;
	int rc;

	rc = ike_proposal_choose(terms->sa, offer, prefer_group, &ret->choice);
	if (rc < 0)
		return rc;
	if (rc == IKE_PROPOSAL_NONE ||
	    (!transport && sa->modes == IKE_MODES_TRANSPORT))
		return IKE_NOTIFY_NO_PROPOSAL_CHOSEN;
	/* 2.9: narrowed to the two of us; a peer that nobody vouches for
	 * gets its own address, and gets nothing else. */
	if (!find_peer(sa, &terms->tsi, transport, &ret->tsi) ||
	    !find_host(&terms->tsr, ike_sa_selector_us(sa), sa->scope.n,
		       transport && sa->nat.us, &ret->tsr))
		return IKE_NOTIFY_TS_UNACCEPTABLE;
	ret->sides = sa->scope.n ? choose_sides(sa, terms, ret) : 0;
	if (sa->scope.n && !ret->sides)
		return IKE_NOTIFY_TS_UNACCEPTABLE;
	ret->mode = transport ? IKE_MODE_TRANSPORT : IKE_MODE_TUNNEL;
	return 0;
}

void ike_child_write_choice(const struct ike_child *c,
			    const struct ike_child_agreed *agreed,
			    struct ike_builder *b)
{
	if (agreed->mode == IKE_MODE_TRANSPORT)
		ike_notify_write(b, IKE_NOTIFY_USE_TRANSPORT_MODE, NULL, 0);
	ike_proposal_write_choice(b, &agreed->choice, c->in);
}

void ike_child_write_agreed(const struct ike_sa *sa,
			    const struct ike_child_agreed *agreed,
			    struct ike_builder *b)
{
	const bool ours = agreed->sides & SCOPE_LOCAL;
	const bool theirs = agreed->sides & SCOPE_REMOTE;

	if (agreed->sides) {
		ike_selectors_write_scope(b, IKE_PAYLOAD_TSI, &agreed->tsi,
					  &sa->scope, theirs, ours);
		ike_selectors_write_scope(b, IKE_PAYLOAD_TSR, &agreed->tsr,
					  &sa->scope, ours, theirs);
		return;
	}
	ike_selectors_write(b, IKE_PAYLOAD_TSI, &agreed->tsi);
	ike_selectors_write(b, IKE_PAYLOAD_TSR, &agreed->tsr);
}

void ike_child_answer(const struct ike_sa *sa, const struct ike_child *c,
		      const struct ike_child_agreed *agreed,
		      struct ike_builder *b)
{
	ike_child_write_choice(c, agreed, b);
	ike_child_write_agreed(sa, agreed, b);
}

int ike_child_fill(const struct ike_sa *sa, const struct ike_child *c,
		   const struct ike_child_agreed *agreed,
		   const struct ike_child_seed *seed,
		   struct ike_action_node *node)
{
	struct ike_child_up *up = &node->action.child_up;
	const struct ike_transform *sn;
	const struct ike_cipher *cipher;

	sn = ike_choice_get(&agreed->choice, IKE_TRANSFORM_SN);
	/* The same ciphers serve IKE and ESP. */
	cipher = ike_choice_cipher(&agreed->choice);
	if (!cipher)
		return -EIO;
	node->action.type = IKE_CHILD_UP;
	node->action.sa = sa->handle;
	up->local = sa->local.addr;
	up->remote = *ike_sa_selector_peer(sa);
	up->outer = sa->remote.addr;
	up->gateway = sa->gateway;
	up->lease = sa->inner_us;
	up->mode = agreed->mode;
	up->sides = agreed->sides;
	up->initiator = seed->initiator;
	up->peer = ike_sa_proof(sa);
	up->in.spi = c->in;
	up->out.spi = (uint32_t)agreed->choice.spi;
	up->in.cipher = up->out.cipher = cipher->esp_cipher;
	up->in.esn = up->out.esn = sn->id == IKE_SN_ESN;
	up->nat = sa->nat;
	up->encapsulation = ike_nat_encapsulation(sa);
	return ike_keymat_child(sa->prf, &sa->keys.d, seed->shared, seed->ni,
				seed->nr, seed->initiator ? &up->out : &up->in,
				seed->initiator ? &up->in : &up->out);
}
