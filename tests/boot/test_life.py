# SPDX-License-Identifier: LGPL-2.1-or-later
"""The life of the package on a machine: installed, enabled, used, restarted,
crashed, upgraded, stopped, purged."""

import ipaddress
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import guest
import pytest
from guest import (PEERS, PROFILES, UNITS, USERS, active, confined, journal,
                   kernel, ping, policy, run, status_of, systemctl, tacit, unit)
from waiting import wait_until

COLD = "10.9.0.3", "fd09::3"
BUS, PATH = "org.tacit.Agent1", "/org/tacit/Agent1"
LIST = ("ListPeers", "su", "", "10")
RULES = "/etc/polkit-1/rules.d/50-lab.rules"
CONFIG = "/etc/tacit/tacit.conf"
# At most so much, as systemd-analyze security rates it.
EXPOSURE = dict(zip(UNITS, (1.3, 1.8, 1.0)))
CAPABILITIES = dict(zip(UNITS, (0, 1 << 12 | 1 << 10, 0)))


def encrypted(family, timeout=20):
    """The SAs to the peer are up, and used."""
    wait_until(lambda: ping(family) and any(
        p["address"] == PEERS[family] and p["state"] == "secured"
        for p in tacit("peers")), timeout, "the peer is encrypted", 0.1)


def wait_protecting():
    def protecting():
        return status_of("tacit", "status") == 0 and \
            tacit("status")["protecting"]
    wait_until(protecting, 15, "the agent and netd have met", 0.1)


class Traffic:
    """Pings all the time, in both families."""

    def __enter__(self):
        self.processes = [subprocess.Popen(
            ["ping", "-n", "-q", "-i", "0.05", PEERS[family]],
            stdout=subprocess.PIPE, text=True) for family in (4, 6)]
        return self

    def unanswered(self):
        """Stops; the most that one of them missed."""
        missed = []
        for p in self.processes:
            p.send_signal(signal.SIGINT)
            out, _ = p.communicate(timeout=10)
            sent, answered = re.search(
                r"(\d+) packets transmitted, (\d+) received", out).groups()
            missed.append(int(sent) - int(answered))
        return max(missed)

    def __exit__(self, *_):
        for p in self.processes:
            p.kill()
            p.communicate()


@pytest.fixture
def setting():
    """One of [Agent], for the time of a test."""
    def write(line):
        guest.write(CONFIG, f"[Agent]\n{line}\n")
    yield write
    if os.path.exists(CONFIG):
        os.unlink(CONFIG)


def test_install():
    run("dpkg", "-i", *guest.packages("libtacit0", "tacit"), timeout=120)
    for name in UNITS:
        assert active(name) == "inactive"
    assert systemctl("is-enabled", "tacit", check=False).strip() == "disabled"
    assert kernel() == []
    assert len({guest.uid(u) for u in USERS}) == 3
    assert guest.process(1)["Name"] == "systemd"


def test_firewalls():
    """What the package has for others is what they can read."""
    assert "500,4500/udp" in run("ufw", "app", "info", "Tacit")
    run("ufw", "--dry-run", "allow", "Tacit")
    run("ufw", "--dry-run", "allow", "proto", "esp", "from", "any")
    offline = ("firewall-offline-cmd", "--zone=public")
    run(*offline, "--add-service=tacit")
    run("firewall-offline-cmd", "--check-config")
    assert run(*offline, "--query-service=tacit").strip() == "yes"
    for name in ("usr.sbin.tacitd", "usr.libexec.tacit.tacit-netd",
                 "usr.libexec.tacit.tacit-keyd"):
        run("apparmor_parser", "-Q", "-K", f"/etc/apparmor.d/{name}")


def test_autopkgtest():
    """What Debian runs after each upload."""
    said = run("/lab/tree/debian/tests/encrypts", timeout=60)
    assert said.count(" 0% packet loss") == 2


