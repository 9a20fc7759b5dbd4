# SPDX-License-Identifier: LGPL-2.1-or-later
"""Host a with our agent, host b with strongSwan."""

import pytest
from strongswan import StrongswanHost
from waiting import wait_until

IKE_SA_INIT, IKE_AUTH, CREATE_CHILD_SA, INFORMATIONAL = 34, 35, 36, 37


def pair(lab, root):
    """(net, a, b), not running yet."""
    net = lab.net()
    a = lab.host("a", net)
    b = StrongswanHost(lab, "b", root)
    lab.hosts.append(b)
    net.attach(b, 2)
    return net, a, b


def test_stranger(lab, agents, strongswan_root):
    """Anonymous encryption is not what strongSwan does: where nothing else is
    configured, it is told so, in IKE_AUTH, and nothing stays."""
    net, a, b = pair(lab, strongswan_root)
    a.policy("peers", "require")
    b.configure_peer(a, secret="a secret that the other does not know")
    b.start()
    a.start_agent()
    b.initiate(check=False)
    assert "received AUTHENTICATION_FAILED notify error" in b.log()
    wait_until(lambda: a.states() == b.states() == [], 5, "no states")
    assert a.agent.tacit("peers") == [] or a.peer_state(b) != "secured"
