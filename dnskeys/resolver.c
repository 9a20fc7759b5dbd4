/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libunbound's context and our questions to it. A question is freed with its
 * answer; of one that was cancelled nobody hears.
 */
#include "config.h"

#include "dnskeys/resolver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unbound.h>
#include <unistd.h>

#include "dnskeys/name.h"
#include "util/limits.h"

#define CLASS_IN 1
#define TYPE_A	 1

enum rcode { /* RFC 1035 4.1.1 */
	     RCODE_NOERROR = 0,
	     RCODE_NXDOMAIN = 3,
};

/*
 * Questions go to the library's thread through a socket, into which it writes
 * until it can: with a thread that has much to verify, a burst would make us
 * wait for it. So only BATCH are handed over unseen; behind them goes a question
 * that the thread answers by itself, at once and in its turn, and when that
 * answer is there it has read them all.
 */
#define BATCH  32u
#define MARKER "localhost."

/* Of either kind in one go. The library calls back for all answers that there
 * are, and while they are being judged its thread has the next ones: so they are
 * only kept then, and told a few at a time. */
#define ROUND 8u

struct question {
	struct resolver *resolver;
	struct question *next; /* to be handed over, or answered */
	struct handle handle;
	resolver_callback *callback; /* NULL: cancelled */
	void *user;
	int error;
	struct ub_result *result;
	uint16_t type;
	char name[];
};

struct list {
	struct question *first, **end;
};

struct resolver {
	struct ub_ctx *ub;
	int fd;	  /* an epoll of the library's and of more */
	int more; /* an eventfd, readable while more_is_set */
	bool more_is_set;
	struct slots *questions;
	size_t cancelled;
	struct list waiting, answered;
	unsigned unseen;	       /* handed over since the last marker */
	bool marked;		       /* one is under way */
	struct resolver_config config; /* with copies of our own */
};

const char *dns_verdict_name(enum dns_verdict v)
{
	static const char *const names[] = {
		[DNS_SECURE] = "secure",
		[DNS_INSECURE] = "insecure",
		[DNS_BOGUS] = "bogus",
		[DNS_NONE] = "none",
		[DNS_UNREACHABLE] = "unreachable",
	};

	return names[v];
}

/* --- the context ---------------------------------------------------------- */

static int error_of(int ub)
{
	switch (ub) {
	case UB_NOERROR:
		return 0;
	case UB_NOMEM:
		return -ENOMEM;
	case UB_SYNTAX:
		return -EINVAL;
	case UB_READFILE:
		return -ENOENT;
	}
	return -EAGAIN;
}

/*
 * Caches are ours (keys by address); the library keeps enough to share what
 * the chains of trust have in common. Stripped signatures are bogus, and a
 * denial that was proven once answers for its whole span (RFC 8198), which a
 * host that knocks at many addresses asks for all the time.
 */
static const struct {
	const char *option, *value;
} options[] = {
	{ "msg-cache-size:", "1m" },
	{ "rrset-cache-size:", "2m" },
	{ "key-cache-size:", "512k" },
	{ "neg-cache-size:", "256k" },
	{ "outgoing-range:", "1024" },
	{ "num-queries-per-thread:", "1024" },
	{ "harden-dnssec-stripped:", "yes" },
	{ "harden-glue:", "yes" },
	{ "aggressive-nsec:", "yes" },
	{ "qname-minimisation:", "yes" },
	{ "infra-keep-probing:", "yes" },
	{ "val-bogus-ttl:", "10" },
	/* Private networks have reverse trees of their own. */
	{ "unblock-lan-zones:", "yes" },
	{ "use-syslog:", "no" },
	{ "log-queries:", "no" },
	{ "do-not-query-localhost:", "no" },
};

static int set_options(struct ub_ctx *ub)
{
	int rc = 0;

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]) && !rc; i++)
		rc = ub_ctx_set_option(ub, options[i].option, options[i].value);
	return error_of(rc);
}

static int add_anchors(struct ub_ctx *ub, const char *const *files)
{
	size_t n = 0;
	int rc;

	for (; files && *files; files++) {
		if (access(*files, R_OK) < 0)
			continue;
		rc = error_of(ub_ctx_add_ta_file(ub, *files));
		if (rc < 0)
			return rc;
		n++;
	}
	return n ? 0 : -ENOENT;
}

