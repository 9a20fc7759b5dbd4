/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How the command line shows things: tables and colour on a terminal, fields
 * parted by tabs elsewhere, and JSON. Text from outside is never printed raw.
 */
#ifndef TACIT_DBUS_TACIT_OUTPUT_H
#define TACIT_DBUS_TACIT_OUTPUT_H

#include <stdio.h>

#include "dbus/tacit-dict.h"

enum tacit_colour {
	TACIT_PLAIN,
	TACIT_BOLD,
	TACIT_DIM,
	TACIT_GREEN,
	TACIT_YELLOW,
	TACIT_RED,
	TACIT_CYAN,
};

struct tacit_output {
	FILE *file;
	bool terminal; /* tables, units, headings */
	bool colour;
	bool json;
};

/* terminal and colour as they are for this file; colour only where wanted,
 * and neither NO_COLOR nor TERM=dumb is set. */
void tacit_output_init(struct tacit_output *o, FILE *file, bool want_colour);
/* The text with control characters as "?", in the colour. */
void tacit_output_text(const struct tacit_output *o, enum tacit_colour c,
		       const char *text);

/* "1d 2h", "3min 5s", "450ms": two units at most. */
#define TACIT_SPAN_LEN 32
char *tacit_span(uint64_t ms, char buf[static TACIT_SPAN_LEN]);

/* "0 B", "999 B", "1.2 kB", "45 MB": three digits at most. */
#define TACIT_BYTES_LEN 16
char *tacit_bytes(uint64_t n, char buf[static TACIT_BYTES_LEN]);

/* Columns and rows of the terminal; 0: not one, or not known. COLUMNS and LINES
 * are stronger. */
size_t tacit_output_width(const struct tacit_output *o);
size_t tacit_output_height(const struct tacit_output *o);
/* The text from this column on, wrapped between words to the width of the
 * terminal. */
void tacit_output_wrapped(const struct tacit_output *o, size_t column,
			  const char *text);

/* --- tables ------------------------------------------------------------- */

#define TACIT_COLUMNS_MAX 12

/* On a terminal rows are kept until tacit_table_end(), as the columns must be
 * measured; elsewhere each is printed at once. */
struct tacit_table {
	const struct tacit_output *output;
	const char *heads[TACIT_COLUMNS_MAX]; /* borrowed */
	size_t columns;			      /* at most TACIT_COLUMNS_MAX */
	size_t widths[TACIT_COLUMNS_MAX];
	struct tacit_row *rows;
	size_t count, room;
};

void tacit_table_begin(struct tacit_table *t, const struct tacit_output *o,
		       const char *const *heads, size_t columns);
/* The cells are copied; colour is that of the cell number coloured. */
int tacit_table_row(struct tacit_table *t, const char *const *cells,
		    size_t coloured, enum tacit_colour colour)
	__attribute__((warn_unused_result));
/* Prints and frees. */
void tacit_table_end(struct tacit_table *t);

/* --- JSON (RFC 8259) ---------------------------------------------------- */

void tacit_json_text(FILE *f, const char *text);
/* Keys in the style of "spi_in" (on the bus: SPIIn), on one line. */
void tacit_json_dict(FILE *f, const struct tacit_dict *d);
/* The same without the braces, for more to follow. */
void tacit_json_members(FILE *f, const struct tacit_dict *d);

#endif
