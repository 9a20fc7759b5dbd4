/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Questions of the engine become look-ups, key sets become answers. Only what
 * is secure proves anything; the rest is the reason why a peer has no key.
 */
#include "config.h"

#include "agent/key-dns.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/dns-servers.h"
#include "agent/nameserver-watch.h"
#include "dnskeys/name.h"
#include "util/log.h"

/* A resolver all of whose answers are bogus for so long begins anew. */
#define DOUBT_MS 5000u

/* When the name servers do not answer, a peer is asked about again after. */
#define UNREACHABLE_MS 5000u

/* Where distributions keep the root's key. */
static const char *const usual_anchors[] = {
	"/usr/share/dns/root.key",
	"/var/lib/unbound/root.key",
	"/etc/unbound/root.key",
	"/etc/trusted-key.key",
	NULL,
};

/* Whose keys a question is about, and who may be in front of it. */
struct subject {
	const struct key_dns *dns;
	struct addr peer;
	bool begins;
	uint8_t way;
	struct addr gateway; /* of struct key_question */
};

/* A question that waits. */
struct waiting {
	struct waiting *next, **previous;
	struct key_dns *dns;
	struct handle ticket, waiter;
	struct subject subject;
	sd_event_source *timer;
};

struct key_dns {
	sd_event *event;
	const struct config_dns *config;
	struct key_dns_ops ops;
	struct resolver *resolver;
	sd_event_source *io;
	sd_event_source *doubt;		/* armed by an answer that is bogus */
	uint64_t proven;		/* when one was not */
	struct nameserver_watch *watch; /* NULL: not the system's servers */
	struct resolved *resolved;	/* likewise */
	struct dns_servers servers;	/* of the resolver */
	struct key_cache *cache;
	struct waiting *waiting;
	const char *fault;
};

static uint64_t now_ms(const struct key_dns *d)
{
	uint64_t us = 0;

	(void)sd_event_now(d->event, CLOCK_MONOTONIC, &us);
	return us / 1000;
}

/* --- the resolver ------------------------------------------------------------- */

static int on_resolver(sd_event_source *source, int fd, uint32_t revents,
		       void *user)
{
	struct key_dns *d = user;

	(void)source;
	(void)fd;
	(void)revents;
	resolver_process(d->resolver);
	return 0;
}

static const char *fault_of(int rc)
{
	if (rc == -ENOENT)
		return "there is no DNSSEC trust anchor: install the package "
		       "dns-root-data, or name a file in TrustAnchors=";
	if (rc == -EPROTONOSUPPORT)
		return "TLS=yes, and this system's libunbound is built without "
		       "TLS, as that of Debian 12 is: set TLS=no, or use a "
		       "system whose libunbound has it";
	if (rc == -ENETDOWN)
		return "this system has no name servers now: it is looked "
		       "for new ones, or name some in Servers=";
	return "the resolver could not be started";
}

static int make_resolver(struct key_dns *d, struct resolver **ret)
{
	const struct config_dns *c = d->config;
	const struct resolver_config rc = {
		.anchors = c->anchors ? (const char *const *)c->anchors
				      : usual_anchors,
		.tls = c->tls,
		.root_hints = c->root_hints,
		.forwarders = (const char *const *)d->servers.forwarders,
		.zones = (const char *const *)d->servers.zones,
	};

	return resolver_new(&rc, ret);
}

/* A new resolver in the old one's place; r: whether there are servers. */
static void restart(struct key_dns *d, int r)
{
	struct resolver *fresh = NULL;
	const char *before = d->fault;

	if (r == 0)
		r = make_resolver(d, &fresh);
	d->fault = r < 0 ? fault_of(r) : NULL;
	if (d->fault && d->fault != before)
		log_warning("keys from DNS: %s", d->fault);
	key_cache_set_resolver(d->cache, now_ms(d), fresh);
	d->io = sd_event_source_disable_unref(d->io);
	resolver_free(d->resolver);
	d->resolver = fresh;
	if (fresh && sd_event_add_io(d->event, &d->io, resolver_fd(fresh),
				     EPOLLIN, on_resolver, d) < 0)
		log_warning("keys from DNS: answers cannot be waited for");
}

