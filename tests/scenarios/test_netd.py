# SPDX-License-Identifier: LGPL-2.1-or-later
"""tacit-netd alone, with this test for an agent: what it installs, in which
order it comes and goes, and what outlives whom."""

import os
import signal
import socket
import time

import netd_client as nc
import pytest
from netd_host import Netd, between
from traffic import ping
from waiting import wait_until

KEY1, KEY2 = bytes(range(36)), bytes(range(100, 136))
KEY3, KEY4 = bytes(range(50, 86)), bytes(range(150, 186))
R1, R2 = nc.REQID_MIN + 1, nc.REQID_MIN + 2


def both(lab, level="offer", **keys):
    """Two hosts with a policy and a netd each, and an agent on both."""
    net, a, b = lab.pair()
    for host in (a, b):
        host.policy("peers", level, **keys)
        host.netd = Netd(host)
    for host in (a, b):
        host.client = host.netd.agent()
    return net, a, b


def secure(a, b, reqid=R1, spi=0x10000, keys=(KEY1, KEY2), seq=0, **options):
    """SAs on both hosts: a to b under spi, b to a under the next."""
    assert b.client.install(b.ip, a.ip, reqid, nc.esp(spi, keys[0]),
                            nc.esp(spi + 1, keys[1]), **options) == 0
    assert a.client.install(a.ip, b.ip, reqid, nc.esp(spi + 1, keys[1]),
                            nc.esp(spi, keys[0]), acquire_seq=seq,
                            **options) == 0


def test_welcome(lab):
    _, a, b = both(lab)
    c = a.client
    assert c.welcome.sockets == 0xf and len(c.welcome.fds) == 4
    assert c.welcome.flags & 0x7 == 0x7  # ESP for both, and holding
    last = c.wait(lambda r: r.kind == nc.ORPHAN)
    assert (last.reqid, last.last) == (0, 1)
    told = {r.addr.split("%")[0] for r in c.events if r.kind == nc.ADDRESS}
    assert told == set(a.addresses)
    new = a.add_addresses(1)[0]
    r = c.wait(lambda r: r.kind == nc.ADDRESS and r.addr == new)
    assert not r.gone
    assert any(p.src.startswith(new + "/") for p in a.netd.traps())
    a.ns.ip(f"address delete {new} dev lo")
    assert c.wait(lambda r: r.kind == nc.ADDRESS and r.addr == new and r.gone)
    assert not any(p.src.startswith(new + "/") for p in a.netd.traps())


@pytest.mark.parametrize("level", ["offer", "require"])
def test_first_packet(lab, level):
    """An acquire, an installation, and the packet that waited goes on."""
    keys = {"Wait": "yes"} if level == "offer" else {}
    net, a, b = both(lab, level, **keys)
    with a.ns.popen(["ping", "-c", "3", "-i", "0.3", "-W", "2", b.ip],
                    stdout=-1) as p:
        q = a.client.acquire(b.ip)
        assert q and q.local == a.ip and q.reqid == nc.TRAP_REQID
        time.sleep(0.1)
        secure(a, b, seq=q.seq)
        out = p.communicate(timeout=10)[0].decode()
    assert "3 received" in out, out
    assert net.capture.clear_packets(a, b) == []
    assert len(net.capture.esp_packets(a, b)) == 6
    assert a.secured(b) and b.secured(a)
    assert not any(s.spi == 0 and s.dst == b.ip for s in a.states())


