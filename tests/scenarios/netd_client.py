# SPDX-License-Identifier: LGPL-2.1-or-later
"""A stand-in for tacitd: speaks the typed records of xfrm/record.h with
tacit-netd, well-behaved or hostile.

The layout below is that of struct record on every Linux ABI (no field is
padded); tests/unit/record-layout.txt pins it for both sides.
"""

import array
import ipaddress
import os
import select
import socket
import struct
import time

VERSION = 9
REQID_MIN, REQID_MAX = 0x54000000, 0x54FFFFFF
TRAP_REQID = 0x53FFFFFF

TYPES = [
    None, "HELLO", "INSTALL", "SWITCH", "HARDEN", "REMOVE_SA", "REMOVE",
    "MOVE", "VERDICT", "BYE", "ALIVE", "WELCOME", "REPLY", "ACQUIRE",
    "EXPIRE", "USED", "ORPHAN", "ADDRESS", "SOCKET", "ABANDON", "HINT",
    "REPAIR", "RELOAD", "COUNT", "COUNTED", "IDLE",
    "MAPPED", "BEGAN",
]
(HELLO, INSTALL, SWITCH, HARDEN, REMOVE_SA, REMOVE, MOVE, VERDICT, BYE, ALIVE,
 WELCOME, REPLY, ACQUIRE, EXPIRE, USED, ORPHAN, ADDRESS, SOCKET,
 ABANDON, HINT, REPAIR, RELOAD, COUNT, COUNTED,
 IDLE, MAPPED, BEGAN) = range(1, len(TYPES))

IN_OPTIONAL, OUT_LATER, IN_ONLY = 1, 2, 4
CLEAR, BLOCK, FORGET = 1, 2, 3
AES_GCM_128, AES_GCM_256, CHACHA = 1, 2, 3
KEY_LEN = {AES_GCM_128: 20, AES_GCM_256: 36, CHACHA: 36}

# (name, struct format) of each member, in order.
ADDR = [("family", "H"), ("reserved", "H"), ("scope", "I"), ("bytes", "16s")]
ESP = [("spi", "I"), ("cipher", "B"), ("esn", "B"), ("key_len", "B"),
       ("reserved", "B"), ("key", "96s")]
HEAD = [("version", "H"), ("type", "H"), ("seq", "I")]
BODIES = {
    "hello": [("pid", "I"), ("digest", "I")],
    "reload": [("digest", "I")],
    "welcome": [("sockets", "I"), ("flags", "I")],
    "install": [("local", ADDR), ("remote", ADDR), ("reqid", "I"),
                ("acquire_seq", "I"), ("flags", "I"), ("hard_s", "I"),
                ("soft_s", "I"), ("hard_kib", "I"), ("soft_kib", "I"),
                ("hard_packets", "I"), ("soft_packets", "I"),
                ("replaces", "I"), ("tunnel", "I"), ("udp_local", "H"),
                ("udp_remote", "H"), ("in", ESP), ("out", ESP),
                ("outer", ADDR), ("lease", ADDR),
                ("scope", "72s")],  # and what fills the record up
    "flow": [("local", ADDR), ("remote", ADDR), ("reqid", "I"),
             ("spi", "I"), ("inbound", "I"), ("udp_remote", "I"),
             ("idle_ms", "I")],
    "verdict": [("local", ADDR), ("remote", ADDR), ("verdict", "I"),
                ("lifetime_ms", "I")],
    "alive": [("refused", "I"), ("left_out", "I"), ("separate", "I"),
              ("held", "I"), ("held_no_room", "I"), ("held_late", "I"),
              ("began", "I"), ("events_lost", "I")],
    "reply": [("error", "i"), ("type", "I"), ("count", "I")],
    "acquire": [("local", ADDR), ("remote", ADDR), ("seq", "I"),
                ("reqid", "I"), ("protocol", "H"), ("local_port", "H"),
                ("remote_port", "H"), ("held", "H")],
    "expire": [("local", ADDR), ("remote", ADDR), ("reqid", "I"),
               ("spi", "I"), ("inbound", "I"), ("hard", "I")],
    "orphan": [("local", ADDR), ("remote", ADDR), ("reqid", "I"),
               ("spi_in", "I"), ("spi_out", "I"), ("last", "I"),
               ("outer", ADDR), ("lease", ADDR)],
    "address": [("addr", ADDR), ("gone", "I"), ("prefix_len", "I")],
    "socket": [("local", ADDR), ("remote", ADDR), ("reqid", "I"),
               ("identified", "I")],
    "hint": [("local", ADDR), ("remote", ADDR), ("spi", "I"),
             ("udp_remote", "I")],
    "counted": [("local", ADDR), ("remote", ADDR), ("reqid", "I"),
                ("flags", "I"), ("spi_in", "I"), ("spi_out", "I"),
                ("idle_s", "I"), ("guarded", "I"), ("bytes_in", "Q"),
                ("packets_in", "Q"), ("bytes_out", "Q"),
                ("packets_out", "Q")],
    "began": [("local", ADDR), ("remote", ADDR), ("first", "I"), ("n", "I"),
              ("list", "192s")],
}
BODY_OF = {
    HELLO: "hello", RELOAD: "reload", INSTALL: "install",
    SWITCH: "flow", HARDEN: "flow",
    REMOVE_SA: "flow", REMOVE: "flow", MOVE: "flow", USED: "flow",
    VERDICT: "verdict",
    ALIVE: "alive", WELCOME: "welcome", REPLY: "reply", ACQUIRE: "acquire",
    EXPIRE: "expire", ORPHAN: "orphan", ADDRESS: "address",
    SOCKET: "socket", ABANDON: "flow",
    HINT: "hint", COUNT: "flow", COUNTED: "counted", IDLE: "flow",
    BEGAN: "began",
}


