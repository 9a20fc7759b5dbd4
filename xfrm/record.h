/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The typed records between tacitd and tacit-netd: one struct, one size, over
 * a util/channel. tacit-netd believes nothing that it can check itself: see
 * agent/netd-guard.h for what it refuses, and with which error.
 *
 * A request (agent to netd) carries a seq, and gets one RECORD_REPLY with the
 * same seq; events (netd to agent) carry seq 0. Records are in the sender's
 * byte order: both ends are one build on one machine, and the version says so.
 */
#ifndef TACIT_XFRM_RECORD_H
#define TACIT_XFRM_RECORD_H

#include "util/addr.h"
#include "util/esp.h"
#include "util/service.h"

#define RECORD_VERSION 9

/* How often each side says that it lives, and after how long a silence it is
 * taken for hung (design section 1), milliseconds. */
#define RECORD_ALIVE_MS 1000u
#define RECORD_HUNG_MS	3500u

enum record_type {
	/* agent to netd: requests */
	RECORD_HELLO = 1, /* first one; arms the offer traps */
	RECORD_INSTALL,	  /* SA pair and policies of a flow */
	RECORD_SWITCH,	  /* start sending with the out-SA; releases */
	RECORD_HARDEN,	  /* the in-policy becomes required */
	RECORD_REMOVE_SA, /* one SA of a flow */
	RECORD_REMOVE,	  /* all of a flow */
	RECORD_MOVE,	  /* a flow's ESP in UDP has another remote port */
	RECORD_VERDICT,	  /* decision about a destination without SA */
	RECORD_BYE,	  /* clean stop: apply OnStop= and forget the agent */
	/* both ways */
	RECORD_ALIVE,
	/* netd to agent: events */
	RECORD_WELCOME, /* answer to HELLO, carries the UDP sockets */
	RECORD_REPLY,
	RECORD_ACQUIRE,
	RECORD_EXPIRE,
	RECORD_USED,	/* an SA that replaces another carries packets */
	RECORD_ORPHAN,	/* a flow that outlived an agent; after WELCOME */
	RECORD_ADDRESS, /* an address of ours came, or its link; or went */
	/* agent to netd: requests */
	RECORD_SOCKET,	/* a program's socket, which comes with it: never in
			   the clear */
	RECORD_ABANDON, /* sockets for one identity are closed, the flow stays */
	RECORD_HINT,	/* netd to agent: a peer may have lost its SAs */
	RECORD_REPAIR,	/* agent to netd: compare the kernel with what it
			   should have */
	RECORD_RELOAD,	/* agent to netd: read the configuration again */
	RECORD_COUNT,	/* agent to netd: what does a flow carry? COUNTED, then
			 * REPLY */
	RECORD_COUNTED, /* netd to agent */
	RECORD_IDLE,	/* netd to agent: nothing passed for an IdleTime=
			   that its peer may have */
	RECORD_MAPPED,	/* netd to agent: a flow's ESP in UDP came from another
			 * port, and goes there now */
	RECORD_BEGAN,	/* netd to agent: single connections that are in the
			 * clear beside a flow */
	RECORD_TYPES
};

/* The flow's reqid lies in our range; netd refuses any other. */
#define RECORD_REQID_MIN 0x54000000u
#define RECORD_REQID_MAX 0x54ffffffu

struct record_hello {
	uint32_t pid;
	uint32_t digest; /* as in struct record_reload */
};

/* Each side reads the files by itself, and they may change in between: digest
 * (config_digest() of policy/config-change.h) is that of the agent's reading.
 * 0: both have the same now. -EINVAL: netd finds errors, and has logged them;
 * -ESTALE: it reads something else. Nothing has changed then. */
struct record_reload {
	uint32_t digest;
};

/* Descriptors come with it in this order: IPv4 port 500, IPv4 4500, IPv6 500,
 * IPv6 4500; bit n of sockets is set when the n-th is there. */
struct record_welcome {
	uint32_t sockets;
	uint32_t flags; /* enum record_welcome_flag */
};

