#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes ike-vectors.txt: what the IKE tests compare with.

The formulas of RFC 7296 2.13 to 2.17, RFC 5282 and RFC 7619 once more, with
Python's hmac and the AEADs of python3-cryptography, so that a mistake in the
engine is not repeated here. The key exchange vectors are those of RFC 7748
6.1 and 6.2 and RFC 5903 8.1 to 8.3, the HMAC ones RFC 4231's cases 1 and 2;
both are checked before they are written. MODP is pow() with the primes of RFC
3526, made from their formula and its digits of pi; one secret is searched for
until it begins with a zero byte, which must not be lost (RFC 7296 2.14).
"""

import hashlib
import hmac
import sys

from cryptography.hazmat.primitives.asymmetric import ec, x25519, x448
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

PRFS = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}
CIPHERS = {"gcm128": (16, AESGCM), "gcm256": (32, AESGCM),
           "chacha": (32, ChaCha20Poly1305)}
# Key length, and the hash of the integrity.
CBC = {f"cbc{bits}-{p}": (bits // 8, digest)
       for bits in (128, 256) for p, digest in PRFS.items()}

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

X448 = ("9a8f4925d1519f5775cf46b04b5800d4ee9ee8bae8bc5565d498c28dd9c9baf5"
        "74a9419744897391006382a6f127ab1d9ac2d8c0a598726b",
        "9b08f7cc31b7e3e67d22d5aea121074a273bd2b83de09c63faa73d2c22c5d9bb"
        "c836647241d953d40c5b12da88120d53177f80e532c41fa0",
        "1c306a7ac2a0e2e0990b294470cba339e6453772b075811d8fad0d1d6927c120"
        "bb5ee8972b0d3e21374c9c921b09d1b0366f10b65173992d",
        "3eb7a829b0cd20f5bcfc0b599b6feccf6da4627107bdb0d4f345b43027d8b972"
        "fc3e34fb4232a13ca706dcb57aec3dae07bdc1c67bf33609",
        "07fff4181ac6cc95ec1c16a94a0f74d12da232ce40a77552281d282bb60c0b56"
        "fd2464c335543936521c24403085d59a449a5037514a879d")
P521 = ("0037ade9319a89f4dabdb3ef411aaccca5123c61acab57b5393dce47608172a0"
        "95aa85a30fe1c2952c6771d937ba9777f5957b2639bab072462f68c27a57382d"
        "4a52",
        "0015417e84dbf28c0ad3c278713349dc7df153c897a1891bd98bab4357c9ecbe"
        "e1e3bf42e00b8e380aeae57c2d107564941885942af5a7f4601723c4195d176c"
        "ed3e017cae20b6641d2eeb695786d8c946146239d099e18e1d5a514c739d7cb4"
        "a10ad8a788015ac405d7799dc75e7b7d5b6cf2261a6a7f1507438bf01beb6ca3"
        "926f9582",
        "0145ba99a847af43793fdd0e872e7cdfa16be30fdc780f97bccc3f078380201e"
        "9c677d600b343757a3bdbf2a3163e4c2f869cca7458aa4a4effc311f5cb15168"
        "5eb9",
        "00d0b3975ac4b799f5bea16d5e13e9af971d5e9b984c9f39728b5e5739735a21"
        "9b97c356436adc6e95bb0352f6be64a6c2912d4ef2d0433ced2b6171640012d9"
        "460f015c68226383956e3bd066e797b623c27ce0eac2f551a10c2c724d985207"
        "7b87220b6536c5c408a1d2aebb8e86d678ae49cb57091f4732296579ab44fcd1"
        "7f0fc56a",
        "01144c7d79ae6956bc8edb8e7c787c4521cb086fa64407f97894e5e6b2d79b04"
        "d1427e73ca4baa240a34786859810c06b3c715a3a8cc3151f2bee417996d19f3"
        "ddea")


def pi_bits(bits):
    """floor(pi * 2**bits), by Machin's formula."""
    def arctan(n):
        one = 1 << (bits + 64)
        power, total, k = one // n, one // n, 1
        while power:
            power //= -n * n
            k += 2
            total += power // k
        return total

    return (4 * (4 * arctan(5) - arctan(239))) >> 64


# RFC 3526 3 and 4: the number added to pi's digits.
MODP = {"modp2048": (2048, 124476), "modp3072": (3072, 1690314)}


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
    a, pa, b, pb, shared = map(bytes.fromhex, X448)
    key = x448.X448PrivateKey.from_private_bytes(a)
    peer = x448.X448PublicKey.from_public_bytes(pb)
    assert key.exchange(peer) == shared
    for name, curve, vector in (("p256", ec.SECP256R1(), P256),
                                ("p384", ec.SECP384R1(), P384),
                                ("p521", ec.SECP521R1(), P521)):
        a, pa, b, pb, shared = map(bytes.fromhex, vector)
        key = ec.derive_private_key(int.from_bytes(a, "big"), curve)
        for public in (pa, pb):
            ec.EllipticCurvePublicKey.from_encoded_point(curve, b"\4" + public)
        n = key.public_key().public_numbers()
        size = len(shared)
        assert n.x.to_bytes(size, "big") + n.y.to_bytes(size, "big") == pa
        peer = ec.EllipticCurvePublicKey.from_encoded_point(curve, b"\4" + pb)
        assert key.exchange(ec.ECDH(), peer) == shared
    for name, vector in (("x25519", X25519), ("x448", X448), ("p256", P256),
                         ("p384", P384), ("p521", P521)):
        for part, value in zip(("a", "public-a", "b", "public-b", "shared"),
                               vector):
            put(f"{name}-{part}", value)


