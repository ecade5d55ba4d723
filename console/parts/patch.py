"""A patch on the page: its diff as the viewer wants it, with the comments on its lines."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from console.ui import diff
from console.ui.confirm import Offer
from console.ui.markup import Safe, tag, when
from core.models import ChangeSet
from core.models.following import LineComment

VIEWS = {"Side by side": diff.side_by_side, "Unified": diff.unified}


def drawn(patch: str, comments: Sequence[LineComment] = ()) -> Safe:
    """The diff in the chosen view, which is kept for the session."""
    said: dict[tuple[str, int], list[Safe]] = {}
    for one in comments:
        said.setdefault((one.path, one.line), []).append(_comment(one))
    return VIEWS[st.session_state.get("diff_view") or "Side by side"](patch, said)


def _comment(one: LineComment) -> Safe:
    return tag("span", tag("b", one.by), " ", one.text, " ", when(one.created_at))


def choice() -> None:
    """The control that chooses between the two views."""
    st.segmented_control("Diff", list(VIEWS), default="Side by side", required=True, key="diff_view")


def offers(made: ChangeSet) -> list[Offer]:
    """A comment on a line, for a change that has a patch."""
    if not made.patch:
        return []
    about = made.title or f"change {made.id}"
    return [Offer("comment_line", made.issue_id, about, {"change": made.id}, diff.places(made.patch), f"{made.id}")]
