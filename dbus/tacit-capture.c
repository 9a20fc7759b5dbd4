/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `tacit capture`: IKE messages as they come and go, decrypted, for Wireshark.
 */
#define _GNU_SOURCE /* O_NOFOLLOW and friends */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dbus/names.h"
#include "dbus/tacit-host.h"
#include "dbus/tacit.h"
#include "util/exitcode.h"

/* Larger than any block. */
#define BLOCK 65536

/* A message at a time, so that the file ends with a whole one. */
static int copy(int from, int to)
{
	static char block[BLOCK];
	ssize_t n;

	while ((n = read(from, block, sizeof(block))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || write(to, block, (size_t)n) != n) {
			if (n >= 0 && errno == EPIPE)
				return EXIT_OK; /* enough was seen */
			perror("tacit: capture");
			return EXIT_FAILED;
		}
	}
	return EXIT_OK;
}

/* The descriptor to write to, or -1. */
static int open_target(const struct tacit *t)
{
	const char *path = t->options[TACIT_OUTPUT];
	int fd;

	if (!path) {
		if (!t->out.terminal)
			return fileno(t->out.file);
		fprintf(stderr, "tacit: a capture is nothing for a terminal: "
				"give --output FILE, or | wireshark -k -i -\n");
		return -1;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
		  0600);
	if (fd < 0)
		fprintf(stderr, "tacit: %s: %s\n", path, strerror(errno));
	return fd;
}

static int begin(struct tacit *t, const char *address, uint32_t seconds, int to)
{
	struct tacit_client *client;
	sd_bus_message *reply;
	int fd, code = tacit_client_new(t->socket, &client);

	if (code)
		return code;
	code = tacit_client_call(client, DBUS_INTERFACE, "StartCapture", &reply,
				 "su", address, seconds);
	if (code == EXIT_OK) {
		if (sd_bus_message_read(reply, "h", &fd) > 0)
			code = copy(fd, to);
		else
			code = tacit_client_bad_reply();
		sd_bus_message_unref(reply);
	}
	tacit_client_free(client);
	return code;
}

int tacit_capture(struct tacit *t, char **arguments)
{
	bool all = !arguments[0] || !strcmp(arguments[0], "all");
	char address[ADDR_STRLEN] = "";
	struct tacit_host host;
	uint32_t seconds = 0;
	int to, code = EXIT_OK;

	if (!all)
		code = tacit_host_find(arguments[0], &host);
	if (code == EXIT_OK && arguments[0] && arguments[1])
		code = tacit_parse_seconds(arguments[1], 86400, &seconds);
	if (code)
		return code;
	if (!all && host.count > 1) {
		fprintf(stderr,
			"tacit: %s has several addresses: give the one that "
			"is meant.\n",
			arguments[0]);
		return EXIT_USAGE;
	}
	if (!all)
		addr_format(&host.addresses[0], address);
	to = open_target(t);
	if (to < 0)
		return EXIT_USAGE;
	return begin(t, address, seconds, to);
}
