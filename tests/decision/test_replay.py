"""Replay and the policy's text: which decisions flip, comments stay, a change is applied completely or not at all."""

import json
from datetime import UTC, datetime

import pytest
from sqlmodel import select

from core import runtime
from core.access import rights
from core.actions import policy as policy_actions
from core.audit import chain
from core.cli import replay as command_replay
from core.db import store
from core.decision import receipt, situation
from core.decision.replay import PastDecision, replay
from core.models import Cause, Impact, Severity, Verdict
from core.models.kept import PolicyVersion
from core.policy import versions
from core.policy.reader import ConfigurationError, Policy, parse_policy
from core.runtime import Runtime
from tests import scenes, screens
from tests.who import by

AT = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = parse_policy(screens.PLATFORM, "platform.toml")


def past(**values) -> PastDecision:
    """A decision under POLICY: a mild one of a search service by default."""
    given = {"analysis": 0.8, "simplicity": 0.8, "successes": 9, "outcomes": 9, "occurrences": 50, **values}
    case = situation.Situation("search", Severity.MEDIUM, Impact.LOW, **{"cause": Cause.CODE, **given})
    made = receipt.decide(case, POLICY)
    inputs = json.loads(json.dumps(made.inputs))
    return PastDecision(1, "t", "search", AT, made.verdict, made.needs_approval, made.confidence, inputs, "fixed")


def policy(**sections) -> Policy:
    return Policy(**{**POLICY.model_dump(), **sections})


CASES = [
    ({}, []),
    ({"thresholds": {"auto_any": 0.99, "auto_mild": 0.99}}, [(Verdict.ESCALATE_HUMAN, False)]),
    ({"guards": {"approval_always": True}}, [(Verdict.AUTO_RESOLVE, True)]),
    ({"guards": {"minimum_occurrences": 51}}, [(Verdict.ESCALATE_HUMAN, False)]),
    ({"guards": {"critical_services": ["search"]}}, [(Verdict.AUTO_RESOLVE, True)]),
    ({"services": {}}, [(Verdict.ESCALATE_HUMAN, False)]),
]


def test_a_waiver_of_corroboration_flips_the_decisions_that_required_it():
    lonely = past(corroborated=False, corroboration="No metric shows it.")
    found = replay([lonely], policy(corroboration={"required": False}), POLICY)
    assert [(f.past.needs_approval, f.needs_approval) for f in found.flips] == [(True, False)]
    assert replay([lonely], POLICY).flips == []


@pytest.mark.parametrize("sections, expected", CASES)
def test_which_decisions_flip(sections, expected):
    found = replay([past()], policy(**sections), POLICY)
    assert [(f.verdict, f.needs_approval) for f in found.flips] == expected
    assert found.judged == 1 and not any(f.already for f in found.flips)


def test_a_flip_that_todays_policy_also_makes_is_marked():
    strict = policy(guards={"approval_always": True})
    [flip] = replay([past()], strict, strict).flips
    assert flip.already
    assert replay([past()], strict).kinds() == {("resolve automatically", "resolve automatically, with approval"): 1}


@pytest.mark.parametrize("inputs", [{}, {"service": "x"}, {"service": "x", "severity": "odd", "impact": "low"}])
def test_a_receipt_without_its_inputs_is_counted_but_not_judged(inputs):
    odd = PastDecision(1, "t", "x", AT, Verdict.AUTO_RESOLVE, False, 0.9, inputs)
    found = replay([odd, past()], POLICY)
    assert (found.judged, found.unreadable) == (1, 1)


def test_an_edit_keeps_comments_and_order():
    after = versions.edited(screens.PLATFORM, {"guards.deployments_per_hour": 2, "watch.seconds": 60.0})
    assert "# a person approves before production" in after and "# Services and policy" in after
    read = parse_policy(after, "x")
    assert (read.guards.deployments_per_hour, read.watch.seconds) == (2, 60)
    assert read.services == POLICY.services
    assert versions.edited(screens.PLATFORM, {}) == screens.PLATFORM


@pytest.fixture
def console(tmp_path):
    settings = screens.open_console(tmp_path)
    runtime.use(Runtime(settings))
    yield settings
    runtime.use(None)


