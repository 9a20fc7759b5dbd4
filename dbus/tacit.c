/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command line: options, and which command it is.
 */
#include "config.h"

#include "dbus/tacit.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "dbus/tacit-pager.h"
#include "util/exitcode.h"
#include "util/instance.h"

/* What there is, in the order of the help. */
static const struct command {
	const char *words;     /* "policy list" */
	const char *arguments; /* for the help */
	unsigned min, max;     /* how many of them */
	int (*run)(struct tacit *t, char **arguments);
	const char *help;
} commands[] = {
	{ "status", "", 0, 0, tacit_status,
	  "is this host protected, and what needs attention" },
	{ "peers", "[HOST]", 0, 1, tacit_peers,
	  "who is encrypted, or all about one peer" },
	{ "explain", "HOST", 1, 1, tacit_explain,
	  "why this host is, or is not, encrypted" },
	{ "top", "", 0, 0, tacit_top, "the busiest peers" },
	{ "monitor", "[SECONDS]", 0, 1, tacit_monitor,
	  "what happens to peers, as it happens" },
	{ "metrics", "", 0, 0, tacit_metrics, "all counts, as OpenMetrics" },
	{ "up", "HOST [SECONDS]", 1, 2, tacit_up,
	  "encrypt to this host now, and wait for it" },
	{ "down", "HOST", 1, 1, tacit_down, "end the encryption with it" },
	{ "doctor", "", 0, 0, tacit_doctor,
	  "what this host lacks, or has in the way, and the remedy" },
	{ "repair", "", 0, 0, tacit_repair,
	  "put right what others did to the kernel's state" },
	{ "policy list", "[DIR]", 0, 1, tacit_policy_list,
	  "the policies in force, or those of DIR" },
	{ "policy show", "POLICY [DIR]", 1, 2, tacit_policy_show,
	  "one of them, all that it says" },
	{ "policy test", "HOST[:PORT/PROTOCOL] [DIR]", 1, 2, tacit_policy_test,
	  "what becomes of a packet, and by which line of which file" },
	{ "key show", "", 0, 0, tacit_key_show, "the keys of this host" },
	{ "key dns", "", 0, 0, tacit_key_dns, "the records to publish in DNS" },
	{ "key publish", "", 0, 0, tacit_key_publish,
	  "put them there, by dynamic update" },
	{ "key rotate", "[NAME]", 0, 1, tacit_key_rotate,
	  "new keys in their place, step by step" },
	{ "lookup", "HOST", 1, 1, tacit_lookup,
	  "what DNS says of a host, and what follows" },
	{ "reload", "", 0, 0, tacit_reload, "read the configuration again" },
	{ "debug", "LEVEL [HOST]", 1, 2, tacit_debug,
	  "what the agent logs, of all peers or of one" },
	{ "capture", "[HOST|all [SECONDS]]", 0, 2, tacit_capture,
	  "IKE messages, decrypted, as pcapng" },
	{ "check-config", "[DIR]", 0, 1, tacit_check_config,
	  "every error in " SYSCONFDIR "/tacit, or in DIR" },
};

/* Of an option of a command: above every letter. */
#define OPTION	   256
#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct option longs[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "no-color", no_argument, NULL, 'n' },
	{ "no-colour", no_argument, NULL, 'n' },
	{ "no-pager", no_argument, NULL, 'P' },
	{ "commands", no_argument, NULL, 'C' },
	{ "socket", required_argument, NULL, 's' },
	{ "instance", required_argument, NULL, 'i' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ "name", required_argument, NULL, OPTION + TACIT_NAME },
	{ "forward", no_argument, NULL, OPTION + TACIT_FORWARD },
	{ "reverse", no_argument, NULL, OPTION + TACIT_REVERSE },
	{ "zone-file", no_argument, NULL, OPTION + TACIT_ZONE_FILE },
	{ "ttl", required_argument, NULL, OPTION + TACIT_TTL },
	{ "server", required_argument, NULL, OPTION + TACIT_SERVER },
	{ "tsig", required_argument, NULL, OPTION + TACIT_TSIG },
	{ "replace", no_argument, NULL, OPTION + TACIT_REPLACE },
	{ "beside", no_argument, NULL, OPTION + TACIT_BESIDE },
	{ "finish", no_argument, NULL, OPTION + TACIT_FINISH },
	{ "cancel", no_argument, NULL, OPTION + TACIT_CANCEL },
	{ "output", required_argument, NULL, OPTION + TACIT_OUTPUT },
	{ 0 },
};
#define BIT(option) (1u << TACIT_##option)

