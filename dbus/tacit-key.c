/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `tacit key show`: the keys by which this host proves who it is, for those who
 * are to know it.
 */
#include "dbus/manager.h"
#include "dbus/tacit.h"
#include "util/exitcode.h"

static int add_row(struct tacit_table *table, const struct tacit_dict *d)
{
	const char *cells[] = {
		tacit_dict_text(d, "Name"),
		tacit_dict_text(d, "Type"),
		tacit_dict_text(d, "Fingerprint"),
		tacit_dict_text(d, "PublicKey"),
	};

	return tacit_table_row(table, cells, 1, TACIT_GREEN);
}

/* On a terminal the public key has a line of its own: it is to be copied. */
static void show_key(const struct tacit_output *o, const struct tacit_dict *d)
{
	tacit_output_text(o, TACIT_BOLD, tacit_dict_text(d, "Name"));
	fputs(": ", o->file);
	tacit_output_text(o, TACIT_GREEN, tacit_dict_text(d, "Type"));
	fputs("\n  Fingerprint    ", o->file);
	tacit_output_text(o, TACIT_PLAIN, tacit_dict_text(d, "Fingerprint"));
	fputs("\n  PublicKey=", o->file);
	tacit_output_text(o, TACIT_PLAIN, tacit_dict_text(d, "PublicKey"));
	fputc('\n', o->file);
}

static int show(const struct tacit_output *o, sd_bus_message *reply)
{
	struct tacit_table table;
	struct tacit_dict key;
	size_t count = 0;
	int r = sd_bus_message_enter_container(reply, 'a', "a{sv}"), row = 0;

	tacit_table_begin(&table, o, NULL, 0);
	table.columns = 4;
	if (o->json)
		fputs("[\n", o->file);
	while (r >= 0 && row >= 0 && (r = tacit_dict_read(reply, &key)) > 0) {
		if (o->json) {
			fputs(count ? ",\n  " : "  ", o->file);
			tacit_json_dict(o->file, &key);
		} else if (o->terminal) {
			show_key(o, &key);
		} else {
			row = add_row(&table, &key);
		}
		count++;
		tacit_dict_done(&key);
	}
	tacit_table_end(&table);
	if (r < 0)
		return tacit_client_bad_reply();
	if (o->json)
		fputs(count ? "\n]\n" : "]\n", o->file);
	else if (o->terminal && !count)
		fputs("There are no keys: see journalctl -u tacit-keyd.\n",
		      o->file);
	return row < 0 ? EXIT_FAILED : EXIT_OK;
}

int tacit_key_show(struct tacit *t)
{
	struct tacit_client *client;
	sd_bus_message *reply;
	int code = tacit_client_new(t->socket, &client);

	if (code)
		return code;
	code = tacit_client_call(client, DBUS_INTERFACE, "ListKeys", &reply,
				 "");
	if (code == EXIT_OK) {
		code = show(&t->out, reply);
		sd_bus_message_unref(reply);
	}
	tacit_client_free(client);
	return code;
}