def test_enable():
    start = time.monotonic()
    systemctl("enable", "--now", "tacit")
    assert time.monotonic() - start < 15
    for name, user in zip(UNITS, USERS):
        assert active(name) == "active"
        status = guest.process(guest.pid(name))
        assert status["Uid"].split() == [str(guest.uid(user))] * 4
        assert int(status["CapPrm"], 16) == CAPABILITIES[name]
        assert int(status["CapBnd"], 16) == CAPABILITIES[name]
        assert status["NoNewPrivs"] == "1"
        assert status["Seccomp"] == "2"
    wait_protecting()
    status = tacit("status")
    assert status["privileges_separate"]
    assert "keyd" not in str(status.get("attention", ""))
    # Without a configuration there is nothing closed, and nobody is delayed.
    assert run("tacit", "check-config")


def test_sandboxes():
    for name in UNITS:
        out = run("systemd-analyze", "security", "--no-pager", name)
        rated = float(re.search(r"exposure level for \S+: ([\d.]+)",
                                out).group(1))
        assert rated <= EXPOSURE[name], out
    # Nobody's kernel keys, nobody's home, no other process.
    assert "tacit" not in run("journalctl", "-b", "-k", "--no-pager",
                              "-g", "seccomp|SIGSYS", check=False)


# What root is refused behind a profile; the last is what it is for.
ATTEMPTS = """
import os, socket, sys
with open("/proc/self/attr/apparmor/current", "w") as f:
    f.write("changeprofile " + sys.argv[1])
def refused(what, *arguments):
    try:
        what(*arguments)
    except PermissionError:
        return
    sys.exit(f"{arguments} is not refused")
refused(open, "/etc/shadow")
refused(open, "/etc/hostname")
refused(open, "/var/lib/tacit/other", "w")
refused(os.listdir, "/home")
refused(socket.socket, socket.AF_PACKET, socket.SOCK_RAW)
refused(os.chroot, "/etc/tacit")
refused(os.kill, 1, 9)
os.listdir("/etc/tacit")
"""


def test_confined():
    """By AppArmor, and that bites, whoever it is that runs there."""
    for name, profile in zip(UNITS, PROFILES):
        assert confined(name) == f"{profile} (enforce)"
        run("/usr/bin/python3", "-c", ATTEMPTS, profile)


@pytest.mark.parametrize("family", (4, 6))
def test_encrypts(peer, family):
    """With no configuration here, and a peer that never goes in the clear."""
    if not peer.process:
        peer.start("require")
    encrypted(family)
    mark = peer.mark()
    assert ping(family, 5) == 5
    assert peer.clear(mark) == []
    assert len(peer.frames(("esp",), mark)) == 10


def test_journal(setting):
    """What is logged of a peer can be asked for by its fields."""
    policy("offer")
    setting("LogLevel=debug")
    systemctl("restart", "tacit")
    encrypted(4)
    found = journal(f"TACIT_PEER={PEERS[4]}", "TACIT_POLICY=peers",
                    "TACIT_STATE=secured")
    assert found and found[0]["_SYSTEMD_UNIT"] == "tacit.service"
    assert found[0]["SYSLOG_IDENTIFIER"] == "tacitd"
    for name, program in zip(UNITS, ("tacitd", "tacit-netd", "tacit-keyd")):
        assert journal(f"_SYSTEMD_UNIT={name}",
                       f"SYSLOG_IDENTIFIER={program}")


def test_hook():
    """A program that the agent starts may do what the agent may."""
    hook = "/etc/tacit/hooks.d/told"
    guest.write(hook, '#!/bin/sh\nlogger -t hook "$1 $TACIT_PEER"\n'
                "cat /etc/hostname\n")
    os.chmod(hook, 0o755)
    systemctl("restart", "tacit")
    encrypted(4)
    wait_until(lambda: journal("SYSLOG_IDENTIFIER=hook", "--grep",
                               f"up {PEERS[4]}"), 5, "the hook ran", 0.2)
    wait_until(lambda: journal("_SYSTEMD_UNIT=tacit.service", "--grep",
                               "hostname: Permission denied"), 5,
               "it was confined", 0.2)
    os.unlink(hook)
    os.rmdir(os.path.dirname(hook))


def test_reload():
    """Nothing is restarted for it."""
    before = [guest.pid(n) for n in UNITS]
    policy("require")
    systemctl("reload", "tacit")
    wait_until(lambda: [p["level"] for p in tacit("policy", "list")
                        if p["name"] == "peers"] == ["require"], 10,
               "the new policy is in use", 0.1)
    encrypted(4)
    policy("sometimes")
    assert status_of("systemctl", "reload", "tacit") != 0
    assert journal("_SYSTEMD_UNIT=tacit.service", "--grep",
                   "peers.conf:3: .*sometimes")
    policy("require")
    systemctl("reload", "tacit")
    assert [guest.pid(n) for n in UNITS] == before


