/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Parsing single configuration values. The locale plays no part.
 */
#include "policy/config-value.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "util/limits.h"

/* Longest word that spelling help looks at. */
#define WORD_MAX 32u

#define SPAN_MAX_MS (366ull * 24 * 3600 * 1000)

int config_value_bool(const char *text, bool *ret)
{
	static const char *const yes[] = { "yes", "true", "on", "1" };
	static const char *const no[] = { "no", "false", "off", "0" };

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		if (!strcasecmp(text, yes[i])) {
			*ret = true;
			return 0;
		}
		if (!strcasecmp(text, no[i])) {
			*ret = false;
			return 0;
		}
	}
	return -EINVAL;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads digits at *pos and moves it behind them. */
static int digits(const char **pos, uint64_t max, uint64_t *ret)
{
	const char *p = *pos;
	uint64_t v = 0;

	if (!is_digit(*p))
		return -EINVAL;
	for (; is_digit(*p); p++) {
		v = v * 10 + (uint64_t)(*p - '0');
		if (v > max)
			return -ERANGE;
	}
	*pos = p;
	*ret = v;
	return 0;
}

int config_value_number(const char *text, uint32_t max, uint32_t *ret)
{
	uint64_t v;
	int r = digits(&text, max, &v);

	if (r == -ERANGE) {
		/* Too large, but is it a number at all? */
		while (is_digit(*text))
			text++;
		return *text ? -EINVAL : -ERANGE;
	}
	if (r < 0 || *text)
		return -EINVAL;
	*ret = (uint32_t)v;
	return 0;
}

/* Milliseconds of the unit that begins at *pos (moved behind it); 0: none. */
static uint64_t span_unit(const char **pos)
{
	static const struct {
		const char *name;
		uint64_t ms;
	} units[] = { { "ms", 1 },	 { "msec", 1 },	    { "s", 1000 },
		      { "sec", 1000 },	 { "m", 60000 },    { "min", 60000 },
		      { "h", 3600000 },	 { "hr", 3600000 }, { "d", 86400000 },
		      { "w", 604800000 } };
	size_t len = 0;

	while ((*pos)[len] >= 'a' && (*pos)[len] <= 'z')
		len++;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strlen(units[i].name) != len ||
		    strncmp(*pos, units[i].name, len))
			continue;
		*pos += len;
		return units[i].ms;
	}
	return 0;
}

int config_value_span(const char *text, uint64_t *ret_ms)
{
	uint64_t total = 0, v, unit;
	int r;

	text += strspn(text, " \t");
	r = digits(&text, SPAN_MAX_MS, &v);
	if (r < 0)
		return r;
	if (!text[strspn(text, " \t")]) {
		total = v * 1000;
		goto done;
	}
	for (;;) {
		text += strspn(text, " \t");
		unit = span_unit(&text);
		if (!unit)
			return -EINVAL;
		if (v > (SPAN_MAX_MS - total) / unit)
			return -ERANGE;
		total += v * unit;
		text += strspn(text, " \t");
		if (!*text)
			break;
		r = digits(&text, SPAN_MAX_MS, &v);
		if (r < 0)
			return r;
	}
done:
	if (total > SPAN_MAX_MS)
		return -ERANGE;
	*ret_ms = total;
	return 0;
}

enum config_network config_value_network(const char *text, struct prefix *ret)
{
	char address[ADDR_STRLEN];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	struct addr a;
	uint32_t bits;

