/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Peers by address and by identity, as keys.d/ has them. */
#include "config.h"

#include "agent/key-file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "dnskeys/own-key.h"
#include "util/log.h"

/* RFC 7296 2.15 wants as much entropy as the strongest key negotiated; what is
 * shorter than this has not even a chance. */
#define SHARED_SHORT 16

struct entry {
	struct ike_identity identity; /* type 0: its address */
	struct keyset *keys;	      /* NULL: none that can be used */
	struct secret shared;
};

struct key_files {
	const struct known_peers *peers;
	struct entry *entries; /* in their order */
	size_t n;
};

/* The file's text without its last line break. */
static void read_shared(struct entry *e, const struct known_peer *p)
{
	struct own_key_fault fault = { "" };
	uint8_t text[LIMIT_IKE_SHARED_KEY + 2];
	int n = own_key_read_secret(AT_FDCWD, p->shared_key_file, text,
				    sizeof(text), &fault);

	if (n > 0 && text[n - 1] == '\n')
		n--;
	if (n > 0 && text[n - 1] == '\r')
		n--;
	if (n == 0)
		strcpy(fault.text, "it is empty");
	if (n <= 0 || secret_set(&e->shared, text, (size_t)n) < 0)
		log_error("%s (SharedKeyFile= in %s) is not used: %s. It must "
			  "be readable for the user of tacitd, and for no "
			  "other but root: chown root:" AGENT_USER
			  " and chmod 640.",
			  p->shared_key_file, p->file, fault.text);
	else if (n < SHARED_SHORT)
		log_warning("%s: a shared key of %d bytes can be guessed from "
			    "one overheard attempt; make one with openssl rand "
			    "-base64 32.",
			    p->shared_key_file, n);
	secret_wipe(text, sizeof(text));
}

static const char *key_fault(const struct known_key *k)
{
	const unsigned char *at = k->spki;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)k->len);
	const char *fault = NULL;
	char type[24];

	if (!key || at != k->spki + k->len)
		fault = "it is no SubjectPublicKeyInfo";
	else if (!*own_key_type(key, type))
		fault = "keys of this kind cannot be used";
	else if (EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) < 2048)
		fault = "RSA keys below 2048 bits are refused";
	EVP_PKEY_free(key);
	return fault;
}

static int add_keys(struct entry *e, const struct known_peer *p)
{
	int r = 0;

	if (!p->n_keys)
		return 0;
	e->keys = keyset_new(KEYSET_SECURE, KEYSET_FILE, p->identity);
	if (!e->keys)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_keys && r == 0; i++) {
		const struct keyset_key key = {
			.precedence = (uint8_t)i,
			.spki = p->keys[i].spki,
			.spki_len = p->keys[i].len,
		};
		const char *fault = key_fault(&p->keys[i]);

		if (fault) {
			log_error("%s: public key %zu is not used: %s.",
				  p->file, i + 1, fault);
			e->keys->skipped++;
			continue;
		}
		r = keyset_add(e->keys, &key);
	}
	return r;
}

int key_files_new(const struct known_peers *peers, struct key_files **ret)
{
	struct key_files *f = calloc(1, sizeof(*f));
	const struct known_peer *p;
	int r = 0;

	if (!f)
		return -ENOMEM;
	f->peers = peers;
	while (known_peers_at(peers, f->n))
		f->n++;
	f->entries = calloc(f->n + 1, sizeof(*f->entries));
	if (!f->entries)
		r = -ENOMEM;
	for (size_t i = 0; r == 0 && (p = known_peers_at(peers, i)); i++) {
		struct entry *e = &f->entries[i];

		if (p->identity &&
		    ike_identity_parse(p->identity, &e->identity) < 0) {
			log_error("%s: Identity=%s cannot be used.", p->file,
				  p->identity);
			continue;
		}
		if (p->shared_key_file)
			read_shared(e, p);
		r = add_keys(e, p);
	}
	if (r < 0) {
		key_files_free(f);
		return r;
	}
	*ret = f;
	return 0;
}

int key_files_replace(struct key_files *f, const struct known_peers *peers)
{
	struct key_files *next = NULL, before = *f;
	int r = key_files_new(peers, &next);

	if (r < 0)
		next = calloc(1, sizeof(*next));
	*f = next ? *next : (struct key_files){ 0 };
	if (next)
		*next = before;
	key_files_free(next);
	return r;
}

struct key_files *key_files_free(struct key_files *f)
{
	if (!f)
		return NULL;
	for (size_t i = 0; f->entries && i < f->n; i++) {
		keyset_unref(f->entries[i].keys);
		secret_done(&f->entries[i].shared);
	}
	free(f->entries);
	free(f);
	return NULL;
}

static bool is_at(const struct known_peer *p, const struct addr *remote)
{
	struct addr a = *remote;

	a.scope = 0;
	for (size_t i = 0; i < p->n_addresses; i++)
		if (addr_equal(&p->addresses[i], &a))
			return true;
	return p->n_addresses == 0;
}

/* By the policy's own names, for one that may be anywhere. */
static const struct known_peer *of_policy(const struct key_files *f,
					  const struct policy *policy)
{
	for (size_t i = 0; policy && i < policy->n_identities; i++) {
		const struct known_peer *p = known_peers_by_identity(
			f->peers, policy->identities[i]);

		if (p && !p->n_addresses)
			return p;
	}
	return NULL;
}

static const struct known_peer *find_peer(const struct key_files *f,
					  const struct key_question *q)
{
	const struct known_peer *here =
		known_peers_by_address(f->peers, &q->remote);
	struct ike_identity address = ike_identity_of_addr(&q->remote);
	const struct known_peer *named;
	char text[IKE_IDENTITY_STRLEN];

	if (ike_identity_is_none(&q->identity))
		return here ? here : of_policy(f, q->policy);
	named = known_peers_by_identity(
		f->peers, ike_identity_format(&q->identity, text));
	if (named)
		return named;
	/* Who is known by its address alone is whichever of them it is at. */
	return here && !here->identity &&
			       ike_identity_equal(&q->identity, &address)
		       ? here
		       : NULL;
}

static int files_find(void *user, const struct key_question *q,
		      struct key_answer *ret)
{
	const struct key_files *f = user;
	const struct known_peer *p = find_peer(f, q);
	const struct entry *e;

	/* Whose address it is, is written: nobody else is there, and no other
	 * source is asked whether he is. */
	if (!p)
		return known_peers_by_address(f->peers, &q->remote) ? -EPERM
								    : -ENOENT;
	if (!is_at(p, &q->remote))
		return -EPERM;
	e = &f->entries[p->index];
	*ret = (struct key_answer){
		.identity = p->identity ? e->identity
					: ike_identity_of_addr(&q->remote),
		.keys = e->keys ? keyset_ref(e->keys) : NULL,
		.shared = { e->shared.data, e->shared.len },
	};
	return 0;
}

struct key_source key_files_source(struct key_files *f)
{
	return (struct key_source){ .user = f, .find = files_find };
}
