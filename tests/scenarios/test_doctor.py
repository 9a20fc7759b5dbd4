# SPDX-License-Identifier: LGPL-2.1-or-later
"""`tacit doctor`: what it finds on a host, with and without an agent."""

import json
import socket
import subprocess

import pytest

WARNING, FAILED, NO_PRIVILEGE = 7, 1, 11


def doctor(host, *prefix):
    """(exit code, findings)"""
    with host.ns.popen([*prefix, *host.agent.command, "--json", "doctor"],
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as p:
        out = p.communicate(timeout=20)[0].decode()
    return p.returncode, json.loads(out)["findings"]


def grades(findings, topic):
    return {f["grade"] for f in findings if f["topic"] == topic}


def find(findings, text, grade):
    found = [f for f in findings if text in f["text"]]
    assert [f["grade"] for f in found] == [grade], (text, found or findings)
    return found[0]["remedy"]


@pytest.mark.seconds(4)
@pytest.mark.family(4)
def test_healthy(lab, agents):
    """Nothing is wrong, and nothing is changed by looking."""
    a = lab.host("a", lab.net())
    a.policy("peers", "require")
    # Keys that are written, as the judge wants them, are worth a warning.
    a.config("tacit.conf.d/00-judge.conf", "")
    code, findings = doctor(a)
    assert code == 0, findings
    find(findings, "it does not run", "note")
    a.start_agent()
    before = [str(p) for p in a.policies()], a.ns.run("nft", "list", "tables")
    code, findings = doctor(a)
    assert code == 0, findings
    find(findings, "it runs, and protects", "ok")
    find(findings, "UDP port 500 is Tacit's", "ok")
    find(findings, "UDP port 4500 is Tacit's", "ok")
    find(findings, "ESP for IPv4: AES-GCM-16-128 AES-GCM-16-256 "
         "CHACHA20-POLY1305", "ok")
    find(findings, "ESP for IPv6", "ok")
    find(findings, "nft_queue", "ok")
    find(findings, "nft_log", "ok")
    find(findings, "UDP ports 500 and 4500 and ESP pass", "ok")
    assert before == ([str(p) for p in a.policies()],
                      a.ns.run("nft", "list", "tables"))
    # Who is not root sees less, and is told so.
    code, findings = doctor(a, "setpriv", "--reuid=65534", "--regid=65534",
                            "--clear-groups", "--")
    assert code == NO_PRIVILEGE, findings
    find(findings, "only root can ask the kernel", "unknown")
    find(findings, "only root can see the nftables rules", "unknown")
    find(findings, "it runs, and protects", "ok")
    # Nor does root in a container, where another remedy is needed.
    _, findings = doctor(a, "setpriv", "--bounding-set=-sys_admin", "--")
    find(findings, "none may be made here", "unknown")


NFT = """
table inet filter {
	set peers { type ipv4_addr; elements = { 192.0.2.1 }; }
	chain allowed { udp dport { 53, 500 } accept; }
	chain input {
		type filter hook input priority 0; policy drop;
		iifname "lo" accept
		ct state established,related accept
		meta l4proto udp jump allowed
		ip saddr @peers meta l4proto esp accept
	}
	chain output {
		type filter hook output priority 0;
		meta mark & 0x00c00000 == 0x00400000 counter
		udp dport 9 queue num 21580
	}
}
"""

IPTABLES = """*filter
:INPUT ACCEPT [0:0]
:DOCKER-USER - [0:0]
-A INPUT -p udp -m udp --dport 4500 -j DROP
-A INPUT -p esp -m comment --comment "no ESP here" -j DROP
COMMIT
"""


@pytest.mark.seconds(4)
@pytest.mark.family(4)
def test_firewall(lab, agents):
    a = lab.host("a", lab.net())
    a.ns.nft(NFT)
    code, findings = doctor(a)
    assert code == FAILED
    remedy = find(findings, "drops incoming UDP port 4500 over IPv4", "error")
    assert remedy == "nft insert rule inet filter input udp dport 4500 accept"
    find(findings, "drops incoming UDP port 4500 over IPv6", "error")
    find(findings, "drops incoming ESP over IPv6", "error")
    # Of some hosts it is let in.
    find(findings, "drops incoming ESP over IPv4", "note")
    assert not [f for f in findings if "UDP port 500 " in f["text"]]
    assert find(findings, "bit 22 of the packet mark", "warning") == \
        "set MarkBit=31 in [Hold]"
    assert "QueueOffer=" in find(findings, "nfnetlink queue 21580", "error")
    # The remedies are ones.
    for f in findings:
        if f["remedy"].startswith("nft insert"):
            a.ns.run(*f["remedy"].split())
    _, findings = doctor(a)
    find(findings, "UDP ports 500 and 4500 and ESP pass", "ok")
    # The same by iptables-nft.
    a.ns.nft("flush ruleset\n")
    a.ns.run("iptables-nft-restore", input=IPTABLES)
    _, findings = doctor(a)
    find(findings, "drops incoming UDP port 4500 over IPv4", "error")
    find(findings, "drops incoming ESP over IPv4", "error")
    assert not [f for f in findings if "over IPv6" in f["text"] and
                f["topic"] == "firewall"]
    find(findings, "Docker has rules here", "note")


@pytest.mark.seconds(3)
@pytest.mark.family(4)
def test_neighbours(lab, agents):
    a = lab.host("a", lab.net())
    a.ns.ip("xfrm policy add dir out dst 10.9.9.9 priority 100 action block",
            "rule add not fwmark 0xca6c table 51820")
    a.ns.sysctl("ipv4.conf.eth0.disable_xfrm", 1)
    with a.ns.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("", 500))
        code, findings = doctor(a)
    assert code == FAILED
    find(findings, "UDP port 500 belongs to", "error")
    find(findings, "IPsec policies that are not Tacit's: 1", "note")
    find(findings, "compares the mark 0xca6c/0xffffffff", "warning")
    assert find(findings, "disable_xfrm", "error") == \
        "sysctl net/ipv4/conf/eth0/disable_xfrm=0"


@pytest.mark.no_esp
def test_no_esp(lab, agents):
    a = lab.host("a", lab.net())
    code, findings = doctor(a)
    assert code == FAILED
    find(findings, "no ESP for IPv4", "error")
    find(findings, "no ESP for IPv6", "error")