	if (prefix_parse(text, ret) == 0)
		return CONFIG_NETWORK_OK;
	if (len >= sizeof(address))
		return CONFIG_NETWORK_SYNTAX;
	memcpy(address, text, len);
	address[len] = '\0';
	if (addr_parse(address, &a) < 0 || a.scope || !slash)
		return CONFIG_NETWORK_SYNTAX;
	if (config_value_number(slash + 1, (uint32_t)addr_len(&a) * 8, &bits))
		return CONFIG_NETWORK_LENGTH;
	*ret = prefix_of(&a, (uint8_t)bits);
	return CONFIG_NETWORK_HOST_BITS;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* How many letters are to be put in, taken out, changed or swapped with their
 * neighbour (optimal string alignment). */
static unsigned distance(const char *a, size_t n, const char *b, size_t m)
{
	unsigned d[WORD_MAX + 1][WORD_MAX + 1];

	for (size_t i = 0; i <= n; i++) {
		for (size_t j = 0; j <= m; j++) {
			unsigned cost;

			if (!i || !j) {
				d[i][j] = (unsigned)(i + j);
				continue;
			}
			cost = lower(a[i - 1]) != lower(b[j - 1]);
			d[i][j] = least(d[i - 1][j - 1] + cost,
					least(d[i - 1][j], d[i][j - 1]) + 1);
			if (i > 1 && j > 1 &&
			    lower(a[i - 1]) == lower(b[j - 2]) &&
			    lower(a[i - 2]) == lower(b[j - 1]))
				d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
		}
	}
	return d[n][m];
}

/* --- identities and keys ---------------------------------------------------- */

/* What may stand in a log: no blanks and no control characters. */
static bool is_printable(const char *text, size_t max)
{
	size_t len = 0;

	for (; text[len]; len++)
		if (text[len] <= ' ' || text[len] > '~')
			return false;
	return len > 0 && len <= max;
}

/* A host name as IKE takes it, or "*." and one. */
static bool is_name(const char *text)
{
	static const char in_names[] = "abcdefghijklmnopqrstuvwxyz"
				       "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "0123456789-._";
	const char *name = strncmp(text, "*.", 2) ? text : text + 2;

	return is_printable(text, LIMIT_IKE_ID) && *name &&
	       !name[strspn(name, in_names)];
}

bool config_value_is_pattern(const char *canonical)
{
	return canonical[0] == '@' && canonical[1] == '*';
}

static int hex_identity(const char *text, const char *digits_at, char *ret)
{
	static const char hex[] = "0123456789abcdef";
	size_t prefix = (size_t)(digits_at - text), len = strlen(digits_at);

	if (len == 0 || len % 2 || len / 2 > LIMIT_IKE_ID)
		return -EINVAL;
	memcpy(ret, text, prefix);
	for (size_t i = 0; i <= len; i++) {
		ret[prefix + i] = lower(digits_at[i]);
		if (i < len && !strchr(hex, ret[prefix + i]))
			return -EINVAL;
	}
	return 0;
}

int config_value_identity(const char *text, char ret[CONFIG_IDENTITY_STRLEN])
{
	char made[CONFIG_IDENTITY_STRLEN];
	const char *at = strchr(text, '@');
	struct addr a;
	int r = 0;

	if (!strncmp(text, "keyid:", 6) || !strncmp(text, "dn:", 3)) {
		r = hex_identity(text, strchr(text, ':') + 1, made);
	} else if (addr_parse(text, &a) == 0 && !a.scope) {
		addr_format(&a, made);
	} else if (at && at != text) {
		if (!is_printable(text, LIMIT_IKE_ID) || strchr(at + 1, '@') ||
		    strchr(text, ':'))
			return -EINVAL;
		strcpy(made, text);
	} else {
		if (at == text)
			text++;
		/* An address, or another form, with an error in it. */
		if (!is_name(text))
			return -EINVAL;
		made[0] = '@';
		strcpy(made + 1, text);
	}
	if (r < 0)
		return r;
	/* Case means nothing in a host name (RFC 4343). */
	at = strchr(made, '@');
	for (char *c = made + (at ? at - made : 0); at && *c; c++)
		*c = lower(*c);
	strcpy(ret, made);
	return 0;
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int config_value_base64(const char *text, uint8_t *ret, size_t max)
{
	uint32_t bits = 0;
	unsigned count = 0, padding = 0;
	size_t n = 0;

	for (; *text; text++) {
		int v = base64_digit(*text);

		if (strchr(" \t\r\n", *text))
			continue;
		if (*text == '=' && ++padding <= 2)
			continue;
		if (v < 0 || padding)
			return -EINVAL;
		bits = bits << 6 | (uint32_t)v;
		if (++count % 4 == 1)
			continue;
		if (n == max)
			return -EINVAL;
		/* 6 bits are there, then 4 and 2 beyond a byte. */
		ret[n++] = (uint8_t)(bits >> (count % 4 == 2   ? 4
					      : count % 4 == 3 ? 2
							       : 0));
	}
	return count % 4 == 1 || (count + padding) % 4 ? -EINVAL : (int)n;
}

const char *config_value_nearest(const char *text, const char *const *words)
{
	const char *best = NULL;
	unsigned best_distance = 3; /* three mistakes are another word */
	size_t n = strlen(text);

	if (n < 2 || n > WORD_MAX)
		return NULL;
	for (; *words; words++) {
		size_t m = strlen(*words);
		unsigned d;

		if (m > WORD_MAX)
			continue;
		d = distance(text, n, *words, m);
		/* Short words are near to everything. */
		if (d < best_distance && d * 3 <= (n > m ? n : m)) {
			best_distance = d;
			best = *words;
		}
	}
	return best;
}

int config_value_size(const char *text, uint64_t *ret)
{
	static const char units[] = "KMGT";
	const char *unit;
	uint64_t v = 0;
	size_t len = strspn(text, "0123456789");
	unsigned shift = 0;

	if (len == 0 || len > 19)
		return len ? -ERANGE : -EINVAL;
	for (size_t i = 0; i < len; i++)
		v = v * 10 + (uint64_t)(text[i] - '0');
	if (text[len]) {
		unit = strchr(units, text[len]);
		if (!unit || text[len + 1])
			return -EINVAL;
		shift = 10 * (unsigned)(unit - units + 1);
	}
	if (v > UINT64_MAX >> shift)
		return -ERANGE;
	*ret = v << shift;
	return 0;
}
