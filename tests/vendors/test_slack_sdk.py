"""The simulated Slack is honest: Slack's own client posts, updates, whispers, opens a form and reads on it."""

from __future__ import annotations

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier
from starlette.applications import Starlette

from core.demo.vendors import slack as simulator
from tests.vendors.loopback import serving

BLOCKS = [
    {
        "type": "actions",
        "elements": [
            {"type": "button", "action_id": "approve", "text": {"type": "plain_text", "text": "Approve"}, "value": "7"}
        ],
    }
]
MODAL = {"type": "modal", "title": {"type": "plain_text", "text": "Why?"}, "blocks": BLOCKS}


@pytest.fixture
def slack():
    vendor = simulator.SimulatedSlack()
    with serving(Starlette(routes=vendor.routes)) as address:
        vendor.client = lambda token=simulator.TOKEN: WebClient(token=token, base_url=f"{address}/slack/api/")
        yield vendor


def test_what_the_product_uses(slack):
    client = slack.client()
    assert client.auth_test()["team"] == "Demo"
    sent = client.chat_postMessage(channel=simulator.CHANNEL, text="hello", blocks=BLOCKS)
    client.chat_update(channel=simulator.CHANNEL, ts=sent["ts"], text="answered", blocks=[])
    history = client.conversations_history(channel=simulator.CHANNEL)
    assert [(m["ts"], m["text"]) for m in history["messages"]] == [(sent["ts"], "answered")]
    client.chat_postEphemeral(channel=simulator.CHANNEL, user="U1", text="only you")
    assert client.views_open(trigger_id="1.2.x", view=MODAL)["view"]["type"] == "modal"


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda c: c.chat_postMessage(channel="C404", text="x"), "channel_not_found"),
        (lambda c: c.chat_postMessage(channel=simulator.CHANNEL, text=""), "no_text"),
        (lambda c: c.chat_update(channel=simulator.CHANNEL, ts="1.0", text="x"), "message_not_found"),
        (lambda c: c.views_open(trigger_id="1.2.x", view={"type": "modal"}), "invalid_arguments"),
        (lambda c: c.users_list(), "unknown_method"),
    ],
)
def test_faults_are_slacks(slack, call, error):
    with pytest.raises(SlackApiError) as caught:
        call(slack.client())
    assert caught.value.response["error"] == error


def test_a_wrong_token(slack):
    with pytest.raises(SlackApiError, match="invalid_auth"):
        slack.client("xoxb-wrong").auth_test()


def test_a_click_is_signed_as_slack_signs():
    """Slack's own verifier accepts what the simulator sends."""
    body, headers = simulator.signed({"type": "block_actions"})
    verifier = SignatureVerifier(simulator.SIGNING_SECRET)
    assert verifier.is_valid_request(body, headers)
    assert not verifier.is_valid_request(body + b"x", headers)
