/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Record channel: fixed-size records over a SOCK_SEQPACKET Unix socket, with
 * file descriptors where a record carries them. It never blocks: what the
 * socket does not take waits in a bounded queue (LIMIT_RECORD_QUEUE), and a
 * full queue cuts the link (-ENOBUFS). The owner watches channel_fd() for
 * EPOLLIN, and for EPOLLOUT while channel_wants_out().
 *
 * Opaque to what a record means: xfrm/record.h says that.
 */
#ifndef TACIT_UTIL_CHANNEL_H
#define TACIT_UTIL_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CHANNEL_FDS_MAX 8

struct channel;

/* Takes the connected socket (closed with the channel; on failure too). All
 * records have the same size. 0, -ENOMEM. */
int channel_new(int fd, size_t record_size, struct channel **ret)
	__attribute__((warn_unused_result));
struct channel *channel_free(struct channel *c);
int channel_fd(const struct channel *c);
/* The user id at the other end (SO_PEERCRED); -errno when unknown. */
int channel_peer_uid(const struct channel *c, uid_t *ret)
	__attribute__((warn_unused_result));
/* Sends or queues one record; fds are duplicated, the caller keeps its own.
 * The queue's copies are wiped after sending. 0, or the link is dead (and
 * shut down, and stays so): -ENOBUFS, -EPIPE, -errno. -EINVAL, and the link
 * lives, for more than CHANNEL_FDS_MAX descriptors. */
int channel_send(struct channel *c, const void *record, const int *fds,
		 size_t n_fds) __attribute__((warn_unused_result));
bool channel_wants_out(const struct channel *c);
/* Call when the socket is writable. 0 or -errno as channel_send(). */
int channel_flush(struct channel *c) __attribute__((warn_unused_result));
/* 1 and a record (and up to CHANNEL_FDS_MAX descriptors, now the caller's,
 * close-on-exec); 0 nothing there; -EBADMSG for a record of another size or
 * with too many descriptors, or with any where fds is NULL (dropped, *record
 * wiped, the link may go on); -EPIPE closed; -errno. */
int channel_recv(struct channel *c, void *record, int fds[CHANNEL_FDS_MAX],
		 size_t *ret_n_fds) __attribute__((warn_unused_result));

/* A listening SOCK_SEQPACKET socket at path (mode 0600; a dead one is
 * replaced; a live one gives -EADDRINUSE), and a connection to one. Both
 * return a descriptor or -errno. */
int channel_listen(const char *path) __attribute__((warn_unused_result));
int channel_connect(const char *path) __attribute__((warn_unused_result));

#endif
