/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the SAs of a flow carry, for those who want to know. */
#include <errno.h>
#include <time.h>

#include "agent/netd-flow.h"

static uint32_t count_flags(const struct netd_flow *f)
{
	return (f->sending ? RECORD_IS_SENDING : 0u) |
	       (f->hardened ? RECORD_IS_HARDENED : 0u) |
	       (f->gated ? RECORD_IS_GATED : 0u) |
	       (f->orphan ? RECORD_IS_ORPHAN : 0u);
}

/* The SA's latest packet, or when it was made: seconds since 1970. */
static uint64_t count_latest(const struct ksa *sa)
{
	return sa->last_s > sa->added_s ? sa->last_s : sa->added_s;
}

/* The kernel knows that by the wall clock alone. Set back since: not idle. */
static uint32_t count_since(uint64_t latest)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	return (uint64_t)now.tv_sec > latest
		       ? (uint32_t)((uint64_t)now.tv_sec - latest)
		       : 0;
}

int netd_flow_count(const struct netd_flows *t, uint32_t reqid,
		    struct record_counted *ret)
{
	const struct netd_flow *f = netd_flow_get(t, reqid);
	struct record_counted c = { .reqid = reqid };
	uint64_t latest = 0;

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
		struct ksa now = { 0 };

		/* One that went a moment before carries nothing. */
		if (sa->waiting ||
		    t->kernel->read(t->kernel->user, &k, &now) < 0)
			continue;
		if (!*spi)
			*spi = sa->spi;
		*(sa->inbound ? &c.bytes_in : &c.bytes_out) += now.bytes;
		*(sa->inbound ? &c.packets_in : &c.packets_out) += now.packets;
		if (count_latest(&now) > latest)
			latest = count_latest(&now);
	}
	c.idle_s = count_since(latest);
	*ret = c;
	return 0;
}
