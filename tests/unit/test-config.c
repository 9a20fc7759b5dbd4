/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whole configurations, written to a directory and loaded: what they mean,
 * and every error with its file and line.
 */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "policy/config.h"
#include "util/log.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct place {
	char dir[64];
};

static void path_of(char *buf, size_t size, const char *dir, const char *name)
{
	int n = snprintf(buf, size, "%s/%s", dir, name);

	assert_true(n > 0 && (size_t)n < size);
}

static void write_bytes(const char *dir, const char *name, const char *text,
			size_t len)
{
	char path[512];
	FILE *f;

	path_of(path, sizeof(path), dir, name);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static void write_file(const char *dir, const char *name, const char *text)
{
	write_bytes(dir, name, text, strlen(text));
}

static void empty_dir(const char *dir, const char *sub)
{
	char path[512];
	struct dirent *d;
	DIR *o;

	path_of(path, sizeof(path), dir, sub);
	o = opendir(path);
	if (!o)
		return;
	while ((d = readdir(o))) {
		char file[1024];

		path_of(file, sizeof(file), path, d->d_name);
		(void)unlink(file);
	}
	closedir(o);
}

static int begin(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	const char *tmp = getenv("TMPDIR");
	char path[512];

	assert_non_null(p);
	snprintf(p->dir, sizeof(p->dir), "%s/tacit-config-XXXXXX",
		 tmp && strlen(tmp) < 32 ? tmp : "/tmp");
	assert_non_null(mkdtemp(p->dir));
	path_of(path, sizeof(path), p->dir, "tacit.conf.d");
	assert_int_equal(mkdir(path, 0700), 0);
	path_of(path, sizeof(path), p->dir, "policy.d");
	assert_int_equal(mkdir(path, 0700), 0);
	*state = p;
	return 0;
}

static int end(void **state)
{
	struct place *p = *state;
	char path[512];

	empty_dir(p->dir, "policy.d");
	empty_dir(p->dir, "tacit.conf.d");
	empty_dir(p->dir, ".");
	path_of(path, sizeof(path), p->dir, "policy.d");
	(void)rmdir(path);
	path_of(path, sizeof(path), p->dir, "tacit.conf.d");
	(void)rmdir(path);
	(void)rmdir(p->dir);
	free(p);
	return 0;
}

/* The errors as lines, the directory's name left out. */
static void errors_text(const struct config_error *list, size_t n,
			const char *dir, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		char one[1024], *at;

		config_error_format(&list[i], one, sizeof(one));
		while ((at = strstr(one, dir)))
			memmove(at, at + strlen(dir) + 1,
				strlen(at + strlen(dir) + 1) + 1);
		len += (size_t)snprintf(buf + len, size - len, "%s\n", one);
		assert_true(len < size);
	}
}

static struct config *load(const char *dir)
{
	struct config_errors e;
	struct config *c = NULL;
	char text[8192];
	int r = config_load(dir, &c, &e);

	errors_text(e.list, e.count, dir, text, sizeof(text));
	if (r)
		print_error("%s", text);
	assert_int_equal(r, 0);
	assert_int_equal(e.count, 0);
	config_errors_done(&e);
	return c;
}

static void expect_errors(const char *dir, const char *want)
{
	struct config_errors e;
	struct config *c = (void *)&e;
	char text[16384];

	assert_int_equal(config_load(dir, &c, &e), -EINVAL);
	assert_ptr_equal(c, (void *)&e);
	errors_text(e.list, e.count, dir, text, sizeof(text));
	assert_string_equal(text, want);
	config_errors_done(&e);
}

static const struct policy *policy_for(const struct config *c, const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return policy_table_lookup(c->policies, &a);
}

