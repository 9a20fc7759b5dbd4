# SPDX-License-Identifier: LGPL-2.1-or-later
"""A taken-over agent against tacit-netd: whatever it asks for, it gets nothing
that the configuration does not give, and the kernel stays as it is."""

import errno
import random
import struct

import netd_client as nc
import pytest
from netd_host import Netd

KEY = bytes(range(36))
R1, R2, R3 = nc.REQID_MIN + 1, nc.REQID_MIN + 2, nc.REQID_MIN + 3
SA_IN, SA_OUT = nc.esp(0x40000, KEY), nc.esp(0x40001, KEY)


class World:
    """One host, an agent with one honest flow, and every kind of network."""

    def __init__(self, lab):
        self.v4 = lab.family == 4
        _, self.a, self.b = lab.pair()
        a = self.a
        a.policy("offer", "offer", Wait="yes", Gateway="no")
        for i, level in enumerate(("require", "block", "forbid", "allow")):
            a.policy(level, level, [f"10.{20 + i}.0.0/16",
                                    f"fd{20 + i}::/16"])
        self.local, self.honest = a.ip, self.b.ip
        self.require, self.block, self.forbid, self.allow = (
            f"10.{20 + i}.0.1" if self.v4 else f"fd{20 + i}::1"
            for i in range(4))
        self.offer = "10.0.0.77" if self.v4 else "fd00::77"
        self.other_family = "fd00::77" if self.v4 else "10.0.0.77"
        # Addresses that may be leased, to whom policy says.
        self.lease = "100.64.0.5" if self.v4 else "fd74:6163:6974::5"
        a.netd = Netd(a)
        self.agent = a.netd.agent()
        assert self.agent.install(
            self.local, self.honest, R1, nc.esp(0x10000, KEY),
            nc.esp(0x10001, KEY)) == 0

    def install(self, local=None, remote=None, reqid=R2, flags=0, seq=0,
                hard=0, soft=0, sa_in=SA_IN, sa_out=SA_OUT, replaces=0,
                tunnel=0, udp=(0, 0), outer=None, lease=None, scope=b""):
        return nc.INSTALL, (nc.addr(local or self.local),
                            nc.addr(remote or self.offer), reqid, seq, flags,
                            hard, soft, 0, 0, 0, 0, replaces, tunnel, *udp,
                            sa_in, sa_out, nc.addr(outer), nc.addr(lease),
                            scope)

    def flow(self, kind, reqid, local=None, remote=None, spi=0, inbound=0,
             udp_remote=0):
        unset = (0, 0, 0, b"")
        return kind, (nc.addr(local) if local else unset,
                      nc.addr(remote) if remote else unset, reqid, spi,
                      inbound, udp_remote, 0)

    def verdict(self, remote, what, ms=1000, local=None):
        return nc.VERDICT, (nc.addr(local or self.local), nc.addr(remote),
                            what, ms)


def changed(values, **fields):
    """An esp_sa with other fields."""
    names = [n for n, _ in nc.ESP]
    return tuple(fields.get(n, v) for n, v in zip(names, values))


