# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may talk to whom: every level of authentication on each side, with the
right key, none, a wrong one, and one of somebody else; shared keys; and
tacit-keyd, which nobody gets a key out of, dead or hanging."""

import errno
import os
import pwd
import signal

import pytest
from agent import AGENT, KEYD, NETD
from traffic import ping
from waiting import wait_until

LEVELS = ("allow", "offer", "require")
KEYS = ("right", "none", "wrong", "other")


def seen(host, peer):
    """(how the peer proved itself, who it is), or None without an SA."""
    for p in host.agent.tacit("peers"):
        if p["address"] == peer.ip and p["state"] in ("secured", "install"):
            return p["authentication"], p["identity"]
    return None


def know(host, peer, how, name="peer"):
    """What this host knows of the peer: one of KEYS."""
    if how == "right":
        host.keys.know(name, peer.keys.base64, peer.ip)
    elif how == "wrong":
        host.keys.know(name, host.keys.base64, peer.ip)
    elif how == "other":
        host.keys.know(name, peer.keys.base64, peer.ip, "other.lab.test")


def expected(la, lb, a_knows, b_knows):
    """What a, who begins, and b say of each other; None: there is no SA.

    A key that is known must be used. Who is asked for nobody is nobody, and a
    key of somebody else is no key: as responder, who cannot verify takes the
    peer as anonymous where it may.
    """
    known = a_knows != "none"
    proves = la != "allow" or known
    if not known and la == "require" or a_knows in ("wrong", "other"):
        return None
    if b_knows == "wrong" and proves:
        return None
    b_sees = "signature" if proves and b_knows == "right" else "null"
    if b_sees == "null" and lb == "require":
        return None
    return "signature" if known else "null", b_sees


@pytest.mark.seconds(12)
@pytest.mark.parametrize("lb", LEVELS)
@pytest.mark.parametrize("la", LEVELS)
def test_matrix(lab, agents, la, lb):
    """One host, and one peer for each thing that one may know of the other."""
    cases = [(k, "right") for k in KEYS] + [("right", k) for k in KEYS[1:]]
    net = lab.net()
    a = lab.host("a", net)
    peers = []
    for i, (a_knows, b_knows) in enumerate(cases):
        b = lab.host(f"b{i}", net)
        b.policy("peers", "allow", Authentication=lb)
        know(b, a, b_knows)
        know(a, b, a_knows, f"b{i}")
        peers.append(b)
    a.policy("peers", "offer", Authentication=la, Wait="yes", WaitTime="5s")
    for host in (a, *peers):
        host.start_agent()
    for b, case in zip(peers, cases):
        want = expected(la, lb, *case)
        mark = net.capture.mark()
        assert None not in ping(a, b.ip, 1, timeout=6), case
        if want is None:
            assert seen(a, b) is None and seen(b, a) is None, case
            assert net.capture.esp_packets(a, b, mark) == [], case
            assert net.capture.clear_packets(a, b, mark) != [], case
            continue
        names = [host.ip if how == "signature" else ""
                 for how, host in zip(want, (b, a))]
        assert seen(a, b) == (want[0], names[0]), case
        assert seen(b, a) == (want[1], names[1]), case
        assert net.capture.esp_packets(a, b, mark) != [], case


@pytest.mark.seconds(4)
@pytest.mark.parametrize("a_knows", KEYS)
def test_require_is_never_clear(lab, agents, a_knows):
    net, a, b = lab.pair()
    know(a, b, a_knows)
    know(b, a, "right")
    for host in (a, b):
        host.policy("peers", "require", Authentication="require")
        host.start_agent()
    answers = ping(a, b.ip, 3, interval=0.2, timeout=2)
    assert net.capture.clear_packets(a, b) == []
    if a_knows == "right":
        assert None not in answers
        assert seen(a, b) == ("signature", b.ip)
        assert seen(b, a) == ("signature", a.ip)
    else:
        assert answers == [None] * 3
        assert seen(a, b) is None


def test_status_says_how(lab, agents):
    """Algorithm and fingerprint, and `tacit key show` of the peer has it."""
    _, a, b = lab.pair()
    for host, peer in ((a, b), (b, a)):
        know(host, peer, "right")
        host.policy("peers", "require", Authentication="require")
        host.start_agent()
    assert None not in ping(a, b.ip, 1)
    peer = a.agent.tacit("peers", b.ip)
    assert peer["proof"] == "Ed25519"
    key, = b.agent.tacit("key", "show")
    assert peer["fingerprint"] == key["fingerprint"]
    assert key["public_key"] == b.keys.base64


def test_names(lab, agents):
    """LocalIdentity= here, Identity= there, and a policy that takes one name of
    a domain and not another."""
    net, a, b = lab.pair()
    c = lab.host("c", net)
    for host in (a, b, c):
        host.config("tacit.conf", "[Authentication]\n"
                    f"LocalIdentity={host.name}.lab.test\n")
    for host in (b, c):
        host.keys.know("a", a.keys.base64, identity="a.lab.test")
        host.policy("peers", "require", Authentication="require",
                    Identity="a.lab.test")
        a.keys.know(host.name, host.keys.base64, host.ip,
                    f"{host.name}.lab.test")
    a.policy("peers", "require", Authentication="require",
             Identity="b.lab.test *.example.org")
    for host in (a, b, c):
        host.start_agent()
    assert None not in ping(a, b.ip, 1)
    assert seen(a, b) == ("signature", "@b.lab.test")
    assert seen(b, a) == ("signature", "@a.lab.test")
    assert ping(a, c.ip, 1, timeout=1.5) == [None]
    assert seen(a, c) is None
    assert net.capture.clear_packets(a, c) == []


SECRET = "a secret of thirty-two characters"


@pytest.mark.seconds(3)
@pytest.mark.parametrize("level", ["offer", "require"])
@pytest.mark.parametrize("theirs", ["right", "wrong", "readable"])
def test_shared_key(lab, agents, level, theirs):
    net, a, b = lab.pair()
    a.keys.share("b", SECRET, b.ip)
    b.keys.share("a", SECRET if theirs != "wrong" else "another " + SECRET,
                 a.ip, mode=0o644 if theirs == "readable" else 0o640)
    a.policy("peers", level, Authentication="require", WaitTime="5s",
             **({"Wait": "yes"} if level == "offer" else {}))
    b.policy("peers", "allow" if level == "offer" else level,
             Authentication="require")
    for host in (a, b):
        host.start_agent()
    answers = ping(a, b.ip, 1, timeout=6 if level == "offer" else 2)
    if theirs == "right":
        assert None not in answers
        assert seen(a, b) == ("shared", b.ip)
        assert seen(b, a) == ("shared", a.ip)
        assert net.capture.clear_packets(a, b) == []
        return
    assert seen(a, b) is None and seen(b, a) is None
    if level == "offer":
        assert None not in answers
    else:
        assert answers == [None] and net.capture.clear_packets(a, b) == []
    if theirs == "readable":
        assert "a.psk" in b.agent.log() and "0644" in b.agent.log()


# --- tacit-keyd ----------------------------------------------------------------

@pytest.mark.seconds(14)
@pytest.mark.parametrize("level", ["offer", "require"])
@pytest.mark.parametrize("fate", ["killed", "hangs"])
def test_keyd_in_a_handshake(lab, agents, level, fate):
    """Its death or hanging is a failed handshake: offer goes on talking,
    require is never clear, and the next keyd makes all well."""
    net, a, b = lab.pair(rtt_ms=40)
    for host, peer in ((a, b), (b, a)):
        know(host, peer, "right")
    a.policy("peers", level, Authentication="require", RetryTime="1s",
             **({"Wait": "yes"} if level == "offer" else {}))
    b.policy("peers", "allow" if level == "offer" else level,
             Authentication="require")
    for host in (a, b):
        host.start_agent()
    # It stands still when it is to sign: between IKE_SA_INIT and IKE_AUTH.
    pid = a.agent.hang(KEYD)
    if fate == "killed":
        first = ping(a, b.ip, 1, timeout=0.3)
        os.kill(pid, signal.SIGKILL)
        assert first == [None]
    second = ping(a, b.ip, 1, timeout=4)
    assert seen(a, b) is None or seen(a, b)[0] == "signature"
    if level == "offer":
        assert None not in second
    a.agent.wait_replaced(KEYD, pid, timeout=20)

    def proven():
        ping(a, b.ip, 1, timeout=0.2)
        return seen(a, b) == ("signature", b.ip)
    wait_until(proven, 25, "the peer's proof")
    if level == "require":
        assert net.capture.clear_packets(a, b) == []
    assert None not in ping(a, b.ip, 2)


@pytest.mark.seconds(8)
def test_without_keyd_anonymous(lab, agents):
    """Where policy lets it be so, no keyd is no reason to be clear."""
    net, a, b = lab.pair()
    for host in (a, b):
        host.policy("peers", "require", Authentication="offer")
        host.start_agent()
    a.agent.hang(KEYD)
    wait_until(lambda: "tacit-keyd" in a.agent.tacit("status")["warning"], 10,
               "the warning")
    assert None not in ping(a, b.ip, 2)
    assert seen(a, b) == ("null", "")
    assert net.capture.clear_packets(a, b) == []


def as_user(name, function, *arguments):
    """What the function raises, as an errno, run as another user; 0."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        code = 0
        try:
            entry = pwd.getpwnam(name)
            os.setgroups([])
            os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
            os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)
            function(*arguments)
        except OSError as e:
            code = e.errno
        except BaseException:
            code = 255
        os.write(write, bytes([code]))
        os._exit(0)
    os.close(write)
    code = os.read(read, 1)[0]
    os.close(read)
    os.waitpid(child, 0)
    return code


