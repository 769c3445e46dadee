"""What is done about alerts, from the payload to its result: what stops it, what is asked, and what is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import Engine, select

from actions import Action
from alerts.remediation import NotPerformed, NotProposed, Ready
from outbox.records import Remediation
from outbox.store import Store
from outbox.tables import destinations
from pipeline import Pipeline, Running
from tests.pipeline.parts import Clock, Recorder, body, started
from tests.pipeline.remedy_world import OPEN, RULE, Fix, World, configuration
from tests.samples import webhook, wire_alert
from tests.service import eventually


def broken(name: str = "cart", **labels: str) -> dict[str, Any]:
    """Returns an alert about a deployment."""
    return {**wire_alert("Broken", deployment=name, namespace="shop", fixable="yes", **labels), "generatorURL": ""}


def over(name: str = "cart") -> dict[str, Any]:
    """Returns its end."""
    return {**broken(name), "status": "resolved", "endsAt": "2026-03-02T07:33:00Z"}


class Office:
    """The service with a rule, a world that it touches, and somebody who is on call."""

    def __init__(self, folder: Path, engine: Engine, clock: Clock) -> None:
        self.folder, self.engine, self.clock = folder, engine, clock
        self.world, self.on_call = World(), Recorder()
        self.fix = Fix(self.world)
        self.store = Store(engine, "a")
        self.pipeline: Pipeline

    @contextmanager
    def open(self, rule: str = OPEN, more: str = "", root: str = "on-call") -> Iterator[Office]:
        """Runs it for the length of a block."""
        actions: dict[str, Action] = {"on-call/log/0": self.on_call, RULE: self.fix}
        running = Running(configuration(self.folder, rule, more, root), actions)
        self.pipeline = Pipeline(running, self.store, self.clock)
        with started(self.pipeline):
            yield self

    def post(self, *alerts: dict[str, Any], key: str = "g", **more: Any) -> None:
        """Has Alertmanager tell of a group."""
        self.pipeline.accept(body(webhook(*alerts, group_key=key, **more)))

    def all(self) -> list[Remediation]:
        """Returns what was taken up, the oldest first."""
        return list(reversed(self.store.remediations.list(1_000)))

    def when(self, what: Callable[[Remediation], object], wanted: int = 1) -> list[Remediation]:
        """Waits until so many are so, while time goes by, and returns all."""

        def look() -> list[Remediation]:
            self.clock.pass_seconds(0.5)
            found = self.all()
            return found if sum(bool(what(each)) for each in found) >= wanted else []

        return eventually(look, "remediations", timeout_seconds=60)

    def done(self, wanted: int = 1) -> list[Remediation]:
        """Waits until so many are at their end."""
        return self.when(lambda each: each.state == "done", wanted)

    def told(self) -> list[str]:
        """Returns the names of what was told to who is on call, beside the alerts themselves."""
        return [name for name in self.on_call.names() if name != "Broken"]


@pytest.fixture
def office(tmp_path: Path, engine: Engine, clock: Clock) -> Office:
    """One that is not open yet."""
    return Office(tmp_path, engine, clock)


def test_is_done_once_and_verified(office: Office) -> None:
    """What fires still is told to who is on call, who hears its end, too."""
    with office.open():
        office.post(broken())
        (done,) = office.done()
        assert ("not_fixed", ["deployment/shop/cart"]) == (done.result, office.world.touched)
        assert "fix deployment shop/cart: the alert still fires; it is ready" == done.detail
        assert all(verdict.passed for verdict in done.verdicts)
        begun = ["taken up", "it would fix deployment shop/cart", "begun: it may be done from now on"]
        assert begun == [each.what for each in done.steps][:3]
        eventually(lambda: len(office.fix.notes) == 2, "a word of it with the target, and of what came of it")
        eventually(lambda: office.told() == ["RemediationNeedsAttention"], "the message")
        office.post(over())
        eventually(lambda: office.told() == ["RemediationNeedsAttention"] * 2, "its end")
        assert "resolved" == office.on_call.sent[-1].group.status


def test_is_done_once_for_a_firing(office: Office) -> None:
    """However often it is told that it fires."""
    with office.open():
        office.post(broken())
        office.done()
        for _ in range(3):
            office.clock.pass_seconds(3_600)
            office.post(broken())
        office.clock.pass_seconds(10)
        assert 1 == len(office.done())
        assert ["deployment/shop/cart"] == office.world.touched


def test_a_start_that_is_left_out_makes_no_firing_of_its_own(office: Office) -> None:
    """Such an alert is told again and again, and begins each time when it comes."""
    bare = {key: value for key, value in broken().items() if key not in ("startsAt", "endsAt", "status")}
    with office.open():
        for _ in range(3):
            office.pipeline.accept(body(bare))
            office.clock.pass_seconds(70)
        office.done()
        office.clock.pass_seconds(3_600)
        office.pipeline.accept(body(bare))
        office.clock.pass_seconds(30)
        eventually(lambda: not office.store.remediations.unplanned(), "all planned")
        assert 1 == len(office.done())
        assert ["deployment/shop/cart"] == office.world.touched
        office.pipeline.accept(body({**bare, "status": "resolved"}))
        office.clock.pass_seconds(60)
        office.pipeline.accept(body(bare))
        # Another firing; what was done counts by a clock that no test sets.
        assert ["not_fixed", "refused"] == [each.result for each in office.done(2)]
        assert office.all()[1].detail.startswith("cooldown: ")


def test_each_alert_of_a_group_that_is_put_together_has_its_own_start(office: Office) -> None:
    """Where it is left out: that of the group is another alert's, and not the same later on."""
    more = {name: dict(broken(name)) for name in ("cart", "web")}
    bare = {name: {key: alert[key] for key in ("labels", "annotations")} for name, alert in more.items()}
    with office.open(OPEN.replace("settle: 1s", "settle: 1s, firing_for: 1m"), root="on-call\n  group_by: [namespace]"):
        office.pipeline.accept(body(bare["cart"]))
        office.when(lambda each: each.state == "considered")
        office.clock.pass_seconds(50)
        office.pipeline.accept(body(bare["web"]))
        office.when(lambda each: each.state == "considered" and each.alert.labels["deployment"] == "web")
        office.pipeline.accept(body({**bare["web"], "annotations": {"summary": "goes on"}}))
        eventually(lambda: office.store.backlog().events == 0, "all planned")
        found = {each.alert.labels["deployment"]: each for each in office.done(2)}
        assert (2, 2) == (len(found), len(office.all()))
        for each in found.values():
            assert each.acted_at is not None
            assert each.acted_at - each.proposed_at >= timedelta(seconds=60)


