/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dnskeys/own-key.c: a key file counts only when nobody else can have had it,
 * and what is written is read again.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "dnskeys/own-key.h"

struct place {
	char path[64];
	int dir;
};

static int set_up(void **state)
{
	static struct place place;

	strcpy(place.path, "/tmp/test-own-key-XXXXXX");
	assert_non_null(mkdtemp(place.path));
	place.dir = open(place.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(place.dir >= 0);
	*state = &place;
	return 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;
	char command[128];

	close(place->dir);
	snprintf(command, sizeof(command), "rm -rf %s", place->path);
	return system(command);
}

static void write_file(const struct place *p, const char *name,
		       const char *text)
{
	int fd = openat(p->dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
			0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void write_key(const struct place *p, const char *name, EVP_PKEY *key,
		      const char *password)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long len;
	char copy[8192];

	assert_non_null(key);
	assert_int_equal(PEM_write_bio_PrivateKey(
				 bio, key, password ? EVP_aes_128_cbc() : NULL,
				 NULL, 0, NULL, (void *)(uintptr_t)password),
			 1);
	len = BIO_get_mem_data(bio, &text);
	assert_true((size_t)len < sizeof(copy));
	memcpy(copy, text, (size_t)len);
	copy[len] = '\0';
	write_file(p, name, copy);
	BIO_free(bio);
	EVP_PKEY_free(key);
}

static void test_round_trip(void **state)
{
	static const struct {
		enum own_key_kind kind;
		const char *file, *type;
	} kinds[] = {
		{ OWN_KEY_ED25519, "ed25519.pem", "Ed25519" },
		{ OWN_KEY_RSA_3072, "rsa.pem", "RSA-3072" },
	};
	struct place *p = *state;

	for (size_t i = 0; i < 2; i++) {
		struct own_key_fault fault;
		struct own_key made, read;
		struct stat st;

		assert_int_equal(own_key_generate(kinds[i].kind, &made), 0);
		assert_string_equal(made.type, kinds[i].type);
		assert_int_equal(own_key_save(p->dir, &made), 0);
		assert_int_equal(fstatat(p->dir, kinds[i].file, &st, 0), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		assert_int_equal(
			own_key_load(p->dir, kinds[i].file, &read, &fault), 0);
		assert_int_equal(read.id, made.id);
		assert_string_equal(read.name, made.name);
		assert_int_equal(read.spki_len, made.spki_len);
		assert_memory_equal(read.spki, made.spki, made.spki_len);
		assert_int_equal(EVP_PKEY_eq(read.pkey, made.pkey), 1);
		/* One that is there is never replaced. */
		assert_int_equal(own_key_save(p->dir, &made), -EEXIST);
		own_key_done(&made);
		own_key_done(&read);
		own_key_done(&read);
	}
	/* And nothing else is left there. */
	assert_int_equal(unlinkat(p->dir, "ed25519.pem", 0), 0);
	assert_int_equal(unlinkat(p->dir, "rsa.pem", 0), 0);
	assert_int_equal(rmdir(p->path), 0);
	assert_int_equal(mkdir(p->path, 0700), 0);
}

/* RFC 8410 10.3 has this key, and 10.1 its public half. */
static void test_known_key(void **state)
{
	static const char pem[] =
		"-----BEGIN PRIVATE KEY-----\n"
		"MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
		"-----END PRIVATE KEY-----\n";
	static const uint8_t public[] = {
		0x19, 0xbf, 0x44, 0x09, 0x69, 0x84, 0xcd, 0xfe,
		0x85, 0x41, 0xba, 0xc1, 0x67, 0xdc, 0x3b, 0x96,
		0xc8, 0x50, 0x86, 0xaa, 0x30, 0xb6, 0xb6, 0xcb,
		0x0c, 0x5c, 0x38, 0xad, 0x70, 0x31, 0x66, 0xe1,
	};
	char print[OWN_KEY_FINGERPRINT_LEN];
	struct own_key_fault fault;
	struct place *p = *state;
	struct own_key k;

	write_file(p, "x.pem", pem);
	assert_int_equal(own_key_load(p->dir, "x.pem", &k, &fault), 0);
	assert_int_equal(k.spki_len, 44);
	assert_memory_equal(k.spki + 12, public, sizeof(public));
	own_key_fingerprint(k.spki, k.spki_len, print);
	assert_int_equal(strlen(print), OWN_KEY_FINGERPRINT_LEN - 2);
	assert_memory_equal(print, "SHA256:", 7);
	own_key_done(&k);
}

static void test_modes(void **state)
{
	static const struct {
		mode_t mode;
		uid_t uid; /* 0: ours */
		gid_t gid;
		int want;
	} cases[] = {
		{ 0600, 0, 0, 0 },	    { 0400, 0, 0, 0 },
		{ 0640, 0, 0, 0 },	    { 0640, 0, 4711, -EACCES },
		{ 0660, 0, 0, -EACCES },    { 0604, 0, 0, -EACCES },
		{ 0644, 0, 0, -EACCES },    { 0601, 0, 0, -EACCES },
		{ 0600, 4711, 0, -EACCES }, { 0777, 0, 0, -EACCES },
		{ 0610, 0, 0, -EACCES },
	};
	struct place *p = *state;
	struct own_key k;

	assert_int_equal(own_key_generate(OWN_KEY_ED25519, &k), 0);
	assert_int_equal(own_key_save(p->dir, &k), 0);
	own_key_done(&k);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct own_key_fault fault = { "" };
		uid_t uid = cases[i].uid ? cases[i].uid : geteuid();
		gid_t gid = cases[i].gid ? cases[i].gid : getegid();
		int r;

		if (geteuid() != 0 && (cases[i].uid || cases[i].gid))
			continue;
		assert_int_equal(fchownat(p->dir, "ed25519.pem", uid, gid, 0),
				 0);
		assert_int_equal(
			fchmodat(p->dir, "ed25519.pem", cases[i].mode, 0), 0);
		r = own_key_load(p->dir, "ed25519.pem", &k, &fault);
		if (r != cases[i].want)
			print_error("mode %04o, owner %u:%u\n", cases[i].mode,
				    (unsigned)uid, (unsigned)gid);
		assert_int_equal(r, cases[i].want);
		if (r == 0)
			own_key_done(&k);
		else
			assert_int_not_equal(fault.text[0], '\0');
	}
}

static void expect(const struct place *p, const char *name, int want,
		   const char *says)
{
	struct own_key_fault fault = { "" };
	struct own_key k;
	int r = own_key_load(p->dir, name, &k, &fault);

	if (r != want || (says && !strstr(fault.text, says)))
		print_error("%s: %d, %s\n", name, r, fault.text);
	assert_int_equal(r, want);
	if (says)
		assert_non_null(strstr(fault.text, says));
}

static void test_bad_files(void **state)
{
	static char large[LIMIT_KEY_FILE + 2];
	struct place *p = *state;
	char target[128];

	expect(p, "none.pem", -ENOENT, NULL);
	expect(p, "key.txt", -EINVAL, ".pem");
	expect(p, ".pem", -EINVAL, ".pem");
	write_file(p, "empty.pem", "");
	expect(p, "empty.pem", -EBADMSG, "no private key");
	write_file(p, "text.pem", "Dear diary\n");
	expect(p, "text.pem", -EBADMSG, "no private key");
	memset(large, 'x', sizeof(large) - 1);
	write_file(p, "large.pem", large);
	expect(p, "large.pem", -EFBIG, "larger");
	write_key(p, "locked.pem", EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"),
		  "secret");
	expect(p, "locked.pem", -EBADMSG, "encrypted");
	write_key(p, "small.pem", EVP_RSA_gen(1024), NULL);
	expect(p, "small.pem", -EKEYREJECTED, "1024");
	write_key(p, "x25519.pem", EVP_PKEY_Q_keygen(NULL, NULL, "X25519"),
		  NULL);
	expect(p, "x25519.pem", -EKEYREJECTED, "kind");
	write_key(p, "curve.pem",
		  EVP_PKEY_Q_keygen(NULL, NULL, "EC", "secp256k1"), NULL);
	expect(p, "curve.pem", -EKEYREJECTED, "kind");
	snprintf(target, sizeof(target), "%s/locked.pem", p->path);
	assert_int_equal(symlinkat(target, p->dir, "link.pem"), 0);
	expect(p, "link.pem", -EACCES, "symbolic link");
	assert_int_equal(mkfifoat(p->dir, "fifo.pem", 0600), 0);
	expect(p, "fifo.pem", -EACCES, "regular");
	assert_int_equal(mkdirat(p->dir, "dir.pem", 0700), 0);
	expect(p, "dir.pem", -EACCES, "regular");
}

static void test_types(void **state)
{
	static const struct {
		const char *group, *type;
	} curves[] = { { "P-256", "ECDSA-P256" },
		       { "P-384", "ECDSA-P384" },
		       { "P-521", "ECDSA-P521" } };
	struct place *p = *state;

	for (size_t i = 0; i < 3; i++) {
		struct own_key_fault fault;
		struct own_key k;

		write_key(p, "ec.pem",
			  EVP_PKEY_Q_keygen(NULL, NULL, "EC", curves[i].group),
			  NULL);
		assert_int_equal(own_key_load(p->dir, "ec.pem", &k, &fault), 0);
		assert_string_equal(k.type, curves[i].type);
		own_key_done(&k);
	}
}

static void test_secret(void **state)
{
	struct own_key_fault fault = { "" };
	struct place *p = *state;
	char buf[8];

	write_file(p, "psk", "abcdefgh");
	assert_int_equal(own_key_read_secret(p->dir, "psk", buf, 8, &fault), 8);
	assert_memory_equal(buf, "abcdefgh", 8);
	assert_int_equal(own_key_read_secret(p->dir, "psk", buf, 7, &fault),
			 -EFBIG);
	/* Nothing of it is left. */
	assert_memory_equal(buf, "\0\0\0\0\0\0\0", 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		T(test_round_trip), T(test_known_key), T(test_modes),
		T(test_bad_files),  T(test_types),     T(test_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
