/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The commands of `tacit` that change something, look closer, or go on; and the
 * examples of its manual.
 */
#define _GNU_SOURCE /* posix_openpt() and the like */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli-world.h"
#include "util/exitcode.h"

static void test_explain(void **state)
{
	struct cli_world *w = *state;

	cli_start_agent(w);
	setenv("COLUMNS", "60", 1);
	assert_int_equal(cli_run_terminal(w, "explain 10.0.0.0 --no-color"),
			 EXIT_OK);
	unsetenv("COLUMNS");
	assert_string_equal(
		w->out,
		"10.0.0.0: encrypted, for 1s\n"
		"  Policy     private, which says offer: 10.0.0.0/8 is the\n"
		"             most specific network that has this address\n"
		"             in /etc/tacit/policy.d/x.conf, line 3\n"
		"             proof: allow; IKE is tried: with everybody;\n"
		"             first packets: go out in the clear\n"
		"             but always in the clear: 9100/tcp 161/udp\n"
		"  Its key    DNS: secure, 1 usable\n"
		"             asked: reverse, 1.0.0.10.in-addr.arpa.\n"
		"  DNS now    not asked (no file of TrustAnchors= can be read\n"
		"             by you: without a trust anchor nothing can be\n"
		"             judged)\n"
		"  IKE        established, we are the initiator; X25519,\n"
		"             AES-GCM-16-256, SHA2-256\n"
		"             the peer is anonymous\n"
		"  Kernel     SAs in 0x10000000 and out 0xf0000000,\n"
		"             AES-GCM-16-256\n"
		"             sending with them; clear packets from it are\n"
		"             refused\n"
		"             behind a NAT: our address 10.255.0.1 is\n"
		"             100.64.0.5 in them, which the peer has leased\n"
		"             us\n"
		"             connections that began in the clear, before\n"
		"             that, and stay so until they end: 3\n"
		"             1.2 MB in (12 packets), 999 B out (9)\n"
		"What would change it\n"
		"  - Do this, which is a long sentence that has to be "
		"wrapped\n    where the terminal ends.\n"
		"  - Or that.\n");
	assert_int_equal(cli_run(w, "explain 192.0.2.1"), EXIT_OK);
	assert_memory_equal(w->out,
			    "Address\t192.0.2.1\nState\tunknown\n"
			    "Policy\tprivate\n",
			    47);
	assert_non_null(strstr(w->out, "\nBytesIn\t1234567\n"));
	assert_int_equal(cli_run(w, "explain 192.0.2.1 --json"), EXIT_OK);
	assert_non_null(strstr(w->out, "\"key_verdict\": \"secure\", "));
	assert_non_null(strstr(w->out, "wrapped where the terminal ends.\", "
				       "\"Or that.\"], \"dns\": {"
				       "\"unasked\": \"no file of"));
	assert_int_equal(cli_run(w, "explain 172.16.0.1"), EXIT_OK);
	assert_non_null(
		strstr(w->out, "\nunasked\tits policy has Lookup=no\n"));
}

static void test_monitor(void **state)
{
	struct cli_world *w = *state;

	cli_start_agent(w);
	assert_int_equal(cli_run(w, "monitor 1"), EXIT_OK);
	assert_memory_equal(w->out,
			    "10.0.0.1\tclear\tprivate\tthe peer does not "
			    "answer\n10.0.0.1\t",
			    57);
	assert_int_equal(cli_run(w, "monitor 1 --json"), EXIT_OK);
	assert_memory_equal(w->out, "{\"address\": \"10.0.0.1\", ", 24);
	assert_int_equal(cli_run_terminal(w, "monitor 1 --no-color"), EXIT_OK);
	assert_memory_equal(w->out + 8,
			    "  10.0.0.1  clear  private  the peer does not "
			    "answer\n",
			    53);
	assert_int_equal(cli_run(w, "monitor 0"), EXIT_USAGE);
}

