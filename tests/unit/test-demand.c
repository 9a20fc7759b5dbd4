/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * agent/demand.c with real flows and all else made up: what a program is told,
 * and what tacit-netd is asked for, in every order of events.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/demand.h"
#include "agent/negotiation-internal.h"
#include "agent/negotiation.h"
#include "agent/status.h"
#include "dbus/names.h"
#include "dbus/sockets-dbus.h"
#include "util/route.h"

#define NAME "@b.lab.test"

static struct {
	struct agent agent;
	struct policy policy;
	struct dbus_pending pending;
	bool no_policy, link_down, gone, narrow;
	uint64_t now;
	struct ike_proof proof; /* of the SA in use */
	/* What was asked of others. */
	unsigned connects, begins, retries, sockets, abandons, answers;
	struct record last;
	struct handle asked;
	const char *error; /* that the program was told */
	struct flow *flow;
	struct addr local, remote;
} w;

/* --- the others -------------------------------------------------------------- */

uint64_t agent_now(const struct agent *a)
{
	(void)a;
	return w.now;
}

struct dbus_pending *dbus_server_pending(struct dbus_server *s)
{
	(void)s;
	return &w.pending;
}

bool dbus_pending_waits(const struct dbus_pending *p, struct handle call)
{
	(void)p;
	(void)call;
	return !w.gone;
}

void dbus_pending_fail(struct dbus_pending *p, struct handle call,
		       const char *name, const char *message)
{
	(void)p;
	(void)call;
	assert_true(strlen(message) > 10);
	assert_null(w.error);
	w.error = name;
}

void dbus_sockets_reply(struct dbus_pending *p, struct handle call,
			const struct socket_info *s,
			const struct dbus_peer *peer)
{
	(void)p;
	(void)call;
	(void)peer;
	assert_true(addr_equal(&s->remote.addr, &w.remote));
	assert_true(addr_equal(&s->local.addr, &w.local));
	w.answers++;
}

bool link_is_up(const struct link *l)
{
	(void)l;
	return !w.link_down;
}

void link_request(struct link *l, struct handle flow, struct record *r)
{
	(void)l;
	(void)flow;
	assert_int_equal(r->type, RECORD_ABANDON);
	w.abandons++;
}

void link_request_fd(struct link *l, struct handle what, struct record *r,
		     int fd)
{
	const char *field;

	(void)l;
	assert_int_equal(record_validate(r, &field), 0);
	assert_int_equal(r->type, RECORD_SOCKET);
	assert_int_equal(fd, 7);
	w.sockets++;
	w.last = *r;
	w.asked = what;
}

int negotiation_connect(struct agent *a, const struct addr *local,
			const struct addr *remote, struct flow **ret)
{
	w.connects++;
	assert_int_equal(
		flow_table_obtain(a->flows, local, remote, w.now, &w.flow), 0);
	*ret = w.flow;
	return 0;
}

void negotiation_begin(struct agent *a, struct flow *f)
{
	(void)a;
	assert_true(f->renew);
	w.begins++;
}

void negotiation_retry(struct agent *a, struct flow *f)
{
	(void)a;
	(void)f;
	w.retries++;
}

bool negotiation_wanted_by(const struct policy *p)
{
	return p != NULL;
}

bool ike_sa_describe(const struct ike_engine *e, struct handle sa,
		     struct ike_sa_info *ret)
{
	(void)e;
	(void)sa;
	memset(ret, 0, sizeof(*ret));
	ret->peer = w.proof;
	return true;
}

const char *ike_reason_name(enum ike_reason r)
{
	(void)r;
	return "a reason";
}

const struct policy *policy_table_packet(const struct policy_table *t,
					 const struct addr *a, uint8_t protocol,
					 uint16_t local_port,
					 uint16_t remote_port,
					 struct prefix *ret_network)
{
	(void)t;
	(void)a;
	(void)protocol;
	(void)local_port;
	(void)remote_port;
	(void)ret_network;
	return w.no_policy ? NULL : &w.policy;
}

