# SPDX-License-Identifier: LGPL-2.1-or-later
"""Host a with our agent, behind a NAT; host b with libreswan, which leases
addresses."""

from libreswan import LibreswanHost
from nat import FIRST, Box, within
from traffic import ping
from translated import everything
from waiting import wait_until


def test_client(lab, libreswan_root):
    """Asked for, given, translated; and back when the client comes again."""
    six = lab.family == 6
    b = LibreswanHost(lab, "b", libreswan_root)
    box = Box(lab, server=b, start=False)
    a = box.a
    b.configure(["fd00::/8" if six else "10.0.0.0/8"], type="tunnel",
                auto="add", negotiationshunt="passthrough",
                failureshunt="passthrough", rightmodecfgclient="yes",
                rightaddresspool="fd64::100/120" if six else
                "100.64.0.5-100.64.0.9")
    b.trap = False
    b.start()
    a.policy("peers", "require")
    a.start_agent()
    wait_until(lambda: ping(a, b.ip, 1, timeout=0.5) != [None], 10, "a reply")
    peer, = a.agent.tacit("peers")
    lease = peer["leased_address"]
    assert lease.startswith("fd64::" if six else "100.64.0.")
    everything(a, b, lease)
    for s in a.states():
        assert s.encapsulated and s.mode == "tunnel"
    assert within(box.ports(), FIRST)
    box.nothing_clear()
