# SPDX-License-Identifier: LGPL-2.1-or-later
"""A peer that has lost its SAs, as after a power failure, is encrypted again
within three seconds, whoever speaks first; and who only pretends that a peer
has lost them changes nothing."""

import random
import time

import pytest
from agent import SUPERVISOR
from forge import Forger
from test_nat import NO, Box
from traffic import MAGIC, PingStream, ping
from waiting import wait_until

WITHIN = 3.0


def power_failure(host):
    """All is gone, and comes back."""
    host.agent.kill(SUPERVISOR)
    host.ns.ip("xfrm state flush", "xfrm policy flush")
    host.ns.nft("flush ruleset\n")
    host.start_agent()


def speaks(host, address):
    """Seconds until it has an answer."""
    start = time.perf_counter()
    stream = PingStream(host, address, interval=0.05)
    wait_until(lambda: stream.pinger.times, 20, "an answer")
    took = time.perf_counter() - start
    stream.stop()
    return took


def one_pair(a, b):
    return a.secured(b) and b.secured(a) and \
        {(s.src, s.spi) for s in a.states()} == \
        {(s.src, s.spi) for s in b.states()}


@pytest.mark.seconds(8)
@pytest.mark.parametrize("level", ["offer", "require"])
def test_reboot(lab, agents, level):
    net, a, b = lab.pair()
    for host in (a, b):
        host.policy("peers", level)
        host.start_agent()
    assert ping(a, b.ip, 2)[-1] is not None
    wait_until(lambda: one_pair(a, b), 20, "one pair")
    for first, other in ((a, b), (b, a)):
        power_failure(b)
        mark = net.capture.mark()
        assert speaks(first, other.ip) < WITHIN
        wait_until(lambda: one_pair(a, b), 20, "one pair")
        clear = net.capture.clear_packets(a, b, mark)
        assert not clear or level == "offer"
        # Who still has its SAs does not answer in the clear.
        assert {f.src for f in clear} <= {b.ip}
        assert None not in ping(first, other.ip, 3)


@pytest.mark.seconds(8)
@pytest.mark.parametrize("which", ["client", "server"])
def test_reboot_behind_nat(lab, agents, which):
    """In UDP, too. Where the server is the one that forgot, it has no other
    way to the client than by where its ESP comes from. Without leased
    addresses: who forgets that it has one, and proves nothing, gets another."""
    box = Box(lab, **NO)
    assert None not in ping(box.a, box.b.ip, 2, interval=0.2)
    lost = box.a if which == "client" else box.b
    power_failure(lost)
    if which == "client":
        assert speaks(box.b, box.outer) < WITHIN
    else:
        assert speaks(box.a, box.b.ip) < WITHIN
    box.nothing_clear()
    assert all(s.encapsulated for s in box.a.states() + box.b.states())


@pytest.mark.seconds(7)
def test_gone_for_good(lab, agents):
    """A peer that comes back without an agent: under offer the two talk in
    the clear as soon as the question is unanswered, and not before."""
    net, a, b = lab.pair()
    for host in (a, b):
        host.policy("peers", "offer")
        host.start_agent()
    assert ping(a, b.ip, 2)[-1] is not None
    wait_until(lambda: one_pair(a, b), 20, "one pair")
    b.agent.kill(SUPERVISOR)
    b.ns.ip("xfrm state flush", "xfrm policy flush")
    b.ns.nft("flush ruleset\n")
    took = speaks(b, a.ip)
    assert 1 < took < 4
    assert a.states(b) == []


@pytest.mark.seconds(7)
@pytest.mark.parametrize("level", ["offer", "require"])
def test_forged(lab, agents, level):
    """A flood in the name of a peer, and of everybody: the SAs stay, nothing
    is lost, the peer is asked rarely, and few strangers hear of us."""
    net, a, b = lab.pair()
    x = lab.host("x", net)
    for host in (a, b):
        host.policy("peers", level)
        host.start_agent()
    assert ping(a, b.ip, 2)[-1] is not None
    wait_until(lambda: one_pair(a, b), 20, "one pair")
    time.sleep(0.5)
    before = {s.spi for s in a.states()}
    stream = PingStream(a, b.ip)
    mark = net.capture.mark()
    forger = Forger(x)
    start = time.perf_counter()
    sent = 0
    while time.perf_counter() - start < 4:
        spi = random.randrange(0x1000, 1 << 32)
        forger.clear(b.ip, a.ip)
        forger.esp(b.ip, a.ip, spi, in_udp=sent % 2)
        # Of the same network, but nobody.
        nobody = a.ip.rpartition("." if lab.family == 4 else ":")
        number = 10 + sent % 200
        nobody = nobody[0] + nobody[1] + (
            str(number) if lab.family == 4 else f"{number:x}")
        forger.esp(nobody, a.ip, spi, in_udp=sent % 2)
        sent += 1
        time.sleep(0.005)
    stream.stop()
    forger.close()
    assert sent > 100
    assert {s.spi for s in a.states(b)} == before
    assert stream.pinger.lost() == []
    # Nothing of the flood was believed.
    assert not [f for f in net.capture.sent(a, b, ("clear",), mark)
                if MAGIC in f.payload]
    asked = net.capture.ike_packets(a, b, mark)
    assert 2 <= len(asked) <= 8
    assert {f.ike.exchange for f in asked} == {37}
    others = {f.dst for f in net.capture.frames(mark)
              if f.kind == "ike" and f.src == a.ip and f.dst != b.ip}
    assert len(others) <= 20 * 5 + 20


@pytest.mark.seconds(5)
def test_icmp_errors(lab, agents):
    """An ICMP error in the peer's address, as of a NAT that has given it other
    ports, is no sign that the peer lost anything: nobody is asked."""
    net, a, b = lab.pair()
    x = lab.host("x", net)
    for host in (a, b):
        host.policy("peers", "offer")
        host.start_agent()
    assert ping(a, b.ip, 2)[-1] is not None
    wait_until(lambda: one_pair(a, b), 20, "one pair")
    time.sleep(0.5)
    mark = net.capture.mark()
    forger = Forger(x)
    for _ in range(10):
        forger.refuse(b.ip, a.ip)
        time.sleep(0.05)
    time.sleep(0.5)
    assert len([f for f in net.capture.frames(mark) if f.icmp_error]) == 10
    assert net.capture.ike_packets(a, b, mark) == []
    # A clear packet is, by the same way.
    forger.clear(b.ip, a.ip)
    wait_until(lambda: net.capture.ike_packets(a, b, mark), 2, "the question")
    forger.close()
