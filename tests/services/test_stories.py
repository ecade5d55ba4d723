"""Two of the six stories, without a network, one of them in `make long`; `make services` tells them all."""

from __future__ import annotations

import os

import pytest

from tests.services import machine
from tests.services.story import tell


@pytest.fixture(scope="module")
def index():
    """A package index on loopback with the wheels that `make test` fetched; in CI a missing one is a failure."""
    if not (machine.WHEELS / ".ready").exists():
        missing = "the wheels are missing: python -m tests.services.prefetch"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    with machine.index() as address:
        yield address


@pytest.mark.timeout(2400)
@pytest.mark.parametrize("name", ["meterkit", pytest.param("parceltrack", marks=pytest.mark.long)])
def test_a_service_that_knows_nothing_of_the_platform_is_fixed_released_and_watched(tmp_path, index, name):
    row = tell(name, tmp_path, index)
    assert row.whole, row