def read_some(path):
    with open(path, "rb") as f:
        f.read(1)


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f
                    if ":\t" in line)


def test_nobody_else_has_the_key(lab, agents):
    _, a, b = lab.pair()
    for host, peer in ((a, b), (b, a)):
        know(host, peer, "right")
        host.policy("peers", "require", Authentication="require")
        host.start_agent()
    assert None not in ping(a, b.ip, 1)
    keyd = a.agent.pid(KEYD)
    for user in ("tacit", "tacit-net"):
        assert as_user(user, read_some, a.keys.path) == errno.EACCES
        assert as_user(user, os.listdir, a.keys.dir) == errno.EACCES
        assert as_user(user, read_some, f"/proc/{keyd}/mem") in (
            errno.EACCES, errno.EPERM)
        assert as_user(user, os.kill, keyd, signal.SIGSTOP) == errno.EPERM
    # The other way round it works: the test can fail.
    assert as_user("tacit-key", read_some, a.keys.path) == 0
    # No other process has it open, or in its memory.
    seed = a.keys.seed
    for name in (AGENT, NETD):
        pid = a.agent.pid(name)
        for fd in os.listdir(f"/proc/{pid}/fd"):
            assert not os.readlink(f"/proc/{pid}/fd/{fd}").startswith(
                f"{a.keys.dir}/")
        assert seed not in memory(pid), name
    assert seed in memory(keyd)
    status = status_of(keyd)
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
    assert int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"] == "1"
    assert pwd.getpwuid(int(status["Uid"].split()[0])).pw_name == "tacit-key"


