/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "util/service.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	uint8_t number;
} protocols[] = {
	{ "tcp", IPPROTO_TCP },
	{ "udp", IPPROTO_UDP },
};

#define N_PROTOCOLS (sizeof(protocols) / sizeof(protocols[0]))

const char *service_protocol_name(uint8_t protocol)
{
	for (size_t i = 0; i < N_PROTOCOLS; i++) {
		if (protocols[i].number == protocol)
			return protocols[i].name;
	}
	return NULL;
}

/* Digits up to `end`: a port, and where the text goes on; or NULL. */
static const char *parse_port(const char *text, char end, uint16_t *ret)
{
	uint32_t port = 0;
	const char *at = text;

	for (; *at >= '0' && *at <= '9' && port <= UINT16_MAX; at++)
		port = port * 10 + (uint32_t)(*at - '0');
	if (at == text || *at != end || port == 0 || port > UINT16_MAX)
		return NULL;
	*ret = (uint16_t)port;
	return at + 1;
}

int service_parse(const char *text, struct service *ret)
{
	uint16_t port;
	const char *name = parse_port(text, '/', &port);

	for (size_t i = 0; name && i < N_PROTOCOLS; i++) {
		if (strcmp(protocols[i].name, name) != 0)
			continue;
		ret->protocol = protocols[i].number;
		ret->port = port;
		return 0;
	}
	return -EINVAL;
}

int service_parse_range(const char *text, struct service *ret_first,
			uint16_t *ret_last)
{
	uint16_t first;
	struct service s;
	const char *rest = parse_port(text, '-', &first);
	int r = service_parse(rest ? rest : text, &s);

	if (r < 0 || (rest && s.port < first))
		return -EINVAL;
	*ret_last = s.port;
	if (rest)
		s.port = first;
	*ret_first = s;
	return 0;
}

char *service_format(const struct service *s, char buf[static SERVICE_STRLEN])
{
	const char *name = service_protocol_name(s->protocol);

	if (name)
		snprintf(buf, SERVICE_STRLEN, "%u/%s", s->port, name);
	else
		snprintf(buf, SERVICE_STRLEN, "%u/%u", s->port, s->protocol);
	return buf;
}

int service_compare(const struct service *a, const struct service *b)
{
	int r = (int)a->protocol - (int)b->protocol;

	return r ? r : (int)a->port - (int)b->port;
}

bool scope_has(const struct scope *sc, const struct service *s)
{
	for (size_t i = 0; i < sc->n; i++)
		if (service_equal(&sc->list[i], s))
			return true;
	return false;
}

bool scope_covers(const struct scope *sc, uint8_t protocol, uint16_t local_port,
		  uint16_t remote_port)
{
	const struct service local = { protocol, local_port };
	const struct service remote = { protocol, remote_port };

	return sc->n == 0 ||
	       (sc->sides & SCOPE_LOCAL && scope_has(sc, &local)) ||
	       (sc->sides & SCOPE_REMOTE && scope_has(sc, &remote));
}