def modp():
    for name, (bits, extra) in MODP.items():
        p = (2 ** bits - 2 ** (bits - 64) - 1 +
             2 ** 64 * (pi_bits(bits - 130) + extra))
        assert pow(2, p - 1, p) == 1 and pow(2, (p - 1) // 2, p) == 1
        size = bits // 8
        a = int.from_bytes(hashlib.sha256(name.encode()).digest(), "big")
        b = 3
        while pow(pow(2, b, p), a, p) >> (bits - 8):
            b += 2
        put(f"{name}-p", p.to_bytes(size, "big"))
        for part, value in (("a", a), ("public-a", pow(2, a, p)), ("b", b),
                            ("public-b", pow(2, b, p)),
                            ("shared", pow(2, a * b, p))):
            put(f"{name}-{part}", value.to_bytes(size, "big"))


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


def message_cbc(cipher, ke, ka, spi_i, spi_r, padding=b"abcdefg\7"):
    """The same, its IV the enciphered counter."""
    _, digest = CBC[cipher]
    tag = digest().digest_size // 2
    inner = bytes.fromhex("00000008" "01000000") + padding
    ecb = Cipher(algorithms.AES(ke), modes.ECB()).encryptor()
    iv = ecb.update((7).to_bytes(16, "big"))
    cbc = Cipher(algorithms.AES(ke), modes.CBC(iv)).encryptor()
    length = 28 + 4 + 16 + len(inner) + tag
    head = (spi_i + spi_r + bytes([46, 0x20, 37, 8]) + (2).to_bytes(4, "big") +
            length.to_bytes(4, "big") +
            bytes([42, 0]) + (length - 28).to_bytes(2, "big"))
    text = head + iv + cbc.update(inner)
    return text + prf(digest, ka, text)[:tag]


def keys_cbc():
    ni, nr = bytes(range(32)), bytes(range(100, 140))
    spi_i, spi_r = bytes(range(1, 9)), bytes(range(11, 19))
    shared = bytes.fromhex(X25519[4])
    digest = hashlib.sha256
    for c, (size, integrity) in CBC.items():
        name, n, k = f"keys-256-{c}", 32, integrity().digest_size
        seed = prf(digest, ni + nr, shared)
        out = prf_plus(digest, seed, ni + nr + spi_i + spi_r,
                       3 * n + 2 * size + 2 * k)
        d, ai, ar, ei, er, pi, pr = cut(out, n, k, k, size, size, n, n)
        for part, value in (("d", d), ("ei", ei + ai), ("er", er + ar),
                            ("pi", pi), ("pr", pr)):
            put(f"{name}-{part}", value)
        child = prf_plus(digest, d, ni + nr, 2 * (size + k))
        put(f"{name}-child-i", child[:size + k])
        put(f"{name}-child-r", child[size + k:])
        put(f"{name}-auth-i", auth(digest, pi, b"message one", nr))
        put(f"{name}-auth-r", auth(digest, pr, b"message two", ni))
        put(f"{name}-message",
            message_cbc(c, ei, ai, spi_i, spi_r, bytes(7) + b"\7"))
        put(f"{name}-padded",
            message_cbc(c, ei, ai, spi_i, spi_r, bytes(23) + b"\27"))
        put(f"{name}-overpadded",
            message_cbc(c, ei, ai, spi_i, spi_r, bytes(7) + b"\20"))


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
            pfs = prf_plus(digest, d, shared + ni + nr, 2 * k)
            put(f"{name}-pfs-i", pfs[:k])
            put(f"{name}-pfs-r", pfs[k:])
            rekeyed = prf_plus(
                digest,
                prf(hashlib.sha384, bytes(range(200, 248)), shared + ni + nr),
                ni + nr + spi_i + spi_r, 3 * n + 2 * k)
            put(f"{name}-rekey-d", rekeyed[:n])
            put(f"{name}-rekey-er", rekeyed[n + k:n + 2 * k])
            put(f"{name}-auth-i", auth(digest, pi, b"message one", nr))
            put(f"{name}-auth-r", auth(digest, pr, b"message two", ni))
            put(f"{name}-message", message(c, ei, spi_i, spi_r))
            put(f"{name}-padded", message(c, ei, spi_i, spi_r, b"abc\3"))
            put(f"{name}-overpadded",
                message(c, ei, spi_i, spi_r, b"abc\14"))


def main():
    print("# Written by ike-vectors.py.")
    key_exchanges()
    modp()
    hmacs()
    keys()
    keys_cbc()


if __name__ == "__main__":
    sys.exit(main())
