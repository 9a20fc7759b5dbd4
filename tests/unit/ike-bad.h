/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bad input against a live engine: one engine in a state of its life, a
 * puppet that holds the keys, and what must be the same before and after.
 */
#ifndef TACIT_TESTS_IKE_BAD_H
#define TACIT_TESTS_IKE_BAD_H

#include "tests/unit/ike-puppet.h"

/* The engine's state; the puppet is what it talks with. */
enum bad_state {
	BAD_NOTHING,   /* no SA: it waits for an IKE_SA_INIT request */
	BAD_INIT_SENT, /* it waits for the IKE_SA_INIT response */
	BAD_INIT_DONE, /* for an IKE_AUTH request */
	BAD_AUTH_SENT, /* for the IKE_AUTH response */
	BAD_INITIATED, /* established, it was the initiator */
	BAD_RESPONDED, /* established, it was the responder */
	BAD_STATES,
};

#define BAD_IMAGE 32768

struct bad {
	struct world w;
	struct puppet p;
	enum bad_state state;
	/* At the last bad_mark(). */
	struct ike_counters counters;
	unsigned n_rx, n_failed, n_children, n_up;
	size_t len;
	uint8_t image[BAD_IMAGE];
};

const char *bad_state_name(enum bad_state s);
void bad_enter(struct bad *b, enum bad_state state);
/* Lets everything run out, and fails when anything is left. */
void bad_leave(struct bad *b);

/* Remembers every SA, counter and outcome. */
void bad_mark(struct bad *b);
/* Since then no SA has changed, and the owner was told nothing. */
void bad_assert_unchanged(struct bad *b);
/* Since then nothing was sent, other than what says that we have no such SA,
 * or do not speak such a version. */
void bad_assert_silent(struct bad *b);
/* What was counted since then. */
struct ike_counters bad_counted(const struct bad *b);

/* What an honest peer would send now; it stays with the puppet (held). */
void bad_hold_honest(struct bad *b, const struct puppet_script *s);
/* Sends what is held; the honest one is taken, as the state says. */
void bad_send_held(struct bad *b);
/* After it: the engine went on as it does with an honest peer. */
void bad_assert_went_on(struct bad *b);

#endif
