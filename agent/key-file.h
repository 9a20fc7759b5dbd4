/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The key source of files: the peers of keys.d/, with their shared keys read.
 */
#ifndef TACIT_AGENT_KEY_FILE_H
#define TACIT_AGENT_KEY_FILE_H

#include "agent/key-source.h"
#include "policy/config.h"

struct key_files;

/* Reads the shared keys and looks at the public ones; what cannot be used is
 * named in the log, with its remedy, and left out. peers is borrowed. 0;
 * -ENOMEM. */
int key_files_new(const struct known_peers *peers, struct key_files **ret)
	__attribute__((warn_unused_result));
/* Those of another configuration take their place; without memory for them
 * (-ENOMEM) nobody is known. */
int key_files_replace(struct key_files *f, const struct known_peers *peers)
	__attribute__((warn_unused_result));
struct key_files *key_files_free(struct key_files *f);
struct key_source key_files_source(struct key_files *f);

#endif
