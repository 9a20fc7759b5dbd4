/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The program `tacit` itself, run against an agent made up in another process:
 * what each command prints in a pipe, as JSON and on a terminal, and every exit
 * code.
 */
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

#include "dbus-fake.h"
#include "dbus/server.h"
#include "util/exitcode.h"
#include "util/log.h"

#define OUTPUT_MAX (1u << 21)

struct world {
	char dir[64], path[96];
	pid_t agent;
	struct fake fake;
	char *out; /* of the last run; standard error follows */
	char *err;
};

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

static void serve(const struct world *w)
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
static void start_agent(struct world *w)
{
	w->agent = fork();
	assert_true(w->agent >= 0);
	if (w->agent == 0)
		serve(w);
	for (int i = 0; i < 500 && access(w->path, F_OK) < 0; i++)
		usleep(10000);
	assert_int_equal(access(w->path, F_OK), 0);
}

static void stop_agent(struct world *w)
{
	if (!w->agent)
		return;
	kill(w->agent, SIGKILL);
	waitpid(w->agent, NULL, 0);
	w->agent = 0;
	(void)unlink(w->path);
}

static int begin(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

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

static int end(void **state)
{
	struct world *w = *state;

	stop_agent(w);
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
static int run_with(struct world *w, const char *words, int out_read,
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

static int run(struct world *w, const char *words)
{
	int out[2];

	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	return run_with(w, words, out[0], out[1]);
}

static int run_terminal(struct world *w, const char *words)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave;
	char *at;
	int code;

	assert_true(master >= 0);
	assert_int_equal(grantpt(master), 0);
	assert_int_equal(unlockpt(master), 0);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(slave >= 0);
	code = run_with(w, words, master, slave);
	/* The line discipline adds them. */
	while ((at = strchr(w->out, '\r')))
		memmove(at, at + 1, strlen(at));
	return code;
}

static void test_usage(void **state)
{
	static const char *const bad[] = { "",
					   "stat",
					   "status now",
					   "peers 10.0.0.1 10.0.0.2",
					   "policy",
					   "policy show",
					   "policy list all",
					   "key",
					   "key show all",
					   "key show --finish",
					   "key rotate a b",
					   "key rotate --finish --cancel",
					   "status --cancel",
					   "check-config a b",
					   "--frobnicate status",
					   "--socket" };
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(run(w, bad[i]), EXIT_USAGE);
		assert_string_equal(w->out, "");
		assert_non_null(strstr(w->err, "tacit"));
	}
	assert_int_equal(run(w, "--help"), EXIT_OK);
	assert_memory_equal(w->out, "Usage: tacit", 12);
	assert_int_equal(run(w, "status --version"), EXIT_OK);
	assert_memory_equal(w->out, "tacit ", 6);
}

static void test_status(void **state)
{
	struct world *w = *state;

	w->fake.host.clear = 750;
	w->fake.host.held_down = 5;
	start_agent(w);
	assert_int_equal(run(w, "status"), EXIT_OK);
	assert_string_equal(w->out, "Version\t1.2.3\nInstance\t\nWarning\t\n"
				    "Protecting\tyes\nPrivilegesSeparate\tyes\n"
				    "Secured\t755\nClear\t750\nBlocked\t755\n"
				    "Negotiating\t755\nHeldDown\t5\n"
				    "Acquires\t5000000000\nEstablished\t4000\n"
				    "Failed\t12\nRefusedRecords\t0\n"
				    "UptimeMs\t93784000\n");
	assert_int_equal(run(w, "--json status"), EXIT_OK);
	assert_string_equal(
		w->out,
		"{\"version\": \"1.2.3\", \"instance\": \"\", "
		"\"warning\": \"\", \"protecting\": true, "
		"\"privileges_separate\": true, \"secured\": 755, "
		"\"clear\": 750, \"blocked\": 755, \"negotiating\": 755, "
		"\"held_down\": 5, \"acquires\": 5000000000, "
		"\"established\": 4000, \"failed\": 12, "
		"\"refused_records\": 0, \"uptime_ms\": 93784000}\n");
	assert_string_equal(w->err, "");
	assert_int_equal(run_terminal(w, "status --no-color"), EXIT_OK);
	assert_string_equal(
		w->out,
		"Tacit 1.2.3, protecting, up 1d 2h\n\n"
		"  Encrypted   755\n  Clear       755\n  Blocked     755\n"
		"  Negotiating 755\n"
		"  Since start 4000 established, 12 failed, of 5000000000 "
		"acquires\n"
		"  Privileges  separate\n");
	assert_int_equal(run_terminal(w, "status"), EXIT_OK);
	assert_non_null(strstr(w->out, "\x1b[32mprotecting\x1b[0m"));
}

static void test_attention(void **state)
{
	struct world *w = *state;

	w->fake.host.protecting = false;
	w->fake.host.privileges_separate = false;
	w->fake.host.refused_records = 3;
	start_agent(w);
	assert_int_equal(run_terminal(w, "status --no-color"), EXIT_OK);
	assert_non_null(strstr(w->out, "not protecting, up"));
	assert_non_null(strstr(w->out, "\nAttention: no traps are armed"));
	assert_non_null(strstr(w->out, "\nAttention: tacit-netd has refused"));
	assert_non_null(strstr(w->out, "all programs run under one user"));
	stop_agent(w);
	w->fake.host.warning = "this kernel has no ESP: modprobe esp4";
	start_agent(w);
	assert_int_equal(run_terminal(w, "status --no-color"), EXIT_OK);
	assert_non_null(strstr(w->out,
			       "\nAttention: this kernel has no ESP: modprobe "
			       "esp4\n"));
	assert_null(strstr(w->out, "no traps"));
}

static void test_peers(void **state)
{
	struct world *w = *state;

	start_agent(w);
	assert_int_equal(run(w, "peers"), EXIT_OK);
	assert_string_equal(
		w->out,
		"10.0.0.0\tsecured\tprivate\tnull\tAES-GCM-16-256\t1\t\n"
		"10.0.0.1\tclear\tprivate\tnone\t\t2\tthe peer does not "
		"answer\n"
		"10.0.0.2\tnegotiate\tprivate\tnone\t\t3\t\n"
		"10.0.0.3\tblocked\tprivate\tnone\t\t4\trefused: "
		"NO_PROPOSAL_CHOSEN\n"
		"2001:db8::\tsecured\tprivate\tnull\tAES-GCM-16-256\t5\t\n"
		"2001:db8::1\tclear\tprivate\tnone\t\t6\tthe peer does not "
		"answer\n");
	assert_int_equal(run_terminal(w, "peers --no-color"), EXIT_OK);
	assert_memory_equal(
		w->out,
		"PEER         STATE      POLICY   AUTH  CIPHER          SINCE  "
		"REASON\n"
		"10.0.0.0     secured    private  null  AES-GCM-16-256  1s     "
		"-\n"
		"10.0.0.1     clear      private  none  -               2s     "
		"the peer does not answer\n",
		200);
	assert_int_equal(run(w, "peers 10.0.0.1"), EXIT_OK);
	assert_string_equal(w->out, "10.0.0.1\tclear\tprivate\tnone\t\t2\tthe "
				    "peer does not answer\n");
	assert_int_equal(run_terminal(w, "peers --no-color 2001:db8::0"),
			 EXIT_OK);
	assert_string_equal(
		w->out, "2001:db8::: secured for 5s\n"
			"  Policy         private (offer)\n"
			"  Own address    2001:db8:ffff::1\n"
			"  Identity       a\"b\\c?[31m\xc3\xa9?.example\n"
			"  Authentication null\n"
			"  IKE            X25519, AES-GCM-16-256, SHA2-256\n"
			"  ESP            AES-GCM-16-256\n"
			"  SPI            in 0x10000004, out 0xf0000004\n"
			"  Set up in      4.3ms\n");
}

static void test_peers_json(void **state)
{
	static const char want[] =
		"{\"address\": \"2001:db8::\", "
		"\"local_address\": \"2001:db8:ffff::1\", "
		"\"state\": \"secured\", \"policy\": \"private\", "
		"\"level\": \"offer\", "
		"\"identity\": \"a\\\"b\\\\c\\u001b[31m\xc3\xa9?.example\", "
		"\"authentication\": \"null\", \"proof\": \"\", "
		"\"fingerprint\": \"\", "
		"\"algorithms\": \"X25519, AES-GCM-16-256, SHA2-256\", "
		"\"cipher\": \"AES-GCM-16-256\", \"reason\": \"\", "
		"\"spi_in\": 268435460, \"spi_out\": 4026531844, "
		"\"since_ms\": 5500, \"setup_us\": 4321}";
	struct world *w = *state;
	char line[1024];

	start_agent(w);
	assert_int_equal(run(w, "peers 2001:db8:: --json"), EXIT_OK);
	snprintf(line, sizeof(line), "%s\n", want);
	assert_string_equal(w->out, line);
	assert_int_equal(run(w, "peers --json"), EXIT_OK);
	assert_memory_equal(w->out, "[\n  {\"address\": \"10.0.0.0\", ", 28);
	snprintf(line, sizeof(line), ",\n  %s,\n  {", want);
	assert_non_null(strstr(w->out, line));
	assert_string_equal(w->out + strlen(w->out) - 4, "}\n]\n");
}

/* More than one page, and none. */
static void test_many_peers(void **state)
{
	struct world *w = *state;
	size_t lines = 0;

	w->fake.n_ipv4 = 3000;
	start_agent(w);
	assert_int_equal(run(w, "peers"), EXIT_OK);
	for (const char *p = w->out; *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, 3002);
	assert_int_equal(run(w, "peers --json"), EXIT_OK);
	assert_non_null(strstr(w->out, "\"2001:db8::1\""));
	stop_agent(w);
	w->fake.n_ipv4 = w->fake.n_ipv6 = 0;
	start_agent(w);
	assert_int_equal(run(w, "peers"), EXIT_OK);
	assert_string_equal(w->out, "");
	assert_int_equal(run(w, "peers --json"), EXIT_OK);
	assert_string_equal(w->out, "[\n]\n");
	assert_int_equal(run_terminal(w, "peers"), EXIT_OK);
	assert_memory_equal(w->out, "No peers yet", 12);
}

static void test_policies(void **state)
{
	struct world *w = *state;

	start_agent(w);
	assert_int_equal(run(w, "key show"), EXIT_OK);
	assert_string_equal(
		w->out,
		"ed25519\tEd25519\tSHA256:print\t"
		"MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\tactive\t\n");
	assert_int_equal(run(w, "key show --json"), EXIT_OK);
	assert_string_equal(
		w->out,
		"[\n  {\"name\": \"ed25519\", "
		"\"type\": \"Ed25519\", "
		"\"fingerprint\": \"SHA256:print\", "
		"\"public_key\": \"MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\", "
		"\"stage\": \"active\", "
		"\"until\": 0}\n]\n");
	assert_int_equal(run_terminal(w, "key show --no-color"), EXIT_OK);
	assert_string_equal(
		w->out,
		"ed25519: Ed25519\n"
		"  Fingerprint    SHA256:print\n"
		"  PublicKey=MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n");
	assert_int_equal(run(w, "policy list"), EXIT_OK);
	assert_string_equal(
		w->out, "private\toffer\tallow\tno\t10.0.0.0/8 fe80::/10\t\n"
			"vault\trequire\tallow\tyes\t10.1.2.0/24\t"
			"/etc/tacit/policy.d/vault.conf\n");
	assert_int_equal(run(w, "policy list --json"), EXIT_OK);
	assert_string_equal(
		w->out, "[\n  {\"name\": \"private\", \"level\": \"offer\", "
			"\"authentication\": \"allow\", \"wait\": false, "
			"\"networks\": [\"10.0.0.0/8\", \"fe80::/10\"], "
			"\"file\": \"\"},\n"
			"  {\"name\": \"vault\", \"level\": \"require\", "
			"\"authentication\": \"allow\", \"wait\": true, "
			"\"networks\": [\"10.1.2.0/24\"], "
			"\"file\": \"/etc/tacit/policy.d/vault.conf\"}\n]\n");
	assert_int_equal(run_terminal(w, "policy list --no-color"), EXIT_OK);
	assert_non_null(strstr(w->out, "(built in)"));
}

static void test_explain(void **state)
{
	struct world *w = *state;

	start_agent(w);
	setenv("COLUMNS", "60", 1);
	assert_int_equal(run_terminal(w, "explain 10.0.0.0 --no-color"),
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
		"  Its key    DNS: secure, 1 usable\n"
		"             asked: reverse, 1.0.0.10.in-addr.arpa.\n"
		"  IKE        established, we are the initiator; X25519,\n"
		"             AES-GCM-16-256, SHA2-256\n"
		"             the peer is anonymous\n"
		"  Kernel     SAs in 0x10000000 and out 0xf0000000,\n"
		"             AES-GCM-16-256\n"
		"             sending with them; clear packets from it are\n"
		"             refused\n"
		"             1.2 MB in (12 packets), 999 B out (9)\n"
		"What would change it\n"
		"  - Do this, which is a long sentence that has to be "
		"wrapped\n    where the terminal ends.\n"
		"  - Or that.\n");
	assert_int_equal(run(w, "explain 192.0.2.1"), EXIT_OK);
	assert_memory_equal(w->out,
			    "Address\t192.0.2.1\nState\tunknown\n"
			    "Policy\tprivate\n",
			    47);
	assert_non_null(strstr(w->out, "\nBytesIn\t1234567\n"));
	assert_int_equal(run(w, "explain 192.0.2.1 --json"), EXIT_OK);
	assert_non_null(strstr(w->out, "\"key_verdict\": \"secure\", "));
	assert_non_null(strstr(w->out, "wrapped where the terminal ends.\", "
				       "\"Or that.\"]}\n"));
}

static void test_monitor(void **state)
{
	struct world *w = *state;

	start_agent(w);
	assert_int_equal(run(w, "monitor 1"), EXIT_OK);
	assert_memory_equal(w->out,
			    "10.0.0.1\tclear\tprivate\tthe peer does not "
			    "answer\n10.0.0.1\t",
			    57);
	assert_int_equal(run(w, "monitor 1 --json"), EXIT_OK);
	assert_memory_equal(w->out, "{\"address\": \"10.0.0.1\", ", 24);
	assert_int_equal(run_terminal(w, "monitor 1 --no-color"), EXIT_OK);
	assert_memory_equal(w->out + 8,
			    "  10.0.0.1  clear  private  the peer does not "
			    "answer\n",
			    53);
	assert_int_equal(run(w, "monitor 0"), EXIT_USAGE);
}

static void test_metrics(void **state)
{
	struct world *w = *state;

	start_agent(w);
	assert_int_equal(run(w, "metrics"), EXIT_OK);
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
	struct world *w = *state;

	start_agent(w);
	assert_int_equal(run(w, "top"), EXIT_OK);
	assert_string_equal(w->out, "10.0.0.0\t1234567\t9\t5000000000\t0\n"
				    "10.0.0.1\t617283\t9\t2500000000\t0\n"
				    "10.0.0.2\t411522\t9\t1666666666\t0\n");
	assert_int_equal(run(w, "top --json"), EXIT_OK);
	assert_non_null(strstr(w->out, "\"rate_in\": 1234567, "));
}

static void test_pager(void **state)
{
	struct world *w = *state;

	start_agent(w);
	setenv("TACIT_PAGER", "sed s/^/:/", 1);
	assert_int_equal(run_terminal(w, "peers --no-color"), EXIT_OK);
	assert_memory_equal(w->out, ":PEER", 5);
	assert_int_equal(run_terminal(w, "peers --no-pager"), EXIT_OK);
	assert_true(w->out[0] != ':');
	/* In a pipe there is none; and one that is not there does no harm. */
	assert_int_equal(run(w, "peers"), EXIT_OK);
	assert_memory_equal(w->out, "10.0.0.0", 8);
	setenv("TACIT_PAGER", "true", 1);
	assert_int_equal(run_terminal(w, "peers"), EXIT_OK);
	setenv("TACIT_PAGER", "", 1);
}

static void test_up_down(void **state)
{
	struct world *w = *state;

	start_agent(w);
	assert_int_equal(run(w, "up 10.0.0.0"), EXIT_OK);
	assert_memory_equal(w->out, "10.0.0.0\tsecured\t", 17);
	assert_int_equal(run(w, "up 10.0.0.0 3 --json"), EXIT_OK);
	assert_memory_equal(w->out, "{\"address\": \"10.0.0.0\", ", 24);
	assert_int_equal(run(w, "up 10.0.0.1"), EXIT_NOT_ENCRYPTED);
	assert_string_equal(w->err, "tacit: the peer does not answer\n");
	assert_int_equal(run(w, "up 10.0.0.2 1"), EXIT_TIMED_OUT);
	assert_int_equal(run(w, "up 192.0.2.1"), EXIT_NOT_ENCRYPTED);
	assert_int_equal(run(w, "up 10.0.0.2 0"), EXIT_USAGE);
	assert_int_equal(run(w, "up 10.0.0.2 121"), EXIT_USAGE);
	assert_int_equal(run(w, "up 10.0.0.2 -1s"), EXIT_USAGE);
	assert_int_equal(run(w, "up nothing.invalid"), EXIT_USAGE);
	assert_int_equal(run(w, "down 10.0.0.1"), EXIT_OK);
	assert_string_equal(w->out, "");
	assert_int_equal(run(w, "down 10.0.0.1 --json"), EXIT_OK);
	assert_string_equal(w->out, "{\"ok\": true}\n");
	assert_int_equal(run(w, "down 192.0.2.1"), EXIT_NO_PEER);
	assert_int_equal(run(w, "debug debug 10.0.0.1"), EXIT_OK);
	assert_int_equal(run(w, "debug loud"), EXIT_USAGE);
	assert_non_null(strstr(w->err, "error, warning, notice, info"));
}

static void test_capture(void **state)
{
	struct world *w = *state;
	char path[128], words[256], text[16] = "";
	int fd;

	start_agent(w);
	assert_int_equal(run(w, "capture"), EXIT_OK);
	assert_string_equal(w->out, "one,two");
	assert_int_equal(run(w, "capture 10.0.0.1 5"), EXIT_OK);
	assert_int_equal(run(w, "capture ::1 5"), EXIT_FAILED);
	assert_int_equal(run_terminal(w, "capture"), EXIT_USAGE);
	snprintf(path, sizeof(path), "%s/file", w->dir);
	snprintf(words, sizeof(words), "capture all 5 --output %s", path);
	assert_int_equal(run_terminal(w, words), EXIT_OK);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, text, sizeof(text)), 7);
	assert_string_equal(text, "one,two");
	close(fd);
	assert_int_equal(unlink(path), 0);
	/* Never through a link. */
	assert_int_equal(symlink("/nonexistent/file", path), 0);
	assert_int_equal(run(w, words), EXIT_USAGE);
	assert_int_equal(unlink(path), 0);
}

