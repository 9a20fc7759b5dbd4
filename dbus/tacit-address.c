/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus/tacit-address.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dbus/names.h"
#include "util/exitcode.h"

enum { TYPE_PTR = 12 };

/* --- questions --------------------------------------------------------------- */

static void on_keys(void *user, struct keyset *keys)
{
	struct tacit_place *p = user;

	p->lookup = NULL;
	p->keys = keys ? keyset_ref(keys) : NULL;
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

int tacit_answer_ask(struct resolver *r, const char *name, uint16_t type,
		     resolver_callback *callback, struct tacit_answer *a)
{
	struct handle handle;

	a->verdict = DNS_UNREACHABLE;
	strcpy(a->why, "no answer in time");
	return resolver_ask(r, name, type, callback, a, &handle);
}

int tacit_place_ask(struct resolver *r, struct tacit_place *p,
		    const struct lookup_request *request, const char *name)
{
	int rc;

	snprintf(p->name, sizeof(p->name), "%s", name);
	rc = lookup_new(r, request, on_keys, p, &p->lookup);
	return rc < 0 ? rc : chain_new(r, p->name, &p->chain);
}

void tacit_place_done(struct tacit_place *p)
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
	const char *lookup = tacit_dict_text(d, "Lookup");
	struct tacit_rule r = {
		.level = POLICY_FORBID,
		.in_file = tacit_dict_bool(d, "InFile"),
		.gateway = tacit_dict_bool(d, "Gateway"),
		.discover = strcmp(tacit_dict_text(d, "Discover"), "dns")
				    ? POLICY_DISCOVER_ALWAYS
				    : POLICY_DISCOVER_DNS,
	};

	if (policy_level_parse(level, &r.level) < 0 ||
	    policy_auth_parse(tacit_dict_text(d, "Authentication"), &r.auth) <
		    0)
		return -EINVAL;
	if (!strcmp(lookup, "no"))
		r.lookup = POLICY_LOOKUP_NO;
	else if (!strcmp(lookup, "name"))
		r.lookup = POLICY_LOOKUP_NAME;
	if (e && e->type == 'a') {
		r.identities = (char **)e->list;
		r.n_identities = e->n_list;
	}
	*ret = r;
	return 0;
}

static void copy(char *to, size_t size, const struct tacit_dict *d,
		 const char *key)
{
	snprintf(to, size, "%s", tacit_dict_text(d, key));
}

int tacit_address_find(struct tacit_client *c, struct tacit_address *a)
{
	char text[ADDR_STRLEN];
	sd_bus_message *m = NULL;
	int code = tacit_client_call(c, DBUS_INTERFACE, "FindPolicy", &m, "s",
				     addr_format(&a->addr, text));

	if (code != EXIT_OK)
		return code;
	if (tacit_dict_read(m, &a->said) != 1) {
		sd_bus_message_unref(m);
		return tacit_client_bad_reply();
	}
	a->reply = m;
	copy(a->policy, sizeof(a->policy), &a->said, "Name");
	copy(a->level, sizeof(a->level), &a->said, "Level");
	copy(a->auth, sizeof(a->auth), &a->said, "Authentication");
	copy(a->discover, sizeof(a->discover), &a->said, "Discover");
	return rule_of(&a->said, &a->rule) < 0 ? tacit_client_bad_reply()
					       : EXIT_OK;
}

/* --- an address -------------------------------------------------------------- */

void tacit_address_ask_name(struct resolver *r, struct tacit_address *a)
{
	char name[NAME_STRLEN];
	const struct lookup_request request = { .peer = a->addr, .name = name };

	snprintf(name, sizeof(name), "%s.", tacit_conclude_name(&a->rule) + 1);
	if (tacit_place_ask(r, &a->named, &request, name) < 0)
		tacit_place_done(&a->named);
}

int tacit_address_ask(struct resolver *r, struct tacit_address *a)
{
	const struct lookup_request request = { .peer = a->addr };
	char name[NAME_STRLEN];
	int rc = name_of_address(&a->addr, name);

	if (rc == 0)
		rc = tacit_place_ask(r, &a->place, &request, name);
	if (rc == 0)
		rc = tacit_answer_ask(r, name, TYPE_PTR, on_pointer,
				      &a->pointer);
	if (rc == 0 && a->reply && tacit_conclude_name(&a->rule))
		tacit_address_ask_name(r, a);
	return rc;
}

void tacit_address_conclude(struct tacit_address *a)
{
	if (a->reply)
		tacit_conclude(&a->rule, &a->addr,
			       a->named.name[0] ? a->named.keys : a->place.keys,
			       a->conclusion);
	else
		strcpy(a->conclusion, "in the clear: no policy covers it");
}

void tacit_address_done(struct tacit_address *a)
{
	tacit_place_done(&a->place);
	tacit_place_done(&a->named);
	if (a->reply)
		tacit_dict_done(&a->said);
	a->reply = sd_bus_message_unref(a->reply);
}
