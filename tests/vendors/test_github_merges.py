"""What GitHub says of a pull request that people merge or close, and of deployments."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest

from core.vendors.base import PullState, VendorError
from core.vendors.github import GitHub, closing_comment, release, to_production
from core.vendors.http import Http

AT = "2026-03-02T10:00:00Z"
THEN = datetime(2026, 3, 2, 10, tzinfo=UTC)
REPO, SHA = "/repos/acme/shop", "c" * 40
URL = "https://github.com/acme/shop/pull/5"


def github(answers: dict) -> GitHub:
    def answer(request: httpx.Request) -> httpx.Response:
        found = answers[request.url.path.removeprefix(REPO)]
        return found() if callable(found) else httpx.Response(200, json=found)

    return GitHub(Http("github", "https://api.github.com", {}, transport=httpx.MockTransport(answer)))


@pytest.mark.parametrize(
    ("pull", "state"),
    [
        ({"state": "open", "html_url": URL}, PullState("open", url=URL)),
        (
            {
                "state": "closed",
                "merged": True,
                "merge_commit_sha": SHA,
                "merged_at": AT,
                "merged_by": {"login": "eve"},
            },
            PullState("merged", SHA, THEN, "eve"),
        ),
        (
            {"state": "closed", "merged": True, "merge_commit_sha": SHA, "merged_at": None, "merged_by": None},
            PullState("merged", SHA),
        ),
    ],
)
def test_a_pull_request_is_open_or_merged(pull, state):
    assert github({"/pulls/5": pull}).pull_state("acme/shop", 5) == state


def test_one_that_was_closed_comes_with_the_last_comment_of_who_closed_it():
    said = [
        {"body": "looks fine to me", "user": {"login": "bob"}},
        {"body": "first thought", "user": {"login": "eve"}},
        {"body": "Wrong: password=hunter2222", "user": {"login": "eve"}},
        {"body": "closed <!-- platform:withdrawn-1 -->", "user": {"login": "eve"}},
        {"body": "why?", "user": {"login": "bob"}},
    ]
    answers = {
        "/user": {"login": "eve"},  # the platform works with a token of hers
        "/pulls/5": {"state": "closed", "merged": False, "closed_at": AT},
        "/issues/5": {"closed_by": {"login": "eve"}},
        "/issues/5/comments": said,
    }
    found = github(answers).pull_state("acme/shop", 5)
    assert (found.state, found.at, found.by) == ("closed", THEN, "eve")
    assert found.message.startswith("Wrong:") and "hunter2222" not in found.message


def test_a_comment_counts_although_a_stranger_wrote_our_marker_into_it():
    answers = {
        "/user": {"login": "platform"},
        "/pulls/5": {"state": "closed", "merged": False, "closed_at": AT},
        "/issues/5": {"closed_by": {"login": "eve"}},
        "/issues/5/comments": [
            {"body": "first thought", "user": {"login": "eve"}},
            {"body": "Wrong <!-- platform:x -->", "user": {"login": "eve"}},
        ],
    }
    assert github(answers).pull_state("acme/shop", 5).message.startswith("Wrong")


def test_without_a_name_the_last_comment_counts_and_without_any_none():
    assert closing_comment([{"body": "a", "user": {"login": "x"}}, {"body": "b", "user": None}], "") == "b"
    assert closing_comment([{"body": " ", "user": {"login": "eve"}}], "eve") == ""


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"environment": "production"}, True),
        ({"environment": "Production – shop"}, True),
        ({"environment": "live", "production_environment": True}, True),
        ({"environment": "preview"}, False),
        ({"environment": "production", "transient_environment": True}, False),
        ({"environment": None}, False),
    ],
)
def test_which_environment_is_production(row, told):
    assert to_production(row) is told


def test_a_deployment_counts_from_its_first_success():
    row = {"id": 1, "sha": SHA}
    states = [("inactive", "2026-03-02T12:00:00Z"), ("success", "2026-03-02T11:00:00Z"), ("success", AT)]
    made = release(row, [{"state": state, "created_at": at} for state, at in states])
    assert made and (made.sha, made.since) == (SHA, THEN)
    assert release(row, [{"state": "failure", "created_at": AT}]) is None and release(row, []) is None


@pytest.mark.parametrize("status", [403, 404])
def test_a_token_that_may_not_read_deployments_knows_of_none(status):
    assert github({"/deployments": lambda: httpx.Response(status, json={})}).releases("acme/shop") == []


@pytest.mark.parametrize("status", [401, 429, 500])
def test_any_other_fault_is_said(status):
    with pytest.raises(VendorError):
        github({"/deployments": lambda: httpx.Response(status, json={})}).releases("acme/shop")


@pytest.mark.parametrize("body", [{}, {"state": "closed", "merged": True}, {"state": "closed", "closed_at": "soon"}])
def test_garbage_is_a_fault(body):
    with pytest.raises(VendorError):
        github({"/pulls/5": body}).pull_state("acme/shop", 5)
