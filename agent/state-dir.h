/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a helper keeps from one run to the next lies in a directory of its own
 * inside of the state directory, which is root's.
 */
#ifndef TACIT_AGENT_STATE_DIR_H
#define TACIT_AGENT_STATE_DIR_H

#define STATE_DIR LOCALSTATEDIR "/lib/tacit"

/* While we are root: both, where they are not there, own as that user's. Under
 * systemd, which has made them, nothing happens. Failures are logged, and show
 * again when something is to be kept. */
void state_dir_make(const char *state, const char *own, const char *user);

#endif
