/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <config.h> /* not policy/config.h: asprintf() and the like */

#include "policy/config-networks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/config-error.h"
#include "policy/config-value.h"

/* Where a word stands, for errors. */
struct where {
	const struct config_place *at;
	const char *file;
	unsigned line;
	size_t list; /* of a NetworksFile=, as in struct policy_spot */
};

static bool networks_grow(struct config_networks *n)
{
	struct policy *p = n->policy;
	size_t room = n->room ? n->room * 2 : 4;
	struct prefix *networks;
	struct policy_spot *spots;

	if (p->n_networks < n->room)
		return true;
	networks = reallocarray(p->networks, room, sizeof(*networks));
	if (networks)
		p->networks = networks;
	spots = reallocarray(p->spots, room, sizeof(*spots));
	if (spots)
		p->spots = spots;
	if (!networks || !spots) {
		n->no_memory = true;
		return false;
	}
	n->room = room;
	return true;
}

static void add(struct config_networks *n, const struct where *w,
		const struct prefix *network)
{
	struct policy *p = n->policy;

	if (n->all->n_networks + p->n_networks >= LIMIT_POLICY_NETWORKS) {
		if (!n->all->too_many)
			config_errors_add(w->at->errors, w->file, w->line,
					  "There are more than %u networks in "
					  "all: use fewer, larger ones",
					  LIMIT_POLICY_NETWORKS);
		n->all->too_many = true;
		return;
	}
	if (!networks_grow(n))
		return;
	p->spots[p->n_networks] =
		(struct policy_spot){ w->line, (uint32_t)w->list };
	p->networks[p->n_networks++] = *network;
}

/* A word that is no network, and was meant to be something else. */
static bool is_misplaced(const struct where *w, const char *text)
{
	const struct config_place *at = w->at;

	if (!w->list && (*text == '#' || *text == ';'))
		config_errors_add(at->errors, w->file, w->line,
				  "A comment cannot follow %s=: give it a line "
				  "of its own",
				  at->key->name);
	else if (!w->list && at->item->continued && strchr(text, '='))
		config_errors_add(at->errors, w->file, w->line,
				  "An indented line goes on with %s= above it, "
				  "and %s is no network: remove the "
				  "indentation",
				  at->key->name, text);
	else
		return false;
	return true;
}

bool config_networks_read(struct config_errors *errors, const char *file,
			  unsigned line, const char *text, struct prefix *ret)
{
	char buf[PREFIX_STRLEN];
	struct prefix network;

	switch (config_value_network(text, &network)) {
	case CONFIG_NETWORK_OK:
		*ret = network;
		return true;
	case CONFIG_NETWORK_HOST_BITS:
		config_errors_add(errors, file, line,
				  "%s has bits set behind its prefix length: "
				  "write %s",
				  text, prefix_format(&network, buf));
		break;
	case CONFIG_NETWORK_LENGTH:
		config_errors_add(errors, file, line,
				  "%s has no good prefix length: write 0 to 32 "
				  "for IPv4, 0 to 128 for IPv6",
				  text);
		break;
	case CONFIG_NETWORK_SYNTAX:
		config_errors_add(errors, file, line,
				  "%s is not a network: write it as in "
				  "10.0.0.0/8 or 2001:db8::/32",
				  text);
		break;
	}
	return false;
}

static void word(struct config_networks *n, const struct where *w,
		 const char *text)
{
	struct prefix network;

	n->bad = is_misplaced(w, text) ||
		 !config_networks_read(w->at->errors, w->file, w->line, text,
				       &network);
	if (!n->bad)
		add(n, w, &network);
}

void config_networks_set(struct config_networks *n,
			 const struct config_place *at)
{
	const struct where w = { at, n->policy->file, at->item->line, 0 };
	char text[256], *save, *next;
	size_t len = strlen(at->item->value);
	bool bad = n->bad;

	/* inih's lines are shorter as distributions build it. */
	if (len >= sizeof(text)) {
		config_errors_add(at->errors, at->path, at->item->line,
				  "This line is too long: break it and indent "
				  "what follows");
		return;
	}
	memcpy(text, at->item->value, len + 1);
	next = strtok_r(text, " \t", &save);
	for (; next; next = strtok_r(NULL, " \t", &save)) {
		word(n, &w, next);
		bad = bad || n->bad;
		if (*next == '#' || *next == ';')
			break;
	}
	n->bad = bad;
}

static void read_list(struct config_networks *n, struct where *w, FILE *f)
{
	char line[256], *save, *next;
	bool bad = n->bad;

	while (fgets(line, sizeof(line), f)) {
		w->line++;
		if (!strchr(line, '\n') && !feof(f)) {
			config_errors_add(w->at->errors, w->file, w->line,
					  "This line is too long: write one "
					  "network a line");
			bad = true;
			break;
		}
		line[strcspn(line, "#\r\n")] = '\0';
		next = strtok_r(line, " \t", &save);
		for (; next; next = strtok_r(NULL, " \t", &save)) {
			word(n, w, next);
			bad = bad || n->bad;
		}
	}
	n->bad = bad;
}

/* The name, kept for the spots; NULL: no memory. */
static const char *keep_name(struct config_networks *n,
			     const struct config_place *at)
{
	const char *value = at->item->value, *slash = strrchr(at->path, '/');
	int dir = slash ? (int)(slash - at->path + 1) : 0;
	struct policy *p = n->policy;
	char **lists = reallocarray(p->lists, p->n_lists + 1, sizeof(char *));
	char *name;

	if (lists)
		p->lists = lists;
	if (!lists || asprintf(&name, "%.*s%s", *value == '/' ? 0 : dir,
			       at->path, value) < 0) {
		n->no_memory = true;
		return NULL;
	}
	lists[p->n_lists++] = name;
	return name;
}

void config_networks_include(struct config_networks *n,
			     const struct config_place *at)
{
	struct where w = { .at = at };
	FILE *f;

	if (n->policy->n_lists == LIMIT_POLICY_FILES) {
		config_place_error(at, "a policy has at most %u of them",
				   LIMIT_POLICY_FILES);
		return;
	}
	w.file = keep_name(n, at);
	if (!w.file)
		return;
	w.list = n->policy->n_lists;
	f = fopen(w.file, "re");
	if (!f) {
		config_place_error(at, "%s: %s", w.file, strerror(errno));
		n->bad = true;
		return;
	}
	read_list(n, &w, f);
	if (ferror(f)) {
		config_place_error(at, "%s cannot be read to its end", w.file);
		n->bad = true;
	}
	fclose(f);
}

void config_networks_fit(struct config_networks *n)
{
	struct policy *p = n->policy;
	struct prefix *networks;
	struct policy_spot *spots;

	if (!p->n_networks)
		return;
	networks = reallocarray(p->networks, p->n_networks, sizeof(*networks));
	if (networks)
		p->networks = networks;
	spots = reallocarray(p->spots, p->n_networks, sizeof(*spots));
	if (spots)
		p->spots = spots;
}
