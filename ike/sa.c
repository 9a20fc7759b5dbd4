/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of states and legal moves; making, finding, timing and ending of
 * IKE SAs. Handshake, keys and kept messages are wiped here and nowhere else.
 */
#include "ike/sa.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "ike/core.h"

/* Our nonces: 32 bytes serve every PRF that we offer (RFC 7296 2.10: at least
 * half its key, which is 64 bytes). */
#define NONCE_LEN 32

#define MOVE(state) (1u << (state))

static const struct {
	const char *name;
	uint32_t moves; /* to these states */
} states[] = {
	[IKE_SA_NONE] = { "none", MOVE(IKE_SA_GENERATE) | MOVE(IKE_SA_RESPOND) |
					  MOVE(IKE_SA_HEIR) |
					  MOVE(IKE_SA_DEAD) },
	[IKE_SA_GENERATE] = { "generate",
			      MOVE(IKE_SA_INIT_SENT) | MOVE(IKE_SA_DEAD) },
	[IKE_SA_INIT_SENT] = { "init-sent", MOVE(IKE_SA_GENERATE) |
						    MOVE(IKE_SA_DERIVE) |
						    MOVE(IKE_SA_DEAD) },
	[IKE_SA_DERIVE] = { "derive", MOVE(IKE_SA_INIT_SENT) |
					      MOVE(IKE_SA_IDENTIFY) |
					      MOVE(IKE_SA_DEAD) },
	[IKE_SA_IDENTIFY] = { "identify",
			      MOVE(IKE_SA_INIT_SENT) | MOVE(IKE_SA_SIGN) |
				      MOVE(IKE_SA_VERIFY) |
				      MOVE(IKE_SA_AUTH_SENT) |
				      MOVE(IKE_SA_ESTABLISHED) |
				      MOVE(IKE_SA_CHILDLESS) |
				      MOVE(IKE_SA_LINGER) | MOVE(IKE_SA_DEAD) },
	[IKE_SA_SIGN] = { "sign",
			  MOVE(IKE_SA_AUTH_SENT) | MOVE(IKE_SA_ESTABLISHED) |
				  MOVE(IKE_SA_CHILDLESS) | MOVE(IKE_SA_LINGER) |
				  MOVE(IKE_SA_DEAD) },
	[IKE_SA_VERIFY] = { "verify",
			    MOVE(IKE_SA_INIT_SENT) | MOVE(IKE_SA_INIT_DONE) |
				    MOVE(IKE_SA_SIGN) |
				    MOVE(IKE_SA_ESTABLISHED) |
				    MOVE(IKE_SA_CHILDLESS) |
				    MOVE(IKE_SA_DELETING) |
				    MOVE(IKE_SA_LINGER) | MOVE(IKE_SA_DEAD) },
	[IKE_SA_AUTH_SENT] = { "auth-sent", MOVE(IKE_SA_INIT_SENT) |
						    MOVE(IKE_SA_VERIFY) |
						    MOVE(IKE_SA_ESTABLISHED) |
						    MOVE(IKE_SA_DELETING) |
						    MOVE(IKE_SA_DEAD) },
	[IKE_SA_RESPOND] = { "respond",
			     MOVE(IKE_SA_INIT_DONE) | MOVE(IKE_SA_DEAD) },
	[IKE_SA_INIT_DONE] = { "init-done", MOVE(IKE_SA_IDENTIFY) |
						    MOVE(IKE_SA_LINGER) |
						    MOVE(IKE_SA_DEAD) },
	[IKE_SA_ESTABLISHED] = { "established", MOVE(IKE_SA_CHILDLESS) |
							MOVE(IKE_SA_REKEYED) |
							MOVE(IKE_SA_DELETING) |
							MOVE(IKE_SA_LINGER) |
							MOVE(IKE_SA_DEAD) },
	[IKE_SA_HEIR] = { "heir",
			  MOVE(IKE_SA_ESTABLISHED) | MOVE(IKE_SA_DELETING) |
				  MOVE(IKE_SA_LINGER) | MOVE(IKE_SA_DEAD) },
	[IKE_SA_REKEYED] = { "rekeyed", MOVE(IKE_SA_DELETING) |
						MOVE(IKE_SA_LINGER) |
						MOVE(IKE_SA_DEAD) },
	[IKE_SA_CHILDLESS] = { "childless", MOVE(IKE_SA_ESTABLISHED) |
						    MOVE(IKE_SA_REKEYED) |
						    MOVE(IKE_SA_DELETING) |
						    MOVE(IKE_SA_LINGER) |
						    MOVE(IKE_SA_DEAD) },
	[IKE_SA_DELETING] = { "deleting",
			      MOVE(IKE_SA_LINGER) | MOVE(IKE_SA_DEAD) },
	[IKE_SA_LINGER] = { "linger", MOVE(IKE_SA_DEAD) },
	[IKE_SA_DEAD] = { "dead", 0 },
};

