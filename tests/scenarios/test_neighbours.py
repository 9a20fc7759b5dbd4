# SPDX-License-Identifier: LGPL-2.1-or-later
"""Others on the same host: WireGuard, container networking with its own chains
and marks, another keying daemon's policies. All go on to work, and Tacit too."""

import pytest
from traffic import Listener, connect, ping


@pytest.mark.seconds(3)
def test_wireguard(lab, agents):
    """A tunnel between two hosts whose own traffic is to be encrypted: its
    packets, with the mark that wg-quick gives them, travel in ESP, and what is
    inside arrives."""
    net, a, b = lab.pair()
    for host in (a, b):
        host.policy("peers", "require",
                    ["10.0.0.0/16", "fd00::/64"])
        host.start_agent()
    inner = {4: "192.168.77.{}/24", 6: "fd77::{}/64"}[lab.family]
    keys = {}
    for host in (a, b):
        private = host.ns.run("wg", "genkey").strip()
        keys[host.name] = private, host.ns.run("wg", "pubkey",
                                               input=private).strip()
    for number, (host, other) in enumerate(((a, b), (b, a)), 1):
        host.ns.ip("link add wg0 type wireguard",
                   f"address add {inner.format(number)} dev wg0")
        path = f"{host.dir}/key"
        with open(path, "w", encoding="ascii") as f:
            f.write(keys[host.name][0])
        end = f"[{other.ip}]" if lab.family == 6 else other.ip
        host.ns.run("wg", "set", "wg0", "private-key", path,
                    "listen-port", 51820,
                    "fwmark", "0xca6c",
                    "peer", keys[other.name][1], "allowed-ips",
                    "0.0.0.0/0,::/0", "endpoint", f"{end}:51820")
        host.ns.ip("link set wg0 up")
    assert None not in ping(a, inner.format(2).split("/")[0], 3,
                            interval=0.2, timeout=8)
    assert net.capture.clear_packets(a, b) == []
    assert net.capture.esp_packets(a, b)
    # And beside it.
    assert None not in ping(a, b.ip, 2)


# What Docker and a cluster's proxy have, in short: marks, address translation
# of what is local, masquerading.
IPTABLES = """*nat
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:DOCKER - [0:0]
:KUBE-MARK-MASQ - [0:0]
:KUBE-POSTROUTING - [0:0]
:KUBE-SERVICES - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT -j KUBE-SERVICES
-A POSTROUTING -j KUBE-POSTROUTING
-A POSTROUTING -s {containers} ! -o docker0 -j MASQUERADE
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to {container}
-A KUBE-SERVICES -d {service} -p tcp -m tcp --dport 80 -j KUBE-MARK-MASQ
-A KUBE-SERVICES -d {service} -p tcp -m tcp --dport 80 -j DNAT --to {backend}
-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000
-A KUBE-POSTROUTING -j MASQUERADE
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A DOCKER-USER -j RETURN
COMMIT
"""


@pytest.mark.seconds(5)
@pytest.mark.family(4)
def test_containers(lab, agents):
    """Docker's and a cluster's chains on a: the host's own traffic is
    encrypted, also to a service address that is translated to a peer's; and
    what a container sends becomes the host's own where it is masqueraded."""
    net, a, b = lab.pair()
    a.ns.ip("link add docker0 type bridge", "link set docker0 up",
            "address add 172.17.0.1/16 dev docker0")
    a.ns.sysctl("ipv4.ip_forward", 1)
    a.ns.run("iptables-nft-restore", input=IPTABLES.format(
        containers="172.17.0.0/16", container="172.17.0.2:80",
        service="10.96.0.1", backend=f"{b.ip}:80"))
    c = lab.host("c")
    a.ns.ip(f"link add veth0 type veth peer name eth0 netns {c.ns.name}",
            "link set veth0 master docker0 up")
    c.ns.ip("link set eth0 up", "address add 172.17.0.2/16 dev eth0",
            "route add default via 172.17.0.1")
    for host in (a, b):
        host.policy("peers", "require", ["10.0.0.0/16"])
        host.start_agent()
    listener = Listener(b, 80)
    assert connect(a, b.ip, 80) < 2
    assert net.capture.clear_packets(a, b) == []
    mark = net.capture.mark()
    # No policy of ours covers the service's address before it is translated.
    assert connect(a, "10.96.0.1", 80, timeout=5) < 2
    assert net.capture.clear_packets(a, b, mark) == []
    listener.close()
    assert None not in ping(c, b.ip, 2, timeout=1)
    assert net.capture.clear_packets(a, b, mark) == []
    # Their rules are still what they were.
    assert "KUBE-MARK-MASQ" in a.ns.run("iptables-nft-save")


@pytest.mark.seconds(4)
def test_other_policies(lab, agents):
    """Another keying daemon's policies and SAs beside ours: theirs win where
    they lie, and nothing of theirs is touched by a start, a repair or an end."""
    net, a, b = lab.pair()
    three = "10.0.0.77" if lab.family == 4 else "fd00::77"
    bits = 32 if lab.family == 4 else 128
    key = "0x" + "11" * 20
    a.ns.ip(
        f"xfrm policy add dir out src {a.ip}/{bits} dst {three}/{bits} "
        f"priority 2000 tmpl proto esp mode transport reqid 16389",
        f"xfrm policy add dir in src {three}/{bits} dst {a.ip}/{bits} "
        f"priority 2000 tmpl proto esp mode transport reqid 16389",
        f"xfrm state add src {a.ip} dst {three} proto esp spi 0xabc reqid "
        f"16389 mode transport aead rfc4106(gcm(aes)) {key} 128")
    theirs = [str(p) for p in a.policies()]
    for host in (a, b):
        host.policy("peers", "require")
        host.start_agent()
    assert None not in ping(a, b.ip, 2)
    assert net.capture.clear_packets(a, b) == []
    # Theirs, with their SPI, at once: no acquire of ours.
    a.ns.ip(f"neigh replace {three} lladdr 02:00:00:00:00:77 dev eth0")
    ping(a, three, 1, timeout=0.3)
    assert [f.spi for f in net.capture.esp_packets(a, three)] == [0xabc]
    assert a.agent.tacit("repair") == {"mended": 0}
    assert a.agent.stop() == 0
    assert set(theirs) <= {str(p) for p in a.policies()}
    assert [s.spi for s in a.states(three)] == [0xabc]
