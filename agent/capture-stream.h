/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Captures that somebody follows: the IKE messages of a peer, or of all, as
 * pcapng through a socket, until its other end is closed or its time is over.
 * They hold no keys. What a reader is too slow for is left out, and counted.
 */
#ifndef TACIT_AGENT_CAPTURE_STREAM_H
#define TACIT_AGENT_CAPTURE_STREAM_H

#include <systemd/sd-event.h>

#include "agent/capture.h"

struct capture_stream;

/* Embedded in its owner; zero-initialise. */
struct capture_streams {
	struct capture_stream *first;
	unsigned count;
	/* There is none any more. */
	void (*idle)(struct capture_streams *s);
};

/* peer of family 0: all; seconds 0: no end but that of the reader. *ret_fd is
 * the reader's end: each read gives whole blocks. 0; -EBUSY; -errno. */
int capture_stream_open(struct capture_streams *s, sd_event *event,
			const struct addr *peer, uint32_t seconds, int *ret_fd)
	__attribute__((warn_unused_result));
void capture_streams_done(struct capture_streams *s);
/* What the engine shows, as for capture_tap(). */
void capture_streams_tap(struct capture_streams *s, uint16_t natt_port,
			 uint64_t time_us, const struct ike_tap *t);

#endif
