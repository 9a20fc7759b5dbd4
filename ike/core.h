/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The engine's inside: what its files call in each other. Nothing outside
 * ike/ includes this, except tests.
 */
#ifndef TACIT_IKE_CORE_H
#define TACIT_IKE_CORE_H

#include "ike/alternative.h"
#include "ike/auth.h"
#include "ike/cookie.h"
#include "ike/creation.h"
#include "ike/ephemeral.h"
#include "ike/fragment.h"
#include "ike/nat.h"
#include "ike/proposal.h"
#include "ike/sa.h"
#include "ike/selector.h"
#include "ike/stranger.h"
#include "ike/tap.h"

struct ike_engine {
	struct ike_config config;
	struct ike_ops ops;
	struct timer_wheel *wheel;
	struct slots *sas;
	struct hmap by_spi, by_remote, by_init, by_gateway, by_child;
	struct hash_key hash_key;
	struct ike_queue queue;
	struct ike_counters counters;
	struct ike_cookies cookies;
	struct ike_strangers strangers;
	struct ike_ephemeral ephemeral;
	struct ike_fragment_pool fragments, fragments_strange;
	uint64_t events; /* numbers starts and establishments in order */
};

int ike_engine_random(struct ike_engine *e, void *buf, size_t len)
	__attribute__((warn_unused_result));
/* Queues a datagram; for want of memory it is lost, as datagrams are. */
void ike_engine_send(struct ike_engine *e, struct handle sa,
		     const struct endpoint *local,
		     const struct endpoint *remote, const void *data,
		     size_t len);
/* Queues a job, which is freed when that fails. 0; -ENOMEM. */
int ike_engine_run(struct ike_engine *e, struct ike_job *job)
	__attribute__((warn_unused_result));

/* The algorithms for a stranger that asks. */
void ike_engine_algorithms(const struct ike_engine *e,
			   const struct endpoint *local,
			   const struct endpoint *remote,
			   const struct ike_proof *peer,
			   struct algorithms *ret);

/* --- dispatch.c: which message may do what in which state --------------- */

/* A message that arrived. */
struct ike_arrival {
	uint64_t now;
	const struct endpoint *local, *remote;
	const struct ike_message *m;
};

void ike_dispatch(struct ike_engine *e, const struct ike_arrival *a,
		  struct ike_message *m, int outcome);

/*
 * An authenticated peer sent what cannot be read. 2.21.3: INVALID_SYNTAX is
 * fatal on both sides, without a Delete. notify and data are for a request.
 */
void ike_dispatch_reject(struct ike_engine *e, const struct ike_arrival *a,
			 struct ike_sa *sa, uint16_t notify, const void *data,
			 size_t len);

/*
 * Handlers: 0; or before anything was changed or sent: -EBADMSG for a body
 * that does not parse, -ENOMEM, -EIO. The SA may be gone afterwards.
 */
int ike_init_request(struct ike_engine *e, const struct ike_arrival *a,
		     struct ike_sa *sa);
int ike_init_response(struct ike_engine *e, const struct ike_arrival *a,
		      struct ike_sa *sa);
int ike_auth_request(struct ike_engine *e, const struct ike_arrival *a,
		     struct ike_sa *sa);
int ike_auth_response(struct ike_engine *e, const struct ike_arrival *a,
		      struct ike_sa *sa);
int ike_info_request(struct ike_engine *e, const struct ike_arrival *a,
		     struct ike_sa *sa);
int ike_info_response(struct ike_engine *e, const struct ike_arrival *a,
		      struct ike_sa *sa);
int ike_child_request(struct ike_engine *e, const struct ike_arrival *a,
		      struct ike_sa *sa);
int ike_child_response(struct ike_engine *e, const struct ike_arrival *a,
		       struct ike_sa *sa);

/* --- exchange-init.c ---------------------------------------------------- */

/* Begins a fresh SA as initiator. 0; -ENOMEM. */
int ike_init_begin(struct ike_engine *e, uint64_t now, struct ike_sa *sa)
	__attribute__((warn_unused_result));
