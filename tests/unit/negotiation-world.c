/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The stand-ins, and the steps that tests are made of.
 */
#include "tests/unit/negotiation-world.h"

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

#include "agent/identify.h"
#include "util/log.h"

struct negotiation_world world;

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

void demand_on_proof(struct agent *a, const struct flow *f, struct handle sa,
		     const struct ike_proof *proof)
{
	(void)a;
	(void)f;
	(void)sa;
	(void)proof;
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
	world.patient = req->patient;
	world.toward = req->remote.addr;
	world.host = req->host;
	world.wish = req->lease;
	world.wished = req->leased;
	world.initiated_to = req->remote.port;
	world.initiated_from = req->local.port;
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
	world.checked++;
}

void ike_probe(struct ike_engine *e, uint64_t now, struct handle sa)
{
	(void)e;
	(void)now;
	(void)sa;
	world.probed++;
}

bool ike_sa_describe(const struct ike_engine *e, struct handle sa,
		     struct ike_sa_info *ret)
{
	(void)e;
	(void)sa;
	*ret = (struct ike_sa_info){
		.last_heard = world.heard,
		.remote = world.from,
		.peer = { .method = world.method, .id = world.id },
	};
	return world.described || world.heard;
}

void ike_esp_from(struct ike_engine *e, uint64_t now, struct handle sa,
		  uint16_t port)
{
	(void)e;
	(void)now;
	(void)sa;
	(void)port;
}

bool ike_sa_hosts(const struct ike_engine *e, struct handle sa,
		  struct addr *ret_local, struct addr *ret_remote)
{
	struct flow *f;
	uint32_t cursor = 0;

	(void)e;
	while ((f = flow_table_each(world.agent.flows, &cursor)))
		if (handle_equal(f->child.ike, sa)) {
			*ret_local = f->local;
			*ret_remote = f->peer->addr;
			return true;
		}
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

int ike_rekey_child(struct ike_engine *e, uint64_t now, struct handle sa,
		    uint32_t spi_in)
{
	(void)e;
	(void)now;
	(void)sa;
	world.rekeyed++;
	world.spi = spi_in;
	return world.rekey_error;
}

int ike_delete_child(struct ike_engine *e, uint64_t now, struct handle sa,
		     uint32_t spi_in)
{
	(void)e;
	(void)now;
	(void)sa;
	world.spi = spi_in;
	return ++world.deleted > 1 ? -ENOENT : 0;
}

void ike_child_used(struct ike_engine *e, uint64_t now, struct handle sa,
		    uint32_t spi_in)
{
	(void)e;
	(void)now;
	(void)sa;
	world.used = spi_in;
}

const char *ike_reason_name(enum ike_reason r)
{
	(void)r;
	return "reason";
}

int identify_discover(struct agent *a, const struct policy *policy,
		      const struct addr *remote, struct handle flow,
		      struct key_verdict *ret)
{
	(void)a;
	(void)policy;
	(void)remote;
	(void)flow;
	world.discovered++;
	*ret = world.verdict;
	return world.verdict.found;
}

static void on_state(struct flow *f, enum flow_state before, void *user)
{
	negotiation_note_room(user, f, before);
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
	"Name=dns\nNetworks=10.8.0.0/16 fd08::/16\nEncryption=offer\n"
	"Discover=dns\n",
	"Name=dns-wait\nNetworks=10.9.0.0/16 fd09::/16\nEncryption=offer\n"
	"Discover=dns\nWait=yes\n",
	"Name=dns-require\nNetworks=10.10.0.0/16 fd0a::/16\n"
	"Encryption=require\nDiscover=dns\n",
	NULL
};

struct config *policies_of(const char *const *files)
{
	char dir[] = "/tmp/test-negotiation-XXXXXX", path[128];
	struct config_errors errors;
	struct config *config = NULL;
	size_t n = 0;
	int r;

	if (!files)
		files = policies;
	while (files[n])
		n++;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/policy.d", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	for (size_t i = 0; i < n; i++) {
		FILE *f;

