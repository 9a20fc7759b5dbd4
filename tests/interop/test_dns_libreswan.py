# SPDX-License-Identifier: LGPL-2.1-or-later
"""Our agent and libreswan, which know each other's RSA keys from one signed tree
alone: libreswan looks for a responder under its address, and for an initiator
under the name that it says."""

import pytest
from dnstree import NameServer, reverse
from lab import wait_until
from libreswan import LibreswanHost
from peer_keys import key
from test_dns_auth import proof
from test_known import own_key
from traffic import ping

pytestmark = pytest.mark.usefixtures("agents")

# Its libunbound answers for "test." and for the reverse trees of private
# networks by itself: these are for benchmarks (RFC 2544, RFC 5180).
NETWORK = {4: ("198.18.0.{}", 24), 6: ("2001:2::{}", 64)}
SETUP = {"dnssec-enable": "yes", "dnssec-rootkey-file": "/etc/root.key"}


def renumber(host, number):
    """Its first address becomes another one."""
    text, bits = NETWORK[host.lab.family]
    address = text.format(number)
    host.ns.ip(f"address add {address}/{bits} dev eth0" +
               (" nodad" if host.lab.family == 6 else ""))
    host.addresses.append(address)
    host.own[host.lab.family][0] = address


@pytest.fixture
def hosts(lab, nameserver_root, libreswan_root):
    net = lab.net()
    a = lab.host("a", net)
    b = LibreswanHost(lab, "b", libreswan_root)
    server = NameServer(lab, "ns", nameserver_root)
    lab.hosts += [b, server]
    net.attach(b, 2)
    net.attach(server, 53)
    for zone in ("example.", "lab.example."):
        server.zone(zone)
    for number, host in enumerate((a, b), 1):
        renumber(host, number)
    kind = "A" if lab.family == 4 else "AAAA"
    for host in (a, b):
        rdata = key("rsa2048", host.name).ipseckey()
        server.add(reverse(host.ip), "IPSECKEY", rdata)
        server.add(f"{host.name}.lab.example.", "IPSECKEY", rdata)
        server.add(f"{host.name}.lab.example.", kind, host.ip)
    server.publish()
    own_key(a, "rsa2048")
    a.config("tacit.conf.d/dns.conf",
             f"[DNS]\nServers={server.ip}\nTrustAnchors={server.anchor}\n")
    b.write("hosts", "")
    b.write("resolv.conf", f"nameserver {server.ip}\n")
    with open(server.anchor, encoding="ascii") as f:
        b.write("root.key", f.read())
    return net, a, b


def network(host):
    return f"{host.ip}/{128 if ':' in host.ip else 32}"


def encrypted(net, a, b):
    wait_until(lambda: a.secured(b), 10, "SAs")
    since = net.capture.mark()
    assert None not in ping(a, b.ip, 3)
    assert not net.capture.clear_packets(a, b, since)
    assert net.capture.esp_packets(a, b, since)


@pytest.mark.seconds(8)
def test_initiator(hosts):
    """It finds our key under our address, and we find its key under its."""
    net, a, b = hosts
    a.policy("p", "require", [network(b)], Authentication="require")
    b.configure([network(a)], SETUP, authby="rsasig", leftid=b.ip, rightid=None,
                leftckaid=b.import_key(key("rsa2048", "b")),
                rightrsasigkey="%dnsondemand")
    a.start_agent()
    b.start()
    ping(b, a.ip, 1)
    encrypted(net, a, b)
    assert proof(a, b) == b.ip


@pytest.mark.seconds(8)
def test_responder(hosts):
    """We begin, and it looks for our key under the name that we say."""
    net, a, b = hosts
    a.policy("p", "require", [network(b)], Authentication="require")
    a.config("tacit.conf.d/name.conf",
             "[Authentication]\nLocalIdentity=a.lab.example\n")
    b.configure_peer(a, key=key("rsa2048", "b"), peer_key=None,
                     peer_identity="@a.lab.example", setup=SETUP,
                     rightpubkey=None, rightrsasigkey="%dnsondemand")
    a.start_agent()
    b.start()
    ping(a, b.ip, 1)
    encrypted(net, a, b)
    assert proof(a, b) == b.ip
