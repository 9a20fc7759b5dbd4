# SPDX-License-Identifier: LGPL-2.1-or-later
"""Policies for single ports: on either side only the port that is named is in
the clear, or closed, whatever else holds for the two hosts."""

import errno
import json
import os
import socket
import time

import pytest
from agent import AGENT, NETD
from bus import ERROR, Bus, Error
from traffic import MAGIC, Listener, Sink, connect, datagram, family_of, ping
from waiting import wait_until

OPEN, OTHER, PROBE = 9100, 8080, 161
PORTS = f"{OPEN}/tcp {PROBE}/udp"


def only(host):
    """The network of this host alone."""
    return [f"{host.ip}/{128 if ':' in host.ip else 32}"]


def listen(*hosts):
    return [Listener(h, port) for h in hosts for port in (OPEN, OTHER)]


def ports(frames):
    """The services that these packets are of."""
    return {min(f.sport, f.dport) for f in frames}


def send(host, peer, port, size=0, source=0):
    with host.ns.socket(family_of(peer.ip), socket.SOCK_DGRAM) as s:
        s.bind(("", source))
        s.sendto(datagram(1, 1) + bytes(size), (peer.ip, port))


def ask(host, peer, sink, size):
    """The length of an answer of so many bytes to a datagram, or None."""
    with host.ns.socket(family_of(peer.ip), socket.SOCK_DGRAM) as s:
        s.sendto(datagram(2, 2), (peer.ip, sink.port))
        sink.socket.sendto(bytes(size), (host.ip, s.getsockname()[1]))
        s.settimeout(2)
        try:
            return len(s.recv(4096))
        except TimeoutError:
            return None


def connect_from(host, source, address, port):
    with host.ns.socket(family_of(address), socket.SOCK_STREAM) as s:
        s.bind(("", source))
        s.settimeout(0.5)
        s.connect((address, port))


def outcome(host, peer, port):
    told = host.agent.tacit("policy", "test", f"[{peer.ip}]:{port}")
    return told["outcome"], told["policy"]


def send_fragment(host, peer, number):
    """The last fragment of a packet whose first one nobody has seen."""
    with host.ns.socket(socket.AF_INET, socket.SOCK_RAW,
                        socket.IPPROTO_RAW) as s:
        head = bytes.fromhex("4500 0000 0001 0003 4006 0000".replace(" ", ""))
        s.sendto(head + socket.inet_aton(host.ip) + socket.inet_aton(peer.ip) +
                 number.to_bytes(2, "big") * 2 + MAGIC, (peer.ip, 0))


