# SPDX-License-Identifier: LGPL-2.1-or-later
"""Fixtures of the scenarios: each runs over IPv4 and IPv6, in a lab of its
own. Run them through tests/lab/run, or with ./check scenarios."""

import itertools
import os
import re
import tempfile

import pytest

import agent
import has_esp
import judge
from lab import Lab

COUNT = itertools.count(1)


def pytest_addoption(parser):
    parser.addoption("--shard", default="1/1", metavar="N/OF",
                     help="run every OF-th scenario, from the N-th")
    parser.addoption("--result", metavar="FILE",
                     help='leave "PASSED FAILED SKIPPED" there')
    parser.addoption("--failures", metavar="DIR",
                     help="write what is known of each failure to a file in "
                     "DIR, at once")


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "seconds(n): how long it takes, where that is more than "
        "two seconds; shards are made of equal length by it")
    config.addinivalue_line(
        "markers", "family(n): only for IPv4 or only for IPv6")
    config.addinivalue_line(
        "markers", "no_esp: for a kernel without ESP, where nothing else runs")
    config.addinivalue_line(
        "markers", "quick: of tests/interop, what ./check runs as well")


def seconds(item):
    mark = item.get_closest_marker("seconds")
    return mark.args[0] if mark else 2


@pytest.hookimpl(trylast=True)  # what is left of them
def pytest_collection_modifyitems(config, items):
    items[:] = [i for i in items
                if bool(i.get_closest_marker("no_esp")) != has_esp.HERE]
    number, of = map(int, config.getoption("--shard").split("/"))
    shards = [[0, set()] for _ in range(of)]
    for item in sorted(items, key=lambda i: -seconds(i)):
        least = min(shards, key=lambda s: s[0])
        least[0] += seconds(item)
        least[1].add(item)
    items[:] = [i for i in items if i in shards[number - 1][1]]


def pytest_sessionfinish(session):
    path = session.config.getoption("--result")
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if path and reporter:
        count = {k: len(v) for k, v in reporter.stats.items()}
        failed = count.get("failed", 0) + count.get("error", 0)
        with open(path, "w", encoding="ascii") as f:
            f.write(f"{count.get('passed', 0)} {failed} "
                    f"{count.get('skipped', 0)}\n")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    lab = item.funcargs.get("lab") if hasattr(item, "funcargs") else None
    if report.failed and report.when == "call" and lab:
        report.sections += lab.report()
    directory = item.config.getoption("--failures")
    if report.failed and directory:
        name = re.sub(r"[^\w-]+", "-", item.nodeid.split("/")[-1]).strip("-")
        os.makedirs(directory, exist_ok=True)
        with open(f"{directory}/{name}.txt", "w", encoding="utf-8") as f:
            f.write(f"{item.nodeid}\n\n{report.longreprtext}\n")
            for title, content in report.sections:
                f.write(f"\n=== {title}\n{content}\n")


def pytest_generate_tests(metafunc):
    if "lab" in metafunc.fixturenames:
        only = metafunc.definition.get_closest_marker("family")
        families = only.args if only else (4, 6)
        metafunc.parametrize("lab", families, indirect=True,
                             ids=[f"v{n}" for n in families])


@pytest.fixture
def lab(request):
    base = os.path.join(tempfile.gettempdir(), f"{os.getpid()}")
    os.makedirs(base, exist_ok=True)
    made = Lab(request.param, f"{base}/{next(COUNT)}")
    yield made
    try:
        judge.keep(made, request.node.nodeid)
    finally:
        made.close()


@pytest.fixture
def agents():
    """For scenarios that need the agent: fails early where it is not
    built."""
    agent.programs("/run/lab/bin")
