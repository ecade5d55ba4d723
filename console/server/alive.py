"""/alive tells an open page that the console responds and that its session still stands (auth.Gate refuses it else)."""

from __future__ import annotations

from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse

BOOT = uuid4().hex  # of this process: a page that another process served has to be loaded again


async def alive(_request: Request) -> JSONResponse:
    return JSONResponse({"boot": BOOT}, headers={"Cache-Control": "no-store"})
