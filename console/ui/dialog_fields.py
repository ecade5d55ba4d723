"""The fields of a dialog, drawn from the arguments of an action (core/actions/registry.py), and their values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from core.actions.registry import Action, Asked

Choices = Mapping[Any, str] | Sequence[str]  # value -> label, or just values
LONGEST = 2000  # characters of a text


def _line(asked: Asked, key: str, _choices: Choices) -> None:
    st.text_input(asked.label, key=key, max_chars=200, placeholder="name or team")


def _text(asked: Asked, key: str, _choices: Choices) -> None:
    st.text_area(asked.label, key=key, max_chars=LONGEST)


def _switch(asked: Asked, key: str, _choices: Choices) -> None:
    st.toggle(asked.label, key=key, value=bool(asked.otherwise))


def _one(asked: Asked, key: str, choices: Choices) -> None:
    """One field. Without a default, nothing is selected at first."""
    index = None if asked.missing else list(choices).index(asked.otherwise)
    st.selectbox(asked.label, index=index, key=key, placeholder="choose", **_shown(choices))


def _several(asked: Asked, key: str, choices: Choices) -> None:
    st.multiselect(asked.label, key=key, placeholder="choose", **_shown(choices))


def _shown(choices: Choices) -> dict:
    return {"options": list(choices), "format_func": choices.get if isinstance(choices, Mapping) else str}


WIDGETS: Mapping[str, Callable[[Asked, str, Choices], None]] = {
    "line": _line,
    "text": _text,
    "switch": _switch,
    "one": _one,
    "several": _several,
}


def draw(action: Action, key: str, choices: Choices) -> None:
    """Draw the action's fields, a text field first: it gets the focus.

    ``choices`` are the page's options for an argument without options in the action.
    """
    for name, asked in sorted(action.asked.items(), key=lambda item: item[1].kind != "text"):
        options = asked.options if isinstance(asked.options, Mapping) else choices
        WIDGETS[asked.kind](asked, f"{name}-{key}", options)


def given(action: Action, key: str) -> dict:
    """The entered arguments. Raises ValueError that names what is missing."""
    return {name: _value(asked, st.session_state.get(f"{name}-{key}")) for name, asked in action.asked.items()}


def _value(asked: Asked, value: object) -> object:
    value = value.strip() if isinstance(value, str) else value
    if value not in (None, "", []):
        return value
    if asked.missing:
        raise ValueError(asked.missing)
    return asked.otherwise