void ike_init_job_done(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		       struct ike_job *job);
/* A response that we can go on with. */
bool ike_init_understands(const struct ike_sa *sa, const struct ike_message *m);
/* An answer without SPIs, to a request that keeps no state here. */
void ike_init_refuse(struct ike_engine *e, const struct ike_arrival *a,
		     uint16_t notify, const void *data, size_t len);
/* Notes a refusal, which is believed after config.refusal_wait_ms. */
void ike_init_refused(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		      enum ike_reason reason, uint16_t notify);

/* --- exchange-auth.c ---------------------------------------------------- */

/* Asks the owner who we are for this peer; the message is that of an IKE_AUTH
 * request, as initiator NULL. 0; -ENOMEM. */
int ike_auth_ask(struct ike_engine *e, struct ike_sa *sa,
		 const struct ike_message *request)
	__attribute__((warn_unused_result));
/* As initiator: the keys are there, IKE_AUTH goes as soon as the credentials
 * are there too. The SA may be gone afterwards. */
void ike_auth_ready(struct ike_engine *e, uint64_t now, struct ike_sa *sa);
/* The owner's answers to IKE_IDENTIFY. */
int ike_auth_identified(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
			const struct ike_credentials *c)
	__attribute__((warn_unused_result));
void ike_auth_refused(struct ike_engine *e, uint64_t now, struct ike_sa *sa);
/* The answer to IKE_SIGN; error is 0 or -errno. */
void ike_auth_signed(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		     struct ike_view signature, int error);
/* The peer's signature was looked at. */
void ike_auth_verified(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		       const struct ike_job *job);

/* --- lease.c: an address for a client behind a NAT ------------------------ */

/* As initiator, in IKE_AUTH: is one asked for? Then its Child SAs are in tunnel
 * mode. */
bool ike_lease_asked(const struct ike_sa *sa);
void ike_lease_ask(struct ike_sa *sa, struct ike_builder *b);
/* What the response gives. 0; 1: not what we asked for; -EBADMSG. */
int ike_lease_take(struct ike_sa *sa, const struct ike_message *response)
	__attribute__((warn_unused_result));
/* As responder: the request asks for one, and the peer is behind a NAT. */
bool ike_lease_wanted(const struct ike_engine *e, const struct ike_sa *sa,
		      const struct ike_message *request);
/* The owner's answer to that. 0: one may have been given; a notify type why
 * there is none; -ENOMEM. */
int ike_lease_grant(struct ike_engine *e, struct ike_sa *sa,
		    const struct ike_message *request)
	__attribute__((warn_unused_result));
void ike_lease_answer(const struct ike_sa *sa, struct ike_builder *b);
/* The SA ends: gives back what we granted. */
void ike_lease_release(struct ike_engine *e, struct ike_sa *sa);

/* --- exchange-child.c --------------------------------------------------- */

/* Asks for a Child SA in place of old, or for a further one (NULL). 0;
 * -ENOMEM; -EIO. */
int ike_child_begin(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		    struct ike_child *old) __attribute__((warn_unused_result));
/* The key pair is there, where there is to be one. */
int ike_child_request_send(struct ike_engine *e, uint64_t now,
			   struct ike_sa *sa)
	__attribute__((warn_unused_result));
/* The jobs of both roles are done. 0; -ENOMEM; -EIO; -EMSGSIZE. */
int ike_child_derived(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		      const struct ike_job *job)
	__attribute__((warn_unused_result));
int ike_child_agreed(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		     const struct ike_job *job)
	__attribute__((warn_unused_result));
/* Ours came to nothing: for good, and for now. */
void ike_child_failed(struct ike_engine *e, struct ike_sa *sa,
		      enum ike_reason reason, uint16_t notify);
void ike_child_put_off(struct ike_engine *e, uint64_t now, struct ike_sa *sa);
/* The first error notify and its type; 0: none; -EBADMSG. */
int ike_child_find_error(const struct ike_message *m, struct ike_notify *ret)
	__attribute__((warn_unused_result));
