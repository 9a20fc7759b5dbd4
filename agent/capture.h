/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The files that [Debug] asks for: IKE messages in the clear as pcapng, and
 * the keys of all SAs in the tables that Wireshark reads. They are secrets:
 * off by default, the agent's own with mode 0600, of bounded size.
 */
#ifndef TACIT_AGENT_CAPTURE_H
#define TACIT_AGENT_CAPTURE_H

#include "ike/tap.h"
#include "util/limits.h"
#include "util/pcapng.h"

struct capture;

/* Begins file anew, and goes on with the tables in directory, which is made
 * where it is missing. file and directory may be NULL; natt_port is the port
 * of ours where IKE and ESP are told apart by a marker (RFC 3948). 0; -errno:
 * one of them cannot be written, as the log says. */
int capture_new(const char *file, const char *directory, uint16_t natt_port,
		struct capture **ret) __attribute__((warn_unused_result));
struct capture *capture_free(struct capture *c); /* takes NULL */
/* One message as a block of pcapng, into a buffer of this size. Bytes; 0: it is
 * larger than a message may be. The buffer is a secret. */
#define CAPTURE_BLOCK (PCAPNG_OVERHEAD + 4 + LIMIT_IKE_MESSAGE)
size_t capture_block(uint16_t natt_port, uint64_t time_us,
		     const struct ike_tap_message *m,
		     uint8_t buf[static CAPTURE_BLOCK]);
/* What the engine shows; time is microseconds since 1970. */
void capture_tap(struct capture *c, uint64_t time_us, const struct ike_tap *t);
/* A pair of ESP SAs between their hosts; c may be NULL. */
void capture_child(struct capture *c, const struct addr *local,
		   const struct addr *remote, const struct esp_sa *in,
		   const struct esp_sa *out);
/* One sentence for status; "" where c is NULL. */
const char *capture_warning(const struct capture *c);

#endif
