# SPDX-License-Identifier: LGPL-2.1-or-later
"""Policies that encrypt single ports: only the port that is named is in ESP, of
either side, and everything else between the same two hosts is in the clear."""

import socket
import time

import pytest
from agent import AGENT, KEYD, NETD
from bus import ERROR, Bus, Error
from test_ports import ask, listen, only, outcome, ports, send
from traffic import Listener, Sink, Stream, connect, family_of, ping
from waiting import wait_until

NAMED, OTHER, PROBE = 9100, 8080, 161
SHUNT, FLOW, TRAP = 0x400100, 0x400200, 0x400800
LEVELS = {"require": {}, "offer": {"Wait": "yes"}}


def policies(host, level, named=f"{NAMED}/tcp"):
    host.policy("1-rest", "forbid")
    host.policy("2-named", level, Ports=named, **LEVELS[level])


def places(host, priority):
    """Ports of the kernel's policies of this rank, and whether anything may
    pass them in the clear."""
    return sorted({(p.direction, p.sport, p.dport, p.templates[0].optional)
                   for p in host.policies() if p.priority == priority})


def both(level):
    hosts = [("in", 0, NAMED), ("in", NAMED, 0), ("out", 0, NAMED),
             ("out", NAMED, 0)]
    return [(*h, level) for h in hosts]


def secured(a, b):
    wait_until(lambda: a.peer_state(b) == b.peer_state(a) == "secured", 3,
               "SAs on both sides")


def others_pass(net, src, dst, sink):
    """What is not named goes in the clear, as it is."""
    mark = net.capture.mark()
    got = len(sink.packets())
    assert connect(src, dst.ip, OTHER) < 0.2
    assert None not in ping(src, dst.ip, 1)
    send(src, dst, PROBE, 3000)
    assert ask(src, dst, sink, 3000) == 3000
    wait_until(lambda: len(sink.packets()) == got + 2, 2, "datagrams")
    assert net.capture.esp_packets(src, dst, mark) == []
    assert {OTHER, PROBE} <= ports(net.capture.clear_packets(src, dst, mark))


def explain(host, peer, number, state, policy):
    bus = Bus(f"{host.agent.run_dir}/agent.sock")
    told, = bus.call("ExplainPort", "ss", peer.ip, f"{number}/tcp")
    bus.close()
    assert (told["State"], told["Policy"]) == (state, policy)
    assert told["InKernel"] == (state == "secured")
    assert told["EncryptedPorts"] == [f"{NAMED}/tcp"]


@pytest.mark.seconds(6)
@pytest.mark.parametrize("level", LEVELS)
def test_one(lab, agents, level):
    net, a, b = lab.pair()
    for host in (a, b):
        policies(host, level)
        host.start_agent()
    held = [Listener(h, p) for h in (a, b) for p in (NAMED, OTHER)]
    sinks = {h: Sink(h, PROBE) for h in (a, b)}

    # Nobody is asked about the rest, and nothing of it waits.
    for src, dst in ((a, b), (b, a)):
        others_pass(net, src, dst, sinks[dst])
    assert a.states() == [] and net.capture.ike_packets(a, b) == []
    assert outcome(a, b, f"{NAMED}/tcp") == ("held", "2-named")
    assert outcome(a, b, f"{NAMED}/udp") == ("clear", "1-rest")

    # The first packet waits, and goes in ESP; from either side, by the same
    # SAs, whatever the rest does meanwhile.
    mark = net.capture.mark()
    stream = Stream(a, b.ip, PROBE)
    assert connect(a, b.ip, NAMED) < 0.5
    secured(a, b)
    assert connect(b, a.ip, NAMED) < 0.2
    time.sleep(0.4)
    stream.stop()
    assert ports(net.capture.clear_packets(a, b, mark)) == {PROBE}
    wait_until(lambda: len(sinks[b].packets()) == 2 + len(stream.times), 2,
               "datagrams beside it")
    assert len(a.states(b)) == 2
    assert places(a, FLOW) == places(b, FLOW) == both(False)
    assert places(a, TRAP) == (both(False) if level == "require" else
                               both(True)[2:])
    explain(a, b, NAMED, "secured", "2-named")
    explain(a, b, OTHER, "clear", "1-rest")

    # Beside SAs that are required now; and clear packets are no sign of loss.
    mark = net.capture.mark()
    for src, dst in ((a, b), (b, a)):
        others_pass(net, src, dst, sinks[dst])
        assert connect(src, dst.ip, NAMED) < 0.2
    time.sleep(0.3)
    assert net.capture.ike_packets(a, b, mark) == []
    assert NAMED not in ports(net.capture.clear_packets(a, b, mark))
    for thing in held + list(sinks.values()):
        thing.close()


