# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every pair of encryption levels on two hosts; host a pings host b.

What crosses the wire besides IKE, from a and from b, and whether the ping is
answered. "clear, esp": the first packet is clear, all later ones are ESP.

| a \\ b   | forbid       | allow        | offer            | require      | block        |
|---------|--------------|--------------|------------------|--------------|--------------|
| forbid  | clear/clear  | clear/clear  | clear/clear (1)  | clear/- (2)  | clear/- (2)  |
| allow   | clear/clear  | clear/clear  | clear, esp/esp (3) | clear/- (4) | clear/- (2) |
| offer   | clear/clear (5) | esp/esp   | esp/esp          | esp/esp      | clear/- (6)  |
| require | -/- (5)      | esp/esp      | esp/esp          | esp/esp      | -/- (7)      |
| block   | -/-          | -/-          | -/-              | -/-          | -/-          |

(1) b's reply is trapped; a refuses b's IKE_SA_INIT with NO_PROPOSAL_CHOSEN,
    and b lets the reply go in the clear.
(2) a sends in the clear, b drops it and sends nothing, no IKE either.
(3) b's reply is trapped, and a, which only answers, agrees.
(4) as (2); but when b speaks first, b initiates and all is ESP.
(5) b refuses a's IKE_SA_INIT with NO_PROPOSAL_CHOSEN.
(6) b answers nothing, not even IKE; when the time is over, a goes on in the
    clear, which b drops.
(7) b answers nothing; a sends nothing but IKE.

No refusal is ever sent by a host whose level is block, and none is needed by
one whose level is allow, offer or require.
"""

import dataclasses

import pytest
from traffic import ping
from waiting import wait_until

IKE_SA_INIT, NO_PROPOSAL_CHOSEN = 34, 14
LEVELS = ("forbid", "allow", "offer", "require", "block")
NOTHING, CLEAR, ESP = set(), {"clear"}, {"esp"}


@dataclasses.dataclass
class Outcome:
    from_a: set
    from_b: set
    answered: bool
    ike: bool = False       # is there any
    refused_by: str = ""    # who sends NO_PROPOSAL_CHOSEN


BOTH_CLEAR = Outcome(CLEAR, CLEAR, True)
BOTH_ESP = Outcome(ESP, ESP, True, ike=True)
IGNORED = Outcome(CLEAR, NOTHING, False)
SILENT = Outcome(NOTHING, NOTHING, False)

OUTCOMES = {
    ("forbid", "forbid"): BOTH_CLEAR,
    ("forbid", "allow"): BOTH_CLEAR,
    ("forbid", "offer"): Outcome(CLEAR, CLEAR, True, True, "a"),
    ("forbid", "require"): IGNORED,
    ("forbid", "block"): IGNORED,
    ("allow", "forbid"): BOTH_CLEAR,
    ("allow", "allow"): BOTH_CLEAR,
    ("allow", "offer"): Outcome(CLEAR | ESP, ESP, True, True),
    ("allow", "require"): IGNORED,
    ("allow", "block"): IGNORED,
    ("offer", "forbid"): Outcome(CLEAR, CLEAR, True, True, "b"),
    ("offer", "allow"): BOTH_ESP,
    ("offer", "offer"): BOTH_ESP,
    ("offer", "require"): BOTH_ESP,
    ("offer", "block"): Outcome(CLEAR, NOTHING, False, True),
    ("require", "forbid"): Outcome(NOTHING, NOTHING, False, True, "b"),
    ("require", "allow"): BOTH_ESP,
    ("require", "offer"): BOTH_ESP,
    ("require", "require"): BOTH_ESP,
    ("require", "block"): Outcome(NOTHING, NOTHING, False, True),
    ("block", "forbid"): SILENT,
    ("block", "allow"): SILENT,
    ("block", "offer"): SILENT,
    ("block", "require"): SILENT,
    ("block", "block"): SILENT,
}
assert set(OUTCOMES) == {(a, b) for a in LEVELS for b in LEVELS}


def start(host, level):
    keys = {"Wait": "yes", "WaitTime": "800ms"} if level == "offer" else {}
    host.policy("peers", level, **keys)
    host.start_agent()


def refusals(net, by, to):
    return [f for f in net.capture.sent(by, to, ("ike",))
            if f.ike.response and f.ike.exchange == IKE_SA_INIT and
            NO_PROPOSAL_CHOSEN in f.ike.notifies]


def check_wire(net, a, b, outcome, first):
    """Besides IKE, exactly these kinds; first is how many clear packets of a
    "clear, esp" outcome there may be."""
    data = ("clear", "esp", "udp-esp")
    from_a = net.capture.sent(a, b, data)
    from_b = net.capture.sent(b, a, data)
    assert {f.kind for f in from_a} == outcome.from_a
    assert {f.kind for f in from_b} == outcome.from_b
    if outcome.from_a == CLEAR | ESP:
        assert [f.kind for f in from_a].count("clear") <= first
        assert from_a[0].kind == "clear" and from_a[-1].kind == "esp"
    assert bool(net.capture.ike_packets(a, b)) == outcome.ike
    assert bool(refusals(net, a, b)) == (outcome.refused_by == "a")
    assert bool(refusals(net, b, a)) == (outcome.refused_by == "b")


def check_kernel(a, b, outcome):
    """One pair of states on each side, each host's out-state being the
    other's in-state; or none at all."""
    if ESP <= outcome.from_a:
        wait_until(lambda: a.secured(b) and b.secured(a), 3,
                   "exactly one pair of states on both hosts")
        assert {s.spi for s in a.states(b)} == {s.spi for s in b.states(a)}
        assert all(s.packets for s in a.states(b) + b.states(a))
        assert all(s.mode == "transport" for s in a.states(b))
    else:
        assert a.states(b) == [] and b.states(a) == []


