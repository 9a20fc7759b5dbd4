/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the agent answers, as a user sees it: a list of dictionaries as a table
 * with a row each, or as JSON. A command says which columns there are, and the
 * rest is here.
 */
#ifndef TACIT_DBUS_TACIT_VIEW_H
#define TACIT_DBUS_TACIT_VIEW_H

#include "dbus/tacit.h"

struct tacit_column {
	const char *head;
	const char *key; /* of the dictionary */
	/* Writes the text of the cell to f; NULL: the value as it is. Where
	 * there is no text a terminal shows "-". */
	void (*put)(const struct tacit_output *o, const struct tacit_dict *d,
		    FILE *f);
};

struct tacit_view {
	const struct tacit_column *columns;
	size_t n_columns; /* at most TACIT_COLUMNS_MAX */
	/* The column that has the colour of its row. */
	size_t coloured;
	enum tacit_colour (*colour)(const struct tacit_dict *d);
	/* On a terminal instead of a row, if it is not NULL. */
	void (*show)(const struct tacit_output *o, const struct tacit_dict *d);
	const char *empty; /* on a terminal, when there is nothing to show */
};

/* A list that is being shown, perhaps from several replies. */
struct tacit_list {
	const struct tacit_view *view;
	const struct tacit_output *output;
	struct tacit_table table;
	size_t count;
};

void tacit_list_begin(struct tacit_list *l, const struct tacit_view *v,
		      const struct tacit_output *o);
/* Shows the aa{sv} that comes next in the reply, and passes it. Exit code. */
int tacit_list_read(struct tacit_list *l, sd_bus_message *reply)
	__attribute__((warn_unused_result));
/* Shows one more dictionary. Exit code. */
int tacit_list_add(struct tacit_list *l, const struct tacit_dict *d)
	__attribute__((warn_unused_result));
/* code: of what went before. An error leaves a list of JSON open: it is not the
 * whole one. Returns code. */
int tacit_list_end(struct tacit_list *l, int code)
	__attribute__((warn_unused_result));

/* Calls a method of the manager object, with arguments as for
 * sd_bus_message_append(), and shows the list that it returns. Exit code. */
int tacit_show_list(struct tacit *t, const struct tacit_view *v,
		    const char *method, const char *types, ...)
	__attribute__((warn_unused_result));
/* Shows one dictionary by itself, as a row of the view or as an object. Exit
 * code. */
int tacit_show_one(const struct tacit_output *o, const struct tacit_view *v,
		   const struct tacit_dict *d)
	__attribute__((warn_unused_result));
/* One dictionary as KEY TAB VALUE lines, with the keys of the bus. Exit code. */
int tacit_show_fields(const struct tacit_output *o, const struct tacit_dict *d)
	__attribute__((warn_unused_result));

#endif
