/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dnskeys/update.c against a server made up in another process: what it is
 * sent, and what each of its answers means.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <ldns/ldns.h>

#include "dnskeys/update.h"

#define SECRET "c2VjcmV0IG9mIHRoaXJ0eS10d28gYnl0ZXMsIG5vIGxlc3M="
#define NAME   "h.example.org."
#define KEY1   "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="

static const struct tsig_key good_key = { "ddns.", "hmac-sha256.", SECRET };

enum mood {
	HONEST,
	UNSIGNED,
	FORGED, /* signed with another secret */
	OTHER_ID,
	SHORT,
	SILENT,
	TSIG_BADSIG, /* and the two that follow: the errors of RFC 8945 */
	TSIG_BADKEY,
	TSIG_BADTIME,
	SILENT_ABOUT_TSIG, /* NOTAUTH, and not a word of why */
	MOODS
};

struct server {
	enum mood mood;
	int rcode; /* of updates */
	int fd;
	pid_t pid;
	struct endpoint at;
	char log[32]; /* file with what it has been sent */
};

/* --- the server, in its own process ------------------------------------------- */

static ldns_rr *rr_of(const char *text)
{
	ldns_rr *rr = NULL;

	if (ldns_rr_new_frm_str(&rr, text, 0, NULL, NULL) != LDNS_STATUS_OK)
		_exit(2);
	return rr;
}

static void tsig_fault(ldns_pkt *p, unsigned error)
{
	ldns_rr *rr = ldns_rr_clone(ldns_pkt_tsig(p));
	uint8_t other[8] = { 0, 6 };
	uint64_t ahead = (uint64_t)time(NULL) + 1000;

	for (unsigned i = 0; i < 6; i++)
		other[2 + i] = (uint8_t)(ahead >> (40 - 8 * i));
	ldns_rr_set_rdf(
		rr, ldns_native2rdf_int16(LDNS_RDF_TYPE_INT16, (uint16_t)error),
		5);
	if (error == 18)
		ldns_rr_set_rdf(rr,
				ldns_rdf_new_frm_data(LDNS_RDF_TYPE_INT16_DATA,
						      8, other),
				6);
	ldns_pkt_set_tsig(p, rr);
}

static void sign(const struct server *s, ldns_pkt *reply, const ldns_pkt *query)
{
	const char *secret = s->mood == FORGED ? "b3RoZXI=" : SECRET;
	const ldns_rr *tsig = ldns_pkt_tsig(query);

	if (tsig && s->mood == SILENT_ABOUT_TSIG)
		ldns_pkt_set_rcode(reply, LDNS_RCODE_NOTAUTH);
	if (!tsig || s->mood == UNSIGNED || s->mood == SILENT_ABOUT_TSIG)
		return;
	(void)ldns_pkt_tsig_sign(reply, good_key.name, secret, 300,
				 good_key.algorithm, ldns_rr_rdf(tsig, 3));
	if (s->mood >= TSIG_BADSIG && s->mood <= TSIG_BADTIME) {
		ldns_pkt_set_rcode(reply, LDNS_RCODE_NOTAUTH);
		tsig_fault(reply, 16 + (unsigned)(s->mood - TSIG_BADSIG));
	}
}

static ldns_pkt *answer(const struct server *s, const ldns_pkt *query)
{
	const ldns_rr *q = ldns_rr_list_rr(ldns_pkt_question(query), 0);
	ldns_pkt *p = ldns_pkt_new();

	ldns_pkt_set_id(p,
			(uint16_t)(ldns_pkt_id(query) + (s->mood == OTHER_ID)));
	ldns_pkt_set_qr(p, true);
	ldns_pkt_set_aa(p, true);
	ldns_pkt_set_opcode(p, ldns_pkt_get_opcode(query));
	ldns_pkt_push_rr(p, LDNS_SECTION_QUESTION, ldns_rr_clone(q));
	if (ldns_pkt_get_opcode(query) == LDNS_PACKET_UPDATE)
		ldns_pkt_set_rcode(p, (uint8_t)s->rcode);
	else if (ldns_rr_get_type(q) == LDNS_RR_TYPE_SOA)
		ldns_pkt_push_rr(p, LDNS_SECTION_AUTHORITY,
				 rr_of("example.org. 60 IN SOA a. b. 1 1 1 1 "
				       "1"));
	else
		ldns_pkt_push_rr(p, LDNS_SECTION_ANSWER,
				 rr_of(NAME " 60 IN IPSECKEY 10 0 4 . " KEY1));
	sign(s, p, query);
	return p;
}

