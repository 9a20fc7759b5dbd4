/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Text, tables and JSON. Text is UTF-8 (the bus sees to that).
 */
#include "dbus/tacit-output.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct tacit_row {
	char *cells[TACIT_COLUMNS_MAX];
	size_t coloured;
	enum tacit_colour colour;
};

static const char *const codes[] = {
	[TACIT_PLAIN] = "",	     [TACIT_BOLD] = "\x1b[1m",
	[TACIT_DIM] = "\x1b[2m",     [TACIT_GREEN] = "\x1b[32m",
	[TACIT_YELLOW] = "\x1b[33m", [TACIT_RED] = "\x1b[31m",
	[TACIT_CYAN] = "\x1b[36m",
};

void tacit_output_init(struct tacit_output *o, FILE *file, bool want_colour)
{
	const char *term = getenv("TERM"), *no = getenv("NO_COLOR");

	*o = (struct tacit_output){ .file = file };
	o->terminal = isatty(fileno(file));
	o->colour = want_colour && o->terminal && !(no && *no) && term &&
		    strcmp(term, "dumb");
}

/* Bytes of the control character at s (ASCII, DEL, U+0080 to U+009F), or 0. */
static size_t control_character(const unsigned char *s)
{
	if (s[0] < 0x20 || s[0] == 0x7f)
		return 1;
	return s[0] == 0xc2 && s[1] >= 0x80 && s[1] <= 0x9f ? 2 : 0;
}

static void put_clean(FILE *f, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	while (*s) {
		size_t n = control_character(s);

		if (n)
			fputc('?', f);
		else
			fputc(*s, f);
		s += n ? n : 1;
	}
}

/* Characters, as they will be printed. */
static size_t width(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t n = 0;

	while (*s) {
		size_t control = control_character(s);

		s += control ? control : 1;
		while (!control && (*s & 0xc0) == 0x80)
			s++;
		n++;
	}
	return n;
}

void tacit_output_text(const struct tacit_output *o, enum tacit_colour c,
		       const char *text)
{
	bool coloured = o->colour && c != TACIT_PLAIN;

	if (coloured)
		fputs(codes[c], o->file);
	put_clean(o->file, text);
	if (coloured)
		fputs("\x1b[0m", o->file);
}

char *tacit_span(uint64_t ms, char buf[static TACIT_SPAN_LEN])
{
	static const struct {
		const char *name;
		uint64_t ms;
	} units[] = { { "d", 86400000 },
		      { "h", 3600000 },
		      { "min", 60000 },
		      { "s", 1000 },
		      { "ms", 1 } };
	const size_t last = sizeof(units) / sizeof(units[0]) - 1;
	size_t i = 0;
	uint64_t rest;

	while (i < last && ms < units[i].ms)
		i++;
	rest = i < last ? ms % units[i].ms / units[i + 1].ms : 0;
	/* Seconds are fine enough from one second on. */
	if (!rest || i + 1 >= last)
		snprintf(buf, TACIT_SPAN_LEN, "%" PRIu64 "%s", ms / units[i].ms,
			 units[i].name);
	else
		snprintf(buf, TACIT_SPAN_LEN, "%" PRIu64 "%s %" PRIu64 "%s",
			 ms / units[i].ms, units[i].name, rest,
			 units[i + 1].name);
	return buf;
}

char *tacit_bytes(uint64_t n, char buf[static TACIT_BYTES_LEN])
{
	static const char units[] = "BkMGTPE";
	uint64_t whole = n, rest = 0;
	size_t i = 0;

	while (whole >= 1000) {
		rest = whole % 1000;
		whole /= 1000;
		i++;
	}
	if (i && whole < 10)
		snprintf(buf, TACIT_BYTES_LEN, "%" PRIu64 ".%" PRIu64 " %cB",
			 whole, rest / 100, units[i]);
	else if (i)
		snprintf(buf, TACIT_BYTES_LEN, "%" PRIu64 " %cB", whole,
			 units[i]);
	else
		snprintf(buf, TACIT_BYTES_LEN, "%" PRIu64 " B", whole);
	return buf;
}

/* --- the terminal's size ---------------------------------------------------- */

/* A number of the environment, or 0. */
static size_t size_of(const char *name)
{
	const char *text = getenv(name);
	unsigned long n = text ? strtoul(text, NULL, 10) : 0;

	return n < 100000 ? n : 0;
}

size_t tacit_output_width(const struct tacit_output *o)
{
	struct winsize w = { 0 };
	size_t n = o->terminal ? size_of("COLUMNS") : 0;

	if (!o->terminal || n)
		return n;
	/* Standard output may be a pager by now. */
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) < 0)
		(void)ioctl(STDERR_FILENO, TIOCGWINSZ, &w);
	return w.ws_col;
}

size_t tacit_output_height(const struct tacit_output *o)
{
	struct winsize w = { 0 };
	size_t n = o->terminal ? size_of("LINES") : 0;

	if (!o->terminal || n)
		return n;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) < 0)
		(void)ioctl(STDERR_FILENO, TIOCGWINSZ, &w);
	return w.ws_row;
}

/* A wrapped text narrower than that is no help. */
#define NARROW 20

void tacit_output_wrapped(const struct tacit_output *o, size_t column,
			  const char *text)
{
	size_t room = tacit_output_width(o), at = 0;
	char word[256];

	room = room > column + NARROW ? room - column : SIZE_MAX;
	while (*text) {
		size_t len = strcspn(text, " "), w;

		if (len >= sizeof(word))
			len = sizeof(word) - 1;
		memcpy(word, text, len);
		word[len] = '\0';
		text += len;
		text += *text == ' ';
		w = width(word);
		if (at && at + 1 + w > room) {
			fprintf(o->file, "\n%*s", (int)column, "");
			at = 0;
		} else if (at) {
			fputc(' ', o->file);
			at++;
		}
		put_clean(o->file, word);
		at += w;
	}
}

