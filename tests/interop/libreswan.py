# SPDX-License-Identifier: LGPL-2.1-or-later
"""A host of the lab with libreswan: its daemon runs in a root of its own, as
Debian's package is unpacked there (get-peers); what differs between two hosts
is mounted over it."""

import os
import re
import shutil
import time

from peer import PeerHost
from waiting import wait_until

EXECDIR = "/usr/libexec/ipsec"
POLICIES = ("block", "clear", "clear-or-private", "private",
            "private-or-clear", "portexcludes.conf")
CONN = "peers"
DATABASE = "sql:/var/lib/ipsec/nss"


class LibreswanHost(PeerHost):
    def __init__(self, lab, name, root):
        super().__init__(lab, name, root, ("run", "etc", "var/lib/ipsec"))
        for what in ("run/pluto", "var/lib/ipsec/nss"):
            os.makedirs(f"{self.root}/{what}")
        for what in POLICIES:
            self.write(f"ipsec.d/policies/{what}", "")
        self.write("ipsec.secrets", "")
        self.trap = True
        self.make_database()

    def make_database(self):
        """NSS wants one, with nothing in it; made once, it takes a while."""
        made = "/run/lab/nss"
        here = f"{self.root}/var/lib/ipsec/nss"
        if not os.path.exists(made):
            self.chroot("certutil", "-N", "-d", DATABASE, "--empty-password")
            shutil.copytree(here, made)
        else:
            shutil.copytree(made, here, dirs_exist_ok=True)

    def whack(self, *arguments, check=True):
        """The daemon's own command."""
        return self.chroot(f"{EXECDIR}/whack", *arguments, check=check)

    def configure(self, networks, setup=None, clear=(), **keys):
        """Anonymous opportunistic encryption in transport mode with these
        networks; keys of conn peers, with _ for -. clear: what is in the clear
        all the same, "NETWORK PROTOCOL OWN-PORT PORT"."""
        conn = {"type": "transport", "authby": "null", "leftid": "%null",
                "rightid": "%null", "left": self.ip,
                "right": "%opportunisticgroup", "negotiationshunt": "hold",
                "failureshunt": "drop", "auto": "ondemand"}
        conn.update({k.replace("_", "-"): v for k, v in keys.items()})
        more = ["conn clear", "\ttype=passthrough", "\tauthby=never",
                f"\tleft={self.ip}", "\tright=%group",
                "\tauto=ondemand"] if clear else []
        self.write_conn(setup, conn, more)
        self.write("ipsec.d/policies/peers", "\n".join(networks) + "\n")
        self.write("ipsec.d/policies/clear", "\n".join(clear) + "\n")

    def configure_peer(self, peer, secret=None, key=None, peer_key=None,
                       null=False, identity=None, peer_identity=None,
                       setup=None, **keys):
        """One connection with one peer: with a shared secret, with keys
        (peer_keys.py), or anonymous."""
        conn = {"type": "transport", "left": self.ip, "right": peer.ip,
                "leftid": identity or self.ip,
                "rightid": peer_identity or peer.ip,
                "auto": "add", "authby": "secret"}
        if secret:
            self.write("ipsec.secrets", f'{conn["leftid"]} {conn["rightid"]} '
                       f': PSK "{secret}"\n')
        if null:
            conn.update(authby="null", leftid="%null", rightid="%null")
        if key:
            conn["authby"] = "rsasig" if "rsa" in key.kind else "ecdsa"
            conn["leftckaid"] = self.import_key(key)
            if peer_key:
                conn["rightpubkey"] = peer_key.public_base64
        conn.update({k.replace("_", "-"): v for k, v in keys.items()})
        self.trap = conn["auto"] != "add"
        self.write_conn(setup, conn)

    def write_conn(self, setup, conn, more=()):
        lines = ["config setup"]
        lines += [f"\t{k.replace('_', '-')}={v}"
                  for k, v in (setup or {}).items()]
        lines += [f"conn {CONN}"] + [f"\t{k}={v}" for k, v in conn.items()
                                     if v is not None] + list(more)
        self.write("ipsec.conf", "\n".join(lines) + "\n")

    def import_key(self, key):
        """Puts a private key into its database, returns its name there."""
        shutil.copy(key.pkcs12(self.name), f"{self.root}/run/key.p12")
        self.chroot("pk12util", "-i", "/run/key.p12", "-d", DATABASE, "-W", "",
                    "-K", "")
        shown = self.chroot("certutil", "-K", "-d", DATABASE)
        return re.findall(r"^<.*\b([0-9a-f]{40})\b", shown, re.M)[-1]

    def start(self):
        """Starts it and waits until it has its policies."""
        self.spawn(f"{EXECDIR}/pluto", "--config", "/etc/ipsec.conf",
                   "--nofork", "--logfile", "/run/daemon.log")
        wait_until(self.ready, 15, "libreswan has loaded its connection")
        return self

    def ready(self):
        assert self.process.poll() is None, \
            f"pluto ended with {self.process.returncode}: {self.log()}"
        if not self.trap:
            return "loading secrets" in self.log()[self.logged:]
        return any(p.templates and p.direction == "out"
                   for p in self.policies())

    def initiate(self, check=True):
        return self.whack("--initiate", "--name", CONN, check=check)

    def rekey_child(self):
        return self.whack("--rekey-child", "--name", CONN)

    def rekey_ike(self):
        return self.whack("--rekey-ike", "--name", CONN)

    def terminate(self):
        """Deletes its IKE SA, and with it all."""
        return self.whack("--terminate", "--name", CONN)

    def stop(self):
        """A clean stop: it tells its peers."""
        self.whack("--shutdown", check=False)
        self.process.wait(10)
        self.process = None

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
