# SPDX-License-Identifier: LGPL-2.1-or-later
"""The lab itself, with states made by hand: what the scenarios assert on must
be able to tell ESP from clear text, and to miss nothing."""

import socket
import struct
import time

import capture
import pytest
from traffic import (Listener, Pinger, Sink, Stream, connect, datagram, ping)

KEY = "0x000102030405060708090a0b0c0d0e0f10111213"


def protect(one, other, level="required"):
    """States and policies of both directions, on one host."""
    family = one.lab.family
    for src, dst, direction in ((one, other, "out"), (other, one, "in")):
        spi = 0x1001 if src.ip < dst.ip else 0x1002
        path = f"src {src.ip} dst {dst.ip}"
        one.ns.ip(
            f"xfrm state add {path} proto esp spi {spi} reqid 1 "
            f"mode transport aead rfc4106(gcm(aes)) {KEY} 128",
            f"xfrm policy add {path} dir {direction} priority 100 "
            f"tmpl proto esp reqid 1 mode transport level {level}",
            # Who cannot ask for neighbours cannot send ESP either.
            *(f"xfrm policy add {path} proto ipv6-icmp type {kind} "
              f"dir {direction} priority 1"
              for kind in (135, 136) if family == 6))


def test_clear_and_esp(lab):
    """The capture sees clear packets as clear and ESP as ESP."""
    net, a, b = lab.pair()
    assert None not in ping(a, b.ip, 3, interval=0.01)
    assert len(net.capture.clear_packets(a, b)) == 6
    assert not net.capture.esp_packets(a, b)
    assert net.capture.kinds(a, b) == {"clear"}

    for one, other in ((a, b), (b, a)):
        protect(one, other)
    mark = net.capture.mark()
    assert None not in ping(a, b.ip, 3, interval=0.01)
    listener = Listener(b, 80)
    assert connect(a, b.ip, 80) < 1
    listener.close()
    assert not net.capture.clear_packets(a, b, mark)
    esp = net.capture.esp_packets(a, b, mark)
    assert len(esp) >= 9
    assert {f.spi for f in esp} == {0x1001, 0x1002}


def test_kernel_state(lab):
    """States and policies are read as they were made."""
    _, a, b = lab.pair()
    assert a.states() == [] and a.policies() == []
    protect(a, b, "use")
    assert a.secured(b)
    state = next(s for s in a.states() if s.src == a.ip)
    assert (state.spi, state.reqid, state.mode) == (0x1001, 1, "transport")
    assert state.algorithm == "rfc4106(gcm(aes))"
    policy = next(p for p in a.policies()
                  if p.direction == "out" and p.templates)
    bits = 32 if lab.family == 4 else 128
    assert policy.dst == f"{b.ip}/{bits}"
    assert policy.templates[0].optional
    a.ns.ip("xfrm policy flush")
    protect(b, a)
    assert [p.templates[0].optional for p in b.traps()] == [False, False]
    a.ns.ip(f"xfrm policy add src {a.ip} dst 0::/0 dir out action block"
            if lab.family == 6 else
            f"xfrm policy add src {a.ip} dst 0.0.0.0/0 dir out action block")
    assert [p.action for p in a.traps()] == ["block"]
    assert ping(a, b.ip, timeout=0.2) == [None]


def test_required_drops_clear(lab):
    """One protected side alone: nothing passes, and it is counted."""
    _, a, b = lab.pair()
    protect(b, a)
    assert ping(a, b.ip, 2, timeout=0.3) == [None, None]
    assert b.ns.counters()["XfrmInTmplMismatch"] >= 1


def test_loss_is_seen(lab):
    """A lost packet is reported as lost, with its number."""
    _, a, b = lab.pair()
    b.ns.nft("table inet f { chain i { type filter hook input priority 0; "
             "meta l4proto udp numgen inc mod 5 4 drop; }; }")
    sink = Sink(b, 4000)
    stream = Stream(a, b.ip, 4000, interval=0.002)
    time.sleep(0.3)
    stream.stop()
    time.sleep(0.05)
    got = [sequence for _, sequence in sink.packets()]
    missing = set(range(len(stream.times))) - set(got)
    assert len(missing) == len(stream.times) // 5
    assert got == sorted(got)


