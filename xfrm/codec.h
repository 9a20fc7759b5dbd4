/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Our own codec on linux/xfrm.h: values of xfrm/kernel.h to netlink messages
 * and back. Encoders append to a message; decoders read raw bytes that they
 * do not trust, and are pure.
 */
#ifndef TACIT_XFRM_CODEC_H
#define TACIT_XFRM_CODEC_H

#include <linux/netlink.h>

#include "xfrm/kernel.h"

struct nl_msg;

/* New messages (nlmsg_free() them); NULL when out of memory. */
struct nl_msg *codec_new_sa(const struct ksa *sa);
struct nl_msg *codec_delete_sa(const struct ksa *sa);
struct nl_msg *codec_get_sa(const struct ksa *sa);
struct nl_msg *codec_dump_sas(void);
/* An SA of ours as the kernel gave it (XFRM_MSG_NEWSA, with its key), to be
 * updated with another port of its peer: of its source when it is inbound.
 * NULL: out of memory, not ESP in UDP, or malformed. */
struct nl_msg *codec_move_sa(const struct nlmsghdr *h, bool inbound,
			     uint16_t udp_remote);
/* Adds, and fails with EEXIST when the place is taken. */
struct nl_msg *codec_new_policy(const struct kpolicy *p);
/* Adds or replaces, whoever's is there. */
struct nl_msg *codec_update_policy(const struct kpolicy *p);
/* The one in this place; with an index, exactly that one. */
struct nl_msg *codec_delete_policy(const struct kpolicy *p);
/* Likewise. */
struct nl_msg *codec_get_policy(const struct kpolicy *p);
struct nl_msg *codec_dump_policies(void);

/* h with its payload of nlmsg_len bytes. 0; -ENOMSG: another type of message;
 * -EBADMSG: truncated or out of its domain; -EAFNOSUPPORT. *ret is untouched
 * then. */
int codec_read_sa(const struct nlmsghdr *h, struct ksa *ret)
	__attribute__((warn_unused_result));
int codec_read_policy(const struct nlmsghdr *h, struct kpolicy *ret)
	__attribute__((warn_unused_result));
int codec_read_acquire(const struct nlmsghdr *h, struct kacquire *ret)
	__attribute__((warn_unused_result));
int codec_read_mapping(const struct nlmsghdr *h, struct kmapping *ret)
	__attribute__((warn_unused_result));
int codec_read_expire(const struct nlmsghdr *h, struct kexpire *ret)
	__attribute__((warn_unused_result));
/* XFRM_MSG_DELSA and XFRM_MSG_DELPOLICY as announced: destination and SPI;
 * selector, direction, index and mark. */
int codec_read_sa_gone(const struct nlmsghdr *h, struct ksa *ret)
	__attribute__((warn_unused_result));
int codec_read_policy_gone(const struct nlmsghdr *h, struct kpolicy *ret)
	__attribute__((warn_unused_result));
/* XFRM_MSG_POLEXPIRE. */
int codec_read_policy_expire(const struct nlmsghdr *h, struct kpolicy *ret)
	__attribute__((warn_unused_result));

/* The algorithm's name in the kernel; NULL when unknown. */
const char *codec_cipher_name(enum esp_cipher cipher);

#endif
