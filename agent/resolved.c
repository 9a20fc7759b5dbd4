/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One round of questions at a time: the manager's properties, then of each link
 * with servers whether it is a default route. A round that was overtaken by
 * news is followed by another.
 */
#include "agent/resolved.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "util/log.h"

#define SERVICE "org.freedesktop.resolve1"
#define MANAGER "/org/freedesktop/resolve1"
#define LINK	"/org/freedesktop/resolve1/link"

struct resolved {
	sd_event *event;
	void (*changed)(void *user);
	void *user;
	sd_bus *bus;
	sd_bus_slot *news, *question;
	struct resolved_state now, next;
	bool known, asking, again;
	size_t link; /* the server whose link is being asked about */
};

static void ask_link(struct resolved *r);

/* --- reading ------------------------------------------------------------------ */

static int read_server(sd_bus_message *m, bool extended,
		       struct resolved_server *ret)
{
	struct resolved_server s = { 0 };
	const void *bytes;
	const char *name = "";
	uint16_t port = 0;
	int32_t link, family;
	size_t len;
	int rc = sd_bus_message_enter_container(m, 'r',
						extended ? "iiayqs" : "iiay");

	if (rc <= 0)
		return rc;
	rc = sd_bus_message_read(m, "ii", &link, &family);
	if (rc >= 0)
		rc = sd_bus_message_read_array(m, 'y', &bytes, &len);
	if (rc >= 0 && extended)
		rc = sd_bus_message_read(m, "qs", &port, &name);
	if (rc >= 0)
		rc = sd_bus_message_exit_container(m);
	if (rc < 0)
		return rc;
	s.at.addr.family = (uint16_t)family;
	if (!addr_len(&s.at.addr) || len != addr_len(&s.at.addr) ||
	    strlen(name) > RESOLVED_NAME_MAX)
		return 1; /* one that we cannot ask */
	memcpy(s.at.addr.bytes, bytes, len);
	if (addr_is_linklocal(&s.at.addr))
		s.at.addr.scope = (uint32_t)link;
	s.at.port = port;
	s.link = link;
	strcpy(s.name, name);
	*ret = s;
	return 1;
}

static int read_servers(sd_bus_message *m, bool extended,
			struct resolved_state *s)
{
	int rc = sd_bus_message_enter_container(
		m, 'a', extended ? "(iiayqs)" : "(iiay)");
	struct resolved_server one;

	if (rc < 0)
		return rc;
	s->n_servers = 0;
	for (;;) {
		one.at.addr.family = AF_UNSPEC;
		rc = read_server(m, extended, &one);
		if (rc <= 0)
			break;
		if (one.at.addr.family && s->n_servers < LIMIT_NAMESERVERS)
			s->servers[s->n_servers++] = one;
	}
	return rc < 0 ? rc : sd_bus_message_exit_container(m);
}

static int read_domains(sd_bus_message *m, struct resolved_state *s)
{
	int rc = sd_bus_message_enter_container(m, 'a', "(isb)");
	struct resolved_domain *d;
	const char *name;
	int32_t link;
	int routes;

	if (rc < 0)
		return rc;
	s->n_domains = 0;
	while ((rc = sd_bus_message_read(m, "(isb)", &link, &name, &routes)) >
	       0) {
		if (s->n_domains == LIMIT_RESOLVED_DOMAINS ||
		    strlen(name) > RESOLVED_NAME_MAX)
			continue;
		d = &s->domains[s->n_domains++];
		d->link = link;
		strcpy(d->name, *name ? name : ".");
	}
	return rc < 0 ? rc : sd_bus_message_exit_container(m);
}

/* One property: its name, then a variant. */
static int read_property(sd_bus_message *m, struct resolved_state *s)
{
	const char *name, *type;
	bool extended;
	int rc = sd_bus_message_read(m, "s", &name);

	if (rc < 0)
		return rc;
	extended = !strcmp(name, "DNSEx");
	type = extended			  ? "a(iiayqs)"
	       : !strcmp(name, "DNS")	  ? "a(iiay)"
	       : !strcmp(name, "Domains") ? "a(isb)"
					  : NULL;
	/* Before version 246 there is only DNS; they come in this order. */
	if (!type)
		return sd_bus_message_skip(m, "v");
	rc = sd_bus_message_enter_container(m, 'v', type);
	if (rc < 0)
		return rc;
	rc = strcmp(name, "Domains") ? read_servers(m, extended, s)
				     : read_domains(m, s);
	return rc < 0 ? rc : sd_bus_message_exit_container(m);
}

