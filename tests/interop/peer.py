# SPDX-License-Identifier: LGPL-2.1-or-later
"""A host of the lab with a foreign IKE daemon, which runs in a root of its own,
as Debian's package is unpacked there (get-peers); what differs between two
hosts is mounted over it."""

import os
import shutil
import signal
import subprocess

from lab import Host
from namespace import MNT_DETACH, MS_BIND, checked, libc

MS_REC, MS_PRIVATE = 1 << 14, 1 << 18
HERE = os.path.dirname(os.path.abspath(__file__))


def find_root(name):
    """The unpacked package, None where it is not in the cache."""
    done = subprocess.run([f"{HERE}/get-peers", "--cached", name], text=True,
                          stdout=subprocess.PIPE, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def mount(source, target, kind="none", flags=MS_BIND, data=None):
    checked(libc.mount(source.encode(), target.encode(), kind.encode(), flags,
                       data and data.encode()), f"mount {target}")


def own_root(root, path, own):
    """The unpacked package at this path, with folders of its own, in memory,
    for these of it. Unmount it before anybody removes what is there."""
    os.makedirs(path)
    mount(root, path)
    mount("none", path, flags=MS_PRIVATE)
    for what in ("proc", "dev", "sys"):
        mount(f"/{what}", f"{path}/{what}", flags=MS_BIND | MS_REC)
    for what in own:
        mount("none", f"{path}/{what}", "tmpfs", 0, "mode=755")


class PeerHost(Host):
    """With folders of its own, in memory, for these of the root."""

    def __init__(self, lab, name, root, own=("run", "etc")):
        super().__init__(lab, name)
        self.process = None
        self.logged = 0  # before it was started
        self.root = f"{self.dir}/root"
        own_root(root, self.root, own)
        for what in ("protocols", "services"):
            if os.path.exists(f"{root}/etc/{what}"):
                shutil.copy(f"{root}/etc/{what}", f"{self.root}/etc/{what}")
        self.write("passwd", "root:x:0:0::/:/bin/sh\n")
        self.write("group", "root:x:0:\n")

    def write(self, name, text):
        """A file of /etc."""
        path = f"{self.root}/etc/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)

    def argv(self, *argv):
        return ["chroot", self.root, *argv]

    def chroot(self, *argv, check=True):
        return self.ns.run(*self.argv(*argv), check=check)

    def spawn(self, *argv):
        """The daemon."""
        self.logged = len(self.log())
        with open(f"{self.dir}/daemon.out", "ab") as out:
            self.process = self.ns.popen(
                self.argv(*argv), stdin=subprocess.DEVNULL, stdout=out,
                stderr=out)

    def kill(self):
        """It dies, and the kernel forgets, as after a power failure."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(5)
        self.process = None
        self.ns.ip("xfrm state flush", "xfrm policy flush")

    def log(self):
        text = ""
        for path in (f"{self.dir}/daemon.out", f"{self.root}/run/daemon.log"):
            try:
                with open(path, encoding="utf-8", errors="replace") as f:
                    text += f.read()
            except FileNotFoundError:
                pass
        return text

    def report(self):
        return super().report() + [
            (f"{self.name}: the daemon's log",
             "\n".join(self.log().splitlines()[-120:]))]

    def close(self):
        if self.process:
            self.process.kill()
            self.process.wait()
        super().close()
        libc.umount2(self.root.encode(), MNT_DETACH)
