/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "tests/interop/ike-host-kernel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "xfrm/nlsock.h"
#include "xfrm/spd.h"

#define CHILDREN 64u
#define LOOK_MS	 20u
/* The peer has our response by then. */
#define WAIT_MS	 200u
#define DRAIN_MS 500u

struct child {
	struct ike_child_up up; /* in.spi 0: a free place */
	struct handle sa;
	bool used, out, gone;
	uint64_t out_due;
	uint64_t drained; /* once it is gone: what is on the way has come */
};

struct kernel {
	struct nlsock *netlink;
	FILE *ip; /* one for all, since a new one takes long to start */
	struct child children[CHILDREN];
};

struct kernel *kernel_new(void)
{
	struct kernel *k = calloc(1, sizeof(*k));

	if (!k || nlsock_open(NETLINK_XFRM, &k->netlink) < 0) {
		free(k);
		return NULL;
	}
	k->ip = popen("exec ip -force -batch - >&2", "w");
	return k->ip ? k : kernel_free(k);
}

struct kernel *kernel_free(struct kernel *k)
{
	if (k) {
		if (k->ip)
			pclose(k->ip);
		nlsock_free(k->netlink);
	}
	free(k);
	return NULL;
}

static void print_key(FILE *ip, const uint8_t *key, size_t len)
{
	fprintf(ip, " 0x");
	for (size_t i = 0; i < len; i++)
		fprintf(ip, "%02x", key[i]);
}

static void print_cbc(FILE *ip, const struct esp_sa *esp)
{
	size_t auth = esp_auth_len((enum esp_cipher)esp->cipher);
	size_t enc = esp->key_len - auth;

	fprintf(ip, " enc cbc(aes)");
	print_key(ip, esp->key, enc);
	/* The key is as long as the hash, the tag half of it. */
	fprintf(ip, " auth-trunc hmac(sha%zu)", auth * 8);
	print_key(ip, esp->key + enc, auth);
	fprintf(ip, " %zu", auth * 4);
}

static void print_algorithm(FILE *ip, const struct esp_sa *esp)
{
	if (esp_auth_len((enum esp_cipher)esp->cipher)) {
		print_cbc(ip, esp);
		return;
	}
	fprintf(ip, " aead %s",
		esp->cipher == ESP_CHACHA20_POLY1305
			? "rfc7539esp(chacha20,poly1305)"
			: "rfc4106(gcm(aes))");
	print_key(ip, esp->key, esp->key_len);
	fprintf(ip, " 128");
}

static const char *mode_name(const struct ike_child_up *up)
{
	return up->mode == IKE_MODE_TUNNEL ? "tunnel" : "transport";
}

static void print_state(FILE *ip, const struct ike_child_up *up, bool in)
{
	const struct esp_sa *esp = in ? &up->in : &up->out;
	const struct ike_encapsulation *e = &up->encapsulation;
	char local[ADDR_STRLEN], remote[ADDR_STRLEN];

	addr_format(&up->local, local);
	addr_format(&up->remote, remote);
	fprintf(ip, "xfrm state add src %s dst %s proto esp spi 0x%08x",
		in ? remote : local, in ? local : remote, esp->spi);
	fprintf(ip, " reqid 1 mode %s replay-window %u%s", mode_name(up),
		esp->esn ? 64u : 32u, esp->esn ? " flag esn" : "");
	print_algorithm(ip, esp);
	if (e->udp)
		fprintf(ip, " encap espinudp %u %u 0.0.0.0",
			in ? e->remote_port : e->local_port,
			in ? e->local_port : e->remote_port);
	fprintf(ip, "\n");
}

static void print_policy(FILE *ip, const struct ike_child_up *up, bool in)
{
	char local[ADDR_STRLEN], remote[ADDR_STRLEN];
	const char *src = in ? remote : local, *dst = in ? local : remote;

	addr_format(&up->local, local);
	addr_format(&up->remote, remote);
	fprintf(ip, "xfrm policy update src %s dst %s dir %s ", src, dst,
		in ? "in" : "out");
	fprintf(ip, "tmpl src %s dst %s proto esp reqid 1 mode %s\n", src, dst,
		mode_name(up));
}

