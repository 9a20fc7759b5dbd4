# SPDX-License-Identifier: LGPL-2.1-or-later
"""The bus for applications: what a program is told of its sockets, and what
it may demand for them, on the agent's own socket and with the wire as judge."""

import errno
import os
import socket
import time

import pytest
from agent import AGENT
from bus import ERROR, Bus, Error
from lab import wait_until
from traffic import MAGIC, Listener, connect, family_of

NOBODY = 65534


def two(lab, level="offer", **keys):
    """Two agents, and a user's connection to the first."""
    net, a, b = lab.pair()
    for host in (a, b):
        host.policy("peers", level, **keys)
        host.start_agent()
    return net, a, b, client(a)


def client(host, uid=NOBODY):
    return Bus(f"{host.agent.run_dir}/agent.sock", uid)


def new(host, kind=socket.SOCK_STREAM):
    s = host.ns.socket(family_of(host.ip), kind)
    s.settimeout(5 if kind == socket.SOCK_STREAM else None)
    return s


def error_of(function, *arguments):
    try:
        function(*arguments)
    except OSError as e:
        return e.errno
    return 0


def refused(name, function, *arguments, **options):
    with pytest.raises(Error) as e:
        function(*arguments, **options)
    assert e.value.name == ERROR + name, e.value
    return e.value.text


def require(bus, s, address, **options):
    kinds = {"Identity": "s", "TimeoutMs": "u"}
    return bus.call("RequireEncryption", "hsa{sv}", s, address,
                    {k: (kinds[k], v) for k, v in options.items()},
                    timeout=20)[0]


def test_require(lab):
    """The reply comes when protection is up; the socket is closed with an error
    when the peer has lost its SAs, and sends nothing in the clear, under
    offer, where all others do."""
    net, a, b, bus = two(lab)
    listener = Listener(b, 7000)
    s, udp = new(a), new(a, socket.SOCK_DGRAM)
    got = require(bus, s, b.ip)
    assert got["Encrypted"] and got["State"] == "secured", got
    assert (got["Address"], got["LocalAddress"]) == (b.ip, a.ip)
    assert require(bus, udp, b.ip)["Encrypted"]
    s.connect((b.ip, 7000))
    there, _ = listener.socket.accept()
    there.settimeout(5)
    s.send(MAGIC)
    assert there.recv(100) == MAGIC
    udp.sendto(MAGIC, (b.ip, 7001))
    got, = bus.call("GetSocket", "h", s)
    assert got["Encrypted"] and got["Port"] == 7000, got
    assert got["Protocol"] == "tcp"
    watched, = bus.call("WatchSocket", "h", s)
    b.agent.stop()
    told = bus.signal("SocketChanged").args
    assert told[0] == watched and not told[1]["Encrypted"], told
    assert error_of(s.recv, 1) == errno.ECONNABORTED
    wait_until(lambda: udp.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) ==
               errno.ECONNABORTED, 5, "the error of a UDP socket")
    assert error_of(udp.sendto, MAGIC, (b.ip, 7001)) == errno.EAGAIN
    assert net.capture.sent(a, b, ("clear",)) == []
    # Nobody is there who could: it is told, and the socket stays shut.
    again = new(a)
    refused("NotEncrypted", require, bus, again, b.ip)
    assert error_of(again.connect, (b.ip, 7000)) == errno.EAGAIN
    assert net.capture.sent(a, b, ("clear",)) == []
    connect(a, b.ip, 7000)
    assert net.capture.sent(a, b, ("clear",))
    for x in (s, udp, there, again, listener):
        x.close()


@pytest.mark.seconds(4)
def test_identity(lab):
    """Only the one whom the program names: not an anonymous peer, and not one
    at an address that somebody lied about."""
    net = lab.net()
    a, b, c = (lab.host(name, net) for name in "abc")
    for host in (a, b, c):
        host.policy("peers", "offer", Authentication="allow")
    b.config("tacit.conf.d/name.conf",
             "[Authentication]\nLocalIdentity=b.lab.test\n")
    a.keys.know("b", b.keys.base64, identity="b.lab.test")
    for host in (a, b, c):
        host.start_agent()
    bus = client(a)
    listeners = [Listener(host, 7000) for host in (b, c)]
    # Anonymous, which is enough for this one.
    anybody = new(a)
    got = require(bus, anybody, b.ip)
    assert got["Authentication"] == "null" and got["Identity"] == "", got
    anybody.connect((b.ip, 7000))
    # A proof on top of it; the others go on.
    named = new(a)
    got = require(bus, named, b.ip, Identity="@b.lab.test")
    assert got["Identity"] == "@b.lab.test", got
    assert got["Proof"] == "Ed25519"
    named.connect((b.ip, 7000))
    anybody.send(MAGIC)
    # The same name, and an address that is not its own.
    lured = new(a)
    assert bus.call("NameSocket", "hs", lured, "B.lab.test.") == []
    refused("WrongPeer", require, bus, lured, c.ip)
    # The host as such talks to it, encrypted; this socket does not.
    wait_until(lambda: a.peer_state(c) == "secured", 5, "an SA with c")
    assert error_of(lured.connect, (c.ip, 7000)) == errno.EAGAIN
    other = new(a)
    refused("WrongPeer", require, bus, other, b.ip, Identity="c.lab.test")
    assert error_of(other.connect, (b.ip, 7000)) == errno.EAGAIN
    anonymous = new(a)
    assert require(bus, anonymous, c.ip)["Identity"] == ""
    anonymous.connect((c.ip, 7000))
    # Somebody else takes the place of b: those who wanted b find out, and
    # nothing of theirs is seen by the other.
    for host in (b, c):
        assert net.capture.sent(a, host, ("clear",)) == []
    for s in (anybody, named, lured, other, anonymous, *listeners):
        s.close()


