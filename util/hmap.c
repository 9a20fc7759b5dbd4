/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The hash map and SipHash. While the table grows there are two of them: a
 * node lies in the old one while its bucket there is not moved yet, else in
 * the new one. So each hash has exactly one chain at any time, lookups look
 * at one bucket, and each insertion moves HMAP_MOVE buckets. Growing begins
 * with as many nodes as buckets and is over long before the next time.
 */
#include "util/hmap.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HMAP_FIRST 16u
#define HMAP_MOVE  4u

static uint64_t rotl(uint64_t v, unsigned int n)
{
	return v << n | v >> (64 - n);
}

static void sip_rounds(uint64_t v[4], unsigned int n)
{
	while (n--) {
		v[0] += v[1];
		v[1] = rotl(v[1], 13) ^ v[0];
		v[0] = rotl(v[0], 32);
		v[2] += v[3];
		v[3] = rotl(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = rotl(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = rotl(v[1], 17) ^ v[2];
		v[2] = rotl(v[2], 32);
	}
}

static uint64_t load_le64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

static uint64_t load_rest(const uint8_t *p, size_t len)
{
	uint64_t v = 0;

	for (size_t i = 0; i < len; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

/* Aumasson and Bernstein, "SipHash: a fast short-input PRF", section 2. */
uint64_t hash_bytes(const struct hash_key *key, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t last = (uint64_t)len << 56;
	uint64_t m;
	uint64_t v[4] = {
		key->k0 ^ 0x736f6d6570736575,
		key->k1 ^ 0x646f72616e646f6d,
		key->k0 ^ 0x6c7967656e657261,
		key->k1 ^ 0x7465646279746573,
	};

	for (; len >= 8; p += 8, len -= 8) {
		m = load_le64(p);
		v[3] ^= m;
		sip_rounds(v, 2);
		v[0] ^= m;
	}
	last |= load_rest(p, len);
	v[3] ^= last;
	sip_rounds(v, 2);
	v[0] ^= last;
	v[2] ^= 0xff;
	sip_rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void hmap_init(struct hmap *m)
{
	*m = (struct hmap){ 0 };
}

void hmap_done(struct hmap *m)
{
	free(m->buckets);
	free(m->old);
	hmap_init(m);
}

/* The one chain that a hash can be in. The map has a table. */
static struct hmap_node **hmap_chain(const struct hmap *m, uint64_t hash)
{
	if (m->old && (hash & m->old_mask) >= m->old_pos)
		return &m->old[hash & m->old_mask];
	return &m->buckets[hash & m->mask];
}

static void hmap_link(struct hmap *m, struct hmap_node *n)
{
	struct hmap_node **chain = hmap_chain(m, n->hash);

	n->next = *chain;
	*chain = n;
	if (chain == &m->buckets[n->hash & m->mask] &&
	    (n->hash & m->mask) < m->any_pos)
		m->any_pos = n->hash & m->mask;
}

static void hmap_move(struct hmap *m)
{
	struct hmap_node *n, *next;

	for (unsigned int i = 0; m->old && i < HMAP_MOVE; i++) {
		n = m->old[m->old_pos];
		m->old[m->old_pos++] = NULL;
		for (; n; n = next) {
			next = n->next;
			hmap_link(m, n);
		}
		if (m->old_pos > m->old_mask) {
			free(m->old);
			m->old = NULL;
		}
	}
}

static int hmap_grow(struct hmap *m)
{
	size_t size = m->buckets ? (m->mask + 1) * 2 : HMAP_FIRST;
	struct hmap_node **buckets = calloc(size, sizeof(struct hmap_node *));

	if (!buckets)
		return -ENOMEM;
	m->old = m->buckets;
	m->old_mask = m->mask;
	m->old_pos = 0;
	m->buckets = buckets;
	m->mask = size - 1;
	m->any_pos = size;
	return 0;
}

int hmap_insert(struct hmap *m, struct hmap_node *n, uint64_t hash)
{
	if (!m->old && (!m->buckets || m->count > m->mask) &&
	    hmap_grow(m) < 0 && !m->buckets)
		return -ENOMEM;
	hmap_move(m);
	n->hash = hash;
	hmap_link(m, n);
	m->count++;
	return 0;
}

void hmap_remove(struct hmap *m, struct hmap_node *n)
{
	struct hmap_node **at = hmap_chain(m, n->hash);

	while (*at != n)
		at = &(*at)->next;
	*at = n->next;
	m->count--;
}

static struct hmap_node *hmap_same(struct hmap_node *n, uint64_t hash)
{
	while (n && n->hash != hash)
		n = n->next;
	return n;
}

struct hmap_node *hmap_first(const struct hmap *m, uint64_t hash)
{
	return m->buckets ? hmap_same(*hmap_chain(m, hash), hash) : NULL;
}

struct hmap_node *hmap_next_same(const struct hmap_node *n)
{
	return hmap_same(n->next, n->hash);
}

struct hmap_node *hmap_any(struct hmap *m)
{
	if (m->count == 0)
		return NULL;
	/* Empty buckets are passed once, so emptying a map is linear. */
	while (m->old) {
		if (m->old[m->old_pos])
			return m->old[m->old_pos];
		if (++m->old_pos > m->old_mask) {
			free(m->old);
			m->old = NULL;
		}
	}
	while (!m->buckets[m->any_pos])
		m->any_pos++;
	return m->buckets[m->any_pos];
}