def format_of(fields):
    return "".join(f if isinstance(f, str) else format_of(f)
                   for _, f in fields)


def size_of(fields):
    return struct.calcsize("=" + format_of(fields))


HEAD_SIZE = size_of(HEAD)
RECORD_SIZE = HEAD_SIZE + max(size_of(b) for b in BODIES.values())


def layout():
    """Lines "struct record.MEMBER.FIELD OFFSET" and the whole size."""
    yield "record", RECORD_SIZE
    at = 0
    for name, fmt in HEAD:
        yield "record." + name, at
        at += struct.calcsize("=" + fmt)
    for body, fields in BODIES.items():
        at = HEAD_SIZE
        for name, fmt in fields:
            yield "record.%s.%s" % (body, name), at
            at += (struct.calcsize("=" + fmt) if isinstance(fmt, str)
                   else size_of(fmt))


def addr(text, scope=0):
    """The values of a struct addr; None: unset."""
    if text is None:
        return (0, 0, 0, b"")
    a = ipaddress.ip_address(text)
    family = socket.AF_INET if a.version == 4 else socket.AF_INET6
    return (family, 0, scope, a.packed.ljust(16, b"\0"))


def addr_text(values):
    family, _, scope, raw = values
    if family == socket.AF_INET:
        return str(ipaddress.ip_address(raw[:4]))
    if family == socket.AF_INET6:
        text = str(ipaddress.ip_address(raw))
        return "%s%%%d" % (text, scope) if scope else text
    return None


def esp(spi, key, cipher=AES_GCM_256, esn=0):
    """The values of a struct esp_sa."""
    return (spi, cipher, esn, len(key), 0, key.ljust(96, b"\0"))


NO_ESP = (0, 0, 0, 0, 0, b"")


def pack(kind, seq, values=(), version=VERSION):
    """A whole record: values are those of its body, in order."""
    flat = []
    for v in values:
        flat.extend(v if isinstance(v, tuple) else (v,))
    body = BODY_OF.get(kind)
    raw = struct.pack("=HHI", version, kind, seq)
    if body and flat:
        raw += struct.pack("=" + format_of(BODIES[body]), *flat)
    return raw.ljust(RECORD_SIZE, b"\0")


class Record:
    """A received record: kind, seq, and its body's fields by name."""

    def __init__(self, raw, fds=()):
        self.version, self.kind, self.seq = struct.unpack_from("=HHI", raw)
        self.fds = list(fds)
        self.raw = raw
        at = HEAD_SIZE
        for name, fmt in BODIES.get(BODY_OF.get(self.kind), []):
            text = "=" + (fmt if isinstance(fmt, str) else format_of(fmt))
            value = struct.unpack_from(text, raw, at)
            if fmt is ADDR:
                value = addr_text(value)
            elif isinstance(fmt, str):
                value = value[0]
            setattr(self, name, value)
            at += struct.calcsize(text)

    def __repr__(self):
        known = {k: v for k, v in vars(self).items() if k != "raw"}
        return "<%s %r>" % (TYPES[self.kind], known)


