/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening of the IKE sockets.
 */
#include "xfrm/udp.h"

#include <errno.h>
#include <linux/udp.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/addr.h"

/* A burst of first messages must fit while the agent is busy or restarts. */
#define UDP_BUFFER (1 << 20)

static int udp_flag(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno
									: 0;
}

/* A socket's own policy goes before all others: IKE is always in the clear. */
static int udp_bypass(int fd, int family)
{
	static const uint8_t dirs[] = { XFRM_POLICY_IN, XFRM_POLICY_OUT };
	int level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
	int option = family == AF_INET ? IP_XFRM_POLICY : IPV6_XFRM_POLICY;

	for (size_t i = 0; i < sizeof(dirs); i++) {
		struct xfrm_userpolicy_info p = {
			.sel.family = (uint16_t)family,
			.dir = dirs[i],
			.action = XFRM_POLICY_ALLOW,
			.share = XFRM_SHARE_ANY,
			.lft = { .soft_byte_limit = XFRM_INF,
				 .hard_byte_limit = XFRM_INF,
				 .soft_packet_limit = XFRM_INF,
				 .hard_packet_limit = XFRM_INF },
		};

		if (setsockopt(fd, level, option, &p, sizeof(p)) < 0)
			return -errno;
	}
	return 0;
}

static int udp_options(int fd, int family)
{
	int r;

	if (family == AF_INET) {
		r = udp_flag(fd, IPPROTO_IP, IP_PKTINFO, 1);
		return r < 0 ? r : udp_flag(fd, IPPROTO_IP, IP_RECVERR, 1);
	}
	r = udp_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (r == 0)
		r = udp_flag(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	return r < 0 ? r : udp_flag(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
}

static void udp_enlarge(int fd)
{
	/* As far as we may; the default also works. */
	if (udp_flag(fd, SOL_SOCKET, SO_RCVBUFFORCE, UDP_BUFFER) < 0)
		(void)udp_flag(fd, SOL_SOCKET, SO_RCVBUF, UDP_BUFFER);
	if (udp_flag(fd, SOL_SOCKET, SO_SNDBUFFORCE, UDP_BUFFER) < 0)
		(void)udp_flag(fd, SOL_SOCKET, SO_SNDBUF, UDP_BUFFER);
}

int udp_open(int family, uint16_t port, bool natt)
{
	struct endpoint any = { .addr.family = (uint16_t)family, .port = port };
	struct sockaddr_storage sa;
	socklen_t len;
	int fd, r;

	fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	udp_enlarge(fd);
	r = udp_options(fd, family);
	/* Before bind(): not one datagram may meet the policies. */
	if (r == 0)
		r = udp_bypass(fd, family);
	if (r == 0 && natt)
		r = udp_flag(fd, IPPROTO_UDP, UDP_ENCAP, UDP_ENCAP_ESPINUDP);
	len = endpoint_to_sockaddr(&any, &sa);
	if (r == 0 && bind(fd, (const struct sockaddr *)&sa, len) < 0)
		r = -errno;
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}
