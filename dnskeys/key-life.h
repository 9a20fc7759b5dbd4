/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where a key of this host stands between being made and being removed. The
 * name of its file says so, and nothing else does: each step of a rotation is
 * one rename, so that a crash leaves a state that is one of these.
 *
 *   NAME.pem                  active
 *   NAME.next.pem             next: not known to be published yet
 *   NAME.next-TIME-HOLD.pem   next, published: active from TIME on, and the one
 *                             before it is kept HOLD seconds longer
 *   NAME.old-TIME.pem         retired: removed at TIME
 */
#ifndef TACIT_DNSKEYS_KEY_LIFE_H
#define TACIT_DNSKEYS_KEY_LIFE_H

#include <stdint.h>

#include "util/limits.h"

/* "NAME.next-TIME-HOLD.pem" with its NUL. */
#define KEY_FILE_LEN (LIMIT_KEY_NAME + 5u)

enum key_stage {
	KEY_ACTIVE,  /* signs */
	KEY_NEXT,    /* will sign; is published beside the active one */
	KEY_RETIRED, /* signs no more; is published no more */
	KEY_STAGES
};
const char *key_stage_name(enum key_stage s); /* "active" */

struct key_life {
	enum key_stage stage;
	/* Unix seconds: when the next is active, 0 where that is open, and when
	 * the retired one is removed. */
	uint64_t until;
	uint32_t hold; /* of a next with its time, seconds */
};

/* The name of a file and what it says. 0; -EINVAL: it does not end in .pem, or
 * has nothing before that; -ENAMETOOLONG: over LIMIT_KEY_NAME before that. */
int key_life_parse(const char *file, char name[static LIMIT_KEY_NAME + 1],
		   struct key_life *ret) __attribute__((warn_unused_result));
/* The other way round. 0; -ENAMETOOLONG. */
int key_life_format(const char *name, const struct key_life *l,
		    char file[static KEY_FILE_LEN])
	__attribute__((warn_unused_result));

#endif
