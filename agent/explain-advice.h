/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What would change it, in words. */
#ifndef TACIT_AGENT_EXPLAIN_ADVICE_H
#define TACIT_AGENT_EXPLAIN_ADVICE_H

#include "agent/flow.h"
#include "dbus/explain-dbus.h"

#define ADVICE_LEN 320

/* The sentences lie in text. p and f may be NULL. */
struct advice {
	char text[DBUS_ADVICE_MAX][ADVICE_LEN];
	size_t n;
};

void advice_find(const struct policy *p, const struct flow *f,
		 const struct dbus_explanation *e, struct advice *ret);

#endif
