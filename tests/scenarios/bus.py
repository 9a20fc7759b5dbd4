# SPDX-License-Identifier: LGPL-2.1-or-later
"""A D-Bus client of a few lines, for the agent's own socket and for a real bus:
each byte of a message can be what a test wants, and descriptors go along."""

import array
import os
import select
import socket
import struct
import time

NAME = "org.tacit.Agent1"
PATH = "/org/tacit/Agent1"
ERROR = "org.tacit.Agent1.Error."
FORMATS = {"y": "B", "b": "I", "n": "h", "q": "H", "i": "i", "u": "I",
           "x": "q", "t": "Q", "d": "d", "h": "I"}
SIZES = {"y": 1, "n": 2, "q": 2, "x": 8, "t": 8, "d": 8, "g": 1, "v": 1,
         "(": 8, "{": 8}


class Error(Exception):
    def __init__(self, name, text=""):
        super().__init__(f"{name}: {text}")
        self.name = name
        self.text = text


def split(signature):
    """The complete types of a signature."""
    at = 0
    while at < len(signature):
        start = at
        while signature[at] == "a":
            at += 1
        depth = 0
        while True:
            depth += {"(": 1, "{": 1, ")": -1, "}": -1}.get(signature[at], 0)
            at += 1
            if not depth:
                break
        yield signature[start:at]


class Writer:
    def __init__(self):
        self.data = bytearray()
        self.fds = []

    def align(self, size):
        self.data += bytes(-len(self.data) % size)

    def write(self, kind, value):
        code = kind[0]
        self.align(SIZES.get(code, 4))
        if code == "h":
            self.fds.append(value if isinstance(value, int) else
                            value.fileno())
            value = len(self.fds) - 1
        if code in FORMATS:
            self.data += struct.pack("<" + FORMATS[code], value)
        elif code in "so":
            raw = value.encode() if isinstance(value, str) else value
            self.data += struct.pack("<I", len(raw)) + raw + b"\0"
        elif code == "g":
            self.data += bytes([len(value)]) + value.encode() + b"\0"
        elif code == "v":
            self.write("g", value[0])
            self.write(*value)
        elif code == "a":
            self.array(kind[1:], value)
        else:
            for each, item in zip(split(kind[1:-1]), value):
                self.write(each, item)

    def array(self, kind, values):
        start = len(self.data)
        self.data += bytes(4)
        self.align(SIZES.get(kind[0], 4))
        first = len(self.data)
        for item in values.items() if isinstance(values, dict) else values:
            self.write(kind, item)
        struct.pack_into("<I", self.data, start, len(self.data) - first)


class Reader:
    def __init__(self, data, fds=()):
        self.data = data
        self.at = 0
        self.fds = fds

    def align(self, size):
        self.at += -self.at % size

    def read(self, kind):
        code = kind[0]
        self.align(SIZES.get(code, 4))
        if code in FORMATS:
            value, = struct.unpack_from("<" + FORMATS[code], self.data,
                                        self.at)
            self.at += struct.calcsize(FORMATS[code])
            return bool(value) if code == "b" else value
        if code in "so":
            return self.text(self.read("u"))
        if code == "g":
            return self.text(self.read("y"))
        if code == "v":
            return self.read(self.read("g"))
        if code == "a":
            return self.array(kind[1:])
        return tuple(self.read(each) for each in split(kind[1:-1]))

    def text(self, size):
        value = bytes(self.data[self.at:self.at + size]).decode()
        self.at += size + 1
        return value

    def array(self, kind):
        size = self.read("u")
        self.align(SIZES.get(kind[0], 4))
        end = self.at + size
        found = []
        while self.at < end:
            found.append(self.read(kind))
        return dict(found) if kind[0] == "{" else found


class Message:
    def __init__(self, kind, serial, fields, body, fds):
        self.kind = kind  # 1 call, 2 return, 3 error, 4 signal
        self.serial = serial
        self.fields = dict(fields)
        reader = Reader(body, fds)
        self.args = [reader.read(t) for t in split(self.fields.get(8, ""))]

    @property
    def member(self):
        return self.fields.get(3)


