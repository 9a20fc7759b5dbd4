# SPDX-License-Identifier: LGPL-2.1-or-later
"""The keys of a host, and what it knows of others' keys."""

import base64
import os
import pwd

# PKCS#8 and SubjectPublicKeyInfo of an Ed25519 key, without the key itself
# (RFC 8410).
PRIVATE = bytes.fromhex("302e020100300506032b657004220420")
PUBLIC = bytes.fromhex("302a300506032b6570032100")


def owner(name):
    """The user's id; root's where there is no such user."""
    try:
        return pwd.getpwnam(name).pw_uid, pwd.getpwnam(name).pw_gid
    except KeyError:
        return 0, 0


def pem(der, what):
    text = base64.b64encode(der).decode()
    lines = [text[i:i + 64] for i in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {what}-----", *lines,
                      f"-----END {what}-----", ""])


# --- Ed25519 (RFC 8032), slow and plain: only the public half is made here ----
P = 2 ** 255 - 19
D = -121665 * pow(121666, P - 2, P) % P


def add(a, b):
    x1, y1, z1, t1 = a
    x2, y2, z2, t2 = b
    e, f = (y1 - x1) * (y2 - x2), (y1 + x1) * (y2 + x2)
    g, h = 2 * t1 * t2 * D, 2 * z1 * z2
    e, f, g, h = f - e, h - g, h + g, f + e
    return e * f % P, g * h % P, f * g % P, e * h % P


def base():
    y = 4 * pow(5, P - 2, P) % P
    xx = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(xx, (P + 3) // 8, P)
    if (x * x - xx) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    x = P - x if x % 2 else x
    return x, y, 1, x * y % P


def public_of(seed):
    import hashlib
    h = bytearray(hashlib.sha512(seed).digest()[:32])
    h[0] &= 248
    h[31] = h[31] & 127 | 64
    n, point, result = int.from_bytes(h, "little"), base(), (0, 1, 1, 0)
    while n:
        if n & 1:
            result = add(result, point)
        point = add(point, point)
        n >>= 1
    x, y, z, _ = result
    inverse = pow(z, P - 2, P)
    x, y = x * inverse % P, y * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


class Keys:
    def __init__(self, host):
        self.host = host
        self.seed = os.urandom(32)
        self._public = None
        self.own = False  # it makes its own

    @property
    def dir(self):
        return f"{self.host.agent.state_dir}/keys"

    @property
    def path(self):
        return f"{self.dir}/ed25519.pem"

    @property
    def spki(self):
        """Our public key, DER."""
        if self._public is None:
            self._public = PUBLIC + public_of(self.seed)
        return self._public

    @property
    def base64(self):
        return base64.b64encode(self.spki).decode()

    def make(self):
        """Our own private key, as an administrator would put it there: the
        agent makes none then, which would take a second for RSA."""
        if self.own:
            return
        uid, gid = owner("tacit-key")
        os.makedirs(self.host.agent.state_dir, mode=0o755, exist_ok=True)
        if os.path.isdir(self.dir):
            return
        os.makedirs(self.dir, mode=0o700)
        os.chown(self.dir, uid, gid)
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "w", encoding="ascii") as f:
            f.write(pem(PRIVATE + self.seed, "PRIVATE KEY"))
        os.chown(self.path, uid, gid)

    def place(self, name, text):
        """One more private key of ours."""
        self.make()
        path = f"{self.dir}/{name}.pem"
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "w", encoding="ascii") as f:
            f.write(text)
        os.chown(path, *owner("tacit-key"))

    def know(self, name, key=None, address=None, identity=None):
        """A file of keys.d with a public key (base64)."""
        lines = ["[Peer]"]
        if identity:
            lines.append(f"Identity={identity}")
        if address:
            lines.append(f"Address={address}")
        lines.append(f"PublicKey={key}")
        self.host.config(f"keys.d/{name}.conf", "\n".join(lines) + "\n")

    def share(self, name, secret, address=None, identity=None, mode=0o640):
        """A file of keys.d with a shared key."""
        lines = ["[Peer]", f"SharedKeyFile={name}.psk"]
        if identity:
            lines.append(f"Identity={identity}")
        if address:
            lines.append(f"Address={address}")
        self.host.config(f"keys.d/{name}.conf", "\n".join(lines) + "\n")
        self.host.config(f"keys.d/{name}.psk", secret + "\n")
        path = f"{self.host.agent.etc}/keys.d/{name}.psk"
        os.chown(path, 0, owner("tacit")[1])
        os.chmod(path, mode)
