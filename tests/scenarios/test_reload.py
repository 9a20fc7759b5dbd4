# SPDX-License-Identifier: LGPL-2.1-or-later
"""Other policies while everything runs: what changes is what is different, in
the kernel and on the wire; a bad file changes nothing; and what must never be
clear is not, on the way from one policy to the next."""

import os
import signal
import time

import pytest
from agent import AGENT, NETD
from traffic import Sink, Stream, ping
from waiting import wait_until


def only(host):
    """The network of this host alone."""
    return [f"{host.ip}/{128 if ':' in host.ip else 32}"]


def spis(a, b):
    return sorted(s.spi for s in a.states(b))


def policies(a, b):
    """What the kernel has for this peer, with its counters left out."""
    return sorted((p.direction, p.action, p.priority, str(p.templates))
                  for p in a.policies() if b.ip in (p.src.split("/")[0],
                                                    p.dst.split("/")[0]))


@pytest.mark.seconds(6)
def test_touches_only_its_own(lab, agents):
    net = lab.net()
    a = lab.host("a", net)
    same, closer, gone, asked, new = peers = [
        lab.host(name, net) for name in ("same", "closer", "gone", "asked",
                                         "new")]
    for host in peers:
        host.policy("peers", "allow")
        host.start_agent()
    a.policy("same", "require", networks=only(same))
    for host in (closer, gone, asked):
        a.policy(host.name, "offer", networks=only(host), Wait="yes")
    a.start_agent()
    secured = (same, closer, gone, asked)
    for host in secured:
        assert None not in ping(a, host.ip, 2)
        wait_until(lambda: a.peer_state(host) == "secured", 3, host.name)
    before = {h.name: (spis(a, h), policies(a, h)) for h in peers}
    sink, stream = Sink(same, 4000), Stream(a, same.ip, 4000, interval=0.005)
    mark = net.capture.mark()
    a.policy("closer", "require", networks=only(closer), ChildLifetime="1h")
    a.policy("gone", "forbid", networks=only(gone))
    a.policy("asked", "allow", networks=only(asked))
    a.policy("new", "require", networks=only(new))
    a.agent.reload()

    # Its traffic has not noticed, nor has the peer, nor the kernel.
    time.sleep(0.3)
    stream.stop()
    time.sleep(0.1)
    assert [i for _, i in sink.packets()] == list(range(len(stream.times)))
    assert net.capture.clear_packets(a, same) == []
    assert net.capture.sent(a, same, ("ike",), mark) == []
    for host in (same, closer, asked):
        assert spis(a, host) == before[host.name][0], host.name
    assert (spis(a, same), policies(a, same)) == before["same"]
    # An SA that is good enough stays.
    assert None not in ping(a, closer.ip, 1) + ping(a, asked.ip, 1)
    assert net.capture.clear_packets(a, closer, mark) == []
    # What is forbidden now is closed, and the peer is told.
    wait_until(lambda: a.states(gone) == [] and gone.states(a) == [], 3,
               "no states")
    assert None not in ping(a, gone.ip, 1)
    assert net.capture.clear_packets(a, gone, mark) != []
    # What is required now is trapped.
    assert None not in ping(a, new.ip, 1)
    assert net.capture.clear_packets(a, new, mark) == []
    assert a.secured(new)
    # Without it the SA that suffices is all that stands between.
    a.agent.tacit("status")
    closer.agent.stop()
    assert ping(a, closer.ip, 1, timeout=0.5) == [None]


@pytest.mark.seconds(4)
def test_bad_file(lab, agents):
    """Nothing has changed, in either process; it says where and what."""
    net, a, b = lab.pair()
    for host in (a, b):
        host.policy("peers", "require")
        host.start_agent()
    assert None not in ping(a, b.ip, 2)
    before = spis(a, b), policies(a, b)
    a.policy("peers", "forbid")
    a.config("policy.d/other.conf", "[Policy]\nNetworks=192.0.2.0/24\n"
             "Encryption=offer\nWait=perhaps\n")
    said = a.agent.reload(good=False)
    assert "other.conf:4" in said
    assert "other.conf:4" in a.agent.tacit("status")["warning"]
    assert (spis(a, b), policies(a, b)) == before
    assert None not in ping(a, b.ip, 2)
    assert net.capture.clear_packets(a, b) == []
    os.unlink(f"{a.agent.etc}/policy.d/other.conf")
    a.agent.reload()
    assert "other.conf" not in a.agent.tacit("status")["warning"]
    wait_until(lambda: b.states(a) == [], 3, "no states")


