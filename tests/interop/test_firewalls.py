# SPDX-License-Identifier: LGPL-2.1-or-later
"""The firewalls that people have, as Debian packages them, on both hosts, and a
leased address between them: their rules are as they were, byte for byte, and do
what they did."""

import errno
import signal
import socket

import pytest
from daemon import Daemon
from docker import HELLO, PORT, Docker
from firewalld import Firewalld
from nat import Box, lease
from netd_host import Netd
from test_cat import leased, theirs
from test_doctor import FAILED, doctor, find
from traffic import PingStream, family_of
from translated import receive_all, stream, tcp
from waiting import wait_until

OPEN, CLOSED = 80, 81


def error(host, address, port=CLOSED):
    """What a program is told that connects there."""
    with host.ns.socket(family_of(address), socket.SOCK_STREAM) as s:
        s.settimeout(3)
        return s.connect_ex((address, port))


def start(*hosts):
    for host in hosts:
        host.config("tacit.conf", "[Agent]\nOnStop=open\n")
        host.policy("peers", "require")
        host.start_agent()


def marks(box):
    return [net.capture.mark() for net in (box.inside, box.outside)]


def nothing_clear(box, since):
    """Of the hosts, since these marks."""
    for net, mark in zip((box.inside, box.outside), since):
        assert [f for f in net.capture.frames(mark)
                if f.kind == "clear" and f.port != "n"] == []


def unchanged(hosts, before):
    for host in hosts:
        assert theirs(host) == before[host], host.name


def test_saved(lab, firewalld_root):
    """What test_saved.py shows of the machine's nft, by that of Debian 13, which
    can load lists of open services as well."""
    a = lab.host("a", lab.net())
    a.policy("all", "require")
    a.policy("open", "forbid", Ports="9100/tcp 161/udp")
    netd = Netd(a)
    netd.agent()
    nft = Daemon(a, firewalld_root, ("run", "etc"))
    saved = nft.run("nft", "-s", "list", "ruleset")
    assert "@open4" in saved and "9100" in saved
    netd.stop(signal.SIGKILL)
    nft.run("nft", "-f", "-", input="flush ruleset\n" + saved)
    assert nft.run("nft", "-s", "list", "ruleset") == saved


@pytest.mark.seconds(40)
def test_firewalld(lab, agents, firewalld_root):
    """The server lets IKE in as its administrator would; the client needs
    nothing. What is closed is rejected as it was."""
    box = Box(lab, start=False)
    a, b = box.a, box.b
    Firewalld(a, firewalld_root)
    wall = Firewalld(b, firewalld_root)
    code, findings = doctor(b)
    assert code == FAILED
    remedies = {f["remedy"] for f in findings if f["topic"] == "firewall"}
    assert remedies == {"firewall-cmd --permanent --add-service=tacit && "
                        "firewall-cmd --reload"}
    wall.ask("--permanent", "--add-service=tacit")
    wall.reload()
    wall.ask("--add-service=http")
    _, findings = doctor(b)
    find(findings, "UDP ports 500 and 4500 and ESP pass", "ok")
    rejected = error(a, b.ip)
    assert rejected in (errno.EHOSTUNREACH, errno.EACCES)
    before = {host: theirs(host) for host in (a, b)}

    mark = marks(box)
    start(a, b)
    got = leased(a, b)
    assert tcp(a, b, b.ip) == got
    assert error(a, b.ip) == rejected
    # And what nobody has asked for stays outside.
    assert error(b, got, OPEN) == error(b, got) == rejected
    unchanged((a, b), before)
    pings = PingStream(a, b.ip)
    wall.reload()
    wall.ask("--add-service=http")
    pings.stop()
    assert pings.pinger.lost() == []
    assert tcp(a, b, b.ip) == got == lease(a, b)
    nothing_clear(box, mark)
    for host in (a, b):
        assert host.agent.stop() == 0
        assert not [t for t in host.tables() if "tacit" in t]
    unchanged((a, b), before)


def hello(host, address):
    """What the container with a published port says."""
    with stream(host, address, PORT) as s:
        return receive_all(s, len(HELLO)).decode().strip()


def container_pings(docker, address):
    flag = "-6" if ":" in address else "-4"
    docker.inside("ping", flag, "-n", "-c", "2", "-i", "0.2", "-W", "2",
                  address)


@pytest.mark.seconds(60)
def test_docker(lab, agents, docker_root):
    """The client's container is masqueraded, and the server's has a port that
    is published, while another client has a lease. Not by way of that: XFRM
    lets what came in tunnel mode go no further than to this host."""
    box = Box(lab, start=False)
    a, b = box.a, box.b
    c = lab.host("c", box.outside)
    here, there = Docker(c, docker_root), Docker(b, docker_root)
    _, findings = doctor(b)
    find(findings, "Docker has rules here", "note")
    find(findings, "UDP ports 500 and 4500 and ESP pass", "ok")
    wait_until(lambda: hello(c, b.ip) == HELLO, 10, "the container")
    container_pings(here, b.ip)
    hosts = (b, c)
    before = {host: theirs(host) for host in hosts}

    mark = marks(box)
    start(a, b, c)
    got = leased(a, b)
    assert tcp(a, b, b.ip) == got
    assert hello(c, b.ip) == HELLO
    # What is forwarded begins nothing by itself.
    container_pings(here, b.ip)
    unchanged(hosts, before)
    pings = [PingStream(host, b.ip) for host in (a, c)]
    there.restart()
    for one in pings:
        one.stop()
        assert one.pinger.lost() == []
    wait_until(lambda: hello(c, b.ip) == HELLO, 10, "the container")
    container_pings(here, b.ip)
    assert lease(a, b) == got
    nothing_clear(box, mark)
    before = {host: theirs(host) for host in hosts}  # it may have another order
    assert all(host.agent.stop() == 0 for host in (a, b, c))
    assert not [t for host in hosts for t in host.tables() if "tacit" in t]
    unchanged(hosts, before)
    assert hello(c, b.ip) == HELLO
    container_pings(here, b.ip)
