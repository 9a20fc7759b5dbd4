/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/ike-puppet.h"

#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CHILD_SPI 0x00c0ffee

static bool on_tap(struct world *w, unsigned from, const struct ike_send *s,
		   void *user)
{
	struct puppet *p = user;

	(void)w;
	if (from != 0)
		return true;
	assert_true(s->len <= sizeof(p->rx));
	memcpy(p->rx, s->data, s->len);
	p->rx_len = s->len;
	p->n_rx++;
	return true;
}

static void inject(struct puppet *p, const void *data, size_t len)
{
	if (!p->hold) {
		world_inject(p->w, 0, data, len);
		return;
	}
	memcpy(p->held, data, len);
	p->held_len = len;
}

static void fill(struct puppet *p, void *buf, size_t len)
{
	uint8_t *b = buf;

	for (size_t i = 0; i < len; i++)
		b[i] = (uint8_t)world_random(p->w);
}

void puppet_init(struct puppet *p, struct world *w, bool initiator,
		 uint16_t group)
{
	struct ike_nonce *nonce = initiator ? &p->ni : &p->nr;

	memset(p, 0, sizeof(*p));
	p->w = w;
	p->initiator = initiator;
	p->kex = ike_kex_find(group);
	p->child_spi = CHILD_SPI;
	fill(p, initiator ? &p->spi_i : &p->spi_r, sizeof(uint64_t));
	nonce->len = 32;
	fill(p, nonce->data, nonce->len);
	assert_int_equal(ike_kex_generate(p->kex, &p->key, p->public), 0);
	w->tap = on_tap;
	w->tap_user = p;
}

void puppet_done(struct puppet *p)
{
	EVP_PKEY_free(p->key);
	ike_blob_done(&p->request);
	ike_blob_done(&p->response);
	p->w->tap = NULL;
}

/* --- writing ---------------------------------------------------------------- */

static void write_body(struct ike_builder *b, uint8_t type, const void *data,
		       size_t len)
{
	wbuf_bytes(ike_builder_open(b, type), data, len);
	ike_builder_close(b);
}

struct ike_offer puppet_offer(enum ike_offer_use use)
{
	struct algorithms a;
	struct ike_offer o;

	algorithms_init(&a);
	ike_offer_init(&o, use, &a.propose);
	return o;
}

/* The same, and its own group where that is another one. */
static struct ike_offer own_offer(const struct puppet *p)
{
	enum algorithm group;
	struct algorithms a;
	struct ike_offer o;

	algorithms_init(&a);
	assert_int_equal(algorithm_parse(p->kex->name, &group), 0);
	algorithm_list_add(&a.propose, group);
	ike_offer_init(&o, IKE_OFFER_INIT, &a.propose);
	return o;
}

static void write_sa_ike(struct ike_builder *b, struct puppet *p)
{
	struct ike_choice c = {
		.number = 1,
		.protocol = IKE_PROTOCOL_IKE,
		.n = 3,
		.list = {
			{ IKE_TRANSFORM_ENCR, IKE_ENCR_AES_GCM_16, 256 },
			{ IKE_TRANSFORM_PRF, IKE_PRF_HMAC_SHA2_256, 0 },
			{ IKE_TRANSFORM_KE, p->kex->id, 0 },
		},
	};
	struct ike_offer o = own_offer(p);

	if (p->initiator)
		ike_proposal_write_offer(b, &o, 0);
	else
		ike_proposal_write_choice(b, &c, 0);
}

static void write_sa_esp(struct ike_builder *b, struct puppet *p)
{
	struct ike_choice c = {
		.number = 1,
		.protocol = IKE_PROTOCOL_ESP,
		.spi_len = 4,
		.n = 2,
		.list = {
			{ IKE_TRANSFORM_ENCR, IKE_ENCR_AES_GCM_16, 128 },
			{ IKE_TRANSFORM_SN, IKE_SN_ESN, 0 },
		},
	};
	struct ike_offer o = puppet_offer(IKE_OFFER_AUTH);

	if (p->initiator)
		ike_proposal_write_offer(b, &o, p->child_spi);
	else
		ike_proposal_write_choice(b, &c, p->child_spi);
}

