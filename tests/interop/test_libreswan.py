# SPDX-License-Identifier: LGPL-2.1-or-later
"""Host a with our agent, host b with libreswan: anonymous, transport mode."""

import threading
import time

import pytest
from agent import AGENT, NETD, SUPERVISOR
from libreswan import LibreswanHost
from traffic import Listener, PingStream, connect, ping
from waiting import wait_until

IKE_SA_INIT, IKE_AUTH, CREATE_CHILD_SA, INFORMATIONAL = 34, 35, 36, 37
COOKIE = 16390
LEVELS = ("offer", "require")


def pair(lab, root, level="require", setup=None, **keys):
    """(net, a, b), both running."""
    net = lab.net()
    a = lab.host("a", net)
    b = LibreswanHost(lab, "b", root)
    lab.hosts.append(b)
    net.attach(b, 2)
    a.policy("peers", level, **({"Wait": "yes"} if level == "offer" else {}))
    b.configure(["10.0.0.0/8" if lab.family == 4 else "fd00::/8"], setup,
                **keys)
    b.start()
    a.start_agent()
    return net, a, b


def same_states(a, b):
    """The same ones on both hosts, one pair or several."""
    return a.states() and {(s.src, s.spi) for s in a.states()} == \
        {(s.src, s.spi) for s in b.states()}


def check_secured(net, a, b, mode="transport", several=False):
    """One pair of states (or several), and traffic through it, in ESP both
    ways and never in the clear."""
    def agree():
        if several:  # of those we send by one alone
            theirs = {(t.src, t.spi) for t in b.states()}
            return {(t.src, t.spi) for t in a.states()} <= theirs and \
                len([t for t in a.states() if t.src == a.ip]) == 1
        return same_states(a, b) and a.secured(b) and b.secured(a)
    wait_until(agree, 10, "the same states")
    time.sleep(0.4)  # until clear packets are no longer accepted
    mark = net.capture.mark()
    assert None not in ping(a, b.ip, 3)
    assert None not in ping(b, a.ip, 3)
    assert len(net.capture.sent(a, b, ("esp",), mark)) >= 6
    assert len(net.capture.sent(b, a, ("esp",), mark)) >= 6
    assert net.capture.clear_packets(a, b, mark) == []
    known = {(s.src, s.spi) for s in a.states(b)}
    seen = {(f.src, f.spi) for f in net.capture.esp_packets(a, b, mark)}
    assert seen <= known if several else seen == known
    for host in (a, b):
        for state in host.states():
            assert state.mode == mode
            assert several or state.packets >= 6
            assert state.algorithm == "rfc4106(gcm(aes))"
    assert a.peer_state(b) == "secured"


def requests(net, src, dst, exchange, since=0):
    return [f for f in net.capture.sent(src, dst, ("ike",), since)
            if f.ike.exchange == exchange and not f.ike.response]


def responses(net, src, dst, since=0):
    """The message ids of responses."""
    return {f.ike.message_id
            for f in net.capture.sent(src, dst, ("ike",), since)
            if f.ike.response}


def first_reply(one, other):
    """Libreswan loses its first packets: waits for a reply."""
    wait_until(lambda: ping(one, other.ip, timeout=1) != [None], 10,
               "a reply")


def gone(*hosts):
    return all(h.states() == [] for h in hosts)


@pytest.mark.quick
@pytest.mark.parametrize("level", LEVELS)
def test_initiate(lab, agents, libreswan_root, level):
    """Our first packet is held, and goes as ESP."""
    net, a, b = pair(lab, libreswan_root, level)
    assert None not in ping(a, b.ip, 3)
    assert net.capture.clear_packets(a, b) == []
    assert requests(net, b, a, IKE_SA_INIT) == []
    check_secured(net, a, b)


@pytest.mark.quick
@pytest.mark.parametrize("level", LEVELS)
def test_respond(lab, agents, libreswan_root, level):
    net, a, b = pair(lab, libreswan_root, level)
    first_reply(b, a)
    assert net.capture.clear_packets(a, b) == []
    assert requests(net, a, b, IKE_SA_INIT) == []
    check_secured(net, a, b)


