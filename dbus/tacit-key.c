/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `tacit key show`: the keys by which this host proves who it is, for those who
 * are to know it.
 */
#include <string.h>
#include <time.h>

#include "dbus/tacit-view.h"

/* In the form of ISO 8601; nothing where it is open. */
static void put_until(const struct tacit_output *o, const struct tacit_dict *d,
		      FILE *f)
{
	time_t at = (time_t)tacit_dict_number(d, "Until");
	char text[32];
	struct tm tm;

	(void)o;
	if (at && gmtime_r(&at, &tm) &&
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		fputs(text, f);
}

/* A key that neither comes nor goes says nothing. */
static void show_stage(const struct tacit_output *o, const struct tacit_dict *d)
{
	const char *stage = tacit_dict_text(d, "Stage");

	if (!strcmp(stage, "next") && !tacit_dict_number(d, "Until"))
		fputs("  Next           waits to be published\n", o->file);
	if (!strcmp(stage, "active") || !tacit_dict_number(d, "Until"))
		return;
	fputs(!strcmp(stage, "next") ? "  Next           signs from "
				     : "  Retired        removed at ",
	      o->file);
	put_until(o, d, o->file);
	fputc('\n', o->file);
}

/* On a terminal the public key has a line of its own: it is to be copied. */
static void show_key(const struct tacit_output *o, const struct tacit_dict *d)
{
	tacit_output_text(o, TACIT_BOLD, tacit_dict_text(d, "Name"));
	fputs(": ", o->file);
	tacit_output_text(o, TACIT_GREEN, tacit_dict_text(d, "Type"));
	fputs("\n  Fingerprint    ", o->file);
	tacit_output_text(o, TACIT_PLAIN, tacit_dict_text(d, "Fingerprint"));
	fputs("\n  PublicKey=", o->file);
	tacit_output_text(o, TACIT_PLAIN, tacit_dict_text(d, "PublicKey"));
	fputc('\n', o->file);
	show_stage(o, d);
}

static const struct tacit_column columns[] = {
	{ "KEY", "Name", NULL },
	{ "TYPE", "Type", NULL },
	{ "FINGERPRINT", "Fingerprint", NULL },
	{ "PUBLIC KEY", "PublicKey", NULL },
	{ "STAGE", "Stage", NULL },
	{ "UNTIL", "Until", put_until },
};

int tacit_key_show(struct tacit *t, char **arguments)
{
	static const struct tacit_view view = {
		.columns = columns,
		.n_columns = sizeof(columns) / sizeof(columns[0]),
		.show = show_key,
		.empty = "There are no keys: see journalctl -u tacit-keyd.",
	};

	(void)arguments;
	return tacit_show_list(t, &view, "ListKeys", "");
}