def call(*argv, user=None, check=True):
    return run("busctl", "--system", "--json=short", "call", BUS, PATH, BUS,
               *argv, user=user, check=check)


def test_bus():
    """Both of the usual clients see it and call it; who is nobody may ask about
    the host, and gets nothing else."""
    encrypted(4)
    shown = run("gdbus", "introspect", "--system", "--xml", "--dest", BUS,
                "--object-path", PATH, user="nobody")
    methods = re.findall(r'<method name="(\w+)"',
                         shown[shown.index(f'<interface name="{BUS}"'):])
    assert {"GetPeer", "ListPeers", "ListPolicies", "Connect",
            "GetSocket"} < set(methods)
    seen = run("busctl", "--system", "introspect", BUS, PATH, user="nobody")
    assert all(re.search(rf"^\.{m}\s+method", seen, re.M) for m in methods)
    assert '"secured"' in call("GetPeer", "s", PEERS[4])
    assert '"peers"' in call("ListPolicies", user="nobody")
    assert "'secured'" in run(
        "gdbus", "call", "--system", "--dest", BUS, "--object-path", PATH,
        "--method", f"{BUS}.GetPeer", PEERS[4])
    for change in (("Connect", "su", PEERS[4], "1000"),
                   ("Disconnect", "s", PEERS[4]), LIST):
        said = call(*change, user="nobody", check=False)
        assert "administrator" in said
    # What nobody expects: nothing, and a text, for each of them.
    for name in methods:
        call(name, user="nobody", check=False)
        call(name, "s", "x" * 10000, user="nobody", check=False)
    assert '"secured"' in call("GetPeer", "s", PEERS[4])


# Hands descriptors over, and prints the names of the errors.
DESCRIPTORS = """
import ctypes, os, socket
class Error(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("message", ctypes.c_char_p),
                ("need_free", ctypes.c_int)]
sd = ctypes.CDLL("libsystemd.so.0")
bus = ctypes.c_void_p()
assert sd.sd_bus_open_system(ctypes.byref(bus)) >= 0
def give(fd):
    error, reply = Error(), ctypes.c_void_p()
    sd.sd_bus_call_method(
        bus, b"org.tacit.Agent1", b"/org/tacit/Agent1", b"org.tacit.Agent1",
        b"GetSocket", ctypes.byref(error), ctypes.byref(reply), b"h",
        ctypes.c_int(fd))
    print((error.name or b"none").decode().rsplit(".", 1)[1])
tcp = socket.socket()
unix = socket.socketpair()
give(tcp.fileno())
give(os.open("/etc/hostname", os.O_RDONLY))
give(os.pipe()[0])
give(unix[0].fileno())
give(tcp.fileno())
"""


def test_descriptors():
    """What programs hand over is looked at, not more; and whatever somebody
    hands over, the agent stays on the bus."""
    said = run("/usr/bin/python3", "-c", DESCRIPTORS, user="nobody")
    assert said.split() == ["NotConnected", "NotASocket", "NotASocket",
                            "WrongFamily", "NotConnected"]


BLUE = {4: "10.10.0.1", 6: "fd10::1"}


