/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The load generator of tests/bench/handshake: our engine as initiator, many
 * IKE SAs in flight over real UDP sockets, toward any responder. It installs
 * nothing in the kernel. It prints one line of JSON when all handshakes are
 * over, then answers liveness checks until there is a line on its standard
 * input, for as many handshakes more, or the end of it.
 *
 * Peers: each SA has a source address of its own, counted up from --local; or
 * with --one-source all come from that address, each place in flight with a
 * port and an engine of its own, and an SA is forgotten once it is up.
 *
 * With --respond it is the other side: our engine as responder and nothing
 * else, no kernel, no bus, no threads. Its line comes at the end.
 */
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "ike/engine.h"
#include "util/limits.h"

#define ONE_SOURCE_PORT 20000u
#define IKE_PORT	500u
/* No handshake for so long: what is missing has failed. */
#define STALL_MS   20000u
#define FLIGHT_MAX 256u

struct place {
	struct ike_engine *engine;
	int fd;
};

struct load {
	struct endpoint local, remote;
	unsigned count, flight;
	bool one_source, respond;
	const char *key_path, *peer_key_path, *id, *peer_id, *secret;
	struct ike_config config;
	struct place places[FLIGHT_MAX];
	unsigned n_places;
	struct ike_credentials credentials;
	struct ike_own_key own;
	struct ike_view peer_key;
	EVP_PKEY *key;
	unsigned begun, up, failed; /* in this round */
	unsigned before;	    /* those of earlier rounds */
	enum ike_reason reason;	    /* of the last failure */
	uint64_t last;		    /* the last one that ended, ms */
	char algorithms[64];
};

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static uint64_t now_ms(void)
{
	return now_us() / 1000;
}

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what)
{
	fprintf(stderr, "ike-load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int random_bytes(void *user, void *buf, size_t len)
{
	(void)user;
	return getrandom(buf, len, 0) == (ssize_t)len ? 0 : -EIO;
}

static enum ike_admission admit(void *user, const struct endpoint *local,
				const struct endpoint *remote, bool shown)
{
	const struct load *l = user;

	(void)shown;
	(void)local;
	(void)remote;
	return l->respond ? IKE_ADMIT : IKE_IGNORE;
}

/* --- the wire --------------------------------------------------------------- */

static int open_socket(const struct in_addr *bind_to, uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
				   .sin_addr = *bind_to,
				   .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1, size = 4 << 20;

	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_IP, IP_PKTINFO, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_IP, IP_FREEBIND, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ||
	    bind(fd, (struct sockaddr *)&sin, sizeof(sin)))
		die("socket");
	return fd;
}

union control {
	struct cmsghdr header;
	uint8_t room[CMSG_SPACE(sizeof(struct in_pktinfo))];
};

static void send_datagram(struct place *p, const struct ike_send *s)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(s->remote.port) };
	struct iovec iov = { (void *)(uintptr_t)s->data, s->len };
	union control c = { .header = { .cmsg_level = SOL_IP,
					.cmsg_type = IP_PKTINFO } };
	struct msghdr m = { .msg_name = &to,
			    .msg_namelen = sizeof(to),
			    .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = &c,
			    .msg_controllen = sizeof(c) };
	struct in_pktinfo info = { 0 };

	memcpy(&to.sin_addr, s->remote.addr.bytes, 4);
	memcpy(&info.ipi_spec_dst, s->local.addr.bytes, 4);
	c.header.cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(&c.header), &info, sizeof(info));
	/* Lost otherwise: it is sent again. */
	(void)sendmsg(p->fd, &m, 0);
}

