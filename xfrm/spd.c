/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Questions to the kernel's policy and SA databases.
 */
#include "xfrm/spd.h"

#include <errno.h>
#include <linux/xfrm.h>
#include <netlink/msg.h>

#include "util/secret.h"
#include "xfrm/codec.h"
#include "xfrm/nlsock.h"

/* A dump that was interrupted by a change is asked for again. */
#define SPD_DUMP_TRIES 5

struct spd_one {
	struct kpolicy policy;
	bool found;
};

static int spd_take_one(const struct nlmsghdr *h, void *user)
{
	struct spd_one *one = user;
	int r = codec_read_policy(h, &one->policy);

	if (r == 0)
		one->found = true;
	return r;
}

int spd_get(struct nlsock *s, const struct kpolicy *p, struct kpolicy *ret)
{
	struct spd_one one = { 0 };
	struct nl_msg *m = codec_get_policy(p);
	int r;

	if (!m)
		return -ENOMEM;
	r = nlsock_ask(s, m, 0, spd_take_one, &one);
	nlmsg_free(m);
	if (r == 0 && !one.found)
		r = -ENOENT;
	if (r == 0)
		*ret = one.policy;
	return r;
}

static int spd_take_used(const struct nlmsghdr *h, void *user)
{
	bool *used = user;
	struct ksa sa;
	int r = codec_read_sa(h, &sa);

	if (r == 0)
		*used = sa.used;
	return r;
}

int sad_used(struct nlsock *s, const struct ksa *sa)
{
	struct nl_msg *m = codec_get_sa(sa);
	bool used = false;
	int r;

	if (!m)
		return -ENOMEM;
	r = nlsock_ask(s, m, 0, spd_take_used, &used);
	nlmsg_free(m);
	return r < 0 ? r : used;
}

static int spd_take_sa(const struct nlmsghdr *h, void *user)
{
	return codec_read_sa(h, user);
}

int sad_look(struct nlsock *s, const struct ksa *sa, struct ksa *ret)
{
	struct nl_msg *m = codec_get_sa(sa);
	int r;

	if (!m)
		return -ENOMEM;
	r = nlsock_ask(s, m, 0, spd_take_sa, ret);
	nlmsg_free(m);
	return r < 0 ? r : 0;
}

struct sad_moved {
	struct nl_msg *m;
	bool inbound;
	uint16_t udp_remote;
};

static int sad_take_moved(const struct nlmsghdr *h, void *user)
{
	struct sad_moved *moved = user;

	if (!moved->m)
		moved->m = codec_move_sa(h, moved->inbound, moved->udp_remote);
	return 0;
}

int sad_move(struct nlsock *s, const struct ksa *sa, uint16_t udp_remote)
{
	struct sad_moved moved = { .inbound = sa->inbound,
				   .udp_remote = udp_remote };
	struct nl_msg *m = codec_get_sa(sa);
	int r, error = 0;

	if (!m)
		return -ENOMEM;
	r = nlsock_ask(s, m, 0, sad_take_moved, &moved);
	nlmsg_free(m);
	if (r < 0)
		return r;
	if (!moved.m)
		return -EINVAL;
	r = nlsock_batch(s, &moved.m, 1, &error);
	secret_wipe(nlmsg_hdr(moved.m), nlmsg_hdr(moved.m)->nlmsg_len);
	nlmsg_free(moved.m);
	return r < 0 ? r : error;
}

struct spd_walk {
	int (*policy)(const struct kpolicy *p, void *user);
	int (*sa)(const struct ksa *sa, void *user);
	void *user;
	bool all; /* others' too */
};

/* What we cannot read is not ours. */
static int spd_walk_one(const struct nlmsghdr *h, void *user)
{
	const struct spd_walk *w = user;
	struct kpolicy p;
	struct ksa sa;

	if (w->policy && codec_read_policy(h, &p) == 0 &&
	    (w->all || kpolicy_is_ours(&p)))
		return w->policy(&p, w->user);
	if (w->sa && codec_read_sa(h, &sa) == 0 && ksa_is_ours(&sa))
		return w->sa(&sa, w->user);
	return 0;
}

static int spd_walk(struct nlsock *s, struct nl_msg *m, struct spd_walk *w)
{
	int r = -ENOMEM;

	if (!m)
		return r;
	for (int i = 0; i < SPD_DUMP_TRIES; i++) {
		r = nlsock_ask(s, m, NLM_F_DUMP, spd_walk_one, w);
		if (r != -EINTR)
			break;
	}
	nlmsg_free(m);
	return r;
}

int spd_dump_ours(struct nlsock *s,
		  int (*each)(const struct kpolicy *p, void *user), void *user)
{
	struct spd_walk w = { .policy = each, .user = user };

	return spd_walk(s, codec_dump_policies(), &w);
}

int spd_dump_all(struct nlsock *s,
		 int (*each)(const struct kpolicy *p, void *user), void *user)
{
	struct spd_walk w = { .policy = each, .user = user, .all = true };

	return spd_walk(s, codec_dump_policies(), &w);
}

int sad_dump_ours(struct nlsock *s,
		  int (*each)(const struct ksa *sa, void *user), void *user)
{
	struct spd_walk w = { .sa = each, .user = user };

	return spd_walk(s, codec_dump_sas(), &w);
}
