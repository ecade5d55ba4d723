"""Queries of any number of columns."""

from __future__ import annotations

from typing import Any

from sqlmodel.sql.expression import Select


def select_columns(*columns: Any) -> Select[*tuple[Any, ...]]:
    """``select`` of two or more columns. SQLModel types its own only for up to four positional columns."""
    return Select(*columns)
