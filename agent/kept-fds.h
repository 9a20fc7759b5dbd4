/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Descriptors that outlive the process that opened them: the supervisor's part of
 * FDSTORE= in sd_notify(3), and of sd_listen_fds_with_names(3).
 */
#ifndef TACIT_AGENT_KEPT_FDS_H
#define TACIT_AGENT_KEPT_FDS_H

#define KEPT_FDS_MOST 4

/* Zeros are a valid, empty one. */
struct kept_fds {
	struct kept_fd {
		char name[16]; /* empty: none */
		int fd;
	} fds[KEPT_FDS_MOST];
};

/* A message of sd_notify(), and the descriptor that came with it, or -1; that is
 * taken, and closed where the message does not ask to keep it, or there is no
 * room. One of the same name makes way. */
void kept_fds_on_notify(struct kept_fds *k, const char *text, int fd);
/* In a child, before it executes its program: which finds them where systemd
 * would put them. What is open there is closed. */
void kept_fds_pass(const struct kept_fds *k);
void kept_fds_done(struct kept_fds *k);

#endif
