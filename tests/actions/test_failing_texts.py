"""Every text that a user may write of any action: where it fails the rest is told, and the message says so."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any, Literal, get_args, get_origin

import pytest
from structlog.testing import capture_logs

from actions import find
from alerts.notification import Receipt, SendError, Thread
from config.base import Settings
from outbound import Http
from templating import Template
from tests.actions import notifications
from tests.far_sides.http_server import HttpServer
from tests.far_sides.pagerduty import PagerDuty
from tests.far_sides.slack import SlackWebhook
from tests.far_sides.smtp import MailServer

FAILS = "{{ zzzz }}"
# Where there is nothing plain that could stand in: nobody knows whom it is for.
ADDRESSES = {("email", "to"), ("email", "from")}


def places(shape: type[Settings]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields each place of a text in settings, and settings in which that one fails."""
    for name, field in shape.model_fields.items():
        key = field.alias or name
        yield from ((place, {key: value}) for place, value in _within(field.annotation, key))


def _within(annotation: Any, place: str) -> Iterator[tuple[str, Any]]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is Template:
        yield place, FAILS
    elif annotation is Any:
        # A document of the user's own.
        yield f"{place}.x", {"x": FAILS}
    elif isinstance(annotation, type) and issubclass(annotation, Settings):
        yield from ((f"{place}.{key}", {**_required(annotation), **value}) for key, value in places(annotation))
    elif origin is tuple:
        yield from ((key, [value]) for key, value in _within(arguments[0], f"{place}[0]"))
    elif isinstance(origin, type) and issubclass(origin, Mapping):
        yield from ((key, {"x": value}) for key, value in _within(arguments[1], f"{place}.x"))
    elif origin is not Literal:
        for each in arguments:
            yield from _within(each, place)


def _required(shape: type[Settings]) -> dict[str, Any]:
    """Returns what an element cannot do without, in texts that do not fail."""
    made = {}
    for name, field in shape.model_fields.items():
        if field.is_required():
            literal = get_origin(field.annotation) is Literal
            made[field.alias or name] = get_args(field.annotation)[0] if literal else "https://a.example/x"
    return made


PLACES = [(kind, *each) for kind, module in find().items() for each in places(module.Settings)]

# What leads to a far side of a kind, and all that it got.
FarSide = tuple[Mapping[str, Any], Callable[[], str]]


@pytest.fixture
def far_side(request: pytest.FixtureRequest) -> Iterator[FarSide]:
    """A far side of the kind that the test is about."""
    with ExitStack() as stack:
        yield _FAR_SIDES[request.param](stack)


def _slack(stack: ExitStack) -> FarSide:
    server = stack.enter_context(SlackWebhook())
    return {"api_url": server.url}, lambda: json.dumps(server.messages, ensure_ascii=False)


def _pagerduty(stack: ExitStack) -> FarSide:
    server = stack.enter_context(PagerDuty())
    settings = {"routing_key": "0" * 32, "url": server.url}
    return settings, lambda: json.dumps(server.events, ensure_ascii=False)


def _email(stack: ExitStack) -> FarSide:
    server = stack.enter_context(MailServer())
    settings = {"to": "a@example.com", "from": "b@example.com", "smarthost": server.smarthost, "require_tls": False}
    return settings, lambda: "".join(str(mail.message["X-Alert-Manager-Template-Errors"]) for mail in server.mails)


def _webhook(stack: ExitStack) -> FarSide:
    server = stack.enter_context(HttpServer())
    return {"url": server.base_url}, lambda: "".join(each.body.decode() for each in server.requests)


def _log(stack: ExitStack) -> FarSide:
    lines = stack.enter_context(capture_logs())
    return {}, lambda: str(lines)


_FAR_SIDES = {"slack": _slack, "pagerduty": _pagerduty, "email": _email, "webhook": _webhook, "log": _log}


@pytest.mark.parametrize(
    ("far_side", "kind", "place", "settings"),
    [(kind, kind, place, settings) for kind, place, settings in PLACES],
    indirect=["far_side"],
    ids=[f"{kind}.{place}" for kind, place, _ in PLACES],
)
def test_is_told_all_the_same(far_side: FarSide, kind: str, place: str, settings: dict[str, Any], http: Http) -> None:
    """Of each kind each text, wherever in the settings it is: the message arrives, and names what failed and why."""
    leading, arrived = far_side
    module = find()[kind]
    action = module.Action(module.Settings.model_validate({**leading, **settings}), http)
    if (kind, place) in ADDRESSES:
        with pytest.raises(SendError, match=f"^{kind}: {place}: line 1: there is no 'zzzz' here") as raised:
            action.send(notifications.seed(), Thread(), 5)
        assert (True, "") == (raised.value.permanent, arrived())
        return
    receipt = action.send(notifications.seed(), Thread(), 5)
    expected = f"{place}: line 1: there is no 'zzzz' here"
    assert isinstance(receipt, Receipt)
    assert [expected] == list(receipt.template_errors)
    assert expected in arrived()
    shown = action.preview(notifications.seed())
    assert ((expected,), True) == (shown.template_errors, expected in json.dumps(shown.message, ensure_ascii=False))


def test_finds_what_there_is() -> None:
    """It looks at more than nothing: into lists, mappings and documents."""
    found = {f"{kind}.{place}" for kind, place, _ in PLACES}
    assert {
        "slack.title",
        "slack.actions[0].url",
        "pagerduty.class",
        "pagerduty.details.x.x",
        "pagerduty.images[0].src",
        "email.headers.x",
        "email.html",
        "webhook.payload.x",
        "log.fields.x",
    } <= found
    # What does something about alerts tells nobody.
    telling = {kind for kind, module in find().items() if not module.Settings.remedies}
    assert telling == {kind for kind, _, _ in PLACES}
