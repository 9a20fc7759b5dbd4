/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus/tacit-view.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "dbus/names.h"
#include "util/exitcode.h"

/* The value as text, a list parted by spaces. */
static void put_value(const struct tacit_entry *e, FILE *f)
{
	if (!e)
		return;
	if (e->type == 's')
		fputs(e->text, f);
	else if (e->type == 'b')
		fputs(e->number ? "yes" : "no", f);
	else if (e->type == 'n')
		fprintf(f, "%" PRIu64, e->number);
	for (size_t i = 0; e->type == 'a' && i < e->n_list; i++)
		fprintf(f, "%s%s", i ? " " : "", e->list[i]);
}

/* The caller frees; NULL: no memory. column NULL: the value of e. */
static char *cell_text(const struct tacit_output *o,
		       const struct tacit_column *c, const struct tacit_dict *d,
		       const struct tacit_entry *e)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return NULL;
	if (c && c->put)
		c->put(o, d, f);
	else
		put_value(e, f);
	if (ftell(f) == 0 && c && o->terminal)
		fputc('-', f);
	if (fclose(f) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

void tacit_list_begin(struct tacit_list *l, const struct tacit_view *v,
		      const struct tacit_output *o)
{
	const char *heads[TACIT_COLUMNS_MAX];

	*l = (struct tacit_list){ .view = v, .output = o };
	for (size_t i = 0; i < v->n_columns; i++)
		heads[i] = v->columns[i].head;
	tacit_table_begin(&l->table, o, heads, v->n_columns);
	if (o->json)
		fputs("[\n", o->file);
}

static int add_row(struct tacit_list *l, const struct tacit_dict *d)
{
	char *cells[TACIT_COLUMNS_MAX] = { NULL };
	const struct tacit_view *v = l->view;
	int r = 0;

	for (size_t i = 0; i < v->n_columns && r == 0; i++) {
		cells[i] = cell_text(l->output, &v->columns[i], d,
				     tacit_dict_get(d, v->columns[i].key));
		r = cells[i] ? 0 : -ENOMEM;
	}
	if (r == 0)
		r = tacit_table_row(&l->table, (const char *const *)cells,
				    v->coloured,
				    v->colour ? v->colour(d) : TACIT_PLAIN);
	for (size_t i = 0; i < v->n_columns; i++)
		free(cells[i]);
	return r;
}

static int add(struct tacit_list *l, const struct tacit_dict *d)
{
	const struct tacit_output *o = l->output;

	if (o->json) {
		fputs(l->count ? ",\n  " : "  ", o->file);
		tacit_json_dict(o->file, d);
	} else if (o->terminal && l->view->show) {
		l->view->show(o, d);
	} else if (add_row(l, d) < 0) {
		return -1;
	}
	l->count++;
	return 0;
}

int tacit_list_add(struct tacit_list *l, const struct tacit_dict *d)
{
	return add(l, d) < 0 ? EXIT_FAILED : EXIT_OK;
}

int tacit_list_read(struct tacit_list *l, sd_bus_message *reply)
{
	struct tacit_dict d;
	int r = sd_bus_message_enter_container(reply, 'a', "a{sv}"), row = 0;

	while (r >= 0 && row == 0 && (r = tacit_dict_read(reply, &d)) > 0) {
		row = add(l, &d);
		tacit_dict_done(&d);
	}
	if (row < 0)
		return EXIT_FAILED;
	if (r < 0 || sd_bus_message_exit_container(reply) < 0)
		return tacit_client_bad_reply();
	return EXIT_OK;
}

int tacit_list_end(struct tacit_list *l, int code)
{
	const struct tacit_output *o = l->output;

	tacit_table_end(&l->table);
	if (code == EXIT_OK && o->json)
		fputs(l->count ? "\n]\n" : "]\n", o->file);
	else if (code == EXIT_OK && o->terminal && !l->count && l->view->empty)
		fprintf(o->file, "%s\n", l->view->empty);
	return code;
}

int tacit_show_list(struct tacit *t, const struct tacit_view *v,
		    const char *method, const char *types, ...)
{
	struct tacit_client *client;
	struct tacit_list list;
	sd_bus_message *reply;
	va_list ap;
	int code = tacit_client_new(t->socket, &client);

	if (code)
		return code;
	va_start(ap, types);
	code = tacit_client_callv(client, DBUS_INTERFACE, method, &reply, types,
				  ap);
	va_end(ap);
	if (code == EXIT_OK) {
		tacit_list_begin(&list, v, &t->out);
		code = tacit_list_end(&list, tacit_list_read(&list, reply));
		sd_bus_message_unref(reply);
	}
	tacit_client_free(client);
	return code;
}

int tacit_show_one(const struct tacit_output *o, const struct tacit_view *v,
		   const struct tacit_dict *d)
{
	struct tacit_list list = { .view = v, .output = o };
	int r = 0;

	if (o->json) {
		tacit_json_dict(o->file, d);
		fputc('\n', o->file);
	} else if (o->terminal && v->show) {
		v->show(o, d);
	} else {
		list.table.output = o;
		list.table.columns = v->n_columns;
		r = add_row(&list, d);
		tacit_table_end(&list.table);
	}
	return r < 0 ? EXIT_FAILED : EXIT_OK;
}

int tacit_show_fields(const struct tacit_output *o, const struct tacit_dict *d)
{
	static const char *const heads[] = { "KEY", "VALUE" };
	struct tacit_table t;
	int r = 0;

	tacit_table_begin(&t, o, heads, 2);
	for (size_t i = 0; i < d->count && r >= 0; i++) {
		char *text = cell_text(o, NULL, d, &d->entries[i]);
		const char *cells[2] = { d->entries[i].key, text };

		r = text ? tacit_table_row(&t, cells, 0, TACIT_PLAIN) : -ENOMEM;
		free(text);
	}
	tacit_table_end(&t);
	return r < 0 ? EXIT_FAILED : EXIT_OK;
}
