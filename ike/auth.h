/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * AUTH data that is a MAC (RFC 7296 2.15): by a shared key, and by SK_p itself
 * for NULL (RFC 7619 2.1), which proves that the peer of IKE_AUTH is that of
 * IKE_SA_INIT, and nothing else. Signatures are in ike/signature.h.
 */
#ifndef TACIT_IKE_AUTH_H
#define TACIT_IKE_AUTH_H

#include "ike/auth-octets.h"

#define IKE_AUTH_DATA_MAX IKE_PRF_MAX

/* shared is for IKE_AUTH_SHARED; ret takes IKE_AUTH_DATA_MAX bytes. 0;
 * -EOPNOTSUPP: no MAC, or no key; -EIO. */
int ike_auth_mac(uint8_t method, const struct ike_auth_octets *o,
		 struct ike_view shared, uint8_t *ret, size_t *ret_len)
	__attribute__((warn_unused_result));
/* 0; -EACCES: it is another one; -EOPNOTSUPP, -EIO. */
int ike_auth_mac_verify(uint8_t method, const struct ike_auth_octets *o,
			struct ike_view shared, struct ike_view data)
	__attribute__((warn_unused_result));

#endif
