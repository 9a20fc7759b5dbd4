/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What nft.c asks of the kernel, against a socket that only remembers. Each
 * batch is written down as text: "+set key", "-set key", "-set" (emptied),
 * "(" and ")" its ends, "?set key" a question. What the rules do is for the
 * lab to show.
 */
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "util/limits.h"
#include "xfrm/nfnl.h"
#include "xfrm/nft-hear.h"
#include "xfrm/nft-rules.h"
#include "xfrm/nft-translate.h"
#include "xfrm/nft.h"

#define NFT(type) (NFNL_SUBSYS_NFTABLES << 8 | (type))

/* Of one test at a time. */
static struct {
	char log[8192];
	size_t sends, rules, sets, chains, fibs, elements, largest;
	int errors[8]; /* answer to the n-th request */
	bool answered;
} fake;

int nfnl_open(int receive_buffer, int send_buffer, struct nl_sock **ret)
{
	(void)receive_buffer;
	(void)send_buffer;
	*ret = (struct nl_sock *)&fake;
	return 0;
}

struct nl_sock *nfnl_close(struct nl_sock *s)
{
	(void)s;
	return NULL;
}

static void say(const char *a, const char *b, const char *c)
{
	size_t len = strlen(fake.log);

	snprintf(fake.log + len, sizeof(fake.log) - len, "%s%s%s%s",
		 len ? " " : "", a, b, c);
}

static void text_of_key(struct rbuf key, const char *set, char *ret)
{
	bool port;
	struct addr a = { 0 };
	struct rbuf value;
	size_t len;
	uint16_t type;

	assert_int_equal(nfnl_next_attr(&key, &type, &value), 1);
	assert_int_equal(type, NFTA_DATA_VALUE);
	if (!strncmp(set, "open", 4) || !strncmp(set, "na", 2)) {
		for (size_t i = 0; i < value.left; i++)
			sprintf(ret + 2 * i, "%02x", value.pos[i]);
		return;
	}
	/* One address, a pair of them, or one with a port. */
	len = value.left <= 8 ? 4 : 16;
	port = value.left == len + 4 && len + 4 != 2 * len;
	port = port || !strcmp(set, "dns4");
	assert_true(value.left == len || value.left == 2 * len || port);
	a.family = len == 4 ? AF_INET : AF_INET6;
	memcpy(a.bytes, value.pos, len);
	addr_format(&a, ret);
	if (port)
		sprintf(ret + strlen(ret), "@%u",
			value.pos[len] << 8 | value.pos[len + 1]);
	if (value.left == len || port)
		return;
	memcpy(a.bytes, value.pos + len, len);
	strcat(ret, ">");
	addr_format(&a, ret + strlen(ret));
}

static void log_element(struct rbuf element, const char *sign, const char *set)
{
	char text[3 * ADDR_STRLEN + 40] = " ", more[24];
	struct rbuf data;
	uint16_t type;

	fake.elements++;
	while (nfnl_next_attr(&element, &type, &data) > 0) {
		if (type == NFTA_SET_ELEM_KEY)
			text_of_key(data, set, text + strlen(text));
		else if (type == NFTA_SET_ELEM_KEY_END) {
			strcat(text, "-");
			text_of_key(data, set, text + strlen(text));
		} else if (type == NFTA_SET_ELEM_DATA) {
			strcat(text, "=");
			text_of_key(data, "", text + strlen(text));
		} else if (type == NFTA_SET_ELEM_FLAGS)
			strcpy(text, "!");
		else if (type == NFTA_SET_ELEM_TIMEOUT) {
			snprintf(more, sizeof(more), "/%llu",
				 (unsigned long long)rbuf_be64(&data));
			strcat(text, more);
		}
	}
	say(sign, set, text);
}

static void log_elements(struct nfnl_message *m, const char *sign)
{
	char set[32] = "?";
	struct rbuf data, element;
	bool any = false;
	uint16_t type;

	while (nfnl_next_attr(&m->attrs, &type, &data) > 0) {
		if (type == NFTA_SET_ELEM_LIST_SET)
			snprintf(set, sizeof(set), "%s",
				 (const char *)data.pos);
		if (type != NFTA_SET_ELEM_LIST_ELEMENTS)
			continue;
		while (nfnl_next_attr(&data, &type, &element) > 0) {
			log_element(element, sign, set);
			any = true;
		}
	}
	if (!any)
		say(sign, set, "");
}

