"""New errors in the lines of a fix are linked to the issue of that fix."""

import pytest
from sqlmodel import select

from core.db import store
from core.models import IssueLink, LinkKind, Status, now
from tests import factories
from tests.reported import MINUTE, grouped, links, saved, started, two_repositories


@pytest.fixture
def platform(tmp_path):
    return two_repositories(tmp_path)


# --- errors that a fix caused ----------------------------------------------------------------------


def released(ago: float, **values) -> int:
    """The issue of a fix that changed line 44 of shop/cart.py, released so many minutes ago."""
    with store.write() as session:
        fixed = factories.issue(session, service="cart", status=Status.RESOLVED)
        made = factories.change_set(session, fixed)
        at = now() - ago * MINUTE
        factories.deployment(session, made, ready_at=at, started_at=at, **{"ended_at": None} | values)
        return fixed.id


def in_line(line: int, **values) -> dict:
    frames = [{"file": "/app/shop/cart.py", "function": "total", "line": line, "code": "amount += price"}]
    return {
        "crash": {"exception": {"type": "TypeError", "message": "x"}, "frames": frames},
        "title": "TypeError: x",
    } | values


def test_an_error_in_the_lines_of_a_fix_is_linked_to_its_issue(platform):
    fixed = released(20)
    saved("cart", 5, **in_line(44))
    caused = grouped(platform)[-1]
    assert links() == [(caused.id, fixed, LinkKind.FIX, True)]
    assert started(platform) == [caused.id], "it starts a run as usual"
    with store.read() as session:
        (link,) = session.exec(select(IssueLink)).all()
    assert link.change_set_id and link.reason.endswith("which changed /app/shop/cart.py:44.")


@pytest.mark.parametrize(
    ("ago", "values", "released_"),
    [
        (5, in_line(90), {}),  # other lines
        (30, in_line(44), {}),  # before the release
        (5, in_line(44, service="partner"), {}),  # another repository
        (5, in_line(44, release="abcdef0123"), {}),  # of another build
        (5, in_line(44), {"status": "rolled_back", "ended_at": now() - 15 * MINUTE}),
    ],
)
def test_other_errors_are_not_the_fixs_fault(platform, ago, values, released_):
    released(20, **released_)
    values = dict(values)
    saved(values.pop("service", "cart"), ago, **values)
    grouped(platform)
    assert links() == []
