"""Who may send, how much, and what becomes of a request that makes no sense: a clear 4xx, and nothing is lost."""

from __future__ import annotations

import gzip
import json
import zlib
from datetime import timedelta

import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from sqlmodel import select

from console.server import ingest
from core.access import ingest_tokens
from core.cli import token as command
from core.db import store
from core.inputs import inbox, sources
from core.models import AuditRow, now
from core.models.inputs import IngestToken, InputState, Payload
from core.ops import metrics
from core.policy.sections import Inputs
from tests.inputs.test_ingest import alert

JSON, PROTOBUF = "application/json", "application/x-protobuf"
PATHS = ("/otlp/v1/traces", "/otlp/v1/logs", "/hooks/alertmanager", "/ingest/events", "/ingest/lines")
EVENT = {"message": "boom"}


def stored() -> list[Payload]:
    with store.read() as session:
        return list(session.exec(select(Payload)))


@pytest.mark.parametrize("path", PATHS)
def test_without_a_valid_token_nothing_is_taken(world, path):
    token = world.token()
    ingest_tokens.revoke(1, by="test")
    for wrong in ("", token, token[:-1], "dip_in_" + "x" * 43, "é" * 50):
        answer = world.client.post(path, json=EVENT, headers={"authorization": f"Bearer {wrong}".encode()})
        assert answer.status_code == 401 and "Bearer" in answer.headers["www-authenticate"]
    assert stored() == []


def test_strangers_are_limited_and_do_not_shut_out_a_valid_token(world):
    token = world.token()
    codes = [world.post("/ingest/events", "dip_in_" + "x" * 43, json=EVENT).status_code for _ in range(40)]
    assert codes == [401] * 30 + [429] * 10
    assert world.post("/ingest/events", token, json=EVENT).status_code == 202


def test_each_token_has_its_own_rate(world):
    one, other = world.token(), world.token()
    policy = world.settings.platform_file.read_text()
    limited = policy.replace("[inputs.names]", "[inputs]\nrequests_per_minute = 3\n[inputs.names]")
    world.settings.platform_file.write_text(limited, encoding="utf-8")
    answers = [world.post("/ingest/events", one, json={"message": str(n)}) for n in range(5)]
    assert [answer.status_code for answer in answers] == [202] * 3 + [429] * 2
    assert int(answers[-1].headers["retry-after"]) > 0
    assert world.post("/ingest/events", other, json=EVENT).status_code == 202


@pytest.mark.parametrize("path", PATHS)
def test_a_large_body_is_refused(world, path):
    headers = {"content-type": "text/plain" if path.endswith("lines") else JSON}
    answer = world.post(path, world.token(), content=b" " * (ingest.LARGEST + 1), headers=headers)
    assert answer.status_code == 413 and stored() == []


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_bomb_is_not_unpacked(world, encoding):
    packed = (gzip.compress if encoding == "gzip" else zlib.compress)(b"\0" * (200 << 20))
    headers = {"content-type": PROTOBUF, "content-encoding": encoding}
    answer = world.post("/otlp/v1/traces", world.token(), content=packed, headers=headers)
    assert answer.status_code == 413
    assert "larger than 16 MB" in Status.FromString(answer.content).message


def test_a_second_gzip_member_is_refused_and_not_dropped(world):
    packed = gzip.compress(b"") + gzip.compress(b"lost")
    headers = {"content-type": PROTOBUF, "content-encoding": "gzip"}
    answer = world.post("/otlp/v1/traces", world.token(), content=packed, headers=headers)
    assert answer.status_code == 400 and "data follows its end" in Status.FromString(answer.content).message


DEEP = "[" * 10_000
NUMBERS = ['{"message": NaN}', '{"time": 1e400, "message": "x"}', '{"message": "x", "time": ' + "9" * 5000 + "}"]
WRONG = ["", "null", "7", '"x"', "[]", "[[]]", "{}", DEEP, '{"a":' * 5000, "\x00", '{"message": "\ud800"}', *NUMBERS]
SHAPES = [
    {"message": 1},
    {"message": "x", "time": "yesterday"},
    {"message": "x", "time": -1},
    {"message": "x", "severity": "bad"},
    {"message": "x", "attributes": {"a": {"b": 1}}},
    {"message": "x", "unknown": 1},
    {"message": "x", "id": "i" * 201},
    {"message": "x", "service": "billing"},
    [EVENT] * 1001,
    [EVENT, {"message": []}],
]


