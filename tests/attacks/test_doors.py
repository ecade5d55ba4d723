"""The doors: keys, addresses, passwords, origins, bodies, and what a policy may name."""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import sys
import time
from types import SimpleNamespace
from urllib.parse import urlencode

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

from console import address, api, context, forms, signin
from console import app as server
from core import __main__ as command
from core import actions, audit, deeds, passwords, policies, sessions, store, strict_json
from core.models import AuditRow, Status
from core.rights import Refused
from core.settings import ConfigurationError, Settings, parse_policy
from tests import scenes, screens, waiting
from tests.access.conftest import console  # noqa: F401 - the fixture
from tests.vendors.loopback import serving
from tests.who import by

SIGNING = "a-signing-secret-of-some-length"


def served(settings: Settings, peer: tuple[str, int] = ("203.0.113.9", 50000)) -> TestClient:
    """The console's own routes and gate, with a page and a websocket in Streamlit's place, as ``peer`` reaches them."""

    async def stream(socket) -> None:
        await socket.accept()
        await socket.close()

    async def inside(_request) -> JSONResponse:
        return JSONResponse({})

    context.configure(settings)
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


def test_a_key_of_another_person_is_not_already_done(console):  # noqa: F811
    number, _, patch = waiting.question()
    actions.pass_on(number, actor=by("approver"), to="bob", reason="x", key="k")
    assert actions.approve(number, actor=by("bob"), patch_hash=patch, key="k").done, "another action, another person"
    assert waiting.state(number).by == "bob"


def test_a_key_of_another_subject_or_action_is_not_already_done(console):  # noqa: F811
    one, other = escalated(), escalated()
    for issue in (one, other):
        assert actions.retry(issue, actor=by("bob"), key="k").done
    with pytest.raises(Refused, match="escalate it first"):
        actions.dismiss(one, actor=by("bob"), reason="x", key="k")
    assert [row.subject for row in rows("retry")] == [f"issue/{one}", f"issue/{other}"]


def test_a_key_with_other_content_is_refused_and_nothing_is_done(console):  # noqa: F811
    issue = escalated()
    assert actions.resolve(issue, actor=by("bob"), how="restarted it", cured=True, key="k").done
    assert not actions.resolve(issue, actor=by("bob"), how="restarted it", cured=True, key="k").done
    with pytest.raises(deeds.Reused, match="used before for the same action with other content"):
        actions.resolve(issue, actor=by("bob"), how="nothing", cured=False, key="k")
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
def test_a_key_stored_before_keys_were_bound_holds_for_its_own_action(console, actor, action, subject, done):  # noqa: F811
    issue = escalated()
    with store.write() as session:
        audit.record(session, actor, action, subject.format(issue), {}, key="k")
    assert actions.retry(issue, actor=by("bob"), key="k").done is done


def bearer(person="bob", **more) -> dict[str, str]:
    value = sessions.issue_token(person, "test", ["view", "operate", "approve"], 1, by="admin")
    return {"authorization": f"Bearer {value}", **more}


def test_over_the_api_a_key_is_its_persons_and_its_bodys(console):  # noqa: F811
    client, issue = served(console), escalated()
    bob, admin = (bearer(person, **{"idempotency-key": "k"}) for person in ("bob", "admin"))

    def resolve(how: str, headers) -> tuple[int, dict]:
        answer = client.post(f"/api/issues/{issue}/resolve", json={"how": how, "cured": True}, headers=headers)
        return answer.status_code, answer.json()

    assert [resolve("restarted it", bob)[1]["done"] for _ in "ab"] == [True, False]
    code, told = resolve("something else", bob)
    assert code == 422 and "other content" in told["says"]
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
def test_the_client_is_the_right_most_hop_that_is_no_proxy_of_ours(console, proxies, peer, forwarded, client):  # noqa: F811
    context.configure(console.model_copy(update={"trusted_proxies": proxies}))
    headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    assert address.client(HTTPConnection({"type": "http", "client": peer, "headers": headers})) == client


