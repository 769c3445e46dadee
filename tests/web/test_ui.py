"""The page at `/`."""

import html
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from alerts.findings import Excerpt, Finding, Gap, Reading
from alerts.model import Alert, AlertGroup, Status, fingerprint
from alerts.notification import Notification, SendError
from alerts.withheld import Withheld
from outbox.database import StoreError
from outbox.records import AlertStatus, DeliveryStatus, Plan
from outbox.store import Store
from pipeline import Pipeline
from tests.pipeline.parts import Failing, Recorder, body, make_pipeline, started
from tests.samples import NOW, SEED, model_alert, webhook, wire_alert
from tests.service import eventually

HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)>\'"&{{ 12345 * 54321 }}</title>'


def shown(client: FlaskClient, status: int = 200) -> str:
    """The page's source."""
    response = client.get("/")
    assert (status, "text/html; charset=utf-8") == (response.status_code, response.content_type)
    return response.text


def words(page: str) -> str:
    """What a reader sees of it."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page.partition("<body>")[2])).split())


def heard(store: Store, alert: Alert, *findings: Finding) -> None:
    """Keeps an alert as a plan does."""
    store.accept(b"{}", NOW)
    (claimed,) = store.claim_events(NOW, 30)
    store.plan([Plan(claimed, alerts=(("group", alert, findings),))])


def test_says_that_nothing_has_come_in(client: FlaskClient) -> None:
    """An empty page says what to do."""
    seen = words(shown(client))
    assert "0 firing · 0 on their way" in seen
    assert "Nothing has come in yet. Point an Alertmanager's webhook at /alert , or try curl" in seen


def test_shows_an_alert_and_who_was_told(client: FlaskClient, running: Pipeline) -> None:
    """An alert has its severity, its name, what it is about, its summary, and each delivery's outcome."""
    client.post("/alert?wait=5s", data=SEED)
    seen = words(shown(client))
    assert "1 firing · 0 on their way" in seen
    assert "critical KubePodCrashLooping customer/customer-rs-transformer-9b75b488c-cpfd7 cluster-main for" in seen
    assert "Pod is crash looping." in seen
    assert "delivered team · log" in seen


def test_shows_what_is_over(client: FlaskClient, running: Pipeline) -> None:
    """A resolved alert is shown as such, behind those that fire."""
    client.post("/alert?wait=5s", data=body(webhook(wire_alert("A", "resolved"), wire_alert("B"))))
    page = shown(client)
    assert "<title>1 firing" in page
    assert re.search(r"error B .* resolved A ended .* ago ", words(page))


def test_shows_excerpts(client: FlaskClient, store: Store) -> None:
    """Line by line as they are, escaped, with the command that shows more."""
    heard(store, model_alert(), Excerpt("logs", "log of app", ("one  <b>", "  two"), NOW, 'kubectl "logs"'))
    page = shown(client)
    assert '<pre tabindex="0" title="kubectl &#34;logs&#34;">one  &lt;b&gt;\n  two</pre>' in page
    assert "log of app one <b> two" in words(page)


def test_shows_readings_and_gaps(client: FlaskClient, store: Store) -> None:
    """A value is shown against its limit and its request, a gap with its reason."""
    heard(
        store,
        model_alert(),
        Reading("cpu", "CPU", 0.42, "cores", NOW, "up", request=0.25, limit=0.5),
        Reading("memory", "memory", 300 * 2**20, "bytes", NOW, "up", limit=256 * 2**20),
        Gap("load", "load", "Prometheus timed out after 2s"),
    )
    page = shown(client)
    assert "CPU 0.42 of 0.50 cores (84%), request 0.25 cores" in words(page)
    assert "memory 300 MiB of 256 MiB (117%)" in words(page)
    assert "load Prometheus timed out after 2s" in words(page)
    assert ["0.84", "1"] == re.findall(r'<meter [^>]*value="([^"]*)"', page)
    assert "nobody is to be told" in words(page)


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (SendError("busy"), "retrying team · log: busy"),
        (SendError("no such channel", permanent=True), "dead team · log: no such channel"),
        (SendError(HOSTILE), f"retrying team · log: {HOSTILE}"),
    ],
    ids=["retrying", "dead", "hostile"],
)
def test_shows_why_nobody_was_told(
    client: FlaskClient, running: Pipeline, recorder: Recorder, failure: SendError, expected: str
) -> None:
    """A delivery that failed has its reason."""
    recorder.failures.extend([failure] * 20)
    client.post("/alert?wait=5s", data=SEED)
    assert " ".join(expected.split()) in words(shown(client))


