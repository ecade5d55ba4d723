"""Each threshold and guard of the decision at its limit, and the closest alternative outcome."""

from __future__ import annotations

import pytest

from core.decision.receipt import decide
from core.decision.rules import terms
from core.decision.situation import Situation, read_situation, rollbacks_in_a_row
from core.models import Cause, Impact, Severity, Verdict
from core.policy.environment import EnvironmentRules
from core.policy.reader import Policy
from core.policy.sections import Guards, History, Thresholds
from tests.decision.test_decision import AUTO, ESCALATE, POLICY, SCHEDULE, case

LOW = {"severity": "low", "impact": "low"}


@pytest.mark.parametrize(
    ("confidence", "severity", "impact", "row", "verdict"),
    [
        (0.95, "critical", "high", 1, ESCALATE),
        (0.5999, "critical", "low", 2, ESCALATE),
        (0.9, "high", "high", 7, ESCALATE),
        (0.9, "critical", "low", 3, AUTO),
        (0.8999, "critical", "low", 7, ESCALATE),
        (0.8, "high", "high", 7, ESCALATE),
        (0.7, "critical", "low", 7, ESCALATE),
        (0.7, "medium", "low", 7, ESCALATE),
        (0.6, "medium", "high", 7, ESCALATE),
        (0.6, "high", "medium", 7, ESCALATE),
    ],
)
def test_rows(confidence, severity, impact, row, verdict):
    receipt = decide(case(confidence, severity, impact), POLICY)
    assert (receipt.row, receipt.verdict) == (row, verdict)


def test_the_thresholds_come_from_the_policy():
    policy = POLICY.model_copy(update={"thresholds": Thresholds(escalate_below=0.3, auto_mild=0.4)})
    assert decide(case(0.4, "medium", "high"), policy).row == 4
    assert decide(case(0.3, "medium", "medium"), policy).row == 6
    assert decide(case(0.2999, "medium", "medium"), policy).row == 2


def fired(other: dict, policy: Policy = POLICY) -> list[tuple[str, str, str]]:
    receipt = decide(case(0.85, "medium", "medium", **other), policy)
    return [(g["name"], g["effect"], g["says"]) for g in receipt.guards if g["effect"]]


def ruled(**values) -> Policy:
    return POLICY.model_copy(update={"guards": Guards(**values)})


@pytest.mark.parametrize(
    ("other", "rules", "guards"),
    [
        ({"service": ""}, {}, [("known service", "escalate", "the service must be listed in platform.toml")]),
        ({"service": "nobody"}, {}, [("known service", "escalate", "nobody must be listed in platform.toml")]),
        ({"occurrences": 2}, {}, []),
        ({"occurrences": 2}, {"minimum_occurrences": 3},
         [("evidence floor", "escalate", "seen 2 times; the minimum is 3")]),
        ({"occurrences": 1}, {"minimum_occurrences": 2},
         [("evidence floor", "escalate", "seen 1 time; the minimum is 2")]),
        ({"deployments_last_hour": 4}, {}, []),
        ({"deployments_last_hour": 5}, {},
         [("deployments an hour", "queue", "5 automatic deployments in the last hour; the limit is 5")]),
        ({"rollbacks_in_a_row": 2}, {}, []),
        ({"rollbacks_in_a_row": 3}, {},
         [("rollbacks in a row", "approval", "3 rollbacks in a row; approval is required from 3")]),
        ({}, {"approval_always": True}, [("approval policy", "approval", "the policy requires approval of every fix")]),
        ({"service": "checkout"}, {"critical_confidence": 0.85},
         [("critical service", "approval", "checkout is a critical service")]),
        ({"service": "cart"}, {"critical_confidence": 0.99}, []),
    ],
)  # fmt: skip
def test_each_guard_alone(other, rules, guards):
    assert [name for name, *_ in fired(other, ruled(**rules))] == [name for name, *_ in guards]
    if rules.get("minimum_occurrences") is None:
        assert fired(other, ruled(**rules)) == guards


@pytest.mark.parametrize(("name", "approval"), [("production", False), ("staging", True)])
def test_staging_releases_nothing_without_a_person(name, approval):
    policy = POLICY.model_copy(update={"environment": EnvironmentRules(name=name)})
    receipt = decide(case(0.95, "low", "low"), policy)
    assert (receipt.verdict, receipt.needs_approval) == (AUTO, approval)
    told = [g["says"] for g in receipt.guards if g["effect"] == "approval"]
    assert told == (["staging releases nothing without a person"] if approval else [])


def test_a_critical_service_below_its_confidence_goes_to_a_person_and_needs_no_approval():
    receipt = decide(case(0.85, "medium", "medium", service="checkout"), ruled(critical_confidence=0.8501))
    assert {g["name"] for g in receipt.guards if g["effect"]} == {"critical service confidence", "critical service"}
    assert (receipt.verdict, receipt.needs_approval) == (ESCALATE, False)


