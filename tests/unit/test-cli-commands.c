/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The program `tacit` itself, run against an agent made up in another process:
 * what each command prints in a pipe, as JSON and on a terminal, and every exit
 * code.
 */
#define _GNU_SOURCE /* posix_openpt() and the like */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli-world.h"
#include "util/exitcode.h"

static void test_usage(void **state)
{
	static const char *const bad[] = { "",
					   "stat",
					   "status now",
					   "peers 10.0.0.1 10.0.0.2",
					   "policy",
					   "policy show",
					   "policy show a b c",
					   "policy test",
					   "policy test a b c",
					   "policy test h:443",
					   "policy test h:443/icmp",
					   "policy list a b",
					   "key",
					   "key show all",
					   "key show --finish",
					   "key rotate a b",
					   "key rotate --finish --cancel",
					   "status --cancel",
					   "check-config a b",
					   "--frobnicate status",
					   "--socket",
					   "--instance a/b status",
					   "--instance 9 status",
					   "--instance" };
	struct cli_world *w = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(cli_run(w, bad[i]), EXIT_USAGE);
		assert_string_equal(w->out, "");
		assert_non_null(strstr(w->err, "tacit"));
	}
	assert_int_equal(cli_run(w, "--help"), EXIT_OK);
	assert_memory_equal(w->out, "Usage: tacit", 12);
	assert_int_equal(cli_run(w, "status --version"), EXIT_OK);
	assert_memory_equal(w->out, "tacit ", 6);
}

static void test_status(void **state)
{
	struct cli_world *w = *state;

	w->fake.host.clear = 750;
	w->fake.host.held_down = 5;
	cli_start_agent(w);
	assert_int_equal(cli_run(w, "status"), EXIT_OK);
	assert_string_equal(w->out, "Version\t1.2.3\nInstance\t\nWarning\t\n"
				    "Protecting\tyes\nPrivilegesSeparate\tyes\n"
				    "Secured\t755\nClear\t750\nBlocked\t755\n"
				    "Negotiating\t755\nHeldDown\t5\n"
				    "Acquires\t5000000000\nEstablished\t4000\n"
				    "Failed\t12\nRefusedRecords\t0\n"
				    "PacketsHeld\t0\nPacketsNoRoom\t2\n"
				    "PacketsLate\t3\nEventsLost\t4\n"
				    "AcquiresRefused\t5\nHalfOpenEvicted\t6\n"
				    "RepeatsIgnored\t7\nPeersEvicted\t8\n"
				    "PeersRefused\t9\n"
				    "ClearConnections\t4\n"
				    "Leases\t2\nLeasesRefused\t1\n"
				    "UptimeMs\t93784000\n");
	assert_int_equal(cli_run(w, "--json status"), EXIT_OK);
	assert_string_equal(
		w->out,
		"{\"version\": \"1.2.3\", \"instance\": \"\", "
		"\"warning\": \"\", \"protecting\": true, "
		"\"privileges_separate\": true, \"secured\": 755, "
		"\"clear\": 750, \"blocked\": 755, \"negotiating\": 755, "
		"\"held_down\": 5, \"acquires\": 5000000000, "
		"\"established\": 4000, \"failed\": 12, "
		"\"refused_records\": 0, \"packets_held\": 0, "
		"\"packets_no_room\": 2, \"packets_late\": 3, "
		"\"events_lost\": 4, \"acquires_refused\": 5, "
		"\"half_open_evicted\": 6, \"repeats_ignored\": 7, "
		"\"peers_evicted\": 8, \"peers_refused\": 9, "
		"\"clear_connections\": 4, \"leases\": 2, "
		"\"leases_refused\": 1, \"uptime_ms\": 93784000}\n");
	assert_string_equal(w->err, "");
	assert_int_equal(cli_run_terminal(w, "status --no-color"), EXIT_OK);
	assert_string_equal(
		w->out,
		"Tacit 1.2.3, protecting, up 1d 2h\n\n"
		"  Encrypted   755\n  Clear       755\n  Blocked     755\n"
		"  Negotiating 755\n"
		"  Since start 4000 established, 12 failed, of 5000000000 "
		"acquires\n"
		"  Privileges  separate\n");
	assert_int_equal(cli_run_terminal(w, "status"), EXIT_OK);
	assert_non_null(strstr(w->out, "\x1b[32mprotecting\x1b[0m"));
}

