/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tacit-keyd against an agent that somebody has taken over: hostile records
 * are refused and counted, each for its reason, and nothing is signed.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "agent/keyd-guard.h"
#include "agent/keyd-workers.h"
#include "agent/keyd.h"
#include "ike/signature.h"
#include "keyd-fake.h"
#include "util/channel.h"
#include "util/log.h"

#define NOW 1000000u

/* --- the guard alone -------------------------------------------------------- */

struct world {
	struct keyd_keys keys;
	struct keyd_guard guard;
	struct addr own;
	unsigned asked;
};

static bool own_address(void *user, const struct addr *a)
{
	struct world *w = user;

	w->asked++;
	return addr_equal(a, &w->own);
}

static int set_up(void **state)
{
	static struct world w;
	struct own_key k;

	w = (struct world){ .keys = { .dir = -1 } };
	assert_int_equal(own_key_generate(OWN_KEY_ED25519, &k), 0);
	assert_int_equal(keyd_keys_add(&w.keys, &k), 0);
	assert_int_equal(addr_parse("10.0.0.1", &w.own), 0);
	w.guard = (struct keyd_guard){ .keys = &w.keys,
				       .own_address = own_address,
				       .user = &w };
	*state = &w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	keyd_keys_done(&w->keys);
	return 0;
}

static enum keyd_refused ask(struct world *w, const struct keyd_record *r)
{
	struct own_key *key = NULL;
	enum keyd_refused why = keyd_guard_check(&w->guard, NOW, r, &key);

	assert_int_equal(why == KEYD_REFUSED_NONE, key != NULL);
	return why;
}

static void test_good(void **state)
{
	struct world *w = *state;
	struct keyd_record r;

	for (unsigned role = 0; role < 2; role++) {
		keyd_fake_sign(&r, w->keys.list[0].id, role);
		assert_int_equal(ask(w, &r), KEYD_REFUSED_NONE);
	}
	assert_int_equal(w->guard.passed, 2);
	assert_int_equal(keyd_guard_refusals(&w->guard), 0);
}

#define SPOIL(name, code)                               \
	static void spoil_##name(struct keyd_record *r) \
	{                                               \
		struct keyd_sign *s = &r->sign;         \
		(void)s;                                \
		code;                                   \
	}
SPOIL(version, r->version++)
SPOIL(type_none, r->type = 0)
SPOIL(type_high, r->type = KEYD_TYPES)
SPOIL(type_other, r->type = KEYD_SIGNED)
SPOIL(algorithm_none, s->algorithm = IKE_SIGNATURE_NONE)
SPOIL(algorithm_high, s->algorithm = IKE_SIGNATURES)
SPOIL(prf, s->prf = 2)
SPOIL(role, s->initiator = 2)
SPOIL(reserved, s->reserved = 1)
SPOIL(identity_long, s->identity_len = LIMIT_IKE_ID + 1)
SPOIL(identity_empty, s->identity_len = 0; s->identity_type = IKE_ID_FQDN)
SPOIL(identity_tail, s->identity[4] = 1)
SPOIL(identity_size, s->identity_len = 5; s->identity[4] = 1)
SPOIL(identity_null, s->identity_type = IKE_ID_NULL; s->identity_len = 0;
      memset(s->identity, 0, sizeof(s->identity)))
SPOIL(identity_type, s->identity_type = 200)
SPOIL(secret_short, s->secret_len = 31; s->secret[31] = 0)
SPOIL(secret_long, s->secret_len = KEYD_SECRET_MAX + 1)
SPOIL(secret_tail, s->secret[32] = 1)
SPOIL(nonce_short, s->nonce_len = 15; memset(s->nonce, 0, 256))
SPOIL(nonce_long, s->nonce_len = LIMIT_IKE_NONCE_MAX + 1)
SPOIL(nonce_tail, s->nonce[200] = 1)
SPOIL(message_short, s->message_len = 27; memset(s->message + 27, 0, 500))
SPOIL(message_long, s->message_len = LIMIT_IKE_INIT + 1)
SPOIL(message_tail, s->message[s->message_len] = 1)
SPOIL(key, s->key++)
SPOIL(key_zero, s->key = 0)
SPOIL(foreign_address, s->identity[3] = 2)
SPOIL(foreign_name, s->identity_type = IKE_ID_FQDN;
      memcpy(s->identity, "bank", 4))
