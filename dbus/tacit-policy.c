/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `tacit policy list`: the policies that the agent works by.
 */
#include <string.h>

#include "dbus/tacit-view.h"

/* Networks that a terminal's line has room for. */
#define SHOWN 4

/* On a terminal the first few. */
static void put_networks(const struct tacit_output *o,
			 const struct tacit_dict *d, FILE *f)
{
	const struct tacit_entry *e = tacit_dict_get(d, "Networks");
	size_t n = e && e->type == 'a' ? e->n_list : 0;
	size_t shown = o->terminal && n > SHOWN ? SHOWN : n;

	for (size_t i = 0; i < shown; i++)
		fprintf(f, "%s%s", i ? " " : "", e->list[i]);
	if (shown < n)
		fprintf(f, " and %zu more", n - shown);
}

static void put_file(const struct tacit_output *o, const struct tacit_dict *d,
		     FILE *f)
{
	const char *text = tacit_dict_text(d, "File");

	fputs(*text || !o->terminal ? text : "(built in)", f);
}

static enum tacit_colour colour_of(const struct tacit_dict *d)
{
	const char *level = tacit_dict_text(d, "Level");

	if (!strcmp(level, "require"))
		return TACIT_GREEN;
	if (!strcmp(level, "offer"))
		return TACIT_CYAN;
	return strcmp(level, "block") ? TACIT_YELLOW : TACIT_RED;
}

static const struct tacit_column columns[] = {
	{ "POLICY", "Name", NULL },
	{ "LEVEL", "Level", NULL },
	{ "AUTH", "Authentication", NULL },
	{ "WAIT", "Wait", NULL },
	{ "NETWORKS", "Networks", put_networks },
	{ "FILE", "File", put_file },
};

int tacit_policy_list(struct tacit *t, char **arguments)
{
	static const struct tacit_view view = {
		.columns = columns,
		.n_columns = sizeof(columns) / sizeof(columns[0]),
		.coloured = 1,
		.colour = colour_of,
	};

	(void)arguments;
	return tacit_show_list(t, &view, "ListPolicies", "");
}
