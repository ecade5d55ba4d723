"""Readers of what delivery, sign-in and set-up meet: names of runs, images and releases, and errors of others."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from console.server import oidc
from core.repair.judge import annotation
from core.repair.localize.locate import find
from core.repair.sandbox.probe import Call, ProbeOutcome
from core.setup import repository
from core.stages.deliver import releases
from core.vendors.base import VendorError
from core.vendors.delivery import cluster, commands, github_actions, kubernetes
from tests.attacks.reader import Reader, crash

RUN = {"event": "workflow_dispatch", "head_sha": "4f1c2ab", "updated_at": "2026-01-05T08:00:00Z"}


class NoCommits:
    """A clone that knows no commit."""

    def commits(self, *names: str) -> list[str]:
        return [""] * len(names)


def _run(text: str) -> None:
    row = RUN | {"display_title": text}
    github_actions.live_run(row)
    github_actions.has_key(row, "issue-1-run-1")


def _image(text: str) -> str:
    return kubernetes.sha_of(text, "registry.example/shop:{sha}")


def _file(text: str) -> str | None:
    with tempfile.TemporaryDirectory() as folder:
        return find(Path(folder), f"shop/{text}")


def _signing_in(text: str) -> Any:
    return oidc.explain([text]), oidc._line(text)


def _annotated(text: str) -> None:
    annotation.called(text)
    annotation.returned(text, "f", 1)
    annotation.unannounced({}, crash(text), Call("", "f()"), ProbeOutcome(result=text))


DELIVERY = {
    "name of a workflow run": Reader(_run, seeds=("Deploy 4f1c2ab90e3d (issue-1-run-1)",)),
    "payload of a deployment": Reader(
        lambda text: github_actions.payload_key({"payload": text}), (VendorError,), seeds=('{"key": "k"}',)
    ),
    "name of an image": Reader(_image, seeds=("registry.example/shop:4f1c2ab90e3d",)),
    "fault of a cluster": Reader(cluster.message_of, seeds=('{"message": "no"}',)),
    "state of a deployment command": Reader(
        commands.answer, (ValueError, VendorError), seeds=('{"state": "live", "sha": "4f1c2ab"}',)
    ),
    "name of a release": Reader(
        lambda text: releases.commit_of(NoCommits(), text), seeds=("shop@1.2.0", "4f1c2ab90e3d")
    ),
    "file of a frame": Reader(_file, seeds=("orders/views.py",)),
    "failed sign-in": Reader(_signing_in, seeds=("MismatchingStateError: state?a=b",)),
    "git's refusal": Reader(repository._unreachable, seeds=("fatal: could not read Username",)),
    "annotation of a function": Reader(
        _annotated,
        (RecursionError, MemoryError),
        seeds=("def f() -> int:\n    return g(1)\n", "f(1)", "NoneType None"),
        harmless="a, ",
    ),
}
