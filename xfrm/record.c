/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The record protocol: names, and the syntax of every record. What a record
 * may ask for is not decided here (agent/netd-guard.c).
 */
#include "xfrm/record.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "util/zero.h"

static const char *const names[RECORD_TYPES] = {
	[RECORD_HELLO] = "HELLO",	  [RECORD_INSTALL] = "INSTALL",
	[RECORD_SWITCH] = "SWITCH",	  [RECORD_HARDEN] = "HARDEN",
	[RECORD_REMOVE_SA] = "REMOVE_SA", [RECORD_REMOVE] = "REMOVE",
	[RECORD_MOVE] = "MOVE",		  [RECORD_USED] = "USED",
	[RECORD_VERDICT] = "VERDICT",	  [RECORD_BYE] = "BYE",
	[RECORD_ALIVE] = "ALIVE",	  [RECORD_WELCOME] = "WELCOME",
	[RECORD_REPLY] = "REPLY",	  [RECORD_ACQUIRE] = "ACQUIRE",
	[RECORD_EXPIRE] = "EXPIRE",	  [RECORD_ORPHAN] = "ORPHAN",
	[RECORD_ADDRESS] = "ADDRESS",	  [RECORD_SOCKET] = "SOCKET",
	[RECORD_ABANDON] = "ABANDON",	  [RECORD_HINT] = "HINT",
	[RECORD_REPAIR] = "REPAIR",	  [RECORD_RELOAD] = "RELOAD",
	[RECORD_COUNT] = "COUNT",	  [RECORD_COUNTED] = "COUNTED",
	[RECORD_IDLE] = "IDLE",		  [RECORD_MAPPED] = "MAPPED",
	[RECORD_BEGAN] = "BEGAN",
};

const char *record_type_name(unsigned type)
{
	return type < RECORD_TYPES && names[type] ? names[type] : "?";
}

void record_init(struct record *r, enum record_type type, uint32_t seq)
{
	memset(r, 0, sizeof(*r));
	r->version = RECORD_VERSION;
	r->type = (uint16_t)type;
	r->seq = seq;
}

static bool addr_valid(const struct addr *a)
{
	size_t len = addr_len(a);

	if ((a->family != AF_INET && a->family != AF_INET6) || a->reserved)
		return false;
	if (!zero_all(a->bytes + len, sizeof(a->bytes) - len))
		return false;
	return a->scope == 0 || (a->family == AF_INET6 && addr_is_linklocal(a));
}

static bool addr_unset(const struct addr *a)
{
	return zero_all(a, sizeof(*a));
}

/* Both ends of one path: the same family, and the same link. */
static const char *pair_check(const struct addr *local,
			      const struct addr *remote)
{
	if (!addr_valid(local))
		return "local";
	if (!addr_valid(remote) || remote->family != local->family)
		return "remote";
	if (local->scope && remote->scope && local->scope != remote->scope)
		return "remote";
	return NULL;
}

static bool reqid_valid(uint32_t reqid)
{
	return reqid >= RECORD_REQID_MIN && reqid <= RECORD_REQID_MAX;
}

static const char *esp_check(const struct esp_sa *sa)
{
	uint8_t len = esp_key_len((enum esp_cipher)sa->cipher);

	if (len == 0)
		return "cipher";
	if (sa->spi < ESP_SPI_MIN)
		return "spi";
	if (sa->esn > 1)
		return "esn";
	if (sa->key_len != len)
		return "key_len";
	if (sa->reserved)
		return "reserved";
	if (!zero_all(sa->key + len, sizeof(sa->key) - len))
		return "key";
	return NULL;
}

static const char *lifetime_check(const struct record_install *in)
{
	if (in->hard_s && in->soft_s > in->hard_s)
		return "soft_s";
	if (in->hard_kib && in->soft_kib > in->hard_kib)
		return "soft_kib";
	if (in->hard_packets && in->soft_packets > in->hard_packets)
		return "soft_packets";
	return NULL;
}

