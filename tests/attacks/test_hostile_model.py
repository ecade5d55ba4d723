"""A model's server, or the Cline CLI, whose answers are the attack: wrong shapes, false costs, deep and huge texts."""

from __future__ import annotations

import json

import pytest

from core.models import Cause
from core.repair.fixers.model_fixer import ModelFixer
from core.signals.analysis.analyst import EmbeddedAnalyst
from core.vendors.base import VendorError
from core.vendors.cline import verdict
from core.vendors.openai import Chat, OpenAIAnalyst, first_object
from tests.answering import answering
from tests.attacks.fields import PLACES
from tests.attacks.test_unpacking import Bomb

GOOD = {"root_cause": "x", "cause": "code", "severity": "low", "impact": "low", "confidence": 0.5, "simplicity": 0.5}


def said(content, **more) -> dict:
    return {"id": "r", "object": "chat.completion", "choices": [{"index": 0, "message": {"content": content}}], **more}


ANSWERS = {
    "no message": said("") | {"choices": [{}]},
    "choices that are no list": said("") | {"choices": "x"},
    "choices of numbers": said("") | {"choices": [1, 2]},
    "content that is a list": said([{"type": "text", "text": "{}"}]),
    "content that is a number": said(7),
    "a number alone": 7,
    "a list": [],
    "null": None,
    "tool calls": said(None) | {"choices": [{"message": {"tool_calls": [{"function": {"name": "run"}}]}}]},
    "confidence NaN": said(json.dumps(GOOD | {"confidence": float("nan")})),
    "confidence beyond all": said(json.dumps(GOOD).replace("0.5", "1e999")),
    "confidence as a list": said(json.dumps(GOOD | {"confidence": [1]})),
    "deep": said('{"a":' * 5000 + "1" + "}" * 5000),
    "half a pair": said(json.dumps(GOOD | {"root_cause": "\ud800"})),
    "usage that is a word": said("{}", usage={"total_tokens": "many"}),
    "usage that is a list": said("{}", usage=[]),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_whatever_a_server_answers_the_embedded_analysis_takes_over(name):
    evidence = PLACES["url"]("x")
    with answering(Bomb, coding="identity", body=json.dumps(ANSWERS[name]).encode()) as server:
        chat = Chat(f"http://127.0.0.1:{server.server_port}/v1", "sk-0123456789abcdef", "m", 20)
        with pytest.raises(VendorError):
            OpenAIAnalyst(chat, EmbeddedAnalyst()).analyze(evidence)


@pytest.mark.parametrize(
    "usage", [{"total_tokens": -(10**9)}, {"total_tokens": 10**30}, {"total_tokens": True}, {"total_tokens": "9"}]
)
def test_an_answer_gives_no_budget_back(usage, tmp_path):
    told = {"files": [], "rationale": "x", "tokens": -5, "cost_usd": -1000.0}
    with answering(Bomb, coding="identity", body=json.dumps(said(json.dumps(told), usage=usage)).encode()) as server:
        chat = Chat(f"http://127.0.0.1:{server.server_port}/v1", "sk-0123456789abcdef", "m", 20)
        made = next(ModelFixer(chat.complete).propose(tmp_path, PLACES["url"]("x").records[0].crash))
    assert (made.tokens, made.cost_usd) == (0, 0.0)


@pytest.mark.parametrize("cost", [-1.0, float("nan"), float("inf"), "free"])
def test_a_fixer_s_own_costs_are_numbers_that_can_be_true(cost, tmp_path):
    reply = {"files": [], "rationale": "x", "tokens": 5, "cost_usd": cost}
    made = next(ModelFixer(lambda *_: reply).propose(tmp_path, PLACES["url"]("x").records[0].crash))
    assert (made.tokens, made.cost_usd, made.files) == (5, 0.0, {})


@pytest.mark.parametrize("sign", ["{", '{"a', "{x}", '{"a":'])
def test_looking_for_an_object_is_given_up_after_a_few_tries(sign, monkeypatch):
    """Each try may read all that follows: as many as there are braces would take the square of the text's length."""
    tries, first = [], json.JSONDecoder.raw_decode
    monkeypatch.setattr(json.JSONDecoder, "raw_decode", lambda self, *a: tries.append(1) or first(self, *a))
    with pytest.raises(VendorError):
        first_object(sign * 900)
    assert len(tries) <= 50


EVENTS = {
    "infinite tokens": '{"type": "run_result", "finishReason": "completed", "usage": {"inputTokens": 1e999}}',
    "NaN": '{"type": "run_result", "finishReason": "completed", "usage": {"totalCost": NaN, "inputTokens": NaN}}',
    "negative": '{"type": "run_result", "finishReason": "completed", "usage": {"inputTokens": -9, "totalCost": -1}}',
    "true": '{"type": "run_result", "finishReason": "completed", "usage": {"inputTokens": true, "totalCost": true}}',
    "a list": '{"type": "run_result", "finishReason": "completed", "usage": [1]}',
    "deep after it": '{"type": "run_result", "finishReason": "completed"}\n' + "[" * 100_000,
}


@pytest.mark.parametrize("name", EVENTS)
def test_what_the_cline_cli_prints_costs_nothing_less_and_breaks_nothing(name):
    found = verdict(EVENTS[name])
    assert (found.completed, found.tokens, found.cost_usd) == (True, 0, 0.0)


def test_an_opinion_never_changes_the_cause_of_what_no_code_cures():
    assert EmbeddedAnalyst().analyze(PLACES["url"]("x")).cause is Cause.CODE