static void write_ke(struct ike_builder *b, struct puppet *p,
		     const struct puppet_script *s)
{
	ike_ke_write(b, s->group ? s->group : p->kex->id,
		     s->ke ? s->ke : p->public,
		     s->ke ? s->ke_len : p->kex->public_len);
}

static void write_nonce(struct ike_builder *b, struct puppet *p,
			const struct puppet_script *s)
{
	struct ike_nonce *nonce = p->initiator ? &p->ni : &p->nr;
	uint8_t big[512] = { 1 };

	if (s->nonce_len > sizeof(nonce->data)) {
		write_body(b, IKE_PAYLOAD_NONCE, big, s->nonce_len);
		return;
	}
	if (s->nonce_len)
		nonce->len = (uint16_t)s->nonce_len;
	ike_nonce_write(b, nonce);
}

static size_t id_body(const struct puppet_script *s, uint8_t *ret)
{
	struct ike_identity null = ike_identity_null();

	return ike_identity_body(s->identity ? s->identity : &null, ret);
}

static void write_id(struct ike_builder *b, uint8_t payload, uint8_t type,
		     const struct ike_identity *identity)
{
	uint8_t body[8] = { type, 0, 0, 0, 192, 0, 2, 2 };

	if (identity)
		ike_identity_write(b, payload, identity);
	else if (type)
		write_body(b, payload, body, sizeof(body));
	else
		ike_id_write_null(b, payload);
}

static struct ike_auth_octets octets(const struct puppet *p, struct ike_view id)
{
	const struct ike_blob *own = p->initiator ? &p->request : &p->response;

	return (struct ike_auth_octets){
		.prf = p->prf,
		.sk_p = p->initiator ? &p->keys.pi : &p->keys.pr,
		.message = { own->data, own->len },
		.nonce = p->initiator ? &p->nr : &p->ni,
		.id = id,
	};
}

static void write_signature(struct ike_builder *b, struct puppet *p,
			    const struct puppet_script *s)
{
	uint8_t id[IKE_IDENTITY_BODY_MAX], data[LIMIT_IKE_SIGNATURE + 100];
	struct ike_auth_octets o =
		octets(p, (struct ike_view){ id, id_body(s, id) });
	uint8_t signature[LIMIT_IKE_SIGNATURE], *covered;
	struct wbuf w = wbuf_of(data, sizeof(data));
	uint8_t method = s->method;
	size_t covered_len, len;

	assert_int_equal(ike_auth_octets_build(&o, &covered, &covered_len), 0);
	assert_int_equal(ike_signature_make(s->signature, s->key, covered,
					    covered_len, signature, &len),
			 0);
	free(covered);
	signature[len / 2] ^= s->bad_auth;
	ike_signature_write(&w, s->signature, signature, len);
	assert_true(wbuf_ok(&w));
	if (!method)
		method = (uint8_t)ike_signature_method(s->signature);
	ike_authentication_write(b, method, data, w.len);
}

static size_t make_mac(struct puppet *p, const struct puppet_script *s,
		       uint8_t method, uint8_t *ret)
{
	uint8_t id[IKE_IDENTITY_BODY_MAX];
	struct ike_auth_octets o =
		octets(p, (struct ike_view){ id, id_body(s, id) });
	size_t len;

	assert_int_equal(ike_auth_mac(method, &o, s->shared, ret, &len), 0);
	ret[0] ^= s->bad_auth;
	return len;
}

static void write_auth(struct ike_builder *b, struct puppet *p,
		       const struct puppet_script *s)
{
	uint8_t method = s->shared.len ? IKE_AUTH_SHARED : IKE_AUTH_NULL;
	uint8_t data[IKE_AUTH_DATA_MAX];
	size_t len;

	if (s->auth.data) {
		ike_authentication_write(b, s->method, s->auth.data,
					 s->auth.len);
		return;
	}
	if (s->key) {
		write_signature(b, p, s);
		return;
	}
	len = make_mac(p, s, method, data);
	ike_authentication_write(b, s->method ? s->method : method, data, len);
}

