# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which name a key is looked for under and what it then proves; several keys,
slow answers, and answers that are known already."""

import os
import time

import pytest
from dnstree import reverse
from lab import wait_until
from peer_keys import key
from test_dns_auth import configure, hosts, ping, proof, record, start

__all__ = ["hosts"]
pytestmark = pytest.mark.usefixtures("agents")


def address_kind(lab):
    return "A" if lab.family == 4 else "AAAA"


def wire(name):
    return b"".join(bytes([len(x)]) + x.encode() for x in name.split("."))


def write_program(path, text):
    with open(path, "w", encoding="ascii") as f:
        f.write(f"#!/bin/sh\n{text}\n")
    os.chmod(path, 0o755)


def questions(net, host, since):
    """What the host has asked the name server since then."""
    return [f for f in net.capture.frames(since)
            if f.dport == 53 and f.src in host.addresses]


def test_forward(hosts, lab):
    """The name that the policy gives is asked, and nothing but it; the peer
    proves that name."""
    net, a, b, server = hosts
    configure(a, server, "require", "require", Identity="B.lab.test",
              Lookup="name")
    configure(b, server, "require", "require", Identity="a.lab.test")
    for host in (a, b):
        host.config("tacit.conf.d/name.conf", "[Authentication]\n"
                    f"LocalIdentity={host.name}.Lab.test\n")
        server.add(f"{host.name}.lab.test.", "IPSECKEY", record(host))
    start(server, a, b)
    ping(a, b)
    wait_until(lambda: a.secured(b) and b.secured(a), 10, "SAs")
    assert (proof(a, b), proof(b, a)) == ("@b.lab.test", "@a.lab.test")
    asked = b"".join(f.payload for f in questions(net, a, 0))
    assert b"\1b\3lab\4test" in asked
    assert wire(reverse(b.ip)) not in asked


def test_address_mismatch(hosts, lab):
    """A name is not proven from an address that it has not."""
    net, a, b, server = hosts
    configure(a, server, "offer", "require")
    configure(b, server, "require", "require", Identity="*.lab.test")
    a.config("tacit.conf.d/name.conf",
             "[Authentication]\nLocalIdentity=a.lab.test\n")
    server.add("a.lab.test.", "IPSECKEY", record(a))
    server.add("a.lab.test.", address_kind(lab), b.ip)
    server.add(reverse(b.ip), "IPSECKEY", record(b))
    start(server, a, b)
    ping(a, b)
    wait_until(lambda: "is not at this address" in b.agent.log(), 10,
               "the refusal")
    assert not a.states(b) and not b.states(a)
    assert not net.capture.clear_packets(a, b)


@pytest.mark.parametrize("who", ["itself", "somebody"])
def test_roaming(hosts, who):
    """A name with a policy of its own may come from anywhere in the networks,
    and has no address in DNS; who only says that name gets nothing."""
    net, a, b, server = hosts
    configure(a, server, "offer", "offer", Wait="yes")
    configure(b, server, "require", "offer")
    b.policy("roams", "offer", Identity="a.lab.test", Lookup="name",
             ChildLifetime="1h")
    a.config("tacit.conf.d/name.conf",
             "[Authentication]\nLocalIdentity=a.lab.test\n")
    server.add("a.lab.test.", "IPSECKEY",
               record(a if who == "itself" else b))
    server.add(reverse(b.ip), "IPSECKEY", record(b))
    start(server, a, b)
    ping(a, b)
    if who == "itself":
        wait_until(lambda: a.secured(b) and b.secured(a), 10, "SAs")
        assert proof(b, a) == "@a.lab.test"
        assert [p["policy"] for p in b.agent.tacit("peers")] == ["roams"]
        wait_until(
            lambda: b.agent.tacit("policy", "show", "roams")["secured"] == 1,
            5, "it is counted there")
    else:
        wait_until(lambda: "authentication failed" in b.agent.log(), 10,
                   "the refusal")
        assert not a.states(b) and not b.states(a)


def test_multi(hosts):
    """One of five keys is the peer's."""
    _, a, b, server = hosts
    for host in (a, b):
        configure(host, server, "require", "require")
    server.add(reverse(a.ip), "IPSECKEY", record(a))
    for i, kind in enumerate(("ed25519", "p256", "rsa2048")):
        server.add(reverse(b.ip), "IPSECKEY", key(kind, "x").ipseckey(i))
    server.add(reverse(b.ip), "IPSECKEY", key("ed25519", "y").ipseckey(50))
    server.add(reverse(b.ip), "IPSECKEY", record(b))
    start(server, a, b)
    ping(a, b)
    wait_until(lambda: a.secured(b) and b.secured(a), 10, "SAs")
    assert proof(a, b) == b.ip


@pytest.mark.seconds(6)
def test_slow(hosts):
    """Slow is not none: IKE_SA_INIT does not wait for DNS, and IKE_AUTH
    does."""
    net, a, b, server = hosts
    for host in (a, b):
        configure(host, server, "require", "require")
        server.add(reverse(host.ip), "IPSECKEY", record(host))
    start(server, a, b)
    net.ns.run("tc", "qdisc", "add", "dev", "to-ns", "root", "netem", "delay",
               "100ms")
    ping(a, b)
    wait_until(lambda: a.secured(b) and b.secured(a), 15, "SAs")
    assert proof(a, b) == b.ip
    assert not net.capture.clear_packets(a, b)
    frames = net.capture.frames()
    init = next(f.time for f in frames if f.kind == "ike")
    auth = next(f.time for f in frames
                if f.kind == "ike" and f.ike.exchange == 35)
    answers = [f.time for f in frames if f.sport == 53 and f.time < auth]
    assert init < answers[0] < answers[-1] < auth


@pytest.mark.seconds(8)
@pytest.mark.parametrize("command", [False, True], ids=["dns", "command"])
def test_budget(hosts, command):
    """IKE_AUTH waits so long as the policy says, on either side, and goes on
    without a key then: the name server is silent, and a program that is asked
    before it has the same time, not one of its own."""
    net, a, b, server = hosts
    for host, budget in ((a, "1s"), (b, "2s")):
        configure(host, server, "offer", Wait="yes", WaitTime="10s",
                  LookupTime=budget)
        if command:
            program = f"/run/lab/{host.name}-keys"
            write_program(program, "exec sleep 100")
            host.config("tacit.conf.d/command.conf",
                        f"[Keys]\nCommand={program}\n")
    start(server, a, b)
    server.hang()
    begun = time.time()
    ping(a, b)
    wait_until(lambda: a.secured(b) and b.secured(a), 10, "SAs")
    assert (proof(a, b), proof(b, a)) == (None, None)
    auth = [f for f in net.capture.frames()
            if f.kind == "ike" and f.ike.exchange == 35]
    asked = next(f.time for f in auth if f.src == a.ip)
    answered = next(f.time for f in auth if f.src == b.ip)
    assert 0.99 < asked - begun < 1.9
    assert 1.99 < answered - asked < 3.8


@pytest.mark.seconds(6)
def test_cached(hosts):
    """What is known is not asked again."""
    net, a, b, server = hosts
    for host in (a, b):
        configure(host, server, "require", "require")
        server.add(reverse(host.ip), "IPSECKEY", record(host))
    start(server, a, b)
    ping(a, b)
    wait_until(lambda: a.secured(b) and b.secured(a), 10, "SAs")
    since = net.capture.mark()
    b.agent.restart()
    ping(b, a)
    wait_until(lambda: a.secured(b) and b.secured(a), 10, "SAs")
    assert proof(a, b) == b.ip
    assert not questions(net, a, since)
    assert questions(net, b, since)