def test_shows_where_it_is_not_told_for_now(client: FlaskClient, store: Store) -> None:
    """An alert that was left out of what its group's delivery tells has the reason all the same."""
    store.accept(b"{}", NOW)
    (claimed,) = store.claim_events(NOW, 30)
    alert = model_alert()
    why = {("group", alert.fingerprint): {"team/log/0": Withheld("inhibited by <node>, as alert 0123 fires", "scope")}}
    store.plan([Plan(claimed, alerts=(("group", alert, ()),), withheld=why)])
    page = words(shown(client))
    assert "not told for now team/log/0: inhibited by <node>, as alert 0123 fires" in page
    assert "nobody is to be told" not in page


def test_says_that_a_payload_could_not_be_planned(client: FlaskClient, store: Store) -> None:
    """What nobody was told of is said on the page, too."""
    store.accept(b"{}", NOW)
    (claimed,) = store.claim_events(NOW, 30)
    store.plan([Plan(claimed, error="cannot be planned")])
    assert "1 accepted payload could not be planned. Nobody was told; the log says why." in words(shown(client))


def test_hostile_text_is_shown_as_text(client: FlaskClient, running: Pipeline) -> None:
    """Whatever stands in labels, annotations and fingerprints is shown, and nothing of it is markup."""
    names = ("namespace", "pod", "cluster", "severity", "instance")
    alert = wire_alert(HOSTILE, **dict.fromkeys(names, HOSTILE))
    alert |= {"annotations": {"summary": HOSTILE}, "fingerprint": f'" onclick="{HOSTILE}', "generatorURL": HOSTILE}
    client.post("/alert?wait=5s", data=body(alert))
    page = shown(client)
    assert HOSTILE in words(page)
    assert not re.search(r"<script|<img|670592745", page.partition("<body>")[2])
    assert 'id="&#34; onclick=&#34;' in page
    assert 1 == page.count("</title>")


@pytest.mark.parametrize(
    "odd",
    ["\0", "\u202eright to left", "x" * 10_000, "🔥", "a\nb\tc", "\ud83d"],
    ids=["NUL", "bidi", "10 KB", "emoji", "lines", "surrogate"],
)
def test_odd_text_breaks_nothing(client: FlaskClient, running: Pipeline, odd: str) -> None:
    """No text makes the page fail."""
    alert = wire_alert(f"A{odd}", pod=odd, cluster=odd) | {"annotations": {"summary": odd}}
    client.post("/alert?wait=5s", data=body(alert))
    assert "1 firing" in words(shown(client))