/* Of one family, of no link, one of them at most, and of a tunnel. */
static const char *ends_check(const struct addr *remote,
			      const struct addr *outer,
			      const struct addr *lease)
{
	if (!addr_unset(outer) &&
	    (!addr_valid(outer) || outer->family != remote->family ||
	     addr_is_linklocal(outer) || addr_equal(outer, remote)))
		return "outer";
	if (!addr_unset(lease) &&
	    (!addr_valid(lease) || lease->family != remote->family ||
	     addr_is_linklocal(lease) || addr_equal(lease, remote) ||
	     !addr_unset(outer)))
		return "lease";
	return NULL;
}

/* None: all traffic. */
static const char *scope_check(const struct scope *s)
{
	if (s->n > LIMIT_SCOPE_SERVICES ||
	    (s->n ? s->sides < SCOPE_LOCAL || s->sides > SCOPE_BOTH : s->sides))
		return "scope";
	for (size_t i = 0; i < s->n; i++)
		if (!service_protocol_name(s->list[i].protocol) ||
		    !s->list[i].port)
			return "scope";
	return zero_all(&s->list[s->n],
			(LIMIT_SCOPE_SERVICES - s->n) * sizeof(s->list[0]))
		       ? NULL
		       : "scope";
}

static const char *install_check(const struct record_install *in)
{
	const uint32_t known =
		RECORD_IN_OPTIONAL | RECORD_OUT_LATER | RECORD_IN_ONLY;
	const char *wrong = pair_check(&in->local, &in->remote);

	if (!wrong)
		wrong = ends_check(&in->remote, &in->outer, &in->lease);
	if (!wrong)
		wrong = scope_check(&in->scope);
	if (wrong)
		return wrong;
	if (in->scope.n && (in->outer.family || in->lease.family))
		return "scope";
	if (!reqid_valid(in->reqid))
		return "reqid";
	if (in->flags & ~known)
		return "flags";
	if ((in->flags & RECORD_IN_ONLY) && (in->flags & RECORD_OUT_LATER))
		return "flags";
	wrong = lifetime_check(in);
	if (wrong)
		return wrong;
	if (in->replaces && in->replaces < ESP_SPI_MIN)
		return "replaces";
	if (in->tunnel > 1 ||
	    (!in->tunnel && (in->outer.family || in->lease.family)))
		return "tunnel";
	if (!in->udp_local != !in->udp_remote)
		return "udp_remote";
	wrong = esp_check(&in->in);
	if (wrong)
		return wrong;
	if (in->flags & RECORD_IN_ONLY)
		return zero_all(&in->out, sizeof(in->out)) ? NULL : "out";
	return esp_check(&in->out);
}

static const char *flow_check(const struct record_flow *f, unsigned type)
{
	/* The reqid names the flow; addresses are checked where given. */
	if (!addr_unset(&f->local) || !addr_unset(&f->remote)) {
		const char *wrong = pair_check(&f->local, &f->remote);

		if (wrong)
			return wrong;
	}
	if (!reqid_valid(f->reqid))
		return "reqid";
	if (f->inbound > 1)
		return "inbound";
	if ((type == RECORD_REMOVE_SA || type == RECORD_USED) &&
	    f->spi < ESP_SPI_MIN)
		return "spi";
	if ((type == RECORD_IDLE) != (f->idle_ms != 0))
		return "idle_ms";
	if (f->udp_remote > UINT16_MAX ||
	    (type == RECORD_MOVE || type == RECORD_MAPPED) !=
		    (f->udp_remote != 0))
		return "udp_remote";
	return NULL;
}

static const char *verdict_check(const struct record_verdict *v)
{
	const char *wrong = pair_check(&v->local, &v->remote);

	if (wrong)
		return wrong;
	if (v->verdict < RECORD_CLEAR || v->verdict > RECORD_FORGET)
		return "verdict";
	if (v->verdict != RECORD_FORGET && v->lifetime_ms == 0)
		return "lifetime_ms";
	return NULL;
}

