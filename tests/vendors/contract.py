"""Requests against the vendors' own specifications, more strictly than the specifications ask for.

What the specification does not name is refused too: unknown query parameters and unknown keys of a body.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import graphql
import httpx
from openapi_core import Config, OpenAPI
from openapi_core.datatypes import RequestParameters
from werkzeug.datastructures import Headers, ImmutableMultiDict

from tests.shared import SHARED

CONTRACTS = SHARED / "contracts"
OWN = Path(__file__).parent / "contracts"  # what the shared folder lacks; README.md there says where it is from


class Sent:
    """A request as openapi-core wants to see it; a path's variable holds no slash there (git refs do)."""

    def __init__(self, request: httpx.Request, host_url: str, template: str):
        self.host_url, self.method = host_url, request.method.lower()
        self.content_type = request.headers.get("content-type", "application/json")
        self.body = request.content or None
        values = iter(re.fullmatch(_pattern(template), request.url.path).groups())
        self.path = re.sub(r"\{\w+\}", lambda _: next(values).replace("/", "%2F"), template)
        self.parameters = RequestParameters(
            query=ImmutableMultiDict(request.url.params.multi_items()), header=Headers(dict(request.headers))
        )


def _pattern(template: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda m: "(.+)" if m[1] == "ref" and "/git/" in template else "([^/]+)", template)


@cache
def specification(name: str, host: str) -> tuple[OpenAPI, dict]:
    own = OWN / name
    spec = json.loads((own if own.exists() else CONTRACTS / name).read_text())
    spec["servers"] = [{"url": host}]
    for path in spec["paths"].values():
        for method, operation in path.items():
            if method == "put" and "sentry" in name:
                _partial(operation)  # SOURCES.md: the service takes partial bodies, its document does not say so
    created = spec["components"].get("parameters", {}).get("created", {}).get("schema", {})
    created.pop("format", None)  # its description allows a range such as >=2026-11-24, its format does not
    _close(spec)
    return OpenAPI.from_dict(spec, config=Config(spec_validator_cls=None)), spec


def _partial(operation: dict) -> None:
    for content in operation.get("requestBody", {}).get("content", {}).values():
        content["schema"].pop("required", None)


def _close(node: Any) -> None:
    """Objects whose properties are named take no others; unions and combinations are left as they are."""
    if isinstance(node, list):
        for item in node:
            _close(item)
    if not isinstance(node, dict):
        return
    mixed = {"allOf", "oneOf", "anyOf"} & node.keys()
    if isinstance(node.get("properties"), dict) and not mixed and "additionalProperties" not in node:
        node["additionalProperties"] = False
    for key, value in node.items():
        if key not in ("allOf", "oneOf", "anyOf", "example", "examples"):
            _close(value)


def conforms(request: httpx.Request, name: str, host: str) -> str:
    """The operation that a request is; raises what is wrong with it."""
    api, spec = specification(name, host)
    assert str(request.url).startswith(host)
    fits = [
        t
        for t, at in spec["paths"].items()
        if request.method.lower() in at and re.fullmatch(_pattern(t), request.url.path)
    ]
    assert fits, f"there is no {request.method} {request.url.path}"
    template = min(fits, key=lambda t: t.count("{"))
    operation = spec["paths"][template][request.method.lower()]
    shared = spec["paths"][template].get("parameters", [])
    named = {_resolve(spec, p)["name"] for p in [*operation.get("parameters", []), *shared]}
    unknown = set(request.url.params) - named
    assert not unknown, f"{request.method} {request.url.path} has unknown parameters {unknown}"
    assert not request.content or "requestBody" in operation, f"{request.method} {template} takes no body"
    api.validate_request(Sent(request, host, template))
    return f"{request.method} {template}"


def _resolve(spec: dict, node: dict) -> dict:
    if "$ref" not in node:
        return node
    for part in node["$ref"].split("/")[1:]:
        spec = spec[part]
    return spec


@cache
def nerdgraph() -> graphql.GraphQLSchema:
    return graphql.build_schema((CONTRACTS / "newrelic.graphql").read_text())


def conforms_to_nerdgraph(body: dict) -> list[str]:
    """The paths of fields that a NerdGraph request asks for; raises what is wrong with it."""
    document = graphql.parse(body["query"])
    faults = graphql.validate(nerdgraph(), document)
    assert not faults, faults
    operation = next(d for d in document.definitions if isinstance(d, graphql.OperationDefinitionNode))
    values = graphql.execution.values.get_variable_values(
        nerdgraph(), operation.variable_definitions, body.get("variables") or {}
    )
    assert not isinstance(values, list), values
    unknown = set(body.get("variables") or {}) - {v.variable.name.value for v in operation.variable_definitions}
    assert not unknown, f"variables that the query does not take: {unknown}"
    return _fields(operation.selection_set)


def _fields(selection, before: str = "") -> list[str]:
    found = []
    for node in selection.selections if selection else []:
        path = f"{before}{node.name.value}"
        found += [path, *_fields(node.selection_set, path + ".")]
    return found