SPOIL(foreign_six, s->identity_type = IKE_ID_IPV6; s->identity_len = 16)
SPOIL(prf_of_another_length, s->prf = IKE_PRF_HMAC_SHA2_512)
SPOIL(other_role, s->initiator = !s->initiator)
SPOIL(not_ike_sa_init, s->message[18] = IKE_EXCHANGE_AUTH)
SPOIL(message_id, s->message[23] = 1)
SPOIL(header_length, s->message[27]++)
SPOIL(header_version, s->message[17] = 0x10)
SPOIL(spi_of_the_responder, s->message[15] ^= 1)
SPOIL(spi_zero, memset(s->message, 0, 8))
SPOIL(chain, s->message[28] = 250)
SPOIL(no_nonce, s->message[28 + 40 + 40 + 3] = 0)
SPOIL(payload_length, s->message[28 + 2] = 0xff)
/* A text that somebody wants signed, behind a good header. */
SPOIL(arbitrary, memset(s->message + 28, 'A', s->message_len - 28u))

static const struct {
	const char *name;
	void (*spoil)(struct keyd_record *r);
	enum keyd_refused want;
} hostile[] = {
#define H(name, why)                                    \
	{                                               \
#name, spoil_##name, KEYD_REFUSED_##why \
	}
	H(version, FORM),
	H(type_none, FORM),
	H(type_high, FORM),
	H(type_other, FORM),
	H(algorithm_none, FORM),
	H(algorithm_high, FORM),
	H(prf, FORM),
	H(role, FORM),
	H(reserved, FORM),
	H(identity_long, FORM),
	H(identity_empty, FORM),
	H(identity_tail, FORM),
	H(identity_size, FORM),
	H(identity_null, FORM),
	H(identity_type, FORM),
	H(secret_short, FORM),
	H(secret_long, FORM),
	H(secret_tail, FORM),
	H(nonce_short, FORM),
	H(nonce_long, FORM),
	H(nonce_tail, FORM),
	H(message_short, FORM),
	H(message_long, FORM),
	H(message_tail, FORM),
	H(key, KEY),
	H(key_zero, KEY),
	H(foreign_address, IDENTITY),
	H(foreign_name, IDENTITY),
	H(foreign_six, IDENTITY),
	H(prf_of_another_length, MESSAGE),
	H(other_role, MESSAGE),
	H(not_ike_sa_init, MESSAGE),
	H(message_id, MESSAGE),
	H(header_length, MESSAGE),
	H(header_version, MESSAGE),
	H(spi_of_the_responder, MESSAGE),
	H(spi_zero, MESSAGE),
	H(chain, MESSAGE),
	H(no_nonce, MESSAGE),
	H(payload_length, MESSAGE),
	H(arbitrary, MESSAGE),
};
#define N_HOSTILE (sizeof(hostile) / sizeof(hostile[0]))

static void test_hostile(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < N_HOSTILE; i++) {
		uint64_t before = w->guard.counts[hostile[i].want];
		struct keyd_record r;
		enum keyd_refused why;

		keyd_fake_sign(&r, w->keys.list[0].id, true);
		hostile[i].spoil(&r);
		why = ask(w, &r);
		if (why != hostile[i].want)
			print_error("%s: %s\n", hostile[i].name,
				    keyd_refused_name(why));
		assert_int_equal(why, hostile[i].want);
		assert_int_equal(w->guard.counts[why], before + 1);
		assert_true(keyd_refused_errno(why) < 0);
	}
	assert_int_equal(w->guard.passed, 0);
	assert_int_equal(keyd_guard_refusals(&w->guard), N_HOSTILE);
}

