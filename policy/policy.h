/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Named policies and the table that finds one for an address: most specific
 * network first, IPv4 and IPv6 alike (design: "Policy: four levels, named").
 * Immutable once loaded, so tacitd and tacit-netd each read the same files
 * and reach the same verdicts.
 */
#ifndef TACIT_POLICY_POLICY_H
#define TACIT_POLICY_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "util/addr.h"
#include "util/algorithm.h"
#include "util/limits.h"
#include "util/service.h"

/* Encryption= */
enum policy_level {
	POLICY_FORBID,	/* always clear; a peer who asks is refused */
	POLICY_ALLOW,	/* clear, but answer a peer who asks */
	POLICY_OFFER,	/* try; clear if the peer cannot */
	POLICY_REQUIRE, /* never clear */
	POLICY_BLOCK,	/* nothing at all */
};

/* Authentication= */
enum policy_auth {
	POLICY_AUTH_ALLOW,   /* anonymous is fine, take a proof if offered */
	POLICY_AUTH_OFFER,   /* prefer an authenticated peer, else anonymous */
	POLICY_AUTH_REQUIRE, /* only an authenticated peer */
};

/* Discover= */
enum policy_discover {
	POLICY_DISCOVER_ALWAYS, /* knock at whoever we send to */
	POLICY_DISCOVER_DNS,	/* only where a key is known: DNS, or keys.d */
};

/* Mode= */
enum policy_mode {
	POLICY_MODE_ANY, /* transport, or tunnel where the peer insists */
	POLICY_MODE_TRANSPORT,
	POLICY_MODE_TUNNEL,
};

/* ClientAddressTranslation=: behind a NAT, from whom we want an address that
 * stands for ours */
enum policy_translation {
	POLICY_TRANSLATION_ANONYMOUS, /* whom we do not tell who we are, where
					 first packets wait */
	POLICY_TRANSLATION_YES,	      /* everybody */
	POLICY_TRANSLATION_NO,
};

/* Lookup=: what DNS is asked about, for keys */
enum policy_lookup {
	POLICY_LOOKUP_ADDRESS, /* a name that is known, or else the address */
	POLICY_LOOKUP_NAME,    /* names only: what is talked to is not told */
	POLICY_LOOKUP_NO,      /* nothing */
};

/* Where a network is written. */
struct policy_spot {
	uint32_t line;
	uint32_t list; /* 0: the policy's file; else the lists[] before that */
};

struct policy {
	char name[LIMIT_POLICY_NAME + 1];
	enum policy_level level;
	enum policy_auth auth;
	enum policy_discover discover;
	enum policy_lookup lookup;
	bool wait;	    /* Wait=: first packets are held (offer only;
				require always holds) */
	uint32_t wait_ms;   /* WaitTime=: the longest that a packet is held;
				see policy_wait_ms() */
	uint32_t lookup_ms; /* LookupTime=: so long IKE waits for a key */
	uint32_t retry_ms; /* RetryTime=: a failed peer is left alone so long */
	uint32_t idle_ms;  /* IdleTime=: SAs without traffic end; 0: never */
	enum policy_mode mode;
	enum policy_translation translation;
	bool gateway; /* Gateway=: ESP may go to the gateway that DNS names */
	/* AddressPool=: of which peers behind NATs are given addresses when
	 * they ask; "": they are given none. And its line, or 0. */
	char pool[LIMIT_POLICY_NAME + 1];
	unsigned pool_line;
	/* Of each Child SA; it is rekeyed before that. */
	uint32_t child_lifetime_s; /* ChildLifetime=, seconds */
	uint32_t child_kib;	   /* ChildBytes=, kibibytes; 0: no limit */
	uint32_t child_packets;	   /* ChildPackets=; 0: no limit */
	/* Percent of these: who made it rekeys so long before the end at the
	 * latest, and up to so much earlier at random. */
	uint8_t rekey_margin, rekey_fuzz; /* RekeyMargin=, RekeyFuzz= */
	struct algorithms algorithms;	  /* [Algorithms] */
	/* Identity=: who may be there, canonical; "@*.example.org" is every
	 * name in that domain. None: whoever proves an identity. */
	char **identities;
	size_t n_identities;
	/* Each of its networks is another policy's too, which has no Identity=
	 * and is for everybody else: this one is only for those. Set by
	 * policy_table_new(). */
	bool named;
	/* Ports=: only these services, of either side; none: all traffic. With
	 * a level that encrypts they are LIMIT_SCOPE_SERVICES at most, and all
	 * other traffic of the networks is in the clear. */
	struct service *ports;
	size_t n_ports;
	struct prefix *networks;
	size_t n_networks;
	struct policy_spot *spots; /* of each network; NULL: built in */
	char **lists;		   /* files of NetworksFile= */
	size_t n_lists;
	const char *file; /* where it stands; NULL: built in */
	unsigned line;
};

struct policy_table;

