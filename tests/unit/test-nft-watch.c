/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Is a table what it was? Against a ruleset of three numbers. */
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "xfrm/nfnl.h"
#include "xfrm/nft-watch.h"

#define NFT(type) (NFNL_SUBSYS_NFTABLES << 8 | (type))

static struct {
	uint32_t generation;
	uint64_t handle; /* 0: no table */
	unsigned rules;
	uint16_t asked;
	uint32_t seq;
	unsigned given; /* of the answer */
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

int nfnl_send(struct nl_sock *s, const void *data, size_t len)
{
	struct rbuf r = rbuf_of(data, len);
	struct nfnl_message m;

	(void)s;
	assert_int_equal(nfnl_next(&r, &m), 1);
	fake.asked = m.type;
	fake.seq = m.seq;
	fake.given = 0;
	return 0;
}

static void put_end(struct wbuf *w, uint16_t type, int32_t error)
{
	struct nlmsghdr h = { .nlmsg_len = sizeof(h) + sizeof(error),
			      .nlmsg_type = type,
			      .nlmsg_seq = fake.seq };

	wbuf_bytes(w, &h, sizeof(h));
	wbuf_bytes(w, &error, sizeof(error));
}

/* One message at a time, then the end. */
int nfnl_receive(struct nl_sock *s, void *buf, size_t cap)
{
	struct wbuf w = wbuf_of(buf, cap);
	unsigned messages = fake.asked == NFT(NFT_MSG_GETRULE) ? fake.rules : 1;
	size_t at;

	(void)s;
	if (fake.asked != NFT(NFT_MSG_GETGEN) && fake.handle == 0) {
		put_end(&w, NLMSG_ERROR, -ENOENT);
		return (int)w.len;
	}
	if (fake.given++ >= messages) {
		put_end(&w,
			fake.asked == NFT(NFT_MSG_GETRULE) ? NLMSG_DONE
							   : NLMSG_ERROR,
			0);
		return (int)w.len;
	}
	at = nfnl_begin(&w, NFT(NFT_MSG_NEWGEN), 0, fake.seq, 0, 0);
	if (fake.asked == NFT(NFT_MSG_GETGEN))
		nfnl_put_be32(&w, NFTA_GEN_ID, fake.generation);
	else if (fake.asked == NFT(NFT_MSG_GETTABLE))
		nfnl_put_be64(&w, NFTA_TABLE_HANDLE, fake.handle);
	nfnl_end(&w, at);
	return (int)w.len;
}

static void test_watch(void **state)
{
	struct nft_watch *w = NULL;

	(void)state;
	assert_int_equal(nft_watch_new(&w), 0);
	assert_int_equal(nft_watch_note(w, "one"), -ENOENT);
	fake.handle = 1ull << 32 | 7;
	fake.rules = 60;
	fake.generation = 3;
	assert_int_equal(nft_watch_intact(w, "one"), -ENOENT);
	assert_int_equal(nft_watch_note(w, "one"), 0);
	assert_int_equal(nft_watch_intact(w, "one"), 1);
	assert_int_equal(nft_watch_changed(w), 1);
	assert_int_equal(nft_watch_changed(w), 0);
	fake.generation++;
	assert_int_equal(nft_watch_changed(w), 1);
	/* A rule is gone; another table by that name; none. */
	fake.rules--;
	assert_int_equal(nft_watch_intact(w, "one"), 0);
	fake.rules++;
	fake.handle++;
	assert_int_equal(nft_watch_intact(w, "one"), 0);
	assert_int_equal(nft_watch_note(w, "one"), 0);
	assert_int_equal(nft_watch_intact(w, "one"), 1);
	fake.handle = 0;
	assert_int_equal(nft_watch_intact(w, "one"), 0);
	fake.handle = 5;
	assert_int_equal(nft_watch_note(w, "two"), 0);
	assert_int_equal(nft_watch_note(w, "three"), 0);
	assert_int_equal(nft_watch_note(w, "four"), -ENOSPC);
	assert_null(nft_watch_free(w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_watch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
