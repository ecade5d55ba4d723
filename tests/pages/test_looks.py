"""Every page in a real browser, light, dark and on a phone: no script error, no foreign request, no axe finding."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from core.models import Status
from tests.browser.server import ADDRESSES, PHONE, browsing, number, serving, settled, visiting, watched

LOOKS = [("light", 1440), ("dark", 1440), ("light", 390)]  # a phone is narrow and identifies itself
PLAIN = ("/status", "/login", "/password")  # drawn by the server, without Streamlit
SIDEWAYS = "[...document.querySelectorAll('.d-diff')].filter(e => e.scrollWidth > e.clientWidth).length"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("console")) as address, browsing() as browser:
        yield address, browser


@pytest.mark.parametrize("scheme, width", LOOKS)
def test_every_page_is_clean_fits_and_passes_axe(served, scheme, width):
    """Loads each address once per variant and checks script errors, foreign requests, the width, then axe."""
    address, browser = served
    agent = {"user_agent": PHONE} if width < 600 else {}
    with visiting(browser, address, color_scheme=scheme, viewport={"width": width, "height": 900}, **agent) as visit:
        page = visit.new_page()
        faults = watched(page, address)
        for path in (*ADDRESSES, *PLAIN):
            page.goto(path.format(issue=number(Status.AWAITING_APPROVAL)))
            if path not in PLAIN:
                settled(page).wait_for_selector(".d-lead")
            sizes = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
            assert sizes[0] <= sizes[1], f"{path} is wider than {width}"
            assert page.evaluate(SIDEWAYS) == 0 or width > 390, f"{path}: a difference scrolls sideways"
            assert not page.locator("[data-testid=stException]").count()
            assert faults == [], path
            found = Axe().run(page)
            assert found.violations_count == 0, f"{path}: {found.generate_report()}"
