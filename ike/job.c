/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a job does, once, on whatever thread.
 */
#include "ike/job.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "ike/proof.h"

struct ike_job *ike_job_new(enum ike_job_type type, struct handle sa,
			    const struct ike_kex *kex)
{
	struct ike_job *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	j->type = type;
	j->sa = sa;
	j->kex = kex;
	j->result = -ECANCELED;
	return j;
}

struct ike_job *ike_job_free(struct ike_job *job)
{
	if (!job)
		return NULL;
	EVP_PKEY_free(job->private);
	ike_verification_free(job->verification);
	secret_wipe(job, sizeof(*job));
	free(job);
	return NULL;
}

static int derive(struct ike_job *j)
{
	struct secret shared = { 0 };
	int rc;

	rc = ike_kex_derive(j->kex, j->private, j->peer, j->peer_len, &shared);
	if (rc == 0 && j->bare)
		j->shared = shared;
	else if (rc == 0)
		rc = ike_keymat_derive(&j->keymat, &shared, &j->keys);
	secret_done(&shared);
	return rc;
}

void ike_job_run(struct ike_job *job)
{
	int rc = 0;

	if (job->type == IKE_JOB_VERIFY) {
		job->result = ike_verification_run(job->verification);
		return;
	}
	if (!job->private)
		rc = ike_kex_generate(job->kex, &job->private, job->public);
	if (rc == 0 && job->type != IKE_JOB_GENERATE)
		rc = derive(job);
	job->result = rc;
}
