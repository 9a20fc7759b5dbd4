# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clients behind a box that masquerades them, and servers that lease each an
address: IPv4 and IPv6, whole agents on every host."""

import ipaddress
import socket
import time

import pytest
from agent import AGENT, NETD, SUPERVISOR
from bus import Bus
from nat import FIRST, Box, lease, within
from traffic import Listener, Pinger, PingStream, family_of, ping
from translated import everything, refused, stream, tcp
from waiting import wait_until

NOBODY = 65534
TABLE = "table inet tacit_cat"
ESTABLISHED = """
table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		ct state established,related accept
		iif "lo" accept
		meta l4proto icmpv6 accept
		udp dport { 500, 4500 } accept
		counter
	}
}
"""
# What an administrator, firewalld and Docker have on a host, in short.
OTHERS = {
    "masquerade": """
table inet mine {
	chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
		oifname "eth0" counter masquerade
	}
}
""",
    "firewalld": """
table inet firewalld {
	chain mangle_PREROUTING {
		type filter hook prerouting priority mangle + 10; policy accept;
		meta nfproto ipv6 fib saddr . mark . iif oif missing drop
		jump mangle_PREROUTING_ZONES
	}
	chain mangle_PREROUTING_ZONES {
		return
	}
	chain nat_POSTROUTING {
		type nat hook postrouting priority srcnat + 10; policy accept;
		return
	}
	chain filter_INPUT {
		type filter hook input priority filter + 10; policy accept;
		ct state { established, related } accept
		ct status dnat accept
		iifname "lo" accept
		ct state invalid drop
		jump filter_IN_public
		reject with icmpx admin-prohibited
	}
	chain filter_IN_public {
		meta l4proto { icmp, ipv6-icmp } accept
		tcp dport 22 accept
	}
	chain filter_OUTPUT {
		type filter hook output priority filter + 10; policy accept;
		ct state { established, related } accept
		oifname "lo" accept
		ip6 daddr { ::/96, ::ffff:0:0/96, 2002::/24 } reject
	}
}
""",
    "docker": """