const char *ike_sa_state_name(enum ike_sa_state s)
{
	return states[s].name;
}

/* Of a stranger that has not shown yet that it has the keys. */
static bool is_stranger(uint8_t state)
{
	return state == IKE_SA_RESPOND || state == IKE_SA_INIT_DONE;
}

bool ike_sa_is_half_open(const struct ike_sa *sa, uint8_t state)
{
	if (sa->initiator)
		return false;
	switch ((enum ike_sa_state)state) {
	case IKE_SA_RESPOND:
	case IKE_SA_INIT_DONE:
	case IKE_SA_IDENTIFY:
	case IKE_SA_SIGN:
	case IKE_SA_VERIFY:
		return true;
	case IKE_SA_CHILDLESS:
	case IKE_SA_DELETING:
	case IKE_SA_LINGER:
		return !sa->established_at && handle_is_none(sa->predecessor);
	case IKE_SA_NONE:
	case IKE_SA_GENERATE:
	case IKE_SA_INIT_SENT:
	case IKE_SA_DERIVE:
	case IKE_SA_AUTH_SENT:
	case IKE_SA_ESTABLISHED:
	case IKE_SA_HEIR:
	case IKE_SA_REKEYED:
	case IKE_SA_DEAD:
		break;
	}
	return false;
}

void ike_sa_set_state(struct ike_engine *e, struct ike_sa *sa,
		      enum ike_sa_state state)
{
	uint8_t from = sa->state;

	if (!(states[from].moves & MOVE(state)))
		abort();
	ike_stranger_moved(e, sa, from, state);
	sa->state = (uint8_t)state;
	ike_tap_state(e, sa, from);
}

int ike_blob_set(struct ike_blob *b, const void *data, size_t len)
{
	uint8_t *copy = malloc(len);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, data, len);
	free(b->data);
	b->data = copy;
	b->len = len;
	return 0;
}

void ike_blob_done(struct ike_blob *b)
{
	free(b->data);
	*b = (struct ike_blob){ 0 };
}

static void on_life(struct timer *t, uint64_t now, void *user)
{
	struct ike_sa *sa = container_of(t, struct ike_sa, life);
	struct ike_engine *e = user;
	struct ike_handshake *hs = sa->handshake;

	switch ((enum ike_sa_state)sa->state) {
	case IKE_SA_INIT_SENT:
		ike_sa_end(e, sa, hs->refused, hs->refused_notify);
		break;
	case IKE_SA_GENERATE:
	case IKE_SA_DERIVE:
	case IKE_SA_IDENTIFY:
	case IKE_SA_SIGN:
	case IKE_SA_VERIFY:
		/* The job, or the answer, never came back. */
		ike_sa_end(e, sa, IKE_REASON_RESOURCES, 0);
		break;
	case IKE_SA_RESPOND:
	case IKE_SA_INIT_DONE:
	case IKE_SA_LINGER:
		ike_sa_free(e, sa);
		break;
	case IKE_SA_ESTABLISHED:
	case IKE_SA_DELETING:
		ike_task_due(e, now, sa);
		break;
	case IKE_SA_CHILDLESS:
	case IKE_SA_HEIR:
	case IKE_SA_REKEYED:
		ike_info_close(e, now, sa, IKE_REASON_DELETED, 0);
		break;
	case IKE_SA_AUTH_SENT:
	case IKE_SA_NONE:
	case IKE_SA_DEAD:
		break; /* bounded by retransmission, or not there */
	}
}

static int draw_spi(struct ike_engine *e, uint64_t *ret)
{
	uint64_t spi;
	int rc;

	do {
		rc = ike_engine_random(e, &spi, sizeof(spi));
		if (rc < 0)
			return rc;
	} while (spi == 0 || ike_sa_find(e, spi));
	*ret = spi;
	return 0;
}

