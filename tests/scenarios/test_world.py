# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hosts as the world has them: with no way out but their own network, with two
interfaces in one network, and with a clock that somebody sets."""

import os
import time

import pytest
from traffic import PingStream, ping
from waiting import wait_until


def both_families(lab, net, a, b):
    """All of these addresses are encrypted, from each of our own."""
    for host, other in ((a, b), (b, a)):
        for family in (4, 6):
            for source in host.own[family]:
                for address in other.own[family]:
                    assert None not in pings(host, family, address, source)
    assert net.capture.clear_packets(a, b) == []


def pings(host, family, address, source):
    before, host.lab.family = host.lab.family, family
    try:
        return ping(host, address, 2, interval=0.1, source=source)
    finally:
        host.lab.family = before


@pytest.mark.seconds(5)
@pytest.mark.family(4)  # and 6: both are in it
def test_no_default_route(lab, agents):
    """Only the network that it is in: traps stand, and peers there are
    encrypted; the rest of the world is unreachable, as it was. With a default
    route that comes later everything is as with one from the start."""
    net, a, b = lab.pair()
    a.ns.ip("route del default", "route del ::/0")
    for host in (a, b):
        host.policy("peers", "require", ["0.0.0.0/0", "::/0"])
        host.start_agent()
    assert a.agent.tacit("status")["protecting"]
    both_families(lab, net, a, b)
    far = b.add_addresses(1)[0]
    b.ns.ip("address add fd00:1::1/128 dev lo")
    b.addresses.append("fd00:1::1")
    with a.ns.socket(2, 2) as s, pytest.raises(OSError):
        s.connect((far, 9))
    a.ns.ip(f"route add default via {b.own[4][0]}",
            f"route add ::/0 via {b.own[6][0]}")
    for family, address in ((4, far), (6, "fd00:1::1")):
        assert None not in pings(a, family, address, a.own[family][0])
    assert net.capture.clear_packets(a, b) == []


@pytest.mark.seconds(7)
@pytest.mark.family(4)  # and 6: both are in it
def test_two_interfaces_in_one_network(lab, agents):
    """Wherever a packet leaves or arrives it is of a pair of addresses, each
    of which has SAs of its own; the one interface goes, and what is between
    the other addresses goes on."""
    net = lab.net()
    a = lab.host("a", net)
    b = lab.host("b", net)
    net.attach(a, 11)
    for host in (a, b):
        host.policy("peers", "require")
        host.start_agent()
    both_families(lab, net, a, b)
    ends = {frozenset((s.src, s.dst)) for s in a.states()}
    assert ends == {frozenset((x, y)) for f in (4, 6) for x in a.own[f]
                    for y in b.own[f]}
    a.ns.ip("link set eth1 down")
    both = [pings(a, f, b.own[f][0], a.own[f][0]) for f in (4, 6)]
    assert None not in both[0] + both[1]
    a.ns.ip("link set eth1 up",
            f"address replace {a.own[6][1]}/64 dev eth1 nodad")
    wait_until(lambda: None not in pings(a, 6, b.own[6][0], a.own[6][1]), 10,
               "the other interface is of use again")
    assert None not in pings(a, 4, b.own[4][0], a.own[4][1])
    assert net.capture.clear_packets(a, b) == []


@pytest.mark.seconds(10)
@pytest.mark.skipif(os.environ.get("TACIT_LAB_KIND") != "uml",
                    reason="the clock is not the lab's own")
def test_clock_steps(lab, agents):
    """A clock that was wrong is put right, by years, and back. The kernel takes
    the lifetime of an SA from that clock, and may end it: then there is another
    one in a moment, and nothing in the clear meanwhile. Set back it would keep
    them for longer: they are made anew."""
    net, a, b = lab.pair()
    cold = b.add_addresses(2)
    a.route("10.1.0.0/16" if lab.family == 4 else "fd00:1::/32", b.ip)
    for host in (a, b):
        host.policy("peers", "require")
        host.start_agent()
    assert None not in ping(a, b.ip, 2)
    stream = PingStream(a, b.ip)
    now = time.time() - time.monotonic()
    try:
        for years in (3, -2):
            old = {s.spi for s in a.states(b)}
            time.clock_settime(time.CLOCK_REALTIME, now + time.monotonic() +
                               years * 31557600)
            assert None not in ping(a, cold.pop(), 2)
            time.sleep(1.5)  # the kernel looks at a new SA after a second
            assert stream.flowing()
        # Those of before would have lived for five years longer.
        wait_until(lambda: not old & {s.spi for s in a.states()}, 12,
                   "fresh SAs")
    finally:
        time.clock_settime(time.CLOCK_REALTIME, now + time.monotonic())
    stream.stop()
    assert stream.silence() < 2
    assert net.capture.clear_packets(a, b) == []
