# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs in hooks.d: told what happens, and never in the way."""

import os

import pytest
from traffic import ping
from waiting import wait_until

TELL = """#!/bin/sh
echo "$1 $TACIT_PEER $TACIT_LOCAL $TACIT_POLICY $TACIT_AUTHENTICATION" \\
"${TACIT_REASON:-well} $(id -un)" >>"$(dirname "$0")/../told"
"""


def hook(host, name, text):
    path = f"{host.agent.etc}/hooks.d/{name}"
    host.config(f"hooks.d/{name}", text)
    os.chmod(path, 0o755)


def told(host):
    try:
        with open(f"{host.agent.etc}/told", encoding="utf-8") as f:
            return [line.split() for line in f]
    except FileNotFoundError:
        return []


@pytest.mark.seconds(4)
def test_told(lab, agents):
    """Up and down, with all that there is to say; by a program without
    privilege, while another one hangs and a third cannot be run."""
    net, a, b = lab.pair()
    hook(a, "10-tell", TELL)
    c = lab.host("c", net)
    hook(a, "20-hang", "#!/bin/sh\n"
         f'test "$TACIT_PEER" != {c.ip} || sleep 1000\n')
    hook(a, "05-bad", "#!/nowhere\n")
    hook(a, "99-not.run", TELL)
    open(f"{a.agent.etc}/told", "w", encoding="utf-8").close()
    os.chmod(f"{a.agent.etc}/told", 0o666)
    for host in (a, b, c):
        host.policy("peers", "require")
        host.start_agent()
    assert None not in ping(a, c.ip, 1)
    wait_until(lambda: len(told(a)) == 1, 10, "up, of the one that hangs")
    assert None not in ping(a, b.ip, 1)
    wait_until(lambda: len(told(a)) == 2, 10, "up")
    # Nothing has waited for the one that hangs, and nothing does.
    assert None not in ping(a, b.ip, 1)
    b.agent.stop()
    wait_until(lambda: len(told(a)) == 3, 10, "down")
    assert told(a)[1:] == [
        ["up", b.ip, a.ip, "peers", "null", "well", "tacit"],
        ["down", b.ip, a.ip, "peers", "none", "deleted", "tacit"]]
    assert "05-bad" in a.agent.log()
