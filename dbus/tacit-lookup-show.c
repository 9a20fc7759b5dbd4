/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How `tacit lookup` shows what it has found: for a reader, as fields parted by
 * tabs, and as JSON.
 */
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

#include "dbus/tacit-lookup.h"
#include "dnskeys/own-key.h"

static const char *status_of(const struct tacit_place *p)
{
	return keyset_status_name(p->keys ? p->keys->status
					  : KEYSET_UNREACHABLE);
}

static const char *why_of(const struct tacit_place *p)
{
	if (!p->keys)
		return "no answer in time";
	if (p->keys->mismatch)
		return "the name has another address";
	return p->keys->why;
}

static enum tacit_colour colour_of(const char *verdict)
{
	if (!strcmp(verdict, "secure"))
		return TACIT_GREEN;
	return !strcmp(verdict, "bogus") ? TACIT_RED : TACIT_YELLOW;
}

struct key_text {
	char type[24], fingerprint[OWN_KEY_FINGERPRINT_LEN];
	char gateway[NAME_STRLEN];
};

static void describe_key(const struct keyset_key *k, struct key_text *ret)
{
	const unsigned char *at = k->spki;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)k->spki_len);

	*ret = (struct key_text){ .type = "" };
	if (key)
		own_key_type(key, ret->type);
	EVP_PKEY_free(key);
	own_key_fingerprint(k->spki, k->spki_len, ret->fingerprint);
	if (k->gateway_name)
		snprintf(ret->gateway, sizeof(ret->gateway), "%s",
			 k->gateway_name);
	else if (k->gateway.family)
		addr_format(&k->gateway, ret->gateway);
}

/* --- for a reader ------------------------------------------------------------ */

static void put_verdict(const struct tacit_output *o, const char *verdict,
			const char *why)
{
	tacit_output_text(o, colour_of(verdict), verdict);
	if (!*why)
		return;
	fputs(": ", o->file);
	tacit_output_text(o, TACIT_PLAIN, why);
}

/* Where it is given by its name; only in the reverse tree it is looked for. */
static void put_gateway_address(const struct tacit_output *o,
				const struct keyset_key *k)
{
	char text[ADDR_STRLEN];

	if (k->gateway_name && k->gateway.family)
		fprintf(o->file, " at %s", addr_format(&k->gateway, text));
}

static void show_keys(const struct tacit_output *o, const struct tacit_place *p)
{
	struct key_text t;

	fputs("  Keys           ", o->file);
	put_verdict(o, status_of(p), why_of(p));
	if (p->keys && p->keys->n) {
		fprintf(o->file, ", TTL %u, at ", p->keys->ttl);
		tacit_output_text(o, TACIT_PLAIN, p->keys->name);
	}
	fputc('\n', o->file);
	for (size_t i = 0; p->keys && i < p->keys->n; i++) {
		describe_key(&p->keys->keys[i], &t);
		fprintf(o->file, "    %-12s %s", t.type, t.fingerprint);
		if (t.gateway[0]) {
			fputs(" gateway ", o->file);
			tacit_output_text(o, TACIT_PLAIN, t.gateway);
			put_gateway_address(o, &p->keys->keys[i]);
		}
		fputc('\n', o->file);
	}
	if (p->keys && p->keys->skipped)
		fprintf(o->file, "    and %zu that cannot be used\n",
			p->keys->skipped);
}

static void show_chain(const struct tacit_output *o,
		       const struct tacit_place *p)
{
	struct chain_link links[CHAIN_NAMES_MAX];
	size_t n = p->chain ? chain_links(p->chain, links) : 0;

	fputs("  Chain of trust\n", o->file);
	for (size_t i = 0; i < n; i++) {
		const struct chain_link *l = &links[i];

		fputs("    ", o->file);
		tacit_output_text(o, TACIT_PLAIN, l->zone);
		fputc(' ', o->file);
		put_verdict(o, dns_verdict_name(l->verdict), l->why);
		if (l->verdict == DNS_SECURE && l->anchored)
			fprintf(o->file, ", %u DNSKEY by a trust anchor",
				l->dnskey);
		else if (l->verdict == DNS_SECURE)
			fprintf(o->file, ", %u DS, %u DNSKEY", l->ds,
				l->dnskey);
		fputc('\n', o->file);
	}
}

static void show_answer(const struct tacit_output *o,
			const struct tacit_answer *a, const char *what)
{
	char text[ADDR_STRLEN];

	fprintf(o->file, "  %-14s ", what);
	put_verdict(o, dns_verdict_name(a->verdict), a->why);
	for (size_t i = 0; i < a->n; i++)
		fprintf(o->file, ", %s", addr_format(&a->addresses[i], text));
	if (a->name[0]) {
		fputs(", ", o->file);
		tacit_output_text(o, TACIT_PLAIN, a->name);
	}
	fputc('\n', o->file);
}

