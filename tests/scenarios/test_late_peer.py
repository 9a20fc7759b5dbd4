# SPDX-License-Identifier: LGPL-2.1-or-later
"""A peer whose agent appears later is encrypted from then on, and nothing is
left of the decision that it cannot."""

import time

import pytest
from traffic import Stream, ping
from waiting import wait_until


def check_nothing_left(net, a, b):
    """No clear packet any more, no pass policy, no peer that is clear."""
    time.sleep(0.3)
    mark = net.capture.mark()
    assert None not in ping(a, b.ip, 5)
    assert net.capture.clear_packets(a, b, mark) == []
    assert a.peer_state(b) == "secured"
    bits = 32 if a.lab.family == 4 else 128
    shunts = [p for p in a.policies() if not p.templates and
              p.dst == f"{b.ip}/{bits}" and p.protocol == 0]
    assert shunts == []




@pytest.mark.seconds(8)
@pytest.mark.parametrize("level_b, wait", [("offer", "yes"), ("offer", "no"),
                                           ("require", "yes"),
                                           ("allow", "yes")])
def test_late_peer(lab, agents, level_b, wait):
    """b that offers or requires begins by itself, at its first packet; b that
    only allows is asked again when a's decision has run out."""
    net, a, b = lab.pair()
    a.policy("peers", "offer", Wait=wait, WaitTime="500ms", RetryTime="2s")
    a.start_agent()
    assert ping(a, b.ip, timeout=4) != [None]
    assert net.capture.clear_packets(a, b)
    b.policy("peers", level_b,
             **({"Wait": wait} if level_b == "offer" else {}))
    b.start_agent()
    stream = Stream(a, b.ip, 4000, interval=0.05)
    backwards = None
    if level_b != "allow":
        backwards = Stream(b, a.ip, 4000, interval=0.05)
    wait_until(lambda: a.secured(b) and b.secured(a), 8, "states")
    time.sleep(1)
    for s in filter(None, (stream, backwards)):
        s.stop()
    check_nothing_left(net, a, b)


@pytest.mark.seconds(8)
def test_late_peer_require(lab, agents):
    """Under require nothing passes before, and all of it after."""
    net, a, b = lab.pair()
    a.policy("peers", "require", RetryTime="1s")
    a.start_agent()
    assert ping(a, b.ip, 3, timeout=1.5) == [None] * 3
    b.policy("peers", "allow")
    b.start_agent()
    wait_until(lambda: ping(a, b.ip, timeout=0.3) != [None], 8, "a reply")
    check_nothing_left(net, a, b)
    assert all(f.icmp_error for f in net.capture.clear_packets(a, b))
