/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every bound on what a stranger, or a busy host, can make us keep.
 *
 * A queue, table or buffer that grows from input has its limit here and
 * nowhere else; what happens at the limit is said beside it and counted.
 */
#ifndef TACIT_UTIL_LIMITS_H
#define TACIT_UTIL_LIMITS_H

/* --- IKE ------------------------------------------------------------- */

/* Largest IKE message taken or built, bytes. Larger ones are dropped. */
#define LIMIT_IKE_MESSAGE 4096u
/* An IKE_SA_INIT of our own: with every algorithm, the longest key and cookie
 * it has under 900 bytes. tacit-keyd signs none that is longer. */
#define LIMIT_IKE_INIT 1280u
/* Payloads in one message; more is a syntax error. */
#define LIMIT_IKE_PAYLOADS 32u
/* Proposals in an SA payload, and transforms in a proposal. */
#define LIMIT_IKE_PROPOSALS  16u
#define LIMIT_IKE_TRANSFORMS 64u
/* Traffic selectors in one TS payload. */
#define LIMIT_IKE_SELECTORS 20u
/* Bytes of identity data, and of a nonce (RFC 7296 2.10: 16 to 256). */
#define LIMIT_IKE_ID	    256u
#define LIMIT_IKE_NONCE_MIN 16u
#define LIMIT_IKE_NONCE_MAX 256u
/* Bytes of a public key (SubjectPublicKeyInfo), of a signature (RSA of 8192
 * bits), and of a shared key. Beyond: refused. */
#define LIMIT_IKE_SPKI	     1200u
#define LIMIT_IKE_SIGNATURE  1024u
#define LIMIT_IKE_SHARED_KEY 512u
/* Keys of ours to choose from, and keys taken as a peer's, for one IKE SA.
 * Beyond: ike_authenticate() fails. */
#define LIMIT_IKE_OWN_KEYS  8u
#define LIMIT_IKE_PEER_KEYS 8u
/* A cookie as initiator (RFC 7296 2.6: 1 to 64 bytes). */
#define LIMIT_IKE_COOKIE 64u
/* IKE SAs in all, unfinished ones too. Beyond: INIT dropped. */
#define LIMIT_IKE_SAS 163840u
/* Those that are up and were begun by peers of one source (an IPv4 address, an
 * IPv6 /64). Beyond: INIT dropped. */
#define LIMIT_IKE_SAS_PREFIX 4096u
/* Those not established, in all and of one source (an IPv4 address, an IPv6
 * /64). Beyond: one of the oldest so many gives way, of that source, or of the
 * busiest. */
#define LIMIT_IKE_HALF_OPEN	   16384u
#define LIMIT_IKE_HALF_OPEN_PREFIX 1024u
#define LIMIT_IKE_HALF_OPEN_LOOK   64u
/* Milliseconds between two repetitions of one response, to where the request
 * came from and to anywhere else. Beyond: no answer. */
#define LIMIT_IKE_REPEAT_MS	  100u
#define LIMIT_IKE_REPEAT_OTHER_MS 1000u
/* Key agreements of strangers, and looks at their signatures, that are under
 * way. Beyond: INIT dropped. */
#define LIMIT_IKE_STRANGER_JOBS 1024u
/* Counters that source prefixes share: those of one are counted together. */
#define LIMIT_IKE_STRANGER_BUCKETS 4096u
/* Milliseconds after which the secret of our cookies is another one, and for
 * which the one before is still good. */
#define LIMIT_IKE_COOKIE_MS 30000u
/* INVALID_IKE_SPI and INVALID_MAJOR_VERSION a second, in all and to one /32 or
 * /64, and how many of these are remembered. Beyond: no answer. */
#define LIMIT_IKE_REPLY_RATE	 100u
#define LIMIT_IKE_REPLY_PREFIX	 5u
#define LIMIT_IKE_REPLY_PREFIXES 1024u
/* Liveness checks a second that strangers may start, by unprotected
 * INVALID_IKE_SPI or as anonymous peers where a proven one is, and milliseconds
 * between two of one IKE SA. Beyond: the hint is ignored. */
