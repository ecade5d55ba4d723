"""A decision's receipt: its terms on a ruler, the row that matched, each guard, the closest alternative outcome."""

from __future__ import annotations

from collections.abc import Mapping

from console.ui.markup import Safe, join, tag
from console.ui.widgets import VERDICT, bar, card, facts, of, table
from core.models import Decision, Verdict
from core.models.counted import counted

TERMS = {
    "analysis": "Confidence of the analysis",
    "history": "Earlier fixes that held",
    "simplicity": "Simplicity of the change",
    "low_impact": "Low business impact",
}


def _words(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value).replace("_", " ") if value is not None else "–"


def _of(receipt: Mapping, name: str) -> list[Mapping]:
    """A list of the receipt, without entries that are not mappings."""
    found = receipt.get(name)
    return [item for item in found if isinstance(item, Mapping)] if isinstance(found, list) else []


def _name(term: Mapping) -> str:
    return TERMS.get(term.get("term", ""), str(term.get("term", "term")))


def ruler(receipt: Mapping, confidence: float) -> Safe:
    """The confidence as a bar from 0 to 1, made of its terms' contributions."""
    parts = (
        tag(
            "b",
            style=f"width:{max(0.0, min(1.0, float(term.get('contribution', 0)))):.2%}",
            title=f"{_name(term)}: {float(term.get('contribution', 0)):.3f}",
            class_=f"d-term{place % 4}",
        )
        for place, term in enumerate(_of(receipt, "terms"))
    )
    marks = (tag("u", tag("small", f"{at:g}"), style=f"left:{at:.0%}") for at in (0.6, 0.7, 0.8, 0.9))
    label = f"confidence {confidence:.2f}, by term"
    return tag("div", *parts, *marks, class_="d-ruler", role="img", aria_label=label)


def terms(receipt: Mapping) -> Safe:
    """weight x value = points of each term, from the receipt."""

    def row(place: int, term: Mapping):
        return (
            tag("span", tag("i", class_=f"d-dot d-term{place % 4}", aria_hidden="true"), _name(term)),
            bar(float(term.get("value", 0)), _words(term.get("value"))),
            f"× {float(term.get('weight', 0)):.2f}",
            f"{float(term.get('contribution', 0)):.3f}",
            term.get("says", ""),
        )

    rows = (row(place, term) for place, term in enumerate(_of(receipt, "terms")))
    return table(("Term", "Value, 0 to 1", "Weight", "Points", "Why"), rows, (2, 3))


def guards(receipt: Mapping) -> Safe:
    """Guards that fired made the decision safer: a hold, not a failure. The others are collapsed."""
    listed = _of(receipt, "guards")
    fired = [g for g in listed if g.get("effect")]
    quiet = [tag("li", f"{g.get('name', 'guard')}") for g in listed if not g.get("effect")]
    return join(
        [
            tag("ul", *map(_fired, fired), class_="d-checks") if fired else tag("p", "None fired."),
            tag("details", tag("summary", f"{counted(len(quiet), 'guard')} did not fire"), tag("ul", *quiet))
            if quiet
            else "",
        ]
    )


def _fired(guard: Mapping) -> Safe:
    message = tag("span", tag("b", str(guard.get("name", "guard"))), f": {guard.get('says', '')}")
    return tag("li", tag("i", "◆", aria_hidden="true"), message, class_="d-person")


def flip(receipt: Mapping) -> str:
    """The closest alternative outcome as a sentence."""
    found = receipt.get("flip")
    if not isinstance(found, Mapping):
        return "No single change of an input would change the outcome."
    gives = VERDICT.get(str(found.get("gives")), ("", "", _words(found.get("gives"))))[2]
    return f"{_words(found.get('change'))} {_words(found.get('from'))} → {_words(found.get('to'))} gives: {gives}."


def _open(receipt: Mapping) -> Safe | str:
    text = "More reports could change this. The platform decides again when they do, until a person acts."
    return tag("p", text) if receipt.get("open_to_evidence") is True else ""


def inputs(receipt: Mapping) -> Safe:
    given = receipt.get("inputs")
    if not isinstance(given, Mapping):
        return Safe("")
    rows = facts((_words(name), _words(value)) for name, value in given.items())
    return tag("details", tag("summary", "Inputs"), rows)


def drawn(decision: Decision) -> Safe:
    receipt = decision.receipt
    row = f"row {decision.row}: {receipt.get('row_says', '')}"
    waits = decision.needs_approval and decision.verdict is not Verdict.ESCALATE_HUMAN
    return join(
        [
            tag(
                "div",
                of(VERDICT, decision.verdict),
                tag("b", f"confidence {decision.confidence:.2f}"),
                tag("span", row),
                tag("span", "needs approval" if waits else "", class_="d-muted"),
                class_="d-line-up",
            ),
            ruler(receipt, decision.confidence),
            terms(receipt),
            tag(
                "div",
                card("Guards", guards(receipt)),
                card("Closest alternative outcome", tag("p", flip(receipt)), _open(receipt)),
                class_="d-two",
            ),
            inputs(receipt),
        ]
    )
