/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who else keys on this host: programs by name, the ports of IKE and who has
 * them, policies that are not Tacit's, routing rules that look at its mark.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dbus/doctor.h"
#include "xfrm/nlsock.h"
#include "xfrm/spd.h"

#define TOPIC "neighbours"

/* --- processes --------------------------------------------------------------- */

static const struct {
	const char *comm, *what, *unit;
} daemons[] = {
	{ "pluto", "libreswan", "ipsec" },
	{ "charon", "strongSwan", "strongswan-starter" },
	{ "charon-systemd", "strongSwan", "strongswan" },
	{ "iked", "OpenIKED", "openiked" },
	{ "racoon", "racoon", "racoon" },
};

static bool is_number(const char *s)
{
	for (; *s; s++)
		if (!isdigit((unsigned char)*s))
			return false;
	return true;
}

/* Calls each() with pid and name; true when one has said so. */
static bool each_process(bool (*each)(const char *pid, const char *comm,
				      void *user),
			 void *user)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;
	bool found = false;

	while (dir && !found && (e = readdir(dir))) {
		char path[300], comm[64];

		if (!is_number(e->d_name))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", e->d_name);
		doctor_read(path, comm, sizeof(comm));
		found = each(e->d_name, comm, user);
	}
	if (dir)
		closedir(dir);
	return found;
}

/* In this network namespace? Unknown counts as yes. */
static bool is_here(const char *pid)
{
	char path[300], theirs[64] = "", ours[64] = "";

	snprintf(path, sizeof(path), "/proc/%s/ns/net", pid);
	if (readlink(path, theirs, sizeof(theirs) - 1) < 0 ||
	    readlink("/proc/self/ns/net", ours, sizeof(ours) - 1) < 0)
		return true;
	return !strcmp(theirs, ours);
}

struct seen {
	struct doctor *d;
	unsigned told; /* a bit for each of daemons[] */
};

static bool on_process(const char *pid, const char *comm, void *user)
{
	struct seen *s = user;

	for (unsigned i = 0; i < sizeof(daemons) / sizeof(daemons[0]); i++) {
		char remedy[128];

		if (strcmp(comm, daemons[i].comm) != 0 || s->told & 1u << i ||
		    !is_here(pid))
			continue;
		s->told |= 1u << i;
		snprintf(remedy, sizeof(remedy),
			 "systemctl disable --now %s, or give Tacit other "
			 "ports: Port= and NATPort= in [IKE]",
			 daemons[i].unit);
		doctor_add(s->d, DOCTOR_WARNING, TOPIC, remedy,
			   "%s (%s, process %s) runs: it wants the same ports; "
			   "its policies win over Tacit's",
			   daemons[i].what, comm, pid);
	}
	return false;
}

/* --- ports ------------------------------------------------------------------- */

struct owner {
	char link[64]; /* "socket:[12345]" */
	char pid[32], comm[64];
};

static bool has_socket(const char *pid, const char *comm, void *user)
{
	struct owner *o = user;
	char path[300];
	struct dirent *e;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	dir = opendir(path);
	while (dir && !found && (e = readdir(dir))) {
		char link[64] = "", name[600];

		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		if (readlink(name, link, sizeof(link) - 1) > 0)
			found = !strcmp(link, o->link);
	}
	if (dir)
		closedir(dir);
	if (found) {
		snprintf(o->pid, sizeof(o->pid), "%s", pid);
		snprintf(o->comm, sizeof(o->comm), "%s", comm);
	}
	return found;
}

/* The inode of the first socket of this port: "sl local rem st tx:rx tr:tm
 * retr uid timeout inode"; 0: none. */
static unsigned long port_inode(const char *file, unsigned port)
{
	unsigned long inode = 0;
	char line[512];
	FILE *f = fopen(file, "re");

	while (f && !inode && fgets(line, sizeof(line), f)) {
		unsigned long found;
		unsigned local;

		if (sscanf(line,
			   " %*[^:]: %*[0-9A-F]:%X %*s %*s %*s %*s %*s %*s %*s "
			   "%lu",
			   &local, &found) == 2 &&
		    local == port)
			inode = found;
	}
	if (f)
		fclose(f);
	return inode;
}

