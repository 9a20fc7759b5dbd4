# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real system bus in the lab, with our policy file, and the real polkit with
our actions. /run is the lab's own; folders of the machine are covered, not
written to."""

import os
import pwd
import shutil
import subprocess

from agent import BUILD
from namespace import MNT_DETACH, MS_BIND, checked, libc
from waiting import wait_until

DAEMON = "/usr/bin/dbus-daemon"
POLKIT = "/usr/lib/polkit-1/polkitd"
SOCKET = "/run/dbus/system_bus_socket"
DIR = "/run/lab/bus"
ACTIONS = "/usr/share/polkit-1/actions"
RULES = "/etc/polkit-1/rules.d"
SERVICES = "/usr/share/dbus-1/system-services"


def missing():
    """What cannot be had here, or None."""
    for path in (DAEMON, POLKIT):
        if not os.path.exists(path):
            return f"{path} is not installed"
    for user in ("messagebus", "polkitd"):
        try:
            pwd.getpwnam(user)
        except KeyError:
            return f"there is no user {user}"
    return None


class SystemBus:
    def __init__(self):
        self.processes = []
        self.mounts = []
        shutil.rmtree(DIR, ignore_errors=True)
        os.makedirs(f"{DIR}/policy")
        os.makedirs("/run/dbus", exist_ok=True)
        shutil.copy(f"{BUILD}/dbus/org.tacit.Agent1.conf", f"{DIR}/policy")
        with open(f"{DIR}/bus.conf", "w", encoding="ascii") as f:
            f.write("<busconfig>"
                    "<include>/usr/share/dbus-1/system.conf</include>"
                    f"<includedir>{DIR}/policy</includedir></busconfig>")
        # It starts nothing by itself.
        self.cover(SERVICES, keep=False)
        self.start(DAEMON, f"--config-file={DIR}/bus.conf", "--nofork",
                   "--nopidfile", "--nosyslog")
        wait_until(lambda: os.path.exists(SOCKET), 10, "the system bus")

    def start(self, *argv):
        with open(f"{DIR}/log", "ab") as log:
            self.processes.append(subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log))

    def cover(self, path, keep):
        """Another folder in the place of this one, with what it has or not."""
        copy = f"{DIR}/{os.path.basename(path)}"
        if keep:
            shutil.copytree(path, copy)
        else:
            os.makedirs(copy)
        os.chmod(copy, 0o755)
        checked(libc.mount(copy.encode(), path.encode(), b"none", MS_BIND,
                           None), f"mount {path}")
        self.mounts.append(path)

    def start_polkit(self, rules):
        """With our actions beside the machine's, and these rules alone."""
        self.cover(ACTIONS, keep=True)
        self.cover(RULES, keep=False)
        shutil.copy(f"{BUILD}/dbus/org.tacit.Agent1.policy", ACTIONS)
        with open(f"{RULES}/10-lab.rules", "w", encoding="ascii") as f:
            f.write(rules)
        self.start(POLKIT, "--no-debug")

    def log(self):
        with open(f"{DIR}/log", encoding="utf-8", errors="replace") as f:
            return f.read()

    def close(self):
        for process in reversed(self.processes):
            process.kill()
            process.wait()
        for path in self.mounts:
            libc.umount2(path.encode(), MNT_DETACH)
        if os.path.exists(SOCKET):
            os.unlink(SOCKET)
