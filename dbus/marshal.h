/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Plain values of dbus/source.h as the dictionaries of the bus. Text that is
 * no UTF-8 (some of it comes from strangers) is made so: a message with bad
 * text would cost the reader its connection.
 */
#ifndef TACIT_DBUS_MARSHAL_H
#define TACIT_DBUS_MARSHAL_H

#include <systemd/sd-bus.h>

#include "dbus/source.h"

/* All append to the message: 0 or -errno. */
int dbus_append_text(sd_bus_message *m, const char *text)
	__attribute__((warn_unused_result));
/* Words parted by spaces, as an array of texts. */
int dbus_append_words(sd_bus_message *m, const char *words)
	__attribute__((warn_unused_result));
/* a{sv}; NULL: an empty one. */
int dbus_append_peer(sd_bus_message *m, const struct dbus_peer *p)
	__attribute__((warn_unused_result));
/* Entries of an a{sv} that is open: a text, a basic value, an array of texts,
 * and all of a peer. */
int dbus_entry_text(sd_bus_message *m, const char *key, const char *text)
	__attribute__((warn_unused_result));
int dbus_entry_value(sd_bus_message *m, const char *key, const char *type,
		     const void *value) __attribute__((warn_unused_result));
int dbus_entry_list(sd_bus_message *m, const char *key,
		    const char *const *texts, size_t n)
	__attribute__((warn_unused_result));
/* Services, as in "443/tcp", in a list. */
int dbus_entry_services(sd_bus_message *m, const char *key,
			const struct service *list, size_t n)
	__attribute__((warn_unused_result));
int dbus_append_services(sd_bus_message *m, const struct service *list,
			 size_t n) __attribute__((warn_unused_result));
/* Such a list alone. */
int dbus_append_list(sd_bus_message *m, const char *const *list, size_t n)
	__attribute__((warn_unused_result));
int dbus_entries_peer(sd_bus_message *m, const struct dbus_peer *p)
	__attribute__((warn_unused_result));
int dbus_append_dns(sd_bus_message *m, const struct dbus_dns *d)
	__attribute__((warn_unused_result));
int dbus_append_rule(sd_bus_message *m, const struct dbus_rule *r)
	__attribute__((warn_unused_result));
/* The ends of a socket's connection beside its peer's keys. */
struct dbus_socket_ends {
	const char *protocol; /* "tcp", "udp" */
	uint16_t local_port, port;
};
int dbus_append_socket(sd_bus_message *m, const struct dbus_socket_ends *s,
		       const struct dbus_peer *p)
	__attribute__((warn_unused_result));
int dbus_append_key(sd_bus_message *m, const struct dbus_key *k);
int dbus_append_policy(sd_bus_message *m, const struct dbus_policy *p)
	__attribute__((warn_unused_result));

#endif
