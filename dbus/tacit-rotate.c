/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `tacit key rotate`: an order of root to tacit-keyd itself, with which the
 * agent has nothing to do (dnskeys/key-order.h).
 */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "dbus/tacit.h"
#include "dnskeys/key-order.h"
#include "util/channel.h"
#include "util/exitcode.h"

/* An RSA key on a slow and busy machine. */
#define WAIT_MS 60000

/* Beside the agent's own socket. */
static int order_path(const char *agent, char *ret, size_t size)
{
	const char *slash;
	int n;

	if (!agent)
		agent = RUNSTATEDIR "/tacit/agent.sock";
	slash = strrchr(agent, '/');
	n = snprintf(ret, size, "%.*s%s", slash ? (int)(slash + 1 - agent) : 0,
		     agent, KEY_ORDER_SOCKET);
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

static int cannot_connect(const char *path, int error)
{
	switch (error) {
	case -EACCES:
	case -EPERM:
		fprintf(stderr, "tacit: only root may rotate the keys of this "
				"host: sudo tacit key rotate\n");
		return EXIT_NO_PRIVILEGE;
	case -ENOENT:
	case -ECONNREFUSED:
	case -ENOTDIR:
		fprintf(stderr,
			"tacit: tacit-keyd is not running (%s: %s).\n"
			"       Start it with: systemctl start tacit\n",
			path, strerror(-error));
		return EXIT_NOT_RUNNING;
	}
	fprintf(stderr, "tacit: cannot connect to %s: %s.\n", path,
		strerror(-error));
	return EXIT_FAILED;
}

static int no_answer(int error)
{
	if (error == EAGAIN)
		fprintf(stderr, "tacit: tacit-keyd does not answer. See what "
				"it does with: journalctl -u tacit-keyd\n");
	else
		fprintf(stderr, "tacit: tacit-keyd refuses: it carries out "
				"another order, or is of another version. Try "
				"again, and see: journalctl -u tacit-keyd\n");
	return EXIT_FAILED;
}

/* An exit code; EXIT_OK sets *ret. */
static int give_order(int fd, const struct key_order *o,
		      struct key_order_reply *ret)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	ssize_t n;

	if (send(fd, o, sizeof(*o), MSG_NOSIGNAL) != sizeof(*o))
		return no_answer(errno);
	(void)poll(&wait, 1, WAIT_MS);
	n = recv(fd, ret, sizeof(*ret), 0);
	if (n != sizeof(*ret) || ret->version != KEY_ORDER_VERSION)
		return no_answer(n < 0 ? errno : 0);
	ret->text[sizeof(ret->text) - 1] = '\0';
	if (ret->error == 0)
		return EXIT_OK;
	fprintf(stderr, "tacit: %s\n", ret->text);
	return EXIT_FAILED;
}

static void show_done(const struct tacit_output *o, enum key_order_type type,
		      unsigned count)
{
	const char *s = count == 1 ? "" : "s";

	if (o->json) {
		fprintf(o->file, "{\"keys\": %u}\n", count);
		return;
	}
	switch (type) {
	case KEY_ORDER_ROTATE:
		fprintf(o->file,
			"%u new key%s made. The old one%s signs on until DNS "
			"has the new one%s.\n"
			"Publish now:  tacit key publish, or paste what tacit "
			"key dns prints.\n"
			"Without DNS:  give your peers the new key%s (tacit "
			"key show), and then\n"
			"              tacit key rotate --finish\n",
			count, s, count == 1 ? "" : "s", s, s);
		break;
	case KEY_ORDER_FINISH:
		fprintf(o->file, "%u new key%s signs from now on.\n", count, s);
		break;
	case KEY_ORDER_CANCEL:
		fprintf(o->file,
			"%u new key%s removed. Take it out of DNS, if it is "
			"there.\n",
			count, s);
		break;
	case KEY_ORDER_TYPES:
		break;
	}
}

int tacit_key_rotate(struct tacit *t, char **arguments)
{
	const char *name = arguments[0];
	struct key_order o = { .version = KEY_ORDER_VERSION,
			       .type = KEY_ORDER_ROTATE };
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	struct key_order_reply reply;
	int fd, code;

	if (t->options[TACIT_FINISH] && t->options[TACIT_CANCEL]) {
		fputs("tacit: --finish and --cancel exclude each other\n",
		      stderr);
		return EXIT_USAGE;
	}
	if (t->options[TACIT_FINISH])
		o.type = KEY_ORDER_FINISH;
	else if (t->options[TACIT_CANCEL])
		o.type = KEY_ORDER_CANCEL;
	if (name && strlen(name) >= sizeof(o.name)) {
		fprintf(stderr, "tacit: %s: the name is too long for a key\n",
			name);
		return EXIT_USAGE;
	}
	if (name)
		strcpy(o.name, name);
	fd = order_path(t->socket, path, sizeof(path));
	if (fd == 0)
		fd = channel_connect(path);
	if (fd < 0)
		return cannot_connect(path, fd);
	code = give_order(fd, &o, &reply);
	if (code == EXIT_OK)
		show_done(&t->out, o.type, reply.count);
	close(fd);
	return code;
}