static void test_builtin(void **state)
{
	static const char *const private[] = {
		"10.1.2.3",    "172.16.0.1",  "172.31.255.255",
		"192.168.0.1", "169.254.1.1", "fc00::1",
		"fdff::1",     "fe80::1",     "febf::1",
	};
	static const char *const rest[] = { "172.32.0.1", "192.0.2.1",
					    "8.8.8.8", "2001:db8::1",
					    "fec0::1" };
	struct place *place = *state;
	struct config *c = load(place->dir);

	assert_int_equal(c->log_level, LOG_INFO);
	assert_false(c->open_on_stop);
	assert_int_equal(c->port, 500);
	assert_int_equal(c->natt_port, 4500);
	assert_int_equal(c->queue_offer, 21580);
	assert_int_equal(c->queue_require, 21581);
	assert_int_equal(c->mark_bit, 22);
	assert_int_equal(c->dns_bit, 23);
	assert_int_equal(policy_table_count(c->policies), 2);
	for (size_t i = 0; i < COUNT(private); i++) {
		const struct policy *p = policy_for(c, private[i]);

		assert_string_equal(p->name, "private");
		assert_int_equal(p->level, POLICY_OFFER);
		assert_int_equal(p->auth, POLICY_AUTH_ALLOW);
		assert_int_equal(p->discover, POLICY_DISCOVER_ALWAYS);
		assert_false(p->wait);
		assert_int_equal(p->wait_ms, 2000);
		assert_int_equal(p->lookup_ms, 3000);
		assert_int_equal(p->retry_ms, 60000);
		assert_int_equal(p->child_lifetime_s, 14400);
		assert_true(p->gateway);
		assert_null(p->file);
	}
	for (size_t i = 0; i < COUNT(rest); i++) {
		const struct policy *p = policy_for(c, rest[i]);

		assert_string_equal(p->name, "default");
		assert_int_equal(p->level, POLICY_OFFER);
		assert_int_equal(p->auth, POLICY_AUTH_OFFER);
		assert_int_equal(p->discover, POLICY_DISCOVER_DNS);
		assert_false(p->wait);
	}
	config_free(c);
}

static void test_main(void **state)
{
	struct place *place = *state;
	struct config *c;

	write_file(place->dir, "tacit.conf",
		   "\xef\xbb\xbf# with a byte order mark, and CR LF\r\n"
		   "[Agent]\r\nLogLevel=debug\r\nOnStop = open ; a comment\r\n"
		   "[IKE]\r\nPort=1500\r\nNATPort=14500\r\n"
		   "[Hold]\r\nQueueOffer=0\r\nQueueRequire=65535\r\n"
		   "MarkBit=31\r\nDNSMarkBit=0");
	c = load(place->dir);
	assert_int_equal(c->log_level, LOG_DEBUG);
	assert_true(c->open_on_stop);
	assert_int_equal(c->port, 1500);
	assert_int_equal(c->natt_port, 14500);
	assert_int_equal(c->queue_offer, 0);
	assert_int_equal(c->queue_require, 65535);
	assert_int_equal(c->mark_bit, 31);
	assert_int_equal(c->dns_bit, 0);
	config_free(c);
}

static void test_drop_ins(void **state)
{
	struct place *place = *state;
	struct config *c;

	write_file(place->dir, "tacit.conf",
		   "[IKE]\nPort=1\n[Hold]\nMarkBit=1");
	write_file(place->dir, "tacit.conf.d/20-b.conf", "[IKE]\nPort=3\n");
	write_file(place->dir, "tacit.conf.d/10-a.conf",
		   "[IKE]\nPort=2\nNATPort=4\n");
	write_file(place->dir, "tacit.conf.d/30-c.conf.bak", "rubbish");
	write_file(place->dir, "tacit.conf.d/.40-d.conf", "rubbish");
	c = load(place->dir);
	assert_int_equal(c->port, 3);
	assert_int_equal(c->natt_port, 4);
	assert_int_equal(c->mark_bit, 1);
	config_free(c);
}

/* A drop-in can take it back. */
static void test_debug(void **state)
{
	struct place *place = *state;
	struct config *c;

	write_file(place->dir, "tacit.conf",
		   "[Debug]\nCapture=/run/tacit/a.pcapng\nKeys=/run/tacit/k");
	c = load(place->dir);
	assert_string_equal(c->capture, "/run/tacit/a.pcapng");
	assert_string_equal(c->keys, "/run/tacit/k");
	config_free(c);
	write_file(place->dir, "tacit.conf.d/9.conf", "[Debug]\nKeys=\n");
	c = load(place->dir);
	assert_non_null(c->capture);
	assert_null(c->keys);
	config_free(c);
}

