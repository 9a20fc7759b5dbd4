/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Why a peer is as it is, on the bus. */
#include "dbus/explain-dbus.h"

#include "dbus/context.h"
#include "dbus/marshal.h"
#include "dbus/names.h"
#include "dbus/reply.h"
#include "dbus/topics.h"

#define EXPLAIN_MS 5000u

static int append_policy(sd_bus_message *m, const struct dbus_explanation *e)
{
	uint64_t wait_ms = e->wait_ms, lookup_ms = e->lookup_ms;
	int wait = e->wait, r;

	r = dbus_entry_text(m, "PolicyAuthentication", e->auth);
	if (r >= 0)
		r = dbus_entry_text(m, "Discover", e->discover);
	if (r >= 0)
		r = dbus_entry_text(m, "Network", e->network);
	if (r >= 0)
		r = dbus_entry_text(m, "File", e->file);
	if (r >= 0)
		r = dbus_entry_value(m, "Line", "u", &e->line);
	if (r >= 0)
		r = dbus_entry_value(m, "Wait", "b", &wait);
	if (r >= 0)
		r = dbus_entry_value(m, "WaitTimeMs", "t", &wait_ms);
	if (r >= 0)
		r = dbus_entry_value(m, "LookupTimeMs", "t", &lookup_ms);
	if (r >= 0)
		r = dbus_entry_list(m, "Identities", e->identities,
				    e->n_identities);
	if (r >= 0)
		r = dbus_entry_list(m, "NamedPolicies", e->named, e->n_named);
	if (r >= 0)
		r = dbus_entry_services(m, "Ports", e->ports, e->n_ports);
	if (r >= 0)
		r = dbus_entry_services(m, "ClearPorts", e->clear, e->n_clear);
	if (r >= 0)
		r = dbus_entry_services(m, "BlockedPorts", e->blocked,
					e->n_blocked);
	if (r >= 0)
		r = dbus_entry_services(m, "EncryptedPorts", e->encrypted,
					e->n_encrypted);
	if (r >= 0)
		r = dbus_entry_text(m, "NetworkFile", e->network_file);
	if (r >= 0)
		r = dbus_entry_value(m, "NetworkLine", "u", &e->network_line);
	return r;
}

static int append_keys(sd_bus_message *m, const struct dbus_explanation *e)
{
	int in_file = e->key_file;
	int r = dbus_entry_value(m, "KeyFile", "b", &in_file);

	if (r >= 0)
		r = dbus_entry_text(m, "KeyVerdict", e->key_verdict);
	if (r >= 0)
		r = dbus_entry_text(m, "KeySource", e->key_source);
	if (r >= 0)
		r = dbus_entry_text(m, "KeyName", e->key_name);
	if (r >= 0)
		r = dbus_entry_text(m, "KeyWhy", e->key_why);
	if (r >= 0)
		r = dbus_entry_value(m, "KeyCount", "u", &e->key_count);
	if (r >= 0)
		r = dbus_entry_text(m, "DNSFault", e->dns_fault);
	return r;
}

static int append_kernel(sd_bus_message *m, const struct dbus_explanation *e)
{
	int netd = e->netd, kernel = e->kernel, sending = e->sending,
	    hardened = e->hardened;
	int r = dbus_entry_value(m, "HelperAlive", "b", &netd);

	if (r >= 0)
		r = dbus_entry_value(m, "InKernel", "b", &kernel);
	if (r >= 0)
		r = dbus_entry_value(m, "Sending", "b", &sending);
	if (r >= 0)
		r = dbus_entry_value(m, "ClearRefused", "b", &hardened);
	if (r >= 0)
		r = dbus_entry_value(m, "BytesIn", "t", &e->bytes_in);
	if (r >= 0)
		r = dbus_entry_value(m, "BytesOut", "t", &e->bytes_out);
	if (r >= 0)
		r = dbus_entry_value(m, "PacketsIn", "t", &e->packets_in);
	if (r >= 0)
		r = dbus_entry_value(m, "PacketsOut", "t", &e->packets_out);
	return r;
}

/* The peer's own entries; of one that is not known only what policy says. */
static int append_peer(sd_bus_message *m, const struct dbus_explanation *e)
{
	char address[ADDR_STRLEN];
	int r;

	if (e->known)
		return dbus_entries_peer(m, &e->peer);
	r = dbus_entry_text(m, "Address", addr_format(&e->remote, address));
	if (r >= 0)
		r = dbus_entry_text(m, "State", e->state);
	if (r >= 0)
		r = dbus_entry_text(m, "Policy", e->policy);
	if (r >= 0)
		r = dbus_entry_text(m, "Level", e->level);
	return r;
}

static int append(sd_bus_message *m, const void *what)
{
	const struct dbus_explanation *e = what;
	int r = sd_bus_message_open_container(m, 'a', "{sv}");

	if (r >= 0)
		r = append_peer(m, e);
	if (r >= 0)
		r = append_policy(m, e);
	if (r >= 0)
		r = dbus_entry_value(m, "Failures", "u", &e->failures);
	if (r >= 0)
		r = dbus_entry_value(m, "NextAttemptMs", "t", &e->next_ms);
	if (r >= 0)
		r = append_keys(m, e);
	if (r >= 0)
		r = dbus_entry_text(m, "IKEState", e->ike_state);
	if (r >= 0)
		r = dbus_entry_text(m, "IKERole", e->ike_role);
	if (r >= 0)
		r = append_kernel(m, e);
	if (r >= 0)
		r = dbus_entry_list(m, "Advice", e->advice, e->n_advice);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

void dbus_reply_explanation(struct dbus_pending *p, struct handle call,
			    const struct dbus_explanation *e)
{
	dbus_reply_later(p, call, append, e);
}

static int explain(sd_bus_message *m, struct dbus_context *c, const char *text,
		   const struct service *service, sd_bus_error *error)
{
	struct addr address;
	struct handle call;
	int r = dbus_parse_address(text, &address, error);

	if (r >= 0)
		r = dbus_pending_add(&c->pending, m, EXPLAIN_MS, &call, error);
	if (r < 0)
		return r;
	c->source.explain(c->source.user, &address, service, call);
	return 1;
}

static int method_explain(sd_bus_message *m, void *user, sd_bus_error *error)
{
	const struct service none = { 0 };
	const char *text;
	int r = sd_bus_message_read(m, "s", &text);

	return r < 0 ? r : explain(m, user, text, &none, error);
}

static int method_explain_port(sd_bus_message *m, void *user,
			       sd_bus_error *error)
{
	const char *text, *port;
	struct service service;
	int r = sd_bus_message_read(m, "ss", &text, &port);

	if (r < 0)
		return r;
	if (service_parse(port, &service) < 0)
		return sd_bus_error_setf(
			error, DBUS_ERROR_INVALID_PORT,
			"\"%s\" is no port of a protocol, such "
			"as 443/tcp.",
			port);
	return explain(m, user, text, &service, error);
}

const sd_bus_vtable dbus_explain_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD_WITH_ARGS("Explain", SD_BUS_ARGS("s", address),
				SD_BUS_RESULT("a{sv}", explanation),
				method_explain, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS(
		"ExplainPort", SD_BUS_ARGS("s", address, "s", port),
		SD_BUS_RESULT("a{sv}", explanation), method_explain_port,
		SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};
