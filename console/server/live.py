"""/live sends each change of the store to browsers, as server-sent events."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import StreamingResponse

from console.changes import watch


async def events(_request: Request) -> StreamingResponse:
    return StreamingResponse(
        watch.changes(),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )
