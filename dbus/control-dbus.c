/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What changes something, or looks closer: for root and those whom it lets.
 */
#include <errno.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "dbus/caller.h"
#include "dbus/names.h"
#include "dbus/reply.h"
#include "dbus/topics.h"
#include "util/limits.h"

/* How long a Connect waits if it does not say. */
#define CONNECT_MS 15000u
/* Comparing takes tacit-netd a second where there are 100,000 SAs. */
#define REPAIR_MS 20000u
/* How long a Reload may take: tacit-netd reads the files too. */
#define RELOAD_MS 20000u

static int connect_peer(sd_bus_message *m, void *user, sd_bus_error *error)
{
	struct dbus_context *c = user;
	struct addr address;
	struct handle call;
	const char *text;
	uint32_t timeout;
	int r = sd_bus_message_read(m, "su", &text, &timeout);

	if (r >= 0)
		r = dbus_parse_address(text, &address, error);
	if (r < 0)
		return r;
	if (!timeout)
		timeout = CONNECT_MS;
	if (timeout > LIMIT_BUS_TIMEOUT)
		timeout = LIMIT_BUS_TIMEOUT;
	r = dbus_pending_add(&c->pending, m, timeout, &call, error);
	if (r < 0)
		return r;
	c->source.connect(c->source.user, &address, call);
	return 1;
}

static int method_connect(sd_bus_message *m, void *user, sd_bus_error *error)
{
	return caller_may(user, m, DBUS_ACTION_CHANGE, connect_peer, error);
}

static int disconnect_peer(sd_bus_message *m, void *user, sd_bus_error *error)
{
	const struct dbus_context *c = user;
	struct addr address;
	const char *text;
	int r = sd_bus_message_read(m, "s", &text);

	if (r >= 0)
		r = dbus_parse_address(text, &address, error);
	if (r < 0)
		return r;
	r = c->source.disconnect(c->source.user, &address);
	if (r == -ENOENT)
		return dbus_unknown_peer(text, error);
	return r < 0 ? r : sd_bus_reply_method_return(m, NULL);
}

static int method_disconnect(sd_bus_message *m, void *user, sd_bus_error *error)
{
	return caller_may(user, m, DBUS_ACTION_CHANGE, disconnect_peer, error);
}

static int repair(sd_bus_message *m, void *user, sd_bus_error *error)
{
	struct dbus_context *c = user;
	struct handle call;
	int r = dbus_pending_add(&c->pending, m, REPAIR_MS, &call, error);

	if (r < 0)
		return r;
	c->source.repair(c->source.user, call);
	return 1;
}

static int method_repair(sd_bus_message *m, void *user, sd_bus_error *error)
{
	return caller_may(user, m, DBUS_ACTION_CHANGE, repair, error);
}

static int reload(sd_bus_message *m, void *user, sd_bus_error *error)
{
	struct dbus_context *c = user;
	struct handle call;
	int r = dbus_pending_add(&c->pending, m, RELOAD_MS, &call, error);

	if (r < 0)
		return r;
	c->source.reload(c->source.user, call);
	return 1;
}

static int method_reload(sd_bus_message *m, void *user, sd_bus_error *error)
{
	return caller_may(user, m, DBUS_ACTION_RELOAD, reload, error);
}

/* An address, or nothing for all peers. */
static int parse_peer(const char *text, struct addr *ret, sd_bus_error *error)
{
	*ret = (struct addr){ 0 };
	return *text ? dbus_parse_address(text, ret, error) : 0;
}

static int set_debug(sd_bus_message *m, void *user, sd_bus_error *error)
{
	static const struct {
		const char *name;
		int level;
	} levels[] = {
		{ "error", LOG_ERR },	  { "warning", LOG_WARNING },
		{ "notice", LOG_NOTICE }, { "info", LOG_INFO },
		{ "debug", LOG_DEBUG },
	};
	const struct dbus_context *c = user;
	const char *level, *text;
	struct addr peer;
	int r = sd_bus_message_read(m, "ss", &level, &text);

	if (r >= 0)
		r = parse_peer(text, &peer, error);
	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (strcmp(levels[i].name, level))
			continue;
		c->source.set_debug(c->source.user, levels[i].level, &peer);
		return sd_bus_reply_method_return(m, NULL);
	}
	return sd_bus_error_setf(error, DBUS_ERROR_INVALID_LEVEL,
				 "The levels are error, warning, notice, info "
				 "and debug.");
}

static int method_set_debug(sd_bus_message *m, void *user, sd_bus_error *error)
{
	return caller_may(user, m, DBUS_ACTION_DEBUG, set_debug, error);
}

static int start_capture(sd_bus_message *m, void *user, sd_bus_error *error)
{
	const struct dbus_context *c = user;
	struct addr peer;
	const char *text;
	uint32_t seconds;
	int fd, r = sd_bus_message_read(m, "su", &text, &seconds);

	if (r >= 0)
		r = parse_peer(text, &peer, error);
	if (r < 0)
		return r;
	r = c->source.capture(c->source.user, &peer, seconds, &fd);
	if (r == -EBUSY)
		return sd_bus_error_setf(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
					 "Others are capturing: end one of "
					 "their captures first.");
	if (r < 0)
		return r;
	r = sd_bus_reply_method_return(m, "h", fd);
	close(fd); /* the reply has its own */
	return r;
}

static int method_capture(sd_bus_message *m, void *user, sd_bus_error *error)
{
	return caller_may(user, m, DBUS_ACTION_DEBUG, start_capture, error);
}

const sd_bus_vtable dbus_control_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD_WITH_ARGS("Connect",
				SD_BUS_ARGS("s", address, "u", timeout_ms),
				SD_BUS_RESULT("a{sv}", peer), method_connect,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Disconnect", SD_BUS_ARGS("s", address),
				SD_BUS_NO_RESULT, method_disconnect,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Reload", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT,
				method_reload, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Repair", SD_BUS_NO_ARGS,
				SD_BUS_RESULT("u", mended), method_repair,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS(
		"SetDebug", SD_BUS_ARGS("s", level, "s", address),
		SD_BUS_NO_RESULT, method_set_debug, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("StartCapture",
				SD_BUS_ARGS("s", address, "u", seconds),
				SD_BUS_RESULT("h", stream), method_capture,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};
