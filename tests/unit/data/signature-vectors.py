#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes signature-vectors.txt: keys, signatures and AlgorithmIdentifiers.

Keys and signatures are made by the openssl command line, the identifiers are
cut out of certificates that it made, so that a mistake in the engine is not
repeated here. The vectors of RFC 8032 7.1 and 7.4 and of RFC 4754 8 are checked
with openssl before they are written. Every run makes other keys.
"""

import pathlib
import subprocess
import sys
import tempfile

MESSAGE = b"The octets that an AUTH payload covers. " * 8

# name: arguments of genpkey
KEYS = {
    "rsa1024": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
    "rsa2048": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "rsa2048b": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "rsa3072": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"],
    "p256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "p256b": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "p384": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "p521": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
    "k256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"],
    "ed25519": ["-algorithm", "ED25519"],
    "ed25519b": ["-algorithm", "ED25519"],
    "ed448": ["-algorithm", "ED448"],
}
CURVES = ("p256", "p384", "p521")
HASHES = ("256", "384", "512")

ED25519 = {  # RFC 8032 7.1, test 3
    "public": "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
    "message": "af82",
    "signature": "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5a"
    "c3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
}
ED448 = {  # RFC 8032 7.4, 1 octet
    "public": "43ba28f430cdff456ae531545f7ecd0ac834a55d9358c0372bfa0c6c6798c086"
    "6aea01eb00742802b8438ea4cb82169c235160627b4c3a9480",
    "message": "03",
    "signature": "26b8f91727bd62897af15e41eb43c377efb9c610d48f2335cb0bd0087810"
    "f4352541b143c4b981b7e18f62de8ccdf633fc1bf037ab7cd779805e0dbcc0aae1cbcee1af"
    "b2e027df36bc04dcecbf154336c19f0af7e0a6472905e799f1953d2a0ff3348ab21aa4adaf"
    "d1d234441cf807c03a00",
}
P256 = {  # RFC 4754 8.1
    "public": "2442a5cc0ecd015fa3ca31dc8e2bbc70bf42d60cbca20085e0822cb04235e970"
    "6fc98bd7e50211a4a27102fa3549df79ebcb4bf246b80945cddfe7d509bbfd7d",
    "message": "616263",
    "signature": "cb28e0999b9c7715fd0a80d8e47a77079716cbbf917dd72e97566ea1c066"
    "957c86fa3bb4e26cad5bf90b7f81899256ce7594bb1ea0c89212748bff3b3d5b0315",
}
P384 = {  # RFC 4754 8.2
    "public": "96281bf8dd5e0525ca049c048d345d3082968d10fedf5c5aca0c64e6465a97ea"
    "5ce10c9dfec21797415710721f437922447688ba94708eb6e2e4d59f6ab6d7edff9301d249"
    "fe49c33096655f5d502fad3d383b91c5e7edaa2b714cc99d5743ca",
    "message": "616263",
    "signature": "fb017b914e29149432d8bac29a514640b46f53ddab2c69948084e2930f1c"
    "8f7e08e07c9c63f2d21a07dcb56a6af56eb3b263a1305e057f984d38726a1b46874109f417"
    "bca112674c528262a40a629af1cbb9f516ce0fa7d2ff630863a00e8b9f",
}
SPKI = {
    "ed25519": "302a300506032b6570032100",
    "ed448": "3043300506032b6571033a00",
    "p256": "3059301306072a8648ce3d020106082a8648ce3d03010703420004",
    "p384": "3076301006072a8648ce3d020106052b8104002203620004",
}


def openssl(*args, data=None):
    """Runs it; its standard output."""
    return subprocess.run(
        ["openssl", *args], input=data, check=True, stdout=subprocess.PIPE
    ).stdout


def element(der):
    """The first DER element: (header length, whole length)."""
    if der[1] < 0x80:
        return 2, 2 + der[1]
    n = der[1] & 0x7F
    return 2 + n, 2 + n + int.from_bytes(der[2 : 2 + n], "big")


def algorithm_of(certificate):
    """signatureAlgorithm of a certificate in DER."""
    inside = certificate[element(certificate)[0] :]
    rest = inside[element(inside)[1] :]
    return rest[: element(rest)[1]]


def integer(value):
    """DER INTEGER of a positive number in bytes."""
    value = value.lstrip(b"\0")
    if value[0] >= 0x80:
        value = b"\0" + value
    return bytes([2, len(value)]) + value


def to_der(raw):
    """r | s as Ecdsa-Sig-Value."""
    half = len(raw) // 2
    body = integer(raw[:half]) + integer(raw[half:])
    return bytes([0x30, len(body)]) + body


def to_raw(der, half):
    """Ecdsa-Sig-Value as r | s."""
    at, out = element(der)[0], b""
    for _ in range(2):
        head, size = element(der[at:])
        out += der[at + head : at + size].lstrip(b"\0").rjust(half, b"\0")
        at += size
    return out


class Writer:
    """The lines, and the files that openssl works on."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.lines = ["# Written by signature-vectors.py."]
        self.path("message").write_bytes(MESSAGE)
        self.line("message", MESSAGE)

    def path(self, name):
        return self.folder / name

    def line(self, name, data):
        self.lines.append(f"{name} {data.hex()}")

    def make_key(self, name, args):
        pem = self.path(name)
        pem.write_bytes(openssl("genpkey", *args))
        self.line(
            f"key-{name}", openssl("pkey", "-in", pem, "-outform", "DER")
        )
        self.line(
            f"spki-{name}",
            openssl("pkey", "-in", pem, "-pubout", "-outform", "DER"),
        )

    def sign(self, key, *args):
        out = self.path("signature")
        openssl(
            "pkeyutl", "-sign", "-rawin", "-inkey", self.path(key),
            "-in", self.path("message"), "-out", out, *args,
        )
        return out.read_bytes()

    def signatures(self):
        for size in HASHES:
            digest = ["-digest", f"sha{size}"]
            for padding, salt in (("pss", "digest"), ("pss", "0"),
                                  ("pss", "max"), ("pkcs1", None)):
                extra = ["-pkeyopt", f"rsa_padding_mode:{padding}"]
                name = f"sig-rsa2048-{padding}-{size}"
                if salt:
                    extra += ["-pkeyopt", f"rsa_pss_saltlen:{salt}"]
                    name += "" if salt == "digest" else f"-salt-{salt}"
                self.line(name, self.sign("rsa2048", *digest, *extra))
            for curve in CURVES:
                self.line(f"sig-{curve}-{size}", self.sign(curve, *digest))
        for key in ("ed25519", "ed448"):
            self.line(f"sig-{key}", self.sign(key))
        for curve, size, half in (("p256", "256", 32), ("p384", "384", 48),
                                  ("p521", "512", 66)):
            der = self.sign(curve, "-digest", f"sha{size}")
            self.line(f"raw-{curve}", to_raw(der, half))

    def algorithm(self, name, key, *args):
        certificate = openssl(
            "req", "-x509", "-new", "-key", self.path(key), "-subj", "/CN=x",
            "-outform", "DER", *args,
        )
        self.line(f"alg-{name}", algorithm_of(certificate))

    def algorithms(self):
        for size in ("1", *HASHES):
            digest = f"-sha{size}"
            self.algorithm(f"ecdsa-{size}", "p256", digest)
            self.algorithm(f"pkcs1-{size}", "rsa2048", digest)
            for salt in ("digest", "0", "11", "max"):
                self.algorithm(
                    f"pss-{size}-{salt}", "rsa2048", digest,
                    "-sigopt", "rsa_padding_mode:pss",
                    "-sigopt", f"rsa_pss_saltlen:{salt}",
                )
        self.algorithm(
            "pss-256-mgf-512", "rsa2048", "-sha256",
            "-sigopt", "rsa_padding_mode:pss",
            "-sigopt", "rsa_pss_saltlen:digest",
            "-sigopt", "rsa_mgf1_md:sha512",
        )
        self.algorithm("ed25519", "ed25519")
        self.algorithm("ed448", "ed448")

    def published(self, name, vector, kind, digest=None):
        """One of an RFC, once openssl has verified it."""
        spki = bytes.fromhex(SPKI[kind] + vector["public"])
        signature = bytes.fromhex(vector["signature"])
        self.path("spki").write_bytes(spki)
        self.path("m").write_bytes(bytes.fromhex(vector["message"]))
        self.path("s").write_bytes(to_der(signature) if digest else signature)
        extra = ["-digest", digest] if digest else []
        openssl(
            "pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER",
            "-inkey", self.path("spki"), "-in", self.path("m"),
            "-sigfile", self.path("s"), *extra,
        )
        self.line(f"{name}-spki", spki)
        self.line(f"{name}-message", bytes.fromhex(vector["message"]))
        self.line(f"{name}-signature", signature)


def main():
    with tempfile.TemporaryDirectory() as folder:
        w = Writer(folder)
        for name, args in KEYS.items():
            w.make_key(name, args)
        w.signatures()
        w.algorithms()
        w.published("rfc8032-ed25519", ED25519, "ed25519")
        w.published("rfc8032-ed448", ED448, "ed448")
        w.published("rfc4754-256", P256, "p256", "sha256")
        w.published("rfc4754-384", P384, "p384", "sha384")
        target = pathlib.Path(__file__).with_suffix(".txt")
        target.write_text("\n".join(w.lines) + "\n", encoding="ascii")
    return 0


if __name__ == "__main__":
    sys.exit(main())
