/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A look-up has up to four questions, each with its answer kept until the rest
 * is there: IPSECKEY and PTR at the reverse name, then IPSECKEY and A or AAAA
 * at the name that the pointer gave. Where keys of the reverse tree name
 * gateways by name, their addresses are asked for last.
 */
#include "dnskeys/lookup.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dnskeys/ipseckey.h"
#include "dnskeys/name.h"
#include "util/limits.h"

enum rr_type { /* RFC 1035 3.2.2; RFC 3596 2.1 */
	       TYPE_A = 1,
	       TYPE_PTR = 12,
	       TYPE_AAAA = 28,
};

enum step {
	STEP_KEYS,	   /* IPSECKEY at the first name */
	STEP_POINTER,	   /* PTR there */
	STEP_NAME_KEYS,	   /* IPSECKEY at the name of the pointer */
	STEP_NAME_ADDRESS, /* its addresses */
	STEP_GATEWAY,	   /* addresses of a gateway, and of the next */
	N_STEPS = STEP_GATEWAY + LIMIT_GATEWAY_NAMES,
};

struct question {
	struct lookup *lookup;
	struct handle handle;
	bool pending;
};

struct lookup {
	struct resolver *resolver;
	struct addr peer;
	lookup_callback *callback;
	void *user;
	struct question questions[N_STEPS];
	struct keyset *keys[N_STEPS]; /* of the two steps that ask for keys */
	struct keyset *chosen;	      /* while its gateways are looked up */
	const char *gateways[LIMIT_GATEWAY_NAMES]; /* borrowed from it */
	enum dns_verdict pointer, address;
	uint32_t address_ttl;
	bool has_address;	   /* the name has the peer's */
	bool named;		   /* by a name that is the peer's */
	enum keyset_source source; /* of the name's keys */
	char reverse[NAME_STRLEN];
	char name[NAME_STRLEN]; /* given, or of the pointer; "": none */
};

/* --- what records say ------------------------------------------------------- */

static enum keyset_status status_of(const struct dns_answer *a)
{
	switch (a->verdict) {
	case DNS_SECURE:
		return KEYSET_SECURE;
	case DNS_INSECURE:
		return KEYSET_INSECURE;
	case DNS_BOGUS:
		return KEYSET_BOGUS;
	case DNS_NONE:
		return KEYSET_NONE;
	case DNS_UNREACHABLE:
		break;
	}
	return KEYSET_UNREACHABLE;
}

/* One record into the set; what cannot be used is counted and passed over. */
static int add_record(struct keyset *set, const struct dns_record *r)
{
	char gateway[NAME_STRLEN];
	struct keyset_key key = { 0 };
	struct ipseckey k;
	EVP_PKEY *pkey = NULL;
	uint8_t *der = NULL;
	int len, rc = -EBADMSG;

	if (ipseckey_parse(r->data, r->len, &k) < 0 ||
	    ipseckey_to_pkey(&k, &pkey) < 0)
		goto skip;
	len = i2d_PUBKEY(pkey, &der);
	if (len <= 0)
		goto skip;
	key.precedence = k.precedence;
	key.gateway = k.gateway;
	key.spki = der;
	key.spki_len = (size_t)len;
	if (k.gateway_type == IPSECKEY_GATEWAY_NAME) {
		if (name_from_wire(k.name, k.name_len, gateway) < 0)
			goto skip;
		/* 2.5: the root is no gateway. */
		if (strcmp(gateway, ".") != 0)
			key.gateway_name = gateway;
	}
	rc = keyset_add(set, &key);
skip:
	OPENSSL_free(der);
	EVP_PKEY_free(pkey);
	set->skipped += rc < 0;
	return rc == -ENOMEM ? rc : 0;
}

static struct keyset *judge(const struct dns_answer *a,
			    enum keyset_source source, const char *name)
{
	struct keyset *set = keyset_new(status_of(a), source, name);

	if (!set)
		return NULL;
	set->ttl = a->ttl;
	if (a->why)
		snprintf(set->why, sizeof(set->why), "%s", a->why);
	if (a->verdict != DNS_SECURE && a->verdict != DNS_INSECURE)
		return set;
	for (size_t i = 0; i < a->n; i++)
		if (add_record(set, &a->records[i]) < 0)
			return keyset_unref(set);
	/* Nothing that we could use is as good as nothing. */
	if (set->n == 0)
		set->status = KEYSET_NONE;
	return set;
}

static bool has_address(const struct dns_answer *a, const struct addr *peer)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->records[i].len == addr_len(peer) &&
		    memcmp(a->records[i].data, peer->bytes,
			   a->records[i].len) == 0)
			return true;
	return false;
}

/* --- the end ------------------------------------------------------------------ */

static void tell(struct lookup *l, struct keyset *keys)
{
	l->callback(l->user, keys);
	keyset_unref(keys);
	lookup_free(l);
}

static bool ask_gateways(struct lookup *l, const struct keyset *keys);

/* Takes the reference to keys. */
static void finish(struct lookup *l, struct keyset *keys)
{
	if (keys && ask_gateways(l, keys))
		l->chosen = keys;
	else
		tell(l, keys);
}

