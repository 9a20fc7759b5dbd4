/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tacitd: options, privileges, exit codes. */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/follow.h"
#include "agent/standalone.h"
#include "util/exitcode.h"
#include "util/instance.h"
#include "util/limits.h"
#include "util/log.h"
#include "util/privilege.h"

struct options {
	const char *config_dir, *runtime_dir, *state_dir;
	const char *instance;
	char dirs[3][INSTANCE_DIR_SIZE]; /* of the instance */
	bool standalone, debug;
};

static void usage(FILE *out)
{
	fputs("Usage: tacitd [OPTION]...\n"
	      "Opportunistic-encryption agent. Started by tacit.service, or:\n\n"
	      "  --standalone         start tacit-netd and tacit-keyd too (no "
	      "systemd)\n"
	      "  --instance NAME      a further agent, of another network "
	      "namespace: its\n"
	      "                       directories are those below, with -NAME\n"
	      "  --config-dir DIR     configuration (" SYSCONFDIR "/tacit)\n"
	      "  --runtime-dir DIR    sockets (" RUNSTATEDIR "/tacit)\n"
	      "  --state-dir DIR      with --standalone: keys, and what is closed\n"
	      "                       (" LOCALSTATEDIR "/lib/tacit)\n"
	      "  --debug              log everything\n"
	      "  --version, --help\n\n"
	      "See tacitd(8), and tacit(1) to ask a running agent.\n",
	      out);
}

/* An exit code. */
static int name_dirs(struct options *o)
{
	if (!o->instance) {
		if (!o->runtime_dir)
			o->runtime_dir = RUNSTATEDIR "/tacit";
		return EXIT_OK;
	}
	if (!instance_valid(o->instance)) {
		fprintf(stderr,
			"tacitd: --instance %s: a name is " INSTANCE_RULE "\n",
			o->instance);
		return EXIT_USAGE;
	}
	if (o->runtime_dir) {
		fputs("tacitd: --instance and --runtime-dir exclude each "
		      "other\n",
		      stderr);
		return EXIT_USAGE;
	}
	o->runtime_dir =
		instance_dir(RUNSTATEDIR "/tacit", o->instance, o->dirs[0]);
	if (!o->config_dir)
		o->config_dir = instance_dir(SYSCONFDIR "/tacit", o->instance,
					     o->dirs[1]);
	if (!o->state_dir)
		o->state_dir = instance_dir(LOCALSTATEDIR "/lib/tacit",
					    o->instance, o->dirs[2]);
	return EXIT_OK;
}

/* -1: go on; else an exit code. */
static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "standalone", no_argument, NULL, 's' },
		{ "instance", required_argument, NULL, 'i' },
		{ "config-dir", required_argument, NULL, 'c' },
		{ "runtime-dir", required_argument, NULL, 'r' },
		{ "state-dir", required_argument, NULL, 't' },
		{ "debug", no_argument, NULL, 'd' },
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 's':
			o->standalone = true;
			break;
		case 'i':
			o->instance = optarg;
			break;
		case 'c':
			o->config_dir = optarg;
			break;
		case 'r':
			o->runtime_dir = optarg;
			break;
		case 't':
			o->state_dir = optarg;
			break;
		case 'd':
			o->debug = true;
			break;
		case 'v':
			puts("tacitd " PACKAGE_VERSION);
			return EXIT_OK;
		case 'h':
			usage(stdout);
			return EXIT_OK;
		default:
			usage(stderr);
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "tacitd: what is \"%s\"?\n", argv[optind]);
		usage(stderr);
		return EXIT_USAGE;
	}
	return -1;
}

/* Everything that needs root is done before: only the configuration. */
static int become_agent(struct agent_options *o)
{
	bool switched = false;
	uid_t uid;
	int r = privilege_drop(AGENT_USER, 0, &switched);

	if (r < 0) {
		log_error("cannot give up privileges: %s", strerror(-r));
		return r;
	}
	follow_supervisor();
	o->privileges_separate = switched;
	if (!switched && privilege_user(AGENT_USER, &uid) == 0 &&
	    uid == geteuid())
		o->privileges_separate = true;
	if (!o->privileges_separate)
		log_warning("not running as user %s: the agent keeps user id "
			    "%u, without capabilities",
			    AGENT_USER, geteuid());
	return 0;
}

/* Callers' descriptors wait with their calls: see LIMIT_BUS_PENDING. */
static void allow_descriptors(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur >= LIMIT_DESCRIPTORS)
		return;
	l.rlim_cur =
		l.rlim_max < LIMIT_DESCRIPTORS ? l.rlim_max : LIMIT_DESCRIPTORS;
	(void)setrlimit(RLIMIT_NOFILE, &l);
}

static int run_agent(const struct options *o)
{
	struct agent_options options = {
		.config_dir = o->config_dir,
		.runtime_dir = o->runtime_dir,
		.debug = o->debug,
	};
	struct config_errors errors;
	struct config *config;
	struct agent *agent;
	int r;

	/* Until the loop takes it for a reload. */
	signal(SIGHUP, SIG_IGN);
	r = config_load(o->config_dir, &config, &errors);

	config_errors_log(&errors);
	config_errors_done(&errors);
	if (r < 0)
		return r == -EINVAL ? EXIT_BAD_CONFIG : EXIT_FAILED;
	if (!o->debug)
		log_set_level(config->log_level);
	r = become_agent(&options);
	if (r < 0) {
		config_free(config);
		return EXIT_NO_PRIVILEGE;
	}
	allow_descriptors();
	r = agent_new(&options, config, &agent);
	if (r == -EADDRINUSE) {
		log_error("another agent is running on %s; stop it, or give "
			  "this one an --instance of its own",
			  o->runtime_dir);
		return EXIT_ALREADY_RUNNING;
	}
	if (r < 0) {
		log_error("cannot start in %s: %s", o->runtime_dir,
			  strerror(-r));
		return EXIT_FAILED;
	}
	r = agent_run(agent);
	agent_free(agent);
	return r < 0 ? EXIT_FAILED : EXIT_OK;
}

int main(int argc, char **argv)
{
	struct options o = { 0 };
	int r = parse_options(argc, argv, &o);

	if (r >= 0)
		return r;
	r = name_dirs(&o);
	if (r != EXIT_OK)
		return r;
	/* A log that nobody reads any more is no reason to die. */
	signal(SIGPIPE, SIG_IGN);
	/* One heap for all threads: theirs would each keep pages of its own. */
	mallopt(M_ARENA_MAX, 1);
	log_open("tacitd", o.debug ? LOG_DEBUG : LOG_INFO);
	if (o.standalone) {
		struct standalone_options s = {
			.config_dir = o.config_dir,
			.runtime_dir = o.runtime_dir,
			.state_dir = o.state_dir,
			.debug = o.debug,
		};

		return standalone_run(&s);
	}
	return run_agent(&o);
}
