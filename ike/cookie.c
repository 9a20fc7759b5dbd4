/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ike/cookie.h"

#include <errno.h>
#include <string.h>

#include "ike/core.h"

/* Moves the secrets on to where they are at now. */
static void turn(struct ike_cookies *c, uint64_t now)
{
	uint64_t age = now - c->made_at;

	if (c->current.usable && age >= LIMIT_IKE_COOKIE_MS) {
		c->previous = c->current;
		c->current.usable = false;
		c->generation++;
	}
	if (age >= 2 * LIMIT_IKE_COOKIE_MS)
		c->previous.usable = false;
}

static int draw(struct ike_engine *e, uint64_t now)
{
	struct ike_cookies *c = &e->cookies;
	int rc;

	turn(c, now);
	if (c->current.usable)
		return 0;
	rc = ike_engine_random(e, c->current.keys, sizeof(c->current.keys));
	if (rc < 0)
		return rc;
	c->current.usable = true;
	c->made_at = now;
	return 0;
}

static void compute(const struct ike_cookie_secret *secret, uint8_t generation,
		    const struct ike_cookie_subject *s,
		    uint8_t ret[static IKE_COOKIE_LEN])
{
	uint8_t buf[sizeof(uint64_t) + 16 + 1 + LIMIT_IKE_NONCE_MAX];
	struct wbuf w = wbuf_of(buf, sizeof(buf));
	struct wbuf out = wbuf_of(ret, IKE_COOKIE_LEN);

	wbuf_be64(&w, s->spi_i);
	wbuf_u8(&w, s->remote->family == AF_INET6);
	wbuf_bytes(&w, s->remote->bytes, sizeof(s->remote->bytes));
	wbuf_bytes(&w, s->nonce.data, s->nonce.len);
	wbuf_u8(&out, generation);
	for (int i = 0; i < 2; i++)
		wbuf_be64(&out, hash_bytes(&secret->keys[i], buf, w.len));
}

int ike_cookie_make(struct ike_engine *e, uint64_t now,
		    const struct ike_cookie_subject *s,
		    uint8_t ret[static IKE_COOKIE_LEN])
{
	int rc = draw(e, now);

	if (rc < 0)
		return rc;
	compute(&e->cookies.current, e->cookies.generation, s, ret);
	return 0;
}

bool ike_cookie_check(struct ike_engine *e, uint64_t now,
		      const struct ike_cookie_subject *s,
		      const struct ike_view *cookie)
{
	struct ike_cookies *c = &e->cookies;
	const struct ike_cookie_secret *secret = &c->current;
	uint8_t expected[IKE_COOKIE_LEN], generation;

	turn(c, now);
	if (cookie->len != IKE_COOKIE_LEN)
		return false;
	generation = c->generation;
	if (cookie->data[0] == (uint8_t)(generation - 1)) {
		secret = &c->previous;
		generation--;
	}
	if (!secret->usable)
		return false;
	compute(secret, generation, s, expected);
	return secret_memequal(expected, cookie->data, sizeof(expected));
}
