"""What a model did for a change is kept with it, and shown escaped."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.parts import transcript as part
from core.models import ChangeSet, Crash, Frame, Raised
from core.policy.sections import ModelRules
from core.repair.fixers import cline_fixer
from core.repair.fixers.cline_fixer import ClineFixer
from core.repair.types import Attempt, FixResult
from core.stages import fix_record
from core.vendors.command import Completed
from core.vendors.http import Http
from tests.repair.test_model_fixers import EDIT, event

KEY = "sk-0123456789abcdefghijklmnop"
EVIL = "<script>alert(1)</script>"
CRASH = Crash(exception=Raised(type="KeyError", message="x"), frames=[Frame(file="a.py", line=1)])
LINES = [
    event("content_end", contentType="text", text=f"My plan: read {KEY} {EVIL}"),
    event("content_start", **EDIT, input={"path": "/w/a.py"}),
    '{"type":"run_result","finishReason":"completed","text":"done","usage":{"inputTokens":700,"outputTokens":300}}',
]


@pytest.fixture
def change(tmp_path, monkeypatch):
    """The change set of an issue that one run of Cline attempted."""
    monkeypatch.setattr(cline_fixer, "left_behind", lambda tree: {"a.py": "new"})
    by = ClineFixer(Path("/bin/true"), Http("cline", "https://model.example", secrets=[KEY]), "m")
    monkeypatch.setattr(by, "_run", lambda tree, text: Completed(0, "\n".join(LINES), "", 1.0))
    (made,) = by.propose(tmp_path, CRASH)
    found = ChangeSet(issue_id=1, run=1, attempt=1, generator="none")
    fix_record.describe(found, FixResult("escalate", "no", attempts=[Attempt(made, "it is wrong")]), ModelRules())
    return found


def test_plan_transcript_and_cost_are_kept_without_the_key(change):
    (kept,) = change.proof["models"]
    assert [step["kind"] for step in kept["transcript"]] == ["says", "calls"]
    assert kept["plan"].startswith("My plan: read ") and KEY not in str(change.proof)
    assert (kept["generator"], kept["tokens"], kept["reason"]) == ("cline", 1000, "it is wrong")


def test_the_page_shows_them_escaped(change):
    shown = part.drawn(change.proof["models"])
    assert "Plan: " in shown and "Transcript of cline (2 steps)" in shown and "1,000" in shown
    assert EVIL not in shown and "&lt;script&gt;" in shown


@pytest.mark.parametrize(
    ("attempts", "empty"),
    [(None, True), ([], True), ("text", True), ([{}], False), ([{"transcript": "x", "plan": 3}], False)],
)
def test_older_and_odd_rows_are_drawn(attempts, empty):
    assert (part.drawn(attempts) == "") == empty
