/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A set is small and made once: keys are kept in an array in order.
 */
#include "util/keyset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/limits.h"

const char *keyset_status_name(enum keyset_status s)
{
	static const char *const names[] = {
		[KEYSET_SECURE] = "secure",
		[KEYSET_INSECURE] = "insecure",
		[KEYSET_BOGUS] = "bogus",
		[KEYSET_NONE] = "none",
		[KEYSET_UNREACHABLE] = "unreachable",
	};

	return names[s];
}

const char *keyset_source_name(enum keyset_source s)
{
	static const char *const names[] = {
		[KEYSET_REVERSE] = "reverse", [KEYSET_FORWARD] = "forward",
		[KEYSET_POINTER] = "pointer", [KEYSET_FILE] = "file",
		[KEYSET_COMMAND] = "command",
	};

	return names[s];
}

struct keyset *keyset_new(enum keyset_status status, enum keyset_source source,
			  const char *name)
{
	struct keyset *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->refs = 1;
	k->status = status;
	k->source = source;
	if (name) {
		k->name = strdup(name);
		if (!k->name)
			return keyset_unref(k);
	}
	return k;
}

static void key_done(struct keyset_key *key)
{
	free((void *)key->spki);
	free(key->gateway_name);
}

static int key_copy(const struct keyset_key *from, struct keyset_key *ret)
{
	struct keyset_key key = *from;
	uint8_t *spki = malloc(from->spki_len);

	key.spki = spki;
	key.gateway_name =
		from->gateway_name ? strdup(from->gateway_name) : NULL;
	if (!spki || (from->gateway_name && !key.gateway_name)) {
		key_done(&key);
		return -ENOMEM;
	}
	memcpy(spki, from->spki, from->spki_len);
	*ret = key;
	return 0;
}

int keyset_add(struct keyset *k, const struct keyset_key *key)
{
	struct keyset_key copy, *grown;
	size_t at = k->n;
	int rc;

	if (k->n >= LIMIT_KEYSET_KEYS)
		return -ENOSPC;
	if (key->spki_len == 0 || key->spki_len > KEYSET_SPKI_MAX)
		return -EMSGSIZE;
	rc = key_copy(key, &copy);
	if (rc < 0)
		return rc;
	grown = realloc(k->keys, (k->n + 1) * sizeof(*grown));
	if (!grown) {
		key_done(&copy);
		return -ENOMEM;
	}
	k->keys = grown;
	for (; at && grown[at - 1].precedence > key->precedence; at--)
		grown[at] = grown[at - 1];
	grown[at] = copy;
	k->n++;
	return 0;
}

struct keyset *keyset_ref(struct keyset *k)
{
	k->refs++;
	return k;
}

struct keyset *keyset_unref(struct keyset *k)
{
	if (!k || --k->refs)
		return NULL;
	for (size_t i = 0; i < k->n; i++)
		key_done(&k->keys[i]);
	free(k->keys);
	free(k->name);
	free(k);
	return NULL;
}
