"""What a verdict becomes with the success checks and what could not be seen, as tables."""

from types import SimpleNamespace

import pytest

from core.models import ServiceHealth
from core.policy.reader import ConfigurationError, parse_policy
from core.policy.sections import Watch
from core.policy.services import SuccessCheck
from core.signals.health import summarize
from core.signals.release import Judgement, State
from core.stages.deliver.success_checks import bound, harm, unmet
from core.stages.watch.look import again, settled

BROKE, OPEN = ["cart: basket: it returned 500"], ["cart: basket: no answer yet"]


@pytest.mark.parametrize(
    ("state", "elapsed", "harmful", "open_", "becomes"),
    [
        (State.VERIFIED, 60, [], [], State.VERIFIED),
        (State.VERIFIED, 60, [], OPEN, State.WATCHING),
        (State.VERIFIED, 599, [], OPEN, State.WATCHING),
        (State.VERIFIED, 600, [], OPEN, State.UNSURE),
        (State.VERIFIED, 60, BROKE, [], State.HARM),
        (State.WATCHING, 60, BROKE, OPEN, State.HARM),
        (State.WATCHING, 60, [], OPEN, State.WATCHING),
        (State.UNSURE, 1300, BROKE, [], State.HARM),
        (State.UNCURED, 60, BROKE, [], State.UNCURED),
        (State.HARM, 60, [], [], State.HARM),
        (State.UNEXERCISED, 600, [], [], State.WATCHING),
        (State.UNEXERCISED, 1199, [], [], State.WATCHING),
        (State.UNEXERCISED, 1200, [], [], State.UNSURE),
        (State.UNEXERCISED, 1200, BROKE, [], State.HARM),
    ],
)
def test_what_a_verdict_becomes(state, elapsed, harmful, open_, becomes):
    found = settled(Judgement(state, "by the judge"), elapsed, Watch(), harmful, open_)
    assert found.state is becomes
    words = {State.HARM: BROKE, State.WATCHING: OPEN, State.UNSURE: OPEN}.get(becomes) if state is not becomes else None
    if words and state is not State.UNEXERCISED:
        assert found.message == words[0]


@pytest.mark.parametrize(
    ("state", "rates", "last", "becomes"),
    [
        (State.HARM, ("cart",), (), State.WATCHING),  # its reports are on their way
        (State.HARM, ("cart",), ("mail",), State.WATCHING),
        (State.HARM, ("cart",), ("cart",), State.HARM),
        (State.HARM, ("cart", "mail"), ("mail",), State.HARM),
        (State.HARM, (), (), State.HARM),  # a fingerprint
        (State.UNCURED, (), (), State.UNCURED),
        (State.VERIFIED, (), ("cart",), State.VERIFIED),
    ],
)
def test_a_services_figures_alone_are_harm_at_the_second_look_in_a_row(state, rates, last, becomes):
    found = again(Judgement(state, "40 % of 90 requests fail", rates=rates), last)
    assert (found.state, found.message) == (becomes, "40 % of 90 requests fail")


@pytest.mark.parametrize(
    ("before", "last", "now", "broke", "open_"),
    [
        ("", "", "", False, False),
        ("", "", "500", False, True),  # once: it may be a blip
        ("", "500", "500", True, True),
        ("", "500", "", False, False),
        ("500", "500", "500", False, False),  # it failed before the release
        (None, "500", "500", False, True),  # nobody asked before the release
        ("", "500", None, False, True),
        ("500", None, None, False, False),
    ],
)
def test_which_checks_broke_and_which_are_open(before, last, now, broke, open_):
    given = [{"cart: basket": answer} if answer is not None else {} for answer in (before, last, now)]
    assert bool(harm(*given)) is broke
    assert bool(unmet(["cart: basket"], given[0], given[2])) is open_


@pytest.mark.parametrize(
    ("metric", "at_most", "requests", "answer"),
    [
        ("p95_ms", 50, 20, ""),
        ("p95_ms", 49, 20, "p95_ms is 50; the maximum is 49"),
        ("error_rate", 0.1, 20, ""),
        ("error_rate", 0.09, 20, "error_rate is 0.1; the maximum is 0.09"),
        ("error_rate", 0.09, 19, None),
    ],
)
def test_a_metric_with_its_bound(metric, at_most, requests, answer):
    health = ServiceHealth(requests=requests, errors=requests / 10, p95_ms=50)
    assert bound(SuccessCheck(metric=metric, at_most=at_most), health, 20) == answer


def test_a_metric_without_a_value_has_no_answer():
    assert bound(SuccessCheck(metric="p95_ms", at_most=50), ServiceHealth(requests=20), 20) is None


@pytest.mark.parametrize(
    "check",
    [
        "",
        'url = "https://shop.example"\nmetric = "p95_ms"',
        'url = "file:///etc/passwd"',
        'metric = "cpu"',
        "status = 99",
    ],
)
def test_a_check_has_an_address_or_a_metric(check):
    shop = '[repositories.shop]\nremote = "https://git.example/shop.git"\n[services.cart]\nrepository = "shop"\n'
    with pytest.raises(ConfigurationError, match="services.cart.checks.basket"):
        parse_policy(f"{shop}[services.cart.checks.basket]\n{check}\n", "platform.toml")


@pytest.mark.parametrize(("latencies", "p95"), [([6, 124], 6), ([6, 124, 130], 124), ([6], 6), ([], None)])
def test_one_slow_interval_of_two_is_no_slow_service(latencies, p95):
    assert summarize([SimpleNamespace(name="p95_ms", value=value) for value in latencies]).p95_ms == p95