/* INVALID_KE_PAYLOAD for ours: the group to go on with; NULL: it is none of
 * those that we proposed. */
const struct ike_kex *ike_child_other_group(const struct ike_sa *sa,
					    const struct ike_notify *n);
/* Answers CREATE_CHILD_SA by one notify. */
int ike_child_answer_notify(struct ike_engine *e, struct ike_sa *sa,
			    uint16_t notify)
	__attribute__((warn_unused_result));
/* RFC 6989 2.5: its public key is none; 2.21.3: that ends the IKE SA. */
int ike_child_answer_syntax(struct ike_engine *e, uint64_t now,
			    struct ike_sa *sa)
	__attribute__((warn_unused_result));
int ike_child_answer_group(struct ike_engine *e, struct ike_sa *sa,
			   uint16_t group) __attribute__((warn_unused_result));

/* --- exchange-rekey.c --------------------------------------------------- */

int ike_rekey_begin(struct ike_engine *e, uint64_t now, struct ike_sa *sa)
	__attribute__((warn_unused_result));
int ike_rekey_request_send(struct ike_engine *e, uint64_t now,
			   struct ike_sa *sa)
	__attribute__((warn_unused_result));
int ike_rekey_derived(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		      const struct ike_job *job)
	__attribute__((warn_unused_result));
int ike_rekey_agreed(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		     const struct ike_job *job)
	__attribute__((warn_unused_result));
void ike_rekey_failed(struct ike_engine *e, uint64_t now, struct ike_sa *sa);
/* Handlers: CREATE_CHILD_SA that is about the IKE SA. */
int ike_rekey_request(struct ike_engine *e, const struct ike_arrival *a,
		      struct ike_sa *sa);
int ike_rekey_response(struct ike_engine *e, const struct ike_arrival *a,
		       struct ike_sa *sa);
/* The IKE SA that this one is an heir of, while it is there; NULL. */
struct ike_sa *ike_rekey_predecessor(const struct ike_engine *e,
				     const struct ike_sa *sa);
/* The heir is in charge from now on; ours: we initiated it. */
void ike_rekey_adopt(struct ike_engine *e, uint64_t now, struct ike_sa *old,
		     struct ike_sa *heir, bool ours);
/* It ends: an heir, where there is one, takes its place. check: we do not know
 * whether the peer is there. */
void ike_rekey_rescue(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		      bool check);

/* --- task.c: what is asked of the peer next ------------------------------- */

/* Starts what is due, when the way is free, and arms the timer. The SA may be
 * gone afterwards. */
void ike_task_next(struct ike_engine *e, uint64_t now, struct ike_sa *sa);
/* Its timer fired. */
void ike_task_due(struct ike_engine *e, uint64_t now, struct ike_sa *sa);
/* A fresh lifetime, with a random margin. */
void ike_task_lifetime(struct ike_engine *e, uint64_t now, struct ike_sa *sa);
/* When to try again what failed so many times. */
uint64_t ike_task_retry_at(struct ike_engine *e, uint64_t now, unsigned tries);

/* --- exchange-info.c ---------------------------------------------------- */

/* Starts a liveness check, now or when the way is free. */
void ike_info_check(struct ike_engine *e, uint64_t now, struct ike_sa *sa);
/* Sends the request: an empty one, a Delete of the IKE SA, of a Child SA. 0;
 * -EMSGSIZE; -ENOMEM; -EIO. */
int ike_info_probe(struct ike_engine *e, uint64_t now, struct ike_sa *sa)
	__attribute__((warn_unused_result));
int ike_info_delete(struct ike_engine *e, uint64_t now, struct ike_sa *sa)
	__attribute__((warn_unused_result));
int ike_info_delete_child(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
			  struct ike_child *c)
	__attribute__((warn_unused_result));
