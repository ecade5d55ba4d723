"""Which failures are transient, their messages, and how long a step is retried."""

from __future__ import annotations

import errno
import math
import sqlite3

import psycopg
import pytest
from dbos import error as engine
from filelock import Timeout
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from core.db import outages, store
from core.ops import infrastructure
from core.ops.infrastructure import AFTER, BEFORE, BROKEN, PASSING, REFUSED, GaveUp, Patience, StepFault
from core.vendors.base import VendorError
from core.vendors.command import CommandError, Unreachable


def sqlite(code: int, says: str = "database is locked") -> OperationalError:
    error = sqlite3.OperationalError(says)
    error.sqlite_errorcode = code
    return OperationalError("UPDATE issue SET secret", {}, error)


def postgres(state: str | None, of=psycopg.OperationalError) -> OperationalError:
    error = type("Fault", (of,), {"sqlstate": state})("the server said no")
    return OperationalError("UPDATE issue SET secret", {}, error)


FAULTS = [
    (VendorError("vercel", "is away", status=503), PASSING, "vercel: is away"),
    (VendorError("vercel", "refused", permanent=True), REFUSED, "vercel: refused"),
    (Unreachable("git: Connection refused"), PASSING, "git: Connection refused"),
    (CommandError("git: not a valid object name"), REFUSED, "git: not a valid object name"),
    (CommandError("fatal: write error: No space left on device"), PASSING, "No space left on device"),
    (sqlite(sqlite3.SQLITE_BUSY), PASSING, "database did not respond"),
    (sqlite(sqlite3.SQLITE_FULL), PASSING, "database did not respond"),
    (sqlite(sqlite3.SQLITE_IOERR | 3 << 8), PASSING, "database did not respond"),
    (sqlite(sqlite3.SQLITE_ERROR, "no such table: issue"), BROKEN, "OperationalError"),
    (IntegrityError("INSERT", {}, sqlite3.IntegrityError("UNIQUE")), BROKEN, "IntegrityError"),
    (postgres(None), PASSING, "database did not respond"),
    (postgres("08006"), PASSING, "database did not respond"),
    (postgres("53100"), PASSING, "database did not respond"),
    (postgres("57P01"), PASSING, "database did not respond"),
    (postgres("25006", psycopg.InternalError), PASSING, "database did not respond"),
    (postgres("42703", psycopg.ProgrammingError), BROKEN, "platform failed"),
    (PoolTimeout("QueuePool limit reached"), PASSING, "database did not respond"),
    (OSError(errno.ENOSPC, "No space left on device"), PASSING, "the platform's machine failed: No space left"),
    (FileNotFoundError(errno.ENOENT, "No such file"), BROKEN, "platform failed"),
    (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), PASSING, "Connection refused"),
    (Timeout("/data/clone.lock"), PASSING, "machine failed"),
    (ZeroDivisionError("division by zero"), BROKEN, "the platform failed (ZeroDivisionError: division by zero)"),
]


@pytest.mark.parametrize(("error", "kind", "says"), FAULTS)
def test_a_failure_has_a_kind_and_a_plain_message(error, kind, says):
    assert infrastructure.kind(error) == kind
    told = infrastructure.words(error)
    assert says in told and "UPDATE" not in told.replace("(OperationalError", "") or kind == BROKEN


def test_the_durable_engine_is_never_named():
    last = VendorError("vercel", "is away")
    assert infrastructure.words(engine.DBOSMaxStepRetriesExceeded("deploy.production", 4, [last])) == "vercel: is away"
    for error in (engine.DBOSException("lost"), Exception("DBOS Error 7: Step x has exceeded its maximum")):
        assert "DBOS" not in infrastructure.words(error) and "log has the cause" in infrastructure.words(error)


def raises(error):
    def work():
        raise error

    return work


def test_failures_are_records_that_any_version_can_read():
    answer = infrastructure.answered(raises(VendorError("vercel", "is away")), everything=False)
    assert answer.record() == {"state": "infrastructure", "kind": "passing", "says": "vercel: is away"}
    assert infrastructure.fault_of(answer.record()) == answer == StepFault(PASSING, "vercel: is away")
    assert infrastructure.fault_of({"state": "failed", "says": "the watch could not judge"}) is None
    assert infrastructure.answered(raises(KeyError("x")), everything=True).kind == BROKEN
    with pytest.raises(KeyError):
        infrastructure.answered(raises(KeyError("x")), everything=False)


def tried(kinds, patience):
    """(result, waits, alarms) of a step that fails in these ways and then succeeds."""
    left, waits, alarms = list(kinds), [], []

    def attempt():
        if left:
            return StepFault(left.pop(0), "away")
        return "done"

    return infrastructure.insist(attempt, patience, waits.append, alarms.append), waits, alarms


def test_waits_double_up_to_a_minute():
    answer, waits, alarms = tried([PASSING] * 9, AFTER)
    assert answer == "done" and waits == [1, 2, 4, 8, 16, 32, 60, 60, 60] and alarms == []
    assert infrastructure.pause(10**6) == 60


def test_before_production_it_gives_up_after_the_stated_hours():
    with pytest.raises(GaveUp, match=r"^away \(retried for 6\.0 h\)$"):
        tried([PASSING] * 10_000, BEFORE)
    assert tried([PASSING] * 300, BEFORE)[0] == "done"


def test_a_refusal_before_production_is_escalated_at_once():
    with pytest.raises(GaveUp, match="^away$"):
        tried([REFUSED], BEFORE)


def test_the_guard_never_gives_up_and_alarms_at_once_or_after_a_minute():
    guards = Patience(broken=math.inf, guards=True)
    assert tried([REFUSED] * 500 + [BROKEN] * 500, guards)[2] == ["away"] * 1000
    answer, waits, alarms = tried([PASSING] * 10, guards)
    assert answer == "done" and sum(waits[:5]) < 60 <= sum(waits[:6]) and len(alarms) == 10 - 6
    assert tried([PASSING] * 5, guards)[2] == []


def test_a_caller_with_its_own_retries_gets_the_failure_at_once():
    with pytest.raises(GaveUp):
        tried([PASSING], BEFORE.at_once())
    assert Patience(guards=True).at_once().passing == math.inf


def test_a_full_disk_is_a_lost_connection_so_that_the_durable_engine_waits(tmp_path):
    made = store.make_engine(f"sqlite:///{tmp_path}/a.db")
    with made.begin() as connection:
        connection.execute(text("CREATE TABLE t (x TEXT)"))
    with pytest.raises(OperationalError) as fault, made.begin() as connection:
        connection.execute(text("PRAGMA max_page_count = 3"))
        for _ in range(50):
            connection.execute(text("INSERT INTO t VALUES (hex(randomblob(4000)))"))
    assert "full" in str(fault.value) and fault.value.connection_invalidated
    with made.begin() as connection:
        connection.execute(text("INSERT INTO t VALUES ('room again')"))


def test_a_database_that_cannot_be_opened_is_a_lost_connection(tmp_path):
    made = create_engine(f"sqlite:///{tmp_path}/no/such/folder/a.db")
    outages.listen(made)
    with pytest.raises(OperationalError) as fault:
        made.connect()
    assert fault.value.connection_invalidated and outages.of_database(fault.value)