def test_descriptors(lab):
    """Each that is not fit has its name; arguments of other types and bodies
    that are none are refused; the agent lives, and keeps none of them."""
    _, a, b, bus = two(lab)
    listener = Listener(b, 7000)
    agent = a.agent.pid(AGENT)
    s, udp, connected = new(a), new(a, socket.SOCK_DGRAM), new(a)
    connected.connect((b.ip, 7000))
    there, _ = listener.socket.accept()
    listens, unix = new(a), socket.socketpair()
    listens.listen()
    other = new(b)
    wrong = a.ns.socket(socket.AF_INET if lab.family == 6 else
                        socket.AF_INET6, socket.SOCK_STREAM)
    dual = a.ns.socket(socket.AF_INET6, socket.SOCK_STREAM)
    if lab.family == 6:
        dual.bind(("::", 0))
    else:
        dual.connect((f"::ffff:{b.ip}", 7000))
    raw = a.ns.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    with open("/dev/null", encoding="ascii") as file:
        for name, fd in (("NotASocket", file), ("WrongFamily", unix[0]),
                         ("WrongProtocol", raw), ("ForeignNamespace", other),
                         ("Listening", listens)):
            for member in ("GetSocket", "WatchSocket"):
                refused(name, bus.call, member, "h", fd)
            refused(name, bus.call, "NameSocket", "hs", fd, "b.lab.test")
            refused(name, require, bus, fd, b.ip)
    for fd in (s, udp):
        refused("NotConnected", bus.call, "GetSocket", "h", fd)
        refused("NotConnected", require, bus, fd, "")
    refused("WrongAddress", require, bus, connected,
            "10.0.0.77" if lab.family == 4 else "fd00::77")
    refused("WrongFamily", require, bus, wrong, b.ip)
    refused("InvalidAddress", require, bus, s, "b.lab.test")
    refused("NoRoute", require, bus, s, a.ip)
    refused("PolicyForbids", require, bus, s,
            "127.0.0.1" if lab.family == 4 else "::1")
    refused("InvalidIdentity", require, bus, s, b.ip, Identity="dn:zz")
    for name in ("", "b", ".lab.test", "b..test", "a b.test", "x" * 300):
        refused("InvalidName", bus.call, "NameSocket", "hs", s, name)
    if lab.family == 6:
        refused("WrongFamily", require, bus, dual, b.ip)
    else:  # of an IPv4 connection, by an IPv6 socket
        assert bus.call("GetSocket", "h", dual)[0]["Address"] == b.ip
        refused("WrongFamily", require, bus, dual, b.ip)
    connected.shutdown(socket.SHUT_RDWR)
    there.close()
    wait_until(lambda: error_of(connected.getpeername) == errno.ENOTCONN, 5,
               "the end of a connection")
    refused("NotConnected", bus.call, "GetSocket", "h", connected)
    held = len(os.listdir(f"/proc/{agent}/fd"))
    hostile(bus, s, b.ip)
    assert a.agent.pid(AGENT) == agent
    assert len(os.listdir(f"/proc/{agent}/fd")) <= held
    for x in (s, udp, connected, listens, *unix, other, wrong, dual, raw,
              listener):
        x.close()


