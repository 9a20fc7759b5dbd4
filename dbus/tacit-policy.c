/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `tacit policy list`: the policies that the agent works by.
 */
#include <stdlib.h>
#include <string.h>

#include "dbus/manager.h"
#include "dbus/tacit.h"
#include "util/exitcode.h"

/* Networks that a terminal's line has room for. */
#define SHOWN 4

/* The networks, parted by spaces; on a terminal the first few. The caller
 * frees; NULL: no memory. */
static char *networks(const struct tacit_output *o, const struct tacit_dict *d)
{
	const struct tacit_entry *e = tacit_dict_get(d, "Networks");
	size_t n = e && e->type == 'a' ? e->n_list : 0, shown, size = 64;
	char *text, *at;

	shown = o->terminal && n > SHOWN ? SHOWN : n;
	for (size_t i = 0; i < shown; i++)
		size += strlen(e->list[i]) + 1;
	text = malloc(size);
	if (!text)
		return NULL;
	at = text;
	*at = '\0';
	for (size_t i = 0; i < shown; i++) {
		if (i)
			*at++ = ' ';
		at = stpcpy(at, e->list[i]);
	}
	if (shown < n)
		snprintf(at, 64, " and %zu more", n - shown);
	return text;
}

static enum tacit_colour colour_of(const char *level)
{
	if (!strcmp(level, "require"))
		return TACIT_GREEN;
	if (!strcmp(level, "offer"))
		return TACIT_CYAN;
	return strcmp(level, "block") ? TACIT_YELLOW : TACIT_RED;
}

static int add_row(struct tacit_table *table, const struct tacit_dict *d)
{
	const struct tacit_output *o = table->output;
	const char *file = tacit_dict_text(d, "File");
	const char *level = tacit_dict_text(d, "Level");
	char *text = networks(o, d);
	const char *cells[] = {
		tacit_dict_text(d, "Name"),
		level,
		tacit_dict_text(d, "Authentication"),
		tacit_dict_bool(d, "Wait") ? "yes" : "no",
		text,
		*file || !o->terminal ? file : "(built in)",
	};
	int r;

	if (!text)
		return -1;
	r = tacit_table_row(table, cells, 1, colour_of(level));
	free(text);
	return r;
}

static int show(const struct tacit_output *o, sd_bus_message *reply)
{
	static const char *const heads[] = { "POLICY", "LEVEL",	   "AUTH",
					     "WAIT",   "NETWORKS", "FILE" };
	struct tacit_table table;
	struct tacit_dict policy;
	size_t count = 0;
	int r = sd_bus_message_enter_container(reply, 'a', "a{sv}"), row = 0;

	tacit_table_begin(&table, o, heads, sizeof(heads) / sizeof(heads[0]));
	if (o->json)
		fputs("[\n", o->file);
	while (r >= 0 && row >= 0 &&
	       (r = tacit_dict_read(reply, &policy)) > 0) {
		if (o->json) {
			fputs(count ? ",\n  " : "  ", o->file);
			tacit_json_dict(o->file, &policy);
		} else {
			row = add_row(&table, &policy);
		}
		count++;
		tacit_dict_done(&policy);
	}
	tacit_table_end(&table);
	if (r < 0)
		return tacit_client_bad_reply();
	if (o->json)
		fputs(count ? "\n]\n" : "]\n", o->file);
	return row < 0 ? EXIT_FAILED : EXIT_OK;
}

int tacit_policy_list(struct tacit *t)
{
	struct tacit_client *client;
	sd_bus_message *reply;
	int code = tacit_client_new(t->socket, &client);

	if (code)
		return code;
	code = tacit_client_call(client, DBUS_INTERFACE, "ListPolicies", &reply,
				 "");
	if (code == EXIT_OK) {
		code = show(&t->out, reply);
		sd_bus_message_unref(reply);
	}
	tacit_client_free(client);
	return code;
}