table ip nat {
	chain DOCKER {
		iifname "docker0" counter return
		iifname != "docker0" tcp dport 8080 counter dnat to 172.17.0.2:80
	}
	chain PREROUTING {
		type nat hook prerouting priority dstnat; policy accept;
		fib daddr type local counter jump DOCKER
	}
	chain OUTPUT {
		type nat hook output priority -100; policy accept;
		ip daddr != 127.0.0.0/8 fib daddr type local counter jump DOCKER
	}
	chain POSTROUTING {
		type nat hook postrouting priority srcnat; policy accept;
		oifname != "docker0" ip saddr 172.17.0.0/16 counter masquerade
	}
}
table ip filter {
	chain DOCKER-USER {
		counter return
	}
	chain FORWARD {
		type filter hook forward priority filter; policy drop;
		counter jump DOCKER-USER
	}
}
""",
}


def leased(host, peer):
    assert None not in ping(host, peer.ip, 2, interval=0.2)
    got = lease(host, peer)
    assert got, "no lease"
    return got


def has(host, peer, address):
    try:
        return lease(host, peer) == address
    except AssertionError:  # its agent does not answer yet
        return False


def flows(host, peer):
    return None not in ping(host, peer.ip, 1, timeout=0.3)


def theirs(host):
    """The ruleset without what is ours and without counts."""
    tables = [t for t in host.tables() if t and "tacit" not in t]
    # What follows the name says who owns the table.
    return "".join(host.ns.run("nft", "-s", "list", *t.split()[:3])
                   for t in tables)


def narrow(box):
    """The path holds less than the ends think."""
    flag = "-6" if box.lab.family == 6 else "-4"
    for text in box.n.ns.run("ip", flag, "route", "show", "proto",
                             "kernel").split("\n"):
        words = text.split()
        if words and "eth" in text and not text.startswith("fe80"):
            metric = ("metric", "256") if flag == "-6" else ()
            box.n.ns.run("ip", flag, "route", "replace", words[0], "dev",
                         words[2], "proto", "kernel", *metric, "mtu", "1400")


@pytest.mark.seconds(10)
def test_two_clients(lab, agents):
    """Both behind one box, each with an address of its own, at one time; on a
    path whose MTU they have to find out."""
    box = Box(lab, clients=("a", "c"))
    a, b, (c,) = box.a, box.b, box.more
    narrow(box)
    ours = {host: leased(host, b) for host in (a, c)}
    assert len(set(ours.values())) == 2
    for host in (a, c):
        everything(host, b, ours[host])
        for s in host.states():
            assert s.encapsulated and s.mode == "tunnel"
        assert len(host.states()) == 2
        assert host.ns.counters()["XfrmInStateMismatch"] == 0
    assert len(b.states()) == 4
    assert {p["address"] for p in b.agent.tacit("peers")
            if p["state"] == "secured"} == set(ours.values())
    # The box has said what it can carry, to either end.
    told = {f.dst for net in (box.inside, box.outside)
            for f in net.capture.frames() if f.port == "n" and
            f.icmp_type == (3 if lab.family == 4 else 2)}
    assert told == {a.ip, b.ip, c.ip}
    # At one time, each its own.
    pingers = [Pinger(host) for host in (a, c)]
    for _ in range(10):
        for pinger in pingers:
            pinger.send(b.ip)
    for pinger in pingers:
        pinger.receive(3)
        assert pinger.lost() == []
    assert within(box.ports(), FIRST) and len(set(box.ports())) == 2
    box.nothing_clear()
    assert ours[a] in a.agent.text("explain", b.ip)
    # A socket that is never to be in the clear is translated as any.
    bus = Bus(f"{a.agent.run_dir}/agent.sock", NOBODY)
    listener = Listener(b, 80)
    with a.ns.socket(family_of(b.ip), socket.SOCK_STREAM) as s:
        told, = bus.call("RequireEncryption", "hsa{sv}", s, b.ip, {},
                         timeout=20)
        assert told["Encrypted"] and told["LeasedAddress"] == ours[a]
        s.connect((b.ip, 80))
        there, who = listener.socket.accept()
        there.close()
    listener.close()
    assert who[0] == ours[a]
    # Both go, and come back in another order, each to what it had.
    for host in (a, c):
        host.agent.text("down", b.ip)
    wait_until(lambda: a.states() == b.states() == c.states() == [], 5,
               "both are gone")
    for host in (c, a):
        assert leased(host, b) == ours[host]
    # A clean stop leaves nothing, and the other one is as it was.
    assert a.agent.stop() == 0
    assert TABLE not in a.tables()
    assert None not in ping(c, b.ip, 2)
    assert tcp(c, b, b.ip) == ours[c]


@pytest.mark.seconds(8)
def test_crashes(lab, agents):
    """Whoever of ours dies: the same address again, or still, and in the end
    nothing is left."""
    box = Box(lab)
    a, b = box.a, box.b
    got = leased(a, b)
    for name in (NETD, AGENT):
        pid = a.agent.kill(name)
        a.agent.wait_replaced(name, pid)
        wait_until(lambda: has(a, b, got) and tcp(a, b, b.ip) == got, 10,
                   f"the lease after {name}")
    a.agent.kill(SUPERVISOR)
    wait_until(lambda: not a.ns.processes(), 10, "all are gone")
    a.agent.start()
    wait_until(lambda: has(a, b, got), 10, "the lease")
    wait_until(lambda: flows(a, b), 5, "traffic")
    # The server's crash: what it leased is still theirs.
    pid = b.agent.kill(AGENT)
    b.agent.wait_replaced(AGENT, pid)
    wait_until(lambda: flows(a, b), 5, "traffic")
    box.nothing_clear()
    # Dead, its SAs gone, and without a reason at the next start.
    a.agent.kill(SUPERVISOR)
    wait_until(lambda: not a.ns.processes(), 10, "all are gone")
    assert TABLE in a.tables()
    a.ns.run("ip", "xfrm", "state", "flush")
    a.agent.start()
    assert TABLE not in a.tables()


@pytest.mark.seconds(6)
def test_two_servers(lab, agents):
    """Both lease the same address, which is a third one's own."""
    box = Box(lab, start=False)
    a, b = box.a, box.b
    d = lab.host("d", box.outside)
    pool = ipaddress.ip_network(
        "100.64.7.0/30" if lab.family == 4 else "fd64:7::/126")
    bits = pool.max_prefixlen
    for host in (a, b, d):
        host.policy("peers", "require")
        host.config("pool.d/default.conf", f"[Pool]\nNetworks={pool}\n")
    for host in (a, b):
        host.start_agent()
    one = leased(a, b)
    # What is its own it does not lease: one address is left.
    d.ns.ip(*(f"address add {x}/{bits} dev lo" for x in pool.hosts()
              if str(x) != one))
    d.start_agent()
    assert leased(a, d) == one
    e = lab.host("e", box.outside)
    e.ns.ip(f"address add {one}/{bits} dev lo",
            f"route add {box.outer}/{bits} dev eth0")
    box.n.ns.ip(f"route add {one}/{bits} via {e.ip}")
    for _ in range(2):
        assert tcp(a, b, b.ip) == one
        assert tcp(a, d, d.ip) == one
        assert refused(a, d.ip)
        if lab.family == 4:  # of no policy; the other is in fd00::/8
            assert tcp(a, e, one) == box.outer
    # Each way, to either.
    assert tcp(b, a, one) == b.ip and tcp(d, a, one) == d.ip
    # What begins with one leaves the other alone.
    a.agent.text("down", b.ip)
    assert tcp(a, d, d.ip) == one


