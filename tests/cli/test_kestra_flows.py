"""The flows of core/cli/kestra: structure, references, and the whole of "issue" carried out stage by stage."""

from __future__ import annotations

import json
import re
import shlex
from argparse import Namespace
from pathlib import Path

import pytest
import yaml
from sqlmodel import select

from core import runtime
from core.access.rights import Refused
from core.actions import approvals
from core.cli import cycle
from core.cli import stage as stage_command
from core.db import store
from core.models import TELLABLE, Approval, Impact, Issue, Outcome, Round, Severity, Status, now
from core.settings import Settings
from core.stages.results import ReleaseResult
from core.vendors.base import VendorError
from tests import factories, screens
from tests.stories import delivering
from tests.who import by

FLOWS = {path.stem: yaml.safe_load(path.read_text()) for path in Path(stage_command.FLOWS).glob("*.yaml")}
AGENT = "io.kestra.plugin.ai.agent.AIAgent"
COMMANDS, IF = "io.kestra.plugin.scripts.python.Commands", "io.kestra.plugin.core.flow.If"
SUBFLOW, PARALLEL = "io.kestra.plugin.core.flow.Subflow", "io.kestra.plugin.core.flow.Parallel"


def tasks_of(flow: dict) -> list[dict]:
    def below(tasks):
        for task in tasks or []:
            yield task
            yield from below(task.get("then"))
            yield from below(task.get("else"))
            yield from below(task.get("tasks"))

    return [*below(flow.get("tasks")), *below(flow.get("errors"))]


def responses() -> list[dict]:
    formats = [t.get("configuration", {}).get("responseFormat") for f in FLOWS.values() for t in tasks_of(f)]
    return [found["jsonSchema"] for found in formats if found]


@pytest.mark.parametrize("name", FLOWS)
def test_structure(name):
    flow = FLOWS[name]
    assert flow["id"] == name and flow["namespace"] == "platform" and flow["tasks"]
    assert set(flow) <= {"id", "namespace", "description", "inputs", "errors", "tasks", "triggers", "concurrency"}
    ids = [task["id"] for task in tasks_of(flow)]
    assert len(ids) == len(set(ids)) and all(re.fullmatch(r"[a-zA-Z0-9][\w-]*", i) for i in ids)


@pytest.mark.parametrize("name", FLOWS)
def test_references(name):
    """Every output, input and subflow that is named is there, and outputs come from tasks before."""
    flow, text = FLOWS[name], yaml.safe_dump(FLOWS[name], width=10**6)
    order = [task["id"] for task in tasks_of(flow)]
    inputs = {i["id"] for i in flow.get("inputs", [])}
    assert set(re.findall(r"inputs\.(\w+)", text)) <= inputs
    for task in tasks_of(flow):
        own = {key: value for key, value in task.items() if key not in ("then", "else", "tasks")}
        for used in re.findall(r"outputs\.(\w+)\.", json.dumps(own)):
            assert order.index(used) < order.index(task["id"])
        if task["type"] == SUBFLOW:
            assert set(task["inputs"]) == {i["id"] for i in FLOWS[task["flowId"]]["inputs"]}


def test_a_round_begins_every_five_minutes():
    (trigger,) = FLOWS["round"]["triggers"]
    assert trigger["type"] == "io.kestra.plugin.core.trigger.Schedule" and trigger["cron"] == "*/5 * * * *"


def test_commands_are_stages_and_no_strangers_text_reaches_a_shell():
    words = set()
    for task in (t for f in FLOWS.values() for t in tasks_of(f) if t["type"] == COMMANDS):
        for line in task["commands"]:
            assert line.startswith("python -m core stage ")
            words.add(shlex.split(line)[4])
            told = re.findall(r"\{\{ (.+?) \}\}", line)
            assert set(told) <= {
                "inputs.issue", "outputs.decide.vars.event", "outputs.release.vars.event", "outputs.begin.vars.round",
            }, line  # fmt: skip
    assert words <= set(stage_command.STAGES)
    assert set(stage_command.STAGES) - words == {"deploy", "collect"}, "a person and older flows call these"


