#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""tests/scenarios/judge.py is able to say no: a good capture passes, and each
thing that can be wrong with it is found."""

import os
import shutil
import struct
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, f"{HERE}/../scenarios")
sys.dont_write_bytecode = True

import judge  # noqa: E402

if not shutil.which("tshark"):
    print("tshark is not there")
    sys.exit(77)

# One handshake of two anonymous hosts: four messages, two of them encrypted.
FRAMES = list(judge.frames_of(f"{HERE}/data/judge.pcap"))
with open(f"{HERE}/data/judge.keys", encoding="ascii") as f:
    KEYS = f.read()
SPIS = KEYS.split(",")[:2]
IKE = 14 + 20 + 8  # where the message stands in a frame


def wrongs(frames=None, keys=KEYS):
    return [sentence for _, sentence in judge.judge(frames or FRAMES, keys)[0]]


def changed(number, at, byte):
    """The capture with one byte of a message changed."""
    frames = list(FRAMES)
    when, data = frames[number]
    data = bytearray(data)
    data[IKE + at] = byte
    frames[number] = when, bytes(data)
    return frames


def plain(*payloads, exchange=35):
    """A message in the clear, of (type, body)."""
    chain = b""
    following = [kind for kind, _ in payloads[1:]] + [0]
    for (_, body), kind in zip(payloads, following):
        chain += struct.pack("!BBH", kind, 0, 4 + len(body)) + body
    header = struct.pack("!QQBBBBII", 1, 2, 0, 0x20, exchange, 8, 1, 0)
    return judge.clear(header, payloads[0][0], chain)


def marks(*payloads):
    """What tshark says of such a message, and whether that is let pass."""
    with tempfile.NamedTemporaryFile(suffix=".pcap") as out:
        out.write(judge.packed([(0, plain(*payloads))]))
        out.flush()
        message, = judge.dissect(out.name)
    return message.marks, message.known_bug


ID_NULL, AUTH = (35, b"\x0d\0\0\0"), (39, b"\x0d\0\0\0" + bytes(32))


def of(name):
    with open(f"{HERE}/data/{name}.keys", encoding="ascii") as f:
        return list(judge.frames_of(f"{HERE}/data/{name}.pcap")), f.read()


def test_fragments():
    """A handshake, and both kinds of rekeying, in fragments (RFC 7383)."""
    frames, keys = of("judge-fragments")
    found, messages = judge.judge(frames, keys)
    assert found == [], found
    assert sum(bool(m.fragment) for m in messages) == 16
    assert sum(m.known_bug for m in messages) == 2
    # The second of three of IKE_AUTH, and of rekeying, is missing.
    for missing in (3, 9):
        found = [s for _, s in judge.judge(
            frames[:missing] + frames[missing + 1:], keys)[0]]
        assert found == ["decrypted, but without what is inside"], found


def test_good():
    found, messages = judge.judge(FRAMES, KEYS)
    assert found == [], found
    assert [m.decrypted for m in messages] == [False, False, True, True]


def test_no_keys():
    assert wrongs(keys="") == ["not decrypted"] * 2


def test_wrong_keys():
    at = len(SPIS[0] + SPIS[1]) + 2
    digit = "0" if KEYS[at] != "0" else "1"
    found = wrongs(keys=KEYS[:at] + digit + KEYS[at + 1:])
    assert len(found) == 1 and "Integrity" in found[0], found


def test_known_to_be_unknown():
    assert wrongs(keys=f"# {SPIS[0]},{SPIS[1]}: ChaCha20\n") == []
    # Of one SA says nothing of another.
    assert wrongs(keys=f"# {SPIS[1]},{SPIS[0]}: ChaCha20\n") == \
        ["not decrypted"] * 2


def test_altered_ciphertext():
    found = wrongs(changed(2, 120, 0))
    assert len(found) == 1, found


def test_payload_too_long():
    """IKE_SA_INIT whose SA payload claims more than there is."""
    found = wrongs(changed(0, 28 + 2, 0xff))
    assert len(found) == 1 and "marked" in found[0], found


def test_not_ike():
    when, data = FRAMES[0]
    cut = data[:14] + b"\x45\0\0\x20" + data[18:IKE - 4] + b"\0\x0c\0\0" + \
        b"abcd"
    found = wrongs([(when, cut), *FRAMES[1:]])
    assert len(found) == 1, found


def test_not_encrypted():
    found = wrongs(FRAMES[:2] + [(0, plain(AUTH))])
    assert found == ["not encrypted"], found


def test_only_id_null_is_let_pass():
    """The same mark of the same dissector, for another identity: an IPv4
    address without an address is malformed."""
    said, known = marks(ID_NULL, AUTH)
    assert not said or known, said
    for kind in (1, 2, 3, 5, 9, 11, 12, 14):
        said, known = marks((35, bytes([kind, 0, 0, 0])), AUTH)
        assert not known, (kind, said)


def test_behind_id_null():
    """What stands behind an ID_NULL is judged without it."""
    chain = b"\x27\0\0\x08\x0d\0\0\0" + b"\0\0\0\x24\x0d\0\0\0" + bytes(28)
    assert judge.without_undissected(35, chain) == (39, chain[8:])
    # One that is not empty is not taken out.
    other = b"\x27\0\0\x09\x0d\0\0\0x" + chain[8:]
    assert judge.without_undissected(35, other) == (35, other)
    for bad in (chain[:-1], chain + b"x", chain[:8], chain[:10],
                chain[:10] + b"\0\x03" + chain[12:],
                chain[:10] + b"\xff\xff" + chain[12:]):
        try:
            judge.without_undissected(35, bad)
        except ValueError:
            continue
        raise AssertionError(f"{bad} is taken for a chain")


def test_raw_keys():
    """A raw public key is taken out where it is one piece of DER, and what is
    none stays, to be marked."""
    key = b"\x30\x04\x30\x02\x06\x00"
    tail = b"\0\0\0\x08\x0e\0\0\0"

    def chain(encoding, body):
        return (b"\x27\0" + struct.pack("!HB", 5 + len(body), encoding) + body +
                tail)
    assert judge.without_undissected(37, chain(15, key)) == (39, tail)
    for encoding, body in ((4, key), (15, key + b"x"), (15, key[:-1]),
                           (15, b"\x31" + key[1:]), (15, b"\x30")):
        whole = chain(encoding, body)
        assert judge.without_undissected(37, whole) == (37, whole)


def test_second_look():
    """A malformed payload that stands behind an ID_NULL is found."""
    inside = judge.contained
    # A Delete that counts more SPIs than it has; a TS with none.
    good = b"\x27\0\0\x08\x0d\0\0\0" + b"\0\0\0\x24\x0d\0\0\0" + bytes(28)
    broken = b"\x21\0\0\x08\x0d\0\0\0" + \
        b"\0\0\0\x14" + b"\0\0\0\x30\x01\x03\x04\x09" + bytes(8)
    try:
        for chain, expected in ((good, 0), (broken, 1)):
            judge.contained = lambda *_, c=chain: {3: c, 4: c}
            found = [s for _, s in judge.judge(FRAMES[:3], KEYS)[0]]
            if chain is broken:
                # The frame's own SK says that IDi comes first, as it does.
                assert len(found) == expected, found
            else:
                assert not found, found
    finally:
        judge.contained = inside


def main():
    for name, function in sorted(globals().items()):
        if name.startswith("test_"):
            print(name, flush=True)
            function()


main()
