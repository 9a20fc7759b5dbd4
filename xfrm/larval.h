/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel's own queue of packets that wait for an SA, the fallback where
 * packets cannot be held by nftables: net.core.xfrm_larval_drop=0.
 */
#ifndef TACIT_XFRM_LARVAL_H
#define TACIT_XFRM_LARVAL_H

/* Lets the kernel queue. The value before is in *ret_before. 0 or -errno. */
int larval_queue(int *ret_before) __attribute__((warn_unused_result));
/* Puts the former value back; nothing when it is -1. */
void larval_restore(int before);

#endif