@pytest.mark.parametrize("moment", ["0002-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "1969-12-31T23:59:59+23:59"])
def test_odd_times_break_nothing(client: FlaskClient, running: Pipeline, moment: str) -> None:
    """No time makes the page fail."""
    over = wire_alert("B", "resolved") | {"startsAt": moment, "endsAt": moment}
    client.post("/alert?wait=5s", data=body(wire_alert("A") | {"startsAt": moment}, over))
    assert "1 firing" in words(shown(client))


def test_shows_the_hundred_that_matter_most(client: FlaskClient, running: Pipeline) -> None:
    """Of very many alerts the worst are shown, however old, all are counted, and the page says so."""
    client.post("/alert?wait=30s", data=body(wire_alert("Worst", severity="critical")))
    client.post("/alert?wait=30s", data=body(*(wire_alert(f"A{number}", severity="info") for number in range(120))))
    page = shown(client)
    assert 100 == page.count('<li id="')
    seen = words(page)
    assert "121 firing" in seen
    assert 0 < seen.index("critical Worst") < seen.index("info A")
    assert "The 100 that matter most are shown: what fires first, the worst first." in seen


def test_tells_apart_who_was_told_of_which(tmp_path: Path, store: Store) -> None:
    """Of a group that went different ways, each alert has the deliveries that it was in, and no others."""
    routes = """
route: {receiver: chat, routes: [{receiver: pager, matchers: [severity=critical]}]}
receivers: [{name: chat, log_configs: [{}]}, {name: pager, log_configs: [{}]}]
"""
    actions = {"chat/log/0": Recorder(), "pager/log/0": Recorder()}
    with started(make_pipeline(tmp_path, store, actions, routes)) as pipeline:
        both = webhook(wire_alert("Bad", severity="critical"), wire_alert("Mild", severity="info"))
        pipeline.wait(pipeline.accept(body(both)), 5)
    told = {each.alert.name: [status.receiver for status in each.deliveries] for each in store.recent_alerts(10)}
    assert {"Bad": ["pager"], "Mild": ["chat"]} == told


def test_links_to_what_helps(client: FlaskClient, running: Pipeline) -> None:
    """The runbook and Prometheus are a click away, and a link that is no http URL is none."""
    helpful, harmful = wire_alert("Helpful"), wire_alert("Harmful", generator="x")
    helpful["annotations"]["runbook_url"] = "https://runbooks.example/a"
    harmful["annotations"]["runbook_url"] = "javascript:alert(1)"
    harmful["generatorURL"] = "javascript:alert(2)"
    client.post("/alert?wait=5s", data=body(helpful, harmful))
    page = shown(client)
    links = set(re.findall(r'href="([^"]*)"', page)) - {"/static/style.css", "/static/icon.svg"}
    assert {"https://runbooks.example/a", helpful["generatorURL"], "/api/v1/events/1"} == links


def test_says_how_long_ago(client: FlaskClient, store: Store) -> None:
    """Times are told as a person would."""
    began = datetime.now(UTC) - timedelta(hours=3, minutes=5, seconds=30)
    heard(store, Alert({"alertname": "A"}, {}, "firing", began, None, "", "f"))
    assert "for 3h 5m" in words(shown(client))


def test_says_that_the_storage_does_not_answer(client: FlaskClient, failing: Failing, engine: Engine) -> None:
    """The page is there while the storage fails, as an error, and says what is the matter."""
    failing.failures["recent_alerts"] = 1
    assert "The storage does not answer. the disk is away" in words(shown(client, 503))
    failing.failures["backlog"] = 1
    assert "The storage does not answer. the disk is away" in words(shown(client, 503))
    assert "Nothing has come in yet." in words(shown(client))
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE alerts"))
    said = {"sqlite": "no such table: alerts", "postgresql": 'relation "alerts" does not exist'}[engine.dialect.name]
    assert f"The storage does not answer. {said}" in words(shown(client, 503))


def test_its_parts_are_served(client: FlaskClient) -> None:
    """The page's only other parts are there, and nothing is loaded from elsewhere."""
    parts = {"/static/icon.svg": "image/svg+xml; charset=utf-8", "/static/style.css": "text/css; charset=utf-8"}
    assert list(parts) == re.findall(r'(?:href|src)="([^"]*)"', shown(client))
    for path, kind in parts.items():
        with client.get(path) as response:
            assert (200, kind) == (response.status_code, response.content_type)


class Digests:
    """A store that holds one digest, 7."""

    def __init__(self, *told: Notification) -> None:
        self.told = told

    def digested(self, delivery_id: int) -> tuple[Notification, ...] | None:
        """What the digest told."""
        return self.told if delivery_id == 7 else None


def digest_of(*alerts: Alert, **changes: Any) -> Notification:
    """What is told of one group."""
    return Notification("team", "slack", 0, AlertGroup(f"group {alerts[0].fingerprint}", alerts), **changes)


def named(name: str, severity: str, resolved: bool = False, **labels: str) -> Alert:
    """An alert by name and severity, over after five minutes if it is."""
    labels = {"alertname": name, "severity": severity, **labels}
    over = NOW + timedelta(minutes=5) if resolved else None
    status: Status = "resolved" if resolved else "firing"
    return Alert(labels, {"summary": f"{name} happened."}, status, NOW, over, "", fingerprint(labels))


@pytest.fixture
def digests(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Digests:
    """The store behind the client."""
    made = Digests()
    monkeypatch.setattr(pipeline.store, "digested", made.digested, raising=False)
    return made


def digest_page(client: FlaskClient, status: int = 200) -> str:
    """The source of the page of digest 7."""
    response = client.get("/digests/7")
    assert (status, "text/html; charset=utf-8") == (response.status_code, response.content_type)
    return response.text


def test_lists_what_a_digest_told(client: FlaskClient, digests: Digests) -> None:
    """Every alert of every group is in one table, what fires first, the worst first."""
    digests.told = (
        digest_of(named("Over", "critical", resolved=True), named("Mild", "info")),
        digest_of(named("Bad", "page", namespace="shop", pod="cart-1"), notes=("still firing, 4h",)),
    )
    seen = words(digest_page(client))
    assert "3 alerts in 2 groups: 1 critical, 1 info firing; 1 resolved , as it was told then." in seen
    rows = (
        "critical Bad shop/cart-1 Bad happened. still firing, 4h firing 2026-03-02 07:31:57",
        "info Mild Mild happened. firing 2026-03-02 07:31:57",
        "critical Over Over happened. resolved after 5m 2026-03-02 07:31:57",
    )
    assert seen.endswith(f"State Since {' '.join(rows)}")


def test_lists_ten_thousand_of_a_digest(client: FlaskClient, digests: Digests) -> None:
    """Of more alerts than a browser should show, the worst are listed and the others counted."""
    mild = tuple(named("Mild", "info", n=str(number)) for number in range(11_233))
    digests.told = (digest_of(*mild), digest_of(named("Bad", "critical")))
    page = digest_page(client)
    assert 10_000 == page.count('<td class="name">')
    assert "Since critical Bad Bad happened." in words(page)
    assert words(page).endswith("and 1,234 more")


def test_a_digest_of_hostile_text_is_shown_as_text(client: FlaskClient, digests: Digests) -> None:
    """Nothing in an alert or a note is markup."""
    labels = dict.fromkeys(("namespace", "pod", "cluster"), HOSTILE)
    digests.told = (digest_of(named(HOSTILE, HOSTILE, False, **labels), notes=(HOSTILE,)),)
    page = digest_page(client)
    assert HOSTILE in words(page)
    assert not re.search(r"<script|<img|670592745", page.partition("<body>")[2])


@pytest.mark.parametrize("number", [8, 2**63])
def test_there_is_no_such_digest(client: FlaskClient, digests: Digests, number: int) -> None:
    """A digest that does not exist is a 404 that says so."""
    response = client.get(f"/digests/{number}")
    expected = {"status": "error", "error": f"there is no digest {number}"}
    assert (404, expected) == (response.status_code, response.json)


def test_a_digest_says_that_the_storage_does_not_answer(
    client: FlaskClient, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The digest's page is there while the storage fails, as an error."""

    def fails(delivery_id: int) -> None:
        raise StoreError("the disk is away")

    monkeypatch.setattr(pipeline.store, "digested", fails, raising=False)
    assert "The storage does not answer. the disk is away" in words(digest_page(client, 503))


@pytest.mark.parametrize(
    ("state", "detail", "expected"),
    [
        ("superseded", "", "superseded team · slack: a newer state is told instead"),
        ("superseded", "by delivery 9", "superseded team · slack: by delivery 9"),
        ("digested", "", "digested team · slack: told together with others"),
        ("suppressed", "muted: night", "suppressed team · slack: muted: night"),
        ("suppressed", "", "suppressed team · slack: not to be told"),
        ("delivered", "", "delivered team · slack"),
    ],
)
def test_shows_why_a_delivery_was_not_sent(
    client: FlaskClient, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, state: Any, detail: str, expected: str
) -> None:
    """What was told otherwise, or was not to be told, says so in words."""
    delivery = DeliveryStatus(
        1, 1, "team/slack/0", "team", "slack", state, 1, detail, NOW, NOW, "g", "state", None, None
    )
    shown_alerts = [AlertStatus(named("A", "page"), (), 1, NOW, False, (delivery,))]
    monkeypatch.setattr(pipeline.store, "recent_alerts", lambda limit: shown_alerts, raising=False)
    page = shown(client)
    assert f'<li class="{state}">' in page
    assert expected in words(page)


def test_says_where_not_all_was_told(client: FlaskClient, running: Pipeline, recorder: Recorder) -> None:
    """A destination in trouble stands above the alerts."""
    recorder.failures.append(SendError("gone", permanent=True))
    client.post("/alert?wait=5s", data=SEED)
    expected = "Not everybody was told. 1 notification could not be delivered to team/log/0: gone"
    eventually(lambda: expected in words(shown(client)), "the page to say so")


def test_shows_what_lapsed(client: FlaskClient, store: Store) -> None:
    """What was taken as over is told from what ended."""
    store.accept(b"{}", NOW, kind="lapse")
    (claimed,) = store.claim_events(NOW, 30)
    store.plan([Plan(claimed, alerts=(("group", model_alert("Crash", "resolved"), ()),))])
    assert "lapsed Crash not heard of, taken as over" in words(shown(client))
