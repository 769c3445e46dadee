"""Who hears of what is done about alerts, and who is called by it."""

from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine

from alerts.timeline import Entry
from outbox.store import Store
from pipeline import Running, remedy_news
from tests.pipeline.parts import Recorder
from tests.pipeline.remedy_world import OPEN, configuration
from tests.web.remedies import kept

CHAT = "- name: chat\n  slack_configs: [{app_token: xoxb-of-tests-alone, channel: '#ops'}]\n"


def test_nobody_is_called_twice_by_one_thing(tmp_path: Path, engine: Engine, store: Store) -> None:
    """A line is not loud where a message of its own says the same; elsewhere it is."""
    kept(engine, 1)
    remediation = store.remediations.get(1)
    assert remediation is not None
    running = Running(configuration(tmp_path, OPEN, CHAT), {"chat/slack/0": Recorder()})
    entry = Entry("remediation", "not fixed: it still fires", datetime(2026, 3, 2, 7, 31, tzinfo=UTC), loud=True)
    loud = [
        each.notification.entries[0].loud
        for quiet in (set[str](), {"chat/slack/0"}, {"on-call/log/0"})
        for each in remedy_news.lines(running, remediation, ["chat/slack/0"], entry, quiet)
    ]
    assert [True, False, True] == loud
