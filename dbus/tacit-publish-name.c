/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One name: what is there is read first, and changed only if it is still that,
 * so that nobody's records are lost who writes at the same time.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dbus/tacit-publish.h"
#include "dnskeys/own-key.h"
#include "util/exitcode.h"

/* Somebody else may be writing; not for ever. */
#define TRIES 3

#define PORT_DNS 53u

int tacit_parse_server(const char *text, struct endpoint *ret)
{
	struct endpoint e = { .port = PORT_DNS };
	const char *colon = strrchr(text, ':'), *port = NULL;
	size_t len = strlen(text);
	char addr[ADDR_STRLEN], *end;
	unsigned long n;

	if (*text == '[') {
		const char *close = strchr(text, ']');

		if (!close || (close[1] && close[1] != ':'))
			return -EINVAL;
		port = close[1] ? close + 2 : NULL;
		len = (size_t)(close - ++text);
	} else if (colon && strchr(text, ':') == colon) {
		port = colon + 1;
		len = (size_t)(colon - text);
	}
	if (len >= sizeof(addr))
		return -EINVAL;
	memcpy(addr, text, len);
	addr[len] = '\0';
	if (addr_parse(addr, &e.addr) < 0)
		return -EINVAL;
	if (port) {
		n = strtoul(port, &end, 10);
		if (*port < '0' || *port > '9' || *end || !n || n > UINT16_MAX)
			return -EINVAL;
		e.port = (uint16_t)n;
	}
	*ret = e;
	return 0;
}

/* --- what is to be done -------------------------------------------------------- */

struct plan {
	const struct own_record *add[LIMIT_OWN_KEYS];
	const struct update_record *remove[UPDATE_RECORDS_MAX];
	const struct update_record *foreign[UPDATE_RECORDS_MAX];
	size_t n_add, n_remove, n_foreign, ours;
};

static const struct tacit_own_key *find_own(const struct tacit_own *own,
					    const struct update_record *r)
{
	for (size_t i = 0; i < own->n_keys; i++)
		if (own_record_is_same(&own->keys[i].record, r->rdata, r->len))
			return &own->keys[i];
	return NULL;
}

static bool is_there(const struct update_set *set, const struct own_record *r)
{
	for (size_t i = 0; i < set->n; i++)
		if (own_record_is_same(r, set->records[i].rdata,
				       set->records[i].len))
			return true;
	return false;
}

static void make_plan(const struct tacit_publish *p,
		      const struct update_set *set, struct plan *ret)
{
	*ret = (struct plan){ .n_add = 0 };
	for (size_t i = 0; i < set->n; i++) {
		const struct update_record *r = &set->records[i];
		const struct tacit_own_key *k = find_own(p->own, r);

		ret->ours += k != NULL;
		if (k && tacit_own_is_published(k))
			continue;
		if (!k)
			ret->foreign[ret->n_foreign++] = r;
		if (k || p->replace)
			ret->remove[ret->n_remove++] = r;
	}
	for (size_t i = 0; i < p->own->n_keys; i++) {
		const struct tacit_own_key *k = &p->own->keys[i];

		if (tacit_own_is_published(k) && !is_there(set, &k->record))
			ret->add[ret->n_add++] = &k->record;
	}
}

/* A key that only others have is most often the one from before a new
 * installation, and sometimes another host's. */
static int too_foreign(const struct tacit_owner *owner, const struct plan *plan)
{
	fprintf(stderr,
		"tacit: %s has %zu IPSECKEY record%s, none of this host. Add "
		"--replace to remove what is there, or --beside to publish "
		"beside it.\n",
		owner->name, plan->n_foreign, plan->n_foreign == 1 ? "" : "s");
	return EXIT_FOREIGN_KEYS;
}

/* --- what went wrong ----------------------------------------------------------- */

static int explain_tsig(const struct tacit_publish *p, enum update_outcome o)
{
	const struct update *u = &p->update;
	const char *key = u->key->name;

	if (o == UPDATE_BADKEY)
		fprintf(stderr,
			"tacit: %s does not know the TSIG key \"%s\" (BADKEY): "
			"give it the same key, under the same name\n",
			p->server, key);
	else if (o == UPDATE_BADSIG)
		fprintf(stderr,
			"tacit: %s has another secret for the TSIG key \"%s\" "
			"(BADSIG): give both the same key file\n",
			p->server, key);
	else if (o == UPDATE_BADTIME)
		fprintf(stderr,
			"tacit: the clock of %s differs from this one by "
			"%" PRId64 " s (BADTIME): set the clocks\n",
			p->server, u->skew);
	else if (o == UPDATE_BADTSIG)
		fprintf(stderr,
			"tacit: %s does not accept the TSIG key \"%s\" "
			"(NOTAUTH): it must be there under the same name, with "
			"the same secret, and be allowed to update\n",
			p->server, key);
	else if (o == UPDATE_UNSIGNED)
		fprintf(stderr,
			"tacit: the answer of %s is not signed with the TSIG "
			"key \"%s\": somebody may stand in between\n",
			p->server, key);
	else
		fprintf(stderr,
			"tacit: %s cannot be signed with here: make a key with "
			"hmac-sha256 (tsig-keygen -a hmac-sha256)\n",
			u->key->algorithm);
	return EXIT_UPDATE_TSIG;
}

