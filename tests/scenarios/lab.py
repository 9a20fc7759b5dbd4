# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hosts and wires: a host is a network namespace, a wire is a bridge in a
namespace of its own, where a capture sees each frame between the hosts."""

import ipaddress
import os
import shutil

import xfrm
from agent import Agent
from capture import Capture
from keys import Keys
from namespace import MNT_DETACH, Namespace, checked, libc
from waiting import wait_until

__all__ = ["Lab", "Net", "Host", "wait_until"]


def unmount(directory):
    """What is mounted somewhere below: it is not to be deleted with it."""
    with open("/proc/self/mounts", encoding="utf-8") as f:
        points = [line.split()[1] for line in f]
    for point in sorted(points, reverse=True):
        if point.startswith(f"{directory}/"):
            checked(libc.umount2(point.encode(), MNT_DETACH), point)


class Net:
    """A wire. Wire number n carries 10.0.n.0/24 and fd00:0:0:n::/64; the
    round trip and the loss are those of the whole path, there and back."""

    def __init__(self, lab, number, rtt_ms=0, loss=0):
        self.lab = lab
        self.number = number
        self.netem = []
        if rtt_ms:
            self.netem.append(f"delay {rtt_ms * 1000 / 2:.0f}us")
        if loss:
            self.netem.append(f"loss {loss / 2}%")
        self.ns = Namespace(f"wire{number}")
        # The wire itself says nothing.
        self.ns.sysctl("ipv6.conf.default.disable_ipv6", 1)
        self.ns.ip("link add br0 type bridge mcast_snooping 0",
                   "link set br0 up")
        self.ports = {}
        self.links = {}  # host: (interface, hardware address, addresses)
        self.capture = Capture(self.ns, self.ports)

    def attach(self, host, number):
        """A port for a host, which gets .number as its address; a host may
        have several."""
        port = f"to-{host.name}"
        if port in self.ports:
            port += f"-{number}"
        interface = f"eth{len(host.nets)}"
        mac = f"02:00:00:00:{self.number:02x}:{number:02x}"
        self.ports[port] = host.name
        self.ns.ip(
            f"link add {port} type veth peer name {interface} "
            f"address {mac} netns {host.ns.name}",
            f"link set {port} master br0 up")
        if self.netem:
            self.ns.run("tc", "qdisc", "add", "dev", port, "root", "netem",
                        *" ".join(self.netem).split())
        v4 = f"10.0.{self.number}.{number}"
        v6 = str(ipaddress.ip_address(f"fd00:0:0:{self.number:x}::{number:x}"))
        host.ns.ip(f"link set {interface} up",
                   f"address add {v4}/24 dev {interface}",
                   f"address add {v6}/64 dev {interface} nodad")
        self.links.setdefault(host.name, (interface, mac, {4: v4, 6: v6}))
        host.attached(self, interface, {4: v4, 6: v6})

    def introduce(self, *hosts):
        """Hosts that know each other's hardware addresses already, for what
        measures time."""
        for host in hosts:
            host.ns.ip(*(
                f"neigh replace {address} lladdr {mac} dev {interface} "
                "nud reachable"
                for other in hosts if other is not host
                for interface, _, _ in [self.links[host.name]]
                for _, mac, own in [self.links[other.name]]
                for address in own.values()))

    def close(self):
        try:
            self.capture.close()
        finally:
            self.ns.close()


class Host:
    def __init__(self, lab, name):
        self.lab = lab
        self.name = name
        self.nets = []
        self.addresses = []
        self.own = {4: [], 6: []}
        self.dir = f"{lab.dir}/{name}"
        os.makedirs(self.dir)
        self.ns = Namespace(name)
        for where in ("all", "default"):
            self.ns.sysctl(f"ipv6.conf.{where}.accept_dad", 0)
            self.ns.sysctl(f"ipv6.conf.{where}.router_solicitations", 0)
        self._agent = None
        self._keys = None
        self.beside = []  # other programs, with a log() and a close()

    def attached(self, net, interface, own):
        if not self.nets:
            self.ns.ip(f"route add default dev {interface}",
                       f"route add ::/0 dev {interface}")
        self.nets.append(net)
        for family, address in own.items():
            self.own[family].append(address)
            self.addresses.append(address)
        # The link-local one, which the kernel made, or will at once.
        shown = wait_until(
            lambda: self.ns.run("ip", "-6", "-o", "address", "show", "dev",
                                interface, "scope", "link"), 5,
            "a link-local address")
        self.link_local = shown.split()[3].split("/")[0]
        self.addresses.append(self.link_local)

    @property
    def ip(self):
        """The first address, of the scenario's family."""
        return self.own[self.lab.family][0]

    @property
    def keys(self):
        if self._keys is None:
            self._keys = Keys(self)
        return self._keys

    @property
    def agent(self):
        if self._agent is None:
            self._agent = Agent(self)
        return self._agent

    def add_addresses(self, count, group=1):
        """More addresses of the scenario's family, on the loopback device:
        10.1.group.0/24 or fd00:1:0:group::/64. Others need a route to it."""
        if self.lab.family == 4:
            new = [f"10.1.{group}.{i + 1}" for i in range(count)]
        else:
            new = [f"fd00:1:0:{group:x}::{i + 1:x}" for i in range(count)]
        bits = 32 if self.lab.family == 4 else 128
        self.ns.ip(*(f"address add {a}/{bits} dev lo" for a in new))
        self.addresses.extend(new)
        return new

    def route(self, network, via):
        self.ns.ip(f"route add {network} via {via}")

    # Policy and agent

    def policy(self, name, level, networks=None, **keys):
        """Writes one policy file; without networks it is for all of the
        lab's addresses."""
        networks = networks or ["10.0.0.0/8", "fd00::/8"]
        lines = ["[Policy]", f"Encryption={level}",
                 f"Networks={' '.join(networks)}"]
        lines += [f"{key}={value}" for key, value in keys.items()]
        self.config(f"policy.d/{name}.conf", "\n".join(lines) + "\n")

    def config(self, name, text, etc=None):
        path = f"{etc or self.agent.etc}/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)

    def start_agent(self, *options):
        self.agent.start(*options)
        return self

    # The kernel

    def states(self, peer=None):
        """ESP states (not larval ones), all or those with this peer."""
        found = [s for s in xfrm.states(self.ns) if s.spi]
        if peer is None:
            return found
        peer = peer if isinstance(peer, str) else peer.ip
        return [s for s in found if peer in (s.src, s.dst)]

    def policies(self):
        return xfrm.policies(self.ns)

    def traps(self):
        """Policies that send to ESP, or block."""
        return [p for p in self.policies() if p.templates or
                p.action == "block"]

    def secured(self, peer):
        """Is there exactly one pair of states with this peer, of its and our
        first addresses?"""
        ends = {self.ip, peer.ip}
        return sorted(s.src for s in self.states()
                      if {s.src, s.dst} == ends) == sorted(ends)

    def peer_state(self, peer):
        """What the agent says of a peer: "secured", "clear", ...; None where
        it knows none."""
        for p in self.agent.tacit("peers"):
            if p["address"] == peer.ip:
                return p["state"]
        return None

    def tables(self):
        return self.ns.run("nft", "list", "tables").split("\n")

    def report(self):
        """All that helps to understand a failure."""
        def attempt(function, *arguments):
            try:
                return function(*arguments, check=False)
            except Exception as e:  # the report goes on whatever happens
                return f"{arguments}: {e}"

        def text(*argv):
            return attempt(self.ns.run, *argv)
        def several(things, most=40):
            things = list(things)
            more = len(things) - most
            return "\n".join(map(str, things[:most])) + \
                (f"\nand {more} more" if more > 0 else "")

        parts = [("processes", str(self.ns.processes())),
                 ("states", several(xfrm.states(self.ns))),
                 ("policies", several(p for p in self.policies()
                                      if p.templates or "/0" not in p.src)),
                 ("xfrm counters",
                  str({k: v for k, v in self.ns.counters().items() if v})),
                 ("nft ruleset", several(
                     text("nft", "list", "ruleset").splitlines(), 150))]
        if self._agent:
            for command in ("status", "peers"):
                if self._agent.process:
                    parts.append((f"tacit {command}",
                                  attempt(self._agent.text, command)))
            log = self._agent.log().splitlines()
            parts.append(("log", "\n".join(log[-60:])))
        parts += [(type(other).__name__,
                   "\n".join(other.log().splitlines()[-60:]))
                  for other in self.beside]
        return [(f"{self.name}: {what}", content) for what, content in parts]

    def close(self):
        if self._agent:
            self._agent.close()
        for other in self.beside:
            other.close()
        self.ns.close()