@pytest.mark.parametrize(
    ("corroborated", "required", "own", "fires"),
    [
        (True, True, None, False), (False, True, None, True), (False, False, None, False), (False, False, True, True),
        (False, True, False, False), (True, True, True, False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("says", ["", "no log line of cart shows it"])
def test_an_uncorroborated_report_goes_to_a_person(corroborated, required, own, fires, says):
    services = {"cart": POLICY.services["cart"].model_copy(update={"corroboration": own})}
    rules = POLICY.corroboration.model_copy(update={"required": required})
    policy = POLICY.model_copy(update={"services": services, "corroboration": rules})
    situation = case(0.85, "medium", "medium", corroborated=corroborated, corroboration=says)
    receipt = decide(situation, policy)
    told = says or "the service's own metrics or logs must show the reported failures"
    assert [g["says"] for g in receipt.guards if g["name"] == "corroboration"] == [told]
    assert [g["name"] for g in receipt.guards if g["effect"] == "approval"] == (["corroboration"] if fires else [])
    assert (receipt.verdict, receipt.needs_approval) == (AUTO, fires)


def test_a_guard_that_did_not_fire_is_listed():
    said = {g["name"]: g["says"] for g in decide(case(0.85, "medium", "medium"), POLICY).guards}
    assert said["critical service"] == "cart is not a critical service"


def test_a_critical_severity_needs_a_person():
    receipt = decide(case(0.95, "critical", "low"), POLICY)
    assert (receipt.verdict, receipt.needs_approval) == (AUTO, True)
    assert not decide(case(0.95, "high", "low"), POLICY).needs_approval


@pytest.mark.parametrize(
    ("history", "outcomes", "value"),
    [(History(prior=0.7, weight=0), 0, 0.7), (History(prior=0.7, weight=0), 3, 0.333333), (History(), 0, 0.7)],
)
def test_the_history_of_a_pattern(history, outcomes, value):
    policy = POLICY.model_copy(update={"history": history})
    found = terms(case(0.5, "low", "low", successes=min(1, outcomes), outcomes=outcomes), policy)[1]
    assert (found["term"], found["value"]) == ("history", value)
    assert found["says"].startswith(
        f"{min(1, outcomes)} of {outcomes} earlier fix{'' if outcomes == 1 else 'es'} of this pattern held"
    )


@pytest.mark.parametrize(("weight", "words"), [(1, "1 case"), (2, "2 cases"), (0.5, "0.5 cases")])
def test_the_weight_of_the_prior_is_counted_in_cases(weight, words):
    policy = POLICY.model_copy(update={"history": History(prior=0.7, weight=weight)})
    assert terms(case(0.5, "low", "low"), policy)[1]["says"].endswith(f"the prior 0.7 counts as {words}")


def test_terms_have_six_digits_and_the_confidence_four():
    situation = Situation("cart", Severity.LOW, Impact.MEDIUM, analysis=1 / 3, simplicity=1 / 3)
    found = {t["term"]: (t["value"], t["contribution"]) for t in terms(situation, POLICY)}
    assert found == {
        "analysis": (0.333333, 0.133333), "history": (0.0, 0.0), "simplicity": (0.333333, 0.066667),
        "low_impact": (0.5, 0.05),
    }  # fmt: skip
    receipt = decide(Situation("cart", Severity.LOW, Impact.HIGH, analysis=1 / 3), POLICY)
    assert receipt.confidence == 0.1333


def test_a_confidence_is_never_above_one():
    policy = POLICY.model_copy(update={"history": History(prior=5.0, weight=4)})
    assert decide(case(1.0, "low", "low", outcomes=0, successes=0), policy).confidence == 1.0


def test_the_defaults_of_a_situation():
    bare = Situation("cart", Severity.LOW, Impact.LOW)
    assert (bare.cause, bare.analysis, bare.simplicity, bare.successes, bare.outcomes) == (Cause.CODE, 0, 0, 0, 0)
    assert (bare.occurrences, bare.deployments_last_hour, bare.rollbacks_in_a_row) == (1, 0, 0)
    assert (bare.corroborated, bare.corroboration) == (True, "")


@pytest.mark.parametrize(
    ("confidence", "severity", "impact", "change", "was", "to", "steps", "gives"),
    [
        (0.59, "medium", "medium", "confidence", 0.59, 0.6, 0.1, SCHEDULE),
        (0.79, "medium", "medium", "confidence", 0.79, 0.8, 0.1, AUTO),
        (0.89, "critical", "low", "confidence", 0.89, 0.9, 0.1, AUTO),
        (0.69, "high", "low", "confidence", 0.69, 0.7, 0.1, AUTO),
        (0.6, "medium", "medium", "confidence", 0.6, 0.5999, 0.001, ESCALATE),
        (0.8, "medium", "medium", "confidence", 0.8, 0.7999, 0.001, SCHEDULE),
        (0.75, "high", "medium", "severity", "high", "medium", 1, SCHEDULE),
        (0.95, "critical", "high", "impact", "high", "medium", 1, AUTO),
        (0.3, "low", "low", "confidence", 0.3, 0.8, 5.0, AUTO),
    ],
)
def test_the_closest_alternative_outcome(confidence, severity, impact, change, was, to, steps, gives):
    flip = decide(case(confidence, severity, impact), POLICY).flip
    assert flip == {"change": change, "from": was, "to": to, "steps": steps, "gives": str(gives)}


@pytest.mark.parametrize(
    ("other", "flip"),
    [
        ({"cause": Cause.DATA}, ("cause", "data", "code", 1)),
        ({"occurrences": 1}, ("occurrences", 1, 2, 1)),
        ({"occurrences": 0}, ("occurrences", 0, 2, 1)),
        ({"service": "nobody"}, None),
        ({"occurrences": 1, "cause": Cause.DATA}, None),
    ],
)
def test_the_closest_alternative_when_a_guard_escalates(other, flip):
    found = decide(case(0.85, "medium", "medium", **other), POLICY).flip
    assert (found and (found["change"], found["from"], found["to"], found["steps"])) == flip


def test_a_critical_service_has_its_own_closest_alternative():
    flip = decide(case(0.86, "medium", "medium", service="checkout"), ruled(critical_confidence=0.88)).flip
    assert (flip["to"], flip["steps"], flip["gives"]) == (0.88, 0.2, AUTO)


@pytest.mark.parametrize("confidence", [0.79, 0.85])
def test_an_alternative_has_the_digits_of_a_confidence(confidence):
    policy = POLICY.model_copy(update={"thresholds": Thresholds(auto_mild=0.80005)})
    flip = decide(case(confidence, "medium", "medium"), policy).flip
    assert flip["steps"] == round(flip["steps"], 3)
    assert flip["to"] == (0.80005 if confidence < 0.8 else 0.8)


@pytest.mark.parametrize("missing", ["service", "severity", "impact"])
def test_a_situation_needs_three_keys(missing):
    with pytest.raises(ValueError, match=f"missing keys: {missing}$"):
        read_situation({key: value for key, value in {"service": "cart", **LOW}.items() if key != missing})


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"severity": "dire"}, "Severity"), ({"impact": "dire"}, "Impact"), ({"cause": "dire"}, "Cause"),
        ({"analysis": 1.01}, "analysis must"), ({"analysis": -0.01}, "analysis must"),
        ({"simplicity": 1.01}, "simplicity must"), ({"simplicity": -0.01}, "simplicity must"),
        ({"successes": -1}, "are counts, with"), ({"successes": 2, "outcomes": 1}, "are counts, with"),
        ({"occurrences": -1}, "are counts, with"), ({"b": 1, "a": 1}, "unknown keys: a, b"),
        ({"corroborated": "no"}, "corroborated must be true or false"),
        ({"corroboration": None}, "corroboration must be text"),
    ],
)  # fmt: skip
def test_a_situation_out_of_range(values, says):
    with pytest.raises(ValueError, match=says):
        read_situation({"service": "cart", **LOW, **values})


