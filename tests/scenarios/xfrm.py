# SPDX-License-Identifier: LGPL-2.1-or-later
"""The kernel's IPsec states and policies, read by netlink: iproute2 has no
JSON for them, and a program takes long to start in the lab kernel."""

import dataclasses
import ipaddress
import socket
import struct
import threading
import time

NETLINK_XFRM = 6
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_DUMP = 0x301  # with NLM_F_REQUEST
XFRM_MSG_NEWSA, XFRM_MSG_GETSA = 0x10, 0x12
XFRM_MSG_NEWPOLICY, XFRM_MSG_GETPOLICY = 0x13, 0x15
XFRMA_ENCAP, XFRMA_TMPL, XFRMA_ALG_AEAD = 4, 5, 18
XFRMA_ALG_CRYPT, XFRMA_ALG_AUTH_TRUNC = 2, 20
DIRECTIONS = {0: "in", 1: "out", 2: "fwd"}
ACTIONS = {0: "allow", 1: "block"}
MODES = {0: "transport", 1: "tunnel"}


@dataclasses.dataclass
class State:
    src: str
    dst: str
    spi: int  # 0: a larval state, which an acquire made
    protocol: int
    reqid: int
    mode: str
    seq: int
    packets: int
    bytes: int
    algorithm: str = ""  # "cbc(aes)" where there is an integrity
    integrity: str = ""  # "hmac(sha256)/128"
    encapsulated: bool = False

    def __str__(self):
        return f"{self.src} > {self.dst} spi {self.spi:08x} reqid " \
            f"{self.reqid:#x} {self.mode} seq {self.seq} {self.packets} " \
            f"packets {self.algorithm}"


@dataclasses.dataclass
class Template:
    src: str
    dst: str
    protocol: int
    reqid: int
    mode: str
    optional: bool


@dataclasses.dataclass
class Policy:
    direction: str
    action: str
    src: str  # "10.0.0.1/32"
    dst: str
    protocol: int
    sport: int
    dport: int
    priority: int
    index: int
    templates: list

    def __str__(self):
        text = f"{self.src} > {self.dst} {self.direction} {self.action} " \
            f"protocol {self.protocol} {self.sport} {self.dport} priority " \
            f"{self.priority:#x}"
        for t in self.templates:
            text += f" {t.mode} reqid {t.reqid:#x}" \
                f"{' optional' if t.optional else ''}"
        return text


def address(family, data):
    return socket.inet_ntop(family, data[:4] if family == socket.AF_INET
                            else data[:16])


def network(family, data, length):
    return str(ipaddress.ip_network((address(family, data), length)))


def attributes(data):
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        yield kind & 0x3fff, data[4:length]
        data = data[(length + 3) & ~3:]


def parse_state(data):
    # struct xfrm_usersa_info: sel 0, id 56, saddr 80, lft 96, curlft 160,
    # stats 192, seq 204, reqid 208, family 212, mode 214.
    seq, reqid, family, mode = struct.unpack_from("=IIHB", data, 204)
    octets, packets = struct.unpack_from("=QQ", data, 160)
    state = State(src=address(family, data[80:96]),
                  dst=address(family, data[56:72]),
                  spi=struct.unpack_from("!I", data, 72)[0],
                  protocol=data[76], reqid=reqid,
                  mode=MODES.get(mode, str(mode)), seq=seq, packets=packets,
                  bytes=octets)
    for kind, value in attributes(data[224:]):
        name = value[:64].split(b"\0")[0].decode(errors="replace")
        if kind in (XFRMA_ALG_AEAD, XFRMA_ALG_CRYPT):
            state.algorithm = name
        elif kind == XFRMA_ALG_AUTH_TRUNC:
            bits = struct.unpack_from("=I", value, 68)[0]
            state.integrity = f"{name}/{bits}"
        elif kind == XFRMA_ENCAP:
            state.encapsulated = True
    return state


def parse_templates(data):
    # struct xfrm_user_tmpl: id 0, family 24, saddr 28, reqid 44, mode 48,
    # share 49, optional 50; 64 bytes.
    for at in range(0, len(data), 64):
        family = struct.unpack_from("=H", data, at + 24)[0]
        reqid, mode, _, optional = struct.unpack_from("=IBBB", data, at + 44)
        yield Template(src=address(family, data[at + 28:at + 44]),
                       dst=address(family, data[at:at + 16]),
                       protocol=data[at + 20], reqid=reqid,
                       mode=MODES.get(mode, str(mode)),
                       optional=bool(optional))