static struct ike_sa *allocate(void)
{
	struct ike_sa *sa = calloc(1, sizeof(*sa));

	if (!sa)
		return NULL;
	sa->handshake = calloc(1, sizeof(*sa->handshake));
	sa->last = ike_action_node_new();
	if (!sa->handshake || !sa->last) {
		free(sa->handshake);
		ike_action_node_free(sa->last);
		free(sa);
		return NULL;
	}
	timer_init(&sa->retransmit, ike_request_timeout);
	timer_init(&sa->life, on_life);
	timer_init(&sa->keepalive, ike_nat_timeout);
	return sa;
}

/* Frees one that no table has yet. */
static void deallocate(struct ike_engine *e, struct ike_sa *sa)
{
	ike_sa_forget_handshake(e, sa);
	ike_creation_free(e, sa->ours);
	ike_creation_free(e, sa->theirs);
	while (sa->children)
		ike_child_remove(e, sa, sa->children);
	ike_action_node_free(sa->last);
	ike_action_node_free(sa->up);
	free(sa->proof);
	ike_blob_done(&sa->request);
	ike_blob_done(&sa->response);
	ike_keys_wipe(&sa->keys);
	free(sa);
}

static int draw(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_nonce *nonce;
	int rc;

	nonce = sa->initiator ? &sa->handshake->ni : &sa->handshake->nr;
	nonce->len = NONCE_LEN;
	rc = ike_engine_random(e, nonce->data, nonce->len);
	if (rc < 0)
		return rc;
	return draw_spi(e, sa->initiator ? &sa->spi_i : &sa->spi_r);
}

int ike_sa_new(struct ike_engine *e, bool initiator,
	       const struct endpoint *local, const struct endpoint *remote,
	       struct ike_sa **ret)
{
	struct ike_sa *sa;
	int rc;

	sa = allocate();
	if (!sa)
		return -ENOMEM;
	sa->initiator = initiator;
	sa->local = *local;
	sa->remote = *remote;
	sa->host = remote->addr;
	sa->begun = ++e->events;
	sa->fragment_mtu = e->config.fragment_mtu;
	rc = draw(e, sa);
	if (rc < 0)
		goto fail;
	rc = slots_add(e->sas, sa, &sa->handle);
	if (rc < 0)
		goto fail;
	rc = hmap_insert(&e->by_spi, &sa->by_spi,
			 initiator ? sa->spi_i : sa->spi_r);
	if (rc < 0) {
		(void)slots_remove(e->sas, sa->handle);
		goto fail;
	}
	*ret = sa;
	return 0;
fail:
	deallocate(e, sa);
	return rc;
}

const struct addr *ike_sa_selector_us(const struct ike_sa *sa)
{
	return sa->inner_us.family ? &sa->inner_us : &sa->local.addr;
}

const struct addr *ike_sa_selector_peer(const struct ike_sa *sa)
{
	return sa->inner_peer.family ? &sa->inner_peer : &sa->remote.addr;
}

struct ike_proof ike_sa_proof(const struct ike_sa *sa)
{
	if (sa->proof)
		return *sa->proof;
	return (struct ike_proof){
		.method = IKE_AUTH_NULL,
		.id = ike_identity_null(),
		.how = "null",
	};
}

void ike_sa_forget_handshake(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_handshake *hs = sa->handshake;

	if (!hs)
		return;
	ike_blob_done(&hs->request);
	ike_blob_done(&hs->response);
	ike_credentials_free(hs->credentials);
	if (hs->auth.data)
		secret_wipe(hs->auth.data, hs->auth.len);
	ike_blob_done(&hs->auth);
	ike_blob_done(&hs->signature);
	EVP_PKEY_free(hs->private);
	ike_alternative_free(hs->others);
	ike_child_free(e, hs->child);
	secret_wipe(hs, sizeof(*hs));
	free(hs);
	sa->handshake = NULL;
	secret_wipe(&sa->keys.pi, sizeof(sa->keys.pi));
	secret_wipe(&sa->keys.pr, sizeof(sa->keys.pr));
}

void ike_sa_slim(struct ike_sa *sa)
{
	sa->last = ike_action_node_free(sa->last);
}

int ike_sa_reserve(struct ike_sa *sa)
{
	if (!sa->last)
		sa->last = ike_action_node_new();
	return sa->last ? 0 : -ENOMEM;
}

