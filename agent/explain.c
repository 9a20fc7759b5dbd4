/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/explain.h"

#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/explain-advice.h"
#include "agent/status.h"
#include "policy/port-rule.h"

struct explain {
	struct explain *next;
	struct handle flow, call;
	struct addr remote;
	struct service service; /* protocol 0: any */
};

void explains_done(struct explains *x)
{
	while (x->first) {
		struct explain *next = x->first->next;

		free(x->first);
		x->first = next;
	}
}

static void explain_policy(const struct policy *p, const struct prefix *network,
			   char text[static PREFIX_STRLEN],
			   struct dbus_explanation *e)
{
	const char *file;
	unsigned line;

	if (!p)
		return;
	e->policy = p->name;
	e->level = policy_level_name(p->level);
	e->auth = policy_auth_name(p->auth);
	e->discover = policy_discover_name(p->discover);
	e->network = prefix_format(network, text);
	e->file = p->file ? p->file : "";
	e->line = p->file ? p->line : 0;
	e->wait = p->wait || p->level == POLICY_REQUIRE;
	e->ports = p->ports;
	e->n_ports = p->n_ports;
	e->wait_ms = e->wait ? policy_wait_ms(p) : 0;
	e->lookup_ms = p->lookup_ms;
	e->identities = (const char *const *)p->identities;
	e->n_identities = p->n_identities;
	file = policy_where(p, network, &line);
	e->network_file = file ? file : "";
	e->network_line = file ? line : 0;
}

static void explain_named(const struct policy_table *t, const struct addr *host,
			  struct dbus_explanation *e)
{
	const struct policy *p;

	for (size_t i = 0;
	     i < DBUS_EXCEPTIONS_MAX && (p = policy_table_named(t, host, i));
	     i++)
		e->named[e->n_named++] = p->name;
}

/* What is not as the rest. */
static void explain_ports(const struct policy_table *t,
			  struct dbus_explanation *e)
{
	const struct port_rule *r;

	for (size_t i = 0; (r = policy_table_rule(t, i)); i++) {
		bool block = r->policy->level == POLICY_BLOCK;
		struct service *list = block ? e->blocked : e->clear;
		size_t *n = block ? &e->n_blocked : &e->n_clear;

		if (policy_encrypts(r->policy)) {
			list = e->encrypted;
			n = &e->n_encrypted;
		}
		if (prefix_contains(&r->network, &e->remote) &&
		    *n < DBUS_EXCEPTIONS_MAX)
			list[(*n)++] = r->service;
	}
}

static void explain_keys(struct agent *a, struct dbus_explanation *e)
{
	const struct keyset *keys;
	const char *fault;

	e->key_file = known_peers_by_address(a->config->peers, &e->remote);
	if (!a->key_dns)
		return;
	fault = key_dns_fault(a->key_dns);
	e->dns_fault = fault ? fault : "";
	keys = key_dns_peek(a->key_dns, &e->remote);
	if (!keys)
		return;
	e->key_verdict = keyset_status_name(keys->status);
	e->key_source = keyset_source_name(keys->source);
	e->key_name = keys->name ? keys->name : "";
	e->key_why = keys->why;
	e->key_count = (uint32_t)keys->n;
}

static void explain_ike(struct agent *a, const struct flow *f,
			struct dbus_explanation *e)
{
	struct handle sa =
		handle_is_none(f->attempt) ? f->child.ike : f->attempt;
	const char *state = ike_sa_meaning(a->ike, sa);
	struct ike_sa_info info;

	if (!state || !ike_sa_describe(a->ike, sa, &info))
		return;
	e->ike_state = state;
	e->ike_role = info.initiator ? "initiator" : "responder";
}

static void explain_flow(struct agent *a, const struct flow *f,
			 struct dbus_explanation *e)
{
	uint64_t now = agent_now(a);

