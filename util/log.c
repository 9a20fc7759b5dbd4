/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The log: builds one message, cleans it of control characters (part of it
 * may come from a stranger), and hands it to the journal with its fields or
 * to standard error as one line with one write().
 */
#include "util/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
/* This file and line would say nothing. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "util/limits.h"

#define SUFFIX_MAX_LEN 32
#define FIELD_MAX_LEN  128
#define LINE_MAX_LEN   (LIMIT_LOG_MESSAGE + 512)

enum log_target {
	LOG_TARGET_STDERR,
	LOG_TARGET_TERMINAL,
	LOG_TARGET_COLOUR,
	LOG_TARGET_JOURNAL,
};

/* Set once in main(), before any thread; levels and peer by `tacit debug` too,
 * in the thread that logs about peers. */
static struct {
	const char *name;
	_Atomic int level;
	enum log_target target;
	_Atomic int peer_level;
	struct addr peer; /* family 0: none */
} log_state = { "tacit", LOG_INFO, LOG_TARGET_STDERR, LOG_EMERG, { 0 } };

/* JOURNAL_STREAM names the device and inode of the journal's socket; we may
 * have inherited it from a parent with another standard error. */
static bool stderr_is_journal(void)
{
	const char *text = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;
	char *end;

	if (!text || fstat(STDERR_FILENO, &st) < 0)
		return false;
	dev = strtoull(text, &end, 10);
	if (end == text || *end != ':')
		return false;
	text = end + 1;
	ino = strtoull(text, &end, 10);
	if (end == text || *end)
		return false;
	return st.st_dev == dev && st.st_ino == ino;
}

void log_open(const char *name, int level)
{
	log_state.name = name;
	log_state.level = level;
	if (stderr_is_journal())
		log_state.target = LOG_TARGET_JOURNAL;
	else if (!isatty(STDERR_FILENO))
		log_state.target = LOG_TARGET_STDERR;
	else if (getenv("NO_COLOR"))
		log_state.target = LOG_TARGET_TERMINAL;
	else
		log_state.target = LOG_TARGET_COLOUR;
}

void log_set_level(int level)
{
	log_state.level = level;
}

int log_level(void)
{
	int level = log_state.level, peer = log_state.peer_level;

	return peer > level ? peer : level;
}

void log_set_peer(const struct addr *peer, int level)
{
	log_state.peer = peer ? *peer : (struct addr){ 0 };
	log_state.peer_level = peer ? level : LOG_EMERG;
}

static bool log_wanted(int level, const struct log_fields *f)
{
	if (level <= log_state.level)
		return true;
	return level <= log_state.peer_level && f && f->peer &&
	       addr_equal(f->peer, &log_state.peer);
}

/* Control characters, also those of two bytes in UTF-8 (U+0080 to U+009F),
 * could forge a line or command a terminal. */
static void log_clean(char *text)
{
	unsigned char *p = (unsigned char *)text;

	for (; *p; p++)
		if (*p < 0x20 || *p == 0x7f)
			*p = '?';
		else if (*p == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f)
			*p = p[1] = '?';
}

static struct iovec iov_of(char *text)
{
	return (struct iovec){ text, strlen(text) };
}

static int log_to_journal(int level, const struct log_fields *f,
			  const char *message)
{
	char text[LIMIT_LOG_MESSAGE + SUFFIX_MAX_LEN + 16], priority[16];
	char name[FIELD_MAX_LEN], peer[FIELD_MAX_LEN];
	char policy[FIELD_MAX_LEN], state[FIELD_MAX_LEN];
	char buf[ADDR_STRLEN];
	struct iovec iov[6];
	int n = 0;

	snprintf(text, sizeof(text), "MESSAGE=%s", message);
	iov[n++] = iov_of(text);
	snprintf(priority, sizeof(priority), "PRIORITY=%d", level);
	iov[n++] = iov_of(priority);
	snprintf(name, sizeof(name), "SYSLOG_IDENTIFIER=%s", log_state.name);
	iov[n++] = iov_of(name);
	if (f && f->peer) {
		snprintf(peer, sizeof(peer), "TACIT_PEER=%s",
			 addr_format(f->peer, buf));
		iov[n++] = iov_of(peer);
	}
	if (f && f->policy) {
		snprintf(policy, sizeof(policy), "TACIT_POLICY=%s", f->policy);
		iov[n++] = iov_of(policy);
	}
	if (f && f->state) {
		snprintf(state, sizeof(state), "TACIT_STATE=%s", f->state);
		iov[n++] = iov_of(state);
	}
	return sd_journal_sendv(iov, n);
}

