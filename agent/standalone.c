/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The supervisor. Order of starting: tacit-netd, then tacit-keyd, then the
 * agent, each when the one before it is ready; of stopping the other way round:
 * the agent first says goodbye to its peers.
 */
#include "config.h"

#include "agent/standalone.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "agent/follow.h"
#include "agent/kept-fds.h"
#include "util/exitcode.h"
#include "util/log.h"
#include "util/privilege.h"

#define WATCHDOG_US    4000000ull
#define RESTART_US     50000ull /* first delay, doubles with each death */
#define RESTART_MAX_US 5000000ull
#define STEADY_US      5000000ull /* alive so long: the delay starts anew */
#define STOP_US	       5000000ull /* then SIGKILL */
#define FIRST_TRIES    5	  /* deaths before it was ever ready */

enum helper_name { HELPER_NETD, HELPER_KEYD, HELPER_AGENT };
#define HELPERS 3

struct supervisor;

struct helper {
	struct supervisor *supervisor;
	const char *program;		/* file name */
	pid_t pid;			/* 0: not running */
	sd_event_source *child, *timer; /* timer: watchdog, or restart */
	uint64_t started_us;
	unsigned deaths; /* in a row */
	bool was_ready;	 /* ever */
};

struct supervisor {
	const struct standalone_options *options;
	sd_event *event;
	struct helper helpers[HELPERS];
	char notify_path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char program_dir[PATH_MAX];
	int notify_fd;
	struct kept_fds kept; /* tacit-netd's */
	bool stopping, said_ready;
	int exit_code;
};

static int helper_start(struct helper *h);

static uint64_t supervisor_now(struct supervisor *s)
{
	uint64_t now = 0;

	sd_event_now(s->event, CLOCK_MONOTONIC, &now);
	return now;
}

static void helper_arm(struct helper *h, uint64_t delay_us)
{
	sd_event_source_set_time(h->timer,
				 supervisor_now(h->supervisor) + delay_us);
	sd_event_source_set_enabled(h->timer, SD_EVENT_ONESHOT);
}

static void helper_stop(struct helper *h)
{
	if (h->pid > 0) {
		kill(h->pid, SIGTERM);
		/* One that was stopped must hear it too. */
		kill(h->pid, SIGCONT);
		helper_arm(h, STOP_US);
	} else {
		sd_event_source_set_enabled(h->timer, SD_EVENT_OFF);
	}
}

/* The agent first; when it is gone, the others; when they are, the end. */
static void supervisor_stop(struct supervisor *s)
{
	s->stopping = true;
	for (int i = HELPERS - 1; i >= 0; i--) {
		if (s->helpers[i].pid > 0) {
			helper_stop(&s->helpers[i]);
			return;
		}
	}
	sd_event_exit(s->event, s->exit_code);
}

static bool helper_gives_up(struct helper *h, const siginfo_t *si)
{
	if (h->was_ready)
		return false;
	if (si->si_code == CLD_EXITED &&
	    (si->si_status == EXIT_USAGE ||
	     (si->si_status >= EXIT_NO_ESP && si->si_status < EXIT_HELPER)))
		h->supervisor->exit_code = si->si_status;
	else if (h->deaths >= FIRST_TRIES)
		h->supervisor->exit_code = EXIT_HELPER;
	else
		return false;
	return true;
}

static int helper_on_death(sd_event_source *source, const siginfo_t *si,
			   void *user)
{
	struct helper *h = user;
	struct supervisor *s = h->supervisor;
	uint64_t delay = RESTART_US;

	(void)source;
	h->child = sd_event_source_unref(h->child);
	h->pid = 0;
	if (s->stopping) {
		sd_event_source_set_enabled(h->timer, SD_EVENT_OFF);
		supervisor_stop(s);
		return 0;
	}
	if (h->was_ready && supervisor_now(s) - h->started_us > STEADY_US)
		h->deaths = 0;
	h->deaths++;
	if (helper_gives_up(h, si)) {
		supervisor_stop(s);
		return 0;
	}
	for (unsigned i = 1; i < h->deaths && delay < RESTART_MAX_US; i++)
		delay *= 2;
	log_warning("%s %s %d; starting it again", h->program,
		    si->si_code == CLD_EXITED ? "exited with"
					      : "was killed by signal",
		    si->si_status);
	helper_arm(h, delay);
	return 0;
}

static int helper_on_timer(sd_event_source *source, uint64_t usec, void *user)
{
	struct helper *h = user;

	(void)source;
	(void)usec;
	if (h->pid > 0) {
		log_warning("%s %s; killing it", h->program,
			    h->supervisor->stopping ? "does not stop"
						    : "hangs");
		kill(h->pid, SIGKILL);
		return 0;
	}
	if (!h->supervisor->stopping && helper_start(h) < 0)
		helper_arm(h, RESTART_MAX_US);
	return 0;
}