def test_ports(lab, agents, libreswan_root):
    """One port is in the clear by both sides' policies, on either side, before
    there are SAs and beside them."""
    port, network = 9100, "10.0.0.0/8" if lab.family == 4 else "fd00::/8"
    net = lab.net()
    a = lab.host("a", net)
    b = LibreswanHost(lab, "b", libreswan_root)
    lab.hosts.append(b)
    net.attach(b, 2)
    a.policy("peers", "require")
    a.policy("open", "forbid", Ports=f"{port}/tcp")
    b.configure([network], clear=[f"{network} tcp 0 {port}",
                                  f"{network} tcp {port} 0"])
    b.start()
    a.start_agent()
    held = [Listener(h, port) for h in (a, b)]
    for _ in range(2):
        mark = net.capture.mark()
        for src, dst in ((a, b), (b, a)):
            assert connect(src, dst.ip, port) < 0.5
        assert net.capture.sent(a, b, ("ike", "esp"), mark) == []
        clear = net.capture.clear_packets(a, b, mark)
        assert clear and all(port in (f.sport, f.dport) for f in clear)
        assert None not in ping(a, b.ip, 1)
        check_secured(net, a, b)
    for thing in held:
        thing.close()


@pytest.mark.family(4)
@pytest.mark.parametrize("speaks,ike,esn", [
    ("a", "aes_gcm256-sha2_512-dh19", "no"),
    ("b", "aes_gcm256-sha2_512-dh19", "yes"),
    ("a", "aes_gcm128-sha2_256-dh20", "yes"),
    ("b", "chacha20_poly1305-sha2_384-dh31", "no"),
])
def test_algorithms(lab, agents, libreswan_root, speaks, ike, esn):
    """Where a group is not the first of ours, or of theirs, the responder
    asks for it by INVALID_KE_PAYLOAD."""
    net, a, b = pair(lab, libreswan_root, ike=ike, esn=esn)
    first_reply(*((a, b) if speaks == "a" else (b, a)))
    check_secured(net, a, b)


@pytest.mark.family(6)
def test_cookie(lab, agents, libreswan_root):
    net, a, b = pair(lab, libreswan_root, setup={"ddos_mode": "busy"})
    assert ping(a, b.ip) != [None]
    assert [f for f in net.capture.sent(b, a, ("ike",))
            if COOKIE in f.ike.notifies]
    check_secured(net, a, b)


