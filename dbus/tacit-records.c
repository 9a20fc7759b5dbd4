/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `tacit key dns`: the records to publish, a line each, as a zone file has
 * them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dbus/tacit-dns.h"
#include "dbus/tacit-own.h"
#include "util/exitcode.h"

#define TTL_DEFAULT 3600u
/* RFC 2181 8. */
#define TTL_MAX 2147483647ul

int tacit_ttl(const struct tacit *t, uint32_t *ret)
{
	const char *text = t->options[TACIT_TTL];
	unsigned long ttl;
	char *end;

	*ret = TTL_DEFAULT;
	if (!text)
		return EXIT_OK;
	errno = 0;
	ttl = strtoul(text, &end, 10);
	if (*text >= '0' && *text <= '9' && !*end && !errno && ttl <= TTL_MAX) {
		*ret = (uint32_t)ttl;
		return EXIT_OK;
	}
	fprintf(stderr, "tacit: --ttl takes a number of seconds, not \"%s\"\n",
		text);
	return EXIT_USAGE;
}

static void show_comment(const struct tacit_output *o,
			 const struct tacit_owner *owner,
			 const struct tacit_own_key *k)
{
	fprintf(o->file, "; %s: key ", owner->reverse ? "reverse" : "forward");
	tacit_output_text(o, TACIT_PLAIN, k->name);
	fprintf(o->file, ", %s, %s, %s\n", k->type, key_stage_name(k->stage),
		k->fingerprint);
}

static void show_json(const struct tacit_output *o, const struct tacit_owner *w,
		      const struct tacit_own_key *k, uint32_t ttl, bool first)
{
	char rdata[OWN_RECORD_LINE];

	fprintf(o->file, "%s  {\"name\": ", first ? "" : ",\n");
	tacit_json_text(o->file, w->name);
	fprintf(o->file,
		", \"ttl\": %u, \"type\": \"IPSECKEY\", \"rdata\": ", ttl);
	tacit_json_text(o->file, own_record_rdata(&k->record, rdata));
	fprintf(o->file,
		", \"reverse\": %s, \"key\": ", w->reverse ? "true" : "false");
	tacit_json_text(o->file, k->name);
	fprintf(o->file, ", \"stage\": \"%s\"}", key_stage_name(k->stage));
}

static void show(const struct tacit *t, const struct tacit_own *own,
		 uint32_t ttl)
{
	const struct tacit_output *o = &t->out;
	char line[OWN_RECORD_LINE];
	bool first = true;

	if (o->json)
		fputs("[\n", o->file);
	for (size_t i = 0; i < own->n_owners; i++) {
		for (size_t j = 0; j < own->n_keys; j++) {
			const struct tacit_owner *w = &own->owners[i];
			const struct tacit_own_key *k = &own->keys[j];

			if (!tacit_own_is_published(k))
				continue;
			if (o->json)
				show_json(o, w, k, ttl, first);
			else if (t->options[TACIT_ZONE_FILE])
				show_comment(o, w, k);
			if (!o->json)
				fprintf(o->file, "%s\n",
					own_record_line(&k->record, w->name,
							ttl, line));
			first = false;
		}
	}
	if (o->json)
		fputs(first ? "]\n" : "\n]\n", o->file);
}

int tacit_key_dns(struct tacit *t, char **arguments)
{
	struct tacit_client *client;
	struct tacit_own *own = NULL;
	struct tacit_dict dns;
	sd_bus_message *reply;
	uint32_t ttl;
	int code = tacit_ttl(t, &ttl);

	(void)arguments;
	if (code == EXIT_OK)
		code = tacit_client_new(t->socket, &client);
	if (code != EXIT_OK)
		return code;
	code = tacit_dns_ask(client, &reply, &dns);
	if (code == EXIT_OK) {
		code = tacit_own_read(t, client, &dns, &own);
		tacit_dict_done(&dns);
		sd_bus_message_unref(reply);
	}
	if (code == EXIT_OK)
		show(t, own, ttl);
	free(own);
	tacit_client_free(client);
	return code;
}
