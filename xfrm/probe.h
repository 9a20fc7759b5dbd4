/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Can this kernel protect at all? Asked by doing: a throwaway SA is added and
 * deleted, because traps, acquires and SPI allocation work without ESP too.
 */
#ifndef TACIT_XFRM_PROBE_H
#define TACIT_XFRM_PROBE_H

#include <stdbool.h>

#include "util/esp.h"

struct probe {
	bool esp4, esp6; /* with AES-GCM-16 */
	bool chacha;	 /* ChaCha20-Poly1305 in every family that has ESP */
};

/*
 * 0 and *ret (none of it may be there); -EPROTONOSUPPORT: the kernel has no
 * XFRM_USER; -EPERM: CAP_NET_ADMIN is missing; -errno.
 */
int probe_kernel(struct probe *ret) __attribute__((warn_unused_result));
/* One algorithm, AF_INET or AF_INET6: 1, 0, or an error as above. */
int probe_cipher(int family, enum esp_cipher cipher)
	__attribute__((warn_unused_result));

#endif
