/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The states and policies of ike-host, by ip(8): none of tacit-netd's code,
 * which it is not about.
 */
#ifndef TACIT_TESTS_IKE_HOST_KERNEL_H
#define TACIT_TESTS_IKE_HOST_KERNEL_H

#include "ike/engine.h"

struct kernel;

struct kernel *kernel_new(void);
struct kernel *kernel_free(struct kernel *k);
/* The in-SA at once; the out-SA too where the peer is ready for it, else when
 * the in-SA has been used, or after a while. */
void kernel_up(struct kernel *k, uint64_t now, struct handle sa,
	       const struct ike_child_up *up);
/* The out-SA at once, the in-SA a moment later. */
void kernel_down(struct kernel *k, uint64_t now, uint32_t spi_in);
void kernel_rekeyed(struct kernel *k, struct handle old, struct handle new);
uint64_t kernel_deadline(const struct kernel *k, uint64_t now);
/* Tells the engine which in-SAs have been used. */
void kernel_tick(struct kernel *k, struct ike_engine *e, uint64_t now);

#endif