void ike_sa_free(struct ike_engine *e, struct ike_sa *sa)
{
	ike_sa_set_state(e, sa, IKE_SA_DEAD);
	timer_cancel(e->wheel, &sa->retransmit);
	timer_cancel(e->wheel, &sa->life);
	timer_cancel(e->wheel, &sa->keepalive);
	ike_stranger_leave(e, sa, NULL);
	ike_fragment_forget_all(e, sa);
	ike_lease_release(e, sa);
	hmap_remove(&e->by_spi, &sa->by_spi);
	if (sa->in_remote)
		hmap_remove(&e->by_remote, &sa->by_remote);
	if (sa->in_init)
		hmap_remove(&e->by_init, &sa->by_init);
	if (sa->in_gateway)
		hmap_remove(&e->by_gateway, &sa->by_gateway);
	(void)slots_remove(e->sas, sa->handle);
	deallocate(e, sa);
}

static void fill_failed(struct ike_sa *sa, struct ike_action *a,
			enum ike_reason reason, uint16_t notify)
{
	a->type = IKE_FAILED;
	a->failed = (struct ike_failed){
		.initiator = sa->initiator,
		.local = sa->local,
		.remote = sa->remote,
		.host = *ike_sa_selector_peer(sa),
		.reason = reason,
		.notify = notify,
		.proven = !sa->handshake || sa->handshake->proven,
		.lease = reason == IKE_REASON_MODE && sa->initiator &&
			 sa->handshake && ike_lease_asked(sa),
		.why = sa->handshake ? sa->handshake->why : NULL,
	};
}

void ike_sa_tell(struct ike_engine *e, struct ike_sa *sa,
		 enum ike_reason reason, uint16_t notify)
{
	struct ike_action_node *n = sa->last;

	if (sa->told)
		return;
	ike_duplicate_ending(e, sa, reason);
	sa->told = true;
	sa->last = NULL;
	/* However it ends, the owner heard of its successor. */
	if (sa->doomed && reason != IKE_REASON_CLOSED)
		reason = IKE_REASON_REPLACED;
	for (struct ike_child *c = sa->children; c; c = c->next)
		ike_child_tell(e, sa, c, reason);
	/* It may yet linger, and its peer be back before that is over. */
	ike_lease_release(e, sa);
	if (!n)
		return;
	n->action.sa = sa->handle;
	fill_failed(sa, &n->action, reason, notify);
	ike_queue_push(&e->queue, n);
}

void ike_sa_end(struct ike_engine *e, struct ike_sa *sa, enum ike_reason reason,
		uint16_t notify)
{
	if (!is_stranger(sa->state))
		ike_sa_tell(e, sa, reason, notify);
	ike_sa_free(e, sa);
}

void ike_sa_linger(struct ike_engine *e, uint64_t now, struct ike_sa *sa)
{
	ike_sa_set_state(e, sa, IKE_SA_LINGER);
	ike_sa_forget_handshake(e, sa);
	ike_request_done(e, sa);
	/* The peer's second and third retransmission fall into this. */
	timer_arm(e->wheel, &sa->life, now + e->config.retransmit_max_ms);
}

struct ike_sa *ike_sa_find(const struct ike_engine *e, uint64_t own_spi)
{
	/* Ours are random, so that the SPI is its own hash. */
	hmap_for_each (n, &e->by_spi, own_spi) {
		struct ike_sa *sa = container_of(n, struct ike_sa, by_spi);

		if (own_spi == (sa->initiator ? sa->spi_i : sa->spi_r))
			return sa;
	}
	return NULL;
}

/* The keyed hash covers the whole request, its SPI included, and where it came
 * from: who sends another one under the same SPI gets another SA. */
static uint64_t hash_init(const struct ike_engine *e,
			  const struct endpoint *remote, const void *request,
			  size_t len)
{
	struct {
		uint64_t hash;
		uint8_t addr[16];
		uint64_t port;
	} whole = { .hash = hash_bytes(&e->hash_key, request, len),
		    .port = remote->port };

	memcpy(whole.addr, remote->addr.bytes, sizeof(whole.addr));
	return hash_bytes(&e->hash_key, &whole, sizeof(whole));
}

