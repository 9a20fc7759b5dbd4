/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Private keys in files. What is read passes through memory that is wiped; a
 * file is written under another name and linked into place.
 */
#include "config.h"

#include "dnskeys/own-key.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192

__attribute__((format(printf, 2, 3))) static void fault_say(
	struct own_key_fault *f, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(f->text, sizeof(f->text), format, ap);
	va_end(ap);
}

/* --- files ------------------------------------------------------------------ */

static int check_secret(const struct stat *st, struct own_key_fault *fault)
{
	if (!S_ISREG(st->st_mode)) {
		fault_say(fault, "it is not a regular file: remove it");
		return -EACCES;
	}
	if (st->st_uid != geteuid() && st->st_uid != 0) {
		fault_say(fault,
			  "it belongs to user id %u, who could change it: "
			  "chown it to root or to user id %u",
			  (unsigned)st->st_uid, (unsigned)geteuid());
		return -EACCES;
	}
	if (st->st_mode & 0037 ||
	    (st->st_mode & 0040 && st->st_gid != getegid())) {
		fault_say(fault,
			  "its mode is %04o, so that others can get at it: "
			  "chmod 600, and use a new secret if they may have",
			  (unsigned)st->st_mode & 07777);
		return -EACCES;
	}
	return 0;
}

static int read_all(int fd, void *buf, size_t max, struct own_key_fault *fault)
{
	size_t len = 0;
	char more;
	ssize_t n;

	while (len < max) {
		n = read(fd, (char *)buf + len, max - len);
		if (n < 0) {
			fault_say(fault, "it cannot be read: %s",
				  strerror(errno));
			return -errno;
		}
		if (n == 0)
			return (int)len;
		len += (size_t)n;
	}
	if (read(fd, &more, 1) == 0)
		return (int)len;
	fault_say(fault, "it is larger than %zu bytes", max);
	return -EFBIG;
}

int own_key_read_secret(int dir, const char *name, void *buf, size_t max,
			struct own_key_fault *fault)
{
	/* Not through a link: who owns that is another question. */
	int fd = openat(dir, name,
			O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK |
				O_NOCTTY);
	struct stat st;
	int r;

	if (fd < 0) {
		r = -errno;
		fault_say(fault,
			  r == -ELOOP ? "it is a symbolic link: put the file "
					"itself there"
				      : "it cannot be opened: %s",
			  strerror(-r));
		return r == -ELOOP ? -EACCES : r;
	}
	r = fstat(fd, &st) < 0 ? -errno : check_secret(&st, fault);
	if (r == 0)
		r = read_all(fd, buf, max, fault);
	if (r < 0)
		secret_wipe(buf, max);
	close(fd);
	return r;
}

/* --- what kind of key it is ------------------------------------------------- */

static const struct {
	const char *group, *name;
} curves[] = {
	{ "prime256v1", "ECDSA-P256" },
	{ "secp384r1", "ECDSA-P384" },
	{ "secp521r1", "ECDSA-P521" },
};

static const char *curve_name(const EVP_PKEY *key)
{
	char group[32];
	size_t len;

	if (!EVP_PKEY_get_group_name(key, group, sizeof(group), &len))
		return NULL;
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
		if (!strcmp(group, curves[i].group))
			return curves[i].name;
	return NULL;
}

char *own_key_type(const EVP_PKEY *key, char buf[24])
{
	const char *name = NULL;

	buf[0] = '\0';
	if (EVP_PKEY_is_a(key, "RSA"))
		snprintf(buf, 24, "RSA-%d", EVP_PKEY_get_bits(key));
	else if (EVP_PKEY_is_a(key, "ED25519"))
		name = "Ed25519";
	else if (EVP_PKEY_is_a(key, "ED448"))
		name = "Ed448";
	else if (EVP_PKEY_is_a(key, "EC"))
		name = curve_name(key);
	if (name)
		snprintf(buf, 24, "%s", name);
	return buf;
}

/* Fills in what follows from the pkey. */
static int describe(struct own_key *k, struct own_key_fault *fault)
{
	int bits = EVP_PKEY_get_bits(k->pkey), len;
	unsigned char digest[32];

	own_key_type(k->pkey, k->type);
	if (!k->type[0]) {
		fault_say(fault, "a key of this kind cannot be used: take "
				 "Ed25519, Ed448, ECDSA P-256, P-384 or "
				 "P-521, or RSA");
		return -EKEYREJECTED;
	}
	if (EVP_PKEY_is_a(k->pkey, "RSA") &&
	    (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)) {
		fault_say(fault,
			  "an RSA key of %d bits is refused: take one "
			  "of 3072",
			  bits);
		return -EKEYREJECTED;
	}
	len = i2d_PUBKEY(k->pkey, &k->spki);
	if (len <= 0 || (size_t)len > LIMIT_IKE_SPKI) {
		fault_say(fault, "its public half cannot be written");
		return -EIO;
	}
	k->spki_len = (size_t)len;
	if (EVP_Q_digest(NULL, "SHA256", NULL, k->spki, k->spki_len, digest,
			 NULL) != 1)
		return -EIO;
	memcpy(&k->id, digest, sizeof(k->id));
	return 0;
}

char *own_key_fingerprint_format(const uint8_t *digest,
				 char buf[OWN_KEY_FINGERPRINT_LEN])
{
	unsigned char text[48] = ""; /* with padding */

	EVP_EncodeBlock(text, digest, 32);
	snprintf(buf, OWN_KEY_FINGERPRINT_LEN, "SHA256:%.43s",
		 (const char *)text);
	return buf;
}

