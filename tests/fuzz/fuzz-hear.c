/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A datagram of nfnetlink_log, and the packets that it carries. */
#include <stdlib.h>

#include "util/rbuf.h"
#include "xfrm/hear.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct rbuf pos = rbuf_of(data, len);
	struct heard h;

	while (hear_parse(&pos, 4500, &h) > 0)
		if (h.local.family != h.remote.family ||
		    h.esp != (h.spi != 0) || (h.udp_remote && !h.esp))
			abort();
	return 0;
}
