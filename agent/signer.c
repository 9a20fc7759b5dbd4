/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The link to tacit-keyd. One timer does all: trying again, the heartbeat, and
 * giving up what has waited too long. Requests are in order of time.
 */
#include "agent/signer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "agent/keyd-record.h"
#include "util/channel.h"
#include "util/log.h"

#define SIGNER_TICK_MS	100u
#define SIGNER_RETRY_MS 200u
/* An IKE_AUTH that waits longer is retransmitted into the void. */
#define SIGNER_WAIT_MS 2000u
/* A keyd that has not said anything for so long is not asked any more. */
#define SIGNER_SILENT_MS 2500u
#define SIGNER_BATCH	 64

struct request {
	struct request *next;
	uint32_t seq;
	struct handle sa;
	uint64_t deadline;
};

struct signer {
	sd_event *event;
	char *path;
	struct signer_ops ops;
	struct channel *channel; /* NULL: not connected */
	sd_event_source *io, *timer;
	struct request *head, **tail;
	struct signer_key keys[LIMIT_OWN_KEYS];
	size_t n_keys, n_new; /* of a list that is coming in */
	unsigned refused;
	uint32_t seq;
	uint64_t heard, said_alive, tried; /* ms */
	bool greeted;			   /* it has told its keys */
	bool said;			   /* that it cannot be reached */
};

static uint64_t signer_now(const struct signer *s)
{
	uint64_t us = 0;

	(void)sd_event_now(s->event, CLOCK_MONOTONIC, &us);
	return us / 1000;
}

static void signer_finish(struct signer *s, struct request **at,
			  const void *data, size_t len, int error)
{
	struct request *r = *at;
	struct handle sa = r->sa;

	*at = r->next;
	if (s->tail == &r->next)
		s->tail = at;
	free(r);
	s->ops.done(s->ops.user, sa, data, len, error);
}

/* Told from the timer, never from within a call of the owner. */
static void signer_drop(struct signer *s, const char *why)
{
	if (!s->channel)
		return;
	log_warning("tacit-keyd: %s; connecting again", why);
	s->io = sd_event_source_disable_unref(s->io);
	s->channel = channel_free(s->channel);
	s->greeted = false;
	for (struct request *r = s->head; r; r = r->next)
		r->deadline = 0;
}

static void signer_watch(struct signer *s)
{
	uint32_t events = EPOLLIN;

	if (channel_wants_out(s->channel))
		events |= EPOLLOUT;
	sd_event_source_set_io_events(s->io, events);
}

static void signer_put(struct signer *s, const struct keyd_record *r)
{
	int n = channel_send(s->channel, r, NULL, 0);

	if (n < 0)
		signer_drop(s, n == -ENOBUFS ? "does not read" : "went away");
	else
		signer_watch(s);
}

/* A list comes one by one, each with the number of all. */
static void signer_on_key(struct signer *s, const struct keyd_key *k)
{
	struct signer_key *to = &s->keys[s->n_new];

	s->refused = k->refused;
	if (k->total > LIMIT_OWN_KEYS || k->total == 0) {
		s->n_keys = s->n_new = 0;
		s->greeted = true;
		s->ops.keys(s->ops.user);
		return;
	}
	to->id = k->id;
	memcpy(to->name, k->name, sizeof(to->name));
	memcpy(to->spki, k->spki, k->spki_len);
	to->spki_len = k->spki_len;
	to->stage = k->stage;
	to->until = k->until;
	if (++s->n_new < k->total)
		return;
	s->n_keys = s->n_new;
	s->n_new = 0;
	if (!s->greeted)
		log_info("tacit-keyd is there, with %zu key%s", s->n_keys,
			 s->n_keys == 1 ? "" : "s");
	s->greeted = true;
	s->ops.keys(s->ops.user);
}

static void signer_on_record(struct signer *s, const struct keyd_record *r)
{
	const char *field = NULL;

	if (keyd_record_validate(r, &field) < 0) {
		log_error("tacit-keyd sent a record with a wrong %s: are both "
			  "programs of one version?",
			  field);
		signer_drop(s, "speaks another language");
		return;
	}
	if (r->type == KEYD_KEY)
		signer_on_key(s, &r->key);
	if (r->type != KEYD_SIGNED)
		return;
	for (struct request **at = &s->head; *at; at = &(*at)->next) {
		if ((*at)->seq != r->seq)
			continue;
		signer_finish(s, at, r->sig.data, r->sig.len, r->sig.error);
		return;
	}
}

static int signer_on_io(sd_event_source *source, int fd, uint32_t revents,
			void *user)
{
	struct signer *s = user;

	(void)source;
	(void)fd;
	if (revents & EPOLLOUT && channel_flush(s->channel) < 0) {
		signer_drop(s, "went away");
		return 0;
	}
	for (int i = 0; i < SIGNER_BATCH && s->channel; i++) {
		struct keyd_record r;
		int n = channel_recv(s->channel, &r, NULL, NULL);

		if (n == 0)
			break;
		if (n < 0) {
			signer_drop(s, n == -EBADMSG
					       ? "sent a record of another size"
					       : "went away");
			return 0;
		}
		s->heard = signer_now(s);
		signer_on_record(s, &r);
	}
	if (s->channel)
		signer_watch(s);
	return 0;
}

