"""The defaults as templates, `actions/templates/`: copied as a user's own text, each says what is said without it."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

import actions
from actions import find
from actions._recorded import recorded
from alerts.notification import Notification
from config.default_texts import DefaultTexts, default_texts
from config.document import read
from config.environment import Environment
from outbound import Http
from templating import Library
from tests.actions import notifications
from tests.actions.contract import TOLD
from tests.actions.notifications import any_notification

FILES = sorted(Path(actions.__file__).with_name("templates").glob("*.j2"))
LIBRARY = Library({}, {file.name: file.read_text() for file in FILES})


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> DefaultTexts:
    """The files, as a configuration that names them has them."""
    path = tmp_path_factory.mktemp("templates") / "c.yml"
    path.write_text("templates: ['*.j2']")
    document = read(path, Environment({}))
    found = default_texts(LIBRARY, {kind: module.Settings for kind, module in find().items()}, document)
    assert [] == document.problems
    return found


def shown(kind: str, told: Notification, http: Http, texts: DefaultTexts | None = None) -> Any:
    """Returns what an action shows, with the files in the place of its defaults or without."""
    module = find()[kind]
    given = dict(module.Settings.example)
    if texts:
        assert texts.fill(kind, given, ())
    made = module.Settings.model_validate(given, context={"library": LIBRARY})
    preview = module.Action(made, http).preview(told)
    assert () == preview.template_errors
    if kind == "pagerduty" and "payload" in preview.message:
        # What a user writes there stands on one line, whatever an alert holds.
        payload = preview.message["payload"]
        payload["summary"] = " ".join(payload["summary"].split())
    return preview.message


def test_each_is_a_text_of_its_kind(texts: DefaultTexts) -> None:
    """By its name it could stand in a user's folder as it is."""
    assert {file.name for file in FILES} == set(texts.counted)


@pytest.mark.parametrize("kind", ["email", "log", "pagerduty"])
@pytest.mark.parametrize("name", sorted(recorded()))
def test_says_what_is_said_without_it(texts: DefaultTexts, kind: str, name: str, http: Http) -> None:
    """Of each recorded payload."""
    told = recorded()[name]
    assert shown(kind, told, http) == shown(kind, told, http, texts)


@pytest.mark.parametrize("told", TOLD.values(), ids=TOLD)
def test_mails_are_the_same_of_everything(texts: DefaultTexts, told: Any, http: Http) -> None:
    """However large or hostile: what a user may do is enough to write the default."""
    assert shown("email", told(), http) == shown("email", told(), http, texts)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(told=any_notification())
def test_mails_are_the_same_by_chance(texts: DefaultTexts, http: Http, told: Notification) -> None:
    """As text and as HTML, whatever an alert holds."""
    assert shown("email", told, http) == shown("email", told, http, texts)


def test_mails_are_the_same_of_what_cannot_be_seen(texts: DefaultTexts, http: Http) -> None:
    """A summary that ends with it leaves no space behind."""
    told = notifications.notification(notifications.alert(annotations={"summary": "0\x85\ufbc3"}))
    assert "— 0" == shown("email", told, http)["headers"]["Subject"][-3:]
    assert shown("email", told, http) == shown("email", told, http, texts)


def test_a_copy_may_say_more(texts: DefaultTexts, http: Http) -> None:
    """What was changed in one is what is said."""
    library = Library({}, {"log.title.j2": LIBRARY.files["log.title.j2"].replace("{{ title }}", "ops: {{ title }}")})
    module = find()["log"]
    made = module.Settings.model_validate({"title": '{% include "log.title.j2" %}'}, context={"library": library})
    message = module.Action(made, http).preview(notifications.seed()).message
    assert "ops: [FIRING] KubePodCrashLooping" == message["event"]