static int add_forwarders(struct ub_ctx *ub, const struct resolver_config *c)
{
	const char *bundle = c->tls_bundle
				     ? c->tls_bundle
				     : "/etc/ssl/certs/ca-certificates.crt";
	int rc = 0;

	for (const char *const *f = c->forwarders; f && *f && !rc; f++)
		rc = error_of(ub_ctx_set_fwd(ub, *f));
	if (rc == 0 && c->tls)
		rc = error_of(ub_ctx_set_tls(ub, 1));
	/* Without it no certificate holds, which servers without a name do not
	 * need; the library would do nothing at all. */
	if (rc == 0 && c->tls && access(bundle, R_OK) == 0)
		rc = error_of(
			ub_ctx_set_option(ub, "tls-cert-bundle:", bundle));
	return rc;
}

/* What may stand in quotes in the library's configuration. */
static bool is_plain(const char *text)
{
	for (; *text; text++)
		if (*text <= ' ' || *text > '~' || *text == '"')
			return false;
	return true;
}

/* The library's call for this takes servers that have the zone, not resolvers
 * that look for it: those it only reads from a file. */
static int write_zones(FILE *f, const char *const *zones)
{
	for (const char *const *z = zones; z[0] && z[1]; z += 2) {
		const char *const *first = zones;

		if (!is_plain(z[0]) || !is_plain(z[1]))
			return -EINVAL;
		while (strcasecmp(first[0], z[0]) != 0)
			first += 2;
		if (first != z)
			continue; /* with the first of its servers */
		fprintf(f, "forward-zone:\n name: \"%s\"\n", z[0]);
		for (; first[0] && first[1]; first += 2)
			if (!strcasecmp(first[0], z[0]))
				fprintf(f, " forward-addr: \"%s\"\n", first[1]);
	}
	return fflush(f) ? -errno : 0;
}

static int add_zones(struct ub_ctx *ub, const char *const *zones)
{
	char path[64];
	FILE *f;
	int fd, rc;

	if (!zones || !zones[0])
		return 0;
	fd = memfd_create("zones", MFD_CLOEXEC);
	f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f) {
		rc = -errno;
		if (fd >= 0)
			close(fd);
		return rc;
	}
	rc = write_zones(f, zones);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (rc == 0)
		rc = error_of(ub_ctx_config(ub, path));
	fclose(f);
	return rc;
}

static int configure(struct ub_ctx *ub, const struct resolver_config *c)
{
	int rc;

	/* What goes wrong is in the answers: a stranger's name servers shall
	 * not write to our log. */
	rc = error_of(ub_ctx_debugout(ub, NULL));
	if (rc == 0)
		rc = set_options(ub);
	if (rc == 0)
		rc = add_anchors(ub, c->anchors);
	if (rc == 0)
		rc = add_forwarders(ub, c);
	if (rc == 0)
		rc = add_zones(ub, c->zones);
	if (rc == 0 && c->root_hints)
		rc = error_of(
			ub_ctx_set_option(ub, "root-hints:", c->root_hints));
	/* A thread, not a process: nothing is forked. */
	if (rc == 0)
		rc = error_of(ub_ctx_async(ub, 1));
	/* Last, since it ends configuration: what administrators use in
	 * private is not the library's to deny (RFC 6761 6.2). */
	if (rc == 0)
		rc = error_of(ub_ctx_zone_remove(ub, "test."));
	return rc;
}

/* --- a copy of the configuration -------------------------------------------- */

static void list_free(const char *const *list)
{
	for (size_t i = 0; list && list[i]; i++)
		free((char *)list[i]);
	free((void *)list);
}

/* *ok false: no memory. An empty list is NULL. */
static const char *const *list_copy(const char *const *list, bool *ok)
{
	const char **copy;
	size_t n = 0;

	while (list && list[n])
		n++;
	if (!n)
		return NULL;
	copy = calloc(n + 1, sizeof(*copy));
	for (size_t i = 0; copy && i < n; i++) {
		copy[i] = strdup(list[i]);
		*ok &= copy[i] != NULL;
	}
	*ok &= copy != NULL;
	return copy;
}

static const char *text_copy(const char *text, bool *ok)
{
	char *copy = text ? strdup(text) : NULL;

	*ok &= !text || copy;
	return copy;
}

static int config_copy(const struct resolver_config *c,
		       struct resolver_config *ret)
{
	bool ok = true;

	ret->anchors = list_copy(c->anchors, &ok);
	ret->forwarders = list_copy(c->forwarders, &ok);
	ret->tls = c->tls;
	ret->tls_bundle = text_copy(c->tls_bundle, &ok);
	ret->zones = list_copy(c->zones, &ok);
	ret->root_hints = text_copy(c->root_hints, &ok);
	return ok ? 0 : -ENOMEM;
}

