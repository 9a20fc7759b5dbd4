/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The commands of `tacit` about keys, where something is not as it should be:
 * each says what, with an exit code of its own. What they do when all is well is
 * in the lab.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "dbus-fake.h"
#include "dbus/server.h"
#include "dnskeys/key-order.h"
#include "util/channel.h"
#include "util/exitcode.h"
#include "util/log.h"

struct world {
	char dir[64], agent[96], orders[96], file[96];
	pid_t pids[2];
	struct fake fake;
	char out[4096], err[4096];
};

static int begin(void **state)
{
	static struct world w;

	memset(&w, 0, sizeof(w));
	strcpy(w.dir, "/tmp/tacit-keys-XXXXXX");
	assert_non_null(mkdtemp(w.dir));
	snprintf(w.agent, sizeof(w.agent), "%s/agent.sock", w.dir);
	snprintf(w.orders, sizeof(w.orders), "%s/" KEY_ORDER_SOCKET, w.dir);
	snprintf(w.file, sizeof(w.file), "%s/tsig", w.dir);
	setenv("TACIT_SOCKET", w.agent, 1);
	fake_init(&w.fake);
	*state = &w;
	return 0;
}

static int end(void **state)
{
	struct world *w = *state;

	for (unsigned i = 0; i < 2; i++) {
		if (!w->pids[i])
			continue;
		kill(w->pids[i], SIGKILL);
		waitpid(w->pids[i], NULL, 0);
	}
	(void)unlink(w->agent);
	(void)unlink(w->orders);
	(void)unlink(w->file);
	return rmdir(w->dir);
}

static void start_agent(struct world *w)
{
	struct dbus_source source = fake_source(&w->fake);
	struct dbus_server *server;
	sd_event *event;

	w->pids[0] = fork();
	assert_true(w->pids[0] >= 0);
	if (w->pids[0] == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		log_open("fake-agent", LOG_ERR);
		if (sd_event_new(&event) < 0 ||
		    dbus_server_new(event, w->agent, &source, &server) < 0)
			_exit(1);
		(void)sd_event_loop(event);
		_exit(1);
	}
	for (int i = 0; i < 500 && access(w->agent, F_OK) < 0; i++)
		usleep(10000);
}

/* A tacit-keyd that has one answer for every order; error 1: it hangs up. */
static void start_keyd(struct world *w, int error, unsigned count)
{
	struct key_order_reply reply = { .version = KEY_ORDER_VERSION,
					 .count = (uint16_t)count,
					 .error = error };
	int listener = channel_listen(w->orders);

	assert_true(listener >= 0);
	strcpy(reply.text, error ? "key rsa: a sentence" : "");
	w->pids[1] = fork();
	assert_true(w->pids[1] >= 0);
	if (w->pids[1]) {
		close(listener);
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)fcntl(listener, F_SETFL, 0);
	for (;;) {
		struct key_order order;
		int fd = accept(listener, NULL, NULL);

		if (recv(fd, &order, sizeof(order), 0) == sizeof(order) &&
		    error != 1)
			(void)send(fd, &reply, sizeof(reply), 0);
		close(fd);
	}
}

static void stop_keyd(struct world *w)
{
	kill(w->pids[1], SIGKILL);
	waitpid(w->pids[1], NULL, 0);
	w->pids[1] = 0;
	(void)unlink(w->orders);
}

static void read_all(int fd, char *buf, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, buf + len, size - 1 - len)) > 0)
		len += (size_t)n;
	buf[len] = '\0';
	close(fd);
}