struct ike_sa *ike_sa_find_init(const struct ike_engine *e,
				const struct endpoint *remote,
				const void *request, size_t len)
{
	struct hmap_node *n =
		hmap_first(&e->by_init, hash_init(e, remote, request, len));

	return n ? container_of(n, struct ike_sa, by_init) : NULL;
}

int ike_sa_index_init(struct ike_engine *e, struct ike_sa *sa,
		      const void *request, size_t len)
{
	int rc;

	rc = hmap_insert(&e->by_init, &sa->by_init,
			 hash_init(e, &sa->remote, request, len));
	sa->in_init = rc == 0;
	return rc;
}

static uint64_t hash_remote(const struct ike_engine *e, const struct addr *a)
{
	return hash_bytes(&e->hash_key, a->bytes, sizeof(a->bytes));
}

int ike_sa_index_remote(struct ike_engine *e, struct ike_sa *sa)
{
	int rc;

	rc = hmap_insert(&e->by_remote, &sa->by_remote,
			 hash_remote(e, ike_sa_selector_peer(sa)));
	sa->in_remote = rc == 0;
	if (rc == 0 && sa->gateway) {
		rc = hmap_insert(&e->by_gateway, &sa->by_gateway,
				 hash_remote(e, &sa->remote.addr));
		sa->in_gateway = rc == 0;
	}
	return rc;
}

int ike_sa_move(struct ike_engine *e, struct ike_sa *sa,
		const struct endpoint *remote)
{
	int rc = 0;

	if (sa->in_remote && !sa->inner_peer.family &&
	    !addr_equal(&sa->remote.addr, &remote->addr)) {
		hmap_remove(&e->by_remote, &sa->by_remote);
		rc = hmap_insert(&e->by_remote, &sa->by_remote,
				 hash_remote(e, &remote->addr));
		sa->in_remote = rc == 0;
	}
	if (rc == 0)
		sa->remote = *remote;
	return rc;
}

static struct ike_sa *match_remote(struct hmap_node *n,
				   const struct addr *remote)
{
	for (; n; n = hmap_next_same(n)) {
		struct ike_sa *sa = container_of(n, struct ike_sa, by_remote);

		if (addr_equal(ike_sa_selector_peer(sa), remote))
			return sa;
	}
	return NULL;
}

struct ike_sa *ike_sa_first_remote(const struct ike_engine *e,
				   const struct addr *remote)
{
	return match_remote(hmap_first(&e->by_remote, hash_remote(e, remote)),
			    remote);
}

struct ike_sa *ike_sa_next_remote(const struct ike_sa *sa)
{
	return match_remote(hmap_next_same(&sa->by_remote),
			    ike_sa_selector_peer(sa));
}

static struct ike_sa *match_behind(struct hmap_node *n,
				   const struct addr *gateway)
{
	for (; n; n = hmap_next_same(n)) {
		struct ike_sa *sa = container_of(n, struct ike_sa, by_gateway);

		if (addr_equal(&sa->remote.addr, gateway))
			return sa;
	}
	return NULL;
}

struct ike_sa *ike_sa_first_behind(const struct ike_engine *e,
				   const struct addr *gateway)
{
	return match_behind(hmap_first(&e->by_gateway, hash_remote(e, gateway)),
			    gateway);
}

struct ike_sa *ike_sa_next_behind(const struct ike_sa *sa)
{
	return match_behind(hmap_next_same(&sa->by_gateway), &sa->remote.addr);
}

bool ike_sa_has_moved(const struct ike_sa *sa)
{
	return !addr_equal(&sa->remote.addr, &sa->host);
}

bool ike_sa_is_pair(const struct ike_sa *a, const struct ike_sa *b)
{
	return a != b &&
	       addr_equal(ike_sa_selector_peer(a), ike_sa_selector_peer(b)) &&
	       addr_equal(&a->local.addr, &b->local.addr) &&
	       !ike_sa_has_moved(a) && !ike_sa_has_moved(b);
}

void ike_sa_propose(const struct ike_sa *sa, enum ike_offer_use use,
		    struct ike_offer *ret)
{
	ike_offer_init(ret, use, &sa->algorithms.propose);
	ike_offer_limit(ret, &sa->algorithms.answer);
}

void ike_sa_accept(const struct ike_sa *sa, enum ike_offer_use use,
		   struct ike_offer *ret)
{
	ike_offer_init(ret, use, &sa->algorithms.accept);
}
