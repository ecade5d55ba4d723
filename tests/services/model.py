"""An OpenAI-compatible server whose model knows one right edit, as a good model would find it from the crash.

It answers requests for edits alone. For anything else, such as an analysis, its answer has no use, and the platform
falls back to its own.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

NAME, KEY = "scripted-1", "sk-scripted-0123456789"
Remedy = Sequence[tuple[str, str, str]]  # (file, old text, new text)


class ScriptedModel:
    def __init__(self, remedy: Remedy):
        self.remedy, self.asked = remedy, 0
        self.routes = [Route("/model/v1/chat/completions", self.answer, methods=["POST"])]

    def environment(self, url: str) -> dict[str, str]:
        return {"OPENAI_BASE_URL": f"{url}/model/v1", "OPENAI_API_KEY": KEY, "OPENAI_MODEL": NAME}

    async def answer(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return JSONResponse({"error": {"message": "Incorrect API key provided"}}, 401)
        body = await request.json()
        schema = ((body.get("response_format") or {}).get("json_schema") or {}).get("schema") or {}
        said = self._edits() if "files" in schema.get("properties", {}) else {}
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": json.dumps(said)}}
        usage = {"prompt_tokens": 900, "completion_tokens": 90, "total_tokens": 990}
        told = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": NAME}
        return JSONResponse(told | {"choices": [choice], "usage": usage})

    def _edits(self) -> dict:
        self.asked += 1
        files = [{"path": path, "old_text": old, "new_text": new} for path, old, new in self.remedy]
        return {"files": files, "rationale": "The crashing input is one that the code around it expects."}
