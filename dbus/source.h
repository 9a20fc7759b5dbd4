/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the D-Bus objects show, as plain values, and the calls through which
 * they ask the agent for them. dbus/ sees nothing else of the agent.
 */
#ifndef TACIT_DBUS_SOURCE_H
#define TACIT_DBUS_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "dnskeys/resolver.h"
#include "util/addr.h"
#include "util/service.h"
#include "util/slots.h"
#include "util/socket.h"

/* One flow, as status shows it. Strings are borrowed for the call, never NULL. */
struct dbus_peer {
	struct addr local, remote;
	struct addr lease;	 /* stands in ESP for local; unset: none */
	struct addr outer;	 /* where remote is, a lease of ours; unset */
	struct addr gateway;	 /* that remote is behind; unset: none */
	const char *state;	 /* "secured", "clear", "negotiate", ... */
	const char *policy;	 /* name of the policy */
	const char *level;	 /* "offer" */
	const char *identity;	 /* who the peer is: "" when anonymous */
	const char *auth;	 /* "none", "null", "signature", "shared" */
	const char *proof;	 /* by what algorithm: "Ed25519", or "" */
	const char *fingerprint; /* of its key, or "" */
	const char *algorithms;	 /* of IKE, "" when none */
	const char *cipher;	 /* of ESP, "" when none */
	const char *reason;	 /* why it is not encrypted, "" when it is */
	uint32_t spi_in, spi_out;
	uint32_t clear;	   /* connections with it that are, beside its SAs */
	uint64_t since_ms; /* in this state, milliseconds */
	uint64_t setup_us; /* acquire to SA, microseconds; 0: unknown */
};

/* The host on one screen. Strings as above. */
struct dbus_host {
	const char *version;
	const char *instance; /* "": the host's; see util/instance.h */
	const char *warning;  /* what needs attention, one sentence, or "" */
	bool protecting;      /* traps are armed */
	bool privileges_separate;
	uint32_t secured, clear, blocked, negotiating, held_down;
	uint64_t acquires, established, failed, refused_records;
	uint32_t packets_held;
	uint64_t packets_no_room, packets_late, events_lost, acquires_refused;
	uint64_t half_open_evicted, repeats_ignored;
	uint64_t peers_evicted, peers_refused; /* at MaxPeers= */
	/* That began before the lease by which their peer's are encrypted. */
	uint32_t clear_connections;
	uint32_t leases;	 /* addresses that peers have of us */
	uint64_t leases_refused; /* for want of addresses */
	uint64_t uptime_ms;
};

struct dbus_policy {
	const char *name, *level, *auth;
	const char *discover; /* "always", "dns" */
	bool wait;
	bool gateway;		 /* may DNS name one? */
	const char *networks;	 /* separated by spaces; NULL: not asked for */
	const char *lookup;	 /* "address", "name", "no" */
	const char *mode;	 /* "any", "transport", "tunnel" */
	const char *translation; /* "anonymous", "yes", "no" */
	const char *pool;	 /* of which leases are; "": none */
	const char *const *identities; /* that it accepts */
	size_t n_identities;
	const struct service *ports; /* none: all traffic */
	size_t n_ports;
	uint64_t wait_ms, lookup_ms, retry_ms, lifetime_ms;
	uint64_t idle_ms; /* 0: for ever */
	const char *file; /* "" when built in */
	uint32_t line;
	/* Peers under it that are so now, and negotiations since start. */
	uint32_t secured, clear, blocked;
	uint64_t established, failed;
};

/* A key of this host. */
struct dbus_key {
	const char *name;	 /* of its file */
	const char *type;	 /* "Ed25519" */
	const char *fingerprint; /* "SHA256:..." */
	const char *public_key;	 /* SubjectPublicKeyInfo, base64 */
	const char *stage;	 /* "active", "next", "retired" */
	uint64_t until;		 /* Unix seconds, of stage; 0: open */
};

/* The policy for one address. */
struct dbus_rule {
	const char *name, *level, *auth;
	const char *discover;	       /* "always", "dns" */
	const char *lookup;	       /* "address", "name", "no" */
	const char *const *identities; /* that it accepts */
	size_t n_identities;
	bool in_file; /* a file of keys.d has a key of this address */
	bool gateway; /* may DNS name one? */
};

