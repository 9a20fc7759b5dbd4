/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "util/instance.h"

#include <stdio.h>
#include <string.h>

#define RUNTIME_PREFIX RUNSTATEDIR "/tacit-"
#define LETTERS	       "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

bool instance_valid(const char *name)
{
	size_t len = strspn(name, LETTERS "0123456789_-");

	return len > 0 && len <= LIMIT_INSTANCE && name[len] == '\0' &&
	       strspn(name, LETTERS) > 0;
}

const char *instance_dir(const char *base, const char *name,
			 char ret[INSTANCE_DIR_SIZE])
{
	snprintf(ret, INSTANCE_DIR_SIZE, "%s-%s", base, name);
	return ret;
}

void instance_of(const char *path, char ret[INSTANCE_SIZE])
{
	const size_t prefix = sizeof(RUNTIME_PREFIX) - 1;
	size_t len;

	ret[0] = '\0';
	if (strncmp(path, RUNTIME_PREFIX, prefix))
		return;
	len = strcspn(path + prefix, "/");
	if (len > LIMIT_INSTANCE)
		return;
	memcpy(ret, path + prefix, len);
	ret[len] = '\0';
	if (!instance_valid(ret))
		ret[0] = '\0';
}
