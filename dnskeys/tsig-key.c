/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Words of BIND's configuration: names, quoted strings, braces and semicolons,
 * with all three kinds of comments between them.
 */
#include "dnskeys/tsig-key.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/secret.h"

struct reader {
	const char *at, *end;
	char word[TSIG_SECRET_MAX + 1];
};

static bool begins(const struct reader *r, const char *what)
{
	size_t len = strlen(what);

	return (size_t)(r->end - r->at) >= len && !memcmp(r->at, what, len);
}

static void skip_until(struct reader *r, const char *what)
{
	while (r->at < r->end && !begins(r, what))
		r->at++;
	r->at += r->at < r->end ? strlen(what) : 0;
}

static void skip_space(struct reader *r)
{
	while (r->at < r->end) {
		if (begins(r, "/*"))
			skip_until(r, "*/");
		else if (begins(r, "//") || *r->at == '#')
			skip_until(r, "\n");
		else if (strchr(" \t\r\n", *r->at))
			r->at++;
		else
			return;
	}
}

/* The next word is in r->word; false: the end, or too long for one. */
static bool next(struct reader *r)
{
	bool quoted = false;
	size_t len = 0;

	skip_space(r);
	if (r->at == r->end)
		return false;
	if (strchr("{};", *r->at)) {
		r->word[0] = *r->at++;
		r->word[1] = '\0';
		return r->word[0] != '\0';
	}
	if (*r->at == '"') {
		quoted = true;
		r->at++;
	}
	while (r->at < r->end && *r->at && len < sizeof(r->word) - 1) {
		if (quoted ? *r->at == '"' : !!strchr(" \t\r\n{};\"", *r->at))
			break;
		r->word[len++] = *r->at++;
	}
	r->word[len] = '\0';
	if (quoted && (r->at == r->end || *r->at++ != '"'))
		return false;
	return len > 0;
}

static bool next_is(struct reader *r, const char *word)
{
	return next(r) && !strcasecmp(r->word, word);
}

static bool is_base64(const char *text)
{
	unsigned char raw[TSIG_SECRET_MAX];
	size_t len = strlen(text);
	bool good =
		len && len % 4 == 0 &&
		EVP_DecodeBlock(raw, (const unsigned char *)text, (int)len) > 0;

	secret_wipe(raw, sizeof(raw));
	return good;
}

/* With and without the dot at its end. */
static int set_algorithm(struct tsig_key *k, const char *word)
{
	static const char *const known[] = { "hmac-sha256.", "hmac-sha384.",
					     "hmac-sha512." };
	size_t len = strlen(word);

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strncasecmp(word, known[i], 11) ||
		    (len != 11 && strcmp(word + 11, ".") != 0))
			continue;
		strcpy(k->algorithm, known[i]);
		return 0;
	}
	return -EOPNOTSUPP;
}

/* A name in a packet needs no escapes to be told apart; ours has none. */
static int set_name(struct tsig_key *k, const char *word)
{
	size_t len = strlen(word);

	for (size_t i = 0; i < len; i++)
		if (word[i] <= ' ' || word[i] == '\\' || word[i] > '~')
			return -EBADMSG;
	if (len > TSIG_NAME_MAX || word[0] == '.')
		return -EBADMSG;
	snprintf(k->name, sizeof(k->name), "%s%s", word,
		 word[len - 1] == '.' ? "" : ".");
	return 0;
}

static int parse_clause(struct reader *r, struct tsig_key *k)
{
	int algorithm = -EBADMSG;
	bool secret = false;

	if (!next(r) || set_name(k, r->word) < 0 || !next_is(r, "{"))
		return -EBADMSG;
	while (next(r) && strcmp(r->word, "}") != 0) {
		bool is_secret = !strcasecmp(r->word, "secret");

		if (!is_secret && strcasecmp(r->word, "algorithm") != 0)
			return -EBADMSG;
		if (!next(r))
			return -EBADMSG;
		if (!is_secret) {
			algorithm = set_algorithm(k, r->word);
		} else {
			strcpy(k->secret, r->word);
			secret = is_base64(k->secret);
		}
		if (!next_is(r, ";"))
			return -EBADMSG;
	}
	if (strcmp(r->word, "}") != 0 || !secret)
		return -EBADMSG;
	return algorithm;
}

int tsig_key_parse(const char *text, size_t len, struct tsig_key *ret)
{
	struct reader r = { .at = text, .end = text + len };
	struct tsig_key k = { .name = "" };
	int rc = -EBADMSG;

	while (rc < 0 && next(&r)) {
		if (strcasecmp(r.word, "key") != 0)
			continue;
		rc = parse_clause(&r, &k);
		break;
	}
	if (rc == 0)
		*ret = k;
	secret_wipe(&r, sizeof(r));
	tsig_key_wipe(&k);
	return rc;
}

int tsig_key_read(const char *path, struct tsig_key *ret)
{
	char text[TSIG_FILE_MAX + 1];
	struct stat st;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int rc = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		rc = -errno;
	else if (!S_ISREG(st.st_mode))
		rc = -EBADMSG;
	else if (st.st_mode & 0007)
		rc = -EACCES;
	n = rc == 0 ? read(fd, text, sizeof(text)) : 0;
	if (n < 0)
		rc = -errno;
	else if (n > (ssize_t)TSIG_FILE_MAX)
		rc = -EFBIG;
	if (rc == 0)
		rc = tsig_key_parse(text, (size_t)n, ret);
	secret_wipe(text, sizeof(text));
	close(fd);
	return rc;
}

void tsig_key_wipe(struct tsig_key *k)
{
	secret_wipe(k, sizeof(*k));
}
