/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the SAs of a flow carry, for those who want to know. */
#include <errno.h>

#include "agent/netd-flow.h"

static uint32_t count_flags(const struct netd_flow *f)
{
	return (f->sending ? RECORD_IS_SENDING : 0u) |
	       (f->hardened ? RECORD_IS_HARDENED : 0u) |
	       (f->gated ? RECORD_IS_GATED : 0u) |
	       (f->orphan ? RECORD_IS_ORPHAN : 0u);
}

int netd_flow_count(const struct netd_flows *t, uint32_t reqid,
		    struct record_counted *ret)
{
	const struct netd_flow *f = netd_flow_get(t, reqid);
	struct record_counted c = { .reqid = reqid };

	if (!f)
		return -ENOENT;
	c.local = f->pair->local;
	c.remote = f->pair->remote;
	c.flags = count_flags(f);
	for (const struct netd_sa *sa = f->sas; sa; sa = sa->next) {
		struct ksa k = { .dst = *netd_sa_dst(sa),
				 .esp.spi = sa->spi,
				 .inbound = sa->inbound };
		uint32_t *spi = sa->inbound ? &c.spi_in : &c.spi_out;
		uint64_t bytes = 0, packets = 0;

		/* One that went a moment before carries nothing. */
		if (sa->waiting ||
		    t->kernel->count(t->kernel->user, &k, &bytes, &packets) < 0)
			continue;
		if (!*spi)
			*spi = sa->spi;
		*(sa->inbound ? &c.bytes_in : &c.bytes_out) += bytes;
		*(sa->inbound ? &c.packets_in : &c.packets_out) += packets;
	}
	*ret = c;
	return 0;
}
