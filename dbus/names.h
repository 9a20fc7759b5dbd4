/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names that are part of the interface: of the service, of its errors, and of
 * the actions that polkit is asked about.
 */
#ifndef TACIT_DBUS_NAMES_H
#define TACIT_DBUS_NAMES_H

#define DBUS_NAME      "org.tacit.Agent1"
#define DBUS_PATH      "/org/tacit/Agent1"
#define DBUS_INTERFACE "org.tacit.Agent1"

#define DBUS_POLICY_PATH      DBUS_PATH "/policy" /* and the name, encoded */
#define DBUS_POLICY_INTERFACE DBUS_INTERFACE ".Policy"

#define DBUS_ERROR_UNKNOWN_PEER	     DBUS_INTERFACE ".Error.UnknownPeer"
#define DBUS_ERROR_INVALID_ADDRESS   DBUS_INTERFACE ".Error.InvalidAddress"
#define DBUS_ERROR_INVALID_CURSOR    DBUS_INTERFACE ".Error.InvalidCursor"
#define DBUS_ERROR_BAD_CONFIGURATION DBUS_INTERFACE ".Error.BadConfiguration"
#define DBUS_ERROR_NOT_ENCRYPTED     DBUS_INTERFACE ".Error.NotEncrypted"
#define DBUS_ERROR_POLICY_FORBIDS    DBUS_INTERFACE ".Error.PolicyForbids"
#define DBUS_ERROR_INVALID_PORT	     DBUS_INTERFACE ".Error.InvalidPort"
#define DBUS_ERROR_INVALID_LEVEL     DBUS_INTERFACE ".Error.InvalidLevel"
#define DBUS_ERROR_TIMED_OUT	     DBUS_INTERFACE ".Error.TimedOut"

/* Of sockets. */
#define DBUS_ERROR_NOT_A_SOCKET	     DBUS_INTERFACE ".Error.NotASocket"
#define DBUS_ERROR_WRONG_FAMILY	     DBUS_INTERFACE ".Error.WrongFamily"
#define DBUS_ERROR_WRONG_PROTOCOL    DBUS_INTERFACE ".Error.WrongProtocol"
#define DBUS_ERROR_FOREIGN_NAMESPACE DBUS_INTERFACE ".Error.ForeignNamespace"
#define DBUS_ERROR_LISTENING	     DBUS_INTERFACE ".Error.Listening"
#define DBUS_ERROR_NOT_CONNECTED     DBUS_INTERFACE ".Error.NotConnected"
#define DBUS_ERROR_WRONG_ADDRESS     DBUS_INTERFACE ".Error.WrongAddress"
#define DBUS_ERROR_NO_ROUTE	     DBUS_INTERFACE ".Error.NoRoute"
#define DBUS_ERROR_WRONG_PEER	     DBUS_INTERFACE ".Error.WrongPeer"
#define DBUS_ERROR_INVALID_IDENTITY  DBUS_INTERFACE ".Error.InvalidIdentity"
#define DBUS_ERROR_INVALID_NAME	     DBUS_INTERFACE ".Error.InvalidName"
#define DBUS_ERROR_UNKNOWN_WATCH     DBUS_INTERFACE ".Error.UnknownWatch"
#define DBUS_ERROR_UNAVAILABLE	     DBUS_INTERFACE ".Error.Unavailable"

/* What callers may be allowed to do: see dbus/caller.h. */
#define DBUS_ACTION_LIST   DBUS_INTERFACE ".list-peers"
#define DBUS_ACTION_CHANGE DBUS_INTERFACE ".change-peers"
#define DBUS_ACTION_RELOAD DBUS_INTERFACE ".reload"
#define DBUS_ACTION_DEBUG  DBUS_INTERFACE ".debug"

#endif