def test_kernel_queue(lab):
    """The same without nftables: the kernel queues, and is kicked."""
    net, a, b = lab.pair()
    for host in (a, b):
        host.policy("peers", "require")
        host.netd = Netd(host, "--no-hold")
        host.client = host.netd.agent()
        assert not host.client.welcome.flags & 4
    switch = "/proc/sys/net/core/xfrm_larval_drop"
    assert a.ns.read(switch).strip() == "0"
    with a.ns.popen(["ping", "-c", "1", "-W", "2", b.ip], stdout=-1) as p:
        q = a.client.acquire(b.ip)
        time.sleep(0.1)
        secure(a, b, seq=q.seq)
        out = p.communicate(timeout=10)[0].decode()
    assert "1 received" in out, out
    rtt = float(out.rpartition("rtt")[2].split("/")[4])
    assert rtt < 190, out  # not the kernel's own timer
    assert net.capture.clear_packets(a, b) == []
    # One that hands over leaves it to the next one to put it back.
    a.netd.stop(signal.SIGUSR1)
    assert a.ns.read(switch).strip() == "0"
    a.netd.start("--no-hold").agent()
    assert a.netd.stop() == 0
    assert a.ns.read(switch).strip() == "1"
    # And an administrator's own 0 is put back as that, whether policies stood
    # when it was found, or one died in between.
    a.ns.sysctl("core.xfrm_larval_drop", 0)
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGTERM):
        a.netd.start("--no-hold").agent()
        a.netd.stop(number)
        assert a.policies()
        assert a.ns.read(switch).strip() == "0"


def test_switch_and_harden(lab):
    """A responder installs, but sends only when told."""
    net, a, b = both(lab)
    c = b.client
    assert a.client.install(a.ip, b.ip, R1, nc.esp(0x10001, KEY2),
                            nc.esp(0x10000, KEY1)) == 0
    assert c.install(b.ip, a.ip, R1, nc.esp(0x10000, KEY1),
                     nc.esp(0x10001, KEY2),
                     flags=nc.OUT_LATER | nc.IN_OPTIONAL) == 0
    p, = between(b.policies(), a.ip, b.ip)
    assert p.direction == "in" and p.templates[0].optional
    p, = between(b.policies(), b.ip, a.ip)
    assert p.direction == "out" and not p.templates[0].optional
    assert p.templates[0].reqid == R1
    with b.ns.popen(["ping", "-c", "1", "-W", "3", a.ip], stdout=-1) as ping1:
        time.sleep(0.3)
        assert net.capture.esp_packets(a, b) == []
        assert c.flow(nc.SWITCH, R1) == 0
        out = ping1.communicate(timeout=10)[0].decode()
    assert "1 received" in out, out
    assert len(net.capture.esp_packets(a, b)) == 2
    assert net.capture.clear_packets(a, b) == []
    assert c.flow(nc.HARDEN, R1, b.ip, a.ip) == 0
    p, = between(b.policies(), a.ip, b.ip)
    assert not p.templates[0].optional
    assert c.flow(nc.REMOVE_SA, R1, spi=0x10001) == 0
    assert c.flow(nc.REMOVE_SA, R1, spi=0x10001) == -2
    assert [s.spi for s in b.states()] == [0x10000]
    assert c.flow(nc.REMOVE, R1) == 0
    assert b.states() == []
    assert between(b.policies(), a.ip, b.ip) == []
    assert between(b.policies(), b.ip, a.ip) == []


@pytest.mark.parametrize("udp", (0, 4500), ids=("esp", "udp"))
@pytest.mark.parametrize("tunnel", (0, 1), ids=("transport", "tunnel"))
def test_modes(lab, tunnel, udp):
    """Tunnel mode between the two hosts, and ESP in UDP, in any combination."""
    net, a, b = both(lab, "require")
    secure(a, b, tunnel=tunnel, udp=(udp, udp))
    assert None not in ping(a, b.ip, 3)
    kinds = {f.kind for f in net.capture.esp_packets(a, b)}
    assert kinds == {"udp-esp" if udp else "esp"}
    assert net.capture.clear_packets(a, b) == []
    for host in (a, b):
        for s in host.states():
            assert s.mode == ("tunnel" if tunnel else "transport")
            assert s.encapsulated == bool(udp)
    # Rekeyed, with the policies as they are.
    secure(a, b, spi=0x20000, keys=(KEY3, KEY4), tunnel=tunnel,
           udp=(udp, udp))
    assert None not in ping(a, b.ip, 3)
    assert net.capture.clear_packets(a, b) == []
    # Adopted by the next one, tunnel or not.
    a.netd.stop(signal.SIGKILL)
    a.netd.start()
    a.client = a.netd.agent()
    o = a.client.wait(lambda r: r.kind == nc.ORPHAN)
    assert (o.reqid, o.spi_out) == (R1, 0x20000)
    assert None not in ping(a, b.ip, 2)


