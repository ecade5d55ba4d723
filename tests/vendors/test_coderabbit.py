"""CodeRabbit's words, recorded ones above all: what is a review, what each finding is, and what does not count."""

from __future__ import annotations

import json

import httpx
import pytest

from core.vendors.base import ReviewFinding
from core.vendors.coderabbit import CodeRabbit, completed, in_body, inline, ours, patience, severity, status_of
from core.vendors.http import Http
from tests.shared import SHARED

HEAD, BOT = "6714ee424cba179d9289a955109f9e09bd98d42f", {"login": "coderabbitai[bot]"}


def recorded(name: str):
    body = json.loads((SHARED / "fixtures" / "coderabbit" / f"{name}.json").read_text())["interactions"][0]["response"]
    return body["body"]["data"]["node"] if isinstance(body["body"], dict) else body["body"]


@pytest.mark.parametrize(
    ("name", "level", "says"),
    [
        ("inline_potential_issue_critical_analysis_chain", "critical", "Server doesn't handle MCP requests."),
        ("inline_potential_issue_major", "major", "Surface “destructive” status and safety warnings for"),
        ("inline_potential_issue_major_2", "major", "Implement branch deletion."),
        ("inline_potential_issue_minor", "minor", "Assert on the actual outcome instead of `assert!(true)`."),
    ],
)
def test_recorded_comments(name, level, says):
    node = recorded(name)
    found = inline(node)
    assert ours(node) and (found.path, found.severity) == (node["path"], level) and found.message.startswith(says)


def test_a_comment_that_was_dealt_with_is_no_finding():
    assert inline(recorded("inline_refactor_major_addressed")) is None


def test_recorded_review_bodies():
    found = list(in_body(recorded("review_body_11_actionable")["body"]))
    assert [f.severity for f in found].count("minor") == 3, "outside the diff"
    assert [f.severity for f in found].count("nitpick") == 15
    assert found[0] == ReviewFinding(
        "src/subagent_spawner.rs", 88, "minor", "Avoid child-process deadlocks; fix detach/wait IO and flag semantics"
    )
    assert [len(list(in_body(row["body"]))) for row in recorded("rest_reviews_a")] == [15, 0, 0, 2]


def test_recorded_comments_of_one_pull_request():
    rows = recorded("rest_inline_comments_a")
    assert [ours(row) for row in rows] == [True] * 6 + [False, True]
    assert [inline(row).severity for row in rows[:6]] == ["minor", "minor", "major", "major", "minor", "minor"]
    assert [inline(row).line for row in rows[:6]] == [7, 53, 210, 371, 561, 56]


def test_recorded_reviews_count_for_their_own_commit_alone():
    reviews, comments = recorded("rest_reviews_a"), recorded("rest_inline_comments_a")
    done = completed(HEAD, reviews, comments)
    assert (done.state, [f.severity for f in done.findings]) == ("done", ["minor", "nitpick"])
    older = completed("d44602924a4bc8fc7b00fb0001e674e60cd1a911", reviews, comments)
    assert older.state == "waiting" and "0 of CodeRabbit's 2 comments" in older.message
    assert completed("0" * 40, reviews, comments).state == "waiting"


def test_the_wait_that_a_limit_asks_for():
    assert patience(recorded("walkthrough_comment_rate_limited")["body"]) == 17 * 60 + 37
    assert patience("Please wait **1 hour and 2 minutes** before") == 3720
    assert patience("no word of it") == 0


@pytest.mark.parametrize(
    ("state", "description", "means"),
    [
        ("success", "Review completed", "completed"),
        ("success", "Review rate limited", "limited"),
        ("success", "Review limit reached", "limited"),
        ("success", "Review skipped", "skipped"),
        ("success", "Review skipped: draft pull request", "skipped"),
        ("pending", "Review in progress", "waiting"),
        ("failure", "Review completed", "waiting"),
        ("success", "", "waiting"),
        ("success", None, "waiting"),
    ],
)
def test_a_green_status_alone_is_no_review(state, description, means):
    rows = [{"context": "ci", "state": "success", "description": "Review completed"}]
    assert status_of(rows) == "waiting"
    assert status_of([*rows, {"context": "CodeRabbit", "state": state, "description": description}]) == means


