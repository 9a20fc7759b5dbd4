# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the command line has a real agent do and say, on both families."""

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