enum record_welcome_flag {
	RECORD_HAS_ESP4 = 1 << 0,
	RECORD_HAS_ESP6 = 1 << 1,
	RECORD_HAS_HOLD = 1 << 2, /* nft_queue works: packets are held */
	RECORD_HAS_CHACHA = 1 << 3,
	RECORD_HAS_HEAR = 1 << 4, /* it hears of peers that lost their SAs */
	/* netd has read other files than HELLO is about. */
	RECORD_CONFIG_DIFFERS = 1 << 5,
	/* A lease can stand in ESP for our address. */
	RECORD_HAS_TRANSLATION = 1 << 6,
	/* What begins in the clear can stay so beside a lease. */
	RECORD_HAS_CONNECTIONS = 1 << 7,
};

struct record_install {
	struct addr local, remote; /* selector: these two hosts */
	uint32_t reqid;
	uint32_t acquire_seq; /* 0: no acquire to answer */
	uint32_t flags;	      /* enum record_install_flag */
	uint32_t hard_s;      /* hard lifetime of both SAs, seconds; 0: none */
	uint32_t soft_s;      /* soft lifetime, seconds; 0: none */
	/* The same in kibibytes and packets, of each SA; 0: none. */
	uint32_t hard_kib, soft_kib, hard_packets, soft_packets;
	/* In-SPI of the flow's SA pair that this one rekeys, or 0. Sending
	 * changes over by itself: at once, or with RECORD_OUT_LATER when the
	 * peer has used the new pair, or removes the old one. */
	uint32_t replaces;
	uint32_t tunnel; /* 1: tunnel mode */
	/* ESP in UDP between these ports, host order; both 0: plain ESP. */
	uint16_t udp_local, udp_remote;
	struct esp_sa in, out;
	/* In tunnel mode: where ESP goes to, where that is not remote itself,
	 * for remote is an address that we leased to it, or a host behind it;
	 * and what stands in ESP for local, where the peer has leased us that.
	 * Unset: the same. */
	struct addr outer, lease;
	struct scope scope; /* of the policies: which traffic of the hosts' */
};

enum record_install_flag {
	/* In-policy stays optional until RECORD_HARDEN: clear packets that
	 * the peer sent before it switched are not lost. Refused in a
	 * require network. */
	RECORD_IN_OPTIONAL = 1 << 0,
	/* The out-SA goes in, but nothing is sent with it before
	 * RECORD_SWITCH: the initiator may not have its SAs yet. */
	RECORD_OUT_LATER = 1 << 1,
	/* Only the in-SA: the other SA pair of this flow stays in use. Its
	 * out-SA may follow, in an INSTALL with the same in-SA. */
	RECORD_IN_ONLY = 1 << 2,
};

/* RECORD_SWITCH, RECORD_HARDEN, RECORD_REMOVE, RECORD_ABANDON, RECORD_COUNT:
 * reqid. RECORD_REMOVE_SA: the SPI and its direction too. RECORD_USED: the in-SA's SPI. RECORD_MOVE,
 * RECORD_MAPPED: the port. */
struct record_flow {
	struct addr local, remote;
	uint32_t reqid;
	uint32_t spi;	  /* host order */
	uint32_t inbound; /* 1: the in-SA */
	uint32_t udp_remote;
	uint32_t idle_ms; /* IDLE: for so long */
};

enum record_verdict_type {
	/* Release what is held in the clear, and let the destination be clear
	 * for lifetime_ms. Refused in a require or block network. */
	RECORD_CLEAR = 1,
	/* Drop what is held, and block the destination for lifetime_ms. */
	RECORD_BLOCK,
	/* Forget a verdict given before: the trap is back. */
	RECORD_FORGET,
};

struct record_verdict {
	struct addr local, remote;
	uint32_t verdict; /* enum record_verdict_type */
	uint32_t lifetime_ms;
};

/* netd's own news; all zero in the agent's. */
struct record_alive {
	uint32_t refused;  /* records of an agent that were refused */
	uint32_t left_out; /* own addresses beyond LIMIT_OWN_ADDRESSES */
	uint32_t separate; /* 1: netd and the agent are different users */
	/* Packets that wait now; since netd's start those for which there was
	 * no room, and those whose time ran out. */
	uint32_t held, held_no_room, held_late;
	/* Connections in the clear beside a flow: struct record_began. */
	uint32_t began;
	uint32_t events_lost; /* times that the kernel said more than fitted */
	/* This host forwards: bit 0 IPv4, bit 1 IPv6. */
	uint32_t forwards;
};

/* One descriptor comes with it, and the socket gets a policy of its own. With
 * reqid 0 nothing leaves it, for the time being; with that of a flow what leaves
 * it is protected by the flow's SAs, and it is closed when they go. */
