"""Slack: chat.postMessage. Faults come as HTTP 200 with ok:false."""

from __future__ import annotations

from core.vendors.base import Check, Message, VendorError
from core.vendors.http import Http

PASSING = ("ratelimited", "internal_error", "service_unavailable", "request_timeout", "fatal_error")


class Slack:
    name = "slack"

    def __init__(self, http: Http, channel: str):
        self.http, self.channel = http, channel

    def send(self, message: Message) -> None:
        text = f"*{escape(message.subject)}*\n{escape(message.body)}"[:3000]
        blocks = [
            {"type": "section", "text": {"type": "mrkdwn", "text": text}},
            {
                "type": "context",
                "elements": [{"type": "mrkdwn", "text": f"<{message.link}|Open in the console>"}],
            },
        ]
        self._call(
            "/chat.postMessage",
            {
                "channel": self.channel,
                "text": escape(message.subject),
                "blocks": blocks,
                "unfurl_links": False,
            },
        )

    def check(self) -> Check:
        try:
            self._call("/auth.test", {})
        except VendorError as error:
            return Check(False, error.message, "SLACK_TOKEN (xoxb-…, chat:write) and SLACK_CHANNEL")
        return Check(True, f"messages go to {self.channel}")

    def _call(self, method: str, body: dict) -> dict:
        answer = self.http.post(method, json=body).json()
        if not answer.get("ok"):
            error = str(answer.get("error") or "no reason given")
            raise VendorError(self.name, f"refused: {error}", permanent=error not in PASSING)
        return answer


def escape(text: str) -> str:
    """Slack's three control characters; a stranger's text can then mention nobody and link nowhere."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