@pytest.mark.seconds(6)
def test_exhausted(lab, agents):
    """Two addresses for three clients: one goes without, as policy lets it,
    and gets one when there is one again."""
    box = Box(lab, start=False, clients=("a", "c", "d"))
    b, hosts = box.b, (box.a, *box.more)
    pool = "100.64.7.0/30" if lab.family == 4 else "fd64:7::/126"
    b.config("pool.d/default.conf", f"[Pool]\nNetworks={pool}\n")
    for host in (*hosts, b):
        host.policy("peers", "require")
        host.start_agent()
    a, c, d = hosts
    leased(a, b), leased(c, b)
    assert None not in ping(d, b.ip, 2)
    assert lease(d, b) == "" and d.states()[0].mode == "transport"
    assert "exhausted" in b.agent.text("status") or \
        "pool" in b.agent.text("status")
    # All three, at one time.
    for host in hosts:
        assert None not in ping(host, b.ip, 2)
    a.agent.text("down", b.ip)
    d.agent.text("down", b.ip)
    wait_until(lambda: d.agent.text("up", b.ip) and lease(d, b), 10,
               "a lease for the third")
    assert tcp(d, b, b.ip) == lease(d, b)
    box.nothing_clear()


@pytest.mark.seconds(6)
def test_firewalls(lab, agents):
    """Others' rules are as they were, byte for byte, and do what they did."""
    box = Box(lab)
    a, b = box.a, box.b
    got = leased(a, b)
    for rules in (ESTABLISHED, *OTHERS.values()):
        a.ns.nft(rules)
    before = theirs(a)
    assert None not in ping(a, b.ip, 2)
    assert tcp(a, b, b.ip) == got
    assert refused(a, b.ip) and refused(a, b.ip, socket.SOCK_STREAM)
    # What nobody has asked for stays outside.
    with Listening(a):
        with pytest.raises(TimeoutError):
            stream(b, got, timeout=0.5)
    assert theirs(a) == before
    assert a.agent.stop() == 0
    assert theirs(a) == before
    assert not [t for t in a.tables() if "tacit_cat" in t]


@pytest.mark.seconds(6)
def test_forwards(lab, agents):
    """A host that forwards for others is asked to speak for itself alone: it
    takes no address by default, and its containers reach whom it reaches."""
    box = Box(lab, start=False)
    a, b = box.a, box.b
    inner = lab.net()
    inner.attach(a, 7)
    c = lab.host("c", inner)
    for name in ("ipv4.ip_forward", "ipv6.conf.all.forwarding"):
        a.ns.sysctl(name, 1)
    a.ns.nft(OTHERS["masquerade"])
    c.ns.ip(f"route replace default via {a.own[4][1]}",
            f"route replace ::/0 via {a.own[6][1]}")
    pool = "100.64.7.0/24" if lab.family == 4 else "fd64:7::/112"
    b.config("pool.d/default.conf", f"[Pool]\nNetworks={pool}\n")
    for host in (a, b):
        host.policy("peers", "require")
        host.start_agent()
    assert None not in ping(a, b.ip, 3, interval=0.3)
    assert {s.mode for s in a.states()} == {"transport"}
    assert None not in ping(c, b.ip, 3, interval=0.1)
    # Outside, that is: between the container and its host it is not ours.
    assert [f for f in box.outside.capture.frames()
            if f.kind == "clear" and f.port != "n"] == []


