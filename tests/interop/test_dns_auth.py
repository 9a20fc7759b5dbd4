# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two hosts that know nothing of each other but DNS: authenticated where a key
is published, anonymous or not at all where none is, as policy says."""

import base64
import time

import pytest
from dnstree import NameServer, reverse
from lab import wait_until
from traffic import Sink, Stream

pytestmark = pytest.mark.usefixtures("agents")


def record(host):
    """The RDATA of the host's own key."""
    return f"10 0 4 . {base64.b64encode(host.keys.spki[-32:]).decode()}"


def configure(host, server, authentication, encryption="offer", **keys):
    # The name server itself, and what asks it, stay in the clear.
    host.policy("dns", "forbid", [f"{a}/{32 if '.' in a else 128}"
                                  for a in server.addresses[:2]])
    host.policy("p", encryption, Authentication=authentication, **keys)
    host.config("tacit.conf.d/dns.conf",
                f"[DNS]\nServers=none\nTrustAnchors={server.anchor}\n"
                f"RootHints={server.hints}\nLookupTime=5s\n")


@pytest.fixture
def hosts(lab, nameserver_root):
    net, a, b = lab.pair()
    server = NameServer(lab, "ns", nameserver_root)
    lab.hosts.append(server)
    net.attach(server, 53)
    server.zone("plain.test.", signed=False)
    return net, a, b, server


def proof(host, peer):
    """What the agent says of the peer: its identity, or None."""
    for p in host.agent.tacit("peers"):
        if p["address"] == peer.ip:
            return p.get("identity") or None
    return None


def start(server, *hosts):
    server.publish()
    for host in hosts:
        host.start_agent()


def ping(a, b):
    a.ns.run("ping", "-c", "1", "-W", "5", b.ip, check=False)


@pytest.mark.parametrize("who", ["both", "a", "b", "none"])
def test_offer(hosts, who):
    """Whoever has a key in DNS is known by it; whoever has none is
    anonymous."""
    _, a, b, server = hosts
    for host in (a, b):
        configure(host, server, "offer", Wait="yes")
        if who in ("both", host.name):
            server.add(reverse(host.ip), "IPSECKEY", record(host))
    start(server, a, b)
    ping(a, b)
    wait_until(lambda: a.secured(b) and b.secured(a), 10, "SAs")
    assert proof(a, b) == (b.ip if who in ("both", "b") else None)
    assert proof(b, a) == (a.ip if who in ("both", "a") else None)


@pytest.mark.quick
@pytest.mark.seconds(4)
def test_offer_bogus(hosts):
    """Whose key in DNS is spoilt is anonymous, and that is said."""
    _, a, b, server = hosts
    for host in (a, b):
        configure(host, server, "offer", Wait="yes")
    server.add(reverse(b.ip), "IPSECKEY", record(b))
    server.zones["ip6.arpa." if ":" in b.ip else "in-addr.arpa."].expired = True
    start(server, a, b)
    ping(a, b)
    wait_until(lambda: proven(a, b) is None, 10, "an anonymous SA")

    def reason():
        return [p["reason"] for p in a.agent.tacit("peers")]
    wait_until(lambda: reason() == ["DNSSEC validation of its key fails"], 5,
               "what is wrong")
    assert "is bogus: it is anonymous" in a.agent.log()


def publish(server, a, b, dns):
    """What DNS says of b's key; dead is up to the caller."""
    name = reverse(b.ip)
    if dns == "wrong":
        server.add(name, "IPSECKEY", record(a))
    elif dns == "insecure":
        server.add(name, "PTR", "b.plain.test.")
        server.add("b.plain.test.", "A" if "." in b.ip else "AAAA", b.ip)
        server.add("b.plain.test.", "IPSECKEY", record(b))
    elif dns != "none":
        server.add(name, "IPSECKEY", record(b))
    zone = "ip6.arpa." if ":" in b.ip else "in-addr.arpa."
    server.zones[zone].expired = dns == "bogus"
    if dns == "rolled":
        server.publish()
        server.roll_key(zone)


@pytest.mark.parametrize("dns", [
    *(pytest.param(x, marks=pytest.mark.quick) for x in ("key", "none", "bogus")),
    "wrong", "insecure", "dead", "rolled"])
def test_require(hosts, dns):
    """Only the key that is proven to be the peer's will do."""
    net, a, b, server = hosts
    for host in (a, b):
        configure(host, server, "require", "require")
    server.add(reverse(a.ip), "IPSECKEY", record(a))
    publish(server, a, b, dns)
    start(server, a, b)
    if dns == "dead":
        server.stop()
    ping(a, b)
    if dns in ("key", "rolled"):
        wait_until(lambda: a.secured(b) and b.secured(a), 10, "SAs")
        assert (proof(a, b), proof(b, a)) == (b.ip, a.ip)
        ping(a, b)
    else:
        ping(a, b)
        assert not a.states(b) and not b.states(a)
    assert not net.capture.clear_packets(a, b)


