"""Answers from Slack: a click or a submitted form runs the same action as the console.

Slack's signature authenticates the user (core/ops/webhooks.py), and [slack.people] of platform.toml maps them to a
person; other users are refused. An action without arguments needs one click, bound to the patch of its button; every
other action opens a form first.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qs

from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError

from core import runtime
from core.access.rights import Actor, IdentityProof, Refused
from core.actions.registry import About, Action, Asked, registry
from core.models import strict_json
from core.models.access import Role
from core.ops import notify
from core.vendors.base import VendorError
from core.vendors.slack import Slack, plain

log = logging.getLogger(__name__)


class Malformed(Exception):
    """The payload is not one that Slack sends for the platform's messages."""


RowId = Annotated[int, Field(ge=1, lt=2**31)]


class Target(BaseModel):
    """The target of a button or form: the value from the platform's own message."""

    approval: RowId
    issue: RowId
    patch: str
    channel: str = ""


@dataclass(frozen=True)
class Reply:
    """``body`` is the HTTP response (None: empty); ``message`` is sent afterwards, only to the user."""

    body: dict | None = None
    message: str = ""
    status: int = 200


def answer(payload: dict) -> Reply:
    """Carry out the action that the payload requests."""
    try:
        kind = {"block_actions": _clicked, "view_submission": _submitted}[payload["type"]]
        return kind(payload, payload["user"]["id"])
    except (LookupError, TypeError, ValueError, AttributeError):
        return Reply({"status": "refused", "says": "This is not a reply to a message of this platform."}, status=400)
    except SQLAlchemyError:
        log.exception("an answer from Slack was not stored")
        return _unchanged(payload)


def _unchanged(payload: dict) -> Reply:
    """The database did not respond. A form stays open with the error, because Slack closes one on an empty response."""
    message = "The database did not respond. Nothing changed; retrying is safe."
    if payload["type"] != "view_submission":
        return Reply(message=message)
    return Reply(_errors(registry()[payload["view"]["callback_id"]], message))


def _errors(action: Action, message: str) -> dict:
    """The response that keeps a form open, with the message at its last field."""
    return {"response_action": "errors", "errors": {list(action.asked)[-1]: message}}


def follow_up(payload: dict, reply: Reply) -> None:
    """After the HTTP response: tell the user the result, and update the message."""
    rt, slack = runtime.current(), _slack()
    try:
        channel = (payload.get("channel") or {}).get("id")
        if slack and reply.message and channel:
            slack.whisper(channel, payload["user"]["id"], reply.message)
    except VendorError as error:
        log.warning("%s", error)
    notify.refresh(rt)


def person(user_id: str) -> Actor:
    """The person behind a Slack user of a signed payload. Raises Refused for a user missing in the policy."""
    name = runtime.current().policy.slack.people.get(user_id)
    if not name:
        raise Refused(f"Your Slack account {user_id} is not listed in [slack.people] of platform.toml.")
    return Actor(name, Role.VIEWER, via="slack", proof=IdentityProof.SLACK)  # a placeholder: the store's role counts


def _slack() -> Slack | None:
    return next((n for n in runtime.current().notifiers if isinstance(n, Slack)), None)


def _clicked(payload: dict, user_id: str) -> Reply:
    click = payload["actions"][0]
    action = _offered(click["action_id"])
    target = Target.model_validate_json(click["value"]).model_copy(
        update={"channel": (payload.get("channel") or {}).get("id", "")}
    )
    try:
        actor = person(user_id)
        if action.asked:
            return _ask(payload, action, target)
        key = f"slack-{action.name}-{target.approval}-{user_id}-{click['action_ts']}"
        return Reply(message=_carry_out(action, target, actor, key, {}))
    except Refused as refusal:
        return Reply(message=str(refusal))


def _offered(name: str) -> Action:
    """The action of a button. Raises LookupError for an action without a button in Slack."""
    if not (action := registry()[name]).in_slack:
        raise LookupError(name)
    return action


def _carry_out(action: Action, target: Target, actor: Actor, key: str, given: Mapping[str, str]) -> str:
    number = {About.APPROVAL: target.approval, About.ISSUE: target.issue}[action.about]
    seen = dict.fromkeys(action.seen, target.patch)
    return action.run(number, actor=actor, key=key, **given, **seen).message


def _ask(payload: dict, action: Action, target: Target) -> Reply:
    slack = _slack()
    if slack is None:
        return Reply(message="Slack is not connected with a bot token. Answer in the console.")
    try:
        slack.open_form(payload["trigger_id"], form(action, target))
    except VendorError as error:
        return Reply(message=f"The form could not be shown ({error.message}). Answer in the console.")
    return Reply()


def form(action: Action, target: Target) -> dict:
    """A modal with a field for each argument of the action."""
    return {
        "type": "modal",
        "callback_id": action.name,
        "private_metadata": target.model_dump_json(),
        "title": plain(action.dialog.label),
        "submit": plain(action.dialog.label),
        "close": plain("Cancel"),
        "blocks": [_field(name, asked) for name, asked in action.asked.items()],
    }


def _field(name: str, asked: Asked) -> dict:
    long = asked.kind == "text"
    element = {"type": "plain_text_input", "action_id": name, "multiline": long, "max_length": 2000 if long else 200}
    return {"type": "input", "block_id": name, "label": plain(asked.label), "element": element}


def _submitted(payload: dict, user_id: str) -> Reply:
    view = payload["view"]
    action = _offered(view["callback_id"])
    target = Target.model_validate_json(view["private_metadata"])
    fields = view["state"]["values"]
    given = {name: _value(asked, fields.get(name, {}).get(name, {})) for name, asked in action.asked.items()}
    try:
        actor, key = person(user_id), f"slack-{action.name}-{view['id']}"
        _carry_out(action, target, actor, key, given)
    except Refused as refusal:
        return Reply(_errors(action, str(refusal)))
    return Reply({})


def _value(asked: Asked, field: Mapping[str, str | None]) -> str:
    return (field.get("value") or "").strip() or asked.otherwise or ""


def payload_of(body: bytes) -> dict:
    """The JSON in the form field ``payload``. Raises Malformed."""
    try:
        found = strict_json.loads(parse_qs(body.decode("utf-8"), strict_parsing=True)["payload"][0])
    except (ValueError, KeyError, RecursionError):
        raise Malformed("there is no payload") from None
    if not isinstance(found, dict):
        raise Malformed("the payload is not an object")
    return found
