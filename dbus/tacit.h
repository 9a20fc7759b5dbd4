/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The commands of `tacit`. Each returns the program's exit code. A new one is a
 * line here and in the table of dbus/tacit.c.
 */
#ifndef TACIT_DBUS_TACIT_H
#define TACIT_DBUS_TACIT_H

#include "dbus/tacit-client.h"
#include "dbus/tacit-output.h"
#include "util/instance.h"

/* Options that only some commands take. */
enum tacit_option {
	TACIT_NAME,
	TACIT_FORWARD,
	TACIT_REVERSE,
	TACIT_ZONE_FILE,
	TACIT_TTL,
	TACIT_SERVER,
	TACIT_TSIG,
	TACIT_REPLACE,
	TACIT_BESIDE,
	TACIT_FINISH,
	TACIT_CANCEL,
	TACIT_OUTPUT,
	TACIT_OPTIONS
};

struct tacit {
	struct tacit_output out;
	const char *socket;	/* NULL: the default */
	const char *config_dir; /* NULL: the default */
	const char *instance;	/* NULL: the host's */
	char instance_config[INSTANCE_DIR_SIZE];
	char instance_socket[INSTANCE_DIR_SIZE + 16];
	bool no_pager, paged;
	const char *options[TACIT_OPTIONS]; /* argument, "", or NULL */
};

/* The commands: arguments are the words behind theirs, NULL behind the last. */
int tacit_status(struct tacit *t, char **arguments);
int tacit_peers(struct tacit *t, char **arguments);
int tacit_policy_list(struct tacit *t, char **arguments);
int tacit_policy_show(struct tacit *t, char **arguments);
int tacit_policy_test(struct tacit *t, char **arguments);
int tacit_key_show(struct tacit *t, char **arguments);
int tacit_key_dns(struct tacit *t, char **arguments);
int tacit_key_publish(struct tacit *t, char **arguments);
int tacit_key_rotate(struct tacit *t, char **arguments);
int tacit_lookup(struct tacit *t, char **arguments);
int tacit_explain(struct tacit *t, char **arguments);
int tacit_monitor(struct tacit *t, char **arguments);
int tacit_metrics(struct tacit *t, char **arguments);
int tacit_top(struct tacit *t, char **arguments);
int tacit_up(struct tacit *t, char **arguments);
int tacit_down(struct tacit *t, char **arguments);
int tacit_repair(struct tacit *t, char **arguments);
int tacit_reload(struct tacit *t, char **arguments);
int tacit_debug(struct tacit *t, char **arguments);
int tacit_capture(struct tacit *t, char **arguments);
/* Ask no agent, or do without its answer. */
int tacit_doctor(struct tacit *t, char **arguments);
int tacit_check_config(struct tacit *t, char **arguments);

/* A whole number of seconds, from 1 on. Exit code. */
int tacit_parse_seconds(const char *text, uint32_t max, uint32_t *ret)
	__attribute__((warn_unused_result));
/* --ttl, or the default, seconds. Exit code. */
int tacit_ttl(const struct tacit *t, uint32_t *ret)
	__attribute__((warn_unused_result));

#endif
