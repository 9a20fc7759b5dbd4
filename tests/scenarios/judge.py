# SPDX-License-Identifier: LGPL-2.1-or-later
"""The independent judge: tshark dissects every IKE message that an agent sent
in any scenario, and decrypts those that are encrypted with the keys that the
agents exported ([Debug] Keys= of tacit.conf).

Scenarios leave what they captured in $TACIT_JUDGE, where it is set; afterwards

    python3 tests/scenarios/judge.py DIRECTORY

judges all of it at once, outside of the lab kernel. It prints what is wrong
and ends with 1, or says how much it has seen."""

import os
import re
import struct
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

DIR = os.environ.get("TACIT_JUDGE")
TABLE = "ikev2_decryption_table"
ETHERNET = 1

IKE_SA_INIT = 34
# What Wireshark 4.0 cannot decrypt is named, not passed over: such messages
# are counted apart, and must be of SAs with this cipher.
NO_KEY_FORMAT = {28: "ChaCha20-Poly1305"}

ID_NULL = 13
# Wireshark up to 4.2 has a dissector that cannot do without identification
# data, which an ID_NULL payload must not have (RFC 7619 2.2).
KNOWN = re.compile(
    r"^\[Dissector bug, protocol ISAKMP: .*proto\.c:\d+: failed assertion "
    r'"length > 0.*$')


# --- in the lab -----------------------------------------------------------

def packed(frames):
    """A classic pcap file of [(time, data)]."""
    parts = [struct.pack("=IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, ETHERNET)]
    for when, data in frames:
        seconds = int(when)
        parts.append(struct.pack("=IIII", seconds,
                                 int((when - seconds) * 1e6),
                                 len(data), len(data)))
        parts.append(data)
    return b"".join(parts)


def keep(lab, name):
    """Leaves the IKE frames that the agents of this lab sent, and the keys."""
    if not DIR:
        return
    agents = {h.name: h.agent for h in lab.hosts
              if h._agent is not None and h.agent.started}
    frames = []
    for net in lab.nets:
        parsed = net.capture.frames()
        frames += [(when, data) for frame, (when, port, data)
                   in zip(parsed, net.capture.raw)
                   if frame.kind == "ike" and port in agents]
    keys = ""
    for agent in agents.values():
        try:
            with open(f"{agent.keys}/{TABLE}", encoding="ascii") as f:
                keys += f.read()
        except FileNotFoundError:
            pass  # it never came so far
    if not frames:
        return
    base = f"{DIR}/{re.sub(r'[^A-Za-z0-9_-]+', '-', name.split('/')[-1])}"
    with open(f"{base}.pcap", "wb") as f:
        f.write(packed(sorted(frames)))
    with open(f"{base}.keys", "w", encoding="ascii") as f:
        f.write(keys)
