/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Batches of changes: encoded, sent in one system call, errors sorted out.
 */
#include "xfrm/change.h"

#include <errno.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <string.h>

#include "util/log.h"
#include "util/secret.h"
#include "xfrm/codec.h"
#include "xfrm/nlsock.h"
#include "xfrm/spd.h"

static struct nl_msg *change_encode(const struct change *c)
{
	switch (c->op) {
	case CHANGE_SA_ADD:
		return codec_new_sa(&c->sa);
	case CHANGE_SA_DELETE:
		return codec_delete_sa(&c->sa);
	case CHANGE_POLICY_SET:
		return codec_new_policy(&c->policy);
	case CHANGE_POLICY_UPDATE:
		return codec_update_policy(&c->policy);
	case CHANGE_POLICY_DELETE:
		return codec_delete_policy(&c->policy);
	}
	return NULL;
}

/* Looks whose policy stands in the place before it is replaced or deleted. 1:
 * go on; 0: there is nothing to do; -errno. */
static int change_look(struct nlsock *s, struct change *c)
{
	struct kpolicy there;
	int r;

	if (c->op != CHANGE_POLICY_UPDATE && c->op != CHANGE_POLICY_DELETE)
		return 1;
	c->policy.index = 0;
	r = spd_get(s, &c->policy, &there);
	if (r == -ENOENT)
		return c->op == CHANGE_POLICY_UPDATE;
	if (r < 0)
		return r;
	if (!kpolicy_is_ours(&there))
		return c->op == CHANGE_POLICY_UPDATE ? -EEXIST : 0;
	/* Exactly this one, whatever comes in between. */
	if (c->op == CHANGE_POLICY_DELETE)
		c->policy.index = there.index;
	return 1;
}

/* The place is taken: by ours, or by somebody else's? */
static int change_replace(struct nlsock *s, const struct change *c)
{
	struct change again = *c;
	struct nl_msg *m = NULL;
	int error = 0, r;

	again.op = CHANGE_POLICY_UPDATE;
	r = change_look(s, &again);
	if (r < 0)
		return r;
	m = change_encode(&again);
	if (!m)
		return -ENOMEM;
	r = nlsock_batch(s, &m, 1, &error);
	nlmsg_free(m);
	return r < 0 ? r : error;
}

static int change_judge(struct nlsock *s, const struct change *c, int error)
{
	switch (c->op) {
	case CHANGE_SA_ADD:
	case CHANGE_POLICY_UPDATE:
		return error;
	case CHANGE_SA_DELETE:
		return error == -ESRCH ? 0 : error;
	case CHANGE_POLICY_DELETE:
		return error == -ENOENT ? 0 : error;
	case CHANGE_POLICY_SET:
		return error == -EEXIST ? change_replace(s, c) : error;
	}
	return error;
}

struct change_batch {
	struct nl_msg *messages[NLSOCK_BATCH];
	struct change *of[NLSOCK_BATCH]; /* whose the i-th message is */
	size_t n;
};

static void change_gather(struct nlsock *s, struct change_batch *b,
			  struct change *c, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int r = change_look(s, &c[i]);

		c[i].error = r < 0 ? r : 0;
		if (r <= 0)
			continue;
		b->messages[b->n] = change_encode(&c[i]);
		if (b->messages[b->n])
			b->of[b->n++] = &c[i];
		else
			c[i].error = -ENOMEM;
	}
}

static int change_some(struct nlsock *s, struct change *c, size_t n)
{
	struct change_batch b = { 0 };
	int errors[NLSOCK_BATCH] = { 0 };
	int r, first = 0;

	change_gather(s, &b, c, n);
	r = nlsock_batch(s, b.messages, b.n, errors);
	for (size_t i = 0; i < b.n; i++) {
		nlmsg_free(b.messages[i]);
		b.of[i]->error = r < 0 ? r : errors[i];
		if (r == 0 && errors[i])
			b.of[i]->error = change_judge(s, b.of[i], errors[i]);
	}
	for (size_t i = 0; i < n; i++) {
		char text[CHANGE_STRLEN];

		if (!c[i].error)
			continue;
		log_debug("kernel: %s: %s %s", change_format(&c[i], text),
			  strerror(-c[i].error), nlsock_why(s));
		if (!first)
			first = c[i].error;
	}
	return first;
}

int change_apply(struct nlsock *s, struct change *c, size_t n)
{
	int first = 0;

	while (n > 0) {
		size_t some = n < NLSOCK_BATCH ? n : NLSOCK_BATCH;
		int r = change_some(s, c, some);

		if (!first)
			first = r;
		c += some;
		n -= some;
	}
	return first;
}

static const char *policy_word(const struct kpolicy *p)
{
	switch (p->action) {
	case KACTION_PASS:
		return "pass";
	case KACTION_BLOCK:
		return "block";
	case KACTION_PROTECT:
		return p->optional ? "optional" : "required";
	}
	return "?";
}

char *change_format(const struct change *c, char buf[static CHANGE_STRLEN])
{
	static const char *const sign[] = {
		[CHANGE_SA_ADD] = "+",	      [CHANGE_SA_DELETE] = "-",
		[CHANGE_POLICY_SET] = "+",    [CHANGE_POLICY_UPDATE] = "=",
		[CHANGE_POLICY_DELETE] = "-",
	};
	char src[PREFIX_STRLEN], dst[PREFIX_STRLEN];

	if (c->op == CHANGE_SA_ADD || c->op == CHANGE_SA_DELETE)
		snprintf(buf, CHANGE_STRLEN,
			 "%ssa %s -> %s spi %08x reqid %08x", sign[c->op],
			 addr_format(&c->sa.src, src),
			 addr_format(&c->sa.dst, dst), c->sa.esp.spi,
			 c->sa.reqid);
	else
		snprintf(buf, CHANGE_STRLEN,
			 "%spolicy %s %s -> %s proto %u %s prio %x reqid %08x",
			 sign[c->op], c->policy.dir == KDIR_IN ? "in" : "out",
			 prefix_format(&c->policy.sel.src, src),
			 prefix_format(&c->policy.sel.dst, dst),
			 c->policy.sel.protocol, policy_word(&c->policy),
			 c->policy.priority, c->policy.reqid);
	return buf;
}

void change_wipe(struct change *c, size_t n)
{
	secret_wipe(c, n * sizeof(*c));
}