class Bus:
    """A connection as the user uid; bus: there is a bus behind it."""

    def __init__(self, path, uid=0, bus=False):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        before = os.geteuid()
        if uid != before:
            os.seteuid(uid)
        try:
            self.socket.connect(path)
        finally:
            if uid != before:
                os.seteuid(before)
        self.data = b""
        self.fds = array.array("i")
        self.serial = 0
        self.signals = []
        self.name = None
        self.bus = bus
        self.authenticate(uid)
        if bus:
            self.name, = self.call_on(
                "org.freedesktop.DBus", "/org/freedesktop/DBus",
                "org.freedesktop.DBus", "Hello")
        else:
            # sd-bus takes no descriptors in one piece with BEGIN.
            self.call_on(None, PATH, "org.freedesktop.DBus.Peer", "Ping")

    def authenticate(self, uid):
        name = str(uid).encode().hex()
        self.socket.send(f"\0AUTH EXTERNAL {name}\r\n"
                         "NEGOTIATE_UNIX_FD\r\n".encode())
        answer = b""
        while answer.count(b"\r\n") < 2:
            more = self.socket.recv(1000)
            if not more:
                raise EOFError(answer)
            answer += more
        assert answer.startswith(b"OK") and b"AGREE_UNIX_FD" in answer, answer
        self.socket.send(b"BEGIN\r\n")

    def send(self, path, interface, member, signature="", args=(),
             destination=None, extra=b"", flags=0):
        """Sends a call; returns its serial."""
        body = Writer()
        for kind, value in zip(split(signature), args):
            body.write(kind, value)
        return self.send_body(path, interface, member, signature,
                              bytes(body.data) + extra, body.fds, destination,
                              flags)

    def send_body(self, path, interface, member, signature, body, fds=(),
                  destination=None, flags=0, n_fds=None):
        self.serial += 1
        fields = [(1, ("o", path)), (2, ("s", interface)), (3, ("s", member))]
        if destination:
            fields.append((6, ("s", destination)))
        if signature:
            fields.append((8, ("g", signature)))
        count = len(fds) if n_fds is None else n_fds
        if count:
            fields.append((9, ("u", count)))
        head = Writer()
        for kind, value in zip("yyyyuu", (ord("l"), 1, flags, 1, len(body),
                                          self.serial)):
            head.write(kind, value)
        head.write("a(yv)", fields)
        head.align(8)
        socket.send_fds(self.socket, [bytes(head.data) + body], list(fds))
        return self.serial

    def fill(self, size, end):
        while len(self.data) < size:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.socket], [], [], left)[0]:
                raise TimeoutError
            data, fds, _, _ = socket.recv_fds(self.socket, 65536, 16)
            if not data:
                raise EOFError
            self.data += data
            self.fds.extend(fds)

    def receive(self, timeout=10.0):
        end = time.monotonic() + timeout
        self.fill(16, end)
        _, kind, _, _, size, serial = struct.unpack_from("<BBBBII", self.data)
        fields, = struct.unpack_from("<I", self.data, 12)
        start = 16 + fields + -fields % 8
        self.fill(start + size, end)
        reader = Reader(self.data[:start])
        reader.at = 12
        message = Message(kind, serial, reader.read("a(yv)"),
                          self.data[start:start + size], self.fds)
        self.data = self.data[start + size:]
        return message

    def reply(self, serial, timeout=10.0):
        """The values of a reply, or Error."""
        end = time.monotonic() + timeout
        while True:
            m = self.receive(end - time.monotonic())
            if m.kind in (2, 3) and m.fields.get(5) == serial:
                if m.kind == 3:
                    raise Error(m.fields[4], *m.args[:1])
                return m.args
            if m.kind == 4:
                self.signals.append(m)

    def call_on(self, destination, path, interface, member, signature="",
                *args, timeout=10.0):
        return self.reply(self.send(path, interface, member, signature, args,
                                    destination), timeout)

    def call(self, member, signature="", *args, timeout=10.0, flags=0):
        """A method of the agent's."""
        serial = self.send(PATH, NAME, member, signature, args,
                           NAME if self.bus else None, flags=flags)
        return self.reply(serial, timeout)

    def signal(self, member, match=lambda m: True, timeout=5.0):
        """The next signal of this name that match() likes."""
        end = time.monotonic() + timeout
        while True:
            for i, m in enumerate(self.signals):
                if m.member == member and match(m):
                    return self.signals.pop(i)
            m = self.receive(end - time.monotonic())
            if m.kind == 4:
                self.signals.append(m)

    def close(self):
        self.socket.close()