def test_what_is_over_by_then_is_fixed(office: Office) -> None:
    """Nobody is asked for anything."""
    with office.open():
        office.post(broken())
        office.when(lambda each: each.state == "verifying")
        office.post(over())
        (done,) = office.done()
        assert ("fixed", []) == (done.result, office.told())


def test_what_is_not_ready_is_not_fixed(office: Office) -> None:
    """Though the alert is over."""
    office.fix.readiness = Ready(False, "1 of 3 replicas are available")
    with office.open():
        office.post(broken())
        office.when(lambda each: each.state == "verifying")
        office.post(over())
        assert "not_fixed" == office.done()[0].result


def test_a_dry_run_touches_nothing(office: Office) -> None:
    """Which is what a rule is unless it says otherwise."""
    with office.open(OPEN.replace("dry_run: false, ", "")):
        office.post(broken())
        (done,) = office.done()
        assert ("dry_run", [], "it would fix deployment shop/cart") == (done.result, office.world.touched, done.detail)


@pytest.mark.parametrize(
    ("rule", "more", "guard"),
    [
        (OPEN.replace("namespaces: [shop], ", ""), "", "namespaces"),
        (OPEN.replace("[shop]", "[sho]"), "", "namespaces"),
        (OPEN.replace("kinds: [Deployment], ", ""), "", "kinds"),
        (OPEN.replace("names: ['*'], ", ""), "", "names"),
        (OPEN.replace("names: ['*']", "names: ['car', 'web*']"), "", "names"),
        (OPEN, "remediation: {denied_namespaces: ['s*']}", "denied_namespaces"),
        (OPEN, "remediation: {enabled: false}", "enabled"),
        (OPEN, "remediation: {max_per_hour: 0}", "remediation.max_per_hour"),
        (OPEN.replace("max_targets: 3", "max_per_hour: 0"), "", "max_per_hour"),
    ],
)
def test_guards_stop_it(office: Office, rule: str, more: str, guard: str) -> None:
    """Each says so by its name."""
    with office.open(rule, more):
        office.post(broken())
        (done,) = office.done()
        stopped = [verdict.guard for verdict in done.verdicts if not verdict.passed]
        assert ("refused", [guard], []) == (done.result, stopped, office.world.touched)
        assert done.detail.startswith(f"{guard}: ")