def test_move(lab):
    """Another port of the peer: where ESP in UDP goes, and nothing else."""
    net, a, b = both(lab)
    secure(a, b, udp=(4500, 4500))
    assert None not in ping(a, b.ip, 2)
    mark = net.capture.mark()
    assert a.client.flow(nc.MOVE, R1, udp_remote=4501) == 0
    ping(a, b.ip, 1, timeout=0.3)
    sent = [f for f in net.capture.frames(mark) if f.kind == "udp-esp" and
            f.src == a.ip]
    assert {(f.sport, f.dport) for f in sent} == {(4500, 4501)}
    assert a.client.flow(nc.MOVE, R1, udp_remote=4500) == 0
    assert None not in ping(a, b.ip, 2)


def test_one_host_network(lab):
    """A network of one host and its flow are rivals for one place."""
    net, a, b = lab.pair()
    for host, peer in ((a, b), (b, a)):
        host.policy("peer", "require", [peer.ip])
        host.netd = Netd(host)
        host.client = host.netd.agent()
    secure(a, b)
    p, = between(a.policies(), a.ip, b.ip)
    assert p.templates[0].reqid == R1
    assert None not in ping(a, b.ip, 2)
    assert a.client.flow(nc.REMOVE, R1) == 0
    out, = between(a.policies(), a.ip, b.ip)
    assert out.templates[0].reqid == nc.TRAP_REQID
    into, = between(a.policies(), b.ip, a.ip)
    assert into.templates[0].reqid == 0 and not into.templates[0].optional
    assert a.client.verdict(a.ip, b.ip, nc.BLOCK, 700) == 0
    p, = between(a.policies(), a.ip, b.ip)
    assert p.action == "block"
    a.client.idle(1.5)
    out, = between(a.policies(), a.ip, b.ip)
    assert out.templates[0].reqid == nc.TRAP_REQID
    assert net.capture.clear_packets(a, b) == []


@pytest.mark.family(6)
def test_link_local(lab):
    """The link travels with the address, and neighbour discovery is free."""
    net, a, b = lab.pair()
    for host in (a, b):
        host.policy("link", "require", ["fe80::/10"])
        host.netd = Netd(host)
        host.client = host.netd.agent()

    def link(host):
        return host.ns.call(socket.if_nametoindex, "eth0")
    with a.ns.popen(["ping", "-c", "2", "-i", "0.3", "-W", "2",
                     f"{b.link_local}%eth0"], stdout=-1) as p:
        q = a.client.acquire()
        assert q.local == f"{a.link_local}%{link(a)}"
        assert q.remote == f"{b.link_local}%{link(a)}"

        def install(host, peer, *sas):
            values = (nc.addr(host.link_local, link(host)),
                      nc.addr(peer.link_local, link(host)), R1, 0, 0, 60, 0,
                      0, 0, 0, 0, 0, 0, 0, 0, *sas, nc.addr(None),
                      nc.addr(None), b"")
            return host.client.request(nc.INSTALL, values)
        ab, ba = nc.esp(0x10000, KEY1), nc.esp(0x10001, KEY2)
        assert install(b, a, ab, ba) == 0
        assert install(a, b, ba, ab) == 0
        out = p.communicate(timeout=10)[0].decode()
    assert "2 received" in out, out
    assert net.capture.clear_packets(a, b) == []
    # Another run finds the link again.
    a.netd.stop(signal.SIGKILL)
    a.netd.start()
    a.client = a.netd.agent()
    o = a.client.wait(lambda r: r.kind == nc.ORPHAN)
    assert (o.local, o.remote) == (q.local, q.remote)