# name: (record, error)
HOSTILE = {
    # Opening what is closed.
    "clear-in-require": (lambda w: w.verdict(w.require, nc.CLEAR), "EPERM"),
    "clear-in-block": (lambda w: w.verdict(w.block, nc.CLEAR), "EPERM"),
    "optional-in-require": (lambda w: w.install(
        remote=w.require, flags=nc.IN_OPTIONAL), "EPERM"),
    "half-a-service": (lambda w: w.install(scope=b"\x01\x03\x06"), "EPROTO"),
    "more-than-services": (lambda w: w.install(scope=b"\x11\x03"), "EPROTO"),
    "install-in-block": (lambda w: w.install(remote=w.block), "EPERM"),
    "install-in-forbid": (lambda w: w.install(remote=w.forbid), "EPERM"),
    # Closing what is open.
    "block-in-forbid": (lambda w: w.verdict(w.forbid, nc.BLOCK), "EPERM"),
    "block-in-allow": (lambda w: w.verdict(w.allow, nc.BLOCK), "EPERM"),
    # Selectors that are nobody's or ours.
    "foreign-local": (lambda w: w.install(local=w.offer, remote=w.honest),
                      "EADDRNOTAVAIL"),
    "foreign-local-verdict": (lambda w: w.verdict(
        w.honest, nc.CLEAR, local=w.offer), "EADDRNOTAVAIL"),
    "own-remote": (lambda w: w.install(remote=w.local), "EINVAL"),
    "own-remote-verdict": (lambda w: w.verdict(w.local, nc.BLOCK), "EINVAL"),
    "loopback": (lambda w: w.install(
        remote="127.0.0.1" if w.v4 else "::1"), "EINVAL"),
    "unspecified": (lambda w: w.install(
        remote="0.0.0.0" if w.v4 else "::"), "EINVAL"),
    "multicast": (lambda w: w.verdict(
        "224.0.0.1" if w.v4 else "ff02::1", nc.CLEAR), "EINVAL"),
    "broadcast": (lambda w: w.verdict(
        "255.255.255.255" if w.v4 else "ff02::1", nc.CLEAR), "EINVAL"),
    "two-families": (lambda w: w.install(remote=w.other_family), "EPROTO"),
    "no-family": (lambda w: (nc.VERDICT, (
        (0, 0, 0, b""), (0, 0, 0, b""), nc.CLEAR, 1000)), "EPROTO"),
    "another-family": (lambda w: (nc.VERDICT, (
        (17, 0, 0, b"abcd"), (17, 0, 0, b"abcd"), nc.CLEAR, 1)), "EPROTO"),
    "scope": (lambda w: (nc.VERDICT, (
        nc.addr(w.local), nc.addr(w.offer, 5), nc.CLEAR, 1)), "EPROTO"),
    # Reqids, SPIs and flows that are not this one's.
    "reqid-below": (lambda w: w.install(reqid=nc.REQID_MIN - 1), "EPROTO"),
    "reqid-above": (lambda w: w.install(reqid=nc.REQID_MAX + 1), "EPROTO"),
    "reqid-trap": (lambda w: w.install(reqid=nc.TRAP_REQID), "EPROTO"),
    "reqid-zero": (lambda w: w.install(reqid=0), "EPROTO"),
    "reqid-foreign": (lambda w: w.install(reqid=16389), "EPROTO"),
    "reqid-of-another": (lambda w: w.install(reqid=R1), "EEXIST"),
    "second-reqid": (lambda w: w.install(remote=w.honest), "EEXIST"),
    "spi-in-taken": (lambda w: w.install(sa_in=nc.esp(0x10000, KEY)),
                     "EEXIST"),
    "spi-out-taken": (lambda w: w.install(
        remote=w.honest, reqid=R1, sa_out=nc.esp(0x10001, KEY)), "EEXIST"),
    "remove-foreign": (lambda w: w.flow(nc.REMOVE, 16389), "EPROTO"),
    "remove-trap": (lambda w: w.flow(nc.REMOVE, nc.TRAP_REQID), "EPROTO"),
    "remove-unknown": (lambda w: w.flow(nc.REMOVE, R3), "ENOENT"),
    "remove-other-hosts": (lambda w: w.flow(
        nc.REMOVE, R1, w.local, w.offer), "EEXIST"),
    "remove-sa-unknown": (lambda w: w.flow(
        nc.REMOVE_SA, R1, spi=0x50000), "ENOENT"),
    "remove-sa-direction": (lambda w: w.flow(
        nc.REMOVE_SA, R1, spi=0x10000, inbound=0), "ENOENT"),
    "remove-sa-reserved": (lambda w: w.flow(nc.REMOVE_SA, R1, spi=255),
                           "EPROTO"),
    "install-mode": (lambda w: w.install(tunnel=2), "EPROTO"),
    "install-half-udp": (lambda w: w.install(udp=(4500, 0)), "EPROTO"),
    "move-unknown": (lambda w: w.flow(nc.MOVE, R3, udp_remote=9), "ENOENT"),
    "move-other-hosts": (lambda w: w.flow(
        nc.MOVE, R1, w.local, w.offer, udp_remote=9), "EEXIST"),
    "move-nowhere": (lambda w: w.flow(nc.MOVE, R1), "EPROTO"),
    "move-not-in-udp": (lambda w: w.flow(nc.MOVE, R1, udp_remote=9),
                        "EINVAL"),
    "switch-unknown": (lambda w: w.flow(nc.SWITCH, R3), "ENOENT"),
    "harden-unknown": (lambda w: w.flow(nc.HARDEN, R3), "ENOENT"),
    # ESP to a host of the agent's choice, or for another than we are.
    "outer-of-a-host": (lambda w: w.install(tunnel=1, outer=w.allow),
                        "EPERM"),
    "outer-of-require": (lambda w: w.install(
        remote=w.require, tunnel=1, outer=w.offer), "EPERM"),
    "outer-of-world": (lambda w: w.install(
        remote="203.0.113.5" if w.v4 else "2001:db8::5", tunnel=1,
        outer=w.offer), "EPERM"),
    "outer-in-block": (lambda w: w.install(
        remote=w.lease, tunnel=1, outer=w.block), "EPERM"),
    "outer-in-forbid": (lambda w: w.install(
        remote=w.lease, tunnel=1, outer=w.forbid), "EPERM"),
    "outer-without-policy": (lambda w: w.install(
        remote=w.lease, tunnel=1,
        outer="203.0.113.5" if w.v4 else "2001:db8::5"), "EPERM"),
    "lease-in-the-clear": (lambda w: w.install(
        remote=w.lease, tunnel=1, outer=w.offer, flags=nc.IN_OPTIONAL),
        "EPERM"),
    "lease-transport-mode": (lambda w: w.install(
        remote=w.lease, outer=w.offer), "EPROTO"),
    "outer-transport": (lambda w: w.install(outer=w.allow), "EPROTO"),
    "outer-own": (lambda w: w.install(tunnel=1, outer=w.local), "EINVAL"),
    "outer-other-family": (lambda w: w.install(
        tunnel=1, outer=w.other_family), "EPROTO"),
    "lease-own": (lambda w: w.install(tunnel=1, lease=w.local), "EINVAL"),
    "lease-transport": (lambda w: w.install(lease=w.allow), "EPROTO"),
    "lease-peer": (lambda w: w.install(tunnel=1, lease=w.offer), "EPROTO"),
    "lease-of-one-that-has-none": (lambda w: w.install(
        remote=w.honest, reqid=R1, tunnel=1, lease=w.allow), "EEXIST"),
    # Fields out of their domain.
    "flags": (lambda w: w.install(flags=8), "EPROTO"),
    "flags-both": (lambda w: w.install(flags=nc.IN_ONLY | nc.OUT_LATER),
                   "EPROTO"),
    "cipher-none": (lambda w: w.install(sa_in=changed(SA_IN, cipher=0)),
                    "EPROTO"),
    "cipher-unknown": (lambda w: w.install(sa_out=changed(SA_OUT, cipher=4)),
                       "EPROTO"),
    "key-short": (lambda w: w.install(sa_in=changed(SA_IN, key_len=20)),
                  "EPROTO"),
    "key-long": (lambda w: w.install(sa_in=changed(SA_IN, key_len=255)),
                 "EPROTO"),
    "key-tail": (lambda w: w.install(sa_in=nc.esp(
        0x40000, KEY, nc.AES_GCM_256)[:1] + (1, 0, 20, 0, KEY)), "EPROTO"),
    "spi-reserved": (lambda w: w.install(sa_in=changed(SA_IN, spi=0xff)),
                     "EPROTO"),
    "spi-zero": (lambda w: w.install(sa_out=changed(SA_OUT, spi=0)),
                 "EPROTO"),
    "esn": (lambda w: w.install(sa_in=changed(SA_IN, esn=2)), "EPROTO"),
    "esp-reserved": (lambda w: w.install(sa_in=changed(SA_IN, reserved=1)),
                     "EPROTO"),
    "out-of-in-only": (lambda w: w.install(flags=nc.IN_ONLY), "EPROTO"),
    "soft-after-hard": (lambda w: w.install(hard=10, soft=11), "EPROTO"),
    "verdict-zero": (lambda w: w.verdict(w.offer, 0), "EPROTO"),
    "verdict-unknown": (lambda w: w.verdict(w.offer, 4), "EPROTO"),
    "verdict-no-time": (lambda w: w.verdict(w.offer, nc.CLEAR, 0), "EPROTO"),
    # What only tacit-netd says.
    "welcome": (lambda w: (nc.WELCOME, (0, 0)), "EPROTO"),
    "reply": (lambda w: (nc.REPLY, (0, nc.INSTALL, 0)), "EPROTO"),
    "acquire": (lambda w: (nc.ACQUIRE, (
        nc.addr(w.local), nc.addr(w.offer), 1, 0, 0, 0, 0, 0)), "EPROTO"),
    "orphan": (lambda w: (nc.ORPHAN, (
        nc.addr(w.local), nc.addr(w.offer), R2, 0, 0, 1, nc.addr(None),
        nc.addr(None))), "EPROTO"),
    "type-zero": (lambda w: (0, ()), "EPROTO"),
    "type-unknown": (lambda w: (999, ()), "EPROTO"),
}


