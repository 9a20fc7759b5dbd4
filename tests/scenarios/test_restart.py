# SPDX-License-Identifier: LGPL-2.1-or-later
"""Agents that stop, die and hang, under traffic. What must hold: a peer that
was encrypted stays so (its SAs outlive the agent), a require host sends nothing
in the clear, cold or warm, and a restart brings everything back in seconds."""

import os
import signal
import time

import pytest
from agent import AGENT, NETD, SUPERVISOR
from traffic import PingStream, ping
from waiting import wait_until

LEVELS = ("offer", "require")


def protecting(host):
    try:
        return host.agent.tacit("status")["protecting"]
    except AssertionError:
        return False  # there is no agent at the moment


class Scene:
    """a pings b all the time; b has a second address that is still cold."""

    def __init__(self, lab, level):
        self.level = level
        self.net, self.a, self.b = lab.pair()
        self.cold = self.b.add_addresses(8)
        self.a.route("10.1.0.0/16" if lab.family == 4 else "fd00:1::/32",
                     self.b.ip)
        for host in (self.a, self.b):
            host.policy("peers", level,
                        **({"Wait": "yes"} if level == "offer" else {}))
            host.start_agent()
        assert None not in ping(self.a, self.b.ip, 2)
        self.wait_secured()
        self.stream = PingStream(self.a, self.b.ip)
        # Until what was held has gone its way.
        time.sleep(0.5)

    def wait_secured(self, timeout=20):
        wait_until(lambda: self.a.secured(self.b) and self.b.secured(self.a),
                   timeout, "exactly one pair of states on both hosts")

    def clear(self):
        """Clear packets, of the warm and the cold addresses."""
        return self.net.capture.clear_packets(self.a, self.b)

    def check_cold(self, timeout=10):
        """A peer that nobody has talked to yet is encrypted at once."""
        address = self.cold.pop()
        mark = self.net.capture.mark()
        wait_until(lambda: ping(self.a, address, timeout=1) != [None],
                   timeout, "a reply of the cold address")
        assert self.net.capture.clear_packets(self.a, address, mark) == []

    def finish(self, silence):
        """All is back: traffic, one pair of states, cold peers."""
        wait_until(self.stream.flowing, 20, "traffic flows again")
        # Under offer there are no traps before the two processes have met.
        for host in (self.a, self.b):
            wait_until(lambda h=host: protecting(h), 10,
                       "agent and netd have found each other")
        self.wait_secured()
        self.check_cold()
        self.stream.stop()
        assert self.stream.silence() < silence
        # Nothing is left of what was before.
        wait_until(lambda: same_states(self.a, self.b), 20,
                   "the same states on both hosts")


def same_states(a, b):
    return {(s.src, s.dst, s.spi) for s in a.states()} == \
        {(s.src, s.dst, s.spi) for s in b.states()}


@pytest.mark.seconds(8)
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("which", ["client", "server"])
def test_restart(lab, agents, level, which):
    """A clean stop and start. Under offer the traffic may be clear while
    there is no agent; under require it waits."""
    scene = Scene(lab, level)
    host = scene.a if which == "client" else scene.b
    assert host.agent.stop() == 0
    time.sleep(1)
    if level == "offer":
        assert scene.stream.flowing()
    host.start_agent()
    scene.finish(silence=6)
    if level == "require":
        assert scene.clear() == []


@pytest.mark.seconds(10)
@pytest.mark.parametrize("which", ["client", "server"])
@pytest.mark.parametrize("process", [AGENT, NETD])
def test_kill(lab, agents, which, process):
    """kill -9: it is started again, and nobody noticed: not one packet is lost.
    Under require: test_leaks.py."""
    scene = Scene(lab, "offer")
    host = scene.a if which == "client" else scene.b
    pid = host.agent.kill(process)
    host.agent.wait_replaced(process, pid)
    time.sleep(1)
    scene.finish(silence=2)
    assert scene.clear() == []
    assert scene.stream.pinger.lost() == []


@pytest.mark.seconds(14)
@pytest.mark.parametrize("which", ["client", "server"])
@pytest.mark.parametrize("process", [AGENT, NETD])
def test_hang(lab, agents, which, process):
    """SIGSTOP: a missing heartbeat is as good as a death."""
    scene = Scene(lab, "offer")
    host = scene.a if which == "client" else scene.b
    pid = host.agent.hang(process)
    host.agent.wait_replaced(process, pid)
    time.sleep(1)
    scene.finish(silence=2)
    assert scene.clear() == []


@pytest.mark.seconds(10)
@pytest.mark.parametrize("level", LEVELS)
def test_kill_supervisor(lab, agents, level):
    """All three die, and nothing starts them again: the kernel keeps what is
    installed. Who is cold goes in the clear under offer, and nowhere under
    require. The next start cleans up and takes over."""
    scene = Scene(lab, level)
    a = scene.a
    a.agent.kill(SUPERVISOR)
    wait_until(lambda: set(a.ns.processes().values()).isdisjoint(
        {"tacitd", "tacit-netd"}), 5, "no process is left")
    time.sleep(1)
    assert scene.stream.flowing()
    assert scene.clear() == []
    cold = scene.cold.pop()
    answered = ping(a, cold, 3, interval=0.3, timeout=2)
    clear = scene.net.capture.clear_packets(a, cold)
    if level == "require":
        assert answered == [None] * 3 and clear == []
    else:
        assert None not in answered
    a.start_agent()
    scene.finish(silence=2)
    assert len(scene.clear()) == len(clear)


@pytest.mark.seconds(9)
@pytest.mark.parametrize("level", LEVELS)
def test_hang_supervisor(lab, agents, level):
    """It is only needed when another one dies; what it does when it wakes up
    is its own affair, as long as nobody notices."""
    scene = Scene(lab, level)
    pid = scene.a.agent.hang(SUPERVISOR)
    time.sleep(5)
    assert scene.stream.flowing()
    scene.check_cold()
    os.kill(pid, signal.SIGCONT)
    time.sleep(1)
    agent = wait_until(lambda: scene.a.agent.pid(AGENT), 10, "an agent")
    scene.a.agent.kill(AGENT)
    scene.a.agent.wait_replaced(AGENT, agent)
    scene.finish(silence=2)
    assert scene.clear() == []


@pytest.mark.seconds(12)
@pytest.mark.parametrize("process", [AGENT, NETD])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP],
                         ids=["kill", "stop"])
@pytest.mark.parametrize("level", LEVELS)
def test_cold_meanwhile(lab, agents, level, how, process):
    """A cold peer while the agent or netd is dead or hangs: under offer it is
    reached within seconds, encrypted or not; under require never in the
    clear, and after the restart encrypted."""
    scene = Scene(lab, level)
    agent = scene.a.agent
    pid = agent.signal(process, how)
    cold = scene.cold.pop()
    wait_until(lambda: ping(scene.a, cold, timeout=0.5) != [None], 12,
               "a reply of the cold address")
    agent.wait_replaced(process, pid)
    if level == "require":
        assert scene.clear() == []
    # Packets that were just being let go wait with it.
    scene.finish(silence=6)


@pytest.mark.seconds(8)
def test_peer_vanishes(lab, agents):
    """b loses everything without a word (its SAs too, as after a power
    failure), comes back and only answers: what a sends gives it away, and the
    two talk again."""
    scene = Scene(lab, "require")
    scene.b.agent.kill(SUPERVISOR)
    scene.b.ns.ip("xfrm state flush", "xfrm policy flush")
    scene.b.start_agent()
    scene.finish(silence=5)
    assert scene.clear() == []
