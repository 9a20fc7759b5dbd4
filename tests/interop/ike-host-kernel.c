/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "tests/interop/ike-host-kernel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xfrm/nlsock.h"
#include "xfrm/spd.h"

#define CHILDREN 64u
#define LOOK_MS	 20u
/* The peer has our response by then. */
#define WAIT_MS 200u

struct child {
	struct ike_child_up up; /* in.spi 0: a free place */
	struct handle sa;
	bool used, out;
	uint64_t out_due;
};

struct kernel {
	struct nlsock *netlink;
	struct child children[CHILDREN];
};

struct kernel *kernel_new(void)
{
	struct kernel *k = calloc(1, sizeof(*k));

	if (k && nlsock_open(NETLINK_XFRM, &k->netlink) < 0) {
		free(k);
		return NULL;
	}
	return k;
}

struct kernel *kernel_free(struct kernel *k)
{
	if (k)
		nlsock_free(k->netlink);
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

static FILE *ip_open(void)
{
	FILE *ip = popen("ip -force -batch - >&2", "w");

	if (!ip)
		abort();
	return ip;
}

static struct child *kernel_find(struct kernel *k, uint32_t spi_in)
{
	for (size_t i = 0; i < CHILDREN; i++)
		if (k->children[i].up.in.spi == spi_in)
			return &k->children[i];
	return NULL;
}

static void child_out(struct child *c, FILE *ip)
{
	print_state(ip, &c->up, false);
	print_policy(ip, &c->up, false);
	c->out = true;
}

void kernel_up(struct kernel *k, uint64_t now, struct handle sa,
	       const struct ike_child_up *up)
{
	struct child *c = kernel_find(k, up->in.spi);
	bool new = !c;
	FILE *ip;

	if (!c)
		c = kernel_find(k, 0);
	if (!c)
		abort();
	c->up = *up;
	c->sa = sa;
	ip = ip_open();
	if (new) {
		print_state(ip, up, true);
		print_policy(ip, up, true);
	}
	c->out_due = UINT64_MAX;
	if (!up->redundant) {
		if (up->initiator || !new)
			child_out(c, ip);
		else
			c->out_due = now + WAIT_MS;
	}
	pclose(ip);
}

void kernel_down(struct kernel *k, uint32_t spi_in)
{
	struct child *c = kernel_find(k, spi_in);
	FILE *ip;

	if (!c)
		return;
	ip = ip_open();
	if (c->out)
		print_delete(ip, &c->up, false);
	print_delete(ip, &c->up, true);
	pclose(ip);
	*c = (struct child){ 0 };
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
		if (k->children[i].up.in.spi && !k->children[i].used)
			return now + LOOK_MS;
	return UINT64_MAX;
}

static void child_look(struct kernel *k, struct child *c, uint64_t now)
{
	struct ksa sa = { .src = c->up.remote,
			  .dst = c->up.local,
			  .inbound = true,
			  .esp = c->up.in };
	FILE *ip;

	if (!c->used && sad_used(k->netlink, &sa) == 1)
		c->used = true;
	if (c->out_due == UINT64_MAX || (!c->used && c->out_due > now))
		return;
	c->out_due = UINT64_MAX;
	ip = ip_open();
	child_out(c, ip);
	pclose(ip);
}

void kernel_tick(struct kernel *k, struct ike_engine *e, uint64_t now)
{
	for (size_t i = 0; i < CHILDREN; i++) {
		struct child *c = &k->children[i];
		bool before = c->used;

		if (!c->up.in.spi)
			continue;
		child_look(k, c, now);
		if (c->used && !before)
			ike_child_used(e, now, c->sa, c->up.in.spi);
	}
}