/* The exit code of ./tacit with these words, parted by spaces. */
static int run(struct world *w, const char *words)
{
	char copy[512], *argv[16] = { (char *)"tacit" }, *save;
	int n = 1, out[2], err[2], status;
	pid_t pid;

	strcpy(copy, words);
	for (char *p = strtok_r(copy, " ", &save); p;
	     p = strtok_r(NULL, " ", &save))
		argv[n++] = p;
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	assert_int_equal(pipe2(err, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(out[1], 1);
		dup2(err[1], 2);
		execv("./tacit", argv);
		_exit(127);
	}
	close(out[1]);
	close(err[1]);
	read_all(out[0], w->out, sizeof(w->out));
	read_all(err[0], w->err, sizeof(w->err));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void expect(struct world *w, const char *words, int code,
		   const char *says)
{
	int got = run(w, words);

	if (got != code || !strstr(w->err, says))
		print_error("%s: exit %d, %s", words, got, w->err);
	assert_int_equal(got, code);
	assert_non_null(strstr(w->err, says));
}

static void test_rotate(void **state)
{
	struct world *w = *state;

	expect(w, "key rotate", EXIT_NOT_RUNNING, "tacit-keyd is not running");
	start_keyd(w, 0, 2);
	assert_int_equal(run(w, "key rotate"), EXIT_OK);
	assert_memory_equal(w->out, "2 new keys made.", 16);
	assert_int_equal(run(w, "key rotate ed25519 --finish"), EXIT_OK);
	assert_int_equal(run(w, "key rotate --cancel --json"), EXIT_OK);
	assert_string_equal(w->out, "{\"keys\": 2}\n");
	expect(w, "key rotate --finish --cancel", EXIT_USAGE, "exclude");
	expect(w,
	       "key rotate nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
	       "nnnnnnnnnnnnnnnnnnnn",
	       EXIT_USAGE, "too long");
	stop_keyd(w);
	start_keyd(w, -EALREADY, 0);
	expect(w, "key rotate rsa", EXIT_FAILED, "tacit: key rsa: a sentence");
	stop_keyd(w);
	start_keyd(w, 1, 0);
	expect(w, "key rotate", EXIT_FAILED, "carries out another order");
}

static void write_tsig(struct world *w, const char *text, mode_t mode)
{
	int fd = open(w->file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void test_publish(void **state)
{
	static const char good[] = "key k { algorithm hmac-sha256; secret "
				   "c2VjcmV0; };";
	struct world *w = *state;
	char words[256];

	expect(w, "key publish", EXIT_USAGE, "--server");
	expect(w, "key publish --server ns.example.org", EXIT_USAGE, "address");
	expect(w, "key publish --server 192.0.2.1:0", EXIT_USAGE, "port");
	expect(w, "key publish --server 192.0.2.1:65536", EXIT_USAGE, "port");
	expect(w, "key publish --server [::1]53", EXIT_USAGE, "port");
	expect(w, "key publish --server [::1", EXIT_USAGE, "port");
	expect(w, "key publish --server ::1 --replace --beside", EXIT_USAGE,
	       "exclude");
	expect(w, "key publish --server ::1 --zone-file", EXIT_USAGE,
	       "does not belong");
	expect(w, "key publish --server ::1 --tsig /nonexistent",
	       EXIT_UPDATE_TSIG, "No such file");
	snprintf(words, sizeof(words),
		 "key publish --server [::1]:1 --forward --name a.b --tsig %s",
		 w->file);
	write_tsig(w, good, 0644);
	expect(w, words, EXIT_UPDATE_TSIG, "chmod o=");
	write_tsig(w, "secret", 0600);
	expect(w, words, EXIT_UPDATE_TSIG, "no TSIG key");
	write_tsig(w, "key k { algorithm hmac-md5; secret c2VjcmV0; };", 0600);
	expect(w, words, EXIT_UPDATE_TSIG, "hmac-sha256");
	write_tsig(w, good, 0640);
	expect(w, words, EXIT_NOT_RUNNING, "not running");
	start_agent(w);
	expect(w, words, EXIT_DNS_UNREACHABLE, "does not answer");
	assert_null(strstr(w->err, "c2VjcmV0"));
}

static void test_lookup(void **state)
{
	static const char *const anchors[] = { "/nonexistent", NULL };
	static const struct resolver_config none = { .anchors = anchors };
	struct world *w = *state;

	expect(w, "lookup", EXIT_USAGE, "lookup HOST");
	expect(w, "lookup 10.0.0.1", EXIT_NOT_RUNNING, "not running");
	w->fake.resolver = &none;
	start_agent(w);
	expect(w, "lookup 10.0.0.1", EXIT_FAILED, "TrustAnchors=");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define W(name) cmocka_unit_test_setup_teardown(name, begin, end)
		W(test_rotate),
		W(test_publish),
		W(test_lookup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
