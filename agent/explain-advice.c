/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A cause is looked for from the outside in: the policy, then the peer, then
 * the proof. */
#include "agent/explain-advice.h"

#include <stdarg.h>
#include <stdio.h>

__attribute__((format(printf, 2, 3))) static void add(struct advice *a,
						      const char *format, ...)
{
	va_list ap;

	if (a->n >= DBUS_ADVICE_MAX)
		return;
	va_start(ap, format);
	vsnprintf(a->text[a->n++], ADVICE_LEN, format, ap);
	va_end(ap);
}

/* Where this is to be written. */
static const char *where(const struct policy *p)
{
	return p->file ? p->file : "a file of its own in policy.d/";
}

/* False: no SA will come of this policy. */
static bool policy_advice(const struct policy *p, struct advice *a)
{
	if (!p) {
		add(a, "No policy covers this address, so it is always in the "
		       "clear: name its network in a file of policy.d/.");
		return false;
	}
	if (p->n_ports && !policy_encrypts(p)) {
		add(a, "Ports= of policy %s is why: remove this port in %s.",
		    p->name, where(p));
		return false;
	}
	switch (p->level) {
	case POLICY_FORBID:
		add(a,
		    "Encryption=forbid of policy %s keeps it in the clear: "
		    "write offer or require in %s.",
		    p->name, where(p));
		return false;
	case POLICY_BLOCK:
		add(a,
		    "Encryption=block of policy %s lets nothing pass: write "
		    "another level in %s.",
		    p->name, where(p));
		return false;
	case POLICY_ALLOW:
		add(a,
		    "Encryption=allow of policy %s waits for the peer to "
		    "begin: write offer in %s to begin from here.",
		    p->name, where(p));
		break;
	case POLICY_OFFER:
	case POLICY_REQUIRE:
		break;
	}
	return true;
}

static void refused_advice(const struct flow *f, struct advice *a)
{
	if (f->notify == 14) /* NO_PROPOSAL_CHOSEN, RFC 7296 3.10.1 */
		add(a, "The peer takes none of our algorithms, or its policy "
		       "refuses us: compare [Algorithms] here and there, and "
		       "see its log.");
	else if (f->notify)
		add(a,
		    "The peer refuses with notify %u (RFC 7296 3.10.1): see "
		    "its log.",
		    f->notify);
	else
		add(a, "The peer refuses: see its log.");
}

/* One sentence for each way to fail. */
static void reason_advice(const struct flow *f, struct advice *a)
{
	switch (f->reason) {
	case IKE_REASON_UNANSWERED:
		add(a, "Nobody answers at UDP port 500 there: is an IKE daemon "
		       "running, and do the firewalls here and there let UDP "
		       "500 and 4500 and ESP (protocol 50) pass?");
		break;
	case IKE_REASON_UNREACHABLE:
		add(a, "That host, or one on the way, says that nothing is "
		       "there: start an IKE daemon there, or see the routes.");
		break;
	case IKE_REASON_REFUSED:
	case IKE_REASON_MODE:
		refused_advice(f, a);
		break;
	case IKE_REASON_AUTH:
		add(a, "Who it is, or who we are, was not accepted: compare "
		       "`tacit key show` there with keys.d/ here and the other "
		       "way round, or its key in DNS by `tacit lookup`.");
		break;
	case IKE_REASON_NO_KEY:
		add(a, "IKE is tried only where a key is known: publish one of "
		       "that host in DNS (`tacit key dns` there), write it "
		       "into keys.d/, or write Discover=always.");
		break;
	case IKE_REASON_BOGUS:
		add(a, "DNSSEC does not hold for its name: `tacit lookup` "
		       "shows where the chain breaks.");
		break;
	case IKE_REASON_PROTOCOL:
		add(a, "The peer breaks the protocol: `tacit capture` shows "
		       "its messages.");
		break;
	case IKE_REASON_RESOURCES:
		add(a, "This host is short of something: see journalctl -u "
		       "tacit.");
		break;
	case IKE_REASON_NONE:
	case IKE_REASON_IDLE:
	case IKE_REASON_POLICY:
	case IKE_REASON_DELETED:
	case IKE_REASON_REPLACED:
	case IKE_REASON_DEAD:
	case IKE_REASON_CLOSED:
	case IKE_REASON_EXPIRED:
		break;
	}
}

static void state_advice(const struct flow *f, const struct dbus_explanation *e,
			 struct advice *a)
{
	char address[ADDR_STRLEN];

	addr_format(&e->remote, address);
	switch (f->state) {
	case FLOW_IDLE:
		reason_advice(f, a);
		add(a,
		    "The next packet to it begins anew, and `tacit up %s` "
		    "does now.",
		    address);
		break;
	case FLOW_CLEAR:
	case FLOW_BLOCKED:
	case FLOW_HOLDDOWN:
		reason_advice(f, a);
		add(a, "It is left alone for a while: `tacit up %s` tries now.",
		    address);
		break;
	case FLOW_LOOKUP:
	case FLOW_QUEUED:
	case FLOW_NEGOTIATE:
	case FLOW_INSTALL:
		add(a, "An attempt is under way: ask again in a moment.");
		break;
	case FLOW_SECURED:
		if (e->known && !*e->peer.identity && *e->peer.cipher)
			add(a, "Nobody can listen, but who it is has not been "
			       "proven: write its key into keys.d/, or publish "
			       "it in DNS, and Authentication=require.");
		break;
	case FLOW_STATES:
		break;
	}
}

void advice_find(const struct policy *p, const struct flow *f,
		 const struct dbus_explanation *e, struct advice *ret)
{
	char address[ADDR_STRLEN];

	ret->n = 0;
	if (!e->netd)
		add(ret, "tacit-netd does not answer: see journalctl -u "
			 "tacit-netd.");
	if (!policy_advice(p, ret))
		return;
	if (f)
		state_advice(f, e, ret);
	else
		add(ret,
		    "Nothing was sent there lately: a packet begins it, "
		    "or `tacit up %s`.",
		    addr_format(&e->remote, address));
}
