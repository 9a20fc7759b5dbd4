# SPDX-License-Identifier: LGPL-2.1-or-later
"""What follows when a peer cannot, for each way in which that shows: refusal,
silence and ICMP unreachable; and that it ends."""

import socket
import struct
import threading
import time

import pytest
from traffic import Stream, family_of, ping
from waiting import wait_until

WAYS = ("refusal", "silence", "unreachable")
# A peer that drops IKE without a word, and has no agent.
SILENCE = """table inet silence { chain input {
	type filter hook input priority 0;
	udp dport { 500, 4500 } drop;
}; }"""


def cannot(b, way):
    if way == "refusal":
        b.policy("peers", "forbid")
        b.start_agent()
    elif way == "silence":
        b.ns.nft(SILENCE)


def can(b, way):
    """The peer changes its mind."""
    if way == "refusal":
        b.agent.stop()
    elif way == "silence":
        b.ns.nft("delete table inet silence")
    b.policy("peers", "allow")
    b.start_agent()


def reason(host, peer):
    return host.agent.tacit("peers", peer.ip)["reason"]


def init_requests(net, a, b, since=0):
    return [f for f in net.capture.sent(a, b, ("ike",), since)
            if f.ike.exchange == 34 and not f.ike.response]


class Forger:
    """A third host on the wire that has read a's IKE_SA_INIT and answers
    before b does."""

    def __init__(self, net, a, b):
        self.net, self.a, self.b = net, a, b
        self.host = a.lab.host("m", net, number=66)
        # In b's name, but not in its place: no question about neighbours.
        self.host.ns.sysctl("ipv4.conf.all.arp_ignore", 1)
        net.introduce(a, b, self.host)
        bits = 128 if a.lab.family == 6 else 32
        self.host.ns.ip(f"address add {b.ip}/{bits} dev lo")
        self.forged = set()
        self.running = True
        self.thread = threading.Thread(target=self.loop, daemon=True)
        self.thread.start()

    def loop(self):
        with self.host.ns.socket(family_of(self.b.ip),
                                 socket.SOCK_DGRAM) as s:
            s.bind((self.b.ip, 500))
            while self.running:
                for f in init_requests(self.net, self.a, self.b):
                    if f.ike.spi_i not in self.forged:
                        s.sendto(refusal(f.ike.spi_i), (self.a.ip, 500))
                        self.forged.add(f.ike.spi_i)

    def stop(self):
        self.running = False
        self.thread.join()
        return len(self.forged)


def refusal(spi_i):
    """NO_PROPOSAL_CHOSEN to an IKE_SA_INIT request."""
    return struct.pack("!QQBBBBII", spi_i, 0, 41, 0x20, 34, 0x20, 0, 36) + \
        struct.pack("!BBHBBH", 0, 0, 8, 0, 0, 14)


@pytest.mark.seconds(10)
@pytest.mark.parametrize("way", WAYS)
def test_offer(lab, agents, way):
    """Clear after a bounded time; no IKE while the decision stands; tried
    again after it has run out, and encrypted when the peer then can."""
    net, a, b = lab.pair()
    a.policy("peers", "offer", Wait="yes", WaitTime="700ms", RetryTime="3s")
    a.start_agent()
    cannot(b, way)
    took = ping(a, b.ip, timeout=4)[0]
    assert took is not None and took < 1.5
    wait_until(lambda: a.peer_state(b) == "clear", 15, "the decision")
    assert reason(a, b) == {"refusal": "refused", "silence": "unanswered",
                            "unreachable": "unreachable"}[way]
    start = time.monotonic()
    mark = net.capture.mark()
    answered = ping(a, b.ip, 20, interval=0.05)
    assert None not in answered and max(answered) < 0.2
    if time.monotonic() - start < 2:
        assert init_requests(net, a, b, mark) == []
    assert a.states(b) == []

    can(b, way)
    stream = Stream(a, b.ip, 4000, interval=0.1)
    wait_until(lambda: a.secured(b), 10, "states, after the decision ran out")
    time.sleep(0.5)
    stream.stop()
    time.sleep(0.2)
    mark = net.capture.mark()
    assert None not in ping(a, b.ip, 3)
    assert net.capture.clear_packets(a, b, mark) == []
    assert a.peer_state(b) == "secured"


