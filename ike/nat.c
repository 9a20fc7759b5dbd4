/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is found in IKE_SA_INIT is authenticated with it by IKE_AUTH, so that
 * whoever forges these notifies spoils the attempt and nothing else.
 */
#include "ike/nat.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "ike/core.h"

int ike_nat_hash(const struct ike_header *h, const struct endpoint *ep,
		 uint8_t ret[static IKE_NAT_HASH_LEN])
{
	uint8_t buf[2 * sizeof(uint64_t) + 16 + sizeof(uint16_t)];
	struct wbuf w = wbuf_of(buf, sizeof(buf));
	size_t len;

	wbuf_be64(&w, h->spi_i);
	wbuf_be64(&w, h->spi_r);
	wbuf_bytes(&w, ep->addr.bytes, addr_len(&ep->addr));
	wbuf_be16(&w, ep->port);
	if (!EVP_Q_digest(NULL, "SHA1", NULL, buf, w.len, ret, &len))
		return -EIO;
	return 0;
}

void ike_nat_write(struct ike_builder *b, const struct ike_header *h,
		   const struct endpoint *local, const struct endpoint *remote)
{
	uint8_t source[IKE_NAT_HASH_LEN], destination[IKE_NAT_HASH_LEN];

	if (ike_nat_hash(h, local, source) < 0 ||
	    ike_nat_hash(h, remote, destination) < 0)
		return;
	ike_notify_write(b, IKE_NOTIFY_NAT_DETECTION_SOURCE_IP, source,
			 sizeof(source));
	ike_notify_write(b, IKE_NOTIFY_NAT_DETECTION_DESTINATION_IP,
			 destination, sizeof(destination));
}

/* The notifies of one kind: were there any, and was one the right one? */
struct finding {
	bool seen, matched;
};

static void compare(struct finding *f, const struct ike_notify *n,
		    const uint8_t *expected)
{
	if (n->data.len != IKE_NAT_HASH_LEN)
		return;
	f->seen = true;
	/* A sender that does not know its address sends several sources. */
	if (memcmp(n->data.data, expected, IKE_NAT_HASH_LEN) == 0)
		f->matched = true;
}

bool ike_nat_detect(const struct ike_message *m, const struct endpoint *local,
		    const struct endpoint *remote, struct ike_nat *ret)
{
	uint8_t source[IKE_NAT_HASH_LEN], destination[IKE_NAT_HASH_LEN];
	struct finding from = { 0 }, to = { 0 };

	if (ike_nat_hash(&m->header, remote, source) < 0 ||
	    ike_nat_hash(&m->header, local, destination) < 0)
		return false;
	for (size_t i = 0; i < m->n; i++) {
		struct ike_notify n;

		if (m->payloads[i].type != IKE_PAYLOAD_NOTIFY ||
		    ike_notify_parse(&m->payloads[i], &n) < 0)
			continue;
		if (n.type == IKE_NOTIFY_NAT_DETECTION_SOURCE_IP)
			compare(&from, &n, source);
		else if (n.type == IKE_NOTIFY_NAT_DETECTION_DESTINATION_IP)
			compare(&to, &n, destination);
	}
	if (!from.seen || !to.seen)
		return false;
	*ret = (struct ike_nat){ .us = !to.matched, .peer = !from.matched };
	return true;
}

void ike_nat_float(const struct ike_engine *e, struct ike_sa *sa)
{
	if (!sa->nat.us && !sa->nat.peer)
		return;
	/* 2.23: both ports. Who was told to use others keeps them. */
	if (sa->local.port == e->config.port)
		sa->local.port = e->config.natt_port;
	if (sa->remote.port == e->config.port)
		sa->remote.port = e->config.natt_port;
}

struct ike_encapsulation ike_nat_encapsulation(const struct ike_sa *sa)
{
	if (!sa->nat.us && !sa->nat.peer)
		return (struct ike_encapsulation){ 0 };
	return (struct ike_encapsulation){
		.udp = true,
		.local_port = sa->local.port,
		.remote_port = sa->remote.port,
	};
}