def test_instances(peer):
    """Further agents, of two namespaces beside this one, on the same bus: each
    for itself, and one goes and comes without the others."""
    def on_bus(name):
        return status_of("busctl", "status", f"{BUS}.{name}") == 0

    red = dict(zip((4, 6), ("10.10.0.2", "fd10::2")))
    for name in ("blue", "red"):
        run("ip", "netns", "add", name)
    run("ip", "-n", "blue", "link", "add", "wire", "type", "veth", "peer",
        "name", "wire", "netns", "red")
    for name, addresses in (("blue", BLUE), ("red", red)):
        guest.write(f"/etc/tacit-{name}/policy.d/all.conf", "[Policy]\n"
                    "Networks=10.10.0.0/24 fd10::/64\nEncryption=require\n")
        run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "-n", name, "link", "set", "wire", "up")
        run("ip", "-n", name, "addr", "add", f"{addresses[4]}/24", "dev", "wire")
        run("ip", "-n", name, "addr", "add", f"{addresses[6]}/64", "dev", "wire",
            "nodad")
    systemctl("start", "tacit@blue", "tacit@red", timeout=60)

    def reached():
        return all(status_of("ip", "netns", "exec", "red", "ping", "-n", "-c",
                             "1", "-W", "1", a) == 0 for a in BLUE.values())
    wait_until(reached, 20, "red and blue talk", 0.2)
    wait_until(lambda: on_bus("blue") and on_bus("red"), 10,
               "both are on the bus", 0.2)
    # Everybody may ask any of them, and only red has blue for a peer.
    assert '"secured"' in run(
        "busctl", "--system", "--json=short", "call", f"{BUS}.red", PATH, BUS,
        "GetPeer", "s", BLUE[4], user="nobody")
    assert "known" in call("GetPeer", "s", BLUE[4], user="nobody", check=False)
    for name in ("blue", "red"):
        assert tacit("--instance", name, "status")["instance"] == name
        assert confined(f"tacit@{name}") == "tacitd (enforce)"
    assert tacit("status")["instance"] == ""
    before = guest.pid("tacit.service"), guest.pid("tacit@red")
    systemctl("restart", "tacit@blue", timeout=60)
    wait_until(reached, 20, "red and blue talk again", 0.2)
    assert before == (guest.pid("tacit.service"), guest.pid("tacit@red"))
    encrypted(4)
    systemctl("stop", "tacit@blue")
    assert not on_bus("blue") and on_bus("red")
    systemctl("stop", "tacit@red")
    for name in ("blue", "red"):
        run("ip", "netns", "del", name)
        for parent in ("/etc", "/var/lib"):
            shutil.rmtree(f"{parent}/tacit-{name}")
    encrypted(4)


def test_polkit():
    """An administrator lets somebody in, for one thing, and out again."""
    def may(*argv):
        return "administrator" not in call(*argv, user="nobody", check=False)

    guest.write(RULES, """polkit.addRule(function(action, subject) {
        if (action.id == "org.tacit.Agent1.list-peers" &&
            subject.user == "nobody")
            return polkit.Result.YES;
    });""")
    wait_until(lambda: may(*LIST), 10, "polkit has read the rule", 0.3)
    assert PEERS[4] in call(*LIST, user="nobody")
    assert not may("Disconnect", "s", PEERS[4])
    os.unlink(RULES)
    wait_until(lambda: not may(*LIST), 10, "polkit has forgotten it", 0.3)


def ike_sockets():
    """Those with port 500 or 4500, by number."""
    return sorted(line.split()[9] for name in ("udp", "udp6")
                  for line in open(f"/proc/net/{name}")
                  if line.split()[1].endswith((":01F4", ":1194")))


def test_restart(peer):
    """A restart is no stop: the SAs that are there go on, systemd keeps the IKE
    sockets, and a network that requires protection has not one packet in the
    clear."""
    encrypted(4)
    encrypted(6)
    mark = peer.mark()
    with Traffic() as traffic:
        before = [guest.pid(n) for n in UNITS]
        sockets = ike_sockets()
        assert len(sockets) == 4
        systemctl("restart", "tacit")
        wait_protecting()
        assert ike_sockets() == sockets
        encrypted(4)
        encrypted(6)
        assert all(guest.pid(n) not in (0, b) for n, b in zip(UNITS, before))
        assert traffic.unanswered() < 20
    assert peer.clear(mark) == []


@pytest.mark.parametrize("name", UNITS)
def test_crash(peer, name):
    """kill -9 of one: it comes back by itself, and nobody noticed, least of all
    the other two."""
    mark = peer.mark()
    before = {n: guest.pid(n) for n in UNITS}
    with Traffic() as traffic:
        os.kill(before[name], signal.SIGKILL)
        wait_until(lambda: guest.pid(name) not in (0, before[name]) and
                   active(name) == "active", 10, "it is back", 0.1)
        wait_protecting()
        encrypted(4)
        encrypted(6)
        assert traffic.unanswered() < 20
    assert peer.clear(mark) == []
    assert [n for n in UNITS if guest.pid(n) != before[n]] == [name]


