/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `tacit policy test`: which policy a packet has, and what becomes of it. Of the
 * agent, or of a folder's files, which no agent need have read.
 */
#include <ifaddrs.h>
#include <inttypes.h>
#include <string.h>

#include "dbus/names.h"
#include "dbus/tacit-host.h"
#include "dbus/tacit-policy-files.h"
#include "dbus/tacit-verdict.h"
#include "dbus/tacit-view.h"
#include "util/exitcode.h"

/* Of these more are left out. */
#define NAMED_MAX 64

static bool is_own(const struct addr *a)
{
	struct ifaddrs *list;
	bool own = false;

	if (getifaddrs(&list) < 0)
		return false;
	for (struct ifaddrs *i = list; i && !own; i = i->ifa_next) {
		struct endpoint e;

		own = i->ifa_addr &&
		      endpoint_from_sockaddr(i->ifa_addr,
					     sizeof(struct sockaddr_storage),
					     &e) == 0 &&
		      e.addr.family == a->family &&
		      !memcmp(e.addr.bytes, a->bytes, sizeof(a->bytes));
	}
	freeifaddrs(list);
	return own;
}

/* --- the answer ------------------------------------------------------------- */

static void put_text(struct tacit_dict *d, const char *key, const char *text)
{
	d->entries[d->count++] =
		(struct tacit_entry){ .key = key, .type = 's', .text = text };
}

static void put_number(struct tacit_dict *d, const char *key, uint64_t n)
{
	d->entries[d->count++] =
		(struct tacit_entry){ .key = key, .type = 'n', .number = n };
}

static void put_list(struct tacit_dict *d, const char *key, const char **list,
		     size_t n)
{
	d->entries[d->count++] = (struct tacit_entry){
		.key = key, .type = 'a', .list = list, .n_list = n
	};
}

/* Of what is known of the address, what this is about. */
static void put_known(struct tacit_dict *d, const struct tacit_dict *known)
{
	static const char *const keys[] = {
		"Policy",     "Level",	       "PolicyAuthentication",
		"Identities", "NamedPolicies", "Discover",
		"Wait",	      "WaitTimeMs",    "LookupTimeMs",
		"Network",    "NetworkFile",   "NetworkLine",
		"Ports",      "File",	       "Line",
		"KeyFile",    "State",	       "Reason",
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const struct tacit_entry *e = tacit_dict_get(known, keys[i]);

		if (e)
			d->entries[d->count++] = *e;
	}
}

static void line(const struct tacit_output *o, const char *head,
		 const char *text)
{
	fprintf(o->file, "  %-11s", head);
	tacit_output_wrapped(o, 13, text);
	fputc('\n', o->file);
}

/* Not for everybody at this address. */
static void show_named(const struct tacit_output *o, const struct tacit_dict *d)
{
	const struct tacit_entry *e = tacit_dict_get(d, "NamedPolicies");
	char text[LIMIT_POLICY_NAME + 64];

	for (size_t i = 0; e && e->type == 'a' && i < e->n_list; i++) {
		snprintf(text, sizeof(text),
			 "%s, where the peer proves a name of that one",
			 e->list[i]);
		line(o, i ? "" : "Or", text);
	}
}

static void show_policy(const struct tacit_output *o,
			const struct tacit_dict *d)
{
	const struct tacit_entry *ports = tacit_dict_get(d, "Ports");
	const char *file = tacit_dict_text(d, "NetworkFile");
	char text[512];

	if (!*tacit_dict_text(d, "Policy"))
		return;
	snprintf(text, sizeof(text), "%s, which says %s",
		 tacit_dict_text(d, "Policy"), tacit_dict_text(d, "Level"));
	line(o, "Policy", text);
	snprintf(text, sizeof(text), "%s is the most specific network%s",
		 tacit_dict_text(d, "Network"),
		 ports && ports->n_list ? ", and it has this port" : "");
	line(o, "", text);
	show_named(o, d);
	if (*file)
		snprintf(text, sizeof(text), "in %s, line %" PRIu64, file,
			 tacit_dict_number(d, "NetworkLine"));
	else
		snprintf(text, sizeof(text), "built in");
	line(o, "", text);
}

