/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The IKEv2 engine (RFC 7296): datagrams, time and finished jobs go in, a
 * queue of actions comes out. It opens no socket, reads no clock and knows no
 * kernel; randomness and the admission of strangers are callbacks. So two
 * engines run against each other in one process under a fake clock.
 *
 * Time is milliseconds of a monotonic clock. Nothing here blocks: expensive
 * crypto is an IKE_JOB action that any thread may run with ike_job_run() and
 * that comes back through ike_job_done() on the engine's own thread.
 */
#ifndef TACIT_IKE_ENGINE_H
#define TACIT_IKE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ike/auth-octets.h"
#include "ike/credentials.h"
#include "util/addr.h"
#include "util/algorithm.h"
#include "util/esp.h"
#include "util/service.h"
#include "util/slots.h"

struct ike_engine;
struct ike_job;
struct ike_change; /* ike/tap.h */
struct ike_tap;

/* What the owner says about a stranger that sends IKE_SA_INIT. */
enum ike_admission {
	IKE_ADMIT,  /* answer */
	IKE_REFUSE, /* answer NO_PROPOSAL_CHOSEN, keep nothing */
	IKE_IGNORE, /* no answer at all */
	/* Ask again, when it has shown by a cookie (RFC 7296 2.6) that its
	 * address is its own. */
	IKE_PROVE,
};

/* Which modes a Child SA may have. As initiator EITHER asks for transport mode
 * and takes tunnel mode between the two hosts where the peer declines (RFC
 * 7296 1.3.1); as responder it takes what the peer asks for. */
enum ike_modes {
	IKE_MODES_TRANSPORT,
	IKE_MODES_EITHER,
	IKE_MODES_TUNNEL,
};

/* Whether the peer is asked for an address that stands for ours in ESP (RFC
 * 7296 2.19), where a NAT is found before us: then in tunnel mode. */
enum ike_lease_wish {
	IKE_LEASE_NONE,
	IKE_LEASE_ANONYMOUS, /* where we do not say who we are */
	IKE_LEASE_ALWAYS,
};

struct ike_ops {
	/* Fills buf; 0 or -errno. Must be fit for keys. */
	int (*random)(void *user, void *buf, size_t len);
	/* Asked for each new IKE_SA_INIT request that parses; shown: once
	 * more, after IKE_PROVE. */
	enum ike_admission (*admit)(void *user, const struct endpoint *local,
				    const struct endpoint *remote, bool shown);
	/* For people: states and, where it is asked for, messages in the clear
	 * and keys (ike/tap.h). NULL: not wanted. */
	void (*changed)(void *user, const struct ike_change *c);
	void (*tap)(void *user, const struct ike_tap *t);
	/* The modes that this peer may ask for. Pure. NULL: transport only. */
	enum ike_modes (*modes)(void *user, const struct addr *local,
				const struct addr *remote,
				const struct ike_proof *peer);
	/* The services that SAs with this peer are for, and no others; n 0, or
	 * NULL: for all traffic. Pure. */
	void (*scope)(void *user, const struct addr *remote, struct scope *ret);
	/* As responder: what is accepted from this peer, in place of
	 * config.algorithms; asked again for its Child SAs when it has proven
	 * who it is: peer, NULL before. Pure. NULL: that holds for all. */
	void (*algorithms)(void *user, const struct endpoint *local,
			   const struct endpoint *remote,
			   const struct ike_proof *peer,
			   struct algorithms *ret);
	/* As responder: an address of this family for a peer behind a NAT that
	 * asks for one, and its end. wanted: the one that it had; unset: it has
	 * no wish. 0; 1: this peer gets none, and its own address counts;
	 * -ENOSPC: none is left; -errno. NULL: nobody gets one. */
	int (*lease)(void *user, const struct endpoint *remote,
		     const struct ike_proof *peer, uint16_t family,
		     const struct addr *wanted, struct addr *ret);
	void (*release)(void *user, const struct addr *lease);
	void *user;
};