def test_a_new_forwarded_address_for_each_attempt_does_not_get_around_the_limit(console, monkeypatch):  # noqa: F811
    for peer in (("203.0.113.9", 5), ("127.0.0.1", 5)):
        monkeypatch.setattr(signin, "attempts", forms.Limiter(times=2))
        monkeypatch.setattr(api, "strangers", forms.Limiter(times=2))
        client = served(console, peer)
        codes = [
            client.get("/api/status", headers={"x-forwarded-for": f"198.51.100.{n}"}).status_code for n in range(4)
        ]
        assert codes == [401, 401, 429, 429]


def test_nor_does_it_where_the_server_itself_reads_the_header(console, monkeypatch):  # noqa: F811
    """uvicorn believes X-Forwarded-For of loopback by default, before the console sees the request."""
    monkeypatch.setattr(api, "strangers", forms.Limiter(times=2))
    with serving(served(console).app) as url, httpx.Client(base_url=url) as client:
        codes = [
            client.get("/api/status", headers={"x-forwarded-for": f"198.51.100.{n}"}).status_code for n in range(4)
        ]
    assert codes == [401, 401, 429, 429]


def test_one_subscriber_of_ipv6_is_one_client(console):  # noqa: F811
    context.configure(console)
    seen = {
        address.limited(HTTPConnection({"type": "http", "client": (f"2001:db8:1:2::{n:x}", 5), "headers": []}))
        for n in range(1, 50)
    }
    assert seen == {"2001:db8:1:2::/64"}


@pytest.mark.parametrize("name", ["x-forwarded-for", "forwarded", "x-real-ip"])
def test_metrics_are_not_near_through_a_proxy(console, name):  # noqa: F811
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
def signed_in(console):  # noqa: F811
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


# --- bodies -------------------------------------------------------------------------------------------------

DEEP = 100_000
MALFORMED = {
    "deep lists": b'{"reason": ' + b"[" * 40_000 + b"]" * 40_000 + b"}",
    "deep objects": b'{"a":' * 15_000 + b"1" + b"}" * 15_000,
    "somewhat deep": b'{"reason": ' + b"[" * 60 + b"]" * 60 + b"}",
    "a number of 5,000 digits": b'{"reason": ' + b"9" * 5000 + b"}",
    "a number of 25 digits": b'{"reason": 1000000000000000000000000}',
    "a real number that is none": b'{"reason": 1e999}',
    "NaN": b'{"reason": NaN}',
    "Infinity": b'{"reason": -Infinity}',
    "a name twice": b'{"reason": "x", "reason": "y"}',
    "half a character": b'{"reason": "\\ud800"}',
    "half a character as a name": b'{"\\udfff": "x"}',
    "NUL": b'{"reason": "a\\u0000b"}',
    "no UTF-8": b'{"reason": "\xff"}',
    "a list": b"[]",
    "nothing that is JSON": b"{",
}


@pytest.mark.parametrize("how", MALFORMED)
def test_a_body_that_cannot_be_stored_is_422_and_does_nothing(console, how):  # noqa: F811
    number, issue, _ = waiting.question()
    answer = served(console).post(f"/api/issues/{issue}/reject", content=MALFORMED[how], headers=bearer())
    assert (answer.status_code, waiting.state(number).state) == (422, "pending")
    assert answer.json()["says"]


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/api/issues/99999999999999999999/retry", {}, 404),
        ("/api/issues/2147483648/retry", {}, 404),
        ("/api/issues/{issue}/merge", {"into": 2**40}, 422),
        ("/api/issues/{issue}/merge", {"into": -(2**62)}, 422),
        ("/api/issues/{issue}/silence", {"minutes": 2**62, "reason": "x"}, 422),
        ("/api/issues/{issue}/split", {"fingerprints": [1, "a"]}, 409),
        ("/api/issues/{issue}/split", {"fingerprints": [["a"]]}, 409),
    ],
)
def test_numbers_and_lists_that_no_row_can_hold(console, path, body, code):  # noqa: F811
    issue = escalated()
    assert served(console).post(path.format(issue=issue), json=body, headers=bearer()).status_code == code


