"""The inbox, the inputs' queries and the second decision on PostgreSQL: the tests of SQLite with another database.

Each test has a database of its own in one server.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import count

import psycopg
import pytest
from sqlmodel import select

from core.db import store
from core.inputs import inbox
from core.models import now
from core.models.inputs import Payload
from core.policy.sections import Inputs
from tests.inputs.test_cycles import (  # noqa: F401 - run here on the other database
    test_a_crash_between_storing_and_marking_changes_nothing,
    test_an_event_starts_a_cycle_that_asks_no_vendor,
    test_calls_of_spans_come_after_the_upstreams_of_the_policy,
    test_errors_that_never_stop_start_a_cycle_every_five_seconds,
    test_metrics_of_spans_serve_severity_and_corroboration,
)
from tests.inputs.test_doors import (  # noqa: F401
    test_a_full_inbox_refuses_and_keeps_what_is_unread,
    test_accepted_and_refused_requests_are_counted,
    test_times_that_no_calendar_has_stop_nothing,
)
from tests.inputs.test_ingest import (  # noqa: F401
    test_a_resolved_alert_closes_what_it_opened_and_a_new_one_opens_it_again,
    test_lines_become_one_issue_whatever_requests_they_come_in,
)
from tests.inputs.test_otlp import test_spans_of_two_services_show_who_calls_whom  # noqa: F401
from tests.inputs.test_otlp_lines import (  # noqa: F401
    collector,
    test_a_stack_that_is_cut_between_two_requests_is_completed,
)
from tests.inputs.test_otlp_metrics import (  # noqa: F401
    test_a_process_that_ran_before_is_counted_from_its_first_export_on,
    test_spans_of_a_service_whose_metrics_are_counted_are_not_counted_beside_them,
)
from tests.inputs.test_reconsider import (  # noqa: F401
    cycle,
    test_it_is_bounded,
    test_the_third_report_changes_the_escalation_of_the_second,
)
from tests.inputs.test_traces import (  # noqa: F401
    test_a_storm_of_failing_spans_is_bounded,
    test_an_exception_names_the_service_in_which_its_trace_failed_first,
    test_what_is_read_again_is_stored_once_and_old_spans_are_removed,
)
from tests.postgres import server

numbers = count(1)


@pytest.fixture(scope="module")
def cluster():
    with server() as made:
        yield made.address


@pytest.fixture
def url(cluster):
    name = f"inputs_{next(numbers)}"
    with psycopg.connect(cluster, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield cluster.rpartition("/")[0] + f"/{name}"
    store.engine().dispose()


def test_the_tests_are_on_postgresql(world):
    assert store.engine().dialect.name == "postgresql"


def test_what_was_read_is_removed_by_age_and_by_size(world):
    """The oldest first; what is unread stays."""
    with store.write() as session:
        for size, age, read in ((10, 20, True), (600_000, 2, True), (600_000, 1, True), (10, 30, False)):
            at = now() - timedelta(days=age)
            session.add(Payload(input="events", size=size, received_at=at, taken_at=at if read else None, body={}))
        session.flush()
        inbox.prune(session, Inputs(keep_days=14, keep_megabytes=1))
    with store.read() as session:
        left = session.exec(select(Payload).order_by(Payload.received_at)).all()
    assert [(row.size, row.taken_at is None) for row in left] == [(10, True), (600_000, False)]
