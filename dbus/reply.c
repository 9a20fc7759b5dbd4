/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus/reply.h"

#include "dbus/names.h"
#include "util/limits.h"

int dbus_parse_address(const char *text, struct addr *ret, sd_bus_error *error)
{
	if (addr_parse(text, ret) == 0)
		return 0;
	return sd_bus_error_setf(error, DBUS_ERROR_INVALID_ADDRESS,
				 "This is no IPv4 or IPv6 address.");
}

int dbus_unknown_peer(const char *address, sd_bus_error *error)
{
	return sd_bus_error_setf(error, DBUS_ERROR_UNKNOWN_PEER,
				 "Nothing is known of %s: no packet went there "
				 "lately, or no policy covers it.",
				 address);
}

void dbus_reply_later(struct dbus_pending *p, struct handle call,
		      int (*append)(sd_bus_message *reply, const void *what),
		      const void *what)
{
	sd_bus_message *m = dbus_pending_take(p, call), *reply = NULL;
	int r;

	if (!m)
		return;
	r = sd_bus_message_new_method_return(m, &reply);
	if (r >= 0)
		r = append(reply, what);
	if (r >= 0)
		(void)sd_bus_message_send(reply);
	else
		(void)sd_bus_reply_method_errno(m, r, NULL);
	sd_bus_message_unref(reply);
	sd_bus_message_unref(m);
}

int dbus_check_queue(sd_bus_message *m, sd_bus_error *error)
{
	uint64_t queued = 0;

	(void)sd_bus_get_n_queued_write(sd_bus_message_get_bus(m), &queued);
	if (queued < LIMIT_BUS_QUEUE_LISTS)
		return 0;
	return sd_bus_error_setf(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
				 "Replies of earlier calls have not been read: "
				 "read them first.");
}

int dbus_reply_list(sd_bus_message *m,
		    int (*append)(sd_bus_message *reply, void *user),
		    void *user, sd_bus_error *error)
{
	sd_bus_message *reply = NULL;
	int r = dbus_check_queue(m, error);

	if (r < 0)
		return r;
	r = sd_bus_message_new_method_return(m, &reply);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "a{sv}");
	if (r >= 0)
		r = append(reply, user);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	if (r >= 0)
		r = sd_bus_message_send(reply);
	sd_bus_message_unref(reply);
	return r;
}
