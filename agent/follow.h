/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The helpers' end of tacitd --standalone: whoever kills the supervisor kills
 * them too, as in any crash. Without a supervisor it does nothing.
 */
#ifndef TACIT_AGENT_FOLLOW_H
#define TACIT_AGENT_FOLLOW_H

/* The supervisor's process id, for follow_supervisor(). */
#define FOLLOW_VARIABLE "TACIT_SUPERVISOR"

/* After the last change of user, which would undo it. */
void follow_supervisor(void);

#endif
