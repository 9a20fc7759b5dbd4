# SPDX-License-Identifier: LGPL-2.1-or-later
"""A host of the lab with our engine alone (ike-host.c), which rekeys and
deletes when a test says so."""

import os
import shutil
import subprocess
import threading

import agent
from lab import Host
from waiting import wait_until

PROGRAM = f"{agent.BUILD}/tests/interop/ike-host"
COPY = "/run/lab/bin/ike-host"


class EngineHost(Host):
    def __init__(self, lab, name):
        super().__init__(lab, name)
        if not os.path.exists(COPY):
            os.makedirs(os.path.dirname(COPY), exist_ok=True)
            shutil.copy(PROGRAM, COPY)
        self.process = None
        self.options = []
        self.events = []  # lines, as words

    def configure_peer(self, peer, secret=None, key=None, peer_key=None,
                       null=False, identity=None, peer_identity=None,
                       **options):
        """As of the foreign hosts; options are those of ike-host."""
        self.options = ["--local", self.ip, "--remote", peer.ip]
        if null:
            self.options += ["--null"]
        else:
            self.options += ["--id", identity or self.ip,
                             "--peer-id", peer_identity or peer.ip]
        if secret:
            self.options += ["--secret", secret]
        if key:
            self.options += ["--key", key.private]
        if peer_key:
            self.options += ["--peer-key", peer_key.public]
        for name, value in options.items():
            self.options += [f"--{name}"] + ([] if value is True else
                                             [str(value)])

    def start(self):
        with open(f"{self.dir}/errors", "ab") as errors:
            self.process = self.ns.popen(
                [COPY, *self.options], text=True, bufsize=1,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
        threading.Thread(target=self.listen, args=(self.process, ),
                         daemon=True).start()
        self.wait("ready")
        return self

    def listen(self, process):
        for line in process.stdout:
            self.events.append(line.split())

    def wait(self, *words, since=0, seconds=10):
        """Waits for a line that begins so."""
        def there():
            assert self.process is None or self.process.poll() is None or \
                words in self.events, f"ike-host has ended: {self.errors()}"
            failed = [e for e in self.events[since:] if e[0] == "failed"]
            assert words != ("up", ) or not failed, failed
            return next((e for e in self.events[since:]
                         if tuple(e[:len(words)]) == words), None)
        return wait_until(there, seconds, f"{self.name} says {words}: "
                          f"{self.events}")

    def tell(self, what):
        since = len(self.events)
        self.process.stdin.write(what + "\n")
        said = self.wait(f"{what}:", since=since)
        assert said[1:] == ["told"], said
        return since

    def initiate(self, check=True):
        since = self.tell("initiate")
        return self.wait("up" if check else "failed", since=since)

    def rekey_child(self):
        return self.wait("up", since=self.tell("rekey-child"))

    def rekey_ike(self):
        return self.wait("rekeyed", since=self.tell("rekey-ike"))

    def terminate(self):
        return self.wait("down", since=self.tell("close"))

    def ups(self):
        return [e for e in self.events if e[0] == "up"]

    def stop(self):
        """Without a word to the peer."""
        self.process.stdin.write("quit\n")
        self.process.wait(5)
        self.process = None

    def kill(self):
        """The same, and the kernel forgets."""
        self.stop()
        self.ns.ip("xfrm state flush", "xfrm policy flush")

    def errors(self):
        try:
            with open(f"{self.dir}/errors", encoding="utf-8") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def report(self):
        return super().report() + [
            (f"{self.name}: ike-host", "\n".join(map(" ".join, self.events)) +
             "\n" + self.errors())]

    def close(self):
        if self.process:
            self.process.kill()
            self.process.wait()
        super().close()
