"""Fixtures of all tests, and the end of the test process.

It ends at once: issues that wait for a window sleep in threads that would keep it alive for a day. The worker ends in
the same way (core/__main__.py); the store has the waiting work.
"""

from __future__ import annotations

import os
import sys

import hypothesis
import pytest

from tests import compiled, kept
from tests.postgres import postgres

compiled.share()
hypothesis.settings.register_profile("no clock", deadline=None)
hypothesis.settings.load_profile("no clock")

# Tests of half a minute and more, in parts that together take alike: what begins last and takes long is waited for.
LONG = (
    ("stories/test_live.py",),
    ("stories/test_kill.py",),
    ("stories/test_demo.py", "stories/test_workers.py"),
    ("services/test_stories.py",),
    ("pages/test_looks.py", "pages/test_many.py", "vendors/test_vercel_cli.py"),
    ("attacks/test_tripwire.py", "attacks/test_hostile_text.py"),  # the first is one journey, which one process makes
)


def pytest_collection_modifyitems(items):
    """Start each of several processes with a part of the long tests; they get consecutive tests."""
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if processes == 1:
        return
    parts = [[i for i in items if i.nodeid.removeprefix("tests/").startswith(names)] for names in LONG]
    taken = {id(item) for part in parts for item in part}
    others = [item for item in items if id(item) not in taken]
    each = len(items) // processes
    for number, part in enumerate(parts):
        at = min(number % processes * each + 4, len(others))  # within its share, for any rounding
        others[at:at] = part
    items[:] = others


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request):
    """The address of a separate database: empty for SQLite in the world's folder, otherwise PostgreSQL."""
    if request.param == "sqlite":
        yield ""
        return
    with postgres() as address:
        yield address


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session, exitstatus):
    session.config.ended_with = int(exitstatus)
    kept.remove()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config):
    if "dbos" in sys.modules and hasattr(config, "ended_with"):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(config.ended_with)
