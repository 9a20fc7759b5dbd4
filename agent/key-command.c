/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A run is over when its process has ended and its output is read to the end,
 * or when its time is up. It is a process group of its own, so that what it
 * started ends with it.
 */
#include "config.h"

#include "agent/key-command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/key-output.h"
#include "util/limits.h"
#include "util/log.h"
#include "util/ratelimit.h"

/* What is not to be had now is asked for again after. */
#define FAILED_MS  5000u
#define UNKNOWN_MS 60000u

struct run {
	struct run *next, **previous;
	struct key_command *command;
	struct handle ticket;
	struct ike_identity claimed, fallback;
	pid_t pid;
	int pidfd, out;
	sd_event_source *on_exit, *on_output, *timer;
	bool over; /* answered: it only has to be reaped */
	size_t len;
	char text[LIMIT_KEY_OUTPUT];
};

struct key_command {
	sd_event *event;
	const char *program;
	struct key_command_ops ops;
	struct run *runs;
	unsigned n;
	struct ratelimit rate;
	struct log_limit limit;
};

static uint64_t now_ms(const struct key_command *c)
{
	uint64_t us = 0;

	(void)sd_event_now(c->event, CLOCK_MONOTONIC, &us);
	return us / 1000;
}

/* --- the end of a run ----------------------------------------------------------- */

/* The leader is not reaped yet, so that the number is its own. */
static void kill_all(const struct run *x)
{
	if (x->pid > 0)
		(void)kill(-x->pid, SIGKILL);
}

/* It is dead, or about to be. Its exit status, -1 where it had none. */
static int reap(struct run *x)
{
	siginfo_t info = { 0 };

	if (x->pid <= 0)
		return -1;
	kill_all(x);
	while (waitid(P_PID, (id_t)x->pid, &info, WEXITED) < 0 &&
	       errno == EINTR)
		;
	return info.si_code == CLD_EXITED ? info.si_status : -1;
}

static void run_free(struct run *x)
{
	*x->previous = x->next;
	if (x->next)
		x->next->previous = x->previous;
	x->command->n--;
	sd_event_source_disable_unref(x->on_exit);
	sd_event_source_disable_unref(x->on_output);
	sd_event_source_disable_unref(x->timer);
	if (x->pidfd >= 0)
		close(x->pidfd);
	if (x->out >= 0)
		close(x->out);
	free(x);
}

static int judge(const struct run *x, int status, struct key_answer *ret,
		 const char **ret_why, unsigned *ret_line)
{
	int r;

	*ret = (struct key_answer){ .lifetime_ms = UNKNOWN_MS };
	if (status == KEY_COMMAND_UNKNOWN)
		return -ENOENT;
	if (status == KEY_COMMAND_REFUSED)
		return -EPERM;
	ret->lifetime_ms = FAILED_MS;
	*ret_why = "it has failed";
	if (status != KEY_COMMAND_KNOWN)
		return -ENETUNREACH;
	*ret_why = "what it printed cannot be read";
	if (x->len == sizeof(x->text))
		return -ENETUNREACH;
	r = key_output_parse(x->text, x->len, &x->fallback, ret, ret_line);
	if (r < 0)
		return -ENETUNREACH;
	*ret_why = NULL;
	if (ike_identity_is_none(&x->claimed) ||
	    ike_identity_equal(&x->claimed, &ret->identity))
		return 0;
	key_answer_done(ret);
	return -EPERM;
}

/* It is killed, and reaped when it is dead: that may take its time. */
static void give_up(struct run *x, const char *why)
{
	struct key_command *c = x->command;
	struct key_answer none = { .lifetime_ms = FAILED_MS };

	log_limited(&c->limit, now_ms(c), LOG_WARNING, NULL, "%s: %s",
		    c->program, why);
	x->over = true;
	x->on_output = sd_event_source_disable_unref(x->on_output);
	x->timer = sd_event_source_disable_unref(x->timer);
	kill_all(x);
	c->ops.answer(c->ops.user, x->ticket, -ENETUNREACH, &none);
}

/* All that is there; true: that was the end. */
static bool read_output(struct run *x)
{
	ssize_t n;

	while (x->len < sizeof(x->text)) {
		n = read(x->out, x->text + x->len, sizeof(x->text) - x->len);
		if (n <= 0)
			return n == 0 || (errno != EAGAIN && errno != EINTR);
		x->len += (size_t)n;
	}
	return true;
}

