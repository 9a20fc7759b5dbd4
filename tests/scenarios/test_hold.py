# SPDX-License-Identifier: LGPL-2.1-or-later
"""Held packets (xfrm/hold.c), alone, on a real kernel: hold-probe in place of
tacit-netd, SAs by iproute2. a holds, b has its SAs from the start."""

import json
import os
import pathlib
import queue
import socket
import struct
import threading
import time

import pytest
from agent import BUILD
from traffic import Listener, Pinger, Sink, Stream, datagram

PROBE = os.environ.get("TACIT_HOLD_PROBE",
                       os.path.join(BUILD, "tests/lab/hold-probe"))
BIT = 12
KEY = "0x" + "42" * 20
OFFER, REQUIRE = 4711, 4712
# Not the SAs' reqid: of those with the same destination the kernel may take
# one that was made for another source (a hash collision decides).
TRAP = "tmpl proto esp reqid 1 mode transport"


class Probe:
    """hold-probe in a namespace: its events in order."""

    def __init__(self, host, wait_ms=20000, offer=OFFER, require=REQUIRE):
        self.process = host.ns.popen(
            [PROBE, str(offer), str(require), str(BIT), str(wait_ms)],
            stdin=-1, stdout=-1, text=True, bufsize=1)
        self.lines = queue.Queue()
        self.events = []
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()
        self.greeting = self.answer(("ready", "error"))

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.split())
        self.lines.put(["end"])

    def take(self, timeout):
        words = self.lines.get(timeout=timeout)
        self.events.append(words)
        return words

    def answer(self, verbs, timeout=10):
        while True:
            words = self.take(timeout)
            if words[0] in verbs + ("end",):
                return words

    def send(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")

    def order(self, *words):
        self.send(*words)
        words = self.answer(("ok", "error"))
        return words[-1] if words[0] == "error" else words[0]

    def count(self):
        self.send("count")
        words = self.answer(("count",))[1:]
        self.answer(("ok",))
        return dict(zip(words[::2], map(int, words[1::2])))

    def firsts(self):
        self.count()
        return [e[3] for e in self.events if e[0] == "first"]

    def wait_first(self, timeout=5):
        return self.answer(("first",), timeout)

    def end(self, how="quit"):
        if self.process.poll() is None:
            self.send(how)
            self.process.wait(10)
        self.thread.join()
        self.process.stdin.close()
        self.process.stdout.close()


class Bench:
    """a, whose packets are held, and b, with many addresses."""

    def __init__(self, lab, larval=1, level="use", peers=1, secured=True):
        self.net, self.a, self.b = lab.pair()
        self.capture = self.net.capture
        self.six = lab.family == 6
        self.kind = socket.AF_INET6 if self.six else socket.AF_INET
        self.any = "::" if self.six else "0.0.0.0"
        self.range = "fd00:1:0:1:: fd00:1:0:1::ffff" if self.six else \
            "10.1.1.0 10.1.1.255"
        network = "fd00:1:0:1::/64" if self.six else "10.1.1.0/24"
        self.peers = self.b.add_addresses(peers)
        self.a.route(network, self.b.ip)
        self.probes = []
        self.a.ns.sysctl("core.xfrm_larval_drop", larval)
        # The neighbour is known: what is late is our doing.
        pinger = Pinger(self.a)
        pinger.send(self.peers[0])
        pinger.receive(5)
        assert not pinger.lost()
        self.since = self.capture.mark()
        self.listener = self.a.ns.call(self.hear_acquires)
        self.a.ns.ip(f"xfrm policy add src {self.a.ip} dst {network} dir out "
                     f"priority 2000 {TRAP} level {level}")
        if secured:
            self.b.ns.ip(*(line for i in range(peers)
                           for line in self.pair(i, self.b)))
        # What hold-probe runs when it gives its verdict by itself.
        self.files = pathlib.Path(lab.dir)
        for i, p in enumerate(self.peers):
            (self.files / p).write_text("\n".join(self.pair(i, self.a)) +
                                        "\n")
        self.hook = self.files / "hook"
        self.hook.write_text(f"#!/bin/sh\nexec ip -batch {self.files}/$2\n")
        self.hook.chmod(0o755)

    @staticmethod
    def hear_acquires():
        """Without anybody the kernel would act differently."""
        s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 6)
        s.bind((0, 1))
        return s

    def pair(self, i, host):
        """SAs both ways with a peer, and the policy, on one of the hosts."""
        a, b = self.a.ip, self.peers[i]
        for src, dst, spi in ((a, b, 0x1000 + i), (b, a, 0x8000 + i)):
            yield (f"xfrm state add src {src} dst {dst} proto esp spi {spi} "
                   "reqid 7 mode transport replay-window 64 "
                   f"aead rfc4106(gcm(aes)) {KEY} 128")
        src, dst = (a, b) if host is self.a else (b, a)
        yield (f"xfrm policy add src {src} dst {dst} dir out "
               "priority 1000 tmpl proto esp reqid 7 mode transport")

    def secure(self, i=0):
        """The SAs of a with one peer."""
        self.a.ns.run("ip", "-batch", self.files / self.peers[i])

    def probe(self, ranges="offer", **kwargs):
        p = Probe(self.a, **kwargs)
        self.probes.append(p)
        assert p.greeting == ["ready"], p.greeting
        if ranges:
            assert p.order("ranges", ranges, self.range) == "ok"
        return p

    def socket(self, mark=None, buffer=None):
        s = self.a.ns.socket(self.kind, socket.SOCK_DGRAM)
        if mark is not None:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_MARK,
                         struct.pack("=I", mark))
        if buffer is not None:
            s.setsockopt(socket.SOL_SOCKET, 32, buffer)  # SO_SNDBUFFORCE
        return s

    def sets(self):
        """Elements in the table's sets: {name: number}"""
        text = self.a.ns.run("nft", "-j", "list", "table", "inet", "tacit")
        return {o["set"]["name"]: len(o["set"].get("elem", []))
                for o in json.loads(text)["nftables"] if "set" in o}

    def drains(self):
        return sum(n for name, n in self.sets().items() if "drain" in name)

    def clear(self, since=None):
        return self.capture.sent(self.a.ip, self.peers, ("clear",),
                                 self.since if since is None else since)

    def esp(self, since=None):
        return self.capture.sent(self.a.ip, self.peers, ("esp",),
                                 self.since if since is None else since)

    def close(self):
        for p in self.probes:
            p.end()
        self.listener.close()


