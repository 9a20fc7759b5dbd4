/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dnskeys/chain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum step { STEP_DS, STEP_DNSKEY, STEP_SOA, N_STEPS };

static const uint16_t types[N_STEPS] = {
	[STEP_DS] = 43,	    /* RFC 4034 5 */
	[STEP_DNSKEY] = 48, /* RFC 4034 2 */
	[STEP_SOA] = 6,	    /* RFC 1035 3.3.13: only at the top of a zone */
};

struct question {
	struct handle handle;
	bool pending;
	enum dns_verdict verdict;
	unsigned n;
	char why[CHAIN_WHY_MAX];
};

struct place {
	const char *name; /* into the text of the chain */
	struct question questions[N_STEPS];
};

struct chain {
	struct resolver *resolver;
	size_t n;
	struct place places[CHAIN_NAMES_MAX]; /* the root first */
	char text[NAME_STRLEN];
};

static void on_answer(void *user, const struct dns_answer *a)
{
	struct question *q = user;

	q->pending = false;
	q->verdict = a->verdict;
	q->n = (unsigned)a->n;
	snprintf(q->why, sizeof(q->why), "%s", a->why ? a->why : "");
}

static int ask(struct chain *c, struct place *p)
{
	int rc = 0;

	for (unsigned i = 0; i < N_STEPS && rc == 0; i++) {
		struct question *q = &p->questions[i];

		q->verdict = DNS_UNREACHABLE;
		strcpy(q->why, "no answer in time");
		rc = resolver_ask(c->resolver, p->name, types[i], on_answer, q,
				  &q->handle);
		q->pending = rc == 0;
	}
	return rc;
}

/* Behind the first dot that is not escaped; NULL: there is none. */
static const char *parent(const char *name)
{
	for (; *name; name++) {
		if (*name == '\\' && name[1])
			name++;
		else if (*name == '.')
			return name + 1;
	}
	return NULL;
}

/* From the name up, and then turned round. */
static int split(struct chain *c, const char *name)
{
	size_t len = strlen(name);
	const char *at = c->text;

	if (!len || len >= sizeof(c->text) || name[len - 1] != '.')
		return -EINVAL;
	memcpy(c->text, name, len + 1);
	for (; at && *at && strcmp(at, ".") != 0; at = parent(at)) {
		if (*at == '.' || c->n == CHAIN_NAMES_MAX - 1)
			return -EINVAL;
		c->places[c->n++].name = at;
	}
	c->places[c->n++].name = ".";
	for (size_t i = 0; i < c->n / 2; i++) {
		const char *other = c->places[i].name;

		c->places[i].name = c->places[c->n - 1 - i].name;
		c->places[c->n - 1 - i].name = other;
	}
	return at ? 0 : -EINVAL;
}

int chain_new(struct resolver *r, const char *name, struct chain **ret)
{
	struct chain *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return -ENOMEM;
	c->resolver = r;
	rc = split(c, name);
	for (size_t i = 0; i < c->n && rc == 0; i++)
		rc = ask(c, &c->places[i]);
	if (rc < 0)
		chain_free(c);
	else
		*ret = c;
	return rc;
}

struct chain *chain_free(struct chain *c)
{
	if (!c)
		return NULL;
	for (size_t i = 0; i < c->n; i++)
		for (unsigned j = 0; j < N_STEPS; j++)
			if (c->places[i].questions[j].pending)
				resolver_cancel(
					c->resolver,
					c->places[i].questions[j].handle);
	free(c);
	return NULL;
}

/* --- what the answers say together -------------------------------------------- */

/* The first answer of this verdict, or NULL. */
static const struct question *find(const struct place *p, enum dns_verdict v)
{
	for (unsigned i = 0; i < N_STEPS; i++)
		if (p->questions[i].verdict == v)
			return &p->questions[i];
	return NULL;
}

static bool is_zone(const struct place *p)
{
	for (unsigned i = 0; i < N_STEPS; i++)
		if (p->questions[i].n)
			return true;
	return !strcmp(p->name, ".");
}

static void link_of(const struct place *p, bool below_secure,
		    struct chain_link *ret)
{
	const struct question *ds = &p->questions[STEP_DS];
	const struct question *dnskey = &p->questions[STEP_DNSKEY];

	*ret = (struct chain_link){ .zone = p->name,
				    .ds = ds->n,
				    .dnskey = dnskey->n };
	if (dnskey->verdict == DNS_SECURE) {
		ret->verdict = DNS_SECURE;
		ret->anchored = !ds->n;
		return;
	}
	ret->verdict = DNS_INSECURE;
	if (!strcmp(p->name, "."))
		strcpy(ret->why, "there is no trust anchor for the root");
	else if (below_secure)
		strcpy(ret->why, "there is no DS record for it in the zone "
				 "above");
	else
		strcpy(ret->why, "the zone above is not secure");
}

size_t chain_links(const struct chain *c,
		   struct chain_link ret[static CHAIN_NAMES_MAX])
{
	bool secure = false;
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++) {
		const struct place *p = &c->places[i];
		const struct question *wrong = find(p, DNS_BOGUS);
		struct chain_link *l = &ret[n];

		if (!wrong && !is_zone(p))
			wrong = find(p, DNS_UNREACHABLE);
		if (!wrong && !is_zone(p))
			continue;
		link_of(p, secure, l);
		n++;
		/* The keys themselves cannot be had: below is nothing. */
		if (!wrong && l->verdict != DNS_SECURE)
			wrong = find(p, DNS_UNREACHABLE);
		secure = l->verdict == DNS_SECURE;
		if (!wrong)
			continue;
		l->verdict = wrong->verdict;
		snprintf(l->why, sizeof(l->why), "%s", wrong->why);
		break;
	}
	return n;
}
