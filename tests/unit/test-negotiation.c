/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What happens to a flow, with the real flow table, admission and policy, and
 * stand-ins for the clock, the engine and the link to netd that write down
 * what is asked of them.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/negotiation.h"
#include "util/log.h"

static struct {
	struct agent agent;
	uint64_t now;
	struct record sent[64];
	unsigned n_sent;
	unsigned initiated, closed, abandoned, wired;
	struct handle next_sa, last_closed;
	int initiate_error;
	bool link_down;
} world;

uint64_t agent_now(const struct agent *a)
{
	(void)a;
	return world.now;
}

uint64_t agent_now_us(const struct agent *a)
{
	(void)a;
	return world.now * 1000;
}

bool link_is_up(const struct link *l)
{
	(void)l;
	return !world.link_down;
}

void link_request(struct link *l, struct handle flow, struct record *r)
{
	const char *field;

	(void)l;
	(void)flow;
	if (record_validate(r, &field) < 0)
		fail_msg("record %u: %s", r->type, field);
	assert_true(world.n_sent < 64);
	world.sent[world.n_sent++] = *r;
}

void wire_send(struct wire *w, const struct endpoint *local,
	       const struct endpoint *remote, const void *data, size_t len)
{
	(void)w;
	(void)local;
	(void)remote;
	(void)data;
	(void)len;
	world.wired++;
}

int ike_initiate(struct ike_engine *e, uint64_t now,
		 const struct ike_request *req, struct handle *ret_sa)
{
	(void)e;
	(void)now;
	assert_int_equal(req->remote.port, 500);
	if (world.initiate_error)
		return world.initiate_error;
	world.initiated++;
	world.next_sa.index++;
	world.next_sa.generation = 1;
	*ret_sa = world.next_sa;
	return 0;
}

void ike_check(struct ike_engine *e, uint64_t now, struct handle sa)
{
	(void)e;
	(void)now;
	(void)sa;
}

bool ike_sa_describe(const struct ike_engine *e, struct handle sa,
		     struct ike_sa_info *ret)
{
	(void)e;
	(void)sa;
	(void)ret;
	return false;
}

void ike_close(struct ike_engine *e, uint64_t now, struct handle sa)
{
	(void)e;
	(void)now;
	world.closed++;
	world.last_closed = sa;
}

void ike_abandon(struct ike_engine *e, uint64_t now, struct handle sa)
{
	(void)e;
	(void)now;
	(void)sa;
	world.abandoned++;
}

const char *ike_reason_name(enum ike_reason r)
{
	(void)r;
	return "reason";
}

static void on_state(struct flow *f, enum flow_state before, void *user)
{
	(void)f;
	(void)before;
	(void)user;
}

static const char *const policies[] = {
	"Name=offer\nNetworks=10.1.0.0/16 fd01::/16\nEncryption=offer\n",
	"Name=wait\nNetworks=10.2.0.0/16 fd02::/16\nEncryption=offer\n"
	"Wait=yes\n",
	"Name=require\nNetworks=10.3.0.0/16 fd03::/16\n"
	"Encryption=require\n",
	"Name=allow\nNetworks=10.4.0.0/16 fd04::/16\nEncryption=allow\n",
	"Name=forbid\nNetworks=10.5.0.0/16 fd05::/16\nEncryption=forbid\n",
	"Name=block\nNetworks=10.6.0.0/16 fd06::/16\nEncryption=block\n",
	"Name=proof\nNetworks=10.7.0.0/16 fd07::/16\nEncryption=require\n"
	"Authentication=require\n",
};

static struct config *load_policies(void)
{
	char dir[] = "/tmp/test-negotiation-XXXXXX", path[128];
	struct config_errors errors;
	struct config *config = NULL;
	int r;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/policy.d", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
		FILE *f;

		snprintf(path, sizeof(path), "%s/policy.d/%zu.conf", dir, i);
		f = fopen(path, "w");
		assert_non_null(f);
		fprintf(f, "[Policy]\n%s", policies[i]);
		fclose(f);
	}
	r = config_load(dir, &config, &errors);
	config_errors_log(&errors);
	config_errors_done(&errors);
	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
		snprintf(path, sizeof(path), "%s/policy.d/%zu.conf", dir, i);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/policy.d", dir);
	rmdir(path);
	rmdir(dir);
	assert_int_equal(r, 0);
	return config;
}

