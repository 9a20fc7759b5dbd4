/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Would the host's own firewall let IKE and ESP of a stranger in, and ours out?
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/netfilter.h>

#include <stdio.h>
#include <string.h>

#include "dbus/doctor.h"
#include "dbus/ruleset.h"

#define TOPIC "firewall"

static void name_packet(const struct ruleset_packet *p, char *ret, size_t size)
{
	const char *way = p->hook == NF_INET_LOCAL_IN ? "incoming" : "outgoing";

	if (p->protocol == IPPROTO_UDP)
		snprintf(ret, size, "%s UDP port %u over IPv%d", way,
			 p->hook == NF_INET_LOCAL_IN ? p->dport : p->sport,
			 p->six ? 6 : 4);
	else
		snprintf(ret, size, "%s ESP over IPv%d", way, p->six ? 6 : 4);
}

static const char *family_name(uint8_t family)
{
	return family == NFPROTO_INET	? "inet"
	       : family == NFPROTO_IPV4 ? "ip"
					: "ip6";
}

/* Who made the chain has a word for us: units/tacit.firewalld.xml and
 * units/tacit.ufw. Rules of others would not last, and firewalld's table takes
 * none. NULL: nobody whom we know. */
static const char *ask_owner(const struct ruleset *r,
			     const struct ruleset_packet *p,
			     const struct ruleset_chain *c)
{
	bool esp = p->protocol != IPPROTO_UDP;

	if (p->hook != NF_INET_LOCAL_IN)
		return NULL;
	if (!esp && p->dport != 500 && p->dport != 4500)
		return NULL;
	if (!strcmp(c->table, "firewalld"))
		return "firewall-cmd --permanent --add-service=tacit && "
		       "firewall-cmd --reload";
	if (ruleset_find_chain(r, c->family, c->table,
			       p->six ? "ufw6-user-input" : "ufw-user-input"))
		return esp ? "ufw allow proto esp from any" : "ufw allow Tacit";
	return NULL;
}

static void name_remedy(const struct ruleset *r, const struct ruleset_packet *p,
			const struct ruleset_chain *c, char *ret, size_t size)
{
	const char *port = p->hook == NF_INET_LOCAL_IN ? "dport" : "sport";
	const char *owner = ask_owner(r, p, c);

	if (owner)
		snprintf(ret, size, "%s", owner);
	else if (p->protocol == IPPROTO_UDP)
		snprintf(ret, size, "nft insert rule %s %s %s udp %s %u accept",
			 family_name(c->family), c->table, c->name, port,
			 p->hook == NF_INET_LOCAL_IN ? p->dport : p->sport);
	else
		snprintf(ret, size,
			 "nft insert rule %s %s %s meta l4proto esp accept",
			 family_name(c->family), c->table, c->name);
}

/* False: it passes. */
static bool judge_one(struct doctor *d, struct ruleset *r,
		      const struct ruleset_packet *p)
{
	const struct ruleset_chain *c = NULL;
	const struct ruleset_rule *rule = NULL;
	enum ruleset_fate fate = ruleset_judge(r, p, &c, &rule);
	char what[64], where[200], remedy[256];

	if (fate == RULESET_PASSES)
		return false;
	name_packet(p, what, sizeof(what));
	name_remedy(r, p, c, remedy, sizeof(remedy));
	if (rule)
		snprintf(where, sizeof(where),
			 "rule %" PRIu64 " of chain %s in table %s %s",
			 rule->handle, rule->chain, family_name(c->family),
			 c->table);
	else
		snprintf(where, sizeof(where),
			 "the policy of chain %s in table %s %s", c->name,
			 family_name(c->family), c->table);
	if (fate == RULESET_EATEN)
		doctor_add(d, DOCTOR_ERROR, TOPIC, remedy, "%s drops %s", where,
			   what);
	else
		doctor_add(d, DOCTOR_NOTE, TOPIC, remedy,
			   "%s drops %s, unless a rule before it lets that "
			   "pass by something that cannot be judged here",
			   where, what);
	return true;
}