/* NOTAUTH is said of those who may not, too (RFC 8945 5.3.2): that the server
 * has the zone has been seen. */
static int explain_refused(const struct tacit_publish *p, const char *name,
			   const char *code)
{
	if (p->update.key)
		fprintf(stderr,
			"tacit: %s refuses (%s): allow the TSIG key \"%s\" "
			"there to update IPSECKEY at %s, and name the primary "
			"server\n",
			p->server, code, p->update.key->name, name);
	else
		fprintf(stderr,
			"tacit: %s refuses (%s): it wants a signed update; name "
			"its TSIG key with --tsig FILE\n",
			p->server, code);
	return EXIT_UPDATE_REFUSED;
}

static int explain(const struct tacit_publish *p, const char *name,
		   enum update_outcome o)
{
	switch (o) {
	case UPDATE_OK:
	case UPDATE_OUTCOMES:
		return EXIT_OK;
	case UPDATE_BADKEY:
	case UPDATE_BADSIG:
	case UPDATE_BADTIME:
	case UPDATE_BADTSIG:
	case UPDATE_UNSIGNED:
	case UPDATE_NO_ALGORITHM:
		return explain_tsig(p, o);
	case UPDATE_UNREACHABLE:
		fprintf(stderr,
			"tacit: %s does not answer (%s): is it up, and can TCP "
			"reach it?\n",
			p->server, strerror(-p->update.error));
		return EXIT_DNS_UNREACHABLE;
	case UPDATE_REFUSED:
		return explain_refused(p, name, "REFUSED");
	case UPDATE_NOTAUTH:
		return explain_refused(p, name, "NOTAUTH");
	case UPDATE_NOTZONE:
		fprintf(stderr,
			"tacit: %s says that %s is in another zone (NOTZONE): "
			"name the server of that\n",
			p->server, name);
		break;
	case UPDATE_NOTIMP:
		fprintf(stderr,
			"tacit: %s does not do dynamic updates (NOTIMP): paste "
			"what tacit key dns prints\n",
			p->server);
		break;
	case UPDATE_SERVFAIL:
		fprintf(stderr,
			"tacit: %s failed (SERVFAIL): its log says why; can it "
			"write its zone?\n",
			p->server);
		break;
	case UPDATE_CHANGED:
		fprintf(stderr,
			"tacit: somebody else changes the records at %s all "
			"the time: try again\n",
			name);
		break;
	case UPDATE_RUBBISH:
		fprintf(stderr, "tacit: %s sent something that is no answer\n",
			p->server);
		break;
	case UPDATE_FAILED:
		fprintf(stderr, "tacit: %s refuses, with the code %d\n",
			p->server, p->update.rcode);
		break;
	}
	return EXIT_UPDATE_REFUSED;
}

/* --- doing it ------------------------------------------------------------------ */

/* That it has not the zone is the first answer, or a refusal to talk of it. */
static bool is_elsewhere(const struct tacit_publish *p, enum update_outcome o)
{
	return o == UPDATE_NOTAUTH || (o == UPDATE_REFUSED && p->update.key);
}

static enum update_outcome carry_out(struct tacit_publish *p, const char *name,
				     const struct update_set *set,
				     const struct plan *plan)
{
	if (!plan->n_add && !plan->n_remove)
		return UPDATE_OK;
	return update_write(&p->update, name, set, plan->add, plan->n_add,
			    plan->remove, plan->n_remove, p->ttl);
}

int tacit_publish_name(struct tacit_publish *p, const struct tacit_owner *owner,
		       struct tacit_published *ret)
{
	struct update_set *set = calloc(1, sizeof(*set));
	enum update_outcome o = UPDATE_CHANGED;
	struct plan plan = { .n_add = 0 };

	*ret = (struct tacit_published){ .owner = owner, .code = EXIT_FAILED };
	for (int i = 0; set && i < TRIES && o == UPDATE_CHANGED; i++) {
		o = update_read(&p->update, owner->name, set);
		if (is_elsewhere(p, o)) {
			ret->code = EXIT_UPDATE_ELSEWHERE;
			goto out;
		}
		if (o != UPDATE_OK)
			break;
		make_plan(p, set, &plan);
		if (plan.n_foreign && !plan.ours && !p->replace && !p->beside) {
			ret->code = too_foreign(owner, &plan);
			goto out;
		}
		o = carry_out(p, owner->name, set, &plan);
	}
	if (set) {
		memcpy(ret->zone, set->zone, sizeof(ret->zone));
		ret->code = explain(p, owner->name, o);
	}
	if (o == UPDATE_OK) {
		ret->added = (unsigned)plan.n_add;
		ret->removed = (unsigned)plan.n_remove;
		ret->foreign = p->replace ? 0 : (unsigned)plan.n_foreign;
		ret->kept = (unsigned)(set ? set->n : 0) - ret->removed;
	}
out:
	free(set);
	return ret->code;
}
