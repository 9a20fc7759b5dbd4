/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Client address translation: hosts behind NATs share and clash in private
 * addresses, so the responder leases the initiator one (RFC 7296 2.19, 3.15)
 * that stands for it in their Child SAs. The client never has that address: it
 * translates its own. Its IKE SA is known, among those of its pair, by the
 * lease; that way many clients behind one NAT are many peers.
 */
#include <errno.h>

#include "ike/configuration.h"
#include "ike/core.h"

/* What the payload of this type says of the family of the IKE SA's endpoints.
 * 0; 1: nothing; -EBADMSG. */
static int find(const struct ike_sa *sa, const struct ike_message *m,
		enum ike_cfg_type type, struct ike_cfg_address *ret)
{
	const struct ike_payload *p = ike_message_find(m, IKE_PAYLOAD_CP);
	struct ike_configuration c;

	if (!p)
		return 1;
	if (ike_configuration_parse(p, &c) < 0)
		return -EBADMSG;
	if (c.type != type)
		return 1;
	*ret = sa->local.addr.family == AF_INET ? c.v4 : c.v6;
	return ret->present ? 0 : 1;
}

bool ike_lease_asked(const struct ike_sa *sa)
{
	const struct ike_handshake *hs = sa->handshake;

	switch (hs->lease) {
	case IKE_LEASE_NONE:
		return false;
	case IKE_LEASE_ANONYMOUS:
		return sa->nat.us && hs->plan.id.type == IKE_ID_NULL;
	case IKE_LEASE_ALWAYS:
		return sa->nat.us;
	}
	return false;
}

void ike_lease_ask(struct ike_sa *sa, struct ike_builder *b)
{
	sa->modes = IKE_MODES_TUNNEL;
	ike_configuration_write(b, IKE_CFG_REQUEST, sa->local.addr.family,
				&sa->handshake->leased);
}

/* An address that can stand for a host. */
static bool usable(const struct addr *a)
{
	return a->family && !addr_is_unspecified(a) && !addr_is_loopback(a) &&
	       !addr_is_multicast(a) && !addr_is_linklocal(a);
}

int ike_lease_take(struct ike_sa *sa, const struct ike_message *response)
{
	struct ike_cfg_address given;
	int rc = find(sa, response, IKE_CFG_REPLY, &given);

	if (rc != 0)
		return rc;
	/* The server itself would be cut off. */
	if (!usable(&given.addr) || addr_equal(&given.addr, &sa->remote.addr))
		return 1;
	sa->inner_us = given.addr;
	return 0;
}

bool ike_lease_wanted(const struct ike_engine *e, const struct ike_sa *sa,
		      const struct ike_message *request)
{
	struct ike_cfg_address asked;

	return e->ops.lease && sa->nat.peer &&
	       find(sa, request, IKE_CFG_REQUEST, &asked) == 0;
}

int ike_lease_grant(struct ike_engine *e, struct ike_sa *sa,
		    const struct ike_message *request)
{
	const struct ike_proof proof = ike_sa_proof(sa);
	struct ike_cfg_address asked;
	int rc = find(sa, request, IKE_CFG_REQUEST, &asked);

	if (rc < 0)
		return IKE_NOTIFY_INVALID_SYNTAX;
	if (rc > 0 || !e->ops.lease || !sa->nat.peer)
		return 0;
	rc = e->ops.lease(e->ops.user, &sa->remote, &proof,
			  sa->local.addr.family, &asked.addr, &sa->inner_peer);
	/* 2.21.2: there may be one for others, and for this one later. */
	if (rc == -ENOSPC)
		return IKE_NOTIFY_INTERNAL_ADDRESS_FAILURE;
	sa->lessor = rc == 0;
	return rc < 0 ? rc : 0;
}

void ike_lease_answer(const struct ike_sa *sa, struct ike_builder *b)
{
	if (sa->inner_peer.family)
		ike_configuration_write(b, IKE_CFG_REPLY, sa->inner_peer.family,
					&sa->inner_peer);
}

void ike_lease_release(struct ike_engine *e, struct ike_sa *sa)
{
	if (sa->lessor && e->ops.release)
		e->ops.release(e->ops.user, &sa->inner_peer);
	sa->lessor = false;
}
