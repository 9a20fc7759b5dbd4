/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The loop of tacit-keyd: the agent's connection with its heartbeat, requests
 * through the guard to the workers, signatures back; and root's orders.
 */
#include "config.h"

#include "agent/keyd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "agent/keyd-addresses.h"
#include "agent/keyd-guard.h"
#include "agent/keyd-order.h"
#include "agent/keyd-workers.h"
#include "util/channel.h"
#include "util/log.h"
#include "util/privilege.h"

/* The configuration is read again at most so often. */
#define IDENTIFY_MS 1000u

/* Records in one go: finished work must come between. */
#define KEYD_ROUND 64

struct keyd {
	sd_event *event;
	sd_event_source *listener, *io, *timer, *done;
	struct keyd_keys keys;
	struct keyd_guard guard;
	struct keyd_addresses addresses;
	int (*identify)(void *user, struct ike_identity *ret);
	void *user;
	uint64_t identified; /* ms */
	struct keyd_workers *workers;
	struct keyd_orders *orders;
	struct channel *channel; /* NULL: no agent */
	uint64_t link;		 /* counts agents: replies go to who asked */
	uint64_t heard;		 /* ms */
	bool greeted;
	unsigned bad; /* records in a row that were none */
	struct log_limit limit;
};

static uint64_t keyd_now(const struct keyd *k)
{
	uint64_t us = 0;

	/* Cannot fail while the loop runs. */
	(void)sd_event_now(k->event, CLOCK_MONOTONIC, &us);
	return us / 1000;
}

/* Rotations outlast a boot. */
static uint64_t keyd_today(void)
{
	return (uint64_t)time(NULL);
}

static bool keyd_own_address(void *user, const struct addr *a)
{
	struct keyd *k = user;

	return keyd_addresses_has(&k->addresses, keyd_now(k), a);
}

/* --- the agent's link ------------------------------------------------------- */

static void keyd_close(struct keyd *k, const char *why)
{
	if (!k->channel)
		return;
	log_notice("The agent's link is closed: %s.", why);
	k->io = sd_event_source_disable_unref(k->io);
	k->channel = channel_free(k->channel);
	k->greeted = false;
	k->link++;
}

static void keyd_watch(struct keyd *k)
{
	uint32_t events = EPOLLIN;

	if (channel_wants_out(k->channel))
		events |= EPOLLOUT;
	(void)sd_event_source_set_io_events(k->io, events);
}

static void keyd_send(struct keyd *k, const struct keyd_record *r)
{
	int e;

	if (!k->channel)
		return;
	e = channel_send(k->channel, r, NULL, 0);
	if (e == 0)
		keyd_watch(k);
	/* The descriptor reports the end by itself: whoever called us may
	 * stand in the middle of something. */
	else if (e == -ENOBUFS)
		(void)shutdown(channel_fd(k->channel), SHUT_RDWR);
}

static void keyd_send_keys(struct keyd *k)
{
	struct keyd_record r;

	for (unsigned i = 0; i < k->keys.count || i == 0; i++) {
		const struct own_key *key = &k->keys.list[i];

		keyd_record_init(&r, KEYD_KEY, 0);
		r.key.total = k->keys.count;
		r.key.refused = (uint16_t)k->keys.refused;
		if (k->keys.count) {
			r.key.id = key->id;
			r.key.spki_len = (uint16_t)key->spki_len;
			r.key.stage = key->life.stage;
			r.key.until = key->life.until;
			strcpy(r.key.name, key->name);
			memcpy(r.key.spki, key->spki, key->spki_len);
		}
		keyd_send(k, &r);
	}
}

static void keyd_tick(struct keyd *k)
{
	if (keyd_rotate_tick(&k->keys, keyd_today()) && k->greeted)
		keyd_send_keys(k);
}

static void keyd_refuse(struct keyd *k, const struct keyd_record *to,
			enum keyd_refused why)
{
	struct keyd_record r;

	log_limited(&k->limit, keyd_now(k), LOG_WARNING, NULL,
		    "A signature is refused: %s; %llu so far",
		    keyd_refused_name(why),
		    (unsigned long long)keyd_guard_refusals(&k->guard));
	keyd_record_init(&r, KEYD_SIGNED, to->seq);
	r.sig.error = keyd_refused_errno(why);
	keyd_send(k, &r);
}

/* Has the configuration another name for this host now? */
static bool keyd_identify(struct keyd *k)
{
	uint64_t now = keyd_now(k);
	struct ike_identity id;

	if (!k->identify || now - k->identified < IDENTIFY_MS)
		return false;
	k->identified = now;
	if (k->identify(k->user, &id) < 0 ||
	    ike_identity_equal(&id, &k->guard.identity))
		return false;
	log_info("LocalIdentity= is another one now.");
	k->guard.identity = id;
	return true;
}