static void write_notifies(struct ike_builder *b, struct puppet *p,
			   const struct puppet_script *s, bool init)
{
	uint8_t data[IKE_AUTH_DATA_MAX];

	if (init && s->hashes)
		ike_announce_hashes(b);
	if (init && s->certreq)
		ike_announce_raw_key(b);
	if (!init && s->null_auth)
		ike_notify_write(b, IKE_NOTIFY_NULL_AUTH, data,
				 make_mac(p, s, IKE_AUTH_NULL, data));
	if (!init && !s->no_transport)
		ike_notify_write(b, IKE_NOTIFY_USE_TRANSPORT_MODE, NULL, 0);
	if (s->initial_contact)
		ike_notify_write(b, IKE_NOTIFY_INITIAL_CONTACT, NULL, 0);
	if (s->notify)
		ike_notify_write(b, s->notify, s->data, s->data_len);
}

static void write_ts(struct ike_builder *b, struct puppet *p,
		     const struct puppet_script *s, uint8_t type)
{
	const struct addr *peer = &p->w->hosts[0].address.addr;
	const struct addr *own = &p->w->hosts[1].address.addr;
	bool tsi = type == IKE_PAYLOAD_TSI;
	const struct addr *a = tsi == p->initiator ? own : peer;

	if (s->ts && tsi != s->ts_is_tsr) {
		write_body(b, type, s->ts, s->ts_len);
		return;
	}
	if (tsi ? s->tsi : s->tsr)
		a = tsi ? s->tsi : s->tsr;
	ike_selectors_write(b, type, a);
}

static void write_one(struct ike_builder *b, struct puppet *p,
		      const struct puppet_script *s, uint8_t type, bool init)
{
	switch ((enum ike_payload_type)type) {
	case IKE_PAYLOAD_SA:
		if (s->sa)
			write_body(b, type, s->sa, s->sa_len);
		else if (init)
			write_sa_ike(b, p);
		else
			write_sa_esp(b, p);
		break;
	case IKE_PAYLOAD_KE:
		write_ke(b, p, s);
		break;
	case IKE_PAYLOAD_NONCE:
		write_nonce(b, p, s);
		break;
	case IKE_PAYLOAD_IDI:
		if (s->id) {
			write_body(b, type, s->id, s->id_len);
			break;
		}
		write_id(b, type, s->id_type, s->identity);
		break;
	case IKE_PAYLOAD_IDR:
		if (s->id && !p->initiator) {
			write_body(b, type, s->id, s->id_len);
			break;
		}
		write_id(b, type, p->initiator ? s->idr_type : s->id_type,
			 p->initiator ? s->wanted : s->identity);
		break;
	case IKE_PAYLOAD_AUTH:
		write_auth(b, p, s);
		break;
	case IKE_PAYLOAD_TSI:
	case IKE_PAYLOAD_TSR:
		write_ts(b, p, s, type);
		break;
	case IKE_PAYLOAD_NOTIFY:
		write_notifies(b, p, s, init);
		break;
	case IKE_PAYLOAD_CERT:
		if (s->raw_key.len)
			ike_cert_write(b, IKE_CERT_RAW_KEY, s->raw_key.data,
				       s->raw_key.len);
		break;
	case IKE_PAYLOAD_NONE:
	case IKE_PAYLOAD_CERTREQ:
	case IKE_PAYLOAD_DELETE:
	case IKE_PAYLOAD_VENDOR:
	case IKE_PAYLOAD_SK:
	case IKE_PAYLOAD_CP:
	case IKE_PAYLOAD_EAP:
	case IKE_PAYLOAD_SKF:
		break;
	}
}

static void write_all(struct ike_builder *b, struct puppet *p,
		      const struct puppet_script *s, const uint8_t *types,
		      size_t n, bool init)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t type = types[s->reverse ? n - 1 - i : i];

		if (s->omit & IKE_PRESENT(type))
			continue;
		if (s->empty & IKE_PRESENT(type)) {
			write_body(b, type, NULL, 0);
			continue;
		}
		write_one(b, p, s, type, init);
		if (s->twice & IKE_PRESENT(type))
			write_one(b, p, s, type, init);
	}
	if (s->unknown) {
		struct wbuf *w = ike_builder_open(b, s->unknown);

		if (s->critical)
			w->data[w->len - 3] |= 0x80;
		wbuf_be32(w, 0x01020304);
		ike_builder_close(b);
	}
}

