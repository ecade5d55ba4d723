"""A marker counts only in the platform's own comment: anybody can write it."""

from __future__ import annotations

import httpx
import pytest

from core.vendors.base import VendorError
from core.vendors.coderabbit import CodeRabbit
from core.vendors.github import GitHub
from core.vendors.http import Http

OWN = httpx.Response(200, json={"login": "Platform-Account"})
APP = httpx.Response(403, json={"message": "Resource not accessible by integration"})
POSTS = {
    "comment": lambda http: GitHub(http).comment("acme/shop", 7, "k", "Live."),
    "review request": lambda http: CodeRabbit(http).ask("acme/shop", 7, "k"),
}


class PullRequest:
    def __init__(self, account: httpx.Response, author: dict | None):
        self.account, self.asked, self.posted = account, 0, 0
        self.rows = [{"body": "looks fine <!-- platform:k -->", "user": author}] * 2

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/user":
            self.asked += 1
            return self.account
        self.posted += request.method == "POST"
        return httpx.Response(200, json=self.rows if request.method == "GET" else {"id": 1})

    def http(self) -> Http:
        return Http("github", "https://api.github.com", {}, transport=httpx.MockTransport(self))


@pytest.mark.parametrize("post", POSTS.values(), ids=POSTS)
@pytest.mark.parametrize(
    ("account", "author", "posted"),
    [
        (OWN, {"login": "platform-account", "type": "User"}, 0),
        (OWN, {"login": "eve", "type": "User"}, 1),
        (OWN, {"login": "other[bot]", "type": "Bot"}, 1),
        (OWN, None, 1),
        (APP, {"login": "platform[bot]", "type": "Bot"}, 0),
        (APP, {"login": "eve", "type": "User"}, 1),
        (APP, None, 1),
    ],
)
def test_a_marker_suppresses_a_post_only_in_an_own_comment(post, account, author, posted):
    pull = PullRequest(account, author)
    post(pull.http())
    assert (pull.posted, pull.asked) == (posted, 1)


UNKNOWN = {
    "malformed": httpx.Response(422, json={}),
    "rate limit": httpx.Response(403, json={"message": "API rate limit exceeded"}, headers={"retry-after": "3600"}),
}


@pytest.mark.parametrize("account", UNKNOWN.values(), ids=UNKNOWN)
@pytest.mark.parametrize("post", POSTS.values(), ids=POSTS)
def test_nothing_is_posted_while_the_account_is_unknown(post, account):
    pull = PullRequest(account, {"login": "platform-account", "type": "User"})
    with pytest.raises(VendorError):
        post(pull.http())
    assert pull.posted == 0
