/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which message may do what in which state: one table. A message is looked up
 * only by how it arrived; what came unprotected never matches a row that
 * needs protection. Before a handler runs, the SPIs are ours, the message ID
 * is the one in the window, integrity was verified and the required payloads
 * are there.
 */
#include <errno.h>

#include "ike/core.h"

#define P(type) IKE_PRESENT(IKE_PAYLOAD_##type)

enum role {
	INITIATOR = 1,
	RESPONDER = 2,
	EITHER = 3,
};

struct transition {
	enum ike_sa_state state;
	enum ike_exchange exchange;
	bool response;
	enum role role; /* ours in the IKE SA */
	bool protected;
	uint32_t required; /* payloads, of IKE_PRESENT() */
	int (*handler)(struct ike_engine *e, const struct ike_arrival *a,
		       struct ike_sa *sa);
};

/* clang-format off */
#define INIT	IKE_EXCHANGE_SA_INIT
#define AUTH	IKE_EXCHANGE_AUTH
#define INFO	IKE_EXCHANGE_INFORMATIONAL
#define CHILD	IKE_EXCHANGE_CREATE_CHILD_SA
static const struct transition transitions[] = {
	/* state, exchange, response, role, protected, required, handler */
	{ IKE_SA_NONE, INIT, false, RESPONDER, false,
	  P(SA) | P(KE) | P(NONCE), ike_init_request },
	{ IKE_SA_INIT_SENT, INIT, true, INITIATOR, false,
	  0, ike_init_response },
	{ IKE_SA_INIT_DONE, AUTH, false, RESPONDER, true,
	  P(IDI) | P(SA) | P(TSI) | P(TSR), ike_auth_request },
	{ IKE_SA_AUTH_SENT, AUTH, true, INITIATOR, true,
	  0, ike_auth_response },
	{ IKE_SA_ESTABLISHED, INFO, false, EITHER, true, 0, ike_info_request },
	{ IKE_SA_ESTABLISHED, INFO, true, EITHER, true, 0, ike_info_response },
	{ IKE_SA_ESTABLISHED, CHILD, false, EITHER, true,
	  P(SA) | P(NONCE), ike_child_request },
	{ IKE_SA_ESTABLISHED, CHILD, true, EITHER, true,
	  0, ike_child_response },
	{ IKE_SA_CHILDLESS, INFO, false, EITHER, true, 0, ike_info_request },
	{ IKE_SA_CHILDLESS, INFO, true, EITHER, true, 0, ike_info_response },
	{ IKE_SA_CHILDLESS, CHILD, false, EITHER, true,
	  P(SA) | P(NONCE), ike_child_request },
	{ IKE_SA_CHILDLESS, CHILD, true, EITHER, true,
	  0, ike_child_response },
	{ IKE_SA_HEIR, INFO, false, EITHER, true, 0, ike_info_request },
	{ IKE_SA_HEIR, CHILD, false, EITHER, true,
	  P(SA) | P(NONCE), ike_child_request },
	{ IKE_SA_REKEYED, INFO, false, EITHER, true, 0, ike_info_request },
	{ IKE_SA_REKEYED, INFO, true, EITHER, true, 0, ike_info_response },
	{ IKE_SA_REKEYED, CHILD, false, EITHER, true,
	  P(SA) | P(NONCE), ike_child_request },
	{ IKE_SA_REKEYED, CHILD, true, EITHER, true,
	  0, ike_child_response },
	{ IKE_SA_DELETING, INFO, false, EITHER, true, 0, ike_info_request },
	{ IKE_SA_DELETING, INFO, true, EITHER, true, 0, ike_info_response },
	{ IKE_SA_DELETING, CHILD, false, EITHER, true,
	  P(SA) | P(NONCE), ike_child_request },
	{ IKE_SA_DELETING, CHILD, true, EITHER, true,
	  0, ike_child_response },
};
/* clang-format on */

