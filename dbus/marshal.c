/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Peers and policies as a{sv}. The keys are part of the interface: see
 * dbus/org.tacit.Agent1.md.
 */
#include "dbus/marshal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Length of the UTF-8 character at s (RFC 3629 4: no surrogates, no longer
 * form than needed), or 0. */
static size_t utf8_character(const unsigned char *s)
{
	static const struct {
		unsigned char lead_min, lead_max, next_min, next_max, len;
	} forms[] = {
		{ 0x01, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (s[0] < forms[i].lead_min || s[0] > forms[i].lead_max)
			continue;
		if (forms[i].len > 1 &&
		    (s[1] < forms[i].next_min || s[1] > forms[i].next_max))
			return 0;
		for (size_t j = 2; j < forms[i].len; j++) {
			if (s[j] < 0x80 || s[j] > 0xbf)
				return 0;
		}
		return forms[i].len;
	}
	return 0;
}

int dbus_append_text(sd_bus_message *m, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t good = 0, n;
	char *copy;
	int r;

	while (s[good] && (n = utf8_character(s + good)))
		good += n;
	if (!s[good]) {
		r = sd_bus_message_append_basic(m, 's', text);
		return r < 0 ? r : 0;
	}
	copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	for (size_t i = good; copy[i];) {
		n = utf8_character(s + i);
		if (!n)
			copy[i++] = '?';
		i += n;
	}
	r = sd_bus_message_append_basic(m, 's', copy);
	free(copy);
	return r < 0 ? r : 0;
}

static int open_entry(sd_bus_message *m, const char *key, const char *type)
{
	int r = sd_bus_message_open_container(m, 'e', "sv");

	if (r >= 0)
		r = sd_bus_message_append_basic(m, 's', key);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'v', type);
	return r;
}

static int close_entry(sd_bus_message *m)
{
	int r = sd_bus_message_close_container(m);

	return r < 0 ? r : sd_bus_message_close_container(m);
}

int dbus_entry_text(sd_bus_message *m, const char *key, const char *text)
{
	int r = open_entry(m, key, "s");

	if (r >= 0)
		r = dbus_append_text(m, text);
	return r < 0 ? r : close_entry(m);
}

int dbus_entry_value(sd_bus_message *m, const char *key, const char *type,
		     const void *value)
{
	int r = open_entry(m, key, type);

	if (r >= 0)
		r = sd_bus_message_append_basic(m, type[0], value);
	return r < 0 ? r : close_entry(m);
}

int dbus_entries_peer(sd_bus_message *m, const struct dbus_peer *p)
{
	char remote[ADDR_STRLEN], local[ADDR_STRLEN], lease[ADDR_STRLEN];
	char outer[ADDR_STRLEN], gateway[ADDR_STRLEN];
	const struct {
		const char *key, *text;
	} texts[] = {
		{ "Address", addr_format(&p->remote, remote) },
		{ "LocalAddress",
		  p->local.family ? addr_format(&p->local, local) : "" },
		{ "LeasedAddress",
		  p->lease.family ? addr_format(&p->lease, lease) : "" },
		{ "OuterAddress",
		  p->outer.family ? addr_format(&p->outer, outer) : "" },
		{ "Gateway",
		  p->gateway.family ? addr_format(&p->gateway, gateway) : "" },
		{ "State", p->state },
		{ "Policy", p->policy },
		{ "Level", p->level },
		{ "Identity", p->identity },
		{ "Authentication", p->auth },
		{ "Proof", p->proof },
		{ "Fingerprint", p->fingerprint },
		{ "Algorithms", p->algorithms },
		{ "Cipher", p->cipher },
		{ "Reason", p->reason },
	};
	int r = 0;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]) && r >= 0; i++)
		r = dbus_entry_text(m, texts[i].key, texts[i].text);
	if (r >= 0)
		r = dbus_entry_value(m, "SPIIn", "u", &p->spi_in);
	if (r >= 0)
		r = dbus_entry_value(m, "SPIOut", "u", &p->spi_out);
	if (r >= 0)
		r = dbus_entry_value(m, "ClearConnections", "u", &p->clear);
	if (r >= 0)
		r = dbus_entry_value(m, "SinceMs", "t", &p->since_ms);
	if (r >= 0)
		r = dbus_entry_value(m, "SetupUs", "t", &p->setup_us);
	return r;
}

