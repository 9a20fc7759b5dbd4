# SPDX-License-Identifier: LGPL-2.1-or-later
"""More first packets at once than a host sees in a day, and more than the
kernel can tell of: each is delivered or waits for its verdict, and what has no
room is counted, by a limit that has a name (util/limits.h).

TACIT_BURST=10000: so many peers that answer, a minute for each scenario."""

import ctypes
import os
import signal
import socket
import time

import pytest
import xfrm
from agent import NETD
from traffic import Sink, datagram, family_of
from waiting import wait_until

PORT = 4000
SO_SNDBUFFORCE = 32
SILENT = 10000
ANSWERING = int(os.environ.get("TACIT_BURST", "1000"))
PATIENCE = 60 + ANSWERING // 50  # seconds
SOURCES = 10 if ANSWERING < 10000 else 40
# Where the networks of the two policies begin.
FIRST = {"offer": 32, "require": 40}
SYS_PIDFD_OPEN, SYS_PIDFD_GETFD = 434, 438


def spread(family, count, each, first=32):
    """Addresses, so many of each /24 or /48, to which no more than 256 attempts
    begin in a second."""
    places = [(i // each, i % each + 1) for i in range(count)]
    if family == 4:
        return [f"10.{first + n // 250}.{n % 250}.{i}" for n, i in places]
    return [f"fd00:{first * 256 + n:x}::{i:x}" for n, i in places]


def wide(family, first=32):
    return f"10.{first}.0.0/13" if family == 4 else f"fd00:{first * 256:x}::/24"


class Burst:
    """First packets from one address, or several, each to its destination:
    its number in the burst is in it."""

    def __init__(self, host, sources):
        self.sockets = []
        for source in sources:
            s = host.ns.socket(family_of(source), socket.SOCK_DGRAM)
            # What is held is not sent yet, and fills the socket.
            s.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 32 << 20)
            s.bind((source, 0))
            self.sockets.append(s)
        self.count = 0

    def send(self, addresses):
        """To each of them from each source; the seconds that it took."""
        begin = time.perf_counter()
        for address in addresses:
            for s in self.sockets:
                s.sendto(datagram(0, self.count), (address, PORT))
                self.count += 1
        return time.perf_counter() - begin

    def close(self):
        for s in self.sockets:
            s.close()


def status(host, *names):
    """Of these counters; tacit-netd tells its own once a second."""
    said = host.agent.tacit("status")
    return [said[name] for name in names]


def both(lab, count, each):
    """Destinations by the policy that they are under: half are to wait, or go
    in the clear, as they like, half may not."""
    return {level: spread(lab.family, count // 2, each, first)
            for level, first in FIRST.items()}


def policies(lab, host, **keys):
    for level, first in FIRST.items():
        host.policy(level, level, [wide(lab.family, first)],
                    **(keys if level == "offer" else {}))


def in_clear(net, host, addresses):
    """Frames of this host's with these, in the clear."""
    return [f for f in net.capture.frames() if f.port == host.name and
            f.kind == "clear" and f.dst in addresses]


@pytest.mark.seconds(7)
def test_nobody_answers(lab, agents):
    """10,000 destinations within a second: under offer all packets have left
    when the burst is over, under require all wait for their verdict, none is
    lost for want of room, and the agent knows of each."""
    net, a, b = lab.pair()
    net.introduce(a, b)
    to = both(lab, SILENT, 40)
    for first in FIRST.values():
        b.ns.ip(f"route add local {wide(lab.family, first)} dev lo")
        a.ns.ip(f"route add {wide(lab.family, first)} via {b.ip}")
    policies(lab, a)
    a.agent.start(debug=False)
    sink = Sink(b, PORT)
    burst = Burst(a, [a.ip])
    # On a machine with other work it may take longer than in the lab alone.
    assert burst.send(to["offer"] + to["require"]) < 10
    wait_until(lambda: status(a, "acquires") == [SILENT], 20,
               "the agent knows of each destination")
    wait_until(lambda: status(a, "packets_held") == [SILENT // 2], 5,
               "all packets under require are held")
    assert sorted(sink.packets()) == [(0, i) for i in range(SILENT // 2)]
    assert in_clear(net, a, set(to["require"])) == []
    assert status(a, "packets_no_room", "acquires_refused") == [0, 0]
    burst.close()


@pytest.mark.seconds(9)
def test_all_answer(lab, agents):
    """As many peers as both hosts' addresses make pairs: each first packet
    arrives, encrypted, also under offer, where it was to wait."""
    net, a, b = lab.pair()
    net.introduce(a, b)
    sources = spread(lab.family, SOURCES, 1, 64)
    to = both(lab, ANSWERING // SOURCES, 6)
    addresses = to["offer"] + to["require"]
    for host, own in ((a, sources), (b, addresses)):
        host.ns.ip(*(f"address add {x} dev lo" for x in own))
        host.addresses.extend(own)
    for first in FIRST.values():
        a.ns.ip(f"route add {wide(lab.family, first)} via {b.ip}")
    b.ns.ip(f"route add {wide(lab.family, 64)} via {a.ip}")
    policies(lab, a, Wait="yes", WaitTime="30s")
    b.policy("peers", "require", [wide(lab.family, 64)])
    for host in (a, b):
        host.agent.start(debug=False)
    sink = Sink(b, PORT)
    burst = Burst(a, sources)
    burst.send(addresses)
    wait_until(lambda: len(sink.packets()) >= burst.count, PATIENCE,
               "all packets")
    assert sorted(sink.packets()) == [(0, i) for i in range(burst.count)]
    wait_until(lambda: len(a.states()) == 2 * burst.count, PATIENCE,
               "all are encrypted")
    no_room, late = status(a, "packets_no_room", "packets_late")
    # Where both hosts have one slow processor 10,000 handshakes take longer
    # than any WaitTime=: those that it ended are in the clear, and no others.
    assert no_room == 0 and (late == 0 or ANSWERING >= 10000)
    clear = net.capture.clear_packets(a, b)
    assert len(clear) == late
    assert {f.dst for f in clear} <= set(to["offer"])
    burst.close()


def shrink(pid, namespace):
    """The socket by which a process hears of acquires holds next to nothing
    from now on."""
    groups = 1 << (xfrm.GROUP_ACQUIRE - 1)
    inodes = {line.split()[9] for line in namespace.read(
        "/proc/thread-self/net/netlink").splitlines()[1:]
        if line.split()[1] == str(xfrm.NETLINK_XFRM) and
        int(line.split()[3], 16) & groups}
    libc = ctypes.CDLL(None, use_errno=True)
    pidfd = libc.syscall(SYS_PIDFD_OPEN, pid, 0)
    for number in os.listdir(f"/proc/{pid}/fd"):
        if os.readlink(f"/proc/{pid}/fd/{number}")[8:-1] not in inodes:
            continue
        fd = libc.syscall(SYS_PIDFD_GETFD, pidfd, int(number), 0)
        with socket.socket(fileno=fd) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        os.close(pidfd)
        return
    raise AssertionError(f"{pid} hears of no acquires")


@pytest.mark.seconds(5)
@pytest.mark.parametrize("heard", [True, False],
                         ids=["heard-elsewhere", "unheard"])
def test_lost(lab, agents, heard):
    """The kernel cannot tell tacit-netd of what happens while it stands still.
    Where somebody else has heard it the larval states wait, and are adopted
    from a dump; where nobody has, the kernel forgets, and asks again with the
    next packet. Under require it is the held packets that tell."""
    net, a, b = lab.pair()
    cold, waiting = b.add_addresses(60), b.add_addresses(20, 2)
    family = lab.family
    a.ns.ip(f"route add {'10.1.0.0/16' if family == 4 else 'fd00:1::/32'} "
            f"via {b.ip}")
    for host in (a, b):
        host.policy("peers", "offer")
        host.policy("closed", "require",
                    ["10.1.2.0/24" if family == 4 else "fd00:1:0:2::/64"])
        host.start_agent()
    shrink(a.agent.pid(NETD), a.ns)
    burst = Burst(a, [a.ip])
    pid = a.agent.hang(NETD)
    if heard:
        with xfrm.Monitor(a.ns) as monitor:
            burst.send(cold + waiting)
            wait_until(lambda: set(monitor.acquired) >= set(cold), 2,
                       "all acquires, at another listener's")
    else:
        burst.send(cold + waiting)
    os.kill(pid, signal.SIGCONT)

    def missing(addresses):
        return sorted(set(addresses) - {s.dst for s in a.states()})
    wait_until(lambda: not missing(waiting), 10, "who was held is encrypted")
    wait_until(lambda: status(a, "events_lost") != [0], 5, "the loss is told")
    if heard:
        wait_until(lambda: not missing(cold), 10, "all are encrypted")

    def again():
        """A few at a time, for which there is room."""
        burst.send(missing(cold)[:2])
        return not missing(cold)
    wait_until(again, 15, "all are encrypted", interval=0.05)
    assert status(a, "packets_no_room") == [0]
    assert "announced more than could be heard" in a.agent.log()
    assert net.capture.clear_packets(a, waiting) == []
    burst.close()
