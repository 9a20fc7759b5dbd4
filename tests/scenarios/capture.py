# SPDX-License-Identifier: LGPL-2.1-or-later
"""What crosses a wire: each frame once, as it enters the wire from a host,
with the kernel's time stamp, told apart by what it means for encryption."""

import dataclasses
import ipaddress
import select
import socket
import struct
import threading
import time

ETH_P_ALL = 3
PACKET_OUTGOING = 4
SOL_PACKET = 263
PACKET_STATISTICS = 6
SO_TIMESTAMPNS = 35
SO_RCVBUFFORCE = 33
KEPT = 512  # bytes of each frame,
KEPT_IKE = 4608  # but of what may be IKE

ICMP, TCP, UDP, ESP, ICMPV6 = 1, 6, 17, 50, 58
PROTOCOLS = {ICMP: "icmp", TCP: "tcp", UDP: "udp", ESP: "esp",
             ICMPV6: "icmp6"}

# Kinds: "arp", "nd", "mld" (always in the clear, never counted), "ike",
# "esp", "udp-esp", "keepalive", "clear", and "fragment": one that is not the
# first, which is told by that one.
LINK = ("arp", "nd", "mld")


@dataclasses.dataclass
class Ike:
    """The header of an IKE message, and its notifies where they can be
    read."""
    spi_i: int
    spi_r: int
    exchange: int  # 34 IKE_SA_INIT, 35 IKE_AUTH, 37 INFORMATIONAL
    response: bool
    message_id: int
    notifies: list  # types


@dataclasses.dataclass
class Frame:
    time: float
    port: str  # the wire's name of the port: the sender's
    kind: str
    src: str = ""
    dst: str = ""
    protocol: int = 0
    sport: int = 0
    dport: int = 0
    payload: bytes = b""
    spi: int = 0
    icmp_type: int = -1

    def __str__(self):
        what = PROTOCOLS.get(self.protocol, self.protocol)
        text = f"{self.time:.6f} {self.port:8} {self.kind:9} "
        text += f"{self.src} > {self.dst} {what}"
        if self.sport or self.dport:
            text += f" {self.sport} > {self.dport}"
        if self.spi:
            text += f" spi {self.spi:08x}"
        if self.icmp_type >= 0:
            text += f" type {self.icmp_type}"
        ike = self.ike
        if ike:
            text += f" exchange {ike.exchange}" \
                    f"{' response' if ike.response else ''}" \
                    f" id {ike.message_id} notifies {ike.notifies}"
        return text

    @property
    def icmp_error(self):
        """Destination unreachable."""
        return (self.protocol, self.icmp_type) in ((ICMP, 3), (ICMPV6, 1))

    @property
    def ike(self):
        return parse_ike(self.payload) if self.kind == "ike" else None


def parse_ike(data):
    if len(data) < 28:
        return None
    spi_i, spi_r, following, _, exchange, flags, message_id, length = \
        struct.unpack_from("!QQBBBBII", data)
    notifies = []
    offset = 28
    while following and offset + 4 <= min(len(data), length):
        size = struct.unpack_from("!H", data, offset + 2)[0]
        if following == 46:  # the rest is encrypted
            break
        if following == 41 and offset + 8 <= len(data):
            notifies.append(struct.unpack_from("!H", data, offset + 6)[0])
        following = data[offset]
        if size < 4:
            break
        offset += size
    return Ike(spi_i, spi_r, exchange, bool(flags & 0x20), message_id,
               notifies)


def parse_udp(frame, data):
    frame.sport, frame.dport = struct.unpack_from("!HH", data)
    frame.payload = data[8:]
    ports = (frame.sport, frame.dport)
    if 4500 in ports:
        if frame.payload[:4] == b"\0\0\0\0":
            frame.kind = "ike"
            frame.payload = frame.payload[4:]
        elif frame.payload == b"\xff":
            frame.kind = "keepalive"
        elif len(frame.payload) >= 8:
            frame.kind = "udp-esp"
            frame.spi = struct.unpack_from("!I", frame.payload)[0]
    elif 500 in ports:
        frame.kind = "ike"


def parse_transport(frame, data):
    frame.kind = "clear"
    if frame.protocol == ESP and len(data) >= 8:
        frame.kind = "esp"
        frame.spi = struct.unpack_from("!I", data)[0]
        frame.payload = data[8:]
    elif frame.protocol == UDP and len(data) >= 8:
        parse_udp(frame, data)
    elif frame.protocol == TCP and len(data) >= 20:
        frame.sport, frame.dport = struct.unpack_from("!HH", data)
        frame.payload = data[(data[12] >> 4) * 4:]
    elif frame.protocol in (ICMP, ICMPV6) and len(data) >= 4:
        frame.icmp_type = data[0]
        frame.payload = data[8:]
        if frame.protocol == ICMPV6 and 133 <= data[0] <= 137:
            frame.kind = "nd"
        elif frame.protocol == ICMPV6 and data[0] in (130, 131, 132, 143):
            frame.kind = "mld"


