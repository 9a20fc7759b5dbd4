/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The keys of this host and the names under which DNS is to have them, for the
 * commands that publish them. The options of both are read here: --name,
 * --forward, --reverse.
 */
#ifndef TACIT_DBUS_TACIT_OWN_H
#define TACIT_DBUS_TACIT_OWN_H

#include "dbus/tacit.h"
#include "dnskeys/key-life.h"
#include "dnskeys/own-record.h"

struct tacit_own_key {
	char name[LIMIT_KEY_NAME + 1], type[24], fingerprint[64];
	enum key_stage stage;
	struct own_record record;
};

struct tacit_owner {
	char name[NAME_STRLEN]; /* with its last dot */
	bool reverse;
};

struct tacit_own {
	struct tacit_own_key keys[LIMIT_OWN_KEYS];
	size_t n_keys;
	struct tacit_owner owners[1 + LIMIT_OWN_NAMES]; /* forward first */
	size_t n_owners;
};

/* Keys that DNS has no form for are left out, and said. Exit code; the caller
 * frees *ret. */
int tacit_own_read(struct tacit *t, struct tacit_client *c,
		   const struct tacit_dict *dns, struct tacit_own **ret)
	__attribute__((warn_unused_result));
/* Of a published one: the active and the next. */
bool tacit_own_is_published(const struct tacit_own_key *k);

#endif
