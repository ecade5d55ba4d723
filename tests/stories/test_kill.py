"""kill -9 wherever the worker writes, inside each stage and at each boundary: the issue ends as if nothing had
happened, and nothing that reaches the outside happens twice.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys

import pytest

from core.settings import ROOT
from core.vendors.command import git

FIXED = ["pull", "preview", "production", "merge"]
# story, how it ends, effects in their order, the durable steps that have to be among the places of death
STEPS = ["analyze.run", "decide.run", "fix.run", "review.run", "test.run", "deploy.preview", "deploy.production",
         "verify.watch"]  # fmt: skip
WAYS = ("commands", "pipeline", "cluster")
STORIES = [
    ("fixed", "RESOLVED", FIXED, [*STEPS, "learn.run"]),
    ("approved", "RESOLVED", FIXED, [*STEPS, "deploy.ask", "learn.run"]),
    ("harmful", "ESCALATED", ["pull", "preview", "production", "rollback"], [*STEPS, "verify.roll_back"]),
    ("rejected", "ESCALATED", ["pull", "preview", "close"], [*STEPS[:6], "deploy.ask", "handover.run"]),
    *((way, "RESOLVED", ["pull", "production", "merge"], [*STEPS, "learn.run"]) for way in WAYS),
    *(
        (f"{way}_harmful", "ESCALATED", ["pull", "production", "rollback"], [*STEPS, "verify.roll_back"])
        for way in WAYS
    ),
    ("steps", "RESOLVED", ["pull", "preview", "production", "share", "share", "merge"], [*STEPS, "learn.run"]),
    (
        "steps_harmful",
        "ESCALATED",
        ["pull", "preview", "production", "share", "rollback"],
        [*STEPS, "verify.roll_back"],
    ),
    ("merged", "RESOLVED", ["pull", "merge"], [*STEPS[:6], "delivery.merge", "verify.watch", "learn.run"]),
    ("merged_harmful", "ESCALATED", ["pull", "pull"], [*STEPS[:6], "delivery.merge", "verify.roll_back"]),
    ("unmerged", "ESCALATED", ["pull", "close"], [*STEPS[:6], "delivery.merge", "handover.run"]),
]
# each end and each way of releasing is told in `make test` by one story; `make long` tells the others
EACH = ("fixed", "harmful", "commands", "pipeline_harmful", "steps_harmful", "merged_harmful")


def rows(folder, query: str) -> list[tuple]:
    with sqlite3.connect(folder / "data" / "platform.db") as connection:
        return connection.execute(query).fetchall()


@pytest.mark.parametrize(
    ("story", "status", "effects", "steps"),
    [pytest.param(*s, id=s[0], marks=() if s[0] in EACH else pytest.mark.long) for s in STORIES],
)
def test_a_worker_killed_everywhere_leaves_nothing_undone_and_nothing_twice(tmp_path, story, status, effects, steps):
    done = subprocess.run(
        [sys.executable, "-m", "tests.stories.killing", story, tmp_path],
        cwd=ROOT, capture_output=True, text=True, timeout=1000,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    places = json.loads(done.stdout)["places"]
    recorded = {place.split()[-1] for place in places if place.startswith("dbos")}
    assert recorded >= set(steps), "each stage has to have been killed before its result was kept"
    # a batch of signals is written with its issues when the links between issues are read
    assert {"collect.keep", "linking.active", "scheduler.run_round"} <= {place.split(":")[0] for place in places}
    own = {"production": "after the command deploy", "rollback": "after the command rollback"}
    after = own if story.startswith("commands") else {}
    assert {after.get(effect, f"after the effect {effect}") for effect in effects} <= set(places)
    happened = [line.split()[0] for line in (tmp_path / "vendors" / "effects").read_text().splitlines()]
    assert happened == effects
    assert rows(tmp_path, "SELECT status, run, occurrences FROM issue") == [(status, 1, 3)]
    production = "SELECT count(*) FROM deployment WHERE environment = 'production'"
    released = "production" in effects or "merged" in story
    assert rows(tmp_path, production) == [(int(released),)]
    remote = git(tmp_path / "origin.git", "for-each-ref", "--format=%(refname:short)", "refs/heads").split()
    kept = ["main"] if "close" in effects else ["fix/issue-1", "main"]
    kept += ["revert/issue-1-2"] * (story == "merged_harmful")
    assert remote == kept, "what is refused leaves no branch"
    assert rows(tmp_path, "SELECT count(*) FROM outcome") == [(1,)]
    once = "action, subject, CASE action WHEN 'push' THEN detail END"  # the fix and its revert are two pushes
    assert rows(tmp_path, f"SELECT action FROM auditrow GROUP BY {once} HAVING count(*) > 1") == []
    assert rows(tmp_path, "SELECT count(*) FROM stagerun WHERE ended_at IS NULL") == [(0,)]
    assert rows(tmp_path, "SELECT count(*) FROM round WHERE ended_at IS NULL") == [(0,)]
