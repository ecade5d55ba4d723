"""The server: the engine runs in its lifespan, so that work goes on with no browser open.

Started by ``streamlit run console/app.py`` or ``uvicorn console.app:app`` (one worker).
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import sys
import threading
from pathlib import Path

import streamlit as st
from sqlalchemy.exc import SQLAlchemyError
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:  # streamlit puts only this folder on the path
    sys.path.insert(0, str(ROOT))

from console import assets, context, headers, live, status  # noqa: E402
from console.page import PAGES  # noqa: E402
from core import store  # noqa: E402

log = logging.getLogger("console")
ADDRESSES = frozenset({"/", *(f"/{name}" for name in PAGES)})


@contextlib.asynccontextmanager
async def engine():
    """The engine, unless CONSOLE_ENGINE is off or the store fails: then the pages say what to do."""
    try:
        settings = context.settings()
    except SQLAlchemyError:
        log.exception("the store cannot be opened; the engine does not start")
        yield
        return
    if not settings.console_engine:
        log.info("CONSOLE_ENGINE is off: a worker elsewhere does the rounds; people still act here")
        from core import wiring

        await asyncio.to_thread(wiring.build, settings)
        yield
        return
    from core import scheduler

    running = await asyncio.to_thread(scheduler.start, settings)
    try:
        yield
    finally:
        await asyncio.to_thread(running.stop)
        end_soon()


def end_soon(seconds: float = 5.0) -> None:
    """Threads of issues that wait for days must not keep a server that was stopped; their state is stored."""
    timer = threading.Timer(seconds, os._exit, (0,))
    timer.daemon = True
    timer.start()


def freeze() -> None:
    """Load what pages use and take it out of the garbage collector's sight.

    Streamlit collects fully after each script run; with these modules loaded that takes 120 ms.
    """
    import pandas  # noqa: F401
    import plotly.graph_objects  # noqa: F401

    gc.collect()
    gc.freeze()


@contextlib.asynccontextmanager
async def lifespan(_app):
    async with engine():
        freeze()
        async with live.watch.running():
            yield


def _store_answers() -> str:
    try:
        with store.read() as session:
            session.connection().exec_driver_sql("SELECT 1")
    except (SQLAlchemyError, RuntimeError) as error:
        return type(error).__name__
    return ""


async def healthz(_request: Request) -> JSONResponse:
    fault = await asyncio.to_thread(_store_answers)
    return JSONResponse({"status": "failed" if fault else "ok", "store": fault or "ok"}, 503 if fault else 200)


async def status_page(request: Request) -> HTMLResponse:
    """The status page; ``?refresh=30`` lets a wall screen ask for it again every 30 s."""
    code, text = await asyncio.to_thread(status.page)
    every = request.query_params.get("refresh", "")
    again = {"Refresh": every} if every.isascii() and every.isdigit() and 5 <= int(every[:9]) <= 3600 else {}
    return HTMLResponse(text, code, {"Cache-Control": "no-store", **again})


app = st.App(
    ROOT / "console" / "main.py",
    lifespan=lifespan,
    routes=[Route("/healthz", healthz), Route("/live", live.events), Route("/status", status_page)],
    middleware=[Middleware(headers.SecurityHeaders), Middleware(assets.Assets, pages=ADDRESSES)],
)