static const struct transition *find(const struct ike_sa *sa,
				     const struct ike_header *h, bool protected)
{
	enum ike_sa_state state = sa ? sa->state : IKE_SA_NONE;
	enum role role = sa && sa->initiator ? INITIATOR : RESPONDER;

	for (size_t i = 0; i < sizeof(transitions) / sizeof(transitions[0]);
	     i++) {
		const struct transition *t = &transitions[i];

		if (t->state == state && t->exchange == h->exchange &&
		    t->response == ike_header_is_response(h) &&
		    (t->role & role) && t->protected == protected)
			return t;
	}
	return NULL;
}

static bool has_required(const struct transition *t,
			 const struct ike_message *m)
{
	return (m->present & t->required) == t->required;
}

/* What was captured can be sent again by anybody, in anybody's name: who asks
 * from elsewhere is not to use up the answers of who asked first. */
static bool may_repeat(struct ike_engine *e, const struct ike_arrival *a,
		       const struct ike_sa *sa)
{
	uint32_t gap = endpoint_equal(a->remote, &sa->asked_from)
			       ? LIMIT_IKE_REPEAT_MS
			       : LIMIT_IKE_REPEAT_OTHER_MS;

	if (!sa->repeated_at || a->now >= sa->repeated_at + gap)
		return true;
	e->counters.repeats_ignored++;
	return false;
}

/* --- IKE_SA_INIT, unprotected -------------------------------------------- */

static void init_request(struct ike_engine *e, const struct ike_arrival *a,
			 int outcome)
{
	const struct ike_message *m = a->m;
	const struct transition *t = find(NULL, &m->header, false);
	struct ike_sa *sa;

	/* 3.1: from the initiator, ID 0, no SPI of ours yet. */
	if (!ike_header_from_initiator(&m->header) || m->header.id != 0 ||
	    m->header.spi_r != 0 || !t ||
	    (outcome == IKE_MESSAGE_OK && !has_required(t, m))) {
		e->counters.malformed++;
		return;
	}
	sa = ike_sa_find_init(e, a->remote, m->raw, m->raw_len);
	if (sa) {
		/* 2.1: a retransmission gets the same response. */
		if (sa->state != IKE_SA_INIT_DONE || !may_repeat(e, a, sa))
			return;
		sa->repeated_at = a->now;
		ike_engine_send(e, sa->handle, a->local, a->remote,
				sa->handshake->response.data,
				sa->handshake->response.len);
		return;
	}
	/* Our own request, thrown back at us. */
	sa = ike_sa_find(e, m->header.spi_i);
	if (sa && sa->initiator) {
		e->counters.malformed++;
		return;
	}
	if (t->handler(e, a, NULL) == -EBADMSG)
		e->counters.malformed++;
}

/* Nobody has authenticated this: it must come from where our request went. */
static bool is_from_there(const struct ike_arrival *a, const struct ike_sa *sa)
{
	struct endpoint local = sa->local, remote = sa->remote;

	if (!sa->handshake)
		return false;
	local.port = sa->handshake->local_port;
	remote.port = sa->handshake->remote_port;
	return endpoint_equal(&remote, a->remote) &&
	       endpoint_equal(&local, a->local);
}

static void init_response(struct ike_engine *e, const struct ike_arrival *a,
			  int outcome)
{
	const struct ike_header *h = &a->m->header;
	struct ike_sa *sa = ike_sa_find(e, h->spi_i);
	const struct transition *t;

	if (!sa || !sa->initiator) {
		e->counters.unknown_spi++;
		return;
	}
	if (ike_header_from_initiator(h) || h->id != 0 ||
	    outcome != IKE_MESSAGE_OK || !is_from_there(a, sa)) {
		e->counters.malformed++;
		return;
	}
	t = find(sa, h, false);
	if (!t && sa->handshake->response.data)
		ike_alternative_keep(a, sa);
	if (t && has_required(t, a->m) && t->handler(e, a, sa) == -EBADMSG)
		e->counters.malformed++;
}

/* --- everything else, protected ------------------------------------------ */

static struct ike_sa *find_sa(const struct ike_engine *e,
			      const struct ike_header *h)
{
	bool from_initiator = ike_header_from_initiator(h);
	struct ike_sa *sa =
		ike_sa_find(e, from_initiator ? h->spi_r : h->spi_i);

	if (!sa || sa->initiator == from_initiator || sa->spi_i != h->spi_i ||
	    sa->spi_r != h->spi_r)
		return NULL;
	return sa;
}