static void keyd_on_sign(struct keyd *k, const struct keyd_record *r)
{
	struct own_key *key = NULL;
	struct keyd_job *job = NULL;
	struct keyd_record reply;
	enum keyd_refused why =
		keyd_guard_check(&k->guard, keyd_now(k), r, &key);

	if (why == KEYD_REFUSED_IDENTITY && keyd_identify(k))
		why = keyd_guard_check(&k->guard, keyd_now(k), r, &key);
	if (why != KEYD_REFUSED_NONE) {
		keyd_refuse(k, r, why);
		return;
	}
	if (keyd_sign_is_cheap(key->pkey)) {
		keyd_sign(r, key->pkey, &reply);
		keyd_send(k, &reply);
		return;
	}
	if (keyd_job_new(r, key, &job) == 0) {
		job->link = k->link;
		if (keyd_workers_add(k->workers, job) == 0)
			return;
	}
	keyd_job_free(job);
	keyd_guard_busy(&k->guard);
	keyd_refuse(k, r, KEYD_REFUSED_BUSY);
}

static void keyd_bad(struct keyd *k, const char *what)
{
	k->bad++;
	k->guard.counts[KEYD_REFUSED_FORM]++;
	log_limited(&k->limit, keyd_now(k), LOG_WARNING, NULL,
		    "A record of a wrong %s from the agent is dropped; are "
		    "both programs of one version?",
		    what);
}

static void keyd_seen(struct keyd *k, const struct keyd_record *r)
{
	const char *field;

	if (keyd_record_validate(r, &field) < 0)
		keyd_bad(k, field);
	else if (keyd_rotate_seen(&k->keys, r->seen.key, r->seen.ttl,
				  keyd_today()))
		keyd_send_keys(k);
}

static void keyd_on_record(struct keyd *k, const struct keyd_record *r)
{
	if (r->type == KEYD_ALIVE)
		return;
	if (r->type == KEYD_HELLO && !k->greeted) {
		k->greeted = true;
		keyd_send_keys(k);
	} else if (r->type == KEYD_SIGN && k->greeted) {
		keyd_on_sign(k, r);
	} else if (r->type == KEYD_SEEN && k->greeted) {
		keyd_seen(k, r);
	} else {
		keyd_bad(k, "type");
	}
}

/* One record. 0: nothing there; 1: go on; -errno: the link is dead. */
static int keyd_receive(struct keyd *k)
{
	struct keyd_record r;
	int n = channel_recv(k->channel, &r, NULL, NULL);

	if (n == -EBADMSG) {
		keyd_bad(k, "length");
		return 1;
	}
	if (n <= 0)
		return n;
	k->heard = keyd_now(k);
	if (r.version != KEYD_VERSION) {
		keyd_bad(k, "version");
	} else {
		k->bad = r.type == KEYD_SIGN ? 0 : k->bad;
		keyd_on_record(k, &r);
	}
	/* It holds SK_p. */
	explicit_bzero(&r, sizeof(r));
	return 1;
}

static int keyd_on_io(sd_event_source *s, int fd, uint32_t revents, void *user)
{
	struct keyd *k = user;
	int r = 1;

	(void)s;
	(void)fd;
	if (revents & EPOLLOUT)
		r = channel_flush(k->channel);
	for (int i = 0; i < KEYD_ROUND && k->channel && r > -1; i++) {
		r = keyd_receive(k);
		if (r == 0)
			break;
		if (k->bad > LIMIT_BAD_RECORDS)
			keyd_close(k, "too many records that are none");
	}
	if (r < 0)
		keyd_close(k, r == -EPIPE ? "the agent is gone" : strerror(-r));
	if (k->channel)
		keyd_watch(k);
	return 0;
}

/* --- who may be the agent --------------------------------------------------- */

/* The agent's user; where it does not exist, our own or root. */
static bool keyd_uid_ok(uid_t uid)
{
	uid_t agent;

	if (privilege_user(AGENT_USER, &agent) == 0)
		/* Where users cannot be changed we both stay what we are. */
		return uid == agent || uid == geteuid();
	return uid == geteuid() || uid == 0;
}

