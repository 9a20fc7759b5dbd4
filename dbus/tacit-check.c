/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `tacit check-config`: every error of a configuration, before an agent meets
 * it.
 */
#include <errno.h>

#include "dbus/tacit.h"
#include "policy/config.h"
#include "util/exitcode.h"

static void json_list(FILE *f, const char *name,
		      const struct config_error *list, size_t n)
{
	fprintf(f, ", \"%s\": [", name);
	for (size_t i = 0; i < n; i++) {
		fputs(i ? ", {\"file\": " : "{\"file\": ", f);
		if (list[i].file)
			tacit_json_text(f, list[i].file);
		else
			fputs("null", f);
		fprintf(f, ", \"line\": %u, \"message\": ", list[i].line);
		tacit_json_text(f, list[i].message);
		fputc('}', f);
	}
	fputc(']', f);
}

static void show_json(const struct tacit_output *o, bool ok,
		      const struct config_errors *e)
{
	fprintf(o->file, "{\"ok\": %s", ok ? "true" : "false");
	json_list(o->file, "errors", e->list, e->count);
	json_list(o->file, "warnings", e->warnings, e->n_warnings);
	fprintf(o->file, ", \"errors_not_shown\": %zu}\n", e->dropped);
}

static void show_good(const struct tacit_output *o, const char *dir,
		      const struct policy_table *t)
{
	size_t n = policy_table_count(t);

	fprintf(o->file, "%s: no errors, %zu %s%s.\n", dir, n,
		n == 1 ? "policy" : "policies",
		policy_table_at(t, 0)->file ? "" : " (built in)");
}

static void show_lines(const struct tacit_output *o, const char *dir,
		       const struct config *c, const struct config_errors *e)
{
	struct tacit_output err;
	char text[2048];

	tacit_output_init(&err, stderr, o->colour);
	for (size_t i = 0; i < e->n_warnings; i++) {
		tacit_output_text(&err, TACIT_YELLOW, "warning: ");
		config_error_format(&e->warnings[i], text, sizeof(text));
		tacit_output_text(&err, TACIT_PLAIN, text);
		fputc('\n', stderr);
	}
	for (size_t i = 0; i < e->count; i++) {
		config_error_format(&e->list[i], text, sizeof(text));
		tacit_output_text(&err, TACIT_PLAIN, text);
		fputc('\n', stderr);
	}
	if (e->dropped)
		fprintf(stderr, "%zu more errors are not shown.\n", e->dropped);
	if (c)
		show_good(o, dir, c->policies);
}

int tacit_check_config(struct tacit *t, char **arguments)
{
	const char *dir = arguments[0] ? arguments[0] : t->config_dir;
	struct config_errors errors;
	struct config *config = NULL;
	int r = config_load(dir, &config, &errors);

	if (t->out.json)
		show_json(&t->out, r == 0, &errors);
	else
		show_lines(&t->out, dir ? dir : SYSCONFDIR "/tacit", config,
			   &errors);
	if (r == -ENOMEM)
		fprintf(stderr, "tacit: out of memory\n");
	config_errors_done(&errors);
	config_free(config);
	if (r == 0)
		return EXIT_OK;
	return r == -EINVAL ? EXIT_BAD_CONFIG : EXIT_FAILED;
}
