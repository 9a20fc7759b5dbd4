# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where the agent cannot start: one clear sentence with the remedy, an exit
code of its own, and nothing left behind. And a clean stop leaves nothing."""

import re
import socket

import pytest
from traffic import ping
from waiting import wait_until

EXIT_NO_ESP, EXIT_NO_PRIVILEGE, EXIT_PORT_TAKEN = 10, 11, 12
EXIT_BAD_CONFIG, EXIT_ALREADY_RUNNING = 13, 14


def nothing_left(host):
    assert host.policies() == []
    assert host.states() == []
    assert not any("tacit" in t for t in host.tables())
    assert set(host.ns.processes().values()).isdisjoint(
        {"tacitd", "tacit-netd", "tacit-keyd"})


def refused(host, code, sentence, *prefix):
    """It ends with this code, and says this, once."""
    got, said = host.agent.refuse(prefix=prefix)
    assert got == code, said
    lines = [line for line in said.splitlines() if line.strip()]
    assert len([x for x in lines if re.search(sentence, x)]) == 1, said
    nothing_left(host)
    return lines


def single(lab, level="offer"):
    host = lab.host("a", lab.net())
    if level:
        host.policy("peers", level)
    return host


@pytest.mark.no_esp
def test_no_esp(lab, agents):
    """Run by ./check on the machine's own kernel, where that has none."""
    a = single(lab)
    said = refused(a, EXIT_NO_ESP, r"ESP")
    assert re.search("modprobe|kernel", " ".join(said))


@pytest.mark.parametrize("capability", ["net_admin", "net_bind_service"])
def test_missing_capability(lab, agents, capability):
    a = single(lab)
    refused(a, EXIT_NO_PRIVILEGE, f"CAP_{capability.upper()}", "setpriv",
            f"--bounding-set=-{capability}", "--inh-caps=-all", "--")


@pytest.mark.parametrize("port", [500, 4500])
def test_port_taken(lab, agents, port):
    a = single(lab)
    with a.ns.socket(socket.AF_INET6 if lab.family == 6 else socket.AF_INET,
                     socket.SOCK_DGRAM) as s:
        if lab.family == 6:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        s.bind(("", port))
        refused(a, EXIT_PORT_TAKEN, rf"\b{port}\b")
    a.start_agent()


def test_broken_configuration(lab, agents):
    """Every error, each with its file and line."""
    a = single(lab, None)
    a.config("tacit.conf", "[Agent]\nLogLevel=loud\n[IKE]\nPort=70000\n")
    a.config("policy.d/one.conf",
             "[Policy]\nEncryption=sometimes\nNetworks=10.0.0.1/8 fd00::/8\n")
    a.config("policy.d/two.conf",
             "[Policy]\nNetworks=10.0.0.0/33\nEncryption=offer\nColour=red\n")
    lines = refused(a, EXIT_BAD_CONFIG, r"tacit\.conf:2: ")
    for place in ("tacit.conf:4", "one.conf:2", "one.conf:3", "two.conf:2",
                  "two.conf:4"):
        assert sum(f"{place}: " in line for line in lines) == 1, lines


def test_contradiction(lab, agents):
    """The same network in two policies."""
    a = single(lab, None)
    for name, level in (("one", "require"), ("two", "forbid")):
        a.policy(name, level, ["10.0.0.0/8", "fd00::/8"])
    lines = refused(a, EXIT_BAD_CONFIG, r"two\.conf:3: .*10\.0\.0\.0/8")
    assert any("one.conf" in line for line in lines)


@pytest.mark.seconds(3)
@pytest.mark.parametrize("same", [True, False],
                         ids=["same-directory", "other-directory"])
