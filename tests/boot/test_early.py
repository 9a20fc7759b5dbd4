# SPDX-License-Identifier: LGPL-2.1-or-later
"""A machine that boots with a network that requires protection: it is closed
before there is a network, and open to its peers soon after."""

import json

import early
from guest import (PEERS, PROFILES, UNITS, active, confined, ping, run,
                   status_of, systemctl, tacit, unit)
from waiting import wait_until


def when(name, what):
    return int(unit(name, f"{what}TimestampMonotonic")
               [f"{what}TimestampMonotonic"])


def test_order():
    for name, profile in zip(UNITS, PROFILES):
        assert active(name) == "active"
        assert confined(name) == f"{profile} (enforce)"
        assert 0 < when(name, "ActiveEnter") < when("early", "InactiveExit")
    assert "ordering cycle" not in run("journalctl", "-b", "--no-pager")
    assert run("systemd-analyze", "verify", "--man=no", *UNITS) == ""


def test_bus():
    """The agent is there before the bus is, and is on it all the same."""
    wait_until(lambda: status_of("busctl", "status", "org.tacit.Agent1") == 0,
               5, "the name is taken", 0.1)


def test_closed_until_encrypted():
    wait_until(lambda: ping(4) and ping(6), 20, "the peer answers", 0.1)
    assert {p["state"] for p in tacit("peers")
            if p["address"] in PEERS.values()} == {"secured"}
    systemctl("stop", "early")
    with open(early.RESULT, encoding="ascii") as f:
        seen = json.load(f)
    # The peer's agent is not there at once: its kernel may say so.
    assert [x for x in seen["clear"] if " host " in x] == []
    assert seen["esp"] > 0