static void log_message(struct nfnl_message *m)
{
	switch (m->type) {
	case NFNL_MSG_BATCH_BEGIN:
		assert_int_equal(m->res_id, NFNL_SUBSYS_NFTABLES);
		say("(", "", "");
		break;
	case NFNL_MSG_BATCH_END:
		say(")", "", "");
		break;
	case NFT(NFT_MSG_NEWSETELEM):
		log_elements(m, "+");
		break;
	case NFT(NFT_MSG_DELSETELEM):
		log_elements(m, "-");
		break;
	case NFT(NFT_MSG_GETSETELEM):
		log_elements(m, "?");
		break;
	case NFT(NFT_MSG_NEWTABLE):
		say("+table", "", "");
		break;
	case NFT(NFT_MSG_DELTABLE):
		say("-table", "", "");
		break;
	case NFT(NFT_MSG_DELRULE):
		say("-rules", "", "");
		break;
	case NFT(NFT_MSG_NEWRULE):
		fake.rules++;
		break;
	case NFT(NFT_MSG_NEWSET):
		fake.sets++;
		break;
	case NFT(NFT_MSG_NEWCHAIN):
		fake.chains++;
		break;
	default:
		fail_msg("message %#x", m->type);
	}
}

int nfnl_send(struct nl_sock *s, const void *data, size_t len)
{
	struct rbuf r = rbuf_of(data, len);
	struct nfnl_message m;
	int n;

	assert_ptr_equal(s, &fake);
	while ((n = nfnl_next(&r, &m)) > 0) {
		log_message(&m);
		if (len > fake.largest)
			fake.largest = len;
	}
	assert_int_equal(n, 0);
	for (size_t i = 0; i + 4 <= len; i++)
		fake.fibs += memcmp((const char *)data + i, "fib", 4) == 0;
	fake.sends++;
	fake.answered = false;
	return 0;
}

int nfnl_receive(struct nl_sock *s, void *buf, size_t cap)
{
	struct {
		struct nlmsghdr h;
		int32_t error;
	} e = { { .nlmsg_len = sizeof(e), .nlmsg_type = NLMSG_ERROR }, 0 };

	assert_ptr_equal(s, &fake);
	assert_true(cap >= sizeof(e));
	if (fake.answered || fake.sends > 8 || fake.errors[fake.sends - 1] == 0)
		return 0;
	e.error = fake.errors[fake.sends - 1];
	memcpy(buf, &e, sizeof(e));
	fake.answered = true;
	return sizeof(e);
}

static const struct nft_table_config config = { .queue_offer = 1,
						.queue_require = 2,
						.port = 500,
						.natt_port = 4500,
						.mark_bit = 31,
						.dns_bit = 30,
						.recursive = true };

#define LOCAL(family) address((family) == 4 ? "9.9.9.9" : "2001:db8::9")