static void signer_connect(struct signer *s)
{
	struct keyd_record hello;
	int fd, r;

	s->tried = signer_now(s);
	fd = channel_connect(s->path);
	if (fd < 0) {
		if (!s->said)
			log_warning("%s: %s; is tacit-keyd running? Trying "
				    "again, and anonymous meanwhile.",
				    s->path, strerror(-fd));
		s->said = true;
		return;
	}
	r = channel_new(fd, sizeof(struct keyd_record), &s->channel);
	if (r >= 0)
		r = sd_event_add_io(s->event, &s->io, channel_fd(s->channel),
				    EPOLLIN, signer_on_io, s);
	if (r < 0) {
		s->channel = channel_free(s->channel);
		return;
	}
	s->said = false;
	s->n_new = 0;
	s->heard = s->said_alive = signer_now(s);
	keyd_record_init(&hello, KEYD_HELLO, 0);
	signer_put(s, &hello);
}

static void signer_beat(struct signer *s, uint64_t now)
{
	struct keyd_record alive;

	if (now - s->heard > KEYD_HUNG_MS) {
		signer_drop(s, "is silent");
		return;
	}
	if (now - s->said_alive < KEYD_ALIVE_MS)
		return;
	s->said_alive = now;
	keyd_record_init(&alive, KEYD_ALIVE, 0);
	signer_put(s, &alive);
}

static int signer_on_timer(sd_event_source *source, uint64_t usec, void *user)
{
	struct signer *s = user;
	uint64_t now = signer_now(s);
	uint32_t tick = SIGNER_TICK_MS;

	(void)usec;
	if (s->channel)
		signer_beat(s, now);
	else if (now - s->tried >= SIGNER_RETRY_MS)
		signer_connect(s);
	while (s->head && s->head->deadline <= now)
		signer_finish(s, &s->head, NULL, 0,
			      s->head->deadline ? -ETIMEDOUT : -EPIPE);
	/* An agent that is idle is not woken ten times a second. */
	if (!s->head && s->channel)
		tick = KEYD_ALIVE_MS;
	sd_event_source_set_time(source, (now + tick) * 1000);
	return 0;
}

int signer_new(sd_event *event, const char *path, const struct signer_ops *ops,
	       struct signer **ret)
{
	struct signer *s = calloc(1, sizeof(*s));
	int r = -ENOMEM;

	if (!s)
		return -ENOMEM;
	s->event = sd_event_ref(event);
	s->ops = *ops;
	s->tail = &s->head;
	s->path = strdup(path);
	if (s->path)
		r = sd_event_add_time(event, &s->timer, CLOCK_MONOTONIC, 0,
				      20000, signer_on_timer, s);
	if (r >= 0)
		r = sd_event_source_set_enabled(s->timer, SD_EVENT_ON);
	if (r < 0) {
		signer_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

struct signer *signer_free(struct signer *s)
{
	if (!s)
		return NULL;
	while (s->head) {
		struct request *r = s->head;

		s->head = r->next;
		free(r);
	}
	sd_event_source_disable_unref(s->io);
	sd_event_source_disable_unref(s->timer);
	channel_free(s->channel);
	sd_event_unref(s->event);
	free(s->path);
	free(s);
	return NULL;
}

bool signer_is_up(const struct signer *s)
{
	return s->greeted && s->channel &&
	       signer_now(s) - s->heard <= SIGNER_SILENT_MS;
}

unsigned signer_refused(const struct signer *s)
{
	return s->refused;
}

size_t signer_keys(const struct signer *s, const struct signer_key **ret)
{
	*ret = s->keys;
	return s->n_keys;
}

void signer_seen(struct signer *s, uint64_t key, uint32_t ttl)
{
	struct keyd_record r;

	if (!signer_is_up(s))
		return;
	keyd_record_init(&r, KEYD_SEEN, 0);
	r.seen.key = key;
	r.seen.ttl = ttl;
	signer_put(s, &r);
}

static int signer_fill(struct keyd_sign *to, const struct ike_sign *what)
{
	if (what->message_len > sizeof(to->message) ||
	    what->sk_p.len > sizeof(to->secret) ||
	    what->id.len > sizeof(to->identity) ||
	    what->nonce.len > sizeof(to->nonce))
		return -EMSGSIZE;
	to->key = what->key;
	to->algorithm = (uint16_t)what->algorithm;
	to->prf = what->prf;
	to->initiator = what->initiator;
	to->identity_type = what->id.type;
	to->identity_len = what->id.len;
	to->secret_len = what->sk_p.len;
	to->nonce_len = what->nonce.len;
	to->message_len = (uint16_t)what->message_len;
	memcpy(to->identity, what->id.data, what->id.len);
	memcpy(to->secret, what->sk_p.data, what->sk_p.len);
	memcpy(to->nonce, what->nonce.data, what->nonce.len);
	memcpy(to->message, what->message, what->message_len);
	return 0;
}

/* Moved only when it stands at an idle agent's pace: that costs a system call. */
static void signer_tick_soon(struct signer *s)
{
	uint64_t soon = (signer_now(s) + SIGNER_TICK_MS) * 1000, at = 0;

	if (sd_event_source_get_time(s->timer, &at) < 0 || at > soon)
		sd_event_source_set_time(s->timer, soon);
}

int signer_request(struct signer *s, struct handle sa,
		   const struct ike_sign *what)
{
	struct keyd_record r;
	struct request *q;
	int rc;

	if (!signer_is_up(s))
		return -EPIPE;
	keyd_record_init(&r, KEYD_SIGN, ++s->seq);
	rc = signer_fill(&r.sign, what);
	if (rc < 0)
		return rc;
	q = calloc(1, sizeof(*q));
	if (!q) {
		secret_wipe(&r, sizeof(r));
		return -ENOMEM;
	}
	q->seq = s->seq;
	q->sa = sa;
	q->deadline = signer_now(s) + SIGNER_WAIT_MS;
	*s->tail = q;
	s->tail = &q->next;
	signer_put(s, &r);
	secret_wipe(&r, sizeof(r));
	signer_tick_soon(s);
	return 0;
}
