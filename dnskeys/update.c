/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One TCP connection for each message: they are few, and none is too long for
 * it.
 */
#include "dnskeys/update.h"

#include <errno.h>
#include <ldns/ldns.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FUDGE_S 300 /* RFC 8945 10 */

/* Places in the RDATA of a TSIG (RFC 8945 4.2). */
enum { TSIG_MAC = 3, TSIG_ERROR = 5, TSIG_OTHER = 6 };
enum { BADSIG = 16, BADKEY = 17, BADTIME = 18 };

/* --- the connection ---------------------------------------------------------- */

static uint64_t clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* 0; -ETIMEDOUT. */
static int wait_for(int fd, short events, uint64_t end)
{
	struct pollfd p = { .fd = fd, .events = events };
	uint64_t now = clock_ms();

	return now < end && poll(&p, 1, (int)(end - now)) > 0 ? 0 : -ETIMEDOUT;
}

static int open_connection(const struct endpoint *server, uint64_t end)
{
	struct sockaddr_storage sa;
	socklen_t len = endpoint_to_sockaddr(server, &sa);
	int fd = socket(sa.ss_family,
			SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error = 0, r = 0;
	socklen_t error_len = sizeof(error);

	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sa, len) < 0)
		r = errno == EINPROGRESS ? wait_for(fd, POLLOUT, end) : -errno;
	if (r == 0 &&
	    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_len) == 0)
		r = -error;
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