@pytest.mark.parametrize(
    "values",
    [
        {"analysis": 0, "simplicity": 0, "occurrences": 0, "successes": 0, "outcomes": 0},
        {"analysis": 1, "simplicity": 1, "successes": 1, "outcomes": 1, "cause": "data"},
    ],
)
def test_a_situation_at_its_limits(values):
    found = read_situation({"service": "cart", **LOW, **values})
    assert found == Situation("cart", Severity.LOW, Impact.LOW, **values)
    assert (type(found.severity), type(found.impact), type(found.cause)) == (Severity, Impact, Cause)


@pytest.mark.parametrize(
    ("newest_first", "count"),
    [(["fixed", "rolled_back"], 0), (["rolled_back", "escalated", "rolled_back", "fixed", "rolled_back"], 2)],
)
def test_rollbacks_in_a_row(newest_first, count):
    assert rollbacks_in_a_row(newest_first) == count


def test_a_receipt_is_plain_json_with_all_inputs():
    receipt = decide(case(0.85, "medium", "medium"), POLICY).as_json()
    assert receipt["verdict"] == Verdict.AUTO_RESOLVE
    assert [set(term) for term in receipt["terms"]] == [{"term", "value", "weight", "contribution", "says"}] * 4
    assert receipt["inputs"]["service"] == "cart" and len(receipt["guards"]) >= 9
