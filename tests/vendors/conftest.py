from __future__ import annotations

import botocore.endpoint
import pytest
import stamina
import stamina.instrumentation

from core.vendors import github, newrelic
from tests.vendors.worlds import World


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    """Retries happen, their waits do not; pages are small."""
    stamina.set_testing(True, attempts=3)
    stamina.instrumentation.set_on_retry_hooks([])
    monkeypatch.setattr(botocore.endpoint.time, "sleep", lambda _: None)
    monkeypatch.setattr(newrelic, "ROWS", World.page)
    monkeypatch.setattr(github, "PAGE", World.page)
    yield
    stamina.set_testing(False)
