"""Slack's protocol: the Web API that the product uses, and clicks, signed as Slack signs them."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

TOKEN, CHANNEL, USER = "xoxb-demo-0123456789", "C0DEMO", "U0DEMO"
SIGNING_SECRET = "demo0123456789abcdef0123456789ab"
KEPT = 500


class SlackFault(Exception):
    """A response with ``ok: false``; the message is Slack's error name."""


class SimulatedSlack:
    def __init__(self):
        self.messages: list[dict] = []  # posted, newest last; an update changes its message
        self.whispers: list[dict] = []
        self.forms: list[dict] = []
        self.last = 0.0
        self.routes = [Route("/slack/api/{method}", self.call, methods=["GET", "POST"])]

    async def call(self, request: Request) -> Response:
        """Answer a call. Arguments are in the query, a form or JSON; a fault is HTTP 200 with ok false."""
        given = dict(request.query_params)
        if request.headers.get("content-type", "").startswith("application/json"):
            given |= await request.json()
        elif request.method == "POST":
            given |= dict(await request.form())
        token = request.headers.get("authorization", "").removeprefix("Bearer ") or given.get("token", "")
        try:
            if token != TOKEN:
                raise SlackFault("invalid_auth" if token else "not_authed")
            work = METHODS.get(request.path_params["method"])
            if work is None:
                raise SlackFault("unknown_method")
            payload = {"ok": True, **work(self, given)}
        except SlackFault as fault:
            payload = {"ok": False, "error": str(fault)}
        return JSONResponse(payload, headers={"X-OAuth-Scopes": "chat:write,channels:history"})

    def auth_test(self, given: dict) -> dict:
        return {
            "url": "https://demo.slack.com/",
            "team": "Demo",
            "user": "platform",
            "team_id": "T0DEMO",
            "user_id": USER,
        }

    def post(self, given: dict) -> dict:
        message = self._content(given) | {
            "type": "message",
            "bot_id": "B0DEMO",
            "username": "platform",
            "ts": self._ts(),
        }
        self.messages = [*self.messages[1 - KEPT :], message]
        return {"channel": CHANNEL, "ts": message["ts"], "message": message}

    def update(self, given: dict) -> dict:
        message = self.message(given.get("ts", ""))
        message.update(self._content(given))
        return {"channel": CHANNEL, "ts": message["ts"], "text": message["text"], "message": message}

    def whisper(self, given: dict) -> dict:
        if not given.get("user"):
            raise SlackFault("user_not_in_channel")
        self.whispers.append({"user": given["user"], **self._content(given)})
        return {"message_ts": self._ts()}

    def history(self, given: dict) -> dict:
        self._channel(given)
        limit = int(given.get("limit", 100))
        return {"messages": self.messages[::-1][:limit], "has_more": len(self.messages) > limit, "pin_count": 0}

    def open_view(self, given: dict) -> dict:
        if not given.get("trigger_id"):
            raise SlackFault("invalid_arguments")
        view = _parsed(given.get("view"))
        if not isinstance(view, dict) or view.get("type") != "modal" or not view.get("blocks"):
            raise SlackFault("invalid_arguments")
        self.forms.append(view | {"id": f"V{len(self.forms) + 1:04d}"})
        return {"view": self.forms[-1]}

    def _channel(self, given: dict) -> None:
        if given.get("channel") != CHANNEL:
            raise SlackFault("channel_not_found")

    def _content(self, given: dict) -> dict:
        self._channel(given)
        blocks = _parsed(given.get("blocks", []))
        if not isinstance(blocks, list):
            raise SlackFault("invalid_blocks_format")
        if not (given.get("text") or blocks):
            raise SlackFault("no_text")
        return {"text": given.get("text", ""), "blocks": blocks}

    def _ts(self) -> str:
        self.last = max(time.time(), self.last + 1e-6)
        return f"{self.last:.6f}"

    def message(self, ts: str) -> dict:
        found = next((message for message in self.messages if message["ts"] == ts), None)
        if found is None:
            raise SlackFault("message_not_found")
        return found

    # --- a person's clicks

    def click(self, ts: str, action_id: str, user: str = USER) -> tuple[bytes, dict[str, str]]:
        """(body, headers) of the request that Slack sends when ``user`` presses a button of the message ``ts``."""
        message = self.message(ts)
        elements = [e for block in message["blocks"] if block["type"] == "actions" for e in block["elements"]]
        pressed = next((e for e in elements if e["action_id"] == action_id), None)
        if pressed is None:
            raise SlackFault("the message has no such button")
        action = {k: pressed[k] for k in ("action_id", "type", "text", "value")} | {"action_ts": self._ts()}
        return signed(
            {
                "type": "block_actions",
                "user": {"id": user, "username": "demo", "name": "demo", "team_id": "T0DEMO"},
                "container": {"type": "message", "message_ts": ts, "channel_id": CHANNEL, "is_ephemeral": False},
                "channel": {"id": CHANNEL, "name": "alerts"},
                "trigger_id": f"{self.last:.0f}.1.demo",
                "message": message,
                "actions": [action],
            }
        )

    def submit(self, view: dict, values: dict[str, str], user: str = USER) -> tuple[bytes, dict[str, str]]:
        """(body, headers) of the request that Slack sends when ``user`` submits a form."""
        state = {name: {name: {"type": "plain_text_input", "value": value}} for name, value in values.items()}
        return signed(
            {
                "type": "view_submission",
                "user": {"id": user, "username": "demo", "name": "demo", "team_id": "T0DEMO"},
                "view": view | {"state": {"values": state}},
            }
        )


METHODS = {
    "auth.test": SimulatedSlack.auth_test,
    "chat.postMessage": SimulatedSlack.post,
    "chat.update": SimulatedSlack.update,
    "chat.postEphemeral": SimulatedSlack.whisper,
    "conversations.history": SimulatedSlack.history,
    "views.open": SimulatedSlack.open_view,
}


def signed(payload: dict) -> tuple[bytes, dict[str, str]]:
    body = urlencode({"payload": json.dumps(payload)}).encode()
    at = str(int(time.time()))
    mac = hmac.new(SIGNING_SECRET.encode(), b"v0:%s:%s" % (at.encode(), body), hashlib.sha256).hexdigest()
    return body, {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": at,
        "X-Slack-Signature": f"v0={mac}",
    }


def _parsed(value):
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        raise SlackFault("invalid_arguments") from None