static void test_metrics(void **state)
{
	struct cli_world *w = *state;

	cli_start_agent(w);
	assert_int_equal(cli_run(w, "metrics"), EXIT_OK);
	assert_non_null(strstr(
		w->out, "# TYPE tacit info\n# HELP tacit The agent.\n"
			"tacit_info{version=\"1.2.3\",instance=\"\"} 1\n"));
	assert_non_null(strstr(w->out, "\ntacit_uptime_seconds 93784.000\n"));
	assert_non_null(strstr(w->out, "\ntacit_peers{state=\"clear\"} 755\n"));
	assert_non_null(strstr(w->out, "\ntacit_acquires_total 5000000000\n"));
	assert_non_null(strstr(w->out, "\ntacit_policy_peers{policy=\"vault\","
				       "state=\"secured\"} 7\n"));
	assert_non_null(strstr(w->out,
			       "\ntacit_policy_negotiations_total{policy="
			       "\"private\",result=\"failed\"} 5000000000\n"
			       "tacit_policy_negotiations_total{policy="
			       "\"vault\",result=\"failed\"} 5000000000\n"
			       "# EOF\n"));
}

static void test_top(void **state)
{
	struct cli_world *w = *state;

	cli_start_agent(w);
	assert_int_equal(cli_run(w, "top"), EXIT_OK);
	assert_string_equal(w->out, "10.0.0.0\t1234567\t9\t5000000000\t0\n"
				    "10.0.0.1\t617283\t9\t2500000000\t0\n"
				    "10.0.0.2\t411522\t9\t1666666666\t0\n");
	assert_int_equal(cli_run(w, "top --json"), EXIT_OK);
	assert_non_null(strstr(w->out, "\"rate_in\": 1234567, "));
}

static void test_pager(void **state)
{
	struct cli_world *w = *state;

	cli_start_agent(w);
	setenv("TACIT_PAGER", "sed s/^/:/", 1);
	assert_int_equal(cli_run_terminal(w, "peers --no-color"), EXIT_OK);
	assert_memory_equal(w->out, ":PEER", 5);
	assert_int_equal(cli_run_terminal(w, "peers --no-pager"), EXIT_OK);
	assert_true(w->out[0] != ':');
	/* In a pipe there is none; and one that is not there does no harm. */
	assert_int_equal(cli_run(w, "peers"), EXIT_OK);
	assert_memory_equal(w->out, "10.0.0.0", 8);
	setenv("TACIT_PAGER", "true", 1);
	assert_int_equal(cli_run_terminal(w, "peers"), EXIT_OK);
	setenv("TACIT_PAGER", "", 1);
}

static void test_up_down(void **state)
{
	struct cli_world *w = *state;

	cli_start_agent(w);
	assert_int_equal(cli_run(w, "up 10.0.0.0"), EXIT_OK);
	assert_memory_equal(w->out, "10.0.0.0\tsecured\t", 17);
	assert_int_equal(cli_run(w, "up 10.0.0.0 3 --json"), EXIT_OK);
	assert_memory_equal(w->out, "{\"address\": \"10.0.0.0\", ", 24);
	assert_int_equal(cli_run(w, "up 10.0.0.1"), EXIT_NOT_ENCRYPTED);
	assert_string_equal(w->err, "tacit: the peer does not answer\n");
	assert_int_equal(cli_run(w, "up 10.0.0.2 1"), EXIT_TIMED_OUT);
	assert_int_equal(cli_run(w, "up 192.0.2.1"), EXIT_NOT_ENCRYPTED);
	assert_int_equal(cli_run(w, "up 10.0.0.2 0"), EXIT_USAGE);
	assert_int_equal(cli_run(w, "up 10.0.0.2 121"), EXIT_USAGE);
	assert_int_equal(cli_run(w, "up 10.0.0.2 -1s"), EXIT_USAGE);
	assert_int_equal(cli_run(w, "up nothing.invalid"), EXIT_USAGE);
	assert_int_equal(cli_run(w, "down 10.0.0.1"), EXIT_OK);
	assert_string_equal(w->out, "");
	assert_int_equal(cli_run(w, "down 10.0.0.1 --json"), EXIT_OK);
	assert_string_equal(w->out, "{\"ok\": true}\n");
	assert_int_equal(cli_run(w, "down 192.0.2.1"), EXIT_NO_PEER);
	assert_int_equal(cli_run(w, "debug debug 10.0.0.1"), EXIT_OK);
	assert_int_equal(cli_run(w, "debug loud"), EXIT_USAGE);
	assert_non_null(strstr(w->err, "error, warning, notice, info"));
}

