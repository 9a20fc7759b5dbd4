/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/negotiation.h"
#include "agent/waiters.h"
#include "dbus/names.h"

/* Our address towards this one, as the routes are now. */
static int local_address(const struct addr *remote, struct addr *ret)
{
	const struct endpoint there = { .addr = *remote, .port = 9 };
	struct sockaddr_storage sa;
	struct endpoint here;
	socklen_t len = endpoint_to_sockaddr(&there, &sa);
	int fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sa, len) < 0)
		r = -errno;
	len = sizeof(sa);
	if (r == 0 && getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
		r = -errno;
	close(fd);
	if (r == 0)
		r = endpoint_from_sockaddr((struct sockaddr *)&sa, len, &here);
	if (r == 0)
		*ret = here.addr;
	return r;
}

__attribute__((format(printf, 4, 5))) static void refuse(struct agent *a,
							 struct handle call,
							 const char *error,
							 const char *format,
							 ...)
{
	char text[256];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	dbus_pending_fail(dbus_server_pending(a->bus), call, error, text);
}

static void control_connect(void *user, const struct addr *remote,
			    struct handle call)
{
	struct agent *a = user;
	const struct policy *p = policy_table_lookup(
		a->config->policies, flow_table_host(a->flows, remote));
	char text[ADDR_STRLEN];
	struct addr local;
	struct flow *f;
	int r;

	addr_format(remote, text);
	if (!negotiation_wanted_by(p)) {
		refuse(a, call, DBUS_ERROR_POLICY_FORBIDS,
		       p ? "No SA is made with %s: it is under policy %s, "
			   "which says %s."
			 : "No policy covers %s.",
		       text, p ? p->name : "",
		       p ? policy_level_name(p->level) : "");
		return;
	}
	r = local_address(remote, &local);
	/* What is blocked has a shunt, which connect() meets. */
	f = flow_table_get_remote(a->flows, remote);
	if (r == -EPERM && f) {
		local = f->local;
		r = 0;
	}
	if (r == 0 && addr_equal(&local, remote))
		r = -EHOSTUNREACH; /* ourselves */
	if (r == 0)
		r = negotiation_connect(a, &local, remote, &f);
	if (r < 0)
		refuse(a, call, DBUS_ERROR_NOT_ENCRYPTED,
		       "There is no way to %s: %s.", text, strerror(-r));
	else
		waiters_add(a, f, call);
}

static int control_disconnect(void *user, const struct addr *remote)
{
	return negotiation_disconnect(user, remote);
}

static void control_set_debug(void *user, int level, const struct addr *peer)
{
	char text[ADDR_STRLEN];

	(void)user;
	if (peer->family) {
		log_set_peer(peer, level);
		log_notice("Log level %d for %s", level,
			   addr_format(peer, text));
		return;
	}
	log_set_peer(NULL, 0);
	log_set_level(level);
	log_notice("Log level %d", level);
}

static int control_capture(void *user, const struct addr *peer,
			   uint32_t seconds, int *ret_fd)
{
	struct agent *a = user;
	int r = capture_stream_open(&a->streams, a->event, peer, seconds,
				    ret_fd);

	agent_set_tap(a);
	return r;
}

static void control_traffic(void *user, uint32_t limit, struct handle call)
{
	traffic_list(user, limit, call);
}

static void control_explain(void *user, const struct addr *remote,
			    const struct service *service, struct handle call)
{
	explain_peer(user, remote, service, call);
}

/* The link hands the call back with netd's reply, as it does with flows. */
static void control_repair(void *user, struct handle call)
{
	struct agent *a = user;
	struct record r;

	if (!link_is_up(a->link)) {
		refuse(a, call, DBUS_ERROR_NOT_ENCRYPTED,
		       "tacit-netd does not answer: see its log.");
		return;
	}
	record_init(&r, RECORD_REPAIR, 0);
	link_request(a->link, call, &r);
}

void control_on_repaired(struct agent *a, struct handle call,
			 const struct record_reply *reply)
{
	if (reply->error < 0) {
		refuse(a, call, SD_BUS_ERROR_FAILED,
		       "Not all could be put right: %s. See tacit-netd's log.",
		       strerror(-reply->error));
		return;
	}
	dbus_pending_return_number(dbus_server_pending(a->bus), call,
				   reply->count);
}

/* A call that waits for the configuration to be read. */
struct reload_call {
	struct reload_call *next;
	struct handle call;
	bool later; /* what is being read was begun before it was made */
};

static void answer_reload(struct agent *a, struct handle call)
{
	struct dbus_pending *calls = dbus_server_pending(a->bus);

	if (!a->reload.error)
		dbus_pending_return(calls, call);
	else
		dbus_pending_fail(calls, call, DBUS_ERROR_BAD_CONFIGURATION,
				  a->reload.why);
}

static void control_on_reloaded(struct agent *a)
{
	struct reload_call **at = &a->reload_calls, *c;
	struct flow *f;
	uint32_t cursor = 0;

	while ((c = *at)) {
		if (c->later) {
			c->later = false;
			at = &c->next;
			continue;
		}
		*at = c->next;
		answer_reload(a, c->call);
		free(c);
	}
	if (a->reload.error)
		return;
	/* Some are under another policy now, and otherwise as they were. */
	while ((f = flow_table_each(a->flows, &cursor)))
		policy_counts_move(&a->policy_counts, f, f->state);
	dbus_server_policies_changed(a->bus);
}

static void control_reload(void *user, struct handle call)
{
	struct agent *a = user;
	struct reload_call *c = calloc(1, sizeof(*c));

	if (!c) {
		dbus_pending_fail(dbus_server_pending(a->bus), call,
				  SD_BUS_ERROR_NO_MEMORY, "Out of memory.");
		return;
	}
	*c = (struct reload_call){ a->reload_calls, call,
				   a->reload.next != NULL };
	a->reload_calls = c;
	reload_begin(a);
}

void control_start(struct agent *a)
{
	a->reload.done = control_on_reloaded;
}

void control_stop(struct agent *a)
{
	while (a->reload_calls) {
		struct reload_call *next = a->reload_calls->next;

		free(a->reload_calls);
		a->reload_calls = next;
	}
}

void control_source(struct dbus_source *source)
{
	source->connect = control_connect;
	source->disconnect = control_disconnect;
	source->repair = control_repair;
	source->reload = control_reload;
	source->set_debug = control_set_debug;
	source->capture = control_capture;
	source->traffic = control_traffic;
	source->explain = control_explain;
}
