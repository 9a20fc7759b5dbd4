/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Collecting what is wrong with a configuration: in the order of reading, at
 * most LIMIT_CONFIG_ERRORS, the rest is counted. Used while loading; the
 * structure itself is public (policy/config.h).
 */
#ifndef TACIT_POLICY_CONFIG_ERROR_H
#define TACIT_POLICY_CONFIG_ERROR_H

#include "policy/config.h"

void config_errors_init(struct config_errors *e);
/* file may be NULL and line 0, see struct config_error. When memory runs out
 * the error is counted as dropped, so that it still stops the loading. */
void config_errors_add(struct config_errors *e, const char *file, unsigned line,
		       const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Something that loads, but hardly does what was meant. */
void config_errors_warn(struct config_errors *e, const char *file,
			unsigned line, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Whether anything (errors, not warnings) stops the loading. */
bool config_errors_any(const struct config_errors *e);

#endif
