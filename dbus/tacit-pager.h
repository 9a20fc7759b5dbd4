/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is longer than a screen goes through a pager: $TACIT_PAGER, $PAGER, or
 * less(1). Empty or "cat": none. */
#ifndef TACIT_DBUS_TACIT_PAGER_H
#define TACIT_DBUS_TACIT_PAGER_H

#include <sys/types.h>

/* Standard output, which is a terminal, goes to the pager from now on. Returns
 * its process; 0: there is none. */
pid_t tacit_pager_begin(void);
/* Waits until the reader has seen enough. */
void tacit_pager_end(pid_t pager);

#endif
