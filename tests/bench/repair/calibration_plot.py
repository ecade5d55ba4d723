"""The calibration plot as SVG: the share of right fixes by confidence, with 95 % intervals. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.queries.kpis import ConfidenceBin

SIDE, EDGE = 360, 50  # of the drawing area, and around it, in pixels
HEAD = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 460 470" font-family="sans-serif" font-size="13">'


def drawn(bins: Sequence[ConfidenceBin], error: float) -> str:
    cases = sum(one.n for one in bins)
    title = f"Expected calibration error {error:.3f}, {cases} fixes" if cases else "No fix was measured yet"
    return "\n".join([HEAD, *_axes(title), *(part for one in bins for part in _bin(one)), "</svg>", ""])


def _place(confidence: float, share: float) -> tuple[float, float]:
    return EDGE + confidence * SIDE, EDGE + (1 - share) * SIDE


def _axes(title: str) -> Iterator[str]:
    yield '<rect width="460" height="470" fill="white"/>'
    yield f'<rect x="{EDGE}" y="{EDGE}" width="{SIDE}" height="{SIDE}" fill="none" stroke="#7A869C"/>'
    yield _line((0, 0), (1, 1), 'stroke="#7A869C" stroke-dasharray="5"')
    yield f'<text x="230" y="30" text-anchor="middle">{title}</text>'
    yield '<text x="230" y="455" text-anchor="middle">confidence: precision of the class on other projects</text>'
    yield '<text transform="translate(14 230) rotate(-90)" text-anchor="middle">share of right fixes</text>'
    for tenth in range(0, 11, 2):
        (x, _), (_, y) = _place(tenth / 10, 0), _place(0, tenth / 10)
        yield f'<text x="{x}" y="428" text-anchor="middle">{tenth / 10}</text>'
        yield f'<text x="44" y="{y + 4}" text-anchor="end">{tenth / 10}</text>'


def _bin(one: ConfidenceBin) -> Iterator[str]:
    x, y = _place(one.confidence, one.share)
    low, high = one.interval
    yield _line((one.confidence, low), (one.confidence, high), 'stroke="#2F8FCE"')
    radius = 4 + min(8, one.n / 4)
    told = f"{one.held} of {one.n} fixes right at confidence {one.confidence:.2f}"
    yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="#2F8FCE"><title>{told}</title></circle>'


def _line(start: tuple[float, float], end: tuple[float, float], style: str) -> str:
    (x, y), (to_x, to_y) = _place(*start), _place(*end)
    return f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}" {style}/>'