/* Appends to a line that is cut at its end, never over it. */
__attribute__((format(printf, 3, 4))) static void line_add(
	char line[static LINE_MAX_LEN], size_t *len, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(line + *len, LINE_MAX_LEN - *len, format, ap);
	va_end(ap);
	if (n > 0)
		*len += (size_t)n;
	if (*len > LINE_MAX_LEN - 1)
		*len = LINE_MAX_LEN - 1;
}

static const char *log_colour(int level)
{
	if (log_state.target != LOG_TARGET_COLOUR || level > LOG_WARNING)
		return NULL;
	return level <= LOG_ERR ? "\033[31m" : "\033[33m";
}

static void log_to_stderr(int level, const struct log_fields *f,
			  const char *message)
{
	const char *colour = log_colour(level);
	char line[LINE_MAX_LEN], buf[ADDR_STRLEN];
	size_t len = 0, fields;
	ssize_t n;

	if (log_state.target == LOG_TARGET_STDERR ||
	    log_state.target == LOG_TARGET_JOURNAL)
		line_add(line, &len, "<%d>", level);
	line_add(line, &len, "%s: %s%s%s", log_state.name, colour ? colour : "",
		 message, colour ? "\033[0m" : "");
	fields = len;
	if (f && f->peer)
		line_add(line, &len, " peer=%s", addr_format(f->peer, buf));
	if (f && f->policy)
		line_add(line, &len, " policy=%.*s", FIELD_MAX_LEN, f->policy);
	if (f && f->state)
		line_add(line, &len, " state=%.*s", FIELD_MAX_LEN, f->state);
	log_clean(line + fields);
	line[len++] = '\n';
	/* A log that cannot be written must not stop anything. */
	do
		n = write(STDERR_FILENO, line, len);
	while (n < 0 && errno == EINTR);
}

__attribute__((format(printf, 4, 0))) static void log_write(
	int level, const struct log_fields *fields, uint32_t suppressed,
	const char *format, va_list ap)
{
	char message[LIMIT_LOG_MESSAGE + SUFFIX_MAX_LEN];
	size_t len;
	int saved = errno, n;

	n = vsnprintf(message, LIMIT_LOG_MESSAGE, format, ap);
	if (n < 0)
		snprintf(message, sizeof(message), "(unprintable)");
	else if ((size_t)n >= LIMIT_LOG_MESSAGE)
		memcpy(message + LIMIT_LOG_MESSAGE - 4, "...", 4);
	len = strlen(message);
	if (suppressed)
		snprintf(message + len, SUFFIX_MAX_LEN, " (%u more left out)",
			 suppressed);
	log_clean(message);
	if (log_state.target != LOG_TARGET_JOURNAL ||
	    log_to_journal(level, fields, message) < 0)
		log_to_stderr(level, fields, message);
	errno = saved;
}

void log_full(int level, const struct log_fields *fields, const char *format,
	      ...)
{
	va_list ap;

	if (!log_wanted(level, fields))
		return;
	va_start(ap, format);
	log_write(level, fields, 0, format, ap);
	va_end(ap);
}

bool log_limited_wanted(struct log_limit *limit, uint64_t now, int level,
			const struct log_fields *fields)
{
	if (!log_wanted(level, fields))
		return false;
	if (ratelimit_has(&limit->bucket, now, LIMIT_LOG_RATE, LIMIT_LOG_BURST))
		return true;
	if (limit->suppressed < UINT32_MAX)
		limit->suppressed++;
	return false;
}

void log_limited(struct log_limit *limit, uint64_t now, int level,
		 const struct log_fields *fields, const char *format, ...)
{
	va_list ap;

	if (!log_limited_wanted(limit, now, level, fields))
		return;
	(void)ratelimit_take(&limit->bucket, now, LIMIT_LOG_RATE,
			     LIMIT_LOG_BURST);
	va_start(ap, format);
	log_write(level, fields, limit->suppressed, format, ap);
	va_end(ap);
	limit->suppressed = 0;
}