@pytest.mark.seconds(4)
def test_shunts(lab):
    net, a, b = both(lab, "offer", Wait="yes")
    c = a.client
    assert c.verdict(a.ip, b.ip, nc.CLEAR, 1500) == 0
    p, = between(a.policies(), a.ip, b.ip)
    assert p.action == "allow" and p.templates == []
    assert b.client.verdict(b.ip, a.ip, nc.CLEAR, 5000) == 0
    assert None not in ping(a, b.ip, 2)
    c.idle(2.0)
    assert between(a.policies(), a.ip, b.ip) == []
    assert c.verdict(a.ip, b.ip, nc.BLOCK, 60000) == 0
    assert {p.action for p in between(a.policies(), a.ip, b.ip) +
            between(a.policies(), b.ip, a.ip)} == {"block"}
    assert ping(a, b.ip, 1, timeout=0.5) == [None]
    assert c.verdict(a.ip, b.ip, nc.FORGET) == 0
    assert between(a.policies(), a.ip, b.ip) == []
    assert between(a.policies(), b.ip, a.ip) == []
    # A peer that appears later: its SAs end the shunt.
    assert c.verdict(a.ip, b.ip, nc.CLEAR, 60000) == 0
    mark = net.capture.mark()
    secure(a, b)
    assert None not in ping(a, b.ip, 2)
    assert net.capture.clear_packets(a, b, mark) == []


@pytest.mark.seconds(6)
def test_lifetime(lab):
    """The kernel says when an SA should be replaced, and when it has gone."""
    _, a, b = both(lab)
    assert a.client.install(a.ip, b.ip, R1, nc.esp(0x10001, KEY2),
                            nc.esp(0x10000, KEY1), soft_s=1, hard_s=3) == 0
    soft, hard = set(), set()
    while not hard:
        r = a.client.wait(lambda r: r.kind == nc.EXPIRE, 6)
        assert r, soft
        assert (r.reqid, r.local, r.remote) == (R1, a.ip, b.ip)
        (hard if r.hard else soft).add((r.spi, r.inbound))
    assert soft == {(0x10001, 1), (0x10000, 0)} and hard <= soft
    # A flow with one direction left is none.
    wait_until(lambda: not between(a.policies(), a.ip, b.ip), 3,
               "the flow's policies gone")
    assert a.states() == []
    assert a.client.flow(nc.REMOVE, R1) == -2


@pytest.mark.seconds(8)
def test_hang(lab):
    """A silent agent: offer is open, require stays closed, flows go on."""
    net, a, b = both(lab, "offer", Wait="yes")
    a.policy("closed", "require", ["10.77.0.0/16", "fd77::/16"])
    a.netd.stop()
    a.netd.start()
    a.client = a.netd.agent()
    secure(a, b)
    closed = [p for p in a.netd.traps() if not p.templates[0].optional]
    a.client.last_alive = 0  # no more heartbeat
    time.sleep(5)
    assert a.netd.traps() == closed and closed
    b.client.alive()
    assert None not in ping(a, b.ip, 2)
    a.client.alive()
    wait_until(lambda: len(a.netd.traps()) > len(closed), 2, "traps again")
    assert net.capture.clear_packets(a, b) == []


def test_one_agent(lab):
    _, a, b = both(lab)
    other = a.netd.connect()
    with pytest.raises(EOFError):
        other.receive()
    root = a.netd.connect(uid=0)
    with pytest.raises(EOFError):
        root.receive()
    assert a.client.verdict(a.ip, b.ip, nc.FORGET) == 0
    a.client.close()
    a.netd.wait_traps(False)
    a.client = a.netd.agent()
    a.netd.wait_traps()


@pytest.mark.seconds(5)
def test_newer_agent_wins_over_a_hung_one(lab):
    _, a, b = both(lab)
    a.client.last_alive = 0
    time.sleep(4.5)
    new = a.netd.agent()
    assert new.verdict(a.ip, b.ip, nc.FORGET) == 0
    with pytest.raises(EOFError):
        while True:
            a.client.receive()