int dbus_append_peer(sd_bus_message *m, const struct dbus_peer *p)
{
	int r = sd_bus_message_open_container(m, 'a', "{sv}");

	if (r >= 0 && p)
		r = dbus_entries_peer(m, p);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r < 0 ? r : 0;
}

int dbus_append_socket(sd_bus_message *m, const struct dbus_socket_ends *s,
		       const struct dbus_peer *p)
{
	int encrypted = !strcmp(p->state, "secured");
	int r = sd_bus_message_open_container(m, 'a', "{sv}");

	if (r >= 0)
		r = dbus_entry_value(m, "Encrypted", "b", &encrypted);
	if (r >= 0)
		r = dbus_entry_text(m, "Protocol", s->protocol);
	if (r >= 0)
		r = dbus_entry_value(m, "LocalPort", "q", &s->local_port);
	if (r >= 0)
		r = dbus_entry_value(m, "Port", "q", &s->port);
	if (r >= 0)
		r = dbus_entries_peer(m, p);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r < 0 ? r : 0;
}

int dbus_append_words(sd_bus_message *m, const char *words)
{
	char word[PREFIX_STRLEN];
	int r = sd_bus_message_open_container(m, 'a', "s");

	for (size_t len; r >= 0 && *words; words += len) {
		words += strspn(words, " ");
		len = strcspn(words, " ");
		if (!len || len >= sizeof(word))
			continue; /* the end, or no network */
		memcpy(word, words, len);
		word[len] = '\0';
		r = dbus_append_text(m, word);
	}
	return r < 0 ? r : sd_bus_message_close_container(m);
}

static int entry_words(sd_bus_message *m, const char *key, const char *words)
{
	int r = open_entry(m, key, "as");

	if (r >= 0)
		r = dbus_append_words(m, words);
	return r < 0 ? r : close_entry(m);
}

int dbus_append_services(sd_bus_message *m, const struct service *list,
			 size_t n)
{
	int r = sd_bus_message_open_container(m, 'a', "s");
	char text[SERVICE_STRLEN];

	for (size_t i = 0; i < n && r >= 0; i++)
		r = dbus_append_text(m, service_format(&list[i], text));
	return r < 0 ? r : sd_bus_message_close_container(m);
}

int dbus_entry_services(sd_bus_message *m, const char *key,
			const struct service *list, size_t n)
{
	int r = open_entry(m, key, "as");

	if (r >= 0)
		r = dbus_append_services(m, list, n);
	return r < 0 ? r : close_entry(m);
}

int dbus_append_policy(sd_bus_message *m, const struct dbus_policy *p)
{
	int wait = p->wait;
	int r = sd_bus_message_open_container(m, 'a', "{sv}");

	if (r >= 0)
		r = dbus_entry_text(m, "Name", p->name);
	if (r >= 0)
		r = dbus_entry_text(m, "Level", p->level);
	if (r >= 0)
		r = dbus_entry_text(m, "Authentication", p->auth);
	if (r >= 0)
		r = dbus_entry_value(m, "Wait", "b", &wait);
	if (r >= 0)
		r = entry_words(m, "Networks", p->networks);
	if (r >= 0)
		r = dbus_entry_services(m, "Ports", p->ports, p->n_ports);
	if (r >= 0)
		r = dbus_entry_text(m, "File", p->file);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r < 0 ? r : 0;
}