# Beside require, what becomes of it: who b is, whether there are SAs, and what
# is said.
LEVELS = {
    ("allow", "key"): (False, True, ""),
    ("allow", "none"): (False, True, ""),
    ("allow", "wrong"): (False, True, ""),
    ("allow", "bogus"): (False, True, ""),
    ("allow", "insecure"): (False, True, ""),
    ("allow", "dead"): (False, True, ""),
    ("offer", "key"): (True, True, ""),
    ("offer", "none"): (False, True, ""),
    ("offer", "wrong"): (False, False, "no key is known"),
    ("offer", "bogus"): (False, True, "DNSSEC validation of its key fails"),
    ("offer", "insecure"): (False, True, ""),
    ("offer", "dead"): (False, True, ""),
}


@pytest.mark.parametrize("level,dns", LEVELS)
def test_levels(hosts, level, dns):
    """Only a key that is proven to be the peer's makes it known. One that
    others are proven by is no reason to take it for nobody."""
    _, a, b, server = hosts
    known, protected, said = LEVELS[level, dns]
    configure(a, server, level, Wait="yes", WaitTime="20s")
    configure(b, server, "offer", Wait="yes", WaitTime="20s")
    publish(server, a, b, dns)
    start(server, a, b)
    if dns == "dead":
        server.stop()
    ping(a, b)

    def peer():
        return [p for p in a.agent.tacit("peers") if p["address"] == b.ip][0]
    if protected:
        wait_until(lambda: a.secured(b) and b.secured(a), 15, "SAs")
    wait_until(lambda: said in peer()["reason"], 10, "the reason")
    assert proof(a, b) == (b.ip if known else None)
    assert bool(a.states(b)) == protected


def test_claimed_name(hosts, lab):
    """The responder looks up who the initiator says it is, and believes it
    only at the address that the name has."""
    _, a, b, server = hosts
    kind = "A" if lab.family == 4 else "AAAA"
    for host in (a, b):
        configure(host, server, "offer", Wait="yes")
    a.config("tacit.conf.d/name.conf",
             "[Authentication]\nLocalIdentity=a.lab.test\n")
    server.add("a.lab.test.", "IPSECKEY", record(a))
    server.add("a.lab.test.", kind, a.ip)
    start(server, a, b)
    ping(a, b)
    wait_until(lambda: a.secured(b) and b.secured(a), 10, "SAs")
    assert proof(b, a) == "@a.lab.test"


def test_asked_by_address(hosts):
    """A host with a name of its own proves the address under which its key was
    found."""
    _, a, b, server = hosts
    for host in (a, b):
        configure(host, server, "offer", Wait="yes")
    b.config("tacit.conf.d/name.conf",
             "[Authentication]\nLocalIdentity=b.lab.test\n")
    server.add(reverse(b.ip), "IPSECKEY", record(b))
    start(server, a, b)
    ping(a, b)
    wait_until(lambda: a.secured(b) and b.secured(a), 10, "SAs")
    # When both begin it may be anonymous for a moment.
    wait_until(lambda: proof(a, b) == b.ip, 5, "its proof")


@pytest.mark.parametrize("encryption", ["offer", "require"])
def test_discover(hosts, encryption):
    """Discover=dns: nobody knocks where no key is published, and who has
    one is encrypted with the first packet."""
    net, a, b, server = hosts
    keys = {"Wait": "yes"} if encryption == "offer" else {}
    configure(a, server, "offer", encryption, Discover="dns", **keys)
    configure(b, server, "offer", "allow")
    start(server, a, b)
    ping(a, b)
    assert not net.capture.ike_packets(a, b)
    state = a.peer_state(b)
    assert state == ("blocked" if encryption == "require" else "clear")
    a.agent.stop()
    server.add(reverse(b.ip), "IPSECKEY", record(b))
    server.publish()
    since = net.capture.mark()
    a.start_agent()
    out = a.ns.run("ping", "-c", "1", "-W", "5", b.ip)
    assert " 0% packet loss" in out
    assert a.secured(b)
    assert proof(a, b) == b.ip
    assert not net.capture.clear_packets(a, b, since)


def proven(host, peer):
    """Its proof, where it is secured; else what became of it."""
    state = host.peer_state(peer)
    return proof(host, peer) if state == "secured" else state


@pytest.mark.quick
@pytest.mark.seconds(12)
def test_key_changes(hosts):
    """The key of a peer in use appears, and is withdrawn: both are noticed when
    what was known runs out, and an anonymous SA is replaced without a loss."""
    _, a, b, server = hosts
    server.ttl = 2
    for host in (a, b):
        configure(host, server, "offer", Wait="yes")
    start(server, a, b)
    ping(a, b)
    wait_until(lambda: proven(a, b) is None, 5, "an anonymous SA")
    sink = Sink(b, 4000)
    stream = Stream(a, b.ip, 4000, 0.02)
    server.add(reverse(b.ip), "IPSECKEY", record(b))
    server.publish()
    wait_until(lambda: proven(a, b) == b.ip, 12, "the peer's proof")
    stream.stop()
    time.sleep(0.2)
    assert len(sink.packets()) == len(stream.times)
    server.remove(reverse(b.ip))
    server.publish()
    wait_until(lambda: proven(a, b) != b.ip, 12, "its end")
    assert "is withdrawn" in a.agent.log()
