/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `tacit policy list` and `show`: the policies that the agent works by.
 */
#include "dbus/tacit-policy.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dbus/names.h"
#include "dbus/tacit-policy-files.h"
#include "dbus/tacit-view.h"
#include "util/exitcode.h"

/* Networks that a terminal's line has room for. */
#define SHOWN 4

/* On a terminal the first few. */
static void put_networks(const struct tacit_output *o,
			 const struct tacit_dict *d, FILE *f)
{
	const struct tacit_entry *e = tacit_dict_get(d, "Networks");
	size_t n = e && e->type == 'a' ? e->n_list : 0;
	size_t shown = o->terminal && n > SHOWN ? SHOWN : n;

	for (size_t i = 0; i < shown; i++)
		fprintf(f, "%s%s", i ? " " : "", e->list[i]);
	if (shown < n)
		fprintf(f, " and %zu more", n - shown);
}

static void put_file(const struct tacit_output *o, const struct tacit_dict *d,
		     FILE *f)
{
	const char *text = tacit_dict_text(d, "File");

	fputs(*text || !o->terminal ? text : "(built in)", f);
}

static enum tacit_colour colour_of(const struct tacit_dict *d)
{
	const char *level = tacit_dict_text(d, "Level");

	if (!strcmp(level, "require"))
		return TACIT_GREEN;
	if (!strcmp(level, "offer"))
		return TACIT_CYAN;
	return strcmp(level, "block") ? TACIT_YELLOW : TACIT_RED;
}

static const struct tacit_column columns[] = {
	{ "POLICY", "Name", NULL },
	{ "LEVEL", "Level", NULL },
	{ "AUTH", "Authentication", NULL },
	{ "WAIT", "Wait", NULL },
	{ "NETWORKS", "Networks", put_networks },
	{ "PORTS", "Ports", NULL },
	{ "FILE", "File", put_file },
};

static int list_files(const struct tacit_output *o, const struct tacit_view *v,
		      const struct policy_table *t)
{
	const struct policy *p;
	struct tacit_list list;
	int code = EXIT_OK;

	tacit_list_begin(&list, v, o);
	for (size_t i = 0; code == EXIT_OK && (p = policy_table_at(t, i));
	     i++) {
		struct tacit_policy_room *room;
		struct tacit_dict d;

		if (tacit_policy_describe(p, &d, &room) < 0) {
			code = EXIT_FAILED;
			break;
		}
		code = tacit_list_add(&list, &d);
		tacit_policy_room_free(room);
	}
	return tacit_list_end(&list, code);
}

int tacit_policy_list(struct tacit *t, char **arguments)
{
	static const struct tacit_view view = {
		.columns = columns,
		.n_columns = sizeof(columns) / sizeof(columns[0]),
		.coloured = 1,
		.colour = colour_of,
	};
	struct config *config;
	int code;

	if (!arguments[0])
		return tacit_show_list(t, &view, "ListPolicies", "");
	code = tacit_policy_load(arguments[0], &config);
	if (code != EXIT_OK)
		return code;
	code = list_files(&t->out, &view, config->policies);
	config_free(config);
	return code;
}

/* --- one policy ----------------------------------------------------------- */

static void put_line(const struct tacit_output *o, const char *head,
		     const char *text)
{
	fprintf(o->file, "  %-14s ", head);
	tacit_output_wrapped(o, 17, text);
	fputc('\n', o->file);
}

static void put_words(const struct tacit_output *o, const struct tacit_dict *d,
		      const char *key, const char *none)
{
	const struct tacit_entry *e = tacit_dict_get(d, key);

	if (!e || e->type != 'a' || !e->n_list)
		put_line(o, key, none);
	for (size_t i = 0; e && e->type == 'a' && i < e->n_list; i++)
		put_line(o, i ? "" : key, e->list[i]);
}

static void put_span(const struct tacit_output *o, const struct tacit_dict *d,
		     const char *head, const char *key)
{
	char span[TACIT_SPAN_LEN];
	uint64_t ms = tacit_dict_number(d, key);

	put_line(o, head, tacit_span(ms, span));
}

