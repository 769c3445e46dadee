"""A link to Alertmanager's page for a new silence, as that page's own reader reads it."""

import json
import re
from dataclasses import replace
from urllib.parse import unquote

import pytest
from hypothesis import given, settings

from actions._silence_link import silence_link
from alerts.notification import Notification
from tests.actions.notifications import alert, any_notification, notification

ALERTMANAGER = "https://alertmanager.example/am/"
# One matcher of the page's `{a="b", c="d"}`, its value in JSON: ui/app/src/Utils/Filter.elm of Alertmanager.
MATCHER = re.compile(r"""\s*([^{}!=~,\\"'`\s]+)=("(?:\\.|[^"\\])*")\s*(,|$)""")


def read(url: str) -> dict[str, str]:
    """Returns the labels that the page fills in."""
    filled = unquote(url.partition("#/silences/new?filter=")[2])
    assert (filled[:1], filled[-1:]) == ("{", "}")
    rest, labels = filled[1:-1], {}
    while rest:
        match = MATCHER.match(rest)
        assert match, rest
        labels[match[1]] = json.loads(match[2])
        rest = rest[match.end() :]
    return labels


def about(*labels: dict[str, str]) -> Notification:
    """Returns a group of alerts that fire, of one Alertmanager."""
    told = notification(*map(alert, labels))
    return replace(told, group=replace(told.group, external_url=ALERTMANAGER))


def test_names_what_all_share() -> None:
    """What differs between the alerts is no part of it; nor is what is over."""
    group = about({"alertname": "A", "pod": "p-1", "namespace": "shop"}, {"alertname": "A", "namespace": "shop"}).group
    expected = (
        "https://alertmanager.example/am/#/silences/new?filter=%7Balertname%3D%22A%22%2C%20namespace%3D%22shop%22%7D"
    )
    assert expected == silence_link(group)
    over = alert({"alertname": "A", "namespace": "other"}, status="resolved")
    assert expected == silence_link(replace(group, alerts=(*group.alerts, over)))


@pytest.mark.parametrize("value", ['"', "\\", 'a", b="c', "{}", "ü 🔥", "\u202e", "&#?%=+", "a\nb", "\x00"])
def test_is_read_as_it_was_meant(value: str) -> None:
    """Whatever the labels hold."""
    labels = {"alertname": value, "a.b": "x"}
    assert labels == read(silence_link(about(labels).group))


def test_is_none_where_it_would_silence_something_else() -> None:
    """Everything, what is over, or by a name that the page cannot read; or where nobody knows the Alertmanager."""
    told = about({"alertname": "A"}).group
    for group in (
        about({"alertname": "A"}, {"alertname": "B"}).group,
        about({"alertname": "A", "team name": "x"}).group,
        about({"alertname": "x" * 5_000}).group,
        replace(told, external_url=""),
        replace(told, external_url="javascript:alert(1)"),
        replace(told, alerts=(alert({"alertname": "A"}, status="resolved"),)),
    ):
        assert "" == silence_link(group)


@settings(deadline=None)
@given(told=any_notification())
def test_is_harmless(told: Notification) -> None:
    """Of anything it is a link to that Alertmanager, or none."""
    url = silence_link(replace(told.group, external_url=ALERTMANAGER))
    assert not url or re.fullmatch(r"https://alertmanager\.example/am/#/silences/new\?filter=[\w.~%-]+", url, re.ASCII)
