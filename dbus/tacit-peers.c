/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `tacit peers`: all of them as a table, page by page, or one in full.
 */
#include <inttypes.h>
#include <string.h>

#include "dbus/manager.h"
#include "dbus/tacit.h"
#include "util/addr.h"
#include "util/exitcode.h"

static enum tacit_colour colour_of(const char *state)
{
	if (!strcmp(state, "secured"))
		return TACIT_GREEN;
	if (!strcmp(state, "clear") || !strcmp(state, "holddown"))
		return TACIT_YELLOW;
	if (!strcmp(state, "blocked"))
		return TACIT_RED;
	return TACIT_CYAN;
}

static const char *or_dash(const struct tacit_output *o, const char *text)
{
	return *text || !o->terminal ? text : "-";
}

static int add_row(struct tacit_table *table, const struct tacit_dict *peer)
{
	const struct tacit_output *o = table->output;
	uint64_t since = tacit_dict_number(peer, "SinceMs");
	const char *state = tacit_dict_text(peer, "State");
	char span[TACIT_SPAN_LEN];
	const char *cells[] = {
		tacit_dict_text(peer, "Address"),
		state,
		or_dash(o, tacit_dict_text(peer, "Policy")),
		or_dash(o, tacit_dict_text(peer, "Authentication")),
		or_dash(o, tacit_dict_text(peer, "Cipher")),
		span,
		or_dash(o, tacit_dict_text(peer, "Reason")),
	};

	if (o->terminal)
		tacit_span(since < 1000 ? since : since / 1000 * 1000, span);
	else
		snprintf(span, sizeof(span), "%" PRIu64, since / 1000);
	return tacit_table_row(table, cells, 1, colour_of(state));
}

/* Shows a page, and leaves the reply before its cursor. Exit code. */
static int show_page(const struct tacit_output *o, sd_bus_message *reply,
		     struct tacit_table *table, size_t *count)
{
	struct tacit_dict peer;
	int r = sd_bus_message_enter_container(reply, 'a', "a{sv}"), row = 0;

	while (r >= 0 && (r = tacit_dict_read(reply, &peer)) > 0) {
		if (o->json) {
			fputs(*count ? ",\n  " : "  ", o->file);
			tacit_json_dict(o->file, &peer);
		} else {
			row = add_row(table, &peer);
		}
		++*count;
		tacit_dict_done(&peer);
		if (row < 0)
			return EXIT_FAILED;
	}
	if (r < 0 || sd_bus_message_exit_container(reply) < 0)
		return tacit_client_bad_reply();
	return EXIT_OK;
}

/* One page after the cursor, which moves on. Exit code. */
static int next_page(struct tacit_client *client, const struct tacit_output *o,
		     struct tacit_table *table, size_t *count,
		     char cursor[static ADDR_STRLEN])
{
	sd_bus_message *reply;
	const char *next;
	int code = tacit_client_call(client, DBUS_INTERFACE, "ListPeers",
				     &reply, "su", cursor, 0);

	if (code)
		return code;
	code = show_page(o, reply, table, count);
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
	static const char *const heads[] = { "PEER",  "STATE",	"POLICY",
					     "AUTH",  "CIPHER", "SINCE",
					     "REASON" };
	char cursor[ADDR_STRLEN] = "";
	struct tacit_table table;
	size_t count = 0;
	int code;

	tacit_table_begin(&table, o, heads, sizeof(heads) / sizeof(heads[0]));
	if (o->json)
		fputs("[\n", o->file);
	do
		code = next_page(client, o, &table, &count, cursor);
	while (code == EXIT_OK && *cursor);
	tacit_table_end(&table);
	/* An error leaves the list open: it is not the whole one. */
	if (code == EXIT_OK && o->json)
		fputs(count ? "\n]\n" : "]\n", o->file);
	if (code == EXIT_OK && o->terminal && !o->json && !count)
		fputs("No peers yet: a peer appears with the first packet to "
		      "it.\n",
		      o->file);
	return code;
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
	char text[128], span[TACIT_SPAN_LEN];
	uint64_t setup = tacit_dict_number(p, "SetupUs");

	tacit_output_text(o, TACIT_BOLD, tacit_dict_text(p, "Address"));
	fputs(": ", o->file);
	tacit_output_text(o, colour_of(state), state);
	fprintf(o->file, " for %s\n",
		tacit_span(tacit_dict_number(p, "SinceMs"), span));
	show_line(o, "Reason", tacit_dict_text(p, "Reason"));
	snprintf(text, sizeof(text), "%s (%s)", tacit_dict_text(p, "Policy"),
		 tacit_dict_text(p, "Level"));
	show_line(o, "Policy", *tacit_dict_text(p, "Policy") ? text : "");
	show_line(o, "Own address", tacit_dict_text(p, "LocalAddress"));
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

static int show_one(struct tacit_client *client, const struct tacit_output *o,
		    const char *address)
{
	struct tacit_table table;
	struct tacit_dict peer;
	sd_bus_message *reply;
	int code = tacit_client_call(client, DBUS_INTERFACE, "GetPeer", &reply,
				     "s", address);

	if (code)
		return code;
	if (tacit_dict_read(reply, &peer) <= 0) {
		sd_bus_message_unref(reply);
		return tacit_client_bad_reply();
	}
	if (o->json) {
		tacit_json_dict(o->file, &peer);
		fputc('\n', o->file);
	} else if (o->terminal) {
		show_full(o, &peer);
	} else {
		tacit_table_begin(&table, o, NULL, 0);
		table.columns = 7;
		if (add_row(&table, &peer) < 0)
			code = EXIT_FAILED;
	}
	tacit_dict_done(&peer);
	sd_bus_message_unref(reply);
	return code;
}

int tacit_peers(struct tacit *t, const char *address)
{
	struct tacit_client *client;
	int code = tacit_client_new(t->socket, &client);

	if (code)
		return code;
	if (address)
		code = show_one(client, &t->out, address);
	else
		code = show_all(client, &t->out);
	tacit_client_free(client);
	return code;
}