static bool receive_datagram(struct load *l, struct place *p)
{
	uint8_t buf[LIMIT_IKE_MESSAGE + 1];
	struct sockaddr_in from;
	struct iovec iov = { buf, sizeof(buf) };
	union control c;
	struct msghdr m = { .msg_name = &from,
			    .msg_namelen = sizeof(from),
			    .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = &c,
			    .msg_controllen = sizeof(c) };
	struct endpoint local = l->local, remote = l->remote;
	struct cmsghdr *h;
	ssize_t n = recvmsg(p->fd, &m, 0);

	if (n < 0)
		return false;
	remote.port = ntohs(from.sin_port);
	memcpy(remote.addr.bytes, &from.sin_addr, 4);
	for (h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h)) {
		struct in_pktinfo info;

		if (h->cmsg_level != SOL_IP || h->cmsg_type != IP_PKTINFO)
			continue;
		memcpy(&info, CMSG_DATA(h), sizeof(info));
		memcpy(local.addr.bytes, &info.ipi_addr, 4);
	}
	if (l->one_source)
		local.port =
			(uint16_t)(ONE_SOURCE_PORT + (unsigned)(p - l->places));
	ike_input(p->engine, now_ms(), &local, &remote, buf, (size_t)n);
	return true;
}

/* --- the engine ---------------------------------------------------------------- */

static void initiate(struct load *l, struct place *p)
{
	struct ike_request req = { .local = l->local, .remote = l->remote };
	struct handle sa;
	uint32_t a;
	int r;

	if (l->one_source) {
		req.local.port =
			(uint16_t)(ONE_SOURCE_PORT + (unsigned)(p - l->places));
	} else {
		memcpy(&a, req.local.addr.bytes, 4);
		a = htonl(ntohl(a) + l->before + l->begun);
		memcpy(req.local.addr.bytes, &a, 4);
	}
	l->begun++;
	r = ike_initiate(p->engine, now_ms(), &req, &sa);
	if (r < 0) {
		errno = -r;
		die("initiate");
	}
}

static void ended(struct load *l, struct place *p)
{
	l->last = now_ms();
	if (l->begun < l->count)
		initiate(l, p);
}

static void sign(struct load *l, struct place *p, struct ike_action *x)
{
	uint8_t data[LIMIT_IKE_SIGNATURE];
	size_t len = 0;
	int r = l->key ? ike_sign_with(l->key, &x->sign, data, &len) : -ENOKEY;
	ike_sign_done(p->engine, now_ms(), x->sa, data, len, r);
}

static void on_up(struct load *l, struct place *p, const struct ike_action *x)
{
	struct ike_sa_info info;

	if (!l->up && ike_sa_describe(p->engine, x->sa, &info))
		memcpy(l->algorithms, info.algorithms, sizeof(l->algorithms));
	l->up++;
	if (l->respond)
		return;
	if (l->one_source)
		ike_abandon(p->engine, now_ms(), x->sa);
	ended(l, p);
}

static void act(struct load *l, struct place *p, struct ike_action *x)
{
	switch (x->type) {
	case IKE_SEND:
		send_datagram(p, &x->send);
		break;
	case IKE_JOB:
		ike_job_run(x->job);
		ike_job_done(p->engine, now_ms(), x->job);
		break;
	case IKE_CHILD_UP:
		on_up(l, p, x);
		break;
	case IKE_FAILED:
		l->failed++;
		l->reason = x->failed.reason;
		if (!l->respond)
			ended(l, p);
		break;
	case IKE_IDENTIFY:
		if (ike_authenticate(p->engine, now_ms(), x->sa,
				     &l->credentials) < 0)
			ike_refuse(p->engine, now_ms(), x->sa);
		break;
	case IKE_SIGN:
		sign(l, p, x);
		break;
	case IKE_CHILD_DOWN:
	case IKE_CHILD_REFUSED:
	case IKE_REKEYED:
	case IKE_MOVED:
	case IKE_KEEPALIVE:
		break;
	}
}

static void run_actions(struct load *l, struct place *p)
{
	struct ike_action x;

	while (ike_engine_next_action(p->engine, &x)) {
		act(l, p, &x);
		ike_action_done(&x);
	}
}

static void turn(struct load *l, struct pollfd *fds, int timeout)
{
	(void)poll(fds, l->n_places + 1, timeout);
	for (unsigned i = 0; i < l->n_places; i++) {
		struct place *p = &l->places[i];

		if (fds[i].revents)
			while (receive_datagram(l, p))
				run_actions(l, p);
		ike_tick(p->engine, now_ms());
		run_actions(l, p);
	}
}

