/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The values of configuration keys: text to number, truth, time span and
 * network, and the nearest word for one that is misspelt. Pure functions.
 */
#ifndef TACIT_POLICY_CONFIG_VALUE_H
#define TACIT_POLICY_CONFIG_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/addr.h"

/* All: 0, or -EINVAL and *ret untouched. */

/* yes, no, true, false, on, off, 1, 0; case does not matter. */
int config_value_bool(const char *text, bool *ret);
/* Decimal digits only; -ERANGE above max. */
int config_value_number(const char *text, uint32_t max, uint32_t *ret);
/* "2s", "500ms", "1h 30min"; units ms, s, sec, m, min, h, d, w; a number
 * alone is seconds. -ERANGE above a year. */
int config_value_span(const char *text, uint64_t *ret_ms);
/* Bytes: "500M", "64G"; units K, M, G, T, powers of 1024; a number alone is
 * bytes. -ERANGE above UINT64_MAX. */
int config_value_size(const char *text, uint64_t *ret);
/* Why a text is no network, as prefix_parse() understands it. */
enum config_network {
	CONFIG_NETWORK_OK,
	CONFIG_NETWORK_SYNTAX,	  /* no address before the slash */
	CONFIG_NETWORK_LENGTH,	  /* the length is no number or too large */
	CONFIG_NETWORK_HOST_BITS, /* *ret is the network that was meant */
};
enum config_network config_value_network(const char *text, struct prefix *ret);

/* An identity in canonical form: an address as addr_format() writes it, a name
 * as "@host.example", "user@host.example", "keyid:" and "dn:" with lower-case
 * hexadecimal digits: the forms of ike_identity_format(). */
#define CONFIG_IDENTITY_STRLEN 528
int config_value_identity(const char *text, char ret[CONFIG_IDENTITY_STRLEN])
	__attribute__((warn_unused_result));
/* "*.host.example", which names nobody: for policies alone. */
bool config_value_is_pattern(const char *canonical);
/* Decodes base64, with white space between. The length, or -EINVAL. */
int config_value_base64(const char *text, uint8_t *ret, size_t max)
	__attribute__((warn_unused_result));

/* The word of the list (NULL at its end) that text was likely meant to be, or
 * NULL when none is near. Case does not count as a difference. */
const char *config_value_nearest(const char *text, const char *const *words);

#endif
