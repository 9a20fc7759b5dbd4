# SPDX-License-Identifier: LGPL-2.1-or-later
"""A host of the lab with libreswan: its daemon runs in a root of its own, as
Debian's package is unpacked there (get-peers); what differs between two hosts
is mounted over it."""

import os
import shutil
import signal
import subprocess
import time

from lab import Host
from namespace import MNT_DETACH, MS_BIND, checked, libc
from waiting import wait_until

MS_REC, MS_PRIVATE = 16384, 1 << 18
HERE = os.path.dirname(os.path.abspath(__file__))
EXECDIR = "/usr/libexec/ipsec"
POLICIES = ("block", "clear", "clear-or-private", "private",
            "private-or-clear", "portexcludes.conf")


def find_root():
    """The unpacked package, None where it is not in the cache."""
    done = subprocess.run([f"{HERE}/get-peers", "--cached"], text=True,
                          stdout=subprocess.PIPE, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def mount(source, target, kind="none", flags=MS_BIND, data=None):
    checked(libc.mount(source.encode(), target.encode(), kind.encode(), flags,
                       data and data.encode()), f"mount {target}")


class LibreswanHost(Host):
    def __init__(self, lab, name, root):
        super().__init__(lab, name)
        self.process = None
        self.root = f"{self.dir}/root"
        os.makedirs(self.root)
        mount(root, self.root)
        mount("none", self.root, flags=MS_PRIVATE)
        for what in ("proc", "dev"):
            mount(f"/{what}", f"{self.root}/{what}")
        for what in ("run", "etc", "var/lib/ipsec"):
            mount("none", f"{self.root}/{what}", "tmpfs", 0, "mode=755")
        for what in ("run/pluto", "etc/ipsec.d/policies",
                     "var/lib/ipsec/nss"):
            os.makedirs(f"{self.root}/{what}")
        for what in POLICIES:
            self.write(f"ipsec.d/policies/{what}", "")
        for what in ("protocols", "services"):
            shutil.copy(f"{root}/etc/{what}", f"{self.root}/etc/{what}")
        self.write("passwd", "root:x:0:0::/:/bin/sh\n")
        self.write("ipsec.secrets", "")
        self.make_database()

    def write(self, name, text):
        with open(f"{self.root}/etc/{name}", "w", encoding="utf-8") as f:
            f.write(text)

    def make_database(self):
        """NSS wants one, with nothing in it; made once, it takes a while."""
        made = "/run/lab/nss"
        here = f"{self.root}/var/lib/ipsec/nss"
        if not os.path.exists(made):
            self.chroot("certutil", "-N", "-d", "sql:/var/lib/ipsec/nss",
                        "--empty-password")
            shutil.copytree(here, made)
        else:
            shutil.copytree(made, here, dirs_exist_ok=True)

    def argv(self, *argv):
        return ["chroot", self.root, *argv]

    def chroot(self, *argv, check=True):
        return self.ns.run(*self.argv(*argv), check=check)

    def whack(self, *arguments, check=True):
        """The daemon's own command."""
        return self.chroot(f"{EXECDIR}/whack", *arguments, check=check)

    def configure(self, networks, setup=None, **keys):
        """Anonymous opportunistic encryption in transport mode with these
        networks; keys of conn peers, with _ for -."""
        conn = {"type": "transport", "authby": "null", "leftid": "%null",
                "rightid": "%null", "left": self.ip,
                "right": "%opportunisticgroup", "negotiationshunt": "hold",
                "failureshunt": "drop", "auto": "ondemand"}
        conn.update({k.replace("_", "-"): v for k, v in keys.items()})
        lines = ["config setup"]
        lines += [f"\t{k.replace('_', '-')}={v}"
                  for k, v in (setup or {}).items()]
        lines += ["conn peers"] + [f"\t{k}={v}" for k, v in conn.items()]
        self.write("ipsec.conf", "\n".join(lines) + "\n")
        self.write("ipsec.d/policies/peers", "\n".join(networks) + "\n")

    def start(self):
        """Starts it and waits until it has its policies."""
        with open(f"{self.dir}/pluto.out", "ab") as out:
            self.process = self.ns.popen(
                self.argv(f"{EXECDIR}/pluto", "--config", "/etc/ipsec.conf",
                          "--nofork", "--logfile", "/run/pluto.log"),
                stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        wait_until(self.ready, 15, "libreswan has loaded its connection")
        return self

    def ready(self):
        assert self.process.poll() is None, \
            f"pluto ended with {self.process.returncode}: {self.log()}"
        return any(p.templates and p.direction == "out"
                   for p in self.policies())

    def stop(self):
        """A clean stop: it tells its peers."""
        self.whack("--shutdown", check=False)
        self.process.wait(10)
        self.process = None

    def kill(self):
        """It dies, and the kernel forgets, as after a power failure."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(5)
        self.process = None
        self.ns.ip("xfrm state flush", "xfrm policy flush")

    def log(self):
        text = ""
        for path in (f"{self.dir}/pluto.out", f"{self.root}/run/pluto.log"):
            try:
                with open(path, encoding="utf-8", errors="replace") as f:
                    text += f.read()
            except FileNotFoundError:
                pass
        return text

    def report(self):
        return super().report() + [
            (f"{self.name}: libreswan's log",
             "\n".join(self.log().splitlines()[-80:]))]

    def close(self):
        if self.process:
            self.process.kill()
            self.process.wait()
        # Its scripts end by themselves. User-Mode Linux panics now and then
        # when one is killed while it forks.
        end = time.monotonic() + 3
        while self.ns.processes() and time.monotonic() < end:
            time.sleep(0.05)
        super().close()
        libc.umount2(self.root.encode(), MNT_DETACH)
