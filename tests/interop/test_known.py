# SPDX-License-Identifier: LGPL-2.1-or-later
"""Host a with our agent, host b with a foreign daemon, which know each other's
keys, or a secret."""

import os
import time

import pytest
from keys import owner
from libreswan import LibreswanHost
from peer_keys import key
from strongswan import StrongswanHost
from test_engine import SECRET, Traffic, authentication
from traffic import ping
from waiting import wait_until

SETUPS = [("libreswan", "psk"), ("libreswan", "rsa2048"),
          ("libreswan", "p256"), ("strongswan", "psk"),
          ("strongswan", "ed25519"), ("strongswan", "p256"),
          ("strongswan", "rsa2048")]


@pytest.fixture
def kinds(libreswan_root, strongswan_root):
    return {"libreswan": (LibreswanHost, libreswan_root),
            "strongswan": (StrongswanHost, strongswan_root)}


def own_key(host, kind):
    """The private key of our agent, where it looks for one."""
    folder = host.keys.dir
    uid, gid = owner("tacit-key")
    os.makedirs(folder, mode=0o700)
    path = f"{folder}/own.pem"
    with open(path, "w", encoding="ascii") as f:
        f.write(key(kind, host.name).private_pem)
    os.chmod(path, 0o600)
    for what in (folder, path):
        os.chown(what, uid, gid)


def know(host, peer, public):
    """A file of keys.d."""
    host.config("keys.d/b.conf", f"[Peer]\nAddress={peer.ip}\n"
                "Identity=b.lab.test\nPublicKeyFile=b.pub\n")
    host.config("keys.d/b.pub", public.public_pem)


def pair(lab, kind, auth, level="require", trap=False, policy=None, **theirs):
    """(net, a, b), both running."""
    net = lab.net()
    a = lab.host("a", net)
    b = kind[0](lab, "b", kind[1])
    lab.hosts.append(b)
    net.attach(b, 2)
    a.policy("peers", level, **(policy or {}), Authentication="require")
    if auth == "psk":
        a.keys.share("b", SECRET, address=b.ip)
    else:
        own_key(a, auth)
        know(a, b, key(auth, "b"))
        a.config("tacit.conf", "[Authentication]\n"
                 "LocalIdentity=a.lab.test\n")
    if trap:
        theirs |= {"auto": "ondemand"} if kind[0] is LibreswanHost else \
            {"child": {"start_action": "trap"} | theirs.get("child", {})}
    b.configure_peer(a, **authentication(auth, b, a), **theirs)
    b.start()
    a.start_agent()
    return net, a, b


def check(net, a, b, mode="transport"):
    wait_until(lambda: a.secured(b) and b.secured(a) and
               {(s.src, s.spi) for s in a.states()} ==
               {(s.src, s.spi) for s in b.states()}, 10,
               "the same pair of states")
    time.sleep(0.4)  # until clear packets are no longer accepted
    mark = net.capture.mark()
    assert None not in ping(a, b.ip, 3)
    assert None not in ping(b, a.ip, 3)
    for src, dst in ((a, b), (b, a)):
        assert len(net.capture.sent(src, dst, ("esp",), mark)) >= 6
    assert net.capture.clear_packets(a, b) == []
    assert {s.mode for s in a.states() + b.states()} == {mode}
    assert a.peer_state(b) == "secured"


@pytest.mark.quick
@pytest.mark.seconds(4)
@pytest.mark.parametrize("initiator", ["a", "b"])
@pytest.mark.parametrize("kind,auth", SETUPS)
def test_setup(lab, agents, kinds, kind, auth, initiator):
    net, a, b = pair(lab, kinds[kind], auth)
    if initiator == "a":
        assert None not in ping(a, b.ip, 3)
    else:
        b.initiate()
    check(net, a, b)
    # strongSwan's first proposal is AES-CBC: the responder chooses.
    assert all("gcm" in s.algorithm for s in a.states(b))
    if auth != "psk":
        assert "b.lab.test" in str(a.agent.tacit("peers"))


@pytest.mark.seconds(4)
@pytest.mark.parametrize("initiator", ["a", "b"])
@pytest.mark.parametrize("kind,auth", [
    ("libreswan", "rsa2048"), ("strongswan", "ed25519")])
def test_wrong_key(lab, agents, kinds, kind, auth, initiator):
    """A valid signature by a key that is not this peer's."""
    net, a, b = pair(lab, kinds[kind], auth)
    a.agent.stop()
    know(a, b, key(auth, "another"))
    a.start_agent()
    if initiator == "a":
        assert ping(a, b.ip, 2, timeout=1) == [None, None]
    else:
        b.initiate(check=False)
    wait_until(lambda: a.states() == [], 5, "no states")
    assert net.capture.clear_packets(a, b) == []
    assert net.capture.esp_packets(a, b) == []


PFS = {"libreswan": {"pfs": "yes"},
       "strongswan": {"child": {
           "esp_proposals": "aes256gcm16-x25519-ecp256"}}}


@pytest.mark.quick
@pytest.mark.seconds(8)
@pytest.mark.parametrize("initiator", ["a", "b"])
@pytest.mark.parametrize("kind", ["libreswan", "strongswan"])
def test_rekey_theirs(lab, agents, kinds, kind, initiator):
    """Twice each, and no packet is lost."""
    net, a, b = pair(lab, kinds[kind], "psk", **PFS[kind])
    if initiator == "a":
        assert None not in ping(a, b.ip, 3)
    else:
        b.initiate()
    check(net, a, b)
    traffic = Traffic(net, a, b)
    for _ in range(2):
        before = {s.spi for s in a.states()}
        b.rekey_child()
        wait_until(lambda: a.secured(b) and before.isdisjoint(
            s.spi for s in a.states()), 8, "the Child SA is rekeyed")
        b.rekey_ike()
        time.sleep(0.5)
    traffic.stop()
    check(net, a, b)