@pytest.mark.seconds(6)
def test_each(lab):
    """Every one refused, with its error; nothing changed after each."""
    w = World(lab)
    before = w.a.netd.dump()
    wrong = []
    for name, (make, error) in HOSTILE.items():
        got = w.agent.request(*make(w))
        if got != -getattr(errno, error):
            wrong.append((name, error, got and errno.errorcode.get(-got)))
        if [str(p) for p in w.a.policies()] and w.a.netd.dump() != before:
            wrong.append((name, "changed"))
            before = w.a.netd.dump()
    assert wrong == []
    # And the honest go on.
    assert w.agent.request(*w.install()) == 0
    assert w.agent.request(*w.install(
        remote=w.lease, reqid=R3, tunnel=1, outer=w.require,
        sa_in=nc.esp(0x40002, KEY))) == 0
    # A lease whose SAs are gone is closed, whatever is asked for.
    assert w.agent.request(*w.flow(nc.REMOVE, R3)) == 0
    assert w.agent.request(*w.verdict(w.lease, nc.CLEAR)) == -errno.EPERM
    assert w.agent.request(*w.verdict(w.lease, nc.FORGET)) == 0
    closed = [p for p in w.a.policies() if p.action == "block" and
              w.lease in (p.src.split("/")[0], p.dst.split("/")[0])]
    assert sorted(p.direction for p in closed) == ["in", "out"]
    assert w.agent.request(*w.verdict(w.allow, nc.CLEAR)) == 0
    assert w.agent.request(*w.verdict(w.require, nc.BLOCK)) == 0
    assert w.agent.request(*w.verdict(w.require, nc.FORGET)) == 0