static struct addr address(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static int reset(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	return 0;
}

static struct nft_table *make(void)
{
	struct nft_table *t = NULL;

	assert_int_equal(nft_table_new(&config, &t), 0);
	memset(&fake, 0, sizeof(fake));
	return t;
}

static void test_new(void **state)
{
	struct nft_table_config bad = config;
	struct nft_table *t = NULL;

	assert_int_equal(nft_table_new(&config, &t), 0);
	assert_string_equal(fake.log, "( +table -table +table )");
	assert_int_equal(fake.sets, 22);
	assert_int_equal(fake.chains, 12);
	assert_int_equal(fake.fibs, 6);
	assert_true(fake.largest < NFT_RULES_SIZE);
	nft_table_free(t);

	/* A kernel without fib. */
	reset(state);
	t = NULL;
	fake.errors[0] = -ENOENT;
	assert_int_equal(nft_table_new(&config, &t), 0);
	assert_int_equal(fake.sends, 2);
	assert_int_equal(fake.fibs, 6);
	nft_table_free(t);

	reset(state);
	t = NULL;
	fake.errors[0] = fake.errors[1] = -EINVAL;
	assert_int_equal(nft_table_new(&config, &t), -EOPNOTSUPP);
	reset(state);
	fake.errors[0] = -EPERM;
	assert_int_equal(nft_table_new(&config, &t), -EPERM);
	assert_int_equal(fake.sends, 1);
	bad.mark_bit = 32;
	assert_int_equal(nft_table_new(&bad, &t), -EINVAL);
	bad.mark_bit = bad.dns_bit;
	assert_int_equal(nft_table_new(&bad, &t), -EINVAL);
	assert_null(t);
}

static void test_servers(void **state)
{
	const struct nameserver s[] = { { address("192.0.2.53"), 53 },
					{ address("2001:db8::53"), 853 } };
	struct nft_table *t = make();

	(void)state;
	assert_int_equal(nft_table_set_servers(t, s, 2), 0);
	assert_string_equal(fake.log, "( -dns4 -dns6 +dns4 192.0.2.53@53 "
				      "+dns6 2001:db8::53@853 )");
	nft_table_free(t);
}

/* An element is from the first key to the last one; without any, there are no
 * rules either. */
static void test_openings(void **state)
{
	const struct nft_opening list[] = {
		{ NFT_OPEN,
		  address("10.1.0.0"),
		  address("10.1.15.255"),
		  { IPPROTO_TCP, 9100 } },
		{ NFT_OPEN,
		  address("fd00::"),
		  address("fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
		  { IPPROTO_UDP, 161 } },
	};
	const struct nft_opening narrow[] = {
		{ NFT_NAMED,
		  address("10.1.0.0"),
		  address("10.1.0.3"),
		  { IPPROTO_TCP, 443 } },
		{ NFT_NARROW,
		  address("10.1.0.0"),
		  address("10.1.0.9"),
		  { 0, 0 } },
	};
	struct nft_table *t = make();
	size_t with;

	(void)state;
	assert_int_equal(nft_table_set_openings(t, list, 2), 0);
	assert_string_equal(
		fake.log,
		"( -rules -rules -open4 -open6 -narrow4 -narrow6 -named4 "
		"-named6 +open4 0a01000006000000238c0000-0a010fff06000000238c0000 "
		"+open6 fd00000000000000000000000000000011000000"
		"00a10000-fdffffffffffffffffffffffffffffff11000000"
		"00a10000 -rules -rules )");
	with = fake.rules;
	/* The ways there are there already. */
	reset(state);
	assert_int_equal(nft_table_set_openings(t, list, 1), 0);
	assert_int_equal(fake.rules, 8);
	reset(state);
	assert_int_equal(nft_table_set_openings(t, NULL, 0), 0);
	assert_string_equal(fake.log, "( -rules -rules -open4 -open6 "
				      "-narrow4 -narrow6 -named4 -named6 "
				      "-rules -rules )");
	/* Two ways less. */
	assert_int_equal(fake.rules, with - 8 - 2);
	reset(state);
	assert_int_equal(nft_table_set_openings(t, NULL, 0), 0);
	assert_int_equal(fake.rules, 0);
	reset(state);
	assert_int_equal(nft_table_set_openings(t, narrow, 2), 0);
	assert_string_equal(
		fake.log,
		"( -rules -rules -open4 -open6 -narrow4 -narrow6 -named4 "
		"-named6 +named4 0a0100000600000001bb0000-"
		"0a0100030600000001bb0000 +narrow4 0a01000000000000-"
		"0a010009ff000000 -rules -rules )");
	nft_table_free(t);
}

static void test_new_hear(void **state)
{
	const struct nft_hear_config c = { .group = 5,
					   .port = 500,
					   .natt_port = 4500 };
	const struct nft_change changes[] = {
		{ SET_SPI,
		  false,
		  0,
		  LOCAL(4),
		  { 0 },
		  0x0a000001,
		  { 0 },
		  { 0 } },
		{ SET_SECURED,
		  true,
		  0,
		  LOCAL(6),
		  address("fe80::1%2"),
		  0,
		  { 0 },
		  { 0 } },
	};
	struct nft_table *t = NULL;

	assert_int_equal(nft_table_new_hear(&c, &t), 0);
	assert_string_equal(fake.log, "( +table -table +table )");
	assert_int_equal(fake.sets, 14);
	assert_int_equal(fake.chains, 7);
	assert_true(fake.largest < NFT_HEAR_SIZE);
	reset(state);
	/* An SPI stands where the second address does. */
	assert_int_equal(nft_table_change(t, changes, 2), 0);
	assert_string_equal(fake.log, "( +spi4 9.9.9.9>10.0.0.1 "
				      "-secured6 2001:db8::9>fe80::1 )");
	nft_table_free(t);

	reset(state);
	t = NULL;
	fake.errors[0] = -ENOENT;
	assert_int_equal(nft_table_new_hear(&c, &t), -EOPNOTSUPP);
	assert_null(t);
}

static struct nft_change leased(enum nft_set set, struct addr local,
				const char *remote, const char *lease)
{
	return (struct nft_change){ .set = set,
				    .local = local,
				    .remote = address(remote),
				    .lease = address(lease) };
}

static void test_new_translate(void **state)
{
	const struct nft_change changes[] = {
		leased(SET_LEASE_IN, LOCAL(4), "192.0.2.1", "100.64.0.5"),
		leased(SET_LEASE_OUT, LOCAL(6), "2001:db8::1", "fd00::5"),
		leased(SET_ERROR_IN, LOCAL(4), "192.0.2.1", "100.64.0.5"),
		leased(SET_ERROR_OUT, LOCAL(6), "2001:db8::1", "fd00::5"),
	};
	struct nft_table *t = NULL;

	/* It is only tried. */
	assert_int_equal(nft_table_new_translate(&t), 0);
	assert_string_equal(fake.log, "( +table -table )");
	assert_int_equal(fake.sets, 8);
	assert_int_equal(fake.chains, 2);
	assert_int_equal(fake.rules, 12);
	assert_true(fake.largest < NFT_TRANSLATE_SIZE);
	/* One transaction, in the place of a table that is there. */
	reset(state);
	assert_int_equal(nft_table_make_translate(t, changes, 4), 0);
	assert_string_equal(fake.log,
			    "( +table -table +table "
			    "+in4 192.0.2.1>100.64.0.5=9.9.9.9 "
			    "+out6 2001:db8::9>2001:db8::1=fd00::5 "
			    "+error_in4 192.0.2.1>100.64.0.5=9.9.9.9 "
			    "+error_out6 2001:db8::9>2001:db8::1=fd00::5 )");
	reset(state);
	assert_int_equal(nft_table_change(t, changes, 1), 0);
	assert_string_equal(fake.log, "( +in4 192.0.2.1>100.64.0.5=9.9.9.9 )");
	/* Somebody removed it, until there is one again. */
	reset(state);
	fake.errors[0] = fake.errors[1] = fake.errors[2] = -ENOENT;
	assert_int_equal(nft_table_change(t, changes, 1), -ENOENT);
	reset(state);
	assert_int_equal(nft_table_change(t, changes, 1), -ENOENT);
	assert_int_equal(fake.sends, 0);
	assert_int_equal(nft_table_make_translate(t, NULL, 0), 0);
	assert_int_equal(nft_table_change(t, changes, 2), 0);
	nft_table_free(t);

	reset(state);
	t = NULL;
	fake.errors[0] = -ENOENT;
	assert_int_equal(nft_table_new_translate(&t), -EOPNOTSUPP);
	assert_null(t);
}

static const char drain_log[] = "( +drain_offer4 9.9.9.9>10.0.0.1/40000 "
				"-drain_require6 2001:db8::9>fe80::1 )";

static void test_change(void **state)
{
	const struct nft_change c[] = {
		{ SET_DRAIN_OFFER,
		  false,
		  40000,
		  LOCAL(4),
		  address("10.0.0.1"),
		  0,
		  { 0 },
		  { 0 } },
		{ SET_DRAIN_REQUIRE,
		  true,
		  40000,
		  LOCAL(6),
		  address("fe80::1%2"),
		  0,
		  { 0 },
		  { 0 } },
		{ SET_CLEAR,
		  false,
		  500,
		  LOCAL(6),
		  address("2001:db8::1"),
		  0,
		  { 0 },
		  { 0 } },
		{ SET_CLEAR,
		  true,
		  500,
		  LOCAL(6),
		  address("2001:db8::2"),
		  0,
		  { 0 },
		  { 0 } },
	};
	struct nft_table *t = make();

	assert_int_equal(nft_table_change(t, c, 0), 0);
	assert_int_equal(fake.sends, 0);
	assert_int_equal(nft_table_change(t, c, 2), 0);
	assert_string_equal(fake.log, drain_log);
	/* In the set of clear ones, what is there is looked up. */
	reset(state);
	fake.errors[1] = -ENOENT;
	assert_int_equal(nft_table_change(t, c, 4), 0);
	assert_memory_equal(fake.log, drain_log, strlen(drain_log));
	assert_string_equal(
		fake.log + strlen(drain_log),
		" ?clear6 2001:db8::9>2001:db8::1"
		" ( +clear6 2001:db8::9>2001:db8::1/500 )"
		" ?clear6 2001:db8::9>2001:db8::2 ( -clear6 2001:db8::9>2001:db8::2 )");
	/* Renewed; and nothing to remove. */
	reset(state);
	fake.errors[2] = -ENOENT;
	assert_int_equal(nft_table_change(t, c + 2, 2), 0);
	assert_string_equal(
		fake.log,
		"?clear6 2001:db8::9>2001:db8::1"
		" ( -clear6 2001:db8::9>2001:db8::1 +clear6 2001:db8::9>2001:db8::1/500 )"
		" ?clear6 2001:db8::9>2001:db8::2");
	nft_table_free(t);
}

static void test_change_refused(void **state)
{
	const struct nft_change c[] = {
		{ SET_DRAIN_OFFER,
		  true,
		  0,
		  LOCAL(4),
		  address("10.0.0.2"),
		  0,
		  { 0 },
		  { 0 } },
		{ SET_DRAIN_OFFER,
		  false,
		  500,
		  LOCAL(4),
		  address("10.0.0.1"),
		  0,
		  { 0 },
		  { 0 } },
		{ SET_DRAIN_OFFER,
		  true,
		  0,
		  LOCAL(4),
		  address("10.0.0.3"),
		  0,
		  { 0 },
		  { 0 } },
	};
	struct nft_table *t = make();

	/* One by one, each to its end: gone already, not there, there. */
	fake.errors[0] = fake.errors[1] = fake.errors[2] = -ENOENT;
	assert_int_equal(nft_table_change(t, c, 3), 0);
	assert_string_equal(
		fake.log,
		"( -drain_offer4 9.9.9.9>10.0.0.2 "
		"+drain_offer4 9.9.9.9>10.0.0.1/500 "
		"-drain_offer4 9.9.9.9>10.0.0.3 ) "
		"?drain_offer4 9.9.9.9>10.0.0.2 ?drain_offer4 9.9.9.9>10.0.0.1 "
		"( +drain_offer4 9.9.9.9>10.0.0.1/500 ) "
		"?drain_offer4 9.9.9.9>10.0.0.3 "
		"( -drain_offer4 9.9.9.9>10.0.0.3 )");
	/* An error of one does not keep the others. */
	reset(state);
	fake.errors[0] = -ENOENT;
	fake.errors[2] = -ENOMEM;
	assert_int_equal(nft_table_change(t, c, 3), -ENOMEM);
	assert_int_equal(fake.sends, 7);
	nft_table_free(t);
}

static void test_table_gone(void **state)
{
	const struct nft_change add = {
		SET_CLEAR,	     false, 500,   LOCAL(4),
		address("10.0.0.1"), 0,	    { 0 }, { 0 }
	};
	struct nft_table *t = make();

	fake.errors[0] = fake.errors[1] = -ENOENT;
	assert_int_equal(nft_table_change(t, &add, 1), -ENOENT);
	/* Known now, and not asked for again, */
	assert_int_equal(nft_table_change(t, &add, 1), -ENOENT);
	assert_int_equal(fake.sends, 2);
	/* until ranges find a table. */
	fake.errors[2] = -ENOENT;
	assert_int_equal(nft_table_set_ranges(t, NULL, 0), -ENOENT);
	assert_int_equal(nft_table_change(t, &add, 1), -ENOENT);
	assert_int_equal(fake.sends, 3);
	assert_int_equal(nft_table_set_ranges(t, NULL, 0), 0);
	reset(state);
	assert_int_equal(nft_table_change(t, &add, 1), 0);
	nft_table_free(t);
}

static void test_many_changes(void **state)
{
	struct nft_change c[100];
	struct nft_table *t = make();
	char text[32];

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "2001:db8::%x", i + 1);
		c[i] = (struct nft_change){ .set = SET_DRAIN_REQUIRE,
					    .lifetime_ms = 40000,
					    .local = LOCAL(6),
					    .remote = address(text) };
	}
	assert_int_equal(nft_table_change(t, c, 100), 0);
	assert_int_equal(fake.elements, 100);
	assert_int_equal(fake.sends, 4);
	nft_table_free(t);
}

