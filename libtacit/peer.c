/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A peer: the dictionary that the agent answered with, as texts.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libtacit/internal.h"

/* More keys than any agent sends; others are passed over. */
#define VALUES_MAX 64u

struct value {
	char *key, *text;
};

struct tacit_peer {
	size_t n;
	struct value values[VALUES_MAX];
};

struct tacit_peer *tacit_peer_free(struct tacit_peer *p)
{
	if (!p)
		return NULL;
	for (size_t i = 0; i < p->n; i++) {
		free(p->values[i].key);
		free(p->values[i].text);
	}
	free(p);
	return NULL;
}

/* One basic value as text. 0: it is of another type. */
static int read_value(sd_bus_message *m, char type, char *buf, size_t size,
		      const char **ret)
{
	union {
		uint16_t q;
		uint32_t u;
		uint64_t t;
		int b;
		const char *s;
	} v = { 0 };
	int r;

	if (!strchr("bqust", type))
		return 0;
	r = sd_bus_message_read_basic(m, type, &v);
	if (r < 0)
		return r;
	*ret = buf;
	if (type == 's')
		*ret = v.s;
	else if (type == 'b')
		*ret = v.b ? "yes" : "no";
	else
		snprintf(buf, size, "%" PRIu64,
			 type == 'q'   ? v.q
			 : type == 'u' ? v.u
				       : v.t);
	return 1;
}

static int read_entry(sd_bus_message *m, struct tacit_peer *p)
{
	const char *key, *contents, *text;
	char buf[24], type;
	int r = sd_bus_message_read_basic(m, 's', &key);

	if (r >= 0)
		r = sd_bus_message_peek_type(m, &type, &contents);
	if (r < 0)
		return r;
	if (!contents || strlen(contents) != 1 || p->n == VALUES_MAX)
		return sd_bus_message_skip(m, "v");
	type = contents[0];
	r = sd_bus_message_enter_container(m, 'v', contents);
	if (r >= 0)
		r = read_value(m, type, buf, sizeof(buf), &text);
	if (r < 0)
		return r;
	if (r == 0) {
		r = sd_bus_message_skip(m, NULL);
	} else {
		struct value *v = &p->values[p->n];

		v->key = strdup(key);
		v->text = strdup(text);
		p->n++;
		if (!v->key || !v->text)
			return -ENOMEM;
	}
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

int peer_read(sd_bus_message *m, struct tacit_peer **ret)
{
	struct tacit_peer *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	r = sd_bus_message_enter_container(m, 'a', "{sv}");
	while (r >= 0 &&
	       (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		r = read_entry(m, p);
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
	}
	if (r >= 0)
		r = sd_bus_message_exit_container(m);
	if (r < 0) {
		tacit_peer_free(p);
		return r;
	}
	*ret = p;
	return 0;
}

const char *tacit_peer_value(const struct tacit_peer *p, const char *key)
{
	for (size_t i = 0; i < p->n; i++)
		if (!strcmp(p->values[i].key, key))
			return p->values[i].text;
	return NULL;
}

bool tacit_peer_encrypted(const struct tacit_peer *p)
{
	const char *text = tacit_peer_value(p, "Encrypted");

	return text && !strcmp(text, "yes");
}

const char *tacit_peer_identity(const struct tacit_peer *p)
{
	const char *text = tacit_peer_value(p, "Identity");

	return text && *text ? text : NULL;
}
