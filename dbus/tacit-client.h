/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command line's connection to an agent: its own socket, else the system
 * bus. Says on standard error what went wrong, and with which exit code the
 * program should end.
 */
#ifndef TACIT_DBUS_TACIT_CLIENT_H
#define TACIT_DBUS_TACIT_CLIENT_H

#include <stdarg.h>
#include <systemd/sd-bus.h>

struct tacit_client;

/* socket: NULL is the default, with the system bus after it. The result is an
 * exit code; EXIT_OK sets *ret. */
int tacit_client_new(const char *socket, struct tacit_client **ret)
	__attribute__((warn_unused_result));
/* The same without a word: 0 or -errno. */
int tacit_client_try(const char *socket, struct tacit_client **ret)
	__attribute__((warn_unused_result));
struct tacit_client *tacit_client_free(struct tacit_client *c);
/* A call with arguments as for sd_bus_message_append(); the reply is the
 * caller's. The result is an exit code. */
int tacit_client_call(struct tacit_client *c, const char *interface,
		      const char *method, sd_bus_message **ret,
		      const char *types, ...)
	__attribute__((warn_unused_result));
int tacit_client_callv(struct tacit_client *c, const char *interface,
		       const char *method, sd_bus_message **ret,
		       const char *types, va_list ap)
	__attribute__((warn_unused_result));
/* All properties of an interface of this object, as a{sv}. Exit code. */
int tacit_client_properties(struct tacit_client *c, const char *path,
			    const char *interface, sd_bus_message **ret)
	__attribute__((warn_unused_result));
/* Lets handler() have the signals of the agent. Exit code. */
int tacit_client_listen(struct tacit_client *c,
			sd_bus_message_handler_t handler, void *user)
	__attribute__((warn_unused_result));
/* Handles what comes until this time (of tacit_client_now()), or until the agent
 * is gone. Exit code. */
int tacit_client_run(struct tacit_client *c, uint64_t until_us)
	__attribute__((warn_unused_result));
uint64_t tacit_client_now(void);
/* Calls may take so long from now on. */
void tacit_client_patience(struct tacit_client *c, uint32_t seconds);
/* For a reply that is not as it should be: says so, returns EXIT_FAILED. */
int tacit_client_bad_reply(void);

#endif
