"""The flows are valid for Kestra 1.x and 2.x in every property that they use, and the check can fail."""

from __future__ import annotations

import copy

import pytest

from tests.cli.kestra_schema import TYPES, Version
from tests.cli.test_kestra_flows import FLOWS, tasks_of

VERSIONS = {name: Version(name) for name in ("kestra", "kestra-2")}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", FLOWS)
def test_a_flow_is_valid(name, version):
    assert VERSIONS[version].faults(FLOWS[name]) == []


def test_every_type_of_the_fixture_is_used():
    used = {word for flow in FLOWS.values() for word in _types(flow)}
    assert {name for name in TYPES if name.startswith("io.")} == used


def _types(part):
    if isinstance(part, dict):
        named = part.get("type")
        yield from [named] if isinstance(named, str) and named.startswith("io.") else []
        part = list(part.values())
    for one in part if isinstance(part, list) else []:
        yield from _types(one)


def changed(name: str, path: tuple, value) -> dict:
    """The flow with one value changed; None removes it."""
    flow = copy.deepcopy(FLOWS[name])
    *way, last = path
    part = flow
    for step in way:
        part = next(t for t in tasks_of(flow) if t["id"] == step) if step in _ids(flow) else part[step]
    if value is None:
        del part[last]
    else:
        part[last] = value
    return flow


def _ids(flow: dict) -> set[str]:
    return {task["id"] for task in tasks_of(flow)}


@pytest.mark.parametrize(
    ("name", "path", "value", "refused_by"),
    [
        ("analysis", ("inputs", 0, "type"), "BOOL", ()),
        ("analysis", ("inputs", 0, "type"), "BOOLEAN", ("kestra-2",)),
        ("analysis", ("inputs", 0, "name"), "old", ("kestra-2",)),
        ("analysis", ("pluginDefaults",), [], ("kestra-2",)),
        ("analysis", ("inputs", 0, "type"), "TEXT", tuple(VERSIONS)),
        ("analysis", ("agent", "memory", "messages"), "five", tuple(VERSIONS)),
        ("analysis", ("agent", "memory", "maxTokens"), 8000, tuple(VERSIONS)),
        ("analysis", ("agent", "memory", "drop"), "ALWAYS", tuple(VERSIONS)),
        ("analysis", ("agent", "memory", "type"), "io.kestra.plugin.ai.memory.Nothing", tuple(VERSIONS)),
        ("analysis", ("agent", "prompt"), None, tuple(VERSIONS)),
        ("analysis", ("agent", "provider", "modelName"), None, tuple(VERSIONS)),
        ("analysis", ("agent", "configuration", "responseFormat", "type"), "XML", tuple(VERSIONS)),
        ("analysis", ("web", "tools", 0, "apiKey"), None, tuple(VERSIONS)),
        ("analysis", ("web", "tools"), [], tuple(VERSIONS)),
        ("analysis", ("web", "allowFailure"), "yes", tuple(VERSIONS)),
        ("analysis", ("may_search", "then", 0, "timeout"), "40s", tuple(VERSIONS)),
        ("round", ("triggers", 0, "cron"), None, tuple(VERSIONS)),
        ("round", ("triggers", 0, "conditions"), [], ("kestra-2",)),
        ("round", ("concurrency", "behavior"), "WAIT", tuple(VERSIONS)),
        ("round", ("sources", "tasks"), None, tuple(VERSIONS)),
        ("issue", ("analyze", "retry", "maxAttempt"), 3, tuple(VERSIONS)),
        ("issue", ("analyze", "retry", "interval"), None, tuple(VERSIONS)),
        ("issue", ("analyze", "workerGroup"), {}, ("kestra-2",)),
        ("issue", ("analyze", "id"), "1 2/3", tuple(VERSIONS)),
        ("release", ("merge", "wait"), "no", tuple(VERSIONS)),
    ],
)
def test_a_wrong_property_is_found(name, path, value, refused_by):
    flow = changed(name, path, value)
    assert tuple(version for version in VERSIONS if VERSIONS[version].faults(flow)) == refused_by
