# SPDX-License-Identifier: LGPL-2.1-or-later
"""tacit-netd translates the address that a peer has leased a host, alone: this
test is its agent, and the peer has its SAs by iproute2."""

import json
import signal

import netd_client as nc
import pytest
from netd_host import Netd
from traffic import ping
from translated import everything
from waiting import wait_until

PORT = 80
KEY1, KEY2 = bytes(range(36)), bytes(range(100, 136))
R1 = nc.REQID_MIN + 1
TABLE = "table inet tacit_cat"
# What a careful host has.
FIREWALL = """
table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		ct state established,related accept
		iif "lo" accept
		meta l4proto { esp, icmpv6 } accept
		udp dport { 500, 4500 } accept
		icmp type echo-request accept
		tcp dport 80 accept
		udp dport { 80, 81 } accept
	}
}
"""


def lease_of(lab, n=5):
    return f"100.64.0.{n}" if lab.family == 4 else f"fd64::{n:x}"


def serve(b, lease, outer, spi=0x10000):
    """b's half: SAs in tunnel mode, with the lease inside."""
    cipher = "rfc4106(gcm(aes))"
    tunnel = "proto esp reqid 7 mode tunnel"
    for key, ends, number in ((KEY1, f"src {outer} dst {b.ip}", spi),
                              (KEY2, f"src {b.ip} dst {outer}", spi + 1)):
        b.ns.run("ip", "xfrm", "state", "add", *ends.split(), "proto", "esp",
                 "spi", hex(number), "reqid", "7", "mode", "tunnel", "aead",
                 cipher, "0x" + key.hex(), "128")
    b.ns.ip(f"xfrm policy add src {b.ip} dst {lease} dir out tmpl src {b.ip} "
            f"dst {outer} {tunnel}",
            f"xfrm policy add src {lease} dst {b.ip} dir in tmpl src {outer} "
            f"dst {b.ip} {tunnel}")


def install(a, b, lease, reqid=R1, spi=0x10000):
    return a.client.install(a.ip, b.ip, reqid, nc.esp(spi + 1, KEY2),
                            nc.esp(spi, KEY1), tunnel=1, lease=lease)


def rules_of(host, *what):
    """How many rules there are."""
    shown = json.loads(host.ns.run(
        "nft", "-j", "list", *(what or ("table", "inet", "tacit_cat"))))
    return sum("rule" in thing for thing in shown["nftables"])


def begin(lab, level="require"):
    net, a, b = lab.pair()
    a.policy("peers", level)
    a.netd = Netd(a)
    a.client = a.netd.agent()
    return net, a, b


@pytest.mark.seconds(3)
def test_everything(lab):
    """TCP, UDP in fragments, ICMP echo and errors, both ways, through a
    firewall of the host's own; and the kernel as it was before, at the end."""
    net, a, b = begin(lab)
    assert a.client.welcome.flags & 0x40
    a.ns.nft(FIREWALL)
    theirs = a.ns.run("nft", "list", "table", "inet", "filter")
    before = a.netd.dump()[:2], a.tables()
    assert TABLE not in before[1]
    lease = lease_of(lab)
    serve(b, lease, a.ip)
    assert install(a, b, lease) == 0
    since = net.capture.mark()
    everything(a, b, lease)
    assert a.ns.counters()["XfrmInStateMismatch"] == 0
    assert net.capture.clear_packets(a, b, since) == []
    # Nobody has that address.
    assert lease not in a.ns.run("ip", "address")
    assert TABLE in a.ns.run("nft", "list", "tables")
    assert a.ns.run("nft", "list", "table", "inet", "filter") == theirs
    assert a.client.flow(nc.REMOVE, R1) == 0
    assert a.netd.dump()[:2] == before[0]
    assert lease not in a.ns.run("nft", "list", "ruleset")
    assert a.ns.run("nft", "list", "table", "inet", "filter") == theirs
    a.netd.stop()
    assert TABLE not in a.tables()