/* The peer asks again for the response that it did not get. */
static bool is_repeated(const struct ike_sa *sa, const struct ike_header *h)
{
	return !ike_header_is_response(h) && sa->response.data &&
	       h->id == sa->expected_id - 1;
}

/* 2.3: the next request, or the response to the one that is outstanding, of
 * the same exchange. */
static bool is_in_window(const struct ike_sa *sa, const struct ike_header *h)
{
	if (ike_header_is_response(h))
		return ike_request_outstanding(sa) && h->id == sa->request_id &&
		       h->exchange == sa->request.data[IKE_EXCHANGE_AT];
	/* Not while the answer to it is being computed; and 2.2: message IDs
	 * never wrap. */
	return h->id == sa->expected_id && !sa->theirs && h->id != UINT32_MAX;
}

void ike_dispatch_reject(struct ike_engine *e, const struct ike_arrival *a,
			 struct ike_sa *sa, uint16_t notify, const void *data,
			 size_t len)
{
	const struct ike_header *h = &a->m->header;

	if (ike_header_is_response(h)) {
		if (ike_alternative_next(e, a->now, sa))
			return;
		/* What it answered is over: nothing else waits for it. */
		sa->ours = ike_creation_free(e, sa->ours);
		ike_info_close(e, a->now, sa, IKE_REASON_PROTOCOL, 0);
		return;
	}
	ike_sa_tell(e, sa, IKE_REASON_PROTOCOL, 0);
	if (ike_response_notify(e, sa, h->exchange, notify, data, len) < 0)
		ike_sa_free(e, sa);
	else
		ike_sa_linger(e, a->now, sa);
}

/* 2.5: the request is refused; only IKE_AUTH ends with that. */
static void reject_critical(struct ike_engine *e, const struct ike_arrival *a,
			    struct ike_sa *sa)
{
	const uint16_t notify = IKE_NOTIFY_UNSUPPORTED_CRITICAL_PAYLOAD;
	uint8_t type = a->m->unsupported;

	if (ike_header_is_response(&a->m->header) ||
	    a->m->header.exchange == IKE_EXCHANGE_AUTH)
		ike_dispatch_reject(e, a, sa, notify, &type, 1);
	else if (ike_response_notify(e, sa, a->m->header.exchange, notify,
				     &type, 1) < 0)
		ike_sa_end(e, sa, IKE_REASON_RESOURCES, 0);
}

static void handle(struct ike_engine *e, const struct ike_arrival *a,
		   struct ike_sa *sa, const struct transition *t, int outcome)
{
	const struct handle handle = sa->handle;
	int rc = -EBADMSG;

	/* Its retransmission is another chance. */
	if (sa->state == IKE_SA_INIT_DONE && ike_sa_reserve(sa) < 0)
		return;
	sa->last_heard = a->now;
	ike_duplicate_proven(e, a->now, sa);
	/* RFC 7383 2.6: whole now, or it came whole as well. */
	ike_fragment_forget(e, sa, ike_header_is_response(&a->m->header));
	if (ike_header_is_response(&a->m->header)) {
		ike_request_done(e, sa);
		ike_nat_answered(e, a, sa);
	} else {
		sa->asked_at = *a->local;
		sa->asked_from = *a->remote;
		ike_nat_follow(e, a, sa);
	}
	if (outcome == IKE_MESSAGE_CRITICAL) {
		reject_critical(e, a, sa);
		rc = 0;
	} else if (outcome == IKE_MESSAGE_OK && has_required(t, a->m)) {
		rc = t->handler(e, a, sa);
	}
	if (rc == -EBADMSG)
		ike_dispatch_reject(e, a, sa, IKE_NOTIFY_INVALID_SYNTAX, NULL,
				    0);
	else if (rc < 0)
		ike_sa_end(e, sa, IKE_REASON_RESOURCES, 0);
	sa = slots_get(e->sas, handle);
	if (sa)
		ike_task_next(e, a->now, sa);
}

/* Integrity of the only payload of m, and its text. 0; -EBADMSG: authentic,
 * but malformed; -EACCES: anything else, and counted. */