@pytest.mark.parametrize(
    ("body", "level"),
    [
        ("_⚠️ Potential issue_ | _🔴 Critical_\n\n**a**", "critical"),
        ("_🛠️ Refactor suggestion_ | _🟠 Major_\n\n**a**", "major"),
        ("_⚠️ Potential issue_ | _🟡 Minor_ | _⚡ Quick win_\n\n**a**", "minor"),
        ("_⚠️ Potential issue_\n\n**not rated**", "major"),
        ("_🧹 Nitpick_\n\n**the text says 🔴 Critical**", "minor"),
    ],
)
def test_severity_stands_before_the_title(body, level):
    assert severity(body) == level


class GitHub:
    """One pull request as GitHub tells of it, two rows a page."""

    def __init__(self, status="Review completed", reviews=(), comments=(), notes=()):
        self.rows = {"reviews": list(reviews), "pulls": list(comments), "issues": list(notes)}
        self.status, self.posted = status, []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path, number = request.url.path, int(request.url.params.get("page", 1))
        if path == "/user":
            return httpx.Response(200, json={"login": "platform"})
        if path.endswith("/status"):
            row = {"context": "CodeRabbit", "state": "success", "description": self.status}
            return httpx.Response(200, json={"state": "success", "statuses": [row]})
        if request.method == "POST":
            self.posted.append((path, json.loads(request.content)))
            self.rows["issues"].append({"body": self.posted[-1][1]["body"], "user": {"login": "platform"}})
            return httpx.Response(201, json={"id": 1})
        rows = self.rows["reviews" if path.endswith("/reviews") else "pulls" if "/pulls/" in path else "issues"]
        more = {"link": f'<https://api.github.com{path}?page={number + 1}>; rel="next"'} if rows[number * 2 :] else {}
        return httpx.Response(200, json=rows[number * 2 - 2 : number * 2], headers=more)

    def look(self):
        return self.client().look("acme/shop", 7, HEAD)

    def client(self):
        return CodeRabbit(Http("github", "https://api.github.com", transport=httpx.MockTransport(self)))


def review(number=1, user=BOT, commit=HEAD, state="COMMENTED", body="**Actionable comments posted: 1**"):
    return {"id": number, "user": user, "commit_id": commit, "state": state, "body": body}


def comment(review_id=1, body="_⚠️ Potential issue_ | _🟠 Major_\n\n**It leaks.**", user=BOT, **more):
    return {"pull_request_review_id": review_id, "user": user, "path": "a.py", "line": 3, "body": body, **more}


EVE = {"login": "eve"}
OTHERS = [review(90 + n, EVE) for n in range(3)]


@pytest.mark.parametrize(
    ("github", "state", "levels"),
    [
        (GitHub(reviews=[*OTHERS, review()], comments=[comment()]), "done", ["major"]),
        (GitHub(reviews=[review(body="**Actionable comments posted: 0**")]), "done", []),
        (GitHub(reviews=[review()]), "waiting", []),
        (GitHub(reviews=[]), "waiting", []),
        (GitHub(reviews=[review(commit="0" * 40)], comments=[comment()]), "waiting", []),
        (GitHub(reviews=[review(user=EVE)], comments=[comment()]), "waiting", []),
        (GitHub(reviews=[review(state="DISMISSED")], comments=[comment()]), "waiting", []),
        (GitHub(reviews=[review(body="")], comments=[comment()]), "waiting", []),
        (GitHub(reviews=[review()], comments=[comment(user=EVE)]), "waiting", []),
        (GitHub(reviews=[review()], comments=[comment(body="**x** ✅ Addressed in commit abc")]), "done", []),
        (
            GitHub(reviews=[review(state="CHANGES_REQUESTED", body="**Actionable comments posted: 0**")]),
            "done",
            ["major"],
        ),
        (GitHub("Review skipped"), "skipped", []),
        (GitHub("Review in progress"), "waiting", []),
    ],
)
def test_what_is_seen(github, state, levels):
    seen = github.look()
    assert (seen.state, [f.severity for f in seen.findings]) == (state, levels)


def test_a_limit_names_its_wait_and_only_the_bot_is_believed():
    told = recorded("walkthrough_comment_rate_limited")["body"]
    assert GitHub("Review rate limited", notes=[{"user": BOT, "body": told}]).look().wait == 1057
    assert GitHub("Review rate limited", notes=[{"user": EVE, "body": told}]).look().wait == 0


def test_a_review_is_asked_for_once_a_key():
    github = GitHub(notes=[{"user": EVE, "body": "hello"}] * 4)
    for key in ("k-1", "k-1", "k-2"):
        github.client().ask("acme/shop", 7, key)
    assert [(path, body["body"].splitlines()[0]) for path, body in github.posted] == [
        ("/repos/acme/shop/issues/7/comments", "@coderabbitai review")
    ] * 2