/* As responder both SPIs are there. */
static void test_responder(void **state)
{
	struct world *w = *state;
	struct keyd_record r;

	keyd_fake_sign(&r, w->keys.list[0].id, false);
	memset(r.sign.message + 8, 0, 8);
	assert_int_equal(ask(w, &r), KEYD_REFUSED_MESSAGE);
	keyd_fake_sign(&r, w->keys.list[0].id, false);
	r.sign.message[19] = IKE_FLAG_INITIATOR | IKE_FLAG_RESPONSE;
	assert_int_equal(ask(w, &r), KEYD_REFUSED_MESSAGE);
}

/* With LocalIdentity= it is that one or an address of ours, and no other. */
static void test_configured_identity(void **state)
{
	struct world *w = *state;
	struct keyd_record r;

	assert_int_equal(
		ike_identity_parse("a.example.org", &w->guard.identity), 0);
	keyd_fake_sign(&r, w->keys.list[0].id, true);
	assert_int_equal(ask(w, &r), KEYD_REFUSED_NONE);
	r.sign.identity[3] ^= 3;
	assert_int_equal(ask(w, &r), KEYD_REFUSED_IDENTITY);
	r.sign.identity_type = IKE_ID_FQDN;
	r.sign.identity_len = 13;
	memcpy(r.sign.identity, "a.example.org", 13);
	assert_int_equal(ask(w, &r), KEYD_REFUSED_NONE);
	r.sign.identity_type = IKE_ID_KEY_ID;
	assert_int_equal(ask(w, &r), KEYD_REFUSED_IDENTITY);
	r.sign.identity_type = IKE_ID_FQDN;
	r.sign.identity[0] = 'b';
	assert_int_equal(ask(w, &r), KEYD_REFUSED_IDENTITY);
	r.sign.identity[0] = 'a';
	r.sign.identity[12] = 0;
	r.sign.identity_len = 12;
	assert_int_equal(ask(w, &r), KEYD_REFUSED_IDENTITY);
	/* Only addresses were looked for among ours. */
	assert_int_equal(w->asked, 2);
}

static void test_rate(void **state)
{
	struct world *w = *state;
	struct keyd_record r;

	keyd_fake_sign(&r, w->keys.list[0].id, true);
	for (unsigned i = 0; i < LIMIT_KEYD_RATE; i++)
		assert_int_equal(ask(w, &r), KEYD_REFUSED_NONE);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(ask(w, &r), KEYD_REFUSED_RATE);
	assert_int_equal(w->guard.passed, LIMIT_KEYD_RATE);
	assert_int_equal(w->guard.counts[KEYD_REFUSED_RATE], 100);
}

/* --- the whole process, over its socket ------------------------------------- */

struct link {
	struct keyd *keyd;
	sd_event *event;
	char path[64];
	int fd;
	uint64_t id;
	EVP_PKEY *key;
};

static void turn(struct link *l)
{
	for (int i = 0; i < 50; i++)
		assert_true(sd_event_run(l->event, 1000) >= 0);
}

static unsigned identified;

/* The configuration has another name from the second time on. */
static int identify(void *user, struct ike_identity *ret)
{
	(void)user;
	return ike_identity_parse(identified++ ? "b.example.org" : "10.0.0.1",
				  ret);
}

static int link_up(void **state)
{
	static struct link l;
	struct keyd_setup setup = { .identify = identify,
				    .order_fd = -1,
				    .keys = { .dir = -1 } };
	struct own_key k;

	log_open("test-keyd", LOG_EMERG);
	snprintf(l.path, sizeof(l.path), "/tmp/test-keyd-%d", (int)getpid());
	assert_int_equal(own_key_generate(OWN_KEY_ED25519, &k), 0);
	l.id = k.id;
	EVP_PKEY_up_ref(k.pkey);
	l.key = k.pkey;
	assert_int_equal(keyd_keys_add(&setup.keys, &k), 0);
	assert_int_equal(ike_identity_parse("10.0.0.1", &setup.identity), 0);
	setup.listen_fd = channel_listen(l.path);
	assert_true(setup.listen_fd >= 0);
	assert_true(sd_event_new(&l.event) >= 0);
	assert_int_equal(keyd_new(l.event, &setup, &l.keyd), 0);
	l.fd = channel_connect(l.path);
	assert_true(l.fd >= 0);
	*state = &l;
	return 0;
}