static const uint8_t init_types[] = {
	IKE_PAYLOAD_SA,
	IKE_PAYLOAD_KE,
	IKE_PAYLOAD_NONCE,
	IKE_PAYLOAD_NOTIFY,
};

/* --- IKE_SA_INIT ------------------------------------------------------------- */

static void build_init(struct puppet *p, const struct puppet_script *s,
		       struct ike_blob *ret)
{
	struct ike_header h = {
		.spi_i = p->spi_i,
		.spi_r = p->initiator ? 0 : p->spi_r,
		.exchange = IKE_EXCHANGE_SA_INIT,
		.flags = p->initiator ? IKE_FLAG_INITIATOR : IKE_FLAG_RESPONSE,
	};
	struct ike_outgoing out;

	ike_builder_init(&out.b, out.buf, sizeof(out.buf), &h);
	write_all(&out.b, p, s, init_types, sizeof(init_types), true);
	assert_int_equal(ike_builder_finish(&out.b), 0);
	assert_int_equal(ike_blob_set(ret, out.buf, out.b.w.len), 0);
}

static void derive(struct puppet *p, const struct ike_payload *ke)
{
	struct secret shared = { 0 };
	struct ike_ke peer;
	struct ike_keymat k = {
		.prf = p->prf,
		.cipher = p->cipher,
		.ni = p->ni,
		.nr = p->nr,
		.spi_i = p->spi_i,
		.spi_r = p->spi_r,
	};

	assert_int_equal(ike_ke_parse(ke, &peer), 0);
	assert_int_equal(peer.group, p->kex->id);
	assert_int_equal(ike_kex_derive(p->kex, p->key, peer.data.data,
					peer.data.len, &shared),
			 0);
	assert_int_equal(ike_keymat_derive(&k, &shared, &p->keys), 0);
	secret_done(&shared);
}

void puppet_send_init(struct puppet *p, const struct puppet_script *s)
{
	build_init(p, s, &p->request);
	p->next_id = 1;
	inject(p, p->request.data, p->request.len);
}

void puppet_take_init(struct puppet *p)
{
	struct ike_offer o = puppet_offer(IKE_OFFER_INIT);
	struct ike_choice c;

	assert_int_equal(ike_message_parse(p->rx, p->rx_len, &p->m), 0);
	assert_int_equal(p->m.header.spi_i, p->spi_i);
	assert_non_null(ike_message_find(&p->m, IKE_PAYLOAD_SA));
	assert_non_null(ike_message_find(&p->m, IKE_PAYLOAD_VENDOR));
	p->spi_r = p->m.header.spi_r;
	assert_int_equal(
		ike_proposal_accept(ike_message_find(&p->m, IKE_PAYLOAD_SA), &o,
				    &c),
		0);
	p->cipher = ike_choice_cipher(&c);
	p->prf = ike_prf_find(ike_choice_get(&c, IKE_TRANSFORM_PRF)->id);
	assert_int_equal(
		ike_nonce_parse(ike_message_find(&p->m, IKE_PAYLOAD_NONCE),
				&p->nr),
		0);
	assert_int_equal(ike_blob_set(&p->response, p->rx, p->rx_len), 0);
	derive(p, ike_message_find(&p->m, IKE_PAYLOAD_KE));
}

void puppet_answer_init(struct puppet *p, const struct puppet_script *s)
{
	assert_int_equal(ike_message_parse(p->rx, p->rx_len, &p->m), 0);
	assert_int_equal(p->m.header.exchange, IKE_EXCHANGE_SA_INIT);
	p->spi_i = p->m.header.spi_i;
	p->prf = ike_prf_find(IKE_PRF_HMAC_SHA2_256);
	p->cipher = ike_cipher_find(IKE_ENCR_AES_GCM_16, 256, 0);
	assert_int_equal(
		ike_nonce_parse(ike_message_find(&p->m, IKE_PAYLOAD_NONCE),
				&p->ni),
		0);
	assert_int_equal(ike_blob_set(&p->request, p->rx, p->rx_len), 0);
	build_init(p, s, &p->response);
	if (!s->group && !s->ke)
		derive(p, ike_message_find(&p->m, IKE_PAYLOAD_KE));
	inject(p, p->response.data, p->response.len);
}

