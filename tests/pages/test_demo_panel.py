"""The demo's panel: break a fault, and take it back."""

import pytest

from console.parts import demo
from core.vendors.base import VendorError
from tests import screens


class Remote:
    """The sandbox's remote control, with what it was asked."""

    def __init__(self):
        self.asked, self.fault, self.agents = [], "", []

    def status(self) -> dict:
        details = {
            name: {"title": f"{name} fails", "kind": kind, "service": "cart", "exception": "KeyError"}
            for name, kind in (("cart-address", "code"), ("carrier-down", "upstream"), ("search-empty", "code"))
        }
        faults = {"cart-address": "no address", "search-empty": "no hit"}
        told = {"faults": faults, "broken": {"cart-address": 1.0}, "details": details}
        return told | ({"agents": self.agents} if self.agents else {})

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


def test_each_agent_says_whether_it_is_simulated(remote):
    assert "Agents of this demo" not in screens.seen(screens.visit("pipeline"))
    remote.agents = [
        {"name": "Model server", "kind": "simulated", "says": "Scripted <b>answers</b>"},
        {"name": "Cline CLI", "kind": "real", "says": "The real program"},
        {"name": "Kestra", "kind": "off", "says": "A flow"},
    ]
    text = screens.seen(screens.visit("pipeline"))
    for told in ("Model server", "Simulated", "Real", "Not connected", "python -m core demo --agents"):
        assert told in text
    assert "<b>answers" not in text


def test_a_refusal_is_told(remote):
    at = screens.visit("pipeline")
    remote.fault = "nothing to revert"
    at = button(at, "restore-cart-address").click().run()
    assert remote.asked == [] and any("nothing to revert" in one.value for one in [*at.error, *at.toast])


def test_the_story_ships_a_curable_fault_and_shows_its_chapters(remote):
    at = button(screens.visit("pipeline"), "tell-story").click().run()
    assert remote.asked == [("break", "search-empty")]
    text = screens.seen(at)
    assert "The story of search-empty" in text and "search-empty fails" in text and "Its errors arrive" in text
    assert not [b for b in at.button if b.key == "tell-story"]
    at = button(at, "end-story").click().run()
    assert "The story of" not in screens.seen(at) and button(at, "tell-story")


@pytest.mark.parametrize(
    "value", ["search-empty", "nothing@1", "search-empty@x", "<img src=x>@1", "search-empty@" + "9" * 13]
)
def test_an_address_that_names_no_story_tells_none(remote, value):
    at = screens.visit("pipeline", story=value)
    assert not at.exception and "The story of" not in screens.seen(at)


def test_a_fault_that_cannot_be_shipped_leaves_the_story_untold(remote):
    remote.fault = "the edits do not apply"
    at = button(screens.visit("pipeline"), "tell-story").click().run()
    assert any("the edits do not apply" in one.value for one in [*at.error, *at.toast, *at.warning])
    assert "The story of" not in screens.seen(at)
