"""Markup, diff, diagram, charts, receipt: pure functions, in tables."""

import re
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest

from console.parts import approval, change, report
from console.parts import decision as receipt
from console.server import assets
from console.ui import charts, diagram, diff, markup
from console.ui.drawing import TRAFFIC, drawing, rate_chart, strip, value_chart
from console.ui.markup import Safe, due, esc, join, span, tag, when
from console.ui.widgets import RESULT, SEVERITY, STATUS, VERDICT, of
from core.models import ChangeSet, Decision, Issue, Review, Severity, Status, Verdict
from core.policy.value import ValueRules
from core.queries import kpis
from core.queries.approvals import OpenApproval
from core.queries.issues import ChangeDetails
from tests import factories
from tests.console.sums import judged, run, sums

EVIL = "<script>\"&'"


@pytest.mark.parametrize(
    "made",
    [
        tag("p", EVIL),
        tag("p", "x", title=EVIL),
        esc(EVIL),
        join([EVIL, EVIL]),
        markup.link("/x", EVIL),
        markup.link(f"/x?{EVIL}", "x"),
        diff.side_by_side(f"+++ b/{EVIL}\n@@ -1 +1 @@ {EVIL}\n-{EVIL}\n+{EVIL}x\n"),
        of(RESULT, EVIL),
        receipt.terms({"terms": [{"term": EVIL, "says": EVIL, "value": 0.5, "weight": 1}]}),
    ],
)
def test_text_is_escaped(made):
    assert isinstance(made, Safe)
    assert "<script" not in made


def test_safe_html_is_not_escaped_again():
    assert tag("p", tag("b", "a & b")) == "<p><b>a &amp; b</b></p>"


@pytest.mark.parametrize(
    "seconds, words",
    [
        (None, "–"),
        (0, "0 s"),
        (41.4, "41 s"),
        (59.9, "60 s"),
        (60, "1 min"),
        (210, "3.5 min"),
        (3599, "60 min"),
        (7200, "2 h"),
        (86400, "1 d"),
        (864000, "10 d"),
    ],
)
def test_a_span_is_shown_in_its_natural_unit(seconds, words):
    assert span(seconds) == words


@pytest.mark.parametrize(("ahead", "words"), [(None, "due now"), (-5, "due now"), (90, "in 1.5 min")])
def test_what_is_due_never_lies_in_the_past(ahead, words):
    at = datetime.now(UTC) + timedelta(seconds=ahead + 0.9) if ahead is not None else None
    drawn = due(at)
    assert words in drawn and " ago" not in drawn
    assert ('data-ago="due now"' in drawn) == (words != "due now")


def test_every_time_shows_its_zone():
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert "2026-01-02 03:04:05 UTC" in when(at)
    assert markup.clock(at) == "03:04:05 UTC"
    assert markup.moment(at) == "2026-01-02 03:04:05 UTC"
    assert "never" in when(None)


@pytest.mark.parametrize("looks, words", [(STATUS, Status), (SEVERITY, Severity), (VERDICT, Verdict)])
def test_every_badge_has_a_sign_besides_its_colour(looks, words):
    assert set(looks) == set(words)
    assert all(tone and sign and said for tone, sign, said in looks.values())


def test_a_diff_pairs_removed_with_added_lines():
    rows = list(diff.rows(factories.PATCH))
    changed = [(r.left, r.right) for r in rows if r.kind == "changed"]
    assert changed[0] == (
        (44, "        price = prices[line.article]"),
        (44, "        price = prices.get(line.article)"),
    )
    assert [left is None for left, _ in changed] == [False, False, True, True]
    assert [(r.left[0], r.right[0]) for r in rows if r.kind == "same"][-1] == (49, 51)
    assert diff.size(factories.PATCH) == (4, 2)


def test_a_diff_accepts_lines_that_look_like_headers():
    rows = [r for r in diff.rows("--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n--- old\n+++ new\n same\n") if r.kind != "file"]
    assert [(r.left, r.right) for r in rows if r.kind == "changed"] == [((1, "-- old"), (1, "++ new"))]


@pytest.mark.parametrize("sign", ["\r", "\x0c", "\u2028", "\x1c"])
def test_a_sign_inside_of_a_line_makes_no_second_line(sign):
    """Else an added line after a harmless comment is shown as an unchanged one, and comments stand at wrong lines."""
    patch = f"--- a/x\n+++ b/x\n@@ -1 +1,2 @@\n+# harmless{sign}import os\n+y\n z\n"
    kinds = [(row.kind, row.right) for row in diff.rows(patch) if row.right]
    added = (1, f"# harmless{sign}import os")
    assert kinds == [("changed", added), ("changed", (2, "y")), ("same", (3, "z"))]


def test_the_risk_counts_changed_lines_that_look_like_headers():
    patch = "--- a/x\n+++ b/x\n@@ -1 +1,2 @@\n--- old\n+++ new\n+more\n"
    made = ChangeDetails(ChangeSet(issue_id=1, run=1, attempt=1, generator="embedded", patch=patch), [])
    issue = Issue(fingerprint="f", title="t", service="pricing")
    asked = OpenApproval(None, issue, made, None, None, None, None, critical=False, mine=True, barred="")
    assert "3 changed lines in 1 file" in [words for _, words in approval.risks(asked)]


