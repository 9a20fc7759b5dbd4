# SPDX-License-Identifier: LGPL-2.1-or-later
"""The fixtures and the library of the scenarios, for tests against foreign IKE
daemons."""

import importlib.util
import os
import sys

import pytest

SCENARIOS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..",
                         "scenarios")
sys.path.insert(0, SCENARIOS)
from peer import find_root  # noqa: E402

spec = importlib.util.spec_from_file_location(
    "scenario_fixtures", os.path.join(SCENARIOS, "conftest.py"))
fixtures = importlib.util.module_from_spec(spec)
spec.loader.exec_module(fixtures)
globals().update({k: v for k, v in vars(fixtures).items()
                  if k.startswith("pytest_") or k in ("lab", "agents")})


def root_of(name):
    root = find_root(name)
    if root is None:
        pytest.skip(f"no {name}: run tests/interop/get-peers {name} first")
    return root


@pytest.fixture(scope="session")
def libreswan_root():
    return root_of("libreswan")


@pytest.fixture(scope="session")
def strongswan_root():
    return root_of("strongswan")


@pytest.fixture(scope="session")
def nameserver_root():
    return root_of("nameserver")


@pytest.fixture(scope="session")
def knot_root():
    return root_of("knot")


@pytest.fixture(scope="session")
def firewalld_root():
    return root_of("firewalld")


@pytest.fixture(scope="session")
def docker_root():
    return root_of("docker")
