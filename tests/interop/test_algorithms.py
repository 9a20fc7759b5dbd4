# SPDX-License-Identifier: LGPL-2.1-or-later
"""Host a with our agent, host b with another's daemon, which insists on certain
algorithms: by our proposal, and by what we accept of theirs."""

import pytest
from libreswan import LibreswanHost
from strongswan import StrongswanHost
from traffic import ping
from waiting import wait_until

SECRET = "a shared secret of thirty-two octets"

# Ours (beside what is proposed by default), its ike= and esp=, the states.
LIBRESWAN = {
    "cbc128-sha256-modp2048": (
        "AES-CBC-128 SHA2-256 MODP-2048", "aes128-sha2_256-dh14",
        "aes128-sha2_256", "cbc(aes)", "hmac(sha256)/128"),
    "cbc256-sha512-modp3072": (
        "AES-CBC-256 SHA2-512 MODP-3072", "aes256-sha2_512-dh15",
        "aes256-sha2_512", "cbc(aes)", "hmac(sha512)/256"),
    "gcm128-sha384-p521": (
        "AES-GCM-128 SHA2-384 P-521", "aes_gcm128-sha2_384-dh21",
        "aes_gcm128", "rfc4106(gcm(aes))", ""),
    "chacha-sha512-x25519": (
        "ChaCha20-Poly1305 SHA2-512 X25519",
        "chacha20_poly1305-sha2_512-dh31", "chacha20_poly1305",
        "rfc7539esp(chacha20,poly1305)", ""),
}
STRONGSWAN = {
    "cbc128-sha256-modp2048": (
        "AES-CBC-128 SHA2-256 MODP-2048", "aes128-sha256-modp2048",
        "aes128-sha256-esn", "cbc(aes)", "hmac(sha256)/128"),
    "cbc256-sha384-modp3072": (
        "AES-CBC-256 SHA2-384 MODP-3072", "aes256-sha384-modp3072",
        "aes256-sha384-noesn", "cbc(aes)", "hmac(sha384)/192"),
    "gcm256-sha512-x448": (
        "AES-GCM-256 SHA2-512 X448", "aes256gcm16-prfsha512-x448",
        "aes256gcm16-esn", "rfc4106(gcm(aes))", ""),
    "chacha-sha384-p384": (
        "ChaCha20-Poly1305 SHA2-384 P-384", "chacha20poly1305-prfsha384-ecp384",
        "chacha20poly1305-noesn", "rfc7539esp(chacha20,poly1305)", ""),
}


def agent(lab, net, propose, **policy):
    a = lab.host("a", net)
    a.policy("peers", "require", **policy)
    a.config("tacit.conf", f"[Algorithms]\nPropose={propose}\n")
    return a


def check(a, b, case):
    cipher, integrity = case[3:]
    wait_until(lambda: a.secured(b) and b.secured(a), 10, "one pair")
    wait_until(lambda: ping(a, b.ip, timeout=1) != [None], 10, "a reply")
    assert None not in ping(b, a.ip, 3)
    for host in (a, b):
        for state in host.states():
            assert (state.algorithm, state.integrity) == (cipher, integrity)


@pytest.mark.parametrize("first", ("a", "b"))
@pytest.mark.parametrize("case", LIBRESWAN)
def test_libreswan(lab, libreswan_root, case, first):
    """Anonymous."""
    ours, ike, esp = LIBRESWAN[case][:3]
    net = lab.net()
    # As responder we accept all of them, whatever we propose.
    a = agent(lab, net, ours if first == "a" else "AES-GCM-256")
    b = LibreswanHost(lab, "b", libreswan_root)
    lab.hosts.append(b)
    net.attach(b, 2)
    b.configure(["10.0.0.0/8" if lab.family == 4 else "fd00::/8"], ike=ike,
                esp=esp)
    b.start()
    a.start_agent()
    one, other = (a, b) if first == "a" else (b, a)
    wait_until(lambda: ping(one, other.ip, timeout=1) != [None], 10,
               "a reply")
    check(a, b, LIBRESWAN[case])


@pytest.mark.parametrize("first", ("a", "b"))
@pytest.mark.parametrize("case", STRONGSWAN)
def test_strongswan(lab, strongswan_root, case, first):
    """With a shared key."""
    ours, ike, esp = STRONGSWAN[case][:3]
    net = lab.net()
    a = agent(lab, net, ours if first == "a" else "AES-GCM-128",
              Authentication="require")
    b = StrongswanHost(lab, "b", strongswan_root)
    lab.hosts.append(b)
    net.attach(b, 2)
    a.keys.share("b", SECRET, address=b.ip, identity=b.ip)
    b.configure_peer(a, secret=SECRET, peer_identity="%any", proposals=ike,
                     child={"esp_proposals": esp})
    b.start()
    a.start_agent()
    if first == "a":
        ping(a, b.ip, timeout=1)
    else:
        b.initiate()
    check(a, b, STRONGSWAN[case])
