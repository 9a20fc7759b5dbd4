/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rules: a named identity needs a signature or the shared key, ID_NULL
 * needs NULL (RFC 7619 2.1), and NULL is taken, or given, only where the
 * credentials say so. Everything cheap is looked at before a signature is.
 */
#include "ike/proof.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ike/core.h"

static struct ike_auth_octets octets(const struct ike_sa *sa, bool of_initiator,
				     struct ike_view id)
{
	const struct ike_handshake *hs = sa->handshake;
	const struct ike_blob *b = of_initiator ? &hs->request : &hs->response;

	return (struct ike_auth_octets){
		.prf = sa->prf,
		.sk_p = of_initiator ? &sa->keys.pi : &sa->keys.pr,
		.message = { b->data, b->len },
		.nonce = of_initiator ? &hs->nr : &hs->ni,
		.id = id,
	};
}

static bool is_signature(uint8_t method)
{
	return method == IKE_AUTH_SIGNATURE ||
	       ike_signature_of_method(method) != IKE_SIGNATURE_NONE;
}

/* --- ours ----------------------------------------------------------------------- */

static bool plan_signature(const struct ike_handshake *hs,
			   struct ike_plan *plan)
{
	const struct ike_credentials *c = hs->credentials;

	for (size_t i = 0; i < c->n_keys; i++) {
		struct ike_public_key k;
		enum ike_signature s;

		if (ike_public_key_parse(c->keys[i].spki, &k) < 0)
			continue;
		s = ike_signature_choose(k.type, &hs->wishes.signature);
		if (!s)
			continue;
		plan->method = ike_signature_method(s);
		plan->signature = s;
		plan->key = &c->keys[i];
		return true;
	}
	return false;
}

static bool plan_shared(const struct ike_handshake *hs, struct ike_plan *plan)
{
	if (!hs->credentials->shared.len ||
	    !ike_wishes_take_shared(&hs->wishes))
		return false;
	plan->method = IKE_AUTH_SHARED;
	return true;
}

static bool plan_null(const struct ike_handshake *hs, struct ike_plan *plan)
{
	if (!hs->credentials->may_null || !ike_wishes_take_null(&hs->wishes))
		return false;
	plan->method = IKE_AUTH_NULL;
	plan->id = ike_identity_null();
	return true;
}

/* A secret that was given for this very peer goes before keys that are there
 * for all, unless keys are how the peer is known too. */
static bool prefers_shared(const struct ike_credentials *c,
			   const struct ike_claim *claim)
{
	if (claim && claim->auth.method == IKE_AUTH_SHARED)
		return true;
	return c->accept_shared && c->n_peer_keys == 0;
}

bool ike_proof_plan(struct ike_sa *sa, const struct ike_claim *claim)
{
	struct ike_handshake *hs = sa->handshake;
	const struct ike_credentials *c = hs->credentials;
	struct ike_plan plan = { .id = c->identity };
	bool found = false;

	/* RFC 7619 2.2: a peer that asks for ID_NULL does not care who we
	 * are, and cannot verify it. */
	if (ike_identity_is_null(&c->identity) ||
	    (claim && ike_identity_is_null(&claim->wanted)))
		found = plan_null(hs, &plan);
	if (!found && !ike_identity_is_null(&c->identity)) {
		plan.id = c->identity;
		if (prefers_shared(c, claim))
			found = plan_shared(hs, &plan);
		found = found || plan_signature(hs, &plan) ||
			plan_shared(hs, &plan) || plan_null(hs, &plan);
	}
	if (!found)
		hs->why = "no key or secret of ours suits what the peer takes";
	hs->plan = plan;
	return found;
}

