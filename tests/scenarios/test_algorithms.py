# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which algorithms two hosts agree on, as configured; each in the kernel, with
traffic through it. And what the log tells of it."""

import pytest
from traffic import ping
from waiting import wait_until

GCM = "rfc4106(gcm(aes))"
# What a proposes, what b accepts ("" are the defaults), and the states.
CASES = {
    "defaults": ("", "", GCM, ""),
    "chacha": ("ChaCha20-Poly1305 SHA2-512 X448", "",
               "rfc7539esp(chacha20,poly1305)", ""),
    "cbc-128-sha256": ("AES-CBC-128 SHA2-256 MODP-2048", "", "cbc(aes)",
                       "hmac(sha256)/128"),
    "cbc-256-sha384": ("AES-CBC-256 SHA2-384 P-384", "", "cbc(aes)",
                       "hmac(sha384)/192"),
    "cbc-256-sha512": ("AES-CBC-256 SHA2-512 MODP-3072", "", "cbc(aes)",
                       "hmac(sha512)/256"),
    # b takes the second of two proposals, and has a wish for the group.
    "second": ("AES-GCM-256 AES-CBC-128 SHA2-256 X25519 P-521",
               "AES-CBC-128 SHA2-256 P-521", "cbc(aes)", "hmac(sha256)/128"),
}


def configure(host, **lists):
    host.policy("peers", "require")
    given = [f"{key}={words}" for key, words in lists.items() if words]
    if given:
        host.config("tacit.conf", "\n".join(["[Algorithms]", *given]) + "\n")


@pytest.mark.parametrize("case", CASES)
def test_agreed(lab, case):
    propose, accept, cipher, integrity = CASES[case]
    net, a, b = lab.pair()
    configure(a, Propose=propose)
    configure(b, Accept=accept)
    for host in (a, b):
        host.start_agent()
    wait_until(lambda: ping(a, b.ip, timeout=1) != [None], 10, "a reply")
    wait_until(lambda: a.secured(b) and b.secured(a), 10, "one pair")
    mark = net.capture.mark()
    assert None not in ping(a, b.ip, 3)
    assert len(net.capture.sent(a, b, ("esp",), mark)) >= 3
    assert net.capture.clear_packets(a, b, mark) == []
    for host in (a, b):
        for state in host.states():
            assert state.algorithm == cipher
            assert state.integrity == integrity
            assert state.packets >= 3


def test_nothing_in_common(lab):
    """b accepts nothing that a proposes: under require, nothing passes; a
    policy's own list goes before the one of tacit.conf."""
    net, a, b = lab.pair()
    configure(a, Propose="AES-CBC-128 SHA2-256 X25519")
    configure(b, Accept="AES-GCM-128 SHA2-256 X25519")
    for host in (a, b):
        host.start_agent()
    assert ping(a, b.ip, 2, timeout=1) == [None, None]
    assert a.states() == [] and b.states() == []
    a.agent.stop()
    with open(f"{a.agent.etc}/policy.d/peers.conf", "a",
              encoding="utf-8") as f:
        f.write("[Algorithms]\nPropose=AES-GCM-128\n")
    a.start_agent()
    wait_until(lambda: ping(a, b.ip, timeout=1) != [None], 10, "a reply")
    assert {s.algorithm for s in a.states()} == {GCM}
    assert net.capture.clear_packets(a, b) == []


def test_told(lab):
    """The log has each step of an IKE SA, with its peer, from both sides; what
    any stranger can cause is for those who debug."""
    _, a, b = lab.pair()
    for host in (a, b):
        configure(host)
        host.start_agent()
    wait_until(lambda: ping(a, b.ip, timeout=1) != [None], 10, "a reply")
    wait_until(lambda: a.secured(b) and b.secured(a), 10, "one pair")
    for host, peer, who, first in ((a, b, "us", "we begin"),
                                   (b, a, "it", "it asks, making the keys")):
        steps = [line for line in host.agent.log().splitlines()
                 if "IKE with" in line and f" peer={peer.ip} " in line]
        assert f"begun by {who}: {first}" in steps[0]
        assert f"begun by {who}: established" in steps[-1]
        assert [line[:3] for line in steps] == \
            ["<7>"] * (len(steps) - 1) + ["<6>"]