static void show_place(const struct tacit_output *o,
		       const struct tacit_place *p)
{
	show_keys(o, p);
	show_chain(o, p);
}

static void show_for_reader(const struct tacit_output *o,
			    const struct tacit_found *f)
{
	char text[ADDR_STRLEN];

	if (f->forward.name[0]) {
		tacit_output_text(o, TACIT_BOLD, f->forward.name);
		fputc('\n', o->file);
		show_answer(o, &f->a, "IPv4");
		show_answer(o, &f->aaaa, "IPv6");
		show_place(o, &f->forward);
	}
	for (size_t i = 0; i < f->n; i++) {
		const struct tacit_address *a = &f->addresses[i];

		if (i || f->forward.name[0])
			fputc('\n', o->file);
		tacit_output_text(o, TACIT_BOLD, addr_format(&a->addr, text));
		fputs(", ", o->file);
		tacit_output_text(o, TACIT_PLAIN, a->place.name);
		fputc('\n', o->file);
		show_answer(o, &a->pointer, "Pointer");
		show_place(o, &a->place);
		if (a->named.name[0]) {
			fputs("  Its policy wants ", o->file);
			tacit_output_text(o, TACIT_PLAIN, a->named.name);
			fputc('\n', o->file);
			show_place(o, &a->named);
		}
		if (a->policy[0])
			fprintf(o->file,
				"  Policy         %s (%s, Authentication=%s, "
				"Discover=%s)\n",
				a->policy, a->level, a->auth, a->discover);
		fputs("  So it is       ", o->file);
		tacit_output_text(o, TACIT_BOLD, a->conclusion);
		fputc('\n', o->file);
	}
}

/* --- fields ------------------------------------------------------------------- */

static void put_fields(const struct tacit_output *o, const char *const *cells,
		       size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i)
			fputc('\t', o->file);
		tacit_output_text(o, TACIT_PLAIN, cells[i]);
	}
	fputc('\n', o->file);
}

#define FIELDS(o, ...)                                            \
	put_fields(o, (const char *const[]){ __VA_ARGS__ },       \
		   sizeof((const char *const[]){ __VA_ARGS__ }) / \
			   sizeof(const char *))

void tacit_place_fields(const struct tacit_output *o,
			const struct tacit_place *p)
{
	struct chain_link links[CHAIN_NAMES_MAX];
	size_t n = p->chain ? chain_links(p->chain, links) : 0;
	struct key_text t;

	for (size_t i = 0; i < n; i++)
		FIELDS(o, "chain", p->name, links[i].zone,
		       dns_verdict_name(links[i].verdict), links[i].why);
	FIELDS(o, "keys", p->name, status_of(p),
	       p->keys && p->keys->name ? p->keys->name : "", why_of(p));
	for (size_t i = 0; p->keys && i < p->keys->n; i++) {
		describe_key(&p->keys->keys[i], &t);
		FIELDS(o, "key", p->name, t.type, t.fingerprint, t.gateway);
	}
}

static void fields_answer(const struct tacit_output *o, const char *name,
			  const struct tacit_answer *a, const char *type)
{
	char text[ADDR_STRLEN];

	if (!a->n)
		FIELDS(o, "record", name, type, dns_verdict_name(a->verdict),
		       a->name);
	for (size_t i = 0; i < a->n; i++)
		FIELDS(o, "record", name, type, dns_verdict_name(a->verdict),
		       addr_format(&a->addresses[i], text));
}

static void show_fields(const struct tacit_output *o,
			const struct tacit_found *f)
{
	char text[ADDR_STRLEN];

	if (f->forward.name[0]) {
		fields_answer(o, f->forward.name, &f->a, "A");
		fields_answer(o, f->forward.name, &f->aaaa, "AAAA");
		tacit_place_fields(o, &f->forward);
	}
	for (size_t i = 0; i < f->n; i++) {
		const struct tacit_address *a = &f->addresses[i];

		fields_answer(o, a->place.name, &a->pointer, "PTR");
		tacit_place_fields(o, &a->place);
		if (a->named.name[0])
			tacit_place_fields(o, &a->named);
		FIELDS(o, "conclusion", addr_format(&a->addr, text), a->policy,
		       a->level, a->conclusion);
	}
}

/* --- JSON --------------------------------------------------------------------- */

