/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `tacit key show`: the keys by which this host proves who it is, for those who
 * are to know it.
 */
#include "dbus/tacit-view.h"

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
}

static const struct tacit_column columns[] = {
	{ "KEY", "Name", NULL },
	{ "TYPE", "Type", NULL },
	{ "FINGERPRINT", "Fingerprint", NULL },
	{ "PUBLIC KEY", "PublicKey", NULL },
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
