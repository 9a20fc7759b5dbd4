/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus/tacit-verdict.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int tacit_target_parse(const char *text, char ret_host[static TACIT_HOST_LEN],
		       struct tacit_target *ret)
{
	struct tacit_target t = { .own = false };
	const char *host = text, *service = NULL;
	size_t len = strlen(text);

	if (*text == '[') {
		host++;
		len = strcspn(host, "]");
		if (host[len] != ']' || (host[len + 1] && host[len + 1] != ':'))
			return -EINVAL;
		if (host[len + 1])
			service = host + len + 2;
	} else if (strchr(text, ':') &&
		   strchr(text, ':') == strrchr(text, ':')) {
		/* More of them are an IPv6 address. */
		len = strcspn(text, ":");
		service = text + len + 1;
	}
	if (!len || len >= TACIT_HOST_LEN ||
	    (service && service_parse(service, &t.service) < 0))
		return -EINVAL;
	memcpy(ret_host, host, len);
	ret_host[len] = '\0';
	*ret = t;
	return 0;
}

__attribute__((format(printf, 3, 4))) static void say(struct tacit_verdict *v,
						      const char *outcome,
						      const char *format, ...)
{
	va_list ap;

	v->outcome = outcome;
	va_start(ap, format);
	vsnprintf(v->why, sizeof(v->why), format, ap);
	va_end(ap);
}

/* What no policy changes. */
static bool is_exempt(const struct tacit_target *t, struct tacit_verdict *v)
{
	struct addr broadcast = { .family = AF_INET };

	memset(broadcast.bytes, 0xff, 4);
	if (addr_is_loopback(&t->address) || t->own)
		say(v, "clear",
		    "It stays within this host, which is always in the clear.");
	else if (addr_is_multicast(&t->address) ||
		 addr_equal(&t->address, &broadcast))
		say(v, "clear",
		    "It is for many, and always in the clear: IPsec is between "
		    "two.");
	else
		return false;
	return true;
}

static void offer(const struct tacit_dict *d, bool if_key,
		  struct tacit_verdict *v)
{
	if (tacit_dict_bool(d, "Wait"))
		say(v, "held",
		    "%s, at most %" PRIu64
		    " ms; where the peer cannot, it goes out in the clear.",
		    if_key ? "It waits until DNS has been asked for a key of "
			     "that host and, where there is one, until it is "
			     "encrypted"
			   : "It waits until it is encrypted",
		    tacit_dict_number(d, "WaitTimeMs"));
	else if (if_key)
		say(v, "clear-first",
		    "It goes out in the clear while DNS is asked for a key of "
		    "that host. Where there is one, the packets that follow "
		    "are encrypted.");
	else
		say(v, "clear-first",
		    "It goes out in the clear while IKE is tried with that "
		    "host; the packets that follow are encrypted, if it can.");
}

static void by_policy(const struct tacit_dict *d, struct tacit_verdict *v)
{
	const char *level = tacit_dict_text(d, "Level");
	bool if_key = !strcmp(tacit_dict_text(d, "Discover"), "dns") &&
		      !tacit_dict_bool(d, "KeyFile");

	if (!*tacit_dict_text(d, "Policy"))
		say(v, "clear",
		    "No policy covers this address: always in the clear.");
	else if (!strcmp(level, "block"))
		say(v, "dropped", "Nothing passes, in either direction.");
	else if (!strcmp(level, "require"))
		say(v, "held",
		    "It waits until it is encrypted, at most %" PRIu64
		    " ms, and is dropped then: it is never in the clear.",
		    tacit_dict_number(d, "WaitTimeMs"));
	else if (!strcmp(level, "offer"))
		offer(d, if_key, v);
	else if (!strcmp(level, "allow"))
		say(v, "clear",
		    "It goes out in the clear, unless the peer has begun IKE: "
		    "this host does not.");
	else
		say(v, "clear",
		    "Always in the clear; a peer who asks is refused.");
}

void tacit_verdict_find(const struct tacit_target *t,
			const struct tacit_dict *policy,
			struct tacit_verdict *ret)
{
	size_t len;

	if (is_exempt(t, ret))
		return;
	by_policy(policy, ret);
	len = strlen(ret->why);
	if (t->service.port == 53 || t->service.port == 853)
		snprintf(ret->why + len, sizeof(ret->why) - len,
			 " If that is a name server of this host: always in "
			 "the clear.");
}
