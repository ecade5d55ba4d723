"""The demo's agents: each speaks its vendor's protocol to the product's own client, and says what it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette

from core.demo import setup
from core.demo.faults import FAULTS
from core.demo.repo import ShopRepo, git
from core.demo.vendors import coderabbit, github, kestra, model
from core.models import Cause, Crash, Impact, Severity
from core.policy.sections import FixRules
from core.repair.engine import repair
from core.repair.fixers.cline_fixer import ClineFixer
from core.repair.fixers.embedded import EmbeddedFixer
from core.repair.fixers.model_fixer import ModelFixer
from core.repair.sandbox.runner import BubblewrapRunner
from core.signals.analysis.opinions import combined
from core.signals.analysis.types import Conclusion, IssueFacts
from core.vendors.base import VendorError
from core.vendors.coderabbit import CodeRabbit
from core.vendors.http import Http
from core.vendors.kestra import Kestra, KestraAnalyst
from core.vendors.openai import Chat, OpenAIAnalyst
from tests.real import need, need_sandbox
from tests.vendors.loopback import serving

FAULT = FAULTS["cart-window"]
FACTS = IssueFacts("ValueError: x", "cart", [])
KNOWN = Conclusion("embedded", "ValueError", Cause.CODE, Severity.MEDIUM, Impact.MEDIUM, 0.8, 0.9, "ValueError/literal")
CRASH = Crash(
    exception={"type": "ValueError", "message": "invalid literal for int() with base 10: '1:30'"},
    frames=[
        {"file": "shop/cart.py", "line": 22, "function": "window", "locals": {"params": "{'for': '1:30'}"}},
        {"file": "shop/cart.py", "line": 17, "function": "minutes_of", "code": "return int(text)",
         "locals": {"text": "'1:30'"}},
    ],
)  # fmt: skip


@pytest.fixture
def address() -> Iterator[str]:
    routes = [*model.SimulatedModel().routes, *kestra.simulated().routes]
    with serving(Starlette(routes=routes)) as found:
        yield found


def chat(address: str, key: str = model.KEY) -> Chat:
    return Chat(f"{address}/model/v1", key, model.NAME)


@pytest.fixture
def shop(tmp_path) -> Path:
    """The shop with the fault, as a clean checkout."""
    repo = ShopRepo(tmp_path).build()
    repo.ship(FAULT)
    return repo.team


def repaired(shop: Path, fixer):
    need_sandbox()
    return repair(
        shop, CRASH, fixers=[fixer], rules=FixRules(), allowed=["shop/**"], source=["shop"], tests="tests",
        test_command=["python", "-m", "pytest", "-q"], runner=BubblewrapRunner(),
    )  # fmt: skip


def test_the_embedded_repairer_fails_on_the_fault_of_the_models(shop):
    result = repaired(shop, EmbeddedFixer())
    assert result.decision == "escalate" and not git(shop, "status", "--porcelain")


@pytest.mark.parametrize("kind", ["model", "cline"])
def test_a_prepared_patch_is_judged_and_proved(kind, shop, address):
    if kind == "model":
        result = repaired(shop, ModelFixer(chat(address).complete))
    else:
        http = Http("cline", f"{address}/model/v1", {"Authorization": f"Bearer {model.KEY}"}, [model.KEY], private=True)
        result = repaired(shop, ClineFixer(Path(need("cline")).resolve(), http, model.NAME))
    assert result.decision == "fix" and result.proof.complete and result.proof.open, "a person approves it"
    assert result.candidate.rationale.startswith(model.SAYS)
    (_, good, _) = FAULT.edits[0]
    assert good in (shop / "shop/cart.py").read_text()


def test_without_its_code_the_script_has_no_patch(address):
    answer = chat(address).complete("system", "return int(other)", {"type": "object", "properties": {"files": {}}})
    assert answer["files"] == [] and answer["rationale"] == f"{model.SAYS} the table has no patch for this crash."


def test_a_wrong_key_is_refused(address):
    with pytest.raises(VendorError, match="Incorrect API key"):
        chat(address, "sk-other").complete("system", "user", {})


def analysts(address: str):
    http = Http("kestra", f"{address}/kestra", {"Authorization": f"Bearer {kestra.TOKEN}"}, private=True)
    embedded = type("Embedded", (), {"name": "embedded", "analyze": lambda _self, _facts: KNOWN})()
    return [OpenAIAnalyst(chat(address), embedded), KestraAnalyst(Kestra(http), "analysis", embedded)]


@pytest.mark.parametrize("which", [0, 1], ids=["model", "kestra"])
def test_a_scripted_opinion_changes_no_decision(which, address):
    found = analysts(address)[which].analyze(FACTS)
    told = (found.cause, found.severity, found.impact, found.confidence, found.simplicity)
    assert told == (KNOWN.cause, KNOWN.severity, KNOWN.impact, KNOWN.confidence, KNOWN.simplicity)
    assert found.root_cause == f"{model.SAYS} it repeats the report, ValueError: x" and found.opinion.tokens > 0


def test_the_pool_of_the_scripted_opinions_is_as_sure_as_the_embedded_one(address):
    told = combined([*(one.analyze(FACTS) for one in analysts(address)), KNOWN])
    assert (told.cause, told.confidence, told.severity, told.simplicity) == (
        KNOWN.cause, KNOWN.confidence, KNOWN.severity, KNOWN.simplicity,
    )  # fmt: skip


CHANGES = {  # the added line: severities of its findings
    "x = 1\n": [],
    "try:\n    x = 1\nexcept Exception:\n    x = 2\n": ["major"],
    "x = eval('1')\n": ["critical"],
}


@pytest.mark.parametrize(("text", "found"), CHANGES.items())
def test_coderabbit_reviews_the_head_of_a_pull_request(text, found, tmp_path):
    repo = ShopRepo(tmp_path).build()
    hub = github.SimulatedGitHub(repo, "")
    coderabbit.SimulatedCodeRabbit(hub).begin()
    (repo.team / "shop/new.py").write_text(text)
    git(repo.team, "checkout", "-q", "-b", "fix")
    sha = repo._commit("Fix", "Ada Noor")
    git(repo.team, "push", "-q", "origin", "fix")
    with serving(Starlette(routes=hub.routes)) as url:
        hub.at(url)
        http = Http("github", f"{url}/github", {"Authorization": f"Bearer {github.TOKEN}"}, private=True)
        reviewer, path = CodeRabbit(http), f"/repos/{github.NAME}"
        assert reviewer.look(github.NAME, 1, sha).state == "waiting", "no pull request, no review"
        number = http.post(f"{path}/pulls", json={"head": "fix", "base": "main", "title": "Fix"}).json()["number"]
        seen = [reviewer.look(github.NAME, number, sha) for _ in range(2)]
    assert seen[0] == seen[1] and seen[0].state == "done", "it reviews a commit once"
    assert [one.severity for one in seen[0].findings] == found
    assert all("simulated by the demo" in row["body"] for row in hub.said.given[number])


@pytest.mark.parametrize("on", [False, True])
def test_agents_are_connected_only_where_they_are_asked_for(on, tmp_path):
    (tmp_path / "sandbox.json").write_text(json.dumps({"token": "t", "port": 1, "mail_port": 2, "agents": on}))
    setup.write_platform(tmp_path, 1, on)
    names = {"OPENAI_MODEL", "KESTRA_URL", "KESTRA_ANALYSIS_FLOW", "CLINE_BIN"}
    assert (names & set(setup.environment(tmp_path)) == names) is on
    assert ("[coderabbit]" in (tmp_path / "platform.toml").read_text()) is on
    told = {one["name"]: one["kind"] for one in setup.agents(on)}
    assert told["Embedded repairer"] == "real" and told["Model server"] == ("simulated" if on else "off")
    assert "simulated" in model.NAME
