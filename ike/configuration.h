/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The Configuration payload (RFC 7296 3.15), as far as address translation of
 * clients has a use for it: one address a family is asked for, or given.
 */
#ifndef TACIT_IKE_CONFIGURATION_H
#define TACIT_IKE_CONFIGURATION_H

#include "ike/message.h"
#include "util/addr.h"

/* IANA "IKEv2 Configuration Payload CFG Types" */
enum ike_cfg_type {
	IKE_CFG_REQUEST = 1,
	IKE_CFG_REPLY = 2,
	IKE_CFG_SET = 3,
	IKE_CFG_ACK = 4,
};

/* What a payload says of one family. */
struct ike_cfg_address {
	bool present;
	struct addr addr; /* unset: any, or, in a reply, none */
};

struct ike_configuration {
	uint8_t type; /* enum ike_cfg_type, or one that nobody knows */
	struct ike_cfg_address v4, v6;
};

/* Attributes that we do not know are passed over (3.15.1); of several addresses
 * of a family the first one counts. 0; -EBADMSG. */
int ike_configuration_parse(const struct ike_payload *p,
			    struct ike_configuration *ret)
	__attribute__((warn_unused_result));
/* One address, which is unset where any will do (then of that family). */
void ike_configuration_write(struct ike_builder *b, enum ike_cfg_type type,
			     uint16_t family, const struct addr *addr);

#endif
