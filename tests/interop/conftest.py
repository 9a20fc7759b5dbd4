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
spec = importlib.util.spec_from_file_location(
    "scenario_fixtures", os.path.join(SCENARIOS, "conftest.py"))
fixtures = importlib.util.module_from_spec(spec)
spec.loader.exec_module(fixtures)
globals().update({k: v for k, v in vars(fixtures).items()
                  if k.startswith("pytest_") or k in ("lab", "agents")})


@pytest.fixture(scope="session")
def libreswan_root():
    import libreswan
    root = libreswan.find_root()
    if root is None:
        pytest.skip("no libreswan: run tests/interop/get-peers first")
    return root