@pytest.mark.seconds(9)
def test_require_never_opens(lab, agents):
    """The same addresses under require, by ever other files: wider, narrower,
    under another name, inside of what is open, with a proof; a stream all the
    time, and not one packet of it clear."""
    net, a, b = lab.pair()
    b.policy("peers", "require")
    a.keys.know("b", b.keys.base64, b.ip)
    b.keys.know("a", a.keys.base64, a.ip)
    halves = ["10.0.0.0/9", "fd00::/9"]
    ways = [
        {"peers": ("require", None, {})},
        {"half": ("require", halves, {})},
        {"half": ("require", halves, {}), "peers": ("offer", None, {})},
        {"host": ("require", only(b), {}), "peers": ("forbid", None, {})},
        {"host": ("require", only(b), {"Authentication": "require"}),
         "half": ("offer", halves, {})},
        {"peers": ("require", None, {"Authentication": "require"})},
        {"peers": ("block", None, {})},
        {"peers": ("require", None, {})},
    ]

    def write(way):
        for name in os.listdir(f"{a.agent.etc}/policy.d"):
            os.unlink(f"{a.agent.etc}/policy.d/{name}")
        for name, (level, networks, keys) in way.items():
            a.policy(name, level, networks=networks, **keys)

    write(ways[0])
    for host in (a, b):
        host.start_agent()
    streams = [Stream(a, b.ip, 4000, interval=0.002),
               Stream(b, a.ip, 4000, interval=0.002)]
    for before, way in zip(ways, ways[1:]):
        if before.get("peers", "?")[0] != "block":
            wait_until(lambda: a.peer_state(b) == "secured", 5, "states")
        write(way)
        a.agent.reload()
        time.sleep(0.2)
    wait_until(lambda: ping(a, b.ip, timeout=0.3) != [None], 5, "a reply")
    for stream in streams:
        stream.stop()
    assert net.capture.clear_packets(a, b) == []


def level_of(host):
    """Of the one policy; None while the agent is being started."""
    try:
        return host.agent.tacit("policy", "list")[0]["level"]
    except AssertionError:
        return None


@pytest.mark.seconds(7)
def test_both_read_the_same(lab, agents):
    """A netd, or an agent, that starts with newer files makes the other read
    them too."""
    net, a, b = lab.pair()
    for host in (a, b):
        host.policy("peers", "offer", Wait="yes")
        host.start_agent()
    assert None not in ping(a, b.ip, 2)
    for name, level in ((NETD, "require"), (AGENT, "block")):
        a.policy("peers", level)
        pid = a.agent.pid(name)
        os.kill(pid, signal.SIGKILL)
        a.agent.wait_replaced(name, pid)
        wait_until(lambda: level_of(a) == level, 5, f"the agent's {level}")
        wait_until(lambda: any(
            p.action == "block" if level == "block" else
            p.templates and not p.templates[0].optional and
            p.priority & 0xfff < 0x200
            for p in a.policies() if p.direction == "out"), 5,
            f"netd's {level}")
    assert ping(a, b.ip, 2, timeout=0.5) == [None] * 2


@pytest.mark.seconds(5)
def test_keys(lab, agents):
    """A key that appears is asked for; a proof by one that is gone is none."""
    net, a, b = lab.pair()
    b.keys.know("a", a.keys.base64, a.ip)
    for host in (a, b):
        host.policy("peers", "require", Authentication="offer")
        host.start_agent()

    def proof():
        return a.agent.tacit("peers", b.ip)["authentication"]

    assert None not in ping(a, b.ip, 2)
    assert proof() == "null"
    a.keys.know("b", b.keys.base64, b.ip)
    a.agent.reload()
    wait_until(lambda: proof() == "signature", 5, "the proof")
    a.policy("peers", "require", Authentication="require")
    a.keys.know("b", a.keys.base64, b.ip)
    a.agent.reload()
    wait_until(lambda: a.states(b) == [], 1, "no states")
    assert ping(a, b.ip, 3, interval=0.2, timeout=0.5) == [None] * 3
    a.keys.know("b", b.keys.base64, b.ip)
    a.agent.reload()
    wait_until(lambda: ping(a, b.ip, timeout=0.3) != [None], 3, "a reply")
    assert proof() == "signature"
    assert net.capture.clear_packets(a, b) == []
