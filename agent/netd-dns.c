/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/netd-dns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/nameserver-watch.h"
#include "policy/config-dns.h"
#include "util/log.h"

struct netd_dns {
	const struct config_dns *config;
	struct netd_dns_ops ops;
	struct nameserver_watch *watch; /* NULL: not the system's */
	struct nameserver list[LIMIT_DNS_OPENINGS];
	size_t n;
};

bool netd_dns_recursive(const struct config_dns *config)
{
	return config->lookup && !config->system_servers && !config->servers;
}

static void add(struct netd_dns *d, const struct addr *a, uint16_t port)
{
	if (addr_is_loopback(a))
		return;
	for (size_t i = 0; i < d->n; i++)
		if (d->list[i].port == port && addr_equal(&d->list[i].addr, a))
			return;
	if (d->n == LIMIT_DNS_OPENINGS) {
		log_warning("There are more name servers than %u ports: the "
			    "others have to be reached by what policy says.",
			    LIMIT_DNS_OPENINGS);
		return;
	}
	d->list[d->n].port = port;
	d->list[d->n++].addr = *a;
}

/* Where no port is named, both that DNS has. */
static void add_server(struct netd_dns *d, const struct addr *a, uint16_t port)
{
	struct addr bare = *a;

	bare.scope = 0; /* the kernel's selectors have none */
	if (port) {
		add(d, &bare, port);
		return;
	}
	add(d, &bare, NAMESERVER_PORT);
	add(d, &bare, NAMESERVER_TLS_PORT);
}

static void add_words(struct netd_dns *d, char *const *words)
{
	struct nameserver s;

	for (; words && *words; words++) {
		const char *equals = strchr(*words, '=');

		if (config_dns_server(equals ? equals + 1 : *words, &s) == 0)
			add_server(d, &s.addr, s.port);
	}
}

static void collect(struct netd_dns *d)
{
	const struct nameservers *s;

	d->n = 0;
	add_words(d, d->config->servers);
	add_words(d, d->config->zones);
	if (!d->watch)
		return;
	s = nameserver_watch_get(d->watch);
	for (size_t i = 0; i < s->n; i++)
		add_server(d, &s->list[i], 0);
}

static void on_changed(void *user, const struct nameservers *now)
{
	struct netd_dns *d = user;

	(void)now;
	collect(d);
	d->ops.changed(d->ops.user);
}

int netd_dns_new(sd_event *event, const struct config_dns *config,
		 const struct netd_dns_ops *ops, struct netd_dns **ret)
{
	struct netd_dns *d = calloc(1, sizeof(*d));
	int r = 0;

	if (!d)
		return -ENOMEM;
	d->config = config;
	d->ops = *ops;
	if (config->system_servers)
		r = nameserver_watch_new(event, on_changed, d, &d->watch);
	if (r < 0) {
		netd_dns_free(d);
		return r;
	}
	collect(d);
	*ret = d;
	return 0;
}

struct netd_dns *netd_dns_free(struct netd_dns *d)
{
	if (!d)
		return NULL;
	nameserver_watch_free(d->watch);
	free(d);
	return NULL;
}

const struct nameserver *netd_dns_servers(const struct netd_dns *d,
					  size_t *ret_n)
{
	*ret_n = d->n;
	return d->list;
}
