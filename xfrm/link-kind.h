/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Does the kernel have this kind of network interface? Asked by making one:
 * for network namespaces of one's own.
 */
#ifndef TACIT_XFRM_LINK_KIND_H
#define TACIT_XFRM_LINK_KIND_H

/* 0; -EOPNOTSUPP: it has not; -EPERM; -errno. */
int link_kind_try(const char *kind) __attribute__((warn_unused_result));

#endif
