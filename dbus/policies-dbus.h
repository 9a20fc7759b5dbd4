/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An object for each policy, below the manager object, which is their
 * org.freedesktop.DBus.ObjectManager.
 */
#ifndef TACIT_DBUS_POLICIES_DBUS_H
#define TACIT_DBUS_POLICIES_DBUS_H

#include <systemd/sd-bus.h>

#include "dbus/context.h"

/* 0 or -errno. */
int dbus_policies_add(sd_bus *bus, struct dbus_context *context)
	__attribute__((warn_unused_result));
/* Names, in order, as they are now: *ret, which dbus_names_free() takes. 0 or
 * -ENOMEM. */
int dbus_policies_names(const struct dbus_source *source, char ***ret)
	__attribute__((warn_unused_result));
char **dbus_names_free(char **names); /* takes NULL, returns it */
/* Signals of the difference: policies that went, came, or may be others. */
int dbus_policies_changed(sd_bus *bus, char *const *before, char *const *now)
	__attribute__((warn_unused_result));

#endif