#define LIMIT_IKE_HINT_RATE 50u
#define LIMIT_IKE_HINT_MS   10000u
/* Fragments of one message (RFC 7383). Beyond: dropped. */
#define LIMIT_IKE_FRAGMENTS 32u
/* Bytes of messages that arrive in fragments, in all: of IKE SAs that are
 * authenticated, and of strangers. Beyond: the oldest is forgotten. */
#define LIMIT_IKE_FRAGMENTS_BYTES   8388608u
#define LIMIT_IKE_FRAGMENTS_STRANGE 2097152u
/* Milliseconds until a message that does not become whole is forgotten. */
#define LIMIT_IKE_FRAGMENTS_MS 10000u
/* Child SAs of one IKE SA, those on their way out among them. Beyond:
 * NO_ADDITIONAL_SAS, and ours is refused. */
#define LIMIT_IKE_CHILDREN 4u
/* IKE SAs that were rekeyed one after the other and are not gone yet, for one
 * peer. Beyond: TEMPORARY_FAILURE. */
#define LIMIT_IKE_REKEYED 4u
/* Answers to one IKE_SA_INIT that are kept beside the first, in case that one
 * leads nowhere. Beyond: dropped. */
#define LIMIT_IKE_INIT_ANSWERS 3u
/* Restarts of one IKE_SA_INIT by COOKIE or INVALID_KE_PAYLOAD. */
#define LIMIT_IKE_INIT_RETRIES 4u

/* --- the agent ------------------------------------------------------- */

/* Flows (and endpoints), those without SAs too. Beyond: acquire refused,
 * counted. */
#define LIMIT_FLOWS 163840u
/* Peers with SAs, where MaxPeers= does not say less. From a sixteenth below that
 * on idle anonymous ones give way. Beyond: attempts fail, INIT dropped, counted. */
#define LIMIT_PEERS 131072u
/* Seconds without a packet from which on a peer is idle in that sense. */
#define LIMIT_IDLER_IDLE_S 10u
/* Milliseconds for which one that was looked at is not looked at again. */
#define LIMIT_IDLER_REST_MS 5000u
/* Counters that prefixes of such peers share: those of one count together. */
#define LIMIT_IDLER_BUCKETS 4096u
/* Initiations under way at once; acquires beyond wait in order. */
#define LIMIT_INITIATIONS 1024u
/* Acquires that wait for a place. Beyond: refused, counted. */
#define LIMIT_INITIATION_QUEUE 16384u
/* New initiations a second, in all and per destination /24 or /48. */
#define LIMIT_INITIATE_RATE   2000u
#define LIMIT_INITIATE_PREFIX 256u
/* The same of those that answers of ours set off, to packets that anybody may
 * have forged. Beyond: left alone for a moment, as policy says. */
#define LIMIT_PROVOKED_RATE   100u
#define LIMIT_PROVOKED_PREFIX 20u
/* New IKE_SA_INIT requests answered a second from one /32 or /64. */
#define LIMIT_RESPOND_RATE 2000u
/* Source prefixes whose rates are remembered. Beyond: the oldest is forgot. */
#define LIMIT_RATE_PREFIXES 8192u
/* Jobs waiting for a crypto thread. Beyond: the exchange is dropped. */
#define LIMIT_JOBS 4096u

/* Signs a second, in all, that a peer has lost its SAs, and milliseconds
 * between two of one peer. Beyond: ignored. */
#define LIMIT_HINT_RATE 50u
#define LIMIT_HINT_MS	3000u

/* IKE datagrams of one flow that wait for netd. Beyond: lost, asked again. */
#define LIMIT_PARKED 16u

