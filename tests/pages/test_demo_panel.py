"""The demo's panel: break a fault, and take it back."""

import pytest

from console.parts import demo
from core.vendors.base import VendorError
from tests import screens


class Remote:
    """The sandbox's remote control, with what it was asked."""

    def __init__(self):
        self.asked, self.fault = [], ""

    def status(self) -> dict:
        return {"faults": {"cart-address": "no address", "search-empty": "no hit"}, "broken": {"cart-address": 1.0}}

    def break_(self, name: str) -> dict:
        return self._do("break", name)

    def restore(self, name: str) -> dict:
        return self._do("restore", name)

    def _do(self, what: str, name: str) -> dict:
        if self.fault:
            raise VendorError("sandbox", self.fault)
        self.asked.append((what, name))
        return {}


@pytest.fixture
def remote(tmp_path, monkeypatch):
    found = Remote()
    screens.open_console(tmp_path, sandbox_url="http://127.0.0.1:9")
    monkeypatch.setattr(demo, "sandbox", lambda: found)
    return found


def button(at, key: str):
    return next(one for one in at.button if one.key == key)


def test_only_a_broken_fault_can_be_restored(remote):
    at = screens.visit("pipeline")
    assert [b.key for b in at.button if b.key.startswith("restore-")] == ["restore-cart-address"]


@pytest.mark.parametrize(
    ("key", "asked", "says"),
    [
        ("break-search-empty", ("break", "search-empty"), "search-empty is live in the shop"),
        ("restore-cart-address", ("restore", "cart-address"), "cart-address is taken back"),
    ],
)
def test_the_shop_is_broken_and_restored(remote, key, asked, says):
    at = button(screens.visit("pipeline"), key).click().run()
    assert remote.asked == [asked] and any(says in one.value for one in [*at.success, *at.toast])


def test_a_refusal_is_told(remote):
    at = screens.visit("pipeline")
    remote.fault = "nothing to revert"
    at = button(at, "restore-cart-address").click().run()
    assert remote.asked == [] and any("nothing to revert" in one.value for one in [*at.error, *at.toast])