static int link_down(void **state)
{
	struct link *l = *state;

	keyd_free(l->keyd);
	sd_event_unref(l->event);
	EVP_PKEY_free(l->key);
	close(l->fd);
	unlink(l->path);
	return 0;
}

static void put(struct link *l, const void *data, size_t len)
{
	assert_int_equal(send(l->fd, data, len, MSG_NOSIGNAL), len);
}

/* The next record that is no heartbeat: its type, or 0, or -1 at the end. */
static int get(struct link *l, struct keyd_record *r)
{
	ssize_t n;

	do
		n = recv(l->fd, r, sizeof(*r), MSG_DONTWAIT);
	while (n == sizeof(*r) && r->type == KEYD_ALIVE);
	if (n < 0 && errno == EAGAIN)
		return 0;
	return n == sizeof(*r) ? r->type : -1;
}

static void hello(struct link *l)
{
	struct keyd_record r;

	keyd_record_init(&r, KEYD_HELLO, 0);
	put(l, &r, sizeof(r));
	turn(l);
	assert_int_equal(get(l, &r), KEYD_KEY);
	assert_int_equal(r.key.id, l->id);
	assert_int_equal(r.key.total, 1);
}

/* Message, nonce and prf(SK_p, ID) by hand; RFC 7296 2.15. */
static void test_signature(void **state)
{
	static const uint8_t id[] = { IKE_ID_IPV4, 0, 0, 0, 10, 0, 0, 1 };
	struct link *l = *state;
	struct keyd_record r, reply;
	uint8_t octets[LIMIT_IKE_INIT + 64 + 32];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned mac_len = 0;
	size_t len;

	hello(l);
	keyd_fake_sign(&r, l->id, true);
	put(l, &r, sizeof(r));
	turn(l);
	assert_int_equal(get(l, &reply), KEYD_SIGNED);
	assert_int_equal(reply.seq, r.seq);
	assert_int_equal(reply.sig.error, 0);
	assert_int_equal(reply.sig.len, 64);
	len = r.sign.message_len;
	memcpy(octets, r.sign.message, len);
	memcpy(octets + len, r.sign.nonce, 32);
	assert_non_null(HMAC(EVP_sha256(), r.sign.secret, 32, id, sizeof(id),
			     octets + len + 32, &mac_len));
	assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, l->key),
			 1);
	assert_int_equal(EVP_DigestVerify(ctx, reply.sig.data, 64, octets,
					  len + 32 + mac_len),
			 1);
	EVP_MD_CTX_free(ctx);
	/* An algorithm that this key has not. */
	r.sign.algorithm = IKE_SIGNATURE_RSA_PSS_SHA2_256;
	put(l, &r, sizeof(r));
	turn(l);
	assert_int_equal(get(l, &reply), KEYD_SIGNED);
	assert_true(reply.sig.error < 0);
	assert_int_equal(reply.sig.len, 0);
}

static void test_hostile_over_socket(void **state)
{
	struct link *l = *state;
	struct keyd_record r, reply;

	hello(l);
	for (size_t i = 0; i < N_HOSTILE; i++) {
		if (hostile[i].want == KEYD_REFUSED_FORM &&
		    !strncmp(hostile[i].name, "type", 4))
			continue;
		if (hostile[i].spoil == spoil_version)
			continue;
		keyd_fake_sign(&r, l->id, true);
		hostile[i].spoil(&r);
		put(l, &r, sizeof(r));
		turn(l);
		if (get(l, &reply) != KEYD_SIGNED)
			print_error("%s\n", hostile[i].name);
		assert_int_equal(reply.type, KEYD_SIGNED);
		assert_true(reply.sig.error < 0);
		assert_int_equal(reply.sig.len, 0);
	}
}

/* What an agent says to have seen in DNS moves a next key alone, and only on;
 * a record that is not well formed moves nothing. */