static void test_policy_files(void **state)
{
	struct place *place = *state;
	const struct policy *p;
	char path[512];
	struct config *c;

	write_file(place->dir, "policy.d/office.conf",
		   "[Policy]\n"
		   "Name=head-office\n"
		   "Encryption=offer\n"
		   "Wait=yes\n"
		   "WaitTime=1s 500ms\n"
		   "RetryTime=5min\n"
		   "ChildLifetime=1d\n"
		   "ChildBytes=64G\nChildPackets=1000000\n"
		   "Authentication=offer\n"
		   "Networks=10.1.0.0/16 10.2.0.0/16\n"
		   "         10.3.0.0/16\t2001:db8:1::/48 ; indented\n"
		   "\n"
		   "Networks=192.0.2.7\n");
	write_file(place->dir, "policy.d/vault.conf",
		   "[Policy]\nNetworks=10.1.2.0/24\nEncryption=require\n");
	c = load(place->dir);
	assert_int_equal(policy_table_count(c->policies), 2);
	p = policy_for(c, "10.3.0.1");
	assert_string_equal(p->name, "head-office");
	assert_int_equal(p->level, POLICY_OFFER);
	assert_int_equal(p->auth, POLICY_AUTH_OFFER);
	assert_true(p->wait);
	assert_int_equal(p->wait_ms, 1500);
	assert_int_equal(p->retry_ms, 300000);
	assert_int_equal(p->child_lifetime_s, 86400);
	assert_true(p->child_kib == 64u << 20 && p->child_packets == 1000000);
	assert_int_equal(p->n_networks, 5);
	assert_true(p->gateway);
	path_of(path, sizeof(path), place->dir, "policy.d/office.conf");
	assert_string_equal(p->file, path);
	assert_int_equal(p->line, 1);
	assert_ptr_equal(policy_for(c, "192.0.2.7"), p);
	assert_ptr_equal(policy_for(c, "2001:db8:1::1"), p);
	p = policy_for(c, "10.1.2.3");
	assert_string_equal(p->name, "vault");
	assert_int_equal(p->level, POLICY_REQUIRE);
	assert_true(p->wait);
	assert_false(p->gateway);
	/* Where there are files, nothing is built in. */
	assert_null(policy_for(c, "192.168.0.1"));
	config_free(c);
}

/* A policy's own, or else that of tacit.conf, whichever file is read first. */
static void test_lookup_time(void **state)
{
	struct place *place = *state;
	struct config *c;

	write_file(place->dir, "tacit.conf.d/z.conf", "[DNS]\nLookupTime=5s\n");
	write_file(place->dir, "policy.d/a.conf",
		   "[Policy]\nNetworks=10.1.0.0/16\nEncryption=offer\n");
	write_file(place->dir, "policy.d/b.conf",
		   "[Policy]\nNetworks=10.2.0.0/16 2001:db8::/32\n"
		   "Encryption=require\nLookupTime=250ms\n");
	c = load(place->dir);
	assert_int_equal(policy_for(c, "10.1.0.1")->lookup_ms, 5000);
	assert_int_equal(policy_for(c, "10.2.0.1")->lookup_ms, 250);
	assert_int_equal(policy_for(c, "2001:db8::1")->lookup_ms, 250);
	assert_int_equal(policy_wait_ms(policy_for(c, "10.1.0.1")), 2000);
	assert_int_equal(policy_wait_ms(policy_for(c, "10.2.0.1")), 30000);
	config_free(c);
	write_file(place->dir, "policy.d/b.conf",
		   "[Policy]\nNetworks=10.2.0.0/16\nEncryption=offer\n"
		   "LookupTime=21s\n");
	expect_errors(place->dir, "policy.d/b.conf:4: LookupTime=21s: write a "
				  "time from 0s to 20s\n");
}

/* The examples load, and the main file has the defaults in it. */
static void test_examples(void **state)
{
	const char *srcdir = getenv("srcdir");
	char dir[512];
	struct config *c, *defaults;
	struct place *place = *state;

	path_of(dir, sizeof(dir), srcdir ? srcdir : ".", "policy/examples");
	c = load(dir);
	defaults = load(place->dir);
	assert_int_equal(policy_table_count(c->policies), 7);
	assert_string_equal(policy_for(c, "10.20.9.7")->name, "vault");
	assert_int_equal(policy_for(c, "10.20.9.7")->retry_ms, 10000);
	assert_string_equal(policy_for(c, "192.168.1.9")->name, "printer");
	assert_int_equal(c->log_level, defaults->log_level);
	assert_int_equal(c->open_on_stop, defaults->open_on_stop);
	assert_int_equal(c->port, defaults->port);
	assert_int_equal(c->natt_port, defaults->natt_port);
	assert_int_equal(c->queue_offer, defaults->queue_offer);
	assert_int_equal(c->queue_require, defaults->queue_require);
	assert_int_equal(c->mark_bit, defaults->mark_bit);
	assert_null(c->capture);
	assert_null(c->keys);
	config_free(defaults);
	config_free(c);
}