static int on_output(sd_event_source *source, int fd, uint32_t revents,
		     void *user)
{
	struct run *x = user;

	(void)fd;
	(void)revents;
	if (!read_output(x))
		return 0;
	(void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
	if (x->len == sizeof(x->text))
		give_up(x, "it prints too much");
	return 0;
}

static int on_exit_of(sd_event_source *source, int fd, uint32_t revents,
		      void *user)
{
	struct run *x = user;
	struct key_command *c = x->command;
	struct handle ticket = x->ticket;
	struct key_answer answer;
	const char *why = NULL;
	unsigned line = 0;
	bool over = x->over;
	int status, found;

	(void)source;
	(void)fd;
	(void)revents;
	/* What others hold open is not waited for. */
	if (!over)
		(void)read_output(x);
	status = reap(x);
	found = judge(x, status, &answer, &why, &line);
	run_free(x);
	if (over) {
		if (found == 0)
			key_answer_done(&answer);
		return 0;
	}
	if (why)
		log_limited(&c->limit, now_ms(c), LOG_WARNING, NULL,
			    "%s: %s (exit status %d, line %u)", c->program, why,
			    status, line);
	c->ops.answer(c->ops.user, ticket, found, &answer);
	return 0;
}

static int on_time(sd_event_source *source, uint64_t usec, void *user)
{
	(void)source;
	(void)usec;
	give_up(user, "it has not ended in LookupTime=");
	return 0;
}

/* --- its beginning ---------------------------------------------------------------- */

struct environment {
	char address[32 + ADDR_STRLEN], identity[32 + IKE_IDENTITY_STRLEN];
	char policy[32 + LIMIT_POLICY_NAME];
	char *list[6];
};

static void fill_environment(const struct key_question *q, const char *address,
			     struct environment *e)
{
	static const char path[] = "PATH=/usr/local/sbin:/usr/local/bin:"
				   "/usr/sbin:/usr/bin:/sbin:/bin";
	char text[IKE_IDENTITY_STRLEN] = "";
	size_t n = 0;

	if (!ike_identity_is_none(&q->identity))
		ike_identity_format(&q->identity, text);
	snprintf(e->address, sizeof(e->address), "TACIT_ADDRESS=%s", address);
	snprintf(e->identity, sizeof(e->identity), "TACIT_IDENTITY=%s", text);
	snprintf(e->policy, sizeof(e->policy), "TACIT_POLICY=%s",
		 q->policy->name);
	e->list[n++] = (char *)path;
	e->list[n++] = e->address;
	e->list[n++] = e->policy;
	if (*text)
		e->list[n++] = e->identity;
	e->list[n] = NULL;
}

/* posix_spawn() with nothing of ours but the pipe. */
static int spawn(const char *program, const struct key_question *q, int out,
		 pid_t *ret)
{
	char address[ADDR_STRLEN];
	char *argv[] = { (char *)program, address, NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	struct environment e;
	sigset_t none, all;
	int r;

	addr_format(&q->remote, address);
	fill_environment(q, address, &e);
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP |
						POSIX_SPAWN_SETSIGMASK |
						POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	r = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY,
					     0);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&files, out, 1);
	if (r == 0)
		r = posix_spawn_file_actions_addopen(&files, 2, "/dev/null",
						     O_WRONLY, 0);
	/* Not all of libunbound's are closed by themselves. */
	if (r == 0)
		r = posix_spawn_file_actions_addclosefrom_np(&files, 3);
	if (r == 0)
		r = posix_spawn(ret, program, &files, &attr, argv, e.list);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return -r;
}

static int start(struct run *x, const struct key_question *q)
{
	struct key_command *c = x->command;
	int pipe_fds[2], r;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return -errno;
	x->out = pipe_fds[0];
	r = spawn(c->program, q, pipe_fds[1], &x->pid);
	close(pipe_fds[1]);
	if (r < 0)
		return r;
	if (fcntl(x->out, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	x->pidfd = pidfd_open(x->pid, 0);
	if (x->pidfd < 0)
		return -errno;
	r = sd_event_add_io(c->event, &x->on_output, x->out, EPOLLIN, on_output,
			    x);
	if (r >= 0)
		r = sd_event_add_io(c->event, &x->on_exit, x->pidfd, EPOLLIN,
				    on_exit_of, x);
	if (r >= 0)
		r = sd_event_add_time(c->event, &x->timer, CLOCK_MONOTONIC,
				      1000 * q->until, 0, on_time, x);
	return r < 0 ? r : 0;
}

static struct run *run_new(struct key_command *c, const struct key_question *q)
{
	struct run *x = malloc(sizeof(*x));

	if (!x)
		return NULL;
	/* The text is filled as it comes. */
	memset(x, 0, offsetof(struct run, text));
	x->command = c;
	x->ticket = q->ticket;
	x->claimed = q->identity;
	x->fallback = ike_identity_is_none(&q->identity)
			      ? ike_identity_of_addr(&q->remote)
			      : q->identity;
	x->pidfd = x->out = -1;
	x->next = c->runs;
	x->previous = &c->runs;
	if (x->next)
		x->next->previous = &x->next;
	c->runs = x;
	c->n++;
	return x;
}

static int find(void *user, const struct key_question *q,
		struct key_answer *ret)
{
	struct key_command *c = user;
	struct run *x;
	int r;

	if (!key_question_is_open(q))
		return -ENOENT;
	ret->lifetime_ms = FAILED_MS;
	if (c->n == LIMIT_KEY_COMMANDS ||
	    !ratelimit_take(&c->rate, now_ms(c), LIMIT_KEY_COMMAND_RATE,
			    LIMIT_KEY_COMMAND_RATE))
		return -ENETUNREACH;
	x = run_new(c, q);
	if (!x)
		return -ENETUNREACH;
	r = start(x, q);
	if (r == 0)
		return -EINPROGRESS;
	log_limited(&c->limit, now_ms(c), LOG_WARNING, NULL,
		    "%s cannot be run: %s", c->program, strerror(-r));
	(void)reap(x);
	run_free(x);
	return -ENETUNREACH;
}

struct key_source key_command_source(struct key_command *c)
{
	return (struct key_source){ .user = c, .find = find };
}

int key_command_new(sd_event *event, const char *program,
		    const struct key_command_ops *ops, struct key_command **ret)
{
	struct key_command *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->event = sd_event_ref(event);
	c->program = program;
	c->ops = *ops;
	*ret = c;
	return 0;
}

struct key_command *key_command_free(struct key_command *c)
{
	if (!c)
		return NULL;
	while (c->runs) {
		struct run *x = c->runs;

		(void)reap(x);
		run_free(x);
	}
	sd_event_unref(c->event);
	free(c);
	return NULL;
}
