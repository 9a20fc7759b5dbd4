/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tacit-netd(8): options, what must be done with full privileges, and one
 * clear sentence for each way to fail.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/follow.h"
#include "agent/helper-socket.h"
#include "agent/loop.h"
#include "agent/netd-kept.h"
#include "agent/netd-udp.h"
#include "agent/netd.h"
#include "agent/notify.h"
#include "agent/state-dir.h"
#include "util/exitcode.h"
#include "util/log.h"
#include "util/privilege.h"

#define RUNTIME_DIR "/run/tacit"
#define SOCKET_NAME "netd.sock"

struct options {
	const char *config_dir, *runtime_dir, *state_dir;
	bool debug, no_hold, clear;
};

static void usage(FILE *to)
{
	fprintf(to,
		"Usage: tacit-netd [OPTION...]\n"
		"\n"
		"Keeps the kernel state of the tacit agent: IPsec SAs and "
		"policies, held packets,\n"
		"the IKE sockets. It is started by tacit.service or by "
		"tacitd --standalone.\n"
		"\n"
		"  --config-dir DIR   configuration (" SYSCONFDIR "/tacit)\n"
		"  --runtime-dir DIR  socket " SOCKET_NAME " (" RUNTIME_DIR
		")\n"
		"  --state-dir DIR    what is closed, in DIR/closed (" STATE_DIR
		")\n"
		"  --clear            take away all that an earlier one has left "
		"in the kernel, and end\n"
		"  --debug            log everything\n"
		"  --help             this text\n"
		"  --version          the version\n");
}

/* -1: go on; else the exit code. */
static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "config-dir", required_argument, NULL, 'c' },
		{ "runtime-dir", required_argument, NULL, 'r' },
		{ "state-dir", required_argument, NULL, 's' },
		{ "no-hold", no_argument, NULL, 'n' },
		{ "clear", no_argument, NULL, 'k' },
		{ "debug", no_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) >= 0) {
		switch (c) {
		case 'c':
			o->config_dir = optarg;
			break;
		case 'r':
			o->runtime_dir = optarg;
			break;
		case 's':
			o->state_dir = optarg;
			break;
		case 'n':
			o->no_hold = true;
			break;
		case 'k':
			o->clear = true;
			break;
		case 'd':
			o->debug = true;
			break;
		case 'h':
			usage(stdout);
			return EXIT_OK;
		case 'v':
			puts(PACKAGE_NAME " " PACKAGE_VERSION);
			return EXIT_OK;
		default:
			usage(stderr);
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "tacit-netd: unexpected argument: %s\n",
			argv[optind]);
		return EXIT_USAGE;
	}
	return -1;
}

static int load_config(const struct options *o, struct config **ret)
{
	struct config_errors errors = { 0 };
	int r = config_load(o->config_dir, ret, &errors);

	if (r == -EINVAL) {
		config_errors_log(&errors);
		log_error("The configuration has errors; nothing is changed.");
	} else if (r < 0) {
		log_error("The configuration cannot be read: %s", strerror(-r));
	}
	config_errors_done(&errors);
	if (r == -EINVAL)
		return EXIT_BAD_CONFIG;
	if (r < 0)
		return EXIT_FAILED;
	log_set_level(o->debug ? LOG_DEBUG : (*ret)->log_level);
	return EXIT_OK;
}

static int probe(struct probe *ret)
{
	int r = probe_kernel(ret);

	if (r == -EPERM) {
		log_error("CAP_NET_ADMIN is missing: start tacit-netd as root "
			  "or by its systemd unit; in a container, grant it "
			  "NET_ADMIN.");
		return EXIT_NO_PRIVILEGE;
	}
	if (r == -EPROTONOSUPPORT) {
		log_error("This kernel has no IPsec (CONFIG_XFRM_USER): load "
			  "the modules xfrm_user, esp4 and esp6, or use a "
			  "kernel that has them.");
		return EXIT_NO_ESP;
	}
	if (r < 0) {
		log_error("The kernel cannot be asked about ESP: %s",
			  strerror(-r));
		return EXIT_FAILED;
	}
	if (!ret->esp4 && !ret->esp6) {
		log_error("This kernel has no ESP with AES-GCM: load the "
			  "modules esp4 and esp6 (modprobe esp4 esp6), or use "
			  "a kernel that has them.");
		return EXIT_NO_ESP;
	}
	log_debug("ESP: IPv4 %s, IPv6 %s, ChaCha20-Poly1305 %s",
		  ret->esp4 ? "yes" : "no", ret->esp6 ? "yes" : "no",
		  ret->chacha ? "yes" : "no");
	return EXIT_OK;
}

