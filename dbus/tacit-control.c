/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `tacit up`, `down`, `repair` and `debug`: what changes something for a moment.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dbus/names.h"
#include "dbus/tacit-host.h"
#include "dbus/tacit-peer.h"
#include "util/exitcode.h"

#define UP_SECONDS     15u
#define UP_SECONDS_MAX 120u
/* As long as the agent lets it take, and a little more. */
#define REPAIR_SECONDS 25u
#define RELOAD_SECONDS 30u

int tacit_parse_seconds(const char *text, uint32_t max, uint32_t *ret)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || n < 1 || n > max) {
		fprintf(stderr,
			"tacit: \"%s\": give 1 to %u seconds, as a number.\n",
			text, max);
		return EXIT_USAGE;
	}
	*ret = (uint32_t)n;
	return EXIT_OK;
}

static void say_done(const struct tacit_output *o)
{
	if (o->json)
		fputs("{\"ok\": true}\n", o->file);
}

static int up_one(struct tacit_client *client, const struct tacit_output *o,
		  const struct addr *address, uint32_t seconds)
{
	char text[ADDR_STRLEN];
	sd_bus_message *reply;
	struct tacit_dict peer;
	int code = tacit_client_call(client, DBUS_INTERFACE, "Connect", &reply,
				     "su", addr_format(address, text),
				     seconds * 1000);

	if (code == EXIT_TIMED_OUT)
		fprintf(stderr,
			"       IKE with %s goes on: see tacit explain %s\n",
			text, text);
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

int tacit_up(struct tacit *t, char **arguments)
{
	uint32_t seconds = UP_SECONDS;
	struct tacit_client *client;
	struct tacit_host host;
	int code = EXIT_OK;

	if (arguments[1])
		code = tacit_parse_seconds(arguments[1], UP_SECONDS_MAX,
					   &seconds);
	if (code == EXIT_OK)
		code = tacit_host_find(arguments[0], &host);
	if (code == EXIT_OK)
		code = tacit_client_new(t->socket, &client);
	if (code)
		return code;
	tacit_client_patience(client, seconds + 5);
	/* A name has several addresses; one that works is enough. */
	for (size_t i = 0; i < host.count; i++) {
		code = up_one(client, &t->out, &host.addresses[i], seconds);
		if (code == EXIT_OK)
			break;
	}
	tacit_client_free(client);
	return code;
}

int tacit_down(struct tacit *t, char **arguments)
{
	struct tacit_client *client;
	struct tacit_host host;
	unsigned known = 0;
	int code = tacit_host_find(arguments[0], &host);

	if (code == EXIT_OK)
		code = tacit_client_new(t->socket, &client);
	if (code)
		return code;
	for (size_t i = 0; i < host.count; i++) {
		char text[ADDR_STRLEN];
		sd_bus_message *reply;
		int r = tacit_client_call(
			client, DBUS_INTERFACE, "Disconnect", &reply, "s",
			addr_format(&host.addresses[i], text));

		if (r == EXIT_OK) {
			known++;
			sd_bus_message_unref(reply);
		} else {
			code = r;
		}
	}
	/* Not every address of a name need be known. */
	if (known && code == EXIT_NO_PEER)
		code = EXIT_OK;
	if (code == EXIT_OK)
		say_done(&t->out);
	tacit_client_free(client);
	return code;
}

int tacit_reload(struct tacit *t, char **arguments)
{
	struct tacit_client *client;
	sd_bus_message *reply;
	int code = tacit_client_new(t->socket, &client);

	(void)arguments;
	if (code)
		return code;
	tacit_client_patience(client, RELOAD_SECONDS);
	code = tacit_client_call(client, DBUS_INTERFACE, "Reload", &reply, "");
	if (code == EXIT_OK) {
		say_done(&t->out);
		sd_bus_message_unref(reply);
	}
	tacit_client_free(client);
	return code;
}

static void show_mended(const struct tacit_output *o, uint32_t n)
{
	if (o->json)
		fprintf(o->file, "{\"mended\": %u}\n", n);
	else if (n)
		fprintf(o->file, "%u %s put right.\n", n,
			n == 1 ? "thing was" : "things were");
	else
		fputs("All is as it should be.\n", o->file);
}

int tacit_repair(struct tacit *t, char **arguments)
{
	struct tacit_client *client;
	sd_bus_message *reply;
	uint32_t mended = 0;
	int code = tacit_client_new(t->socket, &client);

	(void)arguments;
	if (code)
		return code;
	tacit_client_patience(client, REPAIR_SECONDS);
	code = tacit_client_call(client, DBUS_INTERFACE, "Repair", &reply, "");
	if (code == EXIT_OK) {
		if (sd_bus_message_read(reply, "u", &mended) > 0)
			show_mended(&t->out, mended);
		else
			code = tacit_client_bad_reply();
		sd_bus_message_unref(reply);
	}
	tacit_client_free(client);
	return code;
}

int tacit_debug(struct tacit *t, char **arguments)
{
	struct tacit_host host = { .count = 1 };
	char text[ADDR_STRLEN] = "";
	struct tacit_client *client;
	sd_bus_message *reply;
	int code = EXIT_OK;

	if (arguments[1])
		code = tacit_host_find(arguments[1], &host);
	if (code == EXIT_OK && host.count > 1) {
		fprintf(stderr,
			"tacit: %s has several addresses: give the one that "
			"is meant.\n",
			arguments[1]);
		code = EXIT_USAGE;
	}
	if (code == EXIT_OK)
		code = tacit_client_new(t->socket, &client);
	if (code)
		return code;
	if (arguments[1])
		addr_format(&host.addresses[0], text);
	code = tacit_client_call(client, DBUS_INTERFACE, "SetDebug", &reply,
				 "ss", arguments[0], text);
	if (code == EXIT_OK) {
		say_done(&t->out);
		sd_bus_message_unref(reply);
	}
	tacit_client_free(client);
	return code;
}
