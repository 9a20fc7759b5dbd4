/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The sysctls that matter, of this network namespace.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dbus/doctor.h"

#define TOPIC	"sysctl"
#define PROC_IP "/proc/sys/net/ipv4/conf"

static bool differs_from_30(long v)
{
	return v < 5 || v > 120;
}

static bool is_on(long v)
{
	return v > 0;
}

static bool is_off(long v)
{
	return v == 0;
}

static bool is_strict(long v)
{
	return v == 1;
}

/* Each is fine unless this is true of its value. */
static const struct sysctl {
	const char *name; /* with dots */
	bool (*odd)(long v);
	enum doctor_grade grade;
	const char *text, *remedy;
} sysctls[] = {
	{ "net.core.xfrm_acq_expires", differs_from_30, DOCTOR_WARNING,
	  "a peer that does not answer is asked for again too seldom or too "
	  "often",
	  "sysctl net.core.xfrm_acq_expires=30" },
	{ "net.core.xfrm_larval_drop", is_off, DOCTOR_NOTE,
	  "the kernel queues first packets by itself; Tacit sets this where "
	  "link-local peers or the lack of nft_queue ask for it",
	  NULL },
	{ "net.ipv4.conf.all.rp_filter", is_strict, DOCTOR_NOTE,
	  "packets that come by another interface than the answer would take "
	  "are dropped, encrypted or not",
	  "where a host has several ways to a peer: sysctl "
	  "net.ipv4.conf.all.rp_filter=2" },
	{ "net.ipv4.ip_no_pmtu_disc", is_on, DOCTOR_NOTE,
	  "path MTU discovery is off: packets that ESP makes too large are "
	  "fragmented",
	  "sysctl net.ipv4.ip_no_pmtu_disc=0" },
	{ "net.ipv6.conf.all.disable_ipv6", is_on, DOCTOR_NOTE,
	  "IPv6 is switched off: only IPv4 is protected", NULL },
};

static bool read_number(const char *path, long *ret)
{
	char text[32], *end;

	doctor_read(path, text, sizeof(text));
	*ret = strtol(text, &end, 10);
	return *text && !*end;
}

static void check_one(struct doctor *d, const struct sysctl *s, size_t *odd)
{
	char path[128];
	long v;

	snprintf(path, sizeof(path), "/proc/sys/%s", s->name);
	for (char *p = path + strlen("/proc/sys/"); *p; p++)
		if (*p == '.')
			*p = '/';
	if (!read_number(path, &v) || !s->odd(v))
		return;
	++*odd;
	doctor_add(d, s->grade, TOPIC, s->remedy, "%s=%ld: %s", s->name, v,
		   s->text);
}

/* An interface whose packets pass XFRM by. The loopback one does by default. */
static void check_interface(struct doctor *d, const char *name, size_t *odd)
{
	static const struct {
		const char *key, *text;
	} keys[] = {
		{ "disable_xfrm", "nothing is encrypted that leaves by" },
		{ "disable_policy", "encrypted or not, all is let in by" },
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		char path[512], remedy[384];
		long v;

		snprintf(path, sizeof(path), PROC_IP "/%s/%s", name,
			 keys[i].key);
		if (!read_number(path, &v) || !v)
			continue;
		++*odd;
		snprintf(remedy, sizeof(remedy), "sysctl net/ipv4/conf/%s/%s=0",
			 name, keys[i].key);
		doctor_add(d, DOCTOR_ERROR, TOPIC, remedy, "%s: %s %s",
			   keys[i].key, keys[i].text,
			   strcmp(name, "all") != 0 ? name : "any interface");
	}
}

void doctor_system(struct doctor *d)
{
	struct dirent *e;
	size_t odd = 0;
	DIR *dir = opendir(PROC_IP);

	for (size_t i = 0; i < sizeof(sysctls) / sizeof(sysctls[0]); i++)
		check_one(d, &sysctls[i], &odd);
	while (dir && (e = readdir(dir)))
		if (e->d_name[0] != '.' && strcmp(e->d_name, "lo") != 0 &&
		    strcmp(e->d_name, "default") != 0)
			check_interface(d, e->d_name, &odd);
	if (dir)
		closedir(dir);
	else
		doctor_add(d, DOCTOR_UNKNOWN, TOPIC, NULL,
			   "/proc/sys/net cannot be read");
	if (!odd)
		doctor_add(d, DOCTOR_OK, TOPIC, NULL, "nothing unusual");
}
