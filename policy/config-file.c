/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From items to keys: each item finds its key in the table, or an error that
 * says what was likely meant.
 */
#include <config.h> /* not policy/config.h: asprintf() and the like */

#include "policy/config-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/config-error.h"
#include "policy/config-value.h"

struct file_reader {
	const char *path;
	const struct config_keys *keys;
	struct config_errors *errors;
	void *target;
	struct config_seen *seen;
	unsigned complained; /* the header of an unknown section, said once */
	bool complained_top; /* keys above the first section, said once */
};

void config_place_error(const struct config_place *at, const char *format, ...)
{
	va_list ap;
	char *text;
	int n;

	va_start(ap, format);
	n = vasprintf(&text, format, ap);
	va_end(ap);
	if (n < 0) {
		at->errors->dropped++;
		return;
	}
	config_errors_add(at->errors, at->path, at->item->line, "%s=%s: %s",
			  at->key->name, at->item->value, text);
	free(text);
}

int config_place_words(const struct config_place *at,
		       void (*each)(const struct config_place *at,
				    const char *word))
{
	/* inih's lines are shorter as distributions build it. */
	char text[512], *save, *word;
	size_t len = strlen(at->item->value);
	int n = 0;

	if (len >= sizeof(text)) {
		config_place_error(at, "break this line and indent what "
				       "follows");
		return -E2BIG;
	}
	memcpy(text, at->item->value, len + 1);
	word = strtok_r(text, " \t", &save);
	for (; word; word = strtok_r(NULL, " \t", &save), n++)
		each(at, word);
	return n;
}

static bool known_section(const struct file_reader *f, const char *section)
{
	for (size_t i = 0; i < f->keys->count; i++) {
		if (!strcmp(f->keys->list[i].section, section))
			return true;
	}
	return false;
}

/* The table's words for config_value_nearest(): the sections, or the keys of
 * one section. */
static void words_of(const struct file_reader *f, const char *section,
		     const char *words[static CONFIG_KEYS_MAX + 1])
{
	size_t n = 0;

	for (size_t i = 0; i < f->keys->count; i++) {
		const struct config_key *k = &f->keys->list[i];

		if (!section)
			words[n++] = k->section;
		else if (!strcmp(k->section, section))
			words[n++] = k->name;
	}
	words[n] = NULL;
}

static void unknown_section(struct file_reader *f,
			    const struct config_item *item)
{
	const char *words[CONFIG_KEYS_MAX + 1], *near;

	words_of(f, NULL, words);
	if (!item->section_line) {
		if (!f->complained_top)
			config_errors_add(f->errors, f->path, item->line,
					  "%s= stands above the first section: "
					  "put [%s] before it",
					  item->key, words[0]);
		f->complained_top = true;
		return;
	}
	if (f->complained == item->section_line)
		return;
	f->complained = item->section_line;
	near = config_value_nearest(item->section, words);
	if (near)
		config_errors_add(f->errors, f->path, item->section_line,
				  "[%s] is no section of this file: did you "
				  "mean [%s]?",
				  item->section, near);
	else
		config_errors_add(f->errors, f->path, item->section_line,
				  "[%s] is no section of this file: remove it",
				  item->section);
}

/* A key that this section has not, but perhaps another one. */
static void unknown_key(struct file_reader *f, const struct config_item *item)
{
	const char *words[CONFIG_KEYS_MAX + 1], *near;

	words_of(f, item->section, words);
	near = config_value_nearest(item->key, words);
	if (near) {
		config_errors_add(f->errors, f->path, item->line,
				  "[%s] has no key %s=: did you mean %s=?",
				  item->section, item->key, near);
		return;
	}
	for (size_t i = 0; i < f->keys->count; i++) {
		if (!strcmp(f->keys->list[i].name, item->key)) {
			config_errors_add(f->errors, f->path, item->line,
					  "%s= belongs to section [%s]: move "
					  "it there",
					  item->key, f->keys->list[i].section);
			return;
		}
	}
	config_errors_add(f->errors, f->path, item->line,
			  "[%s] has no key %s=: remove it", item->section,
			  item->key);
}