/* Tells the owner, and deletes the SA at the peer, with an error notify where
 * one is given: at once or when the outstanding request is answered. */
void ike_info_close(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		    enum ike_reason reason, uint16_t notify);

/* --- duplicate.c -------------------------------------------------------- */

/* A newly established SA takes its place among those of its pair. up is its
 * CHILD_UP, filled but for redundant; queued here. */
void ike_duplicate_resolve(struct ike_engine *e, uint64_t now,
			   struct ike_sa *sa, bool initial_contact,
			   struct ike_action_node *up);
/* The peer has shown that it has this SA: it may be used. */
void ike_duplicate_proven(struct ike_engine *e, uint64_t now,
			  struct ike_sa *sa);
/* This SA ends: one of its pair that does not serve has to do: one that is not
 * proven yet, or where the peer ends it one that was to go. */
void ike_duplicate_ending(struct ike_engine *e, const struct ike_sa *sa,
			  enum ike_reason reason);
/* The peer of sa, which is about to be established, is anonymous where another
 * one has proven who it is: sa must not come up. That one is checked. */
bool ike_duplicate_guarded(struct ike_engine *e, uint64_t now,
			   const struct ike_sa *sa);
/* Another SA of this pair is established. */
bool ike_duplicate_exists(const struct ike_engine *e, const struct ike_sa *sa);
/* The attempt of ours with this pair that is under way, or NULL. */
struct ike_sa *ike_duplicate_attempt(const struct ike_engine *e,
				     const struct addr *local,
				     const struct addr *remote);

/* --- retransmit.c: requests until answered, responses kept -------------- */

/* A message being written, with room for the largest. */
struct ike_outgoing {
	struct ike_builder b;
	uint8_t buf[LIMIT_IKE_MESSAGE];
};

/* A protected request with the next message ID. */
void ike_request_open(struct ike_sa *sa, enum ike_exchange exchange,
		      struct ike_outgoing *out);
/* Seals and sends. 0; -EMSGSIZE; -ENOMEM; -EIO: nothing was sent. */
int ike_request_send(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		     struct ike_outgoing *out)
	__attribute__((warn_unused_result));
/* The same for the unprotected IKE_SA_INIT request, finished. */
int ike_request_send_init(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
			  const struct ike_outgoing *out)
	__attribute__((warn_unused_result));
static inline bool ike_request_outstanding(const struct ike_sa *sa)
{
	return sa->request.data != NULL;
}
/* Stops and restarts retransmission while keys are derived. */
void ike_request_pause(struct ike_engine *e, struct ike_sa *sa);
void ike_request_resume(struct ike_engine *e, uint64_t now, struct ike_sa *sa);
/* Answered: forgets it. */
void ike_request_done(struct ike_engine *e, struct ike_sa *sa);
/* What is outstanding begins anew, at the pace of ike_probe(). */
void ike_request_hurry(struct ike_engine *e, uint64_t now, struct ike_sa *sa);
void ike_request_timeout(struct timer *t, uint64_t now, void *user);

/* A protected response to the request that is being handled. */
void ike_response_open(struct ike_sa *sa, enum ike_exchange exchange,
		       struct ike_outgoing *out);
/* Seals it only, so that what follows cannot fail. 0; -EMSGSIZE; -ENOMEM;
 * -EIO. */
int ike_response_seal(struct ike_sa *sa, struct ike_outgoing *out)
	__attribute__((warn_unused_result));
/* Sends what was sealed to where the request came from; the window moves
 * on. */
void ike_response_send(struct ike_engine *e, struct ike_sa *sa);
/* The same once more, for a request that came again as a does. */
void ike_response_repeat(struct ike_engine *e, const struct ike_arrival *a,
			 struct ike_sa *sa);

/* Both in one, for a response that is nothing but an error notify. */
int ike_response_notify(struct ike_engine *e, struct ike_sa *sa,
			enum ike_exchange exchange, uint16_t notify,
			const void *data, size_t len)
	__attribute__((warn_unused_result));

#endif
