# SPDX-License-Identifier: LGPL-2.1-or-later
"""Keys from a real signed tree: NSD serves it, ldns signed it, and our look-up
begins at its root."""

import os

import pytest
from agent import BUILD
from dnstree import NameServer, reverse
from peer_keys import key

PROBE = os.environ.get("TACIT_KEY_PROBE",
                       os.path.join(BUILD, "tests/lab/key-probe"))


class Answer:
    def __init__(self, line):
        fields = line.split(None, 7)
        self.peer, self.status, self.source, self.name = fields[:4]
        self.keys, self.skipped, self.ms = map(int, fields[4:7])
        self.why = fields[7] if len(fields) > 7 else ""


def look_up(host, server, *peers):
    out = host.ns.run(PROBE, server.anchor, server.hints,
                      input="\n".join(peers) + "\n", timeout=60)
    answers = {a.peer: a for a in map(Answer, out.splitlines())}
    assert sorted(answers) == sorted(peers), out
    return [answers[p] for p in peers]


@pytest.fixture
def tree(lab, nameserver_root):
    net = lab.net()
    host = lab.host("a", net)
    server = NameServer(lab, "ns", nameserver_root)
    lab.hosts.append(server)
    net.attach(server, 53)
    return host, server


def test_reverse(tree, lab):
    host, server = tree
    server.add(reverse(host.ip), "IPSECKEY", key("ed25519", "a").ipseckey())
    server.add(reverse(host.ip), "IPSECKEY", key("rsa3072", "a").ipseckey(20))
    server.publish()
    found, none = look_up(host, server, host.ip, server.ip)
    assert (found.status, found.source, found.keys) == ("secure", "reverse", 2)
    assert found.name == reverse(host.ip)
    assert none.status == "none"


def test_pointer(tree, lab):
    host, server = tree
    kind = "A" if lab.family == 4 else "AAAA"
    server.add(reverse(host.ip), "PTR", "a.lab.test.")
    server.add("a.lab.test.", "IPSECKEY", key("p256", "a").ipseckey())
    server.add("a.lab.test.", kind, host.ip)
    server.add(reverse(server.ip), "PTR", "a.lab.test.")
    server.publish()
    good, liar, name = look_up(host, server, host.ip, server.ip, "a.lab.test.")
    assert (good.status, good.source, good.name) == \
        ("secure", "pointer", "a.lab.test.")
    assert (liar.status, liar.source) == ("none", "reverse")
    assert (name.status, name.source) == ("secure", "forward")


def test_unsigned(tree):
    """A zone that its parent does not vouch for."""
    host, server = tree
    server.zone("plain.test.", signed=False)
    server.add("a.plain.test.", "IPSECKEY", key("ed25519", "a").ipseckey())
    server.publish()
    found, none = look_up(host, server, "a.plain.test.", "b.plain.test.")
    assert (found.status, found.keys) == ("insecure", 1)
    assert none.status == "none"


def test_expired(tree):
    host, server = tree
    server.add("a.lab.test.", "IPSECKEY", key("ed25519", "a").ipseckey())
    server.zones["lab.test."].expired = True
    server.publish()
    found, none = look_up(host, server, "a.lab.test.", "b.lab.test.")
    assert (found.status, found.keys) == ("bogus", 0)
    assert "expired" in found.why
    assert none.status == "bogus"


def test_another_key(tree):
    """Signed anew with another key: by then the parent vouches for it."""
    host, server = tree
    server.add("a.lab.test.", "IPSECKEY", key("ed25519", "a").ipseckey())
    server.publish()
    server.roll_key("lab.test.")
    server.publish()
    assert look_up(host, server, "a.lab.test.")[0].status == "secure"


def test_stolen_zone(tree):
    """Signed by somebody for whom the parent does not vouch."""
    host, server = tree
    server.add("a.lab.test.", "IPSECKEY", key("ed25519", "a").ipseckey())
    server.publish()
    zone = server.zones["lab.test."]
    server.roll_key("lab.test.")
    server.write_zone(zone)
    server.sign(zone)
    server.serve()
    assert look_up(host, server, "a.lab.test.")[0].status == "bogus"


@pytest.mark.seconds(30)
def test_silence(tree):
    host, server = tree
    server.publish()
    server.hang()
    found, = look_up(host, server, "a.lab.test.")
    assert found.status == "unreachable"
    assert found.why


@pytest.mark.seconds(10)
def test_many(tree):
    """A thousand at once."""
    host, server = tree
    rdata = key("ed25519", "a").ipseckey()
    names = [f"h{i}.lab.test." for i in range(1000)]
    for name in names:
        server.add(name, "IPSECKEY", rdata)
    server.publish()
    assert {a.status for a in look_up(host, server, *names)} == {"secure"}