@pytest.fixture
def bench(lab):
    made = []

    def make(**kwargs):
        made.append(Bench(lab, **kwargs))
        return made[-1]
    yield make
    for one in made:
        one.close()


def release_to_wire(t, probe):
    """Milliseconds from each release to the first ESP packet behind it."""
    result = []
    for e in probe.events:
        if e[0] == "released":
            start = int(e[1]) / 1e6
            times = [f.time for f in t.esp()
                     if f.dst == e[3] and f.time >= start]
            result += [(times[0] - start) * 1000] if times else []
    return sorted(result)


def sequence(sink):
    return [number for _, number in sink.packets()]


@pytest.mark.parametrize("larval", [0, 1])
@pytest.mark.parametrize("level", ["use", "required"])
def test_first_ping(bench, larval, level):
    t = bench(larval=larval, level=level)
    probe = t.probe("offer" if level == "use" else "require")
    assert probe.order("auto", 20, t.hook) == "ok"
    pinger = Pinger(t.a)
    for _ in range(3):
        pinger.send(t.peers[0])
        pinger.receive(0.01)
    pinger.receive(3)
    assert pinger.lost() == []
    assert t.clear() == []
    assert len(t.esp()) == 3
    assert probe.firsts() == [t.peers[0]]
    print("release to wire, ms:", release_to_wire(t, probe))