int ike_proof_ask(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_action_node *n = ike_action_node_new();
	const struct ike_handshake *hs = sa->handshake;
	const struct ike_plan *plan = &hs->plan;
	const struct ike_blob *message =
		sa->initiator ? &hs->request : &hs->response;
	uint8_t *copy = malloc(message->len);

	if (!n || !copy) {
		ike_action_node_free(n);
		free(copy);
		return -ENOMEM;
	}
	memcpy(copy, message->data, message->len);
	n->action = (struct ike_action){
		.type = IKE_SIGN,
		.sa = sa->handle,
		.sign = {
			.key = plan->key->id,
			.algorithm = plan->signature,
			.prf = sa->prf->id,
			.initiator = sa->initiator,
			.id = plan->id,
			.sk_p = sa->initiator ? sa->keys.pi : sa->keys.pr,
			.nonce = sa->initiator ? hs->nr : hs->ni,
			.message = copy,
			.message_len = message->len,
		},
	};
	ike_queue_push(&e->queue, n);
	return 0;
}

static int write_mac(const struct ike_sa *sa, struct ike_builder *b)
{
	const struct ike_handshake *hs = sa->handshake;
	uint8_t id[IKE_IDENTITY_BODY_MAX], data[IKE_AUTH_DATA_MAX];
	struct ike_auth_octets o;
	size_t len;
	int rc;

	len = ike_identity_body(&hs->plan.id, id);
	o = octets(sa, sa->initiator, (struct ike_view){ id, len });
	rc = ike_auth_mac((uint8_t)hs->plan.method, &o, hs->credentials->shared,
			  data, &len);
	if (rc == 0)
		ike_authentication_write(b, (uint8_t)hs->plan.method, data,
					 len);
	return rc;
}

int ike_proof_write(const struct ike_sa *sa, struct ike_builder *b)
{
	const struct ike_handshake *hs = sa->handshake;
	uint8_t data[LIMIT_IKE_SIGNATURE + 1 + IKE_ALGORITHM_MAX];
	struct wbuf w = wbuf_of(data, sizeof(data));

	if (!is_signature((uint8_t)hs->plan.method))
		return write_mac(sa, b);
	ike_signature_write(&w, hs->plan.signature, hs->signature.data,
			    hs->signature.len);
	if (!wbuf_ok(&w))
		return -EIO;
	ike_authentication_write(b, (uint8_t)hs->plan.method, data, w.len);
	return 0;
}

int ike_proof_write_fallback(const struct ike_sa *sa, struct ike_builder *b)
{
	const struct ike_handshake *hs = sa->handshake;
	uint8_t id[IKE_IDENTITY_BODY_MAX], data[IKE_AUTH_DATA_MAX];
	struct ike_auth_octets o;
	size_t len;
	int rc;

	if (!is_signature((uint8_t)hs->plan.method) ||
	    !hs->credentials->may_null)
		return 0;
	/* Over the identity that is in the message, as libreswan has it. */
	len = ike_identity_body(&hs->plan.id, id);
	o = octets(sa, sa->initiator, (struct ike_view){ id, len });
	rc = ike_auth_mac(IKE_AUTH_NULL, &o, (struct ike_view){ 0 }, data,
			  &len);
	if (rc == 0)
		ike_notify_write(b, IKE_NOTIFY_NULL_AUTH, data, len);
	return rc;
}

/* --- the peer's ------------------------------------------------------------------ */

static int fail(struct ike_sa *sa, const char *why)
{
	sa->handshake->why = why;
	return IKE_PROOF_FAILED;
}

/* Nobody, and that is proven. */
static int give_null(struct ike_sa *sa)
{
	free(sa->proof);
	sa->proof = NULL;
	sa->handshake->proven = true;
	return IKE_PROOF_GIVEN;
}