def hostile(bus, s, address):
    """Types, counts and lengths that are not those of the contract."""
    standard = "org.freedesktop.DBus.Error."
    for member, signature, args in (
            ("GetSocket", "s", ("x",)), ("GetSocket", "", ()),
            ("GetSocket", "hh", (s, s)), ("GetSocket", "u", (0,)),
            ("WatchSocket", "ah", ([s],)), ("UnwatchSocket", "h", (s,)),
            ("NameSocket", "sh", ("b.lab.test", s)),
            ("NameSocket", "h", (s,)), ("RequireEncryption", "hs",
                                        (s, address)),
            ("RequireEncryption", "hsa{ss}", (s, address, {}))):
        with pytest.raises(Error) as e:
            bus.call(member, signature, *args)
        assert e.value.name == standard + "InvalidArgs", (member, e.value)
    for options in ({"Identity": ("u", 1)}, {"TimeoutMs": ("u", 0)},
                    {"TimeoutMs": ("u", 300001)}, {"TimeoutMs": ("s", "1")},
                    {"Unknown": ("b", 1)}):
        with pytest.raises(Error) as e:
            bus.call("RequireEncryption", "hsa{sv}", s, address, options)
        assert e.value.name in (standard + "InvalidArgs",
                                "System.Error.ENXIO"), e.value
    refused("UnknownWatch", bus.call, "UnwatchSocket", "t", 1)
    # A descriptor's number beyond those that came, and a body cut short.
    for body, fds, count in ((b"\5\0\0\0", [s.fileno()], None),
                             (b"\0\0", [], None), (b"\0\0\0\0", [], 1),
                             (b"\xff" * 8, [s.fileno()] * 16, None)):
        broken = Bus(bus.socket.getpeername(), NOBODY)
        broken.send_body("/org/tacit/Agent1", "org.tacit.Agent1", "GetSocket",
                         "h", body, fds, n_fds=count)
        try:
            broken.receive(1)
        except (EOFError, TimeoutError, ConnectionError):
            pass
        broken.close()


@pytest.mark.seconds(4)
def test_callers(lab):
    """One caller's share; what he told goes with him; nobody hears of another's
    socket; what takes too long ends."""
    _, a, b, bus = two(lab)
    listener = Listener(b, 7000)
    sockets = [new(a, socket.SOCK_DGRAM) for _ in range(257)]
    for s in sockets:
        if lab.family == 6:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        s.connect((b.ip, 7000))
    for s in sockets[:256]:
        bus.call("WatchSocket", "h", s)
    with pytest.raises(Error, match="LimitsExceeded"):
        bus.call("WatchSocket", "h", sockets[256])
    assert bus.call("WatchSocket", "h", sockets[0])
    second = client(a)
    watched, = second.call("WatchSocket", "h", sockets[256])
    refused("UnknownWatch", bus.call, "UnwatchSocket", "t", watched)
    assert require(bus, sockets[256], "")["Encrypted"]
    b.agent.stop()
    assert second.signal("SocketChanged").args[0] == watched
    ids = set()
    while len(ids) < 256:
        told = bus.signal("SocketChanged").args
        if not told[1]["Encrypted"]:
            ids.add(told[0])
    assert watched not in ids
    bus.close()
    third = client(a)
    for s in sockets[:3]:
        third.call("WatchSocket", "h", s)
    # A host that is not there.
    silent = "10.0.0.99" if lab.family == 4 else "fd00::99"
    start = time.monotonic()
    refused("TimedOut", require, third, new(a), silent, TimeoutMs=300)
    assert time.monotonic() - start < 2
    # Who leaves while he waits: another can still ask.
    third.send("/org/tacit/Agent1", "org.tacit.Agent1", "RequireEncryption",
               "hsa{sv}", (sockets[0], silent, {}))
    third.close()
    assert second.call("GetSocket", "h", sockets[1])[0]["Protocol"] == "udp"
    for x in (*sockets, listener):
        x.close()


@pytest.mark.seconds(4)
def test_agent_dies(lab):
    """Killed under traffic: sockets go on, encrypted; those for an identity end
    when the next agent renews the SAs of which it knows nothing. With the agent
    hanging and everything flushed from the kernel they send nothing."""
    net = lab.net()
    a, b = lab.host("a", net), lab.host("b", net)
    for host, peer in ((a, b), (b, a)):
        host.policy("peers", "offer", Authentication="offer")
        host.keys.know("peer", peer.keys.base64, peer.ip)
        host.start_agent()
    bus = client(a)
    listener = Listener(b, 7000)
    plain, named = new(a), new(a)
    require(bus, plain, b.ip)
    assert require(bus, named, b.ip, Identity=b.ip)["Identity"] == b.ip
    ends = []
    for s in (plain, named):
        s.connect((b.ip, 7000))
        ends.append(listener.socket.accept()[0])
        ends[-1].settimeout(5)
    pid = a.agent.kill(AGENT)
    for s, there in zip((plain, named), ends):
        s.send(MAGIC)
        assert there.recv(100) == MAGIC
    a.agent.wait_replaced(AGENT, pid)
    assert error_of(named.recv, 1) == errno.ECONNABORTED
    # It has proven itself anew, and not been refused for want of its key.
    wait_until(lambda: a.agent.tacit("peers", b.ip)["identity"] == b.ip, 10,
               "the peer's proof to the new agent")
    plain.send(MAGIC)
    assert ends[0].recv(100) == MAGIC
    a.agent.hang(AGENT)
    b.agent.stop()
    a.ns.run("ip", "xfrm", "state", "flush")
    a.ns.run("ip", "xfrm", "policy", "flush")
    # Into its queue and no further, or tacit-netd has noticed.
    assert error_of(plain.send, MAGIC) in (0, errno.ECONNABORTED)
    time.sleep(0.5)
    assert [f for f in net.capture.sent(a, b, ("clear",))
            if f.payload] == []
    for x in (plain, named, listener, *ends):
        x.close()
