/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One policy, as its object on the bus has it. */
#ifndef TACIT_DBUS_TACIT_POLICY_H
#define TACIT_DBUS_TACIT_POLICY_H

#include "dbus/tacit.h"

/* Its properties; *ret_reply holds the texts, and after EXIT_OK both are the
 * caller's. Exit code. */
int tacit_policy_read(struct tacit_client *client, const char *name,
		      sd_bus_message **ret_reply, struct tacit_dict *ret)
	__attribute__((warn_unused_result));

#endif
