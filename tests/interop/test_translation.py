# SPDX-License-Identifier: LGPL-2.1-or-later
"""Host a with our agent, behind a NAT; host b with libreswan, which leases
addresses."""

import pytest
from agent import AGENT
from libreswan import LibreswanHost
from nat import FIRST, Box, lease, within
from traffic import ping
from translated import everything, udp
from waiting import wait_until


class World:
    def __init__(self, lab, root, **keys):
        six = lab.family == 6
        self.b = LibreswanHost(lab, "b", root)
        self.box = Box(lab, server=self.b, start=False)
        self.a = self.box.a
        self.b.configure(
            ["fd00::/8" if six else "10.0.0.0/8"], type="tunnel", auto="add",
            negotiationshunt="passthrough", failureshunt="passthrough",
            rightmodecfgclient="yes",
            rightaddresspool="fd64::100/120" if six else
            "100.64.0.5-100.64.0.9")
        self.b.trap = False
        self.b.start()
        self.a.policy("peers", "require", **keys)
        self.a.start_agent()
        self.wait_reply()

    def wait_reply(self):
        wait_until(lambda: None not in ping(self.a, self.b.ip, 1, timeout=0.5),
                   10, "a reply")

    def wait_others(self, before):
        wait_until(lambda: not before & self.spis(), 15,
                   "the SAs before are gone")

    def spis(self):
        return {s.spi for s in self.a.states()}


@pytest.mark.quick
def test_client(lab, libreswan_root):
    """An address is asked for, given, and translated."""
    w = World(lab, libreswan_root)
    got = lease(w.a, w.b)
    assert got.startswith("fd64::" if lab.family == 6 else "100.64.0.")
    everything(w.a, w.b, got)
    for s in w.a.states():
        assert s.encapsulated and s.mode == "tunnel"
    assert within(w.box.ports(), FIRST)
    w.box.nothing_clear()


def test_lives(lab, libreswan_root):
    """After we were killed, and when we rekey; it never does: it lets leases
    expire."""
    w = World(lab, libreswan_root, ChildPackets=300)
    before = w.spis()
    pid = w.a.agent.kill(AGENT)
    w.a.agent.wait_replaced(AGENT, pid)
    w.wait_others(before)
    w.wait_reply()
    got = lease(w.a, w.b)
    before = w.spis()
    # It sends by the new SA before we can have it.
    assert ping(w.a, w.b.ip, 250, interval=0.004).count(None) <= 3
    w.wait_others(before)
    assert udp(w.a, w.b, w.b.ip) == got
    w.box.nothing_clear()