char *own_key_fingerprint(const void *spki, size_t len,
			  char buf[OWN_KEY_FINGERPRINT_LEN])
{
	unsigned char digest[32] = { 0 };

	(void)EVP_Q_digest(NULL, "SHA256", NULL, spki, len, digest, NULL);
	return own_key_fingerprint_format(digest, buf);
}

/* --- read, make, write ------------------------------------------------------ */

/* Without it OpenSSL would ask on the terminal. */
static int no_password(char *buf, int size, int writing, void *user)
{
	(void)buf;
	(void)size;
	(void)writing;
	*(bool *)user = true;
	return -1;
}

static int parse_pem(const char *pem, int len, struct own_key *k,
		     struct own_key_fault *fault)
{
	BIO *bio = BIO_new_mem_buf(pem, len);
	bool encrypted = false;

	if (!bio)
		return -ENOMEM;
	k->pkey = PEM_read_bio_PrivateKey(bio, NULL, no_password, &encrypted);
	BIO_free(bio);
	if (k->pkey)
		return describe(k, fault);
	fault_say(fault,
		  encrypted ? "it is encrypted, and nobody is there to ask: "
			      "openssl pkey writes it without a password"
			    : "there is no private key in PEM form in it");
	return -EBADMSG;
}

static int set_name(struct own_key *k, const char *file,
		    struct own_key_fault *fault)
{
	if (key_life_parse(file, k->name, &k->life) == 0)
		return 0;
	fault_say(fault,
		  "its name must end in .pem, and have at most "
		  "%u characters before that",
		  LIMIT_KEY_NAME);
	return -EINVAL;
}

int own_key_load(int dir, const char *name, struct own_key *ret,
		 struct own_key_fault *fault)
{
	struct own_key k = { 0 };
	char pem[LIMIT_KEY_FILE];
	int n, r = set_name(&k, name, fault);

	if (r < 0)
		return r;
	n = own_key_read_secret(dir, name, pem, sizeof(pem), fault);
	if (n < 0)
		return n;
	r = parse_pem(pem, n, &k, fault);
	secret_wipe(pem, sizeof(pem));
	if (r < 0) {
		own_key_done(&k);
		return r;
	}
	*ret = k;
	return 0;
}

int own_key_generate(enum own_key_kind kind, struct own_key *ret)
{
	struct own_key k = { 0 };
	struct own_key_fault fault;
	int r = -EIO;

	switch (kind) {
	case OWN_KEY_ED25519:
		strcpy(k.name, "ed25519");
		k.pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		break;
	case OWN_KEY_RSA_3072:
		strcpy(k.name, "rsa");
		k.pkey = EVP_RSA_gen(3072);
		break;
	}
	if (k.pkey)
		r = describe(&k, &fault);
	if (r < 0) {
		own_key_done(&k);
		return r;
	}
	*ret = k;
	return 0;
}

/* Renamed only where nothing is, so that a key is never lost. */
static int write_new(int dir, const char *name, const void *data, size_t len)
{
	char temporary[KEY_FILE_LEN + 16];
	int fd, r = 0;

	snprintf(temporary, sizeof(temporary), ".%s.%d", name, (int)getpid());
	(void)unlinkat(dir, temporary, 0);
	fd = openat(dir, temporary,
		    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (write(fd, data, len) != (ssize_t)len)
		r = errno ? -errno : -EIO;
	else if (fsync(fd) < 0)
		r = -errno;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && linkat(dir, temporary, dir, name, 0) < 0)
		r = -errno;
	(void)unlinkat(dir, temporary, 0);
	if (r == 0 && fsync(dir) < 0)
		r = -errno;
	return r;
}

int own_key_save(int dir, const struct own_key *k)
{
	char file[KEY_FILE_LEN];
	int r = key_life_format(k->name, &k->life, file);
	BIO *bio;
	char *pem;
	long len;

	if (r < 0)
		return r;
	bio = BIO_new(BIO_s_secmem());
	if (!bio)
		return -ENOMEM;
	r = -EIO;
	if (PEM_write_bio_PrivateKey(bio, k->pkey, NULL, NULL, 0, NULL, NULL)) {
		len = BIO_get_mem_data(bio, &pem);
		r = write_new(dir, file, pem, (size_t)len);
	}
	BIO_free(bio);
	return r;
}

int own_key_move(int dir, struct own_key *k, const struct key_life *life)
{
	char from[KEY_FILE_LEN], to[KEY_FILE_LEN];
	int r = key_life_format(k->name, &k->life, from);

	if (r == 0)
		r = key_life_format(k->name, life, to);
	if (r == 0 && renameat2(dir, from, dir, to, RENAME_NOREPLACE) < 0)
		r = -errno;
	if (r < 0)
		return r;
	k->life = *life;
	/* The move is done, kept or not: after a crash it is done again. */
	(void)fsync(dir);
	return 0;
}

int own_key_remove(int dir, const struct own_key *k)
{
	char file[KEY_FILE_LEN];
	int r = key_life_format(k->name, &k->life, file);

	if (r == 0 && unlinkat(dir, file, 0) < 0)
		r = -errno;
	return r;
}

void own_key_done(struct own_key *k)
{
	/* OpenSSL wipes the private parts of what it frees. */
	EVP_PKEY_free(k->pkey);
	OPENSSL_free(k->spki);
	*k = (struct own_key){ 0 };
}
