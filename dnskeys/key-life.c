/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is not exactly one of the forms is the name of an active key. */
#include "dnskeys/key-life.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char suffix[] = ".pem";

const char *key_stage_name(enum key_stage s)
{
	static const char *const names[KEY_STAGES] = {
		[KEY_ACTIVE] = "active",
		[KEY_NEXT] = "next",
		[KEY_RETIRED] = "retired",
	};

	return s < KEY_STAGES ? names[s] : "?";
}

/* Digits, without zeros before them, up to the limit; *at is moved on. */
static bool number(const char **at, uint64_t limit, uint64_t *ret)
{
	const char *p = *at;
	uint64_t n = 0;

	if (*p < '1' || *p > '9')
		return false;
	for (; *p >= '0' && *p <= '9'; p++) {
		n = n * 10 + (uint64_t)(*p - '0');
		if (n > limit)
			return false;
	}
	*at = p;
	*ret = n;
	return true;
}

#define TIME_MAX (UINT64_C(1) << 40)

/* What stands behind the last dot; false: it is part of the name. */
static bool parse_stage(const char *text, struct key_life *ret)
{
	struct key_life l = { .stage = KEY_NEXT };
	uint64_t hold;

	if (!strcmp(text, "next")) {
		*ret = l;
		return true;
	}
	if (!strncmp(text, "old-", 4)) {
		text += 4;
		l.stage = KEY_RETIRED;
		if (!number(&text, TIME_MAX, &l.until) || *text)
			return false;
	} else if (!strncmp(text, "next-", 5)) {
		text += 5;
		if (!number(&text, TIME_MAX, &l.until) || *text++ != '-' ||
		    !number(&text, UINT32_MAX, &hold) || *text)
			return false;
		l.hold = (uint32_t)hold;
	} else {
		return false;
	}
	*ret = l;
	return true;
}

int key_life_parse(const char *file, char name[static LIMIT_KEY_NAME + 1],
		   struct key_life *ret)
{
	char text[LIMIT_KEY_NAME + 1], *dot;
	size_t len = strlen(file);

	if (len < sizeof(suffix) || strcmp(file + len - 4, suffix) != 0)
		return -EINVAL;
	len -= 4;
	if (len > LIMIT_KEY_NAME)
		return -ENAMETOOLONG;
	memcpy(text, file, len);
	text[len] = '\0';
	*ret = (struct key_life){ .stage = KEY_ACTIVE };
	dot = strrchr(text, '.');
	if (dot && dot > text && parse_stage(dot + 1, ret))
		*dot = '\0';
	memcpy(name, text, sizeof(text));
	return 0;
}

int key_life_format(const char *name, const struct key_life *l,
		    char file[static KEY_FILE_LEN])
{
	unsigned long long until = l->until;
	int n = -1;

	switch (l->stage) {
	case KEY_ACTIVE:
		n = snprintf(file, KEY_FILE_LEN, "%s%s", name, suffix);
		break;
	case KEY_NEXT:
		if (until)
			n = snprintf(file, KEY_FILE_LEN, "%s.next-%llu-%u%s",
				     name, until, l->hold, suffix);
		else
			n = snprintf(file, KEY_FILE_LEN, "%s.next%s", name,
				     suffix);
		break;
	case KEY_RETIRED:
		n = snprintf(file, KEY_FILE_LEN, "%s.old-%llu%s", name, until,
			     suffix);
		break;
	case KEY_STAGES:
		break;
	}
	return n < 0 || (size_t)n >= KEY_FILE_LEN ? -ENAMETOOLONG : 0;
}
