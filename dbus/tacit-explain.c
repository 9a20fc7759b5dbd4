/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `tacit explain`: why a peer is as it is, from the policy to the kernel, and
 * what would change it.
 */
#include <inttypes.h>
#include <string.h>

#include "dbus/names.h"
#include "dbus/tacit-explain.h"
#include "dbus/tacit-host.h"
#include "dbus/tacit-peer.h"
#include "util/exitcode.h"

void tacit_explain_line(const struct tacit_output *o, const char *head,
			const char *text)
{
	fprintf(o->file, "  %-11s", head);
	tacit_output_wrapped(o, 13, text);
	fputc('\n', o->file);
}

static void show_head(const struct tacit_output *o, const struct tacit_dict *d)
{
	static const struct {
		const char *state, *words;
	} words[] = {
		{ "secured", "encrypted" },
		{ "install", "about to be encrypted" },
		{ "lookup", "its key is looked up" },
		{ "queued", "waits for its turn" },
		{ "negotiate", "IKE is under way" },
		{ "clear", "in the clear" },
		{ "holddown", "in the clear" },
		{ "blocked", "blocked" },
		{ "idle", "nothing is sent" },
		{ "unknown", "nothing was sent lately" },
	};
	const char *state = tacit_dict_text(d, "State"), *text = state;
	char span[TACIT_SPAN_LEN];

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!strcmp(words[i].state, state))
			text = words[i].words;
	}
	tacit_output_text(o, TACIT_BOLD, tacit_dict_text(d, "Address"));
	fputs(": ", o->file);
	tacit_output_text(o, tacit_peer_colour(d), text);
	if (strcmp(state, "unknown") != 0)
		fprintf(o->file, ", for %s",
			tacit_span(tacit_dict_number(d, "SinceMs"), span));
	fputc('\n', o->file);
	if (*tacit_dict_text(d, "Reason"))
		tacit_explain_line(o, "Because", tacit_dict_text(d, "Reason"));
}

static void show_policy(const struct tacit_output *o,
			const struct tacit_dict *d)
{
	const char *file = tacit_dict_text(d, "File");
	char text[512];

	if (!*tacit_dict_text(d, "Policy")) {
		tacit_explain_line(o, "Policy", "none covers it");
		return;
	}
	snprintf(text, sizeof(text),
		 "%s, which says %s: %s is the most specific network that "
		 "has this address",
		 tacit_dict_text(d, "Policy"), tacit_dict_text(d, "Level"),
		 tacit_dict_text(d, "Network"));
	tacit_explain_line(o, "Policy", text);
	if (*file)
		snprintf(text, sizeof(text), "in %s, line %" PRIu64, file,
			 tacit_dict_number(d, "Line"));
	else
		snprintf(text, sizeof(text), "built in");
	tacit_explain_line(o, "", text);
	snprintf(text, sizeof(text),
		 "proof: %s; IKE is tried: %s; first "
		 "packets: %s",
		 tacit_dict_text(d, "PolicyAuthentication"),
		 !strcmp(tacit_dict_text(d, "Discover"), "dns")
			 ? "where a key is known"
			 : "with everybody",
		 tacit_dict_bool(d, "Wait") ? "wait for it"
					    : "go out in the clear");
	tacit_explain_line(o, "", text);
}

static void show_ports(const struct tacit_output *o, const struct tacit_dict *d,
		       const char *key, const char *words)
{
	const struct tacit_entry *e = tacit_dict_get(d, key);
	char text[1024];
	size_t at;

	if (!e || e->type != 'a' || !e->n_list)
		return;
	at = (size_t)snprintf(text, sizeof(text), "%s:", words);
	for (size_t i = 0; i < e->n_list && at < sizeof(text); i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, " %s",
				       e->list[i]);
	tacit_explain_line(o, "", text);
}