struct ike_config {
	/* First retransmission, then doubling up to max, this many sends. */
	uint32_t retransmit_ms;
	uint32_t retransmit_max_ms;
	uint32_t retransmit_sends;
	/* Each wait is longer or shorter by up to so many percent. */
	uint32_t retransmit_jitter;
	/* Of ike_probe(): every so often, not doubling. */
	uint32_t probe_ms;
	/* An unauthenticated refusal is believed after this wait. */
	uint32_t refusal_wait_ms;
	/* A half-open IKE SA as responder lives this long. */
	uint32_t half_open_ms;
	/* Idle IKE SAs are checked (RFC 7296 2.4) this often; 0: never. */
	uint32_t liveness_ms;
	/* The losing one of two simultaneous IKE SAs is deleted after this, and
	 * the same way a Child SA that was rekeyed: at once when its successor
	 * is known to be in use, see ike_child_used(). */
	uint32_t redundant_ms;
	/* An IKE SA ends after lifetime_ms (0: never); a random time between
	 * margin_ms and twice margin_ms before that it is rekeyed. */
	uint32_t lifetime_ms, margin_ms;
	/* Rekeying that the peer put off (TEMPORARY_FAILURE) or refused is tried
	 * again after about this long, doubling. */
	uint32_t retry_ms;
	/* Child SAs get a key exchange of their own when rekeyed. As responder
	 * that is the peer's choice. */
	bool pfs;
	/* Where nothing else is said. */
	struct algorithms algorithms;
	/* Behind a NAT, a keepalive after so long without a word of ours (RFC
	 * 3948 4: 20 s); 0: never. */
	uint32_t keepalive_ms;
	/* Half-open IKE SAs as responder from which on a stranger first has to
	 * show a cookie (RFC 7296 2.6). */
	uint32_t cookie_threshold;
	/* Largest IP packet of a protected message: a larger one is sent as
	 * fragments (RFC 7383) where the peer takes them; 0: in one always. */
	uint16_t fragment_mtu;
	/* The ports of IKE alone and of IKE beside ESP: 500 and 4500. */
	uint16_t port, natt_port;
};

/* The defaults, which suit a LAN and the Internet. */
void ike_config_init(struct ike_config *c);

/* Why an IKE SA or Child SA is not, or no longer, there. */
enum ike_reason {
	IKE_REASON_NONE = 0,
	IKE_REASON_REFUSED,	/* an error notify before authentication */
	IKE_REASON_UNANSWERED,	/* retransmissions ran out */
	IKE_REASON_UNREACHABLE, /* ICMP, told by ike_unreachable() */
	IKE_REASON_AUTH,	/* either side failed the other's AUTH */
	IKE_REASON_MODE,	/* no common mode, proposal or selectors */
	IKE_REASON_PROTOCOL,	/* the peer broke the protocol */
	IKE_REASON_DELETED,	/* the peer deleted it */
	IKE_REASON_REPLACED,	/* a newer SA with this peer took its place */
	IKE_REASON_DEAD,	/* liveness check unanswered */
	IKE_REASON_CLOSED,	/* ike_close() */
	IKE_REASON_EXPIRED,	/* its lifetime is over */
	IKE_REASON_NO_KEY,	/* the owner: no key of the peer is known */
	IKE_REASON_BOGUS,	/* the owner: DNS says what cannot be true */
	IKE_REASON_RESOURCES,	/* memory, randomness, a limit */
	IKE_REASON_IDLE,	/* the owner: nothing was said for long */
	IKE_REASON_POLICY,	/* the owner: its policy is another one now */
};
const char *ike_reason_name(enum ike_reason r); /* "unanswered" */

enum ike_action_type {
	IKE_SEND,
	IKE_JOB,
	IKE_CHILD_UP,
	IKE_CHILD_DOWN,
	/* What ike_rekey_child() or ike_add_child() asked for did not come
	 * about; nothing else has changed. */
	IKE_CHILD_REFUSED,
	/* The IKE SA goes on under another handle, with its Child SAs, and the
	 * old handle is stale. */
	IKE_REKEYED,
	/* The endpoints of an authenticated peer changed (RFC 7296 2.23): its
	 * Child SAs are to follow. Comes after CHILD_UP. */
	IKE_MOVED,
	/* Send a NAT keepalive (RFC 3948 4): the one byte 0xff, on port 4500
	 * without the non-ESP marker. May be left out where ESP has been sent
	 * to this peer in the last keepalive_ms. */
	IKE_KEEPALIVE,
	/* An IKE SA ended before it had a Child SA. As responder: only where
	 * the peer got as far as a valid SK payload. */
	IKE_FAILED,
	/* Who are we for this peer, and whom do we accept? Answered, at once
	 * or within half_open_ms, by ike_authenticate() or ike_refuse(). */
	IKE_IDENTIFY,
	/* Our signature is wanted: answered, at once or within half_open_ms,
	 * by ike_sign_done(). */
	IKE_SIGN,
};

