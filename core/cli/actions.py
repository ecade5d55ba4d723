"""``python -m core ACTION``: every action of a person, for the person of PLATFORM_TOKEN.

An action on an issue, its approval, its deployment or its silence takes ``--issue``. An argument that names what the
person saw, such as the hash of a patch, takes its current value.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from core import bootstrap, settings
from core.access.rights import Refused
from core.actions import targets
from core.actions.registry import About, Action, Asked, registry
from core.cli import cli_actor
from core.db import store
from core.stages.deliver.holds import EVERYTHING


def commands() -> dict[str, Action]:
    """Each action by the name of its command. A policy is changed on its page alone, which shows what follows."""
    return {action.command: action for action in registry().values() if action.about is not About.POLICY}


def describe(parser: argparse.ArgumentParser, action: Action) -> None:
    """Add the action's arguments to a parser."""
    if action.about is About.REPOSITORY:
        parser.add_argument("--repository", required=True)
    elif action.about in targets.OF_ISSUE:
        parser.add_argument("--issue", type=int, required=True)
    for name, field in action.arguments.model_fields.items():
        if name not in action.seen:
            _option(parser, name, action.asked.get(name), field)
    parser.set_defaults(work=lambda given: carry_out(action, vars(given)))


def _option(parser: argparse.ArgumentParser, name: str, asked: Asked | None, field: Any) -> None:
    flag, says = f"--{name.replace('_', '-')}", asked.label if asked else None
    otherwise = asked.otherwise if asked else field.default
    if field.annotation is bool:
        parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=otherwise, help=says)
    elif field.annotation is int:
        parser.add_argument(flag, type=int, default=otherwise, required=_required(asked, otherwise), help=says)
    else:
        several = "+" if asked and asked.kind == "several" else None
        needed = _required(asked, otherwise)
        parser.add_argument(flag, nargs=several, default=otherwise, required=needed, help=says)


def _required(asked: Asked | None, otherwise: object) -> bool:
    """One whose options the core can list is optional: without it they are listed."""
    return otherwise is None and not (asked and callable(asked.options))


def carry_out(action: Action, given: Mapping[str, Any]) -> int:
    """The exit code; a refusal goes to standard error."""
    configured = settings.load()
    store.open_store(configured.database)
    bootstrap.build(configured)
    try:
        actor = cli_actor.actor(configured)
        print(_listed(action, given) or _done(action, actor, given))
    except Refused as refusal:
        print(refusal, file=sys.stderr)
        return 1
    return 0


def _listed(action: Action, given: Mapping[str, Any]) -> str:
    """The values of an argument that was left out and has to be chosen; empty when none was."""
    for name, asked in action.asked.items():
        if given[name] is None and callable(asked.options):
            options = asked.options(given["issue"])
            return "\n".join(f"{value:>4} {says}" for value, says in options.items()) or f"there is no {name} to choose"
    return ""


def _done(action: Action, actor, given: Mapping[str, Any]) -> str:
    target = _target(action, given)
    arguments = {name: given[name] for name in action.arguments.model_fields if name not in action.seen}
    arguments |= {name: seen.present(target) for name, seen in action.seen.items()}
    return action.run(target, actor=actor, key=f"command-{uuid4().hex}", **arguments).says


def _target(action: Action, given: Mapping[str, Any]) -> int | str:
    if action.about is About.REPOSITORY:
        return given["repository"]
    return EVERYTHING if action.about is About.RELEASES else targets.of(action.about, given["issue"])
