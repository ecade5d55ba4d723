"""Detects changes of the store, once for all visitors of this process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
from collections.abc import AsyncIterator, Callable

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from core.db import store

log = logging.getLogger(__name__)
EVERY = 0.25  # seconds between two checks of the store's version
KEEP_ALIVE = 15.0
VERSION = {
    "sqlite": "PRAGMA data_version",  # changes when another connection commits
    "postgresql": "SELECT pg_snapshot_xmax(pg_current_snapshot())::text",  # next transaction that may write
}


class StoreWatch:
    """Watches the database once for all visitors. ``version`` increases with every commit that it notices."""

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
        """Poll for ever. A database failure is logged once, and polling continues."""
        seen, failed = None, False
        while True:
            try:
                now = await asyncio.to_thread(self._look)
                failed = False
            except (SQLAlchemyError, RuntimeError) as error:
                if not failed:
                    log.warning("the database is not responding: %s", error)
                now, failed = "failed", True
                self._drop()
            if now != seen:
                seen, self.version = now, self.version + 1
                self._changed.set()
                self._changed = asyncio.Event()
            await asyncio.sleep(EVERY)

    async def changes(self) -> AsyncIterator[str]:
        """Server-sent events: the version at once and after every change, and comments to keep the connection alive."""
        sent = -1
        while not self.closed:
            changed = self._changed
            if sent != self.version:
                sent = self.version
                yield f"data: {sent}\n\n"
            try:
                await asyncio.wait_for(changed.wait(), KEEP_ALIVE)
            except TimeoutError:
                yield ": still here\n\n"

    def close(self) -> None:
        """End every stream, because a stopping server waits for its responses to end."""
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
    """Call ``close`` at SIGTERM and SIGINT, before the server's own handler."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        own = signal.getsignal(number)
        if callable(own):
            signal.signal(number, lambda n, f, own=own: (loop.call_soon_threadsafe(close), own(n, f)))


watch = StoreWatch()