/* As initiator it comes beside our IKE_SA_INIT, and IKE_AUTH waits for the
 * answer; as responder it comes when the IKE_AUTH request is there. */
struct ike_identify {
	bool initiator;
	struct endpoint local, remote;
	struct addr host; /* of ike_request; or the address of remote */
	/* Responder: who the peer says it is, not proven by anything yet, and
	 * who it wants us to be; none where it did not say, and as initiator. */
	struct ike_identity peer, wanted;
};

/* What NAT detection (RFC 7296 2.23) found. */
struct ike_nat {
	bool us;   /* we are behind a NAT: we send keepalives */
	bool peer; /* the peer is: its endpoint is not its own, and may move */
};

/* ESP in UDP (RFC 3948) between the two outer addresses. */
struct ike_encapsulation {
	bool udp;			  /* else plain ESP, ports are 0 */
	uint16_t local_port, remote_port; /* host order */
};

enum ike_mode {
	IKE_MODE_TRANSPORT,
	IKE_MODE_TUNNEL, /* between the same two hosts */
};

struct ike_child_up {
	/* The two hosts; remote is an address that we leased to the peer, where
	 * it has one, or the host behind it. */
	struct addr local, remote;
	/* Where ESP goes to: remote, where that is neither. */
	struct addr outer;
	bool gateway; /* remote is a host behind outer (ike_request.host) */
	/* What stands for local in ESP, and is to be translated; unset: local
	 * itself. */
	struct addr lease;
	enum ike_mode mode;
	/* At which sides the services are that it is for (SCOPE_LOCAL,
	 * SCOPE_REMOTE); 0: it is for all traffic. */
	uint8_t sides;
	/* We initiated the exchange that made it: the peer can receive on it
	 * already. Else it can only when it has our response. */
	bool initiator;
	/* Another SA of the pair is preferred: install the in-SA only. A
	 * CHILD_UP without this supersedes every earlier one of the pair. It
	 * may come for an SA that was redundant before: then send on it from
	 * now on, its in-SA is there. */
	bool redundant;
	/* spi_in of the Child SA that this one rekeys, or 0. That one stays
	 * until its own CHILD_DOWN, for what is still on the way. */
	uint32_t replaces;
	struct ike_proof peer; /* who it is, and how it proved that */
	struct esp_sa in, out;
	struct ike_nat nat;
	struct ike_encapsulation encapsulation;
};

struct ike_moved {
	struct endpoint local, remote; /* from now on */
};

struct ike_child_down {
	struct addr local, remote;
	uint32_t spi_in, spi_out; /* host order */
	enum ike_reason reason;
};

struct ike_child_refused {
	struct addr local, remote;
	uint32_t spi_in; /* that was to be rekeyed; 0: a further Child SA */
	enum ike_reason reason;
	uint16_t notify; /* the peer's notify type, or 0 */
};

struct ike_rekeyed {
	struct handle old, new;
	struct addr local, remote;
};

struct ike_failed {
	bool initiator;
	struct endpoint local, remote;
	struct addr host; /* of ike_request; or the address of remote */
	enum ike_reason reason;
	uint16_t notify; /* the peer's notify type, or 0 */
	/* The peer had proven who it is: this is its own word. Without it a
	 * refusal may be anybody's who can answer for that address. */
	bool proven;
	/* As initiator: we asked for an address (ike_request.lease), and got no
	 * Child SA: it may do without. */
	bool lease;
	/* What was wrong with the peer's proof, or with ours; NULL. Static. */
	const char *why;
};

/* From natt_port with the non-ESP marker, which the caller puts before it. */
struct ike_send {
	struct endpoint local, remote;
	const uint8_t *data; /* valid until the action is done */
	size_t len;
};

/* Actions are taken one at a time with ike_engine_next_action(), and freed
 * (keys wiped) with ike_action_done(). sa is none for stateless replies. */
struct ike_action {
	enum ike_action_type type;
	struct handle sa;
	union {
		struct ike_send send;
		struct ike_job *job; /* owner from now on: the taker */
		struct ike_child_up child_up;
		struct ike_child_down child_down;
		struct ike_child_refused child_refused;
		struct ike_rekeyed rekeyed;
		struct ike_moved moved;
		struct ike_moved keepalive; /* between these two */
		struct ike_failed failed;
		struct ike_identify identify;
		struct ike_sign sign;
	};
};

