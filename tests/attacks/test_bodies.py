"""Bodies and arguments that Python reads and no row can hold: 4xx, never 500."""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import sys
import time
from types import SimpleNamespace
from urllib.parse import urlencode

import pytest

from core import __main__ as command
from core.access.rights import Refused
from core.actions import approvals
from core.models import strict_json
from core.settings import Settings
from tests import waiting
from tests.attacks.test_doors import bearer, escalated, served
from tests.who import by

SIGNING = "a-signing-secret-of-some-length"

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
def test_a_body_that_cannot_be_stored_is_422_and_does_nothing(console, how):
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
        ("/api/issues/{issue}/split", {"fingerprints": [1, "a"]}, 422),
        ("/api/issues/{issue}/split", {"fingerprints": [["a"]]}, 422),
    ],
)
def test_numbers_and_lists_that_no_row_can_hold(console, path, body, code):
    issue = escalated()
    assert served(console).post(path.format(issue=issue), json=body, headers=bearer()).status_code == code


@pytest.mark.parametrize("length", ["9" * 5000, "²", "-1", "1e3", "+5"])
def test_a_length_that_is_no_number(console, length):
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
def test_a_signed_payload_of_slack_that_makes_no_sense_is_400(console, how):
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
def test_a_text_that_a_database_refuses_is_refused_before_it(console, text):
    number, _, _ = waiting.question()
    with pytest.raises(Refused, match="cannot be stored"):
        approvals.reject(number, actor=by("bob"), reason=text, key="k")
    assert waiting.state(number).state == "pending"


@pytest.mark.parametrize("value", [{"a": [1, -(2**63), 1.5, None, True, "é\n😀"]}, [], "x", 0])
def test_what_is_fine_is_read_as_it_is(value):
    assert strict_json.loads(json.dumps(value)) == value
