/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A TSIG key (RFC 8945) from a file as tsig-keygen writes it and nsupdate -k
 * reads it:
 *
 *   key "NAME" {
 *           algorithm hmac-sha256;
 *           secret "BASE64";
 *   };
 */
#ifndef TACIT_DNSKEYS_TSIG_KEY_H
#define TACIT_DNSKEYS_TSIG_KEY_H

#include <stddef.h>

/* Text of a name, and of the secret: 512 bits are more than any hash needs. */
#define TSIG_NAME_MAX	255u
#define TSIG_SECRET_MAX 255u
#define TSIG_FILE_MAX	4096u

struct tsig_key {
	char name[TSIG_NAME_MAX + 2];	  /* with its last dot */
	char algorithm[24];		  /* "hmac-sha256.", as DNS names it */
	char secret[TSIG_SECRET_MAX + 1]; /* base64 */
};

/* The first key in the text. 0; -EBADMSG: there is none, or it is not whole,
 * or its secret is not base64; -EOPNOTSUPP: an algorithm below HMAC-SHA-256 or
 * one that is unknown. Pure. */
int tsig_key_parse(const char *text, size_t len, struct tsig_key *ret)
	__attribute__((warn_unused_result));
/* From a file, which nobody but its owner and its group may be able to read.
 * As above; -EACCES: others may, or it may not be read; -ENOENT; -EFBIG;
 * -errno. */
int tsig_key_read(const char *path, struct tsig_key *ret)
	__attribute__((warn_unused_result));
void tsig_key_wipe(struct tsig_key *k);

#endif
