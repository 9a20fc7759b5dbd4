# SPDX-License-Identifier: LGPL-2.1-or-later
"""Host a encrypts one port and nothing else; host b with strongSwan, whose
traffic selectors have that port at one side (RFC 7296 2.9)."""

import time

import pytest
from strongswan import StrongswanHost
from test_known import pair
from traffic import Listener, connect
from waiting import wait_until

NAMED, OTHER = 9100, 8080
FLOW = 0x400200
SERVER = {"local_ts": f"dynamic[6/{NAMED}]", "remote_ts": "dynamic[6]"}
CLIENT = {"local_ts": "dynamic[6]", "remote_ts": f"dynamic[6/{NAMED}]"}
# Of our kernel's policies: direction, source port, destination port.
OURS = [("in", 0, NAMED), ("out", NAMED, 0)]
THEIRS = [("in", NAMED, 0), ("out", 0, NAMED)]


@pytest.fixture
def strongswan(strongswan_root):
    return StrongswanHost, strongswan_root


def start(lab, strongswan, child, **keys):
    net, a, b = pair(lab, strongswan, "psk",
                     policy={"Ports": f"{NAMED}/tcp"}, child=child, **keys)
    return net, a, b, [Listener(h, p) for h in (a, b) for p in (NAMED, OTHER)]


def places(host):
    return sorted((p.direction, p.sport, p.dport) for p in host.policies()
                  if p.priority == FLOW)


def ports(frames):
    return {min(f.sport, f.dport) for f in frames}


def check(net, a, b, client, server, sides):
    """One direction is in ESP, all other traffic as without."""
    wait_until(lambda: a.secured(b) and b.secured(a), 5, "SAs")
    time.sleep(0.4)
    mark = net.capture.mark()
    for _ in range(3):
        assert connect(client, server.ip, NAMED) < 0.5
    for src, dst in ((a, b), (b, a)):
        assert connect(src, dst.ip, OTHER) < 0.5
    assert len(net.capture.esp_packets(a, b, mark)) >= 12
    assert ports(net.capture.clear_packets(a, b, mark)) == {OTHER}
    assert places(a) == sides


@pytest.mark.seconds(10)
def test_server(lab, agents, strongswan):
    """It has the port: we begin, and it narrows what we ask for."""
    net, a, b, held = start(lab, strongswan, SERVER)
    assert connect(a, b.ip, NAMED) < 3
    check(net, a, b, a, b, THEIRS)
    before = {s.spi for s in a.states(b)}
    b.rekey_child()
    wait_until(lambda: not before & {s.spi for s in a.states(b)}, 10,
               "only new SAs")
    check(net, a, b, a, b, THEIRS)
    # The port of ours is no part of that, and stays closed.
    mark = net.capture.mark()
    with pytest.raises(OSError):
        connect(b, a.ip, NAMED, timeout=1)
    assert not [f for f in net.capture.sent(a, b, ("clear",), mark)
                if f.sport == NAMED]
    for thing in held:
        thing.close()


@pytest.mark.seconds(10)
def test_client(lab, agents, strongswan):
    """The port is ours: it begins, with the selectors of its policy."""
    net, a, b, held = start(lab, strongswan, CLIENT, trap=True)
    assert connect(b, a.ip, NAMED) < 5
    check(net, a, b, b, a, OURS)
    for thing in held:
        thing.close()


@pytest.mark.seconds(10)
def test_wide(lab, agents, strongswan):
    """It asks for everything, and gets our port."""
    net, a, b, held = start(lab, strongswan, {}, trap=False)
    b.initiate()
    check(net, a, b, b, a, OURS)
    for thing in held:
        thing.close()
