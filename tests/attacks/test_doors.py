"""The doors: keys, addresses, passwords and origins."""

from __future__ import annotations

import time

import httpx
import pytest
from sqlmodel import select
from starlette.applications import Starlette
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from console import process
from console.server import address, api, forms, signin
from console.server import app as server
from core.access import passwords, sessions
from core.access.rights import Refused
from core.actions import approvals, issues, registry
from core.audit import chain
from core.db import store
from core.models import AuditRow, Status
from core.policy.reader import ConfigurationError
from core.settings import Settings
from tests import scenes, screens, waiting
from tests.vendors.loopback import serving
from tests.who import by


def served(settings: Settings, peer: tuple[str, int] = ("203.0.113.9", 50000)) -> TestClient:
    """The console's own routes and gate, with a page and a websocket in Streamlit's place, as ``peer`` reaches them."""

    async def stream(socket) -> None:
        await socket.accept()
        await socket.close()

    async def inside(_request) -> JSONResponse:
        return JSONResponse({})

    process.configure(settings)
    own = [r for r in server.app._user_routes if r.path != "/live"]
    routes = [*own, Route("/live", inside), Route("/inside", inside, methods=["GET", "POST"]),
              WebSocketRoute("/_stcore/stream", stream)]  # fmt: skip
    app = Starlette(routes=routes, middleware=server.app._user_middleware)
    return TestClient(app, client=peer, follow_redirects=False, raise_server_exceptions=False)


# --- idempotency keys: one person, one action, one subject, one content ---------------------------------


def escalated() -> int:
    with store.write() as session:
        return scenes.story(session, Status.ESCALATED).id


def rows(action: str) -> list[AuditRow]:
    with store.read() as session:
        return session.exec(select(AuditRow).where(AuditRow.action == action)).all()


def test_a_key_of_another_person_is_not_already_done(console):
    number, _, patch = waiting.question()
    approvals.pass_on(number, actor=by("approver"), to="bob", reason="x", key="k")
    assert approvals.approve(number, actor=by("bob"), patch_hash=patch, key="k").done, "another action, another person"
    assert waiting.state(number).by == "bob"


def test_a_key_of_another_subject_or_action_is_not_already_done(console):
    one, other = escalated(), escalated()
    for issue in (one, other):
        assert issues.retry(issue, actor=by("bob"), key="k").done
    with pytest.raises(Refused, match="Escalate it first"):
        issues.dismiss(one, actor=by("bob"), reason="x", key="k")
    assert [row.subject for row in rows("retry")] == [f"issue/{one}", f"issue/{other}"]


def test_a_key_with_other_content_is_refused_and_nothing_is_done(console):
    issue = escalated()
    assert issues.resolve(issue, actor=by("bob"), how="restarted it", cured=True, key="k").done
    assert not issues.resolve(issue, actor=by("bob"), how="restarted it", cured=True, key="k").done
    with pytest.raises(registry.Reused, match="already used for the same action with different content"):
        issues.resolve(issue, actor=by("bob"), how="nothing", cured=False, key="k")
    assert (waiting.issue(issue).status, waiting.issue(issue).resolution) == (Status.RESOLVED, "restarted it")


@pytest.mark.parametrize(
    ("actor", "action", "subject", "done"),
    [
        ("bob", "retry", "issue/{}", False),
        ("admin", "retry", "issue/{}", True),
        ("bob", "dismiss", "issue/{}", True),
        ("bob", "retry", "issue/0", True),
    ],
)
def test_a_key_stored_before_keys_were_bound_holds_for_its_own_action(console, actor, action, subject, done):
    issue = escalated()
    with store.write() as session:
        chain.record(session, actor, action, subject.format(issue), {}, key="k")
    assert issues.retry(issue, actor=by("bob"), key="k").done is done


def bearer(person="bob", **more) -> dict[str, str]:
    value = sessions.issue_token(person, "test", ["view", "operate", "approve"], 1, by="admin")
    return {"authorization": f"Bearer {value}", **more}


