/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The nfnetlink_queue dialogue: two queues on one socket, so that packets of
 * both come in the order in which the kernel saw them, and verdicts, gathered
 * and sent many at a time. Says nothing about which packet gets which.
 */
#ifndef TACIT_XFRM_QUEUE_H
#define TACIT_XFRM_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct queue;

struct queue_config {
	uint16_t offer, require; /* queue numbers */
	uint32_t length;	 /* of each; beyond: see queue_new() */
	uint32_t copy;		 /* bytes of each packet that we want */
};

struct queue_packet {
	uint16_t queue;
	uint32_t id;
	uint32_t mark;
	uint32_t out_ifindex; /* 0: unknown */
	uint8_t family;
	/* The packet's head, borrowed until the next queue_receive(). */
	const uint8_t *head;
	size_t len;
};

enum queue_event {
	QUEUE_EMPTY = 0,
	QUEUE_PACKET = 1,
	QUEUE_OVERRUN = 2, /* the socket's buffer was full */
	QUEUE_REFUSED =
		3, /* a verdict found no such packet, or another error */
};

enum queue_verdict {
	QUEUE_DROP,
	QUEUE_ACCEPT,
	QUEUE_ACCEPT_MARK, /* accepted with a new mark, so routed anew */
};

/*
 * Binds both queues. A full offer queue lets packets pass, a full require
 * queue drops them. 0; -EOPNOTSUPP: no nfnetlink_queue; -EADDRINUSE: a number
 * is another program's; -EPERM: no CAP_NET_ADMIN; -errno.
 */
int queue_new(const struct queue_config *c, struct queue **ret)
	__attribute__((warn_unused_result));
/* Unbinds: what is still held is dropped by the kernel. */
struct queue *queue_free(struct queue *q);
int queue_fd(const struct queue *q);
/* A queue_event, or -errno (fatal). */
int queue_receive(struct queue *q, struct queue_packet *ret)
	__attribute__((warn_unused_result));
/* Gathers a verdict; mark is used by QUEUE_ACCEPT_MARK alone. Sends what was
 * gathered when there is no more room. 0 or -errno (those are lost). */
int queue_verdict(struct queue *q, uint16_t queue, uint32_t id,
		  enum queue_verdict v, uint32_t mark)
	__attribute__((warn_unused_result));
/* Sends what was gathered: the kernel has carried it out on return. */
int queue_flush(struct queue *q) __attribute__((warn_unused_result));

/* One datagram of the kernel's, from *pos on: QUEUE_EMPTY at its end,
 * QUEUE_PACKET, QUEUE_REFUSED, or -EBADMSG. Pure. */
struct rbuf;
int queue_parse(struct rbuf *pos, struct queue_packet *ret)
	__attribute__((warn_unused_result));

#endif
