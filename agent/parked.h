/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * IKE datagrams that wait until tacit-netd has installed an SA: a responder's
 * IKE_AUTH response may not leave before we can receive what it invites, or
 * the initiator's first packet finds no SA here and is lost.
 */
#ifndef TACIT_AGENT_PARKED_H
#define TACIT_AGENT_PARKED_H

#include "ike/engine.h"

/* A list, NULL when empty; its owner keeps the head. */
struct parked;

/* Copies the datagram to the end of the list. Beyond LIMIT_PARKED, or without
 * memory, it is lost like any datagram: the peer's retransmission asks for it
 * again. */
void parked_add(struct parked **list, const struct ike_send *send);
/* Calls send() for each, oldest first, and empties the list. */
void parked_flush(struct parked **list,
		  void (*send)(const struct ike_send *s, void *user),
		  void *user);
/* Empties it unsent. */
void parked_drop(struct parked **list);

#endif