static void test_seen(void **state)
{
	struct link *l = *state;
	struct keyd_record r;

	for (unsigned i = 0; i < 5; i++) {
		keyd_record_init(&r, KEYD_SEEN, 0);
		r.seen.key = i == 1 ? l->id + 1 : l->id;
		r.seen.ttl = i == 2 ? UINT32_MAX : 60;
		r.seen.reserved = i == 3;
		if (i == 4)
			r.sign.message[0] = 1;
		if (i == 1)
			hello(l);
		put(l, &r, sizeof(r));
		turn(l);
		assert_int_equal(get(l, &r), 0);
	}
	keyd_fake_sign(&r, l->id, true);
	put(l, &r, sizeof(r));
	turn(l);
	assert_int_equal(get(l, &r), KEYD_SIGNED);
	assert_int_equal(r.sig.error, 0);
}

/* A name that is new in the configuration is ours with the first signature in
 * it; what is asked all the time is read seldom. */
static void test_renamed(void **state)
{
	struct link *l = *state;
	struct keyd_record r;
	int errors[3];

	identified = 0;
	hello(l);
	for (unsigned i = 0; i < 3; i++) {
		keyd_fake_sign(&r, l->id, true);
		memset(r.sign.identity, 0, sizeof(r.sign.identity));
		r.sign.identity_type = IKE_ID_FQDN;
		r.sign.identity_len = 13;
		memcpy(r.sign.identity, "b.example.org", 13);
		put(l, &r, sizeof(r));
		turn(l);
		assert_int_equal(get(l, &r), KEYD_SIGNED);
		errors[i] = r.sig.error;
		if (i == 1)
			usleep(1100000);
		assert_true(identified <= 1 + (i == 2));
	}
	assert_int_equal(errors[0], -EPERM);
	assert_int_equal(errors[1], -EPERM);
	assert_int_equal(errors[2], 0);
}

/* Before HELLO nothing is signed. */
static void test_not_greeted(void **state)
{
	struct link *l = *state;
	struct keyd_record r;

	keyd_fake_sign(&r, l->id, true);
	put(l, &r, sizeof(r));
	turn(l);
	assert_int_equal(get(l, &r), 0);
}

static void test_lengths(void **state)
{
	static const size_t lengths[] = { 1,
					  7,
					  8,
					  sizeof(struct keyd_record) - 1,
					  sizeof(struct keyd_record) + 1,
					  2 * sizeof(struct keyd_record) };
	static uint8_t bytes[2 * sizeof(struct keyd_record)];
	struct link *l = *state;
	struct keyd_record r;

	hello(l);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		keyd_fake_sign(&r, l->id, true);
		memcpy(bytes, &r, sizeof(r));
		put(l, bytes, lengths[i]);
	}
	turn(l);
	assert_int_equal(get(l, &r), 0);
	/* The link goes on, until there are too many of them. */
	keyd_fake_sign(&r, l->id, true);
	put(l, &r, sizeof(r));
	turn(l);
	assert_int_equal(get(l, &r), KEYD_SIGNED);
	for (unsigned i = 0; i <= LIMIT_BAD_RECORDS; i++)
		(void)send(l->fd, bytes, 8, MSG_NOSIGNAL);
	turn(l);
	assert_int_equal(get(l, &r), -1);
}