static void helper_exec(struct helper *h, pid_t supervisor)
{
	const struct standalone_options *o = h->supervisor->options;
	char path[PATH_MAX + 32], watchdog[32], parent[32];
	const char *argv[10] = { h->program };
	sigset_t none;
	int n = 1;

	snprintf(path, sizeof(path), "%s/%s", h->supervisor->program_dir,
		 h->program);
	if (access(path, X_OK) < 0)
		snprintf(path, sizeof(path), "%s/tacit/%s", LIBEXECDIR,
			 h->program);
	if (o->config_dir) {
		argv[n++] = "--config-dir";
		argv[n++] = o->config_dir;
	}
	argv[n++] = "--runtime-dir";
	argv[n++] = o->runtime_dir;
	if (o->state_dir && h != &h->supervisor->helpers[HELPER_AGENT]) {
		argv[n++] = "--state-dir";
		argv[n++] = o->state_dir;
	}
	if (o->debug)
		argv[n++] = "--debug";
	argv[n] = NULL;
	snprintf(watchdog, sizeof(watchdog), "%llu", WATCHDOG_US);
	snprintf(parent, sizeof(parent), "%d", (int)supervisor);
	setenv("NOTIFY_SOCKET", h->supervisor->notify_path, 1);
	setenv("WATCHDOG_USEC", watchdog, 1);
	setenv(FOLLOW_VARIABLE, parent, 1);
	unsetenv("WATCHDOG_PID");
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (h == &h->supervisor->helpers[HELPER_NETD])
		kept_fds_pass(&h->supervisor->kept);
	execv(path, (char *const *)argv);
	log_error("%s: %s", path, strerror(errno));
	_exit(EXIT_HELPER);
}

static int helper_start(struct helper *h)
{
	struct supervisor *s = h->supervisor;
	pid_t self = getpid(), pid = fork();
	int r;

	if (pid < 0)
		return -errno;
	if (pid == 0)
		helper_exec(h, self);
	h->pid = pid;
	h->started_us = supervisor_now(s);
	r = sd_event_add_child(s->event, &h->child, pid, WEXITED,
			       helper_on_death, h);
	if (r < 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		h->pid = 0;
		return r;
	}
	/* Starting may take a little longer than a heartbeat. */
	helper_arm(h, 2 * WATCHDOG_US);
	return 0;
}

static void supervisor_on_ready(struct supervisor *s, struct helper *h)
{
	struct helper *agent = &s->helpers[HELPER_AGENT];

	h->was_ready = true;
	if (h == agent && !s->said_ready) {
		s->said_ready = true;
		sd_notify(0, "READY=1\nSTATUS=Running");
	}
	/* The next one in order, the first time. */
	for (int i = 0; i + 1 < HELPERS; i++) {
		struct helper *next = &s->helpers[i + 1];

		if (h == &s->helpers[i] && !next->started_us &&
		    helper_start(next) < 0)
			helper_arm(next, RESTART_US);
	}
}

/* What came with a message: who sent it, and a descriptor or -1. */
static void notify_control(struct msghdr *msg, struct ucred *who, int *ret_fd)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c;
	     c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_CREDENTIALS)
			memcpy(who, CMSG_DATA(c), sizeof(*who));
		else if (c->cmsg_type == SCM_RIGHTS)
			memcpy(ret_fd, CMSG_DATA(c), sizeof(*ret_fd));
	}
}

