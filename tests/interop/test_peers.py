# SPDX-License-Identifier: LGPL-2.1-or-later
"""The foreign daemons against each other: that the way in which they are
started and configured here is right, so that what fails in other tests is
about our agent."""

import time

import pytest
from peer_keys import key
from libreswan import LibreswanHost
from strongswan import StrongswanHost
from traffic import ping
from waiting import wait_until


# What a daemon wants otherwise by itself: libreswan refuses to rekey without
# a key exchange, which strongSwan does not offer.
KEYS = {LibreswanHost: {"pfs": "no"}, StrongswanHost: {}}


def hosts(lab, one, other, auth):
    net = lab.net()
    a, b = one(lab, "a"), other(lab, "b")
    lab.hosts += [a, b]
    for number, host in enumerate((a, b)):
        net.attach(host, number + 1)
    for host, peer in ((a, b), (b, a)):
        if auth == "psk":
            how = {"secret": "a shared secret of thirty-two octets"}
        else:
            how = {"key": key(auth, host.name),
                   "peer_key": key(auth, peer.name),
                   "identity": f"@{host.name}.lab.test",
                   "peer_identity": f"@{peer.name}.lab.test"}
        host.configure_peer(peer, **how, **KEYS[type(host)])
        host.start()
    return net, a, b


@pytest.fixture
def kinds(libreswan_root, strongswan_root):
    return {"libreswan": lambda *a: LibreswanHost(*a, libreswan_root),
            "strongswan": lambda *a: StrongswanHost(*a, strongswan_root)}


@pytest.mark.seconds(6)
@pytest.mark.parametrize("one,other,auth", [
    ("strongswan", "strongswan", "ed25519"),
    ("strongswan", "strongswan", "p256"),
    ("strongswan", "libreswan", "psk"),
    ("strongswan", "libreswan", "rsa2048"),
    ("libreswan", "strongswan", "p256"),
])
def test_peers(lab, kinds, one, other, auth):
    net, a, b = hosts(lab, kinds[one], kinds[other], auth)
    a.initiate()
    wait_until(lambda: a.secured(b) and b.secured(a), 5, "a pair of states")
    assert None not in ping(a, b.ip, 3)
    assert net.capture.clear_packets(a, b) == []
    # When libreswan initiated the IKE SA and strongSwan rekeys it, the two have
    # different keys.
    for host in (a, b) if one == "strongswan" else (a, ):
        for rekey in (host.rekey_child, host.rekey_ike):
            before = {s.spi for s in a.states()}
            rekey()
            if rekey == host.rekey_child:
                wait_until(lambda: before.isdisjoint(
                    s.spi for s in a.states()), 5, "other states")
            assert None not in ping(a, b.ip, 3)
    a.terminate()
    wait_until(lambda: a.states() == b.states() == [], 5, "no states")