static void show_keys(const struct tacit_output *o, const struct tacit_dict *d)
{
	const char *verdict = tacit_dict_text(d, "KeyVerdict");
	const char *name = tacit_dict_text(d, "KeyName");
	char text[512];

	if (tacit_dict_bool(d, "KeyFile")) {
		tacit_explain_line(o, "Its key", "in a file of keys.d/");
	} else if (*tacit_dict_text(d, "DNSFault")) {
		tacit_explain_line(o, "Its key",
				   tacit_dict_text(d, "DNSFault"));
	} else if (!*verdict) {
		tacit_explain_line(o, "Its key",
				   "DNS has not been asked lately");
	} else {
		snprintf(text, sizeof(text), "DNS: %s, %" PRIu64 " usable",
			 verdict, tacit_dict_number(d, "KeyCount"));
		tacit_explain_line(o, "Its key", text);
		snprintf(text, sizeof(text), "asked: %s%s%s",
			 tacit_dict_text(d, "KeySource"), *name ? ", " : "",
			 name);
		tacit_explain_line(o, "", text);
	}
	if (*tacit_dict_text(d, "KeyWhy"))
		tacit_explain_line(o, "", tacit_dict_text(d, "KeyWhy"));
}

static void show_ike(const struct tacit_output *o, const struct tacit_dict *d)
{
	const char *identity = tacit_dict_text(d, "Identity");
	const char *auth = tacit_dict_text(d, "Authentication");
	char text[512];

	if (!*tacit_dict_text(d, "IKEState")) {
		tacit_explain_line(o, "IKE", "none now");
		return;
	}
	snprintf(text, sizeof(text), "%s, we are the %s%s%s",
		 tacit_dict_text(d, "IKEState"), tacit_dict_text(d, "IKERole"),
		 *tacit_dict_text(d, "Algorithms") ? "; " : "",
		 tacit_dict_text(d, "Algorithms"));
	tacit_explain_line(o, "IKE", text);
	if (*identity)
		snprintf(text, sizeof(text), "the peer is %s, proven by %s %s",
			 identity, auth, tacit_dict_text(d, "Proof"));
	else if (!strcmp(auth, "null"))
		snprintf(text, sizeof(text), "the peer is anonymous");
	else
		return;
	tacit_explain_line(o, "", text);
}

static void show_kernel(const struct tacit_output *o,
			const struct tacit_dict *d)
{
	char text[256], in[TACIT_BYTES_LEN], out[TACIT_BYTES_LEN];

	if (!tacit_dict_bool(d, "HelperAlive")) {
		tacit_explain_line(o, "Kernel", "tacit-netd does not answer");
		return;
	}
	if (!tacit_dict_bool(d, "InKernel")) {
		tacit_explain_line(o, "Kernel", "no SA of it");
		return;
	}
	snprintf(text, sizeof(text),
		 "SAs in 0x%08" PRIx64 " and out 0x%08" PRIx64 ", %s",
		 tacit_dict_number(d, "SPIIn"), tacit_dict_number(d, "SPIOut"),
		 tacit_dict_text(d, "Cipher"));
	tacit_explain_line(o, "Kernel", text);
	snprintf(text, sizeof(text), "%s; clear packets from it are %s",
		 tacit_dict_bool(d, "Sending") ? "sending with them"
					       : "not sending with them yet",
		 tacit_dict_bool(d, "ClearRefused") ? "refused" : "accepted");
	tacit_explain_line(o, "", text);
	if (*tacit_dict_text(d, "OuterAddress")) {
		snprintf(text, sizeof(text),
			 "behind a NAT: it is %s, and we have leased it this "
			 "address",
			 tacit_dict_text(d, "OuterAddress"));
		tacit_explain_line(o, "", text);
	}
	if (*tacit_dict_text(d, "Gateway")) {
		snprintf(text, sizeof(text),
			 "by the gateway %s, behind which ESP ends",
			 tacit_dict_text(d, "Gateway"));
		tacit_explain_line(o, "", text);
	}
	if (*tacit_dict_text(d, "LeasedAddress")) {
		snprintf(
			text, sizeof(text),
			"behind a NAT: our address %s is %s in them, which the "
			"peer has leased us",
			tacit_dict_text(d, "LocalAddress"),
			tacit_dict_text(d, "LeasedAddress"));
		tacit_explain_line(o, "", text);
	}
	if (tacit_dict_number(d, "ClearConnections")) {
		snprintf(
			text, sizeof(text),
			"connections that began in the clear, before that, and "
			"stay so until they end: %" PRIu64,
			tacit_dict_number(d, "ClearConnections"));
		tacit_explain_line(o, "", text);
	}
	snprintf(text, sizeof(text),
		 "%s in (%" PRIu64 " packets), %s out (%" PRIu64 ")",
		 tacit_bytes(tacit_dict_number(d, "BytesIn"), in),
		 tacit_dict_number(d, "PacketsIn"),
		 tacit_bytes(tacit_dict_number(d, "BytesOut"), out),
		 tacit_dict_number(d, "PacketsOut"));
	tacit_explain_line(o, "", text);
}