static int give(struct ike_sa *sa, const struct ike_proof *proof)
{
	struct ike_proof *copy = malloc(sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	*copy = *proof;
	free(sa->proof);
	sa->proof = copy;
	sa->handshake->proven = true;
	return IKE_PROOF_GIVEN;
}

/* The MAC of either method; NULL's is over whatever identity is asserted. */
static int check_mac(struct ike_sa *sa, const struct ike_claim *claim,
		     enum ike_auth_method method, struct ike_view data)
{
	struct ike_auth_octets o = octets(sa, !sa->initiator, claim->id.body);

	return ike_auth_mac_verify((uint8_t)method, &o,
				   sa->handshake->credentials->shared, data);
}

static int judge_null(struct ike_sa *sa, const struct ike_claim *claim)
{
	int rc;

	/* RFC 7619 2.1: any other identity would be a claim without a proof. */
	if (claim->id.type != IKE_ID_NULL)
		return fail(sa, "an identity with NULL authentication");
	if (!sa->handshake->credentials->accept_null)
		return fail(sa, "policy requires authentication");
	rc = check_mac(sa, claim, IKE_AUTH_NULL, claim->auth.data);
	if (rc == -EACCES)
		return fail(sa, "its AUTH does not verify");
	return rc < 0 ? rc : give_null(sa);
}

static bool is_expected(const struct ike_credentials *c,
			const struct ike_identity *id)
{
	return !ike_identity_is_null(id) && (ike_identity_is_none(&c->peer) ||
					     ike_identity_equal(&c->peer, id));
}

static int judge_shared(struct ike_sa *sa, const struct ike_claim *claim,
			const struct ike_identity *id)
{
	const struct ike_credentials *c = sa->handshake->credentials;
	struct ike_proof proof = {
		.method = IKE_AUTH_SHARED,
		.id = *id,
		.how = "shared",
	};
	int rc;

	if (!c->accept_shared || !c->shared.len)
		return fail(sa, "no shared key is known for it");
	if (!is_expected(c, id))
		return fail(sa, "it is somebody else");
	rc = check_mac(sa, claim, IKE_AUTH_SHARED, claim->auth.data);
	if (rc == -EACCES)
		return fail(sa, "another shared key");
	return rc < 0 ? rc : give(sa, &proof);
}

/* --- its signature ---------------------------------------------------------------- */

struct ike_verification *ike_verification_free(struct ike_verification *v)
{
	if (v)
		free(v->octets);
	free(v);
	return NULL;
}

int ike_verification_run(struct ike_verification *v)
{
	int result = -EACCES;

	for (size_t i = 0; i < v->n_keys; i++) {
		struct ike_public_key k;
		int rc;

		if (ike_public_key_parse(v->keys[i], &k) < 0 ||
		    !ike_signature_suits(v->algorithm, k.type))
			continue;
		rc = ike_signature_verify(v->algorithm, &k, v->octets,
					  v->octets_len, v->signature);
		if (rc == 0) {
			v->proven = i;
			return 0;
		}
		if (rc == -EIO)
			result = rc;
	}
	return result;
}

static bool view_equal(struct ike_view a, struct ike_view b)
{
	return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

/* The keys that could have made it, at their limits already. */
static void add_keys(struct ike_verification *v,
		     const struct ike_credentials *c, struct ike_view raw_key)
{
	uint8_t *at = v->bytes;

	for (size_t i = 0; i < c->n_peer_keys; i++) {
		struct ike_view key = c->peer_keys[i];
		struct ike_public_key k;

		/* RFC 7670: it says by which. */
		if (raw_key.len && !view_equal(raw_key, key))
			continue;
		if (ike_public_key_parse(key, &k) < 0 ||
		    !ike_signature_suits(v->algorithm, k.type))
			continue;
		memcpy(at, key.data, key.len);
		v->keys[v->n_keys++] = (struct ike_view){ at, key.len };
		at += key.len;
	}
}

static struct ike_verification *prepare(const struct ike_credentials *c,
					const struct ike_claim *claim,
					enum ike_signature s,
					struct ike_view signature)
{
	size_t len = signature.len;
	struct ike_verification *v;

	for (size_t i = 0; i < c->n_peer_keys; i++)
		len += c->peer_keys[i].len;
	v = calloc(1, sizeof(*v) + len);
	if (!v)
		return NULL;
	v->algorithm = s;
	add_keys(v, c, claim->raw_key);
	len -= signature.len;
	memcpy(v->bytes + len, signature.data, signature.len);
	v->signature = (struct ike_view){ v->bytes + len, signature.len };
	return v;
}

static int start(struct ike_engine *e, struct ike_sa *sa,
		 struct ike_verification *v)
{
	struct ike_job *job = ike_job_new(IKE_JOB_VERIFY, sa->handle, sa->kex);
	int rc;

	if (!job) {
		ike_verification_free(v);
		return -ENOMEM;
	}
	job->verification = v;
	rc = ike_engine_run(e, job);
	return rc < 0 ? rc : IKE_PROOF_BUSY;
}

/* Which algorithm, and is it one that we said we take? NULL: *ret and
 * *ret_signature; else why not. */
static const char *read_signature(const struct ike_sa *sa,
				  const struct ike_claim *claim,
				  enum ike_signature *ret,
				  struct ike_view *ret_signature)
{
	int rc;

	if (claim->auth.method != IKE_AUTH_SIGNATURE) {
		*ret = ike_signature_of_method(claim->auth.method);
		*ret_signature = claim->auth.data;
		return NULL;
	}
	/* RFC 7427 4: both sides have to have named their hashes. */
	if (!sa->handshake->hashes_sent)
		return "a hash that was not announced";
	rc = ike_signature_parse(claim->auth.data, ret, ret_signature);
	if (rc == -EOPNOTSUPP)
		return "a signature algorithm that is not taken";
	return rc < 0 ? "a malformed signature" : NULL;
}

static int judge_signature(struct ike_engine *e, struct ike_sa *sa,
			   const struct ike_claim *claim,
			   const struct ike_identity *id)
{
	const struct ike_credentials *c = sa->handshake->credentials;
	struct ike_view id_body = claim->id.body, signature;
	struct ike_auth_octets o = octets(sa, !sa->initiator, id_body);
	struct ike_verification *v;
	enum ike_signature s;
	const char *why;
	int rc;

	why = read_signature(sa, claim, &s, &signature);
	if (why)
		return fail(sa, why);
	if (!is_expected(c, id))
		return fail(sa, "it is somebody else");
	v = prepare(c, claim, s, signature);
	if (!v)
		return -ENOMEM;
	v->id = *id;
	if (!v->n_keys) {
		ike_verification_free(v);
		return fail(sa, "no key is known that could have signed so");
	}
	rc = ike_auth_octets_build(&o, &v->octets, &v->octets_len);
	if (rc < 0) {
		ike_verification_free(v);
		return rc;
	}
	return start(e, sa, v);
}

int ike_proof_verified(struct ike_sa *sa, const struct ike_job *job)
{
	const struct ike_verification *v = job->verification;
	struct ike_proof proof = { 0 };
	int rc = job->result;

	if (rc == -EACCES)
		return fail(sa, "its signature does not verify");
	if (rc < 0)
		return -EIO;
	proof.method = ike_signature_method(v->algorithm);
	proof.id = v->id;
	proof.how = ike_signature_name(v->algorithm);
	rc = ike_public_key_fingerprint(v->keys[v->proven], proof.fingerprint);
	return rc < 0 ? rc : give(sa, &proof);
}

/* A signature that we have no key for, and beside it the word that NULL would
 * do too: the peer stays anonymous, whatever it called itself. */
static bool falls_back(const struct ike_sa *sa, const struct ike_claim *claim)
{
	const struct ike_credentials *c = sa->handshake->credentials;

	return !sa->initiator && claim->null_auth.len && c->accept_null &&
	       c->n_peer_keys == 0;
}

static int judge_fallback(struct ike_sa *sa, const struct ike_claim *claim)
{
	int rc = check_mac(sa, claim, IKE_AUTH_NULL, claim->null_auth);

	if (rc == -EACCES)
		return fail(sa, "its NULL AUTH does not verify");
	return rc < 0 ? rc : give_null(sa);
}

int ike_proof_judge(struct ike_engine *e, struct ike_sa *sa,
		    const struct ike_claim *claim)
{
	struct ike_identity id;

	if (ike_identity_from_payload(&claim->id, &id) < 0)
		return fail(sa, "an identity that nobody can have");
	if (claim->auth.method == IKE_AUTH_NULL)
		return judge_null(sa, claim);
	if (claim->auth.method == IKE_AUTH_SHARED)
		return judge_shared(sa, claim, &id);
	if (is_signature(claim->auth.method))
		return falls_back(sa, claim)
			       ? judge_fallback(sa, claim)
			       : judge_signature(e, sa, claim, &id);
	if (claim->auth.method == IKE_AUTH_RSA_SHA1)
		return fail(sa, "a signature with SHA-1");
	return fail(sa, "an authentication method that is not taken");
}