def test_burst_in_order(bench):
    """Fifty at once, then one after the other, across the release."""
    t = bench()
    probe = t.probe()
    assert probe.order("auto", 50, t.hook) == "ok"
    sink = Sink(t.b, 7000)
    sender = t.socket()
    end = time.monotonic() + 0.4
    sent = 0
    while sent < 50 or time.monotonic() < end:
        sender.sendto(datagram(0, sent), (t.peers[0], 7000))
        sent += 1
        if sent >= 50:
            time.sleep(0.0005)
    time.sleep(0.3)
    assert sequence(sink) == list(range(sent))
    assert t.clear() == []
    count = probe.count()
    assert count["held"] >= 50 and count["lost"] == 0
    print("held", count["held"], "of", sent, "passed while it drained",
          count["released"] - count["held"], "release to wire, ms:",
          release_to_wire(t, probe))
    assert t.drains() == 0


@pytest.mark.seconds(10)
def test_many_cold_peers(bench):
    t = bench(peers=200)
    probe = t.probe()
    assert probe.order("auto", 10, t.hook) == "ok"
    pinger = Pinger(t.a)
    for p in t.peers:
        pinger.send(p)
    pinger.receive(20)
    assert pinger.lost() == []
    assert t.clear() == []
    assert len(set(probe.firsts())) == 200
    times = release_to_wire(t, probe)
    print("release to wire, ms: median", times[100], "worst", times[-1])
    time.sleep(0.1)
    assert t.drains() == 0


