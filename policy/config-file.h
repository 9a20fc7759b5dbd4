/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading one configuration file by a table of the keys that it may have:
 * unknown sections and keys, and keys given twice, are errors here; what a
 * value means is the key's own function.
 */
#ifndef TACIT_POLICY_CONFIG_FILE_H
#define TACIT_POLICY_CONFIG_FILE_H

#include "policy/config-ini.h"

#define CONFIG_KEYS_MAX	    32
#define CONFIG_SECTIONS_MAX 8

/* What a key's function works on. */
struct config_place {
	const char *path;
	struct config_errors *errors;
	const struct config_key *key;
	const struct config_item *item;
	void *target; /* what is being filled */
};

struct config_key {
	const char *section, *name;
	bool adds; /* may come again, and go on in indented lines */
	void (*set)(const struct config_place *at);
};

struct config_keys {
	const struct config_key *list;
	size_t count; /* at most CONFIG_KEYS_MAX */
	bool once;    /* a section may not come twice */
};

/* The file's own record of what it had. */
struct config_seen {
	unsigned key_line[CONFIG_KEYS_MAX]; /* 0: not there */
	struct {
		const char *name; /* the table's */
		unsigned line;
	} sections[CONFIG_SECTIONS_MAX]; /* the latest of each name */
};

/* The line where the section is; 0: nowhere. */
unsigned config_seen_section(const struct config_seen *seen, const char *name);

/* Reads it; whatever is wrong goes to errors. False only where the file could
 * not be opened or read to its end (that is in errors too). */
bool config_file_read(const char *path, const struct config_keys *keys,
		      struct config_errors *errors, void *target,
		      struct config_seen *seen);

/* "KEY=VALUE: " and the message, at the item's place. */
void config_place_error(const struct config_place *at, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Calls each() for every word of the item's value. How many there were, or
 * -E2BIG: the line is too long, which is in errors then. */
int config_place_words(const struct config_place *at,
		       void (*each)(const struct config_place *at,
				    const char *word));

#endif
