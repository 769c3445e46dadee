"""What happens on that day: step by step, what a reader is told of it, and what the world does."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alerts.model import common
from tests.day.prometheus import CONTAINER, NAMESPACE
from tests.day.world import BEGAN, World
from tests.far_sides.kubernetes_things import deployment, pod, replica_set
from tests.web.clicks import form, payload

MIB = 2**20
GROUP = '{}:{cluster="west", namespace="shop"}'
FIRST, SECOND, THIRD = (f"checkout-7d4b9c6f5-{end}" for end in ("x2lqk", "9kq5z", "m4t8w"))
HOSTILE = "<!channel> <!here> <@U012AB3CD> @everyone: see <https://phish.example|the runbook>"
STORM = 40


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens.

    Attributes:
        name: it in a word or two, for the test.
        at: the time of the day.
        title: it in a few words.
        said: it in a sentence or two.
        channel: the channel that a reader is to look at.
    """

    name: str
    at: str
    title: str
    said: str
    happen: Callable[[World], object]
    channel: str = "#on-call"


def moment(time: str) -> datetime:
    """A time of that day."""
    hours, minutes = map(int, time.split(":"))
    return BEGAN.replace(hour=hours, minute=minutes)


def alert(
    name: str, pod: str, severity: str, since: str, summary: str, until: str = "", **annotations: str
) -> dict[str, Any]:
    """An alert as Alertmanager writes it; one that is over when it says until when."""
    labels = {"alertname": name, "cluster": "west", "namespace": NAMESPACE, "severity": severity}
    own = {"pod": pod, "container": CONTAINER} if pod else {}
    return {
        "status": "resolved" if until else "firing",
        "labels": labels | own,
        "annotations": {"summary": summary, "runbook_url": f"https://runbooks.example/{name}", **annotations},
        "startsAt": moment(since).isoformat(),
        "endsAt": moment(until).isoformat() if until else "0001-01-01T00:00:00Z",
        "generatorURL": f"http://prometheus.example/graph?g0.expr={name}",
    }


def first(until: str = "") -> dict[str, Any]:
    """A pod that uses much memory."""
    return alert("PodMemoryHigh", FIRST, "warning", "07:31", "Memory is nearly used up.", until)


def second(until: str = "") -> dict[str, Any]:
    """Another one."""
    return alert("PodMemoryHigh", SECOND, "warning", "07:31", "Memory is nearly used up.", until)


def third(until: str = "", since: str = "07:35") -> dict[str, Any]:
    """A pod that nobody can use, of which somebody wrote what would ping all."""
    summary = "Checkout answers no request, <!here>."
    return alert("CheckoutDown", THIRD, "critical", since, summary, until, description=HOSTILE)


def group(*alerts: dict[str, Any], key: str = GROUP) -> dict[str, Any]:
    """What Alertmanager posts."""
    return {
        "version": "4",
        "groupKey": key,
        "truncatedAlerts": 0,
        "status": "firing" if any(each["status"] == "firing" for each in alerts) else "resolved",
        "receiver": "alert-manager",
        "groupLabels": {},
        "commonLabels": common(each["labels"] for each in alerts),
        "commonAnnotations": common(each["annotations"] for each in alerts),
        "externalURL": "http://alertmanager.example",
        "alerts": list(alerts),
    }


def _uses(world: World, first_mib: float, second_mib: float) -> None:
    uses = {FIRST: first_mib * MIB, SECOND: second_mib * MIB, THIRD: 31.0 * MIB}
    world.prometheus.says("container_memory_working_set_bytes", uses)
    world.prometheus.says("kube_pod_container_resource_limits", dict.fromkeys(uses, 256.0 * MIB))
    world.prometheus.says("kube_pod_container_status_restarts_total", {FIRST: 0, SECOND: 0, THIRD: 4})
    world.prometheus.says("kube_pod_info", dict.fromkeys(uses, 1))


def _fires(world: World) -> None:
    _uses(world, 236, 225)
    world.post(group(first(), second()))


def _grows(world: World) -> None:
    world.post(group(first(), second(), third()))


def _acknowledged_in_pagerduty(world: World) -> None:
    assert 200 == world.pagerduty.acknowledge_by("Jane Roe", world.pagerduty.opened[-1].dedup_key)


def _ten_minutes_later(world: World) -> None:
    _uses(world, 251, 230)
    replies = len(world.slack.channel("#on-call").posts)
    # Nobody posts: the service looks by itself.
    world.slack.wait_until(lambda: len(world.slack.channel("#on-call").posts) > replies or None, 15)


def _shrinks(world: World) -> None:
    _uses(world, 251, 140)
    world.post(group(first(), second(until="07:44"), third()))


def _deleted(world: World) -> None:
    (message,) = world.slack.channel("#on-call").messages
    world.slack.delete(message.ts, "#on-call")
    _uses(world, 120, 140)
    world.post(group(first(until="07:49"), third()))


def _resolves(world: World) -> None:
    world.post(group(third(until="07:55")))


def _fires_again(world: World) -> None:
    made = world.kubernetes.put(deployment("checkout"))
    replicas = world.kubernetes.put(replica_set(made, "checkout-7d4b9c6f5"))
    world.kubernetes.put(pod(replicas, THIRD))
    world.prometheus.says("CheckoutDown", {THIRD: 1})
    world.post(group(third(since="09:10")))


