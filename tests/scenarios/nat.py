# SPDX-License-Identifier: LGPL-2.1-or-later
"""A box that masquerades those inside, IPv4 and IPv6: what they send travels
between the ports that it has chosen."""

import time

from traffic import ping

FIRST, SECOND = "20000-20999", "30000-30999"


def masquerade(ports, forward=""):
    return f"""
table inet nat
delete table inet nat
table inet nat {{
	chain prerouting {{
		type nat hook prerouting priority -100;
		{forward}
	}}
	chain postrouting {{
		type nat hook postrouting priority 100;
		oifname "eth1" meta l4proto udp masquerade to :{ports}
		oifname "eth1" masquerade
	}}
}}
"""


class Box:
    """a, inside, and others; n, which translates; b, outside."""

    def __init__(self, lab, level="require", server=None, clients=("a",),
                 start=True, **keys):
        self.lab = lab
        self.inside, self.outside = lab.net(), lab.net()
        self.a, *self.more = [lab.host(name, self.inside)
                              for name in clients[:1]]
        self.n = lab.host("n", self.inside, self.outside)
        if server:
            self.b = server
            lab.hosts.append(server)
            self.outside.attach(server, 3)
        else:
            self.b = lab.host("b", self.outside)
        self.more = [lab.host(name, self.inside) for name in clients[1:]]
        # Without a word for a while, the box forgets.
        for name, value in (("ipv4.ip_forward", 1),
                            ("ipv6.conf.all.forwarding", 1)):
            self.n.ns.sysctl(name, value)
        self.n.ns.nft(masquerade(FIRST))
        self.outer = self.n.own[lab.family][1]
        for host in (self.a, *self.more):
            host.ns.ip(f"route replace default via {self.n.own[4][0]}",
                       f"route replace ::/0 via {self.n.own[6][0]}")
        if start:
            for host in (self.a, *self.more, self.b):
                host.policy("peers", level, **keys)
                host.start_agent()

    def ports(self, kinds=("udp-esp",)):
        """The box's ports that were seen outside."""
        return [f.sport for f in self.outside.capture.frames()
                if f.kind in kinds and f.src == self.outer]

    def nothing_clear(self):
        """Of the hosts: the box may say in the clear what it forgot."""
        for net in (self.inside, self.outside):
            assert [f for f in net.capture.frames()
                    if f.kind == "clear" and f.port != "n"] == []

    def rebind(self):
        """The box forgets what it knew, and chooses other ports."""
        for name in ("udp_timeout", "udp_timeout_stream"):
            self.n.ns.sysctl(f"netfilter.nf_conntrack_{name}", 1)
        # A packet's time runs by what held when it came.
        assert None not in ping(self.a, self.b.ip, 2, interval=0.1)
        self.n.ns.nft(masquerade(SECOND))
        time.sleep(2.5)
        for name in ("udp_timeout", "udp_timeout_stream"):
            self.n.ns.sysctl(f"netfilter.nf_conntrack_{name}", 120)


def lease(host, peer):
    """What stands for the host in ESP to this peer; None, "": nothing."""
    for p in host.agent.tacit("peers"):
        if p["address"] == peer.ip:
            return p["leased_address"]
    return None


def within(ports, span):
    first, last = map(int, span.split("-"))
    return ports and all(first <= p <= last for p in ports)