	e->known = true;
	status_of_flow(a, f, &e->peer);
	e->failures = f->failures;
	if ((f->state == FLOW_CLEAR || f->state == FLOW_BLOCKED ||
	     f->state == FLOW_HOLDDOWN) &&
	    f->timer.deadline > now)
		e->next_ms = f->timer.deadline - now;
	explain_ike(a, f, e);
}

static void explain_kernel(const struct record_counted *c,
			   struct dbus_explanation *e)
{
	if (!c)
		return;
	e->kernel = true;
	e->sending = c->flags & RECORD_IS_SENDING;
	e->hardened = c->flags & RECORD_IS_HARDENED;
	e->bytes_in = c->bytes_in;
	e->bytes_out = c->bytes_out;
	e->packets_in = c->packets_in;
	e->packets_out = c->packets_out;
}

static void explain_answer(struct agent *a, const struct explain *x,
			   const struct record_counted *c)
{
	const struct flow *f = flow_table_by_handle(a->flows, x->flow);
	struct dbus_explanation e = {
		.remote = x->remote,
		.policy = "",
		.level = "",
		.auth = "",
		.discover = "",
		.network = "",
		.file = "",
		.network_file = "",
		.state = "unknown",
		.key_verdict = "",
		.key_source = "",
		.key_name = "",
		.key_why = "",
		.dns_fault = "",
		.ike_state = "",
		.ike_role = "",
		.netd = link_is_up(a->link),
	};
	char network[PREFIX_STRLEN];
	struct advice advice;
	struct prefix prefix;
	const struct addr *host = flow_table_host(a->flows, &x->remote);
	const struct policy *p = policy_table_packet(a->config->policies, host,
						     x->service.protocol, 0,
						     x->service.port, &prefix);

	/* Whose SAs stand has the same network. */
	if (f && f->policy && f->policy->named && p && !p->n_ports)
		p = f->policy;
	explain_policy(p, &prefix, network, &e);
	explain_named(a->config->policies, host, &e);
	explain_ports(a->config->policies, &e);
	explain_keys(a, &e);
	/* A flow may be for other traffic. */
	if (f && f->policy == p)
		explain_flow(a, f, &e);
	else if (f || (p && p->n_ports && !policy_encrypts(p)))
		e.state = p && p->level == POLICY_BLOCK ? "blocked" : "clear";
	explain_kernel(f && f->policy == p ? c : NULL, &e);
	advice_find(p, f, &e, &advice);
	for (size_t i = 0; i < advice.n; i++)
		e.advice[e.n_advice++] = advice.text[i];
	dbus_reply_explanation(dbus_server_pending(a->bus), x->call, &e);
}

void explain_on_reply(struct agent *a, struct handle flow,
		      const struct record_counted *c)
{
	struct explain **at = &a->explains.first, *x;

	while ((x = *at)) {
		if (!handle_equal(x->flow, flow)) {
			at = &x->next;
			continue;
		}
		*at = x->next;
		explain_answer(a, x, c);
		free(x);
	}
}

/* Calls that nobody waits for any more: netd went, and has not answered. */
static void explains_purge(struct agent *a)
{
	struct dbus_pending *calls = dbus_server_pending(a->bus);
	struct explain **at = &a->explains.first, *x;

	while ((x = *at)) {
		if (dbus_pending_waits(calls, x->call)) {
			at = &x->next;
			continue;
		}
		*at = x->next;
		free(x);
	}
}

void explain_peer(struct agent *a, const struct addr *remote,
		  const struct service *service, struct handle call)
{
	struct flow *f = flow_table_get_remote(a->flows, remote);
	struct explain now = { .remote = *remote,
			       .service = *service,
			       .call = call };
	struct explain *x = NULL;

	if (f)
		now.flow = f->self;
	explains_purge(a);
	if (f && f->child.spi_in && link_is_up(a->link))
		x = malloc(sizeof(*x));
	if (!x) {
		explain_answer(a, &now, NULL);
		return;
	}
	*x = now;
	x->next = a->explains.first;
	a->explains.first = x;
	traffic_ask(a, f);
}