static void show_proof(const struct tacit_output *o, const struct tacit_dict *d)
{
	const struct tacit_entry *e = tacit_dict_get(d, "Identities");
	const char *level = tacit_dict_text(d, "Level");
	const char *auth = tacit_dict_text(d, "PolicyAuthentication");
	char text[64];

	if (!*level || !strcmp(level, "forbid") || !strcmp(level, "block"))
		return;
	if (!strcmp(auth, "require"))
		line(o, "Proof", "only a peer that proves who it is");
	else if (!strcmp(auth, "offer"))
		line(o, "Proof", "preferred; an anonymous peer will do");
	else
		line(o, "Proof", "an anonymous peer will do");
	for (size_t i = 0; e && e->type == 'a' && i < e->n_list; i++)
		line(o, i ? "" : "Identity", e->list[i]);
	if (tacit_dict_bool(d, "KeyFile")) {
		line(o, "Its key", "in a file of keys.d/");
		return;
	}
	line(o, "Its key", "in no file of keys.d/; see: tacit lookup");
	snprintf(text, sizeof(text), "IKE waits for it at most %" PRIu64 " ms",
		 tacit_dict_number(d, "LookupTimeMs"));
	line(o, "", text);
}

static void show_terminal(const struct tacit_output *o,
			  const struct tacit_dict *d)
{
	const char *port = tacit_dict_text(d, "Port");
	const char *state = tacit_dict_text(d, "State");
	const char *outcome = tacit_dict_text(d, "Outcome");

	tacit_output_text(o, TACIT_BOLD, tacit_dict_text(d, "Address"));
	if (*port)
		fprintf(o->file, ", port %s", port);
	fputs(": ", o->file);
	tacit_output_text(o,
			  !strcmp(outcome, "held")	? TACIT_GREEN
			  : !strcmp(outcome, "dropped") ? TACIT_RED
							: TACIT_YELLOW,
			  outcome);
	fputc('\n', o->file);
	line(o, "A packet", tacit_dict_text(d, "Explanation"));
	show_policy(o, d);
	show_proof(o, d);
	if (*state)
		line(o, "Now",
		     strcmp(state, "unknown") ? state
					      : "nothing was sent lately");
	if (*tacit_dict_text(d, "Reason"))
		line(o, "", tacit_dict_text(d, "Reason"));
}

static int show(const struct tacit_output *o, const struct tacit_target *t,
		const struct tacit_dict *known)
{
	struct tacit_dict d = { .count = 0 };
	struct tacit_verdict verdict;
	char address[ADDR_STRLEN], port[SERVICE_STRLEN];

	tacit_verdict_find(t, known, &verdict);
	put_text(&d, "Address", addr_format(&t->address, address));
	put_text(&d, "Port",
		 t->service.protocol ? service_format(&t->service, port) : "");
	put_text(&d, "Outcome", verdict.outcome);
	put_text(&d, "Explanation", verdict.why);
	put_known(&d, known);
	if (!o->json && !o->terminal)
		return tacit_show_fields(o, &d);
	if (o->json) {
		tacit_json_dict(o->file, &d);
		fputc('\n', o->file);
	} else {
		show_terminal(o, &d);
	}
	return EXIT_OK;
}

/* --- who is asked ----------------------------------------------------------- */

static int ask_agent(struct tacit_client *client, const struct tacit_output *o,
		     const struct tacit_target *t)
{
	char text[ADDR_STRLEN], port[SERVICE_STRLEN];
	sd_bus_message *reply;
	struct tacit_dict known;
	int code;

	addr_format(&t->address, text);
	if (t->service.protocol)
		code = tacit_client_call(client, DBUS_INTERFACE, "ExplainPort",
					 &reply, "ss", text,
					 service_format(&t->service, port));
	else
		code = tacit_client_call(client, DBUS_INTERFACE, "Explain",
					 &reply, "s", text);
	if (code)
		return code;
	if (tacit_dict_read(reply, &known) > 0) {
		code = show(o, t, &known);
		tacit_dict_done(&known);
	} else {
		code = tacit_client_bad_reply();
	}
	sd_bus_message_unref(reply);
	return code;
}

