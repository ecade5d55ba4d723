"""The diff in both views: its colours, the comments on its lines, and hostile patches."""

from __future__ import annotations

import html
import re

import pytest
from sqlmodel import select

from console.ui import diff, syntax
from core import runtime
from core.access.rights import Refused
from core.actions import commenting
from core.db import store
from core.models import AuditRow, ChangeSet, Status
from core.models.following import LineComment
from core.ops.stage_log import Entry
from core.runtime import Runtime
from core.stages import comments, fix
from core.stages.context import StageContext
from tests import factories, scenes, screens
from tests.who import by

EVIL = '"><script>alert(1)</script>'
VIEWS = (diff.side_by_side, diff.unified)
CASES = [
    "--- a/x.py\n+++ b/x.py\n@@ -1,2 +1,2 @@\n-def f(a):\n+def f(a, b=0):\n     return 'x'  # why\n",
    "--- a/x.txt\n+++ b/x.txt\n@@ -1 +1 @@\n-def f(a):\n+def f(b):\n",
    f"+++ b/{EVIL}.py\n@@ -1 +1 @@ {EVIL}\n-{EVIL}\n+'''{EVIL}\n",
    "+++ b/x.py\n@@ -1,2 +1,2 @@\n-a\x0cb\n+a\x0cc = '\\\n \x1b[0m\ttab\n",
    factories.PATCH,
]


def words(drawn: str) -> str:
    """What a reader sees of the lines, without signs and numbers."""
    cells = re.findall(r'<td(?: class="d-(?:del|add)")?><i aria-hidden="true">.</i>(.*?)</td>', drawn)
    return "\n".join(html.unescape(re.sub(r"<[^>]*>", "", cell)) for cell in cells)


@pytest.mark.parametrize("patch", CASES)
@pytest.mark.parametrize("view", VIEWS)
def test_colours_and_marks_change_no_character(view, patch):
    drawn = view(patch)
    assert "<script" not in drawn
    shown = words(drawn)
    for row in diff.rows(patch):
        for side in (row.left, row.right):
            assert side is None or side[1] in shown


def test_python_is_coloured_by_its_tokens():
    drawn = diff.unified(CASES[0])
    for part in (
        '<span class="d-syn-k">def</span>',
        '<span class="d-syn-s">&#x27;x&#x27;</span>',
        '<span class="d-syn-c"># why</span>',
        '<mark><span class="d-syn-n">0</span></mark>',
    ):
        assert part in drawn
    assert "d-syn" not in diff.unified(CASES[1]), "only Python is coloured"


def test_a_string_over_several_lines_is_one_string():
    parts = syntax.coloured(['"""one', "def two", 'three"""'], "x.py")
    assert {name for line in parts for name, text in line if text} == {"d-syn-s"}


@pytest.mark.parametrize("lines", [["x" * 401], ["x = 1"] * 10_000])
def test_what_is_longer_than_a_fix_is_plain(lines):
    assert syntax.coloured(lines, "x.py") == [[("", line)] for line in lines]


def test_unified_has_each_old_line_above_its_new_one():
    told = re.findall(r'class="d-(del|add)"', diff.unified(factories.PATCH))
    assert told == ["del", "add", "del", "add", "add", "add"]
    assert diff.unified(factories.PATCH).count('class="d-same"') == 7


@pytest.mark.parametrize("view", VIEWS)
def test_a_comment_stands_under_its_line(view):
    drawn = view(factories.PATCH, {("shop/cart.py", 45): ["<b>why</b>"], ("shop/other.py", 45): ["lost"]})
    assert "lost" not in drawn and "&lt;b&gt;why&lt;/b&gt;" in drawn
    assert drawn.index(">if</span>") < drawn.index("why") < drawn.index(">continue</span>")


def test_the_lines_that_can_be_commented_on():
    found = diff.places(factories.PATCH)
    assert found["shop/cart.py:44"] == "shop/cart.py:44  price = prices.get(line.article)"
    assert list(found)[0] == "shop/cart.py:41" and len(found) == 11


# --- comments ----------------------------------------------------------------------------------------


@pytest.fixture
def change(tmp_path) -> ChangeSet:
    screens.open_console(tmp_path)
    with store.write() as session:
        scenes.story(session, Status.ESCALATED)
        scenes.story(session, Status.AWAITING_APPROVAL)
        return session.exec(select(ChangeSet)).one()


def say(made: ChangeSet, text: str, key: str = "k", place: str = "shop/cart.py:45", issue: int = 0):
    target = issue or made.issue_id
    return commenting.comment_line(target, actor=by("operator"), change=made.id, place=place, text=text, key=key)


def test_a_comment_is_kept_shown_and_heard_by_the_next_attempt(change, monkeypatch, tmp_path):
    rt = runtime.use(Runtime(screens.process.settings()))
    assert say(change, f"round it {EVIL}").done
    assert not say(change, f"round it {EVIL}").done
    page = screens.seen(screens.visit("codegen", change=change.id))
    assert "round it" in page and "<script" not in page
    heard = []
    monkeypatch.setattr(fix, "_write", lambda *given: heard.append(given[-1]) or change)
    monkeypatch.setattr(fix.dependence, "further_on", lambda *_: None)
    fix.run(StageContext(rt, change.issue_id, change.run + 1, 1, Entry()), ["the review's finding"])
    assert heard == [["the review's finding", f"A reviewer on shop/cart.py:45: round it {EVIL}"]]
    with store.read() as session:
        [row] = session.exec(select(AuditRow).where(AuditRow.action == "comment_line")).all()
        assert (row.actor, row.detail["place"]) == ("operator", "shop/cart.py:45")


def test_only_the_newest_comments_of_the_issue_are_heard(change):
    runtime.use(Runtime(screens.process.settings()))
    for number in range(12):
        say(change, f"comment {number}", key=f"k{number}")
    with store.read() as session:
        told = comments.feedback(session, change.issue_id)
        assert [text.rpartition(" ")[2] for text in told] == [str(n) for n in range(2, 12)]
        assert comments.feedback(session, change.issue_id - 1) == []


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"text": " "}, "at most 500"),
        ({"text": "x" * 501}, "at most 500"),
        ({"place": "shop/other.py:1"}, "no line of this patch"),
        ({"place": "shop/cart.py"}, "no line of this patch"),
        ({"place": "shop/cart.py:x"}, "no line of this patch"),
        ({"issue": 1}, "does not belong to issue 1"),
    ],
)
def test_a_comment_needs_a_line_of_its_patch(change, values, says):
    runtime.use(Runtime(screens.process.settings()))
    with pytest.raises(Refused, match=says):
        say(change, **{"text": "round it", **values})
    with store.read() as session:
        assert not session.exec(select(LineComment)).all()
