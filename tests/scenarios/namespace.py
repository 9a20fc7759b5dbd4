# SPDX-License-Identifier: LGPL-2.1-or-later
"""A network namespace with a thread that lives in it.

What needs the namespace (sockets, new processes, /proc/sys/net) is called in
that thread: a process started by it is born in the namespace. So nothing is
forked only to get there, which the lab kernel would take 10 ms for.
"""

import concurrent.futures
import ctypes
import os
import signal
import socket
import subprocess
import threading

CLONE_NEWNET = 0x40000000
MS_BIND = 4096
MNT_DETACH = 2

libc = ctypes.CDLL(None, use_errno=True)


def checked(result, what):
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


class Namespace:
    def __init__(self, name):
        self.name = name
        self.path = f"/run/netns/{name}"
        self.thread = concurrent.futures.ThreadPoolExecutor(1, name)
        self.call(self._enter)
        self.inode = os.stat(self.path).st_ino
        self.ip("link set lo up")

    def _enter(self):
        checked(libc.unshare(CLONE_NEWNET), "unshare")
        os.makedirs("/run/netns", exist_ok=True)
        # Named, so that `ip netns exec` works in a debugging session too.
        with open(self.path, "w", encoding="ascii"):
            pass
        here = f"/proc/self/task/{threading.get_native_id()}/ns/net"
        checked(libc.mount(here.encode(), self.path.encode(), b"none",
                           MS_BIND, None), f"mount {self.path}")

    def call(self, function, *args, **kwargs):
        """Runs a function in the namespace; it should not block."""
        return self.thread.submit(function, *args, **kwargs).result()

    def popen(self, argv, **kwargs):
        return self.call(subprocess.Popen, argv, **kwargs)

    def run(self, *argv, input=None, check=True, timeout=30):
        """Runs a program to its end; returns its standard output."""
        with self.popen([str(a) for a in argv], text=True,
                        stdin=subprocess.PIPE if input else
                        subprocess.DEVNULL,
                        stdout=subprocess.PIPE,
                        stderr=subprocess.STDOUT) as process:
            try:
                out, _ = process.communicate(input, timeout=timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                out, _ = process.communicate()
                raise AssertionError(
                    f"{self.name}: {argv} hangs: {out}") from None
            if check and process.returncode != 0:
                raise AssertionError(
                    f"{self.name}: {argv}: status {process.returncode}: "
                    f"{out.strip()}")
            return out

    def ip(self, *lines):
        """Commands of ip(8), in one batch."""
        return self.run("ip", "-batch", "-", input="\n".join(lines) + "\n")

    def nft(self, rules):
        return self.run("nft", "-f", "-", input=rules)

    def socket(self, *args):
        return self.call(socket.socket, *args)

    def sysctl(self, name, value):
        def write():
            path = "/proc/sys/net/" + name.replace(".", "/")
            with open(path, "w", encoding="ascii") as f:
                f.write(str(value))
        self.call(write)

    def read(self, path):
        """A file that shows each namespace something else."""
        def read():
            with open(path, encoding="utf-8") as f:
                return f.read()
        return self.call(read)

    def counters(self):
        """What xfrm counts: {"XfrmInNoPols": 0, ...}"""
        text = self.read("/proc/thread-self/net/xfrm_stat")
        return {k: int(v) for k, v in map(str.split, text.splitlines())}

    def processes(self):
        """{pid: name} of what runs here, other than this program."""
        found = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if (int(pid) != os.getpid() and
                        os.stat(f"/proc/{pid}/ns/net").st_ino == self.inode):
                    with open(f"/proc/{pid}/comm", encoding="utf-8") as f:
                        found[int(pid)] = f.read().strip()
            except OSError:
                pass  # gone meanwhile
        return found

    def close(self):
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.thread.shutdown()
        libc.umount2(self.path.encode(), MNT_DETACH)
        os.unlink(self.path)
