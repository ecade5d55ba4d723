"""An OpenAI-compatible model server whose model is a script: a small table of prepared patches for the demo's faults.

It is no model. It answers a crash whose code is in its table with that patch, by JSON or by Cline's editor, and any
other with no edit. Its opinion of an issue only repeats the title, and is so mild that it changes no decision. Its name
says what it is wherever the product shows it.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from core.demo.faults import FAULTS

NAME, KEY = "scripted-demo (simulated)", "sk-scripted-demo-0123456789"
SAYS = "Scripted answer of the demo, no model:"
Edit = tuple[str, str, str]  # path, old text, new text
PATCHES: dict[str, Sequence[Edit]] = {  # by fault: the edits
    fault.name: tuple((path, new, old) for path, old, new in fault.edits)
    for fault in FAULTS.values()
    if fault.kind == "model"
}
TITLE = re.compile(r"<<<\n(?:Service: .*\n)?(.*)")


class SimulatedModel:
    def __init__(self) -> None:
        self.asked = 0
        self.routes = [Route("/model/v1/chat/completions", self.answer, methods=["POST"])]

    async def answer(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return JSONResponse({"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}, 401)
        body = await request.json()
        self.asked += 1
        message = reply(body)
        finish = "tool_calls" if message.get("tool_calls") else "stop"
        usage = _usage(body, message)
        head = {"id": f"chatcmpl-demo{self.asked}", "created": int(time.time()), "model": NAME}
        if body.get("stream"):
            return StreamingResponse(_stream(head, message, finish, usage), media_type="text/event-stream")
        choice = {"index": 0, "message": message, "finish_reason": finish}
        return JSONResponse(head | {"object": "chat.completion", "choices": [choice], "usage": usage})


def reply(body: dict[str, Any]) -> dict[str, Any]:
    """The assistant's message to a request for chat completions. Pure."""
    told = "\n".join(_text(one) for one in body["messages"])
    if any((tool.get("function") or {}).get("name") == "editor" for tool in body.get("tools") or []):
        return _by_editor(body["messages"], told)
    form = (body.get("response_format") or {}).get("json_schema") or {}
    wanted = (form.get("schema") or {}).get("properties") or {}
    said = _edits(told) if "files" in wanted else opinion(told) if "root_cause" in wanted else {}
    return {"role": "assistant", "content": json.dumps(said)}


def _text(message: dict[str, Any]) -> str:
    content = message.get("content") or ""
    return content if isinstance(content, str) else "\n".join(str(part.get("text", "")) for part in content)


def patch(told: str) -> Sequence[Edit]:
    """The prepared edits whose code is quoted in the text, as in its JSON; none if the table has no such code."""
    found = (edits for edits in PATCHES.values() if all(json.dumps(old)[1:-1] in told for _, old, _ in edits))
    return next(found, ())


def _edits(told: str) -> dict[str, Any]:
    edits = patch(told)
    why = "the table has this patch." if edits else "the table has no patch for this crash."
    files = [{"path": path, "old_text": old, "new_text": new} for path, old, new in edits]
    return {"files": files, "rationale": f"{SAYS} {why}"}


def opinion(told: str) -> dict[str, Any]:
    """An opinion that raises no severity and lowers no confidence."""
    title = TITLE.search(told)
    shown = title[1][:200] if title else "the reported error"
    mild = {"cause": "code", "severity": "low", "impact": "low", "confidence": 1.0, "simplicity": 1.0}
    return {"root_cause": f"{SAYS} it repeats the report, {shown}", "next_step": "", **mild}


def _by_editor(messages: Sequence[dict[str, Any]], told: str) -> dict[str, Any]:
    """One edit for each turn, then the last words."""
    edits, done = patch(told), sum(one["role"] == "assistant" for one in messages)
    if done >= len(edits):
        return {"role": "assistant", "content": _edits(told)["rationale"]}
    path, old, new = edits[done]
    arguments = json.dumps({"path": f"/w/{path}", "old_text": old, "new_text": new})
    call = {"id": f"call_{done}", "type": "function", "function": {"name": "editor", "arguments": arguments}}
    return {"role": "assistant", "content": f"{SAYS} it applies the prepared patch.", "tool_calls": [call]}


def _usage(body: dict[str, Any], message: dict[str, Any]) -> dict[str, int]:
    """Tokens at four characters each, as English text and code have about."""
    prompt, completion = len(json.dumps(body["messages"])) // 4, len(json.dumps(message)) // 4
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _stream(head: dict, message: dict, finish: str, usage: dict) -> Iterator[bytes]:
    calls = [call | {"index": place} for place, call in enumerate(message.get("tool_calls") or [])]
    delta = message | ({"tool_calls": calls} if calls else {})
    head = head | {"object": "chat.completion.chunk"}
    yield _event(head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    yield _event(head | {"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    yield _event(head | {"choices": [], "usage": usage})
    yield b"data: [DONE]\n\n"


def _event(value: dict) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"