struct record_socket {
	struct addr local, remote;
	uint32_t reqid;
	uint32_t identified; /* 1: by RECORD_ABANDON as well */
};

struct record_reply {
	int32_t error;	/* 0 or negative errno */
	uint32_t type;	/* of the request */
	uint32_t count; /* of REPAIR: what was not as it should be */
};

struct record_acquire {
	struct addr local, remote;
	uint32_t seq;	   /* of the kernel's acquire; 0: a held packet's */
	uint32_t reqid;	   /* of the trap */
	uint16_t protocol; /* of the packet, 0 unknown */
	uint16_t local_port, remote_port; /* host order, 0 where none */
	uint16_t held;			  /* 1: packets of it wait in netd */
};

struct record_expire {
	struct addr local, remote;
	uint32_t reqid;
	uint32_t spi;
	uint32_t inbound;
	uint32_t hard;
};

struct record_orphan {
	struct addr local, remote;
	uint32_t reqid;
	uint32_t spi_in, spi_out; /* 0: that direction has none */
	uint32_t last;		  /* 1: the last one; reqid 0: no flow at all */
	struct addr outer, lease; /* as in struct record_install */
};

struct record_address {
	struct addr addr;
	uint32_t gone;	     /* 1: went */
	uint32_t prefix_len; /* of the network that is on its link */
};

/* Anybody can forge what it says: a reason to look, no more. */
struct record_hint {
	struct addr local, remote;
	uint32_t spi; /* ESP came with it, and it is unknown; 0: what came was
		       * in the clear, from a host that has SAs with us */
	uint32_t udp_remote; /* the ESP came in UDP from this port; 0: plain */
};

/* What a flow is to the kernel now. Counts are those of the SAs that it has. */
struct record_counted {
	struct addr local, remote;
	uint32_t reqid;
	uint32_t flags;		  /* enum record_counted_flag */
	uint32_t spi_in, spi_out; /* the newest ones; 0: none */
	uint32_t idle_s;  /* since its latest packet, or its SAs were made */
	uint32_t guarded; /* 1: sockets of programs are for it alone */
	uint64_t bytes_in, packets_in, bytes_out, packets_out;
};

enum record_counted_flag {
	RECORD_IS_SENDING = 1 << 0,  /* there is an out-policy */
	RECORD_IS_HARDENED = 1 << 1, /* clear packets of it are refused */
	RECORD_IS_GATED = 1 << 2,    /* packets wait for the peer's SAs */
	RECORD_IS_ORPHAN = 1 << 3,
};

#define RECORD_BEGAN_MAX 32u

struct record_connection {
	uint16_t protocol; /* IPPROTO_TCP or IPPROTO_UDP */
	uint16_t local_port, remote_port;
};

/* Of these two hosts: all that began in the clear before there was a lease, and
 * is not over; in as many records as it takes. */
struct record_began {
	struct addr local, remote;
	uint32_t first; /* 1: what was told before is void */
	uint32_t n;	/* RECORD_BEGAN_MAX at most; 0: there are none */
	struct record_connection list[RECORD_BEGAN_MAX];
};

struct record {
	uint16_t version; /* RECORD_VERSION */
	uint16_t type;	  /* enum record_type */
	uint32_t seq;
	union {
		struct record_hello hello;
		struct record_reload reload;
		struct record_welcome welcome;
		struct record_install install;
		struct record_flow flow;
		struct record_verdict verdict;
		struct record_alive alive;
		struct record_reply reply;
		struct record_acquire acquire;
		struct record_expire expire;
		struct record_orphan orphan;
		struct record_address address;
		struct record_socket socket;
		struct record_hint hint;
		struct record_counted counted;
		struct record_began began;
	};
};

/* "INSTALL"; "?" when unknown. */
const char *record_type_name(unsigned type);

/* A zeroed record of this type. */
void record_init(struct record *r, enum record_type type, uint32_t seq);

/*
 * Is every field of its record in its domain (version, type, families that
 * agree, flags known, SPIs and key lengths right, reqid in range, reserved
 * bytes zero)? Pure; knows nothing of policy. 0, or -EPROTO with the name of
 * the field that is wrong in *ret_field (a constant string).
 */
int record_validate(const struct record *r, const char **ret_field)
	__attribute__((warn_unused_result));

#endif
