"""The frames of a crash as safe HTML, each with its locals and a link to its line on the code host."""

from __future__ import annotations

from console.ui.markup import Safe, join, tag
from console.ui.widgets import code, facts
from core.models import Crash, Frame
from core.models.counted import counted
from core.queries.code_links import CodeLinks

LOCALS = 12  # locals shown of a frame


def drawn(crash: Crash, links: CodeLinks | None = None) -> Safe:
    """The exception and its calls, innermost first; library calls are dimmed."""
    raised = tag("p", tag("b", crash.exception.type), ": ", crash.exception.message, class_="d-raised")
    return join([raised, tag("ol", *(_frame(frame, links) for frame in crash.frames[::-1]), class_="d-frames")])


def _frame(frame: Frame, links: CodeLinks | None) -> Safe:
    kept = frame.locals or {}
    values = facts((name, tag("code", text)) for name, text in list(kept.items())[:LOCALS])
    summary = counted(len(kept), "local") if len(kept) <= LOCALS else f"{LOCALS} of {len(kept)} locals"
    return tag(
        "li",
        tag("div", tag("b", frame.function), _place(frame, links)),
        code(frame.code) if frame.code else "",
        tag("details", tag("summary", summary), values) if kept else "",
        class_=None if frame.in_app else "d-library",
    )


def _place(frame: Frame, links: CodeLinks | None) -> Safe:
    words = f"{frame.file}:{frame.line}"
    if not links or not (address := links.line(frame)):
        return tag("span", words, class_="d-muted")
    title = f"Open this line at commit {links.sha[:10]}"
    return tag("a", words, href=address, target="_blank", rel="noopener noreferrer", title=title)