/* One file each: policy.d/x.conf, or tacit.conf when it has no [Policy]. */
static const struct {
	const char *text, *errors;
} bad[] = {
	/* Syntax. */
	{ "[Agent\nLogLevel=info\n",
	  "tacit.conf:1: The ] after the section's name is missing\n"
	  "tacit.conf:2: LogLevel= stands above the first section: put [Agent] "
	  "before it\n" },
	{ "[Agent] LogLevel=info\n",
	  "tacit.conf:1: Nothing may follow the ] of a section: begin a new "
	  "line\n" },
	{ "[Agent]\n\nOnStop\nLogLevel\n# OnStop\nclosed\n",
	  "tacit.conf:3: This is neither KEY=VALUE nor [SECTION]: correct it, "
	  "or put # before it\n"
	  "tacit.conf:4: This is neither KEY=VALUE nor [SECTION]: correct it, "
	  "or put # before it\n"
	  "tacit.conf:6: This is neither KEY=VALUE nor [SECTION]: correct it, "
	  "or put # before it\n" },
	/* Neither would be anybody to a peer. */
	{ "[Authentication]\nLocalIdentity=*.example.org\n",
	  "tacit.conf:2: LocalIdentity=*.example.org: write address, or a name "
	  "of this host (host.example.org), an address, user@host.example.org, "
	  "or keyid: and hexadecimal digits\n" },
	{ "[Authentication]\nLocalIdentity=h\xc3\xb6st\n",
	  "tacit.conf:2: LocalIdentity=h\xc3\xb6st: write address, or a name "
	  "of this host (host.example.org), an address, user@host.example.org, "
	  "or keyid: and hexadecimal digits\n" },
	/* Sections and keys. */
	{ "[Agents]\nLogLevel=info\nOnStop=open\n\n[Nonsense]\na=b\n",
	  "tacit.conf:1: [Agents] is no section of this file: did you mean "
	  "[Agent]?\n"
	  "tacit.conf:5: [Nonsense] is no section of this file: remove it\n" },
	{ "LogLevel=info\nOnStop=open\n",
	  "tacit.conf:1: LogLevel= stands above the first section: put [Agent] "
	  "before it\n" },
	{ "[Agent]\nLoglevel=info\nPort=500\nColour=blue\n",
	  "tacit.conf:2: [Agent] has no key Loglevel=: did you mean "
	  "LogLevel=?\n"
	  "tacit.conf:3: Port= belongs to section [IKE]: move it there\n"
	  "tacit.conf:4: [Agent] has no key Colour=: remove it\n" },
	{ "[Agent]\nOnStop=open\nOnStop=open\n",
	  "tacit.conf:3: OnStop= is given twice, in line 2 already: remove "
	  "one\n" },
	{ "[Agent]\nOnStop=open\n[Agent]\nOnStop=closed\n",
	  "tacit.conf:4: OnStop= is given twice, in line 2 already: remove "
	  "one\n" },
	{ "[Agent]\nOnStop=open\n  LogLevel=info\n",
	  "tacit.conf:3: An indented line goes on with the key above it, and "
	  "OnStop= has one line: remove the indentation\n" },
	/* Values. */
	{ "[Agent]\nLogLevel=inof\nOnStop=shut\n[IKE]\nPort=0\nNATPort=65536\n"
	  "[Hold]\nQueueOffer=-1\nQueueRequire=x\nMarkBit=32\n",
	  "tacit.conf:2: LogLevel=inof: did you mean info?\n"
	  "tacit.conf:3: OnStop=shut: write open or closed\n"
	  "tacit.conf:5: Port=0: write a number from 1 to 65535\n"
	  "tacit.conf:6: NATPort=65536: write a number from 1 to 65535\n"
	  "tacit.conf:8: QueueOffer=-1: write a number from 0 to 65535\n"
	  "tacit.conf:9: QueueRequire=x: write a number from 0 to 65535\n"
	  "tacit.conf:10: MarkBit=32: write a number from 0 to 31\n" },
	{ "[Debug]\nCapture=ike.pcapng\n",
	  "tacit.conf:2: Capture=ike.pcapng: write a path that begins with "
	  "/\n" },
	{ "[Agent]\nLogLevel=\n",
	  "tacit.conf:2: LogLevel=: write debug, info, notice, warning or "
	  "error\n" },
	{ "[IKE]\nPort=4500\n", "tacit.conf:2: Port= and NATPort= are the "
				"same: give them different numbers\n" },
	{ "[Hold]\nMarkBit=23\n", "tacit.conf:2: MarkBit= and DNSMarkBit= are "
				  "the same: give them different numbers\n" },
	{ "[Hold]\nQueueRequire=7\nQueueOffer=7\n",
	  "tacit.conf:2: QueueOffer= and QueueRequire= are the same: give them "
	  "different numbers\n" },
	/* Policies. */
	{ "[Policy]\n# nothing but a comment\nWait=no\n",
	  "policy.d/x.conf:1: Encryption= is missing: add it with forbid, "
	  "allow, offer, require or block\n"
	  "policy.d/x.conf:1: Networks= is missing or empty: name those that "
	  "this policy is for, as in 10.0.0.0/8\n" },
	{ "[Policy]\nEncryption=ofer\nAuthentication=yes\nNetworks=10.0.0.0/8\n"
	  "Wait=perhaps\n",
	  "policy.d/x.conf:2: Encryption=ofer: did you mean offer?\n"
	  "policy.d/x.conf:3: Authentication=yes: write allow, offer or "
	  "require\n"
	  "policy.d/x.conf:5: Wait=perhaps: write yes or no\n" },
	{ "[Policy]\nEncryption=always\nAuthentication=requires\n"
	  "Networks=10.0.0.0/8\n",
	  "policy.d/x.conf:2: Encryption=always: write forbid, allow, offer, "
	  "require or block\n"
	  "policy.d/x.conf:3: Authentication=requires: did you mean "
	  "require?\n" },
	{ "[Policy]\nEncryption=offer\nNetworks=10.0.0.0/8\nDiscover=yes\n",
	  "policy.d/x.conf:4: Discover=yes: write always or dns\n" },
	{ "[Policy]\nEncryption=allow\nNetworks=10.0.0.0/8\nDiscover=dns\n",
	  "policy.d/x.conf:4: Discover= has no meaning with Encryption=allow: "
	  "remove it\n" },
	{ "[Policy]\nEncryption=forbid\nNetworks=10.0.0.0/8\nWait=no\n",
	  "policy.d/x.conf:4: Wait= has no meaning with Encryption=forbid: "
	  "remove it\n" },
	{ "[Policy]\nEncryption=allow\nNetworks=10.0.0.0/8\nWait=yes\n",
	  "policy.d/x.conf:4: Wait= has no meaning with Encryption=allow: "
	  "remove it\n" },
	{ "[Policy]\nWait=no\nEncryption=block\nNetworks=10.0.0.0/8\n",
	  "policy.d/x.conf:2: Wait= has no meaning with Encryption=block: "
	  "remove it\n" },
	{ "[Policy]\nWait=no\nEncryption=require\nNetworks=10.0.0.0/8\n",
	  "policy.d/x.conf:2: Encryption=require always holds the first "
	  "packets: remove Wait=no, or write Encryption=offer\n" },
	{ "[Policy]\nEncryption=offer\nMode=transport\nNetworks=10.0.0.0/8\n"
	  "ClientAddressTranslation=yes\n",
	  "policy.d/x.conf:5: ClientAddressTranslation=yes contradicts "
	  "Mode=transport: remove one of them\n" },
	{ "[Policy]\nEncryption=allow\nNetworks=10.0.0.0/8\n"
	  "ClientAddressTranslation=yes\n",
	  "policy.d/x.conf:4: ClientAddressTranslation= has no meaning with "
	  "Encryption=allow: remove it\n" },
	{ "[Policy]\nEncryption=offer\nNetworks=10.0.0.0/8\n"
	  "ClientAddressTranslation=some\n",
	  "policy.d/x.conf:4: ClientAddressTranslation=some: write yes or "
	  "no\n" },
	{ "[Policy]\nEncryption=offer\nNetworks=10.0.0.0/8\nGateway=some\n",
	  "policy.d/x.conf:4: Gateway=some: write yes or no\n" },
	{ "[Policy]\nEncryption=allow\nNetworks=10.0.0.0/8\nGateway=no\n",
	  "policy.d/x.conf:4: Gateway= has no meaning with Encryption=allow: "
	  "remove it\n" },
	{ "[Policy]\nEncryption=block\nNetworks=10.0.0.0/8\nGateway=yes\n",
	  "policy.d/x.conf:4: Gateway= has no meaning with Encryption=block: "
	  "remove it\n" },
	{ "[Policy]\nEncryption=offer\nNetworks=10.0.0.0/8\nGateway=yes\n"
	  "Ports=443/tcp\n",
	  "policy.d/x.conf:4: Gateway=yes contradicts Ports=: a host is behind "
	  "a gateway with all its traffic; remove one of them\n" },
	{ "[Policy]\nEncryption=offer\nNetworks=10.0.0.0/8\nGateway=yes\n"
	  "Mode=transport\n",
	  "policy.d/x.conf:4: Gateway=yes contradicts Mode=transport: remove "
	  "one of them\n" },
	{ "[Policy]\nEncryption=require\nNetworks=10.0.0.0/8\nWait=nope\n",
	  "policy.d/x.conf:4: Wait=nope: write yes or no\n" },
	{ "[Policy]\nEncryption=forbid\nNetworks=10.0.0.0/8\n"
	  "Authentication=require\n",
	  "policy.d/x.conf:4: Authentication=require contradicts "
	  "Encryption=forbid (nobody is talked to): remove it\n" },
	{ "[Policy]\nEncryption=offer\nNetworks=10.0.0.0/8\nWaitTime=31s\n"
	  "RetryTime=soon\nChildLifetime=8d\nChildBytes=1K\nChildPackets=99\n",
	  "policy.d/x.conf:4: WaitTime=31s: write a time from 1ms to 30s\n"
	  "policy.d/x.conf:5: RetryTime=soon: write a time such as 500ms, 2s, "
	  "5min or 4h\n"
	  "policy.d/x.conf:6: ChildLifetime=8d: write a time from 5min to 7d\n"
	  "policy.d/x.conf:7: ChildBytes=1K: write a size from 1M to 4095G, "
	  "such as 500M or 64G\n"
	  "policy.d/x.conf:8: ChildPackets=99: write a number from 100 to "
	  "4294967295\n" },
	{ "[Policy]\nEncryption=offer\nName=a b\nNetworks=10.0.0.0/8\n",
	  "policy.d/x.conf:3: Name=a b: a name has 1 to 63 letters, digits, - "
	  "_ or .\n" },
	{ "[Policy]\nEncryption=offer\nNetworks=10.0.0.1/8 10.0.0.0/33 "
	  "example.org\n         ::1/64\n",
	  "policy.d/x.conf:3: 10.0.0.1/8 has bits set behind its prefix "
	  "length: write 10.0.0.0/8\n"
	  "policy.d/x.conf:3: 10.0.0.0/33 has no good prefix length: write 0 "
	  "to 32 for IPv4, 0 to 128 for IPv6\n"
	  "policy.d/x.conf:3: example.org is not a network: write it as in "
	  "10.0.0.0/8 or 2001:db8::/32\n"
	  "policy.d/x.conf:4: ::1/64 has bits set behind its prefix length: "
	  "write ::/64\n" },
	{ "[Policy]\nEncryption=offer\nNetworks=10.0.0.0/8 # the office\n",
	  "policy.d/x.conf:3: A comment cannot follow Networks=: give it a "
	  "line of its own\n" },
	{ "[Policy]\nNetworks=10.0.0.0/8\n\tEncryption=offer\n",
	  "policy.d/x.conf:3: An indented line goes on with Networks= above "
	  "it, and Encryption=offer is no network: remove the indentation\n"
	  "policy.d/x.conf:1: Encryption= is missing: add it with forbid, "
	  "allow, offer, require or block\n" },
	{ "[Policy]\nEncryption=offer\nNetworks=\n",
	  "policy.d/x.conf:3: Networks= is missing or empty: name those that "
	  "this policy is for, as in 10.0.0.0/8\n" },
	{ "[Policy]\nEncryption=offer\nNetworks=10.0.0.0/8\nNetworks=11.0.0.0/8"
	  " 10.0.0.0/8\n",
	  "policy.d/x.conf:4: 10.0.0.0/8 is there already, at "
	  "policy.d/x.conf:3: remove one\n" },
	{ "[Policy]\nEncryption=offer\nNetworks=10.0.0.0/8\n"
	  "[Policy]\nEncryption=allow\nNetworks=11.0.0.0/8\n",
	  "policy.d/x.conf:4: [Policy] is here already, in line 1: a second "
	  "one needs a file of its own\n" },
};

