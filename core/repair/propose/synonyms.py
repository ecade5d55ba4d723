"""Names that are spelled otherwise and mean the same."""

from __future__ import annotations

SYNONYMS = (
    {"get", "fetch", "find", "lookup", "read", "load", "retrieve"},
    {"remove", "delete", "drop", "discard", "erase", "clear"},
    {"add", "append", "put", "insert", "push", "enqueue", "register", "store", "save"},
    {"size", "count", "length", "total"},
    {"send", "deliver", "publish", "emit", "dispatch", "post"},
    {"start", "begin", "open", "run", "launch", "execute"},
    {"stop", "end", "close", "finish", "shutdown"},
    {"name", "title", "label"},
    {"price", "cost", "amount"},
    {"mail", "email"},
    {"id", "identifier", "key", "uid", "number"},
    {"created", "created_at"},
    {"update", "refresh", "change", "modify"},
)  # fmt: skip


def synonym(wrong: str, known: set[str]) -> str:
    """The only known name that means the same, by its words; empty when there is none or more than one."""
    found = [name for name in known if name != wrong and _alike(wrong, name)]
    return found[0] if len(found) == 1 else ""


def _alike(one: str, other: str) -> bool:
    """All words of the one have their like in the other, in order; or the one's words are part of the other's."""
    mine, theirs = one.lower().strip("_").split("_"), other.lower().strip("_").split("_")
    if len(mine) == len(theirs):
        return all(a == b or any({a, b} <= words for words in SYNONYMS) for a, b in zip(mine, theirs, strict=True))
    return len(mine[0]) > 2 and (set(mine) < set(theirs) or set(theirs) < set(mine))