def test_a_round_reads_each_source_in_a_task_of_its_own():
    begin, sources, group = FLOWS["round"]["tasks"]
    assert (begin["id"], group["id"]) == ("begin", "group") and sources["type"] == PARALLEL
    vendors = ("datadog", "newrelic", "github", "sentry", "cloudwatch")
    assert [t["commands"] for t in sources["tasks"]] == [
        [f"python -m core stage read --source {name}"] for name in (*vendors, "inputs")
    ]


def test_the_flows_are_uploaded_for_the_settings_namespace_and_model():
    configured = Settings(kestra_namespace="team.staging", openai_model="gpt-5", _env_file=None)
    text = {path.stem: path.read_text() for path in stage_command.FLOWS.glob("*.yaml")}
    for flow in (yaml.safe_load(stage_command.adapted(one, configured)) for one in text.values()):
        assert flow["namespace"] == "team.staging"
        assert {t["namespace"] for t in tasks_of(flow) if t["type"] == SUBFLOW} <= {"team.staging"}
        assert {t["provider"]["modelName"] for t in tasks_of(flow) if t["type"] == AGENT} <= {"gpt-5"}
    plain = Settings(_env_file=None, openai_model="")
    assert all(yaml.safe_load(stage_command.adapted(one, plain)) == yaml.safe_load(one) for one in text.values())


def test_the_agents_words_are_the_models():
    (schema,) = responses()
    for name, kind in (("cause", TELLABLE), ("severity", Severity), ("impact", Impact)):
        assert schema["properties"][name]["enum"] == [member.value for member in kind]


# --- the flow carried out ----------------------------------------------------------------------------


class Kestra:
    """As much of Kestra as these flows ask for: commands, one that fails and is tried again, conditions, a subflow.

    ``person(issue)`` is what somebody does in the console after the flow has asked for the first time.
    """

    def __init__(self, issue: int, person=None):
        self.issue, self.person, self.outputs, self.ran = issue, person, {}, []

    def run(self, flow: str) -> None:
        self.tasks(FLOWS[flow]["tasks"])

    def tasks(self, tasks: list[dict]) -> None:
        for task in tasks:
            {COMMANDS: self.command, IF: self.branch, SUBFLOW: self.subflow}[task["type"]](task)

    def command(self, task: dict) -> None:
        given = {"event": "workflow_failed"}
        environment = {name: str(self.value(text)) for name, text in task.get("env", {}).items()}
        words = shlex.split(task["commands"][0])[4:]
        for option, text in zip(words[1::2], words[2::2], strict=True):
            given[option.removeprefix("--")] = environment.get(text.removeprefix("$"), text)
        line = task["commands"][0]
        if "--event {{" in line:
            given["event"] = self.value("{{" + line.split("--event {{")[1])
        self.ran.append(task["id"])
        told = self.tried(task, words[0], Namespace(**given | {"issue": self.issue}))
        self.outputs[task["id"]] = {"vars": json.loads(json.dumps(told))}

    def tried(self, task: dict, stage: str, given: Namespace) -> dict:
        try:
            return stage_command.STAGES[stage](given)
        except Refused:
            assert self.person and task["retry"]["type"] == "constant"
            self.person(self.issue)
            return stage_command.STAGES[stage](given)

    def branch(self, task: dict) -> None:
        self.tasks(task["then"] if self.value(task["condition"]) else task.get("else", []))

    def subflow(self, task: dict) -> None:
        outer, self.outputs = self.outputs, {}
        self.run(task["flowId"])
        self.outputs = outer

    def value(self, text: str):
        """A template of these flows: paths, ==, not, or, and ``??`` for what is missing."""
        code = re.fullmatch(r"\{\{ (.+?) \}\}", text)[1].replace(" ?? ", " or ")
        code = re.sub(r"outputs((?:\.\w+)+)", lambda m: f"path({m[1]!r})", code).replace("false", "False")
        return eval(code, {"path": self.path})  # noqa: S307 - templates of our own files

    def path(self, dotted: str):
        found = self.outputs
        for name in dotted.strip(".").split("."):
            found = (found or {}).get(name)
        return found


