# SPDX-License-Identifier: LGPL-2.1-or-later
"""What ./demo shows; run in the lab."""

import os
import pty
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "scenarios"))

from lab import Lab  # noqa: E402
from traffic import Listener, connect  # noqa: E402
from waiting import wait_until  # noqa: E402

COLOUR = sys.stdout.isatty() and "NO_COLOR" not in os.environ
BOLD, GREEN, RED, BLUE = 1, 32, 31, 34
EXCHANGES = {34: "IKE_SA_INIT", 35: "IKE_AUTH", 37: "INFORMATIONAL"}
PINGS = 5


def paint(text, colour):
    return f"\033[{colour}m{text}\033[0m" if COLOUR else text


def title(text):
    print(f"\n{paint(text, BOLD)}", flush=True)


def show(text):
    for line in text.rstrip("\n").splitlines():
        print(f"  {line}", flush=True)


def tacit(host, *arguments):
    """Shows what the command line says to somebody at a terminal."""
    ours, its = pty.openpty()
    environment = dict(os.environ, TERM="xterm", COLUMNS="100")
    if not COLOUR:
        environment["NO_COLOR"] = "1"
    process = host.ns.popen([*host.agent.command, *arguments], stdout=its,
                            stderr=subprocess.STDOUT, env=environment)
    os.close(its)
    text = b""
    try:
        while data := os.read(ours, 4096):
            text += data
    except OSError:
        pass  # a terminal that nobody has open any more
    os.close(ours)
    process.wait()
    show(text.decode().replace("\r\n", "\n"))


def wire(net, a, b, since=0):
    """The frames between the two, the first dozen one a line."""
    names = {x: h.name for h in (a, b) for x in h.addresses}
    frames = [f for f in net.capture.frames(since)
              if f.src in names and f.dst in names and f.kind != "nd"]
    for f in frames[:12]:
        if f.kind == "ike":
            what = EXCHANGES.get(f.ike.exchange, str(f.ike.exchange))
            what = paint("IKE   ", BLUE) + what + \
                (" response" if f.ike.response else "")
        elif f.kind == "clear":
            what = paint("CLEAR", RED)
        else:
            what = paint("ESP   ", GREEN) + f"spi {f.spi:08x}"
        print(f"  {(f.time - frames[0].time) * 1000:7.1f} ms  "
              f"{names[f.src]} > {names[f.dst]}  {what}")
    if len(frames) > 12:
        print(f"  and {len(frames) - 12} more")
    return frames


def main(lab):
    net, a, b = lab.pair()
    listener = Listener(b, 80)
    net.introduce(a, b)
    connect(a, b.ip, 80)
    clear = connect(a, b.ip, 80)
    second = b.add_addresses(1)[0]
    a.route(f"{second}/32", b.ip)

    title("Two hosts on one wire, and the policy of both")
    show(f"a is {a.ip}, b is {b.ip} and {second}; they share no key, no "
         "certificate, no name")
    for host in (a, b):
        host.policy("neighbours", "offer", ["10.0.0.0/8"], Wait="yes")
    with open(f"{a.agent.etc}/policy.d/neighbours.conf",
              encoding="utf-8") as f:
        show(f.read())
    for host in (a, b):
        host.start_agent()

    title("a pings b; the first packet finds no key and waits for one")
    mark = net.capture.mark()
    out = a.ns.run("ping", "-c", str(PINGS), "-i", "0.2", "-W", "2", b.ip,
                   check=False)
    show(out)
    replies = [line for line in out.splitlines() if "time=" in line]
    lost = PINGS - len(replies)
    first = replies[0].partition("time=")[2].split()[0] if replies else "?"

    title("The wire, meanwhile")
    wire(net, a, b, mark)

    title("A TCP connection to an address that nobody has talked to yet")
    cold = connect(a, second, 80)
    show(f"connect() took {cold * 1000:.1f} ms; without Tacit, in the clear, "
         f"{clear * 1000:.1f} ms")

    for host in (a, b):
        title(f"tacit status, tacit peers, on {host.name}")
        wait_until(lambda h=host: {p["state"] for p in h.agent.tacit("peers")}
                   == {"secured"}, 3, "all is settled")
        tacit(host, "status")
        print()
        tacit(host, "peers")

    in_clear = net.capture.clear_packets(a, b, mark)
    esp = net.capture.esp_packets(a, b, mark)
    good = not lost and not in_clear and esp
    print()
    print(paint(f"{lost} of {PINGS} pings lost, {len(in_clear)} packets in "
                f"the clear, {len(esp)} in ESP; first ping {first} ms, "
                f"connect() to a cold peer {cold * 1000:.1f} ms",
                GREEN if good else RED), flush=True)
    listener.close()
    return 0 if good else 1


if __name__ == "__main__":
    demonstration = Lab(4, os.path.join(tempfile.gettempdir(), "demo"))
    try:
        sys.exit(main(demonstration))
    finally:
        demonstration.close()