@pytest.mark.seconds(5)
@pytest.mark.parametrize("order", ["12", "21"])
def test_order(lab, agents, order):
    """Two ports, of both protocols, beside policies for all traffic, for one
    that is open and for one that is blocked; in whatever order of files."""
    net, a, b = lab.pair()
    wide, narrow = lab.host("wide", net), lab.host("narrow", net)
    rank = dict(zip("12", order))
    for host, peer in ((a, b), (b, a)):
        host.policy(f"{rank['1']}-all", "offer", Wait="yes")
        host.policy(f"{rank['2']}-rest", "forbid", networks=only(peer))
        host.policy(f"{rank['1']}-named", "require", networks=only(peer),
                    Ports=f"{NAMED}/tcp {PROBE}/udp")
        host.policy(f"{rank['2']}-closed", "block", networks=only(peer),
                    Ports="25/tcp")
    a.policy(f"{rank['2']}-narrow", "forbid", networks=only(narrow))
    wide.policy("all", "offer", Wait="yes")
    for host in (a, b, wide):
        host.start_agent()
    held = listen(b, wide, narrow)
    sinks = [Sink(b, PROBE), Sink(b, OTHER)]

    send(a, b, PROBE), send(a, b, OTHER)
    connect(a, b.ip, NAMED), connect(a, b.ip, OTHER)
    wait_until(lambda: all(s.packets() for s in sinks), 2, "datagrams")
    with pytest.raises(OSError):
        connect(a, b.ip, 25, timeout=0.5)
    assert ports(net.capture.clear_packets(a, b)) == {OTHER}
    assert len(a.states(b)) == 2 and a.peer_state(b) == "secured"
    # Errors about a packet quote it.
    sinks[0].close()
    send(a, b, PROBE)
    time.sleep(0.2)
    assert not [f for f in net.capture.clear_packets(a, b) if f.icmp_error]

    # Each network goes by its own.
    connect(a, wide.ip, OTHER), connect(a, narrow.ip, NAMED)
    assert net.capture.clear_packets(a, wide) == []
    assert net.capture.esp_packets(a, narrow) == []
    assert outcome(a, b, f"{PROBE}/udp")[1] == f"{rank['1']}-named"
    assert outcome(a, b, "25/tcp") == ("dropped", f"{rank['2']}-closed")
    assert outcome(a, wide, f"{NAMED}/tcp")[1] == f"{rank['1']}-all"
    assert outcome(a, narrow, f"{NAMED}/tcp")[1] == f"{rank['2']}-narrow"
    for thing in held + sinks:
        thing.close()


class Both:
    """Datagrams to a port that is named and to one that is not, which the other
    host counts."""

    def __init__(self, a, b):
        self.sinks = {p: Sink(b, p) for p in (PROBE, OTHER)}
        self.streams = [Stream(a, b.ip, p) for p in self.sinks]

    def flows(self, port):
        sink = self.sinks[port]
        before = len(sink.packets())
        wait_until(lambda: len(sink.packets()) > before + 3, 8,
                   f"datagrams to port {port}")

    def stop(self):
        for thing in self.streams:
            thing.stop()
        for thing in self.sinks.values():
            thing.close()


@pytest.mark.seconds(20)
def test_killed(lab, agents):
    """Whatever dies, the port never leaves in the clear and the others go on;
    the same when nobody is left, and at a boot with errors in the files."""
    net, a, b = lab.pair()
    for host in (a, b):
        host.policy("named", "require", Ports=f"{NAMED}/tcp {PROBE}/udp")
        host.start_agent()
    held = listen(a, b)
    ways = [Both(a, b), Both(b, a)]

    def flow(*numbers):
        for way in ways:
            for number in numbers:
                way.flows(number)

    flow(PROBE, OTHER)
    for name in (AGENT, NETD, KEYD):
        was = a.agent.kill(name)
        flow(OTHER, PROBE)
        a.agent.wait_replaced(name, was)
        flow(PROBE, OTHER)
    wait_until(lambda: a.peer_state(b) == "secured", 5, "SAs")
    # What the first netd left is the last one's.
    assert places(a, FLOW) == sorted(
        both(False) + [("in", 0, PROBE, False), ("in", PROBE, 0, False),
                       ("out", 0, PROBE, False), ("out", PROBE, 0, False)])
    a.ns.nft("flush ruleset")
    flow(PROBE, OTHER)
    wait_until(lambda: "somebody else" in a.agent.log(), 3, "repair")
    a.ns.ip("xfrm policy flush")
    flow(PROBE, OTHER)
    assert ports(net.capture.clear_packets(a, b)) == {OTHER}

    # Nobody is left: closed, and the rest is open.
    a.agent.stop()
    mark = net.capture.mark()
    flow(OTHER)
    with pytest.raises(OSError):
        connect(a, b.ip, NAMED, timeout=0.5)
    assert connect(a, b.ip, OTHER) < 0.2
    assert NAMED not in ports(net.capture.clear_packets(a, b, mark))

    for way in ways:
        way.stop()
    leaks = [f for f in net.capture.clear_packets(a, b)
             if {NAMED, PROBE} & {f.sport, f.dport}]
    assert not leaks, (len(leaks), list(map(str, leaks[:5])))

    # As after a boot.
    a.ns.nft("flush ruleset")
    a.ns.ip("xfrm policy flush", "xfrm state flush")
    a.policy("bad", "forbidden")
    a.agent.refuse()
    mark = net.capture.mark()
    with pytest.raises(OSError):
        connect(a, b.ip, NAMED, timeout=0.5)
    assert connect(a, b.ip, OTHER) < 0.2
    assert not {NAMED, PROBE} & ports(net.capture.clear_packets(a, b, mark))
    for thing in held:
        thing.close()