bool policy_accepts_identity(const struct policy *p, const char *identity)
{
	(void)p;
	return !w.narrow || !strcmp(identity, NAME);
}

const char *policy_level_name(enum policy_level level)
{
	(void)level;
	return "offer";
}

void status_of_flow(struct agent *a, const struct flow *f,
		    struct dbus_peer *ret)
{
	(void)a;
	(void)f;
	*ret = (struct dbus_peer){ .state = "secured" };
}

int route_source(const struct addr *remote, const struct route_from *from,
		 struct addr *ret)
{
	(void)from;
	if (remote->bytes[3] == 99)
		return -ENETUNREACH;
	*ret = remote->bytes[3] == 1 ? *remote : w.local;
	return 0;
}

static void on_flow(struct flow *f, enum flow_state before, void *user)
{
	(void)f;
	(void)before;
	demand_note(user);
}

static void on_flow_timer(struct timer *t, uint64_t now, void *user)
{
	(void)t;
	(void)now;
	(void)user;
}

/* --- steps -------------------------------------------------------------------- */

static int begin(void **state)
{
	static struct config config;
	const struct hash_key key = { 1, 2 };

	(void)state;
	memset(&w, 0, sizeof(w));
	strcpy(w.policy.name, "p");
	w.agent.config = &config;
	w.agent.timers = timer_wheel_new(0, &w.agent);
	w.agent.flows = flow_table_new(&key, on_flow, on_flow_timer, &w.agent);
	addr_parse("10.0.0.1", &w.local);
	addr_parse("10.0.0.2", &w.remote);
	return demand_start(&w.agent.demands);
}

static int end(void **state)
{
	(void)state;
	demand_stop(&w.agent);
	flow_table_free(w.agent.flows);
	timer_wheel_free(w.agent.timers);
	return 0;
}

static void demand(const char *address, const char *identity)
{
	struct dbus_demand d = {
		.socket = { .family = AF_INET, .protocol = IPPROTO_TCP },
		.identity = identity,
		.timeout_ms = 1000,
	};

	assert_int_equal(addr_parse(address, &d.remote), 0);
	w.error = NULL;
	demand_require(&w.agent, 7, &d, (struct handle){ 1, 1 });
}

static void reply(int error)
{
	const struct record_reply r = { .error = error, .type = RECORD_SOCKET };

	demand_on_reply(&w.agent, w.asked, &r);
	demand_run(&w.agent);
}

static void come_to(enum flow_state state)
{
	flow_set_state(w.agent.flows, w.flow, state, w.now);
	demand_run(&w.agent);
}

/* An SA pair whose peer has proven this ("": nobody). */
static void secure(const char *identity)
{
	w.flow->child = (struct flow_child){ .ike = { 3, 3 },
					     .spi_in = 1000,
					     .spi_out = 1001 };
	w.proof.method = *identity ? IKE_AUTH_SIGNATURE : IKE_AUTH_NULL;
	w.proof.id = ike_identity_null();
	if (*identity)
		assert_int_equal(ike_identity_parse(identity, &w.proof.id), 0);
	w.flow->child.auth = (uint8_t)w.proof.method;
	w.flow->renew = false;
	come_to(FLOW_INSTALL);
	come_to(FLOW_SECURED);
}

static void expect_over(const char *error)
{
	if (error)
		assert_string_equal(w.error, error);
	else
		assert_null(w.error);
	assert_int_equal(slots_count(w.agent.demands.all), 0);
}

/* --- tests -------------------------------------------------------------------- */

