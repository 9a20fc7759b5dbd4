/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What `tacit doctor` finds, and the parts that look for it. Each finding has
 * one line of remedy, where there is one. The parts read the host as it is and
 * change nothing of it: what has to be tried is tried in a network namespace of
 * its own, which goes with the process that made it.
 */
#ifndef TACIT_DBUS_DOCTOR_H
#define TACIT_DBUS_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/config.h"

enum doctor_grade {
	DOCTOR_OK,
	DOCTOR_NOTE,	/* worth knowing */
	DOCTOR_UNKNOWN, /* could not be looked at */
	DOCTOR_WARNING, /* works, but not all of it, or not always */
	DOCTOR_ERROR,	/* does not work */
	DOCTOR_GRADES
};

struct doctor_finding {
	enum doctor_grade grade;
	const char *topic; /* static: "kernel", "firewall", ... */
	char text[256];
	char remedy[256]; /* "" where there is none */
};

struct doctor {
	const struct config *config; /* NULL: it has errors */
	bool root;
	struct doctor_finding *list;
	size_t count; /* at most LIMIT_DOCTOR_FINDINGS */
	bool failed;  /* out of memory */
};

/* remedy may be NULL. */
void doctor_add(struct doctor *d, enum doctor_grade grade, const char *topic,
		const char *remedy, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
void doctor_done(struct doctor *d);
const char *doctor_grade_name(enum doctor_grade g); /* "warning" */
/* The worst of all. */
enum doctor_grade doctor_worst(const struct doctor *d);

/* A small file's text without its last newline; "" when it cannot be read. */
void doctor_read(const char *path, char *ret, size_t size);

/* ESP, algorithms, nftables: doctor-kernel.c. */
void doctor_kernel(struct doctor *d);
/* sysctls: doctor-system.c. */
void doctor_system(struct doctor *d);
/* Other keying daemons, their ports, policies and marks: doctor-others.c. */
void doctor_others(struct doctor *d);
/* The ruleset: doctor-firewall.c. */
void doctor_firewall(struct doctor *d);

#endif
