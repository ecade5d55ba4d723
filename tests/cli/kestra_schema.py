"""Checks a flow against the schemas of one version of Kestra, in every property that it has.

Flow, task, trigger and input come from the version's OpenAPI; the types of plugins from kestra_types.json.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from tests.shared import SHARED

TYPES = json.loads(Path(__file__).with_name("kestra_types.json").read_text())["types"]
DURATION = re.compile(r"P(?=.)(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?")
KINDS = {
    "text": lambda v: isinstance(v, str),
    "whole": lambda v: type(v) is int,
    "number": lambda v: type(v) in (int, float),
    "truth": lambda v: isinstance(v, bool),
    "map": lambda v: isinstance(v, dict),
    "texts": lambda v: isinstance(v, list) and all(isinstance(one, str) for one in v),
    "duration": lambda v: isinstance(v, str) and DURATION.fullmatch(v),
}
OPENAPI = {"string": "text", "boolean": "truth", "integer": "whole", "array": "", "object": ""}
LISTS = ("inputs", "tasks", "errors", "triggers")  # of a flow, each checked on its own


class Version:
    """``name`` is the file of the version's OpenAPI: kestra (1.x) or kestra-2."""

    def __init__(self, name: str):
        self.schemas = json.loads((SHARED / "contracts" / f"{name}.json").read_text())["components"]["schemas"]

    def faults(self, flow: dict) -> list[str]:
        """What the version would refuse, as ``path: reason``; empty if nothing."""
        found = [*self._object("flow", flow, self._properties("Flow"), {})]
        for place, given in enumerate(flow.get("inputs", [])):
            found += self._object(f"inputs[{place}]", given, self._properties("Input_Object_"), {})
        for name in ("tasks", "errors"):
            found += self._tasks(name, flow.get(name, []))
        for place, trigger in enumerate(flow.get("triggers", [])):
            found += self._typed(f"triggers[{place}]", trigger, self._properties("AbstractTrigger"))
        return found

    def _properties(self, name: str) -> dict[str, dict]:
        schema = self.schemas[name]
        own = dict(schema.get("properties", {}))
        for part in schema.get("allOf", []):
            own |= self._properties(part["$ref"].rsplit("/", 1)[-1]) if "$ref" in part else part.get("properties", {})
        return own

    def _tasks(self, path: str, tasks: list) -> Iterator[str]:
        for place, task in enumerate(tasks):
            yield from self._typed(f"{path}[{place}]", task, self._properties("Task"))

    def _typed(self, path: str, given: dict, base: dict[str, dict]) -> Iterator[str]:
        """A task, a trigger or a part of a plugin, by its type."""
        kinds = TYPES.get(given.get("type", ""))
        if kinds is None:
            yield f"{path}: unknown type {given.get('type')}"
            return
        yield from self._object(path, given, base, kinds)

    def _object(self, path: str, given: dict, base: dict[str, dict], kinds: dict[str, str]) -> Iterator[str]:
        yield from (
            f"{path}: {name} is missing" for name, kind in kinds.items() if kind[-1] == "*" and name not in given
        )
        yield from (f"{path}: {name} is missing" for name in ("id", "type") if name in base and name not in given
                    and (name, path) != ("type", "flow"))  # fmt: skip
        for name, value in given.items():
            if name in kinds:
                yield from self._value(f"{path}.{name}", value, kinds[name].rstrip("*"))
            elif name in base:
                yield from self._based(f"{path}.{name}", value, base[name])
            elif name != "type":
                yield f"{path}: unknown property {name}"

    def _value(self, path: str, value: object, kind: str) -> Iterator[str]:
        if kind in ("plugins", "tasks") and not (isinstance(value, list) and value):
            yield f"{path}: is no list"
        elif kind == "tasks":
            yield from self._tasks(path, value)  # pyright: ignore[reportArgumentType]
        elif kind == "plugins":
            for place, one in enumerate(value):  # pyright: ignore[reportArgumentType]
                yield from self._typed(f"{path}[{place}]", one, {})
        elif kind == "plugin":
            yield from self._typed(path, value, {}) if isinstance(value, dict) else [f"{path}: is no object"]
        elif kind in TYPES:
            yield from self._object(path, value, {}, TYPES[kind]) if isinstance(value, dict) else [f"{path}: no object"]
        elif "|" in kind:
            yield from [] if value in kind.split("|") else [f"{path}: {value!r} is none of {kind}"]
        elif not KINDS[kind](value):
            yield f"{path}: {value!r} is no {kind}"

    def _based(self, path: str, value: object, schema: dict) -> Iterator[str]:
        """A property of the OpenAPI."""
        name = path.rsplit(".", 1)[-1]
        if path.startswith("flow.") and name in LISTS:
            return
        if name == "retry":
            kinds = TYPES.get(f"retry/{value.get('type')}") if isinstance(value, dict) else None
            yield from self._object(path, value, {}, kinds) if kinds else [f"{path}: unknown retry"]  # pyright: ignore
            return
        for part in [schema, *schema.get("allOf", [])]:
            yield from self._plain(path, value, part)

    def _plain(self, path: str, value: object, schema: dict) -> Iterator[str]:
        named = schema.get("$ref", "").rsplit("/", 1)[-1]
        if named == "Property_Duration_":
            yield from self._value(path, value, "duration")
        elif named in ("Property_Object_", "Level"):
            return
        elif named:
            yield from self._plain(path, value, self.schemas[named])
            if isinstance(value, dict):
                yield from self._object(path, value, self._properties(named), {})
        if "enum" in schema and value not in schema["enum"]:
            yield f"{path}: {value!r} is none of {', '.join(schema['enum'])}"
        if "pattern" in schema and not re.fullmatch(schema["pattern"], str(value)):
            yield f"{path}: {value!r} does not match {schema['pattern']}"
        kind = OPENAPI.get(schema.get("type", ""))
        if kind and not KINDS[kind](value):
            yield f"{path}: {value!r} is no {kind}"