static void show_terminal(const struct tacit_output *o,
			  const struct tacit_dict *d)
{
	const char *file = tacit_dict_text(d, "File");
	static const char *const settings[] = { "Authentication", "Discover",
						"Lookup", "Mode" };

	tacit_output_text(o, TACIT_BOLD, tacit_dict_text(d, "Name"));
	fputs(": ", o->file);
	tacit_output_text(o, colour_of(d), tacit_dict_text(d, "Level"));
	if (*file)
		fprintf(o->file, ", of %s:%" PRIu64 "\n", file,
			tacit_dict_number(d, "Line"));
	else
		fputs(", built in\n", o->file);
	put_words(o, d, "Networks", "none");
	put_words(o, d, "Ports", "all traffic");
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		put_line(o, settings[i], tacit_dict_text(d, settings[i]));
	put_line(o, "Translation",
		 tacit_dict_text(d, "ClientAddressTranslation"));
	put_line(o, "Gateway", tacit_dict_bool(d, "Gateway") ? "yes" : "no");
	put_line(o, "Address pool",
		 *tacit_dict_text(d, "AddressPool")
			 ? tacit_dict_text(d, "AddressPool")
			 : "none");
	put_words(o, d, "Identities", "whoever proves one");
	put_line(o, "Wait", tacit_dict_bool(d, "Wait") ? "yes" : "no");
	put_span(o, d, "WaitTime", "WaitTimeMs");
	put_span(o, d, "LookupTime", "LookupTimeMs");
	put_span(o, d, "RetryTime", "RetryTimeMs");
	if (tacit_dict_number(d, "IdleTimeMs"))
		put_span(o, d, "IdleTime", "IdleTimeMs");
	else
		put_line(o, "IdleTime", "infinity");
	put_span(o, d, "ChildLifetime", "ChildLifetimeMs");
	if (!tacit_dict_get(d, "Secured"))
		return;
	fprintf(o->file,
		"  Peers          %" PRIu64 " encrypted, %" PRIu64
		" in the clear, %" PRIu64 " blocked\n"
		"  Since start    %" PRIu64 " established, %" PRIu64
		" failed\n",
		tacit_dict_number(d, "Secured"), tacit_dict_number(d, "Clear"),
		tacit_dict_number(d, "Blocked"),
		tacit_dict_number(d, "Established"),
		tacit_dict_number(d, "Failed"));
}

static int show(const struct tacit_output *o, const struct tacit_dict *d)
{
	if (!o->json && !o->terminal)
		return tacit_show_fields(o, d);
	if (!o->json) {
		show_terminal(o, d);
		return EXIT_OK;
	}
	tacit_json_dict(o->file, d);
	fputc('\n', o->file);
	return EXIT_OK;
}

static int no_policy(const char *name)
{
	fprintf(stderr,
		"tacit: there is no policy \"%s\". See: tacit policy list\n",
		name);
	return EXIT_USAGE;
}

static int show_file(const struct tacit_output *o, const char *dir,
		     const char *name)
{
	struct tacit_policy_room *room = NULL;
	const struct policy *p;
	struct config *config;
	struct tacit_dict d;
	int code = tacit_policy_load(dir, &config);

	if (code != EXIT_OK)
		return code;
	for (size_t i = 0; (p = policy_table_at(config->policies, i)); i++) {
		if (!strcmp(p->name, name))
			break;
	}
	if (!p)
		code = no_policy(name);
	else if (tacit_policy_describe(p, &d, &room) < 0)
		code = EXIT_FAILED;
	else
		code = show(o, &d);
	tacit_policy_room_free(room);
	config_free(config);
	return code;
}

/* EXIT_OK: there is a policy of this name. */
static int look_for(struct tacit_client *c, const char *name)
{
	sd_bus_message *list;
	struct tacit_dict d;
	bool found = false;
	int r, code = tacit_client_call(c, DBUS_INTERFACE, "ListPolicies",
					&list, "");

	if (code != EXIT_OK)
		return code;
	r = sd_bus_message_enter_container(list, 'a', "a{sv}");
	while (!found && r >= 0 && (r = tacit_dict_read(list, &d)) > 0) {
		found = !strcmp(tacit_dict_text(&d, "Name"), name);
		tacit_dict_done(&d);
	}
	sd_bus_message_unref(list);
	if (r < 0)
		return tacit_client_bad_reply();
	return found ? EXIT_OK : no_policy(name);
}

int tacit_policy_read(struct tacit_client *client, const char *name,
		      sd_bus_message **ret_reply, struct tacit_dict *ret)
{
	char *path = NULL;
	int code;

	if (sd_bus_path_encode(DBUS_POLICY_PATH, name, &path) < 0)
		return EXIT_FAILED;
	code = tacit_client_properties(client, path, DBUS_POLICY_INTERFACE,
				       ret_reply);
	free(path);
	if (code == EXIT_OK && tacit_dict_read(*ret_reply, ret) <= 0) {
		sd_bus_message_unref(*ret_reply);
		return tacit_client_bad_reply();
	}
	return code;
}

int tacit_policy_show(struct tacit *t, char **arguments)
{
	struct tacit_client *client;
	sd_bus_message *reply;
	struct tacit_dict d;
	int code;

	if (arguments[1])
		return show_file(&t->out, arguments[1], arguments[0]);
	code = tacit_client_new(t->socket, &client);
	if (code != EXIT_OK)
		return code;
	code = look_for(client, arguments[0]);
	if (code == EXIT_OK)
		code = tacit_policy_read(client, arguments[0], &reply, &d);
	if (code == EXIT_OK) {
		code = show(&t->out, &d);
		tacit_dict_done(&d);
		sd_bus_message_unref(reply);
	}
	tacit_client_free(client);
	return code;
}
