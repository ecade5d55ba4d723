"""What a reviewer reads: every question answered, in order, and no stranger's text as markup."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.db import store
from core.models import Analysis, Cause, ChangeSet, Impact, Issue, Review, Severity, Status
from core.repair.sandbox.runner import LimitedRunner
from core.runtime import Runtime
from core.settings import Settings
from core.stages import duplicate_fixes, pull_request

HEADINGS = (
    "What failed.",
    "Cause.",
    "Why this change.",
    "Proof",
    "Review",
    "What was not checked",
    "How to roll back.",
)
EVIL = "@all closes #7 ![x](http://evil.example) <script> `x` | y &commat;everyone closes &num;8"


SCAN = {"gate": "vulnerabilities", "passed": True, "done": True, "value": 0.0, "says": "asked"}
UNSCANNED = SCAN | {"done": False, "value": None, "says": "not scanned: osv: could not be reached"}


def body(
    evidence=("the docstring says 0.0",), runner=None, evil="", proved=True, timed=1.02, scan=SCAN, notes=()
) -> str:
    at = datetime(2026, 3, 2, 8, tzinfo=UTC)
    issue = Issue(
        id=12, fingerprint="f", title=f"ZeroDivisionError: division by zero {evil}", service="pricing", occurrences=31,
        users=9, release="2.1", first_seen=at, last_seen=at.replace(hour=9),
    )  # fmt: skip
    analysis = Analysis(
        issue_id=12, run=1, analyst="embedded", root_cause=f"nothing {evil}", cause=Cause.CODE, culprit="shop.py:2",
        severity=Severity.HIGH, impact=Impact.LOW, confidence=0.9, simplicity=1.0,
    )  # fmt: skip
    proof = dict.fromkeys(("fails_before", "passes_after", "fails_reverted", "older_tests_pass", "complete"), proved)
    proof |= {"says": ["On the old code the new test fails."], "evidence": [*evidence]}
    change = ChangeSet(
        issue_id=12, run=1, attempt=1, generator="openai", template="model", tokens=900, confidence=0.79, proof=proof,
        rationale=f"nothing of nothing is 0.0 {evil}", head_sha="abc123def4567", test_path="tests/test_regression_1.py",
    )  # fmt: skip
    gates = [
        {"gate": "performance", "passed": True, "value": timed, "says": "1.02 times"},
        {"gate": "coverage", "passed": True, "value": 1.0, "says": f"2 of 2 {evil}"},
    ]
    findings = [{"gate": "x", "path": f"a.txt {evil}", "line": 1, "severity": s, "says": says} for s, says in notes]
    review = Review(change_set_id=1, passed=True, gates=[*gates, *([scan] if scan else [])], findings=findings)
    return pull_request.body(Runtime(Settings(), runner=runner), issue, analysis, change, review)


def test_every_question_is_answered_in_order():
    text = body()
    places = [text.index(f"**{heading}") for heading in HEADINGS]
    assert places == sorted(places)
    for said in (
        "31 times", "for 9 users", "release 2.1", "2026-03-02 08:00 to 2026-03-02 09:00 UTC", "shop.py:2",
        "- the docstring says 0.0", "- [x] the new test fails on the old code", "tests/test_regression_1.py",
        "| performance | passed | 1.02 times |", "git revert abc123def456", "Issue 12", "900 tokens", "0.79",
        "| vulnerabilities | passed | asked |",
    ):  # fmt: skip
        assert said in text, said


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"evidence": ()}, "Please check it."),
        ({"runner": LimitedRunner()}, "weaker sandbox"),
        ({"proved": False}, "this change is only a proposal"),
        ({"proved": False}, "- [ ] it passes with the fix"),
        ({"timed": None}, "no recorded input could be timed"),
        ({"scan": UNSCANNED}, "| vulnerabilities | **not done** | not scanned: osv: could not be reached |"),
        ({"scan": UNSCANNED}, "its dependencies: not scanned: osv: could not be reached."),
        ({"scan": None}, "its dependencies: not scanned."),
        (
            {"notes": [("note", "six has X-1")]},
            "Notes on problems that this change did not cause:\n- a.txt: six has X-1",
        ),
        ({"notes": [("note", "n")] * 12}, "- and 2 more in the console"),
    ],
)
def test_what_is_missing_is_said(given, says):
    assert says in body(**given) and (says not in body())


def test_a_strangers_text_stays_text():
    text = body(evil=EVIL, evidence=(EVIL,), scan=SCAN | {"says": EVIL}, notes=[("note", EVIL), ("error", "unsaid")])
    for sign in ("@all", "#7", "![", "http://evil", "<script>", "`x`", "&commat;", "&num;"):
        assert sign not in text
    assert len([line for line in text.splitlines() if line.startswith("|")]) == 5
    assert "unsaid" not in text


PATCH = "diff --git a/shop.py b/shop.py\nindex 1..2 100644\n--- a/shop.py\n+++ b/shop.py\n@@ -2 +2 @@\n-a\n+b\n"
OTHER = "diff --git a/{0} b/{0}\nnew file mode 100644\n--- /dev/null\n+++ b/{0}\n@@ -0,0 +1 @@\n+{0}\n"


def made(patch, test, issue=1):
    return ChangeSet(issue_id=issue, run=1, attempt=1, generator="embedded", patch=patch, test_path=test, head_sha="a")


def test_the_same_change_is_known_whatever_its_test_is_called():
    one = made(PATCH + OTHER.format("tests/test_1.py"), "tests/test_1.py")
    moved = made(OTHER.format("tests/test_2.py") + PATCH.replace("@@ -2 +2", "@@ -9 +9"), "tests/test_2.py")
    assert duplicate_fixes.source(one) == duplicate_fixes.source(moved) != ""
    assert duplicate_fixes.source(one) != duplicate_fixes.source(made(PATCH.replace("+b", "+c"), ""))


@pytest.mark.parametrize(
    ("status", "service", "patch", "found"),
    [
        (Status.AWAITING_APPROVAL, "pricing", PATCH, True),
        (Status.RESOLVED, "pricing", PATCH, False),
        (Status.TESTING, "elsewhere", PATCH, False),
        (Status.TESTING, "pricing", PATCH.replace("+b", "+c"), False),
    ],
    ids=["under way", "ended", "other repository", "other change"],
)
def test_a_second_fix_of_the_same_defect_is_found_while_the_first_is_under_way(status, service, patch, found, tmp_path):
    store.open_store(f"sqlite:///{tmp_path / 'twins.db'}")
    with store.write() as session:
        session.add(Issue(id=1, fingerprint="f", title="t", service=service, status=status))
        session.flush()
        session.add(made(patch + OTHER.format("tests/test_1.py"), "tests/test_1.py"))
    mine = made(PATCH + OTHER.format("tests/test_2.py"), "tests/test_2.py", issue=2)
    with store.read() as session:
        twin = duplicate_fixes.find(session, mine, ["pricing", "checkout"])
    assert (twin is not None and twin.id == 1) == found
