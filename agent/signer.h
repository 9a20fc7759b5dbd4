/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The agent's end of the dialogue with tacit-keyd (agent/keyd-record.h):
 * connects, keeps the heartbeat, and connects again when keyd went away or
 * hangs. It knows which keys there are, and has signatures made. A request
 * without an answer in time has failed, whatever became of keyd.
 */
#ifndef TACIT_AGENT_SIGNER_H
#define TACIT_AGENT_SIGNER_H

#include <systemd/sd-event.h>

#include "dnskeys/key-life.h"
#include "ike/engine.h"

struct signer;

struct signer_key {
	uint64_t id;
	char name[LIMIT_KEY_NAME + 1];
	enum key_stage stage;
	uint64_t until; /* as in struct key_life */
	uint8_t spki[LIMIT_IKE_SPKI];
	size_t spki_len;
};

struct signer_ops {
	void *user;
	/* All keys are known, the first time since it connected, or anew. */
	void (*keys)(void *user);
	/* The answer to signer_request(): a signature, or a negative errno:
	 * -ETIMEDOUT, -EPIPE (keyd is gone), or what keyd refused it with. */
	void (*done)(void *user, struct handle sa, const void *signature,
		     size_t len, int error);
};

/* Connects in the background. 0 or -errno. */
int signer_new(sd_event *event, const char *path, const struct signer_ops *ops,
	       struct signer **ret) __attribute__((warn_unused_result));
struct signer *signer_free(struct signer *s);
/* Connected, and not silent: a signature asked for now is likely to come. */
bool signer_is_up(const struct signer *s);
/* How many key files tacit-keyd refuses to use. */
unsigned signer_refused(const struct signer *s);
/* The keys, the active ones first and in order of preference; borrowed until
 * the loop runs again. Kept when keyd goes away, for those who ask what they
 * are. Only active ones may be asked for signatures. */
size_t signer_keys(const struct signer *s, const struct signer_key **ret);
/* The key that is next has been found in DNS, with this TTL in seconds. Nothing
 * where keyd is not there: it is found again. */
void signer_seen(struct signer *s, uint64_t key, uint32_t ttl);
/* Asks for a signature. One done() follows, never from within this call. 0;
 * -EPIPE: keyd is not there; -EMSGSIZE; -ENOMEM: no done() then. */
int signer_request(struct signer *s, struct handle sa,
		   const struct ike_sign *what)
	__attribute__((warn_unused_result));

#endif
