/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One file of keys.d/: [Peer] with who it is, where it is, and by what it
 * proves that. A public key may stand in the file itself, on several lines,
 * or in a PEM file beside it.
 */
#include <config.h> /* not policy/config.h: asprintf() and the like */

#include "policy/config-peer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/config-error.h"
#include "policy/config-file.h"
#include "policy/config-value.h"

#define PEM_BEGIN "-----BEGIN PUBLIC KEY-----"
#define PEM_END	  "-----END PUBLIC KEY-----"

/* The file being read. */
struct draft {
	struct known_peer *peer;
	const char *path;
	/* PublicKey= of several lines, until the next key or the end. */
	char text[2 * LIMIT_IKE_SPKI];
	size_t len;
	unsigned text_line;
	bool no_memory;
	bool bad; /* a key was complained of */
	bool bad_identity;
};

enum key { /* the order of the table below */
	   KEY_IDENTITY,
	   KEY_ADDRESS,
	   KEY_PUBLIC_KEY,
	   KEY_PUBLIC_KEY_FILE,
	   KEY_SHARED_KEY_FILE,
};

static void set_identity(const struct config_place *at)
{
	char canonical[CONFIG_IDENTITY_STRLEN];
	struct draft *d = at->target;

	if (config_value_identity(at->item->value, canonical) < 0 ||
	    config_value_is_pattern(canonical)) {
		d->bad_identity = true;
		config_place_error(at, "write a name (host.example.org), an "
				       "address, user@host.example.org, or "
				       "keyid: and hexadecimal digits");
		return;
	}
	d->peer->identity = strdup(canonical);
	d->no_memory = d->no_memory || !d->peer->identity;
}

static void add_address(const struct config_place *at, const char *text)
{
	struct draft *d = at->target;
	struct known_peer *p = d->peer;
	struct addr a, *grown;

	if (addr_parse(text, &a) < 0 || addr_is_unspecified(&a) ||
	    addr_is_multicast(&a)) {
		config_errors_add(at->errors, at->path, at->item->line,
				  "%s is no address of a host: write it as in "
				  "192.0.2.1 or 2001:db8::1",
				  text);
		return;
	}
	if (p->n_addresses == LIMIT_KNOWN_ADDRESSES) {
		config_place_error(at, "a peer has at most %u addresses",
				   LIMIT_KNOWN_ADDRESSES);
		return;
	}
	a.scope = 0;
	grown = reallocarray(p->addresses, p->n_addresses + 1, sizeof(*grown));
	if (!grown) {
		d->no_memory = true;
		return;
	}
	p->addresses = grown;
	grown[p->n_addresses++] = a;
}

static void set_address(const struct config_place *at)
{
	config_place_words(at, add_address);
}

/* --- public keys ------------------------------------------------------------ */

/* An outer SEQUENCE of exactly this length (X.690 8.1.3). */
static bool is_sequence(const uint8_t *der, size_t len)
{
	size_t inner, header = 2;

	if (len < 2 || der[0] != 0x30)
		return false;
	inner = der[1];
	if (inner == 0x81 && len > 2) {
		inner = der[2];
		header = 3;
	} else if (inner == 0x82 && len > 3) {
		inner = (size_t)der[2] << 8 | der[3];
		header = 4;
	}
	return inner < 0x10000 && header + inner == len;
}

static void add_key(struct draft *d, struct config_errors *errors,
		    const char *path, unsigned line, const char *base64)
{
	struct known_peer *p = d->peer;
	uint8_t der[LIMIT_IKE_SPKI];
	int n = config_value_base64(base64, der, sizeof(der));

	if (n <= 0 || !is_sequence(der, (size_t)n)) {
		config_errors_add(errors, path, line,
				  "This is no public key: write what openssl "
				  "pkey -pubout prints (SubjectPublicKeyInfo), "
				  "in base64");
		d->bad = true;
		return;
	}
	if (p->n_keys == LIMIT_KNOWN_KEYS) {
		config_errors_add(errors, path, line,
				  "A peer has at most %u public keys",
				  LIMIT_KNOWN_KEYS);
		d->bad = true;
		return;
	}
	p->keys[p->n_keys].spki = malloc((size_t)n);
	if (!p->keys[p->n_keys].spki) {
		d->no_memory = true;
		return;
	}
	memcpy(p->keys[p->n_keys].spki, der, (size_t)n);
	p->keys[p->n_keys++].len = (size_t)n;
}

static void finish_text(struct draft *d, struct config_errors *errors)
{
	if (d->len)
		add_key(d, errors, d->path, d->text_line, d->text);
	d->len = 0;
}

static void set_public_key(const struct config_place *at)
{
	struct draft *d = at->target;
	size_t len = strlen(at->item->value);

	if (!at->item->continued) {
		finish_text(d, at->errors);
		d->text_line = at->item->line;
	}
	if (d->len + len >= sizeof(d->text)) {
		config_errors_add(at->errors, at->path, at->item->line,
				  "This public key is too long");
		d->bad = true;
		d->len = 0;
		return;
	}
	memcpy(d->text + d->len, at->item->value, len + 1);
	d->len += len;
}

/* A name in the directory of this file, or an absolute one. */
static char *beside(const struct draft *d, const char *name)
{
	const char *slash = strrchr(d->path, '/');
	char *path = NULL;

	if (*name == '/' || !slash)
		return strdup(name);
	if (asprintf(&path, "%.*s/%s", (int)(slash - d->path), d->path, name) <
	    0)
		return NULL;
	return path;
}

