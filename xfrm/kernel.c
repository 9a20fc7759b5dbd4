/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Values of the kernel's XFRM: comparison, and which of them are ours.
 */
#include "xfrm/kernel.h"

#include "xfrm/record.h"

static bool network_equal(const struct prefix *a, const struct prefix *b)
{
	struct prefix x = *a, y = *b;

	x.addr.scope = 0;
	y.addr.scope = 0;
	return prefix_equal(&x, &y);
}

bool kselector_equal(const struct kselector *a, const struct kselector *b)
{
	return network_equal(&a->src, &b->src) &&
	       network_equal(&a->dst, &b->dst) && a->protocol == b->protocol &&
	       a->sport == b->sport && a->sport_mask == b->sport_mask &&
	       a->dport == b->dport && a->dport_mask == b->dport_mask &&
	       a->ifindex == b->ifindex;
}

struct kselector kselector_between(const struct prefix *src,
				   const struct prefix *dst)
{
	struct kselector s = { .src = *src, .dst = *dst };

	s.src.addr.scope = 0;
	s.dst.addr.scope = 0;
	return s;
}

void kselector_set_service(struct kselector *s, const struct service *service,
			   bool destination)
{
	s->protocol = service->protocol;
	if (destination) {
		s->dport = service->port;
		s->dport_mask = 0xffff;
	} else {
		s->sport = service->port;
		s->sport_mask = 0xffff;
	}
}

bool kernel_flow_reqid(uint32_t reqid)
{
	return reqid >= RECORD_REQID_MIN && reqid <= RECORD_REQID_MAX;
}

bool kpolicy_is_ours(const struct kpolicy *p)
{
	if (p->strange || p->priority < KPOLICY_BAND_FIRST ||
	    p->priority > KPOLICY_BAND_LAST)
		return false;
	return p->action != KACTION_PROTECT || p->reqid == 0 ||
	       p->reqid == KERNEL_TRAP_REQID || kernel_flow_reqid(p->reqid);
}

bool ksa_is_ours(const struct ksa *sa)
{
	return kernel_flow_reqid(sa->reqid) ||
	       (sa->larval && sa->reqid == KERNEL_TRAP_REQID);
}