#define RDATA	 "10 0 4 . Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="
#define REVERSE4 "7.2.0.192.in-addr.arpa."
#define REVERSE6                                           \
	"7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0." \
	"8.b.d.0.1.0.0.2.ip6.arpa."

/* The records to publish, by name and by address. */
static void test_key_dns(void **state)
{
	struct world *w = *state;

	w->fake.identity = "@h.example.org";
	w->fake.n_own = 2;
	assert_int_equal(addr_parse("192.0.2.7", &w->fake.own[0]), 0);
	assert_int_equal(addr_parse("2001:db8::7", &w->fake.own[1]), 0);
	start_agent(w);
	assert_int_equal(run(w, "key dns"), EXIT_OK);
	assert_string_equal(w->out,
			    "h.example.org. 3600 IN IPSECKEY " RDATA
			    "\n" REVERSE4 " 3600 IN IPSECKEY " RDATA
			    "\n" REVERSE6 " 3600 IN IPSECKEY " RDATA "\n");
	assert_string_equal(w->err, "");
	assert_int_equal(run(w, "key dns --reverse --ttl 60"), EXIT_OK);
	assert_string_equal(w->out,
			    REVERSE4 " 60 IN IPSECKEY " RDATA "\n" REVERSE6
				     " 60 IN IPSECKEY " RDATA "\n");
	assert_int_equal(run(w, "key dns --forward --name a.b --zone-file"),
			 EXIT_OK);
	assert_string_equal(w->out, "; forward: key ed25519, Ed25519, active, "
				    "SHA256:print\n"
				    "a.b. 3600 IN IPSECKEY " RDATA "\n");
	assert_int_equal(run(w, "key dns --forward --json"), EXIT_OK);
	assert_string_equal(
		w->out, "[\n  {\"name\": \"h.example.org.\", \"ttl\": 3600, "
			"\"type\": \"IPSECKEY\", \"rdata\": \"" RDATA
			"\", \"reverse\": false, \"key\": \"ed25519\", "
			"\"stage\": \"active\"}\n]\n");
	assert_int_equal(run(w, "key dns --name host"), EXIT_USAGE);
	assert_int_equal(run(w, "key dns --name a..b"), EXIT_USAGE);
	assert_int_equal(run(w, "key dns --name a.b/c"), EXIT_USAGE);
	assert_int_equal(run(w, "key dns --ttl 1h"), EXIT_USAGE);
	assert_int_equal(run(w, "key dns --ttl 2147483648"), EXIT_USAGE);
	assert_int_equal(run(w, "key dns --ttl -1"), EXIT_USAGE);
	stop_agent(w);
	w->fake.n_own = 0;
	start_agent(w);
	assert_int_equal(run(w, "key dns --reverse"), EXIT_FAILED);
	assert_non_null(strstr(w->err, "no address"));
}

