/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/identify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/demand.h"
#include "agent/key-command.h"
#include "agent/key-finder.h"
#include "agent/key-watch.h"
#include "agent/negotiation.h"
#include "util/log.h"

/* A peer without a usable key is asked about again after, whatever its TTL. */
#define NO_KEY_MS_MAX (15 * 60 * 1000u)

/* A question that waits for its source. */
struct waiting {
	struct hmap_node node; /* hash: the SA's handle */
	struct handle sa;
	struct ike_identify q;
	bool demanded;	/* about what a program demands of the peer */
	uint64_t until; /* of all questions about it, or 0: none yet */
};

static uint64_t hash_of(struct handle h)
{
	return (uint64_t)h.generation << 32 | h.index;
}

static void identify_answer(struct agent *a, struct handle sa,
			    const struct ike_identify *q, int found,
			    struct key_answer *answer)
{
	const struct log_fields fields = { .peer = &q->host };
	struct credentials_choice choice;
	uint64_t now = agent_now(a);
	int r;

	if (found == 0 && q->initiator &&
	    negotiation_turn(a, sa, q, &answer->way)) {
		key_answer_done(answer);
		ike_refuse(a->ike, now, sa);
		return;
	}
	r = credentials_choose(&a->credentials, q, found, answer, &choice);
	if (choice.why)
		log_limited(&a->log_identify, now, LOG_NOTICE, &fields,
			    "authentication: %s", choice.why);
	if (r == 0)
		r = ike_authenticate(a->ike, now, sa, &choice.c);
	if (r == -EACCES)
		negotiation_on_unproven(a, sa, q, choice.lacks, choice.why);
	if (r == -EINVAL || r == -ENOMEM || r == -EACCES)
		ike_refuse(a->ike, now, sa);
	credentials_choice_done(&choice);
}

static void identify_look_up(struct agent *a, struct handle sa,
			     const struct ike_identify *q, bool demanded,
			     uint64_t until);

/* The flow whose attempt asks; NULL. */
static struct flow *identify_flow(struct agent *a, const struct waiting *w)
{
	struct flow *f = flow_table_get(a->flows, &w->q.local.addr, &w->q.host);

	return f && handle_equal(f->attempt, w->sa) ? f : NULL;
}

/* So that its key is asked for again by the same name. */
static void identify_note(struct agent *a, const struct waiting *w)
{
	struct flow *f = identify_flow(a, w);

	if (f)
		f->named = w->demanded;
}

static void identify_on_found(void *user, struct handle sa, int found,
			      struct key_answer *answer)
{
	struct agent *a = user;

	hmap_for_each (n, &a->identifying, hash_of(sa)) {
		struct waiting *w = container_of(n, struct waiting, node);

		hmap_remove(&a->identifying, n);
		if (w->demanded && found < 0) {
			identify_look_up(a, sa, &w->q, false, w->until);
		} else {
			identify_note(a, w);
			identify_answer(a, sa, &w->q, found, answer);
		}
		free(w);
		return;
	}
	key_answer_done(answer);
}

/* The policy of whoever is there and says, not yet proven, who it is. */
static const struct policy *identify_policy(void *user,
					    const struct key_question *q)
{
	const struct agent *a = user;
	char text[IKE_IDENTITY_STRLEN];

	return policy_table_for(
		a->config->policies, &q->remote,
		ike_identity_is_none(&q->identity)
			? NULL
			: ike_identity_format(&q->identity, text));
}

/* 0, -EINPROGRESS or as key_finder_ask(). */
static int identify_ask(struct agent *a, struct waiting *w,
			struct key_answer *ret)
{
	const struct key_asker asker = { identify_on_found, a, w->sa };
	const struct ike_identity *wanted = NULL;
	const struct flow *f = identify_flow(a, w);
	struct key_question question = {
		.remote = w->q.host,
		.begins = w->q.initiator,
		.way = f ? f->way : 0,
	};

	question.identity = w->q.peer;
	question.policy = identify_policy(a, &question);

