/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `tacit peers`: all of them as a table, page by page, or one in full.
 */
#include <inttypes.h>
#include <string.h>

#include "dbus/names.h"
#include "dbus/tacit-host.h"
#include "dbus/tacit-peer.h"
#include "util/exitcode.h"

enum tacit_colour tacit_peer_colour(const struct tacit_dict *d)
{
	const char *state = tacit_dict_text(d, "State");

	if (!strcmp(state, "secured"))
		return TACIT_GREEN;
	if (!strcmp(state, "clear") || !strcmp(state, "holddown"))
		return TACIT_YELLOW;
	if (!strcmp(state, "blocked"))
		return TACIT_RED;
	return TACIT_CYAN;
}

static void put_since(const struct tacit_output *o, const struct tacit_dict *d,
		      FILE *f)
{
	uint64_t since = tacit_dict_number(d, "SinceMs");
	char span[TACIT_SPAN_LEN];

	if (o->terminal)
		fputs(tacit_span(since < 1000 ? since : since / 1000 * 1000,
				 span),
		      f);
	else
		fprintf(f, "%" PRIu64, since / 1000);
}

static const struct tacit_column columns[] = {
	{ "PEER", "Address", NULL },  { "STATE", "State", NULL },
	{ "POLICY", "Policy", NULL }, { "AUTH", "Authentication", NULL },
	{ "CIPHER", "Cipher", NULL }, { "SINCE", "SinceMs", put_since },
	{ "REASON", "Reason", NULL },
};

static const struct tacit_view peers_view = {
	.columns = columns,
	.n_columns = sizeof(columns) / sizeof(columns[0]),
	.coloured = 1,
	.colour = tacit_peer_colour,
	.empty = "No peers yet: a peer appears with the first packet to it.",
};

/* One page after the cursor, which moves on. Exit code. */
static int next_page(struct tacit_client *client, struct tacit_list *list,
		     char cursor[static ADDR_STRLEN])
{
	sd_bus_message *reply;
	const char *next;
	int code = tacit_client_call(client, DBUS_INTERFACE, "ListPeers",
				     &reply, "su", cursor, 0);

	if (code)
		return code;
	code = tacit_list_read(list, reply);
	if (code == EXIT_OK) {
		/* A cursor that stands still would never end. */
		if (sd_bus_message_read(reply, "s", &next) <= 0 ||
		    strlen(next) >= ADDR_STRLEN ||
		    (*next && !strcmp(next, cursor)))
			code = tacit_client_bad_reply();
		else
			strcpy(cursor, next);
	}
	sd_bus_message_unref(reply);
	return code;
}

static int show_all(struct tacit_client *client, const struct tacit_output *o)
{
	char cursor[ADDR_STRLEN] = "";
	struct tacit_list list;
	int code;

	tacit_list_begin(&list, &peers_view, o);
	do
		code = next_page(client, &list, cursor);
	while (code == EXIT_OK && *cursor);
	return tacit_list_end(&list, code);
}

static void show_line(const struct tacit_output *o, const char *head,
		      const char *text)
{
	if (!*text)
		return;
	fprintf(o->file, "  %-15s", head);
	tacit_output_text(o, TACIT_PLAIN, text);
	fputc('\n', o->file);
}

