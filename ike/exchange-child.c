/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CREATE_CHILD_SA (RFC 7296 1.3).
 */
#include <errno.h>

#include "ike/core.h"

int ike_add_child(struct ike_engine *e, uint64_t now, struct handle sa)
{
	(void)now;
	return slots_get(e->sas, sa) ? -EOPNOTSUPP : -ENOENT;
}

int ike_rekey_child(struct ike_engine *e, uint64_t now, struct handle sa,
		    uint32_t spi_in)
{
	(void)now;
	(void)spi_in;
	return slots_get(e->sas, sa) ? -EOPNOTSUPP : -ENOENT;
}

int ike_delete_child(struct ike_engine *e, uint64_t now, struct handle sa,
		     uint32_t spi_in)
{
	(void)now;
	(void)spi_in;
	return slots_get(e->sas, sa) ? -EOPNOTSUPP : -ENOENT;
}

void ike_child_used(struct ike_engine *e, uint64_t now, struct handle sa,
		    uint32_t spi_in)
{
	(void)e;
	(void)now;
	(void)sa;
	(void)spi_in;
}

int ike_rekey(struct ike_engine *e, uint64_t now, struct handle sa)
{
	(void)now;
	return slots_get(e->sas, sa) ? -EOPNOTSUPP : -ENOENT;
}