@pytest.mark.parametrize("namespace", ["kube-system", "here"])
def test_some_namespaces_are_always_denied(office: Office, namespace: str) -> None:
    """The cluster's own, and this service's."""
    rule = OPEN.replace("[shop]", "['*']")
    with office.open(rule):
        office.pipeline.running = Running(
            office.pipeline.configuration, office.pipeline.running.actions, own_namespace="here"
        )
        office.post({**broken(), "labels": {**broken()["labels"], "namespace": namespace}})
        (done,) = office.done()
        assert ("refused", []) == (done.result, office.world.touched)
        assert done.detail.startswith("denied_namespaces: ")


def test_the_switch_stops_it(office: Office) -> None:
    """Until it is switched on again; what was refused is looked at anew when its alert comes again."""
    with office.open():
        office.pipeline.switch_remediation(False, "jane")
        office.post(broken())
        (done,) = office.done()
        assert ("refused", "switch: remediation was switched off by jane") == (done.result, done.detail)
        office.pipeline.switch_remediation(True, "jane")
        office.clock.pass_seconds(3_600)
        office.post(broken())
        assert "not_fixed" == office.when(lambda each: each.result == "not_fixed")[0].result


def test_a_cooldown_holds_for_a_target(office: Office) -> None:
    """Whatever alert it is about, and others are not held up."""
    with office.open():
        office.post(broken())
        office.done()
        office.post(broken(pod="another"), key="h")
        office.post(broken("web"), key="i")
        found = office.done(3)
        assert ["not_fixed", "refused", "not_fixed"] == [each.result for each in found]
        assert ["deployment/shop/cart", "deployment/shop/web"] == office.world.touched
        assert found[1].detail.startswith("cooldown: something was done to deployment shop/cart")


@pytest.mark.parametrize("groups", [1, 500])
def test_a_storm_touches_nothing_and_asks_once(office: Office, groups: int) -> None:
    """500 alerts for 500 deployments, in one payload or in one each."""
    storm = [broken(f"d{at}") for at in range(500)]
    with office.open():
        if groups == 1:
            office.post(*storm)
        else:
            office.pipeline.accept(body([{**each} for each in storm]))
        found = office.done(500)
        assert [] == office.world.touched
        assert {"refused"} == {each.result for each in found}
        eventually(lambda: office.told() == ["RemediationStorm"], "the message")
        assert office.fix.proposed < 500


def test_waits_until_it_has_been_firing_for_long_enough(office: Office) -> None:
    """Not before, and then it is still valid."""
    with office.open(OPEN.replace("settle: 1s", "settle: 1s, firing_for: 10m")):
        office.post(broken())
        (waiting,) = office.when(lambda each: any(not verdict.passed for verdict in each.verdicts))
        assert ["firing_for"] == [verdict.guard for verdict in waiting.verdicts if not verdict.passed]
        assert timedelta(minutes=10) == waiting.due_at - waiting.alert.starts_at
        office.clock.pass_seconds(600)
        assert "not_fixed" == office.done()[0].result


def test_what_cannot_be_done_in_time_is_not_done(office: Office) -> None:
    """Though it could be later."""

    def away(alert: Any) -> None:
        raise NotProposed("Kubernetes timed out after 8s", later=True)

    office.fix.proposing = away
    with office.open(OPEN.replace("settle: 1s", "settle: 1s, valid_for: 30s")):
        office.post(broken())
        (done,) = office.done()
        assert ("expired", []) == (done.result, office.world.touched)
        assert "it could not be done within 30s (valid_for): Kubernetes timed out after 8s" == done.detail


def test_a_lost_answer_is_looked_up(office: Office) -> None:
    """And it is not done twice."""

    def lost() -> None:
        office.fix.answering = lambda: None
        raise NotPerformed("the answer was lost", in_doubt=True)

    office.fix.answering = lost
    with office.open():
        office.post(broken())
        (done,) = office.done()
        assert ("not_fixed", ["deployment/shop/cart"]) == (done.result, office.world.touched)


def test_what_did_not_happen_is_tried_again(office: Office) -> None:
    """The same, once it is known that it did not happen."""

    def away() -> None:
        office.fix.performing = lambda: None
        raise NotPerformed("the connection broke", in_doubt=True)

    office.fix.performing = away
    with office.open():
        office.post(broken())
        (done,) = office.done()
        assert ("not_fixed", ["deployment/shop/cart"]) == (done.result, office.world.touched)


def test_what_cannot_be_known_is_asked_of_a_person(office: Office) -> None:
    """It is not done again."""

    def away() -> None:
        raise NotPerformed("nobody answers", in_doubt=True)

    office.fix.performing = away
    with office.open():
        office.post(broken())
        (done,) = office.done()
        assert ("unknown", []) == (done.result, office.world.touched)
        eventually(lambda: office.told() == ["RemediationNeedsAttention"], "the message")


