/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE /* posix_openpt() and the like */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli-world.h"
#include "dbus/server.h"
#include "util/exitcode.h"
#include "util/log.h"

/* Something happens to this peer, again and again. */
static int on_change(sd_event_source *source, uint64_t usec, void *user)
{
	struct addr a = { .family = AF_INET, .bytes = { 10, 0, 0, 1 } };

	(void)usec;
	dbus_server_peer_changed(user, &a);
	(void)sd_event_source_set_time_relative(source, 200000);
	(void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	return 0;
}

static void serve(const struct cli_world *w)
{
	struct fake fake = w->fake;
	struct dbus_source source = fake_source(&fake);
	struct dbus_server *server;
	sd_event *event;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	log_open("fake-agent", LOG_ERR);
	if (sd_event_new(&event) < 0 ||
	    dbus_server_new(event, w->path, &source, &server) < 0)
		_exit(1);
	fake.pending = dbus_server_pending(server);
	if (sd_event_add_time_relative(event, NULL, CLOCK_MONOTONIC, 200000, 0,
				       on_change, server) < 0)
		_exit(1);
	(void)sd_event_loop(event);
	_exit(1);
}

/* The agent, with w->fake as its status. */
void cli_start_agent(struct cli_world *w)
{
	w->agent = fork();
	assert_true(w->agent >= 0);
	if (w->agent == 0)
		serve(w);
	for (int i = 0; i < 500 && access(w->path, F_OK) < 0; i++)
		usleep(10000);
	assert_int_equal(access(w->path, F_OK), 0);
}

void cli_stop_agent(struct cli_world *w)
{
	if (!w->agent)
		return;
	kill(w->agent, SIGKILL);
	waitpid(w->agent, NULL, 0);
	w->agent = 0;
	(void)unlink(w->path);
}

int cli_begin(void **state)
{
	struct cli_world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->out = malloc(OUTPUT_MAX);
	w->err = malloc(OUTPUT_MAX);
	assert_non_null(w->out);
	assert_non_null(w->err);
	strcpy(w->dir, "/tmp/tacit-cli-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->path, sizeof(w->path), "%s/agent.sock", w->dir);
	setenv("TACIT_SOCKET", w->path, 1);
	fake_init(&w->fake);
	w->fake.n_ipv4 = 4;
	w->fake.n_ipv6 = 2;
	*state = w;
	return 0;
}

int cli_end(void **state)
{
	struct cli_world *w = *state;

	cli_stop_agent(w);
	(void)unlink(w->path);
	assert_int_equal(rmdir(w->dir), 0);
	free(w->out);
	free(w->err);
	free(w);
	return 0;
}

static void read_all(int fd, char *buf)
{
	size_t len = 0;
	ssize_t n;

	/* A terminal whose other end is gone gives EIO. */
	while ((n = read(fd, buf + len, OUTPUT_MAX - 1 - len)) > 0)
		len += (size_t)n;
	buf[len] = '\0';
}

/* Runs ./tacit with words (parted by spaces); standard output is out_write,
 * read at out_read. Returns the exit code. */
int cli_run_with(struct cli_world *w, const char *words, int out_read,
		 int out_write)
{
	char copy[512], *argv[16] = { (char *)"tacit" }, *save;
	int n = 1, err[2], status;
	pid_t pid;

	strcpy(copy, words);
	for (char *p = strtok_r(copy, " ", &save); p;
	     p = strtok_r(NULL, " ", &save))
		argv[n++] = p;
	assert_int_equal(pipe2(err, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(out_write, 1);
		dup2(err[1], 2);
		execv("./tacit", argv);
		_exit(127);
	}
	close(out_write);
	close(err[1]);
	read_all(out_read, w->out);
	read_all(err[0], w->err);
	close(out_read);
	close(err[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

int cli_run(struct cli_world *w, const char *words)
{
	int out[2];

	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	return cli_run_with(w, words, out[0], out[1]);
}

int cli_run_terminal(struct cli_world *w, const char *words)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave;
	char *at;
	int code;

	assert_true(master >= 0);
	assert_int_equal(grantpt(master), 0);
	assert_int_equal(unlockpt(master), 0);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(slave >= 0);
	code = cli_run_with(w, words, master, slave);
	/* The line discipline adds them. */
	while ((at = strchr(w->out, '\r')))
		memmove(at, at + 1, strlen(at));
	return code;
}
