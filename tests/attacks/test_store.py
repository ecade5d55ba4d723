"""Strangers' texts and numbers on their way into both databases: stored as they are or made storable, never a stop."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col, func, select

from core import runtime
from core.db import store
from core.models import Approval, Connector, Issue, Kind, Record, Signal
from core.models.access import Person
from core.runtime import Runtime
from core.settings import Settings
from core.stages import group
from core.stages.collect import keep
from core.vendors.base import Batch, Meter
from core.vendors.reading import records_of
from tests import blank
from tests.attacks.fields import AT, PLACES
from tests.attacks.payloads import payloads
from tests.postgres import postgres

COLUMNS = ("service", "environment", "release", "level", "title", "message", "url")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def opened(request, tmp_path) -> Runtime:
    file = f"sqlite:///{blank.put(tmp_path / 'platform.db', blank.migrated)}"
    url = file if request.param == "sqlite" else request.getfixturevalue("server")
    store.open_store(url)
    yield runtime.use(Runtime(Settings(data_dir=tmp_path, database_url=url, platform_file=tmp_path / "none.toml")))
    store.engine().dispose()


def everywhere(number: int, text: str) -> dict:
    """A row as a vendor sends it, with the text in every field."""
    frame = {"file": text, "line": 2, "function": text, "code": text, "locals": {text: text}}
    crash = {"exception": {"type": text, "message": text}, "frames": [frame], "logs": [text], "tags": {text: text}}
    row = dict.fromkeys(COLUMNS, text) | {"source": "sentry", "vendor_id": f"{number}-{text}", "kind": "exception"}
    row |= {"at": AT.isoformat(), "crash": crash | {"environment": text, "release": text, "traceback": text}}
    return row | {"attributes": {text: [text, {"user": text}]}}


def received(rows: list[dict]) -> list[Record]:
    """The rows after the way over the wire, as every vendor's client reads them."""
    meter = Meter("sentry")
    found = records_of(json.loads(json.dumps(rows)), Record.model_validate, meter)
    assert not meter.unreadable
    return found


def stored(source: str, rows: list[dict]) -> int:
    return keep(source, Batch(records=received(rows), cursor="behind"))


def test_every_payload_in_every_field_is_stored_grouped_and_does_nothing(opened):
    rows = [everywhere(number, text) for number, text in enumerate(payloads())]
    before = stored("sentry", rows)
    assert before == len(payloads())
    group.group_new(opened)
    with store.read() as session:
        assert session.exec(select(func.count()).select_from(Signal).where(col(Signal.issue_id).is_not(None))).one()
        assert session.get_one(Connector, "sentry").cursor == "behind"
        assert not session.exec(select(Approval)).all() and not session.exec(select(Person)).all()
        title = session.exec(select(Signal.title).where(col(Signal.title).contains("DROP TABLE"))).first()
        assert title and session.exec(select(Issue)).first()


@pytest.mark.parametrize(
    "odd",
    [
        {"count": 10**30},
        {"count": 2**31, "users": 2**40},
        {"count": -5, "users": -1},
        {"attributes": json.loads('{"a":' * 400 + "1" + "}" * 400)},
        {"title": "x" * 2_000_000, "message": "y" * 2_000_000},
        {"title": "\x00", "message": "\ud800" * 10},
        {"attributes": {"n": 10**400}},
    ],
    ids=lambda odd: next(iter(odd)),
)
def test_one_odd_record_does_not_stop_the_page_it_came_with(odd, opened):
    name = f"odd-{abs(hash(str(odd)))}"
    usual = {"source": name, "kind": Kind.LOG, "at": AT.isoformat(), "service": "pricing", "title": "cannot price"}
    rows = [usual | {"vendor_id": f"{name}-{n}"} for n in range(3)]
    rows[1] |= odd
    assert stored(name, rows) == 3
    group.group_new(opened)
    with store.read() as session:
        kept = session.exec(select(Signal).where(Signal.source == name)).all()
    assert len(kept) == 3 and all(0 <= row.count <= 10**9 and 0 <= row.users <= 10**9 for row in kept)


def test_occurrences_stay_within_their_column(opened):
    usual = {"source": "datadog", "kind": Kind.LOG, "at": AT.isoformat(), "service": "shop", "title": "many of them"}
    rows = [usual | {"vendor_id": f"many-{n}", "count": 10**12} for n in range(5)]
    assert stored("datadog", rows) == 5
    group.group_new(opened)
    with store.read() as session:
        issue = session.exec(select(Issue).where(Issue.service == "shop")).one()
        assert issue.occurrences == 2**31 - 1


def test_what_a_program_printed_is_stored(opened):
    """The output of a service's tests is as much a stranger's text as the report."""
    with store.write() as session:
        session.add(Issue(fingerprint="f", title="x", service="printed"))
        row = Issue(fingerprint="f", title="NUL \x00 and half a pair \ud800", service="printed")
        session.add(row)
        session.flush()
        row.resolution = "changed to \x00"
    with store.read() as session:
        kept = session.exec(select(Issue).where(Issue.service == "printed").order_by(col(Issue.id).desc())).first()
    assert (kept.title, kept.resolution) == ("NUL \ufffd and half a pair \ufffd", "changed to \ufffd")


def test_an_error_of_the_store_does_not_show_the_row(opened):
    with store.write() as session:
        session.add(Connector(name="secret-value-1234"))
    with pytest.raises(SQLAlchemyError) as caught, store.write() as session:
        session.add(Connector(name="secret-value-1234"))
    assert "secret-value-1234" not in str(caught.value).split("DETAIL")[0]


def test_places_build_what_the_border_would():
    for put in PLACES.values():
        assert all(isinstance(found, Record) for found in put("x").records)
