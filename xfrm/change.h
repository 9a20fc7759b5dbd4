/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changes to the kernel's SAs and policies, made many at a time.
 */
#ifndef TACIT_XFRM_CHANGE_H
#define TACIT_XFRM_CHANGE_H

#include <stddef.h>

#include "xfrm/kernel.h"

struct nlsock;

/* Policies of others are never touched: a place that another keying daemon
 * has taken cannot be set (-EEXIST), and in deleting counts as gone. */
enum change_op {
	CHANGE_SA_ADD,
	CHANGE_SA_DELETE, /* one that is gone already is no error */
	/* Add, or replace one of ours; the cheaper one for a new place. */
	CHANGE_POLICY_SET,
	/* Replace one of ours, or add it: the cheaper one for an old place.
	 * The kernel's packets that wait on it are looked at anew. */
	CHANGE_POLICY_UPDATE,
	CHANGE_POLICY_DELETE, /* one that is gone already is no error */
};

struct change {
	enum change_op op;
	int error; /* set by change_apply(): 0 or -errno */
	union {
		struct ksa sa; /* holds a key when added: wipe */
		struct kpolicy policy;
	};
};

/*
 * Carries out all of them, in order, an error in one not keeping the others
 * back. 0 when all went well, else the first error.
 */
int change_apply(struct nlsock *s, struct change *c, size_t n)
	__attribute__((warn_unused_result));
/* "policy out 10.0.0.1/32 -> 10.0.0.0/24", for the log. Returns buf. */
#define CHANGE_STRLEN 224
char *change_format(const struct change *c, char buf[static CHANGE_STRLEN]);
/* Wipes keys. */
void change_wipe(struct change *c, size_t n);

#endif
