"""What a dialog asks for beside the reason: each act's further fields, and how they are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

Choices = Mapping[Any, str] | Sequence[str]  # value -> what is shown, or values that speak for themselves
LASTS = {60: "1 hour", 480: "8 hours", 1440: "1 day", 10080: "1 week", 43200: "30 days"}  # minutes


@dataclass(frozen=True)
class Field:
    """One argument of the action; without a value, ``missing`` is said or, if that is empty, ``otherwise`` taken."""

    name: str
    draw: Callable[[str, Choices], object]  # (widget's key, the offer's choices)
    missing: str = ""
    otherwise: Any = None


def _shown(choices: Choices) -> dict:
    return {"options": list(choices), "format_func": choices.get if isinstance(choices, Mapping) else str}


def _to(key: str, _choices: Choices) -> None:
    st.text_input("Who should take it?", key=key, max_chars=200, placeholder="name or team")


def _whom(key: str, choices: Choices) -> None:
    st.selectbox("Person or group", index=None, key=key, placeholder="choose", **_shown(choices))


def _cured(key: str, _choices: Choices) -> None:
    st.toggle("The cause is cured, not only the symptom", key=key, value=True)


def _into(key: str, choices: Choices) -> None:
    st.selectbox("Into which issue?", index=None, key=key, placeholder="choose", **_shown(choices))


def _prints(key: str, choices: Choices) -> None:
    st.multiselect("Which signals go?", key=key, placeholder="choose", **_shown(choices))


def _minutes(key: str, _choices: Choices) -> None:
    st.selectbox("For how long?", key=key, **_shown(LASTS))


def _step(key: str, choices: Choices) -> None:
    st.selectbox("Stage", index=None, key=key, placeholder="choose", **_shown(choices))


FIELDS: Mapping[str, Sequence[Field]] = {
    "escalate": (Field("to", _to, otherwise="on-call"),),
    "pass_on": (Field("to", _whom, "Choose the person or group that is to answer."),),
    "resolve": (Field("cured", _cured, otherwise=True),),
    "merge": (Field("into", _into, "Choose the issue that this one becomes a part of."),),
    "split": (Field("fingerprints", _prints, "Choose the signals that are to go."),),
    "restart_from": (Field("step", _step, "Choose the stage to restart from."),),
    "silence": (Field("minutes", _minutes, otherwise=60),),
}


def draw(act: str, key: str, choices: Choices) -> None:
    for field in FIELDS.get(act, ()):
        field.draw(f"{field.name}-{key}", choices)


def given(act: str, key: str) -> dict:
    """The act's further arguments as they were filled in. Raises ValueError saying what is missing."""
    found = {}
    for field in FIELDS.get(act, ()):
        value = st.session_state.get(f"{field.name}-{key}")
        value = value.strip() if isinstance(value, str) else value
        if value in (None, "", []):
            if field.missing:
                raise ValueError(field.missing)
            value = field.otherwise
        found[field.name] = value
    return found