static int setup(void **state)
{
	static const struct hash_key key = { 5, 6 };
	struct agent *a = &world.agent;

	(void)state;
	memset(&world, 0, sizeof(world));
	world.now = 1000000;
	a->config = load_policies();
	a->timers = timer_wheel_new(world.now, a);
	a->flows = flow_table_new(&key, on_state, negotiation_on_timer, a);
	a->admission = admission_new(&key);
	return 0;
}

static int teardown(void **state)
{
	struct agent *a = &world.agent;
	struct flow *f;
	uint32_t cursor = 0;

	(void)state;
	while ((f = flow_table_each(a->flows, &cursor)))
		timer_cancel(a->timers, &f->timer);
	flow_table_free(a->flows);
	timer_wheel_free(a->timers);
	admission_free(a->admission);
	config_free(a->config);
	return 0;
}

static void pass(uint64_t ms)
{
	for (uint64_t end = world.now + ms; world.now < end; world.now++)
		timer_wheel_run(world.agent.timers, world.now);
	timer_wheel_run(world.agent.timers, world.now);
}

/* Takes the oldest record; it stays readable until the next call. */
static const struct record *sent(unsigned type)
{
	static struct record taken;

	assert_true(world.n_sent > 0);
	taken = world.sent[0];
	assert_int_equal(taken.type, type);
	memmove(&world.sent[0], &world.sent[1],
		--world.n_sent * sizeof(world.sent[0]));
	return &taken;
}