@pytest.mark.parametrize("length", ["9" * 5000, "²", "-1", "1e3", "+5"])
def test_a_length_that_is_no_number(console, length):  # noqa: F811
    number, issue, _ = waiting.question()
    headers = {**bearer(), "content-length": length.encode("latin-1")}
    assert served(console).post(f"/api/issues/{issue}/reject", content=b"{}", headers=headers).status_code == 413
    assert (
        served(console).post("/login", content=b"x", headers={"content-length": headers["content-length"]}).status_code
        == 403
    )


def slack(text: bytes) -> tuple[bytes, dict[str, str]]:
    body, at = urlencode({"payload": text}).encode(), str(int(time.time()))
    mac = hmac.new(SIGNING.encode(), b"v0:%s:%s" % (at.encode(), body), hashlib.sha256).hexdigest()
    return body, {"x-slack-request-timestamp": at, "x-slack-signature": f"v0={mac}",
                  "content-type": "application/x-www-form-urlencoded"}  # fmt: skip


def click(value: str) -> bytes:
    action = {"action_id": "approve", "value": value, "action_ts": "1"}
    return json.dumps({"type": "block_actions", "user": {"id": "U1"}, "actions": [action]}).encode()


CLICKS = {
    "a huge approval": click('{"approval": 99999999999999999999999, "issue": 1, "patch": "x"}'),
    "one that no row has": click('{"approval": 4294967296, "issue": 1, "patch": "x"}'),
    "a deep value": click("[" * 50_000 + "]" * 50_000),
    "NaN": click('{"approval": NaN, "issue": 1, "patch": "x"}'),
}


@pytest.mark.parametrize("how", [*(n for n in MALFORMED if n != "no UTF-8"), *CLICKS])
def test_a_signed_payload_of_slack_that_makes_no_sense_is_400(console, how):  # noqa: F811
    settings = Settings(**{**console.model_dump(), "slack_signing_secret": SIGNING})
    console.platform_file.write_text(console.platform_file.read_text() + '[slack.people]\nU1 = "bob"\n')
    body, headers = slack(CLICKS.get(how) or MALFORMED[how])
    assert served(settings).post("/hooks/slack", content=body, headers=headers).status_code == 400


@pytest.mark.parametrize("how", MALFORMED)
def test_decide_says_that_it_cannot_read_a_situation(how, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(MALFORMED[how])))
    assert command.main(["decide"]) == 2
    assert capsys.readouterr().err.startswith("decide: ")


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "x\udfff"])
def test_a_text_that_a_database_refuses_is_refused_before_it(console, text):  # noqa: F811
    number, _, _ = waiting.question()
    with pytest.raises(Refused, match="cannot be stored"):
        actions.reject(number, actor=by("bob"), reason=text, key="k")
    assert waiting.state(number).state == "pending"


@pytest.mark.parametrize("value", [{"a": [1, -(2**63), 1.5, None, True, "é\n😀"]}, [], "x", 0])
def test_what_is_fine_is_read_as_it_is(value):
    assert strict_json.loads(json.dumps(value)) == value


# --- what a policy may name ---------------------------------------------------------------------------------

