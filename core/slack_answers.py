"""Answers that people give in Slack: a click or a sent form becomes the very action that the console takes.

Who clicked is told by Slack's signature (core/webhooks.py) and mapped to a person by [slack.people] of
platform.toml; a user who is not named there is refused. Approving is one click, bound to the patch that
the button was made for; rejecting and escalating ask for their reason in a form first.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qs

from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError

from core import actions, notify, runtime, strict_json
from core.people import Role
from core.rights import Actor, Proof
from core.vendors.base import VendorError
from core.vendors.slack import Slack, plain

log = logging.getLogger(__name__)


class Malformed(Exception):
    """The payload is not one that Slack sends for our messages."""


RowId = Annotated[int, Field(ge=1, lt=2**31)]


class Target(BaseModel):
    """What a button or form is about: the value that our own message gave it."""

    approval: RowId
    issue: RowId
    patch: str
    channel: str = ""


@dataclass(frozen=True)
class Reply:
    """``body`` is the HTTP answer (None: empty); ``says`` is told to the user alone, afterwards."""

    body: dict | None = None
    says: str = ""
    status: int = 200


def answer(payload: dict) -> Reply:
    """Carry out what the payload asks for."""
    try:
        kind = {"block_actions": _clicked, "view_submission": _submitted}[payload["type"]]
        return kind(payload, payload["user"]["id"])
    except (LookupError, TypeError, ValueError, AttributeError):
        return Reply({"status": "refused", "says": "this is no answer to a message of ours"}, status=400)
    except SQLAlchemyError:
        log.exception("an answer from Slack was not stored")
        return Reply(says="The store did not answer, nothing was done. Try again: it counts once.")


def follow_up(payload: dict, reply: Reply) -> None:
    """After the HTTP answer: tell the user what came of it, and bring the message up to date."""
    rt, slack = runtime.current(), _slack()
    try:
        channel = (payload.get("channel") or {}).get("id")
        if slack and reply.says and channel:
            slack.whisper(channel, payload["user"]["id"], reply.says)
    except VendorError as error:
        log.warning("%s", error)
    notify.refresh(rt)


def person(user_id: str) -> Actor:
    """The person behind a Slack user of a signed payload. Raises Refused for one whom the policy does not name."""
    name = runtime.current().policy.slack.people.get(user_id)
    if not name:
        raise actions.Refused(f"your Slack account {user_id} is not named in [slack.people] of platform.toml")
    return Actor(name, Role.VIEWER, via="slack", proof=Proof.SLACK)  # the role that counts is the store's


def _slack() -> Slack | None:
    return next((n for n in runtime.current().notifiers if isinstance(n, Slack)), None)


def _clicked(payload: dict, user_id: str) -> Reply:
    click = payload["actions"][0]
    target = Target.model_validate_json(click["value"]).model_copy(
        update={"channel": (payload.get("channel") or {}).get("id", "")}
    )
    try:
        return BUTTONS[click["action_id"]](payload, click, target, person(user_id))
    except actions.Refused as refusal:
        return Reply(says=str(refusal))


def _approve(payload: dict, click: dict, target: Target, actor: Actor) -> Reply:
    key = f"slack-approve-{target.approval}-{payload['user']['id']}-{click['action_ts']}"
    return Reply(says=actions.approve(target.approval, actor=actor, patch_hash=target.patch, key=key).says)


def _ask(payload: dict, click: dict, target: Target, actor: Actor) -> Reply:
    slack = _slack()
    if slack is None:
        return Reply(says="Slack is not connected with a bot token: answer in the console")
    try:
        slack.open_form(payload["trigger_id"], form(click["action_id"], target))
    except VendorError as error:
        return Reply(says=f"the form could not be shown ({error.message}): answer in the console")
    return Reply()


BUTTONS: dict[str, Callable[[dict, dict, Target, Actor], Reply]] = {
    "approve": _approve,
    "reject": _ask,
    "escalate": _ask,
}


def form(kind: str, target: Target) -> dict:
    """A modal that asks for the reason; escalating also asks to whom."""
    blocks = [_field("reason", "Why?" if kind == "reject" else "Why, and what should they know?", True)]
    if kind == "escalate":
        blocks.insert(0, _field("to", "Who should take it?", False))
    return {
        "type": "modal",
        "callback_id": kind,
        "private_metadata": target.model_dump_json(),
        "title": plain("Reject this patch" if kind == "reject" else "Escalate"),
        "submit": plain("Reject" if kind == "reject" else "Escalate"),
        "close": plain("Cancel"),
        "blocks": blocks,
    }


def _field(name: str, label: str, long: bool) -> dict:
    element = {"type": "plain_text_input", "action_id": name, "multiline": long, "max_length": 2000 if long else 200}
    return {"type": "input", "block_id": name, "label": plain(label), "element": element}


def _submitted(payload: dict, user_id: str) -> Reply:
    view = payload["view"]
    target = Target.model_validate_json(view["private_metadata"])
    values = {name: (field[name].get("value") or "").strip() for name, field in view["state"]["values"].items()}
    try:
        actor, key = person(user_id), f"slack-{view['callback_id']}-{view['id']}"
        FORMS[view["callback_id"]](target, values, actor, key)
    except actions.Refused as refusal:
        return Reply({"response_action": "errors", "errors": {"reason": str(refusal)}})
    return Reply({})


def _reject(target: Target, values: dict[str, str], actor: Actor, key: str) -> None:
    actions.reject(target.approval, actor=actor, reason=values["reason"], key=key)


def _escalate(target: Target, values: dict[str, str], actor: Actor, key: str) -> None:
    actions.escalate(target.issue, actor=actor, to=values.get("to") or "on-call", reason=values["reason"], key=key)


FORMS = {"reject": _reject, "escalate": _escalate}


def payload_of(body: bytes) -> dict:
    """The JSON in the form field ``payload``. Raises Malformed."""
    try:
        found = strict_json.loads(parse_qs(body.decode("utf-8"), strict_parsing=True)["payload"][0])
    except (ValueError, KeyError, RecursionError):
        raise Malformed("there is no payload") from None
    if not isinstance(found, dict):
        raise Malformed("the payload is not an object")
    return found