static void show_full(const struct tacit_output *o, const struct tacit_dict *p)
{
	const char *state = tacit_dict_text(p, "State");
	const char *lease = tacit_dict_text(p, "LeasedAddress");
	char text[128], span[TACIT_SPAN_LEN];
	uint64_t setup = tacit_dict_number(p, "SetupUs");

	tacit_output_text(o, TACIT_BOLD, tacit_dict_text(p, "Address"));
	fputs(": ", o->file);
	tacit_output_text(o, tacit_peer_colour(p), state);
	fprintf(o->file, " for %s\n",
		tacit_span(tacit_dict_number(p, "SinceMs"), span));
	show_line(o, "Reason", tacit_dict_text(p, "Reason"));
	snprintf(text, sizeof(text), "%s (%s)", tacit_dict_text(p, "Policy"),
		 tacit_dict_text(p, "Level"));
	show_line(o, "Policy", *tacit_dict_text(p, "Policy") ? text : "");
	snprintf(text, sizeof(text), "%s%s%s%s",
		 tacit_dict_text(p, "LocalAddress"), *lease ? " (" : "", lease,
		 *lease ? " in ESP, leased by the peer)" : "");
	show_line(o, "Own address", text);
	snprintf(text, sizeof(text),
		 "%" PRIu64 " connections, which began before",
		 tacit_dict_number(p, "ClearConnections"));
	show_line(o, "In the clear",
		  tacit_dict_number(p, "ClearConnections") ? text : "");
	snprintf(text, sizeof(text), "%s, behind a NAT: leased this address",
		 tacit_dict_text(p, "OuterAddress"));
	show_line(o, "Outer", *tacit_dict_text(p, "OuterAddress") ? text : "");
	snprintf(text, sizeof(text), "by the gateway %s",
		 tacit_dict_text(p, "Gateway"));
	show_line(o, "Reached", *tacit_dict_text(p, "Gateway") ? text : "");
	show_line(o, "Identity", tacit_dict_text(p, "Identity"));
	show_line(o, "Authentication", tacit_dict_text(p, "Authentication"));
	show_line(o, "Proof", tacit_dict_text(p, "Proof"));
	show_line(o, "Its key", tacit_dict_text(p, "Fingerprint"));
	show_line(o, "IKE", tacit_dict_text(p, "Algorithms"));
	show_line(o, "ESP", tacit_dict_text(p, "Cipher"));
	if (tacit_dict_number(p, "SPIIn") || tacit_dict_number(p, "SPIOut")) {
		snprintf(text, sizeof(text),
			 "in 0x%08" PRIx64 ", out 0x%08" PRIx64,
			 tacit_dict_number(p, "SPIIn"),
			 tacit_dict_number(p, "SPIOut"));
		show_line(o, "SPI", text);
	}
	if (setup) {
		snprintf(text, sizeof(text), "%" PRIu64 ".%" PRIu64 "ms",
			 setup / 1000, setup % 1000 / 100);
		show_line(o, "Set up in", text);
	}
}

int tacit_peer_show(const struct tacit_output *o, const struct tacit_dict *d)
{
	static const struct tacit_view view = {
		.columns = columns,
		.n_columns = sizeof(columns) / sizeof(columns[0]),
		.show = show_full,
	};

	return tacit_show_one(o, &view, d);
}

static int show_one(struct tacit_client *client, const struct tacit_output *o,
		    const struct addr *address)
{
	char text[ADDR_STRLEN];
	struct tacit_dict peer;
	sd_bus_message *reply;
	int code = tacit_client_call(client, DBUS_INTERFACE, "GetPeer", &reply,
				     "s", addr_format(address, text));

	if (code)
		return code;
	if (tacit_dict_read(reply, &peer) > 0) {
		code = tacit_peer_show(o, &peer);
		tacit_dict_done(&peer);
	} else {
		code = tacit_client_bad_reply();
	}
	sd_bus_message_unref(reply);
	return code;
}

/* Those of its addresses that the agent knows. */
static int show_host(struct tacit_client *client, const struct tacit_output *o,
		     const struct tacit_host *host)
{
	unsigned shown = 0;
	int code = EXIT_OK;

	for (size_t i = 0; i < host->count; i++) {
		int r = show_one(client, o, &host->addresses[i]);

		if (r == EXIT_OK)
			shown++;
		else
			code = r;
	}
	return shown && code == EXIT_NO_PEER ? EXIT_OK : code;
}

int tacit_peers(struct tacit *t, char **arguments)
{
	struct tacit_client *client;
	struct tacit_host host;
	int code = EXIT_OK;

	if (arguments[0])
		code = tacit_host_find(arguments[0], &host);
	if (code == EXIT_OK)
		code = tacit_client_new(t->socket, &client);
	if (code)
		return code;
	if (arguments[0])
		code = show_host(client, &t->out, &host);
	else
		code = show_all(client, &t->out);
	tacit_client_free(client);
	return code;
}
