# SPDX-License-Identifier: LGPL-2.1-or-later
"""A host that talks to itself: never IKE, never ESP, whatever the policy."""

import pytest
from traffic import Listener, connect, ping


@pytest.mark.seconds(2)
@pytest.mark.parametrize("level", ["offer", "require", "block"])
@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
def test_own_addresses(lab, agents, level, late):
    """Its address, a second one (there before the agent starts, or added
    after), and loopback."""
    one, other = lab.net(), lab.net()
    a = lab.host("a", one, other)
    everything = ["10.0.0.0/8", "fd00::/8"]
    a.policy("peers", level, everything,
             **({"Wait": "yes"} if level == "offer" else {}))
    if late:
        a.start_agent()
        second = a.add_addresses(1)[0]
    else:
        second = a.add_addresses(1)[0]
        a.start_agent()
    loopback = "127.0.0.1" if lab.family == 4 else "::1"
    own = [*a.own[lab.family], second]
    listener = Listener(a, 80)
    for address in (*own, loopback):
        assert None not in ping(a, address, 2, timeout=1)
        assert connect(a, address, 80, timeout=2) < 0.5
    for source in own:
        for address in own:
            assert None not in ping(a, address, source=source, timeout=1)
    listener.close()
    for net in (one, other):
        assert [f for f in net.capture.frames()
                if f.kind in ("ike", "esp", "clear")] == []
    assert a.states() == []
