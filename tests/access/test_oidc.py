"""Sign-in through an identity provider: st.login's own routes against a real OpenID Connect provider."""

from __future__ import annotations

import html
import json
import time
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.testclient import TestClient
from streamlit import config
from streamlit.runtime.secrets import secrets_singleton
from streamlit.web.server.starlette.starlette_auth_routes import create_auth_routes
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from console import process
from console.server import app as server
from console.server import provider
from core.access import accounts
from core.db import store
from core.models.access import Person, Role
from tests.answering import answering

KEY = RSAKey.generate_key(2048, {"kid": "one"})
PAGE = {"accept": "text/html"}


class Provider(BaseHTTPRequestHandler):
    """Discovery, keys, and the exchange of a code for an id_token with ``server.claims``."""

    def log_message(self, *_):
        pass

    def _json(self, value, status: int = 200) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        at = self.server.at
        keys = {"keys": [KEY.as_dict(private=False)]}
        self._json(keys if self.path == "/keys" else {
            "issuer": at, "authorization_endpoint": f"{at}/authorize", "token_endpoint": f"{at}/token",
            "jwks_uri": f"{at}/keys", "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code"], "subject_types_supported": ["public"],
        })  # fmt: skip

    def do_POST(self):
        if self.server.refuses:
            return self._json(self.server.refuses, 401)
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        now = int(time.time())
        claims = {"iss": self.server.at, "aud": "console", "sub": "7", "iat": now, "exp": now + 300,
                  "nonce": self.server.nonces.get(form["code"][0]), **self.server.claims}  # fmt: skip
        token = jwt.encode({"alg": "RS256", "kid": "one"}, claims, KEY)
        return self._json({"access_token": "a", "token_type": "Bearer", "expires_in": 300, "id_token": token})


@pytest.fixture
def identity(console):
    """The provider on loopback, and [auth] secrets that name it."""
    with answering(Provider, nonces={}, claims={}, refuses={}) as found:
        found.at = f"http://127.0.0.1:{found.server_port}"
        yield from _configured(console, found)


def _configured(console, found):
    folder = console.data_dir / "secrets.toml"
    folder.write_text(
        '[auth]\nredirect_uri = "http://testserver/oauth2callback"\ncookie_secret = "a secret of this test alone"\n'
        f'client_id = "console"\nclient_secret = "s"\n'
        f'server_metadata_url = "{found.at}/.well-known/openid-configuration"\n'
    )
    kept = config.get_option("secrets.files")
    config.set_option("secrets.files", [str(folder)])
    secrets_singleton._reset()
    yield found
    config.set_option("secrets.files", kept)
    secrets_singleton._reset()


@pytest.fixture
def client(console, identity):
    policy = '[access]\noidc_claim = "teams"\n[access.oidc_roles]\nplatform = "approver"\n'
    console.platform_file.write_text(console.platform_file.read_text() + policy)
    process.settings().__dict__.pop("policy", None)
    middleware = [*server.app._user_middleware, Middleware(SessionMiddleware, secret_key="x")]
    app = Starlette(routes=[*server.app._user_routes, *create_auth_routes("")], middleware=middleware)
    with TestClient(app, follow_redirects=False) as found:
        yield found


def returned(client, identity, **claims):
    """From the sign-in page to the provider and back; returns the response of the return address."""
    identity.claims = claims
    page = client.get("/login?next=%2Fissues%3Fissue%3D3").text
    assert 'href="/login/default?next=%2Fissues%3Fissue%3D3"' in page
    to_st_login = client.get("/login/default?next=%2Fissues%3Fissue%3D3").headers["location"]
    asked = urlsplit(client.get(to_st_login).headers["location"])
    assert asked.netloc == urlsplit(identity.at).netloc
    query = {name: values[0] for name, values in parse_qs(asked.query).items()}
    identity.nonces["code-1"] = query.get("nonce")
    return client.get(f"/oauth2callback?code=code-1&state={query['state']}")


def sign_in_flow(client, identity, **claims) -> object:
    """From the sign-in page to the provider and back; returns the last response."""
    back = returned(client, identity, **claims)
    assert back.headers["location"] == "/"
    home = client.get("/", headers=PAGE)
    return client.get(home.headers["location"], headers=PAGE) if home.status_code == 303 else home


def test_the_provider_names_a_person_and_the_policy_gives_the_role(client, identity):
    answer = sign_in_flow(client, identity, email="Jo@X.io", email_verified=True, teams=["platform"])
    assert (answer.status_code, answer.headers["location"]) == (303, "/issues?issue=3")
    with store.read() as session:
        assert session.get_one(Person, "jo@x.io").role is Role.APPROVER
    assert client.get("/", headers=PAGE).status_code == 200
    assert USER_COOKIE_NAME not in client.cookies, "the provider's cookie is valid for one sign-in"


