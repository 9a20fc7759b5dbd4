/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One RTM_NEWLINK.
 */
#include "xfrm/link-kind.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <sys/socket.h>

#include "xfrm/nlsock.h"

#define INTERFACE_ID 1u

int link_kind_try(const char *kind)
{
	const struct ifinfomsg body = { .ifi_family = AF_UNSPEC };
	struct nl_msg *m =
		nlmsg_alloc_simple(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
	struct nlattr *info = NULL, *data;
	struct nlsock *s = NULL;
	int r = -ENOMEM, error = 0;

	if (m &&
	    nlmsg_append(m, (void *)&body, sizeof(body), NLMSG_ALIGNTO) == 0)
		info = nla_nest_start(m, IFLA_LINKINFO);
	if (info && nla_put_string(m, IFLA_INFO_KIND, kind) == 0) {
		data = nla_nest_start(m, IFLA_INFO_DATA);
		if (data &&
		    nla_put_u32(m, IFLA_XFRM_IF_ID, INTERFACE_ID) == 0) {
			nla_nest_end(m, data);
			nla_nest_end(m, info);
			r = nlsock_open(NETLINK_ROUTE, &s);
		}
	}
	if (r == 0)
		r = nlsock_batch(s, &m, 1, &error);
	nlsock_free(s);
	nlmsg_free(m);
	return r < 0 ? r : error == -EOPNOTSUPP ? -EOPNOTSUPP : error;
}
