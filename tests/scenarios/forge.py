# SPDX-License-Identifier: LGPL-2.1-or-later
"""Packets with whatever source address: what a stranger on the way sends."""

import os
import socket
import struct

from traffic import MAGIC, checksum, family_of

UDP, ESP = 17, 50


class Forger:
    """Sends from this host, in the name of another."""

    def __init__(self, host):
        self.socket = host.ns.socket(
            socket.AF_INET6 if host.lab.family == 6 else socket.AF_INET,
            socket.SOCK_RAW, socket.IPPROTO_RAW)

    def send(self, src, dst, protocol, payload):
        family = family_of(dst)
        source = socket.inet_pton(family, src)
        target = socket.inet_pton(family, dst)
        if family == socket.AF_INET:
            head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1,
                               0, 64, protocol, 0, source, target)
        else:
            head = struct.pack("!IHBB16s16s", 6 << 28, len(payload), protocol,
                               64, source, target)
        self.socket.sendto(head + payload, (dst, 0))

    def udp(self, src, sport, dst, dport, payload):
        family = family_of(dst)
        size = 8 + len(payload)
        pseudo = socket.inet_pton(family, src) + socket.inet_pton(family, dst)
        pseudo += struct.pack("!II", size, UDP)
        data = struct.pack("!HHHH", sport, dport, size, 0) + payload
        total = checksum(pseudo + data + b"\0" * (size % 2)) or 0xffff
        self.send(src, dst, UDP, data[:6] + struct.pack("!H", total) + payload)

    def clear(self, src, dst):
        self.udp(src, 5000, dst, 5000, MAGIC)

    def refuse(self, src, dst):
        """An ICMP error: a port that nobody listens to."""
        quoted = bytes(48)
        if family_of(dst) == socket.AF_INET:
            protocol, kind, code, pseudo = socket.IPPROTO_ICMP, 3, 3, b""
        else:
            protocol, kind, code = socket.IPPROTO_ICMPV6, 1, 4
            pseudo = socket.inet_pton(socket.AF_INET6, src) + \
                socket.inet_pton(socket.AF_INET6, dst) + \
                struct.pack("!II", 8 + len(quoted), protocol)
        data = struct.pack("!BBHI", kind, code, 0, 0) + quoted
        total = struct.pack("!H", checksum(pseudo + data))
        self.send(src, dst, protocol, data[:2] + total + data[4:])

    def esp(self, src, dst, spi, in_udp=False):
        """Sealed with nothing that anybody knows."""
        packet = struct.pack("!II", spi, 1) + os.urandom(64)
        if in_udp:
            self.udp(src, 4500, dst, 4500, packet)
        else:
            self.send(src, dst, ESP, packet)

    def close(self):
        self.socket.close()