/* Who is asked, as of now; another resolver where that is another. */
static void follow(struct key_dns *d)
{
	static const struct nameservers none;
	struct dns_servers servers;
	int r = dns_servers_make(
		d->config, d->watch ? nameserver_watch_get(d->watch) : &none,
		d->resolved ? resolved_get(d->resolved) : NULL, &servers);

	if (d->resolver && dns_servers_equal(&servers, &d->servers)) {
		dns_servers_done(&servers);
		return;
	}
	dns_servers_done(&d->servers);
	d->servers = servers;
	restart(d, r);
}

/*
 * Behind a captive portal no chain of trust holds, and libunbound remembers for
 * a minute that it could not get the root's keys. What has proven nothing is no
 * loss.
 */
static int on_doubt(sd_event_source *source, uint64_t usec, void *user)
{
	struct key_dns *d = user;

	(void)source;
	(void)usec;
	d->doubt = sd_event_source_disable_unref(d->doubt);
	if (now_ms(d) - d->proven >= DOUBT_MS)
		restart(d, 0);
	return 0;
}

static void note(struct key_dns *d, const struct keyset *keys)
{
	if (keys->status != KEYSET_BOGUS && keys->status != KEYSET_UNREACHABLE)
		d->proven = now_ms(d);
	else if (keys->status == KEYSET_BOGUS && !d->doubt)
		(void)sd_event_add_time_relative(
			d->event, &d->doubt, CLOCK_MONOTONIC,
			1000ull * DOUBT_MS, 0, on_doubt, d);
}

static void on_resolved(void *user)
{
	follow(user);
}

static void on_nameservers(void *user, const struct nameservers *now)
{
	struct key_dns *d = user;

	(void)now;
	follow(d);
	resolved_refresh(d->resolved);
}

/* The system's: from its files at once, and as systemd-resolved routes. */
static int watch_system(struct key_dns *d)
{
	int r = resolved_new(d->event, on_resolved, d, &d->resolved);

	if (r == 0)
		r = nameserver_watch_new(d->event, on_nameservers, d,
					 &d->watch);
	if (r == 0)
		resolved_refresh(d->resolved);
	return r;
}

/* --- questions ---------------------------------------------------------------- */

static struct waiting *waiting_free(struct waiting *w)
{
	*w->previous = w->next;
	if (w->next)
		w->next->previous = w->previous;
	sd_event_source_disable_unref(w->timer);
	free(w);
	return NULL;
}

/* The name without its last dot, as an identity. */
static int identity_of_name(const char *name, struct ike_identity *ret)
{
	char text[IKE_IDENTITY_STRLEN];
	size_t len = strlen(name);

	if (len < 2 || len >= sizeof(text) - 1)
		return -EINVAL;
	snprintf(text, sizeof(text), "@%.*s", (int)(len - 1), name);
	return ike_identity_parse(text, ret);
}

static struct subject subject_of(const struct key_dns *d,
				 const struct key_question *q)
{
	return (struct subject){ d, q->remote, q->begins, q->way, q->gateway };
}

static bool may_use(void *user, const struct addr *gateway)
{
	const struct subject *s = user;
	const struct key_dns_ops *ops = &s->dns->ops;

	return ops->gateway && ops->gateway(ops->user, &s->peer, gateway);
}

/* The keys of one way. Only the reverse tree is the address's own, so that it
 * can say by whom the address is reached. */
static int choose_way(struct subject *s, const struct keyset *keys,
		      struct key_answer *ret)
{
	const struct key_ways ways = {
		.peer = s->peer,
		.may = s->begins && keys->source == KEYSET_REVERSE ? may_use
								   : NULL,
		.user = s,
	};
	unsigned number = s->way;

	if (s->gateway.family)
		number = key_way_find(keys, &ways, &s->gateway);
	return key_way_choose(keys, &ways, number, &ret->way, &ret->keys);
}

/* Who it is that proves itself by these keys: the gateway is who the records
 * name, by its name or by its address. */
