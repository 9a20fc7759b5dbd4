/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the command line prints: spans, text from strangers, tables, JSON.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "dbus/tacit-output.h"

static void test_span(void **state)
{
	static const struct {
		uint64_t ms;
		const char *text;
	} cases[] = {
		{ 0, "0ms" },		{ 999, "999ms" },
		{ 1000, "1s" },		{ 1999, "1s" },
		{ 60000, "1min" },	{ 61500, "1min 1s" },
		{ 3600000, "1h" },	{ 3659999, "1h" },
		{ 3660000, "1h 1min" }, { 93784000, "1d 2h" },
		{ 86400000, "1d" },	{ UINT64_MAX, "213503982334d 14h" },
	};
	char buf[TACIT_SPAN_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(tacit_span(cases[i].ms, buf),
				    cases[i].text);
}

/* An output into memory. */
struct memory {
	struct tacit_output o;
	char *text;
	size_t len;
};

static void begin(struct memory *m, bool terminal, bool colour)
{
	*m = (struct memory){ .text = NULL };
	m->o.file = open_memstream(&m->text, &m->len);
	assert_non_null(m->o.file);
	m->o.terminal = terminal;
	m->o.colour = colour;
}

static void expect(struct memory *m, const char *want)
{
	assert_int_equal(fclose(m->o.file), 0);
	assert_string_equal(m->text, want);
	free(m->text);
}

static void test_text(void **state)
{
	struct memory m;

	(void)state;
	begin(&m, true, false);
	tacit_output_text(&m.o, TACIT_RED,
			  "a\x1b[2J\r\n\t\x7f\xc2\x9b\xc3\xa9"
			  "b");
	expect(&m, "a?[2J?????\xc3\xa9"
		   "b");
	begin(&m, true, true);
	tacit_output_text(&m.o, TACIT_RED, "x");
	tacit_output_text(&m.o, TACIT_PLAIN, "y");
	expect(&m, "\x1b[31mx\x1b[0my");
}

static const char *const heads[] = { "A", "LONGER", "C" };
static const char *const rows[][3] = {
	{ "1", "x", "end" },
	{ "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", "a\tb", "" },
};

static void table(struct tacit_output *o)
{
	struct tacit_table t;

	tacit_table_begin(&t, o, heads, 3);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(tacit_table_row(&t, rows[i], 1, TACIT_GREEN),
				 0);
	tacit_table_end(&t);
}

static void test_table(void **state)
{
	struct memory m;

	(void)state;
	begin(&m, true, false);
	table(&m.o);
	expect(&m, "A     LONGER  C\n"
		   "1     x       end\n"
		   "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9  a?b     \n");
	begin(&m, false, false);
	table(&m.o);
	expect(&m, "1\tx\tend\n\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\ta?b\t\n");
	begin(&m, true, true);
	table(&m.o);
	expect(&m, "\x1b[1mA\x1b[0m     \x1b[1mLONGER\x1b[0m  \x1b[1mC\x1b[0m\n"
		   "1     \x1b[32mx\x1b[0m       end\n"
		   "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9  \x1b[32ma?b\x1b[0m     "
		   "\n");
}

static void test_many_rows(void **state)
{
	struct tacit_table t;
	struct memory m;

	(void)state;
	begin(&m, true, false);
	tacit_table_begin(&t, &m.o, heads, 3);
	for (size_t i = 0; i < 1000; i++)
		assert_int_equal(tacit_table_row(&t, rows[0], 0, TACIT_PLAIN),
				 0);
	tacit_table_end(&t);
	fclose(m.o.file);
	assert_int_equal(m.len, 1001 * strlen("1  x       end\n") - 2);
	free(m.text);
	/* No rows, no headings. */
	begin(&m, true, false);
	tacit_table_begin(&t, &m.o, heads, 3);
	tacit_table_end(&t);
	expect(&m, "");
}

static void test_json_text(void **state)
{
	struct memory m;

	(void)state;
	begin(&m, false, false);
	tacit_json_text(m.o.file, "a\"b\\c\n\t\r\x01\x1f\x7f\xc3\xa9/");
	expect(&m, "\"a\\\"b\\\\c\\n\\t\\u000d\\u0001\\u001f\\u007f\xc3\xa9/"
		   "\"");
}

/* A message with one dictionary that has every type, and some more. */
static sd_bus_message *message(sd_bus **ret_bus, unsigned more)
{
	sd_bus_message *m;
	sd_bus *bus;
	int fds[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_true(sd_bus_new(&bus) >= 0);
	assert_true(sd_bus_set_fd(bus, fds[0], fds[1]) >= 0);
	assert_true(sd_bus_start(bus) >= 0);
	assert_true(sd_bus_message_new_signal(bus, &m, "/a", "a.b", "C") >= 0);
	assert_true(sd_bus_message_open_container(m, 'a', "a{sv}") >= 0);
	assert_true(sd_bus_message_open_container(m, 'a', "{sv}") >= 0);
	assert_true(sd_bus_message_append(m, "{sv}", "LocalAddress", "s",
					  "::1") >= 0);
	assert_true(sd_bus_message_append(m, "{sv}", "New", "a{ss}", 1, "a",
					  "b") >= 0);
	assert_true(sd_bus_message_append(m, "{sv}", "SPIIn", "u",
					  UINT32_MAX) >= 0);
	assert_true(sd_bus_message_append(m, "{sv}", "SinceMs", "t",
					  UINT64_MAX) >= 0);
	assert_true(sd_bus_message_append(m, "{sv}", "Wait", "b", 1) >= 0);
	assert_true(sd_bus_message_append(m, "{sv}", "Networks", "as", 2, "x",
					  "y") >= 0);
	assert_true(sd_bus_message_append(m, "{sv}", "None", "as", 0) >= 0);
	for (unsigned i = 0; i < more; i++)
		assert_true(sd_bus_message_append(m, "{sv}", "More", "as", 1,
						  "z") >= 0);
	assert_true(sd_bus_message_close_container(m) >= 0);
	assert_true(sd_bus_message_close_container(m) >= 0);
	assert_true(sd_bus_message_seal(m, 1, 0) >= 0);
	assert_true(sd_bus_message_enter_container(m, 'a', "a{sv}") >= 0);
	*ret_bus = bus;
	return m;
}

static void test_dict(void **state)
{
	struct tacit_dict d;
	struct memory mem;
	sd_bus_message *m;
	sd_bus *bus;

	(void)state;
	m = message(&bus, 0);
	assert_int_equal(tacit_dict_read(m, &d), 1);
	assert_int_equal(d.count, 6);
	assert_string_equal(tacit_dict_text(&d, "LocalAddress"), "::1");
	assert_string_equal(tacit_dict_text(&d, "SPIIn"), "");
	assert_string_equal(tacit_dict_text(&d, "New"), "");
	assert_true(tacit_dict_number(&d, "SPIIn") == UINT32_MAX);
	assert_true(tacit_dict_number(&d, "SinceMs") == UINT64_MAX);
	assert_int_equal(tacit_dict_number(&d, "Wait"), 0);
	assert_true(tacit_dict_bool(&d, "Wait"));
	assert_false(tacit_dict_bool(&d, "SPIIn"));
	assert_int_equal(tacit_dict_get(&d, "Networks")->n_list, 2);
	begin(&mem, false, false);
	tacit_json_dict(mem.o.file, &d);
	expect(&mem, "{\"local_address\": \"::1\", \"spi_in\": 4294967295, "
		     "\"since_ms\": 18446744073709551615, \"wait\": true, "
		     "\"networks\": [\"x\", \"y\"], \"none\": []}");
	tacit_dict_done(&d);
	assert_int_equal(tacit_dict_read(m, &d), 0);
	sd_bus_message_unref(m);
	sd_bus_close_unref(bus);
}

static void test_large_dict(void **state)
{
	struct tacit_dict d;
	sd_bus_message *m;
	sd_bus *bus;

	(void)state;
	m = message(&bus, 100);
	assert_int_equal(tacit_dict_read(m, &d), 1);
	assert_int_equal(d.count, TACIT_DICT_MAX);
	tacit_dict_done(&d);
	assert_int_equal(tacit_dict_read(m, &d), 0);
	sd_bus_message_unref(m);
	sd_bus_close_unref(bus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_span),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_many_rows),
		cmocka_unit_test(test_json_text),
		cmocka_unit_test(test_dict),
		cmocka_unit_test(test_large_dict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
