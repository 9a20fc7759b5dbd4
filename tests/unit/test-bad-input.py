#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every test that bad-input.txt names is there, and is run."""

import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def run_by(program):
    """The functions in the table of a test program."""
    try:
        with open(f"{HERE}/test-{program}.c", encoding="utf-8") as f:
            return set(re.findall(r"(?:cmocka_unit_test|TEST)\((\w+)\)", f.read()))
    except FileNotFoundError:
        return set()


def main():
    groups, wrong, count = set(), 0, 0
    with open(f"{HERE}/bad-input.txt", encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            if line.startswith("#") or not line.strip():
                continue
            match = re.fullmatch(r"(\d+) .+ \| ([\w-]+):((?: test_\w+)+)\n",
                                 line)
            if not match:
                print(f"bad-input.txt:{number}: not ITEM | PROGRAM: TESTS")
                wrong += 1
                continue
            groups.add(int(match[1]))
            for test in match[3].split():
                count += 1
                if test not in run_by(match[2]):
                    print(f"bad-input.txt:{number}: test-{match[2]}.c does "
                          f"not run {test}")
                    wrong += 1
    if groups != set(range(1, 12)):
        print(f"bad-input.txt: groups 1 to 11, not {sorted(groups)}")
        wrong += 1
    print(f"{count} tests of bad input, {wrong} wrong")
    return 1 if wrong else 0


sys.exit(main())
