/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What `tacit lookup` has found out, before it is shown.
 */
#ifndef TACIT_DBUS_TACIT_LOOKUP_H
#define TACIT_DBUS_TACIT_LOOKUP_H

#include "dbus/tacit-address.h"

struct tacit_found {
	const char *host;
	struct tacit_place forward; /* name "": an address was asked for */
	struct tacit_answer a, aaaa;
	struct tacit_address addresses[TACIT_LOOKUP_ADDRESSES];
	size_t n;
	enum keyset_status status; /* of all of it */
};

/* The keys of a place and its chain: a row each, and as members. */
void tacit_place_fields(const struct tacit_output *o,
			const struct tacit_place *p);
void tacit_place_json(const struct tacit_output *o,
		      const struct tacit_place *p);
void tacit_lookup_show(const struct tacit_output *o,
		       const struct tacit_found *f);

#endif