/* Commands with options of their own. */
static const struct {
	const char *words;
	unsigned options;
} own_options[] = {
	{ "key dns",
	  BIT(NAME) | BIT(FORWARD) | BIT(REVERSE) | BIT(ZONE_FILE) | BIT(TTL) },
	{ "key publish", BIT(NAME) | BIT(FORWARD) | BIT(REVERSE) | BIT(TTL) |
				 BIT(SERVER) | BIT(TSIG) | BIT(REPLACE) |
				 BIT(BESIDE) },
	{ "key rotate", BIT(FINISH) | BIT(CANCEL) },
	{ "capture", BIT(OUTPUT) },
};

static unsigned options_of(const struct command *c)
{
	for (size_t i = 0; i < sizeof(own_options) / sizeof(own_options[0]);
	     i++) {
		if (!strcmp(own_options[i].words, c->words))
			return own_options[i].options;
	}
	return 0;
}

/* For the completion of shells: words, arguments, options and help, parted by
 * tabs. */
static void list_commands(void)
{
	for (size_t i = 0; i < N_COMMANDS; i++) {
		const struct command *c = &commands[i];
		const char *space = "";

		printf("%s\t%s\t", c->words, c->arguments);
		for (const struct option *o = longs; o->name; o++) {
			if (o->val < OPTION ||
			    !(options_of(c) & 1u << (o->val - OPTION)))
				continue;
			printf("%s--%s", space, o->name);
			space = " ";
		}
		printf("\t%s\n", c->help);
	}
}

static void usage(FILE *f)
{
	fputs("Usage: tacit [OPTION]... COMMAND\n"
	      "Ask the opportunistic-encryption agent of this host.\n\n"
	      "Commands:\n",
	      f);
	for (size_t i = 0; i < N_COMMANDS; i++) {
		const struct command *c = &commands[i];
		int len = fprintf(f, "  %s %s", c->words, c->arguments);

		if (len > 22)
			len = fprintf(f, "\n") - 1;
		fprintf(f, "%*s %s\n", 22 - len, "", c->help);
	}
	fputs("\nOptions:\n"
	      "  --json               for programs\n"
	      "  --no-color           no colour on a terminal\n"
	      "  --no-pager           no pager on a terminal\n"
	      "  --socket PATH        the agent's socket (" RUNSTATEDIR
	      "/tacit/agent.sock);\n"
	      "                       also by TACIT_SOCKET\n"
	      "  --instance NAME      the agent of that name, of another "
	      "network namespace\n"
	      "  --version, --help\n"
	      "Of key dns and key publish:\n"
	      "  --name NAME          the full name of this host\n"
	      "  --forward, --reverse only records for its name, or its "
	      "addresses\n"
	      "  --ttl SECONDS        of the records (3600)\n"
	      "  --zone-file          with comments that say what they are\n"
	      "Of key publish:\n"
	      "  --server ADDR[:PORT] the primary server of the zone\n"
	      "  --tsig FILE          a TSIG key that may update it\n"
	      "  --replace, --beside  what to do with others' keys there\n"
	      "Of key rotate:\n"
	      "  --finish             the new key signs from now on\n"
	      "  --cancel             there is no new key after all\n"
	      "Of capture:\n"
	      "  --output FILE        where it goes, instead of standard output\n\n"
	      "See tacit(1).\n",
	      f);
}

static int bad_usage(const char *what, const char *word)
{
	fprintf(stderr, "tacit: %s%s%s%s\nTry: tacit --help\n", what,
		word ? " \"" : "", word ? word : "", word ? "\"" : "");
	return EXIT_USAGE;
}

/* -1: go on; else an exit code. */
static int parse_options(int argc, char **argv, struct tacit *t,
			 bool *want_colour, bool *json)
{
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case 'j':
			*json = true;
			break;
		case 'n':
			*want_colour = false;
			break;
		case 'P':
			t->no_pager = true;
			break;
		case 'C':
			list_commands();
			return EXIT_OK;
		case 's':
			t->socket = optarg;
			break;
		case 'i':
			if (!instance_valid(optarg))
				return bad_usage("a name is " INSTANCE_RULE
						 ", not",
						 optarg);
			t->instance = optarg;
			break;
		case 'V':
			puts("tacit " PACKAGE_VERSION);
			return EXIT_OK;
		case 'h':
			usage(stdout);
			return EXIT_OK;
		default:
			if (c >= OPTION) {
				t->options[c - OPTION] = optarg ? optarg : "";
				break;
			}
			/* getopt has said what is wrong */
			fputs("Try: tacit --help\n", stderr);
			return EXIT_USAGE;
		}
	}
	return -1;
}