/* Copies config and ops. NULL: out of memory. */
struct ike_engine *ike_engine_new(const struct ike_config *config,
				  const struct ike_ops *ops, uint64_t now);
/* Silently drops everything; takes NULL. Jobs still out must not come back. */
struct ike_engine *ike_engine_free(struct ike_engine *e);

struct ike_request {
	struct endpoint local, remote;
	/* The host that its Child SAs are with, where remote is the gateway that
	 * it is behind (RFC 4322): in tunnel mode, and for that host alone.
	 * Unset: remote is that host. */
	struct addr host;
	enum ike_modes modes; /* of its Child SAs */
	/* Who must not talk in the clear anyway has nothing to gain from a
	 * refusal that anybody may have sent: it does not end the attempt, and
	 * is only told as its reason when nothing better has come. */
	bool patient;
	/* Copied; NULL: config.algorithms. */
	const struct algorithms *algorithms;
	enum ike_lease_wish lease;
	struct addr leased; /* asked for by name; unset: any */
};

/*
 * Starts an IKE SA with its first Child SA, between the two addresses. One
 * outcome follows: IKE_CHILD_UP or IKE_FAILED with this handle
 * (unless an SA that the peer initiated came up first: then the unfinished
 * one ends with IKE_FAILED, IKE_REASON_REPLACED). Where one that we initiate
 * between the two addresses is under way already, its handle is given; what
 * counts is the host, by whatever gateway. Where
 * one is established, the new one takes its place when it is up.
 * 0; -ENOSPC at LIMIT_IKE_SAS; -ENOMEM; -EIO no randomness.
 */
int ike_initiate(struct ike_engine *e, uint64_t now,
		 const struct ike_request *req, struct handle *ret_sa)
	__attribute__((warn_unused_result));

/* One datagram, the non-ESP marker of port 4500 already taken off. Malformed
 * input is counted and has no other effect. */
void ike_input(struct ike_engine *e, uint64_t now, const struct endpoint *local,
	       const struct endpoint *remote, const void *data, size_t len);

/* An ICMP error said that remote cannot be reached. Believed only for IKE SAs
 * that we initiate and that have no answer yet, after refusal_wait_ms. */
void ike_unreachable(struct ike_engine *e, uint64_t now,
		     const struct endpoint *remote);

/* Delete (RFC 7296 1.4.1), then gone: IKE_CHILD_DOWN with IKE_REASON_CLOSED
 * comes at once, the exchange runs on by itself. Stale handles are ignored. */
void ike_close(struct ike_engine *e, uint64_t now, struct handle sa);
/* Drops it without a word to the peer: IKE_REASON_CLOSED too. */
void ike_abandon(struct ike_engine *e, uint64_t now, struct handle sa);
/* Starts a liveness check now, unless an exchange is already under way. */
void ike_check(struct ike_engine *e, uint64_t now, struct handle sa);
/* The same for a peer that is suspected to have lost its SAs: the answer, also
 * to what is outstanding already, is there within retransmit_sends times
 * probe_ms, or the IKE SA ends with IKE_REASON_DEAD. */
void ike_probe(struct ike_engine *e, uint64_t now, struct handle sa);
/* Authentic ESP of a peer behind a NAT came from this port of its address (RFC
 * 7296 2.23). Requests go there too until one is answered: the SA is at the port
 * that the answer came from, and IKE_MOVED says so when that is another. */
void ike_esp_from(struct ike_engine *e, uint64_t now, struct handle sa,
		  uint16_t port);
/* ike_close() for all; for a clean stop. Half-open ones are dropped. */
void ike_close_all(struct ike_engine *e, uint64_t now);

/*
 * Child SAs of an IKE SA that is established; those that it gets wait for their
 * turn (RFC 7296 2.3: one exchange
 * at a time). 0; -ENOENT: no such SA; -ENOSPC at LIMIT_IKE_CHILDREN; -ENOMEM.
 */
/* A further one between the two addresses: CHILD_UP or CHILD_REFUSED. */
int ike_add_child(struct ike_engine *e, uint64_t now, struct handle sa)
	__attribute__((warn_unused_result));
/* CHILD_UP that replaces it, or CHILD_REFUSED (not for TEMPORARY_FAILURE, after
 * which it is tried again), or its CHILD_DOWN. */
