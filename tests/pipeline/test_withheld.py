"""What is withheld is told when it may be, and so is every end of what was told: what a reviewer broke."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, update

from alerts.model import fingerprint
from alerts.notification import Notification, Receipt, SendError, Thread
from outbox.database import StoreError
from outbox.records import Plan
from outbox.store import Store
from outbox.tables import alerts, deliveries
from tests.pipeline.house import INHIBITED, RECEIVERS, House, Keeping, fires, over
from tests.pipeline.parts import Clock, Failing, Held, body, settled, started
from tests.samples import wire_alert
from tests.service import eventually

TWO = f"""
route:
  receiver: team
  routes:
  - {{receiver: team, matchers: ['to="team"'], mute_time_intervals: [a]}}
  - {{receiver: boss, matchers: ['to="boss"'], mute_time_intervals: [b]}}
time_intervals:
- {{name: a, time_intervals: [{{times: [{{start_time: '06:00', end_time: '08:00'}}]}}]}}
- {{name: b, time_intervals: [{{times: [{{start_time: '06:00', end_time: '08:01'}}]}}]}}
{RECEIVERS}"""
FINGERPRINTS = {name: fingerprint(fires(name)["labels"]) for name in ("Wet", "Slow")}
BY_NODE = INHIBITED.replace("{receiver: team}", "{receiver: team, group_by: [node]}", 1)
MUTED = f"""
route: {{receiver: team, routes: [{{receiver: team, matchers: ['severity="warning"'], mute_time_intervals: [a]}}]}}
time_intervals:
- {{name: a, time_intervals: [{{times: [{{start_time: '07:00', end_time: '08:00'}}]}}]}}
{RECEIVERS}"""


@pytest.fixture
def house(tmp_path: Path, store: Store, clock: Clock) -> House:
    """The service, with two receivers."""
    return House(tmp_path, store, clock)


def test_a_source_begins_and_ends_in_one_batch(house: House) -> None:
    """After a restart, or in a storm: what it inhibited meanwhile fires still, and is told."""
    house.built()
    events = [house.post("s", fires("Down")), house.post("t", fires("Slow")), house.post("s", over("Down"))]
    with started(house.pipeline):
        for each in events:
            settled(house.pipeline, each)
        eventually(lambda: "Slow" in house.heard(), "what was inhibited to be told", 6)


class Refusing(Failing):
    """A store that refuses plans of one group while it is told to."""

    refuses = False

    def plan(self, plans: Sequence[Plan]) -> list[Plan]:
        """Refuses, or keeps."""
        if self.refuses and any("t" in each.histories for each in plans):
            raise StoreError("refused")
        return super().plan(plans)


def test_what_is_stuck_while_its_source_ends(house: House) -> None:
    """Only its own groups wait behind what is stuck; the source's end is in another."""
    store = Refusing(house.store)
    with started(house.built(store=store)) as pipeline:
        house.tell("s", fires("Down"))
        store.refuses = True
        event_id = house.post("t", fires("Slow"))
        eventually(lambda: pipeline.stuck, "the plan to be stuck")
        house.tell("s", over("Down"))
        store.refuses = False
        settled(pipeline, event_id)
        eventually(lambda: "Slow" in house.heard(), "what was inhibited to be told", 6)


class Postponing(Failing):
    """A store in which something happens before a look's outcome is kept."""

    meanwhile: Any = None

    def postpone(self, still: Any) -> None:
        """Keeps it after that."""
        self.meanwhile()
        super().postpone(still)


def test_a_source_ends_while_it_is_looked_at(house: House) -> None:
    """One of two sources is over, so it is looked at; the other ends just then."""
    with started(house.built()) as pipeline:
        pipeline._release.stop(5)
        house.tell("s", fires("Down"), fires("Dark"))
        house.tell("t", fires("Slow"))
        house.tell("s", over("Down"), fires("Dark"))
        store = Postponing(house.store)
        looking = house.built(store=store)._release
        house.pipeline = pipeline
        store.meanwhile = lambda: house.tell("s", over("Down"), over("Dark"))
        assert 0 == looking.look()
        assert 1 == looking.look()


