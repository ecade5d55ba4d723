"""Columns of queries: any number of them, and the seconds between two times."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Float
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlmodel.sql.expression import Select


def select_columns(*columns: Any) -> Select[*tuple[Any, ...]]:
    """``select`` of two or more columns. SQLModel types its own only for up to four positional columns."""
    return Select(*columns)


class Seconds(FunctionElement):
    """Seconds from the first time to the second, in each database's SQL."""

    type = Float()
    inherit_cache = True


@compiles(Seconds, "sqlite")
def _sqlite(element, compiler, **kw) -> str:
    start, end = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"((julianday({end}) - julianday({start})) * 86400.0)"


@compiles(Seconds)
def _standard(element, compiler, **kw) -> str:
    start, end = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"EXTRACT(EPOCH FROM ({end} - {start}))"
