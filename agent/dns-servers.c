/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/dns-servers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOBODY	 "127.0.0.1@9" /* the discard port */
#define TEXT_MAX (ADDR_STRLEN + RESOLVED_NAME_MAX + 8)

static size_t count(char *const *list)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

static int add(char ***list, const char *text)
{
	size_t n = count(*list);
	char **grown = reallocarray(*list, n + 2, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	*list = grown;
	grown[n] = strdup(text);
	grown[n + 1] = NULL;
	return grown[n] ? 0 : -ENOMEM;
}

static char **list_free(char **list)
{
	for (size_t i = 0; list && list[i]; i++)
		free(list[i]);
	free(list);
	return NULL;
}

/* TLS has a port of its own where none is named. */
static int add_word(char ***list, const char *word, bool tls)
{
	size_t address = strcspn(word, "@#");
	char text[TEXT_MAX];

	if (!tls || word[address] == '@')
		return add(list, word);
	snprintf(text, sizeof(text), "%.*s@%u%s", (int)address, word,
		 NAMESERVER_TLS_PORT, word + address);
	return add(list, text);
}

static int add_resolved(char ***list, const struct resolved_server *s, bool tls)
{
	char text[TEXT_MAX], address[ADDR_STRLEN];
	unsigned port = s->at.port;
	const char *name = tls ? s->name : "";

	if (!port)
		port = tls ? NAMESERVER_TLS_PORT : NAMESERVER_PORT;
	snprintf(text, sizeof(text), "%s@%u%s%s",
		 addr_format(&s->at.addr, address), port, *name ? "#" : "",
		 name);
	return add(list, text);
}

static int of_config(const struct config_dns *c, struct dns_servers *ret)
{
	int r = 0;

	for (char **w = c->servers; w && *w && r == 0; w++)
		r = add_word(&ret->forwarders, *w, c->tls);
	for (char **w = c->zones; w && *w && r == 0; w++) {
		const char *equals = strchr(*w, '=');
		char *zone = strndup(*w, (size_t)(equals - *w));

		r = zone ? add(&ret->zones, zone) : -ENOMEM;
		free(zone);
		if (r == 0)
			r = add_word(&ret->zones, equals + 1, c->tls);
	}
	return r;
}

static int of_system(const struct nameservers *system, bool tls,
		     struct dns_servers *ret)
{
	char text[ADDR_STRLEN];
	int r = 0;

	for (size_t i = 0; i < system->n && r == 0; i++)
		r = add_word(&ret->forwarders,
			     addr_format(&system->list[i], text), tls);
	return r;
}

/* --- systemd-resolved: as it routes itself ------------------------------------- */

static bool has_domain(const struct resolved_state *s, int link,
		       const char *name)
{
	for (size_t i = 0; i < s->n_domains; i++)
		if ((link < 0 || s->domains[i].link == link) &&
		    !strcmp(s->domains[i].name, name))
			return true;
	return false;
}

static bool has_servers(const struct resolved_state *s, int link)
{
	for (size_t i = 0; i < s->n_servers; i++)
		if (s->servers[i].link == link)
			return true;
	return false;
}

/* Is it asked about names that are no link's? */
static bool is_default(const struct resolved_state *s, int link)
{
	for (size_t i = 0; i < s->n_domains; i++)
		if (!strcmp(s->domains[i].name, ".") &&
		    has_servers(s, s->domains[i].link))
			return has_domain(s, link, ".");
	if (link == 0)
		return true;
	for (size_t i = 0; i < s->n_defaults; i++)
		if (s->defaults[i] == link)
			return true;
	return false;
}

static int of_resolved(const struct resolved_state *s, bool tls,
		       struct dns_servers *ret)
{
	int r = 0;

	for (size_t i = 0; i < s->n_servers && r == 0; i++)
		if (is_default(s, s->servers[i].link))
			r = add_resolved(&ret->forwarders, &s->servers[i], tls);
	/* Where there is no default nobody is asked: not the root's servers. */
	if (r == 0 && !ret->forwarders)
		r = add(&ret->forwarders, NOBODY);
	for (size_t d = 0; d < s->n_domains; d++) {
		const struct resolved_domain *domain = &s->domains[d];

		if (!strcmp(domain->name, "."))
			continue;
		for (size_t i = 0; i < s->n_servers && r == 0; i++) {
			if (s->servers[i].link != domain->link)
				continue;
			r = add(&ret->zones, domain->name);
			if (r == 0)
				r = add_resolved(&ret->zones, &s->servers[i],
						 tls);
		}
	}
	return r;
}

int dns_servers_make(const struct config_dns *config,
		     const struct nameservers *system,
		     const struct resolved_state *resolved,
		     struct dns_servers *ret)
{
	int r;

	*ret = (struct dns_servers){ 0 };
	r = of_config(config, ret);
	if (r < 0 || !config->system_servers)
		return r;
	if (resolved && resolved->n_servers)
		r = of_resolved(resolved, config->tls, ret);
	else
		r = of_system(system, config->tls, ret);
	if (r == 0 && !ret->forwarders)
		r = -ENETDOWN;
	return r;
}

void dns_servers_done(struct dns_servers *s)
{
	s->forwarders = list_free(s->forwarders);
	s->zones = list_free(s->zones);
}

static bool same(char *const *a, char *const *b)
{
	size_t n = count(a);

	if (n != count(b))
		return false;
	for (size_t i = 0; i < n; i++)
		if (strcmp(a[i], b[i]) != 0)
			return false;
	return true;
}

bool dns_servers_equal(const struct dns_servers *a, const struct dns_servers *b)
{
	return same(a->forwarders, b->forwarders) && same(a->zones, b->zones);
}
