/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of libtacit know of each other. */
#ifndef TACIT_LIBTACIT_INTERNAL_H
#define TACIT_LIBTACIT_INTERNAL_H

#include <systemd/sd-bus.h>

#include "libtacit/tacit.h"

/* Reads a{sv}: values that are no text, number or truth are passed over. 0 or
 * -errno. */
int peer_read(sd_bus_message *m, struct tacit_peer **ret)
	__attribute__((warn_unused_result));

#endif
