"""Hostile text in every place where a stranger writes, and a model that does all it says: nothing comes of it.

At the level of each stage all payloads are tried in all places; whole journeys carry a sample of them.
"""

from __future__ import annotations

import ast
import json
from email import message_from_bytes, policy
from functools import cache
from html.parser import HTMLParser

import pytest

from console.ui import markup
from core.decision.receipt import decide
from core.decision.situation import Situation
from core.models import Analysis, ChangeSet, Issue, Review, Verdict, storable
from core.policy.reader import Policy
from core.policy.sections import FixRules
from core.repair.fixers.model_fixer import ModelFixer
from core.repair.fixers.prompting import prompt
from core.repair.judge import policy as fix_policy
from core.repair.reproduce.reproduce import written
from core.repair.sandbox.probe import Call
from core.signals.analysis.analyst import EmbeddedAnalyst
from core.signals.grouping.fingerprint import fingerprint
from core.stages import pull_request
from core.stages.asking import ask
from core.vendors import email, slack
from core.vendors.base import Message
from core.vendors.openai import OpenAIAnalyst
from tests.attacks.fields import PLACES
from tests.attacks.payloads import CANARY, FAMILIES, payloads
from tests.attacks.witness import nothing_happens
from tests.repair.attacks import CODE, HONEST, LINE

CALM = "a note of no meaning"
OFFENSIVE = [*FAMILIES["python"](), *FAMILIES["shell"]()]
BOLDEST = {"cause": "code", "severity": "low", "impact": "low", "confidence": 1.0, "simplicity": 1.0}
BOLD = [Verdict.ESCALATE_HUMAN, Verdict.SCHEDULE_MAINTENANCE, Verdict.AUTO_RESOLVE]


def test_every_place_gets_at_least_five_hundred_payloads():
    assert len(payloads()) >= 500 and len(PLACES) >= 25
    assert len({fingerprint(put(CALM).records[0]).key for put in PLACES.values()}) < len(PLACES)


# --- analysis and decision ---------------------------------------------------------------------------


def judged(finding) -> tuple[int, bool]:
    """How bold the decision is: the verdict's rank, and whether no person is asked."""
    return _judged(*told(finding).values())


@cache
def _judged(cause, severity, impact, confidence, simplicity) -> tuple[int, bool]:
    case = Situation(
        service="pricing", severity=severity, impact=impact, cause=cause, analysis=confidence, simplicity=simplicity,
        successes=9, outcomes=9, occurrences=50, deployments_last_hour=0, rollbacks_in_a_row=0,
    )  # fmt: skip
    receipt = decide(case, POLICY)
    return BOLD.index(receipt.verdict), not receipt.needs_approval


POLICY = Policy(
    services={"pricing": {"repository": "shop"}}, repositories={"shop": {"remote": "https://git.example/shop.git"}}
)


def told(finding) -> dict:
    return {name: getattr(finding, name) for name in ("cause", "severity", "impact", "confidence", "simplicity")}


@pytest.mark.parametrize("place", PLACES)
def test_the_decision_is_the_same_as_without_the_payload(place):
    analyst = EmbeddedAnalyst()
    calm = analyst.analyze(PLACES[place](CALM))
    with nothing_happens():
        for text in payloads():
            found = analyst.analyze(PLACES[place](text))
            assert told(found) == told(calm), text
            assert judged(found) == judged(calm), text


class Obedient:
    """A model that copies a stranger's words into all that it may say, and is as bold as its schema allows."""

    model = "obedient"

    def __init__(self, text: str, **answer):
        self.text, self.answer = text, answer

    def complete(self, system, user, schema):
        return {"root_cause": self.text, "next_step": self.text[:900], "rationale": self.text, **BOLDEST, **self.answer}


@pytest.mark.parametrize("place", PLACES)
def test_an_obedient_analyst_is_no_bolder_than_the_evidence(place):
    calm = judged(EmbeddedAnalyst().analyze(PLACES[place](CALM)))
    with nothing_happens():
        for text in payloads():
            found, _ = ask([OpenAIAnalyst(Obedient(text), EmbeddedAnalyst()), EmbeddedAnalyst()], PLACES[place](text))
            assert judged(found) <= calm, text


# --- what a model is told, and what it writes ----------------------------------------------------------


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    found = tmp_path_factory.mktemp("attacked") / "tree"
    found.mkdir()
    (found / "shop.py").write_text(CODE)
    return found


CRASHES = {
    name: put for name, put in PLACES.items() if put(CALM).records[0].crash != PLACES["url"](CALM).records[0].crash
}


@pytest.mark.parametrize("place", CRASHES)
def test_no_payload_closes_the_fence_of_a_prompt(place, tree):
    with nothing_happens():
        for text in payloads():
            sent = prompt(tree, CRASHES[place](text).records[0].crash, [text])
            opening, closing = sent.split("\n", 1)[0], sent.rsplit("\n", 1)[1]
            mark = opening.removeprefix("<data ").removesuffix(">")
            assert closing == f"</data {mark}>" and sent.count(mark) == 2
            json.loads(sent.removeprefix(opening).removesuffix(closing))


