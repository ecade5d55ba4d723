"""The registry of actions, and what every action has in common.

Each action needs an authenticated person and their right, read from the database at that moment. It is one transaction
with an audit row, and an idempotency key so that it runs once. A forbidden attempt is audited too. The console, the
API, Slack and the command line are derived from the registry: a new action is one function with ``@action``.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, create_model
from sqlmodel import Session, select

from core import runtime
from core.access import accounts, rights
from core.access.rights import Actor, Forbidden, Refused
from core.audit import chain, head
from core.db import store
from core.models import AuditRow
from core.models.strict_json import unfit


class About(StrEnum):
    """The target of an action: the meaning of its first argument."""

    ISSUE = "issue"
    APPROVAL = "approval"
    DEPLOYMENT = "deployment"
    SILENCE = "silence"
    RELEASES = "releases"
    REPOSITORY = "repository"
    POLICY = "policy"


Whole = Annotated[int, Field(ge=-(2**31), lt=2**31)]  # limits of all row ids and arguments


@dataclass(frozen=True)
class Dialog:
    """How a screen offers the action: the button, the question, and the consequence of confirming."""

    label: str
    question: str
    consequence: str
    shortcut: str | None = None
    primary: bool = False


@dataclass(frozen=True)
class Asked:
    """How a person enters an argument.

    Without a value, a dialog shows ``missing`` or, if that is empty, uses ``otherwise``; the command line uses
    ``otherwise`` unless that is None. ``options`` gives the choices for a target, if only the core knows them.
    """

    label: str
    kind: Literal["line", "text", "switch", "one", "several"] = "text"
    missing: str = ""
    otherwise: Any = None
    options: Mapping[Any, str] | Callable[[int], Mapping[Any, str]] | None = None


@dataclass(frozen=True)
class Shown:
    """An argument that identifies what the person saw; ``present`` reads its current value for a target."""

    present: Callable[[Any], str]


def why(label: str = "Why?", optional: bool = False) -> Asked:
    """Ask for the reason; with ``optional``, only screens require one."""
    return Asked(
        label, missing="Enter a reason. It is recorded in the audit trail.", otherwise="" if optional else None
    )


@dataclass(frozen=True)
class Action:
    """One action. ``because`` says why it needs an authenticated person.

    ``run(target, *, actor, key, **arguments)`` carries it out; ``arguments`` is their model.
    """

    name: str
    right: str
    because: str
    about: About
    dialog: Dialog
    run: Callable[..., ActionResult]
    arguments: type[BaseModel]
    command: str
    in_slack: bool = False

    @property
    def description(self) -> str:
        """What it does: the first sentence of its docstring."""
        return (inspect.getdoc(self.run) or "").split("\n")[0]

    @property
    def asked(self) -> dict[str, Asked]:
        """The arguments that a person enters, in order."""
        found = ((name, _of(Asked, field.metadata)) for name, field in self.arguments.model_fields.items())
        return {name: asked for name, asked in found if asked}

    @property
    def seen(self) -> dict[str, Shown]:
        found = ((name, _of(Shown, field.metadata)) for name, field in self.arguments.model_fields.items())
        return {name: seen for name, seen in found if seen}

    @property
    def takes(self) -> str:
        """The names and types of its arguments, for an error message."""
        found = inspect.get_annotations(self.arguments)
        return ", ".join(f"{name} ({_type_name(found[name])})" for name in sorted(found))


def _type_name(annotation: Any) -> str:
    """The annotation as written: "str", "list[str]"."""
    plain = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    return str(plain) if get_args(plain) else plain.__name__


def _of(kind: type, metadata: Sequence[object]) -> Any:
    return next((one for one in metadata if isinstance(one, kind)), None)


_registry: dict[str, Action] = {}


def action(
    right: str, because: str, about: About, dialog: Dialog, *, command: str = "", in_slack: bool = False
) -> Callable[[Callable], Callable]:
    """Register a function as an action. Its keyword arguments except ``actor`` and ``key`` are the action's own.

    ``command`` is its name on the command line, if not the function's; ``in_slack`` gives it a button in Slack.
    """

    def register(run: Callable[..., ActionResult]) -> Callable[..., ActionResult]:
        name = run.__name__
        if name in _registry:
            raise ValueError(f"two actions are called {name}")
        called = command or name.replace("_", "-")
        _registry[name] = Action(name, right, because, about, dialog, run, _arguments(run), called, in_slack)
        return run

    return register


def _arguments(run: Callable) -> type[BaseModel]:
    hints = get_type_hints(run, include_extras=True)
    own = [p for p in inspect.signature(run).parameters.values() if p.kind is p.KEYWORD_ONLY]
    asked = [parameter for parameter in own if parameter.name not in BROUGHT]
    fields: dict[str, Any] = {p.name: (hints[p.name], ... if p.default is p.empty else p.default) for p in asked}
    return create_model(run.__name__, __config__=ConfigDict(strict=True, extra="forbid"), **fields)


BROUGHT = ("actor", "key")  # arguments of every action


@cache
def registry() -> dict[str, Action]:
    """Every action by name, from all modules of this package."""
    for module in iter_modules([str(Path(__file__).parent)]):
        import_module(f"{__package__}.{module.name}")
    return _registry


@dataclass(frozen=True)
class ActionResult:
    """``done`` is False if the same action was already carried out."""

    done: bool
    message: str


class Reused(Refused):
    """The key was already used for the same action with different content."""


@dataclass(frozen=True)
class Key:
    """An idempotency key bound to one person, action and subject. ``request`` is the digest of the content."""

    bound: str
    given: str
    request: str

    def __str__(self) -> str:
        return self.bound


Act = Callable[[Session, Actor, Key], str]  # carries the action out in a transaction; returns the message


def bind(who: Actor, name: str, subject: str, key: str, content: Mapping[str, object]) -> Key:
    """Raises Refused for content that a database cannot hold."""
    if fault := unfit(dict(content)):
        raise Refused(fault)
    text = json.dumps(content, sort_keys=True, default=str)
    return Key(_hash("\0".join((who.name, name, subject, key))), key, _hash(text))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def ask(name: str, actor: Actor, subject: str) -> Actor:
    """The actor with their current role, if they hold the right. A refusal is audited."""
    with store.read() as session:
        try:
            return rights.require(accounts.actor(session, actor), _registry[name].right)
        except Forbidden as refusal:
            message = str(refusal)
    with store.write() as session:
        by = actor.name if isinstance(actor, Actor) else str(actor)
        chain.record(session, by, "forbidden", subject, {"asked": name, "says": message})
    raise Forbidden(message)


def once(name: str, actor: Actor, subject: str, key: str, act: Act, content: Mapping[str, object]) -> ActionResult:
    """Carry out ``act(session, actor, key)`` once per key, if the actor has the right.

    Raises Reused if they used this key before with other content.
    """
    ask(name, actor, subject)
    with store.write() as session:
        who = rights.require(accounts.actor(session, actor), _registry[name].right)
        mine = bind(who, name, subject, key, content)
        if done(session, who, name, subject, mine):
            return ActionResult(False, "already done")
        message = act(session, who, mine)
    head.advance_quietly(runtime.current().settings)
    return ActionResult(True, message)


def done(session: Session, who: Actor, name: str, subject: str, key: Key) -> bool:
    """Was it done with this key? Raises Reused if it was done with other content."""
    row = session.exec(select(AuditRow).where(AuditRow.key == key.bound)).first()
    if row is None:
        return _done_before_binding(session, who, name, subject, key)
    if row.request != key.request:
        raise Reused("This idempotency key was already used for the same action with different content. Use a new key.")
    return True


def _done_before_binding(session: Session, who: Actor, name: str, subject: str, key: Key) -> bool:
    """Earlier releases stored keys as they were given; they count for the same action of the same person."""
    row = session.exec(select(AuditRow).where(AuditRow.key == key.given)).first()
    if row is None or (row.actor, row.action) != (who.name, name):
        return False
    return subject in (row.subject, *(f"{kind}/{row.detail.get(kind)}" for kind in ("approval", "silence")))


def note(session: Session, who: Actor, action: str, subject: int | str, key: Key, detail: dict) -> None:
    """Add the audit row: who, what, about which issue (or other subject), and through which channel."""
    about = f"issue/{subject}" if isinstance(subject, int) else subject
    row = chain.record(session, who.name, action, about, {**detail, "via": who.via}, key=key.bound)
    row.request = key.request


def get(session: Session, table, row_id: int, what: str):
    row = session.get(table, row_id)
    if row is None:
        raise Refused(f"{what[0].upper()}{what[1:]} does not exist.")
    return row
