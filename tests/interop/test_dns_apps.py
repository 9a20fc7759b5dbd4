# SPDX-License-Identifier: LGPL-2.1-or-later
"""NameSocket with a real signed tree: the key of the name that the user typed,
whatever DNS says of addresses, and whoever is there."""

import errno

import pytest
from lab import wait_until
from test_apps import client, error_of, new, refused, require
from test_dns_auth import configure, hosts, proof, record, start
from traffic import Listener

pytestmark = pytest.mark.usefixtures("agents")
__all__ = ["hosts"]


@pytest.mark.quick
@pytest.mark.seconds(7)
def test_name(hosts, lab):
    """b has a key under its name and none under its address. c has the name's
    address, by a lie, and a key of its own, also under its own name."""
    net, a, b, server = hosts
    kind = "A" if lab.family == 4 else "AAAA"
    c = lab.host("c", net)
    for host in (a, b, c):
        configure(host, server, "offer", Wait="yes")
    for host in (b, c):
        host.config("tacit.conf.d/name.conf", "[Authentication]\n"
                    f"LocalIdentity={host.name}.lab.test\n")
        server.add(f"{host.name}.lab.test.", "IPSECKEY", record(host))
    server.add("b.lab.test.", kind, c.ip)
    start(server, a, b, c)
    bus = client(a)
    listeners = [Listener(host, 7000) for host in (b, c)]
    mark = net.capture.mark()
    named, lured, unknown = new(a), new(a), new(a)
    bus.call("NameSocket", "hs", named, "b.lab.test")
    bus.call("NameSocket", "hs", lured, "b.lab.test")
    bus.call("NameSocket", "hs", unknown, "nobody.lab.test")
    # No address record says that b is there, and none is needed.
    assert require(bus, named, b.ip)["Identity"] == "@b.lab.test"
    named.connect((b.ip, 7000))
    refused("WrongPeer", require, bus, lured, c.ip)
    refused("WrongPeer", require, bus, unknown, c.ip)
    for s in (lured, unknown):
        assert error_of(s.connect, (c.ip, 7000)) == errno.EAGAIN
    other = new(a)
    assert require(bus, other, c.ip, Identity="c.lab.test")["Encrypted"]
    other.connect((c.ip, 7000))
    wait_until(lambda: proof(a, c) == "@c.lab.test", 5, "c's name")
    for host in (b, c):
        assert net.capture.clear_packets(a, host, mark) == []
    for x in (named, lured, unknown, other, *listeners):
        x.close()