static void check_port(struct doctor *d, unsigned port, const char *key)
{
	unsigned long inode = port_inode("/proc/net/udp", port);
	struct owner o = { .comm = "?" };
	char remedy[128];

	if (!inode)
		inode = port_inode("/proc/net/udp6", port);
	if (!inode)
		return;
	snprintf(o.link, sizeof(o.link), "socket:[%lu]", inode);
	if (!each_process(has_socket, &o)) {
		doctor_add(d, d->root ? DOCTOR_NOTE : DOCTOR_UNKNOWN, TOPIC,
			   d->root ? NULL : "sudo tacit doctor",
			   "UDP port %u is open; by whom could not be seen",
			   port);
		return;
	}
	if (!strncmp(o.comm, "tacit", 5)) {
		doctor_add(d, DOCTOR_OK, TOPIC, NULL,
			   "UDP port %u is Tacit's (%s)", port, o.comm);
		return;
	}
	snprintf(remedy, sizeof(remedy),
		 "stop process %s, or set %s= in [IKE] to a free port", o.pid,
		 key);
	doctor_add(d, DOCTOR_ERROR, TOPIC, remedy,
		   "UDP port %u belongs to %s (process %s)", port, o.comm,
		   o.pid);
}

/* --- policies ---------------------------------------------------------------- */

static int on_policy(const struct kpolicy *p, void *user)
{
	unsigned *foreign = user;

	*foreign += !kpolicy_is_ours(p) && p->dir <= KDIR_FWD;
	return 0;
}

static void check_policies(struct doctor *d)
{
	struct nlsock *s = NULL;
	unsigned foreign = 0;
	int r = nlsock_open(NETLINK_XFRM, &s);

	if (r == 0)
		r = spd_dump_all(s, on_policy, &foreign);
	nlsock_free(s);
	if (r == -EPERM)
		doctor_add(d, DOCTOR_UNKNOWN, TOPIC, "sudo tacit doctor",
			   "only root can see the kernel's IPsec policies");
	if (r < 0)
		return;
	if (foreign)
		doctor_add(d, DOCTOR_NOTE, TOPIC, "ip xfrm policy",
			   "IPsec policies that are not Tacit's: %u; where "
			   "they are about the same traffic, the lower "
			   "priority number wins",
			   foreign);
	else
		doctor_add(d, DOCTOR_OK, TOPIC, NULL,
			   "no IPsec policies of others");
}

/* --- routing rules ------------------------------------------------------------ */

struct rules {
	struct doctor *d;
	uint32_t bit;
	unsigned told;
};

/* What is let go after waiting carries the flipped bit while it is routed. */
static int on_rule(const struct nlmsghdr *h, void *user)
{
	struct nlattr *tb[FRA_MAX + 1];
	struct rules *rules = user;
	uint32_t mark, mask = UINT32_MAX, priority = 0;

	if (h->nlmsg_type != RTM_NEWRULE ||
	    nlmsg_parse((struct nlmsghdr *)(uintptr_t)h,
			sizeof(struct fib_rule_hdr), tb, FRA_MAX, NULL) < 0 ||
	    !tb[FRA_FWMARK])
		return 0;
	mark = nla_get_u32(tb[FRA_FWMARK]);
	if (tb[FRA_FWMASK])
		mask = nla_get_u32(tb[FRA_FWMASK]);
	if (tb[FRA_PRIORITY])
		priority = nla_get_u32(tb[FRA_PRIORITY]);
	if (!(mask & rules->bit) || rules->told++)
		return 0;
	doctor_add(rules->d, DOCTOR_WARNING, TOPIC,
		   "give the rule a mask without that bit (fwmark MARK/MASK), "
		   "or set MarkBit= in [Hold]",
		   "the routing rule %u (ip rule) compares the mark %#" PRIx32
		   "/%#" PRIx32 ", of which Tacit flips the bit %#" PRIx32
		   " for a moment: held packets with that mark are routed "
		   "otherwise",
		   priority, mark, mask, rules->bit);
	return 0;
}

static void check_rules(struct doctor *d)
{
	const struct fib_rule_hdr any[] = { { .family = AF_INET },
					    { .family = AF_INET6 } };
	struct rules rules = {
		.d = d, .bit = 1u << (d->config ? d->config->mark_bit : 22)
	};
	struct nlsock *s = NULL;

	if (nlsock_open(NETLINK_ROUTE, &s) < 0)
		return;
	for (size_t i = 0; i < 2; i++) {
		struct nl_msg *m = nlmsg_alloc_simple(RTM_GETRULE, 0);

		if (m && nlmsg_append(m, (void *)(uintptr_t)&any[i],
				      sizeof(any[i]), NLMSG_ALIGNTO) == 0)
			(void)!nlsock_ask(s, m, NLM_F_DUMP, on_rule, &rules);
		nlmsg_free(m);
	}
	nlsock_free(s);
}

void doctor_others(struct doctor *d)
{
	struct seen seen = { .d = d };

	(void)each_process(on_process, &seen);
	check_port(d, d->config ? d->config->port : 500, "Port");
	check_port(d, d->config ? d->config->natt_port : 4500, "NATPort");
	check_policies(d);
	check_rules(d);
}
