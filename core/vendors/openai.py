"""Any OpenAI-compatible server: a typed answer to fenced text, in the strictest format that the server supports.

json_schema -> json_object -> plain text, from which the first JSON object is taken. No answer is trusted: the caller
validates it as data.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from itertools import islice
from threading import Thread
from typing import Any

import openai

from core.signals.analysis.types import Conclusion, IssueFacts
from core.vendors.address import LOOPBACK
from core.vendors.base import VendorError
from core.vendors.http import bounded, unencrypted
from core.vendors.opinion import SCHEMA, SYSTEM, fenced, tempered
from core.vendors.redact import Redactor

TIMEOUT = 30.0  # seconds between two bytes; Chat.seconds limits the whole answer
LONGEST = 8_192  # maximum tokens of an answer
LARGEST, TRIES = 200_000, 50  # characters of an answer that are searched; braces that are tried as an object's start
MOST = 10**9  # maximum plausible tokens of one answer
OURS = ("tokens", "cost_usd")  # keys that an answer must not set itself
DEGRADES = (400, 422, 500)  # statuses of servers for an unsupported response_format


class Chat:
    """Asks one model. ``tls``: only a server on this machine may be asked without TLS."""

    name = "openai"

    def __init__(self, base_url: str, key: str, model: str, seconds: float = 120.0, *, tls: bool = False):
        self.model, self.redact, self.seconds, self.tls = model, Redactor([key]), seconds, tls
        self.client = openai.OpenAI(
            base_url=base_url or None,
            api_key=key or "none",
            timeout=TIMEOUT,
            max_retries=1,
            # openai 3 takes a client of httpx as well as of httpx2, but types the latter alone
            http_client=bounded(self.name, seconds),  # pyright: ignore[reportArgumentType]
        )

    def complete(self, system: str, user: str, schema: dict[str, Any]) -> dict[str, Any]:
        """The answer as an object; ``tokens`` is added to it. Raises VendorError."""
        base = self.client.base_url
        if self.tls and base.scheme != "https" and base.host not in LOOPBACK:
            raise unencrypted(self.name, str(base))
        formats = (
            {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}},
            {"type": "json_object", "schema": schema},
            None,
        )
        error: Exception = VendorError(self.name, "was not called")
        for form in formats:
            try:
                return self._ask(system, user, form)
            except openai.APIStatusError as fault:
                error = fault
                if fault.status_code not in DEGRADES:
                    break
            except (openai.OpenAIError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as fault:
                error = fault  # an answer in the wrong format counts as a server error
                break
        raise VendorError(
            self.name, self.redact(str(error))[:300], permanent=isinstance(error, openai.AuthenticationError)
        )

    def _ask(self, system: str, user: str, form: dict | None) -> dict[str, Any]:
        more = {"response_format": form} if form else {}
        messages = [{"role": "system", "content": system}, {"role": "user", "content": self.redact(user)}]
        asked: dict[str, Any] = dict(model=self.model, messages=messages, temperature=0, max_tokens=LONGEST, **more)
        answer = _within(self.seconds, lambda: self.client.chat.completions.create(**asked))
        text = (answer.choices[0].message.content or "") if answer.choices else ""
        tokens = spent(answer.usage.total_tokens if answer.usage else 0)
        try:
            parsed = first_object(str(text))
            return {name: value for name, value in parsed.items() if name not in OURS} | {"tokens": tokens}
        except VendorError as error:
            error.tokens = tokens  # they were spent nevertheless
            raise


def _within(seconds: float, call: Callable[[], Any]) -> Any:
    """The call's answer, with an overall time limit, because slow single bytes never exceed a read timeout."""
    done: Future = Future()

    def work() -> None:
        try:
            done.set_result(call())
        except Exception as error:  # handed on to the caller
            done.set_exception(error)

    Thread(target=work, daemon=True, name="model").start()
    try:
        return done.result(seconds)
    except Late:
        raise VendorError("openai", f"did not finish its answer within {seconds:.0f} s") from None


def spent(value: object) -> int:
    """Tokens of an answer, as counted by its server; never negative, which would return budget."""
    return value if type(value) is int and 0 < value < MOST else 0


def first_object(text: str) -> dict[str, Any]:
    """The first JSON object in a text. Raises VendorError if there is none within TRIES attempts."""
    decoder = json.JSONDecoder()
    starts = (i for i, char in enumerate(text[:LARGEST]) if char == "{")
    for start in islice(starts, TRIES):
        try:
            return decoder.raw_decode(text, start)[0]
        except (ValueError, RecursionError):
            continue
    raise VendorError("openai", "returned no JSON object")


class OpenAIAnalyst:
    """A model's analysis, which never overrides the embedded one on whether code can cure the issue."""

    name = "openai"

    def __init__(self, chat: Chat, embedded):
        self.chat, self.embedded = chat, embedded

    def analyze(self, evidence: IssueFacts) -> Conclusion:
        known: Conclusion = self.embedded.analyze(evidence)
        answer = self.chat.complete(SYSTEM, fenced(evidence), SCHEMA)
        return tempered(self.name, self.chat.model, answer, known, spent(answer.get("tokens")))