static void judge(struct doctor *d, struct ruleset *r)
{
	uint16_t ports[2] = { 500, 4500 };
	unsigned eaten = 0;

	if (d->config) {
		ports[0] = d->config->port;
		ports[1] = d->config->natt_port;
	}
	for (int out = 0; out < 2; out++)
		for (int six = 0; six < 2; six++) {
			struct ruleset_packet p = {
				.six = six,
				.protocol = IPPROTO_UDP,
				.hook = out ? NF_INET_LOCAL_OUT
					    : NF_INET_LOCAL_IN,
			};

			for (size_t i = 0; i < 2; i++) {
				p.sport = p.dport = ports[i];
				eaten += judge_one(d, r, &p);
			}
			p.sport = p.dport = 0;
			p.protocol = IPPROTO_ESP;
			eaten += judge_one(d, r, &p);
		}
	if (!eaten)
		doctor_add(d, DOCTOR_OK, TOPIC, NULL,
			   "UDP ports %u and %u and ESP pass nftables' rules, "
			   "in and out",
			   ports[0], ports[1]);
}

/* --- what is used by others, too ----------------------------------------------- */

static void uses(struct doctor *d, const struct ruleset *r)
{
	struct ruleset_uses u = {
		.queue = { d->config ? d->config->queue_offer : 21580,
			   d->config ? d->config->queue_require : 21581 },
		.group = d->config ? d->config->log_group : 21580,
	};
	static const char *const queue_keys[] = { "QueueOffer",
						  "QueueRequire" };
	const uint8_t bits[] = { d->config ? d->config->mark_bit : 22,
				 d->config ? d->config->dns_bit : 23 };
	static const char *const bit_keys[] = { "MarkBit", "DNSMarkBit" };
	char remedy[128];

	ruleset_find_uses(r, &u);
	for (size_t i = 0; i < 2; i++) {
		unsigned free_bit = 31;

		if (u.queue_used[i]) {
			snprintf(remedy, sizeof(remedy),
				 "set %s= in [Hold] to another number",
				 queue_keys[i]);
			doctor_add(d, DOCTOR_ERROR, TOPIC, remedy,
				   "nfnetlink queue %u is another table's too",
				   u.queue[i]);
		}
		if (!(u.marks & 1u << bits[i]))
			continue;
		while (free_bit > 0 && u.marks & 1u << free_bit)
			free_bit--;
		snprintf(remedy, sizeof(remedy), "set %s=%u in [Hold]",
			 bit_keys[i], free_bit);
		doctor_add(d, DOCTOR_WARNING, TOPIC, remedy,
			   "table %s uses bit %u of the packet mark, which is "
			   "Tacit's too",
			   u.marks_table, bits[i]);
	}
	if (u.group_used)
		doctor_add(d, DOCTOR_ERROR, TOPIC,
			   "set LogGroup= in [Hold] to another number",
			   "nflog group %u is another table's too", u.group);
	if (u.docker || u.kubernetes)
		doctor_add(d, DOCTOR_NOTE, TOPIC, NULL,
			   "%s has rules here: what containers send is "
			   "forwarded as it is; where it is masqueraded it "
			   "is the host's own, and encrypted to its peers, but "
			   "for those that lease this host an address "
			   "(ClientAddressTranslation=no)",
			   u.docker ? "Docker" : "a container cluster");
}

static void legacy(struct doctor *d)
{
	static const char *const files[] = { "/proc/net/ip_tables_names",
					     "/proc/net/ip6_tables_names" };
	char text[64];

	for (size_t i = 0; i < 2; i++) {
		doctor_read(files[i], text, sizeof(text));
		if (*text)
			doctor_add(d, DOCTOR_UNKNOWN, TOPIC,
				   i ? "ip6tables-legacy -S"
				     : "iptables-legacy -S",
				   "rules by %s are not looked at: see that "
				   "UDP 500, UDP 4500 and ESP pass",
				   i ? "ip6tables-legacy" : "iptables-legacy");
	}
}

void doctor_firewall(struct doctor *d)
{
	struct ruleset r;
	int e = ruleset_read(&r);

	if (e == -EPERM)
		doctor_add(d, DOCTOR_UNKNOWN, TOPIC, "sudo tacit doctor",
			   "only root can see the nftables rules");
	else if (e == -EPROTONOSUPPORT)
		doctor_add(d, DOCTOR_NOTE, TOPIC, NULL,
			   "this kernel has no nftables");
	else if (e < 0)
		doctor_add(d, DOCTOR_UNKNOWN, TOPIC, NULL,
			   "the nftables rules cannot be read: %s",
			   strerror(-e));
	if (e == 0) {
		judge(d, &r);
		uses(d, &r);
		ruleset_done(&r);
	}
	legacy(d);
}
