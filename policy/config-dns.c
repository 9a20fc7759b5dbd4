/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lists are words between blanks, on one line or several. Giving Servers= again
 * replaces what was there, another list is added to; an empty one takes it
 * back.
 */
#include "policy/config-dns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/config-value.h"

#define LOOKUP_WAIT_MS 3000u

void config_dns_init(struct config_dns *d)
{
	*d = (struct config_dns){ .lookup = true,
				  .system_servers = true,
				  .wait_ms = LOOKUP_WAIT_MS };
}

static char **list_free(char **list)
{
	for (char **p = list; p && *p; p++)
		free(*p);
	free(list);
	return NULL;
}

void config_dns_done(struct config_dns *d)
{
	d->servers = list_free(d->servers);
	d->anchors = list_free(d->anchors);
	d->zones = list_free(d->zones);
	free(d->root_hints);
	d->root_hints = NULL;
}

static int list_add(char ***list, const char *word)
{
	size_t n = 0;
	char **grown;

	while (*list && (*list)[n])
		n++;
	grown = realloc(*list, (n + 2) * sizeof(*grown));
	if (!grown)
		return -1;
	*list = grown;
	grown[n] = strdup(word);
	grown[n + 1] = NULL;
	return grown[n] ? 0 : -1;
}

/* Each word through check(), which says what is wrong with it. */
static void set_list(const struct config_place *at, char ***list,
		     bool (*check)(const struct config_place *at,
				   const char *word))
{
	char *text = strdup(at->item->value), *save, *word;
	bool any = false;

	if (!text)
		goto fail;
	word = strtok_r(text, " \t,", &save);
	for (; word; word = strtok_r(NULL, " \t,", &save)) {
		any = true;
		if (check(at, word) && list_add(list, word) < 0)
			goto fail;
	}
	if (!any)
		*list = list_free(*list);
	free(text);
	return;
fail:
	free(text);
	config_place_error(at, "there is no memory for it");
}

void config_dns_set_lookup(const struct config_place *at)
{
	struct config *c = at->target;

	if (config_value_bool(at->item->value, &c->dns.lookup) < 0)
		config_place_error(at, "write yes or no");
}

/* Port 0 where there is none. -EINVAL: no address; -ERANGE: no port. */
static int read_server(const char *word, struct nameserver *ret)
{
	char address[ADDR_STRLEN], *rest;
	const char *end = word + strcspn(word, "@#");
	size_t len = (size_t)(end - word);
	struct nameserver s = { .port = 0 };
	unsigned long port;

	if (len >= sizeof(address))
		return -EINVAL;
	memcpy(address, word, len);
	address[len] = '\0';
	if (addr_parse(address, &s.addr) < 0)
		return -EINVAL;
	if (*end == '@') {
		port = strtoul(end + 1, &rest, 10);
		if (rest == end + 1 || port == 0 || port > UINT16_MAX ||
		    (*rest && *rest != '#'))
			return -ERANGE;
		s.port = (uint16_t)port;
	}
	*ret = s;
	return 0;
}

int config_dns_server(const char *text, struct nameserver *ret)
{
	return read_server(text, ret) < 0 ? -EINVAL : 0;
}

/* "ADDRESS", "ADDRESS@PORT", "ADDRESS@PORT#NAME" for TLS. */
static bool check_server(const struct config_place *at, const char *word)
{
	struct nameserver s;
	int r = read_server(word, &s);

	if (r == -EINVAL)
		config_place_error(at,
				   "%s is no address: write 192.0.2.53, "
				   "2001:db8::53@5353 or, for TLS, "
				   "192.0.2.53@853#dns.example.net",
				   word);
	else if (r < 0)
		config_place_error(
			at, "%s has no port from 1 to 65535 after the @", word);
	return r == 0;
}

void config_dns_set_servers(const struct config_place *at)
{
	struct config *c = at->target;

	c->dns.system_servers = !strcmp(at->item->value, "system");
	if (!at->item->continued)
		c->dns.servers = list_free(c->dns.servers);
	if (!c->dns.system_servers && strcmp(at->item->value, "none") != 0)
		set_list(at, &c->dns.servers, check_server);
}

void config_dns_set_tls(const struct config_place *at)
{
	struct config *c = at->target;

	if (config_value_bool(at->item->value, &c->dns.tls) < 0)
		config_place_error(at, "write yes or no");
}

static bool check_path(const struct config_place *at, const char *word)
{
	if (*word == '/')
		return true;
	config_place_error(at, "%s is no path that begins with /", word);
	return false;
}

void config_dns_set_anchors(const struct config_place *at)
{
	struct config *c = at->target;

	set_list(at, &c->dns.anchors, check_path);
}

/* "example.net.=192.0.2.53" */
static bool check_zone(const struct config_place *at, const char *word)
{
	const char *equals = strchr(word, '=');

	if (equals && equals != word)
		return check_server(at, equals + 1);
	config_place_error(at, "write a zone and its server, "
			       "corp.example.net=192.0.2.53");
	return false;
}

void config_dns_set_zones(const struct config_place *at)
{
	struct config *c = at->target;

	set_list(at, &c->dns.zones, check_zone);
}

void config_dns_set_root_hints(const struct config_place *at)
{
	struct config *c = at->target;
	char *copy;

	if (!check_path(at, at->item->value))
		return;
	copy = strdup(at->item->value);
	if (!copy) {
		config_place_error(at, "there is no memory for it");
		return;
	}
	free(c->dns.root_hints);
	c->dns.root_hints = copy;
}

void config_dns_set_wait(const struct config_place *at)
{
	struct config *c = at->target;
	uint64_t ms;

	if (config_value_span(at->item->value, &ms) < 0 ||
	    ms > CONFIG_LOOKUP_MS_MAX)
		config_place_error(at, "write a time of at most 20s, like 3s "
				       "or 500ms");
	else
		c->dns.wait_ms = (uint32_t)ms;
}