class Client:
    """One connection. Events are kept in self.events until asked for."""

    def __init__(self, path, wait=5.0, uid=None):
        end = time.monotonic() + wait
        while True:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            try:
                self.connect(path, uid)
                break
            except OSError:
                self.sock.close()
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)
        self.seq = 0
        self.events = []
        self.last_alive = 0.0

    def connect(self, path, uid):
        """The other end learns our effective user at this moment."""
        before = os.geteuid()
        if uid is not None:
            os.seteuid(uid)
        try:
            self.sock.connect(path)
        finally:
            os.seteuid(before)

    def close(self):
        self.sock.close()

    def send_raw(self, raw, fds=()):
        socket.send_fds(self.sock, [raw], list(fds))

    def alive(self):
        self.send_raw(pack(ALIVE, 0))
        self.last_alive = time.monotonic()

    def receive(self, timeout=1.0):
        """The next record, or None; EOFError when the link is cut."""
        ready, _, _ = select.select([self.sock], [], [], max(0.0, timeout))
        if not ready:
            return None
        fds = array.array("i")
        try:
            raw, anc, _, _ = self.sock.recvmsg(
                RECORD_SIZE + 1, socket.CMSG_SPACE(8 * fds.itemsize))
        except ConnectionError as e:
            raise EOFError from e
        if not raw:
            raise EOFError
        for level, kind, data in anc:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds.frombytes(data[:len(data) - len(data) % fds.itemsize])
        assert len(raw) == RECORD_SIZE, len(raw)
        return Record(raw, fds)

    def wait(self, match, timeout=5.0):
        """The first record (kept or new) that match() likes, or None."""
        end = time.monotonic() + timeout
        for i, r in enumerate(self.events):
            if match(r):
                return self.events.pop(i)
        while time.monotonic() < end:
            if self.last_alive and time.monotonic() - self.last_alive > 1:
                self.alive()
            r = self.receive(min(0.5, end - time.monotonic()))
            if r is None or r.kind == ALIVE:
                continue
            if match(r):
                return r
            self.events.append(r)
        return None

    def idle(self, seconds):
        """Beats the heart for a while."""
        self.wait(lambda r: False, seconds)

    def hello(self):
        self.seq += 1
        seq = self.seq
        self.send_raw(pack(HELLO, seq, (os.getpid(), 0)))
        self.last_alive = time.monotonic()
        w = self.wait(lambda r: r.kind == WELCOME and r.seq == seq)
        assert w, "no WELCOME"
        return w

    def request(self, kind, values=(), timeout=5.0, version=VERSION, fds=()):
        """Sends a request; the error of its reply (0 or negative errno)."""
        self.seq += 1
        seq = self.seq
        self.send_raw(pack(kind, seq, values, version), fds)
        r = self.wait(lambda r: r.kind == REPLY and r.seq == seq, timeout)
        return r.error if r else None

    def install(self, local, remote, reqid, sa_in, sa_out, acquire_seq=0,
                flags=0, hard_s=3600, soft_s=0, packets=(0, 0), replaces=0,
                tunnel=0, udp=(0, 0), outer=None, lease=None):
        return self.request(INSTALL, (addr(local), addr(remote), reqid,
                                      acquire_seq, flags, hard_s, soft_s,
                                      0, 0, *packets, replaces, tunnel, *udp,
                                      sa_in, sa_out, addr(outer),
                                      addr(lease), b""))

    def flow(self, kind, reqid, local=None, remote=None, spi=0, inbound=0,
             udp_remote=0):
        unset = (0, 0, 0, b"")
        return self.request(kind, (addr(local) if local else unset,
                                   addr(remote) if remote else unset,
                                   reqid, spi, inbound, udp_remote, 0))

    def verdict(self, local, remote, verdict, lifetime_ms=1000):
        return self.request(VERDICT, (addr(local), addr(remote), verdict,
                                      lifetime_ms))

    def socket(self, local, remote, reqid, *descriptors, identified=0):
        """A program's socket: never in the clear, from now on."""
        return self.request(SOCKET, (addr(local), addr(remote), reqid,
                                     identified),
                            fds=[d.fileno() for d in descriptors])

    def acquire(self, remote=None, timeout=5.0):
        return self.wait(lambda r: r.kind == ACQUIRE and
                         (remote is None or r.remote == remote), timeout)


if __name__ == "__main__":
    for name, value in layout():
        print(name, value)