static const char *welcome_check(const struct record_welcome *w)
{
	const uint32_t known = RECORD_HAS_ESP4 | RECORD_HAS_ESP6 |
			       RECORD_HAS_HOLD | RECORD_HAS_CHACHA |
			       RECORD_HAS_HEAR | RECORD_CONFIG_DIFFERS |
			       RECORD_HAS_TRANSLATION | RECORD_HAS_CONNECTIONS;

	if (w->sockets > 0xf)
		return "sockets";
	return w->flags & ~known ? "flags" : NULL;
}

static const char *reply_check(const struct record_reply *r)
{
	if (r->error > 0)
		return "error";
	return r->type == 0 || r->type >= RECORD_TYPES ? "type" : NULL;
}

static const char *acquire_check(const struct record_acquire *a)
{
	const char *wrong = pair_check(&a->local, &a->remote);

	return wrong ? wrong : a->held > 1 ? "held" : NULL;
}

static const char *expire_check(const struct record_expire *e)
{
	const char *wrong = pair_check(&e->local, &e->remote);

	if (wrong)
		return wrong;
	if (!reqid_valid(e->reqid))
		return "reqid";
	if (e->inbound > 1)
		return "inbound";
	return e->hard > 1 ? "hard" : NULL;
}

static const char *orphan_check(const struct record_orphan *o)
{
	const char *wrong;

	if (o->last > 1)
		return "last";
	if (o->reqid == 0)
		return o->last == 1 ? NULL : "last";
	wrong = pair_check(&o->local, &o->remote);
	if (!wrong)
		wrong = ends_check(&o->remote, &o->outer, &o->lease);
	if (wrong)
		return wrong;
	return reqid_valid(o->reqid) ? NULL : "reqid";
}

static const char *address_check(const struct record_address *a)
{
	if (!addr_valid(&a->addr))
		return "addr";
	if (a->prefix_len > addr_len(&a->addr) * 8)
		return "prefix_len";
	return a->gone > 1 ? "gone" : NULL;
}

static const char *socket_check(const struct record_socket *s)
{
	const char *wrong = pair_check(&s->local, &s->remote);

	if (wrong)
		return wrong;
	if (s->reqid && !reqid_valid(s->reqid))
		return "reqid";
	return s->identified > 1 ? "identified" : NULL;
}

static const char *hint_check(const struct record_hint *h)
{
	const char *wrong = pair_check(&h->local, &h->remote);

	if (wrong)
		return wrong;
	return h->udp_remote > UINT16_MAX || (h->udp_remote && !h->spi)
		       ? "udp_remote"
		       : NULL;
}

static const char *counted_check(const struct record_counted *c)
{
	const uint32_t known = RECORD_IS_SENDING | RECORD_IS_HARDENED |
			       RECORD_IS_GATED | RECORD_IS_ORPHAN;
	const char *wrong = pair_check(&c->local, &c->remote);

	if (wrong)
		return wrong;
	if (!reqid_valid(c->reqid))
		return "reqid";
	if (c->flags & ~known)
		return "flags";
	return c->guarded > 1 ? "guarded" : NULL;
}

static const char *began_check(const struct record_began *b)
{
	const char *wrong = pair_check(&b->local, &b->remote);

	if (wrong)
		return wrong;
	if (b->first > 1)
		return "first";
	if (b->n > RECORD_BEGAN_MAX)
		return "n";
	for (size_t i = 0; i < b->n; i++)
		if (b->list[i].protocol != IPPROTO_TCP &&
		    b->list[i].protocol != IPPROTO_UDP)
			return "protocol";
	return zero_all(&b->list[b->n],
			(RECORD_BEGAN_MAX - b->n) * sizeof(b->list[0]))
		       ? NULL
		       : "list";
}