static int name_end(const struct addr *peer, struct key_answer *a)
{
	const struct keyset *keys = a->keys;
	const struct addr *end = a->way.gateway.family ? &a->way.gateway : peer;

	if (a->way.gateway.family ? !keys->name
				  : keys->source == KEYSET_REVERSE) {
		a->identity = ike_identity_of_addr(end);
		return 0;
	}
	return identity_of_name(keys->name, &a->identity);
}

/* What a key set means for the question, as find(), for so long. */
static int judge(struct subject *s, const struct keyset *keys,
		 uint64_t lifetime_ms, struct key_answer *ret)
{
	struct key_answer a = { .lifetime_ms = lifetime_ms };

	*ret = a;
	if (keys->mismatch)
		return -EPERM;
	switch (keys->status) {
	case KEYSET_BOGUS:
		return -EBADMSG;
	case KEYSET_UNREACHABLE:
		return -ENETUNREACH;
	case KEYSET_INSECURE:
	case KEYSET_NONE:
		return -ENOENT;
	case KEYSET_SECURE:
		break;
	}
	if (choose_way(s, keys, &a) < 0)
		return -ENOENT;
	if (name_end(&s->peer, &a) < 0) {
		key_answer_done(&a);
		return -ENOENT;
	}
	*ret = a;
	return 0;
}

static void conclude(struct waiting *w, int found, struct key_answer *answer)
{
	struct key_dns *d = w->dns;
	struct handle ticket = w->ticket;

	waiting_free(w);
	d->ops.answer(d->ops.user, ticket, found, answer);
}

static void on_keys(void *user, struct keyset *keys)
{
	struct waiting *w = user;
	struct key_answer answer;
	int found = judge(&w->subject, keys,
			  key_cache_lifetime(w->dns->cache, keys), &answer);

	note(w->dns, keys);
	conclude(w, found, &answer);
}

/* The policy's budget is spent. What comes later is in the cache for the next
 * attempt. */
static int on_late(sd_event_source *source, uint64_t usec, void *user)
{
	struct waiting *w = user;
	struct key_answer none = { .lifetime_ms = UNREACHABLE_MS };

	(void)source;
	(void)usec;
	key_cache_cancel(w->dns->cache, w->waiter);
	conclude(w, -ENETUNREACH, &none);
	return 0;
}

static int wait_for(struct key_dns *d, const struct key_question *q,
		    const struct lookup_request *request)
{
	struct waiting *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENETUNREACH;
	w->dns = d;
	w->ticket = q->ticket;
	w->subject = subject_of(d, q);
	w->next = d->waiting;
	w->previous = &d->waiting;
	if (w->next)
		w->next->previous = &w->next;
	d->waiting = w;
	r = sd_event_add_time(d->event, &w->timer, CLOCK_MONOTONIC,
			      1000 * q->until, 0, on_late, w);
	if (r >= 0)
		r = key_cache_ask(d->cache, now_ms(d), request, on_keys, w,
				  &w->waiter);
	if (r >= 0)
		return -EINPROGRESS;
	waiting_free(w);
	return r == -EINVAL ? -ENOENT : -ENETUNREACH;
}

/* The only name that the policy has, which is then the one to ask. */
static const char *name_of_policy(const struct policy *p)
{
	const char *name = p && p->n_identities == 1 ? p->identities[0] : NULL;

	return name && name[0] == '@' && name[1] != '*' ? name + 1 : NULL;
}

/* Does the policy name this very peer? Where it is not alone, only one that is
 * for those that it names: they may be anywhere. */
static bool is_expected(const struct policy *p, const char *identity)
{
	return (p->named || p->n_identities == 1) &&
	       policy_names_identity(p, identity);
}

/* 0, and what is to be looked up, where name is room for one; -EPERM;
 * -ENOENT: DNS cannot know. */
static int request_of(const struct key_question *q, char *name,
		      struct lookup_request *ret)
{
	struct ike_identity address = ike_identity_of_addr(&q->remote);
	const char *known;
	char text[IKE_IDENTITY_STRLEN];

