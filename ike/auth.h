/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The AUTH payload (RFC 7296 2.15): the octets that each side signs, and the
 * methods that sign them, behind one interface. The NULL method (RFC 7619)
 * proves that the peer of IKE_AUTH is that of IKE_SA_INIT, and nothing else.
 */
#ifndef TACIT_IKE_AUTH_H
#define TACIT_IKE_AUTH_H

#include "ike/auth-octets.h"

/* AUTH data of the longest method. */
#define IKE_AUTH_DATA_MAX IKE_PRF_MAX

/* ret takes IKE_AUTH_DATA_MAX bytes. 0; -EOPNOTSUPP: a method that we do not
 * have; -EIO. */
int ike_auth_sign(uint8_t method, const struct ike_auth_octets *o, uint8_t *ret,
		  size_t *ret_len) __attribute__((warn_unused_result));
/* 0; -EACCES: it does not verify; -EOPNOTSUPP: a method, or an identity for
 * this method, that we do not take; -EIO. */
int ike_auth_verify(const struct ike_auth_octets *o,
		    const struct ike_authentication *a)
	__attribute__((warn_unused_result));

#endif
