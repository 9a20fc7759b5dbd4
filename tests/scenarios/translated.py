# SPDX-License-Identifier: LGPL-2.1-or-later
"""What goes through a translation of addresses, each way: a client that a
server knows by a leased address."""

import os
import socket
import threading

from traffic import Listener, family_of, ping

PORT, CLOSED = 80, 81
SO_RCVBUFFORCE = 33
# More than a packet holds, and more than a window.
DATAGRAM, BULK = os.urandom(3000), os.urandom(400_000)


def stream(host, address, port=PORT, timeout=5):
    s = host.ns.socket(family_of(address), socket.SOCK_STREAM)
    s.settimeout(timeout)
    s.connect((address, port))
    return s


def receive_all(s, count):
    data = b""
    while len(data) < count:
        part = s.recv(1 << 16)
        if not part:
            break
        data += part
    return data


def tcp(client, server, address):
    """Both directions of one connection; whom the server saw."""
    listener = Listener(server, PORT)
    listener.socket.settimeout(5)
    try:
        with stream(client, address) as near:
            far, who = listener.socket.accept()
            far.settimeout(5)
            with far:
                for a, b in ((near, far), (far, near)):
                    sender = threading.Thread(target=a.sendall, args=(BULK,))
                    sender.start()
                    assert receive_all(b, len(BULK)) == BULK
                    sender.join()
        return who[0]
    finally:
        listener.close()


def udp(client, server, address):
    """A datagram that takes fragments, there and back; whom the server saw."""
    kind = family_of(address)
    with server.ns.socket(kind, socket.SOCK_DGRAM) as far, \
            client.ns.socket(kind, socket.SOCK_DGRAM) as near:
        far.bind(("", PORT))
        for s in (far, near):
            s.settimeout(5)
            s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 20)
        near.connect((address, PORT))
        near.send(DATAGRAM)
        data, who = far.recvfrom(4096)
        assert data == DATAGRAM
        far.sendto(DATAGRAM, who)
        assert near.recv(4096) == DATAGRAM
        return who[0]


def refused(host, address, kind=socket.SOCK_DGRAM):
    """Is it told, by an ICMP error or a reset, that nobody listens?"""
    with host.ns.socket(family_of(address), kind) as s:
        s.settimeout(3)
        try:
            s.connect((address, CLOSED))
            s.send(b"hello?")
            s.recv(100)
        except ConnectionRefusedError:
            return True
    return False


def everything(client, server, lease):
    """All of it, from either side."""
    to = server.ip
    assert tcp(client, server, to) == lease
    assert udp(client, server, to) == lease
    assert None not in ping(client, to, 2)
    assert refused(client, to)
    assert refused(client, to, socket.SOCK_STREAM)
    # And from the server, by the only address that it knows.
    assert tcp(server, client, lease) == to
    assert None not in ping(server, lease, 2)
    assert refused(server, lease)
