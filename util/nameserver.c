/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * resolv.conf(5): lines that begin with "nameserver" and blanks.
 */
#include "util/nameserver.h"

#include <stdio.h>
#include <string.h>

#define FILE_MAX 16384u

static void add(struct nameservers *s, const char *word, size_t len)
{
	char text[ADDR_STRLEN];
	struct addr a;

	if (len >= sizeof(text) || s->n == LIMIT_NAMESERVERS)
		return;
	memcpy(text, word, len);
	text[len] = '\0';
	if (addr_parse(text, &a) < 0)
		return;
	for (size_t i = 0; i < s->n; i++)
		if (addr_equal(&s->list[i], &a))
			return;
	s->list[s->n++] = a;
}

void nameservers_parse(const char *text, struct nameservers *ret)
{
	static const char key[] = "nameserver";

	*ret = (struct nameservers){ 0 };
	while (*text) {
		const char *at = text + sizeof(key) - 1;

		if (strncmp(text, key, sizeof(key) - 1) == 0 &&
		    (*at == ' ' || *at == '\t')) {
			at += strspn(at, " \t");
			add(ret, at, strcspn(at, " \t\r\n#;"));
		}
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
}

void nameservers_read(const char *const *files, struct nameservers *ret)
{
	*ret = (struct nameservers){ 0 };
	for (; *files && ret->n == 0; files++) {
		char text[FILE_MAX];
		FILE *f = fopen(*files, "re");
		size_t n;

		if (!f)
			continue;
		n = fread(text, 1, sizeof(text) - 1, f);
		text[n] = '\0';
		fclose(f);
		nameservers_parse(text, ret);
	}
}

void nameservers_system(struct nameservers *ret)
{
	static const char *const files[] = { NAMESERVER_RESOLVED,
					     NAMESERVER_SYSTEM, NULL };

	nameservers_read(files, ret);
}