static void test_bad(void **state)
{
	struct place *place = *state;

	for (size_t i = 0; i < COUNT(bad); i++) {
		const char *name = strstr(bad[i].text, "[Policy]")
					   ? "policy.d/x.conf"
					   : "tacit.conf";

		write_file(place->dir, "tacit.conf", "");
		write_file(place->dir, name, bad[i].text);
		expect_errors(place->dir, bad[i].errors);
		empty_dir(place->dir, "policy.d");
	}
}

static void test_twins(void **state)
{
	struct place *place = *state;

	write_file(place->dir, "policy.d/a.conf",
		   "[Policy]\nEncryption=offer\n"
		   "Networks=10.0.0.0/8\n         2001:db8::/32\n");
	write_file(place->dir, "policy.d/b.conf",
		   "# b\n[Policy]\nName=a\nEncryption=allow\n"
		   "Networks=2001:db8::/32\nNetworks=192.0.2.0/24\n");
	write_file(place->dir, "policy.d/c.conf",
		   "[Policy]\nEncryption=allow\nNetworks=10.0.0.0/8\n");
	expect_errors(place->dir,
		      "policy.d/b.conf:3: There is a policy a already, at "
		      "policy.d/a.conf:1: give this one another Name=\n"
		      "policy.d/c.conf:3: 10.0.0.0/8 is there already, at "
		      "policy.d/a.conf:3: remove one\n"
		      "policy.d/b.conf:5: 2001:db8::/32 is there already, at "
		      "policy.d/a.conf:4: remove one\n");
}

