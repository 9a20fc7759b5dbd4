/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus/tacit-explain.h"

#include <stdlib.h>
#include <string.h>

#include "dbus/tacit-lookup.h"
#include "util/exitcode.h"

#define WAIT_MS 3000u

/* --- asking ------------------------------------------------------------------ */

/* A host that cannot ask is explained all the same. Exit code. */
static int resolver_get(struct tacit_client *c, struct tacit_explain_dns *x,
			struct resolver **resolver)
{
	struct tacit_dict dns;
	sd_bus_message *reply;
	int code;

	if (*resolver)
		return EXIT_OK;
	code = tacit_dns_ask(c, &reply, &dns);
	if (code != EXIT_OK)
		return code;
	tacit_dns_open(&dns, resolver, x->unasked);
	tacit_dict_done(&dns);
	sd_bus_message_unref(reply);
	return EXIT_OK;
}

static int ask(struct tacit_client *c, struct resolver **resolver,
	       struct tacit_explain_dns *x)
{
	struct tacit_address *a = &x->address;
	const char *why;
	int code = tacit_address_find(c, a);

	if (code != EXIT_OK)
		return code;
	why = tacit_conclude_unasked(&a->rule);
	if (why) {
		snprintf(x->unasked, sizeof(x->unasked), "%s", why);
		return EXIT_OK;
	}
	code = resolver_get(c, x, resolver);
	if (code != EXIT_OK || !*resolver)
		return code;
	if (tacit_conclude_name(&a->rule)) {
		tacit_address_ask_name(*resolver, a);
	} else if (tacit_address_ask(*resolver, a) < 0) {
		snprintf(x->unasked, sizeof(x->unasked), "out of memory");
		return EXIT_OK;
	}
	(void)tacit_dns_wait(*resolver, WAIT_MS);
	tacit_address_conclude(a);
	return EXIT_OK;
}

int tacit_explain_dns_ask(struct tacit_client *c, struct resolver **resolver,
			  const struct addr *address,
			  struct tacit_explain_dns **ret)
{
	struct tacit_explain_dns *x = calloc(1, sizeof(*x));
	int code = EXIT_FAILED;

	if (!x) {
		fprintf(stderr, "tacit: out of memory\n");
		return code;
	}
	x->address.addr = *address;
	code = ask(c, resolver, x);
	if (code != EXIT_OK) {
		tacit_explain_dns_free(x);
		return code;
	}
	*ret = x;
	return EXIT_OK;
}

struct tacit_explain_dns *tacit_explain_dns_free(struct tacit_explain_dns *x)
{
	if (x)
		tacit_address_done(&x->address);
	free(x);
	return NULL;
}

/* --- showing ----------------------------------------------------------------- */

/* Where the agent looks: under the name that policy wants, else the address. */
static const struct tacit_place *place_of(const struct tacit_address *a)
{
	return a->named.name[0] ? &a->named : &a->place;
}

static void show_keys(const struct tacit_output *o, const struct tacit_place *p)
{
	const struct keyset *k = p->keys;
	char text[NAME_STRLEN + CHAIN_WHY_MAX + 64];

	if (!k)
		snprintf(text, sizeof(text), "%s: no answer in time", p->name);
	else if (k->n)
		snprintf(text, sizeof(text), "%s: %s, %zu key%s at %s", p->name,
			 keyset_status_name(k->status), k->n,
			 k->n == 1 ? "" : "s", k->name);
	else
		snprintf(text, sizeof(text), "%s: %s%s%s", p->name,
			 keyset_status_name(k->status), *k->why ? ", " : "",
			 k->why);
	tacit_explain_line(o, "DNS now", text);
}

static void show_chain(const struct tacit_output *o,
		       const struct tacit_place *p)
{
	struct chain_link links[CHAIN_NAMES_MAX];
	size_t n = p->chain ? chain_links(p->chain, links) : 0;
	char text[NAME_STRLEN + CHAIN_WHY_MAX + 64];

	for (size_t i = 0; i < n; i++) {
		const struct chain_link *l = &links[i];
		const char *verdict = dns_verdict_name(l->verdict);

		if (l->verdict == DNS_SECURE && l->anchored)
			snprintf(text, sizeof(text), "%s %s, by a trust anchor",
				 l->zone, verdict);
		else if (l->verdict == DNS_SECURE)
			snprintf(text, sizeof(text), "%s %s, %u DS, %u DNSKEY",
				 l->zone, verdict, l->ds, l->dnskey);
		else
			snprintf(text, sizeof(text), "%s %s: %s", l->zone,
				 verdict, l->why);
		tacit_explain_line(o, i ? "" : "Its chain", text);
	}
}

static void show_json(const struct tacit_output *o,
		      const struct tacit_explain_dns *x)
{
	fputs(", \"dns\": {", o->file);
	if (x->unasked[0]) {
		fputs("\"unasked\": ", o->file);
		tacit_json_text(o->file, x->unasked);
	} else {
		tacit_place_json(o, place_of(&x->address));
		fputs(", \"conclusion\": ", o->file);
		tacit_json_text(o->file, x->address.conclusion);
	}
	fputc('}', o->file);
}

static void show_fields(const struct tacit_output *o,
			const struct tacit_explain_dns *x)
{
	if (x->unasked[0]) {
		fprintf(o->file, "unasked\t%s\n", x->unasked);
		return;
	}
	tacit_place_fields(o, place_of(&x->address));
	fputs("conclusion\t", o->file);
	tacit_output_text(o, TACIT_PLAIN, x->address.conclusion);
	fputc('\n', o->file);
}

void tacit_explain_dns_show(const struct tacit_output *o,
			    const struct tacit_explain_dns *x)
{
	char text[sizeof(x->unasked) + 32];

	if (o->json) {
		show_json(o, x);
	} else if (!o->terminal) {
		show_fields(o, x);
	} else if (x->unasked[0]) {
		snprintf(text, sizeof(text), "not asked (%s)", x->unasked);
		tacit_explain_line(o, "DNS now", text);
	} else {
		show_keys(o, place_of(&x->address));
		show_chain(o, place_of(&x->address));
		tacit_explain_line(o, "So it is", x->address.conclusion);
	}
}
