/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A tick finds what is due from the files alone, so that it is also what mends
 * a crash between two renames.
 */
#include "agent/keyd-rotate.h"

#include <errno.h>
#include <string.h>

#include "util/log.h"

/* Peers keep what they found for so long at least, whatever its TTL
 * (dnskeys/key-cache.c), and nobody plans in weeks. Seconds. */
#define HOLD_MIN 10u
#define HOLD_MAX (7u * 86400)
/* Without DNS nobody knows when all have heard of it. */
#define HOLD_BY_HAND 86400u

static bool has_name(const struct own_key *k, const char *name)
{
	return !*name || !strcmp(k->name, name);
}

static struct own_key *find(struct keyd_keys *k, const char *name,
			    enum key_stage stage)
{
	for (unsigned i = 0; i < k->count; i++)
		if (k->list[i].life.stage == stage &&
		    !strcmp(k->list[i].name, name))
			return &k->list[i];
	return NULL;
}

static bool has_next(const struct keyd_keys *k, const char *name)
{
	for (unsigned i = 0; i < k->count; i++)
		if (k->list[i].life.stage == KEY_NEXT &&
		    !strcmp(k->list[i].name, name))
			return true;
	return false;
}

/* RSA is renewed with the size that we make. */
static bool kind_of(const struct own_key *k, enum own_key_kind *ret)
{
	if (!strcmp(k->type, "Ed25519"))
		*ret = OWN_KEY_ED25519;
	else if (!strncmp(k->type, "RSA-", 4))
		*ret = OWN_KEY_RSA_3072;
	else
		return false;
	return true;
}

int keyd_rotate_begin(const struct keyd_keys *k, const char *name,
		      struct keyd_wanted ret[static LIMIT_OWN_KEYS])
{
	const struct key_life longest = { KEY_NEXT, UINT32_MAX, HOLD_MAX };
	char file[KEY_FILE_LEN];
	unsigned n = 0;
	int why = -ENOENT;

	for (unsigned i = 0; i < k->count; i++) {
		const struct own_key *old = &k->list[i];

		if (old->life.stage != KEY_ACTIVE || !has_name(old, name))
			continue;
		if (has_next(k, old->name)) {
			why = -EALREADY;
		} else if (!kind_of(old, &ret[n].kind)) {
			why = why == -ENOENT ? -EOPNOTSUPP : why;
		} else if (key_life_format(old->name, &longest, file) < 0) {
			why = -ENAMETOOLONG;
		} else {
			memcpy(ret[n].name, old->name, sizeof(ret[n].name));
			n++;
		}
	}
	if (n == 0)
		return why;
	return k->count + n > LIMIT_OWN_KEYS ? -ENOSPC : (int)n;
}

int keyd_rotate_add(struct keyd_keys *k, const struct keyd_wanted *wanted,
		    struct own_key *key)
{
	int r = 0;

	if (wanted->name[0]) {
		memcpy(key->name, wanted->name, sizeof(key->name));
		key->life = (struct key_life){ .stage = KEY_NEXT };
	}
	if (k->count == LIMIT_OWN_KEYS)
		return -ENOSPC;
	r = own_key_save(k->dir, key);
	return r < 0 ? r : keyd_keys_add(k, key);
}

int keyd_rotate_finish(struct keyd_keys *k, const char *name, uint64_t now)
{
	int n = 0, r = 0;

	for (unsigned i = 0; i < k->count && r == 0; i++) {
		struct own_key *key = &k->list[i];
		struct key_life due = { KEY_NEXT, now, HOLD_BY_HAND };

		if (key->life.stage != KEY_NEXT || !has_name(key, name))
			continue;
		if (key->life.until)
			due.hold = key->life.hold;
		if (key->life.until != now)
			r = own_key_move(k->dir, key, &due);
		n += r == 0;
	}
	return r < 0 ? r : n ? n : -ENOENT;
}

int keyd_rotate_cancel(struct keyd_keys *k, const char *name)
{
	int n = 0, r;

	for (unsigned i = 0; i < k->count;) {
		struct own_key *key = &k->list[i];

		if (key->life.stage != KEY_NEXT || !has_name(key, name)) {
			i++;
			continue;
		}
		r = own_key_remove(k->dir, key);
		if (r < 0)
			return r;
		keyd_keys_forget(k, key);
		n++;
	}
	return n ? n : -ENOENT;
}

bool keyd_rotate_seen(struct keyd_keys *k, uint64_t id, uint32_t ttl,
		      uint64_t now)
{
	struct own_key *key = keyd_keys_find(k, id);
	struct key_life due = { KEY_NEXT, 0, ttl };
	int r;

	if (!key || key->life.stage != KEY_NEXT || key->life.until)
		return false;
	if (due.hold < HOLD_MIN)
		due.hold = HOLD_MIN;
	if (due.hold > HOLD_MAX)
		due.hold = HOLD_MAX;
	due.until = now + due.hold;
	r = own_key_move(k->dir, key, &due);
	if (r < 0)
		log_warning("The next key %s stays where it is: %s", key->name,
			    strerror(-r));
	else
		log_notice("The next key %s is in DNS: it is used in %u s.",
			   key->name, due.hold);
	return r == 0;
}

/* First the old one makes room; where that has been done, or there is none,
 * the other half is left. */
static int take_up(struct keyd_keys *k, struct own_key *next, uint64_t now)
{
	const struct key_life active = { .stage = KEY_ACTIVE };
	const struct key_life retired = { KEY_RETIRED, now + next->life.hold,
					  0 };
	struct own_key *old = find(k, next->name, KEY_ACTIVE);
	int r = old ? own_key_move(k->dir, old, &retired) : 0;

	return r < 0 ? r : own_key_move(k->dir, next, &active);
}

static int step(struct keyd_keys *k, struct own_key *key, uint64_t now)
{
	int r;

	if (key->life.stage == KEY_NEXT) {
		/* One without an active key has nobody to wait for. */
		if (find(k, key->name, KEY_ACTIVE) &&
		    (!key->life.until || key->life.until > now))
			return 0;
		r = take_up(k, key, now);
		if (r == 0)
			log_notice("The key %s is now another one: the next "
				   "key has taken its place.",
				   key->name);
	} else if (key->life.stage == KEY_RETIRED && key->life.until <= now) {
		log_notice("The old key %s is removed.", key->name);
		r = own_key_remove(k->dir, key);
		/* Gone already is as good. */
		if (r == 0 || r == -ENOENT) {
			keyd_keys_forget(k, key);
			r = 0;
		}
	} else {
		return 0;
	}
	return r < 0 ? r : 1;
}

bool keyd_rotate_tick(struct keyd_keys *k, uint64_t now)
{
	bool changed = false, failed = false;
	int r;

	for (unsigned i = 0; i < k->count; i++) {
		char name[LIMIT_KEY_NAME + 1];

		memcpy(name, k->list[i].name, sizeof(name));
		r = step(k, &k->list[i], now);
		if (r < 0 && !k->complained)
			log_error("The key %s cannot be rotated: %s; it is "
				  "tried again.",
				  name, strerror(-r));
		failed |= r < 0;
		if (r <= 0)
			continue;
		changed = true;
		/* The places are others now. */
		keyd_keys_sort(k);
		i = UINT32_MAX;
	}
	k->complained = failed;
	return changed;
}