static struct addr at(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static struct flow *flow_of(const char *remote)
{
	struct addr r = at(remote);

	return flow_table_get_remote(world.agent.flows, &r);
}

static struct addr local_of(const char *remote)
{
	return at(strchr(remote, ':') ? "fd00::1" : "10.0.0.1");
}

static void acquire(const char *remote, uint32_t seq, bool held)
{
	struct record_acquire q = {
		.local = local_of(remote),
		.remote = at(remote),
		.seq = seq,
		.held = held,
	};

	negotiation_on_acquire(&world.agent, &q);
}

static void failed(const char *remote, enum ike_reason reason)
{
	struct ike_failed x = {
		.initiator = true,
		.local = { local_of(remote), 500 },
		.remote = { at(remote), 500 },
		.reason = reason,
	};

	negotiation_on_failed(&world.agent, world.next_sa, &x);
}

static void child_up_by(const char *remote, bool initiator, uint32_t spi,
			bool redundant, enum ike_auth_method method)
{
	struct ike_child_up up = {
		.local = local_of(remote),
		.remote = at(remote),
		.initiator = initiator,
		.redundant = redundant,
		.peer = { .method = method,
			  .id = ike_identity_of_addr(&up.remote) },
		.in = { .spi = spi,
			.cipher = ESP_AES_GCM_16_256,
			.esn = 1,
			.key_len = 36 },
		.out = { .spi = spi + 1,
			 .cipher = ESP_AES_GCM_16_256,
			 .esn = 1,
			 .key_len = 36 },
	};
	struct handle sa = world.next_sa;

	if (!initiator)
		sa = (struct handle){ 500 + spi, 1 };
	negotiation_on_child_up(&world.agent, sa, &up);
}

static void child_up(const char *remote, bool initiator, uint32_t spi,
		     bool redundant)
{
	child_up_by(remote, initiator, spi, redundant, IKE_AUTH_NULL);
}

static void child_down(const char *remote, uint32_t spi)
{
	struct ike_child_down down = {
		.local = local_of(remote),
		.remote = at(remote),
		.spi_in = spi,
		.spi_out = spi + 1,
		.reason = IKE_REASON_DELETED,
	};

	negotiation_on_child_down(&world.agent, &down);
}

static void reply(const char *remote, unsigned type, int error)
{
	struct record_reply r = { .error = error, .type = type };

	negotiation_on_reply(&world.agent, flow_of(remote)->self, &r);
}

static void expect_state(const char *remote, enum flow_state state)
{
	struct flow *f = flow_of(remote);

	assert_non_null(f);
	assert_string_equal(flow_state_name(f->state), flow_state_name(state));
}

/* Acquire to SECURED as initiator. */
static void secure(const char *remote, uint32_t spi)
{
	acquire(remote, 7, false);
	child_up(remote, true, spi, false);
	sent(RECORD_INSTALL);
	reply(remote, RECORD_INSTALL, 0);
	if (flow_of(remote)->state == FLOW_INSTALL) {
		pass(300);
		sent(RECORD_HARDEN);
		reply(remote, RECORD_HARDEN, 0);
	}
	expect_state(remote, FLOW_SECURED);
}

static void test_no_wait(void **state)
{
	(void)state;
	acquire("10.1.0.2", 7, false);
	acquire("10.1.0.2", 7, false);
	assert_int_equal(world.initiated, 1);
	expect_state("10.1.0.2", FLOW_NEGOTIATE);
	failed("10.1.0.2", IKE_REASON_UNANSWERED);
	expect_state("10.1.0.2", FLOW_HOLDDOWN);
	assert_int_equal(world.n_sent, 0); /* no shunt */
	acquire("10.1.0.2", 8, false);
	assert_int_equal(world.initiated, 1);
	pass(5001);
	expect_state("10.1.0.2", FLOW_IDLE);
	acquire("10.1.0.2", 9, false);
	assert_int_equal(world.initiated, 2);
	/* The second failure in a row is left alone for longer. */
	failed("10.1.0.2", IKE_REASON_UNANSWERED);
	pass(9000);
	expect_state("10.1.0.2", FLOW_HOLDDOWN);
	pass(1001);
	expect_state("10.1.0.2", FLOW_IDLE);
	pass(10 * 60 * 1000 + 6000);
	assert_null(flow_of("10.1.0.2"));
}

static void test_wait(void **state)
{
	(void)state;
	acquire("10.2.0.2", 7, true);
	failed("10.2.0.2", IKE_REASON_REFUSED);
	expect_state("10.2.0.2", FLOW_CLEAR);
	const struct record *r = sent(RECORD_VERDICT);
	assert_int_equal(r->verdict.verdict, RECORD_CLEAR);
	assert_int_equal(r->verdict.lifetime_ms, 5000);
	/* A packet that is held all the same gets the same verdict. */
	pass(2000);
	acquire("10.2.0.2", 0, true);
	r = sent(RECORD_VERDICT);
	assert_int_equal(r->verdict.verdict, RECORD_CLEAR);
	assert_int_equal(r->verdict.lifetime_ms, 3000);
	pass(3001);
	assert_int_equal(sent(RECORD_VERDICT)->verdict.verdict, RECORD_FORGET);
	expect_state("10.2.0.2", FLOW_IDLE);
}

static void test_require(void **state)
{
	(void)state;
	acquire("fd03::2", 7, true);
	failed("fd03::2", IKE_REASON_UNREACHABLE);
	expect_state("fd03::2", FLOW_BLOCKED);
	assert_int_equal(sent(RECORD_VERDICT)->verdict.verdict, RECORD_BLOCK);
	/* The peer appears and speaks first: no shunt is left. */
	child_up("fd03::2", false, 0x2000, false);
	assert_int_equal(sent(RECORD_VERDICT)->verdict.verdict, RECORD_FORGET);
	const struct record *r = sent(RECORD_INSTALL);
	assert_int_equal(r->install.flags, RECORD_OUT_LATER);
	reply("fd03::2", RECORD_INSTALL, 0);
	pass(101);
	sent(RECORD_SWITCH);
	reply("fd03::2", RECORD_SWITCH, 0);
	/* Hardened from the start: no grace for clear packets. */
	expect_state("fd03::2", FLOW_SECURED);
}

static void test_initiator(void **state)
{
	(void)state;
	acquire("fd01::2", 77, false);
	pass(3);
	child_up("fd01::2", true, 0x3000, false);
	const struct record *r = sent(RECORD_INSTALL);
	assert_int_equal(r->install.acquire_seq, 77);
	assert_int_equal(r->install.flags, RECORD_IN_OPTIONAL);
	assert_int_equal(r->install.in.spi, 0x3000);
	assert_int_equal(r->install.out.spi, 0x3001);
	reply("fd01::2", RECORD_INSTALL, 0);
	assert_int_equal(flow_of("fd01::2")->setup_us, 3000);
	pass(240);
	assert_int_equal(world.n_sent, 0);
	pass(20);
	sent(RECORD_HARDEN);
	expect_state("fd01::2", FLOW_INSTALL);
	reply("fd01::2", RECORD_HARDEN, 0);
	expect_state("fd01::2", FLOW_SECURED);
}

static void test_responder(void **state)
{
	(void)state;
	child_up("10.4.0.2", false, 0x4000, false);
	assert_int_equal(sent(RECORD_INSTALL)->install.flags,
			 RECORD_IN_OPTIONAL | RECORD_OUT_LATER);
	reply("10.4.0.2", RECORD_INSTALL, 0);
	pass(101);
	sent(RECORD_SWITCH);
	reply("10.4.0.2", RECORD_SWITCH, 0);
	pass(260);
	sent(RECORD_HARDEN);
	reply("10.4.0.2", RECORD_HARDEN, 0);
	expect_state("10.4.0.2", FLOW_SECURED);
}

/* The IKE_AUTH response leaves when we can receive what it invites. */
static void test_parked(void **state)
{
	struct ike_send s = { .local = { at("fd00::1"), 500 },
			      .remote = { at("fd04::2"), 500 },
			      .data = (const uint8_t *)"response",
			      .len = 8 };

	(void)state;
	assert_false(negotiation_park(&world.agent, &s));
	child_up("fd04::2", false, 0x4100, false);
	assert_true(negotiation_park(&world.agent, &s));
	assert_true(negotiation_park(&world.agent, &s));
	assert_int_equal(world.wired, 0);
	reply("fd04::2", RECORD_INSTALL, 0);
	assert_int_equal(world.wired, 2);
	assert_false(negotiation_park(&world.agent, &s));
}

static void test_redundant(void **state)
{
	(void)state;
	secure("10.1.0.3", 0x5000);
	child_up("10.1.0.3", false, 0x6000, true);
	assert_true(sent(RECORD_INSTALL)->install.flags & RECORD_IN_ONLY);
	expect_state("10.1.0.3", FLOW_SECURED);
	assert_int_equal(flow_of("10.1.0.3")->child.spi_in, 0x5000);
	child_down("10.1.0.3", 0x6000);
	assert_int_equal(sent(RECORD_REMOVE_SA)->flow.inbound, 0);
	assert_int_equal(sent(RECORD_REMOVE_SA)->flow.inbound, 1);
	expect_state("10.1.0.3", FLOW_SECURED);
	child_down("10.1.0.3", 0x5000);
	sent(RECORD_REMOVE);
	expect_state("10.1.0.3", FLOW_IDLE);
}

static void test_netd_refuses(void **state)
{
	(void)state;
	acquire("10.2.0.4", 7, true);
	child_up("10.2.0.4", true, 0x7000, false);
	sent(RECORD_INSTALL);
	reply("10.2.0.4", RECORD_INSTALL, -EPERM);
	sent(RECORD_REMOVE);
	assert_int_equal(sent(RECORD_VERDICT)->verdict.verdict, RECORD_CLEAR);
	assert_int_equal(world.closed, 1);
	assert_true(handle_equal(world.last_closed, world.next_sa));
	expect_state("10.2.0.4", FLOW_CLEAR);
}

static void test_refused_by_level(void **state)
{
	static const struct {
		const char *remote;
		enum ike_admission admit;
		unsigned held_verdict;
	} cases[] = {
		{ "10.4.0.9", IKE_ADMIT, RECORD_CLEAR },
		{ "fd05::9", IKE_REFUSE, RECORD_CLEAR },
		{ "10.6.0.9", IKE_IGNORE, RECORD_BLOCK },
		{ "192.0.2.1", IKE_REFUSE, RECORD_CLEAR }, /* of no policy */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct endpoint e = { at(cases[i].remote), 500 };

		assert_int_equal(negotiation_admit(&world.agent, &e),
				 cases[i].admit);
		acquire(cases[i].remote, 0, true);
		assert_int_equal(sent(RECORD_VERDICT)->verdict.verdict,
				 cases[i].held_verdict);
		if (cases[i].admit == IKE_ADMIT)
			continue;
		/* Nor by an SA that came up all the same. */
		world.closed = 0;
		child_up(cases[i].remote, false, 0x8000, false);
		assert_int_equal(world.closed, 1);
		assert_int_equal(world.n_sent, 0);
	}
	assert_int_equal(world.initiated, 0);
	world.link_down = true;
	struct endpoint e = { at("10.4.0.9"), 500 };
	assert_int_equal(negotiation_admit(&world.agent, &e), IKE_IGNORE);
}

static void test_expire(void **state)
{
	struct record_expire x = { .local = at("fd00::1"),
				   .remote = at("fd01::7"),
				   .spi = 0x9001 };

	(void)state;
	secure("fd01::7", 0x9000);
	x.reqid = flow_of("fd01::7")->reqid;
	negotiation_on_expire(&world.agent, &x);
	negotiation_on_expire(&world.agent, &x);
	assert_int_equal(world.initiated, 2); /* once anew, not twice */
	expect_state("fd01::7", FLOW_SECURED);
	child_up("fd01::7", true, 0xa000, false);
	sent(RECORD_INSTALL);
	assert_int_equal(flow_of("fd01::7")->child.spi_in, 0xa000);
	/* The old pair goes: the flow does not care. */
	child_down("fd01::7", 0x9000);
	expect_state("fd01::7", FLOW_INSTALL);
	x.spi = 0xa000;
	x.hard = 1;
	negotiation_on_expire(&world.agent, &x);
	assert_int_equal(world.closed, 1);
}

/* The peer deletes the SA while we renew it: what comes then uses the attempt
 * that is under way, and gets its verdict when that fails. */
static void test_lost_while_renewing(void **state)
{
	(void)state;
	secure("10.2.0.20", 0x2100);
	struct record_expire x = { .local = at("10.0.0.1"),
				   .remote = at("10.2.0.20"),
				   .reqid = flow_of("10.2.0.20")->reqid,
				   .spi = 0x2100 };
	negotiation_on_expire(&world.agent, &x);
	assert_int_equal(world.initiated, 2);
	child_down("10.2.0.20", 0x2100);
	sent(RECORD_REMOVE);
	expect_state("10.2.0.20", FLOW_IDLE);
	acquire("10.2.0.20", 11, true);
	expect_state("10.2.0.20", FLOW_NEGOTIATE);
	assert_int_equal(world.initiated, 2);
	failed("10.2.0.20", IKE_REASON_UNANSWERED);
	assert_int_equal(sent(RECORD_VERDICT)->verdict.verdict, RECORD_CLEAR);
}

/* netd goes away between the attempt and its SA: the attempt is over. */
/* Authentication=require: only who has proven it. */
static void test_proof_required(void **state)
{
	(void)state;
	acquire("10.7.0.30", 7, true);
	assert_int_equal(world.initiated, 1);
	child_up("10.7.0.30", true, 0x2400, false);
	assert_int_equal(world.closed, 1);
	assert_int_equal(sent(RECORD_VERDICT)->verdict.verdict, RECORD_BLOCK);
	expect_state("10.7.0.30", FLOW_BLOCKED);
	child_up_by("10.7.0.30", false, 0x2402, false, IKE_AUTH_SIGNATURE);
	assert_int_equal(world.closed, 1);
	expect_state("10.7.0.30", FLOW_INSTALL);
}

/* Who cannot prove it does not take the place of one who has. */
static void test_anonymous_replaces_nobody(void **state)
{
	(void)state;
	acquire("10.1.0.31", 7, false);
	child_up_by("10.1.0.31", true, 0x2500, false, IKE_AUTH_SIGNATURE);
	assert_int_equal(flow_of("10.1.0.31")->child.spi_in, 0x2500);
	child_up("10.1.0.31", false, 0x2502, false);
	assert_int_equal(world.closed, 1);
	assert_int_equal(flow_of("10.1.0.31")->child.spi_in, 0x2500);
	/* But one who proves it does. */
	child_up_by("10.1.0.31", false, 0x2504, false, IKE_AUTH_SHARED);
	assert_int_equal(flow_of("10.1.0.31")->child.spi_in, 0x2504);
}

static void test_child_up_without_netd(void **state)
{
	(void)state;
	acquire("10.1.0.21", 7, false);
	world.link_down = true;
	child_up("10.1.0.21", true, 0x2200, false);
	assert_int_equal(world.closed, 1);
	expect_state("10.1.0.21", FLOW_IDLE);
	assert_true(handle_is_none(flow_of("10.1.0.21")->attempt));
	world.link_down = false;
	acquire("10.1.0.21", 8, false);
	assert_int_equal(world.initiated, 2);
}

/* A renewal that cannot start is tried again. */
static void test_renewal_cannot_start(void **state)
{
	(void)state;
	secure("fd01::22", 0x2300);
	struct record_expire x = { .local = at("fd00::1"),
				   .remote = at("fd01::22"),
				   .reqid = flow_of("fd01::22")->reqid,
				   .spi = 0x2300 };
	world.initiate_error = -ENOMEM;
	negotiation_on_expire(&world.agent, &x);
	expect_state("fd01::22", FLOW_SECURED);
	assert_false(flow_of("fd01::22")->renew);
	world.initiate_error = 0;
	pass(30001);
	assert_int_equal(world.initiated, 2);
}

/* The reply to a step of the SA pair before moves nothing. */
static void test_stale_reply(void **state)
{
	(void)state;
	child_up("10.4.0.23", false, 0x2400, false);
	sent(RECORD_INSTALL);
	reply("10.4.0.23", RECORD_INSTALL, 0);
	pass(101);
	sent(RECORD_SWITCH);
	child_up("10.4.0.23", false, 0x2500, false);
	sent(RECORD_INSTALL);
	reply("10.4.0.23", RECORD_SWITCH, 0);
	reply("10.4.0.23", RECORD_HARDEN, 0);
	expect_state("10.4.0.23", FLOW_INSTALL);
	reply("10.4.0.23", RECORD_INSTALL, 0);
	pass(101);
	sent(RECORD_SWITCH);
}

static void orphan(const char *remote, uint32_t reqid, uint32_t spi, bool last)
{
	struct record_orphan o = {
		.local = local_of(remote),
		.remote = at(remote),
		.reqid = reqid,
		.spi_in = spi,
		.spi_out = spi + 1,
		.last = last,
	};

	negotiation_on_orphan(&world.agent, &o);
}

static void test_orphan(void **state)
{
	(void)state;
	negotiation_on_welcome(&world.agent);
	orphan("10.1.0.5", RECORD_REQID_MIN + 5, 0xb000, true);
	expect_state("10.1.0.5", FLOW_SECURED);
	assert_int_equal(flow_of("10.1.0.5")->reqid, RECORD_REQID_MIN + 5);
	assert_int_equal(world.initiated, 1);
	child_up("10.1.0.5", true, 0xc000, false);
	assert_int_equal(sent(RECORD_INSTALL)->install.reqid,
			 RECORD_REQID_MIN + 5);
}

static void test_orphan_without_peer(void **state)
{
	(void)state;
	negotiation_on_welcome(&world.agent);
	orphan("10.1.0.6", RECORD_REQID_MIN + 6, 0xd000, true);
	failed("10.1.0.6", IKE_REASON_UNANSWERED);
	sent(RECORD_REMOVE);
	expect_state("10.1.0.6", FLOW_HOLDDOWN);
}

static void test_netd_restarted(void **state)
{
	(void)state;
	secure("10.1.0.7", 0xe000);
	secure("fd01::8", 0xf000);
	negotiation_on_welcome(&world.agent);
	orphan("10.1.0.7", flow_of("10.1.0.7")->reqid, 0xe000, true);
	/* The one that netd named stays, and netd hears it; the other is gone. */
	sent(RECORD_HARDEN);
	expect_state("10.1.0.7", FLOW_SECURED);
	expect_state("fd01::8", FLOW_IDLE);
	assert_int_equal(world.closed, 1);
}

static void test_address_gone(void **state)
{
	struct addr local = local_of("10.1.0.1"), other = at("10.0.0.77");

	(void)state;
	secure("10.1.0.9", 0x1100);
	acquire("10.1.0.10", 9, false);
	negotiation_on_address_gone(&world.agent, &other);
	expect_state("10.1.0.9", FLOW_SECURED);
	negotiation_on_address_gone(&world.agent, &local);
	sent(RECORD_REMOVE);
	expect_state("10.1.0.9", FLOW_IDLE);
	expect_state("10.1.0.10", FLOW_IDLE);
	assert_int_equal(world.closed, 0); /* nowhere to send a Delete from */
}

static void test_replaced_attempt(void **state)
{
	(void)state;
	acquire("10.1.0.8", 7, false);
	failed("10.1.0.8", IKE_REASON_REPLACED);
	expect_state("10.1.0.8", FLOW_IDLE);
	assert_int_equal(world.agent.counters.failed, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_no_wait),
		T(test_wait),
		T(test_require),
		T(test_initiator),
		T(test_responder),
		T(test_parked),
		T(test_redundant),
		T(test_netd_refuses),
		T(test_refused_by_level),
		T(test_expire),
		T(test_lost_while_renewing),
		T(test_proof_required),
		T(test_anonymous_replaces_nobody),
		T(test_child_up_without_netd),
		T(test_renewal_cannot_start),
		T(test_stale_reply),
		T(test_orphan),
		T(test_orphan_without_peer),
		T(test_netd_restarted),
		T(test_address_gone),
		T(test_replaced_attempt),
	};

	log_open("test-negotiation", LOG_ERR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