@pytest.mark.seconds(2)
@pytest.mark.parametrize("level_a, level_b", OUTCOMES)
def test_matrix(lab, agents, level_a, level_b):
    outcome = OUTCOMES[level_a, level_b]
    net, a, b = lab.pair()
    start(a, level_a)
    start(b, level_b)
    # The first one alone: all that follows depends on it.
    first = ping(a, b.ip, timeout=2.5 if outcome.answered else 1.5)
    assert (first != [None]) == outcome.answered
    more = ping(a, b.ip, 3, timeout=1 if outcome.answered else 0.3)
    assert (None not in more) == outcome.answered
    check_wire(net, a, b, outcome, first=1)
    check_kernel(a, b, outcome)


@pytest.mark.seconds(2)
def test_require_speaks_first(lab, agents):
    """Note (4) of the table: a host that requires, and begins."""
    net, a, b = lab.pair()
    start(a, "allow")
    start(b, "require")
    assert None not in ping(b, a.ip, 3)
    assert None not in ping(a, b.ip, 3)
    assert net.capture.clear_packets(a, b) == []
    check_kernel(a, b, BOTH_ESP)


@pytest.mark.seconds(2)
@pytest.mark.parametrize("narrow, wide", [("require", "forbid"),
                                          ("forbid", "require"),
                                          ("offer", "block")])
def test_most_specific_wins(lab, agents, narrow, wide):
    """A host route in the policy of one peer against everybody's policy."""
    net, a, b = lab.pair()
    bits = 32 if lab.family == 4 else 128
    a.policy("everybody", wide, ["0.0.0.0/0", "::/0"])
    a.policy("peer", narrow, [f"{b.ip}/{bits}"],
             **({"Wait": "yes"} if narrow == "offer" else {}))
    a.start_agent()
    start(b, "allow")
    assert None not in ping(a, b.ip, 2)
    kinds = CLEAR if narrow == "forbid" else ESP
    assert net.capture.kinds(a, b) - {"ike"} == kinds
    assert net.capture.kinds(b, a) - {"ike"} == kinds
