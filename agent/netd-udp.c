/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/netd-udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "agent/notify.h"
#include "util/exitcode.h"
#include "util/log.h"
#include "xfrm/udp.h"

/* An agent that is just ending may still hold the ports. */
#define PORT_TRIES    20
#define PORT_PAUSE_MS 100

static const struct {
	const char *name; /* at the supervisor's */
	int family;
	bool natt;
} sockets[NETD_SOCKETS] = {
	{ "ike4", AF_INET, false },
	{ "natt4", AF_INET, true },
	{ "ike6", AF_INET6, false },
	{ "natt6", AF_INET6, true },
};

static bool has_port(int fd, int family, uint16_t port)
{
	struct sockaddr_storage sa = { 0 };
	socklen_t len = sizeof(sa);
	struct endpoint e;

	return sd_is_socket(fd, family, SOCK_DGRAM, 0) > 0 &&
	       getsockname(fd, (struct sockaddr *)&sa, &len) == 0 &&
	       endpoint_from_sockaddr((struct sockaddr *)&sa, len, &e) == 0 &&
	       e.port == port;
}

/* Of a port that was configured before. */
static void udp_forget(const char *name, int fd)
{
	char text[64];

	snprintf(text, sizeof(text), "FDSTOREREMOVE=1\nFDNAME=%s", name);
	notify_say(text);
	close(fd);
}

/* What was kept under this name, with this port; -1: nothing. */
static int udp_kept(unsigned i, uint16_t port)
{
	char **names = NULL;
	/* Not taken out of the environment: there is another socket. */
	int n = sd_listen_fds_with_names(0, &names), found = -1;

	for (int k = 0; k < n; k++) {
		int fd = SD_LISTEN_FDS_START + k;

		if (names && !strcmp(names[k], sockets[i].name)) {
			if (found < 0 && has_port(fd, sockets[i].family, port))
				found = fd;
			else
				udp_forget(sockets[i].name, fd);
		}
	}
	for (int k = 0; k < n && names; k++)
		free(names[k]);
	free(names);
	return found;
}

static int udp_obtain(unsigned i, uint16_t port)
{
	const struct timespec pause = { .tv_nsec = PORT_PAUSE_MS * 1000000L };
	int fd = udp_kept(i, port);

	if (fd >= 0)
		return fd;
	fd = -EADDRINUSE;
	for (int t = 0; t < PORT_TRIES && fd == -EADDRINUSE; t++) {
		if (t)
			nanosleep(&pause, NULL);
		fd = udp_open(sockets[i].family, port, sockets[i].natt);
	}
	return fd;
}

static int udp_failed(int error, uint16_t port, bool natt)
{
	switch (error) {
	case -EADDRINUSE:
		log_error("UDP port %u is taken by another program, maybe "
			  "another keying daemon: \"ss -ulnp 'sport = %u'\" "
			  "names it; stop it, or set %s= in [IKE].",
			  port, port, natt ? "NATPort" : "Port");
		return EXIT_PORT_TAKEN;
	case -EACCES:
	case -EPERM:
		log_error("UDP port %u cannot be opened: %s is missing; start "
			  "tacit-netd as root or by its systemd unit.",
			  port,
			  error == -EACCES ? "CAP_NET_BIND_SERVICE"
					   : "CAP_NET_ADMIN");
		return EXIT_NO_PRIVILEGE;
	default:
		log_error("UDP port %u cannot be opened: %s", port,
			  strerror(-error));
		return EXIT_FAILED;
	}
}

int netd_udp_open(const struct config *c, int ret[NETD_SOCKETS])
{
	for (unsigned i = 0; i < NETD_SOCKETS; i++) {
		uint16_t port = sockets[i].natt ? c->natt_port : c->port;
		int fd = udp_obtain(i, port);

		if (fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL) {
			log_info("This host has no IPv%d.",
				 sockets[i].family == AF_INET ? 4 : 6);
			continue;
		}
		if (fd < 0)
			return udp_failed(fd, port, sockets[i].natt);
		ret[i] = fd;
	}
	return EXIT_OK;
}

void netd_udp_keep(const int udp[NETD_SOCKETS])
{
	for (unsigned i = 0; i < NETD_SOCKETS; i++)
		if (udp[i] >= 0 && !notify_keep(sockets[i].name, udp[i]))
			log_debug("Nobody keeps socket %s.", sockets[i].name);
}