static void tell(struct ike_engine *e, struct ike_sa *sa,
		 enum ike_action_type type)
{
	struct ike_action_node *n = ike_action_node_new();

	if (!n)
		return; /* the next move or keepalive is told */
	n->action.type = type;
	n->action.sa = sa->handle;
	n->action.moved = (struct ike_moved){ sa->local, sa->remote };
	ike_queue_push(&e->queue, n);
}

/* May the sender of a fresh request be where it came from? */
static bool may_move(const struct ike_arrival *a, const struct ike_sa *sa)
{
	/* 2.23: IKE_AUTH may come by port 4500, NAT or not. From another
	 * address it would be a stranger's word that it is somebody else, who
	 * has not even shown that it receives there. */
	if (a->m->header.exchange == IKE_EXCHANGE_AUTH)
		return addr_equal(&a->remote->addr, &sa->remote.addr);
	return sa->nat.peer && !sa->nat.us;
}

void ike_nat_follow(struct ike_engine *e, const struct ike_arrival *a,
		    struct ike_sa *sa)
{
	bool known = sa->state == IKE_SA_ESTABLISHED;

	if ((endpoint_equal(&sa->remote, a->remote) &&
	     sa->local.port == a->local->port) ||
	    !addr_equal(&sa->local.addr, &a->local->addr) || !may_move(a, sa))
		return;
	if (ike_sa_move(e, sa, a->remote) < 0)
		return;
	sa->local.port = a->local->port;
	sa->esp_port = 0;
	if (known)
		tell(e, sa, IKE_MOVED);
}

/* Not believed at once: whoever is on the path can deliver an authentic packet
 * from elsewhere, as with a request, but it cannot answer ours. */
void ike_esp_from(struct ike_engine *e, uint64_t now, struct handle handle,
		  uint16_t port)
{
	struct ike_sa *sa = slots_get(e->sas, handle);

	if (!sa || sa->state != IKE_SA_ESTABLISHED || !sa->nat.peer ||
	    sa->nat.us)
		return;
	sa->esp_port = port == sa->remote.port ? 0 : port;
	if (sa->esp_port)
		ike_request_hurry(e, now, sa);
}

void ike_nat_answered(struct ike_engine *e, const struct ike_arrival *a,
		      struct ike_sa *sa)
{
	bool there = sa->esp_port && sa->esp_port == a->remote->port &&
		     addr_equal(&sa->remote.addr, &a->remote->addr);

	sa->esp_port = 0;
	if (there && ike_sa_move(e, sa, a->remote) == 0)
		tell(e, sa, IKE_MOVED);
}

static void arm(struct ike_engine *e, struct ike_sa *sa)
{
	uint64_t spoke = sa->last_sent;

	/* A request that was heard has been answered. */
	if (sa->last_heard > spoke)
		spoke = sa->last_heard;
	timer_arm(e->wheel, &sa->keepalive, spoke + e->config.keepalive_ms);
}

void ike_nat_begin(struct ike_engine *e, uint64_t now, struct ike_sa *sa)
{
	if (!sa->nat.us || !e->config.keepalive_ms)
		return;
	sa->last_sent = now;
	arm(e, sa);
}

void ike_nat_inherit(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		     const struct ike_sa *old)
{
	sa->nat = old->nat;
	sa->fragmentation = old->fragmentation;
	sa->local.port = old->local.port;
	sa->remote.port = old->remote.port;
	sa->esp_port = old->esp_port;
	ike_nat_begin(e, now, sa);
}

void ike_nat_timeout(struct timer *t, uint64_t now, void *user)
{
	struct ike_sa *sa = container_of(t, struct ike_sa, keepalive);
	struct ike_engine *e = user;

	if (sa->state != IKE_SA_ESTABLISHED || sa->told)
		return;
	if (now >= sa->last_sent + e->config.keepalive_ms &&
	    now >= sa->last_heard + e->config.keepalive_ms) {
		sa->last_sent = now;
		tell(e, sa, IKE_KEEPALIVE);
	}
	arm(e, sa);
}
