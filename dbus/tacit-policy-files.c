/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus/tacit-policy-files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "util/exitcode.h"

struct tacit_policy_room {
	const char *ports[LIMIT_POLICY_PORTS];
	char port_texts[LIMIT_POLICY_PORTS][SERVICE_STRLEN];
	const char **networks;
	char (*network_texts)[PREFIX_STRLEN];
};

int tacit_policy_load(const char *dir, struct config **ret)
{
	struct config_errors errors;
	int r = config_load(dir, ret, &errors);
	char text[2048];

	for (size_t i = 0; i < errors.count; i++)
		fprintf(stderr, "%s\n",
			config_error_format(&errors.list[i], text,
					    sizeof(text)));
	config_errors_done(&errors);
	if (r == 0)
		return EXIT_OK;
	return r == -EINVAL ? EXIT_BAD_CONFIG : EXIT_FAILED;
}

struct tacit_policy_room *tacit_policy_room_free(struct tacit_policy_room *room)
{
	if (!room)
		return NULL;
	free(room->networks);
	free(room->network_texts);
	free(room);
	return NULL;
}

static struct tacit_policy_room *room_new(const struct policy *p)
{
	struct tacit_policy_room *room = calloc(1, sizeof(*room));

	if (!room)
		return NULL;
	room->networks = calloc(p->n_networks + 1, sizeof(*room->networks));
	room->network_texts =
		calloc(p->n_networks + 1, sizeof(*room->network_texts));
	if (!room->networks || !room->network_texts)
		return tacit_policy_room_free(room);
	for (size_t i = 0; i < p->n_networks; i++)
		room->networks[i] =
			prefix_format(&p->networks[i], room->network_texts[i]);
	for (size_t i = 0; i < p->n_ports; i++)
		room->ports[i] =
			service_format(&p->ports[i], room->port_texts[i]);
	return room;
}

static void put_text(struct tacit_dict *d, const char *key, const char *text)
{
	d->entries[d->count++] =
		(struct tacit_entry){ .key = key, .type = 's', .text = text };
}

static void put_number(struct tacit_dict *d, const char *key, char type,
		       uint64_t n)
{
	d->entries[d->count++] =
		(struct tacit_entry){ .key = key, .type = type, .number = n };
}

static void put_list(struct tacit_dict *d, const char *key, const char **list,
		     size_t n)
{
	d->entries[d->count++] = (struct tacit_entry){
		.key = key, .type = 'a', .list = list, .n_list = n
	};
}

int tacit_policy_describe(const struct policy *p, struct tacit_dict *ret,
			  struct tacit_policy_room **ret_room)
{
	struct tacit_policy_room *room = room_new(p);
	struct tacit_dict *d = ret;

	if (!room)
		return -ENOMEM;
	d->count = 0;
	put_text(d, "Name", p->name);
	put_text(d, "Level", policy_level_name(p->level));
	put_text(d, "Authentication", policy_auth_name(p->auth));
	put_text(d, "Discover", policy_discover_name(p->discover));
	put_number(d, "Wait", 'b', p->wait || p->level == POLICY_REQUIRE);
	put_number(d, "WaitTimeMs", 'n', policy_wait_ms(p));
	put_number(d, "LookupTimeMs", 'n', p->lookup_ms);
	put_number(d, "RetryTimeMs", 'n', p->retry_ms);
	put_number(d, "IdleTimeMs", 'n', p->idle_ms);
	put_number(d, "ChildLifetimeMs", 'n',
		   p->child_lifetime_s * UINT64_C(1000));
	put_text(d, "Lookup", policy_lookup_name(p->lookup));
	put_text(d, "Mode", policy_mode_name(p->mode));
	put_number(d, "Gateway", 'b', p->gateway);
	put_list(d, "Identities", (const char **)p->identities,
		 p->n_identities);
	put_list(d, "Ports", room->ports, p->n_ports);
	put_list(d, "Networks", room->networks, p->n_networks);
	put_text(d, "File", p->file ? p->file : "");
	put_number(d, "Line", 'n', p->file ? p->line : 0);
	*ret_room = room;
	return 0;
}