class Lab:
    """All wires and hosts of one scenario."""

    def __init__(self, family, directory):
        self.family = family
        self.dir = directory
        os.makedirs(directory)
        self.nets = []
        self.hosts = []

    def net(self, **options):
        net = Net(self, len(self.nets), **options)
        self.nets.append(net)
        return net

    def host(self, name, *nets, number=None):
        host = Host(self, name)
        self.hosts.append(host)
        for net in nets:
            net.attach(host, number or len(self.hosts))
        return host

    def pair(self, **options):
        """Two hosts on one wire: (net, a, b)."""
        net = self.net(**options)
        return net, self.host("a", net), self.host("b", net)

    def report(self):
        parts = []
        for host in self.hosts:
            parts += host.report()
        for net in self.nets:
            frames = net.capture.frames()
            text = "\n".join(str(f) for f in frames[-60:])
            parts.append((f"wire {net.number}: {len(frames)} frames, the "
                          "last ones", text))
        return parts

    def close(self):
        try:
            for host in self.hosts:
                host.close()
        finally:
            errors = []
            for net in self.nets:
                try:
                    net.close()
                except AssertionError as e:
                    errors.append(e)
            unmount(self.dir)
            shutil.rmtree(self.dir, ignore_errors=True)
            if errors:
                raise errors[0]
