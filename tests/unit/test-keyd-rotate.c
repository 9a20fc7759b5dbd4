/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * agent/keyd-rotate.c: a rotation step by step in a directory, where each step
 * is followed by a start anew; what a crash between two renames leaves; orders
 * that cannot be carried out.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "agent/keyd-guard.h"
#include "agent/keyd-order.h"
#include "agent/keyd-rotate.h"
#include "keyd-fake.h"
#include "util/channel.h"
#include "util/log.h"

#define NOW UINT64_C(1764531200)

struct place {
	char path[64];
	struct keyd_keys keys;
	uint64_t first; /* the id of the key that is active in the beginning */
};

static void again(struct place *p)
{
	keyd_keys_done(&p->keys);
	assert_int_equal(keyd_keys_open(&p->keys, p->path), 0);
	assert_int_equal(p->keys.refused, 0);
}

static int set_up(void **state)
{
	static struct place p;

	log_open("test-keyd-rotate", LOG_EMERG);
	strcpy(p.path, "/tmp/test-keyd-rotate-XXXXXX");
	assert_non_null(mkdtemp(p.path));
	assert_int_equal(keyd_keys_open(&p.keys, p.path), 0);
	assert_int_equal(p.keys.count, 1);
	p.first = p.keys.list[0].id;
	*state = &p;
	return 0;
}

static int tear_down(void **state)
{
	struct place *p = *state;
	char command[128];

	keyd_keys_done(&p->keys);
	snprintf(command, sizeof(command), "rm -rf %s", p->path);
	return system(command);
}

static bool has(const struct place *p, const char *file)
{
	struct stat st;

	return fstatat(p->keys.dir, file, &st, 0) == 0;
}

