"""The demo's story: one real bug, told in chapters while it happens, from its release to the verified fix."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import streamlit as st

from console.ui.markup import Safe, link, moment, tag
from console.ui.widgets import card, draw
from core.db import store
from core.queries import chapters, issues
from core.queries.chapters import Chapter

NAME = "story"  # in the address: fault@seconds, so that the story outlives a reload
FORM = re.compile(r"([a-z-]{1,40})@(\d{1,10})")
CURABLE = ("code",)  # kinds of faults that end in a fix


def current(faults: Mapping[str, Mapping[str, str]]) -> tuple[str, datetime] | None:
    """The fault in the address and the time when it was shipped; None if no story is told."""
    match = FORM.fullmatch(st.query_params.get(NAME, ""))
    if match is None or match[1] not in faults:
        return None
    return match[1], datetime.fromtimestamp(int(match[2]), UTC)


def begin(remote, faults: Mapping[str, Mapping[str, str]], broken: Mapping[str, float]) -> None:
    """Ship the first fault that the shop's code does not have yet. Raises VendorError if none can be shipped."""
    from core.vendors.base import VendorError

    fault: VendorError | None = None
    for name in (name for name, of in faults.items() if of["kind"] in CURABLE and name not in broken):
        at = int(datetime.now(UTC).timestamp())
        try:
            remote.break_(name)
        except VendorError as error:
            fault = error
            continue
        st.query_params[NAME] = f"{name}@{at}"
        return
    raise fault or VendorError("sandbox", "every fault is in the shop already; restore one first")


def end() -> None:
    st.query_params.pop(NAME, None)


def panel(name: str, at: datetime, of: Mapping[str, str]) -> None:
    """The chapters so far."""
    with store.read() as session:
        number = chapters.begun_by(session, of["service"], of["exception"], at)
        story = issues.story(session, number) if number else None
    first = Chapter("A bug is released", f"{of['title']}. The shop's team deployed it, as teams do.", at)
    waits = Chapter("Its errors arrive", "The next collection cycle reads them from Sentry, Datadog and the others.")
    draw(card(f"The story of {name}", drawn([first, *(chapters.chapters(story) if story else [waits])])))
    st.button("End the story", key="end-story", on_click=end)


def drawn(lines: Sequence[Chapter]) -> Safe:
    """A numbered list; the last chapter is the one that happens now."""
    return tag("ol", *(_line(chapter) for chapter in lines), class_="d-chapters")


def _line(chapter: Chapter) -> Safe:
    done = chapter.at is not None
    tone, sign = ("person", "◆") if chapter.person and not done else ("ok", "✓") if done else ("work", "◔")
    title = link(chapter.address, tag("b", chapter.title)) if chapter.address else tag("b", chapter.title)
    return tag(
        "li",
        tag("i", sign, aria_hidden="true", class_=f"d-{tone}"),
        tag("div", title, tag("small", moment(chapter.at) if done else "now"), class_="d-between"),
        tag("p", chapter.text),
    )
