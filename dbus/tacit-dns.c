/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus/tacit-dns.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dbus/names.h"
#include "util/exitcode.h"

int tacit_dns_ask(struct tacit_client *c, sd_bus_message **ret_reply,
		  struct tacit_dict *ret)
{
	sd_bus_message *reply;
	int code = tacit_client_call(c, DBUS_INTERFACE, "GetDNS", &reply, "");

	if (code != EXIT_OK)
		return code;
	if (tacit_dict_read(reply, ret) != 1) {
		sd_bus_message_unref(reply);
		return tacit_client_bad_reply();
	}
	*ret_reply = reply;
	return EXIT_OK;
}

/* A list of the dictionary, with NULL at its end; NULL: empty, or no memory. */
static const char **list_of(const struct tacit_dict *d, const char *key)
{
	const struct tacit_entry *e = tacit_dict_get(d, key);
	const char **list;

	if (!e || e->type != 'a' || !e->n_list)
		return NULL;
	list = calloc(e->n_list + 1, sizeof(*list));
	if (list)
		memcpy(list, e->list, e->n_list * sizeof(*list));
	return list;
}

static void no_resolver(const struct tacit_dict *dns, int error,
			char why[static TACIT_DNS_WHY_LEN])
{
	const char *fault = tacit_dict_text(dns, "Fault");

	if (*fault)
		snprintf(why, TACIT_DNS_WHY_LEN, "nothing can be looked up: %s",
			 fault);
	else if (!tacit_dict_bool(dns, "Lookup"))
		snprintf(why, TACIT_DNS_WHY_LEN,
			 "this host looks nothing up (Lookup=no in "
			 "tacit.conf)");
	else if (error == -ENOENT)
		snprintf(why, TACIT_DNS_WHY_LEN,
			 "no file of TrustAnchors= can be read by you: without "
			 "a trust anchor nothing can be judged");
	else
		snprintf(why, TACIT_DNS_WHY_LEN,
			 "the resolver cannot be started: %s",
			 strerror(-error));
}

bool tacit_dns_open(const struct tacit_dict *dns, struct resolver **ret,
		    char why[static TACIT_DNS_WHY_LEN])
{
	const char **anchors = list_of(dns, "TrustAnchors");
	const char **servers = list_of(dns, "Servers");
	const char **zones = list_of(dns, "Zones");
	const char *hints = tacit_dict_text(dns, "RootHints");
	const struct resolver_config config = {
		.anchors = anchors,
		.forwarders = servers,
		.zones = zones,
		.tls = tacit_dict_bool(dns, "TLS"),
		.root_hints = *hints ? hints : NULL,
	};
	int r = anchors ? resolver_new(&config, ret) : -ENOENT;

	free(anchors);
	free(servers);
	free(zones);
	if (r < 0)
		no_resolver(dns, r, why);
	return r == 0;
}

int tacit_dns_resolver(const struct tacit_dict *dns, struct resolver **ret)
{
	char why[TACIT_DNS_WHY_LEN];

	if (tacit_dns_open(dns, ret, why))
		return EXIT_OK;
	fprintf(stderr, "tacit: %s\n", why);
	return EXIT_FAILED;
}

static uint64_t clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

bool tacit_dns_wait(struct resolver *r, unsigned ms)
{
	struct pollfd p = { .fd = resolver_fd(r), .events = POLLIN };
	uint64_t now = clock_ms(), end = now + ms;

	for (; resolver_pending(r) && now < end; now = clock_ms()) {
		if (poll(&p, 1, (int)(end - now)) > 0)
			resolver_process(r);
	}
	return resolver_pending(r) == 0;
}
