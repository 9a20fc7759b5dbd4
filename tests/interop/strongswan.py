# SPDX-License-Identifier: LGPL-2.1-or-later
"""A host of the lab with strongSwan: charon, configured by swanctl."""

import os

from peer import PeerHost
from waiting import wait_until

PLUGINS = ("random nonce openssl pem pkcs1 pkcs8 pubkey x509 constraints drbg "
           "kernel-netlink socket-default vici")
CHILD = "h2h"


def settings(values, depth=0):
    """The nested form that both of its files have."""
    text = ""
    for name, value in values.items():
        pad = "\t" * depth
        if isinstance(value, dict):
            text += f"{pad}{name} {{\n{settings(value, depth + 1)}{pad}}}\n"
        else:
            text += f"{pad}{name} = {value}\n"
    return text


class StrongswanHost(PeerHost):
    def __init__(self, lab, name, root):
        super().__init__(lab, name, root)
        self.conn = {}

    def configure_peer(self, peer, secret=None, key=None, peer_key=None,
                  identity=None, peer_identity=None, daemon=None, child=None,
                  **keys):
        """One connection with a peer: with a shared secret, or with keys
        (peer_keys.py), each side with its own. What is left are the keys of
        swanctl's connection, of its child, and of the daemon."""
        local = {"auth": "pubkey" if key else "psk",
                 "id": identity or self.ip}
        remote = {"auth": "pubkey" if peer_key else "psk",
                  "id": peer_identity or peer.ip}
        if key:
            self.write("swanctl/private/own.pem", key.private_pem)
            self.write("swanctl/pubkey/own.pem", key.public_pem)
            local["pubkeys"] = "own.pem"
        if peer_key:
            self.write("swanctl/pubkey/peer.pem", peer_key.public_pem)
            remote["pubkeys"] = "peer.pem"
        self.conn = {"version": 2, "local_addrs": self.ip,
                     "remote_addrs": peer.ip, "mobike": "no",
                     "local": local, "remote": remote}
        self.conn.update(keys)
        self.conn["children"] = {CHILD: {"mode": "transport"} | (child or {})}
        self.write("swanctl/swanctl.conf", settings(
            {"connections": {CHILD: self.conn}} |
            ({"secrets": {"ike-peer": {"secret": f'"{secret}"'}}}
             if secret else {})))
        self.write("strongswan.conf", settings({"swanctl": {
            "load": "random nonce openssl pem pkcs1 pkcs8 pubkey"
        }, "charon-systemd": {
            "load": PLUGINS,
            "install_routes": "no",
            # Five seconds by default, for which a rekeyed in-SA stays.
            "delete_rekeyed_delay": 1,
            "plugins": {"vici": {"socket": "unix:///run/charon.vici"}},
            "filelog": {"log": {
                "path": "/run/daemon.log", "flush_line": "yes",
                "time_format": "%T", "default": 1, "ike": 2, "enc": 1,
                "cfg": 1, "net": 1}},
        } | (daemon or {})}))

    def swanctl(self, *arguments, check=True):
        return self.chroot("/usr/sbin/swanctl", *arguments, "--uri",
                           "unix:///run/charon.vici", check=check)

    def start(self):
        """Starts it and waits until it has its connection."""
        self.spawn("/usr/sbin/charon-systemd")
        wait_until(self.listens, 15, "charon listens")
        self.swanctl("--load-all", "--noprompt")
        return self

    def listens(self):
        assert self.process.poll() is None, \
            f"charon ended with {self.process.returncode}: {self.log()}"
        return os.path.exists(f"{self.root}/run/charon.vici")

    def initiate(self, check=True):
        return self.swanctl("--initiate", "--child", CHILD, "--timeout", "10",
                            check=check)

    def rekey_child(self):
        return self.swanctl("--rekey", "--child", CHILD)

    def rekey_ike(self):
        return self.swanctl("--rekey", "--ike", CHILD)

    def terminate(self):
        """Deletes its IKE SA, and with it all."""
        return self.swanctl("--terminate", "--ike", CHILD, "--timeout", "5")

    def stop(self):
        """A clean stop: it tells its peers."""
        self.process.terminate()
        self.process.wait(10)
        self.process = None
        os.unlink(f"{self.root}/run/charon.vici")

    def kill(self):
        super().kill()
        os.unlink(f"{self.root}/run/charon.vici")
