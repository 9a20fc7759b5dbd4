/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The engine alone as a daemon for one peer, to be told on standard input what
 * to do next: what the agent does of its own accord, at a time of its own
 * choice, happens here when a test wants it. Keys are held in this process.
 * States and policies are ip(8)'s business; see engine.py.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "ike/engine.h"
#include "tests/interop/ike-host-kernel.h"
#include "util/limits.h"
#include "xfrm/udp.h"

#define BATCH 64u

struct host {
	struct ike_engine *engine;
	struct kernel *kernel;
	struct ike_request request;
	int fd, natt_fd;

	struct ike_identity id, peer_id;
	EVP_PKEY *key;
	uint8_t *spki, *peer_spki;
	size_t spki_len, peer_spki_len;
	const char *shared;
	bool null;

	struct handle sa; /* the one that came up last */
	uint32_t spi_in;  /* of its Child SA that came up last */
	bool hold;	  /* never say who we are: no IKE_AUTH follows */
	bool quit;
};

static void die(const char *what)
{
	fprintf(stderr, "%s\n", what);
	exit(1);
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int host_random(void *user, void *buf, size_t len)
{
	(void)user;
	return getrandom(buf, len, 0) == (ssize_t)len ? 0 : -EIO;
}

static enum ike_admission host_admit(void *user, const struct endpoint *local,
				     const struct endpoint *remote, bool shown)
{
	const struct host *h = user;

	(void)shown;
	(void)local;
	return addr_equal(&remote->addr, &h->request.remote.addr) ? IKE_ADMIT
								  : IKE_REFUSE;
}

static enum ike_modes host_modes(void *user, const struct addr *local,
				 const struct addr *remote,
				 const struct ike_proof *peer)
{
	const struct host *h = user;

	(void)local;
	(void)peer;
	(void)remote;
	return h->request.modes;
}

static void host_identify(struct host *h, struct handle sa)
{
	struct ike_own_key own = { .id = 1, .spki = { h->spki, h->spki_len } };
	struct ike_view peer = { h->peer_spki, h->peer_spki_len };
	struct ike_credentials c = {
		.identity = h->id,
		.keys = &own,
		.n_keys = h->key ? 1 : 0,
		.may_null = h->null,
		.peer = h->peer_id,
		.peer_keys = &peer,
		.n_peer_keys = h->peer_spki ? 1 : 0,
		.accept_null = h->null,
		.accept_shared = h->shared,
	};
	int r;

	if (h->shared)
		c.shared = (struct ike_view){ (const uint8_t *)h->shared,
					      strlen(h->shared) };
	r = ike_authenticate(h->engine, now_ms(), sa, &c);
	if (r < 0)
		printf("credentials: %s\n", strerror(-r));
}

static void host_sign(struct host *h, const struct ike_action *a)
{
	uint8_t signature[LIMIT_IKE_SIGNATURE];
	size_t len = sizeof(signature);
	int r = ike_sign_with(h->key, &a->sign, signature, &len);

	ike_sign_done(h->engine, now_ms(), a->sa, signature, len, r);
}

static void host_up(struct host *h, const struct ike_action *a)
{
	const struct ike_child_up *c = &a->child_up;
	char id[IKE_IDENTITY_STRLEN];
	struct ike_sa_info info;

	kernel_up(h->kernel, now_ms(), a->sa, c);
	h->sa = a->sa;
	if (!c->redundant)
		h->spi_in = c->in.spi;
	if (!ike_sa_describe(h->engine, a->sa, &info))
		strcpy(info.algorithms, "?");
	printf("up %08x %08x replaces %08x %s%s%s%s %s %s %s %s\n", c->in.spi,
	       c->out.spi, c->replaces,
	       c->mode == IKE_MODE_TUNNEL ? "tunnel" : "transport",
	       c->initiator ? " initiator" : "",
	       c->redundant ? " redundant" : "",
	       c->encapsulation.udp ? " udp" : "",
	       ike_auth_method_name(c->peer.method),
	       c->peer.how ? c->peer.how : "?",
	       ike_identity_format(&c->peer.id, id), info.algorithms);
}

static void host_send(struct host *h, const struct ike_send *s)
{
	static const uint8_t marker[4];
	struct sockaddr_storage to;
	socklen_t len = endpoint_to_sockaddr(&s->remote, &to);
	bool natt = s->local.port == 4500;
	struct iovec part[2] = { { (void *)marker, natt ? 4 : 0 },
				 { (void *)s->data, s->len } };
	struct msghdr m = { .msg_name = &to,
			    .msg_namelen = len,
			    .msg_iov = part,
			    .msg_iovlen = 2 };

	if (sendmsg(natt ? h->natt_fd : h->fd, &m, 0) < 0)
		printf("send: %s\n", strerror(errno));
}

static void host_act(struct host *h, struct ike_action *a)
{
	switch (a->type) {
	case IKE_SEND:
		host_send(h, &a->send);
		break;
	case IKE_JOB:
		ike_job_run(a->job);
		ike_job_done(h->engine, now_ms(), a->job);
		break;
	case IKE_CHILD_UP:
		break; /* done before all others */
	case IKE_CHILD_DOWN:
		kernel_down(h->kernel, now_ms(), a->child_down.spi_in);
		printf("down %08x %s\n", a->child_down.spi_in,
		       ike_reason_name(a->child_down.reason));
		break;
	case IKE_CHILD_REFUSED:
		printf("refused %08x %s %u\n", a->child_refused.spi_in,
		       ike_reason_name(a->child_refused.reason),
		       a->child_refused.notify);
		break;
	case IKE_REKEYED:
		if (handle_equal(h->sa, a->rekeyed.old))
			h->sa = a->rekeyed.new;
		kernel_rekeyed(h->kernel, a->rekeyed.old, a->rekeyed.new);
		printf("rekeyed\n");
		break;
	case IKE_MOVED:
		printf("moved\n");
		break;
	case IKE_KEEPALIVE:
		break;
	case IKE_FAILED:
		printf("failed %s %u\n", ike_reason_name(a->failed.reason),
		       a->failed.notify);
		break;
	case IKE_IDENTIFY:
		if (!h->hold)
			host_identify(h, a->sa);
		break;
	case IKE_SIGN:
		host_sign(h, a);
		break;
	}
}

/* A peer may use an in-SA as soon as it has our response: what is to be
 * installed goes before what is to be sent. */
static void host_run(struct host *h)
{
	struct ike_action a[BATCH];
	size_t n;

	do {
		for (n = 0; n < BATCH; n++)
			if (!ike_engine_next_action(h->engine, &a[n]))
				break;
		for (size_t i = 0; i < n; i++)
			if (a[i].type == IKE_CHILD_UP)
				host_up(h, &a[i]);
		for (size_t i = 0; i < n; i++) {
			host_act(h, &a[i]);
			ike_action_done(&a[i]);
		}
	} while (n);
	fflush(stdout);
}

static void host_receive(struct host *h, int fd)
{
	uint8_t data[65536], *at = data;
	struct endpoint local = h->request.local, remote;
	struct sockaddr_storage from;
	socklen_t from_len = sizeof(from);
	ssize_t len = recvfrom(fd, data, sizeof(data), 0,
			       (struct sockaddr *)&from, &from_len);

	if (len < 0 || endpoint_from_sockaddr((struct sockaddr *)&from,
					      from_len, &remote) < 0)
		return;
	if (fd == h->natt_fd) {
		if (len < 4 || memcmp(data, "\0\0\0", 4) != 0)
			return;
		at += 4;
		len -= 4;
		local.port = 4500;
	}
	ike_input(h->engine, now_ms(), &local, &remote, at, (size_t)len);
}

static int host_tell(struct host *h, const char *what)
{
	uint64_t now = now_ms();

	if (strcmp(what, "initiate") == 0)
		return ike_initiate(h->engine, now, &h->request, &h->sa);
	if (strcmp(what, "rekey-child") == 0)
		return ike_rekey_child(h->engine, now, h->sa, h->spi_in);
	if (strcmp(what, "rekey-ike") == 0)
		return ike_rekey(h->engine, now, h->sa);
	if (strcmp(what, "add-child") == 0)
		return ike_add_child(h->engine, now, h->sa);
	if (strcmp(what, "delete-child") == 0)
		return ike_delete_child(h->engine, now, h->sa, h->spi_in);
	if (strcmp(what, "check") == 0)
		ike_check(h->engine, now, h->sa);
	else if (strcmp(what, "close") == 0)
		ike_close(h->engine, now, h->sa);
	else if (strcmp(what, "quit") == 0)
		h->quit = true;
	else
		return -EINVAL;
	return 0;
}

static void host_command(struct host *h)
{
	char line[64];
	int r;

	if (!fgets(line, sizeof(line), stdin)) {
		h->quit = true;
		return;
	}
	line[strcspn(line, "\n")] = 0;
	r = host_tell(h, line);
	printf("%s: %s\n", line, r < 0 ? strerror(-r) : "told");
}

static void host_loop(struct host *h)
{
	struct pollfd p[3] = { { .fd = 0, .events = POLLIN },
			       { .fd = h->fd, .events = POLLIN },
			       { .fd = h->natt_fd, .events = POLLIN } };
	uint64_t now, deadline, kernel;

	while (!h->quit) {
		host_run(h);
		now = now_ms();
		deadline = ike_engine_deadline(h->engine);
		kernel = kernel_deadline(h->kernel, now);
		if (kernel < deadline)
			deadline = kernel;
		if (deadline > now + 1000)
			deadline = now + 1000;
		poll(p, 3, deadline > now ? (int)(deadline - now) : 0);
		if (p[0].revents)
			host_command(h);
		for (int i = 1; i < 3; i++)
			if (p[i].revents & POLLIN)
				host_receive(h, p[i].fd);
		kernel_tick(h->kernel, h->engine, now_ms());
		ike_tick(h->engine, now_ms());
	}
	host_run(h);
}

static void read_key(struct host *h, const char *path)
{
	FILE *f = fopen(path, "re");

	h->key = f ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;
	if (!h->key)
		die("no private key there");
	fclose(f);
	h->spki_len = (size_t)i2d_PUBKEY(h->key, &h->spki);
}

static void read_peer_key(struct host *h, const char *path)
{
	FILE *f = fopen(path, "re");
	EVP_PKEY *key = f ? PEM_read_PUBKEY(f, NULL, NULL, NULL) : NULL;

	if (!key)
		die("no public key there");
	fclose(f);
	h->peer_spki_len = (size_t)i2d_PUBKEY(key, &h->peer_spki);
	EVP_PKEY_free(key);
}

static void read_endpoint(struct endpoint *e, const char *text)
{
	if (addr_parse(text, &e->addr) < 0)
		die("no address");
	e->port = 500;
}

static void read_identity(struct ike_identity *id, const char *text)
{
	if (ike_identity_parse(text, id) < 0)
		die("no identity");
}

/* "AES-GCM-256,SHA2-256,X25519" */
static void read_algorithms(struct algorithm_list *l, char *text)
{
	enum algorithm a;

	*l = (struct algorithm_list){ 0 };
	for (char *word = strtok(text, ","); word; word = strtok(NULL, ",")) {
		if (algorithm_parse(word, &a) < 0)
			die("no algorithm");
		algorithm_list_add(l, a);
	}
}

static void read_option(struct host *h, struct ike_config *config, int option)
{
	switch (option) {
	case 'l':
		read_endpoint(&h->request.local, optarg);
		break;
	case 'r':
		read_endpoint(&h->request.remote, optarg);
		break;
	case 'i':
		read_identity(&h->id, optarg);
		break;
	case 'I':
		read_identity(&h->peer_id, optarg);
		break;
	case 'k':
		read_key(h, optarg);
		break;
	case 'K':
		read_peer_key(h, optarg);
		break;
	case 's':
		h->shared = optarg;
		break;
	case 'n':
		h->null = true;
		break;
	case 't':
		h->request.modes = IKE_MODES_TUNNEL;
		break;
	case 'e':
		h->request.modes = IKE_MODES_EITHER;
		break;
	case 'p':
		config->pfs = atoi(optarg) != 0;
		break;
	case 'P':
		read_algorithms(&config->algorithms.propose, optarg);
		config->algorithms.answer = config->algorithms.propose;
		break;
	case 'c':
		config->cookie_threshold = (uint32_t)atoi(optarg);
		break;
	case 'f':
		config->fragment_mtu = (uint16_t)atoi(optarg);
		break;
	case 'h':
		h->hold = true;
		break;
	case 'L':
		config->liveness_ms = (uint32_t)atoi(optarg);
		break;
	default:
		die("what is that option?");
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "local", 1, NULL, 'l' },   { "remote", 1, NULL, 'r' },
		{ "id", 1, NULL, 'i' },	     { "peer-id", 1, NULL, 'I' },
		{ "key", 1, NULL, 'k' },     { "peer-key", 1, NULL, 'K' },
		{ "secret", 1, NULL, 's' },  { "null", 0, NULL, 'n' },
		{ "tunnel", 0, NULL, 't' },  { "either", 0, NULL, 'e' },
		{ "pfs", 1, NULL, 'p' },     { "liveness", 1, NULL, 'L' },
		{ "propose", 1, NULL, 'P' }, { "hold", 0, NULL, 'h' },
		{ "cookie", 1, NULL, 'c' },  { "fragment", 1, NULL, 'f' },
		{ NULL, 0, NULL, 0 },
	};
	struct host h = { .id = ike_identity_null() };
	struct ike_ops ops = { .random = host_random,
			       .admit = host_admit,
			       .modes = host_modes,
			       .user = &h };
	struct ike_config config;
	int option, family;

	if (argc == 1)
		return 77; /* nothing to do here but in the lab */
	ike_config_init(&config);
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		read_option(&h, &config, option);
	family = h.request.local.addr.family;
	h.fd = udp_open(family, 500, false);
	h.natt_fd = udp_open(family, 4500, true);
	h.engine = ike_engine_new(&config, &ops, now_ms());
	h.kernel = kernel_new();
	if (h.fd < 0 || h.natt_fd < 0 || !h.engine || !h.kernel)
		die("no sockets, engine or kernel");
	printf("ready\n");
	host_loop(&h);
	ike_engine_free(h.engine);
	kernel_free(h.kernel);
	EVP_PKEY_free(h.key);
	free(h.spki);
	free(h.peer_spki);
	return 0;
}