static void test_drop_in_errors(void **state)
{
	struct place *place = *state;

	write_file(place->dir, "tacit.conf", "[IKE]\nPort=1\n\nNATPort=2\n");
	write_file(place->dir, "tacit.conf.d/a.conf", "[IKE]\nPort=x\n");
	write_file(place->dir, "tacit.conf.d/b.conf", "\n[IKE]\nPort=2\n");
	write_file(place->dir, "policy.d/bad name.conf",
		   "[Policy]\nEncryption=offer\nNetworks=10.0.0.0/8\n");
	expect_errors(
		place->dir,
		"tacit.conf.d/a.conf:2: Port=x: write a number from 1 to "
		"65535\n"
		"tacit.conf:4: Port= and NATPort= are the same: give them "
		"different numbers\n"
		"policy.d/bad name.conf: This file's name is no policy name (1 "
		"to 63 letters, digits, - _ or .): rename it, or give Name=\n");
}

/* What is no file, and what is no text. */
static void test_not_files(void **state)
{
	static const char binary[] =
		"[Policy]\nName=c\0c\nEncryption=offer\nNetworks=::/0\n";
	struct place *place = *state;
	char path[512];

	path_of(path, sizeof(path), place->dir, "tacit.conf");
	assert_int_equal(mkfifo(path, 0600), 0);
	path_of(path, sizeof(path), place->dir, "policy.d/a.conf");
	assert_int_equal(mkdir(path, 0700), 0);
	path_of(path, sizeof(path), place->dir, "policy.d/b.conf");
	assert_int_equal(symlink("/nonexistent", path), 0);
	write_bytes(place->dir, "policy.d/c.conf", binary, sizeof(binary) - 1);

	expect_errors(place->dir,
		      "tacit.conf: This is not a regular file: remove it\n"
		      "policy.d/a.conf: This is not a regular file: remove it\n"
		      "policy.d/b.conf: Cannot be read: No such file or "
		      "directory\n"
		      "policy.d/c.conf:2: There is a zero byte in this line: "
		      "this is not a text file\n");
	path_of(path, sizeof(path), place->dir, "policy.d/a.conf");
	assert_int_equal(rmdir(path), 0);
}

