"""A stack that arrives as OTLP log records, one a line, is one signal: as a collector sends what a process prints."""

from __future__ import annotations

import logging
import time
from datetime import timedelta

import pytest
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from sqlmodel import select

from core.db import store
from core.models.inputs import Payload
from tests.inputs.test_otlp import session_of

STACK = """Traceback (most recent call last):
  File "/app/shop/web.py", line 88, in post_cart
    return total(cart)
           ^^^^^^^^^^^
  File "/app/shop/cart.py", line 41, in total
    price = prices[article]
            ~~~~~~^^^^^^^^^
KeyError: 'A-17'""".splitlines()
CHAINED = [
    *STACK,
    "",
    "During handling of the above exception, another exception occurred:",
    "",
    *STACK[:-1],
    "ValueError: no",
]
UNSET, INFO, ERROR = 0, 9, 17


class Collector:
    """What OpenTelemetry's Collector sends of files and containers that it reads: a log record for each line."""

    def __init__(self, world):
        self.world, self.token, self.now = world, world.token(), time.time_ns()

    def send(self, lines, severity=UNSET, **resource) -> None:
        request = ExportLogsServiceRequest()
        group = request.resource_logs.add()
        for name, value in {"service.name": "cart", "service.version": "4f1c2ab", **resource}.items():
            group.resource.attributes.add(key=name).value.string_value = value
        scope = group.scope_logs.add()
        for line in lines:
            self.now += 1_000_000
            record = scope.log_records.add(time_unix_nano=self.now, severity_number=severity)
            record.body.string_value = line
        answer = self.world.post("/otlp/v1/logs", self.token, content=request.SerializeToString(),
                                 headers={"content-type": "application/x-protobuf"})  # fmt: skip
        assert answer.status_code == 200

    def settle(self) -> None:
        """The time in which the rest of a stack may come is over."""
        with store.write() as session:
            for payload in session.exec(select(Payload)):
                payload.received_at -= timedelta(seconds=10)
        self.world.cycle()


@pytest.fixture
def collector(world) -> Collector:
    return Collector(world)


@pytest.mark.parametrize("severity", [UNSET, INFO, ERROR])
@pytest.mark.parametrize("stack", [STACK, CHAINED])
def test_a_stack_of_single_lines_is_one_signal(world, collector, severity, stack):
    collector.send(["INFO served GET /", *stack, "INFO served GET /"], severity)
    collector.settle()
    signals = [signal for signal in world.signals() if signal.kind == "exception"]
    assert [signal.message for signal in signals] == ["\n".join(stack)]
    assert signals[0].release == "4f1c2ab" and signals[0].title == stack[-1]
    assert len(world.issues()) == (1 if severity != ERROR else 2)  # a line that its sender calls an error is one


def test_a_stack_that_is_cut_between_two_requests_is_completed(world, collector):
    collector.send(STACK[:3])
    world.cycle()
    assert not world.signals()
    collector.send(STACK[3:])
    collector.settle()
    assert [signal.message for signal in world.signals()] == ["\n".join(STACK)]


def test_lines_of_two_processes_are_not_mixed(world, collector):
    for line in STACK:
        collector.send([line], **{"k8s.pod.name": "cart-1"})
        collector.send([line], **{"k8s.pod.name": "cart-2"})
    collector.settle()
    assert [signal.message for signal in world.signals()] == ["\n".join(STACK)] * 2


def test_what_is_sent_again_after_a_lost_answer_is_one_signal(world, collector):
    before = collector.now
    collector.send(STACK)
    collector.settle()
    collector.now = before
    collector.send(STACK)
    collector.settle()
    assert len(world.signals()) == 1


def test_lines_without_trouble_are_not_kept_as_signals_and_start_no_cycle(world, collector):
    collector.send(["served GET /"])
    with store.read() as session:
        assert not session.exec(select(Payload)).one().urgent
    collector.settle()
    assert world.signals() == []


def test_a_record_of_an_sdk_is_what_it_was(world):
    """One line of the level error, without an exception, at once."""
    session, _ = session_of(world.client)
    provider = LoggerProvider(resource=Resource({"service.name": "cart"}))
    exporter = OTLPLogExporter(endpoint="http://platform/otlp/v1/logs",
                               headers={"authorization": f"Bearer {world.token()}"}, session=session)  # fmt: skip
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    log = logging.getLogger("shop.lines")
    log.addHandler(LoggingHandler(logger_provider=provider))
    try:
        log.error("the carrier did not answer")
        log.error("the bank did not answer")
    finally:
        log.handlers.clear()
    world.cycle()
    assert [signal.title for signal in world.signals()] == ["the carrier did not answer", "the bank did not answer"]