def test_what_is_refused_there_is_not_tried_again(office: Office) -> None:
    """A person hears of it."""

    def refused() -> None:
        raise NotPerformed("Kubernetes does not allow it: needs patch deployments", in_doubt=False)

    office.fix.performing = refused
    with office.open():
        office.post(broken())
        (done,) = office.done()
        assert ("failed", []) == (done.result, office.world.touched)
        eventually(lambda: office.told() == ["RemediationNeedsAttention"], "the message")


def _announced(office: Office) -> set[str]:
    with office.engine.connect() as connection:
        return set(
            connection.execute(select(destinations.c.name).where(destinations.c.announced.is_not(None))).scalars()
        )


def test_nothing_is_done_about_what_this_service_says_of_itself(office: Office) -> None:
    """A rule at the receiver that hears of its trouble is not asked to mend it."""
    with office.open(root="fix"):
        office.pipeline.reject("no JSON", b"{")
        office.post(broken())
        office.done()
        office.clock.pass_seconds(60)
        eventually(lambda: "rejected" in _announced(office), "what is said of that")
        eventually(lambda: office.store.backlog().deliveries == 0, "all delivered")
        assert ["Broken"] == [each.alert.name for each in office.all()]


def _counted(result: str) -> float:
    value = REGISTRY.get_sample_value(
        "alert_manager_remediations_total", {"rule": RULE, "verb": "hook", "result": result}
    )
    return value or 0.0


APPROVED = OPEN.replace("settle: 1s", "settle: 1s, approval: page, approvers: [jane]")


def test_waits_for_approval(office: Office) -> None:
    """Of one of the approvers, where the rule says."""
    with office.open(APPROVED):
        office.post(broken())
        (asked,) = office.when(lambda each: each.waits_for_approval)
        eventually(lambda: office.told() == ["RemediationNeedsAttention"], "the question")
        assert "not one of the approvers" in office.pipeline.approve(asked.token, "joe", "Joe", "page")
        assert "on the page" in office.pipeline.approve(asked.token, "jane", "Jane", "slack")
        assert "" == office.pipeline.approve(asked.token, "jane", "Jane", "page")
        assert "does not wait" in office.pipeline.approve(asked.token, "jane", "Jane", "page")
        (done,) = office.done()
        assert ("not_fixed", "Jane (jane)") == (done.result, done.approved_by)
        assert ["deployment/shop/cart"] == office.world.touched


def test_what_is_declined_is_not_done(office: Office) -> None:
    """And says who did so; while it fires nobody is asked again."""
    with office.open(APPROVED):
        before = _counted("declined")
        office.post(broken())
        (asked,) = office.when(lambda each: each.waits_for_approval)
        assert "" == office.pipeline.decline(asked.token, "jane", "jane", "page")
        (done,) = office.done()
        assert ("declined", "declined by jane", []) == (done.result, done.detail, office.world.touched)
        assert before + 1 == _counted("declined")
        office.clock.pass_seconds(120)
        office.post({**broken(), "annotations": {"summary": "goes on"}})
        eventually(lambda: office.store.backlog().deliveries == 0, "all told")
        assert [done] == office.all()


def test_who_is_to_approve_it_is_told_where(office: Office) -> None:
    """With the page that has the buttons."""
    with office.open(APPROVED, "external_url: https://alerts.example"):
        office.post(broken())
        (asked,) = office.when(lambda each: each.waits_for_approval)
        eventually(lambda: office.told() == ["RemediationNeedsAttention"], "the question")
        (told,) = [each for each in office.on_call.sent if each.group.alerts[0].name != "Broken"]
        at = f"https://alerts.example/remediations/{asked.id}"
        assert f"? It waits for jane, at {at}, until " in told.group.alerts[0].annotations["summary"]


def test_an_approval_expires(office: Office) -> None:
    """Then nothing is done any more."""
    with office.open(APPROVED):
        office.post(broken())
        (asked,) = office.when(lambda each: each.waits_for_approval)
        office.clock.pass_seconds(901)
        (done,) = office.done()
        assert ("expired", []) == (done.result, office.world.touched)
        assert "does not wait" in office.pipeline.approve(asked.token, "jane", "Jane", "page")


