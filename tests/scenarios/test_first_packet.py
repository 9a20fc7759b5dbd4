# SPDX-License-Identifier: LGPL-2.1-or-later
"""First packets to cold peers: none is lost, none is in the clear, each flow
keeps its order. On hosts with nothing else, and with what real hosts have:
connection tracking, marks on sockets, firewalls of others."""

import socket
import time

import pytest
from traffic import (Listener, Pinger, Sink, connect, datagram, family_of,
                     ping, set_mark)
from waiting import wait_until

LEVELS = ("offer", "require")
COLD = 200
MARKS = (0x1, 0x400000, 0xffffffff, 0x54000000)

# As hosts have them: everything that comes in is dropped, apart from replies,
# ESP, IKE and what the host offers; NAT as container engines set it up.
FIREWALL = """
table inet filter {
	chain input {
		type filter hook input priority 0; policy drop;
		ct state established,related accept
		iif lo accept
		meta l4proto { icmp, icmpv6, esp } accept
		udp dport { 500, 4500, 4000 } accept
		tcp dport 80 accept
	}
	chain output {
		type filter hook output priority 0; policy accept;
		ct state invalid drop
	}
}
table inet nat {
	chain prerouting {
		type nat hook prerouting priority -100;
		tcp dport 8080 redirect to :80
	}
	chain output {
		type nat hook output priority -100;
		tcp dport 8080 redirect to :80
	}
	chain postrouting {
		type nat hook postrouting priority 100;
		oifname "docker0" masquerade
	}
}
"""
CONNTRACK = """
table inet track {
	chain input { type filter hook input priority 0; ct state invalid drop; }
	chain output { type filter hook output priority 0; ct state new counter; }
}
"""
LOADS = {"plain": "", "conntrack": CONNTRACK, "firewall": FIREWALL}


def pair(lab, level, rules="", **keys):
    net, a, b = lab.pair()
    for host in (a, b):
        if rules:
            host.ns.nft(rules)
        if level == "offer":
            keys.setdefault("Wait", "yes")
        host.policy("peers", level, **keys)
        host.start_agent()
    return net, a, b


def burst(host, address, port, count, flow=0, mark=None):
    with host.ns.socket(family_of(address), socket.SOCK_DGRAM) as s:
        set_mark(s, mark)
        for i in range(count):
            s.sendto(datagram(flow, i), (address, port))


def all_there(sink, wanted, timeout=5):
    """Waits for that many datagrams; a little longer, for what comes twice."""
    try:
        wait_until(lambda: len(sink.packets()) >= wanted, timeout,
                   "all datagrams")
    except AssertionError:
        pass
    return sink.packets()


def nothing_clear(net, a, b):
    assert net.capture.clear_packets(a, b) == []
    assert net.capture.esp_packets(a, b)


@pytest.mark.seconds(2)
@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("level", LEVELS)
def test_ping(lab, agents, level, load):
    net, a, b = pair(lab, level, LOADS[load])
    # One is held; for several see test_ping_burst.
    assert None not in ping(a, b.ip, 3, interval=0.3)
    nothing_clear(net, a, b)


@pytest.mark.seconds(2)
@pytest.mark.parametrize("level", LEVELS)
def test_ping_burst(lab, agents, level):
    """Ten at once, so that replies are held on the other side too. Not with
    connection tracking on b: when several packets of a new ICMP flow come out
    of ESP in one burst, each gets an entry of its own before the first one's
    is confirmed, and the kernel drops all but one, whoever made the SAs."""
    net, a, b = pair(lab, level)
    pinger = Pinger(a)
    for _ in range(10):
        pinger.send(b.ip)
    pinger.receive(3)
    assert pinger.lost() == []
    nothing_clear(net, a, b)


@pytest.mark.seconds(2)
@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("level", LEVELS)
def test_tcp(lab, agents, level, load):
    """A second would mean that the SYN was lost, and sent again."""
    net, a, b = pair(lab, level, LOADS[load])
    listener = Listener(b, 80)
    assert connect(a, b.ip, 80) < 0.9
    listener.close()
    nothing_clear(net, a, b)


@pytest.mark.seconds(2)
@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("level", LEVELS)
def test_udp_burst(lab, agents, level, load):
    net, a, b = pair(lab, level, LOADS[load])
    sink = Sink(b, 4000)
    burst(a, b.ip, 4000, 50)
    assert all_there(sink, 50) == [(0, i) for i in range(50)]
    nothing_clear(net, a, b)


@pytest.mark.seconds(3)
@pytest.mark.parametrize("level", LEVELS)
def test_mixed_burst(lab, agents, level):
    """Several flows to one peer, and new packets while held ones are let go:
    none overtakes."""
    net, a, b = pair(lab, level)
    sink = Sink(b, 4000)
    flows = [a.ns.socket(family_of(b.ip), socket.SOCK_DGRAM)
             for _ in range(4)]
    sequence = 0
    while not a.secured(b) or sequence < 30:
        for flow, s in enumerate(flows):
            s.sendto(datagram(flow, sequence), (b.ip, 4000))
        sequence += 1
        assert sequence < 2000
        time.sleep(0.002)
    early = sequence
    for _ in range(20):
        for flow, s in enumerate(flows):
            s.sendto(datagram(flow, sequence), (b.ip, 4000))
        sequence += 1
    got = all_there(sink, 4 * sequence)
    for flow, s in enumerate(flows):
        s.close()
        numbers = [i for f, i in got if f == flow]
        assert numbers == sorted(set(numbers))
        # No more than 256 packets are held for one peer.
        if 4 * early <= 256:
            assert numbers == list(range(sequence))
    nothing_clear(net, a, b)


