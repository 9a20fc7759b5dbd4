# SPDX-License-Identifier: LGPL-2.1-or-later
"""The two example programs of libtacit, by a user without any privilege: one
that refuses to speak in the clear, one that logs who its peer is."""

import os
import shutil
import signal
import subprocess

import pytest
from agent import BUILD, programs
from lab import wait_until
from test_apps import NOBODY

CLIENT, SERVER, LIBRARY = ("examples/only-encrypted", "examples/who-is-there",
                           "libtacit.so.0")


@pytest.fixture
def built():
    into = programs("/run/lab/bin")
    for name in (CLIENT, SERVER, LIBRARY):
        shutil.copy(f"{BUILD}/libtacit/{name}", into)
    return into


def start(host, built, name, *arguments):
    return host.ns.popen(
        [f"{built}/{os.path.basename(name)}", *arguments], user=NOBODY,
        group=NOBODY, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, extra_groups=[],
        env=dict(os.environ, LD_LIBRARY_PATH=built,
                 TACIT_SOCKET=f"{host.agent.run_dir}/agent.sock"))


def refused(process, why):
    out, err = process.communicate("secret\n", timeout=10)
    assert process.returncode == 1 and out == "", (out, err)
    assert err.startswith("not sent: ") and why in err, err


@pytest.mark.seconds(6)
def test_examples(lab, built):
    """Peers that prove their name, that lie about it, that never had a key and
    that lose their SA."""
    net = lab.net()
    a, b, c, d = (lab.host(name, net) for name in "abcd")
    for host, peer in ((a, b), (b, a)):
        host.config("tacit.conf.d/name.conf", "[Authentication]\n"
                    f"LocalIdentity={host.name}.lab.test\n")
        host.keys.know("peer", peer.keys.base64, peer.ip,
                       identity=f"{peer.name}.lab.test")
    for host in (a, b, c):
        host.policy("peers", "offer", Authentication="offer")
        host.start_agent()
    server = start(b, built, SERVER, "7000")
    others = [start(host, built, SERVER, "7000") for host in (c,)]
    wait_until(lambda: b.ns.call(listening, 7000), 5, "a server")
    client = start(a, built, CLIENT, "--to", "b.lab.test", b.ip, "7000")
    client.stdin.write("secret\n")
    client.stdin.flush()
    assert client.stderr.readline() == "encrypted, to @b.lab.test\n"
    # For a moment after its SAs are in, clear packets are taken too.
    line = server.stdout.readline()
    if line == f"connected {a.ip}: in the clear\n":
        line = server.stdout.readline()
    assert line.endswith("encrypted, it is @a.lab.test, proven by Ed25519\n"), \
        line
    # Somebody else at the address that DNS gave, and nobody at all.
    refused(start(a, built, CLIENT, "--to", "b.lab.test", c.ip, "7000"),
            c.ip)
    refused(start(a, built, CLIENT, d.ip, "7000"), d.ip)
    refused(start(a, built, CLIENT, "--to", "c.lab.test", c.ip, "7000"), c.ip)
    # To anybody, as it should be asked for.
    anybody = start(a, built, CLIENT, c.ip, "7000")
    out, err = anybody.communicate("hello\n", timeout=10)
    assert (out, err) == ("hello\n", "encrypted, to anybody\n")
    # It loses its SA in the middle; its program does not say goodbye before.
    server.send_signal(signal.SIGSTOP)
    b.agent.stop()
    wait_until(lambda: a.peer_state(b) != "secured", 5, "the loss")
    out, err = client.communicate(timeout=10)
    assert client.returncode == 1 and "abort" in err, (out, err)
    # The kernel's own word to a host that goes on in the clear with a
    # connection that is no more.
    resets = net.capture.sent(a, b, ("clear",))
    assert all(f.payload == b"" for f in resets), resets
    for host in (c, d):
        assert net.capture.sent(a, host, ("clear",)) == []
    for process in (server, *others):
        process.kill()
        process.communicate()


def listening(port):
    with open("/proc/thread-self/net/tcp6", encoding="ascii") as f:
        return f":{port:04X} " in f.read()
