"""The workflow as SVG, wide and tall, from one table of arrows, with the names of core/flow.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote

from console.ui.markup import Safe, join, tag
from core.models import Status
from core.models.counted import counted

Point = tuple[float, float]
W, H = 88.0, 50.0  # size of a node
SIDES: dict[str, Point] = {"l": (-1, 0), "r": (1, 0), "t": (0, -1), "b": (0, 1)}


@dataclass(frozen=True)
class Node:
    """One step. It shows the issues with one of its ``statuses``."""

    title: str
    wide: Point
    tall: Point
    statuses: tuple[Status, ...] = ()
    tone: str = "work"


def _x(column: float) -> float:
    return 62 + column * 117.4


NODES: Mapping[str, Node] = {
    "collect": Node("Collect", (_x(0), 78), (176, 34)),
    "analyze": Node("Analyze", (_x(1), 78), (176, 118), (Status.NEW, Status.ANALYZING)),
    "decide": Node("Decide", (_x(2), 78), (176, 202), (Status.DECIDING,)),
    "fix": Node("Fix", (_x(3), 78), (176, 318), (Status.FIXING,)),
    "review": Node("Review", (_x(4), 78), (176, 402), (Status.REVIEWING,)),
    "test": Node("Test", (_x(5), 78), (176, 486), (Status.TESTING,)),
    "preview": Node("Preview", (_x(6), 78), (176, 570), (Status.PREVIEWING,)),
    "production": Node("Production", (_x(7), 78), (176, 686), (Status.QUEUED, Status.DEPLOYING)),
    "watch": Node("Watch", (_x(8), 78), (176, 770), (Status.WATCHING,)),
    "learn": Node("Learn", (_x(9), 78), (176, 854), (Status.RESOLVED,), "ok"),
    "schedule": Node("Schedule", (_x(1), 208), (52, 160), (Status.SCHEDULED,), "wait"),
    "escalate": Node("Escalated", (_x(3), 208), (300, 360), (Status.ESCALATED,), "person"),
    "approval": Node("Approval", (_x(6.5), 208), (300, 628), (Status.AWAITING_APPROVAL,), "person"),
    "rollback": Node("Roll back", (_x(8), 208), (300, 770), (Status.ROLLING_BACK,), "bad"),
}


@dataclass(frozen=True)
class Arrow:
    """An arrow between two nodes; its sides in the wide and the tall drawing ("rl": from a right to a left side)."""

    start: str
    end: str
    counts: str
    wide: str = "rl"
    tall: str = "bt"
    back: bool = False


ARROWS = (
    Arrow("collect", "analyze", "Issues analyzed"),
    Arrow("analyze", "decide", "Decisions"),
    Arrow("decide", "fix", "Sent to an automatic fix"),
    Arrow("decide", "schedule", "Scheduled for maintenance", "br", "lb", True),
    Arrow("schedule", "analyze", "Analyzed again in the window", "tb", "tl", True),
    Arrow("decide", "escalate", "Escalated by the decision", "bl", "rt", True),
    Arrow("fix", "review", "Patches reviewed"),
    Arrow("review", "fix", "Sent back by the review", "tt", "ll", True),
    Arrow("review", "escalate", "Escalated from fix or review", "bt", "rb", True),
    Arrow("review", "test", "Test runs"),
    Arrow("test", "escalate", "Escalated from test", "br", "rb", True),
    Arrow("test", "preview", "Previews deployed"),
    Arrow("preview", "approval", "Approvals requested", "bt", "rt"),
    Arrow("approval", "production", "Approved", "tb", "br"),
    Arrow("approval", "escalate", "Rejected or expired", "lr", "tb", True),
    Arrow("preview", "production", "Deployed without approval"),
    Arrow("production", "watch", "Watches started"),
    Arrow("watch", "learn", "Verified"),
    Arrow("watch", "rollback", "Rolled back", "bt", "rl", True),
    Arrow("rollback", "escalate", "Escalated after a rollback", "bb", "rr", True),
)


def _port(centre: Point, side: str) -> Point:
    dx, dy = SIDES[side]
    return centre[0] + dx * W / 2, centre[1] + dy * H / 2


def curve(start: Point, end: Point, sides: str) -> tuple[str, Point]:
    """The path of a cubic curve that leaves and enters at right angles, and its midpoint."""
    (x0, y0), (x3, y3) = _port(start, sides[0]), _port(end, sides[1])
    (ax, ay), (bx, by) = SIDES[sides[0]], SIDES[sides[1]]
    reach = max(14.0, 0.45 * max(abs(x3 - x0), abs(y3 - y0)))
    if sides[0] == sides[1]:  # a loop on one side
        reach = 44.0
    elif abs(x3 - x0) < 60 or abs(y3 - y0) < 60:
        reach = min(reach, 40.0)
    x1, y1, x2, y2 = x0 + ax * reach, y0 + ay * reach, x3 + bx * reach, y3 + by * reach
    middle = ((x0 + 3 * x1 + 3 * x2 + x3) / 8, (y0 + 3 * y1 + 3 * y2 + y3) / 8)
    return f"M{x0:.1f} {y0:.1f}C{x1:.1f} {y1:.1f} {x2:.1f} {y2:.1f} {x3:.1f} {y3:.1f}", middle


@lru_cache(maxsize=1000)  # of a run, few counts differ from the last one's
def _arrow(arrow: Arrow, count: int, layout: str) -> Safe:
    path, (x, y) = curve(getattr(NODES[arrow.start], layout), getattr(NODES[arrow.end], layout), getattr(arrow, layout))
    state = ("d-back " if arrow.back else "") + ("d-used" if count else "d-idle")
    lift = -5 if getattr(arrow, layout) == "rl" else 4  # above a short straight arrow, on a curve
    label = tag("text", count, x=f"{x:.1f}", y=f"{y + lift:.1f}", class_="d-count") if count else ""
    return tag(
        "g",
        tag("title", f"{arrow.counts}: {count:,}"),
        tag("path", d=path, marker_end="url(#d-tip)"),
        label,
        class_=f"d-arrow {state}",
    )


def _says(name: str, count: int) -> str:
    return {"collect": "every cycle", "learn": f"{count} resolved"}.get(name, f"{count} now")


@lru_cache(maxsize=1000)
def _node(name: str, count: int, layout: str) -> Safe:
    node = NODES[name]
    x, y = getattr(node, layout)
    lit = f"d-lit d-{node.tone}" if count and name != "learn" else f"d-{node.tone}" if count else ""
    drawn = tag(
        "g",
        tag("title", f"{counted(count, 'issue')} now"),
        tag("rect", x=x - W / 2, y=y - H / 2, width=W, height=H, rx=10),
        tag("text", node.title, x=x, y=y - 3, class_="d-name"),
        tag("text", _says(name, count), x=x, y=y + 15, class_="d-now"),
        class_=f"d-node {lit}".strip(),
    )
    if not node.statuses:
        return drawn
    address = "/issues?status=" + quote(",".join(s.value for s in node.statuses))
    label = f"{node.title}: {counted(count, 'issue')} now"
    return tag("a", drawn, href=address, target="_self", data_nav="", aria_label=label)


def flow(now: Mapping[Status, int], taken: Mapping[tuple[str, str], int]) -> Safe:
    """The diagram: each node shows its current issues, each arrow how often it was taken."""
    return join(
        _drawing(layout, box, now, taken) for layout, box in (("wide", "0 0 1180 284"), ("tall", "0 0 384 890"))
    )


TIP = Safe(
    '<defs><marker id="d-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
    'orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>'
)


def _drawing(layout: str, box: str, now: Mapping[Status, int], taken: Mapping[tuple[str, str], int]) -> Safe:
    lines = (_arrow(a, taken.get((a.start, a.end), 0), layout) for a in ARROWS)
    nodes = (_node(name, sum(now.get(s, 0) for s in NODES[name].statuses), layout) for name in NODES)
    return tag(
        "svg",
        TIP,
        *lines,
        *nodes,
        viewBox=box,
        class_=f"d-flow d-{layout}",
        role="group",
        aria_label="Workflow: current issues at each step, and transitions in the last 24 hours",
    )
