/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The named policies on the bus. */
#include "dbus/policies-dbus.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dbus/marshal.h"
#include "dbus/names.h"
#include "dbus/reply.h"
#include "dbus/topics.h"

static int append_policy(const struct dbus_policy *p, void *user)
{
	return dbus_append_policy(user, p);
}

static int append_policies(sd_bus_message *reply, void *user)
{
	const struct dbus_source *source = user;

	return source->policies(source->user, append_policy, reply);
}

static int method_list_policies(sd_bus_message *m, void *user,
				sd_bus_error *error)
{
	struct dbus_context *c = user;

	return dbus_reply_list(m, append_policies, &c->source, error);
}

const sd_bus_vtable dbus_policies_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD_WITH_ARGS("ListPolicies", SD_BUS_NO_ARGS,
				SD_BUS_RESULT("aa{sv}", policies),
				method_list_policies,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

/* --- objects ------------------------------------------------------------------ */

static int find_policy(sd_bus *bus, const char *path, const char *interface,
		       void *user, void **ret, sd_bus_error *error)
{
	const struct dbus_context *c = user;
	struct dbus_policy p;
	char *name = NULL;
	int r = sd_bus_path_decode(path, DBUS_POLICY_PATH, &name);

	(void)bus;
	(void)interface;
	(void)error;
	if (r <= 0)
		return r;
	r = c->source.policy(c->source.user, name, &p);
	free(name);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	*ret = user;
	return 1;
}

static int append_path(const struct dbus_policy *p, void *user)
{
	char ***end = user;
	int r = sd_bus_path_encode(DBUS_POLICY_PATH, p->name, *end);

	if (r < 0)
		return r;
	++*end;
	return 0;
}

static int count_policy(const struct dbus_policy *p, void *user)
{
	size_t *n = user;

	(void)p;
	++*n;
	return 0;
}

/* Room for a text of each policy, and NULL. */
static char **new_list(const struct dbus_source *source)
{
	size_t n = 0;

	if (source->policies(source->user, count_policy, &n) < 0)
		return NULL;
	return calloc(n + 1, sizeof(char *));
}

char **dbus_names_free(char **names)
{
	for (size_t i = 0; names && names[i]; i++)
		free(names[i]);
	free(names);
	return NULL;
}

static int list_paths(sd_bus *bus, const char *prefix, void *user, char ***ret,
		      sd_bus_error *error)
{
	const struct dbus_context *c = user;
	char **list = new_list(&c->source), **end = list;
	int r;

	(void)bus;
	(void)prefix;
	(void)error;
	if (!list)
		return -ENOMEM;
	r = c->source.policies(c->source.user, append_path, &end);
	if (r < 0) {
		dbus_names_free(list);
		return r;
	}
	*ret = list;
	return 0;
}

static int append_name(const struct dbus_policy *p, void *user)
{
	char ***end = user;

	**end = strdup(p->name);
	if (!**end)
		return -ENOMEM;
	++*end;
	return 0;
}

int dbus_policies_names(const struct dbus_source *source, char ***ret)
{
	char **list = new_list(source), **end = list;
	int r = list ? source->policies(source->user, append_name, &end)
		     : -ENOMEM;

	if (r < 0) {
		dbus_names_free(list);
		return r;
	}
	*ret = list;
	return 0;
}

/* --- their properties --------------------------------------------------------- */

#define FIELD(name, type, field)                                 \
	{                                                        \
		name, type, offsetof(struct dbus_policy, field), \
	}

static const struct {
	const char *name;
	char type;
	size_t offset;
} policy_fields[] = {
	FIELD("Name", 's', name),
	FIELD("Level", 's', level),
	FIELD("Authentication", 's', auth),
	FIELD("Discover", 's', discover),
	FIELD("Wait", 'b', wait),
	FIELD("WaitTimeMs", 't', wait_ms),
	FIELD("LookupTimeMs", 't', lookup_ms),
	FIELD("RetryTimeMs", 't', retry_ms),
	FIELD("IdleTimeMs", 't', idle_ms),
	FIELD("ChildLifetimeMs", 't', lifetime_ms),
	FIELD("Lookup", 's', lookup),
	FIELD("Mode", 's', mode),
	FIELD("ClientAddressTranslation", 's', translation),
	FIELD("AddressPool", 's', pool),
	FIELD("Gateway", 'b', gateway),
	FIELD("File", 's', file),
	FIELD("Line", 'u', line),
	FIELD("Secured", 'u', secured),
	FIELD("Clear", 'u', clear),
	FIELD("Blocked", 'u', blocked),
	FIELD("Established", 't', established),
	FIELD("Failed", 't', failed),
};

static int append_field(sd_bus_message *reply, const struct dbus_policy *p,
			const char *property)
{
	for (size_t i = 0; i < sizeof(policy_fields) / sizeof(policy_fields[0]);
	     i++) {
		const void *at = (const char *)p + policy_fields[i].offset;
		int truth;

		if (strcmp(policy_fields[i].name, property))
			continue;
		if (policy_fields[i].type == 's')
			return dbus_append_text(reply,
						*(const char *const *)at);
		if (policy_fields[i].type == 'b') {
			truth = *(const bool *)at;
			at = &truth;
		}
		return sd_bus_message_append_basic(reply, policy_fields[i].type,
						   at);
	}
	return -ENOENT;
}

static int get_field(sd_bus *bus, const char *path, const char *interface,
		     const char *property, sd_bus_message *reply, void *user,
		     sd_bus_error *error)
{
	const struct dbus_context *c = user;
	const char *networks;
	struct dbus_policy p;
	char *name = NULL;
	int r = sd_bus_path_decode(path, DBUS_POLICY_PATH, &name);

	(void)bus;
	(void)interface;
	(void)error;
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	if (!strcmp(property, "Networks")) {
		networks = c->source.networks(c->source.user, name);
		r = networks ? dbus_append_words(reply, networks) : -ENOMEM;
	} else {
		r = c->source.policy(c->source.user, name, &p);
		if (r >= 0 && !strcmp(property, "Identities"))
			r = dbus_append_list(reply, p.identities,
					     p.n_identities);
		else if (r >= 0 && !strcmp(property, "Ports"))
			r = dbus_append_services(reply, p.ports, p.n_ports);
		else if (r >= 0)
			r = append_field(reply, &p, property);
	}
	free(name);
	return r;
}

/* What a file says changes with a reload, and is told then. */
#define SETTING(name, type)                       \
	SD_BUS_PROPERTY(name, type, get_field, 0, \
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE)
#define COUNTER(name, type) SD_BUS_PROPERTY(name, type, get_field, 0, 0)

const sd_bus_vtable dbus_policy_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Name", "s", get_field, 0,
			SD_BUS_VTABLE_PROPERTY_CONST),
	SETTING("Level", "s"),
	SETTING("Authentication", "s"),
	SETTING("Discover", "s"),
	SETTING("Wait", "b"),
	SETTING("WaitTimeMs", "t"),
	SETTING("LookupTimeMs", "t"),
	SETTING("RetryTimeMs", "t"),
	SETTING("IdleTimeMs", "t"),
	SETTING("ChildLifetimeMs", "t"),
	SETTING("Lookup", "s"),
	SETTING("Mode", "s"),
	SETTING("ClientAddressTranslation", "s"),
	SETTING("AddressPool", "s"),
	SETTING("Gateway", "b"),
	SETTING("Identities", "as"),
	SETTING("Ports", "as"),
	SETTING("Networks", "as"),
	SETTING("File", "s"),
	SETTING("Line", "u"),
	COUNTER("Secured", "u"),
	COUNTER("Clear", "u"),
	COUNTER("Blocked", "u"),
	COUNTER("Established", "t"),
	COUNTER("Failed", "t"),
	SD_BUS_VTABLE_END,
};

