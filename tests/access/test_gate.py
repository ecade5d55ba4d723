"""The gate and the sign-in forms, over http and websocket: forged, guessed, replayed and stolen credentials fail."""

from __future__ import annotations

import re

import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from console import process
from console.server import app as server
from console.server import auth, forms, signin
from core.access import accounts, sessions
from core.db import store
from core.models.access import Person, Role
from tests import screens

PAGE = {"accept": "text/html"}
RIGHT = "a quiet blue harbour"


async def fake_streamlit(request: Request) -> JSONResponse:
    """Replaces Streamlit: returns what the gate passes to it."""
    return JSONResponse(request.headers.getlist("x-platform-session"))


async def stream(socket) -> None:
    await socket.accept()
    await socket.send_json(socket.headers.getlist("x-platform-session"))
    await socket.close()


@pytest.fixture
def client(console, monkeypatch):
    accounts.add("ada", Role.APPROVER, RIGHT, by="admin", must_change=False)
    monkeypatch.setattr(signin, "attempts", forms.Limiter())
    routes = [*server.app._user_routes, Route("/inside", fake_streamlit), WebSocketRoute("/_stcore/stream", stream)]
    with TestClient(Starlette(routes=routes, middleware=server.app._user_middleware), follow_redirects=False) as found:
        yield found


BROWSER = {"origin": "http://testserver"}  # browsers send the page's origin with a websocket


def ticket(client, path="/login") -> str:
    return re.search(r'name="ticket" type="hidden" value="([^"]+)"', client.get(path).text)[1]


def sign_in(client, name="ada", password=RIGHT, to="/", **headers):
    form = {"ticket": ticket(client), "name": name, "password": password, "next": to}
    return client.post("/login", data=form, headers=headers)


ADDRESSES = ["/", "/pipeline", "/issues?issue=1", "/approvals", "/kpis", "/policy", "/live", "/inside",
             "/_stcore/health", "/_stcore/stream", "/_stcore/host-config", "/_stcore/upload_file/x",
             "/_stcore/agent/interact",
             "/media/x", "/component/x", "/STATUS", "/status/", "/static/../inside", "/login/../inside", "//status",
             "/auth/logout", "/x/static/inside", "/api"]  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_guessed_address_redirects_to_the_sign_in_or_gets_401(client, address):
    page, data = client.get(address, headers=PAGE), client.get(address)
    assert (page.status_code, data.status_code) in ((303, 401), (404, 404)), address
    assert page.status_code == 404 or page.headers["location"].startswith("/login?next=%2F")
    assert client.post(address, headers=PAGE).status_code in (401, 404, 405)
    assert b"ada" not in page.content + data.content


@pytest.mark.parametrize("address", ["/healthz", "/status", "/login", "/icon.svg"])
def test_public_addresses_need_no_session(client, address):
    assert client.get(address).status_code == 200


def test_the_policy_can_protect_the_status_page(client, console, monkeypatch):
    console.platform_file.write_text(console.platform_file.read_text() + "[access]\npublic_status = false\n")
    monkeypatch.delitem(process.settings().__dict__, "policy", raising=False)
    assert client.get("/status").headers["location"] == "/login"


def test_signing_in_opens_the_console_and_signing_out_closes_it(client):
    answer = sign_in(client, to="/issues?issue=3")
    assert (answer.status_code, answer.headers["location"]) == (303, "/issues?issue=3")
    given = answer.headers["set-cookie"]
    assert "HttpOnly" in given and "SameSite=lax" in given and "Max-Age=43200" in given
    [told_to_streamlit] = client.get("/inside").json()
    assert sessions.actor(told_to_streamlit).name == "ada"
    with client.websocket_connect("/_stcore/stream", headers=BROWSER) as socket:
        assert socket.receive_json() == [told_to_streamlit]
    assert client.get("/logout", headers={"sec-fetch-site": "same-origin"}).status_code == 200
    assert client.get("/inside").status_code == 401
    assert sessions.actor(told_to_streamlit) is None


def test_a_cookie_over_https_is_bound_to_its_host_and_secure(client, monkeypatch):
    monkeypatch.setattr(process, "_settings", process.settings().model_copy(update={"public_url": "https://x.io"}))
    client.base_url = "https://x.io"
    answer = sign_in(client)
    assert answer.headers["set-cookie"].startswith("__Host-session=") and "Secure" in answer.headers["set-cookie"]


def test_a_websocket_without_a_session_is_refused(client):
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/_stcore/stream", headers=BROWSER):
        pass
    for path in ("/login", "/static/x", "/healthz"):
        with pytest.raises(WebSocketDisconnect), client.websocket_connect(path, headers=BROWSER):
            pass


