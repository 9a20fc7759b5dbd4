/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libtacit: is this connection encrypted, and to whom; and: never in the clear.
 * For programs that would rather not speak D-Bus. See libtacit(3).
 *
 * Calls return 0 (or what they say) and a negative errno on failure, with a
 * sentence for people in tacit_error(). They wait for the agent's answer. A
 * connection is for one thread at a time; nothing is kept outside of it.
 */
#ifndef TACIT_H
#define TACIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A connection to the agent, and what the agent knows of a socket's peer. */
struct tacit;
struct tacit_peer;

/* Connects: to the agent's own socket at this path, or (NULL) to the host's
 * agent by its own socket or the system bus. -ENXIO: there is no agent. */
int tacit_open(const char *path, struct tacit **ret);
/* Takes NULL; always returns NULL. Watches end with it, RequireEncryption does
 * not. */
struct tacit *tacit_close(struct tacit *t);
/* What the last call that failed had to say, or "". Until the next call. */
const char *tacit_error(const struct tacit *t);

/* The peer of a connected TCP or UDP socket. */
int tacit_get(struct tacit *t, int fd, struct tacit_peer **ret);
/*
 * This socket never sends or takes a packet in the clear from now on. Returns
 * when its packets to the address (the port does not matter; NULL: its peer) are
 * protected, and the peer has proven to be identity (NULL: anybody, or the name
 * of tacit_name()); call it before connect(). When protection is lost later the
 * socket ends with ECONNABORTED. On failure nothing passes it any more: close
 * it. timeout_ms 0: 30 seconds. ret may be NULL.
 */
int tacit_require(struct tacit *t, int fd, const struct sockaddr *address,
		  socklen_t len, const char *identity, unsigned timeout_ms,
		  struct tacit_peer **ret);
/* The name that the user has typed: tacit_require() for this socket wants
 * whoever is at the address to prove it. */
int tacit_name(struct tacit *t, int fd, const char *name);

/* tacit_next() tells when it changes whether, and to whom, this socket is
 * encrypted. *ret_id says which one it is. */
int tacit_watch(struct tacit *t, int fd, uint64_t *ret_id);
int tacit_unwatch(struct tacit *t, uint64_t id);
/* For poll(): when it is readable call tacit_next() until it returns 0. */
int tacit_fd(const struct tacit *t);
/* 1 and a change, 0: there is none now. Never waits. */
int tacit_next(struct tacit *t, uint64_t *ret_id, struct tacit_peer **ret);

/* Both directions, at the time of the answer. */
bool tacit_peer_encrypted(const struct tacit_peer *p);
/* Who it is, proven: "@host.example", "192.0.2.1"; NULL: nobody knows. */
const char *tacit_peer_identity(const struct tacit_peer *p);
/* Any value by its key on the bus, such as "Policy", as text (numbers decimal,
 * yes or no); NULL: there is no such key. See org.tacit.Agent1(5). */
const char *tacit_peer_value(const struct tacit_peer *p, const char *key);
/* Takes NULL; always returns NULL. */
struct tacit_peer *tacit_peer_free(struct tacit_peer *p);

#ifdef __cplusplus
}
#endif

#endif