@pytest.mark.parametrize("path", ["/ingest/events", "/hooks/alertmanager", "/otlp/v1/traces", "/otlp/v1/logs"])
def test_what_is_no_request_gets_a_clear_refusal(world, path):
    token = world.token()
    for text in WRONG:
        body = text.encode("utf-8", "surrogatepass")
        answer = world.post(path, token, content=body, headers={"content-type": JSON})
        fine = path.startswith("/otlp") and text in ("{}", *NUMBERS)  # fields that OTLP does not know are ignored
        assert 400 <= answer.status_code < 500 or (fine and answer.status_code in (200, 400)), (text[:30], answer.text)
    assert stored() == []


@pytest.mark.parametrize("event", SHAPES, ids=lambda event: str(event)[:40])
def test_a_wrong_event_is_refused_and_named(world, event):
    answer = world.post("/ingest/events", world.token(), json=event)
    assert answer.status_code == 422 and answer.json()["says"]
    assert stored() == []


ALERTS = [
    {"alerts": [{}]},
    {"alerts": [{**alert()["alerts"][0], "startsAt": "now"}]},
    {"alerts": [{**alert()["alerts"][0], "status": "odd"}]},
    {"alerts": [{**alert()["alerts"][0], "labels": {"a": {"b": "c"}}}]},
    {"alerts": [{**alert()["alerts"][0], "fingerprint": ""}]},
    {"alerts": "x"},
]


@pytest.mark.parametrize("body", ALERTS, ids=lambda body: str(body)[:60])
def test_a_wrong_alert_is_refused_and_named(world, body):
    answer = world.post("/hooks/alertmanager", world.token(), json=body)
    assert answer.status_code == 422 and "alerts" in answer.json()["says"]


OTLP_WRONG = [
    {"resourceSpans": 7},
    {"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "zz"}]}]}]},
    {"resourceSpans": [{"scopeSpans": [{"spans": [{"startTimeUnixNano": "-1"}]}]}]},
    {"resourceSpans": [{"resource": {"attributes": [{"key": 1}]}}]},
]


@pytest.mark.parametrize("body", OTLP_WRONG, ids=lambda body: str(body)[:60])
def test_a_wrong_trace_is_refused_with_a_status(world, body):
    answer = world.post("/otlp/v1/traces", world.token(), json=body)
    assert answer.status_code == 400 and answer.json()["code"] == 3 and answer.json()["message"]


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"content-type": "text/plain"}, 415),
        ({"content-type": PROTOBUF, "content-encoding": "br"}, 415),
        ({"content-type": PROTOBUF, "content-encoding": "gzip"}, 400),
        ({"content-type": PROTOBUF}, 400),
    ],
)
def test_a_body_of_another_kind_is_refused(world, headers, code):
    assert world.post("/otlp/v1/logs", world.token(), content=b"\xff\xff", headers=headers).status_code == code


def test_times_that_no_calendar_has_stop_nothing(world):
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    for start, end in ((2**64 - 1, 2**64 - 1), (0, 2**64 - 1), (2**63, 1), (0, 0)):
        span = group.scope_spans.add().spans.add(start_time_unix_nano=start, end_time_unix_nano=end, kind=2)
        event = span.events.add(name="exception", time_unix_nano=start)
        event.attributes.add(key="exception.type").value.string_value = "KeyError"
        event.attributes.add(key="exception.message").value.double_value = float("nan")
    headers = {"content-type": PROTOBUF}
    assert (
        world.post("/otlp/v1/traces", world.token(), content=request.SerializeToString(), headers=headers).status_code
        == 200
    )
    assert world.cycle()["otlp"]["error"] is None
    assert len(stored()) == 1 and stored()[0].taken_at


