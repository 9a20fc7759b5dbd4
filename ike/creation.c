/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Making and freeing of what an exchange under way needs, and its jobs.
 */
#include "ike/creation.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "ike/core.h"

/* As in the handshake: fit for every PRF that we have (RFC 7296 2.10). */
#define NONCE_LEN 32

int ike_creation_new(struct ike_engine *e, enum ike_creation_type type,
		     bool ours, struct ike_creation **ret)
{
	struct ike_creation *c = calloc(1, sizeof(*c));
	struct ike_nonce *nonce;
	int rc;

	if (!c)
		return -ENOMEM;
	c->type = (uint8_t)type;
	nonce = ours ? &c->ni : &c->nr;
	nonce->len = NONCE_LEN;
	rc = ike_engine_random(e, nonce->data, nonce->len);
	if (rc < 0) {
		free(c);
		return rc;
	}
	*ret = c;
	return 0;
}

struct ike_creation *ike_creation_free(struct ike_engine *e,
				       struct ike_creation *c)
{
	struct ike_sa *heir;

	if (!c)
		return NULL;
	heir = slots_get(e->sas, c->heir);
	if (heir)
		ike_sa_free(e, heir);
	ike_child_free(e, c->child);
	EVP_PKEY_free(c->private);
	secret_wipe(c, sizeof(*c));
	free(c);
	return NULL;
}

static void fill_keymat(const struct ike_engine *e, const struct ike_sa *sa,
			const struct ike_creation *c, struct ike_keymat *k)
{
	const struct ike_sa *heir = slots_get(e->sas, c->heir);

	k->prf = heir->prf;
	k->cipher = heir->cipher;
	k->ni = c->ni;
	k->nr = c->nr;
	k->spi_i = heir->spi_i;
	k->spi_r = heir->spi_r;
	k->old_prf = sa->prf;
	k->old_d = sa->keys.d;
}

int ike_creation_run(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		     struct ike_creation *c, enum ike_job_type type,
		     const struct ike_view *peer)
{
	struct ike_job *job = ike_job_new(type, sa->handle, c->kex);
	int rc;

	if (!job)
		return -ENOMEM;
	job->serial = c->serial = (uint32_t)++e->events;
	job->bare = c->type != IKE_CREATION_REKEY_IKE;
	if (type == IKE_JOB_DERIVE) {
		EVP_PKEY_up_ref(c->private);
		job->private = c->private;
	}
	if (peer) {
		memcpy(job->peer, peer->data, peer->len);
		job->peer_len = peer->len;
		if (!job->bare)
			fill_keymat(e, sa, c, &job->keymat);
	}
	rc = ike_engine_run(e, job);
	if (rc == 0)
		c->deadline = now + e->config.half_open_ms;
	return rc;
}

int ike_creation_again(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		       const struct ike_kex *kex)
{
	struct ike_creation *c = sa->ours;

	c->retries++;
	c->sent = false;
	c->kex = kex;
	EVP_PKEY_free(c->private);
	c->private = NULL;
	return ike_creation_run(e, now, sa, c, IKE_JOB_GENERATE, NULL);
}

void ike_creation_lowest(const struct ike_nonce *ni, const struct ike_nonce *nr,
			 uint8_t ret[static IKE_LOWEST_LEN])
{
	uint8_t i[IKE_LOWEST_LEN] = { 0 }, r[IKE_LOWEST_LEN] = { 0 };

	memcpy(i, ni->data, ni->len < sizeof(i) ? ni->len : sizeof(i));
	memcpy(r, nr->data, nr->len < sizeof(r) ? nr->len : sizeof(r));
	memcpy(ret, memcmp(i, r, sizeof(i)) < 0 ? i : r, IKE_LOWEST_LEN);
}

/* 0; -ENOMEM; -EIO; -EMSGSIZE. */
static int generated(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		     struct ike_job *job)
{
	struct ike_creation *c = sa->ours;

	c->deadline = 0;
	if (job->result < 0) {
		ike_creation_failed(e, now, sa, IKE_REASON_RESOURCES, 0);
		return 0;
	}
	if (sa->state != IKE_SA_ESTABLISHED) {
		sa->ours = ike_creation_free(e, c);
		return 0;
	}
	c->private = job->private;
	job->private = NULL;
	memcpy(c->public, job->public, sizeof(c->public));
	if (c->type == IKE_CREATION_REKEY_IKE)
		return ike_rekey_request_send(e, now, sa);
	return ike_child_request_send(e, now, sa);
}

void ike_creation_failed(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
			 enum ike_reason reason, uint16_t notify)
{
	if (sa->ours->type == IKE_CREATION_REKEY_IKE)
		ike_rekey_failed(e, now, sa);
	else
		ike_child_failed(e, sa, reason, notify);
}

void ike_creation_job_done(struct ike_engine *e, uint64_t now,
			   struct ike_sa *sa, struct ike_job *job)
{
	bool theirs = job->type == IKE_JOB_AGREE;
	struct ike_creation *c = theirs ? sa->theirs : sa->ours;
	struct handle h = sa->handle;
	int rc;

	if (!c || c->serial != job->serial)
		return;
	if (job->type == IKE_JOB_GENERATE)
		rc = generated(e, now, sa, job);
	else if (c->type == IKE_CREATION_REKEY_IKE)
		rc = theirs ? ike_rekey_agreed(e, now, sa, job)
			    : ike_rekey_derived(e, now, sa, job);
	else
		rc = theirs ? ike_child_agreed(e, now, sa, job)
			    : ike_child_derived(e, now, sa, job);
	sa = slots_get(e->sas, h);
	if (sa && rc < 0)
		ike_sa_end(e, sa, IKE_REASON_RESOURCES, 0);
	else if (sa)
		ike_task_next(e, now, sa);
}
