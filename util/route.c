/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One RTM_GETROUTE. The kernel answers before send() returns, so nothing here
 * waits.
 */
#include "util/route.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct question {
	struct nlmsghdr head;
	struct rtmsg route;
	uint8_t attributes[96];
};

static void put(struct question *q, uint16_t type, const void *data, size_t len)
{
	struct rtattr a = { .rta_type = type,
			    .rta_len = (uint16_t)RTA_LENGTH(len) };
	uint8_t *at = (uint8_t *)q + q->head.nlmsg_len;

	memcpy(at, &a, sizeof(a));
	memcpy(at + RTA_LENGTH(0), data, len);
	q->head.nlmsg_len += (uint32_t)RTA_SPACE(len);
}

static void ask(const struct addr *remote, const struct route_from *from,
		struct question *q)
{
	size_t len = addr_len(remote);
	uint32_t oif = from->ifindex ? from->ifindex : remote->scope;

	*q = (struct question){
		.head = { .nlmsg_len = NLMSG_LENGTH(sizeof(q->route)),
			  .nlmsg_type = RTM_GETROUTE,
			  .nlmsg_flags = NLM_F_REQUEST },
		.route = { .rtm_family = (uint8_t)remote->family,
			   .rtm_dst_len = (uint8_t)(len * 8) },
	};
	put(q, RTA_DST, remote->bytes, len);
	if (oif)
		put(q, RTA_OIF, &oif, sizeof(oif));
	if (from->mark)
		put(q, RTA_MARK, &from->mark, sizeof(from->mark));
	if (from->owner)
		put(q, RTA_UID, &from->owner, sizeof(from->owner));
}

/* The preferred source among the attributes of a route. */
static int source_of(const uint8_t *p, size_t left, const struct addr *remote,
		     struct addr *ret)
{
	struct addr found = { .family = remote->family };

	while (left >= sizeof(struct rtattr)) {
		struct rtattr a;

		memcpy(&a, p, sizeof(a));
		if (a.rta_len < sizeof(a) || a.rta_len > left)
			break;
		if (a.rta_type == RTA_PREFSRC &&
		    a.rta_len == RTA_LENGTH(addr_len(remote))) {
			memcpy(found.bytes, p + RTA_LENGTH(0),
			       addr_len(remote));
			if (addr_is_linklocal(&found) &&
			    found.family == AF_INET6)
				found.scope = remote->scope;
			*ret = found;
			return 0;
		}
		if (RTA_ALIGN(a.rta_len) > left)
			break;
		p += RTA_ALIGN(a.rta_len);
		left -= RTA_ALIGN(a.rta_len);
	}
	return -EHOSTUNREACH;
}

static int read_answer(const uint8_t *p, size_t len, const struct addr *remote,
		       struct addr *ret)
{
	struct nlmsghdr h;
	struct nlmsgerr e;

	if (len < sizeof(h))
		return -EBADMSG;
	memcpy(&h, p, sizeof(h));
	if (h.nlmsg_len > len)
		return -EBADMSG;
	if (h.nlmsg_type == NLMSG_ERROR && len >= NLMSG_LENGTH(sizeof(e))) {
		memcpy(&e, p + NLMSG_HDRLEN, sizeof(e));
		return e.error < 0 ? e.error : -EBADMSG;
	}
	if (h.nlmsg_type != RTM_NEWROUTE ||
	    h.nlmsg_len < NLMSG_LENGTH(sizeof(struct rtmsg)))
		return -EBADMSG;
	return source_of(p + NLMSG_SPACE(sizeof(struct rtmsg)),
			 h.nlmsg_len - NLMSG_SPACE(sizeof(struct rtmsg)),
			 remote, ret);
}

int route_source(const struct addr *remote, const struct route_from *from,
		 struct addr *ret)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct question q;
	uint8_t answer[2048];
	ssize_t n = 0;
	int r = 0, fd;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0)
		return -errno;
	ask(remote, from, &q);
	if (sendto(fd, &q, q.head.nlmsg_len, 0,
		   (const struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		r = -errno;
	if (r == 0) {
		n = recv(fd, answer, sizeof(answer), MSG_DONTWAIT);
		r = n < 0 ? -errno : 0;
	}
	close(fd);
	return r < 0 ? r : read_answer(answer, (size_t)n, remote, ret);
}