void puppet_answer_notify(struct puppet *p, uint16_t notify, const void *data,
			  size_t len)
{
	struct ike_header h = {
		.exchange = IKE_EXCHANGE_SA_INIT,
		.flags = IKE_FLAG_RESPONSE,
	};
	struct ike_outgoing out;

	assert_int_equal(ike_message_parse(p->rx, p->rx_len, &p->m), 0);
	h.spi_i = p->m.header.spi_i;
	ike_builder_init(&out.b, out.buf, sizeof(out.buf), &h);
	ike_notify_write(&out.b, notify, data, len);
	assert_int_equal(ike_builder_finish(&out.b), 0);
	inject(p, out.buf, out.b.w.len);
}

/* --- protected --------------------------------------------------------------- */

void puppet_begin(struct puppet *p, struct ike_outgoing *out, uint8_t exchange,
		  bool response, uint32_t id)
{
	struct ike_header h = {
		.spi_i = p->spi_i,
		.spi_r = p->spi_r,
		.exchange = exchange,
		.flags = (p->initiator ? IKE_FLAG_INITIATOR : 0) |
			 (response ? IKE_FLAG_RESPONSE : 0),
		.id = id,
	};

	ike_builder_init(&out->b, out->buf, sizeof(out->buf), &h);
	ike_protect_open(&out->b, p->cipher, p->iv++);
}

void puppet_send(struct puppet *p, struct ike_outgoing *out)
{
	const struct ike_protect_key *key =
		p->initiator ? &p->keys.ei : &p->keys.er;

	assert_int_equal(ike_protect_seal(&out->b, p->cipher, key->data), 0);
	inject(p, out->buf, out->b.w.len);
}

void puppet_send_raw(struct puppet *p, uint8_t exchange, bool response,
		     uint32_t id, uint8_t first, const void *data, size_t len)
{
	struct ike_outgoing out;

	puppet_begin(p, &out, exchange, response, id);
	out.buf[IKE_HEADER_LEN] = first;
	wbuf_bytes(&out.b.w, data, len);
	puppet_send(p, &out);
}

void puppet_send_fragment(struct puppet *p, const struct puppet_fragment *f)
{
	const struct ike_protect_key *key =
		p->initiator ? &p->keys.ei : &p->keys.er;
	struct ike_header h = {
		.spi_i = p->spi_i,
		.spi_r = p->spi_r,
		.exchange = f->exchange,
		.flags = (p->initiator ? IKE_FLAG_INITIATOR : 0) |
			 (f->response ? IKE_FLAG_RESPONSE : 0),
		.id = f->id,
	};
	struct ike_outgoing out;

	ike_builder_init(&out.b, out.buf, sizeof(out.buf), &h);
	ike_protect_open_fragment(&out.b, p->cipher, p->iv++, f->number,
				  f->total);
	out.buf[IKE_HEADER_LEN] = f->first;
	wbuf_bytes(&out.b.w, f->data, f->len);
	assert_int_equal(ike_protect_seal(&out.b, p->cipher, key->data), 0);
	out.buf[out.b.w.len - 1] ^= f->forged;
	world_inject(p->w, 0, out.buf, out.b.w.len);
}

static const uint8_t auth_request_types[] = {
	IKE_PAYLOAD_IDI,    IKE_PAYLOAD_CERT, IKE_PAYLOAD_IDR, IKE_PAYLOAD_AUTH,
	IKE_PAYLOAD_NOTIFY, IKE_PAYLOAD_SA,   IKE_PAYLOAD_TSI, IKE_PAYLOAD_TSR,
};