	if (w->demanded && w->q.initiator && question.policy)
		wanted = demand_identity(a, &w->q.local.addr, &w->q.host);
	w->demanded = wanted != NULL;
	if (!wanted && ike_identity_is_null(&w->q.peer))
		return -ENOENT;
	if (wanted)
		question.identity = *wanted;
	question.named = wanted != NULL;
	key_question_begin(&question, agent_now(a));
	if (w->until)
		question.until = w->until;
	w->until = question.until;
	return key_finder_ask(a->key_finder, &question, &asker, ret);
}

/* What is demanded first: who is not known by that may be known otherwise, to
 * all others on this host. */
static void identify_look_up(struct agent *a, struct handle sa,
			     const struct ike_identify *q, bool demanded,
			     uint64_t until)
{
	struct waiting *w = calloc(1, sizeof(*w));
	struct key_answer answer = { 0 };
	int found;

	if (w)
		*w = (struct waiting){
			.sa = sa, .q = *q, .demanded = demanded, .until = until
		};
	if (!w || hmap_insert(&a->identifying, &w->node, hash_of(sa)) < 0) {
		free(w);
		ike_refuse(a->ike, agent_now(a), sa);
		return;
	}
	found = identify_ask(a, w, &answer);
	if (found < 0 && found != -EINPROGRESS && w->demanded) {
		w->demanded = false;
		found = identify_ask(a, w, &answer);
	}
	if (found == -EINPROGRESS)
		return;
	hmap_remove(&a->identifying, &w->node);
	identify_note(a, w);
	identify_answer(a, sa, q, found, &answer);
	free(w);
}

void identify_on_ask(struct agent *a, struct handle sa,
		     const struct ike_identify *q)
{
	identify_look_up(a, sa, q, true, 0);
}

void identify_on_sign(struct agent *a, struct handle sa,
		      const struct ike_sign *what)
{
	int r = signer_request(a->signer, sa, what);

	if (r < 0)
		ike_sign_done(a->ike, agent_now(a), sa, NULL, 0, r);
}

static void identify_on_signed(void *user, struct handle sa,
			       const void *signature, size_t len, int error)
{
	struct agent *a = user;

	if (error < 0)
		log_limited(&a->log_identify, agent_now(a), LOG_WARNING, NULL,
			    "tacit-keyd has not signed: %s", strerror(-error));
	ike_sign_done(a->ike, agent_now(a), sa, signature, len, error);
}

static void identify_on_keys(void *user)
{
	struct agent *a = user;

	own_dns_keys_changed(a->own_dns);
	agent_say_ready(a);
}

static size_t identify_own_keys(void *user, const struct signer_key **ret)
{
	struct agent *a = user;

	return signer_keys(a->signer, ret);
}

static void identify_on_seen(void *user, uint64_t key, uint32_t ttl)
{
	struct agent *a = user;

	signer_seen(a->signer, key, ttl);
}

static struct key_verdict identify_verdict(int found,
					   const struct key_answer *answer)
{
	struct key_verdict v = { .found = found,
				 .lifetime_ms = answer->lifetime_ms };

	if (found == 0)
		v.way = answer->way;
	/* Where it is somebody else's name, he has no key of his own. */
	if (found == -EPERM)
		v.found = -ENOENT;
	if (!v.lifetime_ms || v.lifetime_ms > NO_KEY_MS_MAX)
		v.lifetime_ms = NO_KEY_MS_MAX;
	return v;
}

static void identify_on_discovered(void *user, struct handle flow, int found,
				   struct key_answer *answer)
{
	const struct key_verdict v = identify_verdict(found, answer);

	if (found == 0)
		key_answer_done(answer);
	negotiation_on_discovered(user, flow, &v);
}

int identify_discover(struct agent *a, const struct policy *policy,
		      const struct addr *remote, struct handle flow,
		      struct key_verdict *ret)
{
	struct key_question q = { .policy = policy,
				  .remote = *remote,
				  .begins = true };
	const struct key_asker asker = { identify_on_discovered, a, flow };
	struct key_answer answer;
	int found;

	key_question_begin(&q, agent_now(a));
	found = key_finder_ask(a->key_finder, &q, &asker, &answer);
	*ret = identify_verdict(found, &answer);
	if (found == 0)
		key_answer_done(&answer);
	return ret->found;
}