SHOP = {"remote": '"https://git.example/shop.git"'}
WRONG = {
    "remote": ["", "x", "../shop", "-uinjected", "--upload-pack=touch /tmp/x", "ext::sh -c touch% /tmp/x", "fd::17",
               "http://git.example/shop", "ssh://-oProxyCommand=touch/x", "-oProxyCommand=x:shop", "git@-oX:shop",
               "git@host:-x", "https:///shop", "https://git.example", "https://a\\nb/c", "file://host/x", "host::x",
               "git@host:a\\u0007b", "https://git.example:port/x", "ssh://-x@host/y"],
    "branch": ["", "-x", "--all", "a..b", "a b", "a~1", "a^", "a:b", "a?b", "a*b", "a[b", "a\\\\b", "/a", "a/", "a//b",
               "a.", ".a", "a/.b", "a.lock", "a.lock/b", "@", "a@{b", "a\\u007fb", "a\\nb"],
    "github": ["acme", "acme/shop/x", "../shop", "acme/..", "-x/shop", "acme/sh op", "acme/shop?x=1"],
    "vercel_project": ["../x", "a/b", "-x", "a?b"],
    "production_url": ["shop.example", "file:///etc/passwd", "https://user:pass@shop", "https://", "javascript:1"],
    "health_path": ["", "health", "//evil.example", "/a b", "/a\\nb", "/\\\\x"],
    "tests": ["", "/etc", "../other", "a/../../b", "-x", "~/x", "a\\nb", ":(top)x"],
}  # fmt: skip
RIGHT = {
    "remote": ["https://github.com/acme/shop.git", "https://git.example:8443/a/b", "ssh://git@git.example:22/a.git",
               "git@github.com:acme/shop.git", "git.example:shop.git", "/srv/git/shop.git", "file:///srv/shop.git",
               "https://user@git.example/a"],
    "branch": ["main", "release/1.2", "a-b_c", "feature/ü", "v1.0"],
    "github": ["", "acme/shop", "a-b/c.d_e"],
    "vercel_project": ["", "shop", "prj_1aB"],
    "production_url": ["", "https://shop.example", "http://127.0.0.1:8600/edge/shop"],
    "health_path": ["/", "/health", "/a/b?deep=1"],
    "tests": ["tests", "src/tests", ".", "tests-unit"],
}  # fmt: skip


def policy(key: str, value: str, name: str = "shop") -> str:
    lines = "\n".join(f"{k} = {v}" for k, v in (SHOP | {key: value}).items())
    return f"[repositories.{name}]\n{lines}\n"


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in WRONG.items() for value in values])
def test_a_policy_that_leads_out_is_refused_by_the_name_of_its_key(key, value):
    with pytest.raises(ConfigurationError, match=rf"platform.toml: .*repositories\.shop\.{key}"):
        parse_policy(policy(key, f'"{value}"'), "platform.toml")


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in RIGHT.items() for value in values])
def test_a_policy_as_people_write_it_is_taken(key, value):
    found = parse_policy(policy(key, json.dumps(value)), "platform.toml")
    assert getattr(found.repositories["shop"], key) == value


@pytest.mark.parametrize("name", ["../x", "..", "a/b", "-x", "--upload-pack=x", "", "a..b", ".git", "a\\nb", "x" * 101])
def test_a_repository_whose_name_leads_out_of_the_data_directory_is_refused(name):
    with pytest.raises(ConfigurationError, match="platform.toml: repositories.*a name has letters"):
        parse_policy(policy("branch", '"main"', f'"{name}"'), "platform.toml")


@pytest.mark.parametrize(
    ("key", "value"),
    [("test_command", "[]"), ("test_command", '[""]'), ("test_command", '["-c", "x"]'), ("source", "[]"),
     ("source", '["../x"]'), ("source", '["/"]'), ("environment", '{"A=B" = "x"}')],
)  # fmt: skip
def test_lists_of_a_policy_that_lead_out_are_refused(key, value):
    with pytest.raises(ConfigurationError, match=rf"repositories\.shop\.{key}"):
        parse_policy(policy(key, value), "platform.toml")


@pytest.mark.parametrize(("key", "value"), [("remote", "ext::sh -c id"), ("branch", "--all"), ("tests", "../x")])
def test_the_policy_page_refuses_it_with_the_same_words(console, key, value):  # noqa: F811
    before = policies.text_of(console.platform_file)
    text = policies.edited(before, {f"repositories.shop.{key}": value})
    with pytest.raises(ConfigurationError) as refusal:
        parse_policy(text, console.platform_file.name)
    with pytest.raises(Refused) as refused:
        actions.change_policy(text, actor=by("admin"), reason="x", based_on=policies.digest(before), key="k")
    assert str(refused.value) == str(refusal.value) and f"repositories.shop.{key}" in str(refused.value)
    assert policies.text_of(console.platform_file) == before and not rows("change_policy")
