# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who saves the whole ruleset has our tables in it: nft(8) can load what it
lists of them, and what an old copy says does no harm."""

import re

import netd_client as nc
import pytest
from netd_host import Netd
from test_translate import KEY1, KEY2, R1, TABLE, lease_of, serve
from traffic import ping
from waiting import wait_until

OTHERS = "table inet others {\n\tchain mine {\n\t}\n}\n"


def hosts(lab):
    """a is closed to b, and would encrypt to c."""
    net = lab.net()
    a, b, c = (lab.host(name, net) for name in "abc")
    bits = 32 if lab.family == 4 else 128
    a.policy("closed", "require", [f"{b.ip}/{bits}"])
    a.policy("wished", "offer", [f"{c.ip}/{bits}"], Wait="yes")
    # The resolver, too, has rules.
    a.config("tacit.conf", "[DNS]\nServers=none\n")
    a.ns.nft(OTHERS)
    a.netd = Netd(a)
    a.client = a.netd.agent()
    a.netd.wait_optional()
    return net, a, b, c


def lease(a, b, n=5):
    """b has leased a an address."""
    mine = lease_of(a.lab, n)
    serve(b, mine, a.ip)
    assert a.client.install(a.ip, b.ip, R1, nc.esp(0x10001, KEY2),
                            nc.esp(0x10000, KEY1), tunnel=1, lease=mine) == 0
    return mine


def listed(host, *options):
    """The ruleset, but for the time that elements have left."""
    return re.sub(r" expires \w+", "",
                  host.ns.run("nft", *options, "list", "ruleset"))


def elements(text):
    return re.findall(r"elements = {([^}]*)}", text)


@pytest.mark.seconds(5)
def test_saved(lab):
    """The copy is what it was made of. While nothing of ours runs it lets
    nobody out who is to be encrypted, and keeps nobody in; then it is gone."""
    net, a, b, c = hosts(lab)
    fresh = listed(a, "-s")
    leased = lease(a, b)
    assert None not in ping(a, b.ip, 2)
    saved = listed(a)
    assert TABLE in saved and leased in saved
    assert a.netd.stop() == 0

    a.ns.nft("flush ruleset\n" + saved)
    assert listed(a) == saved
    a.ns.ip("xfrm policy flush", "xfrm state flush")
    mark = net.capture.mark()
    assert ping(a, b.ip, 1, timeout=0.3) == [None]
    assert net.capture.clear_packets(a, b, mark) == []
    assert None not in ping(a, c.ip, 2)
    assert [f.dst for f in net.capture.sent(a, c, ("clear",), mark)] == \
        [c.ip, c.ip]

    a.netd.start()
    a.client = a.netd.agent()
    a.netd.wait_optional()
    assert listed(a, "-s") == fresh
    assert TABLE not in fresh and not any(leased in e for e in elements(fresh))
    assert ping(a, b.ip, 1, timeout=0.3) == [None]
    assert net.capture.clear_packets(a, b, mark) == []


@pytest.mark.seconds(5)
@pytest.mark.parametrize("head", ("", "flush ruleset\n"),
                         ids=("beside", "instead"))
def test_loaded(lab, head):
    """The same while we run: it is as it was within moments, and what was
    there then is not taken for ours."""
    net, a, b, c = hosts(lab)
    old = lease(a, c, 9)
    saved = listed(a)
    assert old in saved
    assert a.client.flow(nc.REMOVE, R1) == 0
    c.ns.ip("xfrm policy flush", "xfrm state flush")
    lease(a, b)
    now = listed(a, "-s")
    assert None not in ping(a, b.ip, 2)
    mark = net.capture.mark()
    a.ns.nft(head + saved)
    wait_until(lambda: a.client.alive() or listed(a, "-s") == now, 3,
               "all as it was")
    assert old not in now
    assert None not in ping(a, b.ip, 2)
    assert net.capture.clear_packets(a, b, mark) == []
