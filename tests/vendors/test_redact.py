"""No shape of a secret passes; looking for its words first changes nothing but the time."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.vendors.redact import LAYERS, MARK, Redactor

SECRETS = [
    "ghp_" + "a1" * 18,
    "github_pat_" + "b2" * 20,
    "xoxb-123456789012-abcdef",
    "xapp-1-A0123456789",
    "sk-proj-" + "c3" * 12,
    "AKIAIOSFODNN7EXAMPLE",
    "AIza" + "d" * 35,
    "NRAK-ABCDEFGHIJKLMNOPQRSTUVWXYZ1",
    "sntrys_" + "e4" * 12,
    "glpat-" + "f5" * 12,
    "sk_live_" + "g6" * 10,
    "eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.SflKxwRJSMeKKF2QT4",
    "npm_" + "h7" * 18,
    "hf_" + "i8" * 16,
    "vercel_" + "j9" * 12,
    "Authorization: Bearer abcdef123456",
    "password=hunter22",
    '"client_secret": "0123456789"',
    "API-KEY: zyxwvu987654",
    "accessToken = 'abcdefgh12'",
    "postgres://shop:hunter22@db.example/shop",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_filtered(secret):
    told = Redactor()(f"line one\nsomething failed: {secret} at 12:03")
    assert MARK in told and "12:03" in told
    assert secret not in told


def test_a_known_secret_is_filtered_in_each_of_its_forms():
    known = "p&ss word/1"
    told = Redactor([known])(f"{known} p%26ss%20word%2F1 cCZzcyB3b3JkLzE=")
    assert told == f"{MARK} {MARK} {MARK}="


def plainly(text: str) -> str:
    for _, pattern, shown in LAYERS:
        text = pattern.sub(shown, text)
    return text


PIECES = st.one_of(
    st.sampled_from(SECRETS), st.text(max_size=12), st.sampled_from([" ", "\n", "=", ": ", "'", "KeyError"])
)


@settings(max_examples=200)
@given(st.lists(PIECES, max_size=8), st.sampled_from([str, str.upper, str.lower]))
def test_the_words_are_never_too_narrow(pieces, case):
    text = case("".join(pieces))
    assert Redactor()(text) == plainly(text)
