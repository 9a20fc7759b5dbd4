/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading the key directory. A file that somebody else can have read is not
 * used, and no new key is put in its place without being asked for: peers know
 * us by the old one.
 */
#include "config.h"

#include "agent/keyd-keys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/log.h"

/* The smallest signature first; RSA only for peers that know nothing else. */
static unsigned rank(const struct own_key *k)
{
	unsigned kind = !strncmp(k->type, "Ed", 2)   ? 0
			: strncmp(k->type, "RSA", 3) ? 1
						     : 2;

	return 3 * (unsigned)k->life.stage + kind;
}

void keyd_keys_sort(struct keyd_keys *k)
{
	struct own_key key;

	for (unsigned i = 1, at; i < k->count; i++) {
		key = k->list[i];
		for (at = i; at && rank(&k->list[at - 1]) > rank(&key); at--)
			k->list[at] = k->list[at - 1];
		k->list[at] = key;
	}
}

int keyd_keys_add(struct keyd_keys *k, struct own_key *key)
{
	if (k->count == LIMIT_OWN_KEYS)
		return -ENOSPC;
	k->list[k->count++] = *key;
	*key = (struct own_key){ 0 };
	keyd_keys_sort(k);
	return 0;
}

void keyd_keys_forget(struct keyd_keys *k, struct own_key *key)
{
	size_t at = (size_t)(key - k->list);

	own_key_done(key);
	k->count--;
	memmove(key, key + 1, (k->count - at) * sizeof(*key));
	k->list[k->count] = (struct own_key){ 0 };
}

struct own_key *keyd_keys_find(struct keyd_keys *k, uint64_t id)
{
	for (unsigned i = 0; i < k->count; i++)
		if (k->list[i].id == id)
			return &k->list[i];
	return NULL;
}

static int is_key(const struct dirent *d)
{
	size_t len = strlen(d->d_name);

	return d->d_name[0] != '.' && len > 4 &&
	       !strcmp(d->d_name + len - 4, ".pem");
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void load_one(struct keyd_keys *k, const char *path, const char *name)
{
	struct own_key_fault fault = { "" };
	struct own_key key = { 0 };
	int r = own_key_load(k->dir, name, &key, &fault);

	if (r == 0 && keyd_keys_add(k, &key) < 0) {
		strcpy(fault.text, "there are too many keys: remove some");
		r = -ENOSPC;
	}
	own_key_done(&key);
	if (r == 0)
		return;
	k->refused++;
	log_error("%s/%s is not used: %s.", path, name, fault.text);
}

static int load_all(struct keyd_keys *k, const char *path)
{
	struct dirent **list;
	int n = scandirat(k->dir, ".", &list, is_key, by_name);

	if (n < 0) {
		n = -errno;
		log_error("%s: %s", path, strerror(-n));
		return n;
	}
	for (int i = 0; i < n; i++) {
		load_one(k, path, list[i]->d_name);
		free(list[i]);
	}
	free(list);
	return n;
}

static int open_dir(const char *path)
{
	struct stat st;
	int fd;

	if (mkdir(path, 0700) < 0 && errno != EEXIST) {
		int r = -errno;

		log_error("%s cannot be made: %s", path, strerror(-r));
		return r;
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0) {
		int r = -errno;

		log_error("%s cannot be opened: %s; it must belong to the "
			  "user of tacit-keyd (user id %u).",
			  path, strerror(-r), (unsigned)geteuid());
		if (fd >= 0)
			close(fd);
		return r;
	}
	/* Whoever may write there could give us a key that he knows. */
	if ((st.st_uid == geteuid() || st.st_uid == 0) && !(st.st_mode & 0022))
		return fd;
	log_error("%s is others' to write (user id %u, mode %04o): chown it to "
		  "the user of tacit-keyd (user id %u), and chmod 700.",
		  path, (unsigned)st.st_uid, (unsigned)st.st_mode & 07777,
		  (unsigned)geteuid());
	close(fd);
	return -EACCES;
}

/* At once; what comes with it is made when there is time. */
static int make_first(struct keyd_keys *k, const char *path)
{
	char print[OWN_KEY_FINGERPRINT_LEN];
	struct own_key key = { 0 };
	int r = own_key_generate(OWN_KEY_ED25519, &key);

	if (r == 0)
		r = own_key_save(k->dir, &key);
	if (r < 0) {
		log_error("%s: a first key cannot be made: %s", path,
			  strerror(-r));
	} else {
		log_notice("%s/ed25519.pem is the new key of this host, %s",
			   path,
			   own_key_fingerprint(key.spki, key.spki_len, print));
		r = keyd_keys_add(k, &key);
		k->make_rsa = true;
	}
	own_key_done(&key);
	return r;
}

int keyd_keys_open(struct keyd_keys *k, const char *path)
{
	int n;

	*k = (struct keyd_keys){ .dir = open_dir(path) };
	if (k->dir < 0)
		return k->dir;
	n = load_all(k, path);
	if (n == 0)
		n = make_first(k, path);
	return n < 0 ? n : 0;
}

void keyd_keys_done(struct keyd_keys *k)
{
	for (unsigned i = 0; i < k->count; i++)
		own_key_done(&k->list[i]);
	if (k->dir >= 0)
		close(k->dir);
	*k = (struct keyd_keys){ .dir = -1 };
}