static void test_ranges(void **state)
{
	const struct nft_range r[] = {
		{ SET_OFFER, address("0.0.0.0"), address("9.255.255.255") },
		{ SET_OFFER, address("10.0.0.0"), address("10.0.0.0") },
		{ SET_OFFER, address("10.0.0.1"), address("10.0.0.255") },
		{ SET_OFFER, address("10.0.2.0"), address("10.0.2.255") },
		{ SET_OFFER, address("224.0.0.0"), address("255.255.255.255") },
		{ SET_OFFER, address("2001:db8::"), address("2001:db8::ffff") },
		{ SET_REQUIRE, address("10.0.1.0"), address("10.0.1.255") },
		{ SET_REQUIRE, address("ffff::"),
		  address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff") },
	};
	struct nft_table *t = make();

	(void)state;
	assert_int_equal(nft_table_set_ranges(t, r, 8), 0);
	assert_string_equal(fake.log,
			    "( -offer4 -offer6 -require4 -require6 "
			    "+offer4 0.0.0.0 +offer4!10.0.1.0 "
			    "+offer4 10.0.2.0 +offer4!10.0.3.0 "
			    "+offer4 224.0.0.0 "
			    "+offer6 2001:db8:: +offer6!2001:db8::1:0 "
			    "+require4 10.0.1.0 +require4!10.0.2.0 "
			    "+require6 ffff:: )");
	reset(state);
	assert_int_equal(nft_table_set_ranges(t, NULL, 0), 0);
	assert_string_equal(fake.log,
			    "( -offer4 -offer6 -require4 -require6 )");
	reset(state);
	fake.errors[0] = -ENOENT;
	assert_int_equal(nft_table_set_ranges(t, r, 8), -ENOENT);
	nft_table_free(t);
}

/* As many as the configuration may have, and every second address. */
static void test_many_ranges(void **state)
{
	size_t n = 2 * LIMIT_POLICY_NETWORKS;
	struct nft_range *r = calloc(n, sizeof(*r));
	struct nft_table *t = make();

	(void)state;
	assert_non_null(r);
	for (size_t i = 0; i < n; i++) {
		uint32_t at = (uint32_t)(i % (n / 2)) * 2;

		r[i].set = i < n / 2 ? SET_OFFER : SET_REQUIRE;
		r[i].first = address("2001:db8::");
		for (unsigned b = 0; b < 4; b++)
			r[i].first.bytes[15 - b] = (uint8_t)(at >> 8 * b);
		r[i].last = r[i].first;
	}
	assert_int_equal(nft_table_set_ranges(t, r, n), 0);
	assert_int_equal(fake.sends, 1);
	assert_int_equal(fake.elements, 2 * n);
	nft_table_free(t);
	free(r);
}

static void test_end(void **state)
{
	struct nft_table *t = make();

	assert_int_equal(nft_table_disarm(t), 0);
	assert_string_equal(fake.log,
			    "( -offer4 -offer6 -drain_offer4 -drain_offer6 "
			    "-drain_require4 -drain_require6 "
			    "-clear4 -clear6 )");
	reset(state);
	assert_int_equal(nft_table_remove(t), 0);
	assert_string_equal(fake.log, "( -table )");
	reset(state);
	fake.errors[0] = -ENOENT;
	assert_int_equal(nft_table_remove(t), 0);
	nft_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_new, reset),
		cmocka_unit_test_setup(test_servers, reset),
		cmocka_unit_test_setup(test_openings, reset),
		cmocka_unit_test_setup(test_new_hear, reset),
		cmocka_unit_test_setup(test_new_translate, reset),
		cmocka_unit_test_setup(test_change, reset),
		cmocka_unit_test_setup(test_change_refused, reset),
		cmocka_unit_test_setup(test_table_gone, reset),
		cmocka_unit_test_setup(test_many_changes, reset),
		cmocka_unit_test_setup(test_ranges, reset),
		cmocka_unit_test_setup(test_many_ranges, reset),
		cmocka_unit_test_setup(test_end, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
