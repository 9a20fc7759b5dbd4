# SPDX-License-Identifier: LGPL-2.1-or-later
"""Keys for the daemons, made by openssl as they are needed, and kept for the
tests that follow."""

import base64
import ipaddress
import os
import subprocess

FOLDER = "/run/lab/keys"
KINDS = {
    "ed25519": ("ed25519",),
    "p256": ("ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
    "p384": ("ec", "-pkeyopt", "ec_paramgen_curve:P-384"),
    "rsa2048": ("rsa", "-pkeyopt", "rsa_keygen_bits:2048"),
    "rsa3072": ("rsa", "-pkeyopt", "rsa_keygen_bits:3072"),
    "rsa4096": ("rsa", "-pkeyopt", "rsa_keygen_bits:4096"),
}


def openssl(*argv):
    return subprocess.run(["openssl", *argv], check=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE).stdout


def gateway_type(gateway):
    """RFC 4025 2.3."""
    if gateway == ".":
        return 0
    try:
        return 1 if ipaddress.ip_address(gateway).version == 4 else 2
    except ValueError:
        return 3


class Key:
    def __init__(self, kind, name):
        self.kind = kind
        self.base = f"{FOLDER}/{kind}-{name}"
        self.private = f"{self.base}.pem"
        if os.path.exists(self.private):
            return
        os.makedirs(FOLDER, exist_ok=True)
        openssl("genpkey", "-algorithm", *KINDS[kind], "-out", self.private)

    @property
    def private_pem(self):
        with open(self.private, encoding="ascii") as f:
            return f.read()

    @property
    def public(self):
        """The file."""
        path = f"{self.base}.pub"
        if not os.path.exists(path):
            openssl("pkey", "-in", self.private, "-pubout", "-out", path)
        return path

    @property
    def public_pem(self):
        with open(self.public, encoding="ascii") as f:
            return f.read()

    @property
    def public_base64(self):
        """The SubjectPublicKeyInfo, without the lines around it."""
        return "".join(self.public_pem.splitlines()[1:-1])

    @property
    def spki(self):
        return base64.b64decode(self.public_base64)

    def ipseckey(self, precedence=10, gateway="."):
        """The RDATA of its IPSECKEY record, as a zone file has it."""
        if self.kind.startswith("rsa"):
            text = openssl("rsa", "-pubin", "-in", self.public, "-noout",
                           "-modulus").decode().strip().partition("=")[2]
            raw, algorithm = b"\3\1\0\1" + bytes.fromhex(text), 2
        elif self.kind.startswith("p"):
            bits = int(self.kind[1:])
            raw, algorithm = self.spki[-2 * bits // 8:], 3
        else:
            raw, algorithm = self.spki[-32:], 4
        return (f"{precedence} {gateway_type(gateway)} {algorithm} {gateway} "
                f"{base64.b64encode(raw).decode()}")

    def pkcs12(self, name):
        """A file with the key and a certificate of itself, which libreswan's
        database wants."""
        path = f"{self.base}.p12"
        if not os.path.exists(path):
            openssl("req", "-new", "-x509", "-key", self.private, "-subj",
                    f"/CN={name}", "-days", "30", "-out", f"{self.base}.crt")
            openssl("pkcs12", "-export", "-inkey", self.private, "-in",
                    f"{self.base}.crt", "-name", name, "-passout", "pass:",
                    "-out", path)
        return path


def key(kind, name):
    """The key of that kind which belongs to a host."""
    return Key(kind, name)
