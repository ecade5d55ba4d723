"""The palette's search: what it finds, for whom, and that a stranger's text stays text."""

import pytest
from starlette.testclient import TestClient

from core.db import store
from core.queries import search
from tests import factories, scenes, screens
from tests.console.test_server import _routes


@pytest.fixture
def client(console):
    with TestClient(_routes()) as found:
        found.cookies.set("session", screens.cookie("viewer", "testclient"))
        yield found


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("#43", "/issues?issue=43"),
        ("43", "/issues?issue=43"),
        ("ga-1021", "/issues?issue=43"),
        ("  payments   upstream ", "/issues?issue=48"),
        ("deploy", "/deployments"),
        ("needs", "/approvals"),
        ("without a price", "/codegen?change=37"),  # the title of a change
        ("catal", "/issues?service=catalog"),
    ],
)
def test_what_is_found(client, text, address):
    with store.write() as session:
        scenes.shop(session)
    answer = client.get("/find", params={"q": text})
    assert answer.headers["cache-control"] == "no-store"
    assert address in [hit["address"] for hit in answer.json()]


def test_a_commit_finds_its_change_and_deployments(client):
    with store.write() as session:
        change = factories.change_set(session, factories.issue(session), head_sha="abcdef0123" * 4)
        factories.deployment(session, change, sha="abcdef0123" * 4)
    kinds = [hit["kind"] for hit in client.get("/find", params={"q": "ABCDEF01"}).json()]
    assert kinds == ["change", "deployment"]


@pytest.mark.parametrize("text", ["", "   ", "%", "_", "9" * 40, "' or 1=1 --", "\x00", "a" * 5000])
def test_strange_searches_find_no_issue(console, text):
    with store.write() as session:
        factories.issue(session, title="KeyError", service="cart")
        assert search.found(session, text) == []


def test_the_results_are_bounded(console):
    with store.write() as session:
        for _ in range(30):
            factories.issue(session, title="again")
        assert len(search.found(session, "again")) == search.MOST


def test_only_the_signed_in_search(client):
    client.cookies.clear()
    assert client.get("/find", params={"q": "1"}).status_code == 401


@pytest.mark.parametrize(("person", "finds"), [("admin", True), ("viewer", False)])
def test_a_connector_is_found_by_those_who_may_open_its_page(client, person, finds):
    with store.write() as session:
        scenes.shop(session)
    client.cookies.set("session", screens.cookie(person, "testclient"))
    hits = client.get("/find", params={"q": "newre"}).json()
    assert [hit["address"] for hit in hits] == (["/settings?connector=newrelic"] if finds else [])


def test_pages_of_other_roles_are_not_offered(client):
    assert "/people" not in [hit["address"] for hit in client.get("/find", params={"q": "people"}).json()]
