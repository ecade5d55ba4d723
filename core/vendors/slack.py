"""Slack: messages with approval buttons, forms, and updates, by the Web API or an incoming webhook.

Arguments are sent as a form, as in Slack's specification, with JSON in ``blocks`` and ``view``. Faults come as HTTP 200
with ``ok: false``.
"""

from __future__ import annotations

import json
import re

from core.vendors.base import Check, Message, Question, VendorError
from core.vendors.http import Http

PASSING = ("ratelimited", "internal_error", "service_unavailable", "request_timeout", "fatal_error")
WHERE = "SLACK_TOKEN (api.slack.com/apps > OAuth & Permissions: a bot token xoxb-… with chat:write) and SLACK_CHANNEL"
ANSWERED = {
    "approved": "✅ Approved by {by}",
    "rejected": "⛔ Rejected by {by}",
    "expired": "⌛ Expired without an answer",
    "stale": "↻ The patch has changed; this approval is void",
}


class Slack:
    name = "slack"

    def __init__(self, http: Http, channel: str):
        self.http, self.channel = http, channel

    def send(self, message: Message) -> str:
        """Post a message; returns "CHANNEL TS", with which it can be updated."""
        made = self._call("chat.postMessage", {"channel": self.channel, "unfurl_links": "false", **rendered(message)})
        return f"{made.get('channel') or self.channel} {made.get('ts') or ''}"

    def update(self, reference: str, message: Message) -> None:
        channel, ts = reference.split(" ", 1)
        self._call("chat.update", {"channel": channel, "ts": ts, **rendered(message)}, idempotent=True)

    def whisper(self, channel: str, user: str, text: str) -> None:
        """Post a message that only one user in the channel sees."""
        self._call("chat.postEphemeral", {"channel": channel, "user": user, "text": clip(escape(text))})

    def open_form(self, trigger_id: str, view: dict) -> None:
        """Open a form; the trigger is valid for three seconds. A GET by Slack's specification."""
        query = {"trigger_id": trigger_id, "view": json.dumps(view, separators=(",", ":"))}
        self._done(self.http.request("GET", "/views.open", idempotent=False, params=query).json())

    def check(self) -> Check:
        try:
            answer = self.http.get("/auth.test")
            identity = self._done(answer.json())
        except VendorError as error:
            return Check(False, error.message, WHERE)
        scopes = answer.headers.get("x-oauth-scopes", "")
        if scopes and "chat:write" not in re.split(r"[,\s]+", scopes):
            return Check(False, f"the token lacks chat:write (it has {scopes})", WHERE)
        return Check(True, f"messages go to {self.channel} of {identity.get('team') or 'the workspace'}")

    def _call(self, method: str, form: dict, idempotent: bool = False) -> dict:
        return self._done(self.http.post(f"/{method}", data=form, idempotent=idempotent).json())

    def _done(self, answer: dict) -> dict:
        if answer.get("ok") is not True:
            error = str(answer.get("error") or "no reason given")
            raise VendorError(self.name, f"refused: {error}", permanent=error not in PASSING)
        return answer


class SlackWebhook:
    """An incoming webhook: its URL is its secret; it accepts messages without buttons and returns ``ok``."""

    name = "slack"

    def __init__(self, http: Http):
        self.http = http

    def send(self, message: Message) -> str:
        made = rendered(message, buttons=False)
        answer = self.http.post("", json={"text": made["text"], "blocks": json.loads(made["blocks"])})
        if answer.content.strip() != b"ok":
            raise VendorError(self.name, "the webhook did not return ok", permanent=True)
        return ""

    def check(self) -> Check:
        return Check(True, "messages go to the incoming webhook, without buttons (only a message would test it)")


# --- format of messages. Pure ----------------------------------------------------------------------


def rendered(message: Message, buttons: bool = True) -> dict[str, str]:
    """``text`` (for notifications) and ``blocks`` as JSON text."""
    blocks = [_section(f"*{clip(escape(message.subject), 500)}*\n{clip(escape(message.body), 2400)}")]
    question = message.question
    if question and question.state == "pending" and buttons:
        blocks.append(_buttons(question))
    elif question and question.state in ANSWERED:
        blocks.append(_section(ANSWERED[question.state].format(by=escape(question.by or "a person"))))
    blocks.append({"type": "context", "elements": [_mrkdwn(f"<{message.link}|Open in the console>")]})
    return {"text": clip(escape(message.subject), 500), "blocks": json.dumps(blocks)}


def _section(text: str) -> dict:
    return {"type": "section", "text": _mrkdwn(text)}


def _mrkdwn(text: str) -> dict:
    return {"type": "mrkdwn", "text": text}


def plain(text: str) -> dict:
    return {"type": "plain_text", "text": text}


def _buttons(question: Question) -> dict:
    value = json.dumps({"approval": question.approval_id, "issue": question.issue_id, "patch": question.patch_hash})
    sure = {
        "title": plain("Approve this patch?"),
        "text": plain("Exactly this patch is deployed to production and watched. A regression rolls it back."),
        "confirm": plain("Approve"),
        "deny": plain("Cancel"),
    }
    return {
        "type": "actions",
        "block_id": "answer",
        "elements": [
            {"type": "button", "action_id": name, "text": plain(label), "value": value, **more}
            for name, label, more in (
                ("approve", "Approve", {"style": "primary", "confirm": sure}),
                ("reject", "Reject", {"style": "danger"}),
                ("escalate", "Escalate", {}),
            )
        ],
    }


def escape(text: str) -> str:
    """Escape Slack's three control characters, so that untrusted text cannot mention people or contain links."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def clip(text: str, limit: int = 2900) -> str:
    """Truncate escaped text without leaving half an entity at its end."""
    return text if len(text) <= limit else re.sub(r"&[a-z]{0,3}$", "", text[: limit - 1]) + "…"
