/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * polkit, asked about a caller of the system bus. It may take as long as it
 * takes somebody to type a password; nothing here waits for it.
 */
#ifndef TACIT_DBUS_POLKIT_H
#define TACIT_DBUS_POLKIT_H

#include <stdbool.h>
#include <systemd/sd-bus.h>

/* May the sender of the call do this? on_answer() gets polkit's message, or an
 * error where there is no polkit. 0 or -errno. */
int polkit_ask(sd_bus_message *call, const char *action,
	       sd_bus_message_handler_t on_answer, void *user,
	       sd_bus_slot **ret) __attribute__((warn_unused_result));
/* True only for an answer that says so. *ret_asks: a password would do, if the
 * caller had allowed to ask for it. */
bool polkit_allows(sd_bus_message *answer, bool *ret_asks);

#endif
