# SPDX-License-Identifier: LGPL-2.1-or-later
"""tacit-netd on a host, without an agent: a test is its agent."""

import os
import pwd
import shutil
import signal
import subprocess

import netd_client
import xfrm
from agent import BUILD, Missing
from waiting import wait_until

BIN = "/run/lab/bin"
AGENT_USER = "tacit"


def program():
    """A copy that every user may run."""
    source, copy = f"{BUILD}/tacit-netd", f"{BIN}/tacit-netd"
    if not os.path.exists(copy):
        if not os.path.exists(source):
            raise Missing(f"{source} is not there: build it first")
        os.makedirs(BIN, exist_ok=True)
        shutil.copy(source, BIN)
    return copy


def agent_uid():
    try:
        return pwd.getpwnam(AGENT_USER).pw_uid
    except KeyError:
        return None


class Netd:
    def __init__(self, host, *options):
        self.host = host
        self.run_dir = f"{host.dir}/netd"
        self.etc = host.agent.etc
        self.path = f"{self.run_dir}/netd.sock"
        self.log_path = f"{host.dir}/netd.log"
        self.clients = []
        self.start(*options)

    def start(self, *options):
        with open(self.log_path, "ab") as log:
            self.process = self.host.ns.popen(
                [program(), "--debug", "--config-dir", self.etc,
                 "--runtime-dir", self.run_dir, "--state-dir",
                 f"{self.host.dir}/state", *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self

    def connect(self, uid=None):
        """A connection as the agent's user, or another."""
        c = netd_client.Client(self.path,
                               uid=agent_uid() if uid is None else uid)
        self.clients.append(c)
        return c

    def agent(self):
        """One that has said HELLO."""
        c = self.connect()
        c.welcome = c.hello()
        for fd in c.welcome.fds:
            os.close(fd)
        return c

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(10)

    def dump(self):
        """All that it could have changed, without counters and times."""
        policies = sorted(str(p) for p in self.host.policies())
        states = sorted(f"{s.src} {s.dst} {s.spi} {s.reqid}"
                        for s in xfrm.states(self.host.ns) if s.spi)
        tables = self.host.ns.run("nft", "-s", "list", "ruleset")
        return policies, states, tables

    def traps(self):
        return [p for p in self.host.policies() if p.templates and
                p.templates[0].reqid == netd_client.TRAP_REQID]

    def wait_optional(self, there=True):
        """Traps of offer networks."""
        wait_until(lambda: any(p.templates[0].optional
                               for p in self.traps()) == there, 8,
                   f"{self.host.name}: offer traps {there}")

    def wait_traps(self, there=True):
        wait_until(lambda: bool(self.traps()) == there, 8,
                   f"{self.host.name}: traps {there}")


def between(policies, src, dst):
    """The policies between exactly these two hosts."""
    def host(a):
        return f"{a}/{128 if ':' in a else 32}"
    return [p for p in policies if (p.src, p.dst) == (host(src), host(dst))]
