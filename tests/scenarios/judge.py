# SPDX-License-Identifier: LGPL-2.1-or-later
"""The independent judge: tshark dissects every IKE message that an agent sent
in any scenario, and decrypts those that are encrypted with the keys that the
agents exported ([Debug] Keys= of tacit.conf).

Scenarios leave what they captured in $TACIT_JUDGE, where it is set; afterwards

    python3 tests/scenarios/judge.py DIRECTORY

judges all of it at once, outside of the lab kernel. It prints what is wrong
and ends with 1, or says how much it has seen."""

import glob
import os
import re
import struct
import subprocess
import sys
import tempfile

DIR = os.environ.get("TACIT_JUDGE")
TABLE = "ikev2_decryption_table"
ETHERNET = 1

IKE_SA_INIT = 34
SK, SKF = 46, 53
IDI, IDR, ID_NULL = 35, 36, 13
CERT, RAW_KEY = 37, 15
WARNING = 0x600000  # of Wireshark's severities; above it: error

# The marks that are let pass. Wireshark's dissector of an Identification
# payload cannot do without data, which an ID_NULL must not have (RFC 7619
# 2.2): it stops there, and the rest of the message goes unseen. So of these
# messages, and only where this is all that is said of them and the payload it
# stopped at is an ID_NULL, what tshark itself decrypted is judged once more
# without its ID_NULL payloads, and then nothing at all is let pass.
#
# It also takes every certificate for X.509, while one of encoding 15 is a
# SubjectPublicKeyInfo (RFC 7670 3), and marks just the two places where those
# differ. Such payloads are left out for the second look in the same way.
KNOWN = re.compile(r'^\./epan/tvbuff\.c:\d+: failed assertion "len > 0"$')

KNOWN_KEY = re.compile(
    "BER Error: Wrong field in SEQUENCE: expected class:UNIVERSAL\\(0\\) tag:("
    "2\\(INTEGER\\) but found class:UNIVERSAL\\(0\\) tag:(6|16)|"
    "16\\(SEQUENCE\\) but found class:UNIVERSAL\\(0\\) tag:3)$")


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


# --- outside -----------------------------------------------------------------

FIELDS = ("frame.number", "isakmp.exchangetype", "isakmp.messageid",
          "isakmp.flag_r", "isakmp.ispi", "isakmp.rspi", "isakmp.typepayload",
          "isakmp.id.type", "isakmp.cert.encoding", "isakmp.nextpayload",
          "isakmp.enc.decrypted", "isakmp.frag.number", "isakmp.frag.total",
          "_ws.expert.severity", "_ws.expert.message", "_ws.malformed",
          "_ws.col.Info")


def numbers(text):
    return [int(n, 0) for n in text.split("\x1f") if n]


class Message:
    """What tshark says of one frame."""

    def __init__(self, line):
        value = dict(zip(FIELDS, line.split("\x1e")))
        self.number = int(value["frame.number"])
        self.exchange = numbers(value["isakmp.exchangetype"])
        self.spis = (value["isakmp.ispi"], value["isakmp.rspi"])
        self.whole = (*self.spis, value["isakmp.messageid"],
                      value["isakmp.flag_r"])  # what fragments are parts of
        self.payloads = numbers(value["isakmp.typepayload"])
        self.following = numbers(value["isakmp.nextpayload"])
        self.ids = numbers(value["isakmp.id.type"])
        self.raw_key = RAW_KEY in numbers(value["isakmp.cert.encoding"])
        self.decrypted = bool(value["isakmp.enc.decrypted"])
        self.fragment = numbers(value["isakmp.frag.number"])
        self.fragments = numbers(value["isakmp.frag.total"])
        severities = numbers(value["_ws.expert.severity"])
        said = [m for m in value["_ws.expert.message"].split("\x1f") if m]
        self.marks = [m for m, s in zip(said, severities) if s >= WARNING]
        if value["_ws.malformed"] and not self.marks:
            self.marks = [value["_ws.malformed"]]
        self.info = value["_ws.col.Info"]

    @property
    def known_bug(self):
        """Marks that are let pass, and nothing else."""
        rest = [m for m in self.marks
                if not (self.raw_key and KNOWN_KEY.match(m))]
        if not rest:
            return bool(self.marks)
        return (len(rest) == 1 and bool(KNOWN.match(rest[0])) and
                self.payloads[-1:] in ([IDI], [IDR]) and
                self.ids[-1:] == [ID_NULL])