/* Are there SAs under it? Those of a policy with services are for these alone. */
static inline bool policy_encrypts(const struct policy *p)
{
	return p->level == POLICY_ALLOW || p->level == POLICY_OFFER ||
	       p->level == POLICY_REQUIRE;
}

/* May a peer that has proven this identity (canonical form) have what the
 * policy gives to an authenticated one? */
bool policy_accepts_identity(const struct policy *p, const char *identity);

/* Is it one of those that the policy names, not only one of a domain? */
bool policy_names_identity(const struct policy *p, const char *identity);
/* The longest that a packet is held, where the policy has packets held. */
uint32_t policy_wait_ms(const struct policy *p);

/* Takes NULL; returns NULL. */
struct policy *policy_free(struct policy *p);

/*
 * A table of policies, each from malloc() with its networks and file too: the
 * table's on success, still the caller's on failure. 0; -EEXIST when a name, or
 * a network (for all traffic, or with the same service) is there twice, unless
 * that makes a policy a named one; -E2BIG when policies with services come to
 * too many rules; -ENOMEM.
 */
int policy_table_new(struct policy *const *policies, size_t n,
		     struct policy_table **ret)
	__attribute__((warn_unused_result));

const char *policy_level_name(enum policy_level l); /* "offer" */
const char *policy_auth_name(enum policy_auth a);
/* "anonymous": whom we do not tell who we are, where first packets wait. */
const char *policy_translation_name(enum policy_translation t);
const char *policy_discover_name(enum policy_discover d); /* "dns" */
const char *policy_lookup_name(enum policy_lookup l);
const char *policy_mode_name(enum policy_mode m);
/* 0 or -EINVAL. */
int policy_level_parse(const char *text, enum policy_level *ret);
int policy_auth_parse(const char *text, enum policy_auth *ret);

/*
 * By what SAs with the address are made: the policy of the most specific
 * network that contains it, or NULL: nobody's, always clear, treated as forbid.
 * Borrowed from the table. A policy with services is one that encrypts them.
 * Those that are named are left out: what the kernel does, and who is begun
 * with, is decided before anybody has said who is there.
 */
const struct policy *policy_table_lookup(const struct policy_table *t,
					 const struct addr *a);
/* May what is sent to a host of this policy (NULL: none) go, in ESP, to this
 * gateway? The administrator has said yes, and nothing else about the gateway's
 * own network: what he forbids, blocks or requires there is not for DNS to send
 * to, but for his own word where both are in one policy. */
bool policy_table_has_gateway(const struct policy_table *t,
			      const struct policy *p,
			      const struct addr *gateway);
/* For which traffic those SAs are: n 0 where they are for all. */
void policy_table_scope(const struct policy_table *t, const struct addr *a,
			struct scope *ret);
/* What all traffic is treated by that no policy with services is for, and the
 * network that matched (ret_network may be NULL). */
const struct policy *policy_table_match(const struct policy_table *t,
					const struct addr *a,
					struct prefix *ret_network);
/*
 * The policy for whoever has proven this identity (canonical form; NULL: none)
 * and is at the address: of those with the same most specific network the named
 * one that names it most closely, or else that of policy_table_lookup().
 */
const struct policy *policy_table_for(const struct policy_table *t,
				      const struct addr *a,
				      const char *identity);
/* The i-th of the named policies of the address, in no order; NULL behind the
 * last. */
const struct policy *policy_table_named(const struct policy_table *t,
					const struct addr *a, size_t i);
/* The name of the file. Borrowed. */
const char *policy_spot_file(const struct policy *p,
			     const struct policy_spot *s);
/*
 * The policy of a packet between a port of ours and one of the address; ports
 * are 0 where there are none. Of the ports either may be the service's; where
 * both are, `block` is the strongest, then what encrypts. ret_network, where it is not NULL, is
 * the network that matched. Constant work where no policy has services.
 */
const struct policy *policy_table_packet(const struct policy_table *t,
					 const struct addr *a, uint8_t protocol,
					 uint16_t local_port,
					 uint16_t remote_port,
					 struct prefix *ret_network);
struct port_rule;
/* Policies with services, as in policy/port-rule.h; NULL behind the last. */
const struct port_rule *policy_table_rule(const struct policy_table *t,
					  size_t i);
/* The one for this service of this address, or NULL. */
const struct port_rule *policy_table_find_rule(const struct policy_table *t,
					       const struct addr *a,
					       const struct service *s);
/* The file, and in *ret_line the line, where p has this very network; NULL:
 * nowhere, or built in. Borrowed. Looks at all of its networks. */
const char *policy_where(const struct policy *p, const struct prefix *network,
			 unsigned *ret_line);
/* In order of name. NULL at the end. */
const struct policy *policy_table_at(const struct policy_table *t, size_t i);
size_t policy_table_count(const struct policy_table *t);
struct policy_table *policy_table_free(struct policy_table *t);

#endif