@pytest.mark.parametrize("name", ["X-Platform-Session", "x-platform-session", "X-PLATFORM-SESSION"])
def test_an_identity_header_of_the_client_is_removed(client, name):
    other = sessions.digest(screens.cookie("admin", "testclient"))
    assert client.get("/inside", headers={name: other}).status_code == 401
    sign_in(client)
    [one] = client.get("/inside", headers={name: other}).json()
    assert sessions.actor(one).name == "ada"
    with client.websocket_connect("/_stcore/stream", headers={name: other, **BROWSER}) as socket:
        assert socket.receive_json() == [one]


def forged(value):
    return "x" * 43


def hash_of_it(value):
    return sessions.digest(value)


def cut(value):
    return value[:-1]


@pytest.mark.parametrize("make", [forged, hash_of_it, cut])
def test_a_forged_session_cookie_is_refused(client, make):
    client.cookies.set("session", make(screens.cookie("admin", "testclient")))
    assert client.get("/inside").status_code == 401
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/_stcore/stream", headers=BROWSER):
        pass


def test_a_cookie_copied_to_another_browser_is_refused(client):
    client.cookies.set("session", screens.cookie("admin", "somebody else's"))
    assert client.get("/inside").status_code == 401


def test_after_an_expired_session_the_sign_in_returns_to_the_page(client):
    client.cookies.set("session", sessions.begin("admin", "testclient", "", -1))
    assert client.get("/issues?issue=3", headers=PAGE).headers["location"] == "/login?next=%2Fissues%3Fissue%3D3"


# --- forms -------------------------------------------------------------------------------------------


def no_ticket(client, given):
    return {**given, "ticket": ""}


def made_up(client, given):
    return {**given, "ticket": "99999999999.abc." + "0" * 64}


def used_before(client, given):
    client.post("/login", data={**given, "password": "wrong"})
    return given


def of_another_form(client, given):
    client.cookies.set("session", screens.cookie("ada", "testclient"))
    found = ticket(client, "/password")
    client.cookies.delete("session")
    return {**given, "ticket": found}


def of_another_browser(client, given):
    client.cookies.clear()
    client.cookies.set("form", "another")
    return given


def huge(client, given):
    return {**given, "name": "x" * 20_000}


FORGERIES = [no_ticket, made_up, used_before, of_another_form, of_another_browser, huge]


@pytest.mark.parametrize("forge", FORGERIES)
def test_a_forged_or_replayed_form_signs_nobody_in(client, forge):
    given = {"ticket": ticket(client), "name": "ada", "password": RIGHT, "next": "/"}
    answer = client.post("/login", data=forge(client, given))
    assert answer.status_code == 403 and "session" not in answer.cookies
    assert "already submitted" in answer.text


@pytest.mark.parametrize("headers", [{"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"},
                                     {"sec-fetch-site": "same-site"}, {"origin": "null"}])  # fmt: skip
def test_a_form_of_another_site_signs_nobody_in(client, headers):
    assert sign_in(client, **headers).status_code == 403


def test_a_ticket_expires():
    at = [1000.0]
    kept = forms.Tickets(clock=lambda: at[0])
    one = kept.give("browser", "/login")
    at[0] += forms.LIFE + 1
    assert not kept.take(one, "browser", "/login")


@pytest.mark.parametrize("to", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)",
                                "/\r\nSet-Cookie: x=y", "", "/login", "/logout"])  # fmt: skip
def test_the_sign_in_never_redirects_to_another_host(client, to):
    assert sign_in(client, to=to).headers["location"] == "/"


def test_a_link_from_elsewhere_does_not_sign_out(client):
    sign_in(client)
    assert "Sign out?" in client.get("/logout", headers={"sec-fetch-site": "cross-site"}).text
    assert client.get("/inside").status_code == 200
    assert client.post("/logout", data={"ticket": "x"}).status_code == 403
    client.post("/logout", data={"ticket": ticket(client, "/logout")})
    assert client.get("/inside").status_code == 401


def test_an_attackers_text_in_the_form_is_escaped(client):
    answer = sign_in(client, name="<script>alert(1)</script>", password="x", to='/"><script>alert(2)</script>')
    assert answer.status_code == 401 and "<script" not in answer.text and "no-store" in answer.headers["cache-control"]


def test_many_wrong_passwords_from_one_address_are_rate_limited(client, monkeypatch):
    monkeypatch.setattr(signin, "attempts", forms.Limiter(times=2))
    for _ in range(2):
        assert sign_in(client, name="nobody", password="x").status_code == 401
    assert sign_in(client).status_code == 429