static void test_plain(void **state)
{
	(void)state;
	demand("10.0.0.2", "");
	/* Shut before anything else. */
	assert_int_equal(w.sockets, 1);
	assert_int_equal(w.last.socket.reqid, 0);
	assert_int_equal(w.connects, 0);
	reply(0);
	assert_int_equal(w.connects, 1);
	assert_int_equal(w.answers, 0);
	secure("");
	assert_int_equal(w.sockets, 2);
	assert_int_equal(w.last.socket.reqid, w.flow->reqid);
	assert_int_equal(w.last.socket.identified, 0);
	assert_int_equal(w.answers, 0);
	reply(0);
	assert_int_equal(w.answers, 1);
	expect_over(NULL);
	/* What comes late is nobody's. */
	reply(0);
	assert_int_equal(w.answers, 1);
}

static void test_identity(void **state)
{
	(void)state;
	demand("10.0.0.2", NAME);
	assert_non_null(demand_identity(&w.agent, &w.local, &w.remote));
	assert_null(demand_identity(&w.agent, &w.remote, &w.local));
	reply(0);
	secure(NAME);
	assert_int_equal(w.last.socket.identified, 1);
	assert_int_equal(w.last.socket.reqid, w.flow->reqid);
	reply(0);
	assert_int_equal(w.answers, 1);
	expect_over(NULL);
	/* Another, at the same address: not for him, and nothing is tried. */
	demand("10.0.0.2", "@c.lab.test");
	reply(0);
	assert_int_equal(w.begins, 0);
	expect_over(DBUS_ERROR_WRONG_PEER);
}

static void test_anonymous(void **state)
{
	(void)state;
	demand("10.0.0.2", NAME);
	reply(0);
	/* It may not have been asked: once more. */
	secure("");
	assert_int_equal(w.begins, 1);
	assert_int_equal(w.sockets, 1);
	/* The attempt is under way. */
	w.flow->attempt = (struct handle){ 4, 4 };
	demand_note(&w.agent);
	demand_run(&w.agent);
	assert_null(w.error);
	w.flow->attempt = (struct handle){ 0 };
	secure("");
	assert_int_equal(w.sockets, 1);
	expect_over(DBUS_ERROR_WRONG_PEER);
	/* And this time it proves it. */
	demand("10.0.0.2", NAME);
	reply(0);
	assert_int_equal(w.begins, 2);
	secure(NAME);
	reply(0);
	assert_int_equal(w.answers, 1);
	expect_over(NULL);
}

static void test_failed(void **state)
{
	(void)state;
	demand("10.0.0.2", "");
	reply(0);
	w.flow->reason = IKE_REASON_AUTH;
	come_to(FLOW_QUEUED);
	come_to(FLOW_NEGOTIATE);
	come_to(FLOW_HOLDDOWN);
	assert_int_equal(w.retries, 0);
	expect_over(DBUS_ERROR_NOT_ENCRYPTED);
	/* What failed for one program's name is tried for all others. */
	come_to(FLOW_IDLE);
	w.flow->reason = IKE_REASON_NONE;
	demand("10.0.0.2", NAME);
	reply(0);
	come_to(FLOW_QUEUED);
	come_to(FLOW_NEGOTIATE);
	w.flow->reason = IKE_REASON_AUTH;
	come_to(FLOW_BLOCKED);
	assert_int_equal(w.retries, 1);
	expect_over(DBUS_ERROR_WRONG_PEER);
}

static void test_netd(void **state)
{
	(void)state;
	demand("10.0.0.2", "");
	reply(-EDQUOT);
	assert_int_equal(w.connects, 0);
	expect_over("org.freedesktop.DBus.Error.LimitsExceeded");
	demand("10.0.0.2", "");
	reply(-EPERM);
	expect_over(DBUS_ERROR_POLICY_FORBIDS);
	/* The flow went just when the socket was to be opened to it. */
	demand("10.0.0.2", "");
	reply(0);
	secure("");
	reply(-ENOENT);
	assert_null(w.error);
	w.flow->reason = IKE_REASON_NONE;
	come_to(FLOW_IDLE);
	secure("");
	reply(0);
	assert_int_equal(w.answers, 1);
	expect_over(NULL);
	demand("10.0.0.2", "");
	demand_on_down(&w.agent);
	expect_over(DBUS_ERROR_UNAVAILABLE);
	w.link_down = true;
	demand("10.0.0.2", "");
	expect_over(DBUS_ERROR_UNAVAILABLE);
}

