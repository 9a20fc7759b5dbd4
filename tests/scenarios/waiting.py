# SPDX-License-Identifier: LGPL-2.1-or-later
"""Waiting for what must become true."""

import time


def wait_until(condition, timeout, what, interval=0.02):
    """Returns the first true value of condition()."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"not in {timeout} s: {what}"
        time.sleep(interval)