def parse_policy(data):
    # struct xfrm_userpolicy_info: sel 0 (daddr 0, saddr 16, dport 32, sport
    # 36, family 40, prefixes 42, proto 44), lft 56, curlft 120, priority 152,
    # index 156, dir 160, action 161.
    family, dst_length, src_length, protocol = \
        struct.unpack_from("=HBBB", data, 40)
    dport, _, sport = struct.unpack_from("!HHH", data, 32)
    priority, index, direction, action = \
        struct.unpack_from("=IIBB", data, 152)
    policy = Policy(direction=DIRECTIONS.get(direction, str(direction)),
                    action=ACTIONS.get(action, str(action)),
                    src=network(family, data[16:32], src_length),
                    dst=network(family, data[0:16], dst_length),
                    protocol=protocol, sport=sport, dport=dport,
                    priority=priority, index=index, templates=[])
    for kind, value in attributes(data[168:]):
        if kind == XFRMA_TMPL:
            policy.templates = list(parse_templates(value))
    return policy


def dump(namespace, request, answer, parse):
    with namespace.socket(socket.AF_NETLINK, socket.SOCK_RAW,
                          NETLINK_XFRM) as netlink:
        netlink.settimeout(5)
        netlink.send(struct.pack("=IHHII", 16, request, NLM_F_DUMP, 1, 0))
        found = []
        while True:
            data = netlink.recv(1 << 17)
            while len(data) >= 16:
                length, kind = struct.unpack_from("=IH", data)
                if kind == NLMSG_DONE:
                    return found
                if kind == NLMSG_ERROR:
                    error = -struct.unpack_from("=i", data, 16)[0]
                    raise OSError(error, "xfrm dump")
                if kind == answer:
                    found.append(parse(data[16:length]))
                data = data[(length + 3) & ~3:]


def states(namespace):
    return dump(namespace, XFRM_MSG_GETSA, XFRM_MSG_NEWSA, parse_state)


def policies(namespace):
    """Those of sockets (direction 3 and above) are left out."""
    return [p for p in dump(namespace, XFRM_MSG_GETPOLICY, XFRM_MSG_NEWPOLICY,
                            parse_policy) if p.direction in ("in", "out",
                                                             "fwd")]


XFRM_MSG_ACQUIRE, XFRM_MSG_UPDSA = 0x17, 0x1a
GROUP_ACQUIRE, GROUP_SA = 1, 3


class Monitor(threading.Thread):
    """Listens to the kernel: when each destination's acquire came, and when
    the last state with it was in."""

    def __init__(self, namespace):
        super().__init__(daemon=True)
        self.acquired = {}
        self.installed = {}
        self.running = True
        self.netlink = namespace.socket(socket.AF_NETLINK, socket.SOCK_RAW,
                                        NETLINK_XFRM)
        self.netlink.bind((0, 1 << (GROUP_ACQUIRE - 1) | 1 << (GROUP_SA - 1)))
        self.netlink.settimeout(0.1)

    def run(self):
        while self.running:
            try:
                data = self.netlink.recv(1 << 16)
            except TimeoutError:
                continue
            now = time.perf_counter()
            length, kind = struct.unpack_from("=IH", data)
            data = data[16:length]
            if kind == XFRM_MSG_ACQUIRE:
                # struct xfrm_user_acquire: id 0, saddr 24, sel 40.
                family = struct.unpack_from("=H", data, 40 + 40)[0]
                self.acquired.setdefault(address(family, data), now)
            elif kind in (XFRM_MSG_NEWSA, XFRM_MSG_UPDSA):
                state = parse_state(data)
                for end in (state.src, state.dst):
                    self.installed[end] = now

    def setup(self, peer):
        """Seconds from the acquire to the last state; None: unknown."""
        if peer not in self.acquired or peer not in self.installed:
            return None
        return self.installed[peer] - self.acquired[peer]

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.running = False
        self.join()
        self.netlink.close()