def test_the_rate_limit_expires_and_keeps_a_bounded_number_of_addresses():
    at = [0.0]
    limit = forms.Limiter(times=1, seconds=10, most=2, clock=lambda: at[0])
    for address in ("a", "b", "c"):
        limit.count(address)
    assert [limit.full(address) for address in "abc"] == [False, True, True]
    at[0] = 11
    assert not limit.full("c")


def test_a_first_password_must_be_changed_before_any_page_is_shown(client):
    accounts.add("new", Role.ADMIN, "one-time-password", by="admin")
    sign_in(client, "new", "one-time-password")
    assert client.get("/inside", headers=PAGE).headers["location"].startswith("/password?next=")
    assert client.get("/inside").status_code == 401
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/_stcore/stream", headers=BROWSER):
        pass

    def change(new, again):
        form = {"ticket": ticket(client, "/password"), "old": "one-time-password", "new": new, "again": again}
        return client.post("/password", data=form)

    assert "do not match" in change("a calm winter evening", "another").text
    assert "12 to 200 characters" in change("short", "short").text
    assert change("a calm winter evening", "a calm winter evening").status_code == 303
    assert client.get("/inside").status_code == 200


def test_a_failing_store_lets_nobody_in_and_shows_the_error(client):
    sign_in(client)
    store._engine = None
    assert client.get("/inside").status_code == 503
    assert client.get("/", headers=PAGE).headers["location"].startswith("/status")
    answer = client.get("/login")
    assert answer.status_code in (200, 503)
    assert sign_in(client).status_code == 503


def test_the_demos_people_are_shown_only_in_the_demo(client, monkeypatch):
    def page(**values):
        monkeypatch.setattr(process, "_settings", process.settings().model_copy(update=values))
        return client.get("/login").text

    demo = {"sandbox_url": "http://127.0.0.1:1", "demo_password": SecretStr("demo-4711")}
    assert "demo-4711" in page(**demo) and "as approver" in page(**demo)
    assert "demo-4711" not in page(**{**demo, "sandbox_url": ""})
    assert "This is the demo" not in page(sandbox_url="http://127.0.0.1:1", demo_password=SecretStr(""))


def test_the_demos_people_get_this_runs_password(console):
    accounts.demo_people("demo-4711")
    with store.read() as session:
        assert {session.get_one(Person, role.value).role for role in Role} == set(Role)
    assert accounts.sign_in("approver", "demo-4711", process.policy()[0].access).role is Role.APPROVER


def test_the_gate_and_streamlit_use_the_same_header():
    text = (server.ROOT / ".streamlit" / "config.toml").read_text()
    assert f'{{"{auth.HEADER.decode()}": "session"}}' in text.lower()


@pytest.mark.parametrize(
    ("peer", "headers", "status", "location"),
    [
        ("203.0.113.7", {}, 308, "https://ops.example/issues?issue=1"),
        ("203.0.113.7", {"x-forwarded-proto": "https"}, 308, "https://ops.example/issues?issue=1"),  # forged
        ("10.0.0.9", {"x-forwarded-proto": "http", "x-forwarded-for": "203.0.113.7"}, 308, None),
        ("10.0.0.9", {"x-forwarded-proto": "https", "x-forwarded-for": "203.0.113.7"}, 303, "/login"),
        ("127.0.0.1", {}, 303, "/login"),
    ],
)
def test_required_tls_leads_a_page_to_https(console, peer, headers, status, location):
    asked = _required(console, peer).get("/issues?issue=1", headers=PAGE | headers)
    assert (asked.status_code, location or "") == (status, asked.headers["location"][: len(location or "")])


def test_required_tls_refuses_what_holds_a_secret_and_answers_a_health_check(console):
    client = _required(console, "203.0.113.7")
    assert client.post("/login", data={"name": "ada"}).status_code == 403
    assert (
        client.get("http://ops.example//evil.example/", headers=PAGE).headers["location"]
        == "https://ops.example/evil.example/"
    )
    assert client.get("/healthz").status_code != 308
    with pytest.raises(WebSocketDisconnect) as closed, client.websocket_connect("/_stcore/stream", headers=BROWSER):
        pass
    assert closed.value.code == 1008


def test_without_the_setting_plain_http_is_served(console):
    assert TestClient(_app(), follow_redirects=False).get("/issues", headers=PAGE).status_code == 303


def _app() -> Starlette:
    routes = [*server.app._user_routes, WebSocketRoute("/_stcore/stream", stream)]
    return Starlette(routes=routes, middleware=server.app._user_middleware)


def _required(console, peer: str) -> TestClient:
    settings = {"require_tls": True, "public_url": "https://ops.example", "trusted_proxies": "10.0.0.0/8"}
    process.configure(console.model_copy(update=settings))
    return TestClient(_app(), "http://ops.example", client=(peer, 50000), follow_redirects=False)
