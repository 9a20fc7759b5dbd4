# SPDX-License-Identifier: LGPL-2.1-or-later
"""offer with Wait=no: clear text until the SAs are up, then ESP; nothing is
delayed and nothing is lost."""

import time

import pytest
from traffic import Listener, Sink, Stream, connect, ping
from waiting import wait_until


def pair(lab, **options):
    net, a, b = lab.pair(**options)
    for host in (a, b):
        host.policy("peers", "offer", Wait="no")
        host.start_agent()
    return net, a, b


@pytest.mark.seconds(4)
def test_ping(lab, agents):
    net, a, b = pair(lab)
    first = ping(a, b.ip)
    assert first[0] is not None
    assert net.capture.clear_packets(a, b)
    wait_until(lambda: a.secured(b) and b.secured(a), 3, "states")
    # Until both have told their kernels to expect nothing else.
    wait_until(lambda: all(ping(a, b.ip)) and net.capture.frames()[-1].kind ==
               "esp", 3, "ESP")
    time.sleep(0.3)
    mark = net.capture.mark()
    assert None not in ping(a, b.ip, 5)
    assert net.capture.clear_packets(a, b, mark) == []
    assert len(net.capture.esp_packets(a, b, mark)) == 10


@pytest.mark.seconds(4)
def test_not_delayed(lab, agents):
    """On a long link the first connection takes one round trip, not three."""
    net, a, b = pair(lab, rtt_ms=100)
    net.introduce(a, b)
    listener = Listener(b, 80)
    assert connect(a, b.ip, 80) < 0.190
    listener.close()
    assert net.capture.sent(a, b, ("clear",))


@pytest.mark.seconds(5)
def test_switch_loses_nothing(lab, agents):
    """A stream both ways across the change from clear to ESP: all of it
    arrives, and there is one change only."""
    net, a, b = pair(lab, rtt_ms=10)
    sinks = Sink(b, 4000), Sink(a, 4000)
    streams = (Stream(a, b.ip, 4000, interval=0.003),
               Stream(b, a.ip, 4000, interval=0.003))
    wait_until(lambda: a.secured(b) and b.secured(a), 3, "states")
    time.sleep(1)
    for stream in streams:
        stream.stop()
    time.sleep(0.2)
    for stream, sink in zip(streams, sinks):
        got = [i for _, i in sink.packets()]
        assert sorted(got) == list(range(len(stream.times)))
    for src, dst in ((a, b), (b, a)):
        kinds = [f.kind for f in net.capture.sent(src, dst,
                                                  ("clear", "esp"))]
        assert kinds[0] == "clear" and kinds[-1] == "esp"
        assert "clear" not in kinds[kinds.index("esp"):]


@pytest.mark.seconds(3)
def test_peer_without_agent(lab, agents):
    """Nobody notices an agent whose peer has none."""
    net, a, b = lab.pair()
    a.policy("peers", "offer", Wait="no")
    a.start_agent()
    listener = Listener(b, 80)
    assert connect(a, b.ip, 80) < 0.5
    listener.close()
    assert None not in ping(a, b.ip, 5)
    assert net.capture.esp_packets(a, b) == []


@pytest.mark.seconds(3)
def test_no_configuration(lab, agents):
    """Without any file: offer and Wait=no for private networks."""
    net, a, b = lab.pair()
    for host in (a, b):
        host.start_agent()
    assert None not in ping(a, b.ip, 2)
    wait_until(lambda: a.secured(b) and b.secured(a), 3, "states")
    time.sleep(0.5)
    mark = net.capture.mark()
    assert None not in ping(a, b.ip, 3)
    assert net.capture.clear_packets(a, b, mark) == []


@pytest.mark.seconds(3)
@pytest.mark.family(6)
def test_link_local(lab, agents):
    """Link-local addresses, too: the interface belongs to them."""
    net, a, b = lab.pair()
    for host in (a, b):
        host.start_agent()
    peer = f"{b.link_local}%eth0"
    assert None not in ping(a, peer, 2)
    wait_until(lambda: a.states(b.link_local), 3, "states")
    time.sleep(0.5)
    mark = net.capture.mark()
    assert None not in ping(a, peer, 3)
    assert net.capture.clear_packets(a, b, mark) == []
