# SPDX-License-Identifier: LGPL-2.1-or-later
"""Traffic that a host only forwards passes untouched, whatever its own
policy; its own traffic is protected all the same."""

import pytest
from traffic import Listener, Sink, Stream, connect, ping
from waiting import wait_until


def routed(lab):
    """a - r - c: (wire of a, wire of c, a, r, c)"""
    one, other = lab.net(), lab.net()
    a = lab.host("a", one)
    r = lab.host("r", one, other)
    c = lab.host("c", other)
    r.ns.sysctl("ipv4.ip_forward", 1)
    r.ns.sysctl("ipv6.conf.all.forwarding", 1)
    a.ns.ip(f"route replace default via {r.own[lab.family][0]}")
    c.ns.ip(f"route replace default via {r.own[lab.family][1]}")
    return one, other, a, r, c


@pytest.mark.seconds(4)
@pytest.mark.parametrize("level", ["offer", "require", "block"])
def test_forwarded_untouched(lab, agents, level):
    one, other, a, r, c = routed(lab)
    r.policy("peers", level, **({"Wait": "yes"} if level == "offer" else {}))
    r.start_agent()
    times = ping(a, c.ip, 5) + ping(c, a.ip, 5)
    assert None not in times and max(times) < 0.3
    listener = Listener(c, 80)
    assert connect(a, c.ip, 80) < 0.5
    listener.close()
    sink = Sink(c, 4000)
    stream = Stream(a, c.ip, 4000, interval=0.002)
    wait_until(lambda: len(stream.times) >= 200, 10, "200 datagrams")
    stream.stop()
    wait_until(lambda: len(sink.packets()) == len(stream.times), 2, "all")
    assert [i for _, i in sink.packets()] == list(range(len(stream.times)))
    for net in (one, other):
        assert net.capture.kinds(a, c) == {"clear"}
        assert net.capture.kinds(c, a) == {"clear"}
        assert net.capture.kinds(r, [a, c]) == set()
    assert r.states() == []


@pytest.mark.seconds(5)
def test_forwarder_protects_itself(lab, agents):
    """The router has SAs with a; what it forwards between a and c is ESP of
    nobody's, while a's own agent protects what is for the router."""
    one, other, a, r, c = routed(lab)
    for host in (a, r):
        # c has no agent: a leaves it alone.
        host.policy("peers", "require", ["10.0.0.0/24", "fd00::/64"])
        host.policy("others", "forbid", ["10.0.1.0/24", "fd00:0:0:1::/64"])
        host.start_agent()
    assert None not in ping(a, r.own[lab.family][0], 3)
    assert None not in ping(a, c.ip, 3)
    assert one.capture.kinds(a, r) >= {"esp"}
    assert one.capture.clear_packets(a, r) == []
    assert other.capture.kinds(a, c) == {"clear"}


@pytest.mark.seconds(5)
def test_end_to_end_through_router(lab, agents):
    """Two agents with a router between them that knows nothing."""
    one, other, a, r, c = routed(lab)
    for host in (a, c):
        host.policy("peers", "require")
        host.start_agent()
    assert None not in ping(a, c.ip, 3)
    for net in (one, other):
        assert net.capture.clear_packets(a, c) == []
        assert net.capture.esp_packets(a, c)
    assert a.secured(c) and c.secured(a)
