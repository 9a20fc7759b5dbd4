/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ike/alternative.h"

#include <stdlib.h>
#include <string.h>

#include "ike/core.h"

struct ike_alternative {
	struct ike_alternative *next;
	struct endpoint local, remote;
	size_t len;
	uint8_t data[];
};

struct ike_alternative *ike_alternative_free(struct ike_alternative *list)
{
	while (list) {
		struct ike_alternative *next = list->next;

		free(list);
		list = next;
	}
	return NULL;
}

static bool is_same(const void *data, size_t len, const struct ike_message *m)
{
	return len == m->raw_len && memcmp(data, m->raw, len) == 0;
}

void ike_alternative_keep(const struct ike_arrival *a, struct ike_sa *sa)
{
	const struct ike_message *m = a->m;
	struct ike_handshake *hs = sa->handshake;
	struct ike_alternative **at = &hs->others, *new;

	if (hs->n_others >= LIMIT_IKE_INIT_ANSWERS ||
	    is_same(hs->response.data, hs->response.len, m) ||
	    !ike_init_understands(sa, m))
		return;
	for (; *at; at = &(*at)->next)
		if (is_same((*at)->data, (*at)->len, m))
			return;
	new = malloc(sizeof(*new) + m->raw_len);
	if (!new)
		return;
	*new = (struct ike_alternative){ NULL, *a->local, *a->remote,
					 m->raw_len };
	memcpy(new->data, m->raw, m->raw_len);
	*at = new;
	hs->n_others++;
}

/* Back to where the answer was not there yet, but for the owner's credentials,
 * which are about the same peer. */
static void rewind_sa(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_handshake *hs = sa->handshake;

	timer_cancel(e->wheel, &sa->life);
	ike_request_done(e, sa);
	ike_fragment_forget_all(e, sa);
	sa->request = hs->request;
	hs->request = (struct ike_blob){ 0 };
	hs->child = ike_child_free(e, hs->child);
	hs->plan = (struct ike_plan){ 0 };
	ike_blob_done(&hs->signature);
	if (hs->auth.data)
		secret_wipe(hs->auth.data, hs->auth.len);
	ike_blob_done(&hs->auth);
	hs->proven = false;
	hs->why = NULL;
	free(sa->proof);
	sa->proof = NULL;
	ike_keys_wipe(&sa->keys);
	sa->tapped = false;
	sa->spi_r = 0;
	sa->modes = hs->modes;
	sa->inner_us = (struct addr){ 0 };
	sa->local.port = hs->local_port;
	sa->remote.port = hs->remote_port;
	ike_sa_set_state(e, sa, IKE_SA_INIT_SENT);
}

bool ike_alternative_waits(const struct ike_sa *sa)
{
	return sa->initiator && sa->handshake && !sa->told &&
	       sa->handshake->others;
}

bool ike_alternative_next(struct ike_engine *e, uint64_t now, struct ike_sa *sa)
{
	struct ike_alternative *next;
	struct ike_message m;
	int rc = -1;

	if (!ike_alternative_waits(sa))
		return false;
	next = sa->handshake->others;
	sa->handshake->others = next->next;
	rewind_sa(e, sa);
	if (ike_message_parse(next->data, next->len, &m) == 0) {
		const struct ike_arrival a = { now, &next->local, &next->remote,
					       &m };

		rc = ike_init_response(e, &a, sa);
	}
	free(next);
	if (rc < 0)
		ike_sa_end(e, sa, IKE_REASON_RESOURCES, 0);
	return true;
}
