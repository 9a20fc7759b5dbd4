# SPDX-License-Identifier: LGPL-2.1-or-later
"""firewalld, with a bus of its own, on a host of the lab."""

import os
import shutil

from daemon import Daemon
from waiting import wait_until

UNITS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..",
                     "units")


# Those that its zones name, and one more. It takes half a minute of the lab for
# all that it knows.
KEPT = ("cockpit", "dhcpv6-client", "http", "ipp-client", "mdns",
        "netbios-ns", "samba-client", "ssh")
SERVICES = "usr/lib/firewalld/services"


class Firewalld(Daemon):
    def __init__(self, host, root):
        super().__init__(host, root, ("run", "etc", "tmp", "var", SERVICES))
        for name in KEPT:
            shutil.copy(f"{root}/{SERVICES}/{name}.xml",
                        f"{self.root}/{SERVICES}")
        shutil.copy(f"{UNITS}/tacit.firewalld.xml",
                    f"{self.root}/{SERVICES}/tacit.xml")
        for folder in ("run/dbus", "var/log"):
            os.makedirs(f"{self.root}/{folder}")
        self.spawn("dbus-daemon", "--system", "--nofork", "--nopidfile")
        wait_until(lambda: os.path.exists(
            f"{self.root}/run/dbus/system_bus_socket"), 10, "the bus")
        self.daemon = self.spawn("firewalld", "--nofork", "--nopid")
        wait_until(lambda: any(t.startswith("table inet firewalld")
                               for t in host.tables()), 60,
                   "firewalld's rules")
        self.wait()

    def wait(self):
        wait_until(lambda: "running" in self.run(
            "firewall-cmd", "--state", check=False).split("\n"), 60,
            "firewalld")

    def reload(self):
        """In a busy lab it takes longer than the command waits for it."""
        self.run("firewall-cmd", "--reload", check=False)
        self.wait()

    def log(self):
        return super().log() + self.read("var/log/firewalld")

    def ask(self, *options):
        """What firewall-cmd says."""
        return self.run("firewall-cmd", *options).strip()
