# SPDX-License-Identifier: LGPL-2.1-or-later
"""Both hosts begin at once: both IKE SAs are made, and exactly one pair of
ESP states is left on both."""

import threading
import time

import pytest
from traffic import Pinger, ping
from waiting import wait_until

IKE_SA_INIT = 34


def pair(lab, level, **options):
    net, a, b = lab.pair(**options)
    for host in (a, b):
        host.policy("peers", level,
                    **({"Wait": "yes"} if level == "offer" else {}))
        host.start_agent()
    return net, a, b


def together(*calls):
    """Calls functions at the same time; returns their results."""
    barrier = threading.Barrier(len(calls))
    results = [None] * len(calls)

    def one(i, call):
        barrier.wait()
        results[i] = call()
    threads = [threading.Thread(target=one, args=c) for c in enumerate(calls)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return results


def initiators(net, a, b):
    """Which of the two sent an IKE_SA_INIT request."""
    return {f.src for f in net.capture.ike_packets(a, b)
            if f.ike.exchange == IKE_SA_INIT and not f.ike.response}


def check_one_pair(net, a, b, one, other):
    """one and other: the addresses of a and b between which the pair is."""
    def left():
        of_a = [s for s in a.states() if {s.src, s.dst} == {one, other}]
        of_b = [s for s in b.states() if {s.src, s.dst} == {one, other}]
        return len(of_a) == 2 and len(of_b) == 2 and \
            {(s.src, s.spi) for s in of_a} == {(s.src, s.spi) for s in of_b}
    wait_until(left, 15, f"exactly one pair of states, {one} and {other}")


@pytest.mark.seconds(4)
@pytest.mark.parametrize("level", ["offer", "require"])
@pytest.mark.parametrize("rtt_ms", [0, 20])
def test_cross_init(lab, agents, level, rtt_ms):
    net, a, b = pair(lab, level, rtt_ms=rtt_ms)
    of_a, of_b = together(lambda: ping(a, b.ip, 20), lambda: ping(b, a.ip, 20))
    assert None not in of_a and None not in of_b
    if rtt_ms:
        assert initiators(net, a, b) == {a.ip, b.ip}
    check_one_pair(net, a, b, a.ip, b.ip)
    mark = net.capture.mark()
    assert None not in ping(a, b.ip, 3) + ping(b, a.ip, 3)
    assert net.capture.clear_packets(a, b) == []
    # Both use it: one SPI in each direction.
    assert len({f.spi for f in net.capture.esp_packets(a, b, mark)}) == 2


@pytest.mark.seconds(5)
def test_many_cross_inits(lab, agents):
    """Twenty at once, over a link that delays."""
    net, a, b = lab.pair(rtt_ms=10)
    of_a, of_b = a.add_addresses(20, group=1), b.add_addresses(20, group=2)
    network = "10.1.{}.0/24" if lab.family == 4 else "fd00:1:0:{}::/64"
    a.route(network.format(2), b.ip)
    b.route(network.format(1), a.ip)
    for host in (a, b):
        host.policy("peers", "require")
        host.start_agent()
    pingers = [Pinger(a, source=s) for s in of_a] + \
        [Pinger(b, source=s) for s in of_b]
    targets = of_b + of_a

    def send(which):
        for pinger, target in which:
            pinger.send(target)
    both = list(zip(pingers, targets))
    together(lambda: send(both[:20]), lambda: send(both[20:]))
    for pinger in pingers:
        pinger.receive(5)
    assert [p.lost() for p in pingers if p.lost()] == []
    for one, other in zip(of_a, of_b):
        check_one_pair(net, a, b, one, other)
    time.sleep(0.5)
    for pinger, target in both:
        pinger.send(target)
    for pinger in pingers:
        pinger.receive(3)
        assert pinger.lost() == []
    assert net.capture.clear_packets(a, b) == []