def test_another_ones_mute_ends_before_the_release_is_planned(house: House) -> None:
    """Of one group, A is the team's, muted until 08:00, and B the boss's, muted until 08:01."""
    with started(house.built(TWO)):
        house.tell("g", fires("A", to="team"), fires("B", to="boss"))
    pipeline = house.built(TWO)
    house.clock.pass_seconds(28 * 60 + 30)
    assert 1 == pipeline._release.look()
    house.clock.pass_seconds(60)
    with started(pipeline):
        eventually(lambda: house.heard("team"), "the team to hear of it", 6)
        eventually(lambda: house.heard("boss"), "the boss to hear of it", 6)


def test_its_route_leads_elsewhere_by_then(house: House) -> None:
    """It was the team's and muted; by the new configuration it is the boss's, who is not muted."""
    before = """receiver: team, matchers: ['to="team"'], mute_time_intervals: [a]"""
    changed = TWO.replace(before, """receiver: boss, matchers: ['to="team"']""")
    assert TWO != changed
    with started(house.built(TWO)):
        house.tell("g", fires("A", to="team"))
    with started(house.built(changed)):
        eventually(lambda: house.heard("boss"), "the boss to hear of it", 6)


def test_routes_group_it_otherwise_by_then(house: House) -> None:
    """It was muted as a group of its own; it still fires when the mute ends, and no route makes that group."""
    grouped = TWO.replace("  receiver: team\n  routes", "  receiver: team\n  group_by: [node]\n  routes")
    assert TWO != grouped
    with started(house.built(TWO)) as pipeline:
        settled(pipeline, pipeline.accept(body(fires("A", to="team"))))
    with started(house.built(grouped)) as pipeline:
        eventually(lambda: pipeline._release._prepared, "what is withheld to be looked at")
        eventually(lambda: not pipeline.store.withheld_due(house.clock(), 9, 9), "it to be looked at", 6)
        house.clock.pass_seconds(3_600)
        eventually(lambda: house.heard("team"), "the team to hear of it", 6)


def test_an_end_beside_what_is_withheld(house: House) -> None:
    """The boss holds A, which is the team's by now; T is the boss's and inhibited; A ends."""
    yaml = INHIBITED.replace(
        "{receiver: team}", """{receiver: team, routes: [{matchers: ['to="boss"'], receiver: boss}]}""", 1
    )
    changed = yaml.replace("""to="boss\"""", """to="team\"""")
    assert yaml != changed
    a, ended = fires("A", to="boss", node="m"), over("A", to="boss", node="m")
    with started(house.built(yaml)):
        house.tell("g", a)
    assert ["A"] == house.heard("boss")
    with started(house.built(changed)) as pipeline:
        house.tell("s", fires("Down"))
        house.tell("g", ended, fires("T", to="team"))
        assert "boss/log/0" not in pipeline.store.holders(["g"]).get("g", {})
    assert ["A", "a"] == house.heard("boss")


def test_a_large_group_is_told_and_holds_up_no_other(house: House) -> None:
    """More than 10,000 inhibited in one group, and one in another: all are told once their source is over."""
    with started(house.built()) as pipeline:
        house.tell("s", fires("Down"))
        settled(pipeline, house.post("large", *(fires("Slow", i=str(number)) for number in range(20_000))), 60)
        house.tell("small", fires("Lame"))
        house.tell("s", over("Down"))
        eventually(lambda: "Lame" in house.heard(), "what waits beside the large group to be told", 30)
        eventually(
            lambda: any(name.startswith("Slow") for name in house.heard()), "some of the large group to be told", 30
        )
        eventually(lambda: not pipeline._release._more, "nothing to be left to look for", 30)


def test_an_end_of_what_is_about_to_be_told(house: House) -> None:
    """The team holds X; X and T wait for it; the routes lead to the boss by then, and T ends."""
    team, boss = (f"route: {{receiver: {name}}}\n{RECEIVERS}" for name in ("team", "boss"))
    with started(house.built(team)):
        house.tell("g", fires("X"))
        house.recorders["team"].failures = [SendError("away", retry_after_seconds=5)]
        waiting = house.post("g", fires("X"), fires("T"))
        eventually(lambda: not house.recorders["team"].failures, "the team to be away")
    with started(house.built(boss)) as pipeline:
        settled_at = house.post("g", fires("X"), over("T"))
        eventually(lambda: house.heard("boss"), "the boss to hear of it")
        house.clock.pass_seconds(60)
        pipeline._deliverer.wake.ring()
        settled(pipeline, waiting)
        settled(pipeline, settled_at)
    heard = " ".join(house.heard("team")).split()
    # The attempt that failed may have arrived.
    assert "t" in heard


