/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/config-ports.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/config-error.h"

static bool has(const struct policy *p, const struct service *s)
{
	for (size_t i = 0; i < p->n_ports; i++) {
		if (service_equal(&p->ports[i], s))
			return true;
	}
	return false;
}

/* False: no more of this word. */
static bool add_one(struct policy *p, const struct config_place *at,
		    const struct service *s, int *error)
{
	char text[SERVICE_STRLEN];
	struct service *grown;

	if (has(p, s)) {
		config_errors_add(at->errors, at->path, at->item->line,
				  "%s is there already: remove one",
				  service_format(s, text));
		return false;
	}
	if (p->n_ports == LIMIT_POLICY_PORTS) {
		config_place_error(at, "a policy has at most %u ports",
				   LIMIT_POLICY_PORTS);
		return false;
	}
	grown = reallocarray(p->ports, p->n_ports + 1, sizeof(*grown));
	if (!grown) {
		*error = -ENOMEM;
		return false;
	}
	p->ports = grown;
	grown[p->n_ports++] = *s;
	return true;
}

int config_ports_add(struct policy *p, const struct config_place *at,
		     const char *word)
{
	struct service s;
	uint16_t last;
	int error = 0;

	if (service_parse_range(word, &s, &last) < 0) {
		config_errors_add(at->errors, at->path, at->item->line,
				  "%s is no port of a protocol: write it as in "
				  "443/tcp or 8000-8010/tcp (tcp or udp)",
				  word);
		return 0;
	}
	while (add_one(p, at, &s, &error) && s.port < last)
		s.port++;
	return error;
}

bool config_ports_include(const struct policy *a, const struct policy *b)
{
	for (size_t i = 0; i < b->n_ports; i++)
		if (!has(a, &b->ports[i]))
			return false;
	return true;
}

bool config_ports_clash(const struct policy *a, const struct policy *b,
			struct service *ret_shared)
{
	if (!a->n_ports && !b->n_ports) {
		*ret_shared = (struct service){ 0 };
		return true;
	}
	for (size_t i = 0; i < a->n_ports; i++) {
		if (!has(b, &a->ports[i]))
			continue;
		*ret_shared = a->ports[i];
		return true;
	}
	return false;
}
