# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs of Debian's that run on a host of the lab beside the agent, in the
host's own network and in a root of their own (get-peers)."""

import os
import shutil
import signal
import subprocess

from peer import own_root


class Daemon:
    def __init__(self, host, root, own):
        self.host = host
        self.root = f"{host.dir}/{type(self).__name__.lower()}"
        self.processes = []
        host.beside.append(self)
        own_root(root, self.root, own)
        # What the packages have there.
        shutil.copytree(f"{root}/etc", f"{self.root}/etc", symlinks=True,
                        dirs_exist_ok=True)
        self.write("etc/passwd", "root:x:0:0::/:/bin/sh\n"
                   "messagebus:x:100:100::/:/bin/false\n")
        self.write("etc/group", "root:x:0:\nmessagebus:x:100:\n")

    def write(self, name, text):
        path = f"{self.root}/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)

    def run(self, *argv, **kwargs):
        return self.host.ns.run("chroot", self.root, *argv, timeout=120,
                                **kwargs)

    def spawn(self, *argv):
        with open(f"{self.root}/run/log", "ab") as log:
            process = self.host.ns.popen(
                ["chroot", self.root, *argv], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, env={"PATH": "/usr/sbin:/usr/bin"})
        self.processes.append(process)
        return process

    def read(self, name):
        try:
            with open(f"{self.root}/{name}", encoding="utf-8",
                      errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def log(self):
        return self.read("run/log")

    def end(self, process):
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        self.processes.remove(process)

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()
