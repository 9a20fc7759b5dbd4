# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clients behind a box that masquerades them, with the policy that there is
without any: what begins in the clear, while IKE runs, lives on beside the lease
that comes, and what begins after it goes by that. IPv4 and IPv6."""

import hashlib
import json
import os
import socket
import threading
import time

import pytest
from agent import AGENT, NETD, SUPERVISOR
from bus import Bus, Error
from nat import Box, lease
from test_cat import theirs
from traffic import Listener, family_of, ping
from translated import stream
from waiting import wait_until

LIMIT = 256  # LIMIT_CONNECTIONS_PAIR
MINE = """
table inet mine {
	chain output {
		type filter hook output priority 0; policy accept;
		counter
	}
	chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
		oifname "eth0" counter masquerade
	}
}
"""


class Transfer:
    """A TCP connection that carries octets both ways until it is stopped; not
    one of them may be missing or another."""

    def __init__(self, client, server, port=80):
        self.listener = Listener(server, port)
        self.near = stream(client, server.ip, port, timeout=20)
        self.far, self.who = self.listener.socket.accept()
        self.far.settimeout(20)
        self.port = self.near.getsockname()[1]
        self.server_port = port
        self.running = True
        self.sent = {}
        self.got = {"near": (0, None), "far": (0, None)}
        self.errors = []
        self.ended = threading.Event()
        self.threads = [
            threading.Thread(target=self.guard, args=(f, *args), daemon=True)
            for f, *args in ((self.send, "near", self.near),
                             (self.receive, "near", self.far),
                             (self.send, "far", self.far),
                             (self.receive, "far", self.near))]
        for t in self.threads:
            t.start()

    def guard(self, f, *args):
        try:
            f(*args)
        except OSError as e:
            self.errors.append(e)

    def send(self, name, s):
        count, digest = 0, hashlib.sha256()
        while self.running:
            data = os.urandom(2000)
            s.sendall(data)
            count += len(data)
            digest.update(data)
            time.sleep(0.05)
        # The client second: nothing of it waits for its time to be over.
        if name == "near":
            self.ended.wait(20)
        s.shutdown(socket.SHUT_WR)
        self.sent[name] = count, digest.digest()

    def receive(self, name, s):
        count, digest = 0, hashlib.sha256()
        while data := s.recv(1 << 16):
            count += len(data)
            digest.update(data)
            self.got[name] = count, None
        self.got[name] = count, digest.digest()
        if name == "far":
            self.ended.set()

    def moves(self, octets=10_000):
        """It does, now, both ways."""
        before = {name: self.got[name][0] for name in ("near", "far")}
        wait_until(lambda: all(self.got[name][0] >= before[name] + octets
                               for name in before), 15, "octets")

    def stop(self):
        self.running = False
        for t in self.threads:
            t.join(20)
        assert self.errors == []
        assert self.got == self.sent
        assert all(count > 10_000 for count, _ in self.got.values())
        self.close()

    def close(self):
        for s in (self.near, self.far, self.listener):
            s.close()

    def frames(self, net, since):
        """In the clear, of this connection."""
        ports = {self.port, self.server_port}
        return [f for f in net.capture.frames()[since:]
                if f.kind == "clear" and {f.sport, f.dport} & ports]


def apart(host):
    """Policies of single connections, and elements of our sets of them."""
    return ([p for p in host.policies() if p.priority == 0x4000c0],
            [x for table in ("tacit", "tacit_hear") for x in
             elements(host, table, f"connection{host.lab.family}")])


def elements(host, table, name):
    try:
        shown = json.loads(host.ns.run("nft", "-j", "list", "set", "inet",
                                       table, name))
    except AssertionError:  # somebody has flushed it a moment ago
        return []
    return shown["nftables"][1]["set"].get("elem", [])


class Port:
    def __init__(self, host, port):
        self.listener = Listener(host, port)

    def __enter__(self):
        return self.listener.socket

    def __exit__(self, *_):
        self.listener.close()


def seen_as(client, server, port=81, source=0):
    """As whom the server sees a new connection."""
    with Port(server, port) as listener:
        with client.ns.socket(family_of(server.ip), socket.SOCK_STREAM) as s:
            s.settimeout(5)
            s.bind(("", source))
            s.connect((server.ip, port))
            there, who = listener.accept()
            there.close()
            return who[0]


def sockets(host, *several):
    bus = Bus(f"{host.agent.run_dir}/agent.sock", 65534)
    told = [bus.call("GetSocket", "h", s)[0] for s in several]
    bus.close()
    return told


def run_out(host):
    """Connections that have ended are forgotten."""
    wait_until(lambda: apart(host) == ([], []), 5, "all are forgotten")


def world(lab, clients=("a",), **keys):
    """Without a word of policy, unless there are keys of one."""
    box = Box(lab, start=False, clients=clients)
    if keys:
        box.a.policy("peers", "offer", **keys)
    return box


def got_lease(host, peer, timeout=10):
    host.agent.text("up", peer.ip)
    wait_until(lambda: host.peer_state(peer) == "secured", timeout, "secured")
    return lease(host, peer)


@pytest.mark.seconds(8)
@pytest.mark.parametrize("wait", (None, "yes"), ids=("no", "yes"))
def test_lives_on(lab, agents, wait):
    """Both ways across the coming of the lease; what it is said to be; and
    nothing is left of it when it has ended."""
    box = world(lab, **({"Wait": wait} if wait else {}))
    a, b = box.a, box.b
    a.ns.nft(MINE)
    before = theirs(a)
    transfer = Transfer(a, b)
    assert transfer.who[0] == box.outer
    # A socket with a peer is a connection, too.
    udp = a.ns.socket(family_of(b.ip), socket.SOCK_DGRAM)
    far = b.ns.socket(family_of(b.ip), socket.SOCK_DGRAM)
    far.bind(("", 4000))
    far.settimeout(5)
    udp.connect((b.ip, 4000))
    udp.send(b"first")
    for host in (b, a):
        host.start_agent()
    got = got_lease(a, b)
    assert got
    time.sleep(0.5)  # clear packets are refused from now on
    since = len(box.outside.capture.frames())
    transfer.moves()
    assert transfer.frames(box.outside, since)
    udp.send(b"second")
    assert [far.recvfrom(10)[0] for _ in range(2)] == [b"first", b"second"]
    policies, sets = apart(a)
    assert [p.action for p in policies] == ["allow"] * 4 and len(sets) == 4
    # A new one is by the lease, and in ESP alone.
    since = len(box.outside.capture.frames())
    with Port(b, 81) as listener, stream(a, b.ip, 81) as near:
        there, who = listener.accept()
        with there:
            assert who[0] == got
            new, *old = sockets(a, near, transfer.near, udp)
    assert new["State"] == "secured" and new["LeasedAddress"] == got
    for told in old:
        assert told["State"] == "clear" and not told["LeasedAddress"]
        assert "began in the clear" in told["Reason"] and not told["SPIIn"]
    assert [f for f in box.outside.capture.frames()[since:]
            if f.kind == "clear" and 81 in (f.sport, f.dport)] == []
    assert a.agent.tacit("explain", b.ip)["clear_connections"] == 2
    wait_until(lambda: a.agent.tacit("status")["clear_connections"] == 2, 5,
               "status")
    # It cannot be demanded any more that it be encrypted.
    bus = Bus(f"{a.agent.run_dir}/agent.sock", 65534)
    with pytest.raises(Error, match="began in the clear"):
        bus.call("RequireEncryption", "hsa{sv}", transfer.near, "", {})
    # What belongs to it does not make its peer be asked for SAs.
    assert elements(a, "tacit_hear", f"heard{lab.family}") == []
    transfer.moves()
    port = transfer.port
    transfer.stop()
    udp.close()
    run_out(a)
    # The same port again is another connection.
    assert seen_as(a, b, source=port) == got
    assert a.agent.tacit("explain", b.ip)["clear_connections"] == 0
    assert theirs(a) == before
    assert a.ns.counters()["XfrmInStateMismatch"] == 0


@pytest.mark.seconds(20)
def test_two_clients(lab, agents):
    """No configuration anywhere: both are served, each by a lease, beside what
    they began before; and the server asks nobody behind the box."""
    box = world(lab, clients=("a", "c"))
    a, b, (c,) = box.a, box.b, box.more
    for host in (b, a, c):
        host.start_agent()
    transfers = [Transfer(host, b, 80 + i) for i, host in enumerate((a, c))]
    ours = [got_lease(host, b) for host in (a, c)]
    assert all(ours) and len(set(ours)) == 2
    for host, got in zip((a, c), ours):
        assert seen_as(host, b, 90) == got
        assert None not in ping(host, b.ip, 2)
    def asked():
        return {f.ike.spi_i for f in box.outside.capture.frames()
                if f.kind == "ike" and f.src == b.ip and
                not f.ike.response and f.ike.exchange == 34}
    before = asked()
    end = time.monotonic() + 12
    while time.monotonic() < end:
        for transfer in transfers:
            transfer.moves()
    assert asked() == before and len(before) <= 1
    for transfer in transfers:
        transfer.stop()
    for host in (a, c):
        run_out(host)


@pytest.mark.seconds(10)
def test_crashes(lab, agents):
    """Whoever of ours dies: it goes on as it began, and what ends while nobody
    looks is forgotten by the next one."""
    box = world(lab)
    a, b = box.a, box.b
    transfer, second = Transfer(a, b), Transfer(a, b, 82)
    for host in (b, a):
        host.start_agent()
    got = got_lease(a, b)
    for name in (NETD, AGENT):
        pid = a.agent.kill(name)
        a.agent.wait_replaced(name, pid)
        transfer.moves()
        wait_until(lambda: lease_is(a, b, got), 10, f"lease after {name}")
        transfer.moves()
        assert seen_as(a, b) == got
        assert len(apart(a)[0]) == 4 and len(apart(a)[1]) == 4
        wait_until(lambda: sockets(a, transfer.near)[0]["State"] == "clear", 5,
                   "what it is said to be")
    # Somebody flushes all that is ours.
    a.ns.run("nft", "flush", "ruleset")
    a.ns.run("ip", "xfrm", "policy", "flush")
    wait_until(lambda: len(apart(a)[0]) == 4, 5, "policies")
    wait_until(lambda: len(apart(a)[1]) == 4, 5, "elements")
    transfer.moves()
    a.agent.kill(SUPERVISOR)
    wait_until(lambda: not a.ns.processes(), 10, "all are gone")
    second.stop()
    a.agent.start()
    wait_until(lambda: len(apart(a)[0]) == 2, 10, "the second is forgotten")
    transfer.moves()
    transfer.stop()
    run_out(a)
    # And by a clean stop.
    transfer = Transfer(a, b)
    assert transfer.who[0] == got
    assert a.agent.stop() == 0
    assert a.policies() == [] and not [t for t in a.tables() if "tacit" in t]
    transfer.close()


def lease_is(host, peer, address):
    try:
        return lease(host, peer) == address and \
            host.peer_state(peer) == "secured"
    except AssertionError:  # its agent does not answer yet
        return False


@pytest.mark.seconds(30)
def test_began_by_lease(lab, agents):
    """What began by a lease is never in the clear: it waits for the next one
    when its SAs have gone, and then goes on; what began in the clear does so
    in between."""
    box = world(lab, IdleTime="5s")
    a, b = box.a, box.b
    clear = Transfer(a, b, 82)
    for host in (b, a):
        host.start_agent()
    got = got_lease(a, b)
    by_lease = Transfer(a, b)
    assert by_lease.who[0] == got
    by_lease.moves()
    since = len(box.outside.capture.frames())
    b.agent.stop()
    wait_until(lambda: not a.secured(b), 5, "the SAs are gone")
    got_before = dict(by_lease.got)
    clear.moves()
    time.sleep(1)
    assert by_lease.got == got_before
    assert {p.action for p in apart(a)[0]} == {"allow"}
    assert [p.templates[0].optional for p in apart(a)[0]] == [False]
    b.start_agent()
    wait_until(lambda: lease_is(a, b, got), 25, "the lease again")
    clear.moves()
    by_lease.moves()
    # It began anew at once, without a packet that asks.
    old = {s.spi for s in a.states()}
    a.agent.text("down", b.ip)
    wait_until(lambda: lease_is(a, b, got) and
               old.isdisjoint(s.spi for s in a.states()), 15, "and again")
    by_lease.moves()
    assert by_lease.frames(box.outside, since) == []
    assert clear.frames(box.outside, since)
    policies, _ = apart(a)
    assert [p.action for p in policies] == ["allow"] * 2
    clear.stop()
    by_lease.stop()
    run_out(a)
    # Silent, it has its SAs for as long as it needs them.
    with Port(b, 83) as listener, stream(a, b.ip, 83) as near:
        there, who = listener.accept()
        assert who[0] == got
        states = {s.spi for s in a.states()}
        time.sleep(12)
        assert {s.spi for s in a.states()} == states
        near.sendall(b"still there?")
        assert there.recv(20) == b"still there?"
        there.close()
    wait_until(lambda: a.states() == [], 15, "idle")


@pytest.mark.seconds(10)
def test_too_many(lab, agents):
    """More than are kept apart: no lease is taken, and all of them go on."""
    box = world(lab)
    a, b = box.a, box.b
    with Port(b, 83) as listener:
        several = [stream(a, b.ip, 83) for _ in range(LIMIT + 1)]
        for host in (b, a):
            host.start_agent()
        wait_until(lambda: ping(a, b.ip, 1) and
                   a.peer_state(b) == "secured" and lease(a, b) == "", 20,
                   "without a lease")
        assert "INSTALL failed" in a.agent.log()
        assert apart(a) == ([], [])
        for near in several:
            far, _ = listener.accept()
            far.settimeout(5)
            near.sendall(b"hello")
            assert far.recv(10) == b"hello"
            far.close()
            near.close()