def test_a_source_that_flaps(house: House) -> None:
    """Two minutes later all of it happens again: it is told as soon as its source is over."""
    with started(house.built()):
        for count in (1, 2):
            house.tell("s", fires("Down"))
            house.tell("t", fires("Slow"))
            house.tell("s", over("Down"))
            eventually(lambda: house.heard().count("Slow") == count, "it to be told", 6)  # noqa: B023
            house.tell("t", over("Slow"))
            house.clock.pass_seconds(120)


def test_a_member_ends_in_the_batch_of_another(house: House) -> None:
    """What is over is withheld nowhere; else it is due for ever once its source ends, and asked for every 10 min."""
    with started(house.built(BY_NODE)) as pipeline:
        settled(pipeline, pipeline.accept(body(fires("Down"))))
        settled(pipeline, pipeline.accept(body(fires("Slow"))))
    pipeline = house.built(BY_NODE)
    events = [pipeline.accept(body(each)) for each in (fires("Wet"), over("Slow"))]
    with started(pipeline):
        for each in events:
            settled(pipeline, each)
    withheld = pipeline.store.withheld(['group:{node="n"}'])
    assert {"Wet"} == {name for name in ("Wet", "Slow") if any(key[1] == FINGERPRINTS[name] for key in withheld)}


def test_two_members_without_a_start_come_again(house: House) -> None:
    """Within the window nothing is new."""
    yaml = f"route: {{receiver: team, group_by: [node]}}\n{RECEIVERS}"
    a, b = ({key: value for key, value in fires(name).items() if key != "startsAt"} for name in "AB")
    with started(house.built(yaml)) as pipeline:
        became = []
        for each in (a, b, a, b, a, b):
            became += settled(pipeline, pipeline.accept(body(each)))
            house.clock.pass_seconds(1)
    assert ["delivered"] * 2 + ["duplicate"] * 4 == became


class Slow(Keeping):
    """A recorder whose second send lasts until it may end."""

    def __init__(self) -> None:
        super().__init__()
        self.held = Held()

    def send(self, notification: Notification, thread: Thread, deadline_seconds: float) -> Receipt:
        """Sends."""
        if len(self.sent) == 1 and not self.held.may_end.is_set():
            self.held.send(notification, thread, deadline_seconds)
        return super().send(notification, thread, deadline_seconds)


def test_it_ends_while_it_is_on_its_way(house: House) -> None:
    """The thread knows X alone, and the payloads that follow name X no more: the end is told all the same."""
    slow = Slow()
    house.recorders["team"] = slow
    x = wire_alert("X", node="n")
    with started(house.built()) as pipeline:
        house.tell("t", x)
        on_its_way = house.post("t", x, fires("T"))
        assert slow.held.begun.acquire(timeout=5)
        house.post("s", fires("Down"))
        house.post("t", fires("T"))
        last = house.post("t", over("T"))
        eventually(lambda: (status := pipeline.store.event(last)) and status.state != "accepted", "it to be planned")
        slow.held.may_end.set()
        for each in (on_its_way, last):
            settled(pipeline, each)
    heard = " ".join(house.heard()).split()
    assert "T" in heard
    assert "t" in heard


def test_it_begins_anew_in_a_mute(house: House) -> None:
    """It was told before the mute; in the mute it ends and fires again, both in one batch."""
    house.clock.pass_seconds(-2 * 3_600)
    with started(house.built(TWO)):
        house.tell("g", fires("A", to="team"))
    house.clock.pass_seconds(2 * 3_600)
    pipeline = house.built(TWO)
    events = [house.post("g", over("A", to="team")), house.post("g", fires("A", to="team"))]
    with started(pipeline):
        for each in events:
            settled(pipeline, each)
    assert ["A", "a"] == house.heard("team")


def test_a_source_lapses_in_one_of_two_groups(house: House) -> None:
    """In the other it was heard of two hours ago."""
    with started(house.built()) as pipeline:
        house.tell("s1", fires("Down"))
        house.clock.pass_seconds(4 * 3_600)
        house.tell("s2", fires("Down"))
        house.clock.pass_seconds(2 * 3_600 + 60)
        eventually(pipeline._tidy.lapse, "the first group to lapse")
        eventually(lambda: not pipeline.store.waits("lapse"), "that to be planned")
        assert ["suppressed"] == house.tell("t", fires("Slow"))


