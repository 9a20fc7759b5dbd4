/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Peers that may have lost their SAs (xfrm/hear.h): what is worth a word to the
 * agent, which looks into it.
 */
#include <errno.h>
#include <string.h>

#include "agent/netd.h"
#include "util/log.h"

/* ESP with an SPI that is ours by now, or another keying daemon's. */
static bool spi_is_known(struct netd *n, const struct heard *h)
{
	struct ksa query = { .src = h->remote, .dst = h->local };

	query.esp.spi = h->spi;
	return netd_flow_has_spi(&n->flows, &h->local, h->spi) ||
	       n->kernel.used(n->kernel.user, &query) >= 0;
}

static bool worth_a_word(struct netd *n, const struct heard *h)
{
	const struct policy *p =
		policy_table_lookup(n->config->policies, &h->remote);
	bool orphan;

	if (!p || p->level == POLICY_FORBID || p->level == POLICY_BLOCK)
		return false;
	if (!address_table_has(n->guard.own, &h->local) ||
	    !netd_guard_remote(&n->guard, &h->remote))
		return false;
	return h->esp ? !spi_is_known(n, h)
		      : netd_flow_of_pair(&n->flows, &h->local, &h->remote,
					  &orphan) != 0;
}

static void on_heard(void *user, const struct heard *what)
{
	struct netd *n = user;
	struct heard h = *what;
	struct record r;

	if (!netd_agent_listens(n))
		return;
	netd_complete_scopes(n, &h.local, &h.remote);
	if (!worth_a_word(n, &h))
		return;
	record_init(&r, RECORD_HINT, 0);
	r.hint = (struct record_hint){
		.local = h.local,
		.remote = h.remote,
		.spi = h.spi,
		.udp_remote = h.udp_remote,
	};
	netd_agent_send(&n->agent, &r, NULL, 0);
}

void netd_hear_start(struct netd *n)
{
	const struct hear_config c = {
		.group = n->config->log_group,
		.port = n->config->port,
		.natt_port = n->config->natt_port,
	};
	const struct hear_ops ops = { .user = n, .heard = on_heard };
	int r = hear_new(&c, &ops, &n->hear);

	if (r == -EADDRINUSE)
		log_warning("nflog group %u belongs to another program: set "
			    "LogGroup= in [Hold] to a free number.",
			    c.group);
	if (r == -EOPNOTSUPP)
		log_notice("This kernel cannot log packets to us: nft_log or "
			   "nfnetlink_log is missing.");
	else if (r < 0 && r != -EADDRINUSE)
		log_warning("Packets cannot be heard of: %s", strerror(-r));
	if (r < 0)
		log_notice("A peer that loses its SAs is found by its "
			   "silence.");
}

void netd_hear_stop(struct netd *n)
{
	n->hear = hear_free(n->hear);
}

void netd_hear_flush(struct netd *n)
{
	int r = n->hear ? hear_flush(n->hear) : 0;

	if (r < 0)
		log_limited(&n->limit, netd_now(n), LOG_DEBUG, NULL,
			    "inet tacit_hear: %s", strerror(-r));
}

void netd_on_spi(void *user, const struct addr *local, uint32_t spi, bool known)
{
	struct netd *n = user;

	if (n->hear)
		hear_spi(n->hear, local, spi, known);
}

void netd_on_secured(void *user, const struct addr *local,
		     const struct addr *remote, bool secured)
{
	struct netd *n = user;

	if (n->hear)
		hear_secured(n->hear, local, remote, secured);
}