		snprintf(path, sizeof(path), "%s/policy.d/%zu.conf", dir, i);
		f = fopen(path, "w");
		assert_non_null(f);
		fprintf(f, "[Policy]\n%s", files[i]);
		fclose(f);
	}
	r = config_load(dir, &config, &errors);
	config_errors_log(&errors);
	config_errors_done(&errors);
	for (size_t i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/policy.d/%zu.conf", dir, i);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/policy.d", dir);
	rmdir(path);
	rmdir(dir);
	assert_int_equal(r, 0);
	return config;
}

int setup(void **state)
{
	static const struct hash_key key = { 5, 6 };
	struct agent *a = &world.agent;

	(void)state;
	memset(&world, 0, sizeof(world));
	world.now = 1000000;
	a->config = policies_of(NULL);
	a->said_ready = true;
	a->timers = timer_wheel_new(world.now, a);
	a->flows = flow_table_new(&key, on_state, negotiation_on_timer, a);
	a->idlers = idlers_new(&key);
	a->admission = admission_new(&key);
	return 0;
}

int teardown(void **state)
{
	struct agent *a = &world.agent;
	struct flow *f;
	uint32_t cursor = 0;

	(void)state;
	while ((f = flow_table_each(a->flows, &cursor)))
		timer_cancel(a->timers, &f->timer);
	flow_table_free(a->flows);
	leases_stop(a);
	timer_wheel_free(a->timers);
	idlers_free(a->idlers);
	admission_free(a->admission);
	config_free(a->config);
	return 0;
}

void pass(uint64_t ms)
{
	for (uint64_t end = world.now + ms; world.now < end; world.now++)
		timer_wheel_run(world.agent.timers, world.now);
	timer_wheel_run(world.agent.timers, world.now);
}

/* Takes the oldest record; it stays readable until the next call. */
const struct record *sent(unsigned type)
{
	static struct record taken;

	assert_true(world.n_sent > 0);
	taken = world.sent[0];
	assert_int_equal(taken.type, type);
	memmove(&world.sent[0], &world.sent[1],
		--world.n_sent * sizeof(world.sent[0]));
	return &taken;
}

struct addr at(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

struct flow *flow_of(const char *remote)
{
	struct addr r = at(remote);

	return flow_table_get_remote(world.agent.flows, &r);
}

struct addr local_of(const char *remote)
{
	return at(strchr(remote, ':') ? "fd00::1" : "10.0.0.1");
}

void acquire(const char *remote, uint32_t seq, bool held)
{
	struct record_acquire q = {
		.local = local_of(remote),
		.remote = at(remote),
		.seq = seq,
		.held = held,
	};

	negotiation_on_acquire(&world.agent, &q);
}

void failed(const char *remote, enum ike_reason reason)
{
	struct ike_failed x = {
		.initiator = true,
		.local = { local_of(remote), 500 },
		.remote = { at(remote), 500 },
		.host = at(remote),
		.reason = reason,
	};

	negotiation_on_failed(&world.agent, world.next_sa, &x);
}

void child_up_by(const char *remote, bool initiator, uint32_t spi,
		 bool redundant, enum ike_auth_method method)
{
	struct ike_child_up up = {
		.local = local_of(remote),
		.remote = at(remote),
		.initiator = initiator,
		.redundant = redundant,
		.outer = world.outer.family ? world.outer : at(remote),
		.lease = world.lease,
		.gateway = world.gateway,
		.mode = world.outer.family || world.lease.family
				? IKE_MODE_TUNNEL
				: IKE_MODE_TRANSPORT,
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

	if (!ike_identity_is_none(&world.id))
		up.peer.id = world.id;
	if (!initiator)
		sa = (struct handle){ 500 + spi, 1 };
	negotiation_on_child_up(&world.agent, sa, &up);
}

void child_up(const char *remote, bool initiator, uint32_t spi, bool redundant)
{
	child_up_by(remote, initiator, spi, redundant, IKE_AUTH_NULL);
}

void child_down(const char *remote, uint32_t spi)
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

void reply(const char *remote, unsigned type, int error)
{
	struct record_reply r = { .error = error, .type = type };

	negotiation_on_reply(&world.agent, flow_of(remote)->self, &r);
}

void expect_state(const char *remote, enum flow_state state)
{
	struct flow *f = flow_of(remote);

	assert_non_null(f);
	assert_string_equal(flow_state_name(f->state), flow_state_name(state));
}

/* Acquire to SECURED as initiator. */
void secure(const char *remote, uint32_t spi)
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
