"""Merge, split, silence and suppressed signals, on screen and in the store."""

from __future__ import annotations

from datetime import timedelta

from sqlmodel import select

from core import runtime
from core.actions import triage
from core.db import store
from core.models import AuditRow, Issue, Signal, Status, now
from core.models.kept import Silence
from tests import factories, scenes, screens
from tests.who import by


def in_dialog(at, prefix, kind="button"):
    return next(e for e in getattr(at, kind) if e.key and e.key.startswith(prefix))


def press(at, act: str, **fields):
    """Open the action's dialog, fill it in and confirm."""
    at = next(b for b in at.button if b.key.startswith(f"{act}-")).click().run()
    for name, (kind, value) in fields.items():
        in_dialog(at, f"{name}-", kind).set_value(value)
    return in_dialog(at, "do-").click().run()


def two(**values) -> tuple[int, int]:
    with store.write() as session:
        made = [scenes.story(session, Status.ESCALATED, **values) for _ in range(2)]
        return made[0].id, made[1].id


def use(console) -> None:
    runtime.use(runtime.Runtime(console))


def get(table, number):
    with store.read() as session:
        return session.get_one(table, number)


def test_merging_moves_the_signals_and_links_both(console):
    use(console)
    one, other = two()
    at = press(screens.visit("issues", "operator", issue=one), "merge", into=("selectbox", other))
    assert not at.exception
    gone = get(Issue, one)
    assert (gone.status, gone.merged_into) == (Status.DISMISSED, other)
    assert gone.reason == f"merged into issue {other} by operator"
    with store.read() as session:
        assert {s.issue_id for s in session.exec(select(Signal))} == {other}
        [row] = session.exec(select(AuditRow).where(AuditRow.action == "merge"))
    assert (row.actor, row.subject, row.detail["into"]) == ("operator", f"issue/{one}", other)
    assert f"/issues?issue={other}" in screens.seen(screens.visit("issues", issue=one))
    assert f'Merged issues: <a href="/issues?issue={one}"' in screens.seen(screens.visit("issues", issue=other))
    assert not screens.visit("issues", "operator", issue=one).button, "it has no actions left"


def test_splitting_is_offered_for_issues_with_several_fingerprints(console):
    use(console)
    with store.write() as session:
        issue = scenes.story(session, Status.ESCALATED)
        factories.signal(session, issue, fingerprint="other", title="Queue is full", source="datadog", crash=None)
    at = press(screens.visit("issues", "operator", issue=issue.id), "split", fingerprints=("multiselect", ["other"]))
    assert not at.exception
    with store.read() as session:
        [moved] = session.exec(select(Signal).where(Signal.fingerprint == "other"))
        assert moved.issue_id != issue.id
        assert session.get_one(Issue, moved.issue_id).title == "Queue is full"
    assert not [b for b in screens.visit("issues", "operator", issue=issue.id).button if b.label == "Split"]


def test_a_silence_of_an_issue_is_added_and_ended(console):
    use(console)
    number, _ = two()
    at = press(screens.visit("issues", "operator", issue=number), "silence",
               minutes=("selectbox", 480), reason=("text_area", "the vendor <b>knows</b>"))  # fmt: skip
    assert not at.exception
    [row] = silences()
    assert (row.issue_id, row.by, row.reason) == (number, "operator", "the vendor <b>knows</b>")
    assert timedelta(hours=7.9) < row.ends_at - now() <= timedelta(hours=8)
    page = screens.visit("issues", "operator", issue=number)
    assert "silenced" in screens.seen(page) and "&lt;b&gt;knows" in screens.seen(page)
    press(page, "end_silence")
    assert [r.ended_by for r in silences()] == ["operator"]
    assert "silenced" not in screens.seen(screens.visit("issues", "operator", issue=number))


def silences() -> list[Silence]:
    with store.read() as session:
        return list(session.exec(select(Silence)))


def test_settings_adds_and_ends_silences_and_planned_maintenance(console):
    use(console)
    at = screens.visit("settings", "operator")
    assert "No silences" in screens.seen(at)
    in_dialog(at, "silence_service", "text_input").set_value("pay*")
    start = (now() + timedelta(days=1)).replace(microsecond=0, second=0, tzinfo=None)
    next(e for e in at.datetime_input if e.key == "silence_start").set_value(start)
    press(at.run(), "silence", minutes=("selectbox", 60), reason=("text_area", "database upgrade"))
    [row] = silences()
    assert (row.service, row.title, row.planned, row.reason) == ("pay*", "*", True, "database upgrade")
    assert row.ends_at - row.starts_at == timedelta(hours=1)
    at = screens.visit("settings", "operator")
    assert "planned" in screens.seen(at) and "database upgrade" in screens.seen(at)
    press(at, "end_silence")
    assert "No silences" in screens.seen(screens.visit("settings", "operator"))


def test_a_viewer_sees_silences_but_cannot_end_them(console):
    use(console)
    triage.silence(None, actor=by("operator"), service="cart", minutes=5, reason="known", key="k")
    at = screens.visit("settings", "viewer")
    assert not at.exception
    assert not [b for b in at.button if b.label in ("End silence", "Silence")]


def test_suppressed_signals_are_counted_by_reason(console):
    at = screens.visit("issues")
    assert "No signals were suppressed in the last 24 h." in screens.seen(at)
    with store.write() as session:
        issue = scenes.story(session, Status.ESCALATED)
        for age, reason in ((1, "a user's own error (HTTP 404)"), (2, "a user's own error (HTTP 404)"), (3, "known: x"),
                            (30, "too old")):  # fmt: skip
            at = now() - timedelta(hours=age)
            factories.signal(session, issue, issue_id=None, set_aside=reason, count=5, received_at=at)
    told = screens.seen(screens.visit("issues"))
    assert "3 signals suppressed in the last 24 h" in told
    assert told.index("HTTP 404") < told.index("known: x") and "too old" not in told
    assert ">10<" in told, "occurrences of both 404s"
