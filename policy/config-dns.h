/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The section [DNS] of tacit.conf: where and how keys of peers are looked up.
 */
#ifndef TACIT_POLICY_CONFIG_DNS_H
#define TACIT_POLICY_CONFIG_DNS_H

#include "policy/config-file.h"
#include "policy/config.h"
#include "util/nameserver.h"

/* The longest LookupTime=, here and in a policy. */
#define CONFIG_LOOKUP_MS_MAX 20000u

void config_dns_init(struct config_dns *d);
void config_dns_done(struct config_dns *d);

/* A server of Servers= or Zones=, as it was accepted there; port 0: none is
 * named. 0 or -EINVAL. */
int config_dns_server(const char *text, struct nameserver *ret)
	__attribute__((warn_unused_result));

/* The functions of its keys; the target is the struct config. */
void config_dns_set_lookup(const struct config_place *at);
void config_dns_set_servers(const struct config_place *at);
void config_dns_set_tls(const struct config_place *at);
void config_dns_set_anchors(const struct config_place *at);
void config_dns_set_zones(const struct config_place *at);
void config_dns_set_root_hints(const struct config_place *at);
void config_dns_set_wait(const struct config_place *at);

#endif