def test_a_person_without_a_role_is_refused(client, identity):
    answer = sign_in_flow(client, identity, email="eve@x.io", email_verified=True, teams=["sales"])
    assert answer.status_code == 403 and "no role is assigned here" in answer.text
    assert client.get("/").status_code == 401


def test_an_old_provider_cookie_is_refused(client, identity):
    answer = sign_in_flow(client, identity, email="jo@x.io", teams=["platform"], iat=int(time.time()) - 301)
    assert answer.status_code == 403 and "too old by this server" in answer.text and "date -u" in answer.text
    assert client.get("/").status_code == 401


EXCHANGES = {  # what the provider answers to the code, and its claims: what the page says, and what an admin changes
    "wrong secret": ({"error": "invalid_client"}, {}, "client secret is wrong", "client_secret of [auth]"),
    "redirect": ({"error": "invalid_grant", "error_description": "redirect_uri mismatch"}, {}, "address that it should",
                 "redirect_uri of [auth]"),
    "code used": ({"error": "invalid_grant"}, {}, "started too long ago", "host of redirect_uri"),
    "clock behind": ({}, {"exp": int(time.time()) - 3600}, "two clocks differ", "NTP"),
    "clock ahead": ({}, {"iat": int(time.time()) + 3600}, "two clocks differ", "NTP"),
    "other application": ({}, {"aud": "another"}, "not for this platform", "client_id"),
}  # fmt: skip


@pytest.mark.parametrize("refuses, claims, says, fix", EXCHANGES.values(), ids=EXCHANGES)
def test_a_failure_is_explained_with_what_an_admin_changes(client, identity, caplog, refuses, claims, says, fix):
    identity.refuses = refuses
    answer = returned(client, identity, email="jo@x.io", email_verified=True, teams=["platform"], **claims)
    text = html.unescape(answer.text)
    assert answer.status_code == 403 and says in text and fix in text
    assert "sign-in through the identity provider failed" in caplog.text and "code-1" not in caplog.text
    assert client.get("/").status_code == 401


CLAIMS = {
    "no address": ({"email_verified": True}, "no e-mail address", "scope email"),
    "unverified": ({"email": "jo@x.io"}, "does not say that the e-mail address is verified", "oidc_email_verified"),
    "unknown": ({"email": "jo@x.io", "email_verified": True, "teams": ["sales"]}, "no role is assigned", "oidc_roles"),
    "disabled": ({"email": "off@x.io", "email_verified": True}, "off@x.io is disabled", "People page"),
    "password": ({"email": "pw@x.io", "email_verified": True}, "has a password here", ""),
}


@pytest.mark.parametrize("claims, says, fix", CLAIMS.values(), ids=CLAIMS)
def test_claims_without_access_are_explained(client, identity, claims, says, fix):
    accounts.add("off@x.io", Role.ADMIN, by="admin")
    accounts.set_disabled("off@x.io", True, by="admin")
    accounts.add("pw@x.io", Role.ADMIN, "a password of theirs", by="admin")
    answer = sign_in_flow(client, identity, **{"teams": ["platform"], **claims})
    text = html.unescape(answer.text)
    assert answer.status_code == 403 and says in text and fix in text


def test_a_refusal_of_the_provider_is_explained(client, identity):
    answer = client.get("/oauth2callback?error=access_denied&error_description=%3Cscript%3E&state=x")
    assert answer.status_code == 403 and "did not let you in" in answer.text and "<script>" not in answer.text


def test_an_unreachable_provider_is_explained(client, identity):
    to_st_login = client.get("/login/default").headers["location"]
    identity.shutdown()
    identity.server_close()
    answer = client.get(to_st_login)
    assert answer.status_code == 403 and "cannot be reached" in answer.text and "server_metadata_url" in answer.text


def test_a_return_to_another_address_is_explained(client, identity):
    returned(client, identity, email="jo@x.io", email_verified=True, teams=["platform"])
    cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    answer = client.get("/login", headers={**PAGE, "host": "other.example", "cookie": cookies})
    assert "You opened other.example" in answer.text and "redirect_uri" in answer.text


def test_a_forged_provider_cookie_is_refused(client, identity):
    client.cookies.set(USER_COOKIE_NAME, json.dumps({"email": "jo@x.io", "teams": ["platform"], "iat": time.time()}))
    assert client.get("/login", headers=PAGE).status_code == 200
    assert client.get("/").status_code == 401


def test_an_unknown_provider_redirects_to_the_sign_in(client, identity):
    assert client.get("/login/evil").headers["location"] == "/login"
    assert provider.names() == ["default"]
