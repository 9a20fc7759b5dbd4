# SPDX-License-Identifier: LGPL-2.1-or-later
"""Host a with our agent, which leases addresses; others behind NATs, with
foreign daemons, ask it for one."""

import ipaddress
import socket

import pytest
from agent import AGENT, NETD
from bus import Bus
from libreswan import LibreswanHost
from nat import FIRST, masquerade
from strongswan import StrongswanHost
from test_engine import SECRET
from traffic import family_of, ping
from waiting import wait_until

NOBODY = 65534
POOL = {4: "100.64.0.0/10", 6: "fd74:6163:6974::/64"}
SMALL = {4: "10.99.0.0/30", 6: "fd99::/126"}  # two addresses each


def server(lab, level="require", **policy):
    """The leases are among what must never be in the clear."""
    net = lab.net()
    a = lab.host("a", net)
    a.policy("peers", level, ["0.0.0.0/0", "::/0"], Authentication="require",
             **policy)
    return net, a


def client(lab, net, a, name, number, root, **keys):
    """With strongSwan, which is made to believe in a NAT."""
    b = StrongswanHost(lab, name, root)
    lab.hosts.append(b)
    net.attach(b, number)
    a.keys.share(name, SECRET, address=b.ip)
    b.configure_peer(a, secret=SECRET, encap="yes",
                     vips="0.0.0.0" if lab.family == 4 else "::",
                     child={"mode": "tunnel", "remote_ts": a.ip}, **keys)
    return b.start()


def leases(a):
    """{outer address: lease} of a's flows, and each is as it should be."""
    found = {}
    for s in a.states():
        assert s.mode == "tunnel" and s.encapsulated
    for p in a.policies():
        if p.direction != "out" or not p.templates or \
                p.src.split("/")[0] != a.ip:
            continue
        t = p.templates[0]
        if t.mode == "tunnel" and t.dst != p.dst.split("/")[0]:
            assert t.src == a.ip and not t.optional
            found[t.dst] = p.dst.split("/")[0]
    return found


def lease_of(a, b):
    wait_until(lambda: b.ip in leases(a), 5, "a lease")
    return leases(a)[b.ip]


def pings(b, lease, a, count=3):
    return ping(b, a.ip, count, source=lease)


def block_of(a, lease):
    return sorted(p.direction for p in a.policies() if p.action == "block" and
                  lease in (p.src.split("/")[0], p.dst.split("/")[0]))


def check_socket(a, b, lease):
    """A program's socket that is never to be in the clear, to a lease."""
    bus = Bus(f"{a.agent.run_dir}/agent.sock", NOBODY)
    family = family_of(lease)
    with a.ns.socket(family, socket.SOCK_DGRAM) as s, \
            b.ns.socket(family, socket.SOCK_DGRAM) as theirs:
        theirs.bind((lease, 7000))
        theirs.settimeout(3)
        told, = bus.call("RequireEncryption", "hsa{sv}", s, lease, {},
                         timeout=20)
        assert told["Encrypted"] and told["OuterAddress"] == b.ip
        s.sendto(b"never in the clear", (lease, 7000))
        assert theirs.recvfrom(100)[1][0] == a.ip


@pytest.mark.seconds(20)
def test_strongswan(lab, agents, strongswan_root):
    """A lease, what is rekeyed of it, what outlives the agent, its end, and the
    same for who comes back."""
    net, a = server(lab)
    b = client(lab, net, a, "b", 2, strongswan_root)
    c = client(lab, net, a, "c", 3, strongswan_root)
    a.start_agent()
    for host in (b, c):
        host.initiate()
    lease, other = lease_of(a, b), lease_of(a, c)
    assert lease != other
    for x in (lease, other):
        assert ipaddress.ip_address(x) in ipaddress.ip_network(
            POOL[lab.family])
    assert None not in pings(b, lease, a) and None not in pings(c, other, a)
    # And from here to there.
    assert None not in ping(a, lease, 2) and None not in ping(a, other, 2)
    check_socket(a, b, lease)
    b.rekey_child()
    assert None not in pings(b, lease, a)
    b.rekey_ike()
    assert None not in pings(b, lease, a)
    assert leases(a) == {b.ip: lease, c.ip: other}

    # The agent dies, and the next one begins with nobody there.
    pid = a.agent.pid(AGENT)
    a.agent.kill(AGENT)
    a.agent.wait_replaced(AGENT, pid)
    assert None not in pings(b, lease, a)
    assert leases(a) == {b.ip: lease, c.ip: other}
    # It asks for its lease by name, which its orphaned SAs have; and not while
    # the pair before its last one is still there.
    wait_until(lambda: len(b.states()) == 2, 5, "the new pair alone")
    before = [s.spi for s in a.states(b) if s.src == a.ip]
    b.swanctl("--rekey", "--ike", "h2h", "--reauth")
    wait_until(lambda: before != [s.spi for s in a.states(b)
                                  if s.src == a.ip], 10, "a new pair")
    assert leases(a) == {b.ip: lease, c.ip: other}
    assert None not in pings(b, lease, a)
    # tacit-netd finds them in the kernel; ESP in UDP needs its socket.
    pid = a.agent.kill(NETD)
    a.agent.wait_replaced(NETD, pid)
    wait_until(lambda: None not in pings(b, lease, a, 1), 5, "a reply")
    assert None not in pings(b, lease, a)
    assert leases(a) == {b.ip: lease, c.ip: other}

    # What somebody else takes away is put back.
    a.ns.ip("xfrm policy flush")
    wait_until(lambda: leases(a) == {b.ip: lease, c.ip: other}, 5, "policies")
    assert None not in pings(b, lease, a)
    assert None not in ping(a, lease, 2)

    # Without SAs nothing goes there, and nobody is begun with. Of the IKE SA
    # before our new agent nobody answers for.
    b.swanctl("--terminate", "--ike", "h2h", "--force")
    wait_until(lambda: a.states(b) == [], 5, "no states")
    mark = net.capture.mark()
    assert ping(a, lease, 2, timeout=0.5) == [None, None]
    # Nor when tacit-netd has forgotten who had it.
    ready = a.agent.log().count("tacit-netd: Ready")
    a.agent.kill(NETD)
    wait_until(lambda: a.agent.log().count("tacit-netd: Ready") > ready, 10,
               "tacit-netd")
    assert block_of(a, lease) == ["in", "out"]
    assert [f for f in net.capture.frames(mark)
            if lease in (f.src, f.dst) or f.kind == "ike"] == []
    b.initiate()
    assert lease_of(a, b) == lease
    assert None not in pings(b, lease, a)
    for host in (b, c):
        assert net.capture.clear_packets(a, host) == []