/* Programs of hooks.d that run at once, and how long each, milliseconds. Beyond:
 * they wait; killed. Peers whose change waits to be told: an event is left out,
 * which the log says. Bytes of one variable. Beyond: cut short. */
#define LIMIT_HOOKS_RUNNING 4u
#define LIMIT_HOOK_MS	    10000u
#define LIMIT_HOOK_EVENTS   1024u
#define LIMIT_HOOK_TEXT	    640u

/* --- records between the processes ------------------------------------ */

/* Records waiting for the other side. Beyond: the link is cut. */
#define LIMIT_RECORD_QUEUE 65536u
/* Connections to a record socket not yet accepted. Beyond: EAGAIN. */
#define LIMIT_CHANNEL_BACKLOG 16

/* --- tacit-netd ------------------------------------------------------- */

/* Packets held in all, and for one destination. Beyond: oldest stay, new
 * ones are dropped under require and let go in the clear under offer. */
#define LIMIT_HELD	32768u
#define LIMIT_HELD_PEER 256u
/* Milliseconds that packets wait under require. Beyond: dropped. */
#define LIMIT_HELD_REQUIRE_MS 30000u
/* Destinations with held packets. */
#define LIMIT_HELD_PEERS 16384u
/* Destinations remembered for a moment after they were let go. Beyond: a new
 * one is not remembered, a late packet of it is held anew. */
#define LIMIT_HOLD_MEMORY 4096u
/* Own addresses that get traps. Beyond: logged, not protected, in status. */
#define LIMIT_OWN_ADDRESSES 256u
/* Shunts installed at once. Beyond: the agent is told ENOSPC. */
#define LIMIT_SHUNTS 65536u
/* SAs of one flow, both directions and those on their way out. Beyond: the
 * agent is told ENOSPC. */
#define LIMIT_FLOW_SAS 16u
/* Sockets of other programs that are never to be in the clear, in all and of
 * one user. Beyond: those that are closed are forgotten, else refused. */
#define LIMIT_GUARDED_SOCKETS	   16384u
#define LIMIT_GUARDED_SOCKETS_USER 1024u
/* Connections that tacit-netd keeps apart from the flow of their hosts, since
 * they began before it or outlived it: with one peer, and in all. Beyond: no
 * lease is taken of a peer while there are more that began in the clear; of
 * those that outlive a lease the rest are as the network's policy says. */
#define LIMIT_CONNECTIONS_PAIR 256u
#define LIMIT_CONNECTIONS      1024u
/* Packets a second from which we hear that a peer may have lost its SAs: of
 * peers that have some with us, of strangers. Beyond, and for LIMIT_HEARD_MS
 * after one of the same two hosts: nothing is heard. How many pairs of hosts
 * are remembered for that. Beyond: nothing is heard of others. */
#define LIMIT_HEARD_KNOWN     100u
#define LIMIT_HEARD_STRANGERS 20u
#define LIMIT_HEARD_MS	      2000u
#define LIMIT_HEARD	      4096u
/* Records of a wrong length or version in a row. Beyond: the link is cut. */
#define LIMIT_BAD_RECORDS 16u

/* --- client address translation ------------------------------------------ */

/* Leases of one pool that are known, in use and kept. Beyond: the one that has
 * been out of use longest is forgotten; all in use: the client is refused. */
#define LIMIT_LEASES 131072u
/* Addresses that are looked at for one that is free. Beyond: one that is kept
 * for somebody is given away. */
#define LIMIT_LEASE_TRIES 1024u

/* --- gateways that DNS names ---------------------------------------------- */

/* Those that did not answer, and are left alone for a while. Beyond: the one
 * that failed longest ago is tried again. Attempts by one way and then another
 * (a gateway, the host itself) that count as one. Beyond: it has failed. */
#define LIMIT_GATEWAYS	    256u
#define LIMIT_GATEWAY_TURNS 6u

/* --- tacit-keyd ------------------------------------------------------- */