@pytest.mark.seconds(9)
@pytest.mark.parametrize("reqid", [R1, R2], ids=["same-reqid", "new-reqid"])
def test_orphans(lab, reqid):
    """An agent dies under traffic; the next one takes its flow over, make
    before break."""
    net, a, b = both(lab, "require")
    secure(a, b)
    assert None not in ping(a, b.ip, 1)
    with a.ns.popen(["ping", "-i", "0.01", "-c", "600", "-W", "1", b.ip],
                    stdout=-1) as p:
        a.client.close()
        time.sleep(0.5)
        a.client = a.netd.agent()
        o = a.client.wait(lambda r: r.kind == nc.ORPHAN)
        assert (o.reqid, o.local, o.remote, o.last) == (R1, a.ip, b.ip, 1)
        assert (o.spi_in, o.spi_out) == (0x10001, 0x10000)
        # The peer first takes the new one in, as an initiator's does.
        assert b.client.install(b.ip, a.ip, R1, nc.esp(0x20000, KEY3),
                                nc.esp(0x20001, KEY4),
                                flags=nc.OUT_LATER) == 0
        assert a.client.install(a.ip, b.ip, reqid, nc.esp(0x20001, KEY4),
                                nc.esp(0x20000, KEY3)) == 0
        # The old out-SA is gone, the old in-SA stays for a while.
        assert {s.spi for s in a.states()} == {0x10001, 0x20000, 0x20001}
        time.sleep(0.3)
        # What it sent with before goes with the change.
        assert b.client.flow(nc.SWITCH, R1) == 0
        assert 0x10001 not in {s.spi for s in b.states()}
        out = p.communicate(timeout=30)[0].decode()
    assert " 0% packet loss" in out, out
    assert net.capture.clear_packets(a, b) == []
    a.client.idle(1)
    assert {s.spi for s in a.states()} == {0x20000, 0x20001}
    p, = between(a.policies(), b.ip, a.ip)
    assert p.templates[0].reqid == reqid


@pytest.mark.seconds(4)
def test_netd_dies(lab):
    """The kernel keeps what is installed; the next netd adopts what is whole,
    and takes away what is not."""
    net, a, b = both(lab, "require")
    secure(a, b)
    other = "10.0.0.99" if lab.family == 4 else "fd00::99"
    half = "10.0.0.98" if lab.family == 4 else "fd00::98"
    assert a.client.verdict(a.ip, other, nc.BLOCK, 60000) == 0
    assert a.client.install(a.ip, half, R2, nc.esp(0x30001, KEY2),
                            nc.NO_ESP, flags=nc.IN_ONLY) == 0
    a.netd.stop(signal.SIGKILL)
    assert None not in ping(a, b.ip, 2)
    a.netd.start()
    a.client = a.netd.agent()
    o = a.client.wait(lambda r: r.kind == nc.ORPHAN)
    assert (o.reqid, o.last) == (R1, 1)
    assert {s.spi for s in a.states()} == {0x10000, 0x10001}
    for gone in (other, half):
        assert between(a.policies(), a.ip, gone) == []
        assert between(a.policies(), gone, a.ip) == []
    assert None not in ping(a, b.ip, 2)
    assert a.client.flow(nc.REMOVE, R1) == 0
    assert net.capture.clear_packets(a, b) == []


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL],
                         ids=["stop", "kill"])
@pytest.mark.parametrize("level", ["offer", "require", "block"])
def test_end(lab, level, how):
    """After a stop only closed networks stay; after a crash all does, and
    the next run starts clean."""
    net, a, b = both(lab, level)
    if level != "block":
        secure(a, b)
    assert a.netd.stop(how) == (0 if how == signal.SIGTERM else -9)
    if how == signal.SIGTERM:
        assert a.states() == []
        if level == "offer":
            assert a.policies() == []
            assert not any("tacit" in t for t in a.tables())
    if level != "offer":
        assert ping(b, a.ip, 1, timeout=0.5) == [None] or \
            how == signal.SIGKILL
        mark = net.capture.mark()
        ping(a, b.ip, 1, timeout=0.5)
        assert [f for f in net.capture.frames(mark)
                if f.kind == "clear" and f.src == a.ip] == []
    a.policy("peers", "offer")
    a.netd.start()
    a.client = a.netd.agent()
    a.netd.stop()
    assert a.policies() == [] and a.states() == []


