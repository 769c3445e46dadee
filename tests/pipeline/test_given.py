"""What else fires is in the message, out of the store; and no trouble of the store's costs a page."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from actions import Action
from alerts.findings import Finding
from enrich import NoAnswer
from enrich.neighbours import Enricher
from outbox.store import Store
from pipeline import Pipeline, Running, Sources
from pipeline.given import given
from tests.pipeline.parts import Failing, Recorder, body, configuration, settled, started
from tests.samples import webhook, wire_alert

CART = {"namespace": "shop", "pod": "cart-1"}


@dataclass
class Told:
    """A pipeline that looks for neighbours, and what it tells."""

    folder: Path
    store: Store
    recorder: Recorder = field(default_factory=Recorder)

    def pipeline(self) -> Pipeline:
        """Makes it."""
        actions: dict[str, Action] = {"team/log/0": self.recorder}
        sources = Sources([Enricher()], given=given(self.store))
        return Pipeline(Running(configuration(self.folder), actions, sources), self.store)

    def of_last(self) -> list[str]:
        """What was found of each alert of the last message."""
        found: list[tuple[Finding, ...]] = list(self.recorder.sent[-1].findings.values())
        return ["; ".join(each.text for each in findings) for findings in found]


def test_the_second_message_tells_of_the_first(tmp_path: Path, store: Store) -> None:
    """Two groups of one pod; after the first has ended, nothing is told of it any more."""
    told = Told(tmp_path, store)
    first, second = wire_alert("First", severity="critical", **CART), wire_alert("Second", **CART)
    said = []
    with started(told.pipeline()) as pipeline:
        for group, alert in (
            ("1", first),
            ("2", second),
            ("1", wire_alert("First", "resolved", severity="critical", **CART)),
            ("3", wire_alert("Third", **CART)),
        ):
            assert ["delivered"] == settled(pipeline, pipeline.accept(body(webhook(alert, group_key=group))))
            said += told.of_last()
    assert ["", "1 alert; this pod: First (critical)", "", "1 alert; this pod: Second"] == said


def test_a_store_in_trouble_is_a_gap(tmp_path: Path, store: Store) -> None:
    """The message is told all the same, and says why."""
    failing = Failing(store)
    told = Told(tmp_path, failing)
    failing.failures["neighbours"] = 1
    with started(told.pipeline()) as pipeline:
        assert ["delivered"] == settled(pipeline, pipeline.accept(body(webhook(wire_alert(**CART)))))
    assert ["the database does not answer: the disk is away"] == told.of_last()


def test_says_so_in_words(store: Store) -> None:
    """The enricher hears of nothing that is the store's."""
    failing = Failing(store)
    failing.failures["neighbours"] = 1
    with pytest.raises(NoAnswer, match="the database does not answer: the disk is away"):
        given(failing).firing((), (), 1)
    assert {} == given(failing).firing((), (), 1)
