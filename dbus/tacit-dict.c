/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading dictionaries off the bus.
 */
#include "dbus/tacit-dict.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int read_list(sd_bus_message *m, struct tacit_entry *e)
{
	const char *text, **grown;
	size_t room = 0;
	int r = sd_bus_message_enter_container(m, 'a', "s");

	while (r >= 0 && (r = sd_bus_message_read_basic(m, 's', &text)) > 0) {
		if (e->n_list == room) {
			room = room ? room * 2 : 8;
			grown = reallocarray(e->list, room, sizeof(*grown));
			if (!grown)
				return -ENOMEM;
			e->list = grown;
		}
		e->list[e->n_list++] = text;
	}
	if (r >= 0)
		r = sd_bus_message_exit_container(m);
	e->type = 'a';
	return r;
}

static int read_basic(sd_bus_message *m, char type, struct tacit_entry *e)
{
	uint32_t number;
	int truth, r;

	switch (type) {
	case 's':
		r = sd_bus_message_read_basic(m, 's', &e->text);
		break;
	case 'b':
		r = sd_bus_message_read_basic(m, 'b', &truth);
		e->number = r > 0 && truth;
		break;
	case 'u':
		r = sd_bus_message_read_basic(m, 'u', &number);
		e->number = r > 0 ? number : 0;
		type = 'n';
		break;
	default: /* 't' */
		r = sd_bus_message_read_basic(m, 't', &e->number);
		type = 'n';
	}
	e->type = type;
	return r;
}

/* 1: e is filled; 0: of a type that we do not know, passed over. */
static int read_value(sd_bus_message *m, struct tacit_entry *e)
{
	const char *type;
	int r = sd_bus_message_peek_type(m, NULL, &type);

	if (r < 0)
		return r;
	if (strcmp(type, "as") && strcmp(type, "s") && strcmp(type, "b") &&
	    strcmp(type, "u") && strcmp(type, "t")) {
		r = sd_bus_message_skip(m, "v");
		return r < 0 ? r : 0;
	}
	r = sd_bus_message_enter_container(m, 'v', type);
	if (r >= 0)
		r = type[0] == 'a' ? read_list(m, e)
				   : read_basic(m, type[0], e);
	if (r >= 0)
		r = sd_bus_message_exit_container(m);
	return r < 0 ? r : 1;
}

static int read_entry(sd_bus_message *m, struct tacit_dict *d)
{
	struct tacit_entry e = { 0 };
	int r = sd_bus_message_read_basic(m, 's', &e.key);

	if (r >= 0)
		r = read_value(m, &e);
	if (r > 0 && d->count < TACIT_DICT_MAX)
		d->entries[d->count++] = e;
	else
		free(e.list);
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

int tacit_dict_read(sd_bus_message *m, struct tacit_dict *ret)
{
	struct tacit_dict d = { .count = 0 };
	int r = sd_bus_message_at_end(m, 0);

	if (r != 0)
		return r < 0 ? r : 0;
	r = sd_bus_message_enter_container(m, 'a', "{sv}");
	while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0)
		r = read_entry(m, &d);
	if (r >= 0)
		r = sd_bus_message_exit_container(m);
	if (r < 0) {
		tacit_dict_done(&d);
		return r;
	}
	*ret = d;
	return 1;
}

void tacit_dict_done(struct tacit_dict *d)
{
	for (size_t i = 0; i < d->count; i++)
		free(d->entries[i].list);
	d->count = 0;
}

const struct tacit_entry *tacit_dict_get(const struct tacit_dict *d,
					 const char *key)
{
	for (size_t i = 0; i < d->count; i++) {
		if (!strcmp(d->entries[i].key, key))
			return &d->entries[i];
	}
	return NULL;
}

const char *tacit_dict_text(const struct tacit_dict *d, const char *key)
{
	const struct tacit_entry *e = tacit_dict_get(d, key);

	return e && e->type == 's' ? e->text : "";
}

uint64_t tacit_dict_number(const struct tacit_dict *d, const char *key)
{
	const struct tacit_entry *e = tacit_dict_get(d, key);

	return e && e->type == 'n' ? e->number : 0;
}

bool tacit_dict_bool(const struct tacit_dict *d, const char *key)
{
	const struct tacit_entry *e = tacit_dict_get(d, key);

	return e && e->type == 'b' && e->number;
}
