"""The suspect change of an issue: only of what it concerns, and never from after its onset."""

from datetime import timedelta

import pytest

from console.parts import issue as part
from core import runtime
from core.audit import effects
from core.db import store
from core.models import Signal, now
from core.signals.analysis import analyst
from core.stages import analyze
from tests import factories, screens

MINUTE = timedelta(minutes=1)
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def platform(tmp_path):
    text = screens.PLATFORM.replace("[services.cart]\n", '[services.cart]\nupstreams = ["search"]\n')
    assert text != screens.PLATFORM
    return runtime.use(runtime.Runtime(screens.open_console(tmp_path, platform=text)))


def change(session, name: str, minutes: float, service: str = "", **attributes) -> None:
    session.add(
        Signal(
            source="github",
            vendor_id=name,
            kind="change",
            title=name,
            release=name,
            level="info",
            service=service,
            url=attributes.pop("url", f"https://code.example/{name}"),
            at=now() - 12 * MINUTE - minutes * MINUTE,
            set_aside="a change, not a fault",
            attributes=attributes,
        )
    )


@pytest.mark.parametrize(
    ("service", "repository", "minutes", "suspected"),
    [
        ("cart", None, 1, True),
        ("search", None, 1, True),  # the cart calls it
        ("pricing", None, 1, False),  # unrelated
        ("", "another/repository", 1, False),
        ("", None, 1, True),
        ("cart", None, -5, False),  # after the onset
    ],
)
def test_only_related_earlier_changes_are_suspects(platform, service, repository, minutes, suspected):
    with store.write() as session:
        made = factories.issue(session, service="cart", last_seen=now())
        factories.signal(session, made)
        change(session, "abc123", minutes, service, **({"repository": repository} if repository else {}))
    found = analyst.EmbeddedAnalyst().analyze(analyze.gather(platform, made.id))
    assert any("abc123" in row["says"] for row in found.evidence) == suspected


def test_the_suspect_is_shown_with_author_files_and_link(platform):
    with store.write() as session:
        made = factories.issue(session, service="cart", last_seen=now())
        factories.signal(session, made)
        change(session, "abc123", 1, "cart", author=f"Ada {EVIL}", files=[f"shop/{n}.py" for n in range(7)])
    told = part.suspect(analyst.EmbeddedAnalyst().analyze(analyze.gather(platform, made.id)).evidence)
    assert 'href="https://code.example/abc123"' in told and "shop/4.py" in told and "And 2 more files." in told
    assert "by Ada &lt;script&gt;" in told and "<script>" not in told


@pytest.mark.parametrize("url", ["javascript:alert(1)", "", "data:text/html,x"])
def test_only_web_addresses_are_links(platform, url):
    with store.write() as session:
        made = factories.issue(session, service="cart", last_seen=now())
        factories.signal(session, made)
        change(session, "abc123", 1, "cart", url=url)
    told = part.suspect(analyst.EmbeddedAnalyst().analyze(analyze.gather(platform, made.id)).evidence)
    assert "abc123" in told and "href" not in told


@pytest.mark.parametrize("evidence", [[], ["text"], [{"says": "x"}], [{"change": {"score": 0.2}}], [{"change": 3}]])
def test_without_a_likely_change_nothing_is_shown(evidence):
    assert part.suspect(evidence) == ""


def test_a_merge_of_the_platform_names_the_platform_as_its_author(platform):
    with store.write() as session:
        made = factories.issue(session, service="cart", last_seen=now())
        factories.signal(session, made)
        change(session, "abc1234", 1, "cart", author="Ada")
        effects.once(session, "merge", f"issue/{made.id + 7}", {"sha": "abc1234"}, "key")
    (found,) = analyze.gather(platform, made.id).changes
    assert found.attributes["author"] == f"the platform, for issue {made.id + 7}"
