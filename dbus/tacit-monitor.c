/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `tacit monitor`: what happens to peers, as it happens.
 */
#include <stdlib.h>
#include <time.h>

#include "dbus/names.h"
#include "dbus/tacit-peer.h"
#include "util/exitcode.h"

#define DAY_SECONDS 86400u

/* A moment, for a reader on a terminal. */
static void put_time(const struct tacit_output *o)
{
	char text[16];
	time_t now = time(NULL);
	struct tm tm;

	if (localtime_r(&now, &tm) &&
	    strftime(text, sizeof(text), "%H:%M:%S  ", &tm))
		fputs(text, o->file);
}

static void show_line(const struct tacit_output *o, const char *address,
		      const struct tacit_dict *d)
{
	const char *reason = tacit_dict_text(d, "Reason");

	put_time(o);
	tacit_output_text(o, TACIT_BOLD, address);
	fputs("  ", o->file);
	if (!d->count) {
		tacit_output_text(o, TACIT_DIM, "forgotten");
	} else {
		tacit_output_text(o, tacit_peer_colour(d),
				  tacit_dict_text(d, "State"));
		fprintf(o->file, "  %s", tacit_dict_text(d, "Policy"));
	}
	if (*reason) {
		fputs("  ", o->file);
		tacit_output_text(o, TACIT_PLAIN, reason);
	}
	fputc('\n', o->file);
}

static int show(const struct tacit_output *o, sd_bus_message *m)
{
	struct tacit_dict d;
	const char *address;

	if (sd_bus_message_read(m, "s", &address) <= 0 ||
	    tacit_dict_read(m, &d) <= 0)
		return 0;
	if (o->json && d.count) {
		tacit_json_dict(o->file, &d);
		fputc('\n', o->file);
	} else if (o->json) {
		fputs("{\"address\": ", o->file);
		tacit_json_text(o->file, address);
		fputs(", \"state\": \"forgotten\"}\n", o->file);
	} else if (o->terminal) {
		show_line(o, address, &d);
	} else {
		tacit_output_text(o, TACIT_PLAIN, address);
		fprintf(o->file, "\t%s\t%s\t",
			d.count ? tacit_dict_text(&d, "State") : "forgotten",
			tacit_dict_text(&d, "Policy"));
		tacit_output_text(o, TACIT_PLAIN,
				  tacit_dict_text(&d, "Reason"));
		fputc('\n', o->file);
	}
	tacit_dict_done(&d);
	return 0;
}

static int on_signal(sd_bus_message *m, void *user, sd_bus_error *error)
{
	const struct tacit_output *o = user;

	(void)error;
	if (sd_bus_message_is_signal(m, DBUS_INTERFACE, "PeerChanged") > 0)
		show(o, m);
	else if (sd_bus_message_is_signal(m, DBUS_INTERFACE, "PeersChanged") >
		 0)
		fprintf(stderr, "tacit: more has changed than can be told one "
				"by one.\n");
	/* Whoever reads a pipe waits for it. */
	fflush(o->file);
	return 0;
}

int tacit_monitor(struct tacit *t, char **arguments)
{
	uint64_t until = UINT64_MAX;
	struct tacit_client *client;
	sd_bus_message *reply;
	uint32_t seconds;
	int code = EXIT_OK;

	if (arguments[0])
		code = tacit_parse_seconds(arguments[0], DAY_SECONDS, &seconds);
	if (code == EXIT_OK)
		code = tacit_client_new(t->socket, &client);
	if (code)
		return code;
	if (arguments[0])
		until = tacit_client_now() + seconds * 1000000ull;
	/* Who may not see the peers is told so, and not left waiting. */
	code = tacit_client_call(client, DBUS_INTERFACE, "ListPeers", &reply,
				 "su", "", 1);
	if (code == EXIT_OK) {
		sd_bus_message_unref(reply);
		code = tacit_client_listen(client, on_signal, &t->out);
	}
	if (code == EXIT_OK)
		code = tacit_client_run(client, until);
	tacit_client_free(client);
	return code;
}