static int put_all(int fd, const uint8_t *data, size_t len, uint64_t end)
{
	while (len) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) {
			if (wait_for(fd, POLLOUT, end) < 0)
				return -ETIMEDOUT;
			continue;
		}
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static int get_all(int fd, uint8_t *data, size_t len, uint64_t end)
{
	while (len) {
		ssize_t n = recv(fd, data, len, 0);

		if (n < 0 && errno == EAGAIN) {
			if (wait_for(fd, POLLIN, end) < 0)
				return -ETIMEDOUT;
			continue;
		}
		if (n <= 0)
			return n < 0 ? -errno : -ECONNRESET;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/* RFC 1035 4.2.2: a message behind its length. The answer is the caller's to
 * free. */
static int converse(const struct update *u, const uint8_t *wire, size_t len,
		    uint8_t **ret, size_t *ret_len)
{
	uint64_t end = clock_ms() + u->timeout_ms;
	uint8_t size[2] = { (uint8_t)(len >> 8), (uint8_t)len }, *answer = NULL;
	int fd, r;

	if (len > UINT16_MAX)
		return -EMSGSIZE;
	fd = open_connection(&u->server, end);
	if (fd < 0)
		return fd;
	r = put_all(fd, size, 2, end);
	if (r == 0)
		r = put_all(fd, wire, len, end);
	if (r == 0)
		r = get_all(fd, size, 2, end);
	len = (size_t)size[0] << 8 | size[1];
	if (r == 0) {
		answer = malloc(len + 1);
		r = answer ? get_all(fd, answer, len, end) : -ENOMEM;
	}
	close(fd);
	if (r < 0) {
		free(answer);
		return r;
	}
	*ret = answer;
	*ret_len = len;
	return 0;
}

/* --- one message and its answer ---------------------------------------------- */

/* 48 bits (RFC 8945 4.2). */
static int64_t time_of(const uint8_t *bytes)
{
	int64_t t = 0;

	for (size_t i = 0; i < 6; i++)
		t = t << 8 | bytes[i];
	return t;
}

static unsigned tsig_error(const ldns_rr *tsig)
{
	const ldns_rdf *rdf = tsig ? ldns_rr_rdf(tsig, TSIG_ERROR) : NULL;

	return rdf && ldns_rdf_size(rdf) == 2 ? ldns_rdf2native_int16(rdf) : 0;
}

/* RFC 8945 5.3.2: who does not know the key cannot sign. */
static enum update_outcome check_tsig(struct update *u, ldns_pkt *reply,
				      const uint8_t *wire, size_t len,
				      const ldns_rdf *mac)
{
	const ldns_rr *tsig = ldns_pkt_tsig(reply);
	const ldns_rdf *other;

	switch (tsig_error(tsig)) {
	case BADKEY:
		return UPDATE_BADKEY;
	case BADSIG:
		return UPDATE_BADSIG;
	case BADTIME:
		/* Length and value of the server's time. */
		other = ldns_rr_rdf(tsig, TSIG_OTHER);
		if (other && ldns_rdf_size(other) == 8)
			u->skew = time_of(ldns_rdf_data(other) + 2) -
				  (int64_t)time(NULL);
		return UPDATE_BADTIME;
	}
	/* Who knows the key signs, whatever else he says. */
	if (!tsig && u->rcode == LDNS_RCODE_NOTAUTH)
		return UPDATE_BADTSIG;
	if (!tsig || !ldns_pkt_tsig_verify(reply, wire, len, u->key->name,
					   u->key->secret, mac))
		return UPDATE_UNSIGNED;
	return UPDATE_OK;
}

/* RFC 2136 2.2, and RFC 1035 4.1.1. */
static enum update_outcome outcome_of(int rcode)
{
	switch (rcode) {
	case LDNS_RCODE_NOERROR:
	case LDNS_RCODE_NXDOMAIN: /* a question's; an update's has CHANGED */
		return UPDATE_OK;
	case LDNS_RCODE_SERVFAIL:
		return UPDATE_SERVFAIL;
	case LDNS_RCODE_NOTIMPL:
		return UPDATE_NOTIMP;
	case LDNS_RCODE_REFUSED:
		return UPDATE_REFUSED;
	case LDNS_RCODE_YXDOMAIN:
	case LDNS_RCODE_YXRRSET:
	case LDNS_RCODE_NXRRSET:
		return UPDATE_CHANGED;
	case LDNS_RCODE_NOTAUTH:
		return UPDATE_NOTAUTH;
	case LDNS_RCODE_NOTZONE:
		return UPDATE_NOTZONE;
	}
	return UPDATE_FAILED;
}

static enum update_outcome judge(struct update *u, const ldns_pkt *query,
				 const uint8_t *wire, size_t len,
				 ldns_pkt **ret)
{
	const ldns_rr *own = ldns_pkt_tsig(query);
	enum update_outcome o = UPDATE_OK;
	ldns_pkt *reply = NULL;

	if (ldns_wire2pkt(&reply, wire, len) != LDNS_STATUS_OK)
		return UPDATE_RUBBISH;
	u->rcode = ldns_pkt_get_rcode(reply);
	if (!ldns_pkt_qr(reply) || ldns_pkt_id(reply) != ldns_pkt_id(query) ||
	    ldns_pkt_get_opcode(reply) != ldns_pkt_get_opcode(query))
		o = UPDATE_RUBBISH;
	else if (u->key)
		o = check_tsig(u, reply, wire, len, ldns_rr_rdf(own, TSIG_MAC));
	/* Somebody who refuses without a signature says so all the same: that
	 * is how far an answer that anybody could have sent is believed. */
	if ((o == UPDATE_OK || o == UPDATE_UNSIGNED) &&
	    outcome_of(u->rcode) != UPDATE_OK)
		o = outcome_of(u->rcode);
	if (o == UPDATE_OK)
		*ret = reply;
	else
		ldns_pkt_free(reply);
	return o;
}

static enum update_outcome exchange(struct update *u, ldns_pkt *query,
				    ldns_pkt **ret)
{
	uint8_t *wire = NULL, *answer = NULL;
	size_t len, answer_len;
	enum update_outcome o;
	ldns_status s = LDNS_STATUS_OK;

	u->error = u->rcode = 0;
	ldns_pkt_set_random_id(query);
	if (u->key)
		s = ldns_pkt_tsig_sign(query, u->key->name, u->key->secret,
				       FUDGE_S, u->key->algorithm, NULL);
	if (s != LDNS_STATUS_OK || (u->key && !ldns_pkt_tsig(query)))
		return UPDATE_NO_ALGORITHM;
	if (ldns_pkt2wire(&wire, query, &len) != LDNS_STATUS_OK)
		return UPDATE_RUBBISH;
	u->error = converse(u, wire, len, &answer, &answer_len);
	o = u->error < 0 ? UPDATE_UNREACHABLE
			 : judge(u, query, answer, answer_len, ret);
	free(wire);
	free(answer);
	return o;
}

/* --- what is there ------------------------------------------------------------ */

static enum update_outcome ask(struct update *u, const char *name,
			       ldns_rr_type type, ldns_pkt **ret)
{
	ldns_rdf *owner = ldns_dname_new_frm_str(name);
	ldns_pkt *query;
	enum update_outcome o;

	if (!owner)
		return UPDATE_RUBBISH;
	query = ldns_pkt_query_new(owner, type, LDNS_RR_CLASS_IN, 0);
	if (!query) {
		ldns_rdf_deep_free(owner);
		return UPDATE_RUBBISH;
	}
	o = exchange(u, query, ret);
	ldns_pkt_free(query);
	return o;
}

/* The SOA of the zone is the answer at its top, and below it in the part for
 * authority. */
static enum update_outcome find_zone(struct update *u, const char *name,
				     char zone[static NAME_STRLEN])
{
	ldns_rr_list *soa;
	ldns_pkt *p;
	enum update_outcome o = ask(u, name, LDNS_RR_TYPE_SOA, &p);
	char *text = NULL;

	if (o != UPDATE_OK)
		return o;
	soa = ldns_pkt_rr_list_by_type(p, LDNS_RR_TYPE_SOA,
				       LDNS_SECTION_ANY_NOQUESTION);
	if (ldns_pkt_aa(p) && soa && ldns_rr_list_rr_count(soa))
		text = ldns_rdf2str(ldns_rr_owner(ldns_rr_list_rr(soa, 0)));
	ldns_rr_list_deep_free(soa);
	ldns_pkt_free(p);
	if (!text || strlen(text) >= NAME_STRLEN) {
		free(text);
		return UPDATE_NOTAUTH;
	}
	strcpy(zone, text);
	free(text);
	return UPDATE_OK;
}

static void add_record(struct update_set *set, const ldns_rr *rr)
{
	struct update_record *r = &set->records[set->n];
	const ldns_rdf *rdf = ldns_rr_rd_count(rr) ? ldns_rr_rdf(rr, 0) : NULL;

	if (!rdf || ldns_rdf_size(rdf) > sizeof(r->rdata))
		return;
	memcpy(r->rdata, ldns_rdf_data(rdf), ldns_rdf_size(rdf));
	r->len = ldns_rdf_size(rdf);
	set->n++;
}

static enum update_outcome read_set(struct update *u, const char *name,
				    struct update_set *ret)
{
	enum update_outcome o = find_zone(u, name, ret->zone);
	ldns_rr_list *list;
	ldns_pkt *p;
	size_t n;

	ret->n = 0;
	if (o == UPDATE_OK)
		o = ask(u, name, LDNS_RR_TYPE_IPSECKEY, &p);
	if (o != UPDATE_OK)
		return o;
	list = ldns_pkt_rr_list_by_type(p, LDNS_RR_TYPE_IPSECKEY,
					LDNS_SECTION_ANSWER);
	n = list ? ldns_rr_list_rr_count(list) : 0;
	for (size_t i = 0; i < n && i < UPDATE_RECORDS_MAX; i++)
		add_record(ret, ldns_rr_list_rr(list, i));
	ldns_rr_list_deep_free(list);
	ldns_pkt_free(p);
	/* What is not read whole cannot be required to be so. */
	return ret->n == n ? UPDATE_OK : UPDATE_RUBBISH;
}

/* What everybody may see is asked for as by everybody: a key that may update
 * need not be one that may ask. */
enum update_outcome update_read(struct update *u, const char *name,
				struct update_set *ret)
{
	const struct tsig_key *key = u->key;
	enum update_outcome o;

	u->key = NULL;
	o = read_set(u, name, ret);
	u->key = key;
	if (key && (o == UPDATE_REFUSED || o == UPDATE_NOTAUTH))
		o = read_set(u, name, ret);
	return o;
}

/* --- changing it -------------------------------------------------------------- */

/* A record about the name; rdata NULL: none. */
static bool push(ldns_rr_list *list, const char *name, ldns_rr_class class,
		 uint32_t ttl, const void *rdata, size_t len)
{
	ldns_rr *rr = ldns_rr_new();
	ldns_rdf *owner = ldns_dname_new_frm_str(name), *rdf = NULL;

	if (rdata)
		rdf = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_IPSECKEY, len, rdata);
	if (!rr || !owner || (rdata && !rdf)) {
		ldns_rr_free(rr);
		ldns_rdf_deep_free(owner);
		ldns_rdf_deep_free(rdf);
		return false;
	}
	ldns_rr_set_owner(rr, owner);
	ldns_rr_set_type(rr, LDNS_RR_TYPE_IPSECKEY);
	ldns_rr_set_class(rr, class);
	ldns_rr_set_ttl(rr, ttl);
	if (rdf)
		ldns_rr_push_rdf(rr, rdf);
	return ldns_rr_list_push_rr(list, rr);
}

/* RFC 2136 2.4.2: these records and no others; 2.4.3: none at all. */
static bool require(ldns_rr_list *list, const char *name,
		    const struct update_set *was)
{
	bool ok = true;

	if (was->n == 0)
		return push(list, name, LDNS_RR_CLASS_NONE, 0, NULL, 0);
	for (size_t i = 0; i < was->n; i++)
		ok &= push(list, name, LDNS_RR_CLASS_IN, 0,
			   was->records[i].rdata, was->records[i].len);
	return ok;
}

static enum update_outcome send_update(struct update *u, const char *zone,
				       ldns_rr_list *before,
				       ldns_rr_list *changes)
{
	ldns_rdf *top = ldns_dname_new_frm_str(zone);
	ldns_pkt *query = NULL, *reply = NULL;
	enum update_outcome o = UPDATE_RUBBISH;

	if (top)
		query = ldns_update_pkt_new(top, LDNS_RR_CLASS_IN, before,
					    changes, NULL);
	if (query)
		o = exchange(u, query, &reply);
	else
		ldns_rdf_deep_free(top);
	/* That the name is not there is no success of an update. */
	if (o == UPDATE_OK && u->rcode == LDNS_RCODE_NXDOMAIN)
		o = UPDATE_CHANGED;
	ldns_pkt_free(reply);
	ldns_pkt_free(query);
	return o;
}

enum update_outcome update_write(struct update *u, const char *name,
				 const struct update_set *was,
				 const struct own_record *const *add,
				 size_t n_add,
				 const struct update_record *const *remove,
				 size_t n_remove, uint32_t ttl)
{
	ldns_rr_list *before = ldns_rr_list_new();
	ldns_rr_list *changes = ldns_rr_list_new();
	enum update_outcome o = UPDATE_RUBBISH;
	bool ok = before && changes && require(before, name, was);

	/* 2.5.4: this record, whatever its TTL. */
	for (size_t i = 0; i < n_remove && ok; i++)
		ok = push(changes, name, LDNS_RR_CLASS_NONE, 0,
			  remove[i]->rdata, remove[i]->len);
	for (size_t i = 0; i < n_add && ok; i++)
		ok = push(changes, name, LDNS_RR_CLASS_IN, ttl, add[i]->rdata,
			  add[i]->len);
	if (ok)
		o = send_update(u, was->zone, before, changes);
	ldns_rr_list_deep_free(before);
	ldns_rr_list_deep_free(changes);
	return o;
}
