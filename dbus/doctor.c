/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The list of findings.
 */
#include "dbus/doctor.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/limits.h"

void doctor_add(struct doctor *d, enum doctor_grade grade, const char *topic,
		const char *remedy, const char *format, ...)
{
	struct doctor_finding *list, *f;
	va_list ap;

	if (d->count >= LIMIT_DOCTOR_FINDINGS)
		return;
	list = reallocarray(d->list, d->count + 1, sizeof(*list));
	if (!list) {
		d->failed = true;
		return;
	}
	d->list = list;
	f = &list[d->count++];
	*f = (struct doctor_finding){ .grade = grade, .topic = topic };
	va_start(ap, format);
	vsnprintf(f->text, sizeof(f->text), format, ap);
	va_end(ap);
	if (remedy)
		snprintf(f->remedy, sizeof(f->remedy), "%s", remedy);
}

void doctor_done(struct doctor *d)
{
	free(d->list);
	*d = (struct doctor){ 0 };
}

const char *doctor_grade_name(enum doctor_grade g)
{
	static const char *const names[DOCTOR_GRADES] = {
		[DOCTOR_OK] = "ok",	      [DOCTOR_NOTE] = "note",
		[DOCTOR_UNKNOWN] = "unknown", [DOCTOR_WARNING] = "warning",
		[DOCTOR_ERROR] = "error",
	};

	return g < DOCTOR_GRADES ? names[g] : "?";
}

enum doctor_grade doctor_worst(const struct doctor *d)
{
	enum doctor_grade worst = DOCTOR_OK;

	for (size_t i = 0; i < d->count; i++)
		if (d->list[i].grade > worst)
			worst = d->list[i].grade;
	return worst;
}

void doctor_read(const char *path, char *ret, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, ret, size - 1);

	if (fd >= 0)
		close(fd);
	ret[n > 0 ? n : 0] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
}
