/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus/tacit-own.h"

#include <errno.h>
#include <netdb.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dbus/names.h"
#include "util/exitcode.h"

bool tacit_own_is_published(const struct tacit_own_key *k)
{
	return k->stage != KEY_RETIRED;
}

/* --- keys ------------------------------------------------------------------- */

static enum key_stage stage_of(const char *text)
{
	unsigned s = 0;

	while (s < KEY_STAGES && strcmp(text, key_stage_name(s)) != 0)
		s++;
	return s < KEY_STAGES ? s : KEY_RETIRED;
}

/* -EBADMSG: not base64. */
static int decode(const char *text, uint8_t *buf, size_t size)
{
	size_t len = strlen(text), pad = 0;

	if (len % 4 || !len || len / 4 * 3 > size)
		return -EBADMSG;
	while (pad < 2 && text[len - 1 - pad] == '=')
		pad++;
	if (EVP_DecodeBlock(buf, (const unsigned char *)text, (int)len) < 0)
		return -EBADMSG;
	return (int)(len / 4 * 3 - pad);
}

static int add_key(struct tacit_own *own, const struct tacit_dict *d)
{
	struct tacit_own_key *k = &own->keys[own->n_keys];
	uint8_t spki[LIMIT_IKE_SPKI + 8];
	int len = decode(tacit_dict_text(d, "PublicKey"), spki, sizeof(spki));
	int r = len < 0 ? len : own_record_make(spki, (size_t)len, &k->record);

	if (own->n_keys == LIMIT_OWN_KEYS || (r < 0 && r != -EOPNOTSUPP))
		return -EBADMSG;
	snprintf(k->name, sizeof(k->name), "%s", tacit_dict_text(d, "Name"));
	snprintf(k->type, sizeof(k->type), "%s", tacit_dict_text(d, "Type"));
	snprintf(k->fingerprint, sizeof(k->fingerprint), "%s",
		 tacit_dict_text(d, "Fingerprint"));
	k->stage = stage_of(tacit_dict_text(d, "Stage"));
	if (r == 0)
		own->n_keys++;
	else
		fprintf(stderr,
			"tacit: the key %s (%s) is left out: there is no form "
			"for its kind in DNS (RFC 4025)\n",
			k->name, k->type);
	return 0;
}

static int read_keys(struct tacit_client *c, struct tacit_own *own)
{
	struct tacit_dict d;
	sd_bus_message *m;
	int code, r;

	code = tacit_client_call(c, DBUS_INTERFACE, "ListKeys", &m, "");
	if (code != EXIT_OK)
		return code;
	r = sd_bus_message_enter_container(m, 'a', "a{sv}");
	while (r >= 0 && (r = tacit_dict_read(m, &d)) > 0) {
		r = add_key(own, &d);
		tacit_dict_done(&d);
	}
	sd_bus_message_unref(m);
	if (r < 0)
		return tacit_client_bad_reply();
	if (own->n_keys)
		return EXIT_OK;
	fprintf(stderr, "tacit: this host has no key to publish: see "
			"journalctl -u tacit-keyd\n");
	return EXIT_FAILED;
}

/* --- names ------------------------------------------------------------------ */

/* A host's name (RFC 1123 2.1), and more than one label. */
static bool is_host_name(const char *name)
{
	size_t label = 0, labels = 1, len = strlen(name);

	if (len && name[len - 1] == '.')
		len--;
	if (!len || len > 253)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = name[i];
		bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			    (c >= '0' && c <= '9') || c == '-' || c == '_';

		if (c == '.' ? label == 0 : !good || ++label > 63)
			return false;
		if (c == '.') {
			label = 0;
			labels++;
		}
	}
	return labels > 1 && label;
}

/* "localhost.localdomain" and the like are nobody's. */
static bool is_somebody(const char *name)
{
	return is_host_name(name) && strncmp(name, "localhost.", 10) != 0;
}

/* As hostname -f has it; this may ask DNS. */
static bool own_name(char *buf, size_t size)
{
	const struct addrinfo hints = { .ai_flags = AI_CANONNAME,
					.ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;

	if (gethostname(buf, size) < 0)
		return false;
	buf[size - 1] = '\0';
	if (is_somebody(buf))
		return true;
	if (getaddrinfo(buf, NULL, &hints, &list) != 0)
		return false;
	if (list->ai_canonname)
		snprintf(buf, size, "%s", list->ai_canonname);
	freeaddrinfo(list);
	return is_somebody(buf);
}

static void add_owner(struct tacit_own *own, const char *name, bool reverse)
{
	struct tacit_owner *o = &own->owners[own->n_owners];
	size_t len = strlen(name);

	if (own->n_owners == sizeof(own->owners) / sizeof(own->owners[0]))
		return;
	snprintf(o->name, sizeof(o->name), "%s%s", name,
		 len && name[len - 1] == '.' ? "" : ".");
	o->reverse = reverse;
	own->n_owners++;
}

static int add_forward(struct tacit *t, const struct tacit_dict *dns,
		       struct tacit_own *own)
{
	const char *given = t->options[TACIT_NAME];
	const char *identity = tacit_dict_text(dns, "LocalIdentity");
	char name[256];

	if (given && !is_host_name(given)) {
		fprintf(stderr,
			"tacit: \"%s\" is not the full name of a host, like "
			"host.example.org\n",
			given);
		return EXIT_USAGE;
	}
	if (!given && identity[0] == '@')
		given = identity + 1;
	if (!given && own_name(name, sizeof(name)))
		given = name;
	if (given)
		add_owner(own, given, false);
	return EXIT_OK;
}

static void add_reverse(const struct tacit_dict *dns, struct tacit_own *own)
{
	const struct tacit_entry *e = tacit_dict_get(dns, "Addresses");
	char name[NAME_STRLEN];
	struct addr a;

	for (size_t i = 0; e && e->type == 'a' && i < e->n_list; i++)
		if (addr_parse(e->list[i], &a) == 0 &&
		    name_of_address(&a, name) == 0)
			add_owner(own, name, true);
}

static int no_names(const struct tacit *t)
{
	if (t->options[TACIT_REVERSE])
		fprintf(stderr, "tacit: this host has no address that DNS "
				"could know it by\n");
	else
		fprintf(stderr,
			"tacit: this host does not know its full name: say it "
			"with --name host.example.org, or set LocalIdentity= "
			"in tacit.conf\n");
	return EXIT_FAILED;
}

static int read_names(struct tacit *t, const struct tacit_dict *dns,
		      struct tacit_own *own)
{
	bool forward = t->options[TACIT_FORWARD];
	bool reverse = t->options[TACIT_REVERSE];
	int code = EXIT_OK;

	if (forward || !reverse)
		code = add_forward(t, dns, own);
	if (code != EXIT_OK)
		return code;
	if (!own->n_owners && !reverse) {
		(void)no_names(t);
		if (forward)
			return EXIT_FAILED;
	}
	if (reverse || !forward)
		add_reverse(dns, own);
	return own->n_owners ? EXIT_OK : no_names(t);
}

int tacit_own_read(struct tacit *t, struct tacit_client *c,
		   const struct tacit_dict *dns, struct tacit_own **ret)
{
	struct tacit_own *own = calloc(1, sizeof(*own));
	int code;

	if (!own) {
		fprintf(stderr, "tacit: out of memory\n");
		return EXIT_FAILED;
	}
	code = read_keys(c, own);
	if (code == EXIT_OK)
		code = read_names(t, dns, own);
	if (code != EXIT_OK)
		free(own);
	else
		*ret = own;
	return code;
}
