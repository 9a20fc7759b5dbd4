/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A private key of this host: made, read from a PEM file, written to one, and
 * the public half of it. Only tacit-keyd holds one.
 *
 * A key file counts only when nobody else can have read or replaced it: a
 * regular file of the caller's user or root, without bits for others, and with
 * a group's read bit only where that is the caller's own group.
 */
#ifndef TACIT_DNSKEYS_OWN_KEY_H
#define TACIT_DNSKEYS_OWN_KEY_H

#include <openssl/types.h>
#include <stddef.h>
#include <stdint.h>

#include "dnskeys/key-life.h"
#include "util/secret.h"

/* "SHA256:" and 43 characters of base64, as ssh-keygen writes them. */
#define OWN_KEY_FINGERPRINT_LEN 52u

enum own_key_kind {
	OWN_KEY_ED25519,
	OWN_KEY_RSA_3072, /* for peers that know only RSA */
};

struct own_key {
	char name[LIMIT_KEY_NAME + 1]; /* of its file: see dnskeys/key-life.h */
	struct key_life life;
	char type[24]; /* "Ed25519", "RSA-3072", "ECDSA-P256" */
	uint64_t id;   /* the first bytes of a hash of the public half */
	EVP_PKEY *pkey;
	uint8_t *spki; /* SubjectPublicKeyInfo, DER */
	size_t spki_len;
};

/* What a file did that it should not; for one sentence with its remedy. */
struct own_key_fault {
	char text[192];
};

/*
 * Reads a key from the file name (in the directory) into *ret. 0; -ENOENT;
 * -EACCES: mode or owner; -EBADMSG: no unencrypted private key;
 * -EKEYREJECTED: RSA below 2048 or above 8192 bits, or a kind that cannot
 * sign for IKE; -errno. *fault says what is wrong and what to do, but for
 * -ENOENT.
 */
int own_key_load(int dir, const char *name, struct own_key *ret,
		 struct own_key_fault *fault)
	__attribute__((warn_unused_result));
/* A fresh one; takes a second for RSA. 0; -EIO; -ENOMEM. */
int own_key_generate(enum own_key_kind kind, struct own_key *ret)
	__attribute__((warn_unused_result));
/* Writes its file (PKCS#8), mode 0600, whole or not at all; one that is there
 * is not replaced: -EEXIST. 0 or -errno. */
int own_key_save(int dir, const struct own_key *k)
	__attribute__((warn_unused_result));
/* Its file gets the name of another life, where nothing has that yet: -EEXIST.
 * 0 or -errno, and then nothing is changed. */
int own_key_move(int dir, struct own_key *k, const struct key_life *life)
	__attribute__((warn_unused_result));
/* Its file goes. 0 or -errno. */
int own_key_remove(int dir, const struct own_key *k)
	__attribute__((warn_unused_result));
/* Wipes; takes one that is zeroed. */
void own_key_done(struct own_key *k);

/* Opens a file that holds a secret, after the checks above, for reading its at
 * most max bytes into buf. The length, or as own_key_load(); -EFBIG. */
int own_key_read_secret(int dir, const char *name, void *buf, size_t max,
			struct own_key_fault *fault)
	__attribute__((warn_unused_result));

/* Of any SPKI; returns buf. */
char *own_key_fingerprint(const void *spki, size_t len,
			  char buf[OWN_KEY_FINGERPRINT_LEN]);
/* The same of a SHA-256 that was made before (32 bytes). */
char *own_key_fingerprint_format(const uint8_t *digest,
				 char buf[OWN_KEY_FINGERPRINT_LEN]);
/* "Ed25519", "RSA-3072", "ECDSA-P256"; "" when unknown. Returns buf. */
char *own_key_type(const EVP_PKEY *key, char buf[24]);

#endif
