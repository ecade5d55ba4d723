"""What a change keeps of its repair: the candidate, its proof, and what the models cost."""

from __future__ import annotations

from core.models import ChangeSet
from core.policy.sections import ModelRules
from core.repair.judge.precision import class_of, measured
from core.repair.types import Attempt, Candidate, FixResult
from core.stages import fixer_chain


def describe(change: ChangeSet, result: FixResult, rules: ModelRules) -> None:
    """Fill the change with the result of a repair."""
    change.note = "" if result.decision == "fix" else f"{result.reason} {result.next_step}".strip()
    change.confidence, change.proof = result.confidence, _proof(result, rules)
    if result.candidate:
        _describe_candidate(change, result.candidate)
    if result.benchmark:
        change.proof["benchmark"] = dict(result.benchmark)
        change.grade = ""  # of no class whose outcomes are counted
    if result.test:
        change.test_path, change.test_code = result.test.path, result.test.code
    total = fixer_chain.spent(result.attempts, rules)
    change.tokens, change.cost_usd = total.tokens, total.usd


def _proof(result: FixResult, rules: ModelRules) -> dict:
    proof = result.proof
    return {
        "fails_before": proof.fails_before,
        "passes_after": proof.passes_after,
        "fails_reverted": proof.fails_reverted,
        "older_tests_pass": proof.older_tests_pass,
        "complete": proof.complete,
        "says": list(proof.messages),
        "slow": proof.slow,
        "behaviours": list(result.behaviours),
        "further": sorted({a.further for a in result.attempts if a.further}),
        "refused": [{"template": a.candidate.template, "reason": a.reason} for a in result.attempts if a.reason],
        "models": [_cost(a, rules) for a in result.attempts if a.candidate.generator not in fixer_chain.ONCE],
    }


def _describe_candidate(change: ChangeSet, candidate: Candidate) -> None:
    change.generator, change.template, change.rationale = candidate.generator, candidate.template, candidate.rationale
    change.title, change.grade = candidate.rationale.split("\n")[0][:200], candidate.grade.name
    change.proof["evidence"] = list(candidate.evidence)
    change.proof["precision"] = measured(class_of(candidate)).describe("unseen case")


def _cost(attempt: Attempt, rules: ModelRules) -> dict:
    """The cost and the result of one attempt of a model, and its plan and transcript where it has them."""
    made = attempt.candidate
    cost = {"generator": made.generator, "tokens": made.tokens, "cost_usd": fixer_chain.price(made, rules)}
    told = {"plan": made.plan, "transcript": list(made.transcript)} if made.transcript else {}
    return cost | {"seconds": made.seconds, "reason": attempt.reason[:300]} | told
