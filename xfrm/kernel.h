/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the kernel's XFRM knows, as plain values: selectors, policies, SAs,
 * and what it announces; and the numbers by which ours are told from other
 * keying daemons'. Kernel selectors carry no scope: two neighbours with the
 * same link-local address on two links are one to it.
 */
#ifndef TACIT_XFRM_KERNEL_H
#define TACIT_XFRM_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "util/addr.h"
#include "util/esp.h"
#include "util/service.h"

/*
 * Policy priorities: the lower number wins. Other keying daemons' lie below
 * 0x400000 and so win over all of ours.
 */
#define KPOLICY_BAND_FIRST  0x00400000u
#define KPOLICY_BAND_LAST   0x0040ffffu
#define KPOLICY_PRIO_BYPASS 0x00400000u
/* Of single services that are not encrypted; what they are in is that of shunts,
 * flows, networks. */
#define KPOLICY_PRIO_PORT_BLOCK 0x00400080u
#define KPOLICY_PRIO_PORT_PASS	0x00400081u
/* Of single connections, beside a flow (agent/netd-connections.h). */
#define KPOLICY_PRIO_CONNECTION 0x004000c0u
#define KPOLICY_PRIO_SHUNT	0x00400100u
#define KPOLICY_PRIO_FLOW	0x00400200u
/* Of services that are encrypted where all else is in the clear. */
#define KPOLICY_PRIO_PORT_TRAP 0x00400800u
/* Plus (longest prefix - prefix length): the most specific network wins. */
#define KPOLICY_PRIO_NETWORK 0x00401000u

/* The reqid of traps. Flow reqids are those of RECORD_REQID_MIN and up, so
 * that a flow's SA never matches a trap. */
#define KERNEL_TRAP_REQID 0x53ffffffu

/* A traffic selector; prefixes of length 0 still carry the family. */
struct kselector {
	struct prefix src, dst;
	uint8_t protocol; /* 0: any */
	/* Host order. ICMP: type and code stand where ports do. */
	uint16_t sport, dport;
	uint16_t sport_mask, dport_mask; /* 0: any, 0xffff: this one */
	int ifindex;			 /* of an acquire; ours have 0 */
};

enum kdir { KDIR_IN = 0, KDIR_OUT = 1, KDIR_FWD = 2 }; /* XFRM_POLICY_* */

enum kaction {
	KACTION_PASS,
	KACTION_BLOCK,
	KACTION_PROTECT, /* an ESP template */
};

struct kpolicy {
	struct kselector sel;
	enum kdir dir;
	enum kaction action;
	bool optional; /* the template is optional */
	/* The template is for tunnel mode, else for transport mode. Its ends
	 * are the two hosts of the selector, or outer in the other's place. */
	bool tunnel;
	struct addr outer; /* unset: the other host itself */
	uint32_t reqid;	   /* of the template; 0: any SA */
	uint32_t priority; /* see KPOLICY_PRIO_* */
	uint32_t hard_s;   /* removed by the kernel after so long; 0: never */
	uint32_t index;	   /* the kernel's number for it; 0: unknown */
	/* Only packets whose mark has all of these bits; 0: any. */
	uint32_t mark;
	/* Of the socket that it is about, for us alone: kept where a limit would
	 * be that policies do not have. 0: none. */
	uint64_t cookie;
	/* Decoded only: it has what ours never have (an interface, a second
	 * template, another mode, a mark that asks for zeros). */
	bool strange;
};

struct ksa {
	struct addr src, dst;
	uint32_t reqid;
	uint32_t seq;		 /* of the acquire that it answers; 0: none */
	uint32_t hard_s, soft_s; /* seconds from now; 0: none */
	/* Of what it carries: kibibytes, packets; 0: none. */
	uint32_t hard_kib, soft_kib, hard_packets, soft_packets;
	bool inbound;
	bool tunnel;   /* mode; transport if not set */
	uint32_t oseq; /* an out-SA goes on behind this sequence number */
	/* ESP in UDP (RFC 3948) between these ports, host order; 0: not. */
	uint16_t udp_src, udp_dst;
	/* Of what it may carry; unset: of anything. */
	struct kselector sel;
	/* Of an in-SA: what the peer sends to in the place of sel's host, which
	 * is so written that it is kept and matches everything. Unset: none. */
	struct addr lease;
	/* spi always; the rest is set for installing only. */
	struct esp_sa esp;
	/* Decoded only. */
	bool larval; /* an acquire that nobody answered yet; spi 0 */
	bool used;   /* it has carried a packet */
	bool full;   /* past its soft limit of bytes or packets */
	/* Since 1970; last_s: its latest packet, 0: none, or before 6.0. */
	uint64_t added_s, last_s;
	uint64_t bytes, packets; /* that it has carried */
};

struct kacquire {
	struct addr src, dst;
	struct kselector sel; /* of the packet */
	uint32_t seq;
	uint32_t reqid; /* of the trap */
};

/* ESP in UDP came, and was authentic, from another endpoint than its SA's. */
struct kmapping {
	struct addr src, dst; /* src: the new one */
	uint32_t spi, reqid;
	uint16_t udp_src; /* the new one, host order */
};

struct kexpire {
	struct ksa sa;
	bool hard;
};

/* Same selector, direction and mark: rivals for one place in the kernel. */
bool kselector_equal(const struct kselector *a, const struct kselector *b);
static inline bool kpolicy_same_place(const struct kpolicy *a,
				      const struct kpolicy *b)
{
	return a->dir == b->dir && a->mark == b->mark &&
	       kselector_equal(&a->sel, &b->sel);
}
/* Selector of everything between two prefixes (of one family). */
struct kselector kselector_between(const struct prefix *src,
				   const struct prefix *dst);

/* Of this service only: of the destination, or of the source. */
void kselector_set_service(struct kselector *s, const struct service *service,
			   bool destination);

bool kernel_flow_reqid(uint32_t reqid);
/* By priority band and template: nobody else's policy is ever touched. */
bool kpolicy_is_ours(const struct kpolicy *p);
/* By reqid; larval states of our traps included. */
bool ksa_is_ours(const struct ksa *sa);

#endif