/* --- tables ------------------------------------------------------------- */

void tacit_table_begin(struct tacit_table *t, const struct tacit_output *o,
		       const char *const *heads, size_t columns)
{
	*t = (struct tacit_table){ .output = o, .columns = columns };
	for (size_t i = 0; i < columns; i++) {
		t->heads[i] = heads[i];
		t->widths[i] = width(heads[i]);
	}
}

static void put_fields(FILE *f, const char *const *cells, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i)
			fputc('\t', f);
		put_clean(f, cells[i]);
	}
	fputc('\n', f);
}

static struct tacit_row *new_row(struct tacit_table *t)
{
	struct tacit_row *grown;
	size_t room = t->room ? t->room * 2 : 16;

	if (t->count == t->room) {
		grown = reallocarray(t->rows, room, sizeof(*grown));
		if (!grown)
			return NULL;
		t->rows = grown;
		t->room = room;
	}
	t->rows[t->count] = (struct tacit_row){ .colour = TACIT_PLAIN };
	return &t->rows[t->count++];
}

int tacit_table_row(struct tacit_table *t, const char *const *cells,
		    size_t coloured, enum tacit_colour colour)
{
	struct tacit_row *row;

	if (!t->output->terminal) {
		put_fields(t->output->file, cells, t->columns);
		return 0;
	}
	row = new_row(t);
	if (!row)
		return -ENOMEM;
	row->coloured = coloured;
	row->colour = colour;
	for (size_t i = 0; i < t->columns; i++) {
		size_t w = width(cells[i]);

		row->cells[i] = strdup(cells[i]);
		if (!row->cells[i])
			return -ENOMEM;
		if (w > t->widths[i])
			t->widths[i] = w;
	}
	return 0;
}

/* The last column is not padded, and wrapped where the terminal ends. */
static void put_cell(const struct tacit_table *t, size_t column,
		     const char *text, enum tacit_colour colour)
{
	size_t pad = column + 1 < t->columns
			     ? t->widths[column] - width(text) + 2
			     : 0;
	size_t at = 0;

	for (size_t i = 0; i < column; i++)
		at += t->widths[i] + 2;

	if (column + 1 == t->columns && colour == TACIT_PLAIN) {
		tacit_output_wrapped(t->output, at, text);
		return;
	}
	tacit_output_text(t->output, colour, text);
	fprintf(t->output->file, "%*s", (int)pad, "");
}

void tacit_table_end(struct tacit_table *t)
{
	FILE *f = t->output->file;

	for (size_t i = 0; i < t->columns && t->count; i++)
		put_cell(t, i, t->heads[i], TACIT_BOLD);
	if (t->count)
		fputc('\n', f);
	for (size_t r = 0; r < t->count; r++) {
		struct tacit_row *row = &t->rows[r];

		for (size_t i = 0; i < t->columns; i++) {
			put_cell(t, i, row->cells[i] ? row->cells[i] : "",
				 i == row->coloured ? row->colour
						    : TACIT_PLAIN);
			free(row->cells[i]);
		}
		fputc('\n', f);
	}
	free(t->rows);
	t->rows = NULL;
	t->count = t->room = 0;
}

/* --- JSON --------------------------------------------------------------- */

void tacit_json_text(FILE *f, const char *text)
{
	fputc('"', f);
	for (const unsigned char *s = (const unsigned char *)text; *s; s++) {
		if (*s == '"' || *s == '\\')
			fprintf(f, "\\%c", *s);
		else if (*s == '\n')
			fputs("\\n", f);
		else if (*s == '\t')
			fputs("\\t", f);
		else if (*s < 0x20 || *s == 0x7f)
			fprintf(f, "\\u%04x", *s);
		else
			fputc(*s, f);
	}
	fputc('"', f);
}

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

/* "LocalAddress" is local_address, "SPIIn" spi_in. */
static void put_key(FILE *f, const char *key)
{
	char out[128];
	size_t n = 0;

	for (size_t i = 0; key[i] && n + 3 < sizeof(out); i++) {
		bool upper = is_upper(key[i]);

		if (i && upper &&
		    (is_lower(key[i - 1]) || is_lower(key[i + 1])))
			out[n++] = '_';
		out[n++] = upper ? (char)(key[i] - 'A' + 'a') : key[i];
	}
	out[n] = '\0';
	tacit_json_text(f, out);
}

static void put_list(FILE *f, const struct tacit_entry *e)
{
	fputc('[', f);
	for (size_t i = 0; i < e->n_list; i++) {
		if (i)
			fputs(", ", f);
		tacit_json_text(f, e->list[i]);
	}
	fputc(']', f);
}

void tacit_json_members(FILE *f, const struct tacit_dict *d)
{
	for (size_t i = 0; i < d->count; i++) {
		const struct tacit_entry *e = &d->entries[i];

		if (i)
			fputs(", ", f);
		put_key(f, e->key);
		fputs(": ", f);
		if (e->type == 's')
			tacit_json_text(f, e->text);
		else if (e->type == 'b')
			fputs(e->number ? "true" : "false", f);
		else if (e->type == 'a')
			put_list(f, e);
		else
			fprintf(f, "%" PRIu64, e->number);
	}
}

void tacit_json_dict(FILE *f, const struct tacit_dict *d)
{
	fputc('{', f);
	tacit_json_members(f, d);
	fputc('}', f);
}