def test_over_the_api_a_key_is_its_persons_and_its_bodys(console):
    client, issue = served(console), escalated()
    bob, admin = (bearer(person, **{"idempotency-key": "k"}) for person in ("bob", "admin"))

    def resolve(how: str, headers) -> tuple[int, dict]:
        answer = client.post(f"/api/issues/{issue}/resolve", json={"how": how, "cured": True}, headers=headers)
        return answer.status_code, answer.json()

    assert [resolve("restarted it", bob)[1]["done"] for _ in "ab"] == [True, False]
    code, told = resolve("something else", bob)
    assert code == 422 and "different content" in told["says"]
    assert resolve("restarted it", admin)[0] == 409, "an action of its own, which finds the issue resolved"
    assert resolve("restarted it", bearer(**{"idempotency-key": "k" * 300}))[0] == 422


# --- addresses --------------------------------------------------------------------------------------------

PROXIES = "10.0.0.0/8, ::1"


@pytest.mark.parametrize(
    ("proxies", "peer", "forwarded", "client"),
    [
        ("", ("203.0.113.9", 5), "198.51.100.1", "203.0.113.9"),
        ("", ("10.0.0.1", 5), "198.51.100.1", "10.0.0.1"),
        ("", ("127.0.0.1", 5), "198.51.100.1", "127.0.0.1"),
        ("", ("198.51.100.1", 0), "198.51.100.1", "127.0.0.1"),  # the server's own reading of the header
        (PROXIES, ("203.0.113.9", 5), "198.51.100.1", "203.0.113.9"),
        (PROXIES, ("10.0.0.1", 5), "198.51.100.1", "198.51.100.1"),
        (PROXIES, ("10.0.0.1", 5), "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        (PROXIES, ("10.0.0.1", 5), "6.6.6.6, 198.51.100.1, 10.2.3.4", "198.51.100.1"),
        (PROXIES, ("::ffff:10.0.0.1", 5), "198.51.100.1", "198.51.100.1"),
        (PROXIES, ("::1", 5), "2001:db8::7", "2001:db8::7"),
        (PROXIES, ("10.0.0.1", 5), "6.6.6.6, <script>", "10.0.0.1"),
        (PROXIES, ("10.0.0.1", 5), "", "10.0.0.1"),
        (PROXIES, ("10.0.0.1", 5), "10.9.9.9", "10.9.9.9"),
    ],
)
def test_the_client_is_the_right_most_hop_that_is_no_proxy_of_ours(console, proxies, peer, forwarded, client):
    process.configure(console.model_copy(update={"trusted_proxies": proxies}))
    headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    assert address.client(HTTPConnection({"type": "http", "client": peer, "headers": headers})) == client


def test_a_new_forwarded_address_for_each_attempt_does_not_get_around_the_limit(console, monkeypatch):
    for peer in (("203.0.113.9", 5), ("127.0.0.1", 5)):
        monkeypatch.setattr(signin, "attempts", forms.Limiter(times=2))
        monkeypatch.setattr(api, "strangers", forms.Limiter(times=2))
        client = served(console, peer)
        codes = [
            client.get("/api/status", headers={"x-forwarded-for": f"198.51.100.{n}"}).status_code for n in range(4)
        ]
        assert codes == [401, 401, 429, 429]


def test_nor_does_it_where_the_server_itself_reads_the_header(console, monkeypatch):
    """uvicorn believes X-Forwarded-For of loopback by default, before the console sees the request."""
    monkeypatch.setattr(api, "strangers", forms.Limiter(times=2))
    with serving(served(console).app) as url, httpx.Client(base_url=url) as client:
        codes = [
            client.get("/api/status", headers={"x-forwarded-for": f"198.51.100.{n}"}).status_code for n in range(4)
        ]
    assert codes == [401, 401, 429, 429]


def test_one_subscriber_of_ipv6_is_one_client(console):
    process.configure(console)
    seen = {
        address.limited(HTTPConnection({"type": "http", "client": (f"2001:db8:1:2::{n:x}", 5), "headers": []}))
        for n in range(1, 50)
    }
    assert seen == {"2001:db8:1:2::/64"}


@pytest.mark.parametrize("name", ["x-forwarded-for", "forwarded", "x-real-ip"])
def test_metrics_are_not_near_through_a_proxy(console, name):
    near = served(console.model_copy(update={"trusted_proxies": "127.0.0.1"}), ("127.0.0.1", 5))
    assert near.get("/metrics").status_code == 200
    assert near.get("/metrics", headers={name: "127.0.0.1"}).status_code == 401
    assert (
        served(console, ("127.0.0.1", 0)).get("/metrics", headers={"x-forwarded-for": "127.0.0.1"}).status_code == 401
    )


def test_proxies_that_are_no_networks_are_refused_at_the_start(monkeypatch):
    from core import settings

    monkeypatch.setenv("TRUSTED_PROXIES", "10.0.0.0/8, everybody")
    with pytest.raises(ConfigurationError, match="TRUSTED_PROXIES: .*everybody"):
        settings.load()


# --- passwords ----------------------------------------------------------------------------------------------

COMMON = ["password1234", "passwordpassword", "P@ssw0rd1234", "Welcome12345!", "qwertyuiop12", "letmeinletmein",
          "123456789012", "abcdefghijkl", "abcabcabcabcd", "iloveyou1234", "administrator1", "devopsintelligence",
          "DevOps2024!!", "intelligence-platform", "margaret-1234", "zxcvbnm,./asdf", "monkeymonkey12"]  # fmt: skip
GOOD = ["a quiet blue harbour", "another calm evening", "correct horse battery staple", "x7kd9-qmwn2-abcde-fghjk"]


@pytest.mark.parametrize("password", COMMON)
def test_a_password_that_is_guessed_first_is_refused(password):
    assert passwords.fault(password, "margaret@example.com")


@pytest.mark.parametrize("password", GOOD)
def test_words_and_random_letters_are_taken(password):
    assert passwords.fault(password, "margaret@example.com") == ""


@pytest.mark.parametrize("name", ["a", "al", "eve"])
def test_a_short_name_is_a_part_of_many_good_passwords(name):
    assert passwords.fault("a small quiet evening", name) == ""
    assert "must not contain" in passwords.fault("a small quiet evening", "quiet")
    assert bool(passwords.fault(f"I am {name}, hello there", name)) == (len(name) > 1)


def test_every_long_one_of_the_leaked_list_is_refused():
    leaked = FREQUENCY_LISTS["passwords"]
    long = [word for word in leaked if len(word) >= passwords.SHORTEST]
    assert len(leaked) >= 10_000 and long
    assert not [word for word in long if not passwords.fault(word, "margaret")]


def test_the_cost_of_judging_a_password_is_bounded():
    def cost(password: str) -> float:
        start = time.process_time()
        passwords.fault(password, "margaret")
        return time.process_time() - start

    harmless = max(cost("a quiet blue harbour " * 9) for _ in range(5))
    for worst in ("4@8({[<369&#!1/|0$5+7%2" * 8, "a1" * 100, "1.2.2019" * 25, "qwertyuiop" * 20, "<{[(" * 50):
        assert min(cost(worst) for _ in range(3)) < 30 * harmless + 0.05


# --- origins ------------------------------------------------------------------------------------------------

FOREIGN = {
    "another site": {"origin": "https://evil.example"},
    "a page without an origin": {"origin": "null"},
    "another port": {"origin": "http://testserver:8502"},
    "this machine": {"origin": "http://localhost"},
    "a longer name": {"origin": "http://testserver.evil.example"},
    "another scheme": {"origin": "file://testserver"},
    "nothing": {},
}


@pytest.fixture
def signed_in(console):
    client = served(console.model_copy(update={"public_url": "http://console.example:8501"}))
    client.cookies.set("session", screens.cookie("admin", "testclient"))
    return client


@pytest.mark.parametrize("how", FOREIGN)
def test_a_websocket_of_another_origin_is_refused(signed_in, how):
    with pytest.raises(WebSocketDisconnect), signed_in.websocket_connect("/_stcore/stream", headers=FOREIGN[how]):
        pass


@pytest.mark.parametrize("origin", ["http://testserver", "http://console.example:8501"])
def test_a_websocket_of_our_own_page_is_taken(signed_in, origin):
    with signed_in.websocket_connect("/_stcore/stream", headers={"origin": origin}):
        pass


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, 200),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"origin": "http://testserver"}, 200),
        ({"origin": "https://evil.example"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
    ],
)
def test_the_stream_of_changes_is_for_our_own_pages(signed_in, headers, code):
    assert signed_in.get("/live", headers=headers).status_code == code


def test_what_another_site_posts_is_refused_and_its_links_lead_in(signed_in):
    assert signed_in.post("/inside", headers={"origin": "https://evil.example"}).status_code == 403
    assert signed_in.get("/inside", headers={"sec-fetch-site": "cross-site"}).status_code == 200
