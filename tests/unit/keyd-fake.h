/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an honest agent asks of tacit-keyd, to be spoilt by a test.
 */
#ifndef TACIT_TESTS_KEYD_FAKE_H
#define TACIT_TESTS_KEYD_FAKE_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/keyd-record.h"

/* A good KEYD_SIGN for this key, as 10.0.0.1, of either role. */
void keyd_fake_sign(struct keyd_record *r, uint64_t key, bool initiator);
/* A well-formed IKE_SA_INIT; its length. */
size_t keyd_fake_message(uint8_t *buf, size_t cap, bool initiator);

#endif
