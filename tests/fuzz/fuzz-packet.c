/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The first byte chooses the family, the rest is the head of a packet. */
#include <stdlib.h>

#include "xfrm/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct packet p;
	uint8_t family;

	if (len == 0)
		return 0;
	family = data[0] & 1 ? AF_INET6 : AF_INET;
	if (packet_parse(family, data + 1, len - 1, &p) < 0)
		return 0;
	if (p.remote.family != family || p.local.family != family ||
	    p.remote.scope != 0 || p.remote.reserved != 0)
		abort();
	/* Ports come of a protocol that has them. */
	if ((p.local_port || p.remote_port) && p.protocol != 6 &&
	    p.protocol != 17 && p.protocol != 33 && p.protocol != 132 &&
	    p.protocol != 136)
		abort();
	return 0;
}
