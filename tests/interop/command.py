# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command line of a host, with its exit code and both of its outputs."""

import json
import subprocess


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"exit {self.code}: {self.out}{self.err}"


def tacit(host, *arguments, timeout=40):
    with host.ns.popen([*host.agent.command, *map(str, arguments)], text=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE) as process:
        out, err = process.communicate(timeout=timeout)
        return Result(process.returncode, out, err)