static struct keyset *take_chosen(struct lookup *l)
{
	struct keyset *keys = l->chosen;

	l->chosen = NULL;
	return keys;
}

/* Takes one of its own sets out, to be handed on. */
static struct keyset *take(struct lookup *l, enum step step)
{
	struct keyset *keys = l->keys[step];

	l->keys[step] = NULL;
	return keys;
}

/* The keys of the pointer's name are the peer's only with a secure address:
 * what spoils that spoils them. */
static enum keyset_status by_pointer(const struct lookup *l)
{
	const struct keyset *keys = l->keys[STEP_NAME_KEYS];

	if (keys->status != KEYSET_SECURE)
		return keys->status;
	switch (l->address) {
	case DNS_SECURE:
		return l->has_address ? KEYSET_SECURE : KEYSET_NONE;
	case DNS_INSECURE:
		return l->has_address ? KEYSET_INSECURE : KEYSET_NONE;
	case DNS_BOGUS:
		return KEYSET_BOGUS;
	case DNS_NONE:
		return KEYSET_NONE;
	case DNS_UNREACHABLE:
		break;
	}
	return KEYSET_UNREACHABLE;
}

/* Of two answers without secure keys, the one to worry about more. */
static unsigned worry(enum keyset_status s)
{
	static const uint8_t order[] = {
		[KEYSET_SECURE] = 5,	  [KEYSET_BOGUS] = 4,
		[KEYSET_UNREACHABLE] = 3, [KEYSET_INSECURE] = 2,
		[KEYSET_NONE] = 1,
	};

	return order[s];
}

static void weigh_pointer(const struct lookup *l, struct keyset *keys)
{
	keys->mismatch = keys->status == KEYSET_SECURE &&
			 l->address == DNS_SECURE && !l->has_address;
	keys->status = by_pointer(l);
	if (l->address_ttl < keys->ttl)
		keys->ttl = l->address_ttl;
	if (keys->status == KEYSET_BOGUS && !keys->why[0])
		snprintf(keys->why, sizeof(keys->why),
			 "the addresses of %.80s are bogus", keys->name);
}

static void conclude(struct lookup *l)
{
	enum step step = STEP_KEYS;

	if (l->keys[STEP_NAME_KEYS]) {
		weigh_pointer(l, l->keys[STEP_NAME_KEYS]);
		if (!l->keys[STEP_KEYS] ||
		    worry(l->keys[STEP_NAME_KEYS]->status) >
			    worry(l->keys[STEP_KEYS]->status))
			step = STEP_NAME_KEYS;
	}
	finish(l, take(l, step));
}

/* --- questions ---------------------------------------------------------------- */

static void on_name_keys(void *user, const struct dns_answer *a);
static void on_name_address(void *user, const struct dns_answer *a);

static int ask(struct lookup *l, enum step step, const char *name,
	       uint16_t type, resolver_callback *callback)
{
	struct question *q = &l->questions[step];
	int rc;

	q->lookup = l;
	rc = resolver_ask(l->resolver, name, type, callback, q, &q->handle);
	q->pending = rc == 0;
	return rc;
}

static struct lookup *answered(struct question *q)
{
	q->pending = false;
	return q->lookup;
}

/* Both answers of a pair are there. */
static bool both(const struct lookup *l, enum step a, enum step b)
{
	return !l->questions[a].pending && !l->questions[b].pending;
}

/* Keys at the pointer's name may still be the answer. A pointer that anybody on
 * the way could forge would make the owner of any name the owner of any
 * address: his address record may say what it likes. */
static bool goes_on(const struct lookup *l)
{
	return l->name[0] && l->keys[STEP_KEYS]->status != KEYSET_BOGUS &&
	       l->pointer == DNS_SECURE;
}

static int ask_name(struct lookup *l, enum keyset_source source)
{
	uint16_t type = l->peer.family == AF_INET ? TYPE_A : TYPE_AAAA;
	int rc;

	l->source = source;
	rc = ask(l, STEP_NAME_KEYS, l->name, IPSECKEY_RR_TYPE, on_name_keys);
	if (rc == 0)
		rc = ask(l, STEP_NAME_ADDRESS, l->name, type, on_name_address);
	return rc;
}

static void after_reverse(struct lookup *l)
{
	if (!l->keys[STEP_KEYS])
		finish(l, NULL);
	else if (l->keys[STEP_KEYS]->status == KEYSET_SECURE)
		conclude(l);
	else if (!both(l, STEP_KEYS, STEP_POINTER))
		return;
	else if (!goes_on(l))
		conclude(l);
	else if (ask_name(l, KEYSET_POINTER) < 0)
		finish(l, NULL);
}

static void on_keys(void *user, const struct dns_answer *a)
{
	struct lookup *l = answered(user);

	if (l->named) {
		finish(l, judge(a, KEYSET_FORWARD, l->name));
		return;
	}
	l->keys[STEP_KEYS] = judge(a, KEYSET_REVERSE, l->reverse);
	after_reverse(l);
}