def test_second_agent(lab, agents, same):
    """The first one goes on as if nothing had been."""
    net, a, b = lab.pair()
    for host in (a, b):
        host.policy("peers", "require")
        host.start_agent()
    before = sorted(map(str, a.policies()))
    options = [] if same else ["--runtime-dir", f"{a.dir}/other"]
    code, said = a.agent.refuse(options=options)
    assert code == EXIT_ALREADY_RUNNING if same else \
        code in (EXIT_ALREADY_RUNNING, EXIT_PORT_TAKEN), said
    assert sorted(map(str, a.policies())) == before
    assert None not in ping(a, b.ip, 2)
    assert net.capture.clear_packets(a, b) == []


@pytest.mark.seconds(3)
def test_stop_leaves_nothing(lab, agents):
    net, a, b = lab.pair()
    for host in (a, b):
        host.policy("peers", "offer", Wait="yes")
        host.start_agent()
    assert None not in ping(a, b.ip, 2)
    for host in (a, b):
        assert host.agent.stop() == 0
        nothing_left(host)
    mark = net.capture.mark()
    assert None not in ping(a, b.ip, 2)
    assert net.capture.esp_packets(a, b, mark) == []


@pytest.mark.seconds(3)
@pytest.mark.parametrize("on_stop", ["closed", "open"])
def test_stop_of_require(lab, agents, on_stop):
    """A require network stays closed, unless OnStop=open says otherwise."""
    net, a, b = lab.pair()
    for host in (a, b):
        host.config("tacit.conf", f"[Agent]\nOnStop={on_stop}\n")
        host.policy("peers", "require")
        host.start_agent()
    assert None not in ping(a, b.ip, 2)
    for host in (a, b):
        assert host.agent.stop() == 0
    answered = ping(a, b.ip, 2, interval=0.3, timeout=1)
    clear = net.capture.clear_packets(a, b)
    if on_stop == "open":
        assert None not in answered
        nothing_left(a)
    else:
        assert answered == [None, None] and clear == []


@pytest.mark.seconds(4)
def test_boot_with_errors(lab, agents):
    """A host that boots with errors in its files starts nothing, and what the
    last good configuration closed is closed, but for what that had open inside;
    when they are mended all is as it was."""
    net, a, b = lab.pair()
    new = b.add_addresses(2)
    a.route("10.1.0.0/16" if lab.family == 4 else "fd00:1::/32", b.ip)
    for host in (a, b):
        host.policy("peers", "offer")
        host.start_agent()
    # What counts is the last reading, not the last start.
    a.policy("peers", "require")
    a.policy("open", "forbid", [new[1]])
    a.agent.reload()
    assert None not in ping(a, b.ip, 2)
    a.agent.close()
    a.ns.ip("xfrm state flush", "xfrm policy flush")
    a.ns.nft("flush ruleset")
    a.config("policy.d/later.conf", "[Policy]\nEncryption=offer\nNetwork=\n")
    mark = net.capture.mark()
    code, said = a.agent.refuse(options=["--debug"])
    assert code == EXIT_BAD_CONFIG and "later.conf:3" in said
    assert "last good configuration" in said
    for address in (b.ip, new[0]):
        assert ping(a, address, 2, interval=0.2, timeout=0.5) == [None] * 2
        assert ping(b, a.ip, timeout=0.3) == [None]
    assert not [f for f in net.capture.sent(a, b, ("clear",), mark)]
    assert None not in ping(a, new[1], 2)
    # A second try changes nothing.
    closed = sorted(map(str, a.policies()))
    assert a.agent.refuse()[0] == EXIT_BAD_CONFIG
    assert sorted(map(str, a.policies())) == closed
    a.config("policy.d/later.conf", "[Policy]\nEncryption=forbid\n"
             f"Networks={new[1]}\n")
    a.config("policy.d/open.conf", "[Policy]\nEncryption=forbid\n"
             "Networks=192.0.2.0/24\n")
    a.start_agent()
    mark = net.capture.mark()
    wait_until(lambda: ping(a, b.ip, timeout=0.5) != [None], 10, "a reply")
    assert net.capture.clear_packets(a, b.ip, mark) == []
