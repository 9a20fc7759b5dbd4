# SPDX-License-Identifier: LGPL-2.1-or-later
"""Look-ups where all networks are closed, the name servers' own among them:
they go in the clear, nothing else does, and only answers come back."""

import functools
import os
import re
import socket
import subprocess
import time

import pytest
from dnstree import NameServer, reverse
from lab import wait_until
from test_dns_auth import ping, proof, record

pytestmark = pytest.mark.usefixtures("agents")

EVERYTHING = ["0.0.0.0/0", "::/0"]
MOUNT = 'mount --bind "$0" /run/systemd/resolve && exec "$@"'


@pytest.fixture
def hosts(lab, nameserver_root):
    net, a, b = lab.pair()
    server = NameServer(lab, "ns", nameserver_root)
    lab.hosts.append(server)
    net.attach(server, 53)
    for host in (a, b):
        host.policy("p", "require", EVERYTHING, Authentication="require")
        server.add(reverse(host.ip), "IPSECKEY", record(host))
    server.publish()
    return net, a, b, server


def configure(host, server, lines):
    host.config("tacit.conf.d/dns.conf",
                f"[DNS]\nTrustAnchors={server.anchor}\nLookupTime=5s\n{lines}")


def learn(host, *servers):
    """The host's systemd-resolved asks these."""
    path = f"{host.dir}/resolve/resolv.conf"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(f"{path}.new", "w", encoding="ascii") as f:
        f.writelines(f"nameserver {s}\n" for s in servers)
    os.rename(f"{path}.new", path)


def with_resolved(host):
    os.makedirs("/run/systemd/resolve", exist_ok=True)
    learn(host)
    host.agent.popen = functools.partial(
        host.agent.popen, prefix=("unshare", "-m", "sh", "-c", MOUNT,
                                  f"{host.dir}/resolve"))


def udp(host, port, timeout=0.5):
    s = host.ns.socket(socket.AF_INET6 if ":" in host.ip else socket.AF_INET,
                       socket.SOCK_DGRAM)
    s.bind((host.ip, port))
    s.settimeout(timeout)
    return s


def arrives(sender, receiver, to, data):
    try:
        sender.sendto(data, to)
        return receiver.recv(100) == data
    except (TimeoutError, PermissionError):
        return False


def library_has_tls():
    """That of Debian 12 has none."""
    needs = subprocess.run(["ldd", f"{os.environ['TACIT_BUILD']}/tacitd"],
                           capture_output=True, text=True, check=True).stdout
    path = re.search(r"libunbound\.so\S* => (\S+)", needs)[1]
    return "libssl" in subprocess.run(["ldd", path], capture_output=True,
                                      text=True, check=True).stdout


@pytest.mark.parametrize("tls", [True, False])
def test_tls(hosts, tls):
    """DNS over TLS: the server is asked on port 853 and on no other; one that
    speaks none is not asked without, and where the library has none nobody is,
    which is said."""
    net, a, b, server = hosts
    server.tls = tls
    server.publish()
    for host in (a, b):
        configure(host, server, f"Servers={server.ip}\nTLS=yes\n")
        host.start_agent()
    ping(a, b)
    able = library_has_tls()
    if able and tls:
        wait_until(lambda: a.secured(b) and b.secured(a), 10, "SAs")
        assert (proof(a, b), proof(b, a)) == (b.ip, a.ip)
    else:
        time.sleep(3)
        assert not a.states(b)
        assert able or "built without TLS" in a.agent.log()
        assert able or "built without TLS" in " ".join(
            a.agent.text("explain", b.ip).split())
    assert clear_ports(net, a, server) == ({853} if able else set())
    assert not net.capture.clear_packets(a, b)


def clear_ports(net, a, server):
    """The server's ports in clear packets between the two."""
    return {p.dport if p.src in a.addresses else p.sport
            for p in net.capture.clear_packets(a, server)
            if p.protocol in (6, 17)}


@pytest.mark.quick
@pytest.mark.seconds(4)
@pytest.mark.parametrize("way", ["forwarder", "recursion", "learnt"])
def test_require_everything(hosts, way):
    net, a, b, server = hosts
    if way == "recursion":
        for host in (a, b):
            configure(host, server,
                      f"Servers=none\nRootHints={server.hints}\n")
    elif way == "forwarder":
        for host in (a, b):
            configure(host, server, f"Servers={server.ip}\n")
    else:
        for host in (a, b):
            configure(host, server, "Servers=system\n")
            with_resolved(host)
    for host in (a, b):
        host.start_agent()
    if way == "learnt":
        for host in (a, b):
            learn(host, server.ip)
            wait_until(lambda h=host: "name servers have changed"
                       in h.agent.log(), 5, "the change")
    ping(a, b)
    wait_until(lambda: a.secured(b) and b.secured(a), 10, "SAs")
    assert (proof(a, b), proof(b, a)) == (b.ip, a.ip)
    assert not net.capture.clear_packets(a, b)
    # Nothing but DNS goes there, and of strangers' packets none comes in.
    ours, theirs = udp(a, 4000), udp(server, 4000)
    assert not arrives(ours, theirs, (server.ip, 4000), b"out")
    server.stop()
    dns = udp(server, 53)
    assert not arrives(dns, ours, (a.ip, 4000), b"unasked")
    if way != "recursion":
        assert arrives(ours, dns, (server.ip, 53), b"question")
        assert arrives(dns, ours, (a.ip, 4000), b"answer")
    assert clear_ports(net, a, server) == {53}