@pytest.mark.parametrize("text", ["[sign in](http://evil.example)", "![x](http://e)", "`x` *y* _z_ ~q~ $a$ :red[b]"])
def test_text_of_a_message_is_no_markdown(text):
    """Streamlit reads Markdown in errors and toasts; a backslash makes each sign plain."""
    assert not re.search(r"(?<!\\)[\[\]`*_$~<>]|(?<!\\):\w", markup.plain(text))
    assert markup.plain(text).replace("\\", "") == text


@pytest.mark.parametrize("patch", ["", "garbage", "@@ -x +y @@", "\\ No newline at end of file", "+" * 5000])
def test_a_broken_patch_is_still_drawn(patch):
    assert "d-diff" in diff.side_by_side(patch)


def test_a_long_patch_is_cut_with_a_note():
    drawn = diff.side_by_side("+++ b/x\n@@ -0,0 +1,2000 @@\n" + "+line\n" * 2000)
    assert "more lines are not shown" in drawn
    assert drawn.count('<tr class="d-changed">') == diff.LIMIT - 2, "one row each for file and hunk"


def test_the_diagram_counts_and_links_every_status():
    svg = diagram.flow({Status.FIXING: 3, Status.NEW: 1, Status.ANALYZING: 1}, {("fix", "review"): 17})
    for one in svg.split("</svg>")[:-1]:
        ElementTree.fromstring(one + "</svg>")
        assert "3 now" in one and "2 now" in one and ">17<" in one
    shown = {status for node in diagram.NODES.values() for status in node.statuses}
    assert shown == set(Status) - {Status.DISMISSED}


def test_every_arrow_joins_two_nodes():
    names = {(arrow.start, arrow.end) for arrow in diagram.ARROWS}
    assert len(names) == len(diagram.ARROWS)
    assert {name for pair in names for name in pair} == set(diagram.NODES)


def test_only_our_own_svg_is_drawn():
    with pytest.raises(TypeError):
        drawing("<svg onload=alert(1)>", key="x")


def test_the_rate_chart_describes_its_figures():
    start = datetime(2026, 1, 1, tzinfo=UTC)
    points = [(start + timedelta(minutes=i), 100.0, 22.0 if i == 1 else 0.0) for i in range(4)]
    drawn = rate_chart([*points, (start + timedelta(minutes=4), 0.0, 0.0)], [(start, EVIL)])
    assert "now 0.0 %, highest 22.0 %" in drawn
    assert "<script" not in drawn
    assert rate_chart(points[:1])


def test_the_usual_band_has_both_edges_on_the_scale_of_the_line():
    start = datetime(2026, 1, 1, tzinfo=UTC)
    points = [(start + timedelta(minutes=i), value) for i, value in enumerate((50.0, 100.0, 0.0))]
    drawn = value_chart(points, limit=50.0, measure=TRAFFIC, least=25.0)
    assert 'd="M0 64.0H600.0V92.0H0z"' in drawn  # of 8 to 120, where 100 and 0 are
    assert "M0.0 64.0L300.0 8.0L600.0 120.0" in drawn


def test_the_timeline_has_a_lane_for_each_environment_and_one_for_the_team():
    start = datetime(2026, 1, 1, tzinfo=UTC)
    end, middle = start + timedelta(days=2), start + timedelta(days=1)
    drawn = strip([(7, middle, "production", "failed")], start, end, [(middle, EVIL)])
    assert drawn.count('class="d-lane"') == 3 and "1 deployment, and 1 change of the team, over time" in drawn
    assert 'cx="620.0" cy="98"' in drawn and "<script" not in drawn
    assert drawn.count("<a ") == 1, "only our own have a page"


def test_charts_are_drawn_from_rows():
    runs = [kpis.Ended(datetime(2026, 1, d + 1, tzinfo=UTC), "fixed", 120.0) for d in range(6)]
    times = charts.repair_times(runs, 7200)
    assert list(times.data[0].y) == [2.0] * 6
    assert times.data[-1].y[0] == 120
    assert times.layout.xaxis.title.text == "time, UTC"
    token = markup.ZONE.set(ZoneInfo("Asia/Tokyo"))
    try:
        there = charts.repair_times(runs, 7200)
        assert there.layout.xaxis.title.text == "time, JST" and there.data[0].x[0].hour == 9
    finally:
        markup.ZONE.reset(token)
    days = charts.outcomes_by_day({("2026-01-01", "fixed"): 2, ("2026-01-02", "fixed"): 3, ("2026-01-02", "human"): 1})
    assert [list(bar.y) for bar in days.data] == [[2, 3], [0, 1]]
    decided = judged([run(confidence=0.85)] * 6)
    assert charts.calibration(kpis.calibration(decided)).data[1].y[0] == 1.0