static int keyd_welcome(struct keyd *k, int fd)
{
	struct channel *c = NULL;
	uid_t uid;
	int r = channel_new(fd, sizeof(struct keyd_record), &c);

	if (r < 0)
		return r;
	r = channel_peer_uid(c, &uid);
	if (r == 0 && !keyd_uid_ok(uid)) {
		log_limited(
			&k->limit, keyd_now(k), LOG_WARNING, NULL,
			"A connection of user id %u is refused: only " AGENT_USER
			" may be the agent.",
			(unsigned)uid);
		r = -EPERM;
	}
	if (r == 0 && k->channel && keyd_now(k) - k->heard <= KEYD_HUNG_MS) {
		log_limited(&k->limit, keyd_now(k), LOG_WARNING, NULL,
			    "A second agent is refused: one lives.");
		r = -EBUSY;
	}
	if (r < 0) {
		channel_free(c);
		return r;
	}
	keyd_close(k, "a new agent takes over from one that hangs");
	k->channel = c;
	return 0;
}

static int keyd_on_listen(sd_event_source *s, int fd, uint32_t revents,
			  void *user)
{
	struct keyd *k = user;
	int c;

	(void)s;
	(void)revents;
	c = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (c < 0 || keyd_welcome(k, c) < 0)
		return 0;
	if (sd_event_add_io(k->event, &k->io, channel_fd(k->channel), EPOLLIN,
			    keyd_on_io, k) < 0) {
		k->channel = channel_free(k->channel);
		return 0;
	}
	k->heard = keyd_now(k);
	k->bad = 0;
	log_info("An agent has connected.");
	return 0;
}

static int keyd_on_timer(sd_event_source *s, uint64_t usec, void *user)
{
	struct keyd *k = user;
	struct keyd_record r;

	(void)usec;
	keyd_record_init(&r, KEYD_ALIVE, 0);
	keyd_send(k, &r);
	keyd_tick(k);
	(void)sd_event_source_set_time(s, (keyd_now(k) + KEYD_ALIVE_MS) * 1000);
	return 0;
}

/* --- keys that are made ----------------------------------------------------- */

static int keyd_make(struct keyd *k, const struct keyd_wanted *wanted)
{
	struct keyd_job *job = NULL;
	int r = keyd_job_new_key(wanted, &job);

	if (r == 0)
		r = keyd_workers_add(k->workers, job);
	if (r < 0)
		keyd_job_free(job);
	return r;
}

static void keyd_made(struct keyd *k, struct keyd_job *job)
{
	const struct keyd_wanted *wanted = &job->wanted;
	char print[OWN_KEY_FINGERPRINT_LEN], type[sizeof(job->made.type)];
	int r = job->made_error;

	if (r == 0) {
		own_key_fingerprint(job->made.spki, job->made.spki_len, print);
		memcpy(type, job->made.type, sizeof(type));
		r = keyd_rotate_add(&k->keys, wanted, &job->made);
	}
	if (wanted->name[0])
		keyd_orders_done(k->orders, r);
	if (r < 0) {
		log_warning("A key cannot be made: %s%s", strerror(-r),
			    wanted->name[0] ? ""
					    : "; peers that know only RSA will "
					      "not know us");
		return;
	}
	log_notice("%s %s of this host is made, %s",
		   wanted->name[0] ? "The next key" : "The key", type, print);
	if (k->greeted)
		keyd_send_keys(k);
}

/* A sentence for each way in which an order cannot be carried out. */
static void keyd_decline(struct key_order_reply *reply, const char *name,
			 int error, bool rotate)
{
	const char *what = *name ? name : "of this host";
	const char *why = strerror(-error);

	if (error == -ENOENT)
		why = rotate ? "there is no such active key: tacit key show "
			       "lists them"
			     : "no next key is there: tacit key rotate makes "
			       "it";
	else if (error == -EALREADY)
		why = "its next key is there already: publish that, or "
		      "remove it with tacit key rotate --cancel";
	else if (error == -EOPNOTSUPP)
		why = "keys of this kind are not made here: put the next one "
		      "beside it as NAME.next.pem, and restart tacit-keyd";
	else if (error == -ENOSPC)
		why = "there are too many keys: remove some files";
	reply->error = error;
	snprintf(reply->text, sizeof(reply->text), "key %s: %s", what, why);
}

static int keyd_rotate(struct keyd *k, const char *name, unsigned *ret_pending)
{
	struct keyd_wanted wanted[LIMIT_OWN_KEYS];
	int n = keyd_rotate_begin(&k->keys, name, wanted), r = 0;

	for (int i = 0; i < n && r == 0; i++) {
		r = keyd_make(k, &wanted[i]);
		*ret_pending += r == 0;
	}
	return r < 0 ? r : n;
}

static unsigned keyd_on_order(void *user, const struct key_order *o,
			      struct key_order_reply *reply)
{
	struct keyd *k = user;
	unsigned pending = 0;
	int r = -EPROTO;