/* 0, or an errno of reading; a regular file only. */
static int read_text(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return EBADF;
	}
	n = read(fd, buf, size - 1);
	close(fd);
	if (n < 0)
		return errno;
	buf[n] = '\0';
	return 0;
}

static void set_public_key_file(const struct config_place *at)
{
	struct draft *d = at->target;
	char text[LIMIT_KEY_FILE], *begin, *end;
	char *path = beside(d, at->item->value);
	int error = path ? read_text(path, text, sizeof(text)) : ENOMEM;

	if (error) {
		config_place_error(at, "it cannot be read: %s",
				   strerror(error));
		d->bad = true;
		goto done;
	}
	begin = strstr(text, PEM_BEGIN);
	end = begin ? strstr(begin, PEM_END) : NULL;
	if (!end) {
		config_place_error(at, "there is no PUBLIC KEY in it; openssl "
				       "pkey -pubout writes one");
		d->bad = true;
	}
	/* Several in one file are several keys. */
	for (; end; end = begin ? strstr(begin, PEM_END) : NULL) {
		*end = '\0';
		add_key(d, at->errors, path, 0, begin + strlen(PEM_BEGIN));
		begin = strstr(end + 1, PEM_BEGIN);
	}
done:
	free(path);
}

/* What is in it is for the process that uses it. */
static void set_shared_key_file(const struct config_place *at)
{
	struct draft *d = at->target;

	d->peer->shared_key_file = beside(d, at->item->value);
	if (!d->peer->shared_key_file)
		d->no_memory = true;
	else if (access(d->peer->shared_key_file, F_OK) < 0 && errno == ENOENT)
		config_place_error(at, "there is no such file");
}

/* --- the whole file --------------------------------------------------------- */

static const struct config_key peer_keys[] = {
	[KEY_IDENTITY] = { "Peer", "Identity", false, set_identity },
	[KEY_ADDRESS] = { "Peer", "Address", true, set_address },
	[KEY_PUBLIC_KEY] = { "Peer", "PublicKey", true, set_public_key },
	[KEY_PUBLIC_KEY_FILE] = { "Peer", "PublicKeyFile", true,
				  set_public_key_file },
	[KEY_SHARED_KEY_FILE] = { "Peer", "SharedKeyFile", false,
				  set_shared_key_file },
};

static void check_peer(const struct draft *d, struct config_errors *errors,
		       const struct config_seen *seen)
{
	const struct known_peer *p = d->peer;
	unsigned shared = seen->key_line[KEY_SHARED_KEY_FILE];
	bool keys = seen->key_line[KEY_PUBLIC_KEY] ||
		    seen->key_line[KEY_PUBLIC_KEY_FILE];

	if (!p->line) {
		config_errors_add(errors, d->path, 0,
				  "There is no [Peer] in this file: see "
				  "tacit-keys(5)");
		return;
	}
	if (!p->identity && !d->bad_identity && !p->n_addresses)
		config_errors_add(errors, d->path, p->line,
				  "Identity= and Address= are missing: give "
				  "at least one of them");
	if (!p->n_keys && !shared && !d->bad)
		config_errors_add(errors, d->path, p->line,
				  "There is no key: give PublicKey=, "
				  "PublicKeyFile= or SharedKeyFile=");
	if (keys && shared)
		config_errors_add(errors, d->path, shared,
				  "A peer proves itself by a public key or by "
				  "a shared one: remove SharedKeyFile=, or "
				  "the public keys");
}

int config_peer_read(struct config_peers *all, const char *path,
		     struct config_errors *errors)
{
	static const struct config_keys keys = {
		.list = peer_keys,
		.count = sizeof(peer_keys) / sizeof(peer_keys[0]),
		.once = true,
	};
	struct draft d = { .path = path, .peer = calloc(1, sizeof(*d.peer)) };
	struct known_peer **grown;
	struct config_seen seen;

	if (!d.peer)
		return -ENOMEM;
	d.peer->file = strdup(path);
	if (!d.peer->file)
		goto fail;
	if (config_file_read(path, &keys, errors, &d, &seen)) {
		finish_text(&d, errors);
		d.peer->line = config_seen_section(&seen, "Peer");
		check_peer(&d, errors, &seen);
	}
	if (d.no_memory)
		goto fail;
	grown = reallocarray(all->list, all->count + 1,
			     sizeof(struct known_peer *));
	if (!grown)
		goto fail;
	all->list = grown;
	grown[all->count++] = d.peer;
	return 0;
fail:
	known_peer_free(d.peer);
	return -ENOMEM;
}

int config_peers_table(struct config_peers *all, struct config_errors *errors,
		       struct known_peers **ret)
{
	const struct known_peer *twins[2] = { NULL, NULL };
	int r = known_peers_new(all->list, all->count, twins, ret);

	if (r == 0)
		all->count = 0;
	if (r != -EEXIST)
		return r;
	config_errors_add(errors, twins[1]->file, twins[1]->line,
			  "The peer of %s has this identity, or one of these "
			  "addresses, already: remove one",
			  twins[0]->file);
	return 0;
}

void config_peers_done(struct config_peers *all)
{
	for (size_t i = 0; i < all->count; i++)
		known_peer_free(all->list[i]);
	free(all->list);
	*all = (struct config_peers){ 0 };
}