/* --- the run -------------------------------------------------------------------- */

static void open_places(struct load *l)
{
	struct ike_ops ops = { .random = random_bytes,
			       .admit = admit,
			       .user = l };
	struct in_addr any = { 0 }, own;

	memcpy(&own, l->local.addr.bytes, 4);
	l->n_places = l->one_source ? l->flight : 1;
	for (unsigned i = 0; i < l->n_places; i++) {
		struct place *p = &l->places[i];

		p->engine = ike_engine_new(&l->config, &ops, now_ms());
		if (!p->engine)
			die("engine");
		if (l->one_source)
			p->fd = open_socket(&own,
					    (uint16_t)(ONE_SOURCE_PORT + i));
		else
			p->fd = open_socket(l->respond ? &own : &any, IKE_PORT);
	}
}

static void report(const struct load *l, uint64_t start, double cpu)
{
	printf("{\"up\": %u, \"failed\": %u, \"reason\": \"%s\", "
	       "\"seconds\": %.4f, \"cpu\": %.4f, \"algorithms\": \"%s\"}\n",
	       l->up, l->respond ? l->failed : l->count - l->up,
	       ike_reason_name(l->reason), (double)(now_us() - start) / 1e6,
	       cpu_seconds() - cpu, l->algorithms);
	fflush(stdout);
}

/* One round of handshakes; as responder, all that come. */
static void handshakes(struct load *l, struct pollfd *fds)
{
	uint64_t start = now_us();
	double cpu = cpu_seconds();

	l->last = now_ms();
	for (unsigned i = 0; i < l->flight && i < l->count; i++) {
		struct place *p = &l->places[l->one_source ? i : 0];

		initiate(l, p);
		run_actions(l, p);
	}
	while (l->up + l->failed < l->count && now_ms() < l->last + STALL_MS)
		turn(l, fds, 20);
	report(l, start, cpu);
	l->before += l->begun;
	l->begun = l->up = l->failed = 0;
}

static void run(struct load *l)
{
	struct pollfd fds[FLIGHT_MAX + 1] = { { 0 } };
	uint64_t start = now_us();
	double cpu = cpu_seconds();
	char line[64];

	for (unsigned i = 0; i < l->n_places; i++)
		fds[i] = (struct pollfd){ .fd = l->places[i].fd,
					  .events = POLLIN };
	do {
		fds[l->n_places].fd = -1;
		if (!l->respond)
			handshakes(l, fds);
		fds[l->n_places] = (struct pollfd){ .events = POLLIN };
		while (!fds[l->n_places].revents)
			turn(l, fds, 100);
	} while (read(0, line, sizeof(line)) > 0);
	if (l->respond)
		report(l, start, cpu);
}

/* --- who we are ------------------------------------------------------------------ */

static EVP_PKEY *read_key(const char *path, bool private)
{
	FILE *f = fopen(path, "re");
	EVP_PKEY *key = NULL;

	if (f)
		key = private ? PEM_read_PrivateKey(f, NULL, NULL, NULL)
			      : PEM_read_PUBKEY(f, NULL, NULL, NULL);
	if (!key)
		die(path);
	fclose(f);
	return key;
}

static struct ike_view spki_of(EVP_PKEY *key)
{
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(key, &der);

	if (len < 0)
		die("SubjectPublicKeyInfo");
	return (struct ike_view){ der, (size_t)len };
}

static void set_identity(struct ike_identity *id, const char *name)
{
	if (ike_identity_parse(name, id) < 0)
		die(name);
}

static void set_credentials(struct load *l)
{
	struct ike_credentials *c = &l->credentials;

	*c = ike_credentials_anonymous();
	if (!l->id)
		return;
	c->may_null = c->accept_null = false;
	set_identity(&c->identity, l->id);
	if (strcmp(l->peer_id, "any") != 0)
		set_identity(&c->peer, l->peer_id);
	if (l->key_path) {
		l->key = read_key(l->key_path, true);
		l->own = (struct ike_own_key){ 1, spki_of(l->key) };
		c->keys = &l->own;
		c->n_keys = 1;
		l->peer_key = spki_of(read_key(l->peer_key_path, false));
		c->peer_keys = &l->peer_key;
		c->n_peer_keys = 1;
	} else {
		c->shared = (struct ike_view){ (const uint8_t *)l->secret,
					       strlen(l->secret) };
		c->accept_shared = true;
	}
}

