# SPDX-License-Identifier: LGPL-2.1-or-later
"""A container: no bus, no systemd, and of all capabilities the two that it
needs, in a network namespace of its own. `tacit` asks over the agent's socket."""

import os

import pytest
from traffic import ping
from waiting import wait_until

ONLY = ("setpriv", "--bounding-set=-all,+net_admin,+net_bind_service",
        "--inh-caps=-all", "--")


def start(host, prefix):
    """As in a container: it makes its keys itself."""
    host.policy("peers", "require")
    host.agent.process = host.agent.popen(prefix=prefix)
    wait_until(lambda: os.path.exists(f"{host.agent.run_dir}/agent.sock") and
               host.agent.tacit("status")["protecting"], 20,
               "the agent is there", 0.1)


def told(host):
    """Its processes could not become three users, and it says so."""
    status = host.agent.tacit("status")
    assert not status["privileges_separate"]
    assert "user" in host.agent.text("status")


@pytest.mark.seconds(5)
def test_capabilities(lab, agents):
    """Docker with cap_drop ALL, cap_add NET_ADMIN and NET_BIND_SERVICE."""
    net, a, b = lab.pair()
    start(a, ONLY)
    b.policy("peers", "require")
    b.start_agent()
    assert ping(a, b.ip, 3) and a.secured(b)
    assert net.capture.clear_packets(a, b) == []
    told(a)
    assert a.agent.stop() == 0
    assert a.states() == []


@pytest.mark.seconds(6)
def test_rootless(lab, agents):
    """Podman without root: a user namespace that owns its network, and in
    which nobody else exists."""
    net, a, b = lab.pair()
    b.policy("peers", "require")
    b.start_agent()
    inside = a.ns.popen(["unshare", "--user", "--map-root-user", "--net",
                         "sleep", "1000"])
    try:
        ours = os.readlink(f"/proc/{os.getpid()}/ns/user")
        wait_until(lambda: os.readlink(f"/proc/{inside.pid}/ns/net") !=
                   os.readlink("/proc/thread-self/ns/net") and
                   os.readlink(f"/proc/{inside.pid}/ns/user") != ours, 5,
                   "the namespaces are there")
        enter = ["nsenter", "-t", str(inside.pid), "-U", "-n",
                 "--preserve-credentials", "--"]
        a.ns.ip(f"link set eth0 netns {inside.pid}")
        bits = {4: 24, 6: 64}[lab.family]
        for line in ("link set lo up", "link set eth0 up",
                     f"address add {a.ip}/{bits} dev eth0" +
                     (" nodad" if lab.family == 6 else "")):
            a.ns.run(*enter, "ip", *line.split())
        start(a, enter)
        a.ns.run(*enter, "ping", "-n", "-c", "3", "-i", "0.2", "-W", "3", b.ip)
        assert b.agent.tacit("peers")[0]["state"] == "secured"
        assert net.capture.clear_packets(a, b) == []
        assert net.capture.esp_packets(a, b)
        told(a)
        assert a.agent.stop() == 0
        assert "esp" not in a.ns.run(*enter, "ip", "xfrm", "state")
    finally:
        inside.kill()
        inside.wait()
