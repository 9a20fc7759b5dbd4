# SPDX-License-Identifier: LGPL-2.1-or-later
"""A signed tree of names, from its own root down, on one host of the lab: NSD
serves it, ldns signs it. Every zone has its own key; zones can be left
unsigned, and signatures be long expired."""

import datetime
import ipaddress
import os
import signal
import subprocess

from peer import PeerHost
from waiting import wait_until

ALGORITHM = "ECDSAP256SHA256"
TTL = 60  # of everything, where a server is not told otherwise


def reverse(address):
    """Its name in the reverse tree, with the dot at the end."""
    return ipaddress.ip_address(address).reverse_pointer + "."


def owner_zone(name, zones):
    """The zone of these that a name lies in."""
    labels = name.split(".")
    for i in range(len(labels)):
        zone = ".".join(labels[i:]) or "."
        if zone in zones:
            return zone
    return "."


class Zone:
    def __init__(self, name, signed):
        self.name = name
        self.signed = signed
        self.expired = False
        self.records = []
        self.key = None  # files of the key, without their ends
        self.serial = 0
        self.file = "root" if name == "." else name.rstrip(".")


class NameServer(PeerHost):
    """Its zones are changed with add() and remove(), and are served after
    publish(). Names are absolute."""

    def __init__(self, lab, name, root):
        super().__init__(lab, name, root)
        self.ttl = TTL
        self.tls = False  # on port 853, and not on 53
        self.zones = {}
        for zone in (".", "test.", "lab.test.", "in-addr.arpa.", "ip6.arpa."):
            self.zone(zone)

    @property
    def anchor(self):
        """The file with the root's key."""
        return f"{self.dir}/root.key"

    @property
    def hints(self):
        return f"{self.dir}/root.hints"

    def path(self, name):
        return f"{self.root}/etc/nsd/{name}"

    def zone(self, name, signed=True):
        zone = self.zones.setdefault(name, Zone(name, signed))
        zone.signed = signed
        return zone

    def add(self, owner, kind, *data):
        self.zones[owner_zone(owner, self.zones)].records.append(
            (owner, kind, " ".join(map(str, data))))

    def remove(self, owner, kind=None):
        zone = self.zones[owner_zone(owner, self.zones)]
        zone.records = [r for r in zone.records
                        if r[0] != owner or (kind and r[1] != kind)]

    # Zones

    def tool(self, *argv):
        return self.ns.run(*self.argv("/bin/env", "-C", "/etc/nsd", *argv))

    def make_key(self, zone):
        zone.key = self.tool("ldns-keygen", "-r", "/dev/urandom", "-a",
                             ALGORITHM, "-k", zone.name).strip()

    def roll_key(self, name):
        """Another key-signing key, from the next publish() on."""
        self.make_key(self.zones[name])

    def parent(self, zone):
        return owner_zone(zone.name.partition(".")[2] or ".",
                          {n: z for n, z in self.zones.items() if n != zone.name})

    def delegations(self, zone):
        for child in self.zones.values():
            if child.name == "." or self.parent(child) != zone.name:
                continue
            yield f"{child.name} {self.ttl} IN NS ns.\n"
            if child.signed:
                with open(self.path(f"{child.key}.ds"), encoding="ascii") as f:
                    yield f.read()

    def write_zone(self, zone):
        zone.serial += 1
        lines = [f"{zone.name} {self.ttl} IN SOA ns. admin. {zone.serial} 60 60 "
                 f"3600 {self.ttl}\n", f"{zone.name} {self.ttl} IN NS ns.\n"]
        if zone.name == ".":
            for family, kind in ((4, "A"), (6, "AAAA")):
                lines.append(f"ns. {self.ttl} IN {kind} {self.own[family][0]}\n")
        lines += [f"{o} {self.ttl} IN {k} {d}\n" for o, k, d in zone.records]
        lines += self.delegations(zone)
        with open(self.path(zone.file), "w", encoding="ascii") as f:
            f.writelines(lines)

    def sign(self, zone):
        now = datetime.datetime.now(datetime.timezone.utc)
        days = -40 if zone.expired else 0
        stamp = [f"{now + datetime.timedelta(days=d):%Y%m%d%H%M%S}"
                 for d in (days - 1, days + 30)]
        self.tool("ldns-signzone", "-i", stamp[0], "-e", stamp[1],
                  "-o", zone.name, "-f", f"/etc/nsd/{zone.file}.signed",
                  zone.file, zone.key)

    def publish(self):
        os.makedirs(self.path(""), exist_ok=True)
        # Children first: the parent has their keys' digests.
        for zone in sorted(self.zones.values(), key=lambda z: -len(z.name)):
            if zone.signed and not zone.key:
                self.make_key(zone)
            self.write_zone(zone)
            if zone.signed:
                self.sign(zone)
        with open(self.path(f"{self.zones['.'].key}.key"),
                  encoding="ascii") as source, \
                open(self.anchor, "w", encoding="ascii") as f:
            f.write(source.read())
        with open(self.hints, "w", encoding="ascii") as f:
            f.write(f". 3600 IN NS ns.\nns. 3600 IN A {self.own[4][0]}\n"
                    f"ns. 3600 IN AAAA {self.own[6][0]}\n")
        self.serve()

    # The server

    def configuration(self):
        lines = ["server:", ' username: ""', ' chroot: ""', " server-count: 1",
                 ' zonesdir: "/etc/nsd"', ' pidfile: "/run/nsd.pid"',
                 ' xfrdfile: ""', ' zonelistfile: "/run/zone.list"',
                 ' logfile: "/run/nsd.log"', " xfrdir: /run"]
        port = ""
        if self.tls:
            port = "@853"
            lines += [" tls-port: 853", ' tls-service-key: "/etc/nsd/tls.key"',
                      ' tls-service-pem: "/etc/nsd/tls.pem"']
        lines += [f" ip-address: {own[0]}{port}" for own in self.own.values()]
        lines += ["remote-control:", " control-enable: no"]
        for zone in self.zones.values():
            lines += ["zone:", f' name: "{zone.name}"', ' zonefile: "' +
                      zone.file + ('.signed"' if zone.signed else '"')]
        return "\n".join(lines) + "\n"

    def serve(self):
        """Starts it, or makes it read its zones again."""
        if self.tls:
            self.make_certificate()
        self.write("nsd/nsd.conf", self.configuration())
        self.stop()
        self.process = self.ns.popen(
            self.argv("/usr/sbin/nsd", "-d", "-c", "/etc/nsd/nsd.conf"),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        wait_until(self.answers, 10, f"{self.name}: the name server")

    def make_certificate(self):
        """Of nobody's name: who is asked for none takes it."""
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=dns.lab.test",
             "-keyout", self.path("tls.key"), "-out", self.path("tls.pem")],
            check=True, capture_output=True)

    def answers(self):
        assert self.process.poll() is None, self.log()
        table = self.ns.read("/proc/thread-self/net/" +
                             ("tcp" if self.tls else "udp"))
        return (":0355 " if self.tls else ":0035 ") in table

    def log(self):
        try:
            with open(f"{self.root}/run/nsd.log", encoding="utf-8") as f:
                return f.read()
        except FileNotFoundError:
            return "no log"

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(5)
            self.process = None

    def hang(self):
        """Silence: the packets arrive, nobody answers."""
        for pid in self.ns.processes():
            os.kill(pid, signal.SIGSTOP)