/* How much of the union a record uses; nothing if it is not here. */
static const size_t used[RECORD_TYPES] = {
	[RECORD_HELLO] = sizeof(struct record_hello),
	[RECORD_RELOAD] = sizeof(struct record_reload),
	[RECORD_INSTALL] = sizeof(struct record_install),
	[RECORD_VERDICT] = sizeof(struct record_verdict),
	[RECORD_ALIVE] = sizeof(struct record_alive),
	[RECORD_WELCOME] = sizeof(struct record_welcome),
	[RECORD_REPLY] = sizeof(struct record_reply),
	[RECORD_ACQUIRE] = sizeof(struct record_acquire),
	[RECORD_EXPIRE] = sizeof(struct record_expire),
	[RECORD_ORPHAN] = sizeof(struct record_orphan),
	[RECORD_ADDRESS] = sizeof(struct record_address),
	[RECORD_SOCKET] = sizeof(struct record_socket),
	[RECORD_HINT] = sizeof(struct record_hint),
	[RECORD_COUNTED] = sizeof(struct record_counted),
	[RECORD_BEGAN] = sizeof(struct record_began),
	[RECORD_SWITCH] = sizeof(struct record_flow),
	[RECORD_HARDEN] = sizeof(struct record_flow),
	[RECORD_REMOVE_SA] = sizeof(struct record_flow),
	[RECORD_REMOVE] = sizeof(struct record_flow),
	[RECORD_MOVE] = sizeof(struct record_flow),
	[RECORD_USED] = sizeof(struct record_flow),
	[RECORD_ABANDON] = sizeof(struct record_flow),
	[RECORD_COUNT] = sizeof(struct record_flow),
	[RECORD_IDLE] = sizeof(struct record_flow),
	[RECORD_MAPPED] = sizeof(struct record_flow),
};

/* The name of the field that is wrong. */
static const char *body_check(const struct record *r)
{
	switch ((enum record_type)r->type) {
	case RECORD_HELLO:
	case RECORD_RELOAD:
	case RECORD_BYE:
	case RECORD_REPAIR:
		return NULL;
	case RECORD_INSTALL:
		return install_check(&r->install);
	case RECORD_SWITCH:
	case RECORD_HARDEN:
	case RECORD_REMOVE_SA:
	case RECORD_REMOVE:
	case RECORD_MOVE:
	case RECORD_USED:
	case RECORD_IDLE:
	case RECORD_MAPPED:
	case RECORD_ABANDON:
	case RECORD_COUNT:
		return flow_check(&r->flow, r->type);
	case RECORD_VERDICT:
		return verdict_check(&r->verdict);
	case RECORD_ALIVE:
		return r->alive.separate > 1   ? "separate"
		       : r->alive.forwards > 3 ? "forwards"
					       : NULL;
	case RECORD_WELCOME:
		return welcome_check(&r->welcome);
	case RECORD_REPLY:
		return reply_check(&r->reply);
	case RECORD_ACQUIRE:
		return acquire_check(&r->acquire);
	case RECORD_EXPIRE:
		return expire_check(&r->expire);
	case RECORD_ORPHAN:
		return orphan_check(&r->orphan);
	case RECORD_ADDRESS:
		return address_check(&r->address);
	case RECORD_SOCKET:
		return socket_check(&r->socket);
	case RECORD_HINT:
		return hint_check(&r->hint);
	case RECORD_COUNTED:
		return counted_check(&r->counted);
	case RECORD_BEGAN:
		return began_check(&r->began);
	case RECORD_TYPES:
		break;
	}
	return "type";
}

int record_validate(const struct record *r, const char **ret_field)
{
	const size_t body = offsetof(struct record, hello);
	const char *wrong;

	if (r->version != RECORD_VERSION)
		wrong = "version";
	else
		wrong = body_check(r);
	if (!wrong && !zero_all((const uint8_t *)r + body + used[r->type],
				sizeof(*r) - body - used[r->type]))
		wrong = "reserved";
	if (!wrong)
		return 0;
	*ret_field = wrong;
	return -EPROTO;
}