/* False: this item may not stand here. */
static bool check_order(struct file_reader *f, const struct config_item *item,
			const struct config_key *key, unsigned *line)
{
	if (item->continued && !key->adds) {
		config_errors_add(f->errors, f->path, item->line,
				  "An indented line goes on with the key above "
				  "it, and %s= has one line: remove the "
				  "indentation",
				  key->name);
		return false;
	}
	if (*line && !key->adds) {
		config_errors_add(f->errors, f->path, item->line,
				  "%s= is given twice, in line %u already: "
				  "remove one",
				  key->name, *line);
		return false;
	}
	*line = item->line;
	return true;
}

unsigned config_seen_section(const struct config_seen *seen, const char *name)
{
	for (size_t i = 0; i < CONFIG_SECTIONS_MAX; i++)
		if (seen->sections[i].name &&
		    !strcmp(seen->sections[i].name, name))
			return seen->sections[i].line;
	return 0;
}

/* Its place in the record of sections: there, or free. */
static size_t section_place(struct file_reader *f, const char *name)
{
	size_t i, k = 0;

	for (i = 0; i < CONFIG_SECTIONS_MAX - 1; i++)
		if (!f->seen->sections[i].name ||
		    !strcmp(f->seen->sections[i].name, name))
			break;
	while (strcmp(f->keys->list[k].section, name) != 0)
		k++;
	f->seen->sections[i].name = f->keys->list[k].section;
	return i;
}

/* Notes where a section that the file may have is; another one of the same
 * name begins anew. */
static void enter_section(struct file_reader *f, const struct config_item *item)
{
	size_t i = section_place(f, item->section);
	unsigned *line = &f->seen->sections[i].line;

	if (f->keys->once && *line && *line != item->section_line) {
		config_errors_add(f->errors, f->path, item->section_line,
				  "[%s] is here already, in line %u: a second "
				  "one needs a file of its own",
				  item->section, *line);
		for (size_t k = 0; k < f->keys->count; k++)
			if (!strcmp(f->keys->list[k].section, item->section))
				f->seen->key_line[k] = 0;
	}
	*line = item->section_line;
}

static void each_item(const struct config_item *item, void *user)
{
	struct file_reader *f = user;

	if (!known_section(f, item->section)) {
		unknown_section(f, item);
		return;
	}
	enter_section(f, item);
	for (size_t i = 0; i < f->keys->count; i++) {
		const struct config_key *k = &f->keys->list[i];
		struct config_place at = { .path = f->path,
					   .errors = f->errors,
					   .key = k,
					   .item = item,
					   .target = f->target };

		if (strcmp(k->section, item->section) ||
		    strcmp(k->name, item->key))
			continue;
		if (check_order(f, item, k, &f->seen->key_line[i]))
			k->set(&at);
		return;
	}
	unknown_key(f, item);
}

/* A regular file only: a FIFO would hang the start. */
static int open_regular(const char *path, FILE **ret)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return -EBADF;
	}
	*ret = fdopen(fd, "re");
	if (!*ret) {
		close(fd);
		return -ENOMEM;
	}
	return 0;
}

bool config_file_read(const char *path, const struct config_keys *keys,
		      struct config_errors *errors, void *target,
		      struct config_seen *seen)
{
	struct file_reader reader = { .path = path,
				      .keys = keys,
				      .errors = errors,
				      .target = target,
				      .seen = seen };
	FILE *f = NULL;
	int r = open_regular(path, &f);

	*seen = (struct config_seen){ 0 };
	if (r == -EBADF) {
		config_errors_add(errors, path, 0,
				  "This is not a regular file: remove it");
		return false;
	}
	if (r == 0) {
		r = config_ini_read(f, path, errors, each_item, &reader);
		fclose(f);
	}
	if (r < 0) {
		config_errors_add(errors, path, 0, "Cannot be read: %s",
				  strerror(-r));
		return false;
	}
	return true;
}
