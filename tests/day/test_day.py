"""A scripted day: fire, grow, acknowledge, shrink, resolve, fire again, storm; held against a page that people read."""

import difflib
import os
from collections.abc import Iterator

import pytest

from tests.day.document import Document
from tests.day.script import HOSTILE, STEPS
from tests.day.world import World, world
from tests.service import ROOT

PAGE = ROOT / "docs" / "example-day.md"


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Document]]:
    """The day, lived through."""
    with world(tmp_path_factory.mktemp("day")) as made:
        document = Document()
        for step in STEPS:
            made.at(step.at)
            step.happen(made)
            made.quiet()
            document.add(step, made)
        yield made, document


def test_looks_as_the_page_says(lived: tuple[World, Document]) -> None:
    """The channel and the incidents after each step; WRITE_EXAMPLE_DAY=1 writes the page anew."""
    _, document = lived
    if os.environ.get("WRITE_EXAMPLE_DAY"):
        PAGE.write_text(document.text)
    told = PAGE.read_text() if PAGE.exists() else ""
    changed = difflib.unified_diff(told.splitlines(), document.text.splitlines(), PAGE.name, "the day", "", "", n=2)
    assert told == document.text, "\n".join(["`make example` writes it anew:", *changed])


def test_wakes_nobody_but_for_what_is_new_or_worse(lived: tuple[World, Document]) -> None:
    """A message that is new, and a reply that says what is: no edit, no end, no reading, no acknowledgement."""
    _, document = lived
    assert {
        "fire": ["message", "incident"],
        "grow": ["broadcast"],
        "acknowledge": [],
        "read again": [],
        "shrink": [],
        # It cannot be edited any more, and there would be nothing to see.
        "delete": ["message"],
        "resolve": [],
        "fire again": ["message", "incident"],
        "acknowledge again": [],
        "ask": ["broadcast"],
        "approve": [],
        "resolve again": [],
        "fixed": [],
        # One by itself, and the others in one.
        "storm": ["message", "message"],
        "storm over": ["message"],
    } == document.buzzed


def test_pings_nobody(lived: tuple[World, Document]) -> None:
    """What an annotation holds of `<!channel>` and its like is text: in new messages, in edits, in replies."""
    day, document = lived
    assert HOSTILE in document.text
    assert [] == [*day.slack.pings, *day.slack.silent_pings]


def test_takes_each_call(lived: tuple[World, Document]) -> None:
    """Neither refuses anything, but for the one edit of a message that somebody has deleted."""
    day, _ = lived
    refused = [(each.method, each.error) for each in day.slack.calls if each.error]
    assert [("chat.update", "message_not_found")] == refused
    assert [] == [*day.pagerduty.refused, *day.pagerduty.dropped]


def test_opens_one_incident_a_life(lived: tuple[World, Document]) -> None:
    """The group has one dedup key; its second life is an incident of its own."""
    day, _ = lived
    first, second = day.pagerduty.opened
    assert first.dedup_key == second.dedup_key
    assert ["resolved", "resolved"] == [first.state, second.state]
    actions = [each["event_action"] for each in (*first.events, *second.events)]
    # It was acknowledged in PagerDuty itself at first, and in Slack the second time.
    assert [*["trigger"] * 4, "resolve", "trigger", "acknowledge", "resolve"] == actions
