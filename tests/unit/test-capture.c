/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* agent/capture.h: whose the files are, what is in them, and where they end. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/capture-stream.h"
#include "util/limits.h"
#include "util/log.h"

struct place {
	char dir[64], file[96], keys[96], ike[128], esp[128];
};

static int begin(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	snprintf(p->dir, sizeof(p->dir), "/tmp/tacit-capture-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->file, sizeof(p->file), "%s/ike.pcapng", p->dir);
	snprintf(p->keys, sizeof(p->keys), "%s/keys", p->dir);
	snprintf(p->ike, sizeof(p->ike), "%s/ikev2_decryption_table", p->keys);
	snprintf(p->esp, sizeof(p->esp), "%s/esp_sa", p->keys);
	*state = p;
	return 0;
}

static int end(void **state)
{
	struct place *p = *state;

	(void)unlink(p->ike);
	(void)unlink(p->esp);
	(void)unlink(p->file);
	(void)rmdir(p->keys);
	assert_int_equal(rmdir(p->dir), 0);
	free(p);
	return 0;
}

static size_t size_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0600);
	return (size_t)st.st_size;
}

static void read_text(const char *path, char *buf, size_t size)
{
	FILE *f = fopen(path, "re");

	assert_non_null(f);
	buf[fread(buf, 1, size - 1, f)] = 0;
	fclose(f);
}

static struct ike_tap message(const void *data, size_t len)
{
	struct ike_tap t = { .type = IKE_TAP_MESSAGE };

	assert_int_equal(addr_parse("192.0.2.1", &t.message.local.addr), 0);
	assert_int_equal(addr_parse("192.0.2.2", &t.message.remote.addr), 0);
	t.message.data = data;
	t.message.len = len;
	return t;
}