def test_every_byte(lab):
    """A good record with each byte in turn made another: mostly refused, and
    never more than a flow of a host in an offer network."""
    w = World(lab)
    kind, values = w.install(remote=w.require)
    good = nc.pack(kind, 1, values)
    before = {str(p) for p in w.a.policies()}
    for at in range(2, 8 + nc.size_of(nc.BODIES["install"])):
        raw = bytearray(good)
        raw[at] ^= 0x5a
        if raw[2:4] == good[2:4]:
            struct.pack_into("=I", raw, 4, 1000 + at)
        w.agent.send_raw(bytes(raw))
    assert w.agent.request(*w.verdict(w.offer, nc.FORGET)) == 0
    # SPIs, keys, lifetimes and reqids are the agent's own choice.
    for p in w.a.policies():
        if str(p) not in before:
            assert p.templates and p.templates[0].reqid >= nc.REQID_MIN
            assert not p.templates[0].optional
    lost = before - {str(p) for p in w.a.policies()}
    assert lost == set()


def test_garbage(lab):
    w = World(lab)
    before = w.a.netd.dump()
    rng = random.Random(lab.family)
    for _ in range(2000):
        body = bytes(rng.randrange(256) for _ in range(nc.RECORD_SIZE - 8))
        w.agent.send_raw(struct.pack("=HHI", nc.VERSION, rng.randrange(20),
                                     7) + body)
        while w.agent.receive(0):
            pass
    assert w.agent.request(*w.verdict(w.offer, nc.FORGET)) == 0
    assert w.a.netd.dump() == before
    assert w.a.netd.log().count("Refused") < 200  # rate-limited


@pytest.mark.parametrize("what", ["short", "long", "empty", "version"])
def test_no_record(lab, what):
    """A few are dropped; too many in a row, and the link is cut: offer opens,
    require and block stay closed, the flow goes on."""
    w = World(lab)
    good = nc.pack(nc.ALIVE, 0)
    raw = {"short": good[:-1], "long": good + b"\0", "empty": b"\0",
           "version": nc.pack(nc.ALIVE, 0, version=nc.VERSION + 1)}[what]
    for _ in range(10):
        w.agent.send_raw(raw)
    assert w.agent.request(*w.verdict(w.offer, nc.FORGET)) == 0
    before = w.a.netd.dump()
    for _ in range(30):
        try:
            w.agent.send_raw(raw)
        except OSError:
            break
    with pytest.raises(EOFError):
        while True:
            w.agent.receive()
    w.a.netd.wait_optional(False)
    closed = [p for p in w.a.policies() if p.action == "block" or
              (p.templates and not p.templates[0].optional)]
    assert {str(p) for p in closed} <= set(before[0])
    assert any(p.action == "block" for p in closed) and w.a.netd.traps()
    assert len(w.a.states()) == 2
    again = w.a.netd.agent()
    assert again.wait(lambda r: r.kind == nc.ORPHAN).reqid == R1


def test_before_hello(lab):
    """Nothing is asked for without HELLO."""
    w = World(lab)
    w.agent.close()
    w.a.netd.wait_optional(False)
    w.agent = w.a.netd.connect()
    before = w.a.netd.dump()
    for make in (w.install, lambda: w.verdict(w.offer, nc.CLEAR),
                 lambda: w.flow(nc.REMOVE, R1), lambda: (nc.BYE, ())):
        assert w.agent.request(*make()) == -errno.EPROTO
    assert w.a.netd.dump() == before


def test_descriptors(lab):
    """Descriptors sent along are closed, not collected."""
    import array
    import os
    import socket
    w = World(lab)
    pid = w.a.netd.process.pid
    before = len(os.listdir(f"/proc/{pid}/fd"))
    with open("/dev/null", "rb") as f:
        fds = array.array("i", [f.fileno()] * 8)
        for _ in range(50):
            w.agent.sock.sendmsg(
                [nc.pack(nc.ALIVE, 0)],
                [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
    assert w.agent.request(*w.verdict(w.offer, nc.FORGET)) == 0
    assert len(os.listdir(f"/proc/{pid}/fd")) == before
