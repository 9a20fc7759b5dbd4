/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The selector is open: a socket that is sent elsewhere than agreed finds no
 * SA there with this reqid, and sends nothing.
 */
#include "xfrm/socket-policy.h"

#include <errno.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

struct socket_policy {
	struct xfrm_userpolicy_info info;
	struct xfrm_user_tmpl tmpl;
};

static void put_address(const struct addr *a, xfrm_address_t *ret)
{
	memcpy(ret, a->bytes, addr_len(a));
}

int socket_policy_require(int fd, const struct addr *local,
			  const struct addr *remote, uint32_t reqid,
			  bool tunnel)
{
	/* Out first: from then on nothing leaves in the clear. */
	static const uint8_t dirs[] = { XFRM_POLICY_OUT, XFRM_POLICY_IN };
	bool v4 = local->family == AF_INET;
	int level = v4 ? IPPROTO_IP : IPPROTO_IPV6;
	int option = v4 ? IP_XFRM_POLICY : IPV6_XFRM_POLICY;

	for (size_t i = 0; i < sizeof(dirs); i++) {
		bool in = dirs[i] == XFRM_POLICY_IN;
		struct socket_policy p = {
			.info = {
				.sel.family = local->family,
				.dir = dirs[i],
				.action = XFRM_POLICY_ALLOW,
				.share = XFRM_SHARE_ANY,
				.lft = { .soft_byte_limit = XFRM_INF,
					 .hard_byte_limit = XFRM_INF,
					 .soft_packet_limit = XFRM_INF,
					 .hard_packet_limit = XFRM_INF },
			},
			.tmpl = {
				.id.proto = IPPROTO_ESP,
				.family = local->family,
				.reqid = reqid,
				.mode = tunnel ? XFRM_MODE_TUNNEL
					       : XFRM_MODE_TRANSPORT,
				.share = XFRM_SHARE_ANY,
				.aalgos = UINT32_MAX,
				.ealgos = UINT32_MAX,
				.calgos = UINT32_MAX,
			},
		};

		/* Of transport mode they are the packet's own. */
		if (tunnel) {
			put_address(in ? remote : local, &p.tmpl.saddr);
			put_address(in ? local : remote, &p.tmpl.id.daddr);
		}
		if (setsockopt(fd, level, option, &p, sizeof(p)) < 0)
			return -errno;
	}
	return 0;
}