static void test_missing_dir(void **state)
{
	struct config_errors e;
	struct config *c;

	(void)state;
	assert_int_equal(config_load("/nonexistent/tacit", &c, &e), -EINVAL);
	assert_int_equal(e.count, 1);
	assert_string_equal(e.list[0].file, "/nonexistent/tacit");
	assert_non_null(strstr(e.list[0].message, "No such file"));
	config_errors_done(&e);
}

/* A line that inih has no room for is said, not cut in two; a comment is
 * never too long. */
static void test_long_lines(void **state)
{
	struct place *place = *state;
	char text[2048] = "[Policy]\nEncryption=offer\nNetworks=", *at;
	struct config_errors e;
	struct config *c;

	at = text + strlen(text);
	for (int i = 0; i < 60; i++)
		at += sprintf(at, "10.%d.0.0/16 ", i);
	strcpy(at, "\nNetworks=11.0.0.0/8\nOops=1\n");
	write_file(place->dir, "policy.d/x.conf", text);
	assert_int_equal(config_load(place->dir, &c, &e), -EINVAL);
	assert_int_equal(e.count, 2);
	assert_int_equal(e.list[0].line, 3);
	assert_non_null(strstr(e.list[0].message, "This line is longer than"));
	assert_int_equal(e.list[1].line, 5);
	config_errors_done(&e);

	at = text;
	*at++ = '#';
	memset(at, 'x', 1000);
	strcpy(at + 1000,
	       "\n[Policy]\nEncryption=offer\nNetworks=11.0.0.0/8\n");
	write_file(place->dir, "policy.d/x.conf", text);
	c = load(place->dir);
	assert_int_equal(policy_table_at(c->policies, 0)->line, 2);
	config_free(c);
}

