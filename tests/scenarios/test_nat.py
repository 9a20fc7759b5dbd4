# SPDX-License-Identifier: LGPL-2.1-or-later
"""A client behind a box that masquerades it, IPv4 and IPv6: its ESP travels in
UDP, between the ports that the box has chosen."""

import time

import pytest
from agent import NETD
from nat import FIRST, SECOND, Box, lease, masquerade, within
from traffic import (Listener, Pinger, PingStream, Sink, Stream, connect,
                     ping)
from waiting import wait_until

# Otherwise each client gets an address of its own: test_cat.py.
NO = {"ClientAddressTranslation": "no"}


@pytest.mark.seconds(5)
def test_transport(lab, agents):
    box = Box(lab, **NO)
    a, b = box.a, box.b
    assert None not in ping(a, b.ip, 5, interval=0.1)
    listener = Listener(b, 80)
    assert connect(a, b.ip, 80) < 0.9
    listener.close()
    sink = Sink(b, 4000)
    stream = Stream(a, b.ip, 4000, 0.01)
    time.sleep(1)
    stream.stop()
    wait_until(lambda: len(sink.packets()) >= len(stream.times), 5, "all")
    assert sink.packets() == [(0, i) for i in range(len(stream.times))]
    box.nothing_clear()
    # In UDP, by the one port of the box, on both sides of it.
    assert within(box.ports(), FIRST) and len(set(box.ports())) == 1
    assert box.outside.capture.between(box.n, b, ("esp",)) == []
    for host, ends in ((a, {a.ip, b.ip}), (b, {b.ip, box.outer})):
        assert len(host.states()) == 2
        for s in host.states():
            assert {s.src, s.dst} == ends
            assert s.encapsulated and s.mode == "transport"


@pytest.mark.seconds(5)
def test_from_outside(lab, agents):
    """The box's mapping, once there, is good both ways."""
    box = Box(lab, **NO)
    assert None not in ping(box.a, box.b.ip, 2, interval=0.2)
    # To the box's address is to the client, as far as ESP goes.
    sink = Sink(box.a, 4000)
    stream = Stream(box.b, box.outer, 4000, 0.01)
    time.sleep(0.5)
    stream.stop()
    wait_until(lambda: len(sink.packets()) >= len(stream.times), 5, "all")
    assert sink.packets() == [(0, i) for i in range(len(stream.times))]
    box.nothing_clear()


@pytest.mark.seconds(8)
def test_rebinding(lab, agents):
    """The box gives the client another port: the server follows what is
    authentic, at the latest with the second packet."""
    box = Box(lab)
    a, b = box.a, box.b
    assert None not in ping(a, b.ip, 3, interval=0.1)
    before = {s.spi for s in a.states()}
    box.rebind()
    mark = len(box.ports())
    pinger = Pinger(a)
    for _ in range(6):
        pinger.send(b.ip)
        pinger.receive(0.3)
        time.sleep(0.2)
    pinger.receive(1)
    assert set(pinger.lost()) <= {0}, pinger.lost()
    assert within(box.ports()[mark:], SECOND)
    # The same SAs, moved.
    assert {s.spi for s in a.states()} == before
    # And IKE: what the server asks now arrives, though the client has not
    # said anything by IKE since.
    mark = len(box.ports(("ike",)))
    b.agent.text("down", lease(a, b))
    wait_until(lambda: a.states() == [] and b.states() == [], 3, "the end")
    assert within(box.ports(("ike",))[mark:], SECOND)
    box.nothing_clear()


@pytest.mark.seconds(28)
@pytest.mark.family(4)
def test_keepalive(lab, agents):
    """Twenty seconds without a word, and the mapping is still there: the
    server can begin. Both families wait at one time."""
    box = Box(lab)
    for name in ("udp_timeout", "udp_timeout_stream"):
        box.n.ns.sysctl(f"netfilter.nf_conntrack_{name}", 24)
    leases = {}
    for lab.family in (4, 6):
        assert None not in ping(box.a, box.b.ip, 2, interval=0.1)
        leases[lab.family] = lease(box.a, box.b)
    time.sleep(26)
    alive = [f for f in box.outside.capture.frames() if f.kind == "keepalive"]
    assert {f.src for f in alive} == {box.n.own[4][1], box.n.own[6][1]}
    for lab.family in (4, 6):
        assert None not in ping(box.b, leases[lab.family], 3, interval=0.2)
    assert len(set(box.ports())) == 1


