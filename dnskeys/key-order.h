/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What root may have tacit-keyd do with the keys of this host, over a socket
 * that the agent has no part in: a key that is gone does not come back, so
 * that whoever takes over the agent must not be able to order it.
 *
 * One struct key_order on a SOCK_SEQPACKET connection, one reply, and the end.
 */
#ifndef TACIT_DNSKEYS_KEY_ORDER_H
#define TACIT_DNSKEYS_KEY_ORDER_H

#include <stdint.h>

#include "util/limits.h"

#define KEY_ORDER_VERSION 1
#define KEY_ORDER_SOCKET  "key-order.sock" /* in the runtime directory */

enum key_order_type {
	KEY_ORDER_ROTATE = 1, /* makes the next key */
	KEY_ORDER_FINISH,     /* the next key is active from now on */
	KEY_ORDER_CANCEL,     /* the next key goes */
	KEY_ORDER_TYPES
};

struct key_order {
	uint16_t version;	       /* KEY_ORDER_VERSION */
	uint16_t type;		       /* enum key_order_type */
	char name[LIMIT_KEY_NAME + 1]; /* of the key; "": each of them */
};

struct key_order_reply {
	uint16_t version;
	uint16_t count; /* keys that it was done with */
	int32_t error;	/* 0, or a negative errno: nothing was done */
	char text[192]; /* of an error: a sentence with its remedy */
};

#endif
