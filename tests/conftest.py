"""Ends the test process at once: issues that wait for a window sleep in threads that would keep it for a day.

The worker ends in the same way (core/__main__.py); what waits lies in the store.
"""

from __future__ import annotations

import os
import sys

import pytest


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session, exitstatus):
    session.config.ended_with = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config):
    if "dbos" in sys.modules and hasattr(config, "ended_with"):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(config.ended_with)
