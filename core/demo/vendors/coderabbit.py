"""CodeRabbit's side of a pull request at GitHub: a status, a review of exactly its head, and comments on its lines.

It is no reviewer: three fixed rules over the added lines, in CodeRabbit's format. Its texts say that it is simulated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from core.demo.vendors.github import SimulatedGitHub
from core.demo.vendors.github_issues import now

BOT = {"login": "coderabbitai[bot]", "id": 136622811, "type": "Bot"}
FOOT = "\n\n<!-- This review is simulated by the demo: three fixed rules, no model. -->"
HUNK = re.compile(r"\+(\d+)")
LONGEST = 120  # characters of a line
BROAD = r"^\s*except(\s+(Base)?Exception)?\s*:"
RULES = (  # pattern of an added line, severity in CodeRabbit's words, title
    (re.compile(BROAD), "_🛠️ Refactor suggestion_ | _🟠 Major_", "Every error is caught."),
    (re.compile(r"\b(eval|exec)\("), "_⚠️ Potential issue_ | _🔴 Critical_", "Text is run as code."),
    (re.compile(rf"^.{{{LONGEST},}}$"), "_🧹 Nitpick_ | _🟡 Minor_", "The line is long."),
)


@dataclass(frozen=True)
class RuleFinding:
    path: str
    line: int
    body: str


def findings(diff: str) -> Iterator[RuleFinding]:
    """What the rules find in the added lines of a diff. Pure."""
    path, line = "", 0
    for text in diff.splitlines():
        if text.startswith("+++ "):
            path = text[4:].removeprefix("b/")
        elif text.startswith("@@"):
            line = int((HUNK.search(text) or [0, 0])[1])
        elif text.startswith("+"):
            yield from (RuleFinding(path, line, body) for body in _bodies(text[1:]))
            line += 1
        elif not text.startswith("-"):
            line += 1


def _bodies(added: str) -> Iterator[str]:
    return (f"{rated}\n\n**{title}**{FOOT}" for rule, rated, title in RULES if rule.search(added))


class SimulatedCodeRabbit:
    """Reviews the head of each pull request of the repository ``hub`` when somebody asks for its status."""

    def __init__(self, hub: SimulatedGitHub):
        self.hub, self.said = hub, hub.said

    def begin(self) -> None:
        self.said.reviewers.append(self.review)

    def review(self, sha: str) -> None:
        """Review the open pull request whose head is the commit, once."""
        number = next((n for n in self.hub.pulls if self.hub.head(n) == sha), None)
        given = self.said.given.setdefault(number or 0, [])
        if number is None or any(row["commit_id"] == sha and row["user"] == BOT for row in given):
            return
        base = self.hub.pulls[number]["base"]
        found = list(findings(self.hub.git("diff", "--unified=0", f"{base}...{sha}")))
        review = self._row(f"**Actionable comments posted: {len(found)}**{FOOT}")
        given.append(review | {"state": "COMMENTED", "commit_id": sha, "submitted_at": now()})
        self.said.lines.setdefault(number, []).extend(self._line(one, review["id"], sha) for one in found)
        self.said.say(sha, "CodeRabbit", "success", "Review completed")

    def _row(self, body: str) -> dict:
        return {"id": next(self.said.ids), "user": BOT, "body": body}

    def _line(self, one: RuleFinding, review: object, sha: str) -> dict:
        place = {"path": one.path, "line": one.line, "side": "RIGHT", "commit_id": sha}
        row = self._row(one.body) | {"pull_request_review_id": review, "created_at": now(), "updated_at": now()}
        return row | place
