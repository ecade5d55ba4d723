"""The palette's search: what it finds, for whom, and that a stranger's text stays text."""

from collections import Counter

import pytest
from starlette.testclient import TestClient

from console.page import PAGES, visible
from core.access.rights import Actor
from core.audit import chain
from core.db import store
from core.models.access import Person, Role
from core.queries import search
from tests import factories, scenes, screens
from tests.console.test_server import _routes


def everything() -> search.SearchScope:
    """What an admin may find."""
    return search.SearchScope(Actor("admin", Role.ADMIN), PAGES)


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
        ("deployments per hour", "/policy?setting=guards.deployments_per_hour"),  # the words of the key
        ("maximum automatic", "/policy?setting=guards.deployments_per_hour"),  # the label of the form
        ("queries datadog", "/policy?setting=metrics.step"),  # the description
        ("impact search", "/policy?setting=services.search.impact"),
        ("shares of traffic", "/documentation?document=operations&section=shares-of-traffic"),
        ("require-hashes", "/documentation?document=operations&section=install-and-run"),  # words of its text
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
        hits = search.found(session, text, everything())
    assert not [hit for hit in hits if hit.kind == "issue"]


def test_the_results_are_bounded(console):
    with store.write() as session:
        for number in range(30):
            factories.issue(session, title="again")
            chain.record(session, "again", "again", "again", {})
            session.add(Person(name=f"again-{number}", role=Role.VIEWER))
        kinds = Counter(hit.kind for hit in search.found(session, "again", everything()))
    assert (kinds["issue"], kinds["audit"], kinds["person"]) == (search.MOST,) * 3
    assert max(kinds.values()) == search.MOST


def test_only_the_signed_in_search(client):
    client.cookies.clear()
    assert client.get("/find", params={"q": "1"}).status_code == 401


@pytest.mark.parametrize(("person", "finds"), [("admin", True), ("viewer", False)])
def test_a_connector_is_found_by_those_who_may_open_its_page(client, person, finds):
    with store.write() as session:
        scenes.shop(session)
    client.cookies.set("session", screens.cookie(person, "testclient"))
    hits = client.get("/find", params={"q": "newre"}).json()
    found = [hit["address"] for hit in hits if hit["kind"] == "connector"]
    assert found == (["/settings?connector=newrelic"] if finds else [])


def asked(client, person: str, text: str) -> list[str]:
    client.cookies.set("session", screens.cookie(person, "testclient"))
    return [hit["address"] for hit in client.get("/find", params={"q": text}).json()]


KINDS = [
    ("bob", "/people?name=bob", {"admin"}),
    ("roll back", "/audit?row=2", {"approver", "admin"}),
    ("deployment/77", "/audit?row=2", {"approver", "admin"}),
    ("odd prices", "/audit?row=2", {"approver", "admin"}),
    ("#2", "/audit?row=2", {"approver", "admin"}),
    ("access groups", "/policy?setting=access.groups", {"admin"}),
    ("shop remote", "/policy?setting=repositories.shop.remote", {"admin"}),
    ("critical confidence", "/policy?setting=guards.critical_confidence", set(Role)),
    ("ways to production", "/documentation?document=operations&section=ways-to-production", set(Role)),
]


@pytest.mark.parametrize("person", Role)
@pytest.mark.parametrize(("text", "address", "finders"), KINDS)
def test_each_role_finds_what_it_may_open(client, person, text, address, finders):
    with store.write() as session:
        chain.record(session, "platform", "analyze", "issue/1", {})
        chain.record(session, "bob", "roll_back", "deployment/77", {"reason": "odd prices"})
    hits = asked(client, person.value, text)
    assert (address in hits) == (person in finders)
    closed = {name for name in ("people", "audit", "settings") if name not in allowed(person)}
    assert not [hit for hit in hits if hit.removeprefix("/").partition("?")[0] in closed]


def allowed(role: Role) -> dict[str, str]:
    return visible(Actor(role.value, role))


def test_a_strangers_text_stays_text(client):
    """It is JSON, whose texts the palette sets as text; an address holds a name only in quotes."""
    name = "<img src=x onerror=alert(1)>&role=admin"
    with store.write() as session:
        session.add(Person(name=name, role=Role.VIEWER))
        chain.record(session, name, "approve", "issue/1", {"reason": name})
    client.cookies.set("session", screens.cookie("admin", "testclient"))
    answer = client.get("/find", params={"q": "onerror"})
    assert answer.headers["content-type"] == "application/json"
    found = {hit["kind"]: hit for hit in answer.json()}
    person, row = found["person"], found["audit"]
    assert person["title"] == name
    assert person["address"] == "/people?name=%3Cimg+src%3Dx+onerror%3Dalert%281%29%3E%26role%3Dadmin"
    assert row["address"] == "/audit?row=1" and row["says"].startswith(name)


def test_only_the_newest_rows_of_the_trail_are_searched(console, monkeypatch):
    monkeypatch.setattr(search, "NEWEST", 2)
    with store.write() as session:
        for _ in range(3):
            chain.record(session, "bob", "approve", "issue/1", {})
    with store.read() as session:
        hits = search.found(session, "approve", everything())
    assert [hit.address for hit in hits if hit.kind == "audit"] == ["/audit?row=3", "/audit?row=2"]


def test_pages_of_other_roles_are_not_offered(client):
    assert "/people" not in [hit["address"] for hit in client.get("/find", params={"q": "people"}).json()]
