/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * org.freedesktop.PolicyKit1.Authority, of which one method is needed. The bus
 * starts polkit where it is installed and does not run.
 */
#include "dbus/polkit.h"

#include "util/limits.h"

#define POLKIT "org.freedesktop.PolicyKit1"

/* Flag of CheckAuthorization(). */
#define ALLOW_USER_INTERACTION 1u

int polkit_ask(sd_bus_message *call, const char *action,
	       sd_bus_message_handler_t on_answer, void *user,
	       sd_bus_slot **ret)
{
	sd_bus *bus = sd_bus_message_get_bus(call);
	int may_ask = sd_bus_message_get_allow_interactive_authorization(call);
	sd_bus_message *m = NULL;
	int r;

	r = sd_bus_message_new_method_call(
		bus, &m, POLKIT, "/org/freedesktop/PolicyKit1/Authority",
		POLKIT ".Authority", "CheckAuthorization");
	if (r >= 0)
		r = sd_bus_message_append(
			m, "(sa{sv})sa{ss}us", "system-bus-name", 1, "name",
			"s", sd_bus_message_get_sender(call), action, 0,
			may_ask > 0 ? ALLOW_USER_INTERACTION : 0u, "");
	if (r >= 0)
		r = sd_bus_call_async(bus, ret, m, on_answer, user,
				      1000ull * LIMIT_BUS_TIMEOUT);
	sd_bus_message_unref(m);
	return r < 0 ? r : 0;
}

bool polkit_allows(sd_bus_message *answer, bool *ret_asks)
{
	int authorized = 0, challenge = 0;

	*ret_asks = false;
	if (sd_bus_message_is_method_error(answer, NULL) ||
	    sd_bus_message_enter_container(answer, 'r', "bba{ss}") < 0 ||
	    sd_bus_message_read(answer, "bb", &authorized, &challenge) < 0)
		return false;
	*ret_asks = challenge;
	return authorized;
}
