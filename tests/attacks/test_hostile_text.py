"""100 kB of the worst shapes cost every reader of strangers' text about what 100 kB of harmless text cost.

Bounded is the ratio of CPU times in one process, never a time: of the reader itself on a harmless text of the same
length, or of a plain pass over that text where the reader hardly looks at it. A quadratic reader fails by a factor
of hundreds.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable

import pytest

from tests.attacks import hostile
from tests.attacks import pattern_places as places
from tests.attacks.readers import READERS, Reader

LENGTH = 100_000  # characters
RATIO = 50.0
AGAIN = 4  # more measurements of a text that seems too dear: others use this machine, too
HARMLESS = hostile.filled(hostile.HARMLESS, LENGTH)
PLAIN = re.compile(r"\w+|\s+|.")
# readers that cost most: `make test` tries some of their texts, `make long` all; each shape is tried with other readers
DEAR = (
    "fix by a message", "fix by documentation", "fingerprint of a crash", "correlation", "policy of patches",
    "embedded analysis", "kind of cause",
)  # fmt: skip
SOME = 6
NEAR = 60  # beginnings, again and again, of one reader's patterns; of what has no end all are tried
# places that no reader above reaches, by module or function, each with why it needs none
ELSEWHERE = {
    "console.server.api": "its bodies are a signed-in person's, of 64 kB at most",
    "console.server.web_vitals:take": "a body of 1 kB at most",
    "console.server.assets": "Streamlit's own page",
    "console.parts.preview": "a signed-in person's own edit of the policy",
    "console.parts.tour": "an address of the demo, of 54 characters at most",
    "core.cli.stage": "flows of this product, and settings of its admin",
    "console.server.provider": "claims of the identity provider, verified before",
    "core.cli.fix": "what the operator types",
    "core.__main__:decide": "what the operator types",
    "core.settings:_network": "the operator's own file of variables",
    "core.setup.writing:_fits": "a line that an admin types",
    "core.stages.deliver.ways:_held": "the operator's own file of variables",
    "core.repair.sandbox.frames_inside": "runs inside the sandbox",
    "core.repair.sandbox.nearness_inside": "runs inside the sandbox",
    "core.repair.sandbox.sandbox_harness": "runs inside the sandbox",
    "core.stages.review.timing_inside": "runs inside the sandbox",
    "core.repair.sandbox.runner": "the sandbox's own word",
    "core.stages.review.gates": "reports of our own tools, whose lines hold names of at most a line",
    "core.stages.review.vulnerabilities:_private": "canonical names of packages, of 100 characters at most",
    "core.stages.review.imports:_used": "names of modules",
    "core.vendors.slack:Slack.check": "a header with the scopes of our own token",
    "core.vendors.slack:SlackWebhook.send": "our own message",
    "core.actions.slack": "the button's value, which has a reader of its own",
    "core.signals.analysis.causes:_rule": "compiles our own table",
    "core.repair.bench:_inputs": "one look for three words",
    "core.repair.judge.precision:_read": "a file of the product",
    "core.repair.sandbox.newer_syntax": "what a script of ours printed in the sandbox, of a file that was bounded",
    "core.repair.sandbox.syntax_inside": "runs inside the sandbox",
    "core.repair.judge.refusals:_error_called": "names of the program's own statements",
    "core.stages.dependence:_ended": "the last line of a failed test, in a report that was bounded",
    "core.stages.dependence:_waits_for": "a reason that this platform wrote",
    "console.page:_declared": "the product's own pages",
    "core.access.accounts:_address": "a claim of the identity provider, verified before",
    "core.audit.head": "the head that this platform wrote, or the line that the operator gives",
    "core.policy.names": "names of the operator's own policy",
    "core.access.passwords:_guesses": "a password whose spelling and length were bounded before",
    "core.repair.judge.capabilities:_wider": "conditions of a patch, parsed and written anew",
    "core.repair.prove.generated_tests": "statements of a test of ours, parsed and written anew",
    "core.repair.reproduce.examples": "first words of lines of the repository's documentation",
    "core.repair.reproduce.test_modules": "names of frames, escaped, in the repository's own tests",
    "core.signals.grouping.templates:_contrary": "two words of a template",
    "core.signals.analysis.wording:_container": "a type's name in a message that was cut before",
    "core.signals.analysis.wording:_zero": "a literal of the program",
    "core.stages.review.coverage_inside": "runs inside the sandbox",
    "core.repair.environment.needs_inside": "runs inside the sandbox",
    "core.repair.environment.layout_inside": "runs inside the sandbox",
    "core.repair.environment.build": "the end of what uv printed in its room, of 200,000 characters at most",
    "core.repair.environment.existing": "what a script of ours printed in the sandbox",
    "core.repair.environment.interpreters": "interpreters of this machine, and one line of a manifest, bounded",
    "core.repair.environment.indexes": "configuration of the operator's own machine",
    "core.repair.environment.discovery": "a report from the sandbox, validated and bounded",
    "core.repair.environment.alone": "names of the platform's own packages",
    "core.repair.environment.cache": "a file that this platform wrote",
    "core.vendors.package_index": "pages of the operator's own package index, matched in linear time",
    "core.repair.sandbox.servers_inside": "runs inside the sandbox",
    "core.stages.imports_inside": "runs inside the sandbox",
    "core.queries.kpi_metrics:label": "the name of a figure of ours",
    "console.parts.periods:_before": "the policy's own section, written by us",
    "core.queries.search": "what a signed-in person types, of 100 characters at most",
    "core.queries.documentation": "files of the product",
    "console.parts.kpis:cases_of": "the words of a figure of ours",
    "core.setup.repository:RepositoryAnswers.values": "what an admin types",
    "core.vendors.datadog_lines:row_of": "the name of a stream that this platform wrote",
    "core.vendors.delivery.github_actions:filled": "inputs of the operator's own policy",
    "core.stages.review.manifests:main": "runs inside the sandbox",
    "core.stages.review.tools": "reports of our own tools, validated and bounded",
    "core.stages.review.documents:_of_files": "names of the files at the top of the repository",
    "core.stages.review.manifest_reader:read": "an answer of the sandbox, validated and bounded",
    "core.stages.review.ruff_settings:of": "an answer of the sandbox, validated and bounded",
    "core.stages.review.ruff_settings_inside": "runs inside the sandbox",
    "core.stages.review.ruff_settings:RuffSettings.counts": "codes of ruff, of six characters at most",
    "core.stages.review.text_gates:dependencies": "manifests that were bounded, in one pass of a class of characters",
    "core.signals.security.finding:of_package": "an advisory's id, of 100 characters at most",
    "core.stages.security.unsafe_lines:_red": "the line of a failed test, in a report that was bounded",
    "core.vendors.whole_traces:traces_of": "ids, of 39 characters at most",
    "core.vendors.github_activity:GitHubActivity._pull": "the name of a branch, which git bounds",
    "core.vendors.opinion:question": "the names of an exception and of functions of libraries, bounded before",
}
# they look at the program's own statements around the crash, a source file's size, where a message leads there; what
# strangers can write there (message, values, documentation) goes in by the readers "fix by ..."
OF_THE_PROGRAM = (
    *(
        "core.repair.propose.",
        "core.repair.propose.evidence:",
        "core.repair.reproduce.infer:",
        "core.repair.reproduce.building:",
        "core.repair.reproduce.inputs:",
    ),
    *(
        "core.repair.reproduce.test_calls:",
        "core.repair.reproduce.reproduce:",
        "core.repair.reproduce.mutate:",
        "core.repair.security.",
        "core.repair.speed.inputs:",
        "core.stages.security.unsafe_lines:_function",
        "core.repair.localize.fixability:",
    ),
)


def cpu(work: Callable[[str], object], text: str) -> float:
    began = time.process_time()
    work(text)
    return time.process_time() - began


def careful(reader: Reader) -> Callable[[str], None]:
    """The reader, whose documented errors are no fault."""

    def read(text: str) -> None:
        try:
            reader.read(text)
        except reader.errors:
            return

    return read


@pytest.fixture(autouse=True)
def quiet():
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


def texts(reader: Reader) -> list[tuple[str, str]]:
    """All shapes, and near misses of the very patterns that the reader comes by."""
    used: dict[str, None] = {}
    called = places.seen(lambda: [careful(reader)(seed) for seed in (*reader.seeds, "x")])
    for place in sorted(called & places.places().keys()):
        used |= dict.fromkeys(places.places()[place])
    near = [text for pattern in used for text in near_misses(pattern)]
    endless = [text for text in near if text[0].endswith("without an end")]
    again = [text for text in near if text not in endless]
    return [*hostile.shapes(LENGTH), *endless, *again[:: max(1, len(again) // NEAR)]]


def near_misses(pattern: str) -> list[tuple[str, str]]:
    try:
        flags = re.X if "\n" in pattern else 0
        return list(hostile.near_misses(pattern.replace(r"\z", r"\Z"), flags, LENGTH))
    except re.error:  # a part of a pattern that is put together
        return []


ROWS = [pytest.param(name, SOME if name in DEAR else 1, id=name) for name in READERS]
ROWS += [pytest.param(name, 1, id=f"{name}, all texts", marks=pytest.mark.long) for name in DEAR]


@pytest.mark.parametrize(("name", "every"), ROWS)
def test_the_worst_text_costs_about_what_a_harmless_one_costs(name, every):
    reader, read = READERS[name], careful(READERS[name])
    harmless = hostile.filled(reader.harmless, LENGTH) if reader.harmless else HARMLESS
    limit = RATIO * max(min(cpu(read, harmless) for _ in range(3)), min(cpu(PLAIN.findall, HARMLESS) for _ in range(3)))
    for shape, text in texts(READERS[name])[::every]:
        assert len(text) == LENGTH
        if (took := cpu(read, text)) > limit and took < 40 * limit:
            took = min(took, *(cpu(read, text) for _ in range(AGAIN)))
        assert took <= limit, f"{shape}: {took / limit * RATIO:.0f} times the harmless text, {RATIO:.0f} are allowed"


def test_every_place_that_matches_or_parses_has_a_reader_or_a_reason():
    places.forget()
    called = set()
    for reader in READERS.values():
        called |= places.seen(lambda reader=reader: [careful(reader)(text) for text in (*reader.seeds, "'x' a1", "zz")])
    left = {f"{module}:{function}" for module, function in places.places().keys() - called}
    told = {place: [why for why in ELSEWHERE if place == why or place.startswith(f"{why}:")] for place in left}
    assert not [p for p, why in told.items() if not why and not p.startswith(OF_THE_PROGRAM)]
    every = [f"{module}:{function}" for module, function in places.places()]
    gone = [why for why in ELSEWHERE if not any(place == why or place.startswith(f"{why}:") for place in every)]
    assert not gone, "a reason that nothing needs any more"