static void print_delete(FILE *ip, const struct ike_child_up *up, bool in)
{
	char local[ADDR_STRLEN], remote[ADDR_STRLEN];

	addr_format(&up->local, local);
	addr_format(&up->remote, remote);
	fprintf(ip, "xfrm state delete src %s dst %s proto esp spi 0x%08x\n",
		in ? remote : local, in ? local : remote,
		in ? up->in.spi : up->out.spi);
}

/* Waits until ip(8) has read its orders and installed the SA. */
static void kernel_flush(struct kernel *k, const struct ike_child_up *up,
			 bool in)
{
	struct ksa sa = { .src = in ? up->remote : up->local,
			  .dst = in ? up->local : up->remote,
			  .inbound = in,
			  .esp = in ? up->in : up->out };

	fflush(k->ip);
	for (int i = 0; i < 5000 && sad_used(k->netlink, &sa) < 0; i++)
		usleep(200);
}

static struct child *kernel_find(struct kernel *k, uint32_t spi_in)
{
	for (size_t i = 0; i < CHILDREN; i++)
		if (k->children[i].up.in.spi == spi_in)
			return &k->children[i];
	return NULL;
}

static void child_out(struct kernel *k, struct child *c)
{
	print_state(k->ip, &c->up, false);
	print_policy(k->ip, &c->up, false);
	kernel_flush(k, &c->up, false);
	c->out = true;
}

void kernel_up(struct kernel *k, uint64_t now, struct handle sa,
	       const struct ike_child_up *up)
{
	struct child *c = kernel_find(k, up->in.spi);
	bool new = !c;

	if (!c)
		c = kernel_find(k, 0);
	if (!c)
		abort();
	c->up = *up;
	c->sa = sa;
	if (new) {
		print_state(k->ip, up, true);
		kernel_flush(k, up, true);
		print_policy(k->ip, up, true);
	}
	c->out_due = UINT64_MAX;
	if (!up->redundant) {
		if (up->initiator || !new)
			child_out(k, c);
		else
			c->out_due = now + WAIT_MS;
	}
	fflush(k->ip);
}

/* A peer that deletes what was rekeyed has our response: the successor goes
 * into use before its predecessor goes. */
void kernel_down(struct kernel *k, uint64_t now, uint32_t spi_in)
{
	struct child *c = kernel_find(k, spi_in);

	if (!c)
		return;
	for (size_t i = 0; i < CHILDREN; i++) {
		struct child *new = &k->children[i];

		if (new->up.in.spi &&new->up.replaces ==
		    spi_in &&new->out_due != UINT64_MAX) {
			new->out_due = UINT64_MAX;
			child_out(k, new);
		}
	}
	if (c->out)
		print_delete(k->ip, &c->up, false);
	fflush(k->ip);
	c->gone = true;
	c->used = true;
	c->out_due = UINT64_MAX;
	c->drained = now + DRAIN_MS;
}

void kernel_rekeyed(struct kernel *k, struct handle old, struct handle new)
{
	for (size_t i = 0; i < CHILDREN; i++)
		if (handle_equal(k->children[i].sa, old))
			k->children[i].sa = new;
}

uint64_t kernel_deadline(const struct kernel *k, uint64_t now)
{
	for (size_t i = 0; i < CHILDREN; i++)
		if (k->children[i].up.in.spi &&
		    (!k->children[i].used || k->children[i].gone))
			return now + LOOK_MS;
	return UINT64_MAX;
}

static void child_look(struct kernel *k, struct child *c, uint64_t now)
{
	struct ksa sa = { .src = c->up.remote,
			  .dst = c->up.local,
			  .inbound = true,
			  .esp = c->up.in };

	if (!c->used && sad_used(k->netlink, &sa) == 1)
		c->used = true;
	if (c->out_due == UINT64_MAX || (!c->used && c->out_due > now))
		return;
	c->out_due = UINT64_MAX;
	child_out(k, c);
}

void kernel_tick(struct kernel *k, struct ike_engine *e, uint64_t now)
{
	for (size_t i = 0; i < CHILDREN; i++) {
		struct child *c = &k->children[i];
		bool before = c->used;

		if (!c->up.in.spi)
			continue;
		if (c->gone && c->drained <= now) {
			print_delete(k->ip, &c->up, true);
			fflush(k->ip);
			*c = (struct child){ 0 };
			continue;
		}
		child_look(k, c, now);
		if (c->used && !before)
			ike_child_used(e, now, c->sa, c->up.in.spi);
	}
}