def test_outlives(lab):
    """A flush is mended, a new tacit-netd takes it over, and after the end of
    its flow nothing is left."""
    _, a, b = begin(lab)
    lease = lease_of(lab)
    serve(b, lease, a.ip)
    assert install(a, b, lease) == 0
    assert None not in ping(a, b.ip, 2)
    a.ns.run("nft", "flush", "ruleset")
    assert TABLE not in a.ns.run("nft", "list", "ruleset")
    # Untranslated it is no packet of the server's SA.
    assert ping(a, b.ip, 1, timeout=0.3) == [None]
    wait_until(lambda: TABLE in a.ns.run("nft", "list", "ruleset"), 5,
               "the table again")
    assert None not in ping(a, b.ip, 2)

    a.netd.stop(signal.SIGKILL)
    assert None not in ping(a, b.ip, 2)
    a.netd.start()
    a.client = a.netd.agent()
    orphan = a.client.wait(lambda r: r.kind == nc.ORPHAN)
    assert (orphan.reqid, orphan.lease) == (R1, lease)
    assert None not in ping(a, b.ip, 2)
    a.netd.stop(signal.SIGKILL)
    a.ns.run("ip", "xfrm", "state", "flush")
    a.netd.start()
    a.client = a.netd.agent()
    assert TABLE not in a.ns.run("nft", "list", "ruleset")


@pytest.mark.seconds(3)
def test_held(lab):
    """The last lease goes while a first packet waits, to somebody else: the
    kernel drops what waits in any queue when a hook goes."""
    net, a, b = begin(lab)
    c = lab.host("c", net)
    lease = lease_of(lab)
    for server, spi in ((b, 0x10000), (c, 0x20000)):
        serve(server, lease, a.ip, spi)
    assert install(a, b, lease) == 0
    flag = "-6" if lab.family == 6 else "-4"
    with a.ns.popen(["ping", flag, "-n", "-c", "1", "-W", "4", c.ip],
                    stdout=-1) as p:
        assert a.client.acquire(c.ip)
        assert a.client.flow(nc.REMOVE, R1) == 0
        assert install(a, c, lease, R1 + 1, 0x20000) == 0
        out = p.communicate(timeout=10)[0].decode()
    assert "1 received" in out, out
    a.netd.stop()
    assert TABLE not in a.ns.run("nft", "list", "tables")


@pytest.mark.seconds(3)
def test_same_lease(lab):
    """Two servers that lease the same address, and a third that has it for its
    own; 250 more take no rule more."""
    net, a, b = begin(lab, "offer")
    c = lab.host("c", net)
    lease = c.ip
    for n, server in enumerate((b, lab.host("d", net))):
        serve(server, lease, a.ip, 0x10000 + 16 * n)
        assert install(a, server, lease, R1 + n, 0x10000 + 16 * n) == 0
        assert None not in ping(a, server.ip, 2)
    assert None not in ping(a, b.ip, 2)
    # In the clear, as the policy lets it.
    assert None not in ping(a, c.ip, 2)
    rules = rules_of(a)
    prefix = "10.9.0" if lab.family == 4 else "fd00:9::"
    for i in range(1, 251):
        assert a.client.install(
            a.ip, f"{prefix}.{i}" if lab.family == 4 else f"{prefix}{i:x}",
            R1 + 100 + i, nc.esp(0x20000 + i, KEY1),
            nc.esp(0x40000 + i, KEY2), tunnel=1, lease=lease_of(lab)) == 0
    assert rules_of(a) == rules
    assert None not in ping(a, b.ip, 2)
    a.netd.stop()
    assert TABLE not in a.ns.run("nft", "list", "tables")


@pytest.mark.seconds(5)
def test_thousand(lab):
    """A thousand clients of one server, behind one box or anywhere: a rule for
    none of them, and each is reached by its own SAs."""
    net, a, b = begin(lab)
    b.policy("peers", "require")
    b.netd = Netd(b)
    b.client = b.netd.agent()
    leases = [f"100.64.{1 + (i >> 8)}.{i & 255}" if lab.family == 4 else
              f"fd74:6163:6974::{i:x}" for i in range(1, 1001)]
    rules = rules_of(b, "ruleset")
    for i, one in enumerate(leases):
        assert b.client.install(
            b.ip, one, R1 + i, nc.esp(0x10000 + 2 * i, KEY1),
            nc.esp(0x10001 + 2 * i, KEY2), tunnel=1, outer=a.ip) == 0
    assert rules_of(b, "ruleset") == rules
    for i in (0, 500, 999):
        assert install(a, b, leases[i], R1, 0x10000 + 2 * i) == 0
        assert None not in ping(a, b.ip, 1) + ping(b, leases[i], 1)
        assert ping(b, leases[i - 1], 1, timeout=0.2) == [None]
        assert a.client.flow(nc.REMOVE, R1) == 0
    assert net.capture.clear_packets(a, b) == []
