/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The line reader under inih. inih (as distributions build it) hands no line
 * numbers out, names only the first bad line, cuts long lines in two and takes
 * what follows a section's bracket for nothing. It asks for its lines one at a
 * time and calls the handler before it asks for the next: so the reader knows
 * where the handler is, and that a line which should have called it did not.
 */
#include "policy/config-ini.h"

#include <errno.h>
#include <ini.h>
#include <string.h>

#include "policy/config-error.h"

struct reader {
	FILE *file;
	const char *path;
	struct config_errors *errors;
	void (*each)(const struct config_item *item, void *user);
	void *user;
	unsigned line, section_line;
	bool awaited;  /* this line should have called the handler */
	bool indented; /* this line begins with white space */
	bool have_key; /* there is a key that it could continue */
	int error;
};

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_comment(char c)
{
	return c == ';' || c == '#';
}

/* The line before called nothing: inih found no KEY=VALUE in it. */
static void check_awaited(struct reader *r)
{
	if (r->awaited)
		config_errors_add(r->errors, r->path, r->line,
				  "This is neither KEY=VALUE nor [SECTION]: "
				  "correct it, or put # before it");
	r->awaited = false;
}

/* True: a good header, which inih may see. */
static bool check_section(struct reader *r, const char *header)
{
	const char *end = strchr(header, ']');
	const char *rest = end ? end + 1 : NULL;

	if (!end) {
		config_errors_add(r->errors, r->path, r->line,
				  "The ] after the section's name is missing");
		return false;
	}
	while (is_space(*rest))
		rest++;
	if (*rest && !is_comment(*rest)) {
		config_errors_add(r->errors, r->path, r->line,
				  "Nothing may follow the ] of a section: "
				  "begin a new line");
		return false;
	}
	r->section_line = r->line;
	r->have_key = false;
	return true;
}

/* A ; with white space before it begins a comment. inih knows that, but not
 * in every version and every line. */
static void cut_comment(char *text)
{
	for (; *text; text++) {
		if (is_space(text[0]) && text[1] == ';') {
			*text = '\0';
			return;
		}
	}
}

/* Looks at a line of len bytes without its newline; false: inih shall not see
 * it. A header is moved to the line's beginning, where inih always knows it. */
static bool check_line(struct reader *r, char *str, size_t len, bool too_long,
		       int room)
{
	size_t skip = 0;

	while (is_space(str[skip]))
		skip++;
	if (strlen(str) != len) {
		config_errors_add(r->errors, r->path, r->line,
				  "There is a zero byte in this line: this is "
				  "not a text file");
		return false;
	}
	if (!str[skip] || is_comment(str[skip]))
		return false;
	if (too_long) {
		config_errors_add(r->errors, r->path, r->line,
				  "This line is longer than %d bytes: break it "
				  "and indent what follows",
				  room);
		return false;
	}
	if (str[skip] == '[') {
		memmove(str, str + skip, len - skip + 1);
		return check_section(r, str);
	}
	cut_comment(str + skip);
	r->indented = skip > 0;
	r->awaited = true;
	return true;
}

/* Reads a line into str without its end; at most room bytes are kept. Returns
 * the length, or -1 at the end of the file. */
static int take_line(struct reader *r, char *str, int room, bool *too_long)
{
	int len = 0, c;

	*too_long = false;
	c = getc(r->file);
	if (c == EOF)
		return -1;
	for (; c != EOF && c != '\n'; c = getc(r->file)) {
		if (len < room)
			str[len++] = (char)c;
		else
			*too_long = true;
	}
	if (r->line == 0 && len >= 3 && !memcmp(str, "\xef\xbb\xbf", 3)) {
		len -= 3;
		memmove(str, str + 3, (size_t)len);
	}
	while (len > 0 && is_space(str[len - 1]) && !*too_long)
		len--;
	str[len] = '\0';
	return len;
}

/* inih's fgets(): num is what it has room for. */
static char *read_line(char *str, int num, void *stream)
{
	struct reader *r = stream;
	int room = num - 2, len; /* for the newline and the NUL */
	bool too_long;

	check_awaited(r);
	len = take_line(r, str, room, &too_long);
	if (len < 0) {
		if (ferror(r->file))
			r->error = -EIO;
		return NULL;
	}
	r->line++;
	if (!check_line(r, str, (size_t)len, too_long, room))
		str[0] = '\0';
	strcat(str, "\n");
	return str;
}

#if INI_HANDLER_LINENO
static int handle(void *user, const char *section, const char *name,
		  const char *value, int lineno __attribute__((unused)))
#else
static int handle(void *user, const char *section, const char *name,
		  const char *value)
#endif
{
	struct reader *r = user;
	struct config_item item = {
		.section = section,
		.key = name,
		.value = value ? value : "",
		.line = r->line,
		.section_line = r->section_line,
		.continued = r->indented && r->have_key,
	};

	r->awaited = false;
	r->have_key = true;
	r->each(&item, r->user);
	return 1;
}

int config_ini_read(FILE *f, const char *path, struct config_errors *errors,
		    void (*each)(const struct config_item *item, void *user),
		    void *user)
{
	struct reader r = {
		.file = f,
		.path = path,
		.errors = errors,
		.each = each,
		.user = user,
	};
	int n = ini_parse_stream(read_line, &r, handle, &r);

	check_awaited(&r);
	if (n == -2)
		return -ENOMEM;
	return r.error;
}
