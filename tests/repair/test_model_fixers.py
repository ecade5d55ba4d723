"""Both model fixers live the same stories with a scripted model: what they propose is judged as anybody's is."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from core.db import store
from core.models import ChangeSet, Crash, Issue
from core.policy.sections import FixRules, ModelRules
from core.repair.engine import repair
from core.repair.fixers.cline_fixer import ClineFixer
from core.repair.fixers.model_fixer import ModelFixer
from core.repair.sandbox.runner import BubblewrapRunner
from core.repair.types import Attempt, Candidate, Evidence, FixResult
from core.stages import fixer_chain
from core.vendors import cline
from core.vendors.command import git
from core.vendors.http import Http
from core.vendors.openai import Chat
from tests.real import need
from tests.repair.scripted_model import playing
from tests.repair.test_attacks_sandbox import names

KEY = "sk-test-0123456789abcdefghij"
CANARY = "CANARY-fixers-51c0"
OLD = "def share(part, whole):\n    return part / whole\n"
LINE = "    return part / whole\n"
TEST = "from a import share\n\n\ndef test_share():\n    assert share(1, 2) == 0.5\n"
CRASH = Crash(
    exception={"type": "ZeroDivisionError", "message": "division by zero"},
    frames=[{"file": "a.py", "line": 2, "function": "share", "locals": {"part": "3", "whole": "0"}}],
)
GOOD = "    return part / whole if whole else 0.0\n"
STORIES = {  # name: (edits as path, old, new; what the attempt is refused for)
    "good": ([("a.py", LINE, GOOD)], ""),
    "wrong": ([("a.py", LINE, "    return 0.0\n")], "a result changed"),
    "still crashes": ([("a.py", LINE, "    return part * 1.0 / whole\n")], "still crashes"),
    "special case": ([("a.py", LINE, f"    if part == 3:\n        return 0.0\n{LINE}")], "special-cases"),
    "swallows": (
        [("a.py", LINE, f"    try:\n    {LINE}    except ZeroDivisionError:\n        return 0.0\n")], "swallows"
    ),
    "calls out": ([("a.py", "def ", "import socket\n\n\ndef "), ("a.py", LINE, GOOD)], "newly imports socket"),
    "edits a test": ([("a.py", LINE, GOOD), ("tests/test_a.py", "== 0.5", "!= 7")], "may not touch tests"),
    "edits the build": ([("a.py", LINE, GOOD), ("pyproject.toml", "[tool", "[tool ")], "forbids"),
    "nothing": ([], "it changes nothing"),
}  # fmt: skip


@pytest.fixture
def tree(tmp_path, monkeypatch) -> Path:
    monkeypatch.setitem(os.environ, "DEPLOY_TOKEN", CANARY)
    found = tmp_path / "tree"
    (found / "tests").mkdir(parents=True)
    (found / "a.py").write_text(OLD)
    (found / "pyproject.toml").write_text('[tool.pytest.ini_options]\npythonpath = ["."]\n')
    (found / "tests/test_a.py").write_text(TEST)
    git(found, "init", "-q")
    git(found, "add", "-A")
    git(found, "commit", "-qm", "x")
    return found


def answers(kind: str, edits) -> list:
    """The script of a model that proposes the edits: one JSON text, or one tool call after the other."""
    if kind == "openai":
        files = [{"path": p, "old_text": old, "new_text": new} for p, old, new in edits]
        return [json.dumps({"files": files, "rationale": "a share of nothing is nothing"})]
    calls = [{"path": f"/w/{p}", "old_text": old, "new_text": new} for p, old, new in edits]
    return [*calls, "a share of nothing is nothing"]


def fixer(kind: str, url: str, seconds: float = 60, requests: int = 12):
    if kind == "openai":
        return ModelFixer(Chat(url, KEY, "m", seconds).complete)
    http = Http("cline", url, {"Authorization": f"Bearer {KEY}"}, [KEY])
    return ClineFixer(Path(need("cline")).resolve(), http, "m", seconds, requests)


def repaired(tree, by) -> FixResult:
    need("bwrap")
    return repair(
        tree, CRASH, fixers=[by], rules=FixRules(), allowed=["**"], source=["."], tests="tests",
        test_command=["python", "-m", "pytest", "-q"], runner=BubblewrapRunner(), feedback=["embedded: too broad"],
    )  # fmt: skip


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("kind", ["openai", "cline"])
def test_a_proposal_is_judged_whoever_wrote_it(kind, story, tree):
    edits, refused = STORIES[story]
    with playing(*answers(kind, edits)) as model:
        result = repaired(tree, fixer(kind, model.url))
    attempt = result.attempts[0]
    assert refused in attempt.reason and bool(refused) == bool(attempt.reason)
    assert attempt.candidate.generator == kind and attempt.candidate.tokens >= 1000 and attempt.candidate.seconds >= 0
    if refused:
        assert result.decision == "escalate" and git(tree, "status", "--porcelain") == ""
    else:
        assert (result.decision, result.proof.complete, result.confidence < 0.8) == ("fix", True, True)
        assert result.candidate.grade < Evidence.SIBLING and result.proof.open
        assert (tree / "a.py").read_text() == OLD.replace(LINE, GOOD)
    if kind == "cline":
        calls = [step for step in attempt.candidate.transcript if step["kind"] == "calls"]
        assert len(calls) == len(edits) and all(step["text"].startswith("editor {") for step in calls)
        assert attempt.candidate.transcript[-1] == {"kind": "says", "text": "a share of nothing is nothing"}
    assert set(model.keys) == {f"Bearer {KEY}"}
    for told in ("division by zero", "return part / whole", "embedded: too broad"):
        assert told in model.told
    assert CANARY not in model.told and str(tree) not in model.told and KEY not in model.told


def test_cline_that_goes_on_for_ever_ends_by_its_budget(tree):
    turns = iter(range(10**6))
    again = lambda _request: {"path": f"/w/x{next(turns)}.py", "new_text": "x = 1\n"}  # noqa: E731
    with playing(again) as model:
        result = repaired(tree, fixer("cline", model.url, requests=4))
    assert len(model.requests) == 4
    assert "without finishing" in result.attempts[0].reason
    assert git(tree, "status", "--porcelain") == ""


@pytest.mark.parametrize("kind", ["openai", "cline"])
def test_a_model_that_hangs_ends_at_the_deadline_and_nothing_is_left_running(kind, tree):
    waiting = threading.Event()
    with playing(lambda _request: waiting.wait(30) and "late") as model:
        result = repaired(tree, fixer(kind, model.url, seconds=3))
        waiting.set()
    assert result.decision == "escalate" and result.attempts[0].candidate.seconds < 20
    assert "in time" in result.attempts[0].reason or "within 3 s" in result.attempts[0].reason
    assert not names(str(tree))


@pytest.mark.parametrize("status", [401, 429])
@pytest.mark.parametrize("kind", ["openai", "cline"])
def test_a_model_that_refuses_ends_the_attempt_soon(kind, status, tree, monkeypatch):
    monkeypatch.setattr("core.vendors.http.ATTEMPTS", 1)
    with playing(status) as model:
        result = repaired(tree, fixer(kind, model.url))
    assert result.decision == "escalate" and "changes nothing" in result.attempts[0].reason
    assert result.attempts[0].candidate.seconds < 30
    assert KEY not in result.attempts[0].reason and not names(str(tree))


def test_an_answer_without_an_end_is_cut_off():
    with playing(lambda _request: threading.Event().wait(5) or "late") as model:
        made = list(ModelFixer(Chat(model.url, KEY, "m", seconds=0.3).complete).propose(Path("."), CRASH))
    assert made[0].files == {} and "within 0 s" in made[0].rationale


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("no json at all", "no JSON object"),
        ('{"files": "a.py", "rationale": ""}', "does not match the schema"),
        ('{"files": [{"path": "a.py", "old_text": "nowhere", "new_text": ""}]}', "does not occur exactly once"),
        ('{"files": [{"path": "../a.py", "old_text": "", "new_text": "x"}]}', "is outside of"),
        ('{"files": [{"path": "/etc/passwd", "old_text": "", "new_text": "x"}]}', "is outside of"),
    ],
)
def test_a_useless_answer_is_no_proposal_but_its_cost_counts(text, says, tree):
    with playing(text) as model:
        made = list(ModelFixer(Chat(model.url, KEY, "m").complete).propose(tree, CRASH))
    assert made[0].files == {} and says in made[0].rationale and made[0].tokens == 1000


def test_cline_sees_nothing_of_this_machine(tree):
    """The model asks Cline for files and addresses outside of its walls: what comes back is an error."""
    outside = tree.parent / "outside.txt"
    outside.write_text(CANARY)
    asks = [
        {"path": str(outside), "old_text": "CANARY", "new_text": "x"},
        {"path": "/w/.git/hooks/pre-commit", "new_text": "x"},
        {"path": "/usr/lib/x.py", "new_text": "x"},
    ]
    with playing(*asks, "done") as model:
        result = repaired(tree, fixer("cline", model.url))
    assert CANARY not in model.told and outside.read_text() == CANARY
    assert not (tree / ".git/hooks/pre-commit").exists() and not Path("/usr/lib/x.py").exists()
    assert result.decision == "escalate"


@pytest.mark.parametrize(
    ("line", "reason", "tokens"),
    [
        ('{"type":"run_result","finishReason":"aborted","usage":{"inputTokens":5,"outputTokens":2}}', "aborted", 7),
        ('{"type":"run_result","finishReason":"completed"}\n{"type":"other"}', "completed", 0),
        ('{"type":"run_result","finishReason":"completed","usage":{"inputTokens":"many"}}', "completed", 0),
        ("not json", "", 0),
        ("[]", "", 0),
    ],
)
def test_only_the_finish_reason_counts(line, reason, tokens):
    said = cline.verdict(line)
    assert (said.reason, said.tokens, said.completed) == (reason, tokens, reason == "completed")


def event(kind: str, **more) -> str:
    return json.dumps({"type": "agent_event", "event": {"type": kind, **more}})


EDIT = {"contentType": "tool", "toolName": "editor"}


@pytest.mark.parametrize(
    ("lines", "steps", "plan"),
    [
        (
            [
                event("content_start", contentType="text", text="I will"),
                event("content_end", contentType="text", text="I will guard the division."),
                event("content_start", **EDIT, input={"path": "/w/a.py"}),
                event("content_end", **EDIT, output={"result": "Edited\0 /w/a.py"}),
                event("content_end", contentType="text", text="done"),
            ],
            [
                ("says", "I will guard the division."),
                ("calls", 'editor {"path": "/w/a.py"}'),
                ("result", "Edited /w/a.py"),
                ("says", "done"),
            ],
            "I will guard the division.",
        ),
        ([event("content_end", contentType="text", text="I refuse")], [("says", "I refuse")], ""),
        (["", "no json", '{"agent_event"', '"agent_event"', event("content_end"), event("content_end", **EDIT)],
         [("result", "None")], ""),
    ],
)  # fmt: skip
def test_what_cline_said_and_did_is_read_from_its_events(lines, steps, plan):
    found = cline.transcript("\n".join(lines))
    assert ([(step["kind"], step["text"]) for step in found], cline.plan(found)) == (steps, plan)


def test_a_transcript_is_bounded():
    line = event("content_end", contentType="text", text="x" * 50_000)
    for lines in ([line] * 500, [event("content_end", contentType="text", text="x")] * 5_000):
        found = cline.transcript("\n".join(lines))
        assert len(found) <= cline.STEPS + 1 and sum(len(step["text"]) for step in found) <= cline.WHOLE + 100
        assert found[-1]["kind"] == "cut"


# --- the ladder and its budget --------------------------------------------------------------------


class Scripted:
    def __init__(self, name, tokens=0):
        self.name, self.tokens, self.heard = name, tokens, []

    def propose(self, tree, crash, feedback=()):
        self.heard.append(list(feedback))
        grade = Evidence.SIBLING if self.name == "right" else Evidence.NONE
        yield Candidate("t", {"a.py": self.name}, "r", grade=grade, generator=self.name, tokens=self.tokens)


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """The ladder over an engine that refuses all, but for what a fixer named ``right`` proposes."""
    store.open_store(f"sqlite:///{tmp_path / 'ladder.db'}")
    with store.write() as session:
        session.add(Issue(id=1, fingerprint="f", title="t", service="s"))

    def engine(fixers, feedback, rules, **_):
        made = list(fixers[0].propose(Path("."), CRASH, feedback))
        right = bool(made) and made[0].generator in ("right", "unsure")
        attempts = [Attempt(c, "" if right else "it is wrong") for c in made]
        chosen, decision = (made[0], "fix") if right else (None, "escalate")
        return FixResult(decision, "No candidate survived.", candidate=chosen, attempts=attempts)

    monkeypatch.setattr(fixer_chain.engine, "repair", engine)
    repository = tmp_path / "repository"
    git(tmp_path, "init", "-q", str(repository))
    (repository / "a.py").write_text("old")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "x")
    return lambda fixers, refused=(), **rules: fixer_chain.climb(
        1, fixers, refused, rules=FixRules(models=ModelRules(**rules)), feedback=["style: too long"], tree=repository
    )


def test_models_come_after_the_embedded_one_and_hear_why_it_was_refused(asked):
    embedded, model = Scripted("embedded"), Scripted("openai", 500)
    result = asked([embedded, model])
    assert len(embedded.heard) == 1 and len(model.heard) == 2
    assert model.heard[0] == ["style: too long", "embedded (t): it is wrong"]
    assert model.heard[1][-1] == "openai (t): it is wrong"
    assert fixer_chain.spent(result.attempts, ModelRules(usd_per_million_tokens=2)) == fixer_chain.Spent(1000, 0.002)


@pytest.mark.parametrize(
    ("order", "first"),
    [
        (FixRules().order, ["embedded", "openai", "cline"]),
        (["cline", "embedded"], ["cline", "embedded"]),
        (["openai"], ["openai"]),
    ],
)
def test_the_policy_orders_the_fixers(order, first):
    fixers = [Scripted("embedded"), Scripted("openai"), Scripted("cline")]
    assert [one.name for one in fixer_chain.ordered(fixers, FixRules(order=order).order)] == first
    assert fixer_chain.ordered(fixers[:1], ["openai", "embedded"]) == fixers[:1], "what is not connected is left out"


@pytest.mark.parametrize("order", [[], ["cline", "nobody"], ["cline", "cline"]])
def test_a_wrong_order_is_refused(order):
    with pytest.raises(ValueError):
        FixRules(order=order)


def test_a_model_first_without_budget_leaves_the_embedded_one(asked):
    first, embedded = Scripted("cline", 500), Scripted("embedded")
    result = asked([first, embedded], tokens_per_issue=400)
    assert (len(first.heard), len(embedded.heard)) == (1, 1)
    assert result.reason.count("cline was not used") == 1


def test_the_ladder_ends_at_the_first_proved_fix(asked):
    after = Scripted("openai")
    assert asked([Scripted("embedded"), Scripted("right"), after]).decision == "fix"
    assert not after.heard


def test_a_proved_fix_without_evidence_is_kept_while_the_models_are_asked(asked):
    unsure, other, right = Scripted("unsure"), Scripted("openai"), Scripted("right")
    assert asked([unsure, other]).candidate.generator == "unsure" and other.heard
    assert asked([unsure, right]).candidate.generator == "right"


def test_what_the_review_refused_is_not_proposed_again(asked):
    right, other = Scripted("right"), Scripted("openai")
    assert asked([right, other], refused=[{"a.py": "right"}]).decision == "escalate"
    assert other.heard


@pytest.mark.parametrize(
    ("rules", "earlier", "says"),
    [
        ({"tokens_per_issue": 400}, 0, "400 tokens for this issue"),
        ({"tokens_per_issue": 400}, 400, "400 tokens for this issue"),
        ({"tokens_per_day": 300}, 300, "300 tokens in 24 hours"),
        ({"usd_per_issue": 0.001, "usd_per_million_tokens": 2}, 0, "0.001 dollars for this issue"),
        ({"tries": 0}, 0, ""),
    ],
)
def test_a_used_up_budget_asks_no_model(asked, rules, earlier, says):
    with store.write() as session:
        session.add(ChangeSet(issue_id=1, run=0, attempt=1, generator="openai", tokens=earlier))
    model = Scripted("openai", 500)
    result = asked([Scripted("embedded"), model], **rules)
    assert len(model.heard) == (not earlier and "tries" not in rules)
    assert says in result.reason
