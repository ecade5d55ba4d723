"""From a commit to the screen, with 1, 5 and 20 viewers: python -m tests.bench.console.bench_viewers

``windows``: each viewer is a browser's window of its own on Pipeline, on this very machine; what the windows take of
the processor, the server lacks. Milliseconds from an issue's change in the store until its badge says so.
``connections``: twenty sessions that speak Streamlit's protocol and draw nothing, as if the browsers were elsewhere;
milliseconds from the change until the last message of the page drawn anew. To these comes what /live takes to notice a
change, at most console.changes.EVERY. Prints JSON; exits 1 when a change was missed, or when one in twenty of five
windows or of twenty connections took over 2 s.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from console.changes import EVERY
from core.db import store
from core.models import Issue, Status
from tests import screens
from tests.browser.server import browsing, number, serving, settled, visiting

VIEWERS, LIMIT_MS = (1, 5, 20), 2000.0
CHANGES = (Status.REVIEWING, Status.TESTING, Status.DEPLOYING, Status.WATCHING)
NOTE = """(issue) => {
  const seen = window.seen = {}, root = document.getElementById("root");
  new MutationObserver(() => {
    const row = [...root.querySelectorAll("tr")].find((row) => row.textContent.includes("#" + issue));
    const says = row?.querySelector(".d-badge")?.lastChild.textContent.trim();
    if (says) seen[says] ??= Date.now();
  }).observe(root, { childList: true, subtree: true, characterData: true });
}"""


def measured(viewers: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as address, browsing() as browser:
        issue = number(Status.FIXING)
        windows = [visiting(browser, address, reduced_motion="reduce").new_page() for _ in range(viewers)]
        for page in windows:
            page.goto("/")
            settled(page).evaluate(NOTE, issue)
        taken = [at for status in CHANGES for at in changed(windows, issue, status)]
    return told(taken)


def told(taken: list[float | None]) -> dict[str, float]:
    seen = sorted(at for at in taken if at is not None)
    return {
        "missed": len(taken) - len(seen),
        "median_ms": round(statistics.median(seen)),
        "p95_ms": round(seen[max(0, round(0.95 * len(seen)) - 1)]),
        "most_ms": round(seen[-1]),
    }


def changed(windows: list, issue: int, status: Status) -> list[float | None]:
    """Milliseconds until each window shows the change; None for one that does not within 5 s."""
    windows[0].wait_for_timeout(2000)  # the change before is drawn everywhere
    start = time.time() * 1000
    move(issue, status)
    windows[0].wait_for_timeout(5000)
    shown = [page.evaluate("(says) => window.seen[says] ?? null", str(status)) for page in windows]
    return [None if at is None else at - start for at in shown]


def move(issue: int, status: Status) -> None:
    with store.write() as session:
        session.get(Issue, issue).status = status


class Connection:
    """One session at the server: it asks for the page, and for its live part again."""

    def __init__(self, socket: websockets.ClientConnection):
        self.socket, self.fragment, self.page = socket, "", ""

    async def drawn(self, words: str = "") -> bool:
        """Ask, and read to the end of the run; did a message say the words?"""
        asked = BackMsg()
        asked.rerun_script.fragment_id, asked.rerun_script.page_script_hash = self.fragment, self.page
        await self.socket.send(asked.SerializeToString())
        said = False
        async for raw in self.socket:
            said = said or words.encode() in raw
            message = ForwardMsg.FromString(raw)
            self.page = message.new_session.page_script_hash or self.page
            self.fragment = message.delta.fragment_id or self.fragment
            if message.WhichOneof("type") == "script_finished":
                break
        return said


async def connected(address: str, viewers: int) -> list[float | None]:
    known = {"Cookie": f"session={screens.cookie('viewer', 'bench')}"}
    sessions = []
    for _ in range(viewers):
        socket = await websockets.connect(
            address.replace("http", "ws") + "/_stcore/stream", additional_headers=known, user_agent_header="bench",
            origin=address, subprotocols=["streamlit"], max_size=None,
        )  # fmt: skip
        sessions.append(Connection(socket))
        await sessions[-1].drawn()
    issue, taken = number(Status.FIXING), []
    for status in CHANGES:
        await asyncio.to_thread(move, issue, status)
        start = time.time() * 1000

        async def told_by(session: Connection, says: str, start: float = start) -> float | None:
            return time.time() * 1000 - start if await session.drawn(says) else None

        taken += await asyncio.gather(*(told_by(session, str(status)) for session in sessions))
    await asyncio.gather(*(session.socket.close() for session in sessions))
    return taken


def connections(viewers: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as address:
        return told(asyncio.run(connected(address, viewers)))


def main() -> int:
    windows, twenty = {viewers: measured(viewers) for viewers in VIEWERS}, connections(VIEWERS[-1])
    missed = any(row["missed"] for row in (*windows.values(), twenty))
    print(json.dumps({"windows": windows, "connections": {VIEWERS[-1]: twenty}}))
    return int(missed or windows[5]["p95_ms"] > LIMIT_MS or twenty["p95_ms"] + EVERY * 1000 > LIMIT_MS)


if __name__ == "__main__":
    sys.exit(main())
