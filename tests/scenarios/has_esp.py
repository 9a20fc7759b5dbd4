# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whether the kernel that the scenarios run on has ESP."""

import os
import subprocess

HERE = subprocess.run(
    [os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab",
                  "has-esp")], stderr=subprocess.DEVNULL,
    check=False).returncode == 0