static void test_failures(void **state)
{
	struct world *w = *state;
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	char words[256];
	int fd;

	assert_int_equal(run(w, "status"), EXIT_NOT_RUNNING);
	assert_string_equal(w->out, "");
	assert_non_null(strstr(w->err, "is not running"));
	assert_non_null(strstr(w->err, "systemctl start tacit"));
	assert_int_equal(run(w, "peers"), EXIT_NOT_RUNNING);
	assert_int_equal(run(w, "policy list"), EXIT_NOT_RUNNING);
	start_agent(w);
	assert_int_equal(run(w, "peers 192.0.2.1"), EXIT_NO_PEER);
	assert_non_null(strstr(w->err, "192.0.2.1"));
	assert_string_equal(w->out, "");
	assert_int_equal(run(w, "peers nonsense"), EXIT_USAGE);
	/* The option is stronger than the environment. */
	assert_int_equal(run(w, "--socket /nonexistent/sock status"),
			 EXIT_NOT_RUNNING);
	snprintf(words, sizeof(words), "--socket %s status", w->path);
	setenv("TACIT_SOCKET", "/nonexistent/sock", 1);
	assert_int_equal(run(w, words), EXIT_OK);
	/* Nowhere to write to. */
	fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(run_with(w, words, dup(fd), fd), EXIT_FAILED);
	assert_non_null(strstr(w->err, "No space left"));
	stop_agent(w);
	/* Somebody else listens there, and never answers. */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	strcpy(sa.sun_path, w->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(run(w, words), EXIT_FAILED);
	assert_non_null(strstr(w->err, "does not answer"));
	close(fd);
}

/* An agent that is not on the system bus either. */
static void test_default_socket(void **state)
{
	struct world *w = *state;

	unsetenv("TACIT_SOCKET");
	if (access(RUNSTATEDIR "/tacit/agent.sock", F_OK) == 0)
		skip();
	setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus", 1);
	assert_int_equal(run(w, "status"), EXIT_NOT_RUNNING);
}

static void write_policy(const struct world *w, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/policy.d/x.conf", w->dir);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void test_repair(void **state)
{
	struct world *w = *state;

	start_agent(w);
	assert_int_equal(run(w, "repair"), EXIT_OK);
	assert_string_equal(w->out, "7 things were put right.\n");
	assert_int_equal(run(w, "--json repair"), EXIT_OK);
	assert_string_equal(w->out, "{\"mended\": 7}\n");
}

static void test_check_config(void **state)
{
	struct world *w = *state;
	char dir[128], words[256], want[1024];

	snprintf(dir, sizeof(dir), "%s/policy.d", w->dir);
	assert_int_equal(mkdir(dir, 0700), 0);
	snprintf(words, sizeof(words), "check-config %s", w->dir);
	assert_int_equal(run(w, words), EXIT_OK);
	assert_non_null(strstr(w->out, "no errors, 2 policies (built in)"));

	write_policy(w, "[Policy]\nEncryption=require\nNetworks=10.0.0.0/8\n"
			"Authentication=require\n");
	assert_int_equal(run(w, words), EXIT_OK);
	snprintf(want, sizeof(want), "%s: no errors, 1 policy.\n", w->dir);
	assert_string_equal(w->out, want);
	snprintf(want, sizeof(want), "warning: %s/policy.d/x.conf:4: ", w->dir);
	assert_memory_equal(w->err, want, strlen(want));

	write_policy(w, "[Policy]\nEncryption=\"require\"\nWait=x\n");
	assert_int_equal(run(w, words), EXIT_BAD_CONFIG);
	snprintf(want, sizeof(want),
		 "%1$s:2: Encryption=\"require\": did you mean require?\n"
		 "%1$s:3: Wait=x: write yes or no\n"
		 "%1$s:1: Networks= is missing or empty: name those that this "
		 "policy is for, as in 10.0.0.0/8\n",
		 strcat(dir, "/x.conf"));
	assert_string_equal(w->err, want);
	assert_string_equal(w->out, "");
	strcat(words, " --json");
	assert_int_equal(run(w, words), EXIT_BAD_CONFIG);
	snprintf(want, sizeof(want),
		 "{\"ok\": false, \"errors\": [{\"file\": \"%s\", \"line\": 2, "
		 "\"message\": \"Encryption=\\\"require\\\": did you mean "
		 "require?\"}, {",
		 dir);
	assert_memory_equal(w->out, want, strlen(want));
	assert_non_null(strstr(w->out, "}], \"warnings\": [], "
				       "\"errors_not_shown\": 0}\n"));
	assert_int_equal(unlink(dir), 0);
	*strrchr(dir, '/') = '\0';
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(run(w, "check-config /nonexistent"), EXIT_BAD_CONFIG);
	assert_non_null(strstr(w->err, "/nonexistent: "));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_usage),	   TEST(test_status),
		TEST(test_attention),	   TEST(test_peers),
		TEST(test_peers_json),	   TEST(test_many_peers),
		TEST(test_policies),	   TEST(test_failures),
		TEST(test_default_socket), TEST(test_check_config),
		TEST(test_repair),	   TEST(test_up_down),
		TEST(test_capture),	   TEST(test_pager),
		TEST(test_explain),	   TEST(test_top),
		TEST(test_monitor),	   TEST(test_metrics),
		TEST(test_key_dns),
	};

	setenv("TERM", "xterm", 1);
	setenv("TACIT_PAGER", "", 1);
	unsetenv("NO_COLOR");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
