/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/key-output.h"

#include <errno.h>
#include <string.h>

#include "ike/public-key.h"
#include "policy/config-value.h"
#include "util/limits.h"

#define LINE_MAX_LEN 2048u

struct output {
	struct key_answer answer;
	bool has_identity, has_lifetime;
};

static int take_identity(struct output *o, const char *value)
{
	char canonical[CONFIG_IDENTITY_STRLEN];

	if (o->has_identity || config_value_identity(value, canonical) < 0 ||
	    config_value_is_pattern(canonical) ||
	    ike_identity_parse(canonical, &o->answer.identity) < 0)
		return -EBADMSG;
	o->has_identity = true;
	return 0;
}

static int take_key(struct output *o, const char *value)
{
	uint8_t spki[LIMIT_IKE_SPKI];
	struct keyset_key key = { .spki = spki };
	struct ike_public_key parsed;
	int len = config_value_base64(value, spki, sizeof(spki));

	if (len <= 0 || o->answer.keys->n == LIMIT_KNOWN_KEYS)
		return -EBADMSG;
	key.spki_len = (size_t)len;
	if (ike_public_key_parse((struct ike_view){ spki, key.spki_len },
				 &parsed) < 0)
		return -EBADMSG;
	return keyset_add(o->answer.keys, &key);
}

static int take_lifetime(struct output *o, const char *value)
{
	uint64_t ms;

	if (o->has_lifetime || config_value_span(value, &ms) < 0)
		return -EBADMSG;
	o->has_lifetime = true;
	if (ms < KEY_OUTPUT_MS_MIN)
		ms = KEY_OUTPUT_MS_MIN;
	if (ms > KEY_OUTPUT_MS_MAX)
		ms = KEY_OUTPUT_MS_MAX;
	o->answer.lifetime_ms = ms;
	return 0;
}

static int take_line(struct output *o, char *line)
{
	static const struct {
		const char *key;
		int (*take)(struct output *o, const char *value);
	} rows[] = {
		{ "Identity", take_identity },
		{ "PublicKey", take_key },
		{ "Lifetime", take_lifetime },
	};
	char *equals = strchr(line, '=');

	if (!*line || *line == '#')
		return 0;
	if (!equals)
		return -EBADMSG;
	*equals = '\0';
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!strcmp(line, rows[i].key))
			return rows[i].take(o, equals + 1);
	return -EBADMSG;
}

static int take_lines(struct output *o, const char *text, size_t len,
		      unsigned *ret_line)
{
	char line[LINE_MAX_LEN + 1];
	unsigned number = 0;
	int r;

	while (len) {
		const char *end = memchr(text, '\n', len);
		size_t n = end ? (size_t)(end - text) : len;

		number++;
		*ret_line = number;
		if (n > LINE_MAX_LEN || memchr(text, '\0', n))
			return -EBADMSG;
		memcpy(line, text, n);
		line[n && line[n - 1] == '\r' ? n - 1 : n] = '\0';
		r = take_line(o, line);
		if (r < 0)
			return r == -ENOMEM ? r : -EBADMSG;
		text += n + (end != NULL);
		len -= n + (end != NULL);
	}
	*ret_line = 0;
	return o->answer.keys->n ? 0 : -EBADMSG;
}

int key_output_parse(const char *text, size_t len,
		     const struct ike_identity *identity,
		     struct key_answer *ret, unsigned *ret_line)
{
	struct output o = { .answer = { .identity = *identity,
					.lifetime_ms = KEY_OUTPUT_MS } };
	unsigned line = 0;
	int r;

	o.answer.keys = keyset_new(KEYSET_SECURE, KEYSET_COMMAND, NULL);
	if (!o.answer.keys)
		return -ENOMEM;
	r = take_lines(&o, text, len, &line);
	if (r < 0) {
		key_answer_done(&o.answer);
		*ret_line = line;
		return r;
	}
	*ret = o.answer;
	return 0;
}