static unsigned files(const struct place *p)
{
	DIR *d = opendir(p->path);
	unsigned n = 0;

	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

/* Makes the next key; returns its id. */
static uint64_t begin(struct place *p)
{
	struct keyd_wanted wanted[LIMIT_OWN_KEYS];
	struct own_key made;
	uint64_t id;

	assert_int_equal(keyd_rotate_begin(&p->keys, "", wanted), 1);
	assert_string_equal(wanted[0].name, "ed25519");
	assert_int_equal(wanted[0].kind, OWN_KEY_ED25519);
	assert_int_equal(own_key_generate(wanted[0].kind, &made), 0);
	id = made.id;
	assert_int_equal(keyd_rotate_add(&p->keys, &wanted[0], &made), 0);
	return id;
}

static enum key_stage stage(struct place *p, uint64_t id)
{
	struct own_key *k = keyd_keys_find(&p->keys, id);

	assert_non_null(k);
	return k->life.stage;
}

/* Would it sign with this key? */
static bool signs(struct place *p, uint64_t id)
{
	struct keyd_guard g = { .keys = &p->keys };
	struct own_key *key = NULL;
	struct keyd_record r;

	assert_int_equal(ike_identity_parse("10.0.0.1", &g.identity), 0);
	keyd_fake_sign(&r, id, true);
	return keyd_guard_check(&g, 1, &r, &key) == KEYD_REFUSED_NONE;
}

static void test_whole(void **state)
{
	struct place *p = *state;
	uint64_t next = begin(p);

	assert_true(has(p, "ed25519.next.pem"));
	for (int round = 0; round < 2; round++, again(p)) {
		assert_int_equal(p->keys.list[0].id, p->first);
		assert_int_equal(stage(p, next), KEY_NEXT);
		assert_true(signs(p, p->first) && !signs(p, next));
		/* Nobody has seen it: it waits for ever. */
		assert_false(keyd_rotate_tick(&p->keys, NOW * 2));
	}
	assert_false(keyd_rotate_seen(&p->keys, p->first, 60, NOW));
	assert_false(keyd_rotate_seen(&p->keys, next + 1, 60, NOW));
	assert_true(keyd_rotate_seen(&p->keys, next, 60, NOW));
	assert_true(has(p, "ed25519.next-1764531260-60.pem"));
	assert_int_equal(files(p), 2);
	/* Once: the time does not move away with each sight of it. */
	assert_false(keyd_rotate_seen(&p->keys, next, 3600, NOW + 9));
	again(p);
	assert_false(keyd_rotate_tick(&p->keys, NOW + 59));
	assert_true(signs(p, p->first) && !signs(p, next));
	assert_true(keyd_rotate_tick(&p->keys, NOW + 60));
	assert_int_equal(p->keys.list[0].id, next);
	for (int round = 0; round < 2; round++, again(p)) {
		assert_int_equal(stage(p, next), KEY_ACTIVE);
		assert_int_equal(stage(p, p->first), KEY_RETIRED);
		/* What is under way is finished. */
		assert_true(signs(p, p->first) && signs(p, next));
		assert_true(has(p, "ed25519.old-1764531320.pem"));
		assert_false(keyd_rotate_tick(&p->keys, NOW + 119));
	}
	assert_true(keyd_rotate_tick(&p->keys, NOW + 120));
	again(p);
	assert_int_equal(p->keys.count, 1);
	assert_int_equal(p->keys.list[0].id, next);
	assert_int_equal(files(p), 1);
	assert_true(has(p, "ed25519.pem"));
	assert_false(keyd_rotate_tick(&p->keys, NOW + 121));
}

/* Between the two renames there is no active key of that name. */
static void test_crash(void **state)
{
	struct place *p = *state;
	uint64_t next = begin(p);

	assert_true(keyd_rotate_seen(&p->keys, next, 60, NOW));
	assert_int_equal(renameat(p->keys.dir, "ed25519.pem", p->keys.dir,
				  "ed25519.old-1764531320.pem"),
			 0);
	again(p);
	assert_true(keyd_rotate_tick(&p->keys, NOW + 60));
	assert_int_equal(stage(p, next), KEY_ACTIVE);
	assert_int_equal(stage(p, p->first), KEY_RETIRED);
	again(p);
	assert_int_equal(p->keys.list[0].id, next);
	assert_int_equal(files(p), 2);
}

/* By hand, before anybody has seen it, and not at all. */
static void test_by_hand(void **state)
{
	struct keyd_wanted wanted[LIMIT_OWN_KEYS];
	struct place *p = *state;
	uint64_t next;

	assert_int_equal(keyd_rotate_finish(&p->keys, "", NOW), -ENOENT);
	assert_int_equal(keyd_rotate_cancel(&p->keys, ""), -ENOENT);
	next = begin(p);
	assert_int_equal(keyd_rotate_begin(&p->keys, "", wanted), -EALREADY);
	assert_int_equal(keyd_rotate_begin(&p->keys, "ed25519", wanted),
			 -EALREADY);
	assert_int_equal(keyd_rotate_begin(&p->keys, "other", wanted), -ENOENT);
	assert_int_equal(keyd_rotate_cancel(&p->keys, "other"), -ENOENT);
	assert_int_equal(keyd_rotate_cancel(&p->keys, "ed25519"), 1);
	assert_null(keyd_keys_find(&p->keys, next));
	assert_int_equal(files(p), 1);
	next = begin(p);
	assert_int_equal(keyd_rotate_finish(&p->keys, "", NOW), 1);
	assert_int_equal(keyd_rotate_finish(&p->keys, "", NOW), 1);
	assert_true(keyd_rotate_tick(&p->keys, NOW));
	assert_int_equal(stage(p, next), KEY_ACTIVE);
	/* A day longer: nobody knows when all have heard of it. */
	assert_true(has(p, "ed25519.old-1764617600.pem"));
}

/* A TTL of nothing, and one of a year. */
static void test_bounds(void **state)
{
	struct place *p = *state;
	uint64_t next = begin(p);

	assert_true(keyd_rotate_seen(&p->keys, next, 0, NOW));
	assert_true(has(p, "ed25519.next-1764531210-10.pem"));
	assert_int_equal(keyd_rotate_cancel(&p->keys, ""), 1);
	next = begin(p);
	assert_true(keyd_rotate_seen(&p->keys, next, 31536000, NOW));
	assert_true(has(p, "ed25519.next-1765136000-604800.pem"));
}

static void test_other_kinds(void **state)
{
	struct keyd_wanted wanted[LIMIT_OWN_KEYS];
	struct place *p = *state;
	struct own_key k = { .name = "curve" };

	k.pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	assert_non_null(k.pkey);
	assert_int_equal(own_key_save(p->keys.dir, &k), 0);
	own_key_done(&k);
	again(p);
	assert_int_equal(keyd_rotate_begin(&p->keys, "curve", wanted),
			 -EOPNOTSUPP);
	/* Of all, those that can be. */
	assert_int_equal(keyd_rotate_begin(&p->keys, "", wanted), 1);
	p->keys.count = LIMIT_OWN_KEYS;
	assert_int_equal(keyd_rotate_begin(&p->keys, "ed25519", wanted),
			 -ENOSPC);
	p->keys.count = 2;
}

/* What cannot be renamed is left, said once, and tried again. */
static void test_in_the_way(void **state)
{
	struct place *p = *state;
	uint64_t next = begin(p);

	assert_int_equal(keyd_rotate_finish(&p->keys, "", NOW), 1);
	assert_int_equal(
		mkdirat(p->keys.dir, "ed25519.old-1764617600.pem", 0700), 0);
	assert_false(p->keys.complained);
	assert_false(keyd_rotate_tick(&p->keys, NOW));
	assert_true(p->keys.complained);
	assert_int_equal(stage(p, p->first), KEY_ACTIVE);
	assert_int_equal(stage(p, next), KEY_NEXT);
	assert_true(keyd_rotate_tick(&p->keys, NOW + 1));
	assert_int_equal(stage(p, next), KEY_ACTIVE);
	assert_int_equal(unlinkat(p->keys.dir, "ed25519.old-1764617600.pem",
				  AT_REMOVEDIR),
			 0);
}

/* --- orders ------------------------------------------------------------------- */

struct desk {
	sd_event *event;
	struct keyd_orders *orders;
	char path[64];
	unsigned asked, pending;
};

static unsigned take_order(void *user, const struct key_order *o,
			   struct key_order_reply *reply)
{
	struct desk *d = user;

	d->asked++;
	assert_string_equal(o->name, "rsa");
	reply->count = 3;
	return d->pending;
}

static int desk_up(void **state)
{
	static struct desk d;
	const struct keyd_orders_ops ops = { &d, take_order };

	d = (struct desk){ 0 };
	snprintf(d.path, sizeof(d.path), "/tmp/test-order-%d", (int)getpid());
	assert_true(sd_event_new(&d.event) >= 0);
	assert_int_equal(keyd_orders_new(d.event, channel_listen(d.path), &ops,
					 &d.orders),
			 0);
	*state = &d;
	return 0;
}

static int desk_down(void **state)
{
	struct desk *d = *state;

	keyd_orders_free(d->orders);
	sd_event_unref(d->event);
	return unlink(d->path);
}

static void turn(struct desk *d)
{
	for (int i = 0; i < 5; i++)
		assert_true(sd_event_run(d->event, 1000) >= 0);
}

static int say(struct desk *d, size_t len)
{
	struct key_order o[2] = { { .version = KEY_ORDER_VERSION,
				    .type = KEY_ORDER_ROTATE,
				    .name = "rsa" } };
	int fd = channel_connect(d->path);

	assert_true(fd >= 0);
	assert_int_equal(send(fd, o, len, 0), len);
	turn(d);
	return fd;
}

/* The reply, the end (0), or -EAGAIN. */
static int hear(int fd, struct key_order_reply *r)
{
	ssize_t n = recv(fd, r, sizeof(*r), MSG_DONTWAIT);

	/* The end of one that was not even read. */
	if (n < 0 && errno == ECONNRESET)
		return 0;
	return n < 0 ? -errno : (int)n;
}

static void test_order(void **state)
{
	struct desk *d = *state;
	struct key_order_reply r;
	int fd = say(d, sizeof(struct key_order)), other;

	assert_int_equal(hear(fd, &r), sizeof(r));
	assert_int_equal(r.error, 0);
	assert_int_equal(r.count, 3);
	assert_int_equal(hear(fd, &r), 0);
	close(fd);
	/* One that takes its time, and another meanwhile. */
	d->pending = 2;
	fd = say(d, sizeof(struct key_order));
	assert_int_equal(hear(fd, &r), -EAGAIN);
	keyd_orders_done(d->orders, 0);
	other = say(d, sizeof(struct key_order));
	assert_int_equal(hear(other, &r), 0);
	close(other);
	assert_int_equal(hear(fd, &r), -EAGAIN);
	keyd_orders_done(d->orders, -EROFS);
	assert_int_equal(hear(fd, &r), sizeof(r));
	assert_int_equal(r.error, -EROFS);
	assert_non_null(strstr(r.text, strerror(EROFS)));
	close(fd);
	assert_int_equal(d->asked, 2);
}

/* Who goes away is waited for by nobody. */
static void test_order_left(void **state)
{
	struct desk *d = *state;
	struct key_order_reply r;

	d->pending = 1;
	close(say(d, sizeof(struct key_order)));
	turn(d);
	keyd_orders_done(d->orders, 0);
	keyd_orders_done(d->orders, 0);
	d->pending = 0;
	for (size_t len = 1; len < 2 * sizeof(struct key_order); len += 13) {
		int fd = say(d, len);

		assert_int_equal(hear(fd, &r), 0);
		close(fd);
	}
	assert_int_equal(d->asked, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define P(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define D(name) cmocka_unit_test_setup_teardown(name, desk_up, desk_down)
		P(test_whole),	P(test_crash),	     P(test_by_hand),
		P(test_bounds), P(test_other_kinds), P(test_in_the_way),
		D(test_order),	D(test_order_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
