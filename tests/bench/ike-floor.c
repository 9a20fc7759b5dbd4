/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a responder's handshake costs in OpenSSL's primitives alone: a key
 * pair, a shared secret, and where there are keys a signature made and one
 * verified. For tests/bench/handshake, on the same machine in the same run.
 * Whatever can be prepared once is prepared once: this is the floor.
 *
 * usage: ike-floor GROUP [KEY-TYPE]: X25519, X448, P-256 ...; ED25519, RSA or
 * P-256. Prints JSON, microseconds of CPU.
 */
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RUN_US 100000.0
#define RUNS   6

struct floor {
	EVP_PKEY_CTX *generate;
	EVP_PKEY *peer;
	EVP_PKEY *key;
	bool hash; /* the signature wants one */
};

static void must(bool ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "ike-floor: %s\n", what);
		exit(1);
	}
}

static double cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void key_exchange(struct floor *f)
{
	EVP_PKEY *own = NULL;
	EVP_PKEY_CTX *ctx;
	uint8_t secret[512];
	size_t len = sizeof(secret);

	must(EVP_PKEY_generate(f->generate, &own) > 0, "generate");
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
	must(ctx && EVP_PKEY_derive_init(ctx) > 0 &&
		     EVP_PKEY_derive_set_peer_ex(ctx, f->peer, 0) > 0 &&
		     EVP_PKEY_derive(ctx, secret, &len) > 0,
	     "derive");
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(own);
}

/* As long as the octets of AUTH usually are. */
static const uint8_t octets[400];
static uint8_t signature[1024];
static size_t signature_len;

static void sign(struct floor *f)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	signature_len = sizeof(signature);
	must(ctx &&
		     EVP_DigestSignInit_ex(ctx, NULL, f->hash ? "SHA256" : NULL,
					   NULL, NULL, f->key, NULL) > 0 &&
		     EVP_DigestSign(ctx, signature, &signature_len, octets,
				    sizeof(octets)) > 0,
	     "sign");
	EVP_MD_CTX_free(ctx);
}

static void verify(struct floor *f)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	must(ctx &&
		     EVP_DigestVerifyInit_ex(ctx, NULL,
					     f->hash ? "SHA256" : NULL, NULL,
					     NULL, f->key, NULL) > 0 &&
		     EVP_DigestVerify(ctx, signature, signature_len, octets,
				      sizeof(octets)) > 0,
	     "verify");
	EVP_MD_CTX_free(ctx);
}

/* Microseconds of one, over a tenth of a second. */
static double run(struct floor *f, void (*what)(struct floor *))
{
	double start = cpu_us(), spent;
	unsigned n = 0;

	do {
		for (unsigned i = 0; i < 8; i++)
			what(f);
		n += 8;
		spent = cpu_us() - start;
	} while (spent < RUN_US);
	return spent / n;
}

/* The best of some runs, as for the responders. */
static double measure(struct floor *f, void (*what)(struct floor *))
{
	double best;

	what(f);
	best = run(f, what);
	for (unsigned i = 1; i < RUNS; i++) {
		double us = run(f, what);

		best = us < best ? us : best;
	}
	return best;
}

static EVP_PKEY *make_key(const char *type)
{
	if (!strcmp(type, "RSA"))
		return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	if (!strncmp(type, "P-", 2))
		return EVP_PKEY_Q_keygen(NULL, NULL, "EC", type);
	return EVP_PKEY_Q_keygen(NULL, NULL, type);
}

static EVP_PKEY_CTX *make_generator(const char *group)
{
	bool modp = !strncmp(group, "MODP-", 5);
	const char *type = modp			      ? "DH"
			   : !strncmp(group, "P-", 2) ? "EC"
						      : group;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	char name[32];

	snprintf(name, sizeof(name), "modp_%s", group + 5);
	must(ctx && EVP_PKEY_keygen_init(ctx) > 0, group);
	if (type != group)
		must(EVP_PKEY_CTX_set_group_name(ctx, modp ? name : group) > 0,
		     group);
	return ctx;
}

int main(int argc, char **argv)
{
	struct floor f = { 0 };
	double exchange, signing = 0, verifying = 0;

	if (argc < 2) {
		fputs("usage: ike-floor GROUP [KEY-TYPE]\n", stderr);
		return 2;
	}
	f.generate = make_generator(argv[1]);
	must(EVP_PKEY_generate(f.generate, &f.peer) > 0, "peer");
	exchange = measure(&f, key_exchange);
	if (argc > 2) {
		f.key = make_key(argv[2]);
		must(f.key != NULL, argv[2]);
		f.hash = strncmp(argv[2], "ED", 2) != 0;
		signing = measure(&f, sign);
		verifying = measure(&f, verify);
	}
	printf("{\"exchange\": %.1f, \"sign\": %.1f, \"verify\": %.1f}\n",
	       exchange, signing, verifying);
	EVP_PKEY_CTX_free(f.generate);
	EVP_PKEY_free(f.peer);
	EVP_PKEY_free(f.key);
	return 0;
}
