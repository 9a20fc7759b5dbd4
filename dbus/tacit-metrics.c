/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `tacit metrics`: OpenMetrics text (RFC draft-richih-opsawg-openmetrics), for a
 * collector that runs a program.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dbus/names.h"
#include "dbus/tacit-policy.h"
#include "util/exitcode.h"

/* What of the host is shown, family by family. */
static const struct metric {
	const char *family, *type, *help;
	const char *label, *value; /* NULL: none */
	const char *key;	   /* of the bus */
} host_metrics[] = {
	{ "tacit_protecting", "gauge",
	  "Traps are armed: new peers will be "
	  "encrypted.",
	  NULL, NULL, "Protecting" },
	{ "tacit_peers", "gauge", "Peers by what they are now.", "state",
	  "secured", "Secured" },
	{ "tacit_peers", NULL, NULL, "state", "clear", "Clear" },
	{ "tacit_peers", NULL, NULL, "state", "blocked", "Blocked" },
	{ "tacit_peers", NULL, NULL, "state", "negotiating", "Negotiating" },
	{ "tacit_peers", NULL, NULL, "state", "held_down", "HeldDown" },
	{ "tacit_acquires", "counter",
	  "First packets that the kernel told "
	  "of.",
	  NULL, NULL, "Acquires" },
	{ "tacit_negotiations", "counter", "Negotiations by their end.",
	  "result", "established", "Established" },
	{ "tacit_negotiations", NULL, NULL, "result", "failed", "Failed" },
	{ "tacit_refused_records", "counter",
	  "Orders of the agent that "
	  "tacit-netd refused.",
	  NULL, NULL, "RefusedRecords" },
	{ "tacit_packets_held", "gauge",
	  "Packets that wait for the verdict about their peer.", NULL, NULL,
	  "PacketsHeld" },
	{ "tacit_packets_unheld", "counter",
	  "Packets that did not wait for it to the end, by the reason.",
	  "reason", "no_room", "PacketsNoRoom" },
	{ "tacit_packets_unheld", NULL, NULL, "reason", "late", "PacketsLate" },
	{ "tacit_events_lost", "counter",
	  "Times that the kernel had more to tell than could be heard.", NULL,
	  NULL, "EventsLost" },
	{ "tacit_acquires_refused", "counter",
	  "First packets for whose peer there was no place, or no leave.", NULL,
	  NULL, "AcquiresRefused" },
	{ "tacit_half_open_evicted", "counter",
	  "Half-open IKE SAs of strangers that made room for others.", NULL,
	  NULL, "HalfOpenEvicted" },
	{ "tacit_repeats_ignored", "counter",
	  "Repeated requests that were not answered again so soon.", NULL, NULL,
	  "RepeatsIgnored" },
	{ "tacit_peers_evicted", "counter",
	  "Idle anonymous peers whose SAs made room for others.", NULL, NULL,
	  "PeersEvicted" },
	{ "tacit_peers_refused", "counter",
	  "Peers for whose SAs there was no place.", NULL, NULL,
	  "PeersRefused" },
	{ "tacit_clear_connections", "gauge",
	  "Connections in the clear, since they began before their peer "
	  "leased us an address.",
	  NULL, NULL, "ClearConnections" },
	{ "tacit_leases", "gauge", "Addresses leased to peers behind NATs.",
	  NULL, NULL, "Leases" },
	{ "tacit_leases_refused", "counter",
	  "Leases that were refused for want of addresses.", NULL, NULL,
	  "LeasesRefused" },
};

static const struct metric policy_metrics[] = {
	{ "tacit_policy_peers", "gauge",
	  "Peers of a policy by what they are "
	  "now.",
	  "state", "secured", "Secured" },
	{ "tacit_policy_peers", NULL, NULL, "state", "clear", "Clear" },
	{ "tacit_policy_peers", NULL, NULL, "state", "blocked", "Blocked" },
	{ "tacit_policy_negotiations", "counter",
	  "Negotiations under a policy "
	  "by their end.",
	  "result", "established", "Established" },
	{ "tacit_policy_negotiations", NULL, NULL, "result", "failed",
	  "Failed" },
};

/* Of a label's value: a backslash, a quote and a new line are escaped. */
static void put_label(FILE *f, const char *text)
{
	for (; *text; text++) {
		if (*text == '\n')
			fputs("\\n", f);
		else if (*text == '"' || *text == '\\')
			fprintf(f, "\\%c", *text);
		else
			fputc(*text, f);
	}
}

static void put_head(FILE *f, const struct metric *m)
{
	if (m->type)
		fprintf(f, "# TYPE %s %s\n# HELP %s %s\n", m->family, m->type,
			m->family, m->help);
}

