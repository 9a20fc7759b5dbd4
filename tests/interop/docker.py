# SPDX-License-Identifier: LGPL-2.1-or-later
"""Docker on a host of the lab, asked by its API: one container, made of busybox
alone, with a port that is published."""

import http.client
import io
import json
import os
import socket
import tarfile

from daemon import Daemon
from waiting import wait_until

PORT, INSIDE = 8080, 80
HELLO = "hello"


class Api(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("docker", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


class Docker(Daemon):
    def __init__(self, host, root):
        self.daemon = None
        super().__init__(host, root, ("run", "etc", "tmp", "var"))
        os.symlink("/run", f"{self.root}/var/run")
        # Networks that are nobody's in the lab.
        self.write("etc/docker/daemon.json", json.dumps({
            "storage-driver": "vfs", "experimental": True, "ipv6": True,
            "fixed-cidr-v6": "2001:db8:d0c::/64", "ip6tables": True,
            "exec-opts": ["native.cgroupdriver=cgroupfs"]}))
        self.start()
        self.call("POST", "/images/create?fromSrc=-&repo=box",
                  raw=self.image())
        port = f"{INSIDE}/tcp"
        self.call("POST", "/containers/create?name=web", {
            "Image": "box", "ExposedPorts": {port: {}},
            "Cmd": ["/busybox", "nc", "-ll", "-p", str(INSIDE), "-e",
                    "/busybox", "echo", HELLO],
            "HostConfig": {"PortBindings": {port: [{"HostPort": str(PORT)}]},
                           "RestartPolicy": {"Name": "always"}}})
        self.call("POST", "/containers/web/start")

    def image(self):
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w") as tar:
            tar.add(f"{self.root}/usr/bin/busybox", "busybox")
        return data.getvalue()

    def start(self):
        self.daemon = self.spawn("dockerd")
        wait_until(self.answers, 60, "dockerd")

    def answers(self):
        """Its socket may be there, from before, when it is not."""
        try:
            return self.call("GET", "/version")
        except OSError:
            return None

    def restart(self):
        """The daemon, and with it the container."""
        self.end(self.daemon)
        self.start()
        wait_until(self.pid, 30, "the container again")

    def call(self, method, path, body=None, raw=None, tolerant=False):
        api = Api(f"{self.root}/run/docker.sock")
        kind = "x-tar" if raw else "json"
        api.request(method, path, raw or body and json.dumps(body),
                    {"Content-Type": f"application/{kind}"})
        answer = api.getresponse()
        data = answer.read()
        api.close()
        assert tolerant or answer.status < 300, f"{method} {path}: {data}"
        return json.loads(data) if data and not raw else None

    def close(self):
        """What runs in the container is no child of the daemon's."""
        if self.daemon and self.daemon.poll() is None:
            self.call("POST", "/containers/web/kill", tolerant=True)
        super().close()

    def pid(self):
        """The container's first process; 0: it does not run."""
        return self.call("GET", "/containers/web/json")["State"]["Pid"]

    def inside(self, *argv):
        """A program of the machine's own in the container's network."""
        return self.host.ns.run("nsenter", "--net", "--target", self.pid(),
                                *argv)