static void identify_on_answer(void *user, struct handle ticket, int found,
			       struct key_answer *answer)
{
	struct agent *a = user;

	key_finder_on_answer(a->key_finder, ticket, found, answer);
}

static int identify_files(struct agent *a)
{
	int r = key_files_new(a->config->peers, &a->key_files);
	struct key_source source;

	if (r < 0)
		return r;
	source = key_files_source(a->key_files);
	key_finder_add(a->key_finder, &source);
	return 0;
}

static int identify_command(struct agent *a)
{
	const struct key_command_ops ops = { .user = a,
					     .answer = identify_on_answer };
	struct key_source source;
	int r;

	if (!a->config->key_command)
		return 0;
	r = key_command_new(a->event, a->config->key_command, &ops,
			    &a->key_command);
	if (r < 0)
		return r;
	source = key_command_source(a->key_command);
	key_finder_add(a->key_finder, &source);
	return 0;
}

static bool identify_gateway(void *user, const struct addr *peer,
			     const struct addr *gateway)
{
	const struct agent *a = user;
	const struct policy *p = policy_table_lookup(a->config->policies, peer);

	return negotiation_may_gateway(a, p, gateway);
}

static int identify_dns(struct agent *a)
{
	const struct key_dns_ops ops = { .user = a,
					 .answer = identify_on_answer,
					 .gateway = identify_gateway };
	struct key_source source;
	int r;

	if (!a->config->dns.lookup)
		return 0;
	r = key_dns_new(a->event, &a->config->dns, &ops, &a->key_dns);
	if (r < 0)
		return r;
	source = key_dns_source(a->key_dns);
	key_finder_add(a->key_finder, &source);
	return 0;
}

static int identify_sources(struct agent *a)
{
	/* In this order: what the administrator wrote needs no look-up. */
	static int (*const sources[])(struct agent * a) = {
		identify_files,
		identify_command,
		identify_dns,
	};
	int r = key_finder_new(&a->key_finder);

	if (r == 0)
		r = key_watch_new(a, &a->key_watch);
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]) && r == 0;
	     i++)
		r = sources[i](a);
	return r;
}

int identify_start(struct agent *a)
{
	const struct signer_ops ops = {
		.user = a,
		.keys = identify_on_keys,
		.done = identify_on_signed,
	};
	const struct own_dns_ops own = {
		.user = a,
		.keys = identify_own_keys,
		.seen = identify_on_seen,
	};
	struct credentials *c = &a->credentials;
	char path[256];
	int r;

	hmap_init(&a->identifying);
	c->config = a->config;
	if (a->config->local_identity &&
	    ike_identity_parse(a->config->local_identity, &c->local) < 0)
		return -EINVAL;
	r = identify_sources(a);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%s/keyd.sock", a->options->runtime_dir);
	r = signer_new(a->event, path, &ops, &a->signer);
	c->signer = a->signer;
	if (r == 0)
		r = own_dns_new(a->event, a->key_dns, a->config, &own,
				&a->own_dns);
	return r;
}

void identify_reload(struct agent *a)
{
	struct credentials *c = &a->credentials;
	struct ike_identity local = { 0 };

	if (a->config->local_identity &&
	    ike_identity_parse(a->config->local_identity, &local) < 0)
		log_error("LocalIdentity=%s cannot be used.",
			  a->config->local_identity);
	else
		c->local = local;
	own_dns_reload(a->own_dns);
	key_finder_set_policies(a->key_finder, identify_policy, a);
	if (key_files_replace(a->key_files, a->config->peers) < 0)
		log_error("The keys of keys.d cannot be kept: out of memory.");
}

void identify_stop(struct agent *a)
{
	struct hmap_node *n;

	while ((n = hmap_any(&a->identifying))) {
		hmap_remove(&a->identifying, n);
		free(container_of(n, struct waiting, node));
	}
	hmap_done(&a->identifying);
	signer_free(a->signer);
	own_dns_free(a->own_dns);
	a->key_watch = key_watch_free(a->key_watch);
	key_finder_free(a->key_finder);
	key_dns_free(a->key_dns);
	key_command_free(a->key_command);
	key_files_free(a->key_files);
}
