# SPDX-License-Identifier: LGPL-2.1-or-later
"""`tacit key publish` with Knot, which signs what it takes, below a signed tree:
TSIG right, wrong and missing; others' records; the look from outside."""

import pytest
from command import tacit
from dnstree import NameServer, reverse
from knot import Knot, key_file
from peer_keys import key
from test_lookup import configure

pytestmark = pytest.mark.usefixtures("agents")

REFUSED, TSIG, UNSEEN, FOREIGN, UNREACHABLE = 25, 26, 27, 28, 23


@pytest.fixture
def world(lab, nameserver_root, knot_root):
    net = lab.net()
    host = lab.host("a", net)
    server = NameServer(lab, "ns", nameserver_root)
    knot = Knot(lab, "knot", knot_root)
    for i, other in enumerate((server, knot)):
        lab.hosts.append(other)
        net.attach(other, 53 + i)
    return host, server, knot


def start(host, server, knot):
    knot.start()
    knot.delegate(server)
    server.publish()
    configure(host, server,
              "[Authentication]\nLocalIdentity=a.dyn.test\n")
    host.policy("p", "offer")
    host.start_agent()


# Names of both families, and the server by either.
@pytest.mark.family(4)
@pytest.mark.quick
@pytest.mark.seconds(15)
def test_publish(world):
    host, server, knot = world
    v4, v6 = (host.own[f][0] for f in (4, 6))
    for zone in ("dyn.test.", reverse(v4), reverse(v6)):
        knot.zone(zone)
    start(host, server, knot)
    at = (knot.own[4][0], f"[{knot.own[6][0]}]:53")

    def publish(tsig, *options, server=at[0]):
        more = ("--tsig", tsig) if tsig else ()
        return tacit(host, "key", "publish", "--server", server, "--ttl", 5,
                     *more, *options)

    right = key_file(host, "ddns")
    wrong = key_file(host, "reader", "another")
    unknown = key_file(host, "unknown")
    for tsig, options, code, text in (
            (None, (), REFUSED, "--tsig"),
            # Knot does not say what is wrong with a key.
            (unknown, (), TSIG, '"unknown."'),
            (wrong, (), TSIG, '"reader."'),
            (key_file(host, "old", algorithm="hmac-md5"), (), TSIG, "sha256"),
            (key_file(host, "ddns384", algorithm="hmac-sha384"), (), TSIG,
             "hmac-sha"),
            ("/nonexistent", (), TSIG, "No such file"),
            (right, ("--name", "a.elsewhere.example"), REFUSED, "elsewhere"),
            (right, ("--name", "host"), 2, "full name"),
    ):
        done = publish(tsig, "--forward", *options)
        assert done.code == code and text in done.err, (tsig, done)
    assert publish(right, server="10.9.9.9:x").code == 2
    assert publish(right, server=f"{v4}:53").code == UNREACHABLE

    done = publish(right)
    assert done.code == 0, done
    assert done.out.count("1 added, 0 removed, 0 kept") == 3
    assert "secure" in done.out
    assert tacit(host, "lookup", "a.dyn.test").code == 0
    # Again, by IPv6 and the other hash: there is nothing to do.
    again = publish(key_file(host, "ddns512", algorithm="hmac-sha512"),
                    "--json", server=at[1])
    assert again.code == 0, again
    assert [(n["added"], n["kept"]) for n in again.json["names"]] == \
        [(0, 1)] * 3
    assert again.json["seen"]


@pytest.mark.family(4)
@pytest.mark.seconds(12)
def test_others(world):
    """Others' records stay, unless they are to go; a name that nobody vouches
    for is published, and said to be of no use."""
    host, server, knot = world
    other = key("ed25519", "other").ipseckey()
    knot.zone("dyn.test.")
    knot.zones["dyn.test."] += [f"a.dyn.test. 5 IN IPSECKEY {other}",
                                "a.dyn.test. 5 IN TXT stays"]
    knot.zone("island.test.")
    knot.zone("closed.test.", closed=True)
    start(host, server, knot)
    server.remove("island.test.", "DS")
    server.publish()
    right = key_file(host, "ddns")

    def publish(*options):
        return tacit(host, "key", "publish", "--server", knot.own[4][0],
                     "--tsig", right, "--ttl", 5, "--forward", "--json",
                     *options)

    done = publish()
    assert done.code == FOREIGN and "--replace" in done.err, done
    done = publish("--beside")
    assert done.code == 0, done
    assert done.json["names"][0]["foreign"] == 1
    found = tacit(host, "lookup", "a.dyn.test", "--json").json["forward"]
    assert len(found["keys"]) == 2
    done = publish("--replace")
    assert done.code == 0, done
    assert done.json["names"][0]["removed"] == 1
    found = tacit(host, "lookup", "a.dyn.test", "--json").json["forward"]
    assert len(found["keys"]) == 1

    done = publish("--name", "a.closed.test")
    assert done.code in (REFUSED, TSIG) and "allowed" in done.err, done
    done = publish("--name", "a.island.test")
    assert done.code == UNSEEN, done
    assert "island.test." in done.err and "DS" in done.err, done

