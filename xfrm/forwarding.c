/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xfrm/forwarding.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

bool forwarding_is_on(int family)
{
	int fd = open(family == AF_INET
			      ? "/proc/sys/net/ipv4/ip_forward"
			      : "/proc/sys/net/ipv6/conf/all/forwarding",
		      O_RDONLY | O_CLOEXEC);
	char value = '0';

	if (fd < 0)
		return false;
	if (read(fd, &value, 1) != 1)
		value = '0';
	close(fd);
	return value != '0';
}
