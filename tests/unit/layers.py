#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The rules of the house that a compiler does not know.

Includes go down only, siblings never include each other, files and functions
keep to their sizes, and every source file opens with its licence. Prints each
breach as FILE:LINE: what, and fails when there is one.
"""

import pathlib
import re
import sys

# What a folder may include, besides itself. tests/ may include anything.
SIBLINGS = ("ike", "dnskeys", "policy", "xfrm", "cat")
BELOW = {"util": set()}
BELOW.update({folder: {"util"} for folder in SIBLINGS})
# What programs get includes nothing of ours.
BELOW["libtacit"] = set()
BELOW["dbus"] = {"util", *SIBLINGS}
BELOW["agent"] = {"util", "dbus", *SIBLINGS}

FOLDERS = (*BELOW, "tests")
FILE_LINES = 800
FUNCTION_LINES = 60
SPDX = "/* SPDX-License-Identifier: LGPL-2.1-or-later */"
INCLUDE = re.compile(r'\s*#\s*include\s*"([^"]+)"')


def includes(folder, lines):
    """Includes that go up or sideways, or that do not name their folder."""
    for number, line in enumerate(lines, 1):
        found = INCLUDE.match(line)
        if not found or found[1] == "config.h" or folder == "tests":
            continue
        target, slash, _ = found[1].partition("/")
        if not slash or target not in FOLDERS:
            yield number, f'"{found[1]}" does not begin with a folder'
        elif target != folder and target not in BELOW[folder]:
            yield number, f'{folder}/ may not include "{found[1]}"'


def functions(lines):
    """Functions by their braces in column 0, as the kernel layout has them.

    Tables and structs open their brace at the end of a line.
    """
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            # Between the braces, as one counts on a screen.
            if number - start - 1 > FUNCTION_LINES:
                yield start, (
                    f"a function of {number - start - 1} lines"
                    f" (at most {FUNCTION_LINES})"
                )
            start = None


def breaches(root, path):
    """(line, what) for one file."""
    folder = path.relative_to(root).parts[0]
    lines = path.read_text(encoding="utf-8").splitlines()
    if not lines or lines[0] != SPDX:
        yield 1, "the first line is not the SPDX line"
    if len(lines) > FILE_LINES:
        yield len(lines), f"{len(lines)} lines (at most {FILE_LINES})"
    yield from includes(folder, lines)
    yield from functions(lines)


def sources(root):
    for folder in FOLDERS:
        for suffix in ("c", "h"):
            yield from sorted((root / folder).rglob(f"*.{suffix}"))


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    files = list(sources(root))
    found = 0
    for path in files:
        for number, what in breaches(root, path):
            print(f"{path.relative_to(root)}:{number}: {what}")
            found += 1
    print(f"{len(files)} files, {found} breaches")
    # Not one file means that this looked in the wrong place.
    return 1 if found or not files else 0


if __name__ == "__main__":
    sys.exit(main())
