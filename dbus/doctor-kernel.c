/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What this kernel can do, asked by doing, in a network namespace that nobody
 * else sees.
 */
#define _GNU_SOURCE /* unshare() */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dbus/doctor.h"
#include "util/esp.h"
#include "xfrm/hear.h"
#include "xfrm/link-kind.h"
#include "xfrm/nft.h"
#include "xfrm/probe.h"
#include "xfrm/queue.h"

#define TOPIC "kernel"

/* The answers, as the child tells them: 1, 0 or -errno. */
struct answers {
	int space; /* the namespace itself: 0 or -errno */
	int ciphers[2][ESP_AES_CBC_256_SHA2_512 + 1]; /* IPv4, IPv6 */
	int queue, table, hear, translate, xfrmi;
};

static int yes_no(int r)
{
	return r == 0 ? 1 : r == -EOPNOTSUPP ? 0 : r;
}

static void ask_nftables(struct answers *a)
{
	const struct queue_config queue = {
		.offer = 1, .require = 2, .length = 8, .copy = 64
	};
	const struct nft_table_config table = {
		.queue_offer = 1,
		.queue_require = 2,
		.port = 500,
		.natt_port = 4500,
		.dns_bit = 1,
	};
	const struct hear_config hear = { .group = 1,
					  .port = 500,
					  .natt_port = 4500 };
	const struct hear_ops ops = { 0 };
	struct queue *q = NULL;
	struct nft_table *t = NULL;
	struct hear *h = NULL;

	a->queue = yes_no(queue_new(&queue, &q));
	a->table = yes_no(nft_table_new(&table, &t));
	nft_table_free(t);
	t = NULL;
	a->translate = yes_no(nft_table_new_translate(&t));
	a->hear = yes_no(hear_new(&hear, &ops, &h));
	hear_free(h);
	nft_table_free(t);
	queue_free(q);
}

static void ask(struct answers *a)
{
	if (unshare(CLONE_NEWNET) < 0) {
		a->space = -errno;
		return;
	}
	for (int six = 0; six < 2; six++)
		for (unsigned c = ESP_AES_GCM_16_128;
		     c <= ESP_AES_CBC_256_SHA2_512; c++)
			a->ciphers[six][c] = probe_cipher(
				six ? AF_INET6 : AF_INET, (enum esp_cipher)c);
	ask_nftables(a);
	a->xfrmi = yes_no(link_kind_try("xfrm"));
}

/* In a child, whose namespace ends with it. 0 or -errno. */
static int ask_apart(struct answers *ret)
{
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	if (pipe(fds) < 0)
		return -errno;
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		struct answers a = { 0 };

		ask(&a);
		n = write(fds[1], &a, sizeof(a));
		_exit(n != sizeof(a));
	}
	close(fds[1]);
	n = pid < 0 ? -1 : read(fds[0], ret, sizeof(*ret));
	close(fds[0]);
	if (pid > 0)
		waitpid(pid, &status, 0);
	return n == sizeof(*ret) ? ret->space : -EIO;
}

/* Does the kernel's package have this module, loaded or not? */
static bool module_exists(const char *name)
{
	struct utsname u;
	char path[256], line[512], file[64];
	bool found = false;

	if (uname(&u) < 0)
		return false;
	snprintf(file, sizeof(file), "/%s.ko", name);
	for (int built_in = 0; built_in < 2 && !found; built_in++) {
		FILE *f;

		snprintf(path, sizeof(path), "/lib/modules/%s/modules.%s",
			 u.release, built_in ? "builtin" : "dep");
		f = fopen(path, "re");
		while (f && !found && fgets(line, sizeof(line), f)) {
			line[strcspn(line, ":\n")] = '\0';
			found = strstr(line, file) != NULL;
		}
		if (f)
			fclose(f);
	}
	return found;
}

static void missing(struct doctor *d, enum doctor_grade grade,
		    const char *modules, const char *what)
{
	char remedy[256], first[64];

	snprintf(first, sizeof(first), "%.*s", (int)strcspn(modules, " "),
		 modules);
	if (module_exists(first))
		snprintf(remedy, sizeof(remedy), "modprobe -a %s", modules);
	else
		snprintf(remedy, sizeof(remedy),
			 "use a kernel that has it (%s): in a container, the "
			 "host's has to have it",
			 modules);
	doctor_add(d, grade, TOPIC, remedy, "%s", what);
}

