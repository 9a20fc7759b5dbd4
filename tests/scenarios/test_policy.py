# SPDX-License-Identifier: LGPL-2.1-or-later
"""What policies say, on the wire: which of several holds, modes, and SAs that
nobody uses; and addresses and links that come and go under them."""

import time

import pytest
from traffic import PingStream, Sink, Stream, ping
from waiting import wait_until


def only(host):
    """The network of this host alone."""
    return [f"{host.ip}/{128 if ':' in host.ip else 32}"]


def proof(host, peer):
    return host.agent.tacit("peers", peer.ip)["authentication"]


@pytest.mark.seconds(4)
@pytest.mark.parametrize("names, begins", [("wide-first", "a"),
                                           ("narrow-first", "peer")])
def test_nesting(lab, agents, names, begins):
    """The most specific network holds, whatever the order of the files and
    whoever begins: around it anybody may be anonymous, in it nobody."""
    net = lab.net()
    a, known, stranger, far = (lab.host(n, net) for n in (
        "a", "known", "stranger", "far"))
    wide, narrow = ("1", "2") if names == "wide-first" else ("2", "1")
    middle = ["10.0.0.0/24", "fd00::/64"]
    a.policy(f"{wide}-all", "offer", Wait="yes")
    a.policy("3-middle", "require", networks=middle)
    a.policy(f"{narrow}-hosts", "require", Authentication="require",
             networks=only(known) + only(stranger))
    for host in (known, stranger, far):
        host.policy("peers", "require", Authentication="offer")
        host.keys.know("a", a.keys.base64, a.ip)
    a.keys.know("known", known.keys.base64, known.ip)
    for host in (a, known, stranger, far):
        host.start_agent()

    def speak(peer):
        src, dst = (a, peer) if begins == "a" else (peer, a)
        return ping(src, dst.ip, 1, timeout=2)

    assert None not in speak(known) and None not in speak(far)
    assert speak(stranger) == [None]
    assert proof(a, known) == "signature" and proof(a, far) == "null"
    assert a.agent.tacit("peers", far.ip)["policy"] == "3-middle"
    assert a.states(stranger) == []
    for peer in (known, stranger, far):
        assert net.capture.clear_packets(a, peer) == []


MODES = {  # (a, b): what comes of it
    ("any", "any"): "transport", ("any", "tunnel"): "tunnel",
    ("transport", "any"): "transport", ("tunnel", "any"): "tunnel",
    ("tunnel", "tunnel"): "tunnel", ("transport", "tunnel"): None,
    ("tunnel", "transport"): None,
}


@pytest.mark.seconds(5)
def test_modes(lab, agents):
    """Mode= on both sides; where they have none in common there is no SA, and
    that is the reason."""
    net = lab.net()
    a = lab.host("a", net)
    peers = {}
    for i, (mine, its) in enumerate(MODES):
        b = peers[mine, its] = lab.host(f"b{i}", net)
        a.policy(b.name, "require", Mode=mine, networks=only(b))
        b.policy("peers", "allow", Mode=its)
        b.start_agent()
    a.start_agent()
    for modes, b in peers.items():
        answers = ping(a, b.ip, 1, timeout=1.5)
        assert net.capture.clear_packets(a, b) == [], modes
        if MODES[modes] is None:
            assert answers == [None], modes
            assert a.agent.tacit("peers", b.ip)["reason"].startswith(
                "mode"), modes
            assert a.states(b) == [], modes
        else:
            assert None not in answers, modes
            assert {s.mode for s in a.states(b)} == {MODES[modes]}, modes


@pytest.mark.seconds(6)
def test_idle(lab, agents):
    """SAs that carry nothing go away on both sides; traffic in one direction
    keeps them, and the next packet makes new ones without being lost."""
    net, a, b = lab.pair()
    c = lab.host("c", net)
    a.policy("peers", "require", IdleTime="2s")
    for host in (b, c):
        host.policy("peers", "require")
    for host in (a, b, c):
        host.start_agent()
    assert None not in ping(a, b.ip, 1) + ping(a, c.ip, 1)
    # Nobody listens: nothing comes back but an error, and that once.
    sink, stream = Sink(c, 4000), Stream(c, a.ip, 4001, interval=0.2)
    kept = a.states(c)
    wait_until(lambda: a.states(b) == [] and b.states(a) == [], 6,
               "nothing left")
    assert a.agent.tacit("peers", b.ip)["reason"] == "idle"
    time.sleep(1.5)
    assert sorted(s.spi for s in a.states(c)) == sorted(s.spi for s in kept)
    stream.stop()
    sink.close()
    assert None not in ping(a, b.ip, 1)
    assert a.secured(b)
    assert net.capture.clear_packets(a, b) == []


@pytest.mark.seconds(4)
def test_two_links(lab, agents):
    """Two links into one network, and addresses that come and go: from each of
    them traffic is encrypted, from its first packet on; with the link it was
    on an address's SAs end, and are made anew when it is back."""
    net, a, b = lab.pair()
    net.attach(a, 77)
    second = a.own[lab.family][1]
    for host in (a, b):
        host.policy("peers", "require")
        host.start_agent()
    assert None not in ping(a, b.ip, 1)
    assert None not in ping(a, b.ip, 1, source=second)
    new, more = {4: ("10.0.0.99/24", ""), 6: ("fd00::99/64", " nodad")}[
        lab.family]
    a.ns.ip(f"address add {new} dev eth0{more}")
    new, bits = new.split("/")
    wait_until(lambda: any(p.src.split("/")[0] == new for p in a.traps()), 2,
               "a trap of the new address")
    assert None not in ping(a, b.ip, 1, source=new)
    assert len(b.states()) == 6
    a.ns.ip(f"address delete {new}/{bits} dev eth0")
    wait_until(lambda: len(a.states()) == 4, 2, "fewer states")
    stream = PingStream(a, b.ip)
    net.ns.ip("link set to-a down")
    time.sleep(0.3)
    net.ns.ip("link set to-a up")
    wait_until(stream.flowing, 8, "replies")
    stream.stop()
    assert net.capture.clear_packets(a, b) == []
