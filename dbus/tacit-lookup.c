/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `tacit lookup`: asks DNS as the agent does, with a resolver of its own, about
 * a name and each of its addresses, or about one address.
 */
#include "dbus/tacit-lookup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dbus/names.h"
#include "dbus/tacit-dns.h"
#include "util/exitcode.h"

/* For each of two rounds. */
#define WAIT_MS 10000u

enum { TYPE_A = 1, TYPE_AAAA = 28 };

/* --- questions --------------------------------------------------------------- */

static void on_answer(void *user, const struct dns_answer *d)
{
	struct tacit_answer *a = user;

	a->there = true;
	a->verdict = d->verdict;
	snprintf(a->why, sizeof(a->why), "%s", d->why ? d->why : "");
	for (size_t i = 0; i < d->n && a->n < TACIT_LOOKUP_ADDRESSES; i++) {
		const struct dns_record *r = &d->records[i];
		struct addr *to = &a->addresses[a->n];

		if (r->len != 4 && r->len != 16)
			continue;
		*to = (struct addr){ .family =
					     r->len == 4 ? AF_INET : AF_INET6 };
		memcpy(to->bytes, r->data, r->len);
		a->n++;
	}
}

/* --- two rounds -------------------------------------------------------------- */

static int no_memory(void)
{
	fprintf(stderr, "tacit: out of memory, or too many questions\n");
	return EXIT_FAILED;
}

static int ask_forward(struct resolver *r, struct tacit_found *f)
{
	const struct lookup_request request = { .name = f->forward.name };
	char name[NAME_STRLEN];
	size_t len = strlen(f->host);
	int rc;

	if (len >= sizeof(name) - 1)
		return -EINVAL;
	snprintf(name, sizeof(name), "%s%s", f->host,
		 len && f->host[len - 1] == '.' ? "" : ".");
	rc = tacit_place_ask(r, &f->forward, &request, name);
	if (rc == 0)
		rc = tacit_answer_ask(r, name, TYPE_A, on_answer, &f->a);
	if (rc == 0)
		rc = tacit_answer_ask(r, name, TYPE_AAAA, on_answer, &f->aaaa);
	return rc;
}

static void add_addresses(struct tacit_found *f, const struct tacit_answer *a)
{
	for (size_t i = 0; i < a->n && f->n < TACIT_LOOKUP_ADDRESSES; i++)
		f->addresses[f->n++].addr = a->addresses[i];
}

static int first_round(struct resolver *r, struct tacit_found *f)
{
	struct addr a;
	int rc;

	if (addr_parse(f->host, &a) == 0) {
		f->addresses[f->n++].addr = a;
		return EXIT_OK;
	}
	rc = ask_forward(r, f);
	if (rc == -EINVAL) {
		fprintf(stderr,
			"tacit: \"%s\" is neither an address nor the "
			"name of a host\n",
			f->host);
		return EXIT_USAGE;
	}
	if (rc < 0)
		return no_memory();
	(void)tacit_dns_wait(r, WAIT_MS);
	add_addresses(f, &f->a);
	add_addresses(f, &f->aaaa);
	return EXIT_OK;
}

static int second_round(struct tacit_client *c, struct resolver *r,
			struct tacit_found *f)
{
	for (size_t i = 0; i < f->n; i++) {
		int code = tacit_address_find(c, &f->addresses[i]);

		/* No policy: said in its place. */
		if (code != EXIT_OK && code != EXIT_NO_PEER)
			return code;
		if (tacit_address_ask(r, &f->addresses[i]) < 0)
			return no_memory();
	}
	(void)tacit_dns_wait(r, WAIT_MS);
	for (size_t i = 0; i < f->n; i++)
		tacit_address_conclude(&f->addresses[i]);
	return EXIT_OK;
}

/* --- the end ----------------------------------------------------------------- */

/* Good news first, then what to worry about most. */
static void weigh(struct tacit_found *f, const struct tacit_place *p)
{
	static const unsigned weight[] = {
		[KEYSET_SECURE] = 5,	  [KEYSET_BOGUS] = 4,
		[KEYSET_UNREACHABLE] = 3, [KEYSET_INSECURE] = 2,
		[KEYSET_NONE] = 1,
	};
	enum keyset_status s = p->keys ? p->keys->status : KEYSET_UNREACHABLE;

	if (p->name[0] && weight[s] > weight[f->status])
		f->status = s;
}

static bool exists(const struct tacit_answer *a)
{
	return a->n || a->verdict != DNS_NONE;
}

static int exit_code(struct tacit_found *f)
{
	static const int codes[] = {
		[KEYSET_SECURE] = EXIT_OK,
		[KEYSET_BOGUS] = EXIT_DNS_BOGUS,
		[KEYSET_UNREACHABLE] = EXIT_DNS_UNREACHABLE,
		[KEYSET_INSECURE] = EXIT_DNS_INSECURE,
		[KEYSET_NONE] = EXIT_DNS_NONE,
	};

	if (f->status == KEYSET_NONE && f->forward.name[0] && !exists(&f->a) &&
	    !exists(&f->aaaa)) {
		fprintf(stderr,
			"tacit: DNS knows no host of the name %s; is that its "
			"full name?\n",
			f->forward.name);
		return EXIT_NO_HOST;
	}
	return codes[f->status];
}

static int look_up(struct tacit *t, struct tacit_client *c, struct resolver *r,
		   struct tacit_found *f)
{
	int code = first_round(r, f);

	if (code == EXIT_OK)
		code = second_round(c, r, f);
	if (code != EXIT_OK)
		return code;
	f->status = KEYSET_NONE;
	weigh(f, &f->forward);
	for (size_t i = 0; i < f->n; i++) {
		weigh(f, &f->addresses[i].place);
		weigh(f, &f->addresses[i].named);
	}
	tacit_lookup_show(&t->out, f);
	return exit_code(f);
}

static void found_free(struct tacit_found *f)
{
	tacit_place_done(&f->forward);
	for (size_t i = 0; i < f->n; i++)
		tacit_address_done(&f->addresses[i]);
	free(f);
}

int tacit_lookup(struct tacit *t, char **arguments)
{
	struct tacit_found *f = calloc(1, sizeof(*f));
	struct tacit_client *client;
	struct resolver *resolver = NULL;
	struct tacit_dict dns;
	sd_bus_message *reply;
	int code;

	if (!f)
		return no_memory();
	f->host = arguments[0];
	code = tacit_client_new(t->socket, &client);
	if (code != EXIT_OK) {
		free(f);
		return code;
	}
	code = tacit_dns_ask(client, &reply, &dns);
	if (code == EXIT_OK) {
		code = tacit_dns_resolver(&dns, &resolver);
		tacit_dict_done(&dns);
		sd_bus_message_unref(reply);
	}
	if (code == EXIT_OK)
		code = look_up(t, client, resolver, f);
	found_free(f);
	resolver_free(resolver);
	tacit_client_free(client);
	return code;
}