static int supervisor_on_notify(sd_event_source *source, int fd,
				uint32_t revents, void *user)
{
	struct supervisor *s = user;
	char text[2048];
	/* Room for one descriptor: the kernel closes others. */
	union {
		struct cmsghdr align;
		char data[CMSG_SPACE(sizeof(struct ucred)) +
			  CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { text, sizeof(text) - 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct ucred who = { 0 };
	ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	int with = -1;

	(void)source;
	(void)revents;
	if (n < 0)
		return 0;
	text[n] = '\0';
	notify_control(&msg, &who, &with);
	for (int i = 0; i < HELPERS; i++) {
		struct helper *h = &s->helpers[i];

		if (h->pid == 0 || h->pid != who.pid)
			continue;
		if (!s->stopping)
			helper_arm(h, WATCHDOG_US);
		if (strstr(text, "READY=1"))
			supervisor_on_ready(s, h);
		if (i == HELPER_NETD) {
			kept_fds_on_notify(&s->kept, text, with);
			with = -1;
		}
	}
	if (with >= 0)
		close(with);
	return 0;
}

static int supervisor_on_signal(sd_event_source *source,
				const struct signalfd_siginfo *si, void *user)
{
	(void)source;
	(void)si;
	sd_notify(0, "STOPPING=1");
	supervisor_stop(user);
	return 0;
}

/* Of the terminal that it was started on: the end. Of anybody else: a reload,
 * which the agent leads. */
static int supervisor_on_hangup(sd_event_source *source,
				const struct signalfd_siginfo *si, void *user)
{
	struct supervisor *s = user;

	if (si->ssi_code == SI_KERNEL)
		return supervisor_on_signal(source, si, user);
	if (s->helpers[HELPER_AGENT].pid > 0)
		kill(s->helpers[HELPER_AGENT].pid, SIGHUP);
	return 0;
}

/* The runtime directory is the agent's, which makes its own socket there. */
static int supervisor_make_dir(const struct standalone_options *o)
{
	uid_t uid;

	if (mkdir(o->runtime_dir, 0755) < 0) {
		/* One that is there has its owner already. */
		if (errno == EEXIST)
			return 0;
		log_error("%s: %s", o->runtime_dir, strerror(errno));
		return -errno;
	}
	if (privilege_user(AGENT_USER, &uid) == 0 &&
	    chown(o->runtime_dir, uid, (gid_t)-1) < 0)
		log_warning("%s: cannot give it to user %s: %s", o->runtime_dir,
			    AGENT_USER, strerror(errno));
	return 0;
}

/* An abstract socket with a name that the kernel chooses: there is no file
 * that another supervisor, or the agent, could take away or put a link at.
 * Who sends is told by SCM_CREDENTIALS. */
static int supervisor_open_notify(struct supervisor *s)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(sa);
	const int on = 1;

	s->notify_fd =
		socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->notify_fd < 0 ||
	    bind(s->notify_fd, (struct sockaddr *)&sa, sizeof(sa_family_t)) <
		    0 ||
	    getsockname(s->notify_fd, (struct sockaddr *)&sa, &len) < 0 ||
	    setsockopt(s->notify_fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) <
		    0) {
		log_error("cannot listen to the helpers: %s", strerror(errno));
		return -errno;
	}
	snprintf(s->notify_path, sizeof(s->notify_path), "@%.*s",
		 (int)(len - offsetof(struct sockaddr_un, sun_path) - 1),
		 sa.sun_path + 1);
	return sd_event_add_io(s->event, NULL, s->notify_fd, EPOLLIN,
			       supervisor_on_notify, s);
}

static void supervisor_find_programs(struct supervisor *s)
{
	ssize_t n = readlink("/proc/self/exe", s->program_dir,
			     sizeof(s->program_dir) - 1);
	char *slash;

	s->program_dir[n > 0 ? n : 0] = '\0';
	slash = strrchr(s->program_dir, '/');
	if (slash)
		*slash = '\0';
}

static int supervisor_prepare(struct supervisor *s)
{
	static const char *const programs[HELPERS] = {
		[HELPER_NETD] = "tacit-netd",
		[HELPER_KEYD] = "tacit-keyd",
		[HELPER_AGENT] = "tacitd",
	};
	sigset_t signals;
	int r;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	r = sd_event_default(&s->event);
	if (r >= 0)
		r = sd_event_add_signal(s->event, NULL, SIGTERM,
					supervisor_on_signal, s);
	if (r >= 0)
		r = sd_event_add_signal(s->event, NULL, SIGINT,
					supervisor_on_signal, s);
	if (r >= 0)
		r = sd_event_add_signal(s->event, NULL, SIGHUP,
					supervisor_on_hangup, s);
	for (int i = 0; r >= 0 && i < HELPERS; i++) {
		s->helpers[i].supervisor = s;
		s->helpers[i].program = programs[i];
		r = sd_event_add_time(s->event, &s->helpers[i].timer,
				      CLOCK_MONOTONIC, 0, 0, helper_on_timer,
				      &s->helpers[i]);
		if (r >= 0)
			r = sd_event_source_set_enabled(s->helpers[i].timer,
							SD_EVENT_OFF);
	}
	if (r >= 0)
		r = supervisor_make_dir(s->options);
	if (r >= 0)
		r = supervisor_open_notify(s);
	return r;
}

int standalone_run(const struct standalone_options *options)
{
	struct supervisor s = {
		.options = options,
		.notify_fd = -1,
		.exit_code = EXIT_OK,
	};
	int r = supervisor_prepare(&s);

	supervisor_find_programs(&s);
	if (r >= 0)
		r = helper_start(&s.helpers[HELPER_NETD]);
	if (r >= 0)
		r = sd_event_loop(s.event);
	for (int i = 0; i < HELPERS; i++) {
		sd_event_source_disable_unref(s.helpers[i].child);
		sd_event_source_disable_unref(s.helpers[i].timer);
	}
	sd_event_unref(s.event);
	if (s.notify_fd >= 0)
		close(s.notify_fd);
	kept_fds_done(&s.kept);
	return r < 0 ? EXIT_FAILED : r;
}