def tshark(capture, keys, *options):
    with tempfile.TemporaryDirectory() as config:
        with open(f"{config}/{TABLE}", "w", encoding="ascii") as f:
            f.write(keys)
        # As root it says so; as nobody in particular it dissects as well.
        return subprocess.run(
            ["tshark", "-n", "-r", capture, *options], check=True,
            env=dict(os.environ, WIRESHARK_CONFIG_DIR=config, LC_ALL="C"),
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            encoding="utf-8", errors="replace").stdout


def dissect(capture, keys=""):
    # Separators that no text has.
    options = ["-T", "fields", "-E", "quote=n", "-E", "separator=\x1e",
               "-E", "aggregator=\x1f"]
    for field in FIELDS:
        options += ["-e", field]
    return [Message(line) for line
            in tshark(capture, keys, *options).split("\n") if line]


def contained(capture, keys, messages):
    """{frame: what tshark decrypted} of fragments and of messages with an
    ID_NULL or a raw key, without their padding."""
    wanted = [m.number for m in messages if m.decrypted and
              (ID_NULL in m.ids or m.raw_key or m.fragment)]
    text = tshark(capture, keys, "-T", "jsonraw", "-J", "isakmp", "-Y",
                  "isakmp.enc.decrypted && "
                  f"(isakmp.id.type == {ID_NULL} || isakmp.frag.number || "
                  f"isakmp.cert.encoding == {RAW_KEY})")
    packets = text.split('"_index"')[1:]
    assert len(packets) == len(wanted), "tshark does not agree with itself"
    found = {}
    for number, packet in zip(wanted, packets):
        match = re.search(r'"isakmp\.enc\.contained_raw": \[\s*"([0-9a-f]*)"',
                          packet)
        found[number] = bytes.fromhex(match[1]) if match else b""
    return found


# The chain of payloads, cut apart and put together again.

def is_undissected(kind, body):
    """An ID_NULL of the one right form, or a raw public key that is one piece
    of DER. body begins behind the type of the next payload."""
    if kind in (IDI, IDR):
        return body == b"\0\0\x08" + bytes([ID_NULL]) + b"\0\0\0"
    key = body[4:]
    if kind != CERT or body[3] != RAW_KEY or len(key) < 4 or key[0] != 0x30:
        return False
    if key[1] < 0x80:
        return len(key) == 2 + key[1]
    size = key[1] & 0x7f
    return len(key) == 2 + size + int.from_bytes(key[2:2 + size], "big")


def without_undissected(first, chain):
    """The same chain without the payloads that tshark cannot dissect."""
    parts = []
    following, offset = first, 0
    while following:
        if offset + 4 > len(chain):
            raise ValueError("the chain ends within a payload")
        size = struct.unpack_from("!H", chain, offset + 2)[0]
        if size < 4 or offset + size > len(chain):
            raise ValueError("a payload is longer than the message")
        parts.append((following, chain[offset + 1:offset + size]))
        following = chain[offset]
        offset += size
    if offset != len(chain):
        raise ValueError("bytes behind the last payload")
    kept = [(kind, body) for kind, body in parts
            if not is_undissected(kind, body)]
    following = [kind for kind, _ in kept[1:]] + [0]
    return (kept[0][0] if kept else 0,
            b"".join(bytes([n]) + body
                     for n, (_, body) in zip(following, kept)))


def udp_frame(message):
    """An IKE message from nowhere to nowhere, for another look at it."""
    head = struct.pack("!HHHH", 500, 500, 8 + len(message), 0) + message
    return b"\2\0\0\0\0\2\2\0\0\0\0\1\x08\0" + struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 20 + len(head), 0, 0, 64, 17, 0,
        bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])) + head


def clear(header, first, chain):
    """The message as if it had never been encrypted."""
    return udp_frame(header[:16] + bytes([first]) + header[17:24] +
                     struct.pack("!I", 28 + len(chain)) + chain)


