# SPDX-License-Identifier: LGPL-2.1-or-later
"""At boot: makes the wire and its other end, talks to that, and leaves what it
saw when it is told to end."""

import json
import os
import signal
import socket
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[1:1] = [HERE, os.path.join(HERE, "..", "scenarios")]

import guest  # noqa: E402

RESULT = "/run/early.json"


def main():
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    peer = guest.Peer()
    pings = [subprocess.Popen(["ping", "-n", "-q", "-i", "0.05", address],
                              stdout=subprocess.DEVNULL)
             for address in guest.PEERS.values()]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
    peer.start("require")
    signal.sigwait([signal.SIGTERM])
    for p in pings:
        p.kill()
    with open(RESULT, "w", encoding="ascii") as f:
        json.dump({"clear": [str(x) for x in peer.clear()],
                   "esp": len(peer.frames(("esp",)))}, f)
    peer.close()


if __name__ == "__main__":
    main()
