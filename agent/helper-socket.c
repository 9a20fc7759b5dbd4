/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "agent/helper-socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "util/channel.h"
#include "util/exitcode.h"
#include "util/log.h"
#include "util/privilege.h"

static bool agent_to_be(uid_t *ret)
{
	return geteuid() == 0 && privilege_user(AGENT_USER, ret) == 0;
}

/* The directory is also the agent's, who makes its own socket there. */
static void make_runtime_dir(const char *dir)
{
	uid_t agent;

	if (mkdir(dir, 0777) < 0)
		return;
	/* Whatever the umask is: tacit(1) has to get to the agent's socket. */
	if (chmod(dir, 0755) < 0 ||
	    (agent_to_be(&agent) && chown(dir, agent, (gid_t)-1) < 0))
		log_warning("%s: %s", dir, strerror(errno));
}

/* In the agent's directory with the agent's rights: it owns the socket then,
 * and no link that it may have put there leads further than it could go.
 * Where we may not become it, the socket is ours, and so is the agent. */
static int listen_as_agent(const char *path)
{
	uid_t agent;
	bool give = agent_to_be(&agent);
	int fd;

	if (give)
		setfsuid(agent);
	fd = channel_listen(path);
	if (give)
		setfsuid(0);
	return fd;
}

/* -1: none. */
static int socket_of_systemd(const char *path)
{
	/* Not taken out of the environment: there may be another one. */
	int end = SD_LISTEN_FDS_START + sd_listen_fds(0);

	for (int fd = SD_LISTEN_FDS_START; fd < end; fd++) {
		if (sd_is_socket_unix(fd, SOCK_SEQPACKET, 1, path, 0) <= 0)
			continue;
		(void)fcntl(fd, F_SETFL, O_NONBLOCK);
		return fd;
	}
	return -1;
}

static int listen_here(const char *dir, const char *path)
{
	int fd;

	make_runtime_dir(dir);
	fd = listen_as_agent(path);
	if (fd == -EADDRINUSE)
		log_error("%s: another one is running; stop it first "
			  "(systemctl stop tacit), or start this one with "
			  "an --instance of its own, in a network namespace "
			  "of its own.",
			  path);
	else if (fd < 0)
		log_error("%s: %s", path, strerror(-fd));
	return fd;
}

int helper_socket(const char *name, const char *runtime_dir, int *ret,
		  uid_t *ret_agent)
{
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	int n = snprintf(path, sizeof(path), "%s/%s", runtime_dir, name), fd;
	uid_t agent = geteuid();
	bool given;

	if (n < 0 || (size_t)n >= sizeof(path)) {
		log_error("%s: the name is too long for a socket.",
			  runtime_dir);
		return EXIT_USAGE;
	}
	fd = socket_of_systemd(path);
	given = fd >= 0;
	if (!given)
		fd = listen_here(runtime_dir, path);
	if (fd < 0)
		return fd == -EADDRINUSE ? EXIT_ALREADY_RUNNING : EXIT_FAILED;
	/* Where users cannot be changed we all stay what we are. */
	if ((agent == 0 || given) && privilege_user(AGENT_USER, &agent) < 0)
		log_debug("There is no user " AGENT_USER ".");
	*ret = fd;
	*ret_agent = agent;
	return EXIT_OK;
}