static void test_time(void **state)
{
	(void)state;
	demand("10.0.0.2", "");
	reply(0);
	w.now = 1000;
	timer_wheel_run(w.agent.timers, 1001);
	expect_over(DBUS_ERROR_TIMED_OUT);
	/* The caller leaves. */
	demand("10.0.0.2", "");
	reply(0);
	w.gone = true;
	demand_note(&w.agent);
	demand_run(&w.agent);
	expect_over(NULL);
}

static void test_refused(void **state)
{
	static const struct {
		const char *address, *identity, *error;
	} rows[] = {
		{ "10.0.0.1", "", DBUS_ERROR_NO_ROUTE }, /* ourselves */
		{ "10.0.0.99", "", DBUS_ERROR_NO_ROUTE },
		{ "10.0.0.2", "%null", DBUS_ERROR_INVALID_IDENTITY },
		{ "10.0.0.2", "keyid:xx", DBUS_ERROR_INVALID_IDENTITY },
		{ "10.0.0.2", "c.lab.test", DBUS_ERROR_POLICY_FORBIDS },
	};

	(void)state;
	w.narrow = true;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		demand(rows[i].address, rows[i].identity);
		expect_over(rows[i].error);
	}
	/* By any of its spellings. */
	demand("10.0.0.2", "b.lab.test");
	assert_null(w.error);
	w.no_policy = true;
	demand("10.0.0.2", "");
	assert_string_equal(w.error, DBUS_ERROR_POLICY_FORBIDS);
	assert_int_equal(w.sockets, 1);
}

/* Sockets for one identity end before the SA of another goes in. */
static void test_proof(void **state)
{
	const struct handle other = { 9, 9 };
	struct ike_proof proof = { .method = IKE_AUTH_SIGNATURE };
	struct flow *f;

	(void)state;
	demand("10.0.0.2", "");
	reply(0);
	f = w.flow;
	assert_int_equal(ike_identity_parse(NAME, &proof.id), 0);
	demand_on_proof(&w.agent, f, other, &proof); /* there was none */
	secure("");
	demand_on_proof(&w.agent, f, other, &proof); /* nobody before */
	secure(NAME);
	demand_on_proof(&w.agent, f, other, &proof); /* the same */
	assert_int_equal(ike_identity_parse("@c.lab.test", &proof.id), 0);
	demand_on_proof(&w.agent, f, f->child.ike, &proof); /* its own SA */
	assert_int_equal(w.abandons, 0);
	demand_on_proof(&w.agent, f, other, &proof);
	assert_int_equal(w.abandons, 1);
	proof.method = IKE_AUTH_NULL;
	demand_on_proof(&w.agent, f, other, &proof);
	assert_int_equal(w.abandons, 2);
	/* Of an earlier agent: nobody knows who it was. */
	f->child.auth = IKE_AUTH_NONE;
	f->child.ike = (struct handle){ 0 };
	demand_on_proof(&w.agent, f, other, &proof);
	assert_int_equal(w.abandons, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_plain, begin, end),
		cmocka_unit_test_setup_teardown(test_identity, begin, end),
		cmocka_unit_test_setup_teardown(test_anonymous, begin, end),
		cmocka_unit_test_setup_teardown(test_failed, begin, end),
		cmocka_unit_test_setup_teardown(test_netd, begin, end),
		cmocka_unit_test_setup_teardown(test_time, begin, end),
		cmocka_unit_test_setup_teardown(test_refused, begin, end),
		cmocka_unit_test_setup_teardown(test_proof, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
