# SPDX-License-Identifier: LGPL-2.1-or-later
"""A host that talks to itself: never IKE, never ESP, whatever the policy."""

import os
import signal

import pytest
from agent import NETD
from traffic import Listener, connect, ping
from waiting import wait_until


@pytest.mark.seconds(2)
@pytest.mark.parametrize("level", ["offer", "require", "block"])
@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
def test_own_addresses(lab, agents, level, late):
    """Its address, a second one (there before the agent starts, or added
    after), and loopback."""
    one, other = lab.net(), lab.net()
    a = lab.host("a", one, other)
    everything = ["10.0.0.0/8", "fd00::/8"]
    a.policy("peers", level, everything,
             **({"Wait": "yes"} if level == "offer" else {}))
    if late:
        a.start_agent()
        second = a.add_addresses(1)[0]
    else:
        second = a.add_addresses(1)[0]
        a.start_agent()
    loopback = "127.0.0.1" if lab.family == 4 else "::1"
    own = [*a.own[lab.family], second]
    listener = Listener(a, 80)
    for address in (*own, loopback):
        assert None not in ping(a, address, 2, timeout=1)
        assert connect(a, address, 80, timeout=2) < 0.5
    for source in own:
        for address in own:
            assert None not in ping(a, address, source=source, timeout=1)
    listener.close()
    for net in (one, other):
        assert [f for f in net.capture.frames()
                if f.kind in ("ike", "esp", "clear")] == []
    assert a.states() == []


@pytest.mark.seconds(4)
def test_new_address_of_ours(lab, agents):
    """What is closed is closed to an address that is ours since a moment ago,
    before tacit-netd has heard of it, and stays so."""
    net, a, b = lab.pair()
    blocked, required = b.add_addresses(2)
    a.route("10.1.0.0/16" if lab.family == 4 else "fd00:1::/32", b.ip)
    a.policy("blocked", "block", [blocked])
    a.policy("required", "require", [required])
    a.start_agent()
    pid = a.agent.hang(NETD)
    new = a.add_addresses(1, 2)[0]
    b.route(new, a.ip)
    for address in (blocked, required):
        assert ping(a, address, 3, timeout=0.3, source=new) == [None] * 3
    os.kill(pid, signal.SIGCONT)
    # A policy out and in for each of the two.
    wait_until(lambda: len([p for p in a.traps() if new in p.src + p.dst]) >= 4,
               5, "policies of the new address")
    for address in (blocked, required):
        assert ping(a, address, timeout=0.3, source=new) == [None]
    # The other host has no agent, and says that to what knocks.
    assert net.capture.sent(a, (blocked, required), ("clear",)) == []