def memory(pid):
    """All that a process can write to."""
    found = b""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, \
            open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            where, rights = line.split()[:2]
            if not rights.startswith("rw"):
                continue
            start, end = (int(x, 16) for x in where.split("-"))
            try:
                mem.seek(start)
                found += mem.read(end - start)
            except OSError:
                continue
    return found


@pytest.mark.seconds(6)
def test_first_start_makes_keys(lab, agents):
    """An Ed25519 key at once and one of RSA soon, ours alone; the next start
    makes none."""
    a = lab.host("a", lab.net())
    a.policy("peers", "offer")
    a.keys.own = True
    a.start_agent()
    wait_until(lambda: len(a.agent.tacit("key", "show")) == 2, 30, "two keys")
    shown = a.agent.tacit("key", "show")
    assert [k["type"] for k in shown] == ["Ed25519", "RSA-3072"]
    for name in ("ed25519.pem", "rsa.pem"):
        s = os.stat(f"{a.keys.dir}/{name}")
        assert s.st_mode & 0o7777 == 0o600
        assert pwd.getpwuid(s.st_uid).pw_name == "tacit-key"
    a.agent.restart()
    assert a.agent.tacit("key", "show") == shown


def test_key_that_others_could_read(lab, agents):
    """It is not used and not replaced, and status says so."""
    a = lab.host("a", lab.net())
    a.policy("peers", "offer")
    a.keys.make()
    os.chmod(a.keys.path, 0o644)
    a.start_agent()
    assert "key file" in a.agent.tacit("status")["warning"]
    assert "chmod 600" in a.agent.log()
    assert a.agent.tacit("key", "show") == []
    assert os.listdir(a.keys.dir) == ["ed25519.pem"]


@pytest.mark.seconds(14)
def test_nobody_replaces_somebody(lab, agents):
    """A peer that has proven who it is comes back and cannot any more: while
    its SA may be alive it is refused, then it is taken as nobody."""
    net, a, b = lab.pair()
    for host, auth in ((a, "offer"), (b, "offer")):
        host.policy("peers", "offer", Authentication=auth, Wait="yes")
    # By its name: without that it may be anybody.
    b.keys.know("peer", a.keys.base64, identity=a.ip)
    for host in (a, b):
        host.start_agent()
    assert None not in ping(a, b.ip, 2)
    assert seen(b, a) == ("signature", a.ip)
    pair = {s.spi for s in b.states(a)}
    a.policy("peers", "offer", Authentication="allow", Wait="yes")
    a.agent.wait_replaced(AGENT, a.agent.kill(AGENT))
    wait_until(lambda: "anonymous, where a peer that has proven" in
               b.agent.log(), 10, "b refuses")
    assert {s.spi for s in b.states(a)} == pair
    assert seen(b, a) == ("signature", a.ip)
    mark = net.capture.mark()
    wait_until(lambda: ping(a, b.ip, 1, timeout=1) != [None] and
               seen(b, a) == ("null", ""), 40, "the check has found it gone")
    assert net.capture.esp_packets(b, a, mark) != []
    # Nobody comes after nobody without a word.
    a.agent.wait_replaced(AGENT, a.agent.kill(AGENT))
    wait_until(lambda: a.secured(b) and b.secured(a), 10, "one pair")
    assert seen(b, a) == ("null", "")
