# SPDX-License-Identifier: LGPL-2.1-or-later
"""A leak counter. Two hosts under require have peers in every state there is,
with traffic to all of them both ways and in both families, while one process
after another is killed or hangs: at rest, in the middle of an installation,
right after a reload, at its own start, on its way to a successor. Not one
packet is seen in the clear on the wire, and all of it is encrypted afterwards.
"""

import os
import select
import signal
import socket
import struct
import threading
import time

import pytest
from agent import AGENT, KEYD, NETD
from traffic import MAGIC, SO_RCVBUFFORCE
from waiting import wait_until

PORT = 4000
WARM, CHURN = 4, 12  # peers a family and host, of each kind
TICK = 0.1
# Of a root that nobody asks here.
ANCHOR = ". IN DS 20326 8 2 " + 32 * "5A" + "\n"
RTT_MS = 100  # an IKE SA takes two of them
SLOW_MS = 400


class Crowd(threading.Thread):
    """Datagrams from one host to many addresses, one to each in every tick,
    which the other host sends back; when an answer of each last came."""

    def __init__(self, host, family, tick=TICK):
        super().__init__(daemon=True)
        self.tick = tick
        self.socket = host.ns.socket(
            socket.AF_INET if family == 4 else socket.AF_INET6,
            socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
        # What is held fills the socket; others are not to wait for that.
        self.socket.setsockopt(socket.SOL_SOCKET, 32, 8 << 20)
        self.socket.setblocking(False)
        self.to = []
        self.heard = {}
        self.gaps = {}
        self.running = True
        self.start()

    def add(self, addresses):
        self.to = self.to + list(addresses)

    def run(self):
        while self.running:
            due = time.monotonic() + self.tick
            for address in self.to:
                try:
                    self.socket.sendto(MAGIC, (address, PORT))
                except OSError:
                    pass  # blocked, as it should be for the moment
            while (left := due - time.monotonic()) > 0:
                self.receive(left)

    def receive(self, left):
        if not select.select([self.socket], [], [], left)[0]:
            return
        try:
            address = self.socket.recvfrom(2048)[1][0]
        except OSError:
            return
        now = time.monotonic()
        if address in self.heard:
            self.gaps[address] = max(self.gaps.get(address, 0),
                                     now - self.heard[address])
        self.heard[address] = now

    def flowing(self, addresses):
        now = time.monotonic()
        return all(now - self.heard.get(a, 0) < 0.4 + self.tick for a in addresses)

    def stop(self):
        self.running = False
        self.join()
        self.socket.close()


class Echo(threading.Thread):
    """Sends back what comes, from the address that it came to."""

    PKTINFO = {4: (socket.IPPROTO_IP, 8), 6: (socket.IPPROTO_IPV6, 49)}

    def __init__(self, host, family):
        super().__init__(daemon=True)
        level, self.option = self.PKTINFO[family]
        self.family, self.level = family, level
        self.socket = host.ns.socket(
            socket.AF_INET if family == 4 else socket.AF_INET6,
            socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
        self.socket.setsockopt(socket.SOL_SOCKET, 32, 8 << 20)
        # The messages by which it is asked for have the numbers 8 and 50.
        self.socket.setsockopt(level, self.option, 1)
        if family == 6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            self.option = 50
        self.socket.bind(("", PORT))
        self.socket.setblocking(False)
        self.running = True
        self.start()

    def run(self):
        while self.running:
            if not select.select([self.socket], [], [], 0.1)[0]:
                continue
            try:
                data, control, _, sender = self.socket.recvmsg(2048, 128)
                info = [(l, self.option, self.source(d))
                        for l, _, d in control]
                self.socket.sendmsg([data], info, 0, sender)
            except OSError:
                pass

    def source(self, info):
        if self.family == 4:  # interface, ours, the packet's
            return struct.pack("=I", 0) + info[8:12] + info[8:12]
        return info[:16] + struct.pack("=I", 0)

    def stop(self):
        self.running = False
        self.join()
        self.socket.close()


class Scene:
    """Networks of one host that the other one is told of: "warm" and "rekey"
    are secured, "churn" gets a new peer all the time, nobody answers for
    "silent", "lookup" waits for a name server that is not there, and is
    blocked then."""

    KINDS = {"warm": 1, "rekey": 2, "churn": 3, "silent": 4, "lookup": 5}

    def __init__(self, lab, rtt_ms=RTT_MS, churn=CHURN, packets=150,
                 tick=TICK):
        self.net, self.a, self.b = lab.pair(rtt_ms=rtt_ms)
        self.churn, self.packets = churn, packets
        self.hosts = (self.a, self.b)
        self.own = {host: {kind: {4: [], 6: []} for kind in self.KINDS}
                    for host in self.hosts}
        for number, host in enumerate(self.hosts):
            self.addresses(host, 16 * (number + 1))
        for host, other in ((self.a, self.b), (self.b, self.a)):
            self.routes(host, other)
            self.policies(host)
            host.start_agent()
        self.echoes = [Echo(h, f) for h in self.hosts for f in (4, 6)]
        self.crowds = {h: {f: Crowd(h, f, tick) for f in (4, 6)}
                       for h in self.hosts}
        for kind in ("warm", "rekey", "silent"):
            self.talk(kind)

    @staticmethod
    def network(family, number, kind):
        return f"10.{number}.{kind}.0/24" if family == 4 else \
            f"fd00:{number:x}:{kind:x}::/48"

    def addresses(self, host, number):
        host.number = number
        counts = {"warm": WARM, "rekey": 2, "churn": self.churn, "silent": 2,
                  "lookup": self.churn}
        for kind, count in counts.items():
            n = self.KINDS[kind]
            for i in range(1, count + 1):
                self.own[host][kind][4].append(f"10.{number}.{n}.{i}")
                self.own[host][kind][6].append(f"fd00:{number:x}:{n:x}::{i:x}")
            if kind in ("silent", "lookup"):
                continue
            for family in (4, 6):
                new = self.own[host][kind][family]
                host.ns.ip(*(f"address add {x} dev lo" for x in new))
                host.addresses.extend(new)

    def routes(self, host, other):
        host.ns.ip(f"route add 10.{other.number}.0.0/16 via {other.own[4][0]}",
                   f"route add fd00:{other.number:x}::/32 via "
                   f"{other.own[6][0]}")

    def policies(self, host):
        host.config("anchor", ANCHOR)
        host.config("tacit.conf", "[DNS]\nServers=10.0.0.77\n"
                    f"TrustAnchors={host.agent.etc}/anchor\n"
                    "LookupTime=3s\n")
        host.policy("rest", "require")
        for name, n, keys in (("rekey", 2, {"ChildPackets": self.packets}),
                              ("lookup", 5, {"Discover": "dns"})):
            host.policy(name, "require", [
                self.network(f, h.number, n) for f in (4, 6)
                for h in self.hosts], **keys)

    def ways(self, hosts):
        other = {self.a: self.b, self.b: self.a}
        return [(host, other[host]) for host in hosts or self.hosts]

    def talk(self, kind, which=slice(None), hosts=None):
        for host, other in self.ways(hosts):
            for family in (4, 6):
                self.crowds[host][family].add(
                    self.own[other][kind][family][which])

    def wait(self, kind, which=slice(None), hosts=None):
        wait_until(lambda: all(
            self.crowds[host][family].flowing(
                self.own[other][kind][family][which])
            for host, other in self.ways(hosts) for family in (4, 6)), 20,
            f"{kind}: traffic flows, in both families")

    def states(self, host):
        return {p["state"] for p in host.agent.tacit("peers")}

    def check(self, after):
        """Everything on this wire is of one of these networks."""
        leaks = [f for f in self.net.capture.frames() if f.kind == "clear"]
        assert not leaks, (after, len(leaks), list(map(str, leaks[:5])))

    def stop(self):
        for thread in self.echoes + [c for h in self.hosts
                                     for c in self.crowds[h].values()]:
            thread.stop()


class Killer:
    """Ends or stops a process of one host, at a moment of its choice."""

    def __init__(self, scene, name):
        self.scene = scene
        self.host = scene.a
        self.name = name
        self.churned = 0

    def newcomers(self, hosts=None):
        """Three new peers, each way, in each family, and as many whose key is
        looked up, in vain."""
        which = slice(self.churned, self.churned + 3), hosts
        self.churned += 3
        self.scene.talk("lookup", *which)
        self.scene.talk("churn", *which)
        return which

    def replaced(self, pid, which, after):
        self.host.agent.wait_replaced(self.name, pid)
        for kind in ("warm", "rekey"):
            self.scene.wait(kind)
        self.scene.wait("churn", *which)
        self.scene.check(after)

    def installing(self):
        """While tacit-netd stands still, what IKE has agreed on waits for
        it. Not what the other host has begun, which would wait for its answer
        until it gives up."""
        agent = self.host.agent
        which = self.newcomers([self.host])
        time.sleep(RTT_MS / 1000)
        netd = agent.hang(NETD)
        wait_until(lambda: self.scene.states(self.host) >=
                   {"install", "lookup", "negotiate", "secured"}, 2,
                   "peers in every state on the way")
        pid = agent.kill(self.name)
        if self.name != NETD:
            os.kill(netd, signal.SIGCONT)
        self.replaced(pid, which, "killed in an installation")

    def reloading(self):
        agent = self.host.agent
        self.host.policy("more", "require", ["10.99.0.0/16", "fd00:99::/32"])
        agent.process.send_signal(signal.SIGHUP)
        which = self.newcomers()
        pid = agent.kill(self.name)
        # And its successor, before it is of use to anybody.
        wait_until(lambda: agent.pid(self.name) not in (None, pid), 10,
                   "a successor", interval=0.001)
        pid = agent.kill(self.name)
        self.replaced(pid, which, "killed in a reload, and at its start")

    def handing_over(self):
        """Told to make place for its successor, and killed on the way."""
        agent = self.host.agent
        which = self.newcomers()
        pid = agent.signal(self.name, signal.SIGUSR1)
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.replaced(pid, which, "killed while it handed over")

    def hanging(self):
        which = self.newcomers()
        pid = self.host.agent.hang(self.name)
        self.replaced(pid, which, "hung")


class Exchanges:
    """Those that a host has begun, told by their messages on the wire."""

    def __init__(self, net, host):
        self.net, self.host = net, host
        self.place = net.capture.mark()
        self.asked, self.answered = set(), set()

    def under_way(self):
        """Their kinds, without those that are answered."""
        frames = self.net.capture.frames()
        for f in frames[self.place:]:
            ike = f.ike
            if ike and ike.response != (f.port == self.host.name):
                (self.answered if ike.response else self.asked).add(
                    (ike.exchange, ike.spi_i, ike.message_id))
        self.place = len(frames)
        return {exchange for exchange, _, _ in self.asked - self.answered}


class Hanger(Killer):
    """Stops a process while there are peers in every state on the way: their
    keys are looked up, their IKE_SA_INIT, IKE_AUTH and CREATE_CHILD_SA are
    under way, their SAs wait for tacit-netd, or are in."""

    EXCHANGES = {34, 35, 36}
    STATES = {"lookup", "negotiate", "install", "secured"}

    def wear(self):
        """A few packets nearer to the soft limits of those that are rekeyed."""
        for family in (4, 6):
            for address in self.scene.own[self.scene.b]["rekey"][family]:
                for _ in range(2):
                    try:
                        self.scene.crowds[self.host][family].socket.sendto(
                            MAGIC, (address, PORT))
                    except OSError:
                        pass

    def moment(self):
        """One more peer every now and then, once there is rekeying, until there
        are some in each state; tacit-netd stands still then."""
        scene, netd, first = self.scene, None, self.churned
        exchanges = Exchanges(scene.net, self.host)
        due, end = None, time.monotonic() + 60
        while time.monotonic() < end:
            under_way = exchanges.under_way()
            if netd is None:
                self.wear()
            if 36 in under_way and due is None:
                due = 0
            if due is not None and time.monotonic() > due and \
                    self.churned < scene.churn:
                self.newcomer()
                due = time.monotonic() + SLOW_MS / 3000
            if under_way < self.EXCHANGES:
                continue
            netd = netd or self.host.agent.hang(NETD)
            if scene.states(self.host) >= self.STATES:
                return netd, (slice(first, self.churned), [self.host])
        raise AssertionError(f"only {under_way} are under way, and "
                             f"{scene.states(self.host)}")

    def newcomer(self):
        one = slice(self.churned, self.churned + 1), [self.host]
        self.churned += 1
        self.scene.talk("lookup", *one)
        self.scene.talk("churn", *one)

    def stop(self, seconds):
        """For so long, or (0) until it is replaced."""
        netd, which = self.moment()
        pid = netd if self.name == NETD else \
            self.host.agent.hang(self.name)
        if self.name != NETD:
            os.kill(netd, signal.SIGCONT)
        if seconds:
            time.sleep(seconds)
            os.kill(pid, signal.SIGCONT)
        else:
            self.host.agent.wait_replaced(self.name, pid)
        for kind in ("warm", "rekey"):
            self.scene.wait(kind)
        self.scene.wait("churn", *which)
        self.scene.check(f"stopped for {seconds or 'too many'} seconds")


@pytest.mark.seconds(25)
@pytest.mark.family(4)  # and 6: both are in it
@pytest.mark.parametrize("name", [AGENT, NETD, KEYD])
def test_hung_in_each_state(lab, agents, name):
    scene = Scene(lab, SLOW_MS, 30, 200, 3 * TICK)
    for kind in ("warm", "rekey"):
        scene.wait(kind)
    hanger = Hanger(scene, name)
    hanger.stop(1.5)
    hanger.stop(0)
    scene.stop()
    scene.check("in the end")


@pytest.mark.seconds(20)
@pytest.mark.family(4)  # and 6: both are in it
@pytest.mark.parametrize("name", [AGENT, NETD, KEYD])
def test_killed(lab, agents, name):
    scene = Scene(lab)
    for kind in ("warm", "rekey"):
        scene.wait(kind)
    killer = Killer(scene, name)
    killer.installing()
    killer.reloading()
    killer.handing_over()
    killer.hanging()
    wait_until(lambda: "blocked" in scene.states(scene.a), 5,
               "peers that are blocked")
    # Who stayed was never without an answer for long.
    scene.stop()
    gaps = {x: g for h in scene.hosts for f in (4, 6)
            for x, g in scene.crowds[h][f].gaps.items()
            if x in scene.own[scene.a]["warm"][f] +
            scene.own[scene.b]["warm"][f]}
    print("longest silence", max(gaps.values()))
    assert max(gaps.values()) < 3, gaps
    scene.check("in the end")
