/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One peer in full, for the commands that show one. */
#ifndef TACIT_DBUS_TACIT_PEER_H
#define TACIT_DBUS_TACIT_PEER_H

#include "dbus/tacit-view.h"

/* The peer's state in its colour. */
enum tacit_colour tacit_peer_colour(const struct tacit_dict *d);
/* As an object, a row in a pipe, or everything on a terminal. Exit code. */
int tacit_peer_show(const struct tacit_output *o, const struct tacit_dict *d)
	__attribute__((warn_unused_result));

#endif