static void show_esp(struct doctor *d, const struct answers *a)
{
	for (int six = 0; six < 2; six++) {
		const int *c = a->ciphers[six];
		char text[256] = "";
		size_t len = 0;

		for (unsigned i = ESP_AES_GCM_16_128;
		     i <= ESP_AES_CBC_256_SHA2_512; i++)
			if (c[i] == 1)
				len += (size_t)snprintf(
					text + len, sizeof(text) - len, " %s",
					esp_cipher_name((enum esp_cipher)i));
		if (c[ESP_AES_GCM_16_256] == 1)
			doctor_add(d, DOCTOR_OK, TOPIC, NULL,
				   "ESP for IPv%d:%s", six ? 6 : 4, text);
		else if (len)
			missing(d, DOCTOR_ERROR, "gcm seqiv",
				six ? "no AES-GCM for ESP over IPv6"
				    : "no AES-GCM for ESP over IPv4");
		else
			missing(d, DOCTOR_ERROR, six ? "esp6" : "esp4",
				six ? "no ESP for IPv6" : "no ESP for IPv4");
		if (len && c[ESP_CHACHA20_POLY1305] != 1)
			missing(d, DOCTOR_NOTE, "chacha20poly1305",
				"no ChaCha20-Poly1305, which is the faster one "
				"where the processor has no AES");
	}
}

static void show_rest(struct doctor *d, const struct answers *a)
{
	if (a->queue == 1 && a->table == 1)
		doctor_add(d, DOCTOR_OK, TOPIC, NULL,
			   "nftables can hold first packets (nft_queue)");
	else
		missing(d, DOCTOR_WARNING, "nft_queue nfnetlink_queue nft_xfrm",
			"first packets cannot be held by nftables: some are "
			"lost or late");
	if (a->hear == 1)
		doctor_add(d, DOCTOR_OK, TOPIC, NULL,
			   "peers that lost their SAs are heard of (nft_log)");
	else
		missing(d, DOCTOR_WARNING, "nft_log nfnetlink_log nft_limit",
			"a peer that was restarted is noticed only by its "
			"silence, after half a minute");
	if (a->translate == 1)
		doctor_add(d, DOCTOR_OK, TOPIC, NULL,
			   "behind a NAT, addresses that peers lease us can be "
			   "translated (nft_xfrm)");
	else
		missing(d, DOCTOR_WARNING, "nft_xfrm",
			"addresses cannot be translated in ESP: of several "
			"clients behind one NAT a server talks to the last one "
			"only");
	if (a->xfrmi == 1)
		doctor_add(d, DOCTOR_OK, TOPIC, NULL,
			   "XFRM interfaces (Tacit needs none)");
	else
		doctor_add(d, DOCTOR_NOTE, TOPIC, NULL,
			   "no XFRM interfaces (Tacit needs none)");
}

static void find_offload(struct doctor *d)
{
	char state[32];

	doctor_read("/sys/module/esp4_offload/initstate", state, sizeof(state));
	doctor_add(d, DOCTOR_NOTE, TOPIC, NULL,
		   "segmentation of ESP by the network card or in one go: %s; "
		   "cards that encrypt by themselves are not used",
		   *state || module_exists("esp4_offload")
			   ? "there (esp4_offload)"
			   : "not as a module of this kernel");
}

void doctor_kernel(struct doctor *d)
{
	struct answers a = { 0 };
	struct utsname u;
	int r = ask_apart(&a);

	if (uname(&u) == 0)
		doctor_add(d, DOCTOR_NOTE, TOPIC, NULL, "%s %s", u.sysname,
			   u.release);
	if (r == -EPERM && geteuid() == 0) {
		doctor_add(d, DOCTOR_UNKNOWN, TOPIC,
			   "run it as root of the host, outside of a container",
			   "what the kernel can do is asked in a network "
			   "namespace, and none may be made here");
		return;
	}
	if (r == -EPERM) {
		doctor_add(d, DOCTOR_UNKNOWN, TOPIC, "sudo tacit doctor",
			   "only root can ask the kernel what it can do");
		return;
	}
	if (r < 0) {
		doctor_add(d, DOCTOR_UNKNOWN, TOPIC, NULL,
			   "the kernel could not be asked: %s", strerror(-r));
		return;
	}
	if (a.ciphers[0][ESP_AES_GCM_16_256] == -EPROTONOSUPPORT) {
		missing(d, DOCTOR_ERROR, "xfrm_user esp4 esp6",
			"no IPsec at all (CONFIG_XFRM_USER)");
		return;
	}
	show_esp(d, &a);
	show_rest(d, &a);
	find_offload(d);
}