def parse(when, port, data):
    ethertype = struct.unpack_from("!H", data, 12)[0]
    frame = Frame(when, port, "arp")
    data = data[14:]
    if ethertype == 0x0800:
        frame.src = socket.inet_ntop(socket.AF_INET, data[12:16])
        frame.dst = socket.inet_ntop(socket.AF_INET, data[16:20])
        frame.protocol = data[9]
        total, _, offset = struct.unpack_from("!HHH", data, 2)
        if offset & 0x1fff:
            frame.kind = "fragment"
        else:
            parse_transport(frame, data[(data[0] & 15) * 4:total])
    elif ethertype == 0x86dd:
        frame.src = socket.inet_ntop(socket.AF_INET6, data[8:24])
        frame.dst = socket.inet_ntop(socket.AF_INET6, data[24:40])
        frame.protocol = data[6]
        data = data[40:40 + struct.unpack_from("!H", data, 4)[0]]
        # Hop-by-hop, routing, destination options, fragment.
        while frame.protocol in (0, 43, 60, 44) and len(data) >= 8:
            size = 8 if frame.protocol == 44 else (data[1] + 1) * 8
            if frame.protocol == 44 and \
                    struct.unpack_from("!H", data, 2)[0] & 0xfff8:
                frame.kind = "fragment"
                return frame
            frame.protocol = data[0]
            data = data[size:]
        parse_transport(frame, data)
    elif ethertype != 0x0806:
        frame.kind = "clear"
    return frame


def may_be_ike(data):
    """UDP, or a fragment or an extension that may hold it."""
    if data[12:14] == b"\x08\x00":
        return data[23] == UDP
    return data[12:14] == b"\x86\xdd" and data[20] not in (TCP, ESP)


def addresses(who):
    """The addresses of a host, or an address, or several of either."""
    if isinstance(who, str):
        return {str(ipaddress.ip_address(who))}
    if hasattr(who, "addresses"):
        return set(who.addresses)
    return set().union(*map(addresses, who))


class Capture:
    def __init__(self, namespace, ports):
        """ports: {interface of the wire: name of the host behind it}"""
        self.ports = ports
        self.raw = []
        self.parsed = []
        self.socket = namespace.socket(socket.AF_PACKET, socket.SOCK_RAW,
                                       socket.htons(ETH_P_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.socket.setblocking(False)
        self.busy = threading.Lock()
        self.running = True
        self.thread = threading.Thread(target=self._loop, daemon=True)
        self.thread.start()

    def _loop(self):
        while self.running:
            if select.select([self.socket], [], [], 0.1)[0]:
                self._drain()

    def _drain(self):
        with self.busy:
            while True:
                try:
                    data, control, _, address = \
                        self.socket.recvmsg(KEPT_IKE, 64)
                except BlockingIOError:
                    return
                except OSError:
                    if self.running:
                        raise
                    return
                port = self.ports.get(address[0])
                if port is None or address[2] == PACKET_OUTGOING:
                    continue
                if len(data) > KEPT and not may_be_ike(data):
                    data = data[:KEPT]
                seconds, nanoseconds = struct.unpack("qq", control[0][2])
                self.raw.append((seconds + nanoseconds / 1e9, port, data))

    def frames(self, since=0):
        """All frames so far, parsed; since: an earlier mark()."""
        # What was sent before this call is in the socket, or will be as soon
        # as the kernel has run its queues.
        time.sleep(0.02)
        self._drain()
        for when, port, data in self.raw[len(self.parsed):]:
            self.parsed.append(parse(when, port, data))
        return self.parsed[since:]

    def mark(self):
        """A place in the capture: this many frames there are."""
        return len(self.frames())

    def between(self, a, b, kinds, since=0):
        """Frames of these kinds between two hosts, either way."""
        one, other = addresses(a), addresses(b)
        return [f for f in self.frames(since) if f.kind in kinds and
                (f.src in one and f.dst in other or
                 f.src in other and f.dst in one)]

    def sent(self, a, b, kinds, since=0):
        """Frames of these kinds from a to b."""
        one, other = addresses(a), addresses(b)
        return [f for f in self.frames(since) if f.kind in kinds and
                f.src in one and f.dst in other]

    def clear_packets(self, a, b, since=0):
        return self.between(a, b, ("clear",), since)

    def esp_packets(self, a, b, since=0):
        return self.between(a, b, ("esp", "udp-esp"), since)

    def ike_packets(self, a, b, since=0):
        return self.between(a, b, ("ike",), since)

    def kinds(self, a, b, since=0):
        """What was sent from a to b, for example {"ike", "esp"}."""
        one, other = addresses(a), addresses(b)
        return {f.kind for f in self.frames(since) if f.kind not in LINK and
                f.src in one and f.dst in other}

    def close(self):
        """Stops; a capture that lost frames proves nothing."""
        if not self.running:
            return
        self.frames()
        self.running = False
        self.thread.join()
        # struct tpacket_stats: since the last call, which is the first.
        stats = self.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
        self.socket.close()
        lost = struct.unpack("II", stats)[1]
        assert lost == 0, f"the capture itself lost {lost} frames"
