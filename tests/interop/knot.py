# SPDX-License-Identifier: LGPL-2.1-or-later
"""Knot, on a host of its own: it takes dynamic updates with TSIG, and signs its
zones by itself. Below a tree of NSD (dnstree.py), which delegates to it."""

import base64
import hashlib
import signal
import subprocess

from peer import PeerHost
from waiting import wait_until

TTL = 5


def secret(name):
    return base64.b64encode(hashlib.sha256(name.encode()).digest()).decode()


def key_file(host, name, secret_of=None, algorithm="hmac-sha256"):
    """A file as tsig-keygen writes it, on this host; its path."""
    path = f"{host.dir}/{name}.tsig"
    with open(path, "w", encoding="ascii", opener=private) as f:
        f.write(f'key "{name}" {{\n\talgorithm {algorithm};\n'
                f'\tsecret "{secret(secret_of or name)}";\n}};\n')
    return path


def private(path, flags):
    import os
    return os.open(path, flags, 0o600)


class Knot(PeerHost):
    """Zones are named before start(). The key "ddns" may update IPSECKEY in
    those that are not closed; "reader" may only look."""

    def __init__(self, lab, name, root):
        super().__init__(lab, name, root)
        self.zones = {}
        self.closed = set()

    def zone(self, name, closed=False):
        self.zones[name] = []
        if closed:
            self.closed.add(name)

    def configuration(self):
        lines = ["server:", "  rundir: /run/knot", "  user: root",
                 "  tcp-workers: 1", "  udp-workers: 1",
                 "  background-workers: 1",
                 "  listen: [" + ", ".join(f'"{own[0]}@53"' for own in
                                           self.own.values()) + "]",
                 "log:", "  - target: stderr", "    any: info",
                 "database:", "  storage: /run/knot/db", "key:"]
        for name, algorithm in (("ddns", "sha256"), ("ddns512", "sha512"),
                                ("reader", "sha256")):
            lines += [f"  - id: {name}", f"    algorithm: hmac-{algorithm}",
                      f"    secret: {secret(name)}"]
        lines += ["acl:", "  - id: update", "    key: [ddns, ddns512]",
                  "    action: update",
                  "    update-type: [IPSECKEY]",
                  "  - id: read", "    key: reader", "    action: query",
                  "policy:", "  - id: p", "    single-type-signing: on",
                  "    algorithm: ecdsap256sha256", "zone:"]
        for name in self.zones:
            acl = "read" if name in self.closed else "update, read"
            lines += [f"  - domain: {name}", f"    file: /run/knot/{name}zone",
                      "    dnssec-signing: on", "    dnssec-policy: p",
                      f"    acl: [{acl}]"]
        return "\n".join(lines) + "\n"

    def start(self):
        self.write("knot/knot.conf", self.configuration())
        for name in ("knot", "knot/db"):
            self.chroot("/bin/mkdir", "-p", f"/run/{name}")
        for name, records in self.zones.items():
            with open(f"{self.root}/run/knot/{name}zone", "w",
                      encoding="ascii") as f:
                f.write(f"{name} {TTL} IN SOA ns. admin. 1 60 60 3600 {TTL}\n"
                        f"{name} {TTL} IN NS ns.{self.name}.\n")
                f.writelines(f"{r}\n" for r in records)
        with open(f"{self.dir}/daemon.out", "ab") as out:
            self.process = self.ns.popen(
                self.argv("/usr/sbin/knotd", "-c", "/etc/knot/knot.conf"),
                stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        wait_until(lambda: all(f"{z}] zone loaded" in self.log() or
                               f"{z}] loaded" in self.log()
                               for z in self.zones), 15, "Knot's zones")

    def ds(self, zone):
        """Its DS records, as lines of a zone file."""
        out = self.chroot("/usr/sbin/keymgr", "-c", "/etc/knot/knot.conf",
                          zone, "ds")
        return [line for line in out.splitlines() if " DS " in line]

    def delegate(self, server):
        """Tells the tree above."""
        name = f"ns.{self.name}."
        server.add(name, "A", self.own[4][0])
        server.add(name, "AAAA", self.own[6][0])
        for zone in self.zones:
            server.add(zone, "NS", name)
            for line in self.ds(zone):
                server.add(zone, "DS", line.split(" DS ", 1)[1])

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(10)
            self.process = None
