/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The list of configuration errors and the list of warnings.
 */
#include <config.h> /* not policy/config.h: asprintf() and the like */

#include "policy/config-error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/log.h"

void config_errors_init(struct config_errors *e)
{
	*e = (struct config_errors){ 0 };
}

/* Appends to a list of at most LIMIT_CONFIG_ERRORS; false: not kept. */
__attribute__((format(printf, 5, 0))) static bool append(
	struct config_error **list, size_t *count, const char *file,
	unsigned line, const char *format, va_list ap)
{
	struct config_error *grown, entry = { .line = line };

	if (*count >= LIMIT_CONFIG_ERRORS)
		return false;
	if (vasprintf(&entry.message, format, ap) < 0)
		return false;
	if (file) {
		entry.file = strdup(file);
		if (!entry.file)
			goto fail;
	}
	grown = reallocarray(*list, *count + 1, sizeof(**list));
	if (!grown)
		goto fail;
	grown[(*count)++] = entry;
	*list = grown;
	return true;
fail:
	free(entry.message);
	free(entry.file);
	return false;
}

void config_errors_add(struct config_errors *e, const char *file, unsigned line,
		       const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	if (!append(&e->list, &e->count, file, line, format, ap))
		e->dropped++;
	va_end(ap);
}

void config_errors_warn(struct config_errors *e, const char *file,
			unsigned line, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)append(&e->warnings, &e->n_warnings, file, line, format, ap);
	va_end(ap);
}

bool config_errors_any(const struct config_errors *e)
{
	return e->count || e->dropped;
}

static void free_list(struct config_error *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(list[i].file);
		free(list[i].message);
	}
	free(list);
}

void config_errors_done(struct config_errors *e)
{
	free_list(e->list, e->count);
	free_list(e->warnings, e->n_warnings);
	config_errors_init(e);
}

static void log_list(int level, const struct config_error *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char text[1024];

		log_full(level, NULL, "%s",
			 config_error_format(&list[i], text, sizeof(text)));
	}
}

void config_errors_log(const struct config_errors *e)
{
	log_list(LOG_WARNING, e->warnings, e->n_warnings);
	log_list(LOG_ERR, e->list, e->count);
	if (e->dropped)
		log_error("%zu more configuration errors are not shown: "
			  "correct these first",
			  e->dropped);
}

char *config_error_format(const struct config_error *e, char *buf, size_t size)
{
	if (e->file && e->line)
		snprintf(buf, size, "%s:%u: %s", e->file, e->line, e->message);
	else if (e->file)
		snprintf(buf, size, "%s: %s", e->file, e->message);
	else
		snprintf(buf, size, "%s", e->message);
	return buf;
}
