/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is asked of the queues and of the table, as text.
 */
#include "tests/unit/hold-fake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/limits.h"
#include "xfrm/dest.h"
#include "xfrm/nft.h"
#include "xfrm/queue.h"

struct hold_fake fake;

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *format, ...)
{
	size_t len = strlen(fake.log);
	va_list ap;

	if (fake.quiet)
		return;
	assert_true(len + 128 < sizeof(fake.log));
	if (len > 0)
		fake.log[len++] = ' ';
	va_start(ap, format);
	vsnprintf(fake.log + len, sizeof(fake.log) - len, format, ap);
	va_end(ap);
}

struct addr address(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

/* Where packets come from: one of two addresses of ours. */
static struct addr local_to(const struct addr *remote, bool second)
{
	struct addr a = address(remote->family == AF_INET ? "10.9.9.1"
							  : "2001:db8:9::1");

	a.bytes[addr_len(&a) - 1] += second;
	return a;
}

/* "A", or "A'" from the second address. */
static char *format(const struct addr *local, const struct addr *remote,
		    char text[static ADDR_STRLEN + 1])
{
	struct addr second = local_to(remote, true);

	addr_format(remote, text);
	if (addr_equal(local, &second))
		strcat(text, "'");
	return text;
}

/* --- the stand-ins -------------------------------------------------------- */

int queue_new(const struct queue_config *c, struct queue **ret)
{
	assert_true(c->length >= LIMIT_HELD);
	if (fake.queue_error)
		return fake.queue_error;
	*ret = (struct queue *)&fake;
	return 0;
}

struct queue *queue_free(struct queue *q)
{
	if (q)
		say("unbind");
	return NULL;
}

int queue_fd(const struct queue *q)
{
	(void)q;
	return 7;
}

int queue_receive(struct queue *q, struct queue_packet *ret)
{
	struct input *in = &fake.in[fake.next_in];

	(void)q;
	if (fake.next_in == fake.n_in)
		return QUEUE_EMPTY;
	fake.next_in++;
	if (in->result != QUEUE_PACKET)
		return in->result;
	*ret = (struct queue_packet){ .queue = in->queue,
				      .id = in->id,
				      .mark = in->id,
				      .out_ifindex = 3,
				      .family = in->family,
				      .head = in->head,
				      .len = in->len };
	return QUEUE_PACKET;
}

int queue_verdict(struct queue *q, uint16_t queue, uint32_t id,
		  enum queue_verdict v, uint32_t mark)
{
	(void)q;
	(void)queue;
	fake.n_verdicts++;
	if (v == QUEUE_ACCEPT_MARK)
		assert_int_equal(mark, id ^ 1u << BIT);
	say("%c%u", v == QUEUE_DROP ? 'D' : v == QUEUE_ACCEPT ? 'A' : 'M', id);
	return 0;
}

int queue_flush(struct queue *q)
{
	(void)q;
	return 0;
}

int nft_table_new(const struct nft_table_config *c, struct nft_table **ret)
{
	(void)c;
	if (fake.table_error)
		return fake.table_error;
	*ret = (struct nft_table *)&fake;
	return 0;
}

struct nft_table *nft_table_free(struct nft_table *t)
{
	(void)t;
	return NULL;
}

int nft_table_remove(struct nft_table *t)
{
	(void)t;
	say("remove");
	return 0;
}

int nft_table_disarm(struct nft_table *t)
{
	(void)t;
	say("disarm");
	return 0;
}

int nft_table_change(struct nft_table *t, const struct nft_change *c, size_t n)
{
	char text[ADDR_STRLEN + 1], lifetime[16];

	(void)t;
	for (size_t i = 0; i < n; i++) {
		snprintf(lifetime, sizeof(lifetime), "/%u", c[i].lifetime_ms);
		/* A drain element's lifetime outlives the wait. */
		if (!c[i].remove && c[i].set != SET_CLEAR) {
			assert_true(c[i].lifetime_ms > LIMIT_HELD_REQUIRE_MS);
			lifetime[0] = '\0';
		}
		say("%c%s %s%s", c[i].remove ? '-' : '+',
		    c[i].set == SET_CLEAR	    ? "clear"
		    : c[i].set == SET_DRAIN_OFFER   ? "offer"
		    : c[i].set == SET_DRAIN_REQUIRE ? "require"
						    : "?",
		    format(&c[i].local, &c[i].remote, text),
		    c[i].remove ? "" : lifetime);
	}
	return fake.change_error;
}

int nft_table_set_ranges(struct nft_table *t, const struct nft_range *r,
			 size_t n)
{
	(void)t;
	for (size_t i = 0; i < n; i++) {
		char a[ADDR_STRLEN], b[ADDR_STRLEN];

		say("%s:%s-%s", r[i].set == SET_OFFER ? "offer" : "require",
		    addr_format(&r[i].first, a), addr_format(&r[i].last, b));
	}
	return fake.ranges_error;
}

int nft_table_set_openings(struct nft_table *t, const struct nft_opening *list,
			   size_t n)
{
	(void)t;
	(void)list;
	say("openings:%zu", n);
	return 0;
}

int nft_table_set_servers(struct nft_table *t, const struct nameserver *s,
			  size_t n)
{
	(void)t;
	(void)s;
	say("servers:%zu", n);
	return 0;
}

/* --- the bench ------------------------------------------------------------ */

void on_first(void *user, const struct hold_packet *p)
{
	char text[ADDR_STRLEN + 1];

	assert_ptr_equal(user, &fake);
	say("first %s%s", format(&p->local, &p->remote, text),
	    p->require ? "!" : "");
	if (fake.release_at_once)
		assert_int_equal(hold_release(fake.hold, &p->local, &p->remote,
					      fake.now),
				 0);
}

int make(void **state)
{
	const struct hold_config c = { .queue_offer = OFFER,
				       .queue_require = REQUIRE,
				       .port = 500,
				       .natt_port = 4500,
				       .mark_bit = BIT,
				       .wait_ms = WAIT };
	const struct hold_ops ops = { .user = &fake, .first = on_first };

	(void)state;
	memset(&fake, 0, sizeof(fake));
	return hold_new(&c, &ops, &fake.hold);
}

int unmake(void **state)
{
	(void)state;
	hold_free(fake.hold, false);
	return 0;
}

void come_from(bool second, uint16_t queue, const char *to)
{
	struct addr a = address(to), local = local_to(&a, second);
	struct input *in = &fake.in[fake.n_in++];

	assert_true(fake.n_in < INPUT);
	in->queue = queue;
	in->id = ++fake.next_id;
	in->family = (uint8_t)a.family;
	in->result = QUEUE_PACKET;
	memset(in->head, 0, sizeof(in->head));
	if (a.family == AF_INET) {
		in->len = 20;
		in->head[0] = 0x45;
		in->head[9] = 1;
		memcpy(in->head + 12, local.bytes, 4);
		memcpy(in->head + 16, a.bytes, 4);
	} else {
		in->len = 40;
		in->head[0] = 0x60;
		in->head[6] = 58;
		memcpy(in->head + 8, local.bytes, 16);
		memcpy(in->head + 24, a.bytes, 16);
	}
}

void come(uint16_t queue, const char *to)
{
	come_from(false, queue, to);
}

void at(uint64_t now)
{
	fake.now = now;
	assert_int_equal(hold_dispatch(fake.hold, now), 0);
	fake.n_in = fake.next_in = 0;
}

void release(const char *to)
{
	struct addr a = address(to), local = local_to(&a, false);

	assert_int_equal(hold_release(fake.hold, &local, &a, fake.now), 0);
}

int clear(const char *to, uint32_t lifetime_ms)
{
	struct addr a = address(to), local = local_to(&a, false);

	return hold_clear(fake.hold, &local, &a, fake.now, lifetime_ms);
}

void forget(const char *to)
{
	struct addr a = address(to), local = local_to(&a, false);

	assert_int_equal(hold_forget(fake.hold, &local, &a), 0);
}

void drop(const char *to)
{
	struct addr a = address(to), local = local_to(&a, false);

	assert_int_equal(hold_drop(fake.hold, &local, &a), 0);
}

void gate(const char *to)
{
	struct addr a = address(to), local = local_to(&a, false);

	assert_int_equal(hold_gate(fake.hold, &local, &a, fake.now), 0);
}

struct hold_counters counters(void)
{
	struct hold_counters c;

	hold_count(fake.hold, &c);
	return c;
}