static int decrypt(struct ike_engine *e, const struct ike_sa *sa,
		   const struct ike_message *m, uint8_t *plain, size_t *ret_len)
{
	const struct ike_protect_key *key;
	int rc;

	key = sa->initiator ? &sa->keys.er : &sa->keys.ei;
	rc = ike_protect_read(m, sa->cipher, key->data, plain, ret_len);
	if (rc == IKE_PROTECT_OK)
		return 0;
	if (rc == IKE_PROTECT_PADDING)
		return -EBADMSG;
	if (rc == -EBADMSG)
		e->counters.malformed++;
	else
		e->counters.integrity_failed++;
	return -EACCES;
}

/* One fragment (RFC 7383 2.6), into what is there of its message. As open_sk().
 */
static int open_skf(struct ike_engine *e, const struct ike_arrival *a,
		    struct ike_sa *sa, struct ike_message *m, bool repeated,
		    uint8_t *plain, size_t *ret_len)
{
	struct ike_fragment f;
	uint8_t first;
	int rc;

	if (!sa->fragmentation || ike_fragment_parse(m->payloads, &f) < 0) {
		e->counters.malformed++;
		return -EACCES;
	}
	/* 2.6.1: of a request that comes again, only the first fragment is
	 * answered. What is there already needs no second look. */
	if (repeated ? f.number != 1 : !ike_fragment_wanted(sa, &m->header, &f))
		return -EACCES;
	rc = decrypt(e, sa, m, plain, ret_len);
	if (rc < 0 || repeated)
		return rc < 0 ? -EACCES : IKE_MESSAGE_OK;
	rc = ike_fragment_add(e, a->now, sa, &m->header, &f, plain, *ret_len,
			      plain, ret_len, &first);
	if (rc == IKE_FRAGMENT_COMPLETE) {
		ike_tap_whole(e, false, a->local, a->remote, &m->header, first,
			      plain, *ret_len);
		return ike_message_parse_inner(m, first, plain, *ret_len);
	}
	e->counters.malformed += rc == -EMSGSIZE;
	return -EACCES;
}

/* Verifies and decrypts. enum ike_message_outcome; -EBADMSG: authenticated
 * but malformed; -EACCES: nothing to be handled. */
static int open_sk(struct ike_engine *e, const struct ike_arrival *a,
		   struct ike_sa *sa, struct ike_message *m, bool repeated,
		   uint8_t *plain, size_t *ret_len)
{
	uint8_t first = m->payloads[0].inner;
	int rc;

	if (m->present & IKE_PRESENT(IKE_PAYLOAD_SKF))
		return open_skf(e, a, sa, m, repeated, plain, ret_len);
	rc = decrypt(e, sa, m, plain, ret_len);
	if (rc < 0 || repeated)
		return rc;
	return ike_message_parse_inner(m, first, plain, *ret_len);
}

static void protected(struct ike_engine *e, const struct ike_arrival *a,
		      struct ike_message *m)
{
	struct ike_sa *sa = find_sa(e, &m->header);
	uint8_t plain[LIMIT_IKE_MESSAGE];
	const struct transition *t;
	size_t len = 0;
	bool repeated;
	int outcome;

	if (!sa) {
		e->counters.unknown_spi++;
		ike_stranger_unknown(e, a);
		return;
	}
	if (!ike_message_is_protected(m)) {
		e->counters.malformed++;
		ike_stranger_hint(e, a, sa);
		return;
	}
	t = find(sa, &m->header, true);
	repeated = is_repeated(sa, &m->header);
	if (repeated ? !may_repeat(e, a, sa)
		     : !t || !is_in_window(sa, &m->header))
		return;
	outcome = open_sk(e, a, sa, m, repeated, plain, &len);
	if (outcome != -EACCES) {
		if (repeated)
			ike_response_repeat(e, a, sa);
		else
			handle(e, a, sa, t, outcome);
	}
	secret_wipe(plain, len);
}

void ike_dispatch(struct ike_engine *e, const struct ike_arrival *a,
		  struct ike_message *m, int outcome)
{
	if (m->header.exchange != IKE_EXCHANGE_SA_INIT)
	protected(e, a, m);
	else if (ike_header_is_response(&m->header))
		init_response(e, a, outcome);
	else init_request(e, a, outcome);
}
