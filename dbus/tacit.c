/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command line: options, and which command it is.
 */
#include "config.h"

#include "dbus/tacit.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "util/exitcode.h"

static void usage(FILE *f)
{
	fputs("Usage: tacit [OPTION]... COMMAND\n"
	      "Ask the opportunistic-encryption agent of this host.\n\n"
	      "Commands:\n"
	      "  status               is this host protected, and what needs "
	      "attention\n"
	      "  peers [ADDRESS]      who is encrypted, or all about one peer\n"
	      "  policy list          the policies in force\n"
	      "  key show             the keys of this host\n"
	      "  check-config [DIR]   every error in " SYSCONFDIR "/tacit, "
	      "or in DIR\n\n"
	      "Options:\n"
	      "  --json               for programs\n"
	      "  --no-color           no colour on a terminal\n"
	      "  --socket PATH        the agent's socket (" RUNSTATEDIR
	      "/tacit/agent.sock);\n"
	      "                       also by TACIT_SOCKET\n"
	      "  --version, --help\n\n"
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
	static const struct option longs[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "no-color", no_argument, NULL, 'n' },
		{ "no-colour", no_argument, NULL, 'n' },
		{ "socket", required_argument, NULL, 's' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case 'j':
			*json = true;
			break;
		case 'n':
			*want_colour = false;
			break;
		case 's':
			t->socket = optarg;
			break;
		case 'V':
			puts("tacit " PACKAGE_VERSION);
			return EXIT_OK;
		case 'h':
			usage(stdout);
			return EXIT_OK;
		default: /* getopt has said what is wrong */
			fputs("Try: tacit --help\n", stderr);
			return EXIT_USAGE;
		}
	}
	return -1;
}

/* The words after the options. */
static int run(struct tacit *t, int n, char **words)
{
	if (n == 0) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(words[0], "status"))
		return n == 1 ? tacit_status(t)
			      : bad_usage("status takes no argument, but got",
					  words[1]);
	if (!strcmp(words[0], "peers"))
		return n <= 2 ? tacit_peers(t, n == 2 ? words[1] : NULL)
			      : bad_usage("peers takes one address; what is",
					  words[2]);
	if (!strcmp(words[0], "policy")) {
		if (n == 2 && !strcmp(words[1], "list"))
			return tacit_policy_list(t);
		return bad_usage("the command is: tacit policy list", NULL);
	}
	if (!strcmp(words[0], "key")) {
		if (n == 2 && !strcmp(words[1], "show"))
			return tacit_key_show(t);
		return bad_usage("the command is: tacit key show", NULL);
	}
	if (!strcmp(words[0], "check-config"))
		return n <= 2 ? tacit_check_config(t, n == 2 ? words[1] : NULL)
			      : bad_usage("check-config takes one directory; "
					  "what is",
					  words[2]);
	return bad_usage("there is no command", words[0]);
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
		code = run(&t, argc - optind, argv + optind);
	}
	/* A full disk, or a reader that is gone. */
	if (fflush(stdout) != 0 && code == EXIT_OK) {
		perror("tacit: standard output");
		code = EXIT_FAILED;
	}
	return code;
}
