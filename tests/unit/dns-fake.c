/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The server is small because the zone is: one key for all of it, and a denial
 * whose NSEC covers just the name that was asked for (RFC 4470).
 */
#include "dns-fake.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ldns/ldns.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MUST(x)                  \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

/* The apexes of what is signed. */
static const char *const zones[] = { "signed.test.", "192.in-addr.arpa.",
				     "8.b.d.0.1.0.0.2.ip6.arpa." };
#define N_ZONES (sizeof(zones) / sizeof(zones[0]))

struct dns_fake {
	int fd;
	char address[32], anchor[32];
	enum dns_fake_mood mood;
	ldns_key_list *keys[N_ZONES];
	ldns_rr_list *records;
	unsigned asked[65536];
};

static ldns_rr *rr_of(const char *text)
{
	ldns_rr *rr = NULL;

	MUST(ldns_rr_new_frm_str(&rr, text, 0, NULL, NULL) == LDNS_STATUS_OK);
	return rr;
}

static void write_anchor(struct dns_fake *f, const ldns_rr *key)
{
	char *text = ldns_rr2str(key);
	int fd;

	fd = open(f->anchor, O_WRONLY | O_APPEND | O_CLOEXEC);
	MUST(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	free(text);
}

static void make_key(struct dns_fake *f, size_t zone)
{
	ldns_key *key =
		ldns_key_new_frm_algorithm(LDNS_SIGN_ECDSAP256SHA256, 256);
	ldns_rr *rr;

	MUST(key);
	ldns_key_set_flags(key, LDNS_KEY_ZONE_KEY | LDNS_KEY_SEP_KEY);
	ldns_key_set_pubkey_owner(key, ldns_dname_new_frm_str(zones[zone]));
	rr = ldns_key2rr(key);
	MUST(rr);
	ldns_key_set_keytag(key, ldns_calc_keytag(rr));
	ldns_rr_set_ttl(rr, 60);
	f->keys[zone] = ldns_key_list_new();
	MUST(ldns_key_list_push_key(f->keys[zone], key));
	ldns_rr_list_push_rr(f->records, rr);
	write_anchor(f, rr);
}

struct dns_fake *dns_fake_new(void)
{
	struct dns_fake *f = calloc(1, sizeof(*f));
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(sin);
	int fd;

	MUST(f);
	f->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	MUST(f->fd >= 0 && bind(f->fd, (void *)&sin, sizeof(sin)) == 0 &&
	     getsockname(f->fd, (void *)&sin, &len) == 0);
	snprintf(f->address, sizeof(f->address), "127.0.0.1@%u",
		 ntohs(sin.sin_port));
	strcpy(f->anchor, "/tmp/tacit-anchor.XXXXXX");
	fd = mkstemp(f->anchor);
	MUST(fd >= 0);
	close(fd);
	f->records = ldns_rr_list_new();
	for (size_t i = 0; i < N_ZONES; i++)
		make_key(f, i);
	return f;
}

void dns_fake_free(struct dns_fake *f)
{
	unlink(f->anchor);
	ldns_rr_list_deep_free(f->records);
	for (size_t i = 0; i < N_ZONES; i++)
		ldns_key_list_free(f->keys[i]);
	close(f->fd);
	free(f);
}

void dns_fake_add(struct dns_fake *f, const char *record)
{
	MUST(ldns_rr_list_push_rr(f->records, rr_of(record)));
}

void dns_fake_clear(struct dns_fake *f)
{
	while (ldns_rr_list_rr_count(f->records) > N_ZONES)
		ldns_rr_free(ldns_rr_list_pop_rr(f->records));
}

void dns_fake_set_mood(struct dns_fake *f, enum dns_fake_mood mood)
{
	f->mood = mood;
}

const char *dns_fake_address(const struct dns_fake *f)
{
	return f->address;
}

const char *dns_fake_anchor(const struct dns_fake *f)
{
	return f->anchor;
}

unsigned dns_fake_asked(const struct dns_fake *f, uint16_t type)
{
	return f->asked[type];
}

/* --- answers ----------------------------------------------------------------- */

/* The signed zone that a name is in; N_ZONES where it is in none. */
static size_t zone_of(const ldns_rdf *name)
{
	size_t i;

	for (i = 0; i < N_ZONES; i++) {
		ldns_rdf *zone = ldns_dname_new_frm_str(zones[i]);
		bool below = ldns_dname_compare(name, zone) == 0 ||
			     ldns_dname_is_subdomain(name, zone);

		ldns_rdf_deep_free(zone);
		if (below)
			break;
	}
	return i;
}

/* Adds a set of records with its signature to a section. */
static void put(struct dns_fake *f, ldns_pkt *p, ldns_pkt_section section,
		ldns_rr_list *set)
{
	size_t zone = zone_of(ldns_rr_owner(ldns_rr_list_rr(set, 0)));
	ldns_rr_list *copy = ldns_rr_list_clone(set), *sigs;

	/* The packet takes the records, not the list around them. */
	ldns_pkt_push_rr_list(p, section, copy);
	ldns_rr_list_free(copy);
	if (f->mood == DNS_FAKE_STRIPS || zone == N_ZONES)
		return;
	sigs = ldns_sign_public(set, f->keys[zone]);
	MUST(sigs);
	if (f->mood == DNS_FAKE_FORGES) {
		ldns_rdf *sig = ldns_rr_rrsig_sig(ldns_rr_list_rr(sigs, 0));

		ldns_rdf_data(sig)[0] ^= 1;
	}
	ldns_pkt_push_rr_list(p, section, sigs);
	ldns_rr_list_free(sigs);
}

static void put_one(struct dns_fake *f, ldns_pkt *p, const char *text)
{
	ldns_rr_list *set = ldns_rr_list_new();

	ldns_rr_list_push_rr(set, rr_of(text));
	put(f, p, LDNS_SECTION_AUTHORITY, set);
	ldns_rr_list_deep_free(set);
}

static void deny(struct dns_fake *f, ldns_pkt *p, const ldns_rdf *name)
{
	size_t zone = zone_of(name);
	const char *apex = zone == N_ZONES ? "test." : zones[zone];
	char *owner = ldns_rdf2str(name), text[1024];

	snprintf(text, sizeof(text),
		 "%s 60 IN SOA ns.%s admin.%s 1 60 60 60 60", apex, apex, apex);
	put_one(f, p, text);
	if (zone != N_ZONES && f->mood != DNS_FAKE_STRIPS) {
		snprintf(text, sizeof(text),
			 "%s 60 IN NSEC \\000.%s RRSIG NSEC", owner, owner);
		put_one(f, p, text);
	}
	free(owner);
}

/* Records of this name and type into the answer; the first of them. */
static const ldns_rr *put_set(struct dns_fake *f, ldns_pkt *p,
			      const ldns_rdf *name, ldns_rr_type type)
{
	ldns_rr_list *set = ldns_rr_list_new();
	const ldns_rr *first = NULL;

	for (size_t i = 0; i < ldns_rr_list_rr_count(f->records); i++) {
		ldns_rr *rr = ldns_rr_list_rr(f->records, i);

		if (ldns_rr_get_type(rr) == type &&
		    ldns_dname_compare(ldns_rr_owner(rr), name) == 0)
			ldns_rr_list_push_rr(set, rr);
	}
	if (ldns_rr_list_rr_count(set)) {
		first = ldns_rr_list_rr(set, 0);
		put(f, p, LDNS_SECTION_ANSWER, set);
	}
	ldns_rr_list_free(set);
	return first;
}

/* As a resolver does, which follows aliases, but not for ever. */
static void put_answer(struct dns_fake *f, ldns_pkt *p, const ldns_rr *q)
{
	const ldns_rdf *name = ldns_rr_owner(q);
	const ldns_rr *alias;

	for (unsigned i = 0; i < 4; i++) {
		if (put_set(f, p, name, ldns_rr_get_type(q)))
			return;
		alias = put_set(f, p, name, LDNS_RR_TYPE_CNAME);
		if (!alias) {
			deny(f, p, name);
			return;
		}
		name = ldns_rr_rdf(alias, 0);
	}
}

static ldns_pkt *answer(struct dns_fake *f, const ldns_pkt *query)
{
	const ldns_rr *q = ldns_rr_list_rr(ldns_pkt_question(query), 0);
	ldns_pkt *p = ldns_pkt_new();

	ldns_pkt_set_id(p, ldns_pkt_id(query));
	ldns_pkt_set_qr(p, true);
	ldns_pkt_set_ra(p, true);
	ldns_pkt_set_rd(p, true);
	ldns_pkt_set_edns_udp_size(p, 4096);
	ldns_pkt_set_edns_do(p, true);
	ldns_pkt_push_rr(p, LDNS_SECTION_QUESTION, ldns_rr_clone(q));
	if (f->mood == DNS_FAKE_SERVFAIL)
		ldns_pkt_set_rcode(p, LDNS_RCODE_SERVFAIL);
	else
		put_answer(f, p, q);
	return p;
}

static void serve_one(struct dns_fake *f)
{
	uint8_t buf[4096], *wire = NULL;
	struct sockaddr_storage from;
	socklen_t from_len = sizeof(from);
	ldns_pkt *query = NULL, *reply;
	size_t len = 0;
	ssize_t n = recvfrom(f->fd, buf, sizeof(buf), MSG_DONTWAIT,
			     (void *)&from, &from_len);

	if (n <= 0 || ldns_wire2pkt(&query, buf, (size_t)n) != LDNS_STATUS_OK)
		return;
	f->asked[ldns_rr_get_type(
		ldns_rr_list_rr(ldns_pkt_question(query), 0))]++;
	if (f->mood != DNS_FAKE_SILENT) {
		reply = answer(f, query);
		MUST(ldns_pkt2wire(&wire, reply, &len) == LDNS_STATUS_OK);
		(void)sendto(f->fd, wire, len, 0, (void *)&from, from_len);
		free(wire);
		ldns_pkt_free(reply);
	}
	ldns_pkt_free(query);
}

void dns_fake_serve(struct dns_fake *f, int fd, int ms)
{
	struct pollfd p[2] = {
		{ .fd = f->fd, .events = POLLIN },
		{ .fd = fd, .events = POLLIN },
	};

	while (poll(p, 2, ms) > 0) {
		if (p[0].revents)
			serve_one(f);
		if (p[1].revents)
			return;
	}
}

struct resolver *dns_fake_resolver(const struct dns_fake *f)
{
	const char *anchors[] = { "/nonexistent", f->anchor, NULL };
	const char *forwarders[] = { f->address, NULL };
	struct resolver_config c = {
		.anchors = anchors,
		.forwarders = forwarders,
	};
	struct resolver *r = NULL;

	MUST(resolver_new(&c, &r) == 0);
	return r;
}
