"""OTLP/HTTP, judged by OpenTelemetry's own SDK and exporters against the real routes."""

from __future__ import annotations

import io
import logging

import pytest
import requests
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from sqlmodel import select

from core.db import store
from core.models.inputs import ServiceCall


class Routes(requests.adapters.BaseAdapter):
    """Sends what the exporter sends to the application itself; keeps the answers."""

    def __init__(self, client):
        super().__init__()
        self.client, self.answers, self.sent = client, [], []

    def send(self, request, **_):
        found = self.client.request(
            request.method, request.path_url, content=request.body, headers=dict(request.headers)
        )
        self.answers.append(found)
        self.sent.append(request)
        answer = requests.Response()
        answer.status_code, answer.raw = found.status_code, io.BytesIO(found.content)
        answer.headers.update(found.headers)
        return answer

    def close(self):
        pass


def session_of(client) -> tuple[requests.Session, Routes]:
    session, routes = requests.Session(), Routes(client)
    session.mount("http://", routes)
    return session, routes


def tracer(world, token, service="cart", compression=Compression.Gzip):
    session, routes = session_of(world.client)
    exporter = OTLPSpanExporter(
        endpoint="http://platform/otlp/v1/traces",
        headers={"authorization": f"Bearer {token}"},
        session=session,
        compression=compression,
    )
    resource = {"service.name": service, "service.version": "4f1c2ab", "deployment.environment.name": "production"}
    provider = TracerProvider(resource=Resource(resource))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider.get_tracer("shop"), routes


def price(article):
    return {"A-17": 450}[article]


def crash(spans, name="POST /cart", kind=trace.SpanKind.SERVER):
    with pytest.raises(KeyError), spans.start_as_current_span(name, kind=kind):
        price("GONE")


@pytest.mark.parametrize("compression", list(Compression))
def test_an_exception_of_a_span_becomes_an_issue_with_its_stack(world, compression):
    spans, routes = tracer(world, world.token(), compression=compression)
    crash(spans)
    assert [answer.status_code for answer in routes.answers] == [200]
    assert world.cycle()["otlp"]["records"] == 1
    (signal,) = world.signals()
    assert (signal.source, signal.service, signal.release) == ("otlp", "cart", "4f1c2ab")
    assert signal.title == "KeyError: 'GONE'"
    (issue,) = world.issues()
    assert "price" in issue.because and issue.service == "cart"


def test_spans_are_counted_once_as_requests_errors_and_latency(world):
    spans, _ = tracer(world, world.token())
    for _ in range(3):
        with spans.start_as_current_span("GET /", kind=trace.SpanKind.SERVER):
            pass
    crash(spans)
    world.cycle()
    world.cycle()
    told = world.points()
    assert (told["cart", "requests"], told["cart", "errors"]) == (4, 1)
    assert told["cart", "p95_ms"] > 0


def test_a_log_record_with_an_exception_is_the_same_signal_as_its_span(world):
    token = world.token()
    spans, _ = tracer(world, token)
    session, routes = session_of(world.client)
    provider = LoggerProvider(resource=Resource({"service.name": "cart"}))
    exporter = OTLPLogExporter(
        endpoint="http://platform/otlp/v1/logs", headers={"authorization": f"Bearer {token}"}, session=session
    )
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    log = logging.getLogger("shop.test")
    log.addHandler(LoggingHandler(logger_provider=provider))
    try:
        with spans.start_as_current_span("POST /cart", kind=trace.SpanKind.SERVER):
            try:
                price("GONE")
            except KeyError as error:
                log.exception("no price")
                trace.get_current_span().record_exception(error)
        log.warning("no trouble")
        log.error("the carrier did not answer")
    finally:
        log.handlers.clear()
    assert {answer.status_code for answer in routes.answers} == {200}
    world.cycle()
    assert [signal.title for signal in world.signals()] == ["KeyError: 'GONE'", "the carrier did not answer"]


def test_spans_of_two_services_show_who_calls_whom(world):
    token = world.token("*")
    caller, _ = tracer(world, token, "cart")
    callee, _ = tracer(world, token, "billing")
    with (
        caller.start_as_current_span("charge", kind=trace.SpanKind.CLIENT, attributes={"peer.service": "bank"}),
        callee.start_as_current_span("POST /charge", kind=trace.SpanKind.SERVER),
    ):
        pass
    world.cycle()
    with store.read() as session:
        calls = {(row.caller, row.callee) for row in session.exec(select(ServiceCall))}
    assert calls == {("cart", "billing"), ("cart", "bank")}


def test_an_unknown_service_is_refused_in_part_with_a_clear_text(world, caplog):
    spans, routes = tracer(world, world.token("*"), "unheard")
    crash(spans)
    assert "'unheard'" in routes.answers[0].text and routes.answers[0].status_code == 200
    assert world.cycle()["otlp"]["records"] == 0


def test_the_documented_variables_are_enough(world, monkeypatch):
    session, routes = session_of(world.client)
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://platform/otlp",
        "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer%20{world.token()}",
        "OTEL_SERVICE_NAME": "shop-cart",
        "OTEL_RESOURCE_ATTRIBUTES": "service.version=4f1c2ab,deployment.environment.name=production",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    provider = TracerProvider(resource=Resource.create())
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(session=session)))
    crash(provider.get_tracer("shop"))
    world.cycle()
    assert [(signal.service, signal.release) for signal in world.signals()] == [("cart", "4f1c2ab")]
