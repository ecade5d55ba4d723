"""Any OpenAI-compatible server: a typed answer to fenced text, degrading as far as the server can follow.

json_schema -> json_object -> plain text whose first JSON object is taken. No answer is trusted: what it
says is checked by the caller as data.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from threading import Thread
from typing import Any

import openai

from core.vendors.base import Evidence, Finding, VendorError
from core.vendors.opinion import SCHEMA, SYSTEM, fenced, tempered
from core.vendors.redact import Redactor

TIMEOUT = 30.0  # between two bytes; Chat.seconds bounds the whole answer
LONGEST = 8_192  # tokens of an answer
DEGRADES = (400, 422, 500)  # statuses with which servers refuse a response_format that they do not know


class Chat:
    name = "openai"

    def __init__(self, base_url: str, key: str, model: str, seconds: float = 120.0):
        self.model, self.redact, self.seconds = model, Redactor([key]), seconds
        self.client = openai.OpenAI(base_url=base_url or None, api_key=key or "none", timeout=TIMEOUT, max_retries=1)

    def complete(self, system: str, user: str, schema: dict[str, Any]) -> dict[str, Any]:
        """The answer as an object; ``tokens`` is added to it. Raises VendorError."""
        formats = (
            {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}},
            {"type": "json_object", "schema": schema},
            None,
        )
        error: Exception = VendorError(self.name, "was not asked")
        for form in formats:
            try:
                return self._ask(system, user, form)
            except openai.APIStatusError as fault:
                error = fault
                if fault.status_code not in DEGRADES:
                    break
            except openai.OpenAIError as fault:
                error = fault
                break
        raise VendorError(
            self.name, self.redact(str(error))[:300], permanent=isinstance(error, openai.AuthenticationError)
        )

    def _ask(self, system: str, user: str, form: dict | None) -> dict[str, Any]:
        more = {"response_format": form} if form else {}
        messages = [{"role": "system", "content": system}, {"role": "user", "content": self.redact(user)}]
        asked = dict(model=self.model, messages=messages, temperature=0, max_tokens=LONGEST, **more)
        answer = _within(self.seconds, lambda: self.client.chat.completions.create(**asked))
        text = (answer.choices[0].message.content or "") if answer.choices else ""
        tokens = answer.usage.total_tokens if answer.usage else 0
        try:
            return first_object(text) | {"tokens": tokens}
        except VendorError as error:
            error.tokens = tokens  # spent all the same
            raise


def _within(seconds: float, call: Callable[[], Any]) -> Any:
    """The call's answer. A server that sends a byte now and then never meets a read's time limit: this one ends it."""
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
        raise VendorError("openai", f"did not end its answer within {seconds:.0f} s") from None


def first_object(text: str) -> dict[str, Any]:
    """The first JSON object in a text. Raises VendorError when there is none."""
    decoder = json.JSONDecoder()
    for start in (i for i, char in enumerate(text) if char == "{"):
        try:
            value, _ = decoder.raw_decode(text[start:])
        except ValueError:
            continue
        return value
    raise VendorError("openai", "answered without a JSON object")


class OpenAIAnalyst:
    """A model's analysis, never bolder than the embedded one about whether code can cure it."""

    name = "openai"

    def __init__(self, chat: Chat, embedded):
        self.chat, self.embedded = chat, embedded

    def analyze(self, evidence: Evidence) -> Finding:
        known: Finding = self.embedded.analyze(evidence)
        told = self.chat.complete(SYSTEM, fenced(evidence), SCHEMA)
        return tempered(self.name, self.chat.model, told, known)
