/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A datagram of nfnetlink_queue, and the packets that it carries. */
#include <stdlib.h>

#include "util/rbuf.h"
#include "xfrm/packet.h"
#include "xfrm/queue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct rbuf pos = rbuf_of(data, len);
	struct queue_packet p;
	struct packet head;
	int r;

	while ((r = queue_parse(&pos, &p)) > 0) {
		if (r != QUEUE_PACKET)
			continue;
		if (p.len > 0 && (p.head < data || p.head + p.len > data + len))
			abort();
		(void)!packet_parse(p.family, p.head, p.len, &head);
	}
	return 0;
}