static void test_attention(void **state)
{
	struct cli_world *w = *state;

	w->fake.host.protecting = false;
	w->fake.host.privileges_separate = false;
	w->fake.host.refused_records = 3;
	cli_start_agent(w);
	assert_int_equal(cli_run_terminal(w, "status --no-color"), EXIT_OK);
	assert_non_null(strstr(w->out, "not protecting, up"));
	assert_non_null(strstr(w->out, "\nAttention: no traps are armed"));
	assert_non_null(strstr(w->out, "\nAttention: tacit-netd has refused"));
	assert_non_null(strstr(w->out, "all programs run under one user"));
	cli_stop_agent(w);
	w->fake.host.warning = "this kernel has no ESP: modprobe esp4";
	cli_start_agent(w);
	assert_int_equal(cli_run_terminal(w, "status --no-color"), EXIT_OK);
	assert_non_null(strstr(w->out,
			       "\nAttention: this kernel has no ESP: modprobe "
			       "esp4\n"));
	assert_null(strstr(w->out, "no traps"));
}

static void test_peers(void **state)
{
	struct cli_world *w = *state;

	cli_start_agent(w);
	assert_int_equal(cli_run(w, "peers"), EXIT_OK);
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
	assert_int_equal(cli_run_terminal(w, "peers --no-color"), EXIT_OK);
	assert_memory_equal(
		w->out,
		"PEER         STATE      POLICY   AUTH  CIPHER          SINCE  "
		"REASON\n"
		"10.0.0.0     secured    private  null  AES-GCM-16-256  1s     "
		"-\n"
		"10.0.0.1     clear      private  none  -               2s     "
		"the peer does not answer\n",
		200);
	assert_int_equal(cli_run(w, "peers 10.0.0.1"), EXIT_OK);
	assert_string_equal(w->out, "10.0.0.1\tclear\tprivate\tnone\t\t2\tthe "
				    "peer does not answer\n");
	assert_int_equal(cli_run_terminal(w, "peers --no-color 2001:db8::0"),
			 EXIT_OK);
	assert_string_equal(
		w->out, "2001:db8::: secured for 5s\n"
			"  Policy         private (offer)\n"
			"  Own address    2001:db8:ffff::1 (fd64::5 in ESP, "
			"leased by the peer)\n"
			"  In the clear   3 connections, which began before\n"
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
		"\"leased_address\": \"fd64::5\", \"outer_address\": \"\", "
		"\"gateway\": \"\", "
		"\"state\": \"secured\", \"policy\": \"private\", "
		"\"level\": \"offer\", "
		"\"identity\": \"a\\\"b\\\\c\\u001b[31m\xc3\xa9?.example\", "
		"\"authentication\": \"null\", \"proof\": \"\", "
		"\"fingerprint\": \"\", "
		"\"algorithms\": \"X25519, AES-GCM-16-256, SHA2-256\", "
		"\"cipher\": \"AES-GCM-16-256\", \"reason\": \"\", "
		"\"spi_in\": 268435460, \"spi_out\": 4026531844, "
		"\"clear_connections\": 3, "
		"\"since_ms\": 5500, \"setup_us\": 4321}";
	struct cli_world *w = *state;
	char line[1024];

	cli_start_agent(w);
	assert_int_equal(cli_run(w, "peers 2001:db8:: --json"), EXIT_OK);
	snprintf(line, sizeof(line), "%s\n", want);
	assert_string_equal(w->out, line);
	assert_int_equal(cli_run(w, "peers --json"), EXIT_OK);
	assert_memory_equal(w->out, "[\n  {\"address\": \"10.0.0.0\", ", 28);
	snprintf(line, sizeof(line), ",\n  %s,\n  {", want);
	assert_non_null(strstr(w->out, line));
	assert_string_equal(w->out + strlen(w->out) - 4, "}\n]\n");
}

/* More than one page, and none. */
static void test_many_peers(void **state)
{
	struct cli_world *w = *state;
	size_t lines = 0;

	w->fake.n_ipv4 = 3000;
	cli_start_agent(w);
	assert_int_equal(cli_run(w, "peers"), EXIT_OK);
	for (const char *p = w->out; *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, 3002);
	assert_int_equal(cli_run(w, "peers --json"), EXIT_OK);
	assert_non_null(strstr(w->out, "\"2001:db8::1\""));
	cli_stop_agent(w);
	w->fake.n_ipv4 = w->fake.n_ipv6 = 0;
	cli_start_agent(w);
	assert_int_equal(cli_run(w, "peers"), EXIT_OK);
	assert_string_equal(w->out, "");
	assert_int_equal(cli_run(w, "peers --json"), EXIT_OK);
	assert_string_equal(w->out, "[\n]\n");
	assert_int_equal(cli_run_terminal(w, "peers"), EXIT_OK);
	assert_memory_equal(w->out, "No peers yet", 12);
}

static void test_policies(void **state)
{
	struct cli_world *w = *state;

	cli_start_agent(w);
	assert_int_equal(cli_run(w, "key show"), EXIT_OK);
	assert_string_equal(
		w->out,
		"ed25519\tEd25519\tSHA256:print\t"
		"MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\tactive\t\n");
	assert_int_equal(cli_run(w, "key show --json"), EXIT_OK);
	assert_string_equal(
		w->out,
		"[\n  {\"name\": \"ed25519\", "
		"\"type\": \"Ed25519\", "
		"\"fingerprint\": \"SHA256:print\", "
		"\"public_key\": \"MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\", "
		"\"stage\": \"active\", "
		"\"until\": 0}\n]\n");
	assert_int_equal(cli_run_terminal(w, "key show --no-color"), EXIT_OK);
	assert_string_equal(
		w->out,
		"ed25519: Ed25519\n"
		"  Fingerprint    SHA256:print\n"
		"  PublicKey=MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n");
	assert_int_equal(cli_run(w, "policy list"), EXIT_OK);
	assert_string_equal(
		w->out, "private\toffer\tallow\tno\t10.0.0.0/8 fe80::/10\t\t\n"
			"vault\trequire\tallow\tyes\t10.1.2.0/24\t443/tcp\t"
			"/etc/tacit/policy.d/vault.conf\n");
	assert_int_equal(cli_run(w, "policy list --json"), EXIT_OK);
	assert_string_equal(
		w->out,
		"[\n  {\"name\": \"private\", \"level\": \"offer\", "
		"\"authentication\": \"allow\", \"wait\": false, "
		"\"networks\": [\"10.0.0.0/8\", \"fe80::/10\"], "
		"\"ports\": [], "
		"\"file\": \"\"},\n"
		"  {\"name\": \"vault\", \"level\": \"require\", "
		"\"authentication\": \"allow\", \"wait\": true, "
		"\"networks\": [\"10.1.2.0/24\"], \"ports\": [\"443/tcp\"], "
		"\"file\": \"/etc/tacit/policy.d/vault.conf\"}\n]\n");
	assert_int_equal(cli_run_terminal(w, "policy list --no-color"),
			 EXIT_OK);
	assert_non_null(strstr(w->out, "(built in)"));
}

static void test_policy_show(void **state)
{
	struct cli_world *w = *state;

	cli_start_agent(w);
	assert_int_equal(cli_run(w, "policy show vault"), EXIT_OK);
	assert_non_null(strstr(w->out, "Name\tvault\n"));
	assert_non_null(strstr(w->out, "Level\trequire\n"));
	assert_non_null(strstr(w->out, "Identities\t@*.example.org\n"));
	assert_non_null(strstr(w->out, "RetryTimeMs\t60000\n"));
	assert_int_equal(cli_run(w, "policy show vault --json"), EXIT_OK);
	assert_non_null(strstr(w->out, "\"mode\": \"any\""));
	assert_non_null(strstr(w->out, "\"networks\": [\"10.1.2.0/24\"]"));
	assert_int_equal(cli_run_terminal(w, "policy show --no-color vault"),
			 EXIT_OK);
	assert_string_equal(w->out,
			    "vault: require, of "
			    "/etc/tacit/policy.d/vault.conf:1\n"
			    "  Networks       10.1.2.0/24\n"
			    "  Ports          443/tcp\n"
			    "  Authentication allow\n"
			    "  Discover       always\n"
			    "  Lookup         address\n"
			    "  Mode           any\n"
			    "  Translation    anonymous\n"
			    "  Gateway        yes\n"
			    "  Address pool   default\n"
			    "  Identities     @*.example.org\n"
			    "  Wait           yes\n"
			    "  WaitTime       2s\n"
			    "  LookupTime     500ms\n"
			    "  RetryTime      1min\n"
			    "  IdleTime       infinity\n"
			    "  ChildLifetime  4h\n"
			    "  Peers          7 encrypted, 0 in the clear, 0 "
			    "blocked\n"
			    "  Since start    0 established, 5000000000 "
			    "failed\n");
	assert_int_equal(cli_run(w, "policy show vult"), EXIT_USAGE);
	assert_non_null(strstr(w->err, "no policy \"vult\""));
}

static void test_policy_test(void **state)
{
	struct cli_world *w = *state;

	assert_int_equal(cli_run(w, "policy test 10.0.0.1"), EXIT_NOT_RUNNING);
	assert_non_null(strstr(w->err, "tacit policy test 10.0.0.1 /"));
	cli_start_agent(w);
	assert_int_equal(cli_run(w, "policy test 10.0.0.1:443/tcp"), EXIT_OK);
	assert_string_equal(
		w->out,
		"Address\t10.0.0.1\nPort\t443/tcp\n"
		"Outcome\tclear-first\n"
		"Explanation\tIt goes out in the clear while IKE is tried with "
		"that host; the packets that follow are encrypted, if it can.\n"
		"Policy\tprivate\nLevel\toffer\nPolicyAuthentication\tallow\n"
		"Identities\t\nNamedPolicies\t\nDiscover\talways\nWait\tno\nWaitTimeMs\t0\n"
		"LookupTimeMs\t500\n"
		"Network\t10.0.0.0/8\n"
		"NetworkFile\t/etc/tacit/networks.txt\nNetworkLine\t8\nPorts\t\n"
		"File\t/etc/tacit/policy.d/x.conf\nLine\t3\nKeyFile\tno\n"
		"State\tclear\nReason\tthe peer does not answer\n");
	assert_int_equal(cli_run_terminal(w, "policy test --no-color "
					     "10.0.0.1:443/tcp"),
			 EXIT_OK);
	assert_string_equal(
		w->out,
		"10.0.0.1, port 443/tcp: clear-first\n"
		"  A packet   It goes out in the clear while IKE is tried with "
		"that host; the packets that follow are encrypted, if it can.\n"
		"  Policy     private, which says offer\n"
		"             10.0.0.0/8 is the most specific network\n"
		"             in /etc/tacit/networks.txt, line 8\n"
		"  Proof      an anonymous peer will do\n"
		"  Its key    in no file of keys.d/; see: tacit lookup\n"
		"             IKE waits for it at most 500 ms\n"
		"  Now        clear\n"
		"             the peer does not answer\n");
	assert_int_equal(cli_run(w, "policy test --json [2001:db8::1]:9/udp"),
			 EXIT_OK);
	assert_non_null(strstr(w->out, "{\"address\": \"2001:db8::1\", "
				       "\"port\": \"9/udp\", "));
}

static void write_file(const struct cli_world *w, const char *name,
		       const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/etc/policy.d/%s", w->dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* No agent is asked, and each network has its own file and line. */
static void test_policy_files(void **state)
{
	struct cli_world *w = *state;
	char path[256], words[300];

	snprintf(path, sizeof(path), "%s/etc", w->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/etc/policy.d", w->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	write_file(w, "list.txt", "# two\n10.2.0.0/16\n2001:db8:2::/48\n");
	write_file(w, "vault.conf",
		   "[Policy]\nEncryption=require\nIdentity=*.example.org\n"
		   "LookupTime=700ms\n"
		   "Networks=10.1.0.0/16\n 10.1.2.0/24\n"
		   "NetworksFile=list.txt\n");
	snprintf(words, sizeof(words), "policy test 10.1.2.3 %s/etc", w->dir);
	assert_int_equal(cli_run(w, words), EXIT_OK);
	assert_non_null(strstr(w->out, "Outcome\theld\n"));
	assert_non_null(strstr(w->out, "Identities\t@*.example.org\n"));
	assert_non_null(strstr(w->out, "LookupTimeMs\t700\n"));
	/* Not WaitTime=, which require has nothing to do with. */
	assert_non_null(strstr(w->out, "at most 30000 ms, and is dropped"));
	assert_non_null(strstr(w->out, "WaitTimeMs\t30000\n"));
	assert_non_null(strstr(w->out, "Network\t10.1.2.0/24\n"));
	assert_non_null(strstr(w->out, "/vault.conf\nNetworkLine\t6\n"));
	assert_null(strstr(w->out, "State"));
	snprintf(words, sizeof(words), "policy test 2001:db8:2::1 %s/etc",
		 w->dir);
	assert_int_equal(cli_run(w, words), EXIT_OK);
	assert_non_null(strstr(w->out, "/list.txt\nNetworkLine\t3\n"));
	snprintf(words, sizeof(words), "policy list %s/etc", w->dir);
	assert_int_equal(cli_run(w, words), EXIT_OK);
	assert_ptr_equal(strstr(w->out,
				"vault\trequire\tallow\tyes\t10.1.0.0/16 "
				"10.1.2.0/24 10.2.0.0/16 "
				"2001:db8:2::/48\t\t/tmp/"),
			 w->out);
	snprintf(words, sizeof(words), "policy show --json vault %s/etc",
		 w->dir);
	assert_int_equal(cli_run(w, words), EXIT_OK);
	assert_non_null(strstr(w->out, "\"retry_time_ms\": 60000"));
	assert_non_null(strstr(w->out, "\"lookup_time_ms\": 700"));
	assert_non_null(strstr(w->out, "\"wait_time_ms\": 30000"));
	assert_null(strstr(w->out, "secured"));
	snprintf(words, sizeof(words), "policy show vult %s/etc", w->dir);
	assert_int_equal(cli_run(w, words), EXIT_USAGE);
	snprintf(words, sizeof(words), "policy test 192.0.2.1 %s/etc", w->dir);
	assert_int_equal(cli_run(w, words), EXIT_OK);
	assert_non_null(strstr(w->out, "Outcome\tclear\n"));
	assert_non_null(strstr(w->out, "Policy\t\n"));
	write_file(w, "bad.conf", "[Policy]\nEncryption=offr\n");
	assert_int_equal(cli_run(w, words), EXIT_BAD_CONFIG);
	assert_non_null(strstr(w->err, "/bad.conf:2: "));
	assert_string_equal(w->out, "");
	assert_int_equal(cli_run(w, "policy test 10.0.0.1 /nonexistent"),
			 EXIT_BAD_CONFIG);
	snprintf(words, sizeof(words), "rm -r %s/etc", w->dir);
	assert_int_equal(system(words), 0);
}

#define RDATA	 "10 0 4 . Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="
#define REVERSE4 "7.2.0.192.in-addr.arpa."
#define REVERSE6                                           \
	"7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0." \
	"8.b.d.0.1.0.0.2.ip6.arpa."

/* The records to publish, by name and by address. */
static void test_key_dns(void **state)
{
	struct cli_world *w = *state;

	w->fake.identity = "@h.example.org";
	w->fake.n_own = 2;
	assert_int_equal(addr_parse("192.0.2.7", &w->fake.own[0]), 0);
	assert_int_equal(addr_parse("2001:db8::7", &w->fake.own[1]), 0);
	cli_start_agent(w);
	assert_int_equal(cli_run(w, "key dns"), EXIT_OK);
	assert_string_equal(w->out,
			    "h.example.org. 3600 IN IPSECKEY " RDATA
			    "\n" REVERSE4 " 3600 IN IPSECKEY " RDATA
			    "\n" REVERSE6 " 3600 IN IPSECKEY " RDATA "\n");
	assert_string_equal(w->err, "");
	assert_int_equal(cli_run(w, "key dns --reverse --ttl 60"), EXIT_OK);
	assert_string_equal(w->out,
			    REVERSE4 " 60 IN IPSECKEY " RDATA "\n" REVERSE6
				     " 60 IN IPSECKEY " RDATA "\n");
	assert_int_equal(cli_run(w, "key dns --forward --name a.b --zone-file"),
			 EXIT_OK);
	assert_string_equal(w->out, "; forward: key ed25519, Ed25519, active, "
				    "SHA256:print\n"
				    "a.b. 3600 IN IPSECKEY " RDATA "\n");
	assert_int_equal(cli_run(w, "key dns --forward --json"), EXIT_OK);
	assert_string_equal(
		w->out, "[\n  {\"name\": \"h.example.org.\", \"ttl\": 3600, "
			"\"type\": \"IPSECKEY\", \"rdata\": \"" RDATA
			"\", \"reverse\": false, \"key\": \"ed25519\", "
			"\"stage\": \"active\"}\n]\n");
	assert_int_equal(cli_run(w, "key dns --name host"), EXIT_USAGE);
	assert_int_equal(cli_run(w, "key dns --name a..b"), EXIT_USAGE);
	assert_int_equal(cli_run(w, "key dns --name a.b/c"), EXIT_USAGE);
	assert_int_equal(cli_run(w, "key dns --ttl 1h"), EXIT_USAGE);
	assert_int_equal(cli_run(w, "key dns --ttl 2147483648"), EXIT_USAGE);
	assert_int_equal(cli_run(w, "key dns --ttl -1"), EXIT_USAGE);
	cli_stop_agent(w);
	w->fake.n_own = 0;
	cli_start_agent(w);
	assert_int_equal(cli_run(w, "key dns --reverse"), EXIT_FAILED);
	assert_non_null(strstr(w->err, "no address"));
}

static void test_failures(void **state)
{
	struct cli_world *w = *state;
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	char words[256];
	int fd;

	assert_int_equal(cli_run(w, "status"), EXIT_NOT_RUNNING);
	assert_string_equal(w->out, "");
	assert_non_null(strstr(w->err, "is not running"));
	assert_non_null(strstr(w->err, "systemctl start tacit"));
	assert_int_equal(cli_run(w, "peers"), EXIT_NOT_RUNNING);
	assert_int_equal(cli_run(w, "policy list"), EXIT_NOT_RUNNING);
	cli_start_agent(w);
	assert_int_equal(cli_run(w, "peers 192.0.2.1"), EXIT_NO_PEER);
	assert_non_null(strstr(w->err, "192.0.2.1"));
	assert_string_equal(w->out, "");
	assert_int_equal(cli_run(w, "peers nonsense"), EXIT_USAGE);
	/* The option is stronger than the environment. */
	assert_int_equal(cli_run(w, "--socket /nonexistent/sock status"),
			 EXIT_NOT_RUNNING);
	assert_int_equal(cli_run(w, "--instance nothere status"),
			 EXIT_NOT_RUNNING);
	assert_non_null(
		strstr(w->err, RUNSTATEDIR "/tacit-nothere/agent.sock"));
	assert_non_null(strstr(w->err, "systemctl start tacit@nothere\n"));
	assert_int_equal(cli_run(w, "--instance nothere check-config"),
			 EXIT_BAD_CONFIG);
	assert_non_null(strstr(w->err, SYSCONFDIR "/tacit-nothere"));
	snprintf(words, sizeof(words), "--socket %s status", w->path);
	setenv("TACIT_SOCKET", "/nonexistent/sock", 1);
	assert_int_equal(cli_run(w, words), EXIT_OK);
	/* Nowhere to write to. */
	fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(cli_run_with(w, words, dup(fd), fd), EXIT_FAILED);
	assert_non_null(strstr(w->err, "No space left"));
	cli_stop_agent(w);
	/* Somebody else listens there, and never answers. */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	strcpy(sa.sun_path, w->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(cli_run(w, words), EXIT_FAILED);
	assert_non_null(strstr(w->err, "does not answer"));
	close(fd);
}

/* An agent that is not on the system bus either. */
static void test_default_socket(void **state)
{
	struct cli_world *w = *state;

	unsetenv("TACIT_SOCKET");
	if (access(RUNSTATEDIR "/tacit/agent.sock", F_OK) == 0)
		skip();
	setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus", 1);
	assert_int_equal(cli_run(w, "status"), EXIT_NOT_RUNNING);
}

static void write_policy(const struct cli_world *w, const char *text)
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
	struct cli_world *w = *state;

	cli_start_agent(w);
	assert_int_equal(cli_run(w, "repair"), EXIT_OK);
	assert_string_equal(w->out, "7 things were put right.\n");
	assert_int_equal(cli_run(w, "--json repair"), EXIT_OK);
	assert_string_equal(w->out, "{\"mended\": 7}\n");
}

static void test_check_config(void **state)
{
	struct cli_world *w = *state;
	char dir[128], words[256], want[1024];

	snprintf(dir, sizeof(dir), "%s/policy.d", w->dir);
	assert_int_equal(mkdir(dir, 0700), 0);
	snprintf(words, sizeof(words), "check-config %s", w->dir);
	assert_int_equal(cli_run(w, words), EXIT_OK);
	assert_non_null(strstr(w->out, "no errors, 2 policies (built in)"));

	write_policy(w, "[Policy]\nEncryption=require\nNetworks=10.0.0.0/8\n"
			"Authentication=require\n");
	assert_int_equal(cli_run(w, words), EXIT_OK);
	snprintf(want, sizeof(want), "%s: no errors, 1 policy.\n", w->dir);
	assert_string_equal(w->out, want);
	snprintf(want, sizeof(want), "warning: %s/policy.d/x.conf:4: ", w->dir);
	assert_memory_equal(w->err, want, strlen(want));

	write_policy(w, "[Policy]\nEncryption=\"require\"\nWait=x\n");
	assert_int_equal(cli_run(w, words), EXIT_BAD_CONFIG);
	snprintf(want, sizeof(want),
		 "%1$s:2: Encryption=\"require\": did you mean require?\n"
		 "%1$s:3: Wait=x: write yes or no\n"
		 "%1$s:1: Networks= is missing or empty: name those that this "
		 "policy is for, as in 10.0.0.0/8\n",
		 strcat(dir, "/x.conf"));
	assert_string_equal(w->err, want);
	assert_string_equal(w->out, "");
	strcat(words, " --json");
	assert_int_equal(cli_run(w, words), EXIT_BAD_CONFIG);
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
	assert_int_equal(cli_run(w, "check-config /nonexistent"),
			 EXIT_BAD_CONFIG);
	assert_non_null(strstr(w->err, "/nonexistent: "));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, cli_begin, cli_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_usage),	 TEST(test_status),
		TEST(test_attention),	 TEST(test_peers),
		TEST(test_peers_json),	 TEST(test_many_peers),
		TEST(test_policies),	 TEST(test_policy_show),
		TEST(test_policy_test),	 TEST(test_policy_files),
		TEST(test_failures),	 TEST(test_default_socket),
		TEST(test_check_config), TEST(test_repair),
		TEST(test_key_dns),
	};

	setenv("TERM", "xterm", 1);
	setenv("TACIT_PAGER", "", 1);
	unsetenv("NO_COLOR");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
