"""What is on screen follows the store: /live tells each change, a fragment redraws itself."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import streamlit as st
import streamlit.components.v2 as components
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import StreamingResponse

from console.ui import failures
from core.db import store

log = logging.getLogger(__name__)
EVERY = 0.25  # seconds between two looks at the store's version
KEEP_ALIVE = 15.0
VERSION = {
    "sqlite": "PRAGMA data_version",  # differs when another connection has committed
    "postgresql": "SELECT pg_snapshot_xmax(pg_current_snapshot())::text",  # next transaction that may write
}


class Watch:
    """One look at the store for all visitors. ``version`` grows with every commit that it notices."""

    def __init__(self) -> None:
        self.version = 0
        self.closed = False
        self._changed = asyncio.Event()
        self._connection: Connection | None = None

    def _look(self) -> str:
        if self._connection is None:
            self._connection = store.engine().connect().execution_options(writes=False)
        with self._connection.begin():
            return str(self._connection.execute(text(VERSION[self._connection.dialect.name])).scalar())

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None

    async def run(self) -> None:
        """Look for ever; a store that fails is told once and looked for again."""
        seen, failed = None, False
        while True:
            try:
                now = await asyncio.to_thread(self._look)
                failed = False
            except (SQLAlchemyError, RuntimeError) as error:
                if not failed:
                    log.warning("the store does not answer: %s", error)
                now, failed = "failed", True
                self._drop()
            if now != seen:
                seen, self.version = now, self.version + 1
                self._changed.set()
                self._changed = asyncio.Event()
            await asyncio.sleep(EVERY)

    async def changes(self) -> AsyncIterator[str]:
        """Server-sent events: the version at once and after every change, a comment now and then."""
        told = -1
        while not self.closed:
            changed = self._changed
            if told != self.version:
                told = self.version
                yield f"data: {told}\n\n"
            try:
                await asyncio.wait_for(changed.wait(), KEEP_ALIVE)
            except TimeoutError:
                yield ": still here\n\n"

    def close(self) -> None:
        """End every stream: a server that stops waits for its answers to end."""
        self.closed = True
        self._changed.set()

    @contextlib.asynccontextmanager
    async def running(self):
        self.closed = False
        _before_exit(asyncio.get_running_loop(), self.close)
        task = asyncio.create_task(self.run())
        try:
            yield self
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            self._drop()


def _before_exit(loop: asyncio.AbstractEventLoop, close: Callable[[], None]) -> None:
    """Call ``close`` at SIGTERM and SIGINT, ahead of the server's own handler."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        own = signal.getsignal(number)
        if callable(own):
            signal.signal(number, lambda n, f, own=own: (loop.call_soon_threadsafe(close), own(n, f)))


watch = Watch()


async def events(_request: Request) -> StreamingResponse:
    return StreamingResponse(
        watch.changes(),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


JS = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
_listener = components.component("store_listener", js=JS)


def _nothing() -> None:
    """Streamlit asks for a callback for each trigger; the rerun of the fragment is all that is wanted."""


def live(body: Callable[[], None], pause: float = 0.5) -> None:
    """Draw ``body`` now and again after each change of the store, at most once in ``pause`` seconds."""

    @st.fragment
    def part() -> None:
        told = _listener(
            key="listener",
            data={"drawn": watch.version, "pause": pause * 1000},
            on_changed_change=_nothing,
            on_go_change=_nothing,
            height=0,
        )
        if told.go:
            follow(told.go)
        with failures.shown():
            body()

    part()


def follow(address: str) -> None:
    """Open a page of the console by its address; anything else is ignored."""
    parts = urlsplit(address)
    page = st.session_state.get("pages", {}).get(parts.path.strip("/"))
    if page is not None and not parts.netloc:
        st.switch_page(page, query_params=dict(parse_qsl(parts.query)))