def test_what_was_told_before_is_not_told_again(house: House) -> None:
    """Of such a destination nothing is known to be held, and so what it was told counts as withheld."""
    yaml = INHIBITED.replace("log_configs: [{}]", "log_configs: [{send_resolved: false}]", 1)
    with started(house.built(yaml)) as pipeline:
        house.tell("t", fires("Slow"))
        house.tell("s", fires("Down"))
        house.tell("t", fires("Slow"), fires("Wet", node="m"))
        house.tell("s", over("Down"))
        eventually(lambda: not pipeline.store.withheld(["t"]), "nothing to be withheld", 6)
        eventually(lambda: not pipeline.store.waits("release"), "the release to be planned")
    assert ["Slow", "Down", "Slow Wet"] == house.heard()


def test_an_upstreams_key_like_ours(house: House) -> None:
    """A key of a sender's own choice is none that was made here."""
    with started(house.built()):
        house.tell("s", fires("Down"))
        house.tell("alert:of somebody", fires("Slow"))
        house.tell("s", over("Down"))
        eventually(lambda: "Slow" in house.heard(), "it to be told", 6)


def test_it_was_always_withheld(house: House) -> None:
    """It was inhibited when it came, and is over; another of its group waits for a destination that is away."""
    with started(house.built()) as pipeline:
        house.tell("s", fires("Down"))
        house.recorders["team"].failures = [SendError("away", retry_after_seconds=1)]
        house.post("t", fires("Slow"), fires("Wet", node="m"))
        eventually(lambda: not house.recorders["team"].failures, "the team to be away")
        last = house.post("t", over("Slow"), fires("Wet", node="m"))
        eventually(lambda: (status := pipeline.store.event(last)) and status.state != "accepted", "it to be planned")
        house.clock.pass_seconds(60)
        pipeline._deliverer.wake.ring()
        settled(pipeline, last)
        eventually(lambda: len(house.heard()) > 1, "the other to be told")
    assert ["Down", "Wet"] == house.heard()


def test_a_senders_own_fingerprint(house: House) -> None:
    """It fired at n, and fires at m by now."""
    with started(house.built()):
        house.tell("s", {**fires("Down"), "fingerprint": "f"})
        house.tell("s", {**fires("Down", node="m"), "fingerprint": "f"})
        assert ["delivered"] == house.tell("t", fires("Slow"))


def test_the_trace_of_an_end(house: House) -> None:
    """It was told alone, and by new routes is in a group: the end went to both."""
    alone, by_node = (f"route: {{receiver: team{how}}}\n{RECEIVERS}" for how in ("", ", group_by: [node]"))
    with started(house.built(alone)) as pipeline:
        settled(pipeline, pipeline.accept(body(fires("A"))))
    with started(house.built(by_node)) as pipeline:
        event_id = pipeline.accept(body(over("A")))
        assert ["delivered"] * 2 == settled(pipeline, event_id)
        trace = pipeline.trace(event_id)
    assert trace is not None
    assert 2 == len(trace["groups"])


def test_an_older_replica_plans_the_end_of_a_source(house: House, engine: Engine) -> None:
    """In a rolling upgrade it writes that the alert is over, and knows nothing of `sources`."""
    with started(house.built()):
        house.tell("s", fires("Down"))
    with engine.begin() as connection:
        connection.execute(update(alerts).values(status="resolved"))
    with started(house.built()) as pipeline:
        eventually(lambda: pipeline._release._prepared, "what fires to be known")
        assert ["delivered"] == house.tell("t", fires("Slow"))


def test_the_clock_is_put_right(house: House) -> None:
    """It was an hour fast: by the time that it really is nothing is muted yet."""
    with started(house.built(MUTED)):
        house.tell("g", fires("A"))
        house.clock.pass_seconds(-3_600)
        eventually(lambda: house.heard("team"), "it to be told", 6)


def test_a_storm_of_one_group(house: House, engine: Engine) -> None:
    """300 alerts that wait together are told as one state; what nobody will ever hear is not written in full."""
    pipeline = house.built(f"route: {{receiver: team, group_by: [node]}}\n{RECEIVERS}")
    events = [pipeline.accept(body(fires("Slow", i=str(number)))) for number in range(300)]
    with started(pipeline):
        settled(pipeline, events[-1], 60)
    with engine.connect() as connection:
        size = func.length(deliveries.c.notification)
        written, largest = connection.execute(select(func.sum(size), func.max(size))).one()
    assert written < 20 * largest