def test_foreign(lab):
    """Another keying daemon's policies, in our very places and elsewhere."""
    net, a, b = lab.pair()
    wide = "10.0.0.0/8" if lab.family == 4 else "fd00::/8"
    bits = 32 if lab.family == 4 else 128
    template = "tmpl proto esp reqid 7 mode transport"
    a.ns.ip(f"xfrm policy add src {a.ip}/{bits} dst {wide} dir out "
            f"priority 1234 {template} level use",
            f"xfrm policy add src {a.ip}/{bits} dst {b.ip}/{bits} dir out "
            f"priority 99 {template} level use",
            f"xfrm state add src {b.ip} dst {a.ip} proto esp spi 0x777 "
            "reqid 7 mode transport aead rfc4106(gcm(aes)) "
            f"0x{KEY1.hex()[:40]} 128")
    before = a.netd_free = [str(p) for p in a.policies()]
    a.policy("peers", "offer")
    a.netd = Netd(a)
    a.client = a.netd.agent()
    a.netd.wait_traps()
    assert {str(p) for p in a.policies()} >= set(before)
    # In the place of a host pair too.
    assert a.client.install(a.ip, b.ip, R1, nc.esp(0x10001, KEY2),
                            nc.esp(0x10000, KEY1)) == -17
    assert [s.spi for s in a.states()] == [0x777]
    assert a.client.verdict(a.ip, b.ip, nc.CLEAR, 5000) == -17
    a.client.close()
    a.netd.wait_traps(False)
    a.netd.stop()
    assert sorted(str(p) for p in a.policies()) == sorted(before)
    assert [s.spi for s in a.states()] == [0x777]


@pytest.mark.seconds(12)
def test_lost_acquires(lab):
    """More acquires than the kernel can tell us: all are known in the end."""
    net, a, b = both(lab, "offer")
    c = a.client
    count = 15000
    v4 = lab.family == 4
    names = [f"10.{50 + i // 62500}.{i // 250 % 250}.{i % 250 + 1}" if v4 else
             f"fd00::1:{i // 250:x}:{i % 250 + 1:x}" for i in range(count)]
    a.ns.ip(f"route add {'10.0.0.0/8' if v4 else 'fd00::/8'} dev eth0")

    def send(to):
        with a.ns.socket(2 if v4 else 10, 2) as s:
            s.setblocking(False)
            for name in to:
                try:
                    s.sendto(b"x", (name, 9))
                except OSError:
                    pass
    a.netd.process.send_signal(signal.SIGSTOP)
    send(names)
    a.netd.process.send_signal(signal.SIGCONT)
    missing = set(names)
    end = time.monotonic() + 20
    while missing and time.monotonic() < end:
        c.alive()
        r = c.receive(0.5)
        while r:
            if r.kind == nc.ACQUIRE:
                missing.discard(r.remote)
            r = c.receive(0.2)
        # The kernel forgets what nobody heard: the next packet asks again.
        send(sorted(missing)[:5000])
    assert not missing, (len(missing), a.netd.log()[-2000:])
    assert "announced more" in a.netd.log()


def test_memory(lab):
    _, a, b = both(lab)
    with open(f"/proc/{a.netd.process.pid}/smaps_rollup",
              encoding="ascii") as f:
        kb = sum(int(line.split()[1]) for line in f
                 if line.startswith("Private_"))
    print(f"private memory of tacit-netd: {kb} kB")
    if "asan" not in os.environ.get("TACIT_BUILD", ""):
        dirty = [line for line in open(
            f"/proc/{a.netd.process.pid}/smaps_rollup", encoding="ascii")
            if line.startswith("Private_Dirty")]
        assert int(dirty[0].split()[1]) < 1500