/* Ours alone, even where another mode was there before. */
static void test_files(void **state)
{
	struct place *p = *state;
	struct ike_tap t = message("abc", 3);
	struct capture *c;
	FILE *f = fopen(p->file, "we");
	struct stat st;
	size_t before;

	assert_non_null(f);
	fputs("of an earlier run, and longer than what a section has: "
	      "it must not remain in there",
	      f);
	fclose(f);
	assert_int_equal(chmod(p->file, 0666), 0);
	assert_int_equal(capture_new(p->file, p->keys, 4500, &c), 0);
	assert_int_equal(stat(p->keys, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	before = size_of(p->file);
	assert_int_equal(before, 48);
	assert_int_equal(size_of(p->ike), 0);
	assert_int_equal(size_of(p->esp), 0);
	capture_tap(c, 1, &t);
	assert_int_equal(size_of(p->file), before + 32 + 20 + 8 + 4);
	before = size_of(p->file);
	t.message.local.port = 4500;
	capture_tap(c, 1, &t);
	assert_int_equal(size_of(p->file), before + 32 + 20 + 8 + 8);
	assert_non_null(strstr(capture_warning(c), "Keys="));
	capture_free(c);
	assert_string_equal(capture_warning(NULL), "");
}

/* Later runs add to the tables: an older capture needs the older keys. */
static void test_keys(void **state)
{
	struct place *p = *state;
	const uint8_t key[36] = { 0xab };
	struct ike_tap t = {
		.type = IKE_TAP_KEYS,
		.keys = { .spi_i = 1,
			  .spi_r = 2,
			  .encr = 20,
			  .key_bits = 256,
			  .ei = { key, sizeof(key) },
			  .er = { key, sizeof(key) } },
	};
	struct esp_sa in = { .spi = 0x1001,
			     .cipher = ESP_AES_GCM_16_128,
			     .key_len = 20,
			     .key = { 0xcd } },
		      out = in;
	struct addr local, remote;
	struct capture *c;
	char text[2048];
	size_t first;

	assert_int_equal(addr_parse("2001:db8::1", &local), 0);
	assert_int_equal(addr_parse("2001:db8::2", &remote), 0);
	out.spi = 0x2002;
	assert_int_equal(capture_new(NULL, p->keys, 4500, &c), 0);
	capture_tap(c, 1, &t);
	capture_free(c);
	first = size_of(p->ike);
	assert_int_equal(capture_new(NULL, p->keys, 4500, &c), 0);
	capture_tap(c, 1, &t);
	assert_int_equal(size_of(p->ike), 2 * first);
	capture_child(c, &local, &remote, &in, &out);
	capture_child(NULL, &local, &remote, &in, &out);
	capture_free(c);
	read_text(p->ike, text, sizeof(text));
	assert_memory_equal(text, "0000000000000001,0000000000000002,ab00", 38);
	read_text(p->esp, text, sizeof(text));
	assert_string_equal(
		text, "\"IPv6\",\"2001:db8::2\",\"2001:db8::1\",\"0x00001001\","
		      "\"AES-GCM with 16 octet ICV [RFC4106]\","
		      "\"0xcd00000000000000000000000000000000000000\","
		      "\"NULL\",\"\"\n"
		      "\"IPv6\",\"2001:db8::1\",\"2001:db8::2\",\"0x00002002\","
		      "\"AES-GCM with 16 octet ICV [RFC4106]\","
		      "\"0xcd00000000000000000000000000000000000000\","
		      "\"NULL\",\"\"\n");
}

/* The agent never follows a link, and a directory is not a file. */
static void test_refused(void **state)
{
	struct place *p = *state;
	struct capture *c = NULL;

	assert_int_equal(symlink("/dev/null", p->file), 0);
	assert_int_equal(capture_new(p->file, NULL, 4500, &c), -ELOOP);
	assert_int_equal(capture_new(p->dir, NULL, 4500, &c), -EISDIR);
	assert_int_equal(capture_new(NULL, "/nowhere/keys", 4500, &c), -ENOENT);
	assert_null(c);
}

static void test_bound(void **state)
{
	struct place *p = *state;
	static uint8_t data[LIMIT_IKE_MESSAGE];
	struct ike_tap t = message(data, sizeof(data));
	struct capture *c;
	size_t size;

	assert_int_equal(capture_new(p->file, NULL, 4500, &c), 0);
	for (size_t i = 0; i < LIMIT_CAPTURE / sizeof(data) + 2; i++)
		capture_tap(c, i, &t);
	size = size_of(p->file);
	assert_true(size <= LIMIT_CAPTURE);
	assert_true(size > LIMIT_CAPTURE - 2 * sizeof(data));
	/* What would still fit does not come after what is missing. */
	t = message("abc", 3);
	capture_tap(c, 1, &t);
	assert_int_equal(size_of(p->file), size);
	capture_free(c);
}

static void on_idle(struct capture_streams *s)
{
	assert_null(s->first);
}

static void show(struct capture_streams *s, const char *remote, bool keys)
{
	static const uint8_t data[64] = { 1, 2, 3 };
	struct ike_tap t = { .type = keys ? IKE_TAP_KEYS : IKE_TAP_MESSAGE };

	if (!keys) {
		t.message.data = data;
		t.message.len = sizeof(data);
		t.message.local.port = t.message.remote.port = 500;
		assert_int_equal(addr_parse("10.0.0.1", &t.message.local.addr),
				 0);
		assert_int_equal(addr_parse(remote, &t.message.remote.addr), 0);
	}
	capture_streams_tap(s, 4500, 1, &t);
}

/* Of one peer and of all; the keys for nobody; and all ways to end. */
static void test_streams(void **state)
{
	struct capture_streams s = { .idle = on_idle };
	struct addr peer, all = { 0 };
	uint8_t buf[8192];
	sd_event *event;
	int one, every, more[2], fd;

	(void)state;
	assert_int_equal(sd_event_new(&event), 0);
	assert_int_equal(addr_parse("10.0.0.2", &peer), 0);
	assert_int_equal(capture_stream_open(&s, event, &peer, 0, &one), 0);
	assert_int_equal(capture_stream_open(&s, event, &all, 1, &every), 0);
	assert_int_equal(capture_stream_open(&s, event, &all, 0, &more[0]), 0);
	assert_int_equal(capture_stream_open(&s, event, &all, 0, &more[1]), 0);
	assert_int_equal(capture_stream_open(&s, event, &all, 0, &fd), -EBUSY);
	show(&s, "10.0.0.3", false);
	show(&s, "10.0.0.2", false);
	show(&s, "10.0.0.2", true);
	/* The section, then blocks. */
	assert_true(read(one, buf, sizeof(buf)) > 0);
	assert_int_equal(buf[0], 0x0a);
	assert_true(read(one, buf, sizeof(buf)) > 64);
	assert_int_equal(buf[3], 0x06);
	assert_int_equal(recv(one, buf, sizeof(buf), MSG_DONTWAIT), -1);
	assert_true(read(every, buf, sizeof(buf)) > 0);
	assert_true(read(every, buf, sizeof(buf)) > 64);
	assert_true(read(every, buf, sizeof(buf)) > 64);
	/* A reader that does not read is no harm. */
	for (int i = 0; i < 10000; i++)
		show(&s, "10.0.0.2", false);
	close(more[0]);
	close(more[1]);
	while (s.count > 2)
		assert_true(sd_event_run(event, 1000000) >= 0);
	while (s.count > 1) /* its second is over */
		assert_true(sd_event_run(event, 2000000) > 0);
	while (read(every, buf, sizeof(buf)) > 0)
		;
	close(every);
	close(one);
	assert_true(sd_event_run(event, 1000000) >= 0);
	assert_int_equal(s.count, 0);
	assert_int_equal(capture_stream_open(&s, event, &all, 0, &fd), 0);
	capture_streams_done(&s);
	assert_true(read(fd, buf, sizeof(buf)) > 0);
	assert_int_equal(read(fd, buf, sizeof(buf)), 0);
	close(fd);
	sd_event_unref(event);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_files, begin, end),
		cmocka_unit_test_setup_teardown(test_keys, begin, end),
		cmocka_unit_test_setup_teardown(test_refused, begin, end),
		cmocka_unit_test_setup_teardown(test_bound, begin, end),
		cmocka_unit_test(test_streams),
	};

	log_open("test-capture", LOG_ERR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