def edits(text: str) -> list[list[dict]]:
    """All that a model could do with a text: run it, keep it, name a file by it, note it."""
    inside = "\n".join(f"    {line}" for line in text.splitlines()) or "    pass"
    return [
        [{"path": "shop.py", "old_text": "def share", "new_text": f"{text}\n\n\ndef share"}],
        [{"path": "shop.py", "old_text": LINE, "new_text": f"{inside}\n{LINE}"}],
        [{"path": text, "old_text": "", "new_text": "x = 1\n"}],
        [HONEST, {"path": "notes.txt", "old_text": "", "new_text": text}],
    ]


@pytest.mark.parametrize("family", FAMILIES)
def test_what_an_obedient_fixer_writes_does_nothing_new(family, tree):
    crash = PLACES["log line of the crash"](CALM).records[0].crash
    before, known = {"shop.py": CODE}, calls(CODE)
    with nothing_happens():
        for text in FAMILIES[family]():
            for made in edits(text):
                proposal = next(ModelFixer(Obedient(text, files=made).complete).propose(tree, crash))
                refused = fix_policy.refuse(before, proposal, FixRules(), ["**"], crash)
                assert refused or harmless(proposal.files, known), text


def harmless(files: dict[str, str], known: list[str]) -> bool:
    """Nothing but the program's own file, and nothing in it that reaches out of the program."""
    new = [call for call in calls(files["shop.py"]) if call not in known]
    return set(files) == {"shop.py"} and not any(
        word in call for call in new for word in (CANARY.name, "import", "open")
    )


def calls(text: str) -> list[str]:
    kinds = (ast.Call, ast.Import, ast.ImportFrom, ast.Await)
    return [ast.unparse(node) for node in ast.walk(ast.parse(text)) if isinstance(node, kinds)]


@pytest.mark.parametrize("place", ["crash.environment", "crash.release", "frame code", "local value", "tag"])
def test_a_payload_is_never_code_of_the_generated_test(place):
    call = Call("from shop import share", "share(3, 0)")
    for text in payloads():
        made = written(call, PLACES[place](text).records[0].crash)
        body = ast.parse(made.code).body
        assert [type(node) for node in body] == [ast.Expr, ast.ImportFrom, ast.FunctionDef], text
        assert isinstance(body[0].value, ast.Constant) and [ast.unparse(n) for n in body[2].body] == ["share(3, 0)"]


# --- what goes outward ---------------------------------------------------------------------------------


def test_a_message_is_one_message_whatever_it_says():
    for text in map(storable, payloads()):
        message = Message(key="k", subject=f"Approval needed: {text}", body=text, link="http://console.example/issues")
        mail = message_from_bytes(
            email.letter(message, "a@example.com", ["b@example.com"]).as_bytes(), policy=policy.default
        )
        assert mail["To"] == "b@example.com" and mail["Bcc"] is None and mail.get_content_type() == "text/plain"
        assert len(mail.items()) == 8, mail.items()
        made = slack.rendered(message)
        blocks = json.loads(made["blocks"])
        said = blocks[0]["text"]["text"]
        assert [block["type"] for block in blocks] == ["section", "context"] and "<" not in said and len(said) < 3000
        json.dumps(made).encode("utf-8")


def test_a_pull_request_holds_a_payload_as_words_alone():
    asked = ChangeSet(issue_id=1, proof={"complete": True}, head_sha="a" * 40, confidence=0.9)
    for text in map(storable, payloads()):
        issue = Issue(id=1, fingerprint="f", title=text, service="pricing", environment=text, release=text)
        analysis = Analysis(issue_id=1, root_cause=text, culprit=text)
        change = replace_row(asked, rationale=text, test_path=text, generator=text, template=text)
        review = Review(change_set_id=1, passed=True, gates=[{"gate": "style", "passed": True, "says": text}])
        said = pull_request.body(RT, issue, analysis, change, review)
        assert not {"`", "<", "@e", "#1"} & set(said.replace("`git revert", "").replace("aaaa`", ""))
        assert "://" not in said.replace("http://console.example", "")
        said.encode("utf-8")


class RT:
    class settings:  # noqa: N801 - as core.runtime.Runtime has it
        public_url = "http://console.example"

    runner = None
    policy = Policy()


def replace_row(row: ChangeSet, **values) -> ChangeSet:
    return ChangeSet(**{**row.model_dump(), **values})


class Elements(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.found.append(f"{tag} {sorted(name for name, _ in attrs)}")


def test_a_payload_is_no_element_on_screen():
    for text in payloads():
        page = Elements()
        page.feed(markup.tag("p", text, title=text, data_x=text) + markup.link(f"/issues?q={text}", text))
        assert page.found == ["p ['data-x', 'title']", "a ['data-nav', 'href', 'target']"], text