void puppet_send_auth(struct puppet *p, const struct puppet_script *s)
{
	struct ike_outgoing out;

	puppet_begin(p, &out, IKE_EXCHANGE_AUTH, false, p->next_id++);
	write_all(&out.b, p, s, auth_request_types, sizeof(auth_request_types),
		  false);
	puppet_send(p, &out);
}

static const uint8_t auth_response_types[] = {
	IKE_PAYLOAD_IDR, IKE_PAYLOAD_CERT, IKE_PAYLOAD_AUTH, IKE_PAYLOAD_NOTIFY,
	IKE_PAYLOAD_SA,	 IKE_PAYLOAD_TSI,  IKE_PAYLOAD_TSR,
};

void puppet_answer_auth(struct puppet *p, const struct puppet_script *s)
{
	struct ike_outgoing out;

	puppet_begin(p, &out, IKE_EXCHANGE_AUTH, true, 1);
	write_all(&out.b, p, s, auth_response_types,
		  sizeof(auth_response_types), false);
	puppet_send(p, &out);
}

const struct ike_message *puppet_open(struct puppet *p)
{
	const struct ike_protect_key *key =
		p->initiator ? &p->keys.er : &p->keys.ei;
	const struct ike_payload *sk;
	uint8_t first;
	size_t len;

	assert_int_equal(ike_message_parse(p->rx, p->rx_len, &p->m), 0);
	sk = ike_message_find(&p->m, IKE_PAYLOAD_SK);
	assert_non_null(sk);
	first = sk->inner;
	assert_int_equal(
		ike_protect_read(&p->m, p->cipher, key->data, p->plain, &len),
		0);
	assert_int_equal(ike_message_parse_inner(&p->m, first, p->plain, len),
			 0);
	return &p->m;
}

void puppet_check_child(const struct puppet *p, const struct child *c)
{
	struct esp_sa i = { .cipher = c->up.in.cipher };
	struct esp_sa r = { .cipher = c->up.in.cipher };
	const struct esp_sa *in = p->initiator ? &i : &r;
	const struct esp_sa *out = p->initiator ? &r : &i;

	assert_int_equal(ike_keymat_child(p->prf, &p->keys.d, NULL, &p->ni,
					  &p->nr, &i, &r),
			 0);
	assert_int_equal(c->up.in.key_len, in->key_len);
	assert_int_equal(c->up.out.key_len, out->key_len);
	assert_memory_equal(c->up.in.key, in->key, in->key_len);
	assert_memory_equal(c->up.out.key, out->key, out->key_len);
	assert_int_equal(c->up.out.spi, p->child_spi);
}

uint16_t puppet_error(const struct puppet *p)
{
	struct ike_notify n;

	for (size_t i = 0; i < p->m.n; i++) {
		if (p->m.payloads[i].type != IKE_PAYLOAD_NOTIFY)
			continue;
		assert_int_equal(ike_notify_parse(&p->m.payloads[i], &n), 0);
		if (n.type < IKE_NOTIFY_STATUS)
			return n.type;
	}
	return 0;
}

uint16_t puppet_plain_notify(const struct puppet *p)
{
	struct ike_message m;
	struct ike_notify n;

	assert_int_equal(ike_message_parse(p->rx, p->rx_len, &m), 0);
	assert_int_equal(m.header.exchange, IKE_EXCHANGE_SA_INIT);
	assert_int_equal(m.header.flags, IKE_FLAG_RESPONSE);
	assert_int_equal(m.header.spi_r, 0);
	assert_int_equal(m.n, 1);
	assert_int_equal(ike_notify_parse(&m.payloads[0], &n), 0);
	return n.type;
}

void puppet_establish(struct puppet *p, struct world *w, bool initiator)
{
	struct puppet_script s = { 0 };

	puppet_init(p, w, initiator, IKE_KE_X25519);
	if (initiator) {
		puppet_send_init(p, &s);
		puppet_take_init(p);
		puppet_send_auth(p, &s);
		puppet_open(p);
	} else {
		world_initiate(w, 0);
		puppet_answer_init(p, &s);
		puppet_open(p);
		puppet_answer_auth(p, &s);
	}
	assert_non_null(host_child(&w->hosts[0]));
}