def test_nothing_secret_is_stored(world):
    token = world.token()
    secret = "ghp_" + "a1B2" * 10
    world.post("/ingest/events", token, json={"message": f"token {secret}", "attributes": {"password": "hunter2x"}})
    world.post(
        "/ingest/lines", token, content=f"ERROR password=hunter2x {secret}", headers={"content-type": "text/plain"}
    )
    world.post("/hooks/alertmanager", token, json=alert(annotations={"summary": secret}))
    request = ExportLogsServiceRequest()
    record = request.resource_logs.add().scope_logs.add().log_records.add(severity_number=17, time_unix_nano=1)
    record.body.string_value = f"failed with {secret}"
    world.post("/otlp/v1/logs", token, content=request.SerializeToString(), headers={"content-type": PROTOBUF})
    assert len(stored()) == 4
    world.cycle()
    told = json.dumps([[p.body for p in stored()], [s.model_dump(mode="json") for s in world.signals()]])
    assert secret not in told and "hunter2x" not in told and token not in told


def test_a_full_inbox_refuses_and_keeps_what_is_unread(world):
    rules = Inputs(keep_megabytes=1)
    inbox.accept(rules, Payload(input="events", body={"rows": []}, size=900_000))
    with pytest.raises(inbox.InboxFull):
        inbox.accept(rules, Payload(input="events", body={"rows": []}, size=200_000))
    inbox.take([1])
    inbox.accept(rules, Payload(input="events", body={"rows": []}, size=200_000))
    with store.write() as session:
        inbox.prune(session, rules)
    assert [payload.id for payload in stored()] == [1, 2]
    with store.write() as session:
        session.get_one(Payload, 1).taken_at = now() - timedelta(days=15)
        inbox.prune(session, rules)
    assert [payload.id for payload in stored()] == [2]


def test_a_broken_policy_loses_nothing(world):
    token = world.token()
    world.settings.platform_file.write_text("[services", encoding="utf-8")
    answer = world.post("/ingest/events", token, json=EVENT)
    assert answer.status_code == 503 and answer.headers["retry-after"]


def test_accepted_and_refused_requests_are_counted(world):
    token = world.token()
    world.post("/ingest/events", token, json=EVENT)
    world.post("/ingest/events", token, json={})
    world.post("/ingest/events", "wrong", json=EVENT)
    world.post("/ingest/events", token, json={"message": "again"})
    with store.read() as session:
        state = session.get_one(InputState, "events")
    assert (state.accepted, state.refused) == (2, 2)
    text = metrics.text().decode()
    assert 'platform_input_accepted_total{input="events"} 2.0' in text
    assert 'platform_input_refused_total{input="events"} 2.0' in text
    assert 'platform_input_waiting{input="events"} 2.0' in text


def test_an_input_that_received_nothing_is_not_said_to_work(world):
    source = next(one for one in world.runtime.sources if one.name == "events")
    assert not source.connected
    token = world.token()
    assert source.connected and not source.check().ok and source.check().message.startswith(sources.NOTHING)
    world.post("/ingest/events", token, json=EVENT)
    assert source.check().ok and source.check().message.startswith("last received")


def test_the_command_issues_lists_and_revokes_tokens(world, monkeypatch, capsys):
    monkeypatch.setattr(command.settings, "load", lambda: world.settings)
    assert command.main(["ingest", "cart", "--label", "collector"]) == 0
    value = capsys.readouterr().out.strip()
    assert ingest_tokens.sender(value).service == "cart"
    with store.read() as session:
        assert value not in session.exec(select(IngestToken)).one().model_dump_json()
        assert "ingest_token_issued" in session.exec(select(AuditRow.action)).all()
    command.main(["list-ingest"])
    assert "cart" in (told := capsys.readouterr().out) and "valid" in told and value not in told
    assert command.main(["revoke-ingest", "1"]) == 0 and ingest_tokens.sender(value) is None
    assert command.main(["ingest", "unheard"]) == 1 and "Its services are: billing, cart" in capsys.readouterr().err
    assert command.main(["ingest", "*"]) == 0
