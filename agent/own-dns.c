/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A place is an address of ours or our name. One timer looks at the place whose
 * answer runs out first; what all of them say together is judged after each
 * answer.
 */
#include "agent/own-dns.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ike/identity.h"
#include "util/log.h"

/* Addresses often come several at once, with nobody to ask yet. */
#define FIRST_MS 300u
/* After what could not be asked, and at most so long. */
#define AGAIN_MS   10000u
#define OLDEST_MS  3600000u
#define NAME_FIRST 0 /* the place of our name */

struct place {
	struct own_dns *owner;
	bool used, asking;
	struct addr addr;
	struct handle waiter;
	bool ours;	     /* our keys were in the last answer that says */
	uint64_t due;	     /* ms */
	struct keyset *keys; /* NULL: not known */
};

struct own_dns {
	sd_event *event;
	struct key_dns *dns;
	const struct config *config;
	struct own_dns_ops ops;
	sd_event_source *timer;
	char name[IKE_IDENTITY_STRLEN + 1]; /* of LocalIdentity=; "": none */
	struct place places[1 + LIMIT_OWN_NAMES];
	struct addr addresses[LIMIT_OWN_NAMES];
	size_t n_addresses;
	char warning[KEYSET_NAME_MAX + 256];
};

static uint64_t now_ms(const struct own_dns *o)
{
	uint64_t us = 0;

	(void)sd_event_now(o->event, CLOCK_MONOTONIC, &us);
	return us / 1000;
}

/* --- what the answers mean ---------------------------------------------------- */

static bool has_key(const struct keyset *set, const struct signer_key *k)
{
	for (size_t i = 0; i < set->n; i++)
		if (set->keys[i].spki_len == k->spki_len &&
		    !memcmp(set->keys[i].spki, k->spki, k->spki_len))
			return true;
	return false;
}

static const struct keyset *secure_keys(const struct place *p)
{
	return p->used && p->keys && p->keys->status == KEYSET_SECURE ? p->keys
								      : NULL;
}

/* Nobody can see what is there now, but it had our keys. */
static bool is_hidden(const struct place *p)
{
	return p->ours && (p->keys->status == KEYSET_UNREACHABLE ||
			   p->keys->status == KEYSET_BOGUS);
}

static const struct signer_key *before(const struct signer_key *keys, size_t n,
				       const struct signer_key *next)
{
	for (size_t i = 0; i < n; i++)
		if (keys[i].stage == KEY_ACTIVE &&
		    !strcmp(keys[i].name, next->name))
			return &keys[i];
	return NULL;
}

/* Published wherever the one before it is, and somewhere; *ret_ttl is when the
 * last resolver has forgotten what was there before. An answer that is not
 * there yet leaves it open. */
static bool is_published(const struct own_dns *o, const struct signer_key *old,
			 const struct signer_key *next, uint32_t *ret_ttl)
{
	bool found = false;

	*ret_ttl = 0;
	for (size_t i = 0; i <= LIMIT_OWN_NAMES; i++) {
		const struct place *p = &o->places[i];
		const struct keyset *set = secure_keys(p);

		if (p->used && (!p->keys || p->asking || is_hidden(p)))
			return false;
		if (!set)
			continue;
		if (has_key(set, next)) {
			found = true;
			if (set->ttl > *ret_ttl)
				*ret_ttl = set->ttl;
		} else if (old && has_key(set, old)) {
			return false;
		}
	}
	return found;
}

static void look_for_next(struct own_dns *o)
{
	const struct signer_key *keys;
	size_t n = o->ops.keys(o->ops.user, &keys);
	uint32_t ttl;

	for (size_t i = 0; i < n; i++)
		if (keys[i].stage == KEY_NEXT && !keys[i].until &&
		    is_published(o, before(keys, n, &keys[i]), &keys[i], &ttl))
			o->ops.seen(o->ops.user, keys[i].id, ttl);
}

/* Of the peer's own keys in the set: how many are ours, and how many not. */
static void count_keys(const struct own_dns *o, const struct keyset *set,
		       size_t *ret_ours, size_t *ret_strange)
{
	const struct signer_key *keys;
	size_t n = o->ops.keys(o->ops.user, &keys), ours = 0;

	for (size_t i = 0; i < n; i++)
		ours += has_key(set, &keys[i]);
	*ret_ours = ours;
	*ret_strange = set->n > ours ? set->n - ours : 0;
}