def test_crash_holds(peer):
    """A packet waits for a peer that does not answer yet, and goes on waiting
    while the agent dies."""
    peer.ns.run("nft", "add table inet deaf; add chain inet deaf in "
                "{ type filter hook input priority 0; }; "
                "add rule inet deaf in udp dport 500 drop")
    for address in COLD:
        nodad = ["nodad"] if ":" in address else []
        peer.ns.run("ip", "addr", "add", address, "dev", "wire", *nodad)
    pings = [subprocess.Popen(["ping", "-n", "-q", "-c", "1", "-W", "25", a],
                              stdout=subprocess.DEVNULL) for a in COLD]
    wait_until(lambda: tacit("status")["packets_held"] == 2, 5, "they wait",
               0.1)
    before = {n: guest.pid(n) for n in UNITS}
    os.kill(before["tacit.service"], signal.SIGKILL)
    wait_until(lambda: guest.pid("tacit.service") not in
               (0, before["tacit.service"]), 10, "it is back", 0.1)
    wait_protecting()
    peer.ns.run("nft", "delete table inet deaf")
    assert [p.wait(30) for p in pings] == [0, 0]
    assert [x for c in peer.captures for x in c.between(
        guest.OURS.values(), COLD, ("clear",))] == []


def asked(question, name):
    """It is for IPSECKEY (type 45) of that name."""
    labels = b"".join(bytes([len(x)]) + x.encode() for x in name.split("."))
    return labels + b"\0\0\x2d" in question


def test_resolved(peer):
    """What the real systemd-resolved has for one link is asked there."""
    servers = {"10.9.0.53": "10.9.0.4", "fd09::53": "fd09::4"}
    policy("offer", Discover="dns")
    peer.restart("offer")
    systemctl("unmask", "systemd-resolved")
    systemctl("start", "systemd-resolved")
    sockets = {}
    for server, cold in servers.items():
        v6 = ":" in server
        peer.ns.run("ip", "addr", "add", server, "dev", "wire",
                    *(["nodad"] if v6 else []))
        sockets[cold] = peer.ns.socket(
            socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM)
        sockets[cold].bind((server, 53))
        sockets[cold].settimeout(10)
    run("resolvectl", "dns", "wire", *servers)
    run("resolvectl", "domain", "wire", "~9.10.in-addr.arpa",
        "~9.0.d.f.ip6.arpa")
    systemctl("restart", "tacit")
    wait_protecting()
    wait_until(lambda: all(f"{s}@53" in call("GetDNS") for s in servers), 10,
               "the agent knows the link's servers", 0.1)
    for cold, s in sockets.items():
        run("ping", "-n", "-c", "1", "-W", "0.1", cold, check=False)
        name = ipaddress.ip_address(cold).reverse_pointer
        while not asked(s.recv(1000), name):
            pass
        s.close()
    # When the link has none any more, they are not asked.
    run("resolvectl", "revert", "wire")
    wait_until(lambda: not any(f"{s}@53" in call("GetDNS") for s in servers),
               10, "the agent knows that they went", 0.1)
    systemctl("mask", "--now", "systemd-resolved")
    policy("require")
    systemctl("reload", "tacit")
    peer.restart("require")


def test_hang(peer):
    """The watchdog kills what hangs."""
    mark, before = peer.mark(), guest.pid("tacit.service")
    os.kill(before, signal.SIGSTOP)
    wait_until(lambda: guest.pid("tacit.service") not in (0, before), 15,
               "another one is there", 0.2)
    assert journal("UNIT=tacit.service", "UNIT_RESULT=watchdog")
    wait_protecting()
    encrypted(4)
    assert peer.clear(mark) == []