/* is_counter: of the family, which only its first line says. */
static void put_sample(FILE *f, const struct metric *m, bool is_counter,
		       const char *policy, uint64_t value)
{
	fprintf(f, "%s%s", m->family, is_counter ? "_total" : "");
	if (m->label || policy)
		fputc('{', f);
	if (policy) {
		fputs("policy=\"", f);
		put_label(f, policy);
		fputs(m->label ? "\"," : "\"", f);
	}
	if (m->label)
		fprintf(f, "%s=\"%s\"", m->label, m->value);
	if (m->label || policy)
		fputc('}', f);
	fprintf(f, " %" PRIu64 "\n", value);
}

static uint64_t value_of(const struct tacit_dict *d, const char *key)
{
	const struct tacit_entry *e = tacit_dict_get(d, key);

	return e ? e->number : 0;
}

static void show_host(FILE *f, const struct tacit_dict *d)
{
	bool is_counter = false;
	uint64_t uptime = tacit_dict_number(d, "UptimeMs");

	fputs("# TYPE tacit info\n# HELP tacit The agent.\n"
	      "tacit_info{version=\"",
	      f);
	put_label(f, tacit_dict_text(d, "Version"));
	fputs("\",instance=\"", f);
	put_label(f, tacit_dict_text(d, "Instance"));
	fputs("\"} 1\n", f);
	fprintf(f,
		"# TYPE tacit_uptime_seconds gauge\n"
		"# UNIT tacit_uptime_seconds seconds\n"
		"# HELP tacit_uptime_seconds Since the agent began.\n"
		"tacit_uptime_seconds %" PRIu64 ".%03u\n",
		uptime / 1000, (unsigned)(uptime % 1000));
	for (size_t i = 0; i < sizeof(host_metrics) / sizeof(host_metrics[0]);
	     i++) {
		const struct metric *m = &host_metrics[i];

		if (m->type)
			is_counter = !strcmp(m->type, "counter");
		put_head(f, m);
		put_sample(f, m, is_counter, NULL, value_of(d, m->key));
	}
}

/* All samples of a family stand together, so the policies are read once for
 * each line of the table's families. */
static int show_metric(struct tacit_client *client, FILE *f,
		       const struct metric *m, bool is_counter,
		       sd_bus_message *list)
{
	struct tacit_dict policy, d;
	sd_bus_message *reply;
	int code = EXIT_OK, r;

	put_head(f, m);
	if (sd_bus_message_rewind(list, 1) < 0 ||
	    sd_bus_message_enter_container(list, 'a', "a{sv}") < 0)
		return tacit_client_bad_reply();
	while (code == EXIT_OK && (r = tacit_dict_read(list, &policy)) > 0) {
		const char *name = tacit_dict_text(&policy, "Name");

		code = tacit_policy_read(client, name, &reply, &d);
		if (code == EXIT_OK) {
			put_sample(f, m, is_counter, name,
				   value_of(&d, m->key));
			tacit_dict_done(&d);
			sd_bus_message_unref(reply);
		}
		tacit_dict_done(&policy);
	}
	return code;
}

static int show_policies(struct tacit_client *client, FILE *f)
{
	sd_bus_message *list;
	bool is_counter = false;
	int code = tacit_client_call(client, DBUS_INTERFACE, "ListPolicies",
				     &list, "");

	if (code)
		return code;
	for (size_t i = 0;
	     i < sizeof(policy_metrics) / sizeof(policy_metrics[0]) &&
	     code == EXIT_OK;
	     i++) {
		const struct metric *m = &policy_metrics[i];

		if (m->type)
			is_counter = !strcmp(m->type, "counter");
		code = show_metric(client, f, m, is_counter, list);
	}
	sd_bus_message_unref(list);
	return code;
}

int tacit_metrics(struct tacit *t, char **arguments)
{
	struct tacit_client *client;
	struct tacit_dict host;
	sd_bus_message *reply;
	int code = tacit_client_new(t->socket, &client);

	(void)arguments;
	if (code)
		return code;
	code = tacit_client_properties(client, DBUS_PATH, DBUS_INTERFACE,
				       &reply);
	if (code == EXIT_OK) {
		if (tacit_dict_read(reply, &host) > 0) {
			show_host(t->out.file, &host);
			tacit_dict_done(&host);
			code = show_policies(client, t->out.file);
		} else {
			code = tacit_client_bad_reply();
		}
		sd_bus_message_unref(reply);
	}
	/* Without its end the text is not whole, and a reader knows. */
	if (code == EXIT_OK)
		fputs("# EOF\n", t->out.file);
	tacit_client_free(client);
	return code;
}