int dbus_policies_add(sd_bus *bus, struct dbus_context *context)
{
	int r = sd_bus_add_object_manager(bus, NULL, DBUS_PATH);

	if (r >= 0)
		r = sd_bus_add_fallback_vtable(
			bus, NULL, DBUS_POLICY_PATH, DBUS_POLICY_INTERFACE,
			dbus_policy_vtable, find_policy, context);
	if (r >= 0)
		r = sd_bus_add_node_enumerator(bus, NULL, DBUS_POLICY_PATH,
					       list_paths, context);
	return r < 0 ? r : 0;
}

/* --- what a reload does to them ------------------------------------------------- */

static int signal_gone(sd_bus *bus, const char *path)
{
	return sd_bus_emit_interfaces_removed(bus, path, DBUS_POLICY_INTERFACE,
					      NULL);
}

static int signal_new(sd_bus *bus, const char *path)
{
	return sd_bus_emit_interfaces_added(bus, path, DBUS_POLICY_INTERFACE,
					    NULL);
}

static int signal_same(sd_bus *bus, const char *path)
{
	return sd_bus_emit_properties_changed(
		bus, path, DBUS_POLICY_INTERFACE, "Level", "Authentication",
		"Discover", "Wait", "WaitTimeMs", "LookupTimeMs", "RetryTimeMs",
		"IdleTimeMs", "ChildLifetimeMs", "Lookup", "Mode",
		"ClientAddressTranslation", "AddressPool", "Gateway",
		"Identities", "Ports", "Networks", "File", "Line", NULL);
}

static int signal_one(sd_bus *bus, const char *name,
		      int (*signal)(sd_bus *bus, const char *path))
{
	char *path = NULL;
	int r = sd_bus_path_encode(DBUS_POLICY_PATH, name, &path);

	if (r >= 0)
		r = signal(bus, path);
	free(path);
	return r;
}

/* Both lists are in order. */
int dbus_policies_changed(sd_bus *bus, char *const *before, char *const *now)
{
	int r = 0;

	while (r >= 0 && (*before || *now)) {
		int order = !*before ? 1 : !*now ? -1 : strcmp(*before, *now);

		if (order < 0)
			r = signal_one(bus, *before++, signal_gone);
		else if (order > 0)
			r = signal_one(bus, *now++, signal_new);
		else
			r = signal_one(bus, *now++, signal_same);
		if (order == 0)
			before++;
	}
	return r < 0 ? r : 0;
}
