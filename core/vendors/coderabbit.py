"""CodeRabbit's reviews, read through GitHub: its findings on exactly one commit, and whether it reviewed that commit.

Its commit status is ``success`` even without a review ("Review rate limited", "Review skipped"). So a review counts
only if the status is "Review completed" and a review names exactly this commit. Severities are in a comment's first
line (🔴 Critical, 🟠 Major, 🟡 Minor); a "Potential issue" without one counts as major. Findings outside the diff,
duplicates and nitpicks are only in the review's body.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from core.models.counted import counted
from core.models.patterns import NUMBER, Linear
from core.vendors.base import ReviewFinding, ReviewProgress, understood
from core.vendors.github_comments import OwnComments
from core.vendors.http import Http

LOGINS = ("coderabbitai[bot]", "coderabbitai")
CONTEXT = "CodeRabbit"
PAGES = 20  # of 100
LONGEST = 100_000  # maximum characters of one comment that are read; GitHub's limit is 65,536
SEVERITIES = (("🔴", "critical"), ("🟠", "major"), ("🟡", "minor"))
SECTIONS = (("Outside diff range", "minor"), ("Duplicate comments", "minor"), ("Nitpick comments", "nitpick"))
ADDRESSED = "✅ Addressed in commit"
ASK = "@coderabbitai review"
SUMMARY = Linear(r"<summary>(.*?)</summary>")
PLACE = re.compile(rf"^`({NUMBER})(?:-\d+)?`:\s*(.*)$")
TITLE = re.compile(r"\*\*(.+?)\*\*", re.S)
COUNTED = re.compile(r" \(\d+\)$")
ANALYSIS = Linear(r"<details>\s*<summary>🧩 Analysis chain</summary>.*?</details>\s*---\s*(\*\*)", "s", LONGEST)
POSTED = re.compile(rf"Actionable comments posted: ({NUMBER})")
PATIENCE = re.compile(r"wait \*\*([^*]{1,100})\*\*")
SPAN = re.compile(r"(?<!\d)(\d{1,6}) (hour|minute|second)s?")
UNITS = {"hour": 3600, "minute": 60, "second": 1}


class CodeRabbit:
    name = "coderabbit"

    def __init__(self, http: Http):
        self.http, self.own = http, OwnComments(http)

    def look(self, repository: str, number: int, head: str) -> ReviewProgress:
        """The current state of its review of ``head``."""
        base = f"/repos/{repository}"
        answer = self.http.get(f"{base}/commits/{head}/status", params={"per_page": 100})
        status = status_of(answer.json().get("statuses") or [])
        if status == "completed":
            reviews = [*self._pages(f"{base}/pulls/{number}/reviews")]
            return completed(head, reviews, [*self._pages(f"{base}/pulls/{number}/comments")])
        if status in ("limited", "skipped"):
            texts = "\n".join(r.get("body") or "" for r in self._pages(f"{base}/issues/{number}/comments") if ours(r))
            return ReviewProgress(
                status, message=f"CodeRabbit: review {status}", wait=patience(texts) if status == "limited" else 0
            )
        return ReviewProgress("waiting", message="CodeRabbit has not finished its review")

    def ask(self, repository: str, number: int, key: str) -> None:
        """Request a review; idempotent by key."""
        marker = f"<!-- platform:{key} -->"
        path = f"/repos/{repository}/issues/{number}/comments"
        if not self.own.marked(self._pages(path), marker):
            self.http.post(path, json={"body": f"{ASK}\n\n{marker}"})

    def _pages(self, path: str) -> Iterator[dict]:
        answer = self.http.get(path, params={"per_page": 100})
        for _ in range(PAGES):
            yield from answer.json(list)
            link = answer.next_link()
            if not link:
                return
            answer = self.http.get(link["url"])


# --- parsing of its texts. Pure --------------------------------------------------------------------


@understood("coderabbit")
def ours(row: dict) -> bool:
    """Is it from CodeRabbit, according to GitHub? Anybody can imitate its text."""
    author = row.get("user") or row.get("author") or {}
    return author.get("login") in LOGINS


@understood("coderabbit")
def status_of(statuses: list[dict]) -> str:
    """The status: completed, limited, skipped, or waiting (also if there is none yet)."""
    row = next((s for s in statuses if s.get("context") == CONTEXT), {"state": "pending"})
    description = (row.get("description") or "").lower()
    if row.get("state") == "pending":
        return "waiting"
    if "limit" in description:
        return "limited"
    if "skipped" in description:
        return "skipped"
    return "completed" if "review completed" in description and row.get("state") == "success" else "waiting"


@understood("coderabbit")
def completed(head: str, reviews: list[dict], comments: list[dict]) -> ReviewProgress:
    """The findings on ``head``; waiting while its review, or a comment that it announces, is missing."""
    mine = [r for r in reviews if _stands(r, head)]
    written = [r for r in mine if r.get("body")]
    if not written:
        return ReviewProgress("waiting", message="CodeRabbit reports a completed review, but none for this commit yet")
    posted = _posted(comments, {r.get("id") for r in mine})
    announced = sum(int(n) for r in written for n in POSTED.findall(r["body"]))
    if len(posted) < announced:
        return ReviewProgress(
            "waiting", message=f"{len(posted)} of CodeRabbit's {counted(announced, 'comment')} readable so far"
        )
    found = _findings(written, posted)
    return ReviewProgress("done", tuple(found), f"CodeRabbit reviewed {head[:8]}: {counted(len(found), 'finding')}")


def _stands(review: dict, head: str) -> bool:
    return ours(review) and review.get("commit_id") == head and review.get("state") != "DISMISSED"


def _posted(comments: list[dict], reviews: set) -> list[dict]:
    """Its inline comments of these reviews, without its answers to others."""
    mine = (c for c in comments if ours(c) and not c.get("in_reply_to_id"))
    return [c for c in mine if c.get("pull_request_review_id") in reviews]


def _findings(reviews: list[dict], comments: list[dict]) -> list[ReviewFinding]:
    """Those of the comments, then those of the reviews; a request for changes is one where no other explains it."""
    found = [finding for comment in comments if (finding := inline(comment))]
    found += [finding for review in reviews for finding in in_body(review["body"])]
    grave = any(finding.severity in ("critical", "major") for finding in found)
    if reviews[-1].get("state") == "CHANGES_REQUESTED" and not grave:
        found.append(ReviewFinding("", 0, "major", "CodeRabbit requested changes"))
    return found


def inline(comment: dict) -> ReviewFinding | None:
    """An inline comment as a finding; None if it was addressed since."""
    body = comment.get("body") or ""
    if ADDRESSED in body:
        return None
    line = comment.get("line") or comment.get("original_line") or 0
    return ReviewFinding(str(comment.get("path") or ""), int(line), severity(body), title(body))


def severity(body: str) -> str:
    """critical, major or minor, by the comment's first lines."""
    first = body[:200].split("**")[0]
    rated = next((name for sign, name in SEVERITIES if sign in first), None)
    return rated or ("major" if "Potential issue" in first else "minor")