def _asks(world: World) -> None:
    # Nobody posts: the rule has looked, and asks.
    world.slack.wait_until(lambda: list(_approvals(world)) or None, 15)


def _acknowledged_in_slack(world: World) -> None:
    message = world.slack.channel("#on-call").messages[-1]
    (button,) = (each for each in _elements(message.content) if each.get("action_id") == "acknowledge")
    sam = {"id": "U0SAM", "username": "sam", "name": "Sam"}
    world.click(form(payload("acknowledge", button["value"], "", user=sam)))


def _approvals(world: World) -> Iterator[dict[str, Any]]:
    for post in world.slack.channel("#on-call").posts.values():
        yield from (each for each in _elements(post.content) if each.get("action_id", "").startswith("remediation-run"))


def _approved(world: World) -> None:
    (button,) = _approvals(world)
    sam = {"id": "U012SAM", "username": "sam", "name": "Sam"}
    world.click(form(payload(button["action_id"], button["value"], "", user=sam)))
    world.pagerduty.wait_until(lambda: world.pagerduty.changes or None, 15)


def _elements(content: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What there is to press in a message."""
    for part in (content, *content.get("attachments", [])):
        for block in part.get("blocks", []):
            yield from block.get("elements", [])


def _resolves_again(world: World) -> None:
    world.prometheus.says("CheckoutDown", {})
    world.post(group(third(since="09:10", until="09:18")))


def _verified(world: World) -> None:
    rolled_out = world.kubernetes.get("deployments", "checkout")
    world.kubernetes.touch("deployments", "checkout", observedGeneration=rolled_out["metadata"]["generation"])
    world.slack.wait_until(lambda: "fixed: " in world.slack.transcript("#on-call") or None, 15)


def _of_a_node(number: int, until: str = "") -> dict[str, Any]:
    given = alert("NodeUnreachable", "", "warning", "11:00", "The node does not answer.", until)
    given["labels"] |= {"team": "infra", "instance": f"node-{number:02}:9100"}
    del given["labels"]["namespace"]
    instance = given["labels"]["instance"]
    return group(given, key=f'{{}}:{{alertname="NodeUnreachable", instance="{instance}"}}')


def _storms(world: World) -> None:
    for number in range(STORM):
        world.post(_of_a_node(number))
        if not number:
            world.quiet()
    world.planned()
    world.at("11:01")


def _storm_ends(world: World) -> None:
    edits = len(world.slack.called("chat.update"))
    world.post(_of_a_node(0, until="11:05"))
    world.slack.wait_for_calls("chat.update", edits + 1)
    for number in range(1, STORM):
        world.post(_of_a_node(number, until="11:05"))
    world.planned()
    posted = len(world.slack.called("chat.postMessage"))
    # The reply below the first message and the digest, in whichever order.
    world.at("11:07")
    world.slack.wait_for_calls("chat.postMessage", posted + 1)
    world.at("11:08")


STEPS = (
    Step(
        "fire",
        "07:31",
        "Two pods use much memory",
        "Two warnings fire in the namespace shop.",
        _fires,
    ),
    Step(
        "grow",
        "07:36",
        "It gets worse",
        "A critical alert joins the group. Whoever wrote its description tries to ping everybody.",
        _grows,
    ),
    Step(
        "acknowledge",
        "07:38",
        "Somebody takes it over",
        "Jane Roe acknowledges the incident in PagerDuty.",
        _acknowledged_in_pagerduty,
    ),
    Step(
        "read again",
        "07:42",
        "Ten minutes later",
        "Alertmanager says nothing new; the service looks up once more what it found at first.",
        _ten_minutes_later,
    ),
    Step("shrink", "07:45", "One is over", "One of the two warnings resolves.", _shrinks),
    Step(
        "delete",
        "07:50",
        "The message is gone",
        "Somebody has deleted the message in Slack; then the other warning resolves.",
        _deleted,
    ),
    Step("resolve", "07:55", "All is over", "The last alert resolves.", _resolves),
    Step("fire again", "09:10", "It begins anew", "The critical alert fires again, an hour later.", _fires_again),
    Step(
        "acknowledge again",
        "09:12",
        "Somebody takes it over in Slack",
        "Sam presses Acknowledge below the message.",
        _acknowledged_in_slack,
    ),
    Step(
        "ask",
        "09:13",
        "A rule asks",
        "A rule may restart the deployment, if somebody approves it; it asks in the thread.",
        _asks,
    ),
    Step("approve", "09:14", "Somebody approves it", "Sam presses Run it; the deployment is restarted.", _approved),
    Step("resolve again", "09:18", "That is over, too", "The alert resolves.", _resolves_again),
    Step("fixed", "09:20", "It helped", "Five minutes after the restart it is looked whether it helped.", _verified),
    Step(
        "storm",
        "11:00",
        "A storm",
        f"{STORM} groups of another team fire within a second; its channel takes one message a second.",
        _storms,
        "#ops",
    ),
    Step("storm over", "11:06", "The storm ends", "All of them resolve.", _storm_ends, "#ops"),
)