@pytest.mark.seconds(6)
def test_open(lab, agents):
    """Where everything is required one port is clear: from either side, before
    there are SAs and beside them, in whatever order the files come; and
    nothing else ever is, not even what belongs to it and has no ports."""
    net, a, b = lab.pair()
    narrow = lab.host("narrow", net)
    a.policy("1-all", "require")
    a.policy("2-open", "forbid", Ports=PORTS)
    a.policy("3-narrow", "require", networks=only(narrow))
    b.policy("1-open", "forbid", Ports=PORTS)
    b.policy("2-all", "require")
    narrow.policy("all", "require")
    held = listen(a, b, narrow)
    sinks = [Sink(h, PROBE) for h in (a, b)] + [Sink(b, OTHER)]
    for host in (a, b, narrow):
        host.start_agent()

    # Nobody asks anything, and nothing waits.
    for src, dst in ((a, b), (b, a)):
        assert connect(src, dst.ip, OPEN) < 0.2
        send(src, dst, PROBE)
    wait_until(lambda: all(s.packets() for s in sinks[:2]), 2, "datagrams")
    assert a.states() == [] and net.capture.ike_packets(a, b) == []
    assert ports(net.capture.clear_packets(a, b)) == {OPEN, PROBE}

    # The rest is as it is without; large ones go the same way.
    mark = net.capture.mark()
    assert None not in ping(a, b.ip, 2)
    connect(a, b.ip, OTHER), connect(b, a.ip, OTHER)
    wait_until(lambda: a.secured(b) and a.peer_state(b) == "secured", 3,
               "SAs")
    send(a, b, OTHER, 3000)
    wait_until(sinks[2].packets, 2, "a large datagram")
    assert net.capture.clear_packets(a, b, mark) == []
    send(a, b, PROBE, 3000)
    wait_until(lambda: len(sinks[1].packets()) == 2, 2, "the large one")
    assert net.capture.clear_packets(a, b, mark) != []

    # SAs that are required now change nothing, and clear packets of the port
    # are no sign that the peer has lost its own.
    time.sleep(0.4)
    mark = net.capture.mark()
    for src, dst in ((a, b), (b, a)):
        assert connect(src, dst.ip, OPEN) < 0.2
    time.sleep(0.3)
    assert ports(net.capture.clear_packets(a, b, mark)) == {OPEN}
    assert net.capture.ike_packets(a, b, mark) == []

    # Large answers come; and who sends from the port gets nowhere with it.
    assert ask(a, b, sinks[1], 3000) == 3000
    stranger = lab.host("stranger", net)
    secret = Sink(a, OTHER)
    assert connect(stranger, a.ip, OPEN) < 0.2
    with pytest.raises(TimeoutError):
        connect_from(stranger, OPEN, a.ip, OTHER)
    send(stranger, a, OTHER, source=PROBE)
    time.sleep(0.2)
    assert secret.packets() == []
    assert ports(net.capture.sent(a, stranger, ("clear",), mark)) == {OPEN}
    secret.close()

    # Errors about it, and fragments without ports, are nobody's exception.
    mark = net.capture.mark()
    sinks[1].close()
    send(a, b, PROBE)
    if lab.family == 4:
        send_fragment(a, b, OPEN)
    wait_until(lambda: net.capture.esp_packets(a, b, mark) != [], 2,
               "the error")
    clear = net.capture.clear_packets(a, b, mark)
    assert ports(clear) == {PROBE} and not any(f.icmp_error for f in clear)

    # A network inside says otherwise.
    connect(a, narrow.ip, OPEN)
    assert net.capture.clear_packets(a, narrow) == []
    assert a.secured(narrow)
    assert outcome(a, b, f"{OPEN}/tcp") == ("clear", "2-open")
    assert outcome(a, b, f"{OPEN}/udp") == ("held", "1-all")
    assert outcome(a, narrow, f"{OPEN}/tcp") == ("held", "3-narrow")
    with a.ns.socket(family_of(b.ip), socket.SOCK_STREAM) as s:
        s.connect((b.ip, OPEN))
        bus = Bus(f"{a.agent.run_dir}/agent.sock")
        told, = bus.call("GetSocket", "h", s)
        with pytest.raises(Error) as e:
            bus.call("RequireEncryption", "hsa{sv}", s, b.ip, {})
        assert e.value.name == ERROR + "PolicyForbids" and \
            "2-open" in e.value.text
        bus.close()
    assert "somebody else" not in a.agent.log() + b.agent.log()
    assert not told["Encrypted"]
    assert (told["State"], told["Policy"]) == ("clear", "2-open")
    for thing in held + sinks:
        thing.close()


@pytest.mark.seconds(4)
def test_block(lab, agents):
    """A port that is closed where everything else is offered; the peer, which
    has no such policy, does not get through either."""
    net, a, b = lab.pair()
    a.policy("all", "offer", Wait="yes")
    a.policy("closed", "block", Ports=f"{OPEN}/tcp")
    b.policy("all", "allow")
    held = listen(a, b)
    for host in (a, b):
        host.start_agent()
    for _ in range(2):
        with pytest.raises(OSError) as e:
            connect(a, b.ip, OPEN)
        assert e.value.errno in (errno.EPERM, errno.EACCES)
        with pytest.raises(OSError):
            connect(b, a.ip, OPEN, timeout=0.5)
        # Before there are SAs, and with them.
        connect(a, b.ip, OTHER), connect(b, a.ip, OTHER)
        wait_until(lambda: a.peer_state(b) == "secured", 3, "SAs")
    assert not [f for f in net.capture.frames()
                if f.sport == OPEN and f.protocol == socket.IPPROTO_TCP]
    assert a.agent.tacit("policy", "show", "closed")["ports"] == [
        f"{OPEN}/tcp"]
    for thing in held:
        thing.close()