static void get(int fd, void *data, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = read(fd, (char *)data + done, len - done);

		if (n <= 0)
			_exit(3);
		done += (size_t)n;
	}
}

static void serve_one(const struct server *s, int fd)
{
	uint8_t size[2], *wire = NULL, buf[65536];
	ldns_pkt *query = NULL, *reply;
	FILE *log = fopen(s->log, "a");
	size_t len;
	char *text;

	get(fd, size, 2);
	get(fd, buf, (size_t)size[0] << 8 | size[1]);
	if (!log ||
	    ldns_wire2pkt(&query, buf, (size_t)size[0] << 8 | size[1]) !=
		    LDNS_STATUS_OK)
		_exit(4);
	text = ldns_pkt2str(query);
	fputs(text, log);
	fclose(log);
	free(text);
	if (s->mood == SILENT) {
		sleep(5);
		return;
	}
	reply = answer(s, query);
	if (ldns_pkt2wire(&wire, reply, &len) != LDNS_STATUS_OK)
		_exit(5);
	size[0] = (uint8_t)(len >> 8);
	size[1] = (uint8_t)len;
	if (s->mood == SHORT)
		len /= 2;
	if (write(fd, size, 2) != 2 || write(fd, wire, len) != (ssize_t)len)
		_exit(6);
	free(wire);
	ldns_pkt_free(query);
	ldns_pkt_free(reply);
}

static void start(struct server *s, enum mood mood, int rcode)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);

	s->mood = mood;
	s->rcode = rcode;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->fd, (void *)&sin, sizeof(sin)), 0);
	assert_int_equal(listen(s->fd, 5), 0);
	assert_int_equal(getsockname(s->fd, (void *)&sin, &len), 0);
	assert_int_equal(endpoint_from_sockaddr((void *)&sin, len, &s->at), 0);
	strcpy(s->log, "/tmp/test-update-XXXXXX");
	close(mkstemp(s->log));
	s->pid = fork();
	assert_true(s->pid >= 0);
	if (s->pid)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		int fd = accept(s->fd, NULL, NULL);

		serve_one(s, fd);
		close(fd);
	}
}

/* What it has been sent. */
static void stop(struct server *s, char *text, size_t size)
{
	FILE *f = fopen(s->log, "r");
	size_t n = 0;

	assert_non_null(f);
	if (text)
		n = fread(text, 1, size - 1, f);
	if (text)
		text[n] = '\0';
	fclose(f);
	unlink(s->log);
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	close(s->fd);
}

/* --- tests --------------------------------------------------------------------- */

static void make_record(uint8_t first, struct own_record *r)
{
	*r = (struct own_record){ .rdata = { 10, 0, 4, first }, .len = 35 };
}

/* Reads, then adds one and removes what was there. */
static enum update_outcome whole(struct server *s, const struct tsig_key *key,
				 struct update *u, struct update_set *set)
{
	const struct update_record *gone[1];
	const struct own_record *add[1];
	struct own_record fresh;
	enum update_outcome o;

	*u = (struct update){ .server = s->at, .key = key, .timeout_ms = 1000 };
	o = update_read(u, NAME, set);
	if (o != UPDATE_OK)
		return o;
	make_record(9, &fresh);
	add[0] = &fresh;
	gone[0] = &set->records[0];
	return update_write(u, NAME, set, add, 1, gone, 1, 77);
}

