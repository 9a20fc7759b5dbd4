# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sockets of programs in tacit-netd's hands: never a packet in the clear, an
end with an error when the SA goes, and only those that can be kept so."""

import errno
import os
import socket

import netd_client as nc
from test_netd import KEY1, KEY2, R1, R2, both, secure
from traffic import MAGIC, Listener, family_of
from waiting import wait_until


def new(host, kind=socket.SOCK_STREAM, family=None):
    s = host.ns.socket(family or family_of(host.ip), kind)
    if s.family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    # With a time-out EAGAIN would be taken for "not yet".
    s.settimeout(3 if kind == socket.SOCK_STREAM else None)
    return s


def error_of(function, *arguments):
    try:
        function(*arguments)
    except OSError as e:
        return e.errno
    return 0


def remove(a, b, reqid=R1):
    assert a.client.flow(nc.REMOVE, reqid) == 0
    assert b.client.flow(nc.REMOVE, reqid) == 0


def test_never_clear(lab):
    """Before, with and after the SA pair, TCP and UDP, under offer, where all
    other sockets are in the clear then."""
    net, a, b = both(lab)
    c = a.client
    listener = Listener(b, 7000)
    tcp, early = new(a), new(a)
    udp, wide = new(a, socket.SOCK_DGRAM), new(a, socket.SOCK_DGRAM)
    for s in (tcp, early, udp, wide):
        assert c.socket(a.ip, b.ip, 0, s) == 0
    # No SA: nothing, and the program is told.
    assert error_of(early.connect, (b.ip, 7000)) == errno.EAGAIN
    assert error_of(wide.sendto, MAGIC, (b.ip, 7000)) == errno.EAGAIN
    secure(a, b)
    # There is one now, but not for them.
    assert error_of(wide.sendto, MAGIC, (b.ip, 7000)) == errno.EAGAIN
    for s in (tcp, early, udp, wide):
        assert c.socket(a.ip, b.ip, R1, s) == 0
    tcp.connect((b.ip, 7000))
    there, _ = listener.socket.accept()
    tcp.send(MAGIC)
    there.settimeout(3)
    assert there.recv(100) == MAGIC
    udp.connect((b.ip, 7001))
    assert error_of(udp.send, MAGIC) == 0
    assert error_of(wide.sendto, MAGIC, (b.ip, 7001)) == 0
    # Not to anybody else, and what comes in the clear is not for them.
    assert error_of(wide.sendto, MAGIC, (a.nets[0].links["b"][2][lab.family]
                                         [:-1] + "9", 7001)) == errno.EAGAIN
    assert net.capture.clear_packets(a, b) == []
    assert len(net.capture.esp_packets(a, b)) >= 7
    remove(a, b)
    assert error_of(tcp.recv, 100) == errno.ECONNABORTED
    for s in (udp, wide):
        assert s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == \
            errno.ECONNABORTED
    for s in (udp, wide):
        assert error_of(s.sendto, MAGIC, (b.ip, 7001)) == errno.EAGAIN
    assert error_of(tcp.send, MAGIC) == errno.EPIPE
    assert net.capture.sent(a, b, ("clear",)) == []
    # A socket without the wish is in the clear.
    with new(a, socket.SOCK_DGRAM) as plain:
        plain.sendto(MAGIC, (b.ip, 7001))
    assert len(net.capture.sent(a, b, ("clear",))) == 1
    for s in (tcp, early, udp, wide, there):
        s.close()
    listener.close()


def test_abandoned(lab):
    """Sockets are closed, and the flow stays: for those with another peer in
    mind than the one who proved himself."""
    net, a, b = both(lab)
    listener = Listener(b, 7000)
    secure(a, b)
    mine, other, content = new(a), new(a), new(a)
    assert a.client.socket(a.ip, b.ip, R1, mine, identified=1) == 0
    assert a.client.socket(a.ip, b.ip, R1, content) == 0
    content.connect((b.ip, 7000))
    mine.connect((b.ip, 7000))
    other.connect((b.ip, 7000))
    # It comes to its program's own end first.
    gone = new(a)
    assert a.client.socket(a.ip, b.ip, R1, gone, identified=1) == 0
    gone.connect((b.ip, 7000))
    gone.close()
    assert a.client.flow(nc.ABANDON, R1) == 0
    assert error_of(mine.recv, 1) == errno.ECONNABORTED
    other.send(MAGIC)
    content.send(MAGIC)
    assert a.secured(b)
    assert net.capture.clear_packets(a, b) == []
    for s in (mine, other, content):
        s.close()
    listener.close()


def test_refused(lab):
    """Descriptors that are not what they should be."""
    net, a, b = both(lab)
    c = a.client

    def ask(*descriptors, local=a.ip, remote=b.ip, reqid=0):
        return c.socket(local, remote, reqid, *descriptors)

    tcp = new(a)
    with socket.socketpair()[0] as unix:
        assert ask(unix) == -errno.EAFNOSUPPORT
    with open(os.devnull, encoding="ascii") as file:
        assert ask(file) == -errno.ENOTSOCK
    with new(b) as foreign:
        assert ask(foreign) == -errno.EXDEV
    with new(a, family=socket.AF_INET if lab.family == 6 else
             socket.AF_INET6) as wrong:
        assert ask(wrong) == -errno.EINVAL
    with a.ns.socket(socket.AF_INET6, socket.SOCK_STREAM) as dual:
        if lab.family == 6:
            assert ask(dual) == -errno.EINVAL
    with new(a) as listens:
        listens.listen()
        assert ask(listens) == -errno.EINVAL
    assert ask() == -errno.EBADF
    assert ask(tcp, tcp) == -errno.EBADF
    assert ask(tcp, reqid=nc.TRAP_REQID) == -errno.EPROTO
    assert ask(tcp, local=b.ip) == -errno.EADDRNOTAVAIL
    # Another pair's reqid.
    secure(a, b)
    other = "10.0.0.9" if lab.family == 4 else "fd00::9"
    assert ask(tcp, remote=other, reqid=R1) == -errno.EEXIST
    assert ask(tcp, remote=other, reqid=R2) == -errno.ENOENT
    assert c.install(a.ip, other, R2, nc.esp(0x30000, KEY1),
                     nc.esp(0x30001, KEY2)) == 0
    # A descriptor where none belongs is closed, and the record is good.
    assert c.request(nc.HARDEN, (*[nc.addr(x) for x in (a.ip, b.ip)], R1, 0, 0,
                                 0, 0), fds=[tcp.fileno()]) == 0
    held = os.listdir(f"/proc/{a.netd.process.pid}/fd")
    for _ in range(40):
        assert ask(tcp, remote=other, reqid=R2) == 0
    # One more may be open for a moment, for a look at the kernel's tables.
    wait_until(lambda: len(os.listdir(f"/proc/{a.netd.process.pid}/fd"))
               <= len(held), 2, "the descriptors are closed")
    tcp.close()
