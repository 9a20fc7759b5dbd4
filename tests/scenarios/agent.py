# SPDX-License-Identifier: LGPL-2.1-or-later
"""One agent on a host, started as a container would: tacitd --standalone, its
readiness over NOTIFY_SOCKET, its four processes by name."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time

import judge
from waiting import wait_until

SUPERVISOR, AGENT, NETD, KEYD = "supervisor", "agent", "netd", "keyd"
PROCESSES = (SUPERVISOR, AGENT, NETD, KEYD)
PROGRAMS = ("tacitd", "tacit-netd", "tacit-keyd", "tacit")

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get(
    "TACIT_BUILD", os.path.join(HERE, "..", "..", "build", "release"))


class Missing(Exception):
    """The programs are not built."""


def programs(into):
    """Copies the programs to where their own users may run them: a build
    tree often lies in a folder that only its owner may enter."""
    os.makedirs(into, exist_ok=True)
    for name in PROGRAMS:
        source = os.path.join(BUILD, name)
        if not os.path.exists(os.path.join(into, name)):
            if not os.path.exists(source):
                raise Missing(f"{source} is not there: build it first, or "
                              "name the build folder in TACIT_BUILD")
            shutil.copy(source, into)
    return into


class Agent:
    def __init__(self, host, bin_dir="/run/lab/bin"):
        self.host = host
        self.bin = programs(bin_dir)
        self.etc = f"{host.dir}/etc"
        self.run_dir = f"{host.dir}/run"
        self.state_dir = f"{host.dir}/state"
        self.log_path = f"{host.dir}/log"
        self.process = None
        os.makedirs(f"{self.etc}/policy.d", exist_ok=True)
        self.keys = f"{host.dir}/keys"
        self.started = False
        if judge.DIR:
            os.makedirs(self.keys, exist_ok=True)
            os.chmod(self.keys, 0o777)  # the agent's user is another
            host.config("tacit.conf.d/00-judge.conf",
                        f"[Debug]\nKeys={self.keys}\n", self.etc)

    def popen(self, *options, prefix=()):
        self.started = True
        notify = f"{self.host.dir}/notify"
        if os.path.exists(notify):
            os.unlink(notify)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(notify)
        os.chmod(notify, 0o777)
        environment = dict(os.environ, NOTIFY_SOCKET=notify)
        with open(self.log_path, "ab") as log:
            return self.host.ns.popen(
                [*prefix, f"{self.bin}/tacitd", "--standalone",
                 "--config-dir", self.etc, "--runtime-dir", self.run_dir,
                 "--state-dir", self.state_dir,
                 *options],
                env=environment, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log)

    def start(self, *options, timeout=10, debug=True):
        """Starts it and waits until it says that it is ready."""
        self.host.keys.make()
        self.process = self.popen(*(["--debug"] if debug else []), *options)
        end = time.monotonic() + timeout
        while True:
            self.notify.settimeout(0.1)
            try:
                if b"READY=1" in self.notify.recv(4096):
                    break
            except TimeoutError:
                pass
            code = self.process.poll()
            assert code is None, \
                f"{self.host.name}: tacitd ended with {code}: {self.log()}"
            assert time.monotonic() < end, \
                f"{self.host.name}: not ready in {timeout} s: {self.log()}"
        self.notify.settimeout(0)
        return self

    def refuse(self, options=(), prefix=(), timeout=10):
        """Starts it where it should not start, without debug messages;
        returns its exit code and what it said."""
        before = len(self.log())
        process = self.popen(*options, prefix=prefix)
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout)
            raise AssertionError(
                f"{self.host.name}: it runs, and should not") from None
        return code, self.log()[before:]

    def stop(self, timeout=10):
        """A clean stop; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout)
        self.process = None
        return code

    def restart(self):
        self.stop()
        return self.start()

    def reload(self, good=True, timeout=5):
        """Reads its configuration again; returns what it logged."""
        before = len(self.log())
        word = "has been read again" if good else "stays in force"
        self.process.send_signal(signal.SIGHUP)
        wait_until(lambda: f"tacitd: " in self.log()[before:] and any(
            word in line for line in self.log()[before:].split("\n")
            if "tacitd: " in line), timeout, "the reload")
        return self.log()[before:]

    def pid(self, name):
        """The process of that name, or None while there is none."""
        if self.process is None:
            return None
        if name == SUPERVISOR:
            return self.process.pid
        wanted = {AGENT: "tacitd", NETD: "tacit-netd",
                  KEYD: "tacit-keyd"}[name]
        for pid, comm in self.host.ns.processes().items():
            if comm == wanted and parent(pid) == self.process.pid:
                return pid
        return None

    def pids(self):
        return {name: self.pid(name) for name in PROCESSES}

    def signal(self, name, number):
        pid = self.pid(name)
        assert pid, f"{self.host.name}: no process {name}"
        os.kill(pid, number)
        return pid

    def kill(self, name):
        """kill -9; returns the process that was."""
        pid = self.signal(name, signal.SIGKILL)
        if name == SUPERVISOR:
            self.process.wait(5)
        return pid

    def hang(self, name):
        return self.signal(name, signal.SIGSTOP)

    def wait_replaced(self, name, pid, timeout=15):
        """Waits until another process has taken this one's place."""
        return wait_until(lambda: self.pid(name) not in (None, pid) and
                          self.pid(name), timeout,
                          f"{self.host.name}: a new {name}")

    @property
    def command(self):
        """The command line for this agent."""
        return [f"{self.bin}/tacit", "--socket", f"{self.run_dir}/agent.sock"]

    def text(self, *arguments, check=True):
        """What it says to a program."""
        return self.host.ns.run(*self.command, *arguments, check=check,
                                timeout=5)

    def tacit(self, *arguments):
        """The same, from its JSON."""
        return json.loads(self.text("--json", *arguments))

    def log(self):
        try:
            with open(self.log_path, encoding="utf-8",
                      errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def close(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None


def parent(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            return int(f.read().rpartition(")")[2].split()[1])
    except OSError:
        return None