static void test_capture(void **state)
{
	struct cli_world *w = *state;
	char path[128], words[256], text[16] = "";
	int fd;

	cli_start_agent(w);
	assert_int_equal(cli_run(w, "capture"), EXIT_OK);
	assert_string_equal(w->out, "one,two");
	assert_int_equal(cli_run(w, "capture 10.0.0.1 5"), EXIT_OK);
	assert_int_equal(cli_run(w, "capture ::1 5"), EXIT_FAILED);
	assert_int_equal(cli_run_terminal(w, "capture"), EXIT_USAGE);
	snprintf(path, sizeof(path), "%s/file", w->dir);
	snprintf(words, sizeof(words), "capture all 5 --output %s", path);
	assert_int_equal(cli_run_terminal(w, words), EXIT_OK);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, text, sizeof(text)), 7);
	assert_string_equal(text, "one,two");
	close(fd);
	assert_int_equal(unlink(path), 0);
	/* Never through a link. */
	assert_int_equal(symlink("/nonexistent/file", path), 0);
	assert_int_equal(cli_run(w, words), EXIT_USAGE);
	assert_int_equal(unlink(path), 0);
}

/* The next example of the manual behind *at, as a script; false: there is no
 * more. */
static bool next_example(char **at, char *script, size_t size)
{
	char *end;
	size_t n = 0;

	*at = strstr(*at, "\n.nf\n");
	if (!*at)
		return false;
	*at += 5;
	end = strstr(*at, "\n.fi\n");
	assert_non_null(end);
	for (; *at < end && n + 2 < size; ++*at) {
		if (**at == '\\')
			++*at;
		script[n++] = **at == 'e' && (*at)[-1] == '\\' ? '\\' : **at;
	}
	script[n++] = '\n';
	script[n] = '\0';
	return true;
}

/* Those that need no more than an agent do what they say. */
static void test_examples(void **state)
{
	static const char *const elsewhere[] = { "/etc/tacit", "/run/", "key ",
						 "lookup", "--instance" };
	const char *top = getenv("srcdir");
	struct cli_world *w = *state;
	char path[512], script[1024], command[2048], *page, *at;
	unsigned ran = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/man/tacit.1", top ? top : ".");
	f = fopen(path, "re");
	assert_non_null(f);
	page = w->err;
	page[fread(page, 1, OUTPUT_MAX - 1, f)] = '\0';
	assert_int_equal(fclose(f), 0);
	at = strstr(page, ".SH EXAMPLES");
	assert_non_null(at);
	cli_start_agent(w);
	while (next_example(&at, script, sizeof(script))) {
		bool skipped = false;

		for (size_t i = 0; i < sizeof(elsewhere) / sizeof(*elsewhere);
		     i++)
			skipped |= strstr(script, elsewhere[i]) != NULL;
		if (skipped)
			continue;
		snprintf(command, sizeof(command),
			 "d=$PWD; tacit() { \"$d/tacit\" \"$@\"; }; cd %s "
			 "&& { %s}; r=$?; rm -f ike.pcapng tacit.prom; exit $r",
			 w->dir, script);
		if (system(command) != 0)
			fail_msg("%s", script);
		ran++;
	}
	assert_true(ran >= 6);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, cli_begin, cli_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_up_down), TEST(test_capture), TEST(test_pager),
		TEST(test_explain), TEST(test_top),	TEST(test_examples),
		TEST(test_monitor), TEST(test_metrics),
	};

	setenv("TERM", "xterm", 1);
	setenv("TACIT_PAGER", "", 1);
	unsetenv("NO_COLOR");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