int ike_rekey_child(struct ike_engine *e, uint64_t now, struct handle sa,
		    uint32_t spi_in) __attribute__((warn_unused_result));
/* Its CHILD_DOWN comes at once. The last one takes the IKE SA along. */
int ike_delete_child(struct ike_engine *e, uint64_t now, struct handle sa,
		     uint32_t spi_in) __attribute__((warn_unused_result));
/* The kernel saw a packet on its in-SA: what it replaces may go, and it may
 * itself replace another. Stale arguments are ignored. */
void ike_child_used(struct ike_engine *e, uint64_t now, struct handle sa,
		    uint32_t spi_in);
/* Rekeys the IKE SA now and not at its lifetime's margin: IKE_REKEYED, or
 * nothing: it stays until it is tried again. 0; -ENOENT. */
int ike_rekey(struct ike_engine *e, uint64_t now, struct handle sa)
	__attribute__((warn_unused_result));

/* Timers: call ike_tick() at ike_engine_deadline(), UINT64_MAX is never. */
void ike_tick(struct ike_engine *e, uint64_t now);
uint64_t ike_engine_deadline(const struct ike_engine *e);

/* True and *ret while there are actions, oldest first. */
bool ike_engine_next_action(struct ike_engine *e, struct ike_action *ret);
void ike_action_done(struct ike_action *a);

/* Runs the job; any thread, once. Touches nothing but the job. */
void ike_job_run(struct ike_job *job);
/* Hands a job back and frees it. Jobs of SAs that ended meanwhile are welcome;
 * one that has not run ends its SA with IKE_REASON_RESOURCES (a stranger's
 * without a word, so that its next retransmission is tried afresh). */
void ike_job_done(struct ike_engine *e, uint64_t now, struct ike_job *job);
/* Frees a job that will not be handed back (shutdown). Its SA, where it goes
 * on, ends with IKE_REASON_RESOURCES after half_open_ms. */
struct ike_job *ike_job_free(struct ike_job *job);

/*
 * The answer to IKE_IDENTIFY; c is copied. 0; -ESTALE: the SA is gone, or has
 * had its answer; -EINVAL, -ENOMEM: see ike_credentials_copy(), and the SA
 * still waits.
 */
int ike_authenticate(struct ike_engine *e, uint64_t now, struct handle sa,
		     const struct ike_credentials *c)
	__attribute__((warn_unused_result));
/* The other answer: nothing is to be had with this peer. A responder's SA ends
 * with AUTHENTICATION_FAILED and IKE_REASON_AUTH, an initiator's without a
 * word and IKE_REASON_CLOSED. Stale handles are ignored. */
void ike_refuse(struct ike_engine *e, uint64_t now, struct handle sa);
/* The answer to IKE_SIGN: the signature alone, as ike_sign_with() makes it
 * (copied), or a negative errno, which ends the SA with IKE_REASON_RESOURCES.
 * Stale handles are ignored. */
void ike_sign_done(struct ike_engine *e, uint64_t now, struct handle sa,
		   const void *signature, size_t len, int error);

/* What is known of an SA, for status; false when the handle is stale. */
struct ike_sa_info {
	uint64_t spi_i, spi_r;
	bool initiator, established;
	struct endpoint local, remote;
	struct ike_nat nat;
	char algorithms[64]; /* "AES-GCM-16-256/HMAC-SHA2-256/X25519" */
	uint64_t established_at;
	uint64_t last_heard;   /* the latest authentic message of the peer */
	struct ike_proof peer; /* method 0 until it is authenticated */
};
bool ike_sa_describe(const struct ike_engine *e, struct handle sa,
		     struct ike_sa_info *ret);

/* Between which two hosts its Child SAs are: local and remote of CHILD_UP.
 * False when the handle is stale. */
bool ike_sa_hosts(const struct ike_engine *e, struct handle sa,
		  struct addr *ret_local, struct addr *ret_remote);

struct ike_counters {
	uint64_t received, malformed, unknown_spi, sent, retransmitted;
	uint64_t stray_replies, cookies_sent, fragments_lost;
	uint64_t init_refused, init_ignored, auth_failed, integrity_failed;
	uint64_t half_open_evicted, repeats_ignored;
	uint32_t sas, half_open;
};
void ike_engine_count(const struct ike_engine *e, struct ike_counters *ret);

#endif
