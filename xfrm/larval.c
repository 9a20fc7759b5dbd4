/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The sysctl net.core.xfrm_larval_drop of our network namespace.
 */
#include "xfrm/larval.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "util/log.h"

#define LARVAL_FILE "/proc/sys/net/core/xfrm_larval_drop"

static int larval_write(char digit)
{
	int fd = open(LARVAL_FILE, O_WRONLY | O_CLOEXEC), r = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, &digit, 1) != 1)
		r = errno ? -errno : -EIO;
	close(fd);
	return r;
}

int larval_queue(int *ret_before)
{
	int fd = open(LARVAL_FILE, O_RDONLY | O_CLOEXEC), r;
	char digit;
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, &digit, 1);
	close(fd);
	if (n != 1 || (digit != '0' && digit != '1'))
		return -EIO;
	r = larval_write('0');
	if (r == 0)
		*ret_before = digit - '0';
	return r;
}

void larval_restore(int before)
{
	int r;

	if (before < 0)
		return;
	r = larval_write((char)('0' + before));
	if (r < 0)
		log_warning(LARVAL_FILE ": %s; it was %d before.", strerror(-r),
			    before);
}