/* Private keys of ours, bytes of a key's name and of a key file. Beyond: the
 * file is not used, and named in the log. */
#define LIMIT_OWN_KEYS 8u
#define LIMIT_KEY_NAME 63u
#define LIMIT_KEY_FILE 16384u
/* Signatures a second, and at once. Beyond: refused, counted. */
#define LIMIT_KEYD_RATE 5000u
/* Requests under way in tacit-keyd. Beyond: refused, counted. */
#define LIMIT_KEYD_JOBS 1024u

/* --- tacit doctor -------------------------------------------------------- */

/* Findings. Beyond: left out. Rules of the host's firewall that are read, jumps
 * that are followed, and rules on one packet's way. Beyond: not judged. */
#define LIMIT_DOCTOR_FINDINGS 256u
#define LIMIT_DOCTOR_RULES    65536u
#define LIMIT_DOCTOR_JUMPS    16u
#define LIMIT_DOCTOR_STEPS    262144u

/* --- configuration ---------------------------------------------------- */

#define LIMIT_POLICIES	      1024u
#define LIMIT_POLICY_NETWORKS 65536u
#define LIMIT_CONFIG_ERRORS   64u
#define LIMIT_POLICY_NAME     63u
/* Services of one policy, and rules that those of all come to (a network with
 * others inside it takes several): a rule is four kernel policies for each
 * address of ours. */
#define LIMIT_POLICY_PORTS 64u
#define LIMIT_PORT_RULES   1024u
/* Of them, those that a host pair's SAs may be limited to: each is four kernel
 * policies a pair. */
#define LIMIT_SCOPE_SERVICES 16u
/* Files with networks of one policy. */
#define LIMIT_POLICY_FILES 16u
/* Identities that one policy accepts. */
#define LIMIT_POLICY_IDENTITIES 256u
/* Files in pool.d/; networks of one pool. */
#define LIMIT_POOLS	    64u
#define LIMIT_POOL_NETWORKS 8u
/* Files in keys.d/; addresses and public keys of one peer. */
#define LIMIT_KNOWN_PEERS     4096u
#define LIMIT_KNOWN_ADDRESSES 64u
#define LIMIT_KNOWN_KEYS      8u

/* Bytes of what is said of a reload that failed. Beyond: cut short. */
#define LIMIT_RELOAD_WHY 512u

/* --- the log ------------------------------------------------------------ */

/* Lines a second, and at once, from one struct log_limit. Beyond: left out
 * and counted in the next line. Bytes in one message. Beyond: cut short. */
#define LIMIT_LOG_RATE	  5u
#define LIMIT_LOG_BURST	  10u
#define LIMIT_LOG_MESSAGE 2048u

/* --- captures, where [Debug] asks for them ------------------------------ */

/* Bytes of the messages, and of each table of keys. Beyond: nothing more is
 * written, which the log says once. */
#define LIMIT_CAPTURE	   67108864u
#define LIMIT_CAPTURE_KEYS 16777216u

/* --- DNS ---------------------------------------------------------------- */

/* Name servers of the system. Beyond: left out. */
#define LIMIT_NAMESERVERS 16u
/* Domains that systemd-resolved routes. Beyond: left out. */
#define LIMIT_RESOLVED_DOMAINS 64u
/* Ports of name servers that are always in the clear. Beyond: left out, which
 * the log says. */
#define LIMIT_DNS_OPENINGS 64u

/* Questions under way at once. Beyond: refused, the peer counts as one whose
 * key cannot be had now. */
#define LIMIT_DNS_QUERIES 4096u
/* Records of one answer that are looked at. Beyond: left out. */
#define LIMIT_DNS_RECORDS 32u
/* Peers whose keys, or lack of keys, are remembered. Beyond: the least recently
 * used is forgotten. Callers that wait for an answer. Beyond: refused. */
