"""A decision's receipt: terms as bars, the row that fired, each guard, the smallest change that flips it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from console.markup import Safe, join, percent, tag
from console.widgets import VERDICT, bar, card, checks, code, facts, of, table
from core.models import Decision


def _number(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _words(value: object) -> str:
    """A receipt's value in words: nested shapes are told as name: value."""
    if isinstance(value, Mapping):
        return str(value["says"]) if "says" in value else ", ".join(f"{k}: {_words(v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(map(_words, value))
    return {True: "yes", False: "no", None: "–"}.get(value, _number(value)) if not isinstance(value, str) else value


def _rows(terms: object) -> list[Mapping]:
    """Terms as a list of mappings, however the receipt writes them."""
    if isinstance(terms, Mapping):
        return [{"name": k, **(v if isinstance(v, Mapping) else {"value": v})} for k, v in terms.items()]
    return [t for t in terms or [] if isinstance(t, Mapping)]


def _share(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def terms(receipt: Mapping) -> Safe:
    """weight x value = points of each term, and their sum."""

    def row(term: Mapping):
        weight, value = _share(term.get("weight")), _share(term.get("value"))
        points = None if weight is None or value is None else weight * value
        return (
            term.get("name", "term"),
            bar(value, _number(value) if value is not None else "–"),
            "–" if weight is None else f"× {weight:.2f}",
            "–" if points is None else f"{points:.3f}",
            term.get("says", ""),
        )

    return table(("Term", "Value, 0 to 1", "Weight", "Points", "Why"), map(row, _rows(receipt.get("terms"))), (2, 3))


def _guard(guard: Mapping) -> tuple[object, str]:
    """A guard that fired made the decision safer: it is shown as a hold, not as a fault."""
    fired = bool(guard["effect"]) if "effect" in guard else guard.get("fired")
    name = str(guard.get("guard", guard.get("name", "guard"))).replace("_", " ")
    return (None if fired is None else not fired), f"{name}: {guard.get('says', 'asks for more' if fired else 'quiet')}"


def guards(receipt: Mapping) -> Sequence[tuple[object, str]]:
    listed = receipt.get("guards") or []
    if isinstance(listed, Mapping):
        listed = [{"name": k, **(v if isinstance(v, Mapping) else {"says": _words(v)})} for k, v in listed.items()]
    return [_guard(g) if isinstance(g, Mapping) else (None, _words(g)) for g in listed]


def flip(receipt: Mapping) -> str:
    found = next((receipt[k] for k in ("flip", "flips", "smallest_change", "smallest_flip") if receipt.get(k)), None)
    return _words(found) if found else "No single change within its bounds would flip it."


def drawn(decision: Decision) -> Safe:
    receipt = decision.receipt
    row = receipt.get("row_says") or _words(receipt.get("row", "")) or ""
    return join(
        [
            tag(
                "div",
                of(VERDICT, decision.verdict),
                tag("b", f"confidence {decision.confidence:.2f}"),
                tag("span", f"row {decision.row}" + (f": {row}" if row and row != str(decision.row) else "")),
                tag("span", "needs a person's approval" if decision.needs_approval else "no approval needed"),
                class_="d-line-up",
            ),
            terms(receipt),
            tag(
                "div",
                card("Guards", checks(guards(receipt)) if guards(receipt) else "None looked at."),
                card("The smallest change that flips it", tag("p", flip(receipt))),
                class_="d-two",
            ),
            tag(
                "details",
                tag("summary", "Inputs"),
                facts(
                    (k, code(_words(v)) if len(_words(v)) > 80 else _words(v))
                    for k, v in (receipt.get("inputs") or {}).items()
                ),
            )
            if receipt.get("inputs")
            else "",
        ]
    )


def headline(decision: Decision) -> str:
    return f"{VERDICT[decision.verdict][2]}, confidence {percent(decision.confidence)}"