@pytest.mark.parametrize("level", ["use", "required"])
def test_tcp(bench, level):
    """connect() to four cold peers at once, then data."""
    t = bench(peers=4, level=level)
    probe = t.probe("offer" if level == "use" else "require")
    assert probe.order("auto", 2, t.hook) == "ok"
    listener = Listener(t.b, 8000, t.any)
    sockets = [t.a.ns.socket(t.kind, socket.SOCK_STREAM) for _ in range(4)]
    start = time.perf_counter()
    times = []

    def connect(s, p):
        s.settimeout(5)
        s.connect((p, 8000))
        times.append((time.perf_counter() - start) * 1000)
    threads = [threading.Thread(target=connect, args=x)
               for x in zip(sockets, t.peers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # The hook's program takes most of it; a second is a lost SYN.
    assert len(times) == 4 and max(times) < 900
    print("connect, ms:", times)
    data = os.urandom(1 << 20)
    far, _ = listener.socket.accept()
    near = [s for s in sockets
            if s.getsockname()[:2] == far.getpeername()[:2]][0]
    sender = threading.Thread(target=near.sendall, args=(data,))
    sender.start()
    far.settimeout(10)
    got = b""
    while len(got) < len(data):
        got += far.recv(1 << 16)
    sender.join()
    assert got == data
    assert t.clear() == []


def test_conntrack(bench):
    """A foreign firewall by connection state, that drops what it does not
    know."""
    t = bench(peers=20)
    t.a.ns.nft("""
        table inet foreign {
            chain out {
                type filter hook output priority 0; policy drop;
                ct state invalid drop
                ct state established,related accept
                ct state new accept
            }
            chain in {
                type filter hook input priority 0; policy drop;
                meta l4proto esp accept
                icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
                ct state established,related accept
            }
            chain nat {
                type nat hook postrouting priority 100;
                ip daddr 192.0.2.1 masquerade
            }
        }
        """)
    probe = t.probe()
    assert probe.order("auto", 20, t.hook) == "ok"
    pinger = Pinger(t.a)
    for p in t.peers:
        pinger.send(p)
        pinger.send(p)
    pinger.receive(10)
    assert pinger.lost() == []
    assert t.clear() == []
    assert probe.count()["lost"] == 0


@pytest.mark.parametrize("mark", [0, 1 << BIT, 0xabcd, 0xffffffff])
def test_mark(bench, mark):
    """A mark, the very bit included, survives, and the packet is rerouted:
    also its ESP packet has it."""
    t = bench()
    t.a.ns.nft("""
        table inet foreign {
            counter right { }
            counter wrong { }
            chain late {
                type filter hook postrouting priority 300;
                udp dport 7000 meta mark %u counter name right
                udp dport 7000 meta mark != %u counter name wrong
                meta l4proto esp meta mark %u counter name right
                meta l4proto esp meta mark != %u counter name wrong
            }
        }
        """ % ((mark,) * 4))
    probe = t.probe()
    assert probe.order("auto", 20, t.hook) == "ok"
    sink = Sink(t.b, 7000)
    sender = t.socket(mark)
    for i in range(40):
        sender.sendto(datagram(0, i), (t.peers[0], 7000))
        time.sleep(0.002)
    time.sleep(0.3)
    assert sequence(sink) == list(range(40))
    assert t.clear() == []
    assert len(t.esp()) == 40
    assert probe.count()["held"] > 0
    counters = {o["counter"]["name"]: o["counter"]["packets"] for o in
                json.loads(t.a.ns.run("nft", "-j", "list", "counters"))
                ["nftables"] if "counter" in o}
    assert counters == {"right": 80, "wrong": 0}


def test_clear_verdict(bench):
    t = bench(secured=False)
    probe = t.probe()
    sink = Sink(t.b, 7000)
    stream = Stream(t.a, t.peers[0], 7000, interval=0.002)
    probe.wait_first()
    time.sleep(0.1)
    assert t.clear() == []
    assert probe.order("clear", t.a.ip, t.peers[0], 1500) == "ok"
    time.sleep(0.3)
    stream.stop()
    time.sleep(0.1)
    assert sequence(sink) == list(range(len(stream.times)))
    assert t.esp() == []
    count = probe.count()
    assert count["cleared"] >= count["held"] > 0
    assert t.sets()["clear6" if t.six else "clear4"] == 1
    assert t.drains() == 0
    # The lifetime ends, and it is held again.
    time.sleep(1.5)
    Stream(t.a, t.peers[0], 7000, interval=0.01).stop()
    probe.wait_first()


def test_forget(bench):
    t = bench(secured=False)
    probe = t.probe()
    assert probe.order("clear", t.a.ip, t.peers[0], 60000) == "ok"
    # Renewed, not refused.
    assert probe.order("clear", t.a.ip, t.peers[0], 50000) == "ok"
    pinger = Pinger(t.a)
    pinger.send(t.peers[0])
    pinger.receive(1)
    assert pinger.lost() == [] and probe.firsts() == []
    assert probe.order("forget", t.a.ip, t.peers[0]) == "ok"
    assert probe.order("forget", t.a.ip, t.peers[0]) == "ok"
    pinger.send(t.peers[0])
    probe.wait_first()
    assert probe.count()["refused"] == 0


def test_offer_time_limit(bench):
    """No verdict: in the clear after the wait, all of it; a verdict that
    comes later is heard."""
    t = bench(secured=False)
    probe = t.probe(wait_ms=200)
    sink = Sink(t.b, 7000)
    stream = Stream(t.a, t.peers[0], 7000, interval=0.005)
    probe.wait_first()
    time.sleep(0.6)
    clear = t.clear()
    assert 0.19 < clear[0].time - stream.times[0] < 0.35
    count = probe.count()
    assert 0 < count["timed_out"] <= count["cleared"]
    assert len(probe.firsts()) == 1
    t.b.ns.ip(*t.pair(0, t.b))
    t.secure()
    assert probe.order("release", t.a.ip, t.peers[0]) == "ok"
    since = t.capture.mark()
    time.sleep(0.2)
    stream.stop()
    time.sleep(0.1)
    assert sequence(sink) == list(range(len(stream.times)))
    assert t.clear(since) == [] and t.esp(since)
    assert t.sets()["clear6" if t.six else "clear4"] == 0


def test_require(bench):
    """Nothing in the clear, whatever happens."""
    t = bench(level="required")
    probe = t.probe("require")
    stream = Stream(t.a, t.peers[0], 7000, interval=0.005)
    probe.wait_first()
    assert probe.order("clear", t.a.ip, t.peers[0], 1000) == "EPERM"
    assert probe.order("drop", t.a.ip, t.peers[0]) == "ok"
    time.sleep(0.2)
    assert probe.count()["dropped"] > 0
    probe.end("quit-keep")
    time.sleep(0.2)
    stream.stop()
    assert t.clear() == [] and t.esp() == []
    assert sum(t.sets().values()) == 1


def test_require_without_policy(bench):
    """The rules alone close, too: no trap, and nobody listens."""
    t = bench()
    t.a.ns.ip("xfrm policy flush")
    probe = t.probe("require")
    stream = Stream(t.a, t.peers[0], 7000, interval=0.005)
    probe.wait_first()
    probe.process.kill()
    probe.process.wait()
    time.sleep(0.2)
    assert t.clear() == []
    # A new one takes over what is there.
    probe = t.probe("require")
    while not probe.firsts():
        time.sleep(0.01)
    probe.end("quit")
    time.sleep(0.1)
    stream.stop()
    assert t.clear() != []


def test_offer_without_listener(bench):
    t = bench(secured=False)
    probe = t.probe()
    probe.process.kill()
    probe.process.wait()
    pinger = Pinger(t.a)
    pinger.send(t.peers[0])
    pinger.receive(1)
    assert pinger.lost() == []


def test_hung_holder(bench):
    """It does not read for a while: what waits in the socket is not lost."""
    t = bench()
    probe = t.probe()
    sink = Sink(t.b, 7000)
    probe.send("sleep", 300)
    time.sleep(0.05)
    sender = t.socket(buffer=8 << 20)
    for i in range(200):
        sender.sendto(datagram(0, i), (t.peers[0], 7000))
    assert probe.answer(("ok",)) == ["ok"]
    probe.wait_first()
    t.secure()
    assert probe.order("release", t.a.ip, t.peers[0]) == "ok"
    time.sleep(0.1)
    assert sequence(sink) == list(range(200))
    assert t.clear() == []


def test_end_lets_go(bench):
    t = bench(secured=False)
    probe = t.probe()
    pinger = Pinger(t.a)
    pinger.send(t.peers[0])
    probe.wait_first()
    probe.end()
    pinger.receive(1)
    assert pinger.lost() == []
    assert "tacit" not in t.a.ns.run("nft", "list", "tables")


def test_never_held(bench):
    """IKE, DHCP, neighbour discovery, multicast, broadcast, own addresses:
    also to a destination whose packets wait."""
    t = bench(secured=False)
    t.a.ns.ip("xfrm policy flush",
              f"address add {'fd00::77' if t.six else '10.0.0.77'} dev eth0 "
              "preferred_lft 0")
    probe = t.probe(None)
    everything = ":: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" \
        if t.six else "0.0.0.0 255.255.255.255"
    assert probe.order("ranges", "require", everything) == "ok"
    scope = t.a.ns.call(socket.if_nametoindex, "eth0")

    def send(target, sport=0, dport=7000):
        with t.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            if sport:
                s.bind((t.any, sport))
            s.sendto(b"x", (target, dport, 0, scope)
                     if target.startswith("ff") else (target, dport))

    def all_of_it():
        for address in t.b.ip, t.peers[0]:
            send(address, sport=500)
            send(address, sport=4500)
            for port in (67, 68, 546, 547):
                send(address, dport=port)
        if t.six:
            targets = "::1", t.a.ip, "fd00::77", "ff02::1234"
        else:
            targets = ("127.0.0.1", t.a.ip, "10.0.0.77", "224.0.0.123",
                       "255.255.255.255", "10.0.0.255")
        for target in targets:
            send(target)
    all_of_it()
    assert probe.count()["held"] == 0
    for address in t.b.ip, t.peers[0]:
        send(address)
    all_of_it()
    # Unicast neighbour discovery goes to the very address that waits.
    t.a.ns.ip("neighbour flush dev eth0")
    all_of_it()
    t.b.ns.ip("neighbour flush dev eth0")
    since = t.capture.mark()
    quiet = t.socket()
    quiet.bind((t.any, 500))
    with t.b.ns.socket(t.kind, socket.SOCK_DGRAM) as s:
        s.sendto(b"x", (t.a.ip, 500))
    time.sleep(0.1)
    if t.six:
        assert [f for f in t.capture.sent(t.a, t.b.ip, ("nd",), since)
                if f.icmp_type == 136]
    count = probe.count()
    assert count["held"] == 2 and count["dropped"] == 0
    assert sorted(probe.firsts()) == sorted([t.b.ip, t.peers[0]])
    sent = t.capture.sent(t.a, (t.b.ip, t.peers[0]), ("clear", "ike"),
                          t.since)
    assert not [f for f in sent if f.dport == 7000 and
                f.sport not in (500, 4500)]
    assert len([f for f in sent if f.dport in (67, 68, 546, 547)]) == 24


@pytest.mark.parametrize("kind", ["offer", "require"])
def test_limits(bench, kind):
    t = bench(level="use" if kind == "offer" else "required")
    probe = t.probe(kind)
    sender = t.socket(buffer=8 << 20)
    for i in range(300):
        sender.sendto(datagram(0, i), (t.peers[0], 7000))
    time.sleep(0.2)
    count = probe.count()
    assert count["now_held"] == 256 and count["overflowed"] == 44
    assert len(t.clear()) == (44 if kind == "offer" else 0)
    sink = Sink(t.b, 7000)
    t.secure()
    assert probe.order("release", t.a.ip, t.peers[0]) == "ok"
    time.sleep(0.2)
    assert sequence(sink) == list(range(256))


def test_number_taken(bench):
    t = bench(secured=False)
    probe = t.probe()
    other = Probe(t.a)
    assert other.greeting == ["error", "EADDRINUSE"]
    other.end()
    # The first one's table is untouched.
    pinger = Pinger(t.a)
    pinger.send(t.peers[0])
    probe.wait_first()
    assert t.sets()["offer6" if t.six else "offer4"] == 1


def test_flush_ruleset(bench):
    """Somebody removes our table: we live, and have nothing to hold."""
    t = bench(secured=False)
    probe = t.probe()
    pinger = Pinger(t.a)
    pinger.send(t.peers[0])
    probe.wait_first()
    t.a.ns.nft("flush ruleset")
    assert probe.order("release", t.a.ip, t.peers[0]) == "ok"
    assert probe.order("clear", t.a.ip, t.peers[0], 1000) == "ok"
    assert probe.order("forget", t.a.ip, t.peers[0]) == "ok"
    assert probe.order("ranges", "offer", t.range) == "ENOENT"
    pinger.send(t.peers[0])
    pinger.receive(1)
    assert pinger.lost() == [0]
    assert probe.count()["refused"] > 0


@pytest.mark.parametrize("level", ["use", "required"])
def test_large_packets(bench, level):
    """Sizes that fit the route in the clear and not with ESP around."""
    t = bench(level=level)
    probe = t.probe("offer" if level == "use" else "require")
    assert probe.order("auto", 20, t.hook) == "ok"
    receiver = t.b.ns.socket(t.kind, socket.SOCK_DGRAM)
    receiver.bind((t.any, 7000))
    receiver.settimeout(2)
    sizes = [100, 1400, 1452 if t.six else 1472, 4000, 40000]
    sender = t.socket()
    for size in sizes:
        sender.sendto(b"x" * size, (t.peers[0], 7000))
    assert [len(receiver.recv(65536)) for _ in sizes] == sizes
    assert t.clear() == []


def test_late_release(bench):
    """A verdict with nothing held: what was routed before, and comes after,
    is not held anew."""
    t = bench()
    probe = t.probe()
    assert probe.order("release", t.a.ip, t.peers[0]) == "ok"
    sink = Sink(t.b, 7000)
    sender = t.socket()
    # No SA yet, so its route has no ESP: just as if it had been caught.
    sender.sendto(datagram(0, 0), (t.peers[0], 7000))
    time.sleep(0.05)
    assert probe.count()["held"] == 0
    assert probe.count()["released"] == 1
    assert t.drains() == 0
    t.secure()
    sender.sendto(datagram(0, 1), (t.peers[0], 7000))
    time.sleep(0.05)
    assert sequence(sink) == [0, 1]
    # The memory ends.
    time.sleep(2.1)
    t.a.ns.ip("xfrm state flush", f"xfrm policy delete src {t.a.ip} "
              f"dst {t.peers[0]} dir out")
    sender.sendto(datagram(0, 2), (t.peers[0], 7000))
    probe.wait_first()


def test_second_address(bench):
    """Another address of ours has SAs of its own: it waits for them."""
    t = bench()
    second = "fd00::77" if t.six else "10.0.0.77"
    network = "fd00:1:0:1::/64" if t.six else "10.1.1.0/24"
    t.a.ns.ip(f"address add {second}/{128 if t.six else 32} dev eth0"
              f"{' nodad' if t.six else ''}",
              f"xfrm policy add src {second} dst {network} dir out "
              f"priority 2000 {TRAP} level use")
    probe = t.probe()
    sink = Sink(t.b, 7000)
    senders = [t.socket(), t.socket()]
    for sender, source in zip(senders, (t.a.ip, second)):
        sender.bind((source, 0))
    for i in range(20):
        for flow in range(2):
            senders[flow].sendto(datagram(flow, i), (t.peers[0], 7000))
    assert probe.answer(("first",))[2] == t.a.ip
    assert probe.answer(("first",))[2] == second
    t.secure()
    assert probe.order("release", t.a.ip, t.peers[0]) == "ok"
    for i in range(20, 40):
        for flow in range(2):
            senders[flow].sendto(datagram(flow, i), (t.peers[0], 7000))
        time.sleep(0.001)
    time.sleep(0.1)
    assert sink.packets() == [(0, i) for i in range(40)]
    assert t.capture.sent(second, t.peers, ("clear", "esp")) == []
    assert probe.count()["now_held"] == 40
    assert probe.order("clear", second, t.peers[0], 5000) == "ok"
    time.sleep(0.1)
    assert sink.packets()[40:] == [(1, i) for i in range(40)]
    assert len(t.capture.sent(second, t.peers, ("clear",))) == 40
    assert t.clear() == [] and len(t.esp()) == 40


def test_gate(bench):
    """The SAs are in, and nothing leaves before the gate opens."""
    t = bench()
    probe = t.probe(None)
    sink = Sink(t.b, 7000)
    sender = t.socket()
    assert probe.order("gate", t.a.ip, t.peers[0]) == "ok"
    t.secure()
    for i in range(10):
        sender.sendto(datagram(0, i), (t.peers[0], 7000))
    time.sleep(0.05)
    assert t.clear() == [] and t.esp() == []
    assert len(probe.firsts()) == 10
    # Ranges that change do not open it.
    assert probe.order("ranges", "offer", t.range) == "ok"
    assert probe.order("ranges") == "ok"
    assert probe.count()["now_held"] == 10
    assert probe.order("release", t.a.ip, t.peers[0]) == "ok"
    for i in range(10, 20):
        sender.sendto(datagram(0, i), (t.peers[0], 7000))
    time.sleep(0.1)
    assert sequence(sink) == list(range(20))
    assert t.clear() == [] and len(t.esp()) == 20
    assert t.drains() == 0


def test_ranges(bench):
    """Exact to the address, adjacent ones, replaced as a whole."""
    t = bench(peers=8, secured=False)
    probe = t.probe(None)
    p = t.peers

    def held():
        """Which ones are held now; they are let go by new ranges."""
        pinger = Pinger(t.a)
        for one in p:
            pinger.send(one)
        pinger.receive(0.3)
        found = pinger.lost()
        assert probe.order("ranges") == "ok"
        pinger.receive(0.3)
        assert pinger.lost() == []
        pinger.close()
        return found
    assert held() == []
    assert probe.order("ranges", "offer", p[2], p[2], "require", p[6], p[6],
                       "offer", p[3], p[4]) == "ok"
    assert held() == [2, 3, 4, 6]
    assert held() == []
    last = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" if t.six else \
        "255.255.255.255"
    assert probe.order("ranges", "require", t.any, p[1], "offer", p[5],
                       last) == "ok"
    assert held() == [0, 1, 5, 6, 7]
    assert probe.order("ranges", "offer", p[1], p[3], "offer", p[3],
                       p[4]) == "EINVAL"
    assert probe.order("ranges", "offer", p[1], p[3], "require", p[3],
                       p[3]) == "EINVAL"
    assert probe.order("ranges", "offer", p[3], p[1]) == "EINVAL"
