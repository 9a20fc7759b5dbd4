/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One key pair at a time: peers that want another group take its place.
 */
#include "ike/ephemeral.h"

#include <openssl/evp.h>
#include <string.h>

#include "ike/core.h"

/* EVP_PKEY_free() wipes it once no job has it any more. */
static void forget(struct ike_ephemeral *x)
{
	EVP_PKEY_free(x->private);
	x->private = NULL;
}

static void on_end(struct timer *t, uint64_t now, void *user)
{
	(void)now;
	(void)user;
	forget(container_of(t, struct ike_ephemeral, end));
}

void ike_ephemeral_init(struct ike_ephemeral *x)
{
	timer_init(&x->end, on_end);
}

void ike_ephemeral_done(struct ike_engine *e)
{
	if (e->wheel)
		timer_cancel(e->wheel, &e->ephemeral.end);
	forget(&e->ephemeral);
}

void ike_ephemeral_lend(struct ike_engine *e, struct ike_job *job)
{
	const struct ike_ephemeral *x = &e->ephemeral;

	if (!x->private || x->kex != job->kex)
		return;
	EVP_PKEY_up_ref(x->private);
	job->private = x->private;
	job->lent = true;
	memcpy(job->public, x->public, x->kex->public_len);
}

/* Not one whose time has passed: it would be lent for ever. */
void ike_ephemeral_keep(struct ike_engine *e, uint64_t now,
			const struct ike_job *job)
{
	struct ike_ephemeral *x = &e->ephemeral;

	if (!job->private || job->lent || !ike_kex_is_reusable(job->kex))
		return;
	forget(x);
	EVP_PKEY_up_ref(job->private);
	x->private = job->private;
	x->kex = job->kex;
	memcpy(x->public, job->public, job->kex->public_len);
	timer_arm(e->wheel, &x->end, now + IKE_EPHEMERAL_MS);
}
