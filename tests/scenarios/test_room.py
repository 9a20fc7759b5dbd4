# SPDX-License-Identifier: LGPL-2.1-or-later
"""More peers than MaxPeers= lets: idle anonymous ones of the most crowded network
make room, and a crowd from one network displaces nobody from elsewhere."""

import socket
import time

import pytest
from traffic import Sink, datagram, family_of
from waiting import wait_until

PORT = 4000
MAX = 32
IDLE_S = 10  # LIMIT_IDLER_IDLE_S


class Sources:
    """Many addresses of one host that send to one of the other's."""

    def __init__(self, host, to):
        self.host, self.to = host, to
        self.sockets = {}

    def say(self, sources):
        for source in sources:
            if source not in self.sockets:
                s = self.host.ns.socket(family_of(source), socket.SOCK_DGRAM)
                s.bind((source, 0))
                self.sockets[source] = s
            self.sockets[source].sendto(datagram(0, 0), (self.to, PORT))

    def close(self):
        for s in self.sockets.values():
            s.close()


def networks(host, count, number):
    """So many addresses of a network of their own, a /24 or a /48."""
    new = [f"10.1.{number}.{i + 1}" if host.lab.family == 4 else
           f"fd00:1:{number}::{i + 1:x}" for i in range(count)]
    host.ns.ip(*(f"address add {x} dev lo" for x in new))
    host.addresses.extend(new)
    return new


def spis(host, peers):
    """What has them is what it was while these are the same."""
    return {(s.src, s.dst, s.spi) for s in host.states()
            if s.src in peers or s.dst in peers}


def count(host, *names):
    said = host.agent.tacit("status")
    return [said[name] for name in names]


@pytest.mark.seconds(40)
def test_crowd(lab, agents):
    net, a, b = lab.pair()
    net.introduce(a, b)
    quiet, crowd = networks(a, 6, 1), networks(a, 60, 2)
    talker, closed = networks(a, 1, 3), networks(a, 2, 4)
    late = networks(a, 1, 5)
    wide, few = ("10.1.0.0/16", "10.1.4.0/24") if lab.family == 4 else \
        ("fd00:1::/32", "fd00:1:4::/48")
    b.route(wide, a.ip)
    a.policy("peers", "offer", Wait="yes", WaitTime="10s")
    b.policy("peers", "offer")
    b.policy("closed", "require", [few])
    b.config("tacit.conf", f"[Agent]\nMaxPeers={MAX}\n")
    for host in (a, b):
        host.agent.start(debug=False)
    sink = Sink(b, PORT)
    sources = Sources(a, b.ip)
    stay = quiet + talker + closed
    sources.say(stay)
    wait_until(lambda: count(b, "secured") == [len(stay)], 10, "the first")
    time.sleep(1)  # until all is said and done
    before = spis(b, stay)
    assert len(before) == 2 * len(stay)
    end = time.monotonic() + IDLE_S + 1
    while time.monotonic() < end:
        sources.say(talker)
        time.sleep(1)

    # Of the crowd nobody is idle yet: who is too many is turned away.
    for i in range(0, len(crowd), 4):
        sources.say(crowd[i:i + 4] + talker)
        time.sleep(0.1)
    wait_until(lambda: count(b, "peers_refused")[0] > 0, 5, "it is full")
    assert spis(b, stay) == before
    secured, evicted = count(b, "secured", "peers_evicted")
    # Those whose handshakes were under way are let in.
    assert MAX <= secured < len(stay + crowd) and evicted == 0
    assert "MaxPeers=" in b.agent.tacit("status")["warning"]

    # It gives way when it is, to somebody who asks.
    end = time.monotonic() + IDLE_S + 1
    while time.monotonic() < end:
        sources.say(talker)
        time.sleep(1)
    assert count(b, "peers_evicted") == [0]
    got = len(sink.packets())
    mark = net.capture.mark()
    sources.say(late)
    wait_until(lambda: spis(b, late), 15, "the newcomer is encrypted")
    secured, evicted = count(b, "secured", "peers_evicted")
    assert secured <= MAX and evicted > 0
    wait_until(lambda: len(sink.packets()) > got, 2, "its packet")
    assert [f for f in net.capture.frames()[mark:] if f.kind == "clear" and
            f.src in late] == []
    # Who gave way was told, and everybody else is there.
    wait_until(lambda: len(a.states()) == len(b.states()) == 2 * secured, 2,
               "what is gone is gone on both sides")
    assert spis(b, stay) == before
    sources.close()
