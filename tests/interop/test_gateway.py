# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hosts behind gateways that the signed tree names (RFC 4025, RFC 4322): the
gateway is a foreign daemon's, and what is between it and us is captured, as is
what is behind it."""

import pytest
from dnstree import NameServer, reverse
from lab import wait_until
from libreswan import LibreswanHost
from peer_keys import key
from strongswan import StrongswanHost
from test_known import own_key
from traffic import Listener, connect, ping

pytestmark = pytest.mark.usefixtures("agents")

KIND = {"libreswan": "rsa2048", "strongswan": "ed25519"}
NAME = "gw.lab.test"


class World:
    """a - gateway - c, and a name server beside a."""

    def __init__(self, lab, daemon, daemon_root, nameserver_root):
        self.lab = lab
        self.daemon = daemon
        self.near, self.far = lab.net(), lab.net()
        self.a = lab.host("a", self.near)
        make = {"libreswan": LibreswanHost, "strongswan": StrongswanHost}
        self.gw = make[daemon](lab, "gw", daemon_root)
        self.server = NameServer(lab, "ns", nameserver_root)
        lab.hosts += [self.gw, self.server]
        for net in (self.near, self.far):
            net.attach(self.gw, 2)
        self.near.attach(self.server, 53)
        self.c = lab.host("c", self.far)
        self.gw.ns.sysctl("ipv4.ip_forward", 1)
        self.gw.ns.sysctl("ipv6.conf.all.forwarding", 1)
        self.a.ns.ip(f"route replace default via {self.gw.ip}")
        self.c.ns.ip(f"route replace default via {self.gw.own[lab.family][1]}")
        self.key = key(KIND[daemon], "gw")
        own_key(self.a, KIND[daemon])
        self.a.policy("dns", "forbid", [self.host(x)
                                        for x in self.server.addresses[:2]])
        self.a.config(
            "tacit.conf.d/dns.conf",
            f"[DNS]\nServers=none\nTrustAnchors={self.server.anchor}\n"
            f"RootHints={self.server.hints}\nLookupTime=5s\n")

    @staticmethod
    def host(address):
        return f"{address}/{128 if ':' in address else 32}"

    def publish(self, gateway, precedence=10, by=None, publish=True):
        """c's record names the gateway, by that key or by the gateway's own."""
        self.server.add(reverse(self.c.ip), "IPSECKEY",
                        (by or self.key).ipseckey(precedence, gateway))
        if publish:
            self.server.publish()

    def serve(self, identity=None):
        """The gateway answers for c, and for nothing else."""
        behind = self.host(self.c.ip)
        options = {"key": self.key, "peer_key": key(KIND[self.daemon], "a"),
                   "identity": identity}
        if self.daemon == "libreswan":
            self.gw.configure_peer(self.a, type="tunnel", leftsubnet=behind,
                                   **options)
        else:
            self.gw.configure_peer(
                self.a, child={"mode": "tunnel", "local_ts": behind}, **options)
        self.gw.start()

    def peer(self):
        """What the agent says of c."""
        return next((p for p in self.a.agent.tacit("peers")
                     if p["address"] == self.c.ip), None)

    def protected(self):
        """c is reached, in ESP to the gateway alone; behind it in the clear."""
        wait_until(lambda: (self.peer() or {}).get("state") == "secured", 10,
                   "SAs by the gateway")
        near, far = self.near.capture.mark(), self.far.capture.mark()
        assert None not in ping(self.a, self.c.ip, 5)
        assert None not in ping(self.c, self.a.ip, 5)
        listener = Listener(self.c, 80)
        assert connect(self.a, self.c.ip, 80) < 0.5
        listener.close()
        assert self.near.capture.kinds(self.a, self.c, near) == set()
        assert self.near.capture.kinds(self.c, self.a, near) == set()
        assert len(self.near.capture.sent(self.a, self.gw, {"esp"}, near)) >= 12
        assert len(self.near.capture.sent(self.gw, self.a, {"esp"}, near)) >= 12
        assert self.near.capture.clear_packets(self.a, self.gw, near) == []
        assert self.far.capture.kinds(self.a, self.c, far) == {"clear"}
        assert self.far.capture.kinds(self.c, self.a, far) == {"clear"}
        # What was rekeyed goes a moment later.
        wait_until(lambda: self.ends() == sorted(
            [(self.a.ip, self.gw.ip), (self.gw.ip, self.a.ip)]), 8, "one pair")

    def ends(self):
        return sorted((s.src, s.dst) for s in self.a.states())

    def spis(self):
        return {s.spi for s in self.a.states()}

    def nothing_by_gateway(self):
        assert self.near.capture.esp_packets(self.a, self.gw) == []
        assert self.a.states() == []


def world(lab, daemon, request):
    return World(lab, daemon, request.getfixturevalue(f"{daemon}_root"),
                 request.getfixturevalue("nameserver_root"))


@pytest.fixture
def hosts(lab, request):
    return world(lab, "strongswan", request)


@pytest.mark.seconds(10)
@pytest.mark.parametrize("daemon", ["libreswan", "strongswan"])
def test_gateway(lab, request, daemon):
    """From the first packet on nothing is in the clear, and the gateway may
    rekey."""
    w = world(lab, daemon, request)
    w.a.policy("p", "offer", Authentication="offer", Wait="yes", Discover="dns",
               WaitTime="10s")
    w.publish(w.gw.ip)
    w.serve()
    w.a.start_agent()
    assert None not in ping(w.a, w.c.ip, 1, timeout=10)
    w.protected()
    assert w.near.capture.clear_packets(w.a, w.c) == []
    assert w.peer()["identity"] == w.gw.ip
    assert w.peer()["gateway"] == w.gw.ip
    explained = w.a.agent.text("explain", w.c.ip)
    assert f"Gateway\t{w.gw.ip}\n" in explained
    assert f"its gateway {w.gw.ip}, and that proven to be {w.gw.ip}" in explained
    before = w.spis()
    w.gw.rekey_child()
    w.protected()
    assert not before & w.spis()


@pytest.mark.seconds(8)
@pytest.mark.parametrize("discover", ["always", "dns"])
def test_require(hosts, discover):
    """Where the administrator says so, and by name; and until he says no."""
    w = hosts
    options = {"Authentication": "require", "Discover": discover}
    w.a.policy("p", "require", Gateway="yes", **options)
    w.server.add(f"{NAME}.", "A" if w.lab.family == 4 else "AAAA", w.gw.ip)
    w.publish(f"{NAME}.")
    w.serve(identity=NAME)
    w.a.start_agent()
    assert None not in ping(w.a, w.c.ip, 1, timeout=10)
    w.protected()
    assert w.peer()["identity"] == f"@{NAME}"
    w.a.policy("p", "require", **options)
    near = w.near.capture.mark()
    w.a.agent.reload()
    wait_until(lambda: w.a.states() == [], 5, "no SAs")
    assert ping(w.a, w.c.ip, 2) == [None, None]
    assert w.near.capture.clear_packets(w.a, w.c, near) == []
    assert w.near.capture.sent(w.a, w.gw, {"esp"}, near) == []


@pytest.mark.seconds(10)
@pytest.mark.parametrize("what", ["default", "key", "insecure", "forbidden",
                                  "own", "loopback", "multicast"])
def test_refused(hosts, what):
    """Gateways that policy does not let us have, or that prove nothing."""
    w = hosts
    options = {} if what == "default" else {"Gateway": "yes"}
    w.a.policy("p", "require", Authentication="require", **options)
    by, where = None, w.gw.ip
    if what == "key":
        by = key("ed25519", "nobody")
    elif what == "insecure":
        w.server.zone("plain.test.", signed=False)
        w.server.add("gw.plain.test.", "A" if w.lab.family == 4 else "AAAA",
                     w.gw.ip)
        where = "gw.plain.test."
    elif what == "forbidden":
        w.a.policy("gw", "forbid", [w.host(w.gw.ip)])
    elif what == "own":
        where = w.a.ip
    elif what == "loopback":
        where = "127.0.0.1" if w.lab.family == 4 else "::1"
    elif what == "multicast":
        where = "224.0.0.1" if w.lab.family == 4 else "ff02::1"
    w.publish(where, by=by)
    w.serve()
    w.a.start_agent()
    assert ping(w.a, w.c.ip, 3) == [None] * 3
    wait_until(lambda: w.peer()["state"] == "blocked", 20, "it is refused")
    w.nothing_by_gateway()
    # c, which speaks no IKE, may say so.
    assert w.near.capture.sent(w.a, w.c, {"clear"}) == []
    if what != "key":
        assert w.near.capture.ike_packets(w.a, w.gw) == []


@pytest.mark.seconds(12)
def test_precedence(hosts):
    """The better one says nothing of use, the next one does."""
    w = hosts
    w.a.policy("p", "offer", Authentication="offer", Wait="yes", Discover="dns",
               WaitTime="8s")
    other = w.server.own[w.lab.family][0]
    w.a.policy("dns", "allow", [w.host(x) for x in w.server.addresses[:2]])
    w.publish(other, precedence=5, publish=False)
    w.publish(w.gw.ip, precedence=7, publish=False)
    w.publish(".", precedence=20, by=key("ed25519", "c"))
    w.serve()
    w.a.start_agent()
    ping(w.a, w.c.ip, 1)
    wait_until(lambda: (w.peer() or {}).get("state") == "secured", 30, "SAs")
    assert w.near.capture.ike_packets(w.a, w.server)
    w.protected()