@pytest.mark.seconds(8)
def test_changes(lab, agents):
    """Another port with a reload, a peer that cannot, a socket of each kind."""
    net, a, b = lab.pair()
    for host in (a, b):
        policies(host, "require")
    a.start_agent()
    held = listen(a, b)
    # Nobody answers: the port is closed, and nothing else.
    with pytest.raises(OSError):
        connect(a, b.ip, NAMED, timeout=0.5)
    wait_until(lambda: a.peer_state(b) == "blocked", 40, "a verdict")
    assert sorted((p.direction, p.sport, p.dport) for p in a.policies()
                  if p.priority == SHUNT) == [p[:3] for p in both(False)]
    with pytest.raises(OSError):
        connect(a, b.ip, NAMED, timeout=0.5)
    assert connect(a, b.ip, OTHER) < 0.2
    b.start_agent()
    assert connect(b, a.ip, NAMED) < 0.5
    secured(a, b)

    # Whose port is not named is not encrypted, and told so.
    bus = Bus(f"{a.agent.run_dir}/agent.sock")
    for number, expected in ((NAMED, True), (OTHER, False)):
        with a.ns.socket(family_of(b.ip), socket.SOCK_STREAM) as s:
            s.connect((b.ip, number))
            told, = bus.call("GetSocket", "h", s)
            assert told["Encrypted"] == expected
            assert told["State"] == ("secured" if expected else "clear")
    with a.ns.socket(family_of(b.ip), socket.SOCK_STREAM) as s:
        s.connect((b.ip, OTHER))
        with pytest.raises(Error) as e:
            bus.call("RequireEncryption", "hsa{sv}", s, b.ip, {})
        assert e.value.name == ERROR + "PolicyForbids"
    bus.close()

    mark = net.capture.mark()
    for host in (a, b):
        policies(host, "require", f"{OTHER}/tcp")
        host.agent.reload()
    assert connect(a, b.ip, NAMED) < 0.2
    assert connect(b, a.ip, OTHER) < 1
    assert ports(net.capture.clear_packets(a, b, mark)) == {NAMED}
    assert not [p for p in a.policies() if NAMED in (p.sport, p.dport)]
    for thing in held:
        thing.close()


@pytest.mark.seconds(6)
@pytest.mark.parametrize("level", ["require", "offer"])
def test_other_views(lab, agents, level):
    """A peer that would encrypt everything gets nothing from one that has but a
    port for it, and is not cut off."""
    net, a, b = lab.pair()
    a.policy("named", level, Ports=f"{NAMED}/tcp", **LEVELS[level])
    b.policy("all", "offer", Wait="yes")
    held = listen(a, b)
    for host in (a, b):
        host.start_agent()
    for src, dst in ((b, a), (a, b)):
        assert connect(src, dst.ip, OTHER) < 3
        assert None not in ping(src, dst.ip, 1)
    if level == "require":
        with pytest.raises(OSError):
            connect(a, b.ip, NAMED, timeout=1)
        with pytest.raises(OSError):
            connect(b, a.ip, NAMED, timeout=1)
        assert NAMED not in {p for f in net.capture.sent(a, b, ("clear",))
                             for p in (f.sport, f.dport)}
    else:
        assert connect(a, b.ip, NAMED) < 3
        assert connect(b, a.ip, NAMED) < 3
    assert connect(b, a.ip, OTHER) < 0.2
    assert a.states(b) == []
    for thing in held:
        thing.close()
