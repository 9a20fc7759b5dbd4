# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an administrator, or another program, does to our kernel state: nothing
leaks under require meanwhile, it is as it was within moments, and what is not
ours is not touched."""

import re
import time

import pytest
from traffic import PingStream, ping
from waiting import wait_until

FOREIGN = "table inet foreign {\n\tchain c {\n\t}\n}\n"


def pair(lab, level="require"):
    net, a, b = lab.pair()
    a.cold = b.add_addresses(4)
    a.route("10.1.0.0/16" if lab.family == 4 else "fd00:1::/32", b.ip)
    for host in (a, b):
        host.policy("peers", level)
        host.start_agent()
    assert None not in ping(a, b.ip, 2, interval=0.3)[1:]
    wait_until(lambda: a.secured(b) and b.secured(a), 20, "one pair")
    time.sleep(0.6)
    return net, a, b


def ours(host):
    return sorted(str(p) for p in host.policies() if p.priority >> 16 == 0x40)


def tables(host):
    """What we have in nftables, without what comes and goes."""
    text = host.ns.run("nft", "-s", "list", "ruleset")
    return re.sub(r"elements = {[^}]*}", "", text).split()


@pytest.mark.seconds(8)
def test_nft_flush(lab, agents):
    """At any moment: with a stream, with first packets waiting, with nothing
    going on."""
    net, a, b = pair(lab)
    before = tables(a)
    stream = PingStream(a, b.ip)
    for cold in a.cold[:3]:
        a.ns.nft("flush ruleset\n" + FOREIGN)
        # One packet of it may be dropped with its hook.
        wait_until(lambda c=cold: ping(a, c, 1, timeout=0.5) != [None], 5,
                   "the cold address answers")
    a.ns.nft("delete table inet foreign\n")
    wait_until(lambda: tables(a) == before, 3, "all as it was")
    # Rules and chains one by one.
    a.ns.nft("flush chain inet tacit cold\nflush table inet tacit_hear\n")
    wait_until(lambda: tables(a) == before, 3, "all as it was")
    stream.stop()
    assert stream.silence() < 2
    assert net.capture.clear_packets(a, b) == []
    assert ping(a, a.cold[3], 1, timeout=2) != [None]
    assert net.capture.clear_packets(a, a.cold) == []


@pytest.mark.seconds(8)
def test_xfrm_flush(lab, agents):
    net, a, b = pair(lab)
    before = ours(a)
    stream = PingStream(a, b.ip)
    for kind in ("policy", "state"):
        a.ns.ip(f"xfrm {kind} flush")
        wait_until(lambda: ours(a) == before or kind == "state", 3,
                   "the policies are back")
        wait_until(lambda: a.secured(b) and b.secured(a), 20, "one pair")
        wait_until(stream.flowing, 5, "traffic flows again")
    # A single one; and another daemon's, which nobody touches.
    other = "10.9.9.9/32" if lab.family == 4 else "fd09::9/128"
    a.ns.ip(f"xfrm policy add dir out dst {other} priority 100 action block")
    traps = [p for p in a.policies() if p.direction == "out" and p.templates]
    a.ns.ip(f"xfrm policy delete dir out src {traps[0].src} "
            f"dst {traps[0].dst}")
    wait_until(lambda: len(ours(a)) == len(before), 3, "it is back")
    assert [p.dst for p in a.policies() if p.priority == 100] == [other]
    stream.stop()
    assert stream.silence() < 3
    assert net.capture.clear_packets(a, b) == []


@pytest.mark.seconds(4)
def test_repair(lab, agents):
    """On demand, and only what is ours."""
    net, a, b = pair(lab, "offer")
    assert a.agent.tacit("repair") == {"mended": 0}
    a.ns.nft("flush set inet tacit_hear secured4\n")
    assert a.agent.tacit("repair")["mended"] == 0
    text = a.ns.run("nft", "list", "set", "inet", "tacit_hear",
                    f"secured{lab.family}")
    assert b.ip in text
