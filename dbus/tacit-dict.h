/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One dictionary (a{sv}) of a reply. Texts are borrowed from the message, so
 * it must live as long.
 */
#ifndef TACIT_DBUS_TACIT_DICT_H
#define TACIT_DBUS_TACIT_DICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

/* What a newer agent says beyond that is passed over. */
#define TACIT_DICT_MAX 64

struct tacit_entry {
	const char *key;
	char type;	   /* 's', 'b', 'n' (a number), 'a' (texts) */
	const char *text;  /* of 's' */
	uint64_t number;   /* of 'n'; 0 or 1 of 'b' */
	const char **list; /* of 'a' */
	size_t n_list;
};

struct tacit_dict {
	struct tacit_entry entries[TACIT_DICT_MAX];
	size_t count;
};

/* Reads the dictionary that comes next; values of other types are passed
 * over. 1; 0 when the array around it is at its end; -errno. Call
 * tacit_dict_done() after 1. */
int tacit_dict_read(sd_bus_message *m, struct tacit_dict *ret)
	__attribute__((warn_unused_result));
void tacit_dict_done(struct tacit_dict *d);

/* The value, or "", 0, false, NULL when it is not there or of another type. */
const char *tacit_dict_text(const struct tacit_dict *d, const char *key);
uint64_t tacit_dict_number(const struct tacit_dict *d, const char *key);
bool tacit_dict_bool(const struct tacit_dict *d, const char *key);
const struct tacit_entry *tacit_dict_get(const struct tacit_dict *d,
					 const char *key);

#endif
