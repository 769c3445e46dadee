"""What is tried to have a rule touch what it should not, touch it twice, or say what is not so."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from actions import Action
from alerts.remediation import Target
from config.remediation import RemediationSettings, RemedySettings
from outbox.guard_clock import GuardClock
from outbox.remediations import Remediations
from outbox.store import Store
from pipeline import Running
from pipeline.guards import judge
from pipeline.remedy_steps import Steps
from tests.pipeline.parts import Clock
from tests.pipeline.remedy_world import OPEN, RULE, configuration
from tests.pipeline.test_remedies import APPROVED, Office, broken
from tests.samples import model_alert
from tests.service import eventually


@pytest.fixture
def office(tmp_path: Path, engine: Engine, clock: Clock) -> Office:
    """One that is not open yet, and whose guards live by the test's clock."""
    made = Office(tmp_path, engine, clock)
    store = made.store
    by_clock = GuardClock(lambda: clock.now.timestamp())
    store.remediations = Remediations(store._reading, store._writer, store.owner, by_clock)
    return made


def test_what_fails_behind_a_write_is_not_told_as_nothing_done(office: Office) -> None:
    """What was written was written, whatever fails in the same step afterwards."""

    def defect() -> None:
        office.fix.answering = lambda: None
        raise ZeroDivisionError

    office.fix.answering = defect
    with office.open():
        office.post(broken())
        (done,) = office.done()
        assert ("not_fixed", ["deployment/shop/cart"]) == (done.result, office.world.touched)
        assert "done, as is seen now: fix deployment shop/cart: found" in [each.what for each in done.steps]


def test_what_waits_for_days_is_not_looked_at_all_the_time(office: Office) -> None:
    """Kubernetes would be asked for it several times a second."""
    with office.open(OPEN.replace("settle: 1s", "settle: 1s, firing_for: 3d")):
        office.post(broken())
        office.when(lambda each: any(not verdict.passed for verdict in each.verdicts))
        looked = office.fix.proposed
        time.sleep(1.5)
        assert looked == office.fix.proposed


def loaded(office: Office, rule: str, place: str = RULE) -> None:
    """Has the service run with another configuration from here on."""
    actions: dict[str, Action] = {"on-call/log/0": office.on_call, place: office.fix}
    office.pipeline.running = Running(configuration(office.folder, rule), actions)


SLOW = OPEN.replace("settle: 1s", "settle: 60s")


def test_what_was_taken_up_as_a_dry_run_stays_one(office: Office) -> None:
    """Its row says so; what is loaded meanwhile is for what comes."""
    with office.open(SLOW.replace("dry_run: false, ", "")):
        office.post(broken())
        office.when(lambda each: each.state == "considered")
        loaded(office, SLOW)
        office.clock.pass_seconds(60)
        (done,) = office.done()
        assert ("dry_run", True, []) == (done.result, done.dry_run, office.world.touched)


def test_what_becomes_a_dry_run_is_told_as_one(office: Office) -> None:
    """Its row was made when it was none."""
    with office.open(SLOW):
        office.post(broken())
        office.when(lambda each: each.state == "considered")
        loaded(office, SLOW.replace("dry_run: false, ", ""))
        office.clock.pass_seconds(60)
        (done,) = office.done()
        assert ("dry_run", True, []) == (done.result, done.dry_run, office.world.touched)


def test_what_one_rule_began_is_none_of_another_at_its_place(office: Office) -> None:
    """One that was put in before it has its index from then on."""
    with office.open(SLOW.replace("{dry_run", "{name: mend, dry_run")):
        office.post(broken())
        office.when(lambda each: each.state == "considered")
        loaded(office, SLOW.replace("{dry_run", "{name: other, dry_run"))
        office.clock.pass_seconds(60)
        (done,) = office.done()
        assert ("refused", "mend", []) == (done.result, done.rule, office.world.touched)
        assert "the configuration has no such rule any more" == done.detail


def test_nobody_approves_what_another_rule_began(office: Office) -> None:
    """Whoever approves what is done by the rule that has its place by now."""
    with office.open(APPROVED.replace("{dry_run", "{name: mend, dry_run")):
        office.post(broken())
        (asked,) = office.when(lambda each: each.waits_for_approval)
        loaded(office, APPROVED.replace("{dry_run", "{name: other, dry_run").replace("[jane]", "[joe]"))
        assert "does not wait" in office.pipeline.approve(asked.token, "joe", "Joe", "page")
        assert [] == office.world.touched


OFTEN = OPEN.replace("settle: 1s", "settle: 1s, cooldown: 60s, max_per_hour: 100")
ELSEWHERE = OFTEN.replace("[shop]", "[elsewhere]")


@pytest.mark.parametrize("name", ["", "name: mend, "])
def test_a_rule_that_moved_does_nothing_twice_for_a_firing(office: Office, name: str) -> None:
    """One that is put in before it makes it another place, and no other firing."""
    rule = OFTEN.replace("{dry_run", f"{{{name}dry_run")
    with office.open(rule):
        office.post(broken())
        office.done()
        loaded(office, f"{ELSEWHERE}\n  - {rule}", "fix/fix/1")
        office.clock.pass_seconds(3_700)
        office.post(broken())
        first, second = office.done(2)
        assert ("fix/fix/0", "fix/fix/1") == (first.destination, second.destination)
        assert ["deployment/shop/cart"] == office.world.touched
        assert second.detail.startswith("once: it was done about this firing already, by rule ")


