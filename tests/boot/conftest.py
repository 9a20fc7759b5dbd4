# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests inside a booted Debian: they change it one after another, in the order
of the file. See ../lab/README.md."""

import os
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(1, os.path.join(HERE, "..", "scenarios"))

import guest  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--result", metavar="FILE",
                     help='leave "PASSED FAILED SKIPPED" there')
    parser.addoption("--failures", metavar="DIR",
                     help="write what is known of each failure to a file there")


def pytest_configure(config):
    assert os.path.isdir("/lab/tree"), "this is for tests/lab/run --root"


def pytest_sessionfinish(session):
    path = session.config.getoption("--result")
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if path:
        count = [len(reporter.stats.get(k, ())) for k in
                 ("passed", "failed", "error", "skipped")]
        with open(path, "w", encoding="ascii") as f:
            f.write(f"{count[0]} {count[1] + count[2]} {count[3]}\n")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    directory = item.config.getoption("--failures")
    if report.failed and directory:
        os.makedirs(directory, exist_ok=True)
        with open(f"{directory}/{item.name}.txt", "a", encoding="utf-8") as f:
            f.write(f"{item.nodeid}\n{report.longreprtext}\n")
            for title, *command in (
                    ("journal", "journalctl", "-b", "-n", "300", "--no-pager",
                     "-o", "short-monotonic"),
                    ("units", "systemctl", "--no-pager", "status",
                     "tacit*"),
                    ("policies", "ip", "xfrm", "policy"),
                    ("states", "ip", "xfrm", "state"),
                    ("nftables", "nft", "list", "ruleset")):
                done = subprocess.run(command, text=True, check=False,
                                      capture_output=True)
                f.write(f"\n=== {title}\n{done.stdout}{done.stderr}\n")


@pytest.fixture(scope="session")
def peer():
    """Another host with an agent of its own, on a wire to this one."""
    made = guest.Peer()
    yield made
    made.close()