@pytest.mark.seconds(8)
def test_together(lab, agents, libreswan_root):
    """Both begin at once."""
    net, a, b = pair(lab, libreswan_root)
    barrier = threading.Barrier(2)

    def speak(host, peer):
        barrier.wait()
        ping(host, peer.ip, timeout=1)
    threads = [threading.Thread(target=speak, args=hosts)
               for hosts in ((a, b), (b, a))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert net.capture.clear_packets(a, b) == []
    assert requests(net, a, b, IKE_SA_INIT)
    assert requests(net, b, a, IKE_SA_INIT)
    check_secured(net, a, b)


@pytest.mark.seconds(7)
@pytest.mark.parametrize("level", LEVELS)
def test_delete(lab, agents, libreswan_root, level):
    """A clean stop, ours and theirs, deletes the SAs on both sides; after the
    start all is as before, and no packet of ours is lost."""
    net, a, b = pair(lab, libreswan_root, level)
    assert ping(a, b.ip) != [None]
    check_secured(net, a, b)

    for one, other, stop, start in ((a, b, a.agent.stop, a.start_agent),
                                    (b, a, b.stop, b.start)):
        mark = net.capture.mark()
        stop()
        wait_until(lambda: gone(a, b), 5, "no states are left")
        deletes = requests(net, one, other, INFORMATIONAL, mark)
        assert deletes
        assert responses(net, other, one, mark) >= \
            {f.ike.message_id for f in deletes}
        start()
        assert None not in ping(a, b.ip, 2)
        check_secured(net, a, b)
    assert net.capture.clear_packets(a, b) == []


@pytest.mark.family(6)
@pytest.mark.seconds(6)
@pytest.mark.parametrize("speaks", ["a", "b"])
def test_liveness(lab, agents, libreswan_root, speaks):
    """Their liveness checks are answered, as initiator and as responder."""
    net, a, b = pair(lab, libreswan_root, dpddelay=1, dpdtimeout=3)
    first_reply(*((a, b) if speaks == "a" else (b, a)))
    check_secured(net, a, b)
    states = {s.spi for s in a.states()}
    mark = net.capture.mark()
    time.sleep(3.5)
    checks = requests(net, b, a, INFORMATIONAL, mark)
    ids = [f.ike.message_id for f in checks]
    assert len(ids) >= 2 and len(set(ids)) == len(ids)  # none sent again
    assert responses(net, a, b, mark) == set(ids)
    assert {s.spi for s in a.states()} == {s.spi for s in b.states()} == \
        states


@pytest.mark.seconds(8)
@pytest.mark.parametrize("process,level", [
    (AGENT, "require"), (NETD, "offer"), (SUPERVISOR, "offer")])
def test_kill_ours(lab, agents, libreswan_root, level, process):
    """kill -9: traffic goes on, in ESP."""
    net, a, b = pair(lab, libreswan_root, level)
    assert ping(a, b.ip) != [None]
    check_secured(net, a, b)
    stream = PingStream(a, b.ip)
    pid = a.agent.kill(process)
    if process == SUPERVISOR:
        time.sleep(0.5)
        a.start_agent()
    else:
        a.agent.wait_replaced(process, pid)
    time.sleep(1.5)
    wait_until(stream.flowing, 10, "traffic flows")
    stream.stop()
    assert stream.silence() < 2
    # Where libreswan missed its SAs meanwhile it has added a Child SA.
    check_secured(net, a, b, several=True)
    assert net.capture.clear_packets(a, b) == []


@pytest.mark.seconds(5)
def test_vanish_theirs(lab, agents, libreswan_root):
    """Libreswan loses everything without a word, comes back, and begins."""
    net, a, b = pair(lab, libreswan_root)
    assert ping(a, b.ip) != [None]
    check_secured(net, a, b)
    b.kill()
    b.start()
    first_reply(b, a)
    wait_until(lambda: len(a.states()) == 2, 10, "the old states are gone")
    check_secured(net, a, b)
    assert net.capture.sent(a, b, ("clear",)) == []


@pytest.mark.family(6)
@pytest.mark.seconds(48)
def test_dead_theirs(lab, agents, libreswan_root):
    """The same, and it does not begin: libreswan says nothing of unknown
    SPIs, so our liveness check has to find out, within 30 s, and its
    retransmissions take 12 s more."""
    net, a, b = pair(lab, libreswan_root)
    assert ping(a, b.ip) != [None]
    check_secured(net, a, b)
    stream = PingStream(a, b.ip)
    b.kill()
    b.start()
    wait_until(lambda: not stream.flowing(), 5, "silence")
    wait_until(stream.flowing, 45, "traffic flows again", interval=0.2)
    stream.stop()
    check_secured(net, a, b)
    assert net.capture.sent(a, b, ("clear",)) == []


@pytest.mark.seconds(18)
@pytest.mark.parametrize("rekey", ["yes", "no"])
def test_lifetime(lab, agents, libreswan_root, rekey):
    """Their lifetime ends. They rekey the Child SA, or delete it and somebody
    begins anew; traffic goes on, never in the clear."""
    net, a, b = pair(lab, libreswan_root, rekey=rekey, salifetime="10s",
                     rekeymargin="4s", rekeyfuzz="0%")
    one, other = (b, a) if rekey == "yes" else (a, b)
    first_reply(one, other)
    check_secured(net, a, b)
    first = {s.spi for s in a.states()}
    stream = PingStream(one, other.ip)
    wait_until(lambda: first.isdisjoint(s.spi for s in a.states()), 20,
               "other states")
    wait_until(stream.flowing, 10, "traffic flows")
    stream.stop()
    assert bool(requests(net, b, a, CREATE_CHILD_SA)) == (rekey == "yes")
    assert stream.silence() < 2
    assert net.capture.clear_packets(a, b) == []


@pytest.mark.parametrize("speaks", ["a", "b"])
def test_tunnel(lab, agents, libreswan_root, speaks):
    """A peer that wants a tunnel gets one, between the two hosts."""
    net, a, b = pair(lab, libreswan_root, type="tunnel")
    first_reply(*((a, b) if speaks == "a" else (b, a)))
    check_secured(net, a, b, "tunnel")