@pytest.mark.seconds(6)
def test_changes(lab, agents):
    """A reload opens and closes the port alone, with nothing lost beside it;
    what is open stays so, and the rest closed, without an agent and after it."""
    net, a, b = lab.pair()
    for host in (a, b):
        host.policy("all", "require")
        host.policy("open", "forbid", Ports=PORTS)
        host.start_agent()
    held = listen(a, b)
    assert None not in ping(a, b.ip, 1)
    before = sorted(s.spi for s in a.states(b))
    own = [p for p in a.policies() if OPEN in (p.sport, p.dport)]
    assert sorted((p.direction, p.sport, p.dport) for p in own
                  if a.ip in (p.src.split("/")[0], p.dst.split("/")[0])) == [
        ("in", 0, OPEN), ("in", OPEN, 0), ("out", 0, OPEN), ("out", OPEN, 0)]

    for host in (a, b):
        host.policy("open", "forbid", Ports=f"{PROBE}/udp")
        host.agent.reload()
    mark = net.capture.mark()
    connect(a, b.ip, OPEN)
    assert net.capture.clear_packets(a, b, mark) == []
    assert not [p for p in a.policies() if OPEN in (p.sport, p.dport)]
    for host in (a, b):
        host.policy("open", "forbid", Ports=PORTS)
        host.agent.reload()
    mark = net.capture.mark()
    connect(a, b.ip, OPEN)
    assert ports(net.capture.clear_packets(a, b, mark)) == {OPEN}
    assert sorted(s.spi for s in a.states(b)) == before

    # Others' changes are put right with it, and ours are not taken for such.
    assert "somebody else" not in a.agent.log()
    a.ns.nft("flush ruleset")
    wait_until(lambda: "somebody else" in a.agent.log(), 3, "repair")
    time.sleep(1.5)
    assert a.agent.log().count("somebody else") == 1
    assert "not let pass" not in a.agent.log()
    mark = net.capture.mark()
    assert connect(a, b.ip, OPEN) < 0.2
    assert None not in ping(a, b.ip, 1)
    assert ports(net.capture.clear_packets(a, b, mark)) == {OPEN}

    a.policy("bad", "require", Ports=PORTS)
    a.agent.reload(good=False)
    told = json.loads(a.agent.text("--json", "check-config", a.agent.etc,
                                   check=False))
    assert {(e["file"], e["line"]) for e in told["errors"]} == {
        (f"{a.agent.etc}/policy.d/bad.conf", 3),
        (f"{a.agent.etc}/policy.d/open.conf", 3)}
    os.unlink(f"{a.agent.etc}/policy.d/bad.conf")

    # Whoever makes the policies dies, and finds them again.
    mark = net.capture.mark()
    policies = sorted(str(p) for p in a.policies() if p.sport or p.dport)
    was = a.agent.kill(NETD)
    connect(a, b.ip, OPEN), connect(b, a.ip, OPEN)
    assert None not in ping(a, b.ip, 1)
    a.agent.wait_replaced(NETD, was)
    wait_until(lambda: a.peer_state(b) == "secured", 5, "SAs")
    connect(a, b.ip, OPEN), connect(b, a.ip, OPEN)
    assert None not in ping(a, b.ip, 1)
    assert ports(net.capture.clear_packets(a, b, mark)) == {OPEN}
    assert sorted(str(p) for p in a.policies()
                  if p.sport or p.dport) == policies

    # By the kernel alone: the agent is gone, then everything is.
    mark = net.capture.mark()
    a.agent.kill(AGENT)
    connect(a, b.ip, OPEN), connect(b, a.ip, OPEN)
    a.agent.stop()
    connect(a, b.ip, OPEN), connect(b, a.ip, OPEN)
    assert ping(a, b.ip, 1, timeout=0.5) == [None]
    assert ports(net.capture.clear_packets(a, b, mark)) == {OPEN}

    # What is found in the kernel, and is no policy's any more, goes.
    os.unlink(f"{a.agent.etc}/policy.d/open.conf")
    b.policy("open", "forbid", Ports=f"{PROBE}/udp")
    b.agent.reload()
    mark = net.capture.mark()
    a.start_agent()
    connect(a, b.ip, OPEN)
    assert net.capture.clear_packets(a, b, mark) == []
    assert not [p for p in a.policies() if OPEN in (p.sport, p.dport)]
    for thing in held:
        thing.close()