def test_another_than_what_was_approved_is_not_done(office: Office) -> None:
    """What would be done by then has to be approved itself."""
    with office.open(APPROVED):
        office.post(broken())
        (asked,) = office.when(lambda each: each.waits_for_approval)
        office.fix.instead = "web"
        assert "" == office.pipeline.approve(asked.token, "jane", "Jane", "page")
        (done,) = office.done()
        assert ("refused", []) == (done.result, office.world.touched)
        assert done.detail.startswith("approval: ")


def test_a_rule_that_is_gone_does_nothing(office: Office) -> None:
    """What waits for it ends, in words."""
    with office.open(OPEN.replace("settle: 1s", "settle: 60s")):
        office.post(broken())
        office.when(lambda each: each.state == "considered")
        actions = {"on-call/log/0": office.on_call}
        office.pipeline.running = Running(office.pipeline.configuration, actions)
        (done,) = office.done()
        assert ("refused", []) == (done.result, office.world.touched)
        assert "the configuration has no such rule any more" == done.detail


def test_a_defect_of_an_action_ends(office: Office) -> None:
    """Nothing is looked at for ever."""

    def defect(alert: Any) -> None:
        raise ZeroDivisionError

    office.fix.proposing = defect
    with office.open():
        office.post(broken())
        (done,) = office.done()
        assert ("refused", "a step failed: ZeroDivisionError (the log has it)") == (done.result, done.detail)


def test_what_arrives_late_is_not_told_as_not_done(office: Office) -> None:
    """A second try is refused because the first has arrived since: what it was is looked up once more."""
    late: list[Callable[[], Any]] = []

    def first() -> None:
        target, version = office.fix.last.target, office.fix.last.request["version"]
        late.append(lambda: office.world.write(target, version, office.all()[0].token))
        office.fix.performing = second
        raise NotPerformed("timed out", in_doubt=True)

    def second() -> None:
        # Of the look; the next is the second try.
        office.fix.performing = arrives

    def arrives() -> None:
        office.fix.performing = lambda: None
        late.pop()()

    office.fix.performing = first
    with office.open():
        office.post(broken())
        (done,) = office.done()
        assert ("not_fixed", ["deployment/shop/cart"]) == (done.result, office.world.touched)


def test_what_may_arrive_yet_is_not_told_as_not_done(office: Office) -> None:
    """The alert is over by then, and nothing is tried again: a while it is looked whether the first try arrives."""

    def lost() -> None:
        office.fix.performing = lambda: None
        raise NotPerformed("timed out", in_doubt=True)

    office.fix.performing = lost
    with office.open():
        office.post(broken())
        office.when(lambda each: each.state == "acting" and each.tries == 1)
        office.post(over())
        (waiting,) = office.when(lambda each: each.detail == "it is resolved")
        assert ("acting", None) == (waiting.state, waiting.result)
        assert office.world.write(office.fix.last.target, 1, waiting.token)
        (done,) = office.done()
        assert ("fixed", ["deployment/shop/cart"]) == (done.result, office.world.touched)


def test_what_does_not_arrive_is_told_as_not_done(office: Office) -> None:
    """In the end, and to a person."""

    def lost() -> None:
        office.fix.performing = lambda: None
        raise NotPerformed("timed out", in_doubt=True)

    office.fix.performing = lost
    with office.open():
        office.post(broken())
        office.when(lambda each: each.state == "acting" and each.tries == 1)
        office.post(over())
        (done,) = office.done()
        assert ("failed", []) == (done.result, office.world.touched)
        assert "it was not done, and is not tried again: it is resolved" == done.detail
        assert timedelta(seconds=30) <= done.due_at - (done.acted_at or done.due_at)


def test_a_defect_after_the_write_is_looked_up(office: Office) -> None:
    """What a rule's action raised says nothing of what was written."""

    def defect() -> None:
        raise ZeroDivisionError

    office.fix.answering = defect
    with office.open():
        office.post(broken())
        (done,) = office.done()
        assert ("not_fixed", ["deployment/shop/cart"]) == (done.result, office.world.touched)
        assert any(each.what.startswith("done, as is seen now") for each in done.steps)


def test_what_was_hard_to_decide_is_not_tried_the_less(office: Office) -> None:
    """How often it was looked at before it was done says nothing of how often it was tried."""

    def away(alert: Any) -> None:
        if 1 < office.fix.proposed < 6:
            raise NotProposed("Kubernetes timed out after 8s", later=True)

    def lost() -> None:
        office.fix.performing = lambda: None
        raise NotPerformed("the connection broke", in_doubt=True)

    office.fix.proposing, office.fix.performing = away, lost
    with office.open():
        office.post(broken())
        (done,) = office.done()
        assert ("not_fixed", ["deployment/shop/cart"]) == (done.result, office.world.touched)