static void json_member(const struct tacit_output *o, const char *key,
			const char *text)
{
	fprintf(o->file, "\"%s\": ", key);
	tacit_json_text(o->file, text);
}

static void json_chain(const struct tacit_output *o,
		       const struct tacit_place *p)
{
	struct chain_link links[CHAIN_NAMES_MAX];
	size_t n = p->chain ? chain_links(p->chain, links) : 0;

	fputs("\"chain\": [", o->file);
	for (size_t i = 0; i < n; i++) {
		fputs(i ? ", {" : "{", o->file);
		json_member(o, "zone", links[i].zone);
		fprintf(o->file,
			", \"status\": \"%s\", \"ds\": %u, \"dnskey\": %u, ",
			dns_verdict_name(links[i].verdict), links[i].ds,
			links[i].dnskey);
		json_member(o, "why", links[i].why);
		fputc('}', o->file);
	}
	fputc(']', o->file);
}

void tacit_place_json(const struct tacit_output *o, const struct tacit_place *p)
{
	struct key_text t;

	json_member(o, "name", p->name);
	fprintf(o->file, ", \"status\": \"%s\", \"source\": \"%s\", ",
		status_of(p),
		p->keys ? keyset_source_name(p->keys->source) : "");
	json_member(o, "at", p->keys && p->keys->name ? p->keys->name : "");
	fputs(", ", o->file);
	json_member(o, "why", why_of(p));
	fprintf(o->file, ", \"ttl\": %u, \"skipped\": %zu, \"keys\": [",
		p->keys ? p->keys->ttl : 0, p->keys ? p->keys->skipped : 0);
	for (size_t i = 0; p->keys && i < p->keys->n; i++) {
		describe_key(&p->keys->keys[i], &t);
		fprintf(o->file, "%s{\"precedence\": %u, ", i ? ", " : "",
			p->keys->keys[i].precedence);
		json_member(o, "type", t.type);
		fputs(", ", o->file);
		json_member(o, "fingerprint", t.fingerprint);
		fputs(", ", o->file);
		json_member(o, "gateway", t.gateway);
		fputc('}', o->file);
	}
	fputs("], ", o->file);
	json_chain(o, p);
}

static void json_answer(const struct tacit_output *o,
			const struct tacit_answer *a, const char *key)
{
	char text[ADDR_STRLEN];

	fprintf(o->file, ", \"%s\": {\"status\": \"%s\", ", key,
		dns_verdict_name(a->verdict));
	json_member(o, "why", a->why);
	fputs(", \"data\": [", o->file);
	for (size_t i = 0; i < a->n; i++)
		fprintf(o->file, "%s\"%s\"", i ? ", " : "",
			addr_format(&a->addresses[i], text));
	if (a->name[0])
		tacit_json_text(o->file, a->name);
	fputs("]}", o->file);
}

static void json_address(const struct tacit_output *o,
			 const struct tacit_address *a)
{
	char text[ADDR_STRLEN];

	fputc('{', o->file);
	json_member(o, "address", addr_format(&a->addr, text));
	fputs(", ", o->file);
	tacit_place_json(o, &a->place);
	json_answer(o, &a->pointer, "pointer");
	if (a->named.name[0]) {
		fputs(", \"wanted\": {", o->file);
		tacit_place_json(o, &a->named);
		fputc('}', o->file);
	}
	fputs(", ", o->file);
	json_member(o, "policy", a->policy);
	fprintf(o->file,
		", \"level\": \"%s\", \"authentication\": \"%s\", "
		"\"discover\": \"%s\", ",
		a->level, a->auth, a->discover);
	json_member(o, "conclusion", a->conclusion);
	fputc('}', o->file);
}

static void show_json(const struct tacit_output *o, const struct tacit_found *f)
{
	fputc('{', o->file);
	json_member(o, "host", f->host);
	fprintf(o->file, ", \"status\": \"%s\"", keyset_status_name(f->status));
	if (f->forward.name[0]) {
		fputs(", \"forward\": {", o->file);
		tacit_place_json(o, &f->forward);
		json_answer(o, &f->a, "a");
		json_answer(o, &f->aaaa, "aaaa");
		fputc('}', o->file);
	}
	fputs(", \"addresses\": [", o->file);
	for (size_t i = 0; i < f->n; i++) {
		fputs(i ? ", " : "", o->file);
		json_address(o, &f->addresses[i]);
	}
	fputs("]}\n", o->file);
}

void tacit_lookup_show(const struct tacit_output *o,
		       const struct tacit_found *f)
{
	if (o->json)
		show_json(o, f);
	else if (o->terminal)
		show_for_reader(o, f);
	else
		show_fields(o, f);
}