/* How many of the n words the command's own are, if they are all there; else
 * 0, and *ret_begun where the first one is. */
static int match(const struct command *c, int n, char **words, bool *ret_begun)
{
	const char *at = c->words;

	for (int i = 0; i < n; i++) {
		size_t len = strcspn(at, " ");

		if (strlen(words[i]) != len || strncmp(words[i], at, len) != 0)
			return 0;
		*ret_begun = true;
		if (!at[len])
			return i + 1;
		at += len + 1;
	}
	return 0;
}

static int bad_arguments(const struct command *c)
{
	fprintf(stderr,
		"tacit: the command is: tacit %s%s%s\nTry: tacit "
		"--help\n",
		c->words, *c->arguments ? " " : "", c->arguments);
	return EXIT_USAGE;
}

/* Begun, and not gone on with as any command does. */
static int bad_words(const char *first)
{
	fprintf(stderr, "tacit: the commands are:\n");
	for (size_t i = 0; i < N_COMMANDS; i++) {
		size_t len = strlen(first);

		if (!strncmp(commands[i].words, first, len) &&
		    commands[i].words[len] == ' ')
			fprintf(stderr, "  tacit %s %s\n", commands[i].words,
				commands[i].arguments);
	}
	return EXIT_USAGE;
}

/* Does the command take all options that have been given? */
static bool takes_options(const struct tacit *t, const struct command *c)
{
	unsigned own = options_of(c);

	for (unsigned i = 0; i < TACIT_OPTIONS; i++)
		if (t->options[i] && !(own & 1u << i))
			return false;
	return true;
}

/* Commands that say much go through a pager, on a terminal. */
static bool is_long(const struct command *c)
{
	static const char *const words[] = { "peers", "policy list",
					     "explain" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!strcmp(words[i], c->words))
			return true;
	}
	return false;
}

/* Its socket and its configuration are where --instance of tacitd has them. */
static void find_instance(struct tacit *t)
{
	char dir[INSTANCE_DIR_SIZE];

	if (!t->instance)
		return;
	snprintf(t->instance_socket, sizeof(t->instance_socket),
		 "%s/agent.sock",
		 instance_dir(RUNSTATEDIR "/tacit", t->instance, dir));
	t->socket = t->instance_socket;
	t->config_dir = instance_dir(SYSCONFDIR "/tacit", t->instance,
				     t->instance_config);
}

static int run_command(struct tacit *t, const struct command *c,
		       char **arguments)
{
	pid_t pager = t->out.terminal && !t->no_pager && is_long(c)
			      ? tacit_pager_begin()
			      : 0;
	int code = c->run(t, arguments);

	t->paged = pager != 0;
	if (pager)
		tacit_pager_end(pager);
	return code;
}

/* The words after the options. */
static int run(struct tacit *t, int n, char **words)
{
	bool begun = false;

	if (n == 0) {
		usage(stderr);
		return EXIT_USAGE;
	}
	for (size_t i = 0; i < N_COMMANDS; i++) {
		const struct command *c = &commands[i];
		int own = match(c, n, words, &begun);

		if (!own)
			continue;
		if (n - own < (int)c->min || n - own > (int)c->max)
			return bad_arguments(c);
		if (!takes_options(t, c))
			return bad_usage("an option does not belong to",
					 c->words);
		return run_command(t, c, words + own);
	}
	return begun ? bad_words(words[0])
		     : bad_usage("there is no command", words[0]);
}

int main(int argc, char **argv)
{
	const char *socket = getenv("TACIT_SOCKET");
	struct tacit t = { .socket = socket && *socket ? socket : NULL };
	bool want_colour = true, json = false;
	int code = parse_options(argc, argv, &t, &want_colour, &json);

	if (code < 0) {
		tacit_output_init(&t.out, stdout, want_colour);
		t.out.json = json;
		find_instance(&t);
		code = run(&t, argc - optind, argv + optind);
	}
	/* A full disk, or a reader that is gone. */
	if (!t.paged && fflush(stdout) != 0 && code == EXIT_OK) {
		perror("tacit: standard output");
		code = EXIT_FAILED;
	}
	return code;
}