static void config_done(struct resolver_config *c)
{
	list_free(c->anchors);
	list_free(c->forwarders);
	list_free(c->zones);
	free((char *)c->tls_bundle);
	free((char *)c->root_hints);
}

const struct resolver_config *resolver_config_of(const struct resolver *r)
{
	return &r->config;
}

/* --- making and freeing ------------------------------------------------------- */

static int watch(struct resolver *r)
{
	struct epoll_event e = { .events = EPOLLIN };

	r->fd = epoll_create1(EPOLL_CLOEXEC);
	r->more = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->fd < 0 || r->more < 0 ||
	    epoll_ctl(r->fd, EPOLL_CTL_ADD, r->more, &e) < 0 ||
	    epoll_ctl(r->fd, EPOLL_CTL_ADD, ub_fd(r->ub), &e) < 0)
		return -errno;
	return 0;
}

static void on_first(void *user, int err, struct ub_result *u)
{
	(void)user;
	(void)err;
	ub_resolve_free(u);
}

/* A library that was built without TLS says so with the first question only, and
 * not what it is that it cannot: one that it answers by itself. */
static int try_tls(struct resolver *r)
{
	return ub_resolve_async(r->ub, MARKER, TYPE_A, CLASS_IN, NULL, on_first,
				NULL) == 0
		       ? 0
		       : -EPROTONOSUPPORT;
}

int resolver_new(const struct resolver_config *config, struct resolver **ret)
{
	struct resolver *r = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return -ENOMEM;
	r->waiting.end = &r->waiting.first;
	r->answered.end = &r->answered.first;
	r->fd = r->more = -1;
	r->questions = slots_new(LIMIT_DNS_QUERIES);
	r->ub = ub_ctx_create();
	rc = r->ub && r->questions ? config_copy(config, &r->config) : -ENOMEM;
	if (rc == 0)
		rc = watch(r);
	if (rc == 0)
		rc = configure(r->ub, config);
	if (rc == 0 && config->tls)
		rc = try_tls(r);
	if (rc < 0) {
		resolver_free(r);
		return rc;
	}
	*ret = r;
	return 0;
}

static void forget(struct question *q)
{
	struct resolver *r = q->resolver;

	(void)slots_remove(r->questions, q->handle);
	r->cancelled -= !q->callback;
	ub_resolve_free(q->result);
	free(q);
}

struct resolver *resolver_free(struct resolver *r)
{
	struct question *q;
	uint32_t cursor = 0;

	if (!r)
		return NULL;
	/* Its thread is over after that, and nobody is called back. */
	ub_ctx_delete(r->ub);
	while (r->questions && (q = slots_next(r->questions, &cursor)))
		forget(q);
	slots_free(r->questions);
	config_done(&r->config);
	if (r->more >= 0)
		close(r->more);
	if (r->fd >= 0)
		close(r->fd);
	free(r);
	return NULL;
}

int resolver_fd(const struct resolver *r)
{
	return r->fd;
}

size_t resolver_pending(const struct resolver *r)
{
	return slots_count(r->questions) - r->cancelled;
}

/* --- questions -------------------------------------------------------------- */

static void list_put(struct list *l, struct question *q)
{
	q->next = NULL;
	*l->end = q;
	l->end = &q->next;
}

static struct question *list_take(struct list *l)
{
	struct question *q = l->first;

	if (!q)
		return NULL;
	l->first = q->next;
	if (!l->first)
		l->end = &l->first;
	return q;
}

/*
 * "None" needs an answer that says so: NXDOMAIN or an empty NOERROR, which the
 * validator has either proven or found to lie below a proven gap in the chain.
 */
static enum dns_verdict judge(int err, const struct ub_result *u)
{
	if (err || !u)
		return DNS_UNREACHABLE;
	if (u->bogus)
		return DNS_BOGUS;
	if (u->rcode != RCODE_NOERROR && u->rcode != RCODE_NXDOMAIN)
		return DNS_UNREACHABLE;
	if (!u->havedata)
		return DNS_NONE;
	return u->secure ? DNS_SECURE : DNS_INSECURE;
}

static const char *reason(int err, const struct ub_result *u,
			  enum dns_verdict verdict)
{
	if (verdict == DNS_BOGUS)
		return u->why_bogus ? u->why_bogus : "validation failed";
	if (verdict != DNS_UNREACHABLE)
		return NULL;
	if (err)
		return ub_strerror(err);
	return "no server gave an answer";
}

