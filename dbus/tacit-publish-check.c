/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Does the world see what has been published, and believe it? */
#include <string.h>
#include <time.h>

#include "dbus/tacit-dns.h"
#include "dbus/tacit-publish.h"
#include "dnskeys/chain.h"
#include "util/exitcode.h"

#define ROUND_MS 5000u

struct sight {
	bool there;
	enum dns_verdict verdict;
	uint32_t ttl;
	char why[CHAIN_WHY_MAX];
	unsigned missing, retired;
	const struct tacit_own *own;
};

static bool has(const struct dns_answer *a, const struct own_record *r)
{
	for (size_t i = 0; i < a->n; i++)
		if (own_record_is_same(r, a->records[i].data,
				       a->records[i].len))
			return true;
	return false;
}

static void on_answer(void *user, const struct dns_answer *a)
{
	struct sight *s = user;

	s->there = true;
	s->verdict = a->verdict;
	s->ttl = a->ttl;
	snprintf(s->why, sizeof(s->why), "%s", a->why ? a->why : "");
	for (size_t i = 0; i < s->own->n_keys; i++) {
		const struct tacit_own_key *k = &s->own->keys[i];
		bool found = has(a, &k->record);

		if (tacit_own_is_published(k))
			s->missing += !found;
		else
			s->retired += found;
	}
}

static bool is_good(const struct sight *s)
{
	return s->there && s->verdict == DNS_SECURE && !s->missing &&
	       !s->retired;
}

/* With a resolver of its own, so that nothing is remembered from the last
 * time; the name servers it asks may remember. */
static int look(const struct tacit_dict *dns, const char *name,
		const struct tacit_own *own, struct sight *ret)
{
	struct resolver *r = NULL;
	struct handle handle;
	int code = tacit_dns_resolver(dns, &r);

	if (code != EXIT_OK)
		return code;
	*ret = (struct sight){ .own = own, .verdict = DNS_UNREACHABLE };
	if (resolver_ask(r, name, IPSECKEY_RR_TYPE, on_answer, ret, &handle) ==
	    0)
		(void)tacit_dns_wait(r, ROUND_MS);
	resolver_free(r);
	return EXIT_OK;
}

/* The first link of the chain that does not hold. */
static void explain_chain(const struct tacit_dict *dns, const char *name)
{
	struct chain_link links[CHAIN_NAMES_MAX];
	struct resolver *r = NULL;
	struct chain *c = NULL;
	size_t n = 0;

	if (tacit_dns_resolver(dns, &r) != EXIT_OK)
		return;
	if (chain_new(r, name, &c) == 0) {
		(void)tacit_dns_wait(r, ROUND_MS);
		n = chain_links(c, links);
	}
	for (size_t i = 0; i < n; i++) {
		if (links[i].verdict == DNS_SECURE)
			continue;
		fprintf(stderr,
			"       The chain of trust ends at %s, which "
			"is %s: %s.\n",
			links[i].zone, dns_verdict_name(links[i].verdict),
			links[i].why);
		break;
	}
	chain_free(c);
	resolver_free(r);
}

static void explain(const struct tacit_dict *dns, const char *name,
		    const struct sight *s)
{
	const char *verdict = dns_verdict_name(s->verdict);

	switch (s->verdict) {
	case DNS_SECURE:
		fprintf(stderr,
			"tacit: %s is published, but the resolver has an older "
			"answer, for up to %u s more: tacit lookup shows when "
			"it is gone\n",
			name, s->ttl);
		return;
	case DNS_NONE:
		fprintf(stderr,
			"tacit: %s is published, but the resolver says that "
			"there is nothing, for up to %u s more, or asks servers "
			"that have not got it yet\n",
			name, s->ttl);
		break;
	case DNS_INSECURE:
	case DNS_BOGUS:
	case DNS_UNREACHABLE:
		fprintf(stderr,
			"tacit: %s is published, but nobody will believe it: "
			"it is %s%s%s\n",
			name, verdict, s->why[0] ? ": " : "", s->why);
		break;
	}
	explain_chain(dns, name);
}

static int check_one(const struct tacit_dict *dns, const char *name,
		     const struct tacit_own *own, time_t end)
{
	const struct timespec pause = { .tv_sec = 1 };
	struct sight s = { .there = false };
	int code;

	for (;;) {
		code = look(dns, name, own, &s);
		if (code != EXIT_OK || is_good(&s))
			return code;
		/* A zone does not become signed in seconds. */
		if (s.verdict == DNS_INSECURE || time(NULL) >= end)
			break;
		nanosleep(&pause, NULL);
	}
	explain(dns, name, &s);
	return EXIT_UPDATE_UNSEEN;
}

int tacit_check_names(const struct tacit_dict *dns, const struct tacit_own *own,
		      const struct tacit_published *list, size_t n,
		      unsigned seconds)
{
	time_t end = time(NULL) + (time_t)seconds;
	int code = EXIT_OK, r;

	for (size_t i = 0; i < n; i++) {
		if (list[i].code != EXIT_OK)
			continue;
		r = check_one(dns, list[i].owner->name, own, end);
		code = r != EXIT_OK ? r : code;
	}
	return code;
}
