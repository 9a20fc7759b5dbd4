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

enum { TYPE_A = 1, TYPE_PTR = 12, TYPE_AAAA = 28 };

/* --- questions --------------------------------------------------------------- */

static void on_keys(void *user, struct keyset *keys)
{
	struct tacit_place *p = user;

	p->lookup = NULL;
	p->keys = keys ? keyset_ref(keys) : NULL;
}

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

static void on_pointer(void *user, const struct dns_answer *d)
{
	struct tacit_answer *a = user;

	a->there = true;
	a->verdict = d->verdict;
	snprintf(a->why, sizeof(a->why), "%s", d->why ? d->why : "");
	if (d->n &&
	    name_from_wire(d->records[0].data, d->records[0].len, a->name) < 0)
		a->name[0] = '\0';
}

static int ask(struct resolver *r, const char *name, uint16_t type,
	       resolver_callback *callback, struct tacit_answer *a)
{
	struct handle handle;

	a->verdict = DNS_UNREACHABLE;
	strcpy(a->why, "no answer in time");
	return resolver_ask(r, name, type, callback, a, &handle);
}

/* The keys of a place and its chain; by name, or by address. */
static int look(struct resolver *r, struct tacit_place *p,
		const struct lookup_request *request, const char *name)
{
	int rc;

	snprintf(p->name, sizeof(p->name), "%s", name);
	rc = lookup_new(r, request, on_keys, p, &p->lookup);
	return rc < 0 ? rc : chain_new(r, p->name, &p->chain);
}

static void place_done(struct tacit_place *p)
{
	p->lookup = lookup_free(p->lookup);
	p->chain = chain_free(p->chain);
	p->keys = keyset_unref(p->keys);
}

/* --- the policy -------------------------------------------------------------- */

static int rule_of(const struct tacit_dict *d, struct tacit_rule *ret)
{
	const struct tacit_entry *e = tacit_dict_get(d, "Identities");
	const char *level = tacit_dict_text(d, "Level");
	struct tacit_rule r = {
		.level = POLICY_FORBID,
		.in_file = tacit_dict_bool(d, "InFile"),
		.discover = strcmp(tacit_dict_text(d, "Discover"), "dns")
				    ? POLICY_DISCOVER_ALWAYS
				    : POLICY_DISCOVER_DNS,
	};

	if (policy_level_parse(level, &r.level) < 0 ||
	    policy_auth_parse(tacit_dict_text(d, "Authentication"), &r.auth) <
		    0)
		return -EINVAL;
	if (e && e->type == 'a') {
		r.identities = (char **)e->list;
		r.n_identities = e->n_list;
	}
	*ret = r;
	return 0;
}

/* The agent's policy for the address. Exit code; EXIT_NO_PEER: none. */
static int find_policy(struct tacit_client *c, const struct addr *a,
		       sd_bus_message **ret_reply, struct tacit_dict *ret)
{
	char text[ADDR_STRLEN];
	sd_bus_message *m = NULL;
	int code = tacit_client_call(c, DBUS_INTERFACE, "FindPolicy", &m, "s",
				     addr_format(a, text));

	if (code != EXIT_OK)
		return code;
	if (tacit_dict_read(m, ret) != 1) {
		sd_bus_message_unref(m);
		return tacit_client_bad_reply();
	}
	*ret_reply = m;
	return EXIT_OK;
}

static void copy(char *to, size_t size, const struct tacit_dict *d,
		 const char *key)
{
	snprintf(to, size, "%s", tacit_dict_text(d, key));
}

/* What is asked about one address, and after the answers (with conclude) what
 * follows. Exit code. */
static int with_policy(struct tacit_client *c, struct resolver *r,
		       struct tacit_address *a, bool conclude)
{
	struct tacit_rule rule;
	struct tacit_dict d;
	sd_bus_message *m = NULL;
	char name[NAME_STRLEN];
	int code = find_policy(c, &a->addr, &m, &d);

	if (code != EXIT_OK)
		return code;
	copy(a->policy, sizeof(a->policy), &d, "Name");
	copy(a->level, sizeof(a->level), &d, "Level");
	copy(a->auth, sizeof(a->auth), &d, "Authentication");
	copy(a->discover, sizeof(a->discover), &d, "Discover");
	if (rule_of(&d, &rule) < 0) {
		code = tacit_client_bad_reply();
	} else if (conclude) {
		tacit_conclude(&rule, &a->addr,
			       a->named.name[0] ? a->named.keys : a->place.keys,
			       a->conclusion);
	} else if (tacit_conclude_name(&rule)) {
		const struct lookup_request request = { .peer = a->addr,
							.name = name };

		snprintf(name, sizeof(name), "%s.",
			 tacit_conclude_name(&rule) + 1);
		/* A name that cannot be asked is not answered. */
		if (look(r, &a->named, &request, name) < 0)
			place_done(&a->named);
	}
	tacit_dict_done(&d);
	sd_bus_message_unref(m);
	return code;
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
	rc = look(r, &f->forward, &request, name);
	if (rc == 0)
		rc = ask(r, name, TYPE_A, on_answer, &f->a);
	if (rc == 0)
		rc = ask(r, name, TYPE_AAAA, on_answer, &f->aaaa);
	return rc;
}

static void add_addresses(struct tacit_found *f, const struct tacit_answer *a)
{
	for (size_t i = 0; i < a->n && f->n < TACIT_LOOKUP_ADDRESSES; i++)
		f->addresses[f->n++].addr = a->addresses[i];
}

static int ask_reverse(struct resolver *r, struct tacit_address *a)
{
	const struct lookup_request request = { .peer = a->addr };
	char name[NAME_STRLEN];
	int rc = name_of_address(&a->addr, name);

	if (rc == 0)
		rc = look(r, &a->place, &request, name);
	if (rc == 0)
		rc = ask(r, name, TYPE_PTR, on_pointer, &a->pointer);
	return rc;
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
	int code = EXIT_OK;

	for (size_t i = 0; i < f->n; i++) {
		if (ask_reverse(r, &f->addresses[i]) < 0)
			return no_memory();
		code = with_policy(c, r, &f->addresses[i], false);
		/* No policy: said in its place. */
		if (code != EXIT_OK && code != EXIT_NO_PEER)
			return code;
	}
	(void)tacit_dns_wait(r, WAIT_MS);
	for (size_t i = 0; i < f->n; i++) {
		struct tacit_address *a = &f->addresses[i];

		if (!a->policy[0])
			strcpy(a->conclusion, "in the clear: no policy covers "
					      "it");
		else if (with_policy(c, r, a, true) != EXIT_OK)
			return EXIT_FAILED;
	}
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
	place_done(&f->forward);
	for (size_t i = 0; i < f->n; i++) {
		place_done(&f->addresses[i].place);
		place_done(&f->addresses[i].named);
	}
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