static bool has_gateway(const struct keyset *set)
{
	for (size_t i = 0; i < set->n; i++)
		if (set->keys[i].gateway_name || set->keys[i].gateway.family)
			return true;
	return false;
}

/* The sentence about one place, "" for none. */
static void judge(const struct own_dns *o, const struct keyset *set, char *buf,
		  size_t size)
{
	const char *name = set->name ? set->name : "this host";
	size_t ours, strange;

	buf[0] = '\0';
	if (set->status == KEYSET_BOGUS) {
		snprintf(buf, size,
			 "what DNS says of our name %s is bogus, and nobody "
			 "will believe it: %s",
			 name, set->why);
		return;
	}
	count_keys(o, set, &ours, &strange);
	if (set->status == KEYSET_INSECURE && ours)
		snprintf(buf, size,
			 "DNS has our key at %s, but that zone is not signed, "
			 "so nobody will believe it: sign it with DNSSEC",
			 name);
	/* A gateway's key is the gateway's. */
	if (set->status != KEYSET_SECURE || !strange || has_gateway(set))
		return;
	if (!ours)
		snprintf(buf, size,
			 "DNS has keys at %s, but none of this host's: peers "
			 "will refuse us; tacit key publish --replace mends it",
			 name);
	else
		snprintf(buf, size,
			 "DNS has a key at %s that this host does not hold: if "
			 "it is an old one, tacit key publish --replace "
			 "removes it",
			 name);
}

static void look_for_faults(struct own_dns *o)
{
	const struct signer_key *keys;
	char text[sizeof(o->warning)] = "";

	/* Before they are known every key is a strange one. */
	if (!o->ops.keys(o->ops.user, &keys))
		return;
	for (size_t i = 0; i <= LIMIT_OWN_NAMES && !text[0]; i++)
		if (o->places[i].used && o->places[i].keys)
			judge(o, o->places[i].keys, text, sizeof(text));
	if (text[0] && strcmp(text, o->warning) != 0)
		log_warning("%s", text);
	memcpy(o->warning, text, sizeof(text));
}

static void evaluate(struct own_dns *o)
{
	look_for_next(o);
	look_for_faults(o);
}

const char *own_dns_warning(const struct own_dns *o)
{
	return o && o->warning[0] ? o->warning : NULL;
}

/* --- looking up --------------------------------------------------------------- */