@pytest.fixture
def platform(tmp_path, monkeypatch):
    """A world without DBOS's engine: nothing but the stages themselves."""
    from core.repair import engine
    from core.stages.review import gates
    from tests.stories.world import World, pass_gates, write_known_fix

    monkeypatch.setattr(engine, "repair", write_known_fix)
    monkeypatch.setattr(gates, "review", pass_gates)
    return World(tmp_path)


def opened(world, service="pricing", begin_with=cycle._take) -> int:
    """An issue with its signal, which no worker has begun."""
    from core.ops import durable

    begin, durable.begin = durable.begin, begin_with
    try:
        return world.issue(service)
    finally:
        durable.begin = begin


def outcome() -> list[str]:
    with store.read() as session:
        return session.exec(select(Outcome.result)).all()


def test_an_issue_is_carried_to_its_end(platform):
    kestra = Kestra(opened(platform))
    kestra.run("issue")
    assert kestra.ran == ["analyze", "decide", "fix", "test", "preview", "release", "learn"]
    assert platform.get(kestra.issue).status is Status.RESOLVED and outcome() == ["fixed"]
    assert len(platform.ledger.effects("production")) == 1


def _question(issue: int) -> Approval:
    with store.read() as session:
        return session.exec(select(Approval).where(Approval.issue_id == issue)).one()


def approves(issue: int) -> None:
    asked = _question(issue)
    approvals.approve(asked.id, actor=by("ada"), patch_hash=asked.patch_hash, key="k")


def rejects(issue: int) -> None:
    approvals.reject(_question(issue).id, actor=by("ada"), reason="so be it", key="k")


def says_nothing(issue: int) -> None:
    with store.write() as session:
        session.get_one(Approval, _question(issue).id).expires_at = now()


def test_a_merge_that_is_refused_is_tried_again_apart_from_the_release(platform, monkeypatch):
    real, refusals = platform.rt.host.merge, [VendorError("github", "not mergeable", permanent=True)] * 2

    def merge(*args):
        if refusals:
            raise refusals.pop()
        return real(*args)

    monkeypatch.setattr(platform.rt.host, "merge", merge)
    kestra = Kestra(opened(platform), person=lambda issue: None)
    kestra.run("issue")
    assert kestra.ran[-2:] == ["learn", "merge"] and not refusals
    assert platform.ledger.effects("merge") == ["merge 1"] and platform.change(kestra.issue).status == "merged"
    (apart,) = [task for task in tasks_of(FLOWS["release"]) if task["type"] == SUBFLOW]
    assert (apart["flowId"], apart["wait"]) == ("merge", False), "the next release does not wait for it"


def test_the_merge_of_an_older_run_is_left_alone(platform):
    kestra = Kestra(opened(platform))
    with store.write() as session:
        session.get_one(Issue, kestra.issue).run += 1
    assert stage_command.STAGES["merge"](Namespace(issue=kestra.issue)) == {"ok": True}


@pytest.mark.parametrize(
    ("person", "status", "last"),
    [
        (approves, Status.RESOLVED, "learn"),
        (rejects, Status.ESCALATED, "hand_over_refused"),
        (says_nothing, Status.ESCALATED, "hand_over_refused"),
    ],
)
def test_a_critical_one_waits_for_a_person(platform, person, status, last):
    kestra = Kestra(opened(platform, "checkout"), person)
    kestra.run("issue")
    assert kestra.ran[-1] == last and "answer" in kestra.ran
    assert platform.get(kestra.issue).status is status
    assert bool(platform.ledger.effects("production")) == (person is approves)


@pytest.mark.parametrize(("closed", "last"), [(False, "learn"), (True, "hand_over_refused")])
def test_where_people_merge_the_merge_is_the_answer(platform, closed, last):
    delivering.way(platform, "")

    def person(issue: int) -> None:
        if closed:
            platform.ledger.put("state-1", {"state": "closed", "by": "eve", "says": "not like this"})
        else:
            delivering.merge(platform, issue)

    kestra = Kestra(opened(platform), person)
    kestra.run("issue")
    assert "answer" in kestra.ran and kestra.ran[-1] == last
    issue = platform.get(kestra.issue)
    assert issue.status is (Status.ESCALATED if closed else Status.RESOLVED)
    assert not closed or "closed without a merge by eve: not like this" in issue.reason
    assert outcome() == ["rejected" if closed else "fixed"] and not platform.ledger.effects("production")