	*ret = (struct lookup_request){ .peer = q->remote };
	if (ike_identity_is_none(&q->identity)) {
		known = name_of_policy(q->policy);
		if (known) {
			snprintf(name, NAME_STRLEN, "%s.", known);
			ret->name = name;
		}
		return 0;
	}
	if (ike_identity_equal(&q->identity, &address))
		return 0;
	ike_identity_format(&q->identity, text);
	if (text[0] != '@') {
		struct addr a;

		/* The address of somebody else. */
		return addr_parse(text, &a) == 0 ? -EPERM : -ENOENT;
	}
	/* Any zone can name any address as its own: that proves the name and
	 * not that the address is its. Where a proof is required, policy has
	 * to say whose. */
	if (!q->named && q->policy->auth == POLICY_AUTH_REQUIRE &&
	    !q->policy->n_identities)
		return -ENOENT;
	snprintf(name, NAME_STRLEN, "%s.", text + 1);
	ret->name = name;
	/* A name that policy, or a program, expects here needs no address
	 * record. */
	ret->claimed = !q->named && !is_expected(q->policy, text);
	return 0;
}

static int find(void *user, const struct key_question *q,
		struct key_answer *ret)
{
	struct key_dns *d = user;
	struct subject subject = subject_of(d, q);
	struct lookup_request request;
	char name[NAME_STRLEN];
	struct keyset *keys;
	int r;

	if (!key_question_is_open(q) || q->policy->lookup == POLICY_LOOKUP_NO)
		return -ENOENT;
	r = request_of(q, name, &request);
	if (r < 0)
		return r;
	/* A question about the address tells whom we talk to. */
	if (!request.name && q->policy->lookup == POLICY_LOOKUP_NAME)
		return -ENOENT;
	keys = key_cache_get(d->cache, now_ms(d), &request);
	if (keys)
		return judge(&subject, keys,
			     key_cache_left(d->cache, now_ms(d), &request),
			     ret);
	ret->lifetime_ms = UNREACHABLE_MS;
	return wait_for(d, q, &request);
}

struct key_source key_dns_source(struct key_dns *d)
{
	return (struct key_source){ .user = d, .find = find };
}

/* --- making, ending, asking for status ----------------------------------------- */

int key_dns_new(sd_event *event, const struct config_dns *config,
		const struct key_dns_ops *ops, struct key_dns **ret)
{
	struct key_cache_config cache;
	struct key_dns *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->event = sd_event_ref(event);
	d->config = config;
	d->ops = *ops;
	key_cache_config_init(&cache);
	d->cache = key_cache_new(&cache, NULL);
	if (!d->cache) {
		key_dns_free(d);
		return -ENOMEM;
	}
	if (config->system_servers && watch_system(d) < 0) {
		key_dns_free(d);
		return -ENOMEM;
	}
	follow(d);
	*ret = d;
	return 0;
}

struct key_dns *key_dns_free(struct key_dns *d)
{
	if (!d)
		return NULL;
	key_cache_free(d->cache);
	while (d->waiting)
		waiting_free(d->waiting);
	sd_event_source_disable_unref(d->io);
	nameserver_watch_free(d->watch);
	resolved_free(d->resolved);
	dns_servers_done(&d->servers);
	sd_event_source_disable_unref(d->doubt);
	resolver_free(d->resolver);
	sd_event_unref(d->event);
	free(d);
	return NULL;
}

int key_dns_ask(struct key_dns *d, const struct lookup_request *request,
		key_cache_callback *callback, void *user, struct handle *ret)
{
	return key_cache_ask(d->cache, now_ms(d), request, callback, user, ret);
}

void key_dns_cancel(struct key_dns *d, struct handle waiter)
{
	key_cache_cancel(d->cache, waiter);
}

uint64_t key_dns_lifetime(const struct key_dns *d, const struct keyset *keys)
{
	return key_cache_lifetime(d->cache, keys);
}

const struct keyset *key_dns_peek(const struct key_dns *d,
				  const struct addr *peer)
{
	const struct lookup_request request = { .peer = *peer };

	return key_cache_peek(d->cache, now_ms(d), &request);
}

const struct resolver_config *key_dns_config(const struct key_dns *d)
{
	return d->resolver ? resolver_config_of(d->resolver) : NULL;
}

const char *key_dns_fault(const struct key_dns *d)
{
	return d->fault;
}