def test_payload_is_visible(lab):
    net, a, b = lab.pair()
    sink = Sink(b, 4000)
    with a.ns.socket(socket.AF_INET if lab.family == 4 else socket.AF_INET6,
                     socket.SOCK_DGRAM) as s:
        s.sendto(datagram(7, 9), (b.ip, 4000))
    frame = net.capture.clear_packets(a, b)[0]
    assert frame.payload == datagram(7, 9)
    assert (frame.src, frame.dst, frame.dport) == (a.ip, b.ip, 4000)
    assert frame.port == "a"
    assert abs(frame.time - time.time()) < 5
    assert sink.packets() == [(7, 9)]


def test_delay(lab):
    """A wire with a round trip of 40 ms has one of 40 ms."""
    _, a, b = lab.pair(rtt_ms=40)
    ping(a, b.ip)
    assert 0.040 <= ping(a, b.ip)[0] < 0.060


def test_many_destinations(lab):
    net, a, b = lab.pair()
    new = b.add_addresses(50)
    a.route("10.1.0.0/16" if lab.family == 4 else "fd00:1::/32", b.ip)
    pinger = Pinger(a)
    for address in new:
        pinger.send(address)
    pinger.receive(3)
    assert pinger.lost() == []
    assert len(net.capture.clear_packets(a, b)) == 100


@pytest.mark.family(6)
def test_link_local(lab):
    """Neighbour discovery is never counted as clear traffic."""
    net, a, b = lab.pair()
    assert None not in ping(a, b.link_local + "%eth0")
    assert len(net.capture.clear_packets(a, b)) == 2
    assert "nd" in {f.kind for f in net.capture.frames()}


def test_three_hosts(lab):
    """A router between two wires; the capture of each wire is its own."""
    one, other = lab.net(), lab.net()
    a = lab.host("a", one)
    r = lab.host("r", one, other)
    c = lab.host("c", other)
    r.ns.sysctl("ipv4.ip_forward", 1)
    r.ns.sysctl("ipv6.conf.all.forwarding", 1)
    family = lab.family
    a.ns.ip(f"route replace default via {r.own[family][0]}")
    c.ns.ip(f"route replace default via {r.own[family][1]}")
    assert None not in ping(a, c.ip, 2)
    for net in (one, other):
        assert len(net.capture.clear_packets(a, c)) == 4


def header(payload, protocol):
    """An Ethernet frame with IPv4."""
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64,
                     protocol, 0, bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2]))
    return bytes(12) + b"\x08\x00" + ip + payload


def udp(sport, dport, payload):
    return header(struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) +
                  payload, 17)


IKE = struct.pack("!QQBBBBII", 1, 2, 41, 0x20, 34, 0x20, 0, 36) + \
    struct.pack("!BBHBBH", 0, 0, 8, 0, 0, 14)


@pytest.mark.parametrize("frame, kind", [
    (udp(500, 500, IKE), "ike"),
    (udp(4500, 4500, b"\0\0\0\0" + IKE), "ike"),
    (udp(4500, 4500, b"\0\0\1\0" + bytes(40)), "udp-esp"),
    (udp(4500, 1024, b"\xff"), "keepalive"),
    (udp(4000, 4000, b"hello"), "clear"),
    (header(b"\0\0\x10\x01" + bytes(40), 50), "esp"),
    (header(bytes(40), 51), "clear"),
    (header(b"\x08\0\0\0" + bytes(4), 1), "clear"),
    (bytes(12) + b"\x08\x06" + bytes(28), "arp"),
], ids=lambda v: v if isinstance(v, str) else "")
def test_kinds(frame, kind):
    parsed = capture.parse(0, "a", frame)
    assert parsed.kind == kind
    if kind == "ike":
        ike = parsed.ike
        assert (ike.exchange, ike.response, ike.notifies) == (34, True, [14])
