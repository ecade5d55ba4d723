"""CloudWatch log events that are single lines, read from another implementation of AWS than our simulator."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import boto3
import pytest
from moto import mock_aws

from core.signals.grouping import stack
from core.vendors import cloudwatch as aws
from core.vendors.cloudwatch import CloudWatch
from core.vendors.reading import ReadWindow
from tests.inputs.test_joining import CHAINED, INFO, PYTHON

GROUP = "/acme/cart"


@pytest.fixture
def logs(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        client = boto3.client("logs", region_name="eu-central-1")
        client.create_log_group(logGroupName=GROUP)
        yield client


def write(logs, stream: str, lines: list[str], at: datetime) -> None:
    names = {row["logStreamName"] for row in logs.describe_log_streams(logGroupName=GROUP)["logStreams"]}
    if stream not in names:
        logs.create_log_stream(logGroupName=GROUP, logStreamName=stream)
    events = [{"timestamp": int(at.timestamp() * 1000) + n, "message": line} for n, line in enumerate(lines) if line]
    logs.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=events)


class Filtering(CloudWatch):
    """With a pattern of alternatives (?A ?B), which moto does not apply."""

    def _call(self, service, operation, **asked):
        found = super()._call(service, operation, **asked)
        words = asked.get("filterPattern", "").replace("?", "").split()
        if words:
            found["events"] = [row for row in found["events"] if any(word in row["message"] for word in words)]
        return found


def source(pattern: str = "") -> CloudWatch:
    return Filtering(lambda: aws.connect("eu-central-1"), [GROUP], pattern=pattern)


def read(of: CloudWatch, cursor: str | None, until: datetime):
    records = []
    for batch in of.collect(cursor, until):
        records += batch.records
        cursor = batch.cursor or cursor
    return records, cursor


@pytest.mark.parametrize("pattern", ["", "?ERROR ?error ?Exception ?Traceback"])
def test_a_traceback_line_by_line_is_one_record(logs, pattern):
    at = datetime.now(UTC) - timedelta(minutes=2)
    for stream in ("web-1", "web-2"):
        write(logs, stream, [INFO, *CHAINED.splitlines(), INFO], at)
    records, _ = read(source(pattern), None, datetime.now(UTC))
    told = [record for record in records if record.level == "error"]
    assert (len(told), len(records)) == (2, 2 if pattern else 6), "the context of a stack is no record"
    assert {record.attributes["log_stream"] for record in told} == {"web-1", "web-2"}
    crash = stack.crash_of(told[0])
    assert (crash.exception.type, crash.chain[0].type, len(crash.frames)) == ("ValueError", "KeyError", 1)


def test_a_traceback_that_is_cut_by_the_end_of_a_cycle_is_completed_in_the_next(logs):
    now, told = datetime.now(UTC), PYTHON.splitlines()
    write(logs, "web-1", told[:4], now - timedelta(seconds=1))
    first, cursor = read(source(), None, now)
    write(logs, "web-1", told[4:], now)
    second, cursor = read(source(), cursor, now + timedelta(seconds=30))
    third, _ = read(source(), cursor, now + timedelta(seconds=60))
    assert [first, len(second)] == [[], 1]
    assert len(stack.crash_of(second[0]).frames) == 2
    assert [record.vendor_id for record in third] in ([], [second[0].vendor_id]), "what is read again is the same"


def test_a_traceback_that_is_cut_by_the_end_of_a_page_is_one_record(logs, monkeypatch):
    monkeypatch.setattr(aws, "PAGE", 3)
    write(logs, "web-1", [INFO, *PYTHON.splitlines(), INFO], datetime.now(UTC) - timedelta(minutes=1))
    records, _ = read(source(), None, datetime.now(UTC))
    assert sum("KeyError" in record.message for record in records) == 1
    assert [record.message.count("\n") for record in records] == [0, len(PYTHON.splitlines()) - 1, 0]


def test_the_overlap_of_two_readings_leaves_no_fragment(logs):
    """The second reading begins within the traceback."""
    until = datetime.now(UTC)
    begun = until - timedelta(minutes=6)
    write(logs, "web-1", PYTHON.splitlines(), begun)
    of = source()
    whole = of._logs(GROUP, ReadWindow(begun - timedelta(minutes=1), until))
    part = of._logs(GROUP, ReadWindow(begun + timedelta(milliseconds=3), until))
    assert len(whole.records) == 1 and part.records == []