static void show_advice(const struct tacit_output *o,
			const struct tacit_dict *d)
{
	const struct tacit_entry *e = tacit_dict_get(d, "Advice");
	uint64_t next = tacit_dict_number(d, "NextAttemptMs");
	char text[128], span[TACIT_SPAN_LEN];

	if (next) {
		snprintf(text, sizeof(text),
			 "attempt in %s at the earliest, after %" PRIu64
			 " that failed",
			 tacit_span(next, span),
			 tacit_dict_number(d, "Failures"));
		tacit_explain_line(o, "Next", text);
	}
	if (!e || e->type != 'a' || !e->n_list)
		return;
	tacit_output_text(o, TACIT_BOLD, "What would change it");
	fputc('\n', o->file);
	for (size_t i = 0; i < e->n_list; i++) {
		fputs("  - ", o->file);
		tacit_output_wrapped(o, 4, e->list[i]);
		fputc('\n', o->file);
	}
}

/* dns: NULL where no policy covers it. */
static int show(const struct tacit_output *o, const struct tacit_dict *d,
		const struct tacit_explain_dns *dns)
{
	int code = EXIT_OK;

	if (o->json) {
		fputc('{', o->file);
		tacit_json_members(o->file, d);
		if (dns)
			tacit_explain_dns_show(o, dns);
		fputs("}\n", o->file);
		return code;
	}
	if (!o->terminal) {
		code = tacit_show_fields(o, d);
		if (dns)
			tacit_explain_dns_show(o, dns);
		return code;
	}
	show_head(o, d);
	show_policy(o, d);
	show_ports(o, d, "ClearPorts", "but always in the clear");
	show_ports(o, d, "BlockedPorts", "but blocked");
	show_ports(o, d, "EncryptedPorts", "the only ones with encryption");
	show_keys(o, d);
	if (dns)
		tacit_explain_dns_show(o, dns);
	show_ike(o, d);
	show_kernel(o, d);
	show_advice(o, d);
	return code;
}

static int explain_one(struct tacit_client *client, struct resolver **resolver,
		       const struct tacit_output *o, const struct addr *address)
{
	struct tacit_explain_dns *dns = NULL;
	char text[ADDR_STRLEN];
	sd_bus_message *reply;
	struct tacit_dict d;
	int code = tacit_client_call(client, DBUS_INTERFACE, "Explain", &reply,
				     "s", addr_format(address, text));

	if (code)
		return code;
	if (tacit_dict_read(reply, &d) > 0) {
		if (*tacit_dict_text(&d, "Policy"))
			code = tacit_explain_dns_ask(client, resolver, address,
						     &dns);
		if (code == EXIT_OK)
			code = show(o, &d, dns);
		tacit_explain_dns_free(dns);
		tacit_dict_done(&d);
	} else {
		code = tacit_client_bad_reply();
	}
	sd_bus_message_unref(reply);
	return code;
}

int tacit_explain(struct tacit *t, char **arguments)
{
	struct resolver *resolver = NULL;
	struct tacit_client *client;
	struct tacit_host host;
	int code = tacit_host_find(arguments[0], &host);

	if (code == EXIT_OK)
		code = tacit_client_new(t->socket, &client);
	if (code)
		return code;
	for (size_t i = 0; i < host.count && code == EXIT_OK; i++) {
		if (i && !t->out.json)
			fputc('\n', t->out.file);
		code = explain_one(client, &resolver, &t->out,
				   &host.addresses[i]);
	}
	resolver_free(resolver);
	tacit_client_free(client);
	return code;
}