static int ask_files(const struct config *c, const struct tacit_output *o,
		     const struct tacit_target *t)
{
	char ports[LIMIT_POLICY_PORTS][SERVICE_STRLEN];
	const char *list[LIMIT_POLICY_PORTS];
	const char *named[NAMED_MAX];
	size_t n_named = 0;
	struct tacit_dict d = { .count = 0 };
	struct prefix network;
	const struct policy *other,
		*p = policy_table_packet(c->policies, &t->address,
					 t->service.protocol, 0,
					 t->service.port, &network);
	char text[PREFIX_STRLEN];
	const char *file;
	bool wait = p && (p->wait || p->level == POLICY_REQUIRE);
	unsigned at = 0;

	put_text(&d, "Policy", p ? p->name : "");
	if (p) {
		file = policy_where(p, &network, &at);
		put_text(&d, "Level", policy_level_name(p->level));
		put_text(&d, "PolicyAuthentication", policy_auth_name(p->auth));
		put_text(&d, "Discover", policy_discover_name(p->discover));
		put_text(&d, "Network", prefix_format(&network, text));
		put_text(&d, "NetworkFile", file ? file : "");
		put_number(&d, "NetworkLine", at);
		put_text(&d, "File", p->file ? p->file : "");
		put_number(&d, "Line", p->file ? p->line : 0);
		put_number(&d, "WaitTimeMs", wait ? policy_wait_ms(p) : 0);
		put_number(&d, "LookupTimeMs", p->lookup_ms);
		put_list(&d, "Identities", (const char **)p->identities,
			 p->n_identities);
		while (n_named < NAMED_MAX &&
		       (other = policy_table_named(c->policies, &t->address,
						   n_named)))
			named[n_named++] = other->name;
		put_list(&d, "NamedPolicies", named, n_named);
		for (size_t i = 0; i < p->n_ports; i++)
			list[i] = service_format(&p->ports[i], ports[i]);
		put_list(&d, "Ports", list, p->n_ports);
	}
	d.entries[d.count++] = (struct tacit_entry){
		.key = "Wait",
		.type = 'b',
		.number = wait,
	};
	d.entries[d.count++] = (struct tacit_entry){
		.key = "KeyFile",
		.type = 'b',
		.number = known_peers_by_address(c->peers, &t->address) != NULL,
	};
	return show(o, t, &d);
}

/* One of client and config is NULL. */
static int test_all(struct tacit_client *client, const struct config *config,
		    const struct tacit_output *o, struct tacit_target *t,
		    const struct tacit_host *host)
{
	int code = EXIT_OK;

	for (size_t i = 0; i < host->count && code == EXIT_OK; i++) {
		t->address = host->addresses[i];
		t->own = is_own(&t->address);
		if (i && !o->json)
			fputc('\n', o->file);
		code = client ? ask_agent(client, o, t)
			      : ask_files(config, o, t);
	}
	return code;
}

int tacit_policy_test(struct tacit *t, char **arguments)
{
	struct tacit_client *client = NULL;
	struct config *config = NULL;
	struct tacit_target target;
	char name[TACIT_HOST_LEN];
	struct tacit_host host;
	int code;

	if (tacit_target_parse(arguments[0], name, &target) < 0) {
		fprintf(stderr,
			"tacit: \"%s\" is no host with a port: write it as in "
			"10.0.0.1, 10.0.0.1:443/tcp or "
			"[2001:db8::1]:443/tcp.\n",
			arguments[0]);
		return EXIT_USAGE;
	}
	code = tacit_host_find(name, &host);
	if (code == EXIT_OK)
		code = arguments[1] ? tacit_policy_load(arguments[1], &config)
				    : tacit_client_new(t->socket, &client);
	if (code == EXIT_NOT_RUNNING)
		fprintf(stderr,
			"       What the files say: tacit policy test %s " SYSCONFDIR
			"/tacit\n",
			arguments[0]);
	if (code == EXIT_OK)
		code = test_all(client, config, &t->out, &target, &host);
	tacit_client_free(client);
	config_free(config);
	return code;
}