@pytest.mark.seconds(2)
@pytest.mark.parametrize("load", ("conntrack", "firewall"))
@pytest.mark.parametrize("level", LEVELS)
def test_many_cold(lab, agents, level, load):
    """Two hundred cold destinations at once: three datagrams and a ping to
    each. A thousand, without others' rules: test_acquires.py."""
    net, a, b = lab.pair()
    new = b.add_addresses(COLD)
    a.route("10.1.0.0/16" if lab.family == 4 else "fd00:1::/32", b.ip)
    for host in (a, b):
        if LOADS[load]:
            host.ns.nft(LOADS[load])
        keys = {"Wait": "yes", "WaitTime": "10s"} if level == "offer" else {}
        host.policy("peers", level, **keys)
        host.start_agent()
    sink = Sink(b, 4000)
    pinger = Pinger(a)
    for i, address in enumerate(new):
        burst(a, address, 4000, 3, flow=i)
        pinger.send(address)
    pinger.receive(20)
    assert pinger.lost() == [] and not pinger.errors
    got = all_there(sink, 3 * COLD)
    assert sorted(got) == [(f, i) for f in range(COLD) for i in range(3)]
    for flow in range(COLD):
        assert [i for f, i in got if f == flow] == [0, 1, 2]
    nothing_clear(net, a, b)
    assert {s.dst for s in a.states()} >= set(new)


@pytest.mark.seconds(4)
@pytest.mark.parametrize("mark", MARKS, ids=hex)
@pytest.mark.parametrize("level", LEVELS)
def test_socket_mark(lab, agents, level, mark):
    """A mark of the socket's own: it is on the packet when it leaves, and the
    packet is held and encrypted all the same."""
    net, a, b = pair(lab, level)
    a.ns.nft("table inet see { chain out { "
             "type filter hook postrouting priority 300; "
             f"udp dport 4000 meta mark {mark:#x} counter; "
             f"udp dport 4000 meta mark != {mark:#x} counter drop; }}; }}")
    sink = Sink(b, 4000)
    burst(a, b.ip, 4000, 20, mark=mark)
    assert all_there(sink, 20) == [(0, i) for i in range(20)]
    nothing_clear(net, a, b)


@pytest.mark.seconds(3)
def test_mark_bit_elsewhere(lab, agents):
    """The bit that is flipped can be chosen."""
    net, a, b = lab.pair()
    a.config("tacit.conf", "[Hold]\nMarkBit=3\n")
    for host in (a, b):
        host.policy("peers", "require")
        host.start_agent()
    sink = Sink(b, 4000)
    burst(a, b.ip, 4000, 20, mark=0x8)
    assert all_there(sink, 20) == [(0, i) for i in range(20)]
    nothing_clear(net, a, b)


@pytest.mark.seconds(3)
@pytest.mark.parametrize("level", LEVELS)
def test_link_local(lab, agents, level):
    """To the neighbour's fe80:: address, from our own: a packet that waits
    keeps its link, or it could not be routed when it is let go."""
    if lab.family == 4:
        pytest.skip("IPv4 has none that the kernel makes")
    net, a, b = lab.pair()
    keys = {"Wait": "yes"} if level == "offer" else {}
    for host in (a, b):
        host.policy("neighbours", level, ["fe80::/10"], **keys)
        host.start_agent()
    sink = Sink(b, 4000)
    peer = f"{b.link_local}%eth0"
    assert None not in ping(a, peer, 3, interval=0.3)
    with a.ns.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
        to = a.ns.call(socket.getaddrinfo, peer, 4000)[0][4]
        for i in range(20):
            s.sendto(datagram(0, i), to)
    assert all_there(sink, 20) == [(0, i) for i in range(20)]
    nothing_clear(net, a, b)
    assert {s.dst for s in a.states()} == {a.link_local, b.link_local}


@pytest.mark.seconds(4)
@pytest.mark.parametrize("level", LEVELS)
def test_firewall_loaded_later(lab, agents, level):
    """A firewall that is loaded while the agent runs, in its own table."""
    net, a, b = pair(lab, level)
    for host in (a, b):
        host.ns.nft(FIREWALL)
    assert None not in ping(a, b.ip, 3, interval=0.3)
    nothing_clear(net, a, b)


@pytest.mark.seconds(4)
def test_ruleset_flushed(lab, agents):
    """`flush ruleset`, as many a firewall begins with, takes our hold rules
    away: under require nothing leaves in the clear even then."""
    net, a, b = pair(lab, "require")
    a.ns.nft("flush ruleset")
    ping(a, b.ip, 5, interval=0.3)
    assert net.capture.clear_packets(a, b) == []
    assert None not in ping(a, b.ip, 2)