def test_errors_at_restart(peer):
    """netd dies while a file has an error: what it closed stays closed, and it
    is said what is wrong, and what to do."""
    later = "/etc/tacit/policy.d/later.conf"
    guest.write(later, "[Policy]\nEncryption=ofer\nNetworks=192.0.2.0/24\n")
    mark = peer.mark()
    os.kill(guest.pid("tacit-netd.service"), signal.SIGKILL)
    wait_until(lambda: active("tacit-netd.service") == "failed", 10,
               "it does not begin with that", 0.1)
    wait_until(lambda: not tacit("status")["protecting"], 10,
               "the agent has seen it", 0.1)
    assert "tacit doctor" in tacit("status")["warning"]
    said = run("tacit", "doctor", check=False)
    assert "has 1 error" in said and "tacit check-config" in said
    assert "systemctl restart tacit" in " ".join(said.split())
    assert journal("_SYSTEMD_UNIT=tacit-netd.service", "--grep",
                   "later.conf:2: .*ofer")
    assert kernel()
    ping(4)
    ping(6)
    os.unlink(later)
    systemctl("restart", "tacit")
    wait_protecting()
    encrypted(4)
    encrypted(6)
    assert peer.clear(mark) == []


def test_upgrade(peer, setting):
    """Nothing in the clear, even where a stop would open the network."""
    setting("OnStop=open")
    systemctl("restart", "tacit")
    encrypted(4)
    encrypted(6)
    mark = peer.mark()
    before = [guest.pid(n) for n in UNITS]
    with Traffic() as traffic:
        run("dpkg", "-i", *guest.packages("tacit"), timeout=120)
        assert all(guest.pid(n) not in (0, b) for n, b in zip(UNITS, before))
        wait_protecting()
        encrypted(4)
        encrypted(6)
        assert traffic.unanswered() < 20
    assert peer.clear(mark) == []


def stop():
    """systemctl waits for the agent, not for what ends after it."""
    systemctl("stop", "tacit")
    wait_until(lambda: not run("systemctl", "list-units", "--no-legend",
                               "--plain", "--state=active,deactivating",
                               "tacit*"), 10, "all are gone", 0.1)


def test_stop(peer, setting):
    """What requires protection stays closed; OnStop=open opens it."""
    systemctl("restart", "tacit")
    encrypted(4)
    mark = peer.mark()
    stop()
    assert not os.path.exists("/run/tacit/netd.sock")
    assert ping(4) == 0 and ping(6) == 0
    assert peer.clear(mark) == []
    setting("OnStop=open")
    systemctl("start", "tacit")
    encrypted(4)
    mark = peer.mark()
    stop()
    assert kernel() == []
    ping(4)
    assert peer.clear(mark), "it is not open"


def test_errors_at_boot(peer):
    """Nothing of ours stands, as after a boot, and a file has an error: what
    the configuration closed before is closed."""
    assert kernel() == []
    later = "/etc/tacit/policy.d/later.conf"
    guest.write(later, "[Policy]\nEncryption=ofer\nNetworks=192.0.2.0/24\n")
    mark = peer.mark()
    status_of("systemctl", "start", "tacit")
    wait_until(kernel, 10, "it is closed", 0.1)
    assert ping(4) == 0 and ping(6) == 0
    assert peer.clear(mark) == []
    os.unlink(later)


def test_purge(peer):
    """Also what OnStop=closed had left closed."""
    systemctl("start", "tacit")
    encrypted(4)
    run("dpkg", "-r", "tacit")
    assert kernel() == []
    assert os.path.exists("/var/lib/tacit/keys")
    assert not os.path.exists("/run/tacit")
    peer.stop()  # its processes have these users too
    run("dpkg", "-P", "tacit", "libtacit0")
    for user in USERS:
        assert status_of("getent", "passwd", user) == 2
        assert status_of("getent", "group", user) == 2
    left = run("find", "/", "-xdev", "-name", "*tacit*", "-not", "-path",
               "/lab/*", "-not", "-path", "/run/*")
    assert left == ""
    assert systemctl("list-units", "--all", "--no-legend", "--plain",
                     "tacit*") == ""
    with open("/sys/kernel/security/apparmor/profiles", encoding="ascii") as f:
        assert "tacit" not in f.read()


def test_nothing_denied():
    """The profiles were in the way of nothing that all of this needed."""
    lines = [m["MESSAGE"] for m in journal("_TRANSPORT=kernel", "--grep",
                                           'apparmor="DENIED"')]
    assert lines, "what was refused is not logged"
    assert [x for x in lines if 'profile="tacit' in x and
            'comm="python3"' not in x and 'comm="cat"' not in x] == []
