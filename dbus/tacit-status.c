/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `tacit status`: the host on one screen.
 */
#include <inttypes.h>

#include "dbus/names.h"
#include "dbus/tacit-view.h"
#include "util/exitcode.h"

/* What a reader should do something about, each as its own line. */
struct attention {
	const char *lines[4];
	size_t count;
};

static void find_attention(const struct tacit_dict *host, struct attention *a)
{
	const char *warning = tacit_dict_text(host, "Warning");

	a->count = 0;
	if (*warning)
		a->lines[a->count++] = warning;
	/* The warning says why, where the agent knows. */
	else if (!tacit_dict_bool(host, "Protecting"))
		a->lines[a->count++] = "no traps are armed, new peers are not "
				       "encrypted: see journalctl -u tacit";
	if (tacit_dict_number(host, "RefusedRecords"))
		a->lines[a->count++] =
			"tacit-netd has refused orders of the agent: see "
			"journalctl -u tacit-netd";
}

/* A peer that is held down is in the clear until it is tried again. */
static const struct {
	const char *key, *more, *head;
	enum tacit_colour colour;
} counts[] = {
	{ "Secured", "", "Encrypted", TACIT_GREEN },
	{ "Clear", "HeldDown", "Clear", TACIT_YELLOW },
	{ "Blocked", "", "Blocked", TACIT_RED },
	{ "Negotiating", "", "Negotiating", TACIT_CYAN },
};

#define N_COUNTS (sizeof(counts) / sizeof(counts[0]))

static void show_line(const struct tacit_output *o, const char *head,
		      enum tacit_colour colour, const char *text)
{
	fprintf(o->file, "  %-12s", head);
	tacit_output_text(o, colour, text);
	fputc('\n', o->file);
}

static void show_screen(const struct tacit_output *o,
			const struct tacit_dict *host)
{
	bool protecting = tacit_dict_bool(host, "Protecting");
	char text[128], span[TACIT_SPAN_LEN];
	struct attention a;

	tacit_output_text(o, TACIT_BOLD, "Tacit ");
	tacit_output_text(o, TACIT_BOLD, tacit_dict_text(host, "Version"));
	fputs(", ", o->file);
	tacit_output_text(o, protecting ? TACIT_GREEN : TACIT_RED,
			  protecting ? "protecting" : "not protecting");
	fprintf(o->file, ", up %s\n\n",
		tacit_span(tacit_dict_number(host, "UptimeMs"), span));
	if (*tacit_dict_text(host, "Instance"))
		show_line(o, "Instance", TACIT_PLAIN,
			  tacit_dict_text(host, "Instance"));
	for (size_t i = 0; i < N_COUNTS; i++) {
		uint64_t n = tacit_dict_number(host, counts[i].key) +
			     tacit_dict_number(host, counts[i].more);

		snprintf(text, sizeof(text), "%" PRIu64, n);
		show_line(o, counts[i].head, n ? counts[i].colour : TACIT_DIM,
			  text);
	}
	snprintf(text, sizeof(text),
		 "%" PRIu64 " established, %" PRIu64 " failed, of %" PRIu64
		 " acquires",
		 tacit_dict_number(host, "Established"),
		 tacit_dict_number(host, "Failed"),
		 tacit_dict_number(host, "Acquires"));
	show_line(o, "Since start", TACIT_PLAIN, text);
	show_line(o, "Privileges", TACIT_PLAIN,
		  tacit_dict_bool(host, "PrivilegesSeparate")
			  ? "separate"
			  : "all programs run under one user");
	find_attention(host, &a);
	for (size_t i = 0; i < a.count; i++) {
		fputs(i ? "" : "\n", o->file);
		tacit_output_text(o, TACIT_YELLOW, "Attention: ");
		tacit_output_text(o, TACIT_PLAIN, a.lines[i]);
		fputc('\n', o->file);
	}
}

int tacit_status(struct tacit *t, char **arguments)
{
	struct tacit_client *client;
	struct tacit_dict host;
	sd_bus_message *reply;
	int code = tacit_client_new(t->socket, &client);

	(void)arguments;
	if (code)
		return code;
	code = tacit_client_call(client, "org.freedesktop.DBus.Properties",
				 "GetAll", &reply, "s", DBUS_INTERFACE);
	if (code) {
		tacit_client_free(client);
		return code;
	}
	if (tacit_dict_read(reply, &host) <= 0) {
		code = tacit_client_bad_reply();
	} else {
		if (t->out.json) {
			tacit_json_dict(t->out.file, &host);
			fputc('\n', t->out.file);
		} else if (t->out.terminal) {
			show_screen(&t->out, &host);
		} else {
			code = tacit_show_fields(&t->out, &host);
		}
		tacit_dict_done(&host);
	}
	sd_bus_message_unref(reply);
	tacit_client_free(client);
	return code;
}
