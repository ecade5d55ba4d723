"""What Lighthouse says of the console in a new browser; all figures are of Lighthouse's own simulated network."""

from __future__ import annotations

import pytest

from tests.bench.console.bench_lighthouse import OTHERS, PAGES, run, scores
from tests.browser.server import serving

pytestmark = pytest.mark.long

GOOD = {"largest_paint_ms": 2500, "shift": 0.1}  # https://web.dev/articles/vitals; a laboratory has nobody who clicks
LOADED_MS = 2000  # the mission's own limit


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("lighthouse")) as found:
        yield found


@pytest.mark.parametrize("page", PAGES)
def test_a_page_paints_in_two_seconds_and_has_good_vitals(address, page):
    """Its points for performance fall with the load of the machine: the bench has them."""
    found = scores(run(address + page, "desktop"))
    assert all(found[name] == 100 for name in OTHERS), found
    assert found["first_paint_ms"] < LOADED_MS
    assert all(found[name] <= limit for name, limit in GOOD.items()), found


@pytest.mark.parametrize("page", PAGES)
def test_a_page_on_a_phone_is_as_accessible(address, page):
    found = scores(run(address + page, "mobile"))
    assert all(found[name] == 100 for name in OTHERS), found
