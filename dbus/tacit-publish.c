/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `tacit key publish`: the keys of this host into DNS, by the user who has the
 * TSIG key. The agent is only asked what there is to publish.
 */
#include "dbus/tacit-publish.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dbus/tacit-dns.h"
#include "util/exitcode.h"

#define TIMEOUT_MS 10000u
#define CHECK_S	   10u

/* --- what was asked for --------------------------------------------------------- */

static int bad_key(const char *path, int error)
{
	const char *why = strerror(-error);

	switch (error) {
	case -EBADMSG:
		why = "there is no TSIG key in it, as tsig-keygen writes it";
		break;
	case -EOPNOTSUPP:
		why = "its algorithm is not one of hmac-sha256, hmac-sha384 "
		      "and hmac-sha512: tsig-keygen -a hmac-sha256 makes "
		      "another";
		break;
	case -EFBIG:
		why = "it is too large for a TSIG key";
		break;
	}
	fprintf(stderr, "tacit: %s: %s\n", path, why);
	if (error == -EACCES)
		fprintf(stderr,
			"       Where others can read it: chmod o= %s, "
			"and make another key if they may have.\n",
			path);
	return EXIT_UPDATE_TSIG;
}

static int read_options(struct tacit *t, struct tacit_publish *p,
			struct tsig_key *key)
{
	const char *path = t->options[TACIT_TSIG];
	int r;

	p->server = t->options[TACIT_SERVER];
	p->replace = t->options[TACIT_REPLACE];
	p->beside = t->options[TACIT_BESIDE];
	if (!p->server) {
		fputs("tacit: key publish needs --server ADDRESS: the primary "
		      "server of the zone\n",
		      stderr);
		return EXIT_USAGE;
	}
	if (tacit_parse_server(p->server, &p->update.server) < 0) {
		fprintf(stderr,
			"tacit: --server takes an address, perhaps with a port "
			"(192.0.2.1:53, [2001:db8::1]:53), not \"%s\"\n",
			p->server);
		return EXIT_USAGE;
	}
	if (p->replace && p->beside) {
		fputs("tacit: --replace and --beside exclude each other\n",
		      stderr);
		return EXIT_USAGE;
	}
	p->update.timeout_ms = TIMEOUT_MS;
	if (!path)
		return EXIT_OK;
	r = tsig_key_read(path, key);
	if (r < 0)
		return bad_key(path, r);
	p->update.key = key;
	return EXIT_OK;
}

/* --- output --------------------------------------------------------------------- */

static void show_json(const struct tacit_output *o,
		      const struct tacit_published *list, size_t n, bool seen)
{
	fputs("{\"names\": [", o->file);
	for (size_t i = 0; i < n; i++) {
		const struct tacit_published *d = &list[i];

		fprintf(o->file, "%s{\"name\": ", i ? ", " : "");
		tacit_json_text(o->file, d->owner->name);
		fputs(", \"zone\": ", o->file);
		tacit_json_text(o->file, d->zone);
		fprintf(o->file,
			", \"published\": %s, \"added\": %u, \"removed\": %u, "
			"\"kept\": %u, \"foreign\": %u}",
			d->code == EXIT_OK ? "true" : "false", d->added,
			d->removed, d->kept, d->foreign);
	}
	fprintf(o->file, "], \"seen\": %s}\n", seen ? "true" : "false");
}

static void show(const struct tacit_output *o,
		 const struct tacit_published *list, size_t n, bool seen)
{
	bool any = false;

	if (o->json) {
		show_json(o, list, n, seen);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		const struct tacit_published *d = &list[i];

		if (d->code != EXIT_OK)
			continue;
		any = true;
		tacit_output_text(o, TACIT_BOLD, d->owner->name);
		fprintf(o->file, ": %u added, %u removed, %u kept", d->added,
			d->removed, d->kept);
		if (d->foreign)
			fprintf(o->file, ", of which %u not of this host",
				d->foreign);
		fputc('\n', o->file);
	}
	if (any && seen)
		fputs("DNS has them, and they are secure.\n", o->file);
}

