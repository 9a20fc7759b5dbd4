# SPDX-License-Identifier: LGPL-2.1-or-later
"""This machine as its administrator sees it, and the host at the other end of
its only wire."""

import glob
import json
import os
import pwd
import re
import shutil
import socket
import subprocess

from capture import Capture
from namespace import Namespace
from waiting import wait_until

UNITS = ("tacit.service", "tacit-netd.service", "tacit-keyd.service")
USERS = ("tacit", "tacit-net", "tacit-key")
PROFILES = ("tacitd", "tacit-netd", "tacit-keyd")
OURS = {4: "10.9.0.1", 6: "fd09::1"}
PEERS = {4: "10.9.0.2", 6: "fd09::2"}
NETWORKS = "10.9.0.0/24 fd09::/64"


def run(*argv, check=True, timeout=30, user=None, input=None):
    """Standard output and error, of a command that succeeds."""
    done = subprocess.run(argv, text=True, timeout=timeout, check=False,
                          input=input, user=user,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert not check or done.returncode == 0, \
        f"{argv}: status {done.returncode}: {done.stdout}"
    return done.stdout


def status_of(*argv):
    return subprocess.run(argv, check=False, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode


def packages(*names):
    found = [glob.glob(f"/lab/tree/build/package/{name}_*.deb")
             for name in names]
    assert all(len(f) == 1 for f in found), found
    return [f[0] for f in found]


def systemctl(*argv, **kwargs):
    return run("systemctl", "--no-pager", *argv, **kwargs)


def unit(name, *properties):
    """{property: text} of a unit."""
    out = systemctl("show", "-p", ",".join(properties), name)
    return dict(line.split("=", 1) for line in out.splitlines())


def active(name):
    return unit(name, "ActiveState")["ActiveState"]


def pid(name):
    return int(unit(name, "MainPID")["MainPID"])


def process(number):
    """{field: text} of /proc/PID/status"""
    with open(f"/proc/{number}/status", encoding="ascii") as f:
        return dict(re.findall(r"(\w+):\s*(.*)", f.read()))


def uid(user):
    return pwd.getpwnam(user).pw_uid


def confined(name):
    """By which profile of AppArmor a process of that number, or unit, is."""
    with open(f"/proc/{name if isinstance(name, int) else pid(name)}"
              "/attr/apparmor/current", encoding="ascii") as f:
        return f.read().strip()


def journal(*matches):
    out = run("journalctl", "-b", "-o", "json", "--no-pager", *matches)
    return [json.loads(line) for line in out.splitlines()]


def tacit(*argv):
    return json.loads(run("tacit", *argv, "--json"))


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii") as f:
        f.write(text)


def policy(level, **keys):
    lines = "".join(f"{k}={v}\n" for k, v in keys.items())
    write("/etc/tacit/policy.d/peers.conf",
          f"[Policy]\nNetworks={NETWORKS}\nEncryption={level}\n{lines}")


def kernel():
    """What is there of ours: policies other than sockets', states, tables. A
    state without an SPI is the kernel's own, for some seconds."""
    policies = [p for p in run("ip", "xfrm", "policy").split("src ")[1:]
                if "socket" not in p]
    states = [s for s in run("ip", "xfrm", "state").split("\nsrc ")
              if s and "spi 0x00000000" not in s]
    return policies + states + re.findall("table.*tacit", run(
        "nft", "list", "tables"))


def ping(family, count=1, timeout=1):
    """How many were answered."""
    out = run("ping", "-n", "-c", str(count), "-i", "0.05", "-W", str(timeout),
              PEERS[family], check=False)
    return int(re.search(r"(\d+) received", out).group(1))


class Here:
    socket = staticmethod(socket.socket)


class Peer:
    """In a network namespace, with tacitd --standalone where it was told to,
    which is instance "peer" on the bus of this machine."""

    etc, run, state = "/etc/tacit-peer", "/run/tacit-peer", "/var/lib/tacit-peer"

    def __init__(self):
        self.process = None
        self.ns = Namespace("peer")
        run("ip", "link", "add", "wire", "type", "veth", "peer", "name",
            "wire", "netns", "peer")
        for family, bits in ((4, 24), (6, 64)):
            nodad = ["nodad"] if family == 6 else []
            run("ip", "addr", "add", f"{OURS[family]}/{bits}", "dev", "wire",
                *nodad)
            self.ns.run("ip", "addr", "add", f"{PEERS[family]}/{bits}", "dev",
                        "wire", *nodad)
        # Each frame once, as it arrives.
        self.captures = [Capture(self.ns, {"wire": "host"}),
                         Capture(Here, {"wire": "peer"})]
        run("ip", "link", "set", "wire", "up")
        self.ns.ip("link set wire up")

    def start(self, level):
        write(f"{self.etc}/policy.d/peers.conf",
              f"[Policy]\nNetworks={NETWORKS}\nEncryption={level}\n")
        with open("/run/peer.log", "ab") as log:
            self.process = self.ns.popen(
                ["/usr/sbin/tacitd", "--standalone", "--debug", "--instance",
                 "peer"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(lambda: os.path.exists(f"{self.run}/agent.sock"), 15,
                   "the peer's agent is there", interval=0.1)

    def restart(self, level):
        self.stop()
        self.start(level)

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(10)
            self.process = None
        for path in (self.etc, self.run, self.state):
            shutil.rmtree(path, ignore_errors=True)

    def mark(self):
        return [c.mark() for c in self.captures]

    def frames(self, kinds, since=(0, 0)):
        return [f for c, n in zip(self.captures, since)
                for f in c.between([OURS[4], OURS[6]], [PEERS[4], PEERS[6]],
                                   kinds, n)]

    def clear(self, since=(0, 0)):
        return self.frames(("clear",), since)

    def close(self):
        self.stop()
        for capture in self.captures:
            capture.close()
        self.ns.close()
