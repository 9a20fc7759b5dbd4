# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the command line has a real agent do and say, on both families."""

import re
import subprocess

import pytest
from traffic import ping
from waiting import wait_until

EXIT_NO_PEER, EXIT_NOT_ENCRYPTED = 4, 6


def run(host, *words):
    """Exit code, and what it says."""
    with host.ns.popen([*host.agent.command, *words], text=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT) as process:
        out, _ = process.communicate(timeout=30)
        return process.returncode, out


LABEL = r'[a-z_]+="(?:[^"\\\n]|\\[\\n"])*"'
SAMPLE = re.compile(r"([a-z_]+)(?:\{%s(?:,%s)*\})? (\d+(?:\.\d+)?)"
                    % (LABEL, LABEL))


def check_metrics(text, wanted):
    """The rules of OpenMetrics that its parsers insist on: families whole and
    once, described before their samples, counters in _total, an end."""
    assert text.endswith("# EOF\n")
    types, seen, family = {}, {}, None
    for line in text.splitlines()[:-1]:
        if line.startswith("# TYPE "):
            _, _, family, kind = line.split(" ")
            assert family not in types and kind in ("info", "gauge", "counter")
            types[family] = kind
        elif line.startswith("# "):
            assert line.split(" ")[1] in ("HELP", "UNIT")
            assert line.split(" ")[2] == family
        else:
            match = SAMPLE.fullmatch(line)
            assert match, line
            suffix = {"info": "_info", "counter": "_total", "gauge": ""}
            assert match[1] == family + suffix[types[family]], line
            name = line.rpartition(" ")[0]
            assert name not in seen
            seen[name] = match[2]
    for name, value in wanted.items():
        assert seen[name] == value, name


@pytest.mark.seconds(6)
def test_up_and_down(lab, agents):
    """Encrypted on request, without a packet of anybody; ended on request;
    and what cannot be says why."""
    net, a, b = lab.pair()
    for host in (a, b):
        host.policy("peers", "offer")
        host.start_agent()
    code, out = run(a, "up", b.ip)
    assert (code, out.split("\t")[1]) == (0, "secured")
    assert wait_until(lambda: b.secured(a), 5, "b")
    assert len(a.states()) == 2
    assert run(a, "down", b.ip) == (0, "")
    wait_until(lambda: a.states() == [], 2, "its SAs go")
    wait_until(lambda: b.states() == [], 5, "the peer was told")
    assert None not in ping(a, b.ip, 3)
    wait_until(lambda: a.secured(b), 5, "the next packet begins anew")
    b.agent.stop()
    run(a, "down", b.ip)
    code, said = run(a, "up", b.ip, "5")
    assert code == EXIT_NOT_ENCRYPTED and b.ip in said, said
    assert run(a, "down", "192.0.2.99")[0] == EXIT_NO_PEER
    assert net.capture.esp_packets(a, b)


@pytest.mark.seconds(6)
def test_explain_and_top(lab, agents):
    """What the kernel counts is what top and explain say; and IKE as it is
    captured can be read by Wireshark's own format."""
    net, a, b = lab.pair()
    for host in (a, b):
        host.policy("peers", "offer")
        host.start_agent()
    path = f"{a.dir}/ike.pcapng"
    capture = a.ns.popen([*a.agent.command, "capture", b.ip, "4",
                          "--output", path])
    wait_until(lambda: "capture of IKE messages has begun" in a.agent.log(),
               5, "the capture")
    assert run(a, "up", b.ip)[0] == 0
    assert None not in ping(a, b.ip, 5)
    said = a.agent.tacit("explain", b.ip)
    assert said["state"] == "secured" and said["in_kernel"]
    assert said["clear_refused"] and said["sending"]
    assert said["network"] == ("10.0.0.0/8" if lab.family == 4
                               else "fd00::/8")
    assert said["packets_out"] == 5 and said["packets_in"] == 5
    flow, = a.agent.tacit("top")
    assert flow["address"] == b.ip
    assert flow["packets_out"] == flow["packets_in"] == 5
    check_metrics(a.agent.text("metrics"), {
        'tacit_peers{state="secured"}': "1",
        'tacit_policy_peers{policy="peers",state="secured"}': "1",
        'tacit_negotiations_total{result="established"}': "1"})
    nobody = a.agent.tacit("explain", "192.0.2.99")
    assert nobody["state"] == "unknown" and nobody["advice"]
    assert capture.wait(10) == 0
    with open(path, "rb") as f:
        blocks = f.read()
    assert blocks[:4] == b"\x0a\x0d\x0d\x0a" and b"decrypted" in blocks


@pytest.mark.family(4)
@pytest.mark.seconds(5)
def test_reload(lab, agents):
    """The command answers when the new policy is in force in the kernel, and
    says what is wrong with one that is not."""
    a = lab.host("a", lab.net())
    a.policy("peers", "offer")
    a.start_agent()
    a.policy("vault", "require", ["10.9.0.0/16"])
    assert run(a, "reload") == (0, "")
    assert a.agent.text("policy", "list").count("\n") == 2
    assert any("10.9.0.0/16" in str(p) for p in a.policies())
    a.config("policy.d/vault.conf", "[Policy]\nEncryption=perhaps\n")
    code, said = run(a, "reload")
    assert code == 13 and "vault.conf:2" in said, said
    assert any("10.9.0.0/16" in str(p) for p in a.policies())
