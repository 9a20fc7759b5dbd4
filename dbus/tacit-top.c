/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `tacit top`: the busiest peers, anew every two seconds on a terminal, once
 * elsewhere.
 */
#include <inttypes.h>
#include <unistd.h>

#include "dbus/names.h"
#include "dbus/tacit-view.h"
#include "util/exitcode.h"

#define EVERY_S 2

static void put_bytes(const struct tacit_output *o, const struct tacit_dict *d,
		      FILE *f, const char *key, const char *unit)
{
	uint64_t n = tacit_dict_number(d, key);
	char text[TACIT_BYTES_LEN];

	if (o->terminal)
		fprintf(f, "%s%s", tacit_bytes(n, text), unit);
	else
		fprintf(f, "%" PRIu64, n);
}

static void put_rate_in(const struct tacit_output *o,
			const struct tacit_dict *d, FILE *f)
{
	put_bytes(o, d, f, "RateIn", "/s");
}

static void put_rate_out(const struct tacit_output *o,
			 const struct tacit_dict *d, FILE *f)
{
	put_bytes(o, d, f, "RateOut", "/s");
}

static void put_bytes_in(const struct tacit_output *o,
			 const struct tacit_dict *d, FILE *f)
{
	put_bytes(o, d, f, "BytesIn", "");
}

static void put_bytes_out(const struct tacit_output *o,
			  const struct tacit_dict *d, FILE *f)
{
	put_bytes(o, d, f, "BytesOut", "");
}

static const struct tacit_column columns[] = {
	{ "PEER", "Address", NULL },
	{ "IN", "RateIn", put_rate_in },
	{ "OUT", "RateOut", put_rate_out },
	{ "IN SO FAR", "BytesIn", put_bytes_in },
	{ "OUT SO FAR", "BytesOut", put_bytes_out },
};

static const struct tacit_view view = {
	.columns = columns,
	.n_columns = sizeof(columns) / sizeof(columns[0]),
	.empty = "No peer is encrypted.",
};

/* One measurement; shown if it is to be. */
static int measure(struct tacit_client *client, const struct tacit_output *o,
		   uint32_t limit, bool shown)
{
	struct tacit_list list;
	sd_bus_message *reply;
	uint64_t interval;
	uint32_t left_out = 0;
	int code = tacit_client_call(client, DBUS_INTERFACE, "ListTraffic",
				     &reply, "u", limit);

	if (code)
		return code;
	if (shown) {
		if (o->terminal && !o->json)
			fputs("\x1b[H\x1b[J", o->file);
		tacit_list_begin(&list, &view, o);
		code = tacit_list_end(&list, tacit_list_read(&list, reply));
		if (code == EXIT_OK &&
		    sd_bus_message_read(reply, "tu", &interval, &left_out) <= 0)
			code = tacit_client_bad_reply();
		if (left_out && o->terminal && !o->json)
			fprintf(o->file, "%u more peers were not measured.\n",
				left_out);
		fflush(o->file);
	}
	sd_bus_message_unref(reply);
	return code;
}

int tacit_top(struct tacit *t, char **arguments)
{
	const struct tacit_output *o = &t->out;
	bool again = o->terminal && !o->json;
	size_t rows = tacit_output_height(o);
	/* The heads, and the line that says what is not there. */
	uint32_t limit = again && rows > 3 ? (uint32_t)rows - 3 : 0;
	struct tacit_client *client;
	int code = tacit_client_new(t->socket, &client);

	(void)arguments;
	if (code)
		return code;
	/* A rate is between two measurements. */
	code = measure(client, o, limit, again);
	while (code == EXIT_OK) {
		sleep(again ? EVERY_S : 1);
		code = measure(client, o, limit, true);
		if (!again)
			break;
	}
	tacit_client_free(client);
	return code;
}