static int drop_privileges(void)
{
	const uint64_t keep = PRIVILEGE_CAP(CAP_NET_ADMIN) |
			      PRIVILEGE_CAP(CAP_NET_BIND_SERVICE);
	bool switched = false;
	int r = privilege_drop(NETD_USER, keep, &switched);

	if (r < 0) {
		log_error("Privileges cannot be given up: %s", strerror(-r));
		return EXIT_FAILED;
	}
	follow_supervisor();
	if (!switched && geteuid() == 0)
		log_notice("Running as root, with the network capabilities "
			   "alone: it cannot become user " NETD_USER ".");
	return EXIT_OK;
}

/* Whose socket is taken lives, and would not know what has become of its
 * policies. */
static int clear(const struct options *o)
{
	int fd = -1, code, r;
	uid_t agent;

	code = helper_socket(SOCKET_NAME, o->runtime_dir, &fd, &agent);
	if (code != EXIT_OK)
		return code;
	r = netd_clear();
	close(fd);
	if (r < 0)
		log_error("Not all could be taken away: %s", strerror(-r));
	return r < 0 ? EXIT_FAILED : EXIT_OK;
}

/*
 * The files have errors. What stands in the kernel from before stays as it is;
 * where nothing does this host has booted with them, and what the last good
 * configuration closed is closed before there is a network.
 */
static int close_kept(struct netd_setup *setup)
{
	sd_event *event = NULL;
	struct netd *n = NULL;
	int code, r;

	if (netd_stands())
		return EXIT_BAD_CONFIG;
	code = loop_new(&event);
	if (code != EXIT_OK)
		return code;
	r = netd_new(event, setup, &n);
	netd_free(n);
	sd_event_unref(event);
	if (r < 0)
		log_error("What the last good configuration closed cannot be "
			  "closed: %s",
			  strerror(-r));
	else
		log_warning("What the last good configuration closed is closed "
			    "until the errors are mended.");
	return EXIT_BAD_CONFIG;
}

static int run(struct netd_setup *setup)
{
	sd_event *event = NULL;
	struct netd *n = NULL;
	int code = loop_new(&event), r;

	if (code != EXIT_OK)
		return code;
	r = netd_new(event, setup, &n);
	if (r < 0) {
		log_error("The kernel's state cannot be set up: %s",
			  strerror(-r));
		sd_event_unref(event);
		return EXIT_FAILED;
	}
	netd_keep(n);
	netd_udp_keep(n->udp);
	notify_say("READY=1\nSTATUS=Waiting for the agent.");
	log_info("Ready.");
	r = sd_event_loop(event);
	notify_say("STOPPING=1");
	netd_free(n);
	sd_event_unref(event);
	return r < 0 ? EXIT_FAILED : EXIT_OK;
}

/* All that there is to do with full privileges. */
static int prepare(const struct options *o, struct netd_setup *setup, bool kept)
{
	int code = probe(&setup->probe);

	if (code == EXIT_OK)
		code = helper_socket(SOCKET_NAME, o->runtime_dir,
				     &setup->listen_fd, &setup->agent);
	if (code == EXIT_OK && !kept)
		code = netd_udp_open(setup->config, setup->udp);
	if (code != EXIT_OK)
		return code;
	state_dir_make(o->state_dir, setup->kept_dir, NETD_USER);
	return drop_privileges();
}

int main(int argc, char **argv)
{
	struct options o = { .runtime_dir = RUNTIME_DIR,
			     .state_dir = STATE_DIR };
	char kept_dir[PATH_MAX];
	bool kept;
	struct netd_setup setup = { .listen_fd = -1,
				    .udp = { -1, -1, -1, -1 } };
	int code = parse_options(argc, argv, &o);

	if (code >= 0)
		return code;
	setup.no_hold = o.no_hold;
	setup.config_dir = o.config_dir;
	snprintf(kept_dir, sizeof(kept_dir), "%s/closed", o.state_dir);
	setup.kept_dir = kept_dir;
	log_open("tacit-netd", o.debug ? LOG_DEBUG : LOG_INFO);
	umask(0022);
	if (o.clear)
		return clear(&o);
	code = load_config(&o, &setup.config);
	kept = code == EXIT_BAD_CONFIG &&
	       netd_kept_load(kept_dir, &setup.config) == 0;
	if (code == EXIT_OK || kept)
		code = prepare(&o, &setup, kept);
	if (code == EXIT_OK)
		code = kept ? close_kept(&setup) : run(&setup);
	config_free(setup.config);
	return code;
}