static int read_manager(sd_bus_message *m, struct resolved_state *s)
{
	int rc = sd_bus_message_enter_container(m, 'a', "{sv}");

	while (rc >= 0 &&
	       (rc = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		rc = read_property(m, s);
		if (rc >= 0)
			rc = sd_bus_message_exit_container(m);
	}
	return rc;
}

/* --- asking -------------------------------------------------------------------- */

static void over(struct resolved *r, bool good)
{
	r->question = sd_bus_slot_unref(r->question);
	r->asking = false;
	if (good) {
		r->now = r->next;
		r->known = true;
		r->changed(r->user);
	}
	if (r->again) {
		r->again = false;
		resolved_refresh(r);
	}
}

static int on_link(sd_bus_message *m, void *user, sd_bus_error *error)
{
	struct resolved *r = user;
	struct resolved_state *s = &r->next;
	int is_default = 1;

	(void)error;
	/* A link that went meanwhile, or a resolved that does not tell. */
	if (!sd_bus_message_is_method_error(m, NULL))
		(void)sd_bus_message_read(m, "v", "b", &is_default);
	if (is_default)
		s->defaults[s->n_defaults++] = s->servers[r->link].link;
	r->link++;
	ask_link(r);
	return 0;
}

static bool is_asked(const struct resolved_state *s, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (s->servers[k].link == s->servers[i].link)
			return true;
	return s->servers[i].link <= 0;
}

/* The next link that is not asked about yet. */
static void ask_link(struct resolved *r)
{
	const struct resolved_state *s = &r->next;
	char number[16];
	char *path = NULL;
	int rc;

	r->question = sd_bus_slot_unref(r->question);
	while (r->link < s->n_servers && is_asked(s, r->link))
		r->link++;
	if (r->link == s->n_servers) {
		over(r, true);
		return;
	}
	snprintf(number, sizeof(number), "%d", s->servers[r->link].link);
	rc = sd_bus_path_encode(LINK, number, &path);
	if (rc >= 0)
		rc = sd_bus_call_method_async(
			r->bus, &r->question, SERVICE, path,
			"org.freedesktop.DBus.Properties", "Get", on_link, r,
			"ss", SERVICE ".Link", "DefaultRoute");
	free(path);
	if (rc < 0)
		over(r, false);
}

static int on_manager(sd_bus_message *m, void *user, sd_bus_error *error)
{
	struct resolved *r = user;

	(void)error;
	r->next = (struct resolved_state){ 0 };
	if (sd_bus_message_is_method_error(m, NULL) ||
	    read_manager(m, &r->next) < 0) {
		over(r, false);
		return 0;
	}
	r->link = 0;
	ask_link(r);
	return 0;
}

static int on_news(sd_bus_message *m, void *user, sd_bus_error *error)
{
	(void)m;
	(void)error;
	resolved_refresh(user);
	return 0;
}

static void hang_up(struct resolved *r)
{
	r->question = sd_bus_slot_unref(r->question);
	r->news = sd_bus_slot_unref(r->news);
	r->bus = sd_bus_close_unref(r->bus);
	r->asking = r->again = false;
}

/* 0; or no bus is there, which is no news. */
static int connect_bus(struct resolved *r)
{
	int rc;

	if (r->bus && sd_bus_is_open(r->bus) > 0)
		return 0;
	hang_up(r);
	rc = sd_bus_open_system(&r->bus);
	if (rc >= 0)
		rc = sd_bus_attach_event(r->bus, r->event, 0);
	if (rc >= 0)
		rc = sd_bus_match_signal_async(
			r->bus, &r->news, SERVICE, MANAGER,
			"org.freedesktop.DBus.Properties", "PropertiesChanged",
			on_news, NULL, r);
	if (rc < 0)
		hang_up(r);
	return rc;
}

void resolved_refresh(struct resolved *r)
{
	if (connect_bus(r) < 0)
		return;
	if (r->asking) {
		r->again = true;
		return;
	}
	r->asking = sd_bus_call_method_async(
			    r->bus, &r->question, SERVICE, MANAGER,
			    "org.freedesktop.DBus.Properties", "GetAll",
			    on_manager, r, "s", SERVICE ".Manager") >= 0;
}

const struct resolved_state *resolved_get(const struct resolved *r)
{
	return r->known ? &r->now : NULL;
}

int resolved_new(sd_event *event, void (*changed)(void *user), void *user,
		 struct resolved **ret)
{
	struct resolved *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->event = sd_event_ref(event);
	r->changed = changed;
	r->user = user;
	*ret = r;
	return 0;
}

struct resolved *resolved_free(struct resolved *r)
{
	if (!r)
		return NULL;
	hang_up(r);
	sd_event_unref(r->event);
	free(r);
	return NULL;
}
