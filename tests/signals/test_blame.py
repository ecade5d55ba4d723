"""Blame: the most recent change, the service whose failure its callees do not explain, the external cause."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from core.models import Record
from core.signals.analysis.blame import rank
from core.signals.analysis.components import ComponentSeries, Incident

AT = datetime(2026, 1, 5, 4, 3, tzinfo=UTC)
GRAPH = {"web": ["search", "cart"], "search": ["index"], "cart": [], "index": []}


def change(release: str, minutes: float, service="search", **attributes) -> Record:
    at = AT - timedelta(minutes=minutes)
    return Record(
        source="github",
        vendor_id=release,
        kind="change",
        at=at,
        service=service,
        title=release,
        release=release,
        attributes=attributes,
    )


def test_the_release_just_before_the_incident_comes_first():
    changes = [change("old", 600), change("abc123", 1), change("elsewhere", 1, "cart"), change("later", -30)]
    found = rank(service="search", began=AT, changes=changes)
    assert [s.name for s in found] == ["abc123", "elsewhere", "old"]
    assert found[0].message == "abc123 (search) came 60 s before it began"


def test_changed_files_of_the_stack_distinguish_two_releases():
    changes = [change("b", 2), change("a", 3, files=["src/search/rank.py", "README.md"])]
    found = rank(service="search", began=AT, changes=changes, calls=["search/rank.py:score"])
    assert found[0].name == "a" and "touched src/search/rank.py" in found[0].message


def incident(**rises: float) -> Incident:
    """Error rates that rise by so much in the last two of five samples."""
    return Incident(
        "web",
        "error rate",
        GRAPH,
        {
            (name, metric): ComponentSeries([0.0] * 20, [0.0, 0.0, 0.0, rise, rise])
            if metric == "error rate"
            else ComponentSeries([100.0] * 20, [100.0] * 5)
            for name, rise in {**dict.fromkeys(GRAPH, 0.0), **rises}.items()
            for metric in ("error rate", "requests")
        },
    )


def test_the_origin_is_the_component_whose_callees_are_healthy():
    found = rank(service="web", began=AT, graph=GRAPH, incident=incident(web=0.3, search=0.32, index=0.35))
    assert [(s.kind, s.name) for s in found] == [("service", "index")]
    assert "error rate went from 0 to 0.35" in found[0].message


def test_an_external_outage_is_named():
    outside = rank(service="web", began=AT, graph=GRAPH, upstream="api.cardhouse.example:443")[0]
    assert (outside.kind, outside.name) == ("outside", "api.cardhouse.example:443")
    assert "an external outage" in outside.message
    ours = rank(service="web", began=AT, graph=GRAPH, upstream="search:8080")[0]
    assert (ours.kind, ours.name) == ("service", "search")


def test_the_order_of_the_input_does_not_matter():
    changes = [change(str(i), i, files=["a.py"] * (i % 2)) for i in range(6)]
    told = incident(web=0.5, search=0.4, index=0.2)
    first = rank(service="search", began=AT, changes=changes, calls=["a.py:f"], graph=GRAPH, incident=told)
    for seed in range(5):
        random.Random(seed).shuffle(changes)
        again = rank(service="search", began=AT, changes=changes, calls=["a.py:f"], graph=GRAPH, incident=told)
        assert again == first


def test_without_data_there_are_no_suspects():
    assert rank(service="web", began=AT) == []


def test_a_release_brings_its_change():
    (found,) = rank(service="search", began=AT, changes=[change("abc", 1)])
    assert found.change and found.change.release == "abc"


def test_without_a_stack_a_commit_of_the_repository_just_before_is_likely():
    commit, elsewhere = change("abc123", 0.1, service=""), change("def456", 0.1, service="cart")
    slow = rank(service="search", began=AT, changes=[commit, elsewhere])
    crash = rank(service="search", began=AT, changes=[commit, elsewhere], calls=["search/rank.py:score"])
    assert [(s.name, s.score >= 0.5) for s in slow] == [("abc123", True), ("def456", False)]
    assert not any(s.score >= 0.5 for s in crash)