/* Descriptors are not asked for, and closed. */
static void test_descriptors(void **state)
{
	struct link *l = *state;
	struct keyd_record r;
	union {
		struct cmsghdr align;
		char data[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { &r, sizeof(r) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	int pipes[2];
	char c;

	hello(l);
	assert_int_equal(pipe(pipes), 0);
	keyd_fake_sign(&r, l->id, true);
	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	control.align.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.align), &pipes[1], sizeof(int));
	assert_int_equal(sendmsg(l->fd, &msg, 0), sizeof(r));
	close(pipes[1]);
	turn(l);
	assert_int_equal(get(l, &r), 0);
	assert_int_equal(read(pipes[0], &c, 1), 0);
	close(pipes[0]);
}

static void test_second_agent(void **state)
{
	struct link *l = *state;
	struct keyd_record r;
	int fd;

	hello(l);
	fd = channel_connect(l->path);
	assert_true(fd >= 0);
	turn(l);
	assert_int_equal(recv(fd, &r, sizeof(r), MSG_DONTWAIT), 0);
	close(fd);
	/* The first one goes on, and when it is gone there is a place. */
	keyd_fake_sign(&r, l->id, true);
	put(l, &r, sizeof(r));
	turn(l);
	assert_int_equal(get(l, &r), KEYD_SIGNED);
	close(l->fd);
	l->fd = channel_connect(l->path);
	turn(l);
	hello(l);
}

/* As many as the link takes: each gets one answer, signed or refused. */
static void test_flood(void **state)
{
	unsigned answers = 0, good = 0, sent = 0;
	struct link *l = *state;
	struct keyd_record r, reply;

	hello(l);
	keyd_fake_sign(&r, l->id, true);
	for (unsigned i = 0; i < 3000; i++) {
		r.seq = i + 1;
		if (send(l->fd, &r, sizeof(r), MSG_DONTWAIT) == sizeof(r))
			sent++;
		if (i % 4 == 0)
			assert_true(sd_event_run(l->event, 0) >= 0);
		while (get(l, &reply) == KEYD_SIGNED) {
			answers++;
			good += reply.sig.error == 0;
		}
	}
	for (int i = 0; i < 100 && answers < sent; i++) {
		turn(l);
		while (get(l, &reply) == KEYD_SIGNED) {
			answers++;
			good += reply.sig.error == 0;
		}
	}
	assert_int_equal(answers, sent);
	assert_true(good > 0);
}

/* --- the key directory ------------------------------------------------------ */

static void test_directory(void **state)
{
	char dir[] = "/tmp/test-keyd-XXXXXX", path[128], command[160];
	struct own_key rsa;
	struct keyd_keys k;
	uint64_t first;

	(void)state;
	log_open("test-keyd", LOG_EMERG);
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/keys", dir);
	assert_int_equal(keyd_keys_open(&k, path), 0);
	assert_int_equal(k.count, 1);
	assert_true(k.make_rsa);
	first = k.list[0].id;
	assert_int_equal(own_key_generate(OWN_KEY_RSA_3072, &rsa), 0);
	assert_int_equal(own_key_save(k.dir, &rsa), 0);
	own_key_done(&rsa);
	keyd_keys_done(&k);
	/* The second start makes none, and prefers the short signature. */
	assert_int_equal(keyd_keys_open(&k, path), 0);
	assert_int_equal(k.count, 2);
	assert_false(k.make_rsa);
	assert_int_equal(k.list[0].id, first);
	assert_string_equal(k.list[1].type, "RSA-3072");
	assert_ptr_equal(keyd_keys_find(&k, first), &k.list[0]);
	assert_null(keyd_keys_find(&k, first + 1));
	/* A key that others could read is not used, and not replaced. */
	assert_int_equal(fchmodat(k.dir, "ed25519.pem", 0644, 0), 0);
	assert_int_equal(fchmodat(k.dir, "rsa.pem", 0644, 0), 0);
	keyd_keys_done(&k);
	assert_int_equal(keyd_keys_open(&k, path), 0);
	assert_int_equal(k.count, 0);
	assert_int_equal(k.refused, 2);
	keyd_keys_done(&k);
	/* Nor is anything in a directory that others can write to. */
	assert_int_equal(chmod(path, 0777), 0);
	assert_int_equal(keyd_keys_open(&k, path), -EACCES);
	keyd_keys_done(&k);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define G(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define L(name) cmocka_unit_test_setup_teardown(name, link_up, link_down)
		G(test_good),
		G(test_hostile),
		G(test_responder),
		G(test_configured_identity),
		G(test_rate),
		L(test_signature),
		L(test_hostile_over_socket),
		L(test_seen),
		L(test_renamed),
		L(test_not_greeted),
		L(test_lengths),
		L(test_descriptors),
		L(test_second_agent),
		L(test_flood),
		cmocka_unit_test(test_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