static void set_algorithms(struct load *l, char *words)
{
	struct algorithm_list *list = &l->config.algorithms.propose;
	char *save, *word = strtok_r(words, " ", &save);
	enum algorithm a;

	memset(list, 0, sizeof(*list));
	for (; word; word = strtok_r(NULL, " ", &save)) {
		if (algorithm_parse(word, &a) < 0)
			die(word);
		algorithm_list_add(list, a);
	}
	l->config.algorithms.answer = *list;
}

static void endpoint_of(struct endpoint *e, const char *text)
{
	e->port = IKE_PORT;
	if (addr_parse(text, &e->addr) < 0 || e->addr.family != AF_INET)
		die(text);
}

enum choice {
	OPT_LOCAL = 256,
	OPT_REMOTE,
	OPT_COUNT,
	OPT_FLIGHT,
	OPT_ONE_SOURCE,
	OPT_RESPOND,
	OPT_PROPOSE,
	OPT_KEY,
	OPT_PEER_KEY,
	OPT_ID,
	OPT_PEER_ID,
	OPT_SECRET,
};

static const struct option options[] = {
	{ "local", required_argument, NULL, OPT_LOCAL },
	{ "remote", required_argument, NULL, OPT_REMOTE },
	{ "count", required_argument, NULL, OPT_COUNT },
	{ "flight", required_argument, NULL, OPT_FLIGHT },
	{ "one-source", no_argument, NULL, OPT_ONE_SOURCE },
	{ "respond", no_argument, NULL, OPT_RESPOND },
	{ "propose", required_argument, NULL, OPT_PROPOSE },
	{ "key", required_argument, NULL, OPT_KEY },
	{ "peer-key", required_argument, NULL, OPT_PEER_KEY },
	{ "id", required_argument, NULL, OPT_ID },
	{ "peer-id", required_argument, NULL, OPT_PEER_ID },
	{ "secret", required_argument, NULL, OPT_SECRET },
	{ 0 },
};

static void set_option(struct load *l, int o, char *value)
{
	switch (o) {
	case OPT_LOCAL:
		endpoint_of(&l->local, value);
		break;
	case OPT_REMOTE:
		endpoint_of(&l->remote, value);
		break;
	case OPT_COUNT:
		l->count = (unsigned)atoi(value);
		break;
	case OPT_FLIGHT:
		l->flight = (unsigned)atoi(value);
		break;
	case OPT_ONE_SOURCE:
		l->one_source = true;
		break;
	case OPT_RESPOND:
		l->respond = true;
		break;
	case OPT_PROPOSE:
		set_algorithms(l, value);
		break;
	case OPT_KEY:
		l->key_path = value;
		break;
	case OPT_PEER_KEY:
		l->peer_key_path = value;
		break;
	case OPT_ID:
		l->id = value;
		break;
	case OPT_PEER_ID:
		l->peer_id = value;
		break;
	case OPT_SECRET:
		l->secret = value;
		break;
	default:
		exit(2);
	}
}

int main(int argc, char **argv)
{
	static struct load l = { .count = 1, .flight = 1 };
	int o;

	ike_config_init(&l.config);
	while ((o = getopt_long(argc, argv, "", options, NULL)) >= 0)
		set_option(&l, o, optarg);
	if (!l.local.port || !l.remote.port || !l.flight ||
	    l.flight > FLIGHT_MAX ||
	    (l.id && (!l.peer_id || (!l.secret && !l.key_path) ||
		      (l.key_path && !l.peer_key_path)))) {
		fputs("usage: ike-load --local A --remote A [--count N] ...\n",
		      stderr);
		return 2;
	}
	set_credentials(&l);
	open_places(&l);
	run(&l);
	for (unsigned i = 0; i < l.n_places; i++)
		ike_engine_free(l.places[i].engine);
	return 0;
}
