"""The KPIs by the policy's costs: on their page, before it loads, in /metrics; and the health checks behind one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import ValidationError

from console import process
from console.server import first_paint
from core import runtime
from core.db import store
from core.models import now
from core.models.uptime import HealthHour
from core.ops import uptime
from core.policy.value import ValueRules
from core.queries import kpi_metrics, outcomes
from core.runtime import Runtime
from tests import factories, scenes, screens

VALUE = '\n[value]\ncurrency = "EUR"\nengineer_hour = 100\nbaseline_hours = 3\nsavings_a_year = 20000\n'
MINUTE = timedelta(minutes=1)
PRODUCTION = screens.PLATFORM.replace('vercel_project = "shop"', 'production_url = "https://shop.example"')


@pytest.fixture
def console(tmp_path):
    return screens.open_console(tmp_path, platform=PRODUCTION + VALUE)


def fixed(number: int) -> None:
    """So many issues that the platform fixed, each in an hour: two of three hours by hand are saved."""
    with store.write() as session:
        for _ in range(number):
            made = factories.issue(session)
            factories.outcome(session, made, "fixed", total_seconds=3600.0)


@pytest.mark.parametrize(("number", "shown"), [(1, False), (4, False), (5, True)])
def test_no_figure_is_drawn_from_few_cases(console, number, shown):
    fixed(number)
    page = screens.seen(screens.visit("kpis"))
    assert (f"{number} issues fixed by the platform so far; shown from 5" in page.replace("1 issue ", "1 issues ")) is (
        not shown
    )
    assert ("10.0 h" in page and "Savings, EUR" in page and "1,000" in page) is shown
    assert "52,143" in page if shown else "52,143" not in page  # 1,000 in 7 days, in a year


def test_the_first_paint_shows_the_same_figures(console):
    fixed(5)
    page = screens.seen(screens.visit("kpis"))
    early = first_paint.BODIES["kpis"]()
    for words in ("Savings a year, EUR", "52,143", "Uptime, health checks", "Request success"):
        assert words in page and words in early


def samples() -> dict[tuple[str, str], float]:
    text = kpi_metrics.text(process.policy()[0]).decode()
    found = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(sample.name, sample.labels["figure"]): sample.value for sample in found}


def test_metrics_have_the_figures_of_the_page(console):
    fixed(4)
    few = samples()
    assert few["platform_kpi_cases", "hours_saved"] == 4 and ("platform_kpi", "hours_saved") not in few
    fixed(1)
    told = samples()
    assert told["platform_kpi", "hours_saved"] == 10 and told["platform_kpi", "savings_eur"] == 1000
    assert told["platform_kpi_target", "savings_a_year_eur"] == 20_000
    assert told["platform_kpi", "mttr_auto_fixed"] == 3600


@pytest.mark.parametrize(
    "values", [{"currency": "euro"}, {"engineer_hour": 0}, {"baseline_hours": -1}, {"savings_a_year": float("inf")}]
)
def test_a_senseless_value_is_refused(values):
    with pytest.raises(ValidationError):
        ValueRules(**values)


# --- health checks -----------------------------------------------------------------------------------


@pytest.fixture
def production(console, monkeypatch):
    """Production's answers, one for each check, and the clock of the database."""
    clock, answers, asked = [now().replace(minute=58, second=0, microsecond=0)], [], []
    monkeypatch.setattr(store, "clock", lambda _session: clock[0])

    def probe(url: str) -> str:
        asked.append(url)
        return answers.pop(0) if answers else ""

    rt = runtime.use(Runtime(console, probe=probe))

    def look(minutes: float, says: str = "") -> int:
        clock[0] += minutes * MINUTE
        answers[:] = [says]
        before = len(asked)
        uptime.look(rt)
        assert all(url == "https://shop.example/health" for url in asked)
        return len(asked) - before

    return look


def test_production_is_asked_once_a_minute_by_one_process(production):
    assert [production(step) for step in (0, 0.1, 0.5, 0.5, 5)] == [1, 0, 0, 1, 1]


def test_failed_checks_count_in_their_hour(production):
    for step, says in ((0, ""), (1, "it returned 503"), (1, ""), (1, "it is unreachable")):
        production(step, says)
    with store.read() as session:
        rows = session.exec(store.select(HealthHour)).all()
        assert [(row.checks, row.failed, row.fault) for row in rows] == [
            (2, 1, "it returned 503"),
            (2, 1, "it is unreachable"),
        ]
        assert outcomes.checked(session, rows[0].hour, rows[1].hour) == (2, 1)


def test_a_repository_without_an_address_is_not_asked(tmp_path, monkeypatch):
    console = screens.open_console(tmp_path)
    uptime.look(runtime.use(Runtime(console)))  # its probe fails every check
    with store.read() as session:
        assert not session.exec(store.select(HealthHour)).all()


def test_both_availabilities_are_shown(console):
    with store.write() as session:
        scenes.shop(session)
        session.add(HealthHour(repository="shop", hour=now() - timedelta(hours=2), checks=60, failed=6))
    page = screens.seen(screens.visit("kpis"))
    assert "Uptime, health checks" in page and "90.00 %" in page and "Request success" in page
