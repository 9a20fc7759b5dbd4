/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Configuration: DIR/tacit.conf with DIR/tacit.conf.d/, one policy a file in
 * DIR/policy.d/, one peer with its keys a file in DIR/keys.d/ and one pool of
 * addresses a file in DIR/pool.d/ (names ending in .conf); INI in the style of systemd. Every error is
 * collected with file and line, none stops the reading; with any error nothing
 * is loaded. Without files the built-in defaults hold: offer, Wait=no for all
 * networks, with Discover=dns for those that are not private or link-local.
 */
#ifndef TACIT_POLICY_CONFIG_H
#define TACIT_POLICY_CONFIG_H

#include "policy/address-pool.h"
#include "policy/known-peer.h"
#include "policy/policy.h"

struct config_error {
	char *file;    /* NULL: not about a file */
	unsigned line; /* 0: the whole file */
	char *message; /* one sentence, with the remedy where there is one */
};

struct config_errors {
	struct config_error *list;
	size_t count;	/* at most LIMIT_CONFIG_ERRORS */
	size_t dropped; /* beyond that */
	/* What loads all the same, but hardly does what was meant. */
	struct config_error *warnings;
	size_t n_warnings;
};

/* [DNS]; lists end with NULL, and are NULL where they are empty. */
struct config_dns {
	bool lookup;	     /* Lookup=: ask for keys at all */
	bool system_servers; /* Servers=system: those of resolv.conf */
	char **servers;	     /* Servers=; none: recursion from the root */
	bool tls;	     /* TLS= */
	char **anchors;	     /* TrustAnchors=; none: the usual places */
	char **zones;	     /* Zones=, "ZONE=SERVER" each */
	char *root_hints;    /* RootHints=, or NULL */
	uint32_t wait_ms;    /* LookupTime=, of policies that name none */
};

struct config {
	/* [Agent] */
	int log_level; /* LogLevel=: debug, info (default), notice, warning, error */
	bool open_on_stop;  /* OnStop=open|closed */
	uint32_t max_peers; /* MaxPeers=: with SAs */
	/* [IKE] */
	uint16_t port;		   /* Port=, default 500 */
	uint16_t natt_port;	   /* NATPort=, default 4500 */
	uint16_t fragment_size;	   /* FragmentSize=: of an IP packet, bytes */
	uint32_t cookie_threshold; /* CookieThreshold=: half-open IKE SAs */
	uint32_t ike_lifetime_s;   /* Lifetime=: of an IKE SA, seconds */
	bool pfs; /* ForwardSecrecy=: each rekeyed Child SA has its own key
		     exchange */
	/* [Hold] */
	uint16_t queue_offer;	/* QueueOffer=, nfnetlink queue numbers */
	uint16_t queue_require; /* QueueRequire= */
	uint8_t mark_bit;	/* MarkBit=: 0 to 31 */
	uint8_t dns_bit;	/* DNSMarkBit=: likewise, another one */
	uint16_t log_group;	/* LogGroup=, of nflog */
	/* [Debug]: absolute paths, or NULL */
	char *capture; /* Capture=, a file for IKE messages in the clear */
	char *keys;    /* Keys=, a directory for Wireshark's tables of keys */
	/* [Algorithms]: those of policies that name none of their own */
	struct algorithms algorithms;
	/* [Authentication] LocalIdentity=: canonical, or NULL: "address", the
	 * one that we speak from. */
	char *local_identity;
	char *key_command; /* [Keys] Command=, or NULL */
	struct config_dns dns;
	struct policy_table *policies;
	struct known_peers *peers;  /* of keys.d/ */
	struct address_pools pools; /* of pool.d/ */
};

/*
 * Reads a whole configuration. 0 and *ret (free with config_free()); -EINVAL
 * with the errors in *errors; -ENOMEM. dir NULL is the compiled-in
 * SYSCONFDIR/tacit, which may be missing; another one that is missing is an
 * error. *errors is initialised here; config_errors_done() always.
 */
int config_load(const char *dir, struct config **ret,
		struct config_errors *errors)
	__attribute__((warn_unused_result));
struct config *config_free(struct config *c);
void config_errors_done(struct config_errors *e);
/* "FILE:LINE: MESSAGE" for each, to the log; warnings too. */
void config_errors_log(const struct config_errors *e);
/* The same text in buf; returns buf. */
char *config_error_format(const struct config_error *e, char *buf, size_t size);

#endif