static void test_whole(void **state)
{
	static char text[65536];
	static struct update_set set;
	struct server s;
	struct update u;

	(void)state;
	start(&s, HONEST, 0);
	assert_int_equal(whole(&s, &good_key, &u, &set), UPDATE_OK);
	assert_string_equal(set.zone, "example.org.");
	assert_int_equal(set.n, 1);
	assert_int_equal(set.records[0].len, 35);
	stop(&s, text, sizeof(text));
	/* The zone; what has to be there; what goes and comes; signed. */
	assert_non_null(strstr(text, "opcode: UPDATE"));
	assert_non_null(strstr(text, NAME "\t0\tIN\tIPSECKEY\t10 0 4 . " KEY1));
	assert_non_null(
		strstr(text, NAME "\t0\tNONE\tIPSECKEY\t10 0 4 . " KEY1));
	assert_non_null(strstr(text, NAME "\t77\tIN\tIPSECKEY\t10 0 4 . CQAA"));
	assert_non_null(strstr(text, "hmac-sha256"));
}

static void test_unsigned_on_purpose(void **state)
{
	static char text[65536];
	static struct update_set set;
	struct server s;
	struct update u;

	(void)state;
	start(&s, HONEST, 0);
	assert_int_equal(whole(&s, NULL, &u, &set), UPDATE_OK);
	stop(&s, text, sizeof(text));
	assert_null(strstr(text, "hmac"));
}

static void test_rcodes(void **state)
{
	static const struct {
		int rcode;
		enum update_outcome want;
	} rows[] = {
		{ LDNS_RCODE_FORMERR, UPDATE_FAILED },
		{ LDNS_RCODE_SERVFAIL, UPDATE_SERVFAIL },
		{ LDNS_RCODE_NXDOMAIN, UPDATE_CHANGED },
		{ LDNS_RCODE_NOTIMPL, UPDATE_NOTIMP },
		{ LDNS_RCODE_REFUSED, UPDATE_REFUSED },
		{ LDNS_RCODE_YXDOMAIN, UPDATE_CHANGED },
		{ LDNS_RCODE_YXRRSET, UPDATE_CHANGED },
		{ LDNS_RCODE_NXRRSET, UPDATE_CHANGED },
		{ LDNS_RCODE_NOTAUTH, UPDATE_NOTAUTH },
		{ LDNS_RCODE_NOTZONE, UPDATE_NOTZONE },
	};
	static struct update_set set;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct server s;
		struct update u;

		start(&s, HONEST, rows[i].rcode);
		assert_int_equal(whole(&s, &good_key, &u, &set), rows[i].want);
		assert_int_equal(u.rcode, rows[i].rcode);
		stop(&s, NULL, 0);
	}
}

static void test_moods(void **state)
{
	static const enum update_outcome want[MOODS] = {
		[HONEST] = UPDATE_OK,
		[UNSIGNED] = UPDATE_UNSIGNED,
		[FORGED] = UPDATE_UNSIGNED,
		[OTHER_ID] = UPDATE_RUBBISH,
		[SHORT] = UPDATE_UNREACHABLE,
		[SILENT] = UPDATE_UNREACHABLE,
		[TSIG_BADSIG] = UPDATE_BADSIG,
		[TSIG_BADKEY] = UPDATE_BADKEY,
		[TSIG_BADTIME] = UPDATE_BADTIME,
		[SILENT_ABOUT_TSIG] = UPDATE_BADTSIG,
	};
	static struct update_set set;

	(void)state;
	for (unsigned m = 0; m < MOODS; m++) {
		struct server s;
		struct update u;
		enum update_outcome o;

		start(&s, m, 0);
		o = whole(&s, &good_key, &u, &set);
		if (o != want[m])
			print_error("mood %u: %u\n", m, o);
		assert_int_equal(o, want[m]);
		if (m == TSIG_BADTIME)
			assert_in_range(u.skew, 990, 1010);
		if (m == SILENT)
			assert_int_equal(u.error, -ETIMEDOUT);
		stop(&s, NULL, 0);
	}
}

static void test_nobody(void **state)
{
	static struct update_set set;
	struct server s;
	struct update u;

	(void)state;
	start(&s, HONEST, 0);
	stop(&s, NULL, 0);
	assert_int_equal(whole(&s, &good_key, &u, &set), UPDATE_UNREACHABLE);
	assert_int_equal(u.error, -ECONNREFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_unsigned_on_purpose),
		cmocka_unit_test(test_rcodes),
		cmocka_unit_test(test_moods),
		cmocka_unit_test(test_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
