/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two engines in one process: a fake clock, a random source that follows from
 * a seed, jobs run inline or after a while, and a network between the two
 * that loses, doubles and delays datagrams, or hands them out one by one in
 * the order that the test wants.
 */
#ifndef TACIT_TESTS_IKE_HARNESS_H
#define TACIT_TESTS_IKE_HARNESS_H

#include "ike/engine.h"

#define HARNESS_CHILDREN 64

/* What one direction of the network does, in percent and milliseconds. */
struct wire {
	unsigned loss, duplicate;
	uint32_t delay, jitter;
	uint32_t mtu; /* longer IP packets get lost; 0: none do */
};

#define HARNESS_MAPPINGS 16

/* A box that gives one host another address and other ports. */
struct nat_box {
	bool on;
	unsigned inside; /* this host is behind it */
	struct addr public;
	struct {
		uint16_t inside, outside;
	} map[HARNESS_MAPPINGS]; /* later ones replace earlier ones */
	size_t n;
	uint16_t next_port;
};

struct packet {
	struct packet *next;
	uint64_t at; /* delivered then */
	unsigned from;
	struct endpoint local, remote; /* of the sender */
	size_t len;
	uint8_t data[];
};

struct child {
	struct handle sa;
	struct ike_child_up up;
	uint64_t up_at, down_at;
	bool down;
	enum ike_reason reason;
};

struct host {
	struct ike_engine *engine;
	struct ike_config config;
	struct endpoint address;
	uint64_t random; /* state of its random source */
	enum ike_admission admission;
	/* What the owner was told. */
	struct child children[HARNESS_CHILDREN];
	size_t n_children;
	unsigned n_replaced, n_rekeyed, n_refused;
	struct ike_child_refused refused; /* the last one */
	unsigned n_failed;
	struct ike_failed failed; /* the last one */
	uint64_t sent;
	unsigned n_admitted;
	/* Its answers to IKE_IDENTIFY: these credentials (anonymous), or a
	 * refusal, or none; and by which key to IKE_SIGN (NULL: an error). */
	struct ike_credentials credentials;
	const struct ike_credentials *initiating; /* others; NULL: the same */
	bool refuse, silent;
	EVP_PKEY *key;
	/* Both answers come so much later. */
	uint32_t identify_delay, sign_delay;
	unsigned n_identified, n_signed;
	unsigned undone; /* so many jobs come back without having run */
	struct ike_identify identify; /* the last one */
	/* As initiator: an address that it asks for. As responder: those that
	 * it leases, one after another behind this one, or why none. */
	enum ike_lease_wish wish;
	struct addr had, lease, wanted;
	int lease_error; /* 1 unless a test says otherwise */
	unsigned n_leased, n_released;
	struct addr behind; /* as initiator: the host that is meant */
	enum ike_modes modes;
	struct scope scope; /* that its Child SAs are for */
	unsigned n_moved, n_keepalives;
	struct ike_moved moved, keepalive; /* the last ones */
};

struct world {
	uint64_t now;
	uint64_t random; /* of the network */
	struct host hosts[2];
	struct wire wires[2];	/* by sender */
	struct packet *packets; /* in order of delivery */
	uint32_t job_jitter;	/* jobs come back after up to so long */
	struct world_job *jobs;
	struct nat_box nat;
	/* Sees each datagram before the network does; true: it is taken. */
	bool (*tap)(struct world *w, unsigned from, const struct ike_send *s,
		    void *user);
	void *tap_user;
	/* Called around allocations of the harness itself. */
	void (*own)(bool begin);
};

/* Hosts 192.0.2.1 and 192.0.2.2, a perfect network of 1 ms. */
void world_init(struct world *w, uint64_t seed, const struct ike_config *c);
/* Fails the test when an engine leaves something behind. */
void world_done(struct world *w);
/* The hosts get 2001:db8::1 and ::2 instead; before anything else. */
void world_use_ip6(struct world *w);
/* Puts a host behind a NAT. */
void world_nat(struct world *w, unsigned inside);
/* The box forgets its mappings, and with renumber its address. */
void world_rebind(struct world *w, bool renumber);
uint64_t world_random(struct world *w);
/* Throws the engine of a host away, and starts a new one. */
void world_restart(struct world *w, unsigned host);

struct handle world_initiate(struct world *w, unsigned host);
/* Performs what the engines ask for; called by all that follow. */
void world_settle(struct world *w);
/* Next packet, job or timer; false when there is none until then. */
bool world_step(struct world *w, uint64_t until);
/* Runs until the clock has that time. */
void world_run(struct world *w, uint64_t until);
/* Hands a datagram to a host as if the other one had sent it. */
void world_inject(struct world *w, unsigned to, const void *data, size_t len);
/* Takes the nth packet in flight out of the network; NULL. */
struct packet *world_take(struct world *w, size_t n);
size_t world_in_flight(const struct world *w);
void world_deliver(struct world *w, struct packet *p); /* and frees it */

/* The Child SA that a host uses: the last that is up and not redundant. */
struct child *host_child(struct host *h);
/* Child SAs up, redundant ones among them. */
size_t host_children(const struct host *h);
uint32_t host_sas(const struct host *h);
/* Both use one pair with crossed keys, and have nothing beside it. */
bool world_agree(struct world *w);
/* Neither has anything. */
bool world_empty(struct world *w);

#endif