@pytest.mark.seconds(12)
def test_rekey(lab, agents):
    """Through the box, too, no packet is lost."""
    box = Box(lab, ChildPackets=400)
    assert None not in ping(box.a, box.b.ip, 2, interval=0.2)
    seen = set()
    sink = Sink(box.b, 4000)
    stream = Stream(box.a, box.b.ip, 4000, 0.004)

    def enough():
        seen.update(s.spi for s in box.a.states())
        return len(seen) >= 6
    wait_until(enough, 30, "two rekeys")
    stream.stop()
    wait_until(lambda: len(sink.packets()) >= len(stream.times), 5, "all")
    assert sink.packets() == [(0, i) for i in range(len(stream.times))]
    wait_until(lambda: len(box.a.states()) == 2 and len(box.b.states()) == 2,
               15, "one SA pair")
    assert all(s.encapsulated for s in box.a.states() + box.b.states())
    box.nothing_clear()


@pytest.mark.seconds(4)
def test_server(lab, agents):
    """The server is the one inside: the box sends IKE and ESP in UDP to it, and
    whoever is outside has no need for an address."""
    box = Box(lab, start=False)
    to = f"dnat ip{'6' if lab.family == 6 else ''} to {box.a.ip}"
    box.n.ns.nft(masquerade(
        FIRST, f'iifname "eth1" udp dport {{ 500, 4500 }} {to}'))
    box.b.policy("peers", "require", ClientAddressTranslation="yes")
    box.a.policy("peers", "require")
    for host in (box.a, box.b):
        host.start_agent()
    assert None not in ping(box.b, box.outer, 3, interval=0.2)
    listener = Listener(box.a, 80)
    assert connect(box.b, box.outer, 80) < 0.9
    listener.close()
    for host in (box.a, box.b):
        assert len(host.states()) == 2
        for s in host.states():
            assert s.encapsulated and s.mode == "transport"
    assert {f.dst for f in box.outside.capture.frames()
            if f.kind == "udp-esp" and f.port == "b"} == {box.outer}
    box.nothing_clear()


@pytest.mark.seconds(5)
@pytest.mark.parametrize("which", ["client", "server"])
def test_netd_killed(lab, agents, which):
    """ESP in UDP needs a socket at its port: that outlives the process that
    opened it, and not one packet is lost while netd is started again."""
    box = Box(lab)
    host = box.a if which == "client" else box.b
    assert None not in ping(box.a, box.b.ip, 2)
    assert len(box.a.states()) == 2
    time.sleep(0.5)
    stream = PingStream(box.a, box.b.ip, interval=0.005)
    time.sleep(0.3)
    for _ in range(2):  # the next one takes it over, and leaves it, too
        pid = host.agent.kill(NETD)
        host.agent.wait_replaced(NETD, pid)
        time.sleep(1)
    stream.stop()
    assert len(stream.pinger.times) > 100
    assert stream.pinger.lost() == []
    box.nothing_clear()


FORWARD = """
table inet nat {{
	chain prerouting {{
		type nat hook prerouting priority -100;
		iifname "eth0" udp dport {{ 500, 4500 }} dnat {family} to {server}
	}}
	chain postrouting {{
		type nat hook postrouting priority 100;
		oifname "eth0" masquerade
	}}
}}
"""


@pytest.mark.seconds(6)
@pytest.mark.parametrize("keys", (NO, {}), ids=("transport", "lease"))
def test_both(lab, agents, keys):
    """The client behind one box, the server behind a port forward of another:
    neither is where the other one thinks. In tunnel mode the server would get
    packets to an address that it has not, so it leases none."""
    box = Box(lab, start=False)
    a, m = box.a, box.b
    inner = lab.net()
    inner.attach(m, 1)
    s = lab.host("s", inner)
    s.ns.ip(f"route replace default via {m.own[4][1]}",
            f"route replace ::/0 via {m.own[6][1]}")
    for name in ("ipv4.ip_forward", "ipv6.conf.all.forwarding"):
        m.ns.sysctl(name, 1)
    m.ns.nft(FORWARD.format(family="ip6" if lab.family == 6 else "ip",
                            server=s.ip))
    for host in (a, s):
        host.policy("peers", "require", **keys)
        host.start_agent()
    assert None not in ping(a, m.ip, 3, interval=0.2)
    listener = Listener(s, 80)
    assert connect(a, m.ip, 80) < 0.9
    listener.close()
    assert lease(a, m) == ""
    for host, ends in ((a, {a.ip, m.ip}), (s, {s.ip, box.outer})):
        assert len(host.states()) == 2
        for state in host.states():
            assert {state.src, state.dst} == ends
            assert state.encapsulated and state.mode == "transport"
    # From the server, by the way that the client has opened.
    assert None not in ping(s, box.outer, 2)
    for net in (box.inside, box.outside, inner):
        assert [f for f in net.capture.frames()
                if f.kind == "clear" and f.port not in "nb"] == []
    assert within(box.ports(), FIRST)
