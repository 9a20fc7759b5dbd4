#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes ike-vectors.txt: what the IKE tests compare with.

The formulas of RFC 7296 2.13 to 2.17, RFC 5282 and RFC 7619 once more, with
Python's hmac and the AEADs of python3-cryptography, so that a mistake in the
engine is not repeated here. The key exchange vectors are those of RFC 7748
6.1 and RFC 5903 8.1 and 8.2, the HMAC ones RFC 4231's cases 1 and 2; both are
checked before they are written.
"""

import hashlib
import hmac
import sys

from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

PRFS = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}
CIPHERS = {"gcm128": (16, AESGCM), "gcm256": (32, AESGCM),
           "chacha": (32, ChaCha20Poly1305)}

X25519 = ("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
          "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
          "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
          "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
          "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742")
P256 = ("c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433",
        "dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180"
        "5271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3",
        "c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53",
        "d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63"
        "56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab",
        "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de")
P384 = ("099f3c7034d4a2c699884d73a375a67f7624ef7c6b3c0f160647b67414dce655"
        "e35b538041e649ee3faef896783ab194",
        "667842d7d180ac2cde6f74f37551f55755c7645c20ef73e31634fe72b4c55ee6"
        "de3ac808acb4bdb4c88732aee95f41aa"
        "9482ed1fc0eeb9cafc4984625ccfc23f65032149e0e144ada024181535a0f38e"
        "eb9fcff3c2c947dae69b4c634573a81c",
        "41cb0779b4bdb85d47846725fbec3c9430fab46cc8dc5060855cc9bda0aa2942"
        "e0308312916b8ed2960e4bd55a7448fc",
        "e558dbef53eecde3d3fccfc1aea08a89a987475d12fd950d83cfa41732bc509d"
        "0d1ac43a0336def96fda41d0774a3571"
        "dcfbec7aacf3196472169e838430367f66eebe3c6e70c416dd5f0c68759dd1ff"
        "f83fa40142209dff5eaad96db9e6386c",
        "11187331c279962d93d604243fd592cb9d0a926f422e47187521287e7156c5c4"
        "d603135569b9e9d09cf5d4a270f59746")


def put(name, value):
    print(name, value if isinstance(value, str) else value.hex())


def prf(digest, key, data):
    return hmac.new(key, data, digest).digest()


def prf_plus(digest, key, seed, length):
    out, last, n = b"", b"", 1
    while len(out) < length:
        last = prf(digest, key, last + seed + bytes([n]))
        out += last
        n += 1
    return out[:length]


def cut(data, *lengths):
    parts = []
    for length in lengths:
        parts.append(data[:length])
        data = data[length:]
    assert not data
    return parts


def key_exchanges():
    a, pa, b, pb, shared = map(bytes.fromhex, X25519)
    key = x25519.X25519PrivateKey.from_private_bytes(a)
    peer = x25519.X25519PublicKey.from_public_bytes(pb)
    assert key.exchange(peer) == shared
    for name, curve, vector in (("p256", ec.SECP256R1(), P256),
                                ("p384", ec.SECP384R1(), P384)):
        a, pa, b, pb, shared = map(bytes.fromhex, vector)
        key = ec.derive_private_key(int.from_bytes(a, "big"), curve)
        for public in (pa, pb):
            ec.EllipticCurvePublicKey.from_encoded_point(curve, b"\4" + public)
        n = key.public_key().public_numbers()
        size = len(shared)
        assert n.x.to_bytes(size, "big") + n.y.to_bytes(size, "big") == pa
        peer = ec.EllipticCurvePublicKey.from_encoded_point(curve, b"\4" + pb)
        assert key.exchange(ec.ECDH(), peer) == shared
    for name, vector in (("x25519", X25519), ("p256", P256), ("p384", P384)):
        for part, value in zip(("a", "public-a", "b", "public-b", "shared"),
                               vector):
            put(f"{name}-{part}", value)


def hmacs():
    expected = {"256": "b0344c61d8db38535ca8afceaf0bf12b"
                       "881dc200c9833da726e9376c2e32cff7"}
    for name, digest in PRFS.items():
        one = prf(digest, b"\x0b" * 20, b"Hi There")
        assert one.hex() == expected.get(name, one.hex())
        put(f"hmac{name}-1", one)
        put(f"hmac{name}-2",
            prf(digest, b"Jefe", b"what do ya want for nothing?"))
        put(f"prfplus{name}", prf_plus(digest, b"key", b"seed", 200))


def auth(digest, sk_p, message, nonce):
    secret = prf(digest, sk_p, b"Key Pad for IKEv2")
    identity = prf(digest, sk_p, bytes([13, 0, 0, 0]))
    return prf(digest, secret, message + nonce + identity)


def message(cipher, key, spi_i, spi_r, padding=b"\0"):
    """An INFORMATIONAL request with a Delete of the IKE SA in it."""
    size, aead = CIPHERS[cipher]
    inner = bytes.fromhex("00000008" "01000000") + padding
    iv = (7).to_bytes(8, "big")
    length = 28 + 4 + 8 + len(inner) + 16
    head = (spi_i + spi_r + bytes([46, 0x20, 37, 8]) + (2).to_bytes(4, "big") +
            length.to_bytes(4, "big") +
            bytes([42, 0]) + (length - 28).to_bytes(2, "big"))
    return head + iv + aead(key[:size]).encrypt(key[size:] + iv, inner, head)


def keys():
    ni, nr = bytes(range(32)), bytes(range(100, 140))
    spi_i, spi_r = bytes(range(1, 9)), bytes(range(11, 19))
    shared = bytes.fromhex(X25519[4])
    for p, digest in PRFS.items():
        for c, (size, _) in CIPHERS.items():
            name = f"keys-{p}-{c}"
            n, k = digest().digest_size, size + 4
            seed = prf(digest, ni + nr, shared)
            out = prf_plus(digest, seed, ni + nr + spi_i + spi_r, 3 * n + 2 * k)
            d, ei, er, pi, pr = cut(out, n, k, k, n, n)
            for part, value in (("d", d), ("ei", ei), ("er", er), ("pi", pi),
                                ("pr", pr)):
                put(f"{name}-{part}", value)
            child = prf_plus(digest, d, ni + nr, 2 * k)
            put(f"{name}-child-i", child[:k])
            put(f"{name}-child-r", child[k:])
            put(f"{name}-auth-i", auth(digest, pi, b"message one", nr))
            put(f"{name}-auth-r", auth(digest, pr, b"message two", ni))
            put(f"{name}-message", message(c, ei, spi_i, spi_r))
            put(f"{name}-padded", message(c, ei, spi_i, spi_r, b"abc\3"))
            put(f"{name}-overpadded",
                message(c, ei, spi_i, spi_r, b"abc\14"))


def main():
    print("# Written by ike-vectors.py.")
    key_exchanges()
    hmacs()
    keys()


if __name__ == "__main__":
    sys.exit(main())
