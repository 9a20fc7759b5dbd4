/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules and chains as a kernel might tell them, and packets judged by them. */
#include <linux/netfilter.h>

#include "dbus/ruleset.h"
#include "util/rbuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct ruleset_uses u = { .queue = { 1, 2 } };
	const struct ruleset_chain *chain;
	const struct ruleset_rule *rule;
	struct rbuf pos = rbuf_of(data, len);
	struct ruleset r = { 0 };
	bool end = false;

	if (len > 4096)
		return 0;
	(void)!ruleset_take(&r, &pos, &end);
	for (int six = 0; six < 2; six++) {
		struct ruleset_packet p = { .six = six,
					    .protocol = six ? 50 : 17,
					    .sport = 500,
					    .dport = 500,
					    .hook = NF_INET_LOCAL_IN };

		(void)ruleset_judge(&r, &p, &chain, &rule);
	}
	ruleset_find_uses(&r, &u);
	ruleset_done(&r);
	return 0;
}