	switch ((enum key_order_type)o->type) {
	case KEY_ORDER_ROTATE:
		r = keyd_rotate(k, o->name, &pending);
		break;
	case KEY_ORDER_FINISH:
		r = keyd_rotate_finish(&k->keys, o->name, keyd_today());
		break;
	case KEY_ORDER_CANCEL:
		r = keyd_rotate_cancel(&k->keys, o->name);
		break;
	case KEY_ORDER_TYPES:
		break;
	}
	if (r < 0)
		keyd_decline(reply, o->name, r, o->type == KEY_ORDER_ROTATE);
	else
		reply->count = (uint16_t)r;
	if (o->type == KEY_ORDER_FINISH)
		keyd_tick(k);
	else if (o->type == KEY_ORDER_CANCEL && k->greeted)
		keyd_send_keys(k);
	return pending;
}

/* --- finished work ---------------------------------------------------------- */

static int keyd_on_done(sd_event_source *s, int fd, uint32_t revents,
			void *user)
{
	struct keyd *k = user;
	struct keyd_job *job;

	(void)s;
	(void)fd;
	(void)revents;
	while ((job = keyd_workers_take(k->workers))) {
		if (!job->key)
			keyd_made(k, job);
		else if (job->link == k->link)
			keyd_send(k, &job->reply);
		keyd_job_free(job);
	}
	return 0;
}

/* --- making and freeing ----------------------------------------------------- */

static int keyd_watch_all(struct keyd *k, int listen_fd)
{
	int r = sd_event_add_io(k->event, &k->listener, listen_fd, EPOLLIN,
				keyd_on_listen, k);

	if (r < 0) {
		close(listen_fd);
		return r;
	}
	r = sd_event_source_set_io_fd_own(k->listener, 1);
	if (r >= 0)
		r = sd_event_add_io(k->event, &k->done,
				    keyd_workers_fd(k->workers), EPOLLIN,
				    keyd_on_done, k);
	if (r >= 0)
		r = sd_event_add_time(k->event, &k->timer, CLOCK_MONOTONIC,
				      (keyd_now(k) + KEYD_ALIVE_MS) * 1000,
				      100000, keyd_on_timer, k);
	if (r >= 0)
		r = sd_event_source_set_enabled(k->timer, SD_EVENT_ON);
	return r < 0 ? r : 0;
}

int keyd_new(sd_event *event, struct keyd_setup *setup, struct keyd **ret)
{
	const struct keyd_wanted rsa = { .kind = OWN_KEY_RSA_3072 };
	struct keyd *k = calloc(1, sizeof(*k));
	const struct keyd_orders_ops orders = { k, keyd_on_order };
	int r;

	if (!k) {
		close(setup->listen_fd);
		if (setup->order_fd >= 0)
			close(setup->order_fd);
		keyd_keys_done(&setup->keys);
		return -ENOMEM;
	}
	k->event = sd_event_ref(event);
	k->keys = setup->keys;
	setup->keys = (struct keyd_keys){ .dir = -1 };
	k->identify = setup->identify;
	k->user = setup->user;
	k->guard = (struct keyd_guard){
		.keys = &k->keys,
		.identity = setup->identity,
		.own_address = keyd_own_address,
		.user = k,
	};
	r = keyd_workers_new(&k->workers);
	if (r == 0)
		r = keyd_watch_all(k, setup->listen_fd);
	else
		close(setup->listen_fd);
	if (r == 0)
		r = keyd_orders_new(event, setup->order_fd, &orders,
				    &k->orders);
	else if (setup->order_fd >= 0)
		close(setup->order_fd);
	if (r < 0) {
		keyd_free(k);
		return r;
	}
	if (k->keys.make_rsa && keyd_make(k, &rsa) < 0)
		log_warning("An RSA key cannot be made.");
	/* What a crash has left half done. */
	keyd_tick(k);
	*ret = k;
	return 0;
}

struct keyd *keyd_free(struct keyd *k)
{
	if (!k)
		return NULL;
	if (keyd_guard_refusals(&k->guard))
		log_notice("%llu requests were refused, %llu carried out.",
			   (unsigned long long)keyd_guard_refusals(&k->guard),
			   (unsigned long long)k->guard.passed);
	sd_event_source_disable_unref(k->listener);
	sd_event_source_disable_unref(k->io);
	sd_event_source_disable_unref(k->timer);
	sd_event_source_disable_unref(k->done);
	keyd_orders_free(k->orders);
	keyd_workers_free(k->workers);
	channel_free(k->channel);
	keyd_keys_done(&k->keys);
	sd_event_unref(k->event);
	free(k);
	return NULL;
}