class Listening:
    def __init__(self, host):
        self.listener = Listener(host, 80)

    def __enter__(self):
        return self.listener

    def __exit__(self, *_):
        self.listener.close()


@pytest.mark.seconds(4)
@pytest.mark.family(4)
def test_cannot(lab, agents):
    """A kernel that does not take the table: nobody is asked, and status says
    so."""
    box = Box(lab, start=False)
    a, b = box.a, box.b
    # Another's own, by the name that it is tried under.
    with a.ns.popen(["nft", "-i"], stdin=-1, stdout=-3, text=True) as owner:
        owner.stdin.write("add table inet tacit_cat_try { flags owner; }\n")
        owner.stdin.flush()
        wait_until(lambda: "table inet tacit_cat_try" in a.tables(), 5,
                   "the table")
        for host in (a, b):
            host.policy("peers", "require")
            host.start_agent()
        assert None not in ping(a, b.ip, 2, interval=0.2)
        owner.stdin.close()
    assert lease(a, b) == ""
    assert {s.mode for s in a.states()} == {"transport"}
    assert "cannot be translated" in a.agent.log()
    assert "cannot translate" in a.agent.text("status")
    assert "leases us no address" not in a.agent.log()


def elsewhere(box):
    """The box speaks from another address from now on, and in the meantime has
    forgotten the old one."""
    new = "10.0.1.77" if box.lab.family == 4 else "fd00:0:0:1::77"
    bits = 24 if box.lab.family == 4 else 64
    box.n.ns.ip(f"address add {new}/{bits} dev eth1"
                f"{' nodad' if box.lab.family == 6 else ''}")
    kind = "ip6" if box.lab.family == 6 else "ip"
    box.n.ns.nft(f"flush chain inet nat postrouting\nadd rule inet nat "
                 f"postrouting oifname eth1 snat {kind} to {new}\n")
    time.sleep(3.5)
    return new


@pytest.mark.seconds(14)
@pytest.mark.parametrize("known", (False, True), ids=("anonymous", "proven"))
def test_moves(lab, agents, known):
    """Behind another address from one packet to the next a client has the lease
    that it had, and its connections go on. With another address of its own who
    has proven who it is has it, too; an anonymous one is another host."""
    box = Box(lab, start=False)
    a, b = box.a, box.b
    bits = 24 if lab.family == 4 else 64
    if known:
        a.config("tacit.conf", "[Authentication]\nLocalIdentity=a.lab.test\n")
        a.keys.know("b", b.keys.base64, b.ip)
        b.keys.know("a", a.keys.base64, identity="a.lab.test")
    for name in ("udp_timeout", "udp_timeout_stream"):
        box.n.ns.sysctl(f"netfilter.nf_conntrack_{name}", 2)
    # By a rekey the client speaks by IKE soon, without waiting for its liveness
    # check.
    for host in (a, b):
        host.policy("peers", "require", ClientAddressTranslation="yes",
                    ChildPackets="100")
        host.start_agent()
    got = leased(a, b)
    listener = Listener(b, 80)
    with stream(a, b.ip, timeout=20) as near:
        far, _ = listener.socket.accept()
        far.settimeout(20)
        new = elsewhere(box)
        pings = PingStream(a, b.ip, 0.01)
        wait_until(lambda: lease(a, b) == got and
                   {s.src for s in b.states() if s.dst == b.ip} == {new}, 20,
                   "the lease, from elsewhere")
        pings.stop()
        near.sendall(b"hello")
        assert far.recv(10) == b"hello"
        far.sendall(b"world")
        assert near.recv(10) == b"world"
    far.close()
    listener.close()

    own = "10.0.0.99" if lab.family == 4 else "fd00::99"
    via = box.n.own[lab.family][0]
    a.ns.ip(f"address delete {a.ip}/{bits} dev eth0",
            f"address add {own}/{bits} dev eth0",
            f"route replace {'default' if bits == 24 else '::/0'} via {via}")
    wait_until(lambda: flows(a, b), 10, "traffic")
    now, = [p["leased_address"] for p in a.agent.tacit("peers")
            if p["address"] == b.ip and p["state"] == "secured"]
    assert now and (now == got) == known
    assert None not in ping(a, b.ip, 2)
    box.nothing_clear()
