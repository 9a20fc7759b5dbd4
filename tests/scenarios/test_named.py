# SPDX-License-Identifier: LGPL-2.1-or-later
"""Policies that are for some peers of a network: who proves one of their names
has them at any address, and nobody else does."""

import pytest
from traffic import ping
from waiting import wait_until

pytestmark = pytest.mark.usefixtures("agents")

FRIEND = "friend.lab.test"


def configure(server, level, **keys):
    """Everybody is welcome as anybody, and the friend has a cipher of its own,
    so that the kernel shows whose policy it is."""
    server.policy("rest", level, **keys)
    server.policy("friends", level, Identity=FRIEND, IdleTime="1d\n"
                  "[Algorithms]\nAccept=ChaCha20-Poly1305")


def client(lab, net, server, name, level, identity=FRIEND):
    host = lab.host(name, net)
    host.policy("p", level, **({"Wait": "yes"} if level == "offer" else {}))
    host.config("tacit.conf.d/name.conf",
                f"[Authentication]\nLocalIdentity={identity}\n")
    # Who is known by its key is told who we are.
    host.keys.know("server", server.keys.base64, server.ip)
    return host


def policy_of(server, peer):
    for p in server.agent.tacit("peers"):
        if p["address"] == peer.ip:
            return p["policy"], p["identity"]
    return None


def ciphers(host, peer):
    return {s.algorithm for s in host.states(peer)}


@pytest.mark.seconds(8)
@pytest.mark.parametrize("level", ["offer", "require"])
def test_own_policy(lab, level):
    net = lab.net()
    server = lab.host("b", net)
    configure(server, level)
    friend = client(lab, net, server, "a", level)
    liar = client(lab, net, server, "c", level)
    stranger = client(lab, net, server, "d", level, "stranger.lab.test")
    server.keys.know("friend", friend.keys.base64, identity=FRIEND)
    server.keys.know("stranger", stranger.keys.base64,
                     identity="stranger.lab.test")
    for host in (server, friend, liar, stranger):
        host.start_agent()
    assert None not in ping(friend, server.ip, 1, timeout=6)
    assert None not in ping(stranger, server.ip, 1, timeout=6)
    wait_until(lambda: server.secured(friend) and server.secured(stranger), 10,
               "SAs")
    assert policy_of(server, friend) == ("friends", f"@{FRIEND}")
    assert policy_of(server, stranger) == ("rest", "@stranger.lab.test")
    assert ciphers(server, friend) == {"rfc7539esp(chacha20,poly1305)"}
    assert ciphers(server, stranger) == {"rfc4106(gcm(aes))"}
    # Who only says that name has a wrong signature, and gets nothing for it.
    answers = ping(liar, server.ip, 1, timeout=4)
    assert not server.states(liar) and not liar.states(server)
    assert policy_of(server, liar) in (None, ("rest", ""))
    assert "authentication failed" in server.agent.log()
    if level == "require":
        assert answers == [None]
        assert net.capture.clear_packets(liar, server) == []
    explained = server.agent.tacit("policy", "test", friend.ip)
    assert explained["policy"] == "friends"
    assert explained["named_policies"] == ["friends"]
    assert server.agent.tacit("policy", "test", liar.ip)["policy"] == "rest"
    # Another policy when it is gone.
    friend.agent.stop()
    wait_until(lambda: not server.states(friend), 10, "the friend's end")
    assert server.agent.tacit("policy", "test", friend.ip)["policy"] == "rest"


@pytest.mark.seconds(5)
def test_forbidden(lab):
    """A policy of its own may say that a peer is not wanted; a reload takes
    that back, and says it again, to one that is there."""
    net = lab.net()
    server = lab.host("b", net)
    server.policy("rest", "require")
    server.policy("gone", "forbid", Identity=FRIEND)
    friend = client(lab, net, server, "a", "require")
    server.keys.know("friend", friend.keys.base64, identity=FRIEND)
    for host in (server, friend):
        host.start_agent()
    assert ping(friend, server.ip, 1, timeout=3) == [None]
    assert not server.states(friend)
    server.policy("gone", "require", Identity=FRIEND)
    server.agent.text("reload")
    friend.agent.text("up", server.ip)
    wait_until(lambda: server.secured(friend), 10, "SAs")
    assert policy_of(server, friend) == ("gone", f"@{FRIEND}")
    server.policy("gone", "forbid", Identity=FRIEND)
    server.agent.text("reload")
    wait_until(lambda: not server.states(friend), 10, "its end")
    assert net.capture.clear_packets(friend, server) == []
