/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tacit-keyd(8): options, what must be done as root where there is no systemd,
 * memory that cannot be read, and one clear sentence for each way to fail.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/follow.h"
#include "agent/helper-socket.h"
#include "agent/keyd.h"
#include "agent/loop.h"
#include "agent/notify.h"
#include "agent/state-dir.h"
#include "dnskeys/key-order.h"
#include "policy/config.h"
#include "util/exitcode.h"
#include "util/log.h"
#include "util/privilege.h"

#define RUNTIME_DIR "/run/tacit"
#define SOCKET_NAME "keyd.sock"
/* OpenSSL's own locked and guarded memory, for private keys. */
#define SECURE_HEAP	(256 * 1024)
#define SECURE_HEAP_MIN 32
/* All that we may come to hold: libraries, threads, requests. */
#define LOCKED_MAX (128ul << 20)

struct options {
	const char *config_dir, *runtime_dir, *state_dir;
	bool debug;
};

static void usage(FILE *to)
{
	fprintf(to,
		"Usage: tacit-keyd [OPTION...]\n"
		"\n"
		"Holds the private keys of this host, and signs with them for "
		"the tacit agent.\n"
		"It is started by tacit.service or by tacitd --standalone.\n"
		"\n"
		"  --config-dir DIR   configuration (" SYSCONFDIR "/tacit)\n"
		"  --runtime-dir DIR  socket " SOCKET_NAME " (" RUNTIME_DIR
		")\n"
		"  --state-dir DIR    keys, in DIR/keys (" STATE_DIR ")\n"
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
		case 'd':
			o->debug = true;
			break;
		case 'h':
			usage(stdout);
			return EXIT_OK;
		case 'v':
			puts("tacit-keyd " PACKAGE_VERSION);
			return EXIT_OK;
		default:
			usage(stderr);
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "tacit-keyd: unexpected argument: %s\n",
			argv[optind]);
		return EXIT_USAGE;
	}
	return -1;
}

/* Of the configuration it needs to know in whose name it may sign, alone. */
static int load_identity(const struct options *o, struct ike_identity *ret)
{
	struct config_errors errors = { 0 };
	struct config *config = NULL;
	int r = config_load(o->config_dir, &config, &errors);

	/* Warnings are the agent's to say. */
	if (r < 0)
		config_errors_log(&errors);
	config_errors_done(&errors);
	if (r < 0)
		return r == -EINVAL ? EXIT_BAD_CONFIG : EXIT_FAILED;
	if (!o->debug)
		log_set_level(config->log_level);
	*ret = (struct ike_identity){ 0 };
	if (config->local_identity)
		r = ike_identity_parse(config->local_identity, ret);
	config_free(config);
	return r < 0 ? EXIT_BAD_CONFIG : EXIT_OK;
}

static int identify_again(void *user, struct ike_identity *ret)
{
	return load_identity(user, ret) == EXIT_OK ? 0 : -EINVAL;
}

/* --- nobody else's memory --------------------------------------------------- */

static int drop_privileges(void)
{
	const struct rlimit locked = { LOCKED_MAX, LOCKED_MAX };
	bool switched = false;
	int r;

	/* As root; else what the unit gave. */
	(void)setrlimit(RLIMIT_MEMLOCK, &locked);
	r = privilege_drop(KEYD_USER, 0, &switched);
	if (r < 0) {
		log_error("Privileges cannot be given up: %s", strerror(-r));
		return EXIT_FAILED;
	}
	follow_supervisor();
	if (!switched && geteuid() == 0)
		log_notice("Running as root, without capabilities: it "
			   "cannot become user " KEYD_USER ".");
	return EXIT_OK;
}

/* What cannot be locked may be written to swap: said, and gone on. */
static void lock_memory(void)
{
	if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) < 0)
		log_notice("Memory cannot be locked (%s): keys may get into "
			   "swap space; raise RLIMIT_MEMLOCK.",
			   strerror(errno));
	(void)CRYPTO_secure_malloc_init(SECURE_HEAP, SECURE_HEAP_MIN);
}

/* --- running ---------------------------------------------------------------- */

static int run(struct keyd_setup *setup)
{
	sd_event *event = NULL;
	struct keyd *k = NULL;
	int code = loop_new(&event), r;

	if (code != EXIT_OK)
		return code;
	r = keyd_new(event, setup, &k);
	if (r < 0) {
		log_error("It cannot be started: %s", strerror(-r));
		sd_event_unref(event);
		return EXIT_FAILED;
	}
	notify_say("READY=1\nSTATUS=Waiting for the agent.");
	log_info("Ready.");
	r = sd_event_loop(event);
	notify_say("STOPPING=1");
	keyd_free(k);
	sd_event_unref(event);
	return r < 0 ? EXIT_FAILED : EXIT_OK;
}

/* Keys are read by the user that we are to be, and by nobody with more. */
static int start(const struct options *o, struct keyd_setup *setup)
{
	char keys[PATH_MAX];
	int code, n = snprintf(keys, sizeof(keys), "%s/keys", o->state_dir);
	uid_t agent;

	if (n < 0 || (size_t)n >= sizeof(keys)) {
		log_error("%s: the name is too long.", o->state_dir);
		return EXIT_USAGE;
	}
	code = load_identity(o, &setup->identity);
	if (code == EXIT_OK)
		code = helper_socket(SOCKET_NAME, o->runtime_dir,
				     &setup->listen_fd, &agent);
	if (code == EXIT_OK)
		code = helper_socket(KEY_ORDER_SOCKET, o->runtime_dir,
				     &setup->order_fd, &agent);
	if (code != EXIT_OK)
		return code;
	state_dir_make(o->state_dir, keys, KEYD_USER);
	code = drop_privileges();
	if (code != EXIT_OK)
		return code;
	lock_memory();
	/* Without keys we go on: the agent is anonymous then, and says so. */
	if (keyd_keys_open(&setup->keys, keys) < 0)
		log_error("There are no keys: this host can prove to nobody "
			  "who it is.");
	return EXIT_OK;
}

int main(int argc, char **argv)
{
	struct options o = { .runtime_dir = RUNTIME_DIR,
			     .state_dir = STATE_DIR };
	struct keyd_setup setup = { .identify = identify_again,
				    .user = &o,
				    .listen_fd = -1,
				    .order_fd = -1,
				    .keys = { .dir = -1 } };
	int code = parse_options(argc, argv, &o);

	if (code >= 0)
		return code;
	log_open("tacit-keyd", o.debug ? LOG_DEBUG : LOG_INFO);
	umask(0077);
	/* One heap for all threads: less to lock, and to wipe. */
	mallopt(M_ARENA_MAX, 1);
	code = start(&o, &setup);
	if (code == EXIT_OK)
		code = run(&setup);
	else if (setup.listen_fd >= 0)
		close(setup.listen_fd);
	return code;
}
