/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/parked.h"

#include <stdlib.h>
#include <string.h>

#include "util/limits.h"

struct parked {
	struct parked *next;
	struct ike_send send; /* its data is what follows */
	uint8_t data[];
};

void parked_add(struct parked **list, const struct ike_send *send)
{
	unsigned n = 0;
	struct parked *p;

	for (; *list; list = &(*list)->next)
		n++;
	if (n >= LIMIT_PARKED)
		return;
	p = malloc(sizeof(*p) + send->len);
	if (!p)
		return;
	p->next = NULL;
	p->send = *send;
	p->send.data = p->data;
	memcpy(p->data, send->data, send->len);
	*list = p;
}

void parked_flush(struct parked **list,
		  void (*send)(const struct ike_send *s, void *user),
		  void *user)
{
	struct parked *p;

	while ((p = *list)) {
		*list = p->next;
		send(&p->send, user);
		free(p);
	}
}

static void parked_lose(const struct ike_send *s, void *user)
{
	(void)s;
	(void)user;
}

void parked_drop(struct parked **list)
{
	parked_flush(list, parked_lose, NULL);
}