def title(body: str) -> str:
    """The bold sentence with the finding; if an analysis precedes it, the one after the analysis."""
    found = TITLE.search(ANALYSIS.sub(r"\1", body)) or TITLE.search(body[:LONGEST])
    return " ".join((found[1] if found else body[:200]).split())[:300]


def in_body(body: str) -> Iterator[ReviewFinding]:
    """Findings outside the diff, and nitpicks: "`88-99`: **title**" below a file's name."""
    section, path = "", ""
    for line in (raw.removeprefix(">").strip() for raw in body[:LONGEST].splitlines()):
        if "<summary>" in line and (summary := SUMMARY.search(line)) is not None:
            section, path = _below(summary[1], section)
        elif section and path and (place := PLACE.match(line)) is not None:
            rated = next((level for sign, level in SEVERITIES if sign in place[2]), section)
            yield ReviewFinding(path, int(place[1]), rated, title(place[2]))


def _below(summary: str, section: str) -> tuple[str, str]:
    """The section and the file of the lines below a summary: a heading's has no file yet."""
    name = COUNTED.sub("", summary)
    known = next((level for words, level in SECTIONS if words in name), "")
    is_file = not known and re.search(r"[./]\w", name)
    return (section, name) if is_file else (known, "")


def patience(body: str) -> float:
    """The requested wait in seconds ("Please wait **17 minutes and 37 seconds**"); 0 if there is none."""
    found = PATIENCE.search(body)
    spans = SPAN.findall(found[1]) if found else []
    return float(sum(int(n) * UNITS[unit] for n, unit in spans))
