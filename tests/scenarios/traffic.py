# SPDX-License-Identifier: LGPL-2.1-or-later
"""Traffic with its result known packet by packet."""

import os
import select
import socket
import struct
import threading
import time

SO_RCVBUFFORCE = 33
MAGIC = b"tacit-lab-packet"  # to be found in the clear, if it is there


def set_mark(s, mark):
    """SO_MARK; marks are unsigned."""
    if mark is not None:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, struct.pack("I", mark))


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


class Pinger:
    """Echo requests from one host; each reply is put down with its round
    trip, in seconds."""

    def __init__(self, host, source=None, mark=None):
        self.host = host
        self.v6 = host.lab.family == 6
        if self.v6:
            self.socket = host.ns.socket(socket.AF_INET6, socket.SOCK_RAW,
                                         socket.IPPROTO_ICMPV6)
        else:
            self.socket = host.ns.socket(socket.AF_INET, socket.SOCK_RAW,
                                         socket.IPPROTO_ICMP)
        if source:
            self.socket.bind((source, 0))
        set_mark(self.socket, mark)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
        self.id = int.from_bytes(os.urandom(2), "big")
        self.sent = {}   # sequence: (time, destination)
        self.times = {}  # sequence: round trip
        self.errors = {}  # sequence: what the kernel said to sending it

    def send(self, address):
        sequence = len(self.sent)
        kind = 128 if self.v6 else 8
        head = struct.pack("!BBHHH", kind, 0, 0, self.id, sequence)
        if not self.v6:
            head = struct.pack("!BBHHH", kind, 0, checksum(head + MAGIC),
                               self.id, sequence)
        self.sent[sequence] = (time.perf_counter(), address)
        try:
            self.socket.sendto(head + MAGIC, self.resolve(address))
        except OSError as e:
            self.errors[sequence] = e  # no reply will come
        return sequence

    def resolve(self, address):
        """The interface behind a link-local address is the host's."""
        if "%" not in address:
            return address, 0
        return self.host.ns.call(socket.getaddrinfo, address, 0)[0][4]

    def receive(self, timeout):
        """Takes replies for so long, or until all are there."""
        end = time.perf_counter() + timeout
        while len(self.times) < len(self.sent):
            left = end - time.perf_counter()
            if left <= 0 or not select.select([self.socket], [], [], left)[0]:
                return
            data, _ = self.socket.recvfrom(2048)
            if not self.v6:
                data = data[(data[0] & 15) * 4:]
            kind, _, _, ident, sequence = struct.unpack_from("!BBHHH", data)
            if kind == (129 if self.v6 else 0) and ident == self.id and \
                    sequence in self.sent:
                self.times.setdefault(
                    sequence, time.perf_counter() - self.sent[sequence][0])

    def lost(self):
        return sorted(set(self.sent) - set(self.times))

    def close(self):
        self.socket.close()


def ping(host, address, count=1, interval=0.05, timeout=3.0, **kwargs):
    """Returns the round trips in seconds, None for what was lost."""
    pinger = Pinger(host, **kwargs)
    for i in range(count):
        if i:
            pinger.receive(interval)
            time.sleep(max(0, pinger.sent[i - 1][0] + interval -
                           time.perf_counter()))
        pinger.send(address)
    pinger.receive(timeout)
    pinger.close()
    return [pinger.times.get(i) for i in range(count)]


class PingStream(threading.Thread):
    """Pings one address until stopped: a client's traffic, whose server only
    answers."""

    def __init__(self, host, address, interval=0.02):
        super().__init__(daemon=True)
        self.pinger = Pinger(host)
        self.address = address
        self.interval = interval
        self.arrivals = [time.perf_counter()]
        self.running = True
        self.start()

    def run(self):
        while self.running:
            before = len(self.pinger.times)
            due = time.perf_counter() + self.interval
            self.pinger.send(self.address)
            while (left := due - time.perf_counter()) > 0:
                self.pinger.receive(left)
                if self.pinger.lost() == []:
                    time.sleep(max(0, due - time.perf_counter()))
            if len(self.pinger.times) > before:
                self.arrivals.append(time.perf_counter())

    def silence(self):
        """The longest time without a reply, up to now."""
        ends = self.arrivals[1:] + [time.perf_counter()]
        return max(end - start for start, end in zip(self.arrivals, ends))

    def flowing(self):
        return time.perf_counter() - self.arrivals[-1] < 0.3

    def stop(self):
        self.running = False
        self.join()
        self.pinger.receive(1)
        self.pinger.close()


class Sink:
    """A UDP socket that keeps what comes: (flow, sequence), in order."""

    def __init__(self, host, port, address=""):
        self.port = port
        self.socket = host.ns.socket(family_of(address or host.ip),
                                     socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 32 << 20)
        self.socket.bind((address, port))
        self.socket.setblocking(False)
        self.got = []

    def packets(self):
        while True:
            try:
                data = self.socket.recv(2048)
            except BlockingIOError:
                return self.got
            if data.startswith(MAGIC):
                self.got.append(struct.unpack_from("!II", data, len(MAGIC)))

    def close(self):
        self.socket.close()


def datagram(flow, sequence):
    return MAGIC + struct.pack("!II", flow, sequence)


class Stream(threading.Thread):
    """Numbered UDP datagrams, one every interval, until stopped."""

    def __init__(self, host, address, port, interval=0.01, flow=0):
        super().__init__(daemon=True)
        self.socket = host.ns.socket(family_of(address), socket.SOCK_DGRAM)
        self.target = (address, port)
        self.interval = interval
        self.flow = flow
        self.times = []  # when each was sent, time.time()
        self.refused = 0
        self.running = True
        self.start()

    def run(self):
        due = time.perf_counter()
        while self.running:
            self.times.append(time.time())
            try:
                self.socket.sendto(datagram(self.flow, len(self.times) - 1),
                                   self.target)
            except OSError:
                self.refused += 1
            due = max(due + self.interval, time.perf_counter())
            time.sleep(max(0, due - time.perf_counter()))

    def stop(self):
        self.running = False
        self.join()
        self.socket.close()


class Listener:
    """A TCP port whose connections the kernel completes by itself."""

    def __init__(self, host, port, address=""):
        self.socket = host.ns.socket(family_of(address or host.ip),
                                     socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((address, port))
        self.socket.listen(1024)

    def close(self):
        self.socket.close()


def connect(host, address, port, timeout=10.0, mark=None):
    """Seconds that a TCP connect() took; OSError when it failed."""
    with host.ns.socket(family_of(address), socket.SOCK_STREAM) as s:
        set_mark(s, mark)
        s.settimeout(timeout)
        start = time.perf_counter()
        s.connect((address, port))
        return time.perf_counter() - start