def test_two_rules_with_names_may_deal_with_one_firing(office: Office) -> None:
    """The second, where the first did not help and its cooldown is over."""
    with office.open(OFTEN.replace("{dry_run", "{name: mend, dry_run")):
        office.post(broken())
        office.done()
        loaded(office, f"{ELSEWHERE}\n  - {OFTEN.replace('{dry_run', '{name: more, dry_run')}", "fix/fix/1")
        office.clock.pass_seconds(3_700)
        office.post(broken())
        office.done(2)
        assert ["deployment/shop/cart"] * 2 == office.world.touched


def test_what_a_payload_was_cut_of_counts_for_a_storm(office: Office) -> None:
    """Alertmanager was told to name one alert of each group."""
    with office.open():
        office.post(broken(), truncatedAlerts=499)
        (done,) = office.done()
        assert ("refused", []) == (done.result, office.world.touched)
        assert done.detail.startswith("max_targets: 500 alerts at once")
        eventually(lambda: office.told() == ["RemediationStorm"], "the message")


def test_a_payload_cut_of_a_few_is_no_storm(office: Office) -> None:
    """As many as may be touched at once."""
    with office.open():
        office.post(broken(), truncatedAlerts=2)
        office.done()
        assert ["deployment/shop/cart"] == office.world.touched


def test_what_is_declined_is_not_asked_again_for_a_firing(office: Office) -> None:
    """Nobody is worn down until they say yes; what is new is asked about."""
    with office.open(APPROVED):
        office.post(broken(), key="declined")
        (asked,) = office.when(lambda each: each.waits_for_approval)
        assert "" == office.pipeline.decline(asked.token, "jane", "jane", "page")
        office.done()
        office.clock.pass_seconds(60)
        office.post(broken(), broken("web"), key="declined")
        (first, _) = office.when(lambda each: each.waits_for_approval)
        assert ("done", "declined by jane") == (first.state, first.detail)
        assert "taken up again: the alert still fires" not in [each.what for each in first.steps]


def test_a_question_that_was_asked_before_is_not_answered(office: Office) -> None:
    """Its button, its form and what Slack sent then are about something else by now."""
    with office.open(APPROVED):
        office.post(broken())
        (asked,) = office.when(lambda each: each.waits_for_approval)
        assert asked.proposal is not None
        assert "fix deployment shop/cart" == asked.proposal.does
        office.clock.pass_seconds(901)
        office.done()
        office.fix.instead = "web"
        office.post(broken())
        (again,) = office.when(lambda each: each.waits_for_approval)
        assert asked.token == again.token
        assert "asked anew" in office.pipeline.approve(asked.token, "jane", "Jane", "page", asked.question)
        assert "asked anew" in office.pipeline.approve(asked.token, "jane", "Jane", "page", "")
        assert "" == office.pipeline.approve(again.token, "jane", "Jane", "page", again.question)
        office.done()
        assert ["deployment/shop/web"] == office.world.touched


def test_what_is_just_being_written_is_not_told_as_not_done(office: Office) -> None:
    """By another process whose clock is ahead, and to which the lease is over at once."""

    def overtaken() -> None:
        office.fix.performing = lambda: None
        ahead = office.clock() + timedelta(minutes=10)
        other = Store(office.engine, "b")
        try:
            steps = Steps(office.pipeline.running, other, lambda: ahead)
            for each in other.remediations.claim(ahead, 60, 4):
                steps.take(each)
        finally:
            other.close()

    office.fix.performing = overtaken
    with office.open():
        office.post(broken())
        office.when(lambda each: office.world.touched)
        office.clock.pass_seconds(600)
        (done,) = office.done()
        assert ("not_fixed", ["deployment/shop/cart"]) == (done.result, office.world.touched)


@pytest.mark.parametrize(
    ("labels", "passed"),
    [
        ({"namespace": "kube-system"}, False),
        ({"namespace": "monitoring"}, False),
        ({"namespace": "monitoring", "exported_namespace": "kube-system"}, False),
        ({"namespace": "shop"}, True),
        ({"namespace": "monitoring", "job": "node-exporter"}, True),
        ({}, True),
    ],
)
def test_an_instance_is_no_way_around_the_deny_list(labels: dict[str, str], passed: bool) -> None:
    """A hook is called about one where no pod is named; what answers there may be one of a denied namespace."""
    rule = RemedySettings(kinds=("Instance",), names=("*",))
    target = Target("Instance", "10.0.0.2:9153")
    alert = model_alert(instance=target.name, **labels)
    said = judge(rule, RemediationSettings(), "monitoring", alert, target, alert.starts_at)
    assert [passed] == [each.passed for each in said if each.guard == "denied_namespaces"]
