/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The octets of either side, and signing them in process.
 */
#include "ike/auth-octets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int ike_auth_octets_build(const struct ike_auth_octets *o, uint8_t **ret,
			  size_t *ret_len)
{
	size_t len = o->message.len + o->nonce->len + o->prf->len;
	struct ike_part id = { o->id.data, o->id.len };
	uint8_t *buf = malloc(len);
	struct wbuf w = wbuf_of(buf, len);
	int rc;

	if (!buf)
		return -ENOMEM;
	wbuf_bytes(&w, o->message.data, o->message.len);
	wbuf_bytes(&w, o->nonce->data, o->nonce->len);
	rc = ike_prf(o->prf, o->sk_p->data, o->sk_p->len, &id, 1,
		     wbuf_room(&w, o->prf->len));
	if (rc < 0) {
		free(buf);
		return rc;
	}
	*ret = buf;
	*ret_len = len;
	return 0;
}

int ike_sign_with(EVP_PKEY *key, const struct ike_sign *s, uint8_t *ret,
		  size_t *ret_len)
{
	(void)key;
	(void)s;
	(void)ret;
	(void)ret_len;
	return -EINVAL;
}
