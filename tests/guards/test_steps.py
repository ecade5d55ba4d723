"""The looks at a release that serves a share of the traffic: when it gets more, and when it is rolled back."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace

import pytest

from core.models import Deployment
from core.policy.sections import Watch
from core.signals.release import Judgement, State
from core.stages.deliver import holds, release_words, restoring, scene, traffic
from core.stages.watch import look, stepping
from core.vendors.base import Deployed, VendorError
from tests.guards.watching import BEFORE, LIVE, READY, Host, Watched, another, every, release

STEPS = "[repositories.shop]\nsteps = [10, 50]\n"
RULES = Watch(seconds=600, earliest=60)


@dataclass
class Rolling:
    """Vercel's rolling releases: ``slow`` looks until a share is served; ``refuses`` a shift."""

    now: int = 10
    slow: int = 0
    refuses: str = ""
    permanent: bool = True
    asked: list[int] = field(default_factory=list)

    def share(self, project, vendor_id) -> int:
        return self.now

    def active(self, project, vendor_id) -> bool:
        return 0 < self.now < 100

    def shift(self, project, vendor_id, share) -> int:
        if self.refuses:
            raise VendorError("vercel", self.refuses, permanent=self.permanent)
        self.asked.append(share)
        self.slow -= self.now < share
        if self.slow < 0:
            self.now = max(self.now, share)
        return self.now


@dataclass
class SteppedHost(Host):
    """Production serves the replaced deployment until everything is shifted."""

    live: str | None = BEFORE
    rolling: Rolling = field(default_factory=Rolling)

    def serve(self, project, vendor_id):
        self.live = vendor_id
        return Deployed(vendor_id, "", "READY")

    def abort(self, project, vendor_id, to):
        self.rolling.now = 0
        return self.rollback(project, to)


def at(second: float) -> str:
    return (READY + timedelta(seconds=second)).isoformat()


@pytest.fixture
def stepped(console) -> Watched:
    made = release(console)
    made.host = SteppedHost()
    told = {"steps": [10, 50], "share": 10, "begun": at(0), "since": at(0)}
    made.set(vendor_id=LIVE, previous_vendor_id=BEFORE, judged={"traffic": told})
    return made


def share(made: Watched) -> int:
    return made.row.judged["traffic"]["share"]


def test_a_share_lasts_as_long_as_a_watch_may_be_short_and_is_then_raised(stepped):
    assert stepped.look(30)[0].state == "watching" and share(stepped) == 10
    found, entry = stepped.look(61)
    assert (found.state, share(stepped)) == ("watching", 50) and "50 % of the traffic" in entry.message
    assert stepped.look(100)[0].state == "watching" and share(stepped) == 50, "a share begins when it is served"
    assert stepped.host.rolling.asked == [10, 10, 50, 50]


def test_a_step_begins_when_the_target_serves_its_share(stepped):
    stepped.host.rolling.slow = 2
    for second in (61, 100):
        _, entry = stepped.look(second)
        assert entry.message == "the traffic moves to 50 %" and stepped.row.judged["traffic"]["since"] is None
    for second in (140, 150):
        stepped.look(second)
        assert share(stepped) == 50 and stepped.row.judged["traffic"]["since"] == at(140)


def test_a_share_that_the_target_never_serves_ends_the_release(stepped):
    stepped.host.rolling.slow = 99
    assert [stepped.look(second)[0].state for second in (61, 400, 660)] == ["watching"] * 3
    found, _ = stepped.look(663)
    assert (found.state, found.message) == ("failed", "the traffic did not move to 50 % in time")


def test_at_the_end_the_watch_begins_anew_without_the_time_of_the_steps(stepped):
    stepped.look(61)
    stepped.look(122)
    assert share(stepped) == 100 and stepped.host.live == LIVE
    row = stepped.row
    assert (row.ready_at - READY).total_seconds() == pytest.approx(122) and not traffic.partly(row)
    assert traffic.begun(row) == READY
    _, entry = stepped.look(130)
    assert entry.detail["age_seconds"] == pytest.approx(8, abs=0.2)


def test_harm_at_a_share_ends_the_release(stepped):
    stepped.errors(every(1, 5, 58), another(), fingerprint="new-fault", release="9d03e7c")
    found, entry = stepped.look(58)
    assert found.state == "failed" and "at 10 % of the traffic: " in entry.message and "new-fault" in entry.message
    assert stepped.host.rolling.asked == [], "no more traffic is asked for"


def test_the_fault_that_goes_on_beside_it_is_no_reason_to_roll_back(stepped):
    stepped.errors(every(5, 0, 60), release="9d03e7c")
    assert stepped.look(61)[0].state == "watching" and share(stepped) == 50


def test_a_shift_that_is_refused_ends_the_release(stepped):
    stepped.host.rolling.refuses = "the plan has no rolling releases"
    found, _ = stepped.look(30)
    assert found.state == "failed" and "could not be moved to 10 %: the plan has no" in found.message


def test_an_abort_at_the_vendor_ends_it_and_another_deployment_supersedes_it(stepped):
    stepped.host.rolling.now = 0
    assert stepped.look(30)[0].state == "failed"
    stepped.host.live = "dpl_team"
    assert stepped.look(31)[0].state == "superseded"


def test_a_rollback_at_a_share_takes_it_out_although_production_is_the_old_deployment(stepped):
    done = restoring.restore(stepped.runtime(), stepped.row)
    assert done.status == "rolled_back" and stepped.host.rolling.now == 0 and stepped.host.asked == [("shop", BEFORE)]


