"""Blame: the most recent change, the service whose failure its callees do not explain, the external cause."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from core.models import Record
from core.signals.analysis.blame import Trouble, rank

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
    assert found[0].says == "abc123 (search) came 60 s before it began"


def test_changed_files_of_the_stack_distinguish_two_releases():
    changes = [change("b", 2), change("a", 3, files=["src/search/rank.py", "README.md"])]
    found = rank(service="search", began=AT, changes=changes, calls=["search/rank.py:score"])
    assert found[0].name == "a" and "touched src/search/rank.py" in found[0].says


def test_the_origin_is_the_service_with_healthy_callees():
    told = [
        Trouble("web", AT, errors=0.30),
        Trouble("search", AT, errors=0.32),
        Trouble("index", AT, errors=0.35),
    ]
    found = rank(service="web", began=AT, graph=GRAPH, trouble=told)
    assert [s.name for s in found][0] == "index"
    assert "search, web depend on it" in found[0].says and "its dependencies are healthy" in found[0].says


def test_an_external_outage_is_named():
    outside = rank(service="web", began=AT, graph=GRAPH, upstream="api.cardhouse.example:443")[0]
    assert (outside.kind, outside.name) == ("outside", "api.cardhouse.example:443")
    assert "an external outage" in outside.says
    ours = rank(service="web", began=AT, graph=GRAPH, upstream="search:8080")[0]
    assert (ours.kind, ours.name) == ("service", "search")


def test_the_order_of_the_input_does_not_matter():
    changes = [change(str(i), i, files=["a.py"] * (i % 2)) for i in range(6)]
    told = [Trouble(name, AT, latency=float(i)) for i, name in enumerate(GRAPH)]
    first = rank(service="search", began=AT, changes=changes, calls=["a.py:f"], graph=GRAPH, trouble=told)
    for seed in range(5):
        for items in (changes, told):
            random.Random(seed).shuffle(items)
        again = rank(service="search", began=AT, changes=changes, calls=["a.py:f"], graph=GRAPH, trouble=told)
        assert again == first


def test_without_data_there_are_no_suspects():
    assert rank(service="web", began=AT) == []