def change(settings, text, key="k", based_on=None, reason="safer"):
    now = versions.digest(settings.platform_file.read_text())
    return policy_actions.change_policy(text, actor=by("admin"), reason=reason, based_on=based_on or now, key=key)


def test_a_change_takes_effect_and_is_stored_and_audited(console):
    after = versions.edited(screens.PLATFORM, {"guards.approval_always": True})
    assert change(console, after).done
    assert runtime.current().policy.guards.approval_always
    with store.read() as session:
        kept = session.exec(select(PolicyVersion).order_by(PolicyVersion.id)).all()
        row = session.exec(select(chain.AuditRow)).one()
        assert chain.verify(session).ok
    assert [(v.by, v.text) for v in kept] == [("file", screens.PLATFORM), ("admin", after)]
    assert (row.actor, row.action, row.detail["after"]) == ("admin", "change_policy", versions.digest(after))
    assert not list(console.data_dir.glob(".platform*")), "no half-written file is left"


def test_an_earlier_version_can_be_restored(console):
    change(console, versions.edited(screens.PLATFORM, {"guards.approval_always": True}), "one")
    change(console, screens.PLATFORM, "two", reason="back to version 1")
    assert console.platform_file.read_text() == screens.PLATFORM
    with store.read() as session:
        assert [v.by for v in versions.versions(session)] == ["admin", "admin", "file"]


def test_the_same_click_twice_counts_once(console):
    after = versions.edited(screens.PLATFORM, {"guards.approval_always": True})
    change(console, after, "one")
    change(console, screens.PLATFORM, "two")
    assert not change(console, after, "one").done
    assert console.platform_file.read_text() == screens.PLATFORM


@pytest.mark.parametrize(
    "text, more, says",
    [
        ("[guards]\nspeed = 9\n", {}, "guards.speed"),
        ("no toml", {}, "platform.toml"),
        (screens.PLATFORM, {"based_on": "0" * 64}, "has changed since"),
        (screens.PLATFORM, {"reason": " "}, "Enter a reason"),
    ],
)
def test_an_unusable_policy_changes_nothing(console, text, more, says):
    with pytest.raises(rights.Refused, match=says):
        change(console, text, **more)
    assert console.platform_file.read_text() == screens.PLATFORM
    with store.read() as session:
        assert not session.exec(select(PolicyVersion)).all() and not session.exec(select(chain.AuditRow)).all()


def test_a_change_that_cannot_be_stored_restores_the_file(console, monkeypatch):
    def fails(*_args, **_more):
        raise OSError("disk full")

    after = versions.edited(screens.PLATFORM, {"guards.approval_always": True})
    original = versions.put_in_force

    def stored_then_fails(*args, **more):
        original(*args, **more)
        assert console.platform_file.read_text() == after
        fails()

    monkeypatch.setattr(versions, "put_in_force", stored_then_fails)
    with pytest.raises(OSError):
        change(console, after)
    assert console.platform_file.read_text() == screens.PLATFORM


def test_the_command_lists_the_flips(console, monkeypatch, tmp_path, capsys):
    with store.write() as session:
        scenes.shop(session)
    monkeypatch.setenv("DATABASE_URL", console.database_url)
    monkeypatch.setenv("PLATFORM_FILE", str(console.platform_file))
    strict = tmp_path / "strict.toml"
    strict.write_text(versions.edited(screens.PLATFORM, {"guards.approval_always": True}))
    assert command_replay.main(["--policy", str(strict), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["judged"] == 49 and not told["unreadable"]
    assert {(f["verdict"], f["needs_approval"]) for f in told["flips"]} == {
        ("AUTO_RESOLVE", True),
        ("SCHEDULE_MAINTENANCE", True),
    }
    assert command_replay.main(["--policy", str(console.platform_file)]) == 0
    assert "49 decisions replayed, 0 would change" in capsys.readouterr().out
    strict.write_text("[guards]\nspeed = 9\n")
    with pytest.raises(ConfigurationError):
        command_replay.main(["--policy", str(strict)])