def test_a_report_is_one_self_contained_page():
    ended = [run(confidence=0.85)] * 6
    now = kpis.all_of(sums(ended), kpis.DeploymentCount(6, 0), (5000, 5), (100, 1), ValueRules(), 7)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    parts = kpis.parts(10.0, {"fix": 30.0}, 120.0)
    made = report.page(start, start, now, now, (6, parts, 7200.0), kpis.calibration(judged(ended)), {EVIL: (5000, 5)})
    assert "<script" not in made and "src=" not in made and "url(" not in made
    for words in (
        "99.90 %",
        "98 % less than the manual baseline",
        "hours saved x 90 USD an hour",
        "≤ 5 min",
        "0.8 to 0.9",
    ):
        assert words in made


RECEIPTS = [
    ({}, "No single change"),
    (factories.receipt(factories.Issue(service="cart", title="x", fingerprint="f")), "gives: "),
    ({"terms": None, "guards": ["held"], "flip": "soon", "inputs": 3}, "No single change"),
    ({"flip": {"change": "severity", "from": "high", "to": "low", "gives": "AUTO_RESOLVE"}}, "severity high → low"),
]


@pytest.mark.parametrize("shape, words", RECEIPTS)
def test_a_receipt_with_missing_parts_is_drawn(shape, words):
    decision = Decision(
        issue_id=1,
        analysis_id=1,
        run=1,
        verdict=Verdict.AUTO_RESOLVE,
        confidence=0.86,
        row=5,
        needs_approval=False,
        receipt=shape,
    )
    assert words in receipt.drawn(decision)


def test_a_receipts_terms_are_named_and_add_up():
    made = factories.receipt(factories.Issue(service="cart", title="x", fingerprint="f", confidence=0.86))
    assert sum(term["contribution"] for term in made["terms"]) == pytest.approx(0.86, abs=1e-4)
    drawn = receipt.terms(made)
    assert "Confidence of the analysis" in drawn and f"{made['terms'][0]['contribution']:.3f}" in drawn


def test_the_index_has_the_products_head():
    text = assets.template()
    assert "<title>DevOps Intelligence Platform</title>" in text and 'name="description"' in text
    assert "SourceSans" not in text and 'lang="en"' in text
    head, _, rest = text.partition("</head>")
    assert "stylesheet" not in head and "modulepreload" not in head
    assert rest.index(assets.ROOT) < rest.index("<template") < rest.index('type="module"') < rest.index("</template>")


@pytest.mark.parametrize(
    "accepts, best", [("", ""), ("gzip", "gzip"), ("gzip, br;q=0.9", "br"), ("identity", ""), ("deflate, br", "br")]
)
def test_the_best_encoding_is_chosen(accepts, best):
    assert assets.encoding(accepts) == best


def test_an_unknown_index_is_refused():
    with pytest.raises(ValueError, match="adapt console/server/assets.py"):
        assets.index("<html><title>Streamlit</title></html>")


@pytest.mark.parametrize("path", ["/static/../../../etc/passwd", "/static/js/none.js", "/static/..%2f..%2fx"])
def test_no_file_outside_static_is_served(path):
    assert assets.body(path, "") is None


def test_a_review_separates_faults_from_notes_and_unavailable_gates_from_passed_ones():
    gates = [
        {"gate": "style", "passed": True, "value": 0.0, "limit": 0.0, "says": EVIL},
        {"gate": "audit", "passed": False, "done": True, "value": 1.0, "limit": 0.0, "says": "one"},
        {"gate": "scan", "passed": True, "done": False, "value": None, "limit": 0.0, "says": "not scanned"},
        {"gate": "peer", "passed": False, "done": False, "says": "no review"},
    ]
    found = [
        {"gate": gate, "path": "a.py", "line": 1, "severity": severity, "says": EVIL}
        for gate, severity in (("audit", "error"), ("audit", "note"), ("style", "minor"))
    ]
    made = change.review(Review(change_set_id=1, passed=False, gates=gates, findings=found))
    listed = ElementTree.fromstring(f"<div>{made}</div>").iter("li")
    assert [(li.get("class"), "".join(li.itertext())) for li in listed] == [
        ("d-ok", f"✓style: 0 (limit 0) {EVIL}"),
        ("d-bad", "✕audit: 1 (limit 0) one"),
        ("d-calm", "·scan: not scanned"),
        ("d-calm", "·peer: no review"),
        ("d-bad", f"✕a.py:1 audit, error: {EVIL}"),
        ("d-calm", f"·a.py:1 audit, note: {EVIL}"),
        ("d-calm", f"·a.py:1 style, minor: {EVIL}"),
    ]


def test_an_unavailable_gate_is_a_risk():
    gates = [
        {"gate": "scan", "passed": True, "done": False, "says": "not scanned, and passes"},
        {"gate": "scan", "passed": False, "done": False, "says": "not scanned: a person looks"},
    ]
    made = ChangeSet(issue_id=1, run=1, attempt=1, generator="embedded")
    found = ChangeDetails(made, [Review(change_set_id=1, passed=True, gates=gates)])
    issue = Issue(fingerprint="f", title="t", service="pricing")
    asked = OpenApproval(None, issue, found, None, None, None, None, critical=False, mine=True, barred="")
    assert [says for sign, says in approval.risks(asked) if sign is False] == ["not scanned: a person looks"]