static void test_many_errors(void **state)
{
	struct place *place = *state;
	struct config_errors e;
	struct config *c;
	char text[4096] = "[Agent]\n";

	for (unsigned i = 0; i < LIMIT_CONFIG_ERRORS + 10; i++)
		strcat(text, "Unheard=of\n");
	write_file(place->dir, "tacit.conf", text);
	assert_int_equal(config_load(place->dir, &c, &e), -EINVAL);
	assert_int_equal(e.count, LIMIT_CONFIG_ERRORS);
	assert_int_equal(e.dropped, 10);
	log_open("test-config", LOG_EMERG);
	config_errors_log(&e);
	config_errors_done(&e);
	assert_int_equal(e.count, 0);
}

static void test_warning(void **state)
{
	static const char want[] =
		"policy.d/x.conf:3: Authentication=require, and no peer has a "
		"key in keys.d: every peer of this policy will be refused\n";
	struct place *place = *state;
	struct config_errors e;
	struct config *c;
	char text[1024];

	write_file(place->dir, "policy.d/x.conf",
		   "[Policy]\nEncryption=require\nAuthentication=require\n"
		   "Networks=10.0.0.0/8\n");
	assert_int_equal(config_load(place->dir, &c, &e), 0);
	assert_int_equal(e.count, 0);
	errors_text(e.warnings, e.n_warnings, place->dir, text, sizeof(text));
	assert_string_equal(text, want);
	assert_int_equal(policy_for(c, "10.0.0.1")->auth, POLICY_AUTH_REQUIRE);
	config_errors_done(&e);
	config_free(c);
}

static void test_limits(void **state)
{
	struct place *place = *state;
	char name[64], text[128];

	for (unsigned i = 0; i <= LIMIT_POLICIES; i++) {
		snprintf(name, sizeof(name), "policy.d/p%04u.conf", i);
		snprintf(text, sizeof(text),
			 "[Policy]\nEncryption=allow\nNetworks=10.%u.%u.0/24\n",
			 i / 256, i % 256);
		write_file(place->dir, name, text);
	}
	expect_errors(place->dir,
		      "policy.d/p1024.conf: There are more than 1024 policies: "
		      "use fewer, with more networks each\n");
}

static void test_too_many_networks(void **state)
{
	struct place *place = *state;
	char path[512];
	FILE *f;

	path_of(path, sizeof(path), place->dir, "policy.d/x.conf");
	f = fopen(path, "we");
	assert_non_null(f);
	fprintf(f, "[Policy]\nEncryption=allow\n");
	for (unsigned i = 0; i < LIMIT_POLICY_NETWORKS + 3; i++)
		fprintf(f, "Networks=10.%u.%u.%u\n", i >> 16, (i >> 8) & 255,
			i & 255);
	fclose(f);
	expect_errors(place->dir,
		      "policy.d/x.conf:65539: There are more than 65536 "
		      "networks in all: use fewer, larger ones\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_builtin),
		TEST(test_main),
		TEST(test_drop_ins),
		TEST(test_policy_files),
		TEST(test_debug),
		TEST(test_lookup_time),
		TEST(test_examples),
		TEST(test_bad),
		TEST(test_twins),
		TEST(test_drop_in_errors),
		TEST(test_not_files),
		TEST(test_missing_dir),
		TEST(test_long_lines),
		TEST(test_many_errors),
		TEST(test_warning),
		TEST(test_limits),
		TEST(test_too_many_networks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