@pytest.mark.seconds(8)
def test_exhausted(lab, agents, strongswan_root):
    """Who comes when all are leased is told so, and is served when there is
    one again; a pool that is taken away takes its SAs along."""
    net, a = server(lab, AddressPool="small")
    a.config("pool.d/small.conf",
             f"[Pool]\nNetworks={SMALL[4]} {SMALL[6]}\n")
    b, c, d = (client(lab, net, a, name, i + 2, strongswan_root)
               for i, name in enumerate("bcd"))
    a.start_agent()
    b.initiate()
    c.initiate()
    assert len({lease_of(a, b), lease_of(a, c)}) == 2
    d.initiate(check=False)
    assert "INTERNAL_ADDRESS_FAILURE" in d.log()
    assert "all IP" in a.agent.text("status") and \
        "pool small" in a.agent.text("status")
    mine = lease_of(a, b)
    # It keeps an IKE SA without a Child SA, for which there is no lease.
    d.swanctl("--terminate", "--ike", "h2h", "--force")
    b.terminate()
    wait_until(lambda: a.states(b) == [], 5, "no states")
    d.initiate()
    assert lease_of(a, d) == mine
    assert None not in pings(d, mine, a)
    a.config("pool.d/small.conf", "[Pool]\nNetworks=10.98.0.0/16\n")
    a.agent.reload()
    wait_until(lambda: a.states() == [], 5, "no states")
    assert net.capture.clear_packets(a, d) == []


class Anonymous:
    """Server a, outside; n, which translates; behind it clients with libreswan,
    which nobody knows. Its own translation is none of our business: its hosts
    have the leased address."""

    def __init__(self, lab, root, names):
        self.inside, self.outside = lab.net(), lab.net()
        self.n = lab.host("n", self.inside, self.outside)
        self.a = lab.host("a", self.outside)
        for name, value in (("ipv4.ip_forward", 1),
                            ("ipv6.conf.all.forwarding", 1)):
            self.n.ns.sysctl(name, value)
        self.n.ns.nft(masquerade(FIRST))
        self.clients = [self.client(lab, name, i + 5, root)
                        for i, name in enumerate(names)]
        self.a.policy("peers", "require")
        self.a.start_agent()

    def client(self, lab, name, number, root):
        host = LibreswanHost(lab, name, root)
        lab.hosts.append(host)
        self.inside.attach(host, number)
        host.ns.ip(f"route replace default via {self.n.own[4][0]}",
                   f"route replace ::/0 via {self.n.own[6][0]}")
        host.configure([f"{self.a.ip}/{32 if lab.family == 4 else 128}"],
                       type="tunnel", leftcat="yes", narrowing="yes",
                       leftmodecfgclient="yes", leftupdown="%disabled",
                       failureshunt="drop")
        return host.start()

    def lease(self, host):
        """Of the SAs that are there and that nobody has been seen with yet."""
        bits = 32 if self.a.lab.family == 4 else 128
        before = set(leases_all(self.a))
        ping(host, self.a.ip, 1, timeout=0.1)
        wait_until(lambda: set(leases_all(self.a)) - before, 10, "a lease")
        new, = set(leases_all(self.a)) - before
        host.ns.ip(f"address add {new}/{bits} dev lo")
        return new


def leases_all(a):
    return [p.dst.split("/")[0] for p in a.policies()
            if p.direction == "out" and p.templates and
            p.templates[0].mode == "tunnel"]


@pytest.mark.seconds(12)
def test_libreswan(lab, agents, libreswan_root):
    """Two that nobody knows, behind one address: each has its own."""
    w = Anonymous(lab, libreswan_root, "bc")
    b, c = w.clients
    outer = w.n.own[lab.family][1]
    first, second = w.lease(b), w.lease(c)
    assert first != second
    for host, lease in ((b, first), (c, second)):
        assert None not in pings(host, lease, w.a)
        assert None not in ping(w.a, lease, 2)
    for s in w.a.states():
        assert outer in (s.src, s.dst) and s.encapsulated
    peers = {p["address"]: p for p in w.a.agent.tacit("peers")}
    for lease in (first, second):
        assert peers[lease]["outer_address"] == outer
        assert peers[lease]["state"] == "secured"
        assert outer in w.a.agent.text("explain", lease)
    assert [f for f in w.outside.capture.frames()
            if f.kind == "clear" and f.port == "a"] == []