@pytest.mark.seconds(9)
@pytest.mark.parametrize("way", WAYS)
def test_require(lab, agents, way):
    """Nothing at all, until the peer can."""
    net, a, b = lab.pair()
    a.policy("peers", "require", RetryTime="2s")
    a.start_agent()
    cannot(b, way)
    assert ping(a, b.ip, 10, interval=0.1, timeout=1) == [None] * 10
    can(b, way)
    wait_until(lambda: ping(a, b.ip, timeout=0.3) != [None], 12, "a reply")
    # Without an agent, b's kernel says that its port is unreachable.
    assert all(f.icmp_error for f in net.capture.clear_packets(a, b))


@pytest.mark.seconds(4)
def test_refusals_cannot_downgrade(lab, agents):
    """An answer after a refusal counts for more: with a forged
    NO_PROPOSAL_CHOSEN in front of the real answer the peer is encrypted all
    the same."""
    net, a, b = lab.pair(rtt_ms=100)
    for host in (a, b):
        host.policy("peers", "offer", Wait="yes")
        host.start_agent()
    forger = Forger(net, a, b)
    assert None not in ping(a, b.ip, 2)
    assert forger.stop() >= 1
    assert net.capture.clear_packets(a, b) == []
    assert a.secured(b)


@pytest.mark.seconds(3)
def test_refusals_do_not_delay_require(lab, agents):
    """Who must not be clear is not put off by a refusal either: forged ones do
    not end the attempt, and the peer that appears meanwhile is found."""
    net, a, b = lab.pair(rtt_ms=20)
    a.policy("peers", "require", RetryTime="5min")
    b.policy("peers", "allow")
    a.start_agent()
    forger = Forger(net, a, b)
    assert ping(a, b.ip, timeout=1) == [None]
    assert forger.stop() == 1
    b.start_agent()
    wait_until(lambda: ping(a, b.ip, timeout=0.3) != [None], 5, "a reply")
    assert len({f.ike.spi_i for f in init_requests(net, a, b)}) == 1
    assert all(f.icmp_error for f in net.capture.clear_packets(a, b))


@pytest.mark.seconds(4)
def test_told_apart(lab, agents):
    """Each failure has its name, and the verdict that policy gives it."""
    net = lab.net()
    a = lab.host("a", net)
    peers = {name: lab.host(name, net, number=10 + i) for i, name in enumerate(
        ("refused", "unreachable", "auth", "no-key"))}
    a.policy("peers", "offer", Wait="yes", WaitTime="8s",
             Authentication="offer")
    ip = peers["no-key"].ip
    a.policy("known", "require", Authentication="require",
             networks=[f"{ip}/{128 if ':' in ip else 32}"])
    cannot(peers["refused"], "refusal")
    # It proves itself with another key than the one that a has of it.
    liar = peers["auth"]
    a.keys.know("liar", a.keys.base64, liar.ip)
    for host in (liar, peers["no-key"]):
        host.policy("peers", "allow")
        host.keys.know("a", a.keys.base64, a.ip)
        host.start_agent()
    a.start_agent()
    for host in peers.values():
        ping(a, host.ip, timeout=0.01)
    for name, host in peers.items():
        wait_until(lambda: reason(a, host).split(":")[0] == name, 10, name)
        clear = ping(a, host.ip, timeout=1) != [None]
        assert clear == (name != "no-key")
    assert "its key" in reason(a, peers["no-key"])
    assert ":" in reason(a, liar)


@pytest.mark.seconds(3)
@pytest.mark.parametrize("wait", ["yes", "no"])
def test_link_comes_back(lab, agents, wait):
    """What failed is tried again when the wire was cut and is whole again:
    behind it may be another network."""
    net, a, b = lab.pair()
    a.policy("peers", "offer", Wait=wait, RetryTime="5min")
    b.policy("peers", "allow")
    a.start_agent()
    assert ping(a, b.ip) != [None]
    wait_until(lambda: reason(a, b) == "unreachable", 2, "the decision")
    b.start_agent()
    assert ping(a, b.ip, 2) != [None] and a.states(b) == []
    net.ns.ip("link set to-a down", "link set to-a up")
    wait_until(lambda: ping(a, b.ip, timeout=0.2) and a.secured(b), 4,
               "states")