def test_what_was_never_shifted_is_not_rolled_back(stepped):
    stepped.host.rolling.now = 0
    assert "already serves" in restoring.restore(stepped.runtime(), stepped.row).message and not stepped.host.asked


def test_a_target_that_falls_back_gets_no_more_traffic(stepped):
    stepped.host.rolling.now, stepped.host.rolling.slow = 5, 99
    assert stepped.look(61)[0].state == "watching" and share(stepped) == 10


def test_a_fault_of_the_vendor_that_may_pass_ends_nothing(stepped):
    stepped.host.rolling.refuses, stepped.host.rolling.permanent = "busy", False
    with pytest.raises(VendorError, match="busy"):
        stepped.look(61)
    assert share(stepped) == 10


def test_a_stop_keeps_the_share_however_long_and_is_said(stepped):
    stepped.look(61)
    with scene.store.write() as session:
        holds.put(session, holds.EVERYTHING, "ada", "an incident")
    found, entry = stepped.look(2000)
    assert (found.state, share(stepped)) == ("watching", 50)
    assert entry.message.endswith(". Waiting: ada stopped all releases: an incident")
    with scene.store.write() as session:
        holds.of(session, holds.EVERYTHING).ended_at = READY
    found, entry = stepped.look(2001)
    assert share(stepped) == 100 and "Waiting" not in entry.message and entry.message == entry.message.rstrip(" .")


def test_a_doubt_at_a_share_is_put_to_a_person(stepped, monkeypatch):
    doubt = Judgement(State.UNSURE, "ValueError in mail: new, perhaps of the release", open=True)
    monkeypatch.setattr(look, "judge", lambda *_: doubt)
    assert stepped.look(61)[0].state == "watching" and share(stepped) == 10
    assert {message.channel for message in stepped.notified("watch_unsure")} == {"slack", "email"}


@pytest.mark.parametrize(
    ("stored", "live", "is_aborted"),
    [
        ({"steps": [10], "share": 10}, BEFORE, True),
        ({"steps": [10], "share": 10}, LIVE, False),
        ({"steps": [10], "share": 10}, None, False),
        ({"steps": [10], "share": 100, "all": at(60)}, BEFORE, False),  # the watch of everything judges it
        ({}, BEFORE, False),
    ],
)
def test_only_a_release_in_steps_can_be_aborted(stored, live, is_aborted):
    row = Deployment(previous_vendor_id=BEFORE, judged={"traffic": stored})
    seen = SimpleNamespace(release=SimpleNamespace(row=row), live=live and Deployed(live, "", "READY"))
    assert stepping.aborted(seen) is is_aborted


def test_a_person_who_keeps_it_raises_the_share(stepped):
    stepped.set(kept_by="ada")
    stepped.look(5)
    assert share(stepped) == 50


# --- when a step is over -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdict", "lasted", "done"),
    [
        (Judgement(State.WATCHING, ""), 59, False),
        (Judgement(State.WATCHING, ""), 60, True),
        (Judgement(State.UNCURED, ""), 60, True),
        (Judgement(State.WATCHING, "", open=True), 599, False),
        (Judgement(State.WATCHING, "", open=True), 600, True),
        (Judgement(State.WATCHING, "", rates=("cart",)), 600, False),
        (Judgement(State.UNSURE, "", open=True), 900, False),  # a person is asked
        (Judgement(State.UNSURE, ""), 600, True),
    ],
)
def test_a_step_is_over(verdict, lasted, done):
    assert stepping.over(verdict, lasted, RULES) is done


# --- what the watch of everything leaves out -------------------------------------------------------


def test_the_time_of_the_steps_is_neither_before_nor_since_the_release(stepped):
    stepped.set(
        ready_at=READY + timedelta(seconds=300),
        judged={"traffic": {"steps": [10], "share": 100, "begun": at(0), "all": at(300)}},
    )
    found = scene.Release(stepped.issue, None, stepped.row, frozenset())
    seconds = [found.seconds(READY + timedelta(seconds=second)) for second in (-10, 310)]
    assert seconds == [-10, 10] and found.since == READY - scene.HISTORY
    stepped.errors([-20, 150, 320], fingerprint="own-fault")
    with scene.store.read() as session:
        rows = scene._signals(session, found, READY + timedelta(seconds=400))
        built = sorted(found.seconds(row.at) for row in rows)
    assert built[-1] == 20 and -20 in built and not [second for second in built if 0 <= second < 20]


@pytest.mark.parametrize(
    ("judged", "rehearsed", "share"),
    [
        ({}, "", ""),
        ({"rehearsal": {"ok": True, "says": "", "seconds": 1.24}}, "Rollback rehearsed in 1.2 s", ""),
        ({"rehearsal": {"ok": None, "says": "no trial"}}, "Rollback not rehearsed: no trial", ""),
        ({"rehearsal": {"ok": False, "says": "gone"}}, "Rollback rehearsal failed: gone", ""),
        ({"traffic": {"steps": [10, 50], "share": 50}}, "", "50 % (steps: 10 %, 50 %, all)"),
        ({"traffic": {"steps": [10], "share": 100, "all": "2026"}}, "", "all, after 10 %"),
    ],
)
def test_what_people_are_told(judged, rehearsed, share):
    assert (release_words.rehearsed(judged), release_words.share(judged)) == (rehearsed, share)
