/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Further answers to an IKE_SA_INIT request of ours (RFC 7296 2.4). Nobody has
 * authenticated them: whoever sees the request can answer first, and then fail
 * in IKE_AUTH, or say nothing more. So those that come after the one that we go
 * on with are kept, and when it leads nowhere they are tried in turn.
 */
#ifndef TACIT_IKE_ALTERNATIVE_H
#define TACIT_IKE_ALTERNATIVE_H

#include <stdbool.h>
#include <stdint.h>

struct ike_alternative; /* a list, oldest first */
struct ike_arrival;
struct ike_engine;
struct ike_sa;

/* One more, where it is another one and there is room. */
void ike_alternative_keep(const struct ike_arrival *a, struct ike_sa *sa);
/* IKE_AUTH with the peer of this answer came to nothing. True: the next one is
 * tried. */
bool ike_alternative_next(struct ike_engine *e, uint64_t now,
			  struct ike_sa *sa);
/* There is one that waits. */
bool ike_alternative_waits(const struct ike_sa *sa);
struct ike_alternative *ike_alternative_free(struct ike_alternative *list);

#endif