def wrong_with(message, unknown):
    """One sentence, or None."""
    m = message
    if m.marks and not m.known_bug:
        return f"marked: {m.marks}"
    if len(m.exchange) != 1 or not m.payloads and m.following[:1] != [0]:
        return "not dissected as IKE"
    if m.exchange == [IKE_SA_INIT] or not {SK, SKF} & set(m.payloads):
        # Outside of every SA (RFC 7296 1.5, 2.5): one notify, as an answer
        # to an unknown SPI or version.
        lone = m.payloads == [41] and m.whole[-1] in ("1", "True")
        return None if m.exchange == [IKE_SA_INIT] or lone else \
            "not encrypted"
    if m.spis in unknown:
        return None
    if not m.decrypted:
        return "not decrypted"
    if not m.fragment and len(m.payloads) < 2 and m.following[1:2] != [0]:
        return "decrypted, but without what is inside"
    return None


def never_whole(messages):
    """Fragments of which tshark never saw a whole message, each repetition
    of them included: the last of each."""
    groups = {}
    for m in messages:
        if m.fragment:
            groups.setdefault(m.whole, []).append(m)
    return [group[-1] for group in groups.values()
            if all(len(m.payloads) < 2 for m in group) and
            any(m.decrypted for m in group)]


def second_look(frames, keys, capture, messages):
    """Wrongs of the messages that a known bug spoiled, now without what it is
    about: [(message, sentence)]."""
    inside = contained(capture, keys, messages)
    wrongs, again, made = [], [], []
    for m in messages:
        if not m.known_bug:
            continue
        parts = [inside.get(m.number, b"")]
        first = m.following[1] if len(m.following) > 1 else 0
        if m.fragment:
            group = {f.fragment[0]: f for f in messages
                     if f.fragment and f.whole == m.whole and
                     f.number <= m.number}
            parts = [inside[group[n].number] for n in sorted(group)]
            first = group[1].following[1]
        data = frames[m.number - 1][1]
        spi = bytes.fromhex(m.spis[0])
        header = data[data.index(spi):][:28]
        try:
            again.append(clear(header, *without_undissected(
                first, b"".join(parts))))
            made.append(m)
        except (ValueError, KeyError, IndexError) as e:
            wrongs.append((m, f"tshark decrypted what is no chain: {e}"))
    if not again:
        return wrongs
    with tempfile.NamedTemporaryFile(suffix=".pcap") as f:
        f.write(packed((0, frame) for frame in again))
        f.flush()
        for m, seen in zip(made, dissect(f.name)):
            if seen.marks:
                wrongs.append((m, f"marked at second look: {seen.marks}"))
    return wrongs


def judge(frames, keys):
    """What is wrong with a capture of [(time, data)]: ([(frame, sentence)],
    messages)."""
    unknown = {tuple(line[2:].split(":")[0].split(","))
               for line in keys.split("\n") if line.startswith("# ")}
    table = "\n".join(sorted({line for line in keys.split("\n")
                              if line and not line.startswith("#")})) + "\n"
    with tempfile.NamedTemporaryFile(suffix=".pcap") as f:
        f.write(packed(frames))
        f.flush()
        messages = dissect(f.name, table)
        if len(messages) != len(frames):
            raise RuntimeError("tshark did not show every frame")
        wrongs = [(m, w) for m in messages
                  if (w := wrong_with(m, unknown)) is not None]
        wrongs += [(m, "decrypted, but without what is inside")
                   for m in never_whole(messages)]
        wrongs += second_look(frames, table, f.name, messages)
    return wrongs, messages


def frames_of(path):
    """What packed() wrote."""
    with open(path, "rb") as f:
        data = f.read()
    offset = 24
    while offset < len(data):
        seconds, micro, size, _ = struct.unpack_from("=IIII", data, offset)
        yield seconds + micro / 1e6, data[offset + 16:offset + 16 + size]
        offset += 16 + size


def main(directory):
    frames, names, keys = [], [], ""
    scenarios = sorted(glob.glob(f"{directory}/*.pcap"))
    for path in scenarios:
        new = list(frames_of(path))
        frames += new
        names += [os.path.basename(path)[:-5]] * len(new)
        with open(f"{path[:-5]}.keys", encoding="ascii") as f:
            keys += f.read() + "\n"
    if not frames:
        print("no scenario left any IKE message")
        return 1
    wrongs, messages = judge(frames, keys)
    for m, sentence in wrongs[:50]:
        print(f"{names[m.number - 1]}: {m.info}: {sentence}")
    decrypted = sum(m.decrypted for m in messages)
    print(f"{len(messages)} messages of {len(scenarios)} scenarios, "
          f"{decrypted} decrypted, {sum(m.known_bug for m in messages)} "
          f"looked at twice, {len(wrongs)} wrong")
    return 1 if wrongs or not decrypted else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
