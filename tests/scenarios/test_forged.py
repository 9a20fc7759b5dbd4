# SPDX-License-Identifier: LGPL-2.1-or-later
"""Forged packets make us answer; those whom they name shall not hear from us
more than that."""

import ipaddress
import socket
import struct
import time

import pytest
from traffic import Listener, checksum, family_of

RATE = 100  # LIMIT_PROVOKED_RATE


def syn(source, to, port, sequence):
    """A TCP SYN with its IP header."""
    src, dst = (ipaddress.ip_address(a).packed for a in (source, to))
    def tcp(check):
        return struct.pack("!HHIIBBHHH", 40000, port, sequence, 0, 5 << 4, 2,
                           65535, check, 0)
    pseudo = src + dst + (struct.pack("!BBH", 0, 6, 20) if len(src) == 4
                          else struct.pack("!II", 20, 6))
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 0, 0, 64, 6, 0, src,
                       dst) if len(src) == 4 else \
        struct.pack("!IHBB16s16s", 6 << 28, 20, 6, 64, src, dst)
    return head + tcp(checksum(pseudo + tcp(0)))


@pytest.mark.seconds(5)
def test_forged_connections(lab, agents):
    """A thousand SYNs from as many victims to a service: few hear of IKE."""
    net, a, b = lab.pair()
    v4 = lab.family == 4
    a.policy("p", "offer")
    a.route("10.1.0.0/16" if v4 else "fd00:1::/32", b.ip)
    listener = Listener(a, 80)
    a.start_agent()
    raw = b.ns.socket(family_of(a.ip), socket.SOCK_RAW, socket.IPPROTO_RAW)
    for i in range(1000):
        victim = f"10.1.{i % 250}.{i // 250 + 1}" if v4 else \
            f"fd00:1:{i:x}::1"
        raw.sendto(syn(victim, a.ip, 80, i), (a.ip, 0))
    raw.close()
    time.sleep(1)
    listener.close()
    frames = net.capture.frames()
    answered = {f.dst for f in frames if f.protocol == 6 and f.sport == 80}
    knocked = {f.dst for f in frames if f.kind == "ike"}
    assert len(answered) > 800
    # A second's worth at once, and one for each second.
    assert 0 < len(knocked) <= 5 * RATE
