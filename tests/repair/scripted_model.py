"""An OpenAI-compatible server on loopback that plays a script: one answer a request, the last one for ever.

An answer is a text (content), a dict (the arguments of one ``editor`` tool call), an int (an HTTP status), or a
function of the request that makes one of these. Streams where it is asked to, as Cline does.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.answering import answering

Answer = str | dict | int | Callable[[dict], Any]
USAGE = {"prompt_tokens": 900, "completion_tokens": 100, "total_tokens": 1000}


class Model:
    def __init__(self, script: Sequence[Answer]):
        self.script, self.requests, self.keys = list(script), [], []
        self.stopped = threading.Event()
        self.url = ""

    def answer(self, request: dict) -> Any:
        turn = min(len(self.requests), len(self.script)) - 1
        found = self.script[turn]
        return found(request) if callable(found) else found

    @property
    def told(self) -> str:
        """All that was ever sent to the model, as one text."""
        return json.dumps(self.requests)


def message(answer: Any) -> dict:
    if isinstance(answer, dict):
        call = {"name": "editor", "arguments": json.dumps(answer)}
        return {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c1", "type": "function", "function": call}],
        }
    return {"role": "assistant", "content": answer}


def _handler(model: Model):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            request = json.loads(self.rfile.read(int(self.headers["content-length"])))
            model.requests.append(request)
            model.keys.append(self.headers.get("authorization", ""))
            answer = model.answer(request)
            if isinstance(answer, int):
                return self._send(answer, "application/json", b'{"error": {"message": "no"}}')
            finish = "tool_calls" if isinstance(answer, dict) else "stop"
            if request.get("stream"):
                return self._send(200, "text/event-stream", _stream(message(answer), finish))
            choice = {"index": 0, "message": message(answer), "finish_reason": finish}
            whole = {"id": "r", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
            return self._send(200, "application/json", json.dumps(whole | {"usage": USAGE}).encode())

        def _send(self, status, kind, body):
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args):
            pass

    return Handler


def _stream(said: dict, finish: str) -> bytes:
    head = {"id": "r", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    if said.get("tool_calls"):
        said = said | {"tool_calls": [call | {"index": 0} for call in said["tool_calls"]]}
    chunks = [
        head | {"choices": [{"index": 0, "delta": said, "finish_reason": None}]},
        head | {"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]},
        head | {"choices": [], "usage": USAGE},
    ]
    return b"".join(b"data: " + json.dumps(c).encode() + b"\n\n" for c in chunks) + b"data: [DONE]\n\n"


@contextmanager
def playing(*script: Answer) -> Iterator[Model]:
    model = Model(script)
    with answering(_handler(model)) as server:
        model.url = f"http://127.0.0.1:{server.server_port}/v1"
        try:
            yield model
        finally:
            model.stopped.set()