/* Of several names only the first is asked. */
static void on_pointer(void *user, const struct dns_answer *a)
{
	struct lookup *l = answered(user);

	l->pointer = a->verdict;
	if (a->n &&
	    name_from_wire(a->records[0].data, a->records[0].len, l->name) < 0)
		l->name[0] = '\0';
	if (!l->questions[STEP_KEYS].pending)
		after_reverse(l);
}

static void on_name_keys(void *user, const struct dns_answer *a)
{
	struct lookup *l = answered(user);

	l->keys[STEP_NAME_KEYS] = judge(a, l->source, l->name);
	if (!l->keys[STEP_NAME_KEYS])
		finish(l, NULL);
	else if (!l->questions[STEP_NAME_ADDRESS].pending)
		conclude(l);
}

static void on_name_address(void *user, const struct dns_answer *a)
{
	struct lookup *l = answered(user);

	l->address = a->verdict;
	l->address_ttl = a->ttl;
	l->has_address = has_address(a, &l->peer);
	if (!l->questions[STEP_NAME_KEYS].pending)
		conclude(l);
}

/* --- gateways ------------------------------------------------------------------ */

/* What is not secure is no address of a gateway: its keys stay without one, and
 * are for nobody. That is asked again when the answer runs out. */
static void set_gateway(struct keyset *keys, const char *name,
			const struct dns_answer *a, const struct addr *peer)
{
	struct addr address = { .family = peer->family };

	if (a->ttl < keys->ttl)
		keys->ttl = a->ttl;
	if (a->verdict != DNS_SECURE || !a->n ||
	    a->records[0].len != addr_len(peer))
		return;
	memcpy(address.bytes, a->records[0].data, a->records[0].len);
	for (size_t i = 0; i < keys->n; i++)
		if (keys->keys[i].gateway_name &&
		    !strcasecmp(keys->keys[i].gateway_name, name))
			keys->keys[i].gateway = address;
}

static void on_gateway(void *user, const struct dns_answer *a)
{
	struct question *q = user;
	struct lookup *l = answered(q);
	size_t n = (size_t)(q - &l->questions[STEP_GATEWAY]);

	set_gateway(l->chosen, l->gateways[n], a, &l->peer);
	for (size_t i = STEP_GATEWAY; i < N_STEPS; i++)
		if (l->questions[i].pending)
			return;
	tell(l, take_chosen(l));
}

/* Their names' addresses, in the family of the peer: true, they come. Elsewhere
 * than in the reverse tree nobody may say by whom the peer is reached. */
static bool ask_gateways(struct lookup *l, const struct keyset *keys)
{
	uint16_t type = l->peer.family == AF_INET ? TYPE_A : TYPE_AAAA;
	size_t n = 0;

	if (keys->status != KEYSET_SECURE || keys->source != KEYSET_REVERSE)
		return false;
	for (size_t i = 0; i < keys->n && n < LIMIT_GATEWAY_NAMES; i++) {
		const char *name = keys->keys[i].gateway_name;
		size_t k = 0;

		while (name && k < n && strcasecmp(l->gateways[k], name))
			k++;
		if (!name || k < n)
			continue;
		l->gateways[n] = name;
		if (ask(l, (enum step)(STEP_GATEWAY + n), name, type,
			on_gateway) == 0)
			n++;
	}
	return n > 0;
}

/* --- making and ending -------------------------------------------------------- */

static int begin(struct lookup *l, const struct lookup_request *request)
{
	int rc;

	if (request->name) {
		l->named = true;
		if (strlen(request->name) >= sizeof(l->name))
			return -EINVAL;
		strcpy(l->name, request->name);
		if (request->claimed)
			return ask_name(l, KEYSET_FORWARD);
		return ask(l, STEP_KEYS, l->name, IPSECKEY_RR_TYPE, on_keys);
	}
	rc = name_of_address(&request->peer, l->reverse);
	if (rc < 0)
		return -EINVAL;
	rc = ask(l, STEP_KEYS, l->reverse, IPSECKEY_RR_TYPE, on_keys);
	if (rc == 0)
		rc = ask(l, STEP_POINTER, l->reverse, TYPE_PTR, on_pointer);
	return rc;
}

int lookup_new(struct resolver *r, const struct lookup_request *request,
	       lookup_callback *callback, void *user, struct lookup **ret)
{
	struct lookup *l = calloc(1, sizeof(*l));
	int rc;

	if (!l)
		return -ENOMEM;
	l->resolver = r;
	l->peer = request->peer;
	l->callback = callback;
	l->user = user;
	rc = begin(l, request);
	if (rc < 0)
		lookup_free(l);
	else
		*ret = l;
	return rc;
}

struct lookup *lookup_free(struct lookup *l)
{
	if (!l)
		return NULL;
	for (size_t i = 0; i < N_STEPS; i++) {
		if (l->questions[i].pending)
			resolver_cancel(l->resolver, l->questions[i].handle);
		keyset_unref(l->keys[i]);
	}
	keyset_unref(l->chosen);
	free(l);
	return NULL;
}