int dbus_append_key(sd_bus_message *m, const struct dbus_key *k)
{
	int r = sd_bus_message_open_container(m, 'a', "{sv}");

	if (r >= 0)
		r = dbus_entry_text(m, "Name", k->name);
	if (r >= 0)
		r = dbus_entry_text(m, "Type", k->type);
	if (r >= 0)
		r = dbus_entry_text(m, "Fingerprint", k->fingerprint);
	if (r >= 0)
		r = dbus_entry_text(m, "PublicKey", k->public_key);
	if (r >= 0)
		r = dbus_entry_text(m, "Stage", k->stage);
	if (r >= 0)
		r = dbus_entry_value(m, "Until", "t", &k->until);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r < 0 ? r : 0;
}

/* A list of n texts. */
int dbus_append_list(sd_bus_message *m, const char *const *list, size_t n)
{
	int r = sd_bus_message_open_container(m, 'a', "s");

	for (size_t i = 0; i < n && r >= 0; i++)
		r = dbus_append_text(m, list[i]);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

int dbus_entry_list(sd_bus_message *m, const char *key, const char *const *list,
		    size_t n)
{
	int r = open_entry(m, key, "as");

	if (r >= 0)
		r = dbus_append_list(m, list, n);
	return r < 0 ? r : close_entry(m);
}

static size_t list_length(const char *const *list)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

static int entry_addresses(sd_bus_message *m, const struct dbus_dns *d)
{
	char text[ADDR_STRLEN];
	int r = open_entry(m, "Addresses", "as");

	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "s");
	for (size_t i = 0; i < d->n_addresses && r >= 0; i++)
		r = dbus_append_text(m, addr_format(&d->addresses[i], text));
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r < 0 ? r : close_entry(m);
}

int dbus_append_dns(sd_bus_message *m, const struct dbus_dns *d)
{
	static const struct resolver_config none = { 0 };
	const struct resolver_config *c = d->resolver ? d->resolver : &none;
	const struct {
		const char *key;
		const char *const *list;
	} lists[] = {
		{ "TrustAnchors", c->anchors },
		{ "Servers", c->forwarders },
		{ "Zones", c->zones },
	};
	int lookup = d->lookup, tls = c->tls;
	int r = sd_bus_message_open_container(m, 'a', "{sv}");

	if (r >= 0)
		r = dbus_entry_value(m, "Lookup", "b", &lookup);
	if (r >= 0)
		r = dbus_entry_text(m, "Fault", d->fault);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]) && r >= 0; i++)
		r = dbus_entry_list(m, lists[i].key, lists[i].list,
				    list_length(lists[i].list));
	if (r >= 0)
		r = dbus_entry_value(m, "TLS", "b", &tls);
	if (r >= 0)
		r = dbus_entry_text(m, "RootHints",
				    c->root_hints ? c->root_hints : "");
	if (r >= 0)
		r = dbus_entry_text(m, "LocalIdentity", d->identity);
	if (r >= 0)
		r = entry_addresses(m, d);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r < 0 ? r : 0;
}

int dbus_append_rule(sd_bus_message *m, const struct dbus_rule *p)
{
	int in_file = p->in_file, gateway = p->gateway;
	int r = sd_bus_message_open_container(m, 'a', "{sv}");

	if (r >= 0)
		r = dbus_entry_text(m, "Name", p->name);
	if (r >= 0)
		r = dbus_entry_text(m, "Level", p->level);
	if (r >= 0)
		r = dbus_entry_text(m, "Authentication", p->auth);
	if (r >= 0)
		r = dbus_entry_text(m, "Discover", p->discover);
	if (r >= 0)
		r = dbus_entry_text(m, "Lookup", p->lookup);
	if (r >= 0)
		r = dbus_entry_value(m, "Gateway", "b", &gateway);
	if (r >= 0)
		r = dbus_entry_list(m, "Identities", p->identities,
				    p->n_identities);
	if (r >= 0)
		r = dbus_entry_value(m, "InFile", "b", &in_file);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r < 0 ? r : 0;
}
