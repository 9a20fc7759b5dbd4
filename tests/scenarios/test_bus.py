# SPDX-License-Identifier: LGPL-2.1-or-later
"""The agent on a real system bus, and polkit as the one who decides."""

import errno
import time

import pytest
import system_bus
from bus import Bus, Error
from lab import wait_until
from test_apps import NOBODY, error_of, new, refused, require
from traffic import MAGIC, Listener

STANDARD = "org.freedesktop.DBus.Error."
FRIEND, STRANGER, ASKED = 64777, NOBODY, 64778
INTERACTIVE = 4  # ALLOW_INTERACTIVE_AUTHORIZATION

RULES = """polkit.addRule(function(action, subject) {
    if (action.id == "org.tacit.Agent1.list-peers" ||
        action.id == "org.tacit.Agent1.change-peers")
        return subject.user == "friend" ? polkit.Result.YES :
               subject.user == "nobody" ? polkit.Result.NO : null;
});
"""

pytestmark = pytest.mark.skipif(system_bus.missing() is not None,
                                reason=str(system_bus.missing()))


@pytest.fixture
def bus():
    with open("/etc/passwd", "a", encoding="ascii") as f:
        f.write(f"friend:x:{FRIEND}:{FRIEND}::/:/bin/sh\n"
                f"asked:x:{ASKED}:{ASKED}::/:/bin/sh\n")
    made = system_bus.SystemBus()
    yield made
    print(made.log())  # shown when it failed
    made.close()


def on_bus(uid):
    return Bus(system_bus.SOCKET, uid, bus=True)


def denied(name, function, *arguments, **options):
    with pytest.raises(Error) as e:
        function(*arguments, **options)
    assert e.value.name == STANDARD + name, e.value


@pytest.mark.seconds(8)
@pytest.mark.family(4)
def test_polkit(lab, bus):
    """Root always; others when polkit is there and says so; who could be asked
    for a password is told so; and status is free for all. The agent goes on
    meanwhile."""
    _, a, _ = lab.pair()
    a.policy("peers", "offer")
    a.start_agent()
    root, friend, stranger, asked = map(on_bus, (0, FRIEND, STRANGER, ASKED))
    wait_until(lambda: has_owner(root), 10, "the agent on the bus")
    # No polkit: root only.
    assert root.call("ListPeers", "su", "", 0) == [[], ""]
    for caller in (friend, stranger):
        denied("AccessDenied", caller.call, "ListPeers", "su", "", 0)
        assert caller.call_on("org.tacit.Agent1", "/org/tacit/Agent1",
                              "org.freedesktop.DBus.Properties", "Get", "ss",
                              "org.tacit.Agent1", "Protecting") == [True]
    bus.start_polkit(RULES)
    wait_until(lambda: has_owner(root, "org.freedesktop.PolicyKit1"), 20,
               "polkit")
    assert friend.call("ListPeers", "su", "", 0) == [[], ""]
    denied("AccessDenied", stranger.call, "ListPeers", "su", "", 0)
    denied("InteractiveAuthorizationRequired", asked.call, "ListPeers", "su",
           "", 0)
    denied("InteractiveAuthorizationRequired", friend.call, "SetDebug", "ss",
           "debug", "")
    with pytest.raises(Error, match="UnknownPeer"):
        friend.call("Disconnect", "s", "10.0.0.2")
    # polkit hangs: callers wait, the agent does not.
    polkit = bus.processes[-1]
    polkit.send_signal(19)
    serial = stranger.send("/org/tacit/Agent1", "org.tacit.Agent1",
                           "ListPeers", "su", ("", 0), "org.tacit.Agent1")
    start = time.monotonic()
    assert root.call("ListPeers", "su", "", 0) == [[], ""]
    assert time.monotonic() - start < 1
    polkit.send_signal(18)
    denied("AccessDenied", stranger.reply, serial)
    # It dies with a question: as if it were not there.
    polkit.send_signal(19)
    serial = friend.send("/org/tacit/Agent1", "org.tacit.Agent1", "ListPeers",
                         "su", ("", 0), "org.tacit.Agent1")
    root.call("GetDNS")
    polkit.kill()
    denied("AccessDenied", friend.reply, serial)


def has_owner(caller, name="org.tacit.Agent1"):
    return caller.call_on("org.freedesktop.DBus", "/org/freedesktop/DBus",
                          "org.freedesktop.DBus", "NameHasOwner", "s",
                          name) == [True]


@pytest.mark.seconds(5)
def test_sockets(lab, bus):
    """Descriptors over a real bus; signals to the caller alone; a watch ends with
    its caller; the bus goes and comes back."""
    net, a, b = lab.pair()
    a.policy("peers", "offer")
    b.policy("peers", "allow")
    a.start_agent()
    b.start_agent()
    one, two = on_bus(FRIEND), on_bus(STRANGER)
    wait_until(lambda: has_owner(one), 10, "the agent on the bus")
    listener = Listener(b, 7000)
    s = new(a)
    assert require(one, s, b.ip)["Encrypted"]
    s.connect((b.ip, 7000))
    s.send(MAGIC)
    assert two.call("GetSocket", "h", s)[0]["Encrypted"]
    watched, = one.call("WatchSocket", "h", s)
    refused("UnknownWatch", two.call, "UnwatchSocket", "t", watched)
    # Who has left has no watch any more; the agent keeps nothing open.
    gone = on_bus(STRANGER)
    gone.call("WatchSocket", "h", s)
    gone.close()
    b.agent.stop()
    told = one.signal("SocketChanged").args
    assert told[0] == watched and not told[1]["Encrypted"]
    assert error_of(s.recv, 1) == errno.ECONNABORTED
    two.call("GetDNS")
    assert [m for m in two.signals if m.member == "SocketChanged"] == []
    assert net.capture.sent(a, b, ("clear",)) == []
    s.close()
    listener.close()