def test_a_failed_watch_rolls_back_and_a_person_takes_over(platform):
    platform.ledger.put("rate_of_fix", 0.4)
    kestra = Kestra(opened(platform))
    kestra.run("issue")
    assert kestra.ran[-2:] == ["release", "hand_over_release"]
    assert platform.ledger.get("alias") == "dpl_1" and outcome() == ["rolled_back"]


def test_low_confidence_goes_to_a_person(platform):
    platform.ledger.put("finding", {"confidence": 0.1, "simplicity": 0.1})
    kestra = Kestra(opened(platform))
    kestra.run("issue")
    assert kestra.ran == ["analyze", "decide", "hand_over_decision"]


def test_a_stage_that_is_called_again_does_nothing_twice(platform):
    kestra = Kestra(opened(platform))
    kestra.run("issue")
    effects = platform.ledger.effects()
    given = Namespace(issue=kestra.issue, event="workflow_failed")
    for name in ("fix", "preview", "learn"):
        stage_command.STAGES[name](given)
    assert platform.ledger.effects() == effects
    with store.read() as session:
        assert session.get_one(Issue, kestra.issue).run == 1


def test_a_round_starts_one_execution_an_issue(platform, monkeypatch, capsys):
    """Also when the round before was killed between taking an issue and starting its execution."""
    from core import runtime

    started: dict[str, dict] = {}

    class Server:
        def trigger(self, flow, inputs, key):
            started.setdefault(key, {"flow": flow, **inputs})

    monkeypatch.setattr(cycle, "server", Server)
    monkeypatch.setattr(stage_command.settings, "load", lambda: platform.settings)
    monkeypatch.setattr(stage_command.bootstrap, "build", lambda settings: runtime.current())
    for _ in range(2):
        opened(platform, begin_with=lambda session, issue: None)

    def printed(*words: str) -> dict:
        assert stage_command.main(words) == 0
        return json.loads(capsys.readouterr().out.strip().strip(":"))["outputs"]

    number = printed("begin")["round"]
    for task in FLOWS["round"]["tasks"][1]["tasks"]:
        assert printed(*shlex.split(task["commands"][0])[4:]) == {"records": 0, "error": ""}
    assert printed("group", "--round", str(number)) == {"issues": [1, 2]}
    again = printed("begin")["round"]  # and is killed
    assert printed("collect") == {"issues": []}
    assert started == {f"issue-{n}-run-1": {"flow": "issue", "issue": str(n)} for n in (1, 2)}
    with store.read() as session:
        cycles = session.exec(select(Round).order_by(Round.id)).all()
    assert [(row.worker, row.result) for row in cycles] == [("kestra", r) for r in ("ok", "interrupted", "ok")]
    assert cycles[1].id == again and all(row.ended_at for row in cycles)


@pytest.mark.parametrize(
    ("state", "same_patch", "lifts"),
    [
        ("approved", True, True),
        ("rejected", True, False),
        ("expired", True, False),
        ("pending", True, False),
        ("approved", False, False),
    ],
)
def test_only_an_approval_of_this_patch_lifts_the_limits(tmp_path, monkeypatch, state, same_patch, lifts):
    runtime.use(runtime.Runtime(screens.open_console(tmp_path)))
    with store.write() as session:
        issue = factories.issue(session)
        made = factories.change_set(session, issue)
        factories.approval(session, made, state=state, patch_hash=made.patch_hash if same_patch else "another")
        given, change = Namespace(issue=issue.id), made.id
    asked = []
    monkeypatch.setattr(stage_command, "_by_merge", lambda given: False)
    monkeypatch.setattr(
        stage_command.flow, "carry_out_release", lambda *args: asked.append(args) or ReleaseResult(ok=True)
    )
    stage_command.release(given)
    assert asked == [(issue.id, issue.run, change, not lifts)]
