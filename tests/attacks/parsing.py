"""Notes the texts that parsers of configuration are given in this process, and the module of the engine that asked.

Other parsers are not seen, but what opens files for them is (tripwire.py).
"""

from __future__ import annotations

import ast
import configparser
import json
import sys
import tomllib
import tomllib._parser
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import packaging.requirements
import pydantic
import yaml

SETTINGS = "settings.json"  # the lines of the repository's settings, read before anything is recorded
PARSERS = (  # (where its name lies, its name)
    (tomllib, "loads"),
    (tomllib._parser, "loads"),
    (json.JSONDecoder, "decode"),
    (configparser.RawConfigParser, "_read"),
    *((yaml, name) for name in ("load", "load_all", "parse", "scan", "compose", "compose_all")),
    *((ElementTree, name) for name in ("XML", "fromstring", "parse", "iterparse")),
    (ast, "literal_eval"),
    (packaging.requirements.Requirement, "__init__"),
    (pydantic.TypeAdapter, "validate_json"),
)
SHORTEST, LONGEST = 6, 200  # characters of a line that tells where it comes from
_parsed: set[tuple[str, str, str]] = set()  # (parser, module, line)


def asking(frame: Any, beside: tuple[str, str] = ("", "")) -> str:
    """The nearest module of the engine that called, other than by its function ``beside`` (module, name)."""
    while frame:
        module = frame.f_globals.get("__name__", "")
        if module.startswith("core.") and (module, frame.f_code.co_name) != beside:
            return module
        frame = frame.f_back
    return ""


def settings_of(team: Path) -> set[str]:
    """Every line of the repository's files that are no program."""
    files = [path for path in team.rglob("*") if path.is_file() and path.suffix != ".py" and ".git" not in path.parts]
    return {line for path in files for line in lines_of(path.read_bytes())}


def lines_of(text: object) -> set[str]:
    told = text.decode("utf-8", "replace") if isinstance(text, bytes | bytearray) else text
    found = (line.strip() for line in told.splitlines()) if isinstance(told, str) else ()
    return {line for line in found if SHORTEST <= len(line) <= LONGEST}


def _watched(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    def parse(*given: Any, **named: Any) -> Any:
        if name == "_read":  # an open file: its lines are read once
            given = (given[0], list(given[1]), *given[2:])
            texts: Iterable[object] = given[1]
        else:
            texts = (*given, *named.values())
        module = asking(sys._getframe(1))
        _parsed.update((name, module, line) for text in texts for line in lines_of(text))
        return real(*given, **named)

    return parse


def watch() -> None:
    """From now on, also where a module of the engine has imported a parser by its name."""
    modules = [module for name, module in sys.modules.items() if name.startswith("core.")]
    for place, name in PARSERS:
        real = getattr(place, name)
        watched = _watched(name, real)
        setattr(place, name, watched)
        for module in modules:
            for own in [own for own, value in vars(module).items() if value is real]:
                setattr(module, own, watched)


def parsed(strangers: set[str]) -> list[tuple[str, str, str]]:
    """(parser, module, line) of each line of a stranger's that a parser was given."""
    return sorted(found for found in _parsed if found[2] in strangers)
