"""The decision table: every row, boundary and guard; and a property: no decision passes without its checks."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.decision.receipt import decide
from core.decision.rules import confidence_of, terms
from core.decision.situation import Situation, read_situation, rollbacks_in_a_row
from core.models import Cause, Impact, Severity, Verdict
from core.policy.reader import Policy
from core.policy.sections import CorroborationRules, FixRules, Guards, History
from core.policy.services import Repository, Service

POLICY = Policy(
    repositories={"shop": Repository(remote="/srv/shop.git")},
    services={"cart": Service(repository="shop"), "checkout": Service(repository="shop", critical=True)},
    history=History(prior=0.0, weight=0.0),
)
AUTO, SCHEDULE, ESCALATE = Verdict.AUTO_RESOLVE, Verdict.SCHEDULE_MAINTENANCE, Verdict.ESCALATE_HUMAN


def case(confidence: float, severity: str, impact: str, **other) -> Situation:
    """A situation with exactly this ``confidence`` (history makes up the rest)."""
    low = {"low": 0.1, "medium": 0.05, "high": 0.0}[impact]
    rest = round(confidence - low, 4)
    share = min(rest / 0.9, 1.0)
    values = {
        "analysis": share,
        "simplicity": share,
        "successes": round(share * 1_000_000),
        "outcomes": 1_000_000,
        "occurrences": 9,
        "service": "cart",
    } | other
    return Situation(severity=Severity(severity), impact=Impact(impact), **values)


@pytest.mark.parametrize(
    ("confidence", "severity", "impact", "row", "verdict"),
    [
        (0.89, "critical", "high", 1, ESCALATE),  # row 1 takes precedence
        (0.59, "low", "low", 2, ESCALATE),
        (0.5999, "medium", "medium", 2, ESCALATE),
        (0.9, "critical", "medium", 3, AUTO),  # approval comes from a guard
        (0.9, "high", "low", 3, AUTO),
        (0.8999, "high", "medium", 7, ESCALATE),
        (0.8, "low", "high", 4, AUTO),
        (0.8, "medium", "medium", 4, AUTO),
        (0.7999, "medium", "medium", 6, SCHEDULE),
        (0.7999, "medium", "high", 7, ESCALATE),
        (0.7, "high", "low", 5, AUTO),
        (0.6999, "high", "low", 7, ESCALATE),
        (0.7, "high", "medium", 7, ESCALATE),
        (0.6, "low", "medium", 6, SCHEDULE),
        (0.6, "medium", "medium", 6, SCHEDULE),
        (0.6, "low", "low", 7, ESCALATE),  # the matrix schedules only medium impact
        (0.79, "critical", "low", 7, ESCALATE),
    ],
)
def test_rows(confidence, severity, impact, row, verdict):
    receipt = decide(case(confidence, severity, impact), POLICY)
    assert receipt.confidence == pytest.approx(confidence, abs=2e-4)
    assert (receipt.row, receipt.verdict) == (row, verdict)


@pytest.mark.parametrize(
    ("other", "guard", "effect"),
    [
        ({"service": "nobody"}, "known service", "escalate"),
        ({"cause": Cause.UPSTREAM}, "curable by code", "escalate"),
        ({"cause": Cause.PERFORMANCE}, "curable by code", "escalate"),
        ({"cause": Cause.SECURITY}, "security finding", "approval"),
        ({"cause": Cause.PERFORMANCE, "suspect": True}, "performance fix", "approval"),
        ({"cause": Cause.UPSTREAM, "suspect": True}, "curable by code", "escalate"),
        ({"occurrences": 1}, "evidence floor", "escalate"),
        ({"service": "checkout"}, "critical service", "approval"),
        ({"rollbacks_in_a_row": 3}, "rollbacks in a row", "approval"),
        ({"deployments_last_hour": 5}, "deployments an hour", "queue"),
    ],
)
def test_guards(other, guard, effect):
    receipt = decide(case(0.85, "medium", "medium", **other), POLICY)
    fired = {g["name"]: g["effect"] for g in receipt.guards if g["effect"]}
    assert fired == {guard: effect}
    assert receipt.verdict is (ESCALATE if effect == "escalate" else AUTO)
    assert receipt.needs_approval is (effect == "approval")


@pytest.mark.parametrize(
    ("allowed", "cause", "verdict"),
    [
        (["bug_fix"], Cause.PERFORMANCE, ESCALATE),
        (["performance"], Cause.PERFORMANCE, AUTO),
        (["performance"], Cause.CODE, ESCALATE),
        (["bug_fix", "security"], Cause.CODE, AUTO),
    ],
)
def test_the_policy_names_the_templates_of_fixes(allowed, cause, verdict):
    policy = POLICY.model_copy(update={"fix": FixRules(templates=allowed)})
    assert decide(case(0.85, "medium", "medium", cause=cause, suspect=True), policy).verdict is verdict


def test_a_guard_just_below_its_limit_does_not_fire():
    receipt = decide(
        case(0.85, "medium", "medium", rollbacks_in_a_row=2, deployments_last_hour=4, occurrences=2), POLICY
    )
    assert not [g for g in receipt.guards if g["effect"]]


def test_a_critical_service_needs_more_confidence():
    policy = POLICY.model_copy(update={"guards": Guards(critical_confidence=0.88)})
    assert decide(case(0.85, "medium", "medium", service="checkout"), policy).verdict is ESCALATE
    assert decide(case(0.88, "medium", "medium", service="checkout"), policy).verdict is AUTO


def test_default_critical_services_stay_critical_in_any_catalogue():
    policy = POLICY.model_copy(update={"services": {"payment": Service(repository="shop")}})
    assert decide(case(0.95, "low", "low", service="payment"), policy).needs_approval


def test_history_is_smoothed_from_its_prior():
    policy = POLICY.model_copy(update={"history": History(prior=0.7, weight=4)})
    values = [
        next(
            t["value"]
            for t in terms(case(0.5, "low", "low", successes=s, outcomes=n), policy)
            if t["term"] == "history"
        )
        for s, n in ((0, 0), (4, 4), (0, 4), (96, 96))
    ]
    assert values == [0.7, 0.85, 0.35, 0.988]


def test_terms_sum_to_the_confidence():
    receipt = decide(case(0.77, "medium", "medium"), POLICY)
    assert receipt.confidence == confidence_of(receipt.terms)
    assert [t["weight"] for t in receipt.terms] == [0.4, 0.3, 0.2, 0.1]


def test_the_closest_alternative_is_the_smallest_change_and_real():
    receipt = decide(case(0.79, "medium", "medium"), POLICY)
    assert (receipt.verdict, receipt.flip["change"], receipt.flip["to"]) == (SCHEDULE, "confidence", 0.8)
    assert receipt.flip["gives"] == AUTO
    outside = decide(case(0.95, "medium", "medium", cause=Cause.CREDENTIAL), POLICY)
    assert (outside.flip["change"], outside.flip["gives"]) == ("cause", AUTO)


@pytest.mark.parametrize(
    ("given_", "says"),
    [
        ({"service": "cart", "severity": "medium"}, "missing keys: impact"),
        ({"service": "cart", "severity": "awful", "impact": "low"}, "'awful' is not a valid Severity"),
        ({"service": "cart", "severity": "low", "impact": "low", "colour": 1}, "unknown keys: colour"),
        (
            {"service": "cart", "severity": "low", "impact": "low", "analysis": 1.2},
            "analysis must be between 0 and 1",
        ),
        (
            {"service": "cart", "severity": "low", "impact": "low", "successes": 3},
            "0 <= successes <= outcomes",
        ),
    ],
)
def test_an_invalid_situation_in_json_is_explained(given_, says):
    with pytest.raises(ValueError, match=says):
        read_situation(given_)


@pytest.mark.parametrize(
    ("newest_first", "count"),
    [
        ([], 0),
        (["fixed"], 0),
        (["rolled_back"] * 3 + ["fixed"], 3),
        (["escalated", "rolled_back", "fixed"], 1),
    ],
)
def test_rollbacks_in_a_row(newest_first, count):
    assert rollbacks_in_a_row(newest_first) == count


situations = st.builds(
    Situation,
    service=st.sampled_from(["cart", "checkout", "nobody", "payment"]),
    severity=st.sampled_from(Severity),
    impact=st.sampled_from(Impact),
    cause=st.sampled_from(Cause),
    analysis=st.floats(0, 1),
    simplicity=st.floats(0, 1),
    successes=st.integers(0, 5),
    outcomes=st.integers(5, 9),
    occurrences=st.integers(0, 5),
    deployments_last_hour=st.integers(0, 9),
    rollbacks_in_a_row=st.integers(0, 5),
)


@given(situations)
def test_no_decision_passes_without_its_checks(situation):
    receipt = decide(situation, POLICY)
    if receipt.verdict is not ESCALATE:
        assert situation.cause is Cause.CODE
        assert situation.service in POLICY.services
        assert situation.occurrences >= 2
        assert receipt.confidence >= 0.6
        assert not (situation.severity is Severity.CRITICAL and situation.impact is Impact.HIGH)
        if (
            situation.severity is Severity.CRITICAL
            or situation.service == "checkout"
            or situation.rollbacks_in_a_row >= 3
        ):
            assert receipt.needs_approval


@given(situations)
def test_the_same_situation_gives_the_same_receipt(situation):
    receipt = decide(situation, POLICY)
    assert receipt == decide(situation, POLICY)
    assert 0 <= receipt.confidence <= 1


def test_an_uncorroborated_report_needs_approval():
    lonely = case(0.95, "low", "low", corroborated=False, corroboration="No metric shows it.")
    receipt = decide(lonely, POLICY)
    fired = [(g["name"], g["effect"], g["says"]) for g in receipt.guards if g["effect"]]
    assert (receipt.verdict, receipt.needs_approval) == (AUTO, True)
    assert fired == [("corroboration", "approval", "No metric shows it.")]
    assert not decide(replace(lonely, corroborated=True), POLICY).needs_approval


@pytest.mark.parametrize(
    ("required", "own", "asked"), [(False, None, False), (True, False, False), (False, True, True)]
)
def test_corroboration_can_be_waived(required, own, asked):
    services = {"cart": Service(repository="shop", corroboration=own)}
    policy = POLICY.model_copy(update={"services": services, "corroboration": CorroborationRules(required=required)})
    assert decide(case(0.95, "low", "low", corroborated=False), policy).needs_approval is asked


def test_a_decision_from_before_corroboration_stays_readable():
    old = {"service": "cart", "severity": "low", "impact": "low", "analysis": 1.0, "simplicity": 1.0, "occurrences": 9}
    assert not decide(read_situation(old), POLICY).needs_approval
    with pytest.raises(ValueError, match="corroborated must be true or false"):
        read_situation(old | {"corroborated": "no"})
    with pytest.raises(ValueError, match="corroboration must be text"):
        read_situation(old | {"corroboration": 1})


@given(st.data())
def test_no_security_finding_is_released_without_a_person(data):
    """Whatever else holds: its receipt escalates it, or asks."""
    draw = lambda levels: data.draw(st.sampled_from(list(levels)))  # noqa: E731
    case = Situation(
        "cart", draw(Severity), draw(Impact), Cause.SECURITY, data.draw(st.floats(0, 1)), data.draw(st.floats(0, 1)),
        successes=data.draw(st.integers(0, 50)), outcomes=50, occurrences=data.draw(st.integers(0, 3)),
    )  # fmt: skip
    policy = POLICY.model_copy(update={"corroboration": CorroborationRules(required=False)})
    receipt = decide(case, policy)
    assert receipt.verdict is ESCALATE or receipt.needs_approval


def test_a_finding_that_is_seen_once_needs_no_further_evidence():
    receipt = decide(case(0.95, "low", "low", cause=Cause.SECURITY, occurrences=1), POLICY)
    assert (receipt.verdict, receipt.needs_approval) == (AUTO, True)


@pytest.mark.parametrize(("services", "value"), [(1, 0.9), (2, 0.72), (3, 0.576), (9, 0.150995)])
def test_each_further_affected_service_lowers_the_simplicity(services, value):
    found = {t["term"]: t for t in terms(case(0.9, "low", "low", simplicity=0.9, services=services), POLICY)}
    assert found["simplicity"]["value"] == value
    assert found["simplicity"]["says"].endswith(
        f"{services} {'service is' if services == 1 else 'services are'} affected"
    )


@pytest.mark.parametrize("services", [0, -1, 1.5, True, "2"])
def test_a_wrong_number_of_services_is_refused(services):
    with pytest.raises(ValueError, match="services is the number"):
        read_situation({"service": "cart", "severity": "low", "impact": "low", "services": services})


def test_breadth_alone_changes_the_verdict():
    one = case(0.9, "high", "medium")
    assert [decide(replace(one, services=n), POLICY).verdict for n in (1, 2)] == [AUTO, ESCALATE]


OVER = "A person takes over, and no fix is written for approval"


@pytest.mark.parametrize(
    ("confidence", "severity", "impact", "says"),
    [
        (0.85, "high", "medium", "acts on high severity with medium business impact from a confidence of 0.9."),
        (0.7, "medium", "high", "acts on medium severity with high business impact from a confidence of 0.8."),
        (0.65, "high", "low", "acts on high severity with low business impact from a confidence of 0.7."),
        (0.95, "high", "high", "acts on high severity with high business impact at no confidence."),
    ],
)
def test_the_receipt_says_why_no_row_acts(confidence, severity, impact, says):
    """The cause is a security finding's, whose fix is never shipped without a person, and here not even written."""
    told = decide(case(confidence, severity, impact, cause=Cause.SECURITY), POLICY)
    assert (told.row, told.verdict, told.needs_approval) == (7, ESCALATE, False)
    assert told.row_message == f"no other row matches. The matrix {says} {OVER}"
