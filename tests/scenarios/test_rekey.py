# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rekeying under traffic: Child SAs every few hundred packets, with and without
a key exchange of their own, and IKE SAs. Numbered datagrams run both ways: none
is lost, none is in the clear, none overtakes another. At the end the kernel has
one SA pair, and it is not the first one."""

import time

import pytest
from agent import NETD
from traffic import Sink, Stream, ping
from waiting import wait_until

PACKETS = 600
INTERVAL = 0.004


def pair(lab, packets=None, ike="", **options):
    net, a, b = lab.pair(**options)
    for host in (a, b):
        keys = {"ChildPackets": packets} if packets else {}
        host.policy("peers", "require", **keys)
        if ike:
            host.config("tacit.conf", f"[IKE]\n{ike}")
        host.start_agent()
    return net, a, b


class Both:
    """A stream each way."""

    def __init__(self, a, b, interval=INTERVAL):
        self.ends = (a, b), (b, a)
        self.sinks = [Sink(to, 4000) for _, to in self.ends]
        self.streams = [Stream(frm, to.ip, 4000, interval)
                        for frm, to in self.ends]

    def stop(self):
        """Every datagram arrived, in order."""
        for stream in self.streams:
            stream.stop()
        for stream, sink in zip(self.streams, self.sinks):
            assert stream.refused == 0
            wanted = len(stream.times)
            try:
                wait_until(lambda: len(sink.packets()) >= wanted, 5, "all")
            except AssertionError:
                pass
            got = [i for _, i in sink.packets()]
            lost = sorted(set(range(wanted)) - set(got))
            assert not lost, f"{len(lost)} of {wanted} lost: {lost[:20]}"
            assert got == list(range(wanted))
            sink.close()
            stream.socket.close()


def spis(host, peer):
    return {s.spi for s in host.states(peer)}


def rekeyed(host, peer, times, timeout=40):
    """Waits until so many new SAs have been seen."""
    seen = set(spis(host, peer))

    def enough():
        seen.update(spis(host, peer))
        return len(seen) >= 2 * (times + 1)
    wait_until(enough, timeout, f"{times} rekeys, {len(seen)} SPIs so far")
    return seen


def one_pair(host, peer):
    wait_until(lambda: host.secured(peer), 10, "exactly one SA pair")


def run(net, a, b, times):
    assert None not in ping(a, b.ip, 2, interval=0.3)
    first = spis(a, b)
    assert len(first) == 2
    both = Both(a, b)
    rekeyed(a, b, times)
    both.stop()
    for host, peer in ((a, b), (b, a)):
        one_pair(host, peer)
    assert not spis(a, b) & first
    assert spis(a, b) == spis(b, a)
    assert net.capture.clear_packets(a, b) == []
    # All of it was rekeying: no second IKE_SA_INIT.
    assert len([f for f in net.capture.frames() if f.ike and
                f.ike.exchange == 34 and not f.ike.response]) == 1


@pytest.mark.seconds(12)
@pytest.mark.parametrize("secrecy", ("yes", "no"))
def test_child(lab, agents, secrecy):
    net, a, b = pair(lab, PACKETS, f"ForwardSecrecy={secrecy}\n")
    run(net, a, b, 4)


@pytest.mark.seconds(14)
def test_child_far(lab, agents):
    """What is on the way when the SAs change is half a round trip's worth."""
    net, a, b = pair(lab, PACKETS, rtt_ms=60)
    run(net, a, b, 3)


@pytest.mark.seconds(10)
def test_child_one_way(lab, agents):
    """A peer that says nothing shows by nothing that it has the new SAs."""
    net, a, b = pair(lab, PACKETS)
    assert None not in ping(a, b.ip, 2, interval=0.3)
    first = spis(a, b)
    sink = Sink(b, 4000)
    stream = Stream(a, b.ip, 4000, INTERVAL)
    rekeyed(a, b, 2)
    stream.stop()
    time.sleep(0.3)
    assert sink.packets() == [(0, i) for i in range(len(stream.times))]
    for host, peer in ((a, b), (b, a)):
        wait_until(lambda: host.secured(peer), 20, "exactly one SA pair")
    assert not spis(a, b) & first
    assert net.capture.clear_packets(a, b) == []


@pytest.mark.seconds(5)
def test_unheard(lab, agents):
    """The kernel announces a soft limit once, and nobody heard it: the next
    tacit-netd sees it, and the hard one is never reached."""
    net, a, b = lab.pair()
    a.policy("peers", "require", ChildPackets=PACKETS)
    b.policy("peers", "require")
    for host in (a, b):
        host.start_agent()
    assert None not in ping(a, b.ip, 2, interval=0.3)
    first = spis(a, b)
    sink = Sink(b, 4000)
    pid = a.agent.hang(NETD)
    stream = Stream(a, b.ip, 4000, 0.001)
    wait_until(lambda: len(sink.packets()) > PACKETS * 0.8, 10, "soft limit")
    stream.stop()
    if a.agent.pid(NETD) == pid:  # where it has not been found to hang yet
        a.agent.kill(NETD)
    a.agent.wait_replaced(NETD, pid)
    wait_until(lambda: spis(a, b).isdisjoint(first), 10, "rekeyed")
    assert len(sink.packets()) == len(stream.times)
    assert None not in ping(a, b.ip, 2)
    assert net.capture.clear_packets(a, b) == []


@pytest.mark.seconds(70)
def test_ike(lab, agents):
    """The IKE SA is rekeyed before its minute is over; the Child SAs go over to
    the new one and notice nothing. Under it the peer hears of the end."""
    net, a, b = pair(lab, ike="Lifetime=1min\n")
    assert None not in ping(a, b.ip, 2, interval=0.3)
    first = spis(a, b)

    def creates():
        return [f for f in net.capture.frames() if f.ike and
                f.ike.exchange == 36]
    both = Both(a, b, 0.02)
    wait_until(creates, 70, "CREATE_CHILD_SA")
    time.sleep(3)
    both.stop()
    assert spis(a, b) == first
    assert None not in ping(a, b.ip, 2)
    a.agent.stop()
    wait_until(lambda: b.states(a) == [], 5, "the SAs are deleted")
    assert len({f.ike.spi_i for f in net.capture.frames() if f.ike}) == 2
    assert net.capture.clear_packets(a, b) == []