static void say_elsewhere(const struct tacit_publish *p,
			  const struct tacit_owner *owner)
{
	fprintf(stderr,
		"tacit: %s is not in a zone that %s lets us see: publish it "
		"where its zone is, or paste it there (tacit key dns%s)\n",
		owner->name, p->server, owner->reverse ? " --reverse" : "");
}

/* --- the command ---------------------------------------------------------------- */

/* Of a fault of the key or the connection the next name knows no better. */
static bool is_general(int code)
{
	return code == EXIT_UPDATE_TSIG || code == EXIT_DNS_UNREACHABLE;
}

/* Often the reverse tree is somebody else's: with nothing asked for, one name
 * is a success. */
static int publish_all(const struct tacit *t, struct tacit_publish *p,
		       struct tacit_published *list)
{
	bool strict = t->options[TACIT_FORWARD] || t->options[TACIT_REVERSE];
	int worst = EXIT_OK;
	bool any = false;

	for (size_t i = 0; i < p->own->n_owners; i++) {
		const struct tacit_owner *owner = &p->own->owners[i];
		int code = tacit_publish_name(p, owner, &list[i]);

		any |= code == EXIT_OK;
		if (code == EXIT_UPDATE_ELSEWHERE) {
			say_elsewhere(p, owner);
			if (strict || !owner->reverse)
				worst = EXIT_UPDATE_REFUSED;
			continue;
		}
		worst = code != EXIT_OK ? code : worst;
		if (is_general(code))
			break;
	}
	return worst == EXIT_OK && !any ? EXIT_UPDATE_REFUSED : worst;
}

static int publish(struct tacit *t, struct tacit_publish *p,
		   const struct tacit_dict *dns)
{
	struct tacit_published *list;
	int code, seen = EXIT_UPDATE_UNSEEN;

	list = calloc(p->own->n_owners, sizeof(*list));
	if (!list) {
		fprintf(stderr, "tacit: out of memory\n");
		return EXIT_FAILED;
	}
	for (size_t i = 0; i < p->own->n_owners; i++) {
		list[i].owner = &p->own->owners[i];
		list[i].code = EXIT_FAILED;
	}
	code = publish_all(t, p, list);
	if (code == EXIT_OK && !tacit_dict_bool(dns, "Lookup"))
		fputs("tacit: whether DNS has them has not been looked at "
		      "(Lookup=no)\n",
		      stderr);
	else if (code == EXIT_OK)
		seen = code = tacit_check_names(dns, p->own, list,
						p->own->n_owners, CHECK_S);
	show(&t->out, list, p->own->n_owners, seen == EXIT_OK);
	free(list);
	return code;
}

static int with_agent(struct tacit *t, struct tacit_publish *p)
{
	struct tacit_client *client;
	struct tacit_own *own = NULL;
	struct tacit_dict dns;
	sd_bus_message *reply;
	int code = tacit_client_new(t->socket, &client);

	if (code != EXIT_OK)
		return code;
	code = tacit_dns_ask(client, &reply, &dns);
	if (code == EXIT_OK) {
		code = tacit_own_read(t, client, &dns, &own);
		p->own = own;
		if (code == EXIT_OK)
			code = publish(t, p, &dns);
		tacit_dict_done(&dns);
		sd_bus_message_unref(reply);
	}
	free(own);
	tacit_client_free(client);
	return code;
}

int tacit_key_publish(struct tacit *t, char **arguments)
{
	struct tacit_publish p = { .server = NULL };
	struct tsig_key key = { .name = "" };
	int code = tacit_ttl(t, &p.ttl);

	(void)arguments;
	if (code == EXIT_OK)
		code = read_options(t, &p, &key);
	if (code == EXIT_OK)
		code = with_agent(t, &p);
	tsig_key_wipe(&key);
	return code;
}
