/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One INI file by way of inih, with the line numbers that its handler does
 * not get: the lines go through a reader of ours that counts them, and says
 * what inih would drop without a word.
 */
#ifndef TACIT_POLICY_CONFIG_INI_H
#define TACIT_POLICY_CONFIG_INI_H

#include <stdio.h>

#include "policy/config.h"

/* One KEY=VALUE; valid for the call. */
struct config_item {
	const char *section; /* "" above the first [SECTION] */
	const char *key, *value;
	unsigned line, section_line;
	bool continued; /* an indented line that adds to the key above it */
};

/* Calls each() for every item; syntax errors go to errors, under the name
 * path. 0, or -errno of reading. */
int config_ini_read(FILE *f, const char *path, struct config_errors *errors,
		    void (*each)(const struct config_item *item, void *user),
		    void *user) __attribute__((warn_unused_result));

#endif
