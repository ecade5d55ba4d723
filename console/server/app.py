"""The server. The engine runs in its lifespan, so that work continues with no browser open.

Started by ``streamlit run console/server/app.py`` or ``uvicorn console.server.app:app`` (one worker).
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
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:  # streamlit puts only this folder on the path
    sys.path.insert(0, str(ROOT))

from console import changes, process  # noqa: E402
from console.page import PAGES  # noqa: E402
from console.server import (  # noqa: E402
    alive,
    api,
    assets,
    auth,
    find,
    first_admin,
    headers,
    ingest,
    live,
    not_found,
    oidc,
    preferences,
    signin,
    status,
    tls,
    web_vitals,
    webhooks,
)
from core import bootstrap  # noqa: E402
from core.db import store  # noqa: E402
from core.ops import liveness  # noqa: E402

log = logging.getLogger("console")
FIRST, *OTHERS = PAGES
ADDRESSES = frozenset({"/", *(f"/{name}" for name in OTHERS)})


@contextlib.asynccontextmanager
async def engine():
    """The engine, unless CONSOLE_ENGINE is off or the database fails; then the pages show what to do."""
    try:
        settings = process.settings()
    except SQLAlchemyError:
        log.exception("the database cannot be opened; the engine does not start")
        yield
        return
    if not settings.console_engine:
        log.info("CONSOLE_ENGINE is off: a separate worker runs the collection cycles; actions still work here")
        await asyncio.to_thread(bootstrap.build, settings)  # actions need the runtime
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
    """Stop without waiting for the threads of waiting issues; their state is stored."""
    timer = threading.Timer(seconds, os._exit, (0,))
    timer.daemon = True
    timer.start()


def freeze() -> None:
    """Load the pages' modules, and exclude them from garbage collection.

    Streamlit runs a full collection after each script run; with these modules, that takes 120 ms.
    """
    import pandas  # noqa: F401
    import plotly.graph_objects  # noqa: F401

    gc.collect()
    gc.freeze()


@contextlib.asynccontextmanager
async def lifespan(_app):
    await asyncio.to_thread(first_admin.people)
    async with engine():
        freeze()
        async with changes.watch.running():
            yield


def _store_answers() -> str:
    try:
        with store.read() as session:
            session.connection().exec_driver_sql("SELECT 1")
    except (SQLAlchemyError, RuntimeError) as error:
        return type(error).__name__
    return ""


async def healthz(_request: Request) -> JSONResponse:
    """200 while the database responds and, if this process runs the engine, the engine works."""
    fault = await asyncio.to_thread(_store_answers)
    body = {"status": "ok", "store": fault or "ok"}
    if not fault:
        body |= await asyncio.to_thread(liveness.of_engine, process.settings())
        fault = body["engine"] not in liveness.FINE
    return JSONResponse(body | {"status": "failed" if fault else "ok"}, 503 if fault else 200)


def _may_see_status(request: Request) -> bool:
    """Also while the database does not respond: then the page shows only that."""
    try:
        return process.policy()[0].access.public_status or auth.session_of(request) is not None
    except (SQLAlchemyError, RuntimeError):
        return True


async def status_page(request: Request) -> Response:
    """The status page; ``?refresh=30`` makes a wall screen reload it every 30 s."""
    if not await asyncio.to_thread(_may_see_status, request):
        return RedirectResponse("/login", 303)
    code, text = await asyncio.to_thread(status.page)
    every = request.query_params.get("refresh", "")
    again = {"Refresh": every} if every.isascii() and every.isdigit() and 5 <= int(every[:9]) <= 3600 else {}
    return HTMLResponse(text, code, {"Cache-Control": "no-store", **again})


def first_page(request: Request) -> Response:
    """Streamlit serves the first page at the root alone; its name in an address leads there."""
    query = request.url.query
    return RedirectResponse(f"/?{query}" if query else "/", 308)


ROUTES = [
    Route("/healthz", healthz),
    Route(f"/{FIRST}", first_page),
    Route("/live", live.events),
    Route("/find", find.find),
    Route("/alive", alive.alive),
    Route("/status", status_page),
    *signin.ROUTES,
    *preferences.ROUTES,
    *web_vitals.ROUTES,
    *api.ROUTES,
    *ingest.ROUTES,
    *webhooks.ROUTES,
]

app = st.App(
    ROOT / "console" / "server" / "main.py",
    lifespan=lifespan,
    routes=ROUTES,
    middleware=[
        Middleware(headers.SecurityHeaders),
        Middleware(tls.RequiredTls),
        Middleware(auth.Gate),
        Middleware(oidc.Explained),
        Middleware(assets.Assets, pages=ADDRESSES),
        Middleware(not_found.NotFound, pages=ADDRESSES, routes=ROUTES),
    ],
)