static void arm(struct own_dns *o)
{
	uint64_t at = UINT64_MAX;

	for (size_t i = 0; i <= LIMIT_OWN_NAMES; i++) {
		const struct place *p = &o->places[i];

		if (p->used && !p->asking && p->due < at)
			at = p->due;
	}
	(void)sd_event_source_set_enabled(
		o->timer, at == UINT64_MAX ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
	if (at != UINT64_MAX)
		(void)sd_event_source_set_time(o->timer, at * 1000);
}

static void note_ours(const struct own_dns *o, struct place *p)
{
	size_t ours, strange;

	count_keys(o, p->keys, &ours, &strange);
	if (p->keys->status == KEYSET_SECURE)
		p->ours = ours > 0;
	else if (p->keys->status == KEYSET_NONE ||
		 p->keys->status == KEYSET_INSECURE)
		p->ours = false;
}

static void on_keys(void *user, struct keyset *keys)
{
	struct place *p = user;
	struct own_dns *o = p->owner;
	uint64_t left = key_dns_lifetime(o->dns, keys);

	p->asking = false;
	keyset_unref(p->keys);
	p->keys = keyset_ref(keys);
	note_ours(o, p);
	p->due = now_ms(o) + (left < OLDEST_MS ? left : OLDEST_MS);
	evaluate(o);
	arm(o);
}

static void ask(struct own_dns *o, struct place *p)
{
	struct lookup_request request = { .peer = p->addr };

	if (p == &o->places[NAME_FIRST])
		request.name = o->name;
	p->asking = key_dns_ask(o->dns, &request, on_keys, p, &p->waiter) == 0;
	if (!p->asking)
		p->due = now_ms(o) + AGAIN_MS;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *user)
{
	struct own_dns *o = user;
	uint64_t now = now_ms(o);

	(void)source;
	(void)usec;
	for (size_t i = 0; i <= LIMIT_OWN_NAMES; i++) {
		struct place *p = &o->places[i];

		if (p->used && !p->asking && p->due <= now)
			ask(o, p);
	}
	arm(o);
	return 0;
}

static void occupy(struct own_dns *o, struct place *p, const struct addr *a)
{
	if (!o->dns)
		return;
	*p = (struct place){ .owner = o,
			     .used = true,
			     .due = now_ms(o) + FIRST_MS };
	if (a)
		p->addr = *a;
	arm(o);
}

static void leave(struct own_dns *o, struct place *p)
{
	if (p->asking)
		key_dns_cancel(o->dns, p->waiter);
	keyset_unref(p->keys);
	*p = (struct place){ 0 };
}

/* --- our addresses ------------------------------------------------------------ */

static bool is_private(const struct addr *a)
{
	/* RFC 1918, RFC 6598, RFC 4193. */
	static const char *const networks[] = { "10.0.0.0/8", "172.16.0.0/12",
						"192.168.0.0/16",
						"100.64.0.0/10", "fc00::/7" };
	struct prefix p;

	for (size_t i = 0; i < sizeof(networks) / sizeof(networks[0]); i++)
		if (prefix_parse(networks[i], &p) == 0 &&
		    prefix_contains(&p, a))
			return true;
	return false;
}

/* Who asks the root itself about private addresses asks strangers. */
static bool may_ask(const struct own_dns *o, const struct addr *a)
{
	const struct config_dns *d = &o->config->dns;

	return d->system_servers || d->servers || d->zones || d->root_hints ||
	       !is_private(a);
}

static bool is_global(const struct addr *a)
{
	return !addr_is_linklocal(a) && !addr_is_loopback(a) &&
	       !addr_is_unspecified(a);
}

void own_dns_address(struct own_dns *o, const struct addr *a, bool gone)
{
	size_t i = 0;

	if (!is_global(a))
		return;
	while (i < o->n_addresses && !addr_equal(&o->addresses[i], a))
		i++;
	if (!gone && i == o->n_addresses && i < LIMIT_OWN_NAMES) {
		o->addresses[o->n_addresses++] = *a;
		for (i = 1; o->places[i].used; i++)
			;
		if (may_ask(o, a))
			occupy(o, &o->places[i], a);
	} else if (gone && i < o->n_addresses) {
		o->addresses[i] = o->addresses[--o->n_addresses];
		for (i = 1; i <= LIMIT_OWN_NAMES; i++)
			if (o->places[i].used &&
			    addr_equal(&o->places[i].addr, a))
				leave(o, &o->places[i]);
		evaluate(o);
	}
}

void own_dns_keys_changed(struct own_dns *o)
{
	evaluate(o);
}

size_t own_dns_addresses(const struct own_dns *o, const struct addr **ret)
{
	*ret = o->addresses;
	return o->n_addresses;
}

/* --- making and freeing ------------------------------------------------------- */

/* LocalIdentity= is canonical: "@host.example.org". */
static void name_of(const struct config *c, char *buf, size_t size)
{
	const char *id = c->local_identity;

	buf[0] = '\0';
	if (id && id[0] == '@')
		snprintf(buf, size, "%s.", id + 1);
}

void own_dns_reload(struct own_dns *o)
{
	struct place *p = &o->places[NAME_FIRST];
	char name[sizeof(o->name)];

	name_of(o->config, name, sizeof(name));
	if (!strcmp(name, o->name))
		return;
	memcpy(o->name, name, sizeof(name));
	leave(o, p);
	if (name[0])
		occupy(o, p, NULL);
	evaluate(o);
}

int own_dns_new(sd_event *event, struct key_dns *dns,
		const struct config *config, const struct own_dns_ops *ops,
		struct own_dns **ret)
{
	struct own_dns *o = calloc(1, sizeof(*o));
	int r;

	if (!o)
		return -ENOMEM;
	o->event = sd_event_ref(event);
	o->dns = dns;
	o->config = config;
	o->ops = *ops;
	name_of(config, o->name, sizeof(o->name));
	r = sd_event_add_time(event, &o->timer, CLOCK_MONOTONIC, 0, 100000,
			      on_timer, o);
	if (r < 0) {
		own_dns_free(o);
		return r;
	}
	if (o->name[0])
		occupy(o, &o->places[NAME_FIRST], NULL);
	arm(o);
	*ret = o;
	return 0;
}

struct own_dns *own_dns_free(struct own_dns *o)
{
	if (!o)
		return NULL;
	for (size_t i = 0; i <= LIMIT_OWN_NAMES; i++)
		leave(o, &o->places[i]);
	sd_event_source_disable_unref(o->timer);
	sd_event_unref(o->event);
	free(o);
	return NULL;
}