#define LIMIT_KEY_CACHE	  65536u
#define LIMIT_KEY_WAITERS 65536u
/* Look-ups begun a second, in all and per /24 or /48. Beyond: refused, the
 * peer counts as one whose key cannot be had now. */
#define LIMIT_DNS_RATE	      1000u
#define LIMIT_DNS_RATE_PREFIX 256u
/* Gateways of one peer whose names are looked up. Beyond: left out. */
#define LIMIT_GATEWAY_NAMES 2u
/* Keys of one peer that are tried, in the order of the answer. Beyond: left
 * out. */
#define LIMIT_KEYSET_KEYS 16u
/* Addresses of ours that DNS is asked about. Beyond: nobody looks whether our
 * keys are there. */
#define LIMIT_OWN_NAMES 16u

/* --- the key command ------------------------------------------------------ */

/* At once, and begun a second. Beyond: the peer counts as one whose key cannot
 * be had now. Bytes that one prints. Beyond: killed, likewise. */
#define LIMIT_KEY_COMMANDS     32u
#define LIMIT_KEY_COMMAND_RATE 100u
#define LIMIT_KEY_OUTPUT       32768u

/* Bytes of an agent's name. Beyond: refused at the start. */
#define LIMIT_INSTANCE 32u

/* --- D-Bus ------------------------------------------------------------- */

/* Connections to the agent's own socket, of one user, and places that only
 * root gets. Beyond: refused. */
#define LIMIT_BUS_CLIENTS      64u
#define LIMIT_BUS_CLIENTS_USER 16u
#define LIMIT_BUS_CLIENTS_ROOT 8u
/* Accepted a second. Beyond: they wait. */
#define LIMIT_BUS_ACCEPT_RATE 200u
/* Bytes that the kernel keeps for a client (it doubles this). Beyond: they
 * are queued with us. */
#define LIMIT_BUS_SOCKET 131072
/* Messages that a client has not read. Beyond: it is disconnected. */
#define LIMIT_BUS_QUEUE 256u
/* Of these, when it asks for a list. Beyond: the call fails. */
#define LIMIT_BUS_QUEUE_LISTS 2u
/* Calls that wait for their answer: in all, by one bus, and of one caller.
 * Beyond: the call fails. Connections to the own socket are callers too, so
 * that those of the system bus leave them their places. */
#define LIMIT_BUS_PENDING	 2048u
#define LIMIT_BUS_PENDING_SYSTEM 512u
#define LIMIT_BUS_PENDING_CALLER 16u
/* The longest time-out of a call, milliseconds. Beyond: this. */
#define LIMIT_BUS_TIMEOUT 120000u
/* Flows whose traffic is measured at once, and requests to tacit-netd for it
 * that are under way. Beyond: left out, which the answer says; they wait. */
#define LIMIT_TRAFFIC	     4096u
#define LIMIT_TRAFFIC_ASKING 64u
/* Captures that are sent to callers at once. Beyond: refused. */
#define LIMIT_BUS_CAPTURES 4u
/* Descriptors that the agent may have open, where the system lets it: more than
 * those of all calls that wait. */
#define LIMIT_DESCRIPTORS 4096u
/* Sockets that callers have named or watch: in all, of one bus (so that the
 * system bus leaves places to the own socket), and of one caller. Beyond: the
 * call fails. Characters in a name. */
#define LIMIT_BUS_SOCKETS	 8192u
#define LIMIT_BUS_SOCKETS_SYSTEM 4096u
#define LIMIT_BUS_SOCKETS_CALLER 256u
#define LIMIT_BUS_SOCKET_NAME	 253u
/* Milliseconds for which a client may leave signals unread. It misses those
 * of that time (and is told to list anew); beyond, it is disconnected. */
#define LIMIT_BUS_STALL 30000u
/* PeerChanged signals sent at once. Beyond: one PeersChanged for all. */
#define LIMIT_BUS_CHANGES 128u
/* Peers in one ListPeers reply. */
#define LIMIT_LIST_PEERS 256u

#endif