/* How this host asks DNS, and what DNS may know it by. */
struct dbus_dns {
	bool lookup;				/* at all */
	const char *fault;			/* why it cannot, or "" */
	const struct resolver_config *resolver; /* NULL: it cannot */
	const char *identity;			/* LocalIdentity=, or "" */
	const struct addr *addresses;		/* of ours, global ones */
	size_t n_addresses;
};

/* What a caller demands for a socket. Strings are borrowed for the call. */
struct dbus_demand {
	struct socket_info socket;
	struct addr remote;
	const char *identity; /* who it has to be; "": anybody */
	uint64_t timeout_ms;
};

struct dbus_source {
	void *user;
	void (*host)(void *user, struct dbus_host *ret);
	/* 0; -ENOENT: nothing known of this address. */
	int (*peer)(void *user, const struct addr *remote,
		    struct dbus_peer *ret);
	/* Peers after the cursor (family 0: from the start), in the order of
	 * addr_compare() on remote; at most limit. each() returning non-zero
	 * stops and is returned. Constant work a peer. */
	int (*peers)(void *user, const struct addr *after, uint32_t limit,
		     int (*each)(const struct dbus_peer *p, void *ctx),
		     void *ctx);
	int (*policies)(void *user,
			int (*each)(const struct dbus_policy *p, void *ctx),
			void *ctx);
	/* The policy of this name, without its networks; and they alone, parted
	 * by spaces, as long as the next call. 0 or -ENOENT, NULL. */
	int (*policy)(void *user, const char *name, struct dbus_policy *ret);
	const char *(*networks)(void *user, const char *name);
	/* The peer of a connected socket: all is filled, its state is "none"
	 * where nothing is known of it. */
	void (*socket)(void *user, const struct socket_info *s,
		       struct dbus_peer *ret);
	/* This socket, which is fit for it, is never to be in the clear. The
	 * descriptor is the call's, which is answered by dbus_sockets_reply() or
	 * dbus_pending_fail(). */
	void (*require)(void *user, int fd, const struct dbus_demand *d,
			struct handle call);
	/* In the order in which they are used. */
	int (*keys)(void *user,
		    int (*each)(const struct dbus_key *k, void *ctx),
		    void *ctx);
	/* The call is answered with all that is known of the address, or of a
	 * service there (protocol 0: of the address), by
	 * dbus_reply_explanation(). */
	void (*explain)(void *user, const struct addr *remote,
			const struct service *service, struct handle call);
	/* The call is answered with the busiest flows, at most limit, by
	 * dbus_reply_traffic(). */
	void (*traffic)(void *user, uint32_t limit, struct handle call);
	/* Starts IKE with the peer now. The call is answered when it is secured,
	 * by dbus_reply_peer(), or cannot be: dbus/pending.h. */
	void (*connect)(void *user, const struct addr *remote,
			struct handle call);
	/* Ends every SA with it, and forgets that it failed. 0 or -ENOENT. */
	int (*disconnect)(void *user, const struct addr *remote);
	/* Reads the configuration again; the call is answered when it is in
	 * force, or with BadConfiguration. */
	void (*reload)(void *user, struct handle call);
	/* What is logged, by its syslog level; peer of family 0: for all, else
	 * for this one more than that. */
	void (*set_debug)(void *user, int level, const struct addr *peer);
	/* The IKE messages of a peer (family 0: of all) as pcapng, decrypted,
	 * for so many seconds (0: until it is closed), through *ret_fd. 0 or
	 * -errno; -EBUSY: there are enough captures. */
	int (*capture)(void *user, const struct addr *peer, uint32_t seconds,
		       int *ret_fd);
	/* Has the kernel compared with what it should have. The call is answered
	 * with how many things were not so. */
	void (*repair)(void *user, struct handle call);
	void (*dns)(void *user, struct dbus_dns *ret);
	/* 0; -ENOENT: no policy covers it. */
	int (*rule)(void *user, const struct addr *remote,
		    struct dbus_rule *ret);
};

#endif