/* The question is gone when its owner is told. */
static void tell(struct question *q)
{
	resolver_callback *callback = q->callback;
	struct ub_result *u = q->result;
	void *whose = q->user;
	struct dns_record records[LIMIT_DNS_RECORDS];
	struct dns_answer a = { .records = records };

	a.verdict = judge(q->error, u);
	a.why = reason(q->error, u, a.verdict);
	a.ttl = u && u->ttl > 0 ? (uint32_t)u->ttl : 0;
	for (size_t i = 0; u && u->havedata && u->data[i]; i++) {
		if (a.n == LIMIT_DNS_RECORDS)
			break;
		records[a.n].data = (const uint8_t *)u->data[i];
		records[a.n++].len = (size_t)u->len[i];
	}
	q->result = NULL;
	forget(q);
	if (callback)
		callback(whose, &a);
	ub_resolve_free(u);
}

static void on_answer(void *user, int err, struct ub_result *u)
{
	struct question *q = user;

	q->error = err;
	q->result = u;
	list_put(&q->resolver->answered, q);
}

static void on_marker(void *user, int err, struct ub_result *u)
{
	struct resolver *r = user;

	(void)err;
	ub_resolve_free(u);
	r->marked = false;
	r->unseen = 0;
}

static int hand_over(struct resolver *r, struct question *q)
{
	r->unseen++;
	return error_of(ub_resolve_async(r->ub, q->name, q->type, CLASS_IN, q,
					 on_answer, NULL));
}

/* Those that wait go as far as nobody has to wait for them. */
static void pump(struct resolver *r)
{
	struct question *q;

	for (unsigned i = 0; i < ROUND && r->unseen < BATCH; i++) {
		q = list_take(&r->waiting);
		if (!q)
			break;
		if (!q->callback)
			forget(q);
		else if (hand_over(r, q) < 0)
			on_answer(q, UB_NOMEM, NULL);
	}
	if (r->unseen == BATCH && !r->marked)
		r->marked = ub_resolve_async(r->ub, MARKER, TYPE_A, CLASS_IN, r,
					     on_marker, NULL) == 0;
}

/* Our own part of the descriptor: is there something left to do? */
static void settle(struct resolver *r)
{
	bool more =
		r->answered.first || (r->waiting.first && r->unseen < BATCH);
	uint64_t n = 1;

	if (more == r->more_is_set)
		return;
	r->more_is_set = more;
	if (more)
		(void)!write(r->more, &n, sizeof(n));
	else
		(void)!read(r->more, &n, sizeof(n));
}

void resolver_process(struct resolver *r)
{
	struct question *q;

	(void)ub_process(r->ub);
	for (unsigned i = 0; i < ROUND; i++) {
		q = list_take(&r->answered);
		if (!q)
			break;
		tell(q);
	}
	pump(r);
	settle(r);
}

static struct question *question_new(struct resolver *r, const char *name,
				     uint16_t type, resolver_callback *callback,
				     void *user)
{
	size_t len = strlen(name) + 1;
	struct question *q = malloc(sizeof(*q) + len);

	if (!q)
		return NULL;
	*q = (struct question){
		.resolver = r, .callback = callback, .user = user, .type = type
	};
	memcpy(q->name, name, len);
	return q;
}

int resolver_ask(struct resolver *r, const char *name, uint16_t type,
		 resolver_callback *callback, void *user, struct handle *ret)
{
	struct question *q;
	int rc;

	if (!name_is_valid(name))
		return -EINVAL;
	q = question_new(r, name, type, callback, user);
	if (!q)
		return -ENOMEM;
	rc = slots_add(r->questions, q, &q->handle);
	if (rc < 0) {
		free(q);
		return rc == -ENOSPC ? -ENOBUFS : rc;
	}
	/* Alone it goes at once, and what is wrong with it is told. */
	if (r->unseen < BATCH && !r->waiting.first)
		rc = hand_over(r, q);
	else
		list_put(&r->waiting, q);
	if (rc < 0) {
		forget(q);
		return rc;
	}
	*ret = q->handle;
	pump(r);
	settle(r);
	return 0;
}

void resolver_cancel(struct resolver *r, struct handle question)
{
	struct question *q = slots_get(r->questions, question);

	/* Telling the library would wait for its thread, too. */
	if (!q || !q->callback)
		return;
	q->callback = NULL;
	r->cancelled++;
}
