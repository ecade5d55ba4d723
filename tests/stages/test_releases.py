"""Which release carries a merge: deployments, release tags and the time, and whose word is not taken."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.db import store
from core.models import Kind, Signal, now
from core.policy.services import Repository
from core.stages import workspace
from core.stages.deliver import merging, releases
from core.vendors.command import git
from tests.stories.world import World

AGO = timedelta(minutes=10)


@pytest.fixture
def w(tmp_path):
    return World(tmp_path)


def commit(w: World, name: str) -> str:
    """A commit on main."""
    team = w.folder / "team"
    (team / name).write_text("")
    git(team, "add", "--all")
    git(team, "commit", "--quiet", "--message", name)
    git(team, "push", "--quiet", str(w.origin), "HEAD:main", "--tags")
    return git(team, "rev-parse", "HEAD").strip()


def signal(w: World, release: str, at, kind: Kind = Kind.EXCEPTION, service: str = "pricing", **more) -> None:
    with store.write() as session:
        session.add(
            Signal(source="sentry", vendor_id=f"{release}-{at}", kind=kind, service=service, title="t", release=release,
                   at=at) if not more else
            Signal(source="github", kind=kind, service=service, title="t", release=release, at=at, **more)
        )  # fmt: skip


def released(w: World, sha: str, merged, **rules):
    repository = w.rt.policy.repositories["shop"]
    if rules:
        repository = Repository(**repository.model_dump() | {"pull_request": rules})
    w.rt.vercel = None
    found = workspace.clone(w.rt, "shop", repository)
    return merging._released(w.rt, found, "shop", repository, sha, merged, now())


def test_a_deployment_of_the_merge_or_of_a_later_commit_carries_it(w):
    before, merge, later = commit(w, "a"), commit(w, "b"), commit(w, "c")
    merged = now() - AGO
    w.ledger.put("releases", [(before, (merged + timedelta(minutes=1)).isoformat())])
    live, says = released(w, merge, merged)
    assert live is None and "awaiting the release that contains it" in says
    at = merged + timedelta(minutes=2)
    w.ledger.put("releases", [(later, at.isoformat()), (before, merged.isoformat())])
    live, says = released(w, merge, merged)
    assert (live.sha, live.since) == (later, at) and "GitHub deployment" in says


@pytest.mark.parametrize("form", ["{}", "{:.12}", "shop@{}", "1.2.0+{:.7}"])
def test_a_release_tag_of_a_signal_names_a_commit(w, form):
    merge = commit(w, "b")
    at = now() - timedelta(minutes=1)
    signal(w, form.format(merge), at)
    live, says = released(w, merge, now() - AGO)
    assert (live.sha, live.since) == (merge, at) and "sentry" in says


@pytest.mark.parametrize("named", ["v1.2.0", "1.2.0", "shop@1.2.0"])
def test_a_release_tag_of_a_signal_names_a_tag(w, named):
    merge = commit(w, "b")
    git(w.folder / "team", "tag", "v1.2.0")
    git(w.folder / "team", "push", "--quiet", str(w.origin), "v1.2.0")
    signal(w, named, now() - timedelta(minutes=1))
    assert released(w, merge, now() - AGO)[0].sha == merge


@pytest.mark.parametrize(
    "named",
    ["HEAD", "main", "refs/heads/main", "refs/remotes/origin/main", "shop@refs/remotes/origin/main", "abc", "x\ny",
     "../../remotes/origin/main", "main@{0}", "-n", "$(id)"],
)  # fmt: skip
def test_no_other_name_of_git_is_looked_up_for_a_stranger(w, named):
    """A signal that anybody can send may not say that production runs the head of the main branch."""
    merge = commit(w, "b")
    found = workspace.clone(w.rt, "shop", w.rt.policy.repositories["shop"])
    assert releases.commit_of(found, named) == ""
    signal(w, named, now() - timedelta(minutes=1))
    assert "no source reports releases" in released(w, merge, now() - AGO)[1]


def test_signals_of_other_services_and_plain_commits_are_no_releases(w):
    merge, at = commit(w, "b"), now() - timedelta(minutes=1)
    signal(w, merge, at, service="another repository's")
    signal(w, merge, at, Kind.CHANGE, vendor_id=f"acme/shop@{merge}")
    assert "no source reports releases" in released(w, merge, now() - AGO)[1]
    signal(w, merge, at, Kind.CHANGE, vendor_id="deployment-12")
    assert "github reports release" in released(w, merge, now() - AGO)[1]


def test_without_any_sign_the_merge_counts_after_the_delay_of_the_policy(w):
    merge, merged = commit(w, "b"), now() - AGO
    live, _ = released(w, merge, merged)
    assert (live.sha, live.since) == (merge, merged)
    assert released(w, merge, merged, release_delay_minutes=11)[0] is None
    assert released(w, merge, merged, release_delay_minutes=9)[0].since == merged + timedelta(minutes=9)


def test_a_release_that_nobody_tells_of_is_waited_for_so_long_and_then_watched_from_now(w):
    before, merge = commit(w, "a"), commit(w, "b")
    merged = now() - AGO
    signal(w, before, merged - timedelta(days=1))
    assert released(w, merge, merged, release_wait_minutes=11)[0] is None
    live, says = released(w, merge, merged, release_wait_minutes=9)
    assert live.since > merged + timedelta(minutes=9) and "no release was reported in 9 minutes" in says


def test_an_older_release_that_still_reports_does_not_carry_the_merge(w):
    before, merge = commit(w, "a"), commit(w, "b")
    signal(w, before, now() - timedelta(minutes=1))
    assert released(w, merge, now() - AGO)[0] is None
