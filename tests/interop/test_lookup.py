# SPDX-License-Identifier: LGPL-2.1-or-later
"""`tacit lookup` and `tacit key dns` with a real signed tree: each link of the
chain, and what follows from it."""

import pytest
from command import tacit
from dnstree import NameServer, reverse
from peer_keys import key

pytestmark = pytest.mark.usefixtures("agents")

SECURE, NONE, INSECURE, BOGUS, NO_HOST = 0, 20, 21, 22, 24


def configure(host, server, extra=""):
    host.config("tacit.conf.d/dns.conf",
                f"[DNS]\nServers=none\nTrustAnchors={server.anchor}\n"
                f"RootHints={server.hints}\n{extra}")


@pytest.fixture
def tree(lab, nameserver_root):
    net = lab.net()
    host = lab.host("a", net)
    server = NameServer(lab, "ns", nameserver_root)
    lab.hosts.append(server)
    net.attach(server, 53)
    host.policy("p", "offer", Authentication="offer")
    return host, server


def chain(place):
    return [(link["zone"], link["status"]) for link in place["chain"]]


# Both families are in the one tree.
@pytest.mark.family(4)
@pytest.mark.quick
@pytest.mark.seconds(12)
def test_lookup(tree):
    host, server = tree
    record = key("ed25519", "a").ipseckey()
    v4, v6 = (host.own[family][0] for family in (4, 6))
    server.zone("plain.test.", signed=False)
    server.zone("old.test.").expired = True
    for zone, address in (("lab", v4), ("plain", server.own[4][0]),
                          ("old", server.own[4][0])):
        server.add(f"h.{zone}.test.", "IPSECKEY", record)
        server.add(f"h.{zone}.test.", "A", address)
    server.add("h.lab.test.", "AAAA", v6)
    server.add("keyless.lab.test.", "A", server.own[4][0])
    server.add(reverse(v4), "IPSECKEY", record)
    server.add(reverse(v6), "PTR", "h.lab.test.")
    server.publish()
    configure(host, server)
    host.policy("named", "offer", networks=["192.0.2.9"], Authentication="offer",
                Identity="@h.lab.test", Lookup="name")
    host.start_agent()

    good = tacit(host, "lookup", "h.lab.test", "--json")
    assert good.code == SECURE, good
    found = good.json
    secure = [(z, "secure") for z in (".", "test.", "lab.test.")]
    assert chain(found["forward"]) == secure
    assert found["forward"]["keys"][0]["type"] == "Ed25519"
    one, other = found["addresses"]
    assert (one["address"], one["source"]) == (v4, "reverse")
    assert chain(one) == [(".", "secure"), ("in-addr.arpa.", "secure")]
    assert (other["address"], other["source"], other["at"]) == \
        (v6, "pointer", "h.lab.test.")
    assert chain(other) == [(".", "secure"), ("ip6.arpa.", "secure")]
    assert f"proven to be {v4}" in one["conclusion"]
    assert "proven to be h.lab.test" in other["conclusion"]

    plain = tacit(host, "lookup", "h.plain.test", "--json")
    assert chain(plain.json["forward"])[-1] == ("plain.test.", "insecure")
    assert "DS" in plain.json["forward"]["chain"][-1]["why"]
    old = tacit(host, "lookup", "h.old.test", "--json")
    assert chain(old.json["forward"])[-1] == ("old.test.", "bogus")
    assert (plain.code, old.code) == (INSECURE, BOGUS)
    for name, code in (("keyless.lab.test", NONE), ("no.lab.test", NO_HOST),
                       (server.own[6][0], NONE), ("a..b", 2)):
        assert tacit(host, "lookup", name).code == code, name
    text = tacit(host, "lookup", v6).out
    assert f"key\t{reverse(v6)}\tEd25519\t" in text

    # Why a host that was never talked to would be encrypted, or not.
    for address, status, end in ((v4, "secure", f"proven to be {v4}"),
                                 (server.own[4][0], "none", "no key")):
        said = host.agent.tacit("explain", address)
        assert said["state"] == "unknown"
        assert chain(said["dns"])[0] == (".", "secure")
        assert said["dns"]["status"] == status
        assert end in said["dns"]["conclusion"]
    # Under the name that its policy wants, and nobody learns the address.
    since = host.nets[0].capture.mark()
    said = host.agent.tacit("explain", "192.0.2.9")["dns"]
    assert (said["name"], said["status"]) == ("h.lab.test.", "secure")
    assert "proven to be h.lab.test" in said["conclusion"]
    asked = b"".join(f.payload for f in host.nets[0].capture.frames(since))
    assert b"\1h\3lab" in asked and b"\x03192\7in-addr" not in asked


@pytest.mark.family(4)
@pytest.mark.seconds(5)
def test_records(tree):
    """What `tacit key dns` prints is what the name server takes, for keys of
    every kind, and what the look-up finds."""
    host, server = tree
    server.publish()
    configure(host, server, "[Authentication]\nLocalIdentity=a.lab.test\n")
    for kind in ("p256", "p384", "rsa3072"):
        host.keys.place(kind, key(kind, "own").private_pem)
    host.start_agent()
    shown = host.agent.tacit("key", "show")
    assert len(shown) == 4
    lines = tacit(host, "key", "dns", "--ttl", 60).out.splitlines()
    assert len(lines) == 12
    for line in lines:
        owner, _, _, kind, data = line.split(None, 4)
        server.add(owner, kind, data)
    server.publish()
    for name in ("a.lab.test", host.own[4][0], host.own[6][0]):
        found = tacit(host, "lookup", name, "--json")
        assert found.code == SECURE, found
        place = found.json.get("forward") or found.json["addresses"][0]
        assert sorted(k["fingerprint"] for k in place["keys"]) == \
            sorted(k["fingerprint"] for k in shown)
        assert [k["type"] for k in place["keys"]][0] == "Ed25519"
