"""From bytes to AlertGroups: what is taken, what is filled in, and that all else is refused with its place."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from alerts.model import Alert, AlertGroup, fingerprint
from alerts.payload import PayloadError, parse
from tests.samples import SEED, wire_alert

ROOT = Path(__file__).parent.parent.parent
NOW = datetime(2026, 3, 2, 7, 31, 57, 339_000, UTC)
SECRET = "hunter2-in-the-body"

LABELS = {"alertname": "Crash", "pod": "p"}
WEBHOOK: dict[str, Any] = {
    "version": "4",
    "groupKey": '{}/{severity="critical"}:{alertname="Crash"}',
    "truncatedAlerts": 3,
    "status": "firing",
    "receiver": "team-.*",
    "groupLabels": {"alertname": "Crash"},
    "commonLabels": {"alertname": "Crash", "severity": "critical"},
    "commonAnnotations": {"summary": "s"},
    "externalURL": "http://alertmanager.example",
    "notification_reason": "new_alerts",
    "routeLabels": {"a": "newer than us"},
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "Crash", "severity": "critical", "pod": "a"},
            "annotations": {"summary": "s", "description": "d"},
            "startsAt": "2026-03-02T07:00:00.123456789Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus.example/graph",
            "fingerprint": "00000000000000aa",
        },
        {
            "status": "resolved",
            "labels": {"alertname": "Crash", "severity": "critical", "pod": "b"},
            "annotations": {"summary": "s"},
            "startsAt": "2026-03-02T08:00:00+01:00",
            "endsAt": "2026-03-02T07:10:00Z",
            "generatorURL": "",
            "fingerprint": "00000000000000bb",
        },
    ],
}


def body(document: object) -> bytes:
    """Returns a document as a request's body."""
    return json.dumps(document).encode()


def one(document: object) -> Alert:
    """Returns the only alert of the only group of a document."""
    (group,) = parse(body(document), NOW)
    (alert,) = group.alerts
    return alert


def error_of(content: bytes) -> str:
    """Returns what the refusal of a body says."""
    with pytest.raises(PayloadError) as caught:
        parse(content, NOW)
    return str(caught.value)


def test_reads_the_body_of_the_first_curl() -> None:
    """The request that every newcomer tries first has no groupKey, no endsAt, no fingerprint."""
    (group,) = parse(SEED, NOW)
    (alert,) = group.alerts

    assert "firing" == group.status
    assert "CRITICAL" == alert.labels["severity"]
    assert "Pod is crash looping." == alert.summary
    assert datetime(2022, 3, 2, 7, 31, 57, 339_000, UTC) == alert.starts_at
    assert (None, "") == (alert.ends_at, alert.generator_url)
    assert fingerprint(alert.labels) == alert.fingerprint
    assert f"alert:{alert.fingerprint}" == group.group_key
    assert (alert.labels, alert.labels, alert.annotations) == (
        group.group_labels,
        group.common_labels,
        group.common_annotations,
    )


def test_the_first_curl_is_copied_verbatim() -> None:
    """The body that the tests use is the one in the text that it comes from, where that text is at hand."""
    texts = [path.read_text() for path in (ROOT.parent / "shared" / "seeds").glob("004_*.txt")]
    found = [match[1] for text in texts for match in re.finditer(r"curl -X POST .*? -d '(\{.*?\})'", text, re.DOTALL)]

    assert all(json.loads(SEED) == json.loads(each) for each in found)


def test_reads_a_webhook() -> None:
    """Everything that version 4 says is kept; a key from a newer Alertmanager is ignored."""
    first, second = WEBHOOK["alerts"]
    expected = AlertGroup(
        group_key=WEBHOOK["groupKey"],
        alerts=(
            Alert(
                labels=first["labels"],
                annotations=first["annotations"],
                status="firing",
                starts_at=datetime(2026, 3, 2, 7, 0, 0, 123_456, UTC),
                ends_at=None,
                generator_url="http://prometheus.example/graph",
                fingerprint="00000000000000aa",
            ),
            Alert(
                labels=second["labels"],
                annotations=second["annotations"],
                status="resolved",
                starts_at=datetime(2026, 3, 2, 7, 0, tzinfo=UTC),
                ends_at=datetime(2026, 3, 2, 7, 10, tzinfo=UTC),
                generator_url="",
                fingerprint="00000000000000bb",
            ),
        ),
        group_labels=WEBHOOK["groupLabels"],
        common_labels=WEBHOOK["commonLabels"],
        common_annotations=WEBHOOK["commonAnnotations"],
        receiver="team-.*",
        external_url="http://alertmanager.example",
        truncated_alerts=3,
        notification_reason="new_alerts",
    )

    assert (expected,) == parse(body(WEBHOOK), NOW)


def test_a_webhook_needs_little() -> None:
    """A key left out, or null, stands for nothing; what is common is then found from the alerts."""
    alerts = [wire_alert(pod="a", zone="x"), wire_alert(pod="b", zone="x")]
    nothing = dict.fromkeys(("receiver", "commonLabels", "externalURL", "truncatedAlerts", "notification_reason"))
    (group,) = parse(body({"groupKey": "g", "alerts": alerts, **nothing}), NOW)

    assert {"alertname": "Crash", "zone": "x"} == group.common_labels
    assert {"summary": "Crash happened."} == group.common_annotations
    assert ("", "", 0, "", {}) == (
        group.receiver,
        group.external_url,
        group.truncated_alerts,
        group.notification_reason,
        group.group_labels,
    )


@pytest.mark.parametrize("key", [{}, {"groupKey": ""}, {"groupKey": None}], ids=["missing", "empty", "null"])
def test_a_webhook_without_a_group_key_is_alerts_of_their_own(key: dict[str, Any]) -> None:
    """With no key to tell the group by, each alert is a group; where it came from stays."""
    alerts = [wire_alert(pod="a"), wire_alert(pod="b")]
    around = {"receiver": "r", "externalURL": "http://alertmanager.example"}
    groups = parse(body({"alerts": alerts, **around, **key}), NOW)

    assert [f"alert:{fingerprint(each['labels'])}" for each in alerts] == [group.group_key for group in groups]
    assert [("r", "http://alertmanager.example")] * 2 == [(group.receiver, group.external_url) for group in groups]


def test_a_list_is_alerts_of_their_own() -> None:
    """Each alert of a list is a group, in the list's order."""
    groups = parse(body([wire_alert(pod="a"), wire_alert(pod="b", status="resolved")]), NOW)

    assert ["a", "b"] == [group.alerts[0].labels["pod"] for group in groups]
    assert ["firing", "resolved"] == [group.status for group in groups]


def test_an_alert_repeated_in_a_list_is_told_once() -> None:
    """The last word of a list on an alert counts."""
    (group,) = parse(body([wire_alert(), wire_alert(status="resolved")]), NOW)

    assert "resolved" == group.status


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "firing"),
        ({"endsAt": None}, "firing"),
        ({"endsAt": ""}, "firing"),
        ({"endsAt": "0001-01-01T00:00:00Z"}, "firing"),
        ({"endsAt": "2026-03-02T07:31:58Z"}, "firing"),
        ({"endsAt": "2026-03-02T07:31:57.339Z"}, "resolved"),
        ({"endsAt": "2026-03-02T07:00:00Z"}, "resolved"),
        ({"endsAt": "2026-03-02T07:00:00Z", "status": "firing"}, "firing"),
        ({"status": "resolved"}, "resolved"),
        ({"status": None}, "firing"),
    ],
    ids=["no end", "null", "empty", "Go's zero", "to come", "now", "passed", "given", "given alone", "null status"],
)
def test_a_missing_status_follows_from_the_end(changes: dict[str, Any], expected: str) -> None:
    """An alert is over if it says so, or if it says nothing and its end has passed."""
    assert expected == one({"labels": LABELS, **changes}).status


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"status": "resolved"}, NOW),
        ({"status": "resolved", "endsAt": "2026-03-02T07:00:00Z"}, datetime(2026, 3, 2, 7, tzinfo=UTC)),
        ({"status": "firing", "endsAt": "2026-03-02T09:00:00Z"}, None),
    ],
    ids=["missing", "given", "none while it fires"],
)
def test_an_end_is_of_what_is_over(changes: dict[str, Any], expected: datetime | None) -> None:
    """What is over has an end, when it was received if need be; what fires has none."""
    assert expected == one({"labels": LABELS, **changes}).ends_at


@pytest.mark.parametrize("start", [None, "", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00"])
def test_a_missing_start_is_when_it_was_received(start: str | None) -> None:
    """No start, in whatever way of saying so, means now."""
    assert NOW == one({"labels": LABELS, "startsAt": start}).starts_at
    assert NOW == one({"labels": LABELS}).starts_at


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-02T07:31:57Z", datetime(2026, 3, 2, 7, 31, 57, 0, UTC)),
        ("2026-03-02t07:31:57z", datetime(2026, 3, 2, 7, 31, 57, 0, UTC)),
        ("2026-03-02T07:31:57.5Z", datetime(2026, 3, 2, 7, 31, 57, 500_000, UTC)),
        ("2026-03-02T07:31:57.123456789-05:30", datetime(2026, 3, 2, 13, 1, 57, 123_456, UTC)),
        ("9999-12-31T23:59:59-01:00", datetime.max.replace(tzinfo=UTC)),
        ("2024-02-29T00:00:00Z", datetime(2024, 2, 29, tzinfo=UTC)),
    ],
    ids=["plain", "small letters", "a fraction", "nanoseconds and a zone", "the end of time", "a leap day"],
)
def test_reads_times_as_go_writes_them(text: str, expected: datetime) -> None:
    """Times come out aware, in UTC, to the microsecond."""
    actual = one({"labels": LABELS, "startsAt": text}).starts_at

    assert (expected, timedelta(0)) == (actual, actual.utcoffset())


@pytest.mark.parametrize(
    ("given_fingerprint", "expected"),
    [("abc", "abc"), ("", fingerprint(LABELS)), (None, fingerprint(LABELS))],
    ids=["given", "empty", "null"],
)
def test_a_missing_fingerprint_is_computed(given_fingerprint: str | None, expected: str) -> None:
    """Alertmanager's fingerprint is taken as it is; where there is none it is computed over the labels."""
    assert expected == one({"labels": LABELS, "fingerprint": given_fingerprint}).fingerprint


ALERT = {"labels": {"alertname": SECRET}}
BAD_BODIES: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "is not JSON: Expecting value at line 1 column 1"),
    "not JSON": (b'{"labels":\n  {"a": hunter2}}', "is not JSON: Expecting value at line 2 column 9"),
    "half of it": (b'{"labels": {"a": "b"}', "is not JSON: Expecting ',' delimiter at line 1 column 22"),
    "two documents": (b"{} {}", "is not JSON: Extra data at line 1 column 4"),
    "a byte order mark": (b"\xef\xbb\xbf{}", "is not JSON: "),
    "UTF-16": ("{}".encode("utf-16"), "is not UTF-8: byte 0 is wrong"),
    "invalid UTF-8": (b'{"labels": {"a": "\xff"}}', "is not UTF-8: byte 18 is wrong"),
    "NaN": (b'{"labels": {"a": "b"}, "x": NaN}', "is not JSON: NaN is no JSON value"),
    "minus infinity": (b"[-Infinity]", "is not JSON: -Infinity is no JSON value"),
    "deep lists": (b"[" * 100_000, "is nested too deeply"),
    "deep objects": (b'{"a":' * 100_000, "is nested too deeply"),
    "a deep annotation": (
        b'{"labels": {"a": "b"}, "annotations": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        "is nested too deeply",
    ),
    "a huge number": (b'{"labels": {"a": ' + b"9" * 10_000 + b"}}", "is not JSON: a number has too many digits"),
    "a string": (b'"hunter2"', "should be an object or a list of alerts, not a string"),
    "a number": (b"42", "should be an object or a list of alerts, not a number"),
    "a boolean": (b"true", "should be an object or a list of alerts, not a boolean"),
    "null": (b"null", "should be an object or a list of alerts, not null"),
    "an empty object": (b"{}", "has neither `alerts` (an Alertmanager webhook) nor `labels` (a bare alert)"),
    "an empty list": (b"[]", "the list of alerts is empty"),
    "a list of lists": (b"[[]]", "[0]: should be an object"),
    "a list with a bad one": (body([ALERT, SECRET]), "[1]: should be an object"),
    "no labels": (b'{"labels": {}}', "labels: is empty"),
    "labels of a wrong type": (body({"labels": [SECRET]}), "labels: should be an object"),
    "a label of a wrong type": (b'{"labels": {"a": 1}}', "labels.a: should be a string"),
    "a null label": (b'{"labels": {"a": null}}', "labels.a: should be a string"),
    "a bad annotation": (body({**ALERT, "annotations": {"s": {}}}), "annotations.s: should be a string"),
    "a bad status": (body({**ALERT, "status": SECRET}), "status: should be 'firing' or 'resolved'"),
    "a start that is a number": (body({**ALERT, "startsAt": 1}), "startsAt: should be a time such as"),
    "a start that is no time": (body({**ALERT, "startsAt": SECRET}), "startsAt: should be a time such as"),
    "a start without a zone": (body({**ALERT, "startsAt": "2026-03-02T07:31:57"}), "startsAt: should be a time"),
    "other digits": (body({**ALERT, "startsAt": "２０２６-03-02T07:31:57Z"}), "startsAt: should be a time such as"),
    "an end that cannot be": (body({**ALERT, "endsAt": "2026-02-30T00:00:00Z"}), "endsAt: is no time"),
    "a zone that cannot be": (body({**ALERT, "endsAt": "2026-02-03T00:00:00+99:00"}), "endsAt: is no time"),
    "a long fingerprint": (body({**ALERT, "fingerprint": SECRET * 20}), "fingerprint: "),
    "a URL of a wrong type": (body({**ALERT, "generatorURL": [SECRET]}), "generatorURL: should be a string"),
    "no alerts": (b'{"alerts": []}', "alerts: is empty"),
    "alerts of a wrong type": (body({"alerts": {"a": SECRET}}), "alerts: should be a list"),
    "an alert of a wrong type": (body({"alerts": [ALERT, SECRET]}), "alerts[1]: should be an object"),
    "an alert without labels": (body({"alerts": [ALERT, {}]}), "alerts[1].labels: is missing"),
    "another version": (body({"version": "5", "alerts": [ALERT]}), "version: should be '4'"),
    "a version that is a number": (body({"version": 4, "alerts": [ALERT]}), "version: should be '4'"),
    "a group key of a wrong type": (body({"groupKey": {}, "alerts": [ALERT]}), "groupKey: should be a string"),
    "fewer than none": (
        body({"truncatedAlerts": -1, "alerts": [ALERT]}),
        "truncatedAlerts: should be greater than or equal to 0",
    ),
    "more than Go can count": (body({"truncatedAlerts": 2**64, "alerts": [ALERT]}), "truncatedAlerts: should be less"),
    "a count that is a text": (body({"truncatedAlerts": "1", "alerts": [ALERT]}), "truncatedAlerts: should be a whole"),
    "an infinite count": (b'{"truncatedAlerts": 1e999, "alerts": [{"labels": {"a": "b"}}]}', "truncatedAlerts: should"),
    "bad group labels": (body({"groupLabels": [], "alerts": [ALERT]}), "groupLabels: should be an object"),
}


@pytest.mark.parametrize(("content", "expected"), BAD_BODIES.values(), ids=BAD_BODIES.keys())
def test_rejects_a_bad_body_with_its_place(content: bytes, expected: str) -> None:
    """Each bad body is refused with what is wrong and where, and nothing of it is said again."""
    said = error_of(content)

    assert expected == said[: len(expected)]
    assert "hunter2" not in said


def test_rejects_unknown_version() -> None:
    """Another version of the webhook is refused though all else is right: its keys may mean something else."""
    assert "version: should be '4'" == error_of(body({**WEBHOOK, "version": "3"}))


def test_says_several_things_at_once() -> None:
    """The first five problems are told, the rest counted."""
    said = error_of(body([{"labels": {str(n): n for n in range(8)}}]))

    assert [*(f"[0].labels.{n}: should be a string" for n in range(5)), "and 3 more"] == said.split("; ")


def test_cuts_a_long_name_in_a_place() -> None:
    """A label's name of any length does not make an error of any length."""
    assert f"labels.{'n' * 64}: should be a string" == error_of(body({"labels": {"n" * 100_000: 1}}))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"\ud83d", "\ufffd"),
        (r"\udd25", "\ufffd"),
        (r"a\uD83Db", "a\ufffdb"),
        (r"\ud83d\ud83d\udd25", "\ufffd🔥"),
        (r"\ud83d\udd25", "🔥"),
        (r"\\ud83d", r"\ud83d"),
    ],
    ids=["first half", "second half", "within", "before a whole one", "a whole one", "a backslash"],
)
def test_mends_half_a_character(text: str, expected: str) -> None:
    """An emoji cut in two is valid JSON and a page all the same: the half becomes a replacement character."""
    content = f'{{"labels": {{"alertname": "{text}", "{text}": "x"}}, "annotations": {{"summary": "{text}"}}}}'
    ((group),) = parse(content.encode(), NOW)

    assert {"alertname": expected, expected: "x"} == group.alerts[0].labels
    assert expected == group.alerts[0].summary


def _json(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    keys = st.one_of(st.text(max_size=5), st.sampled_from(sorted({*WEBHOOK, *WEBHOOK["alerts"][0]})))
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5), max_leaves=20
    )


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(), max_size=10),
    st.sampled_from(("firing", "resolved", "4", "2026-03-02T07:31:57Z", "0000-00-00T00:00:00Z")),
)
LIKE_AN_ALERT = st.fixed_dictionaries(
    {"labels": st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=3)},
    optional={key: _json(LEAVES) for key in WEBHOOK["alerts"][0] if key != "labels"},
)
LIKE_A_WEBHOOK = st.fixed_dictionaries(
    {"alerts": st.lists(LIKE_AN_ALERT | _json(LEAVES), max_size=3)},
    optional={key: _json(LEAVES) for key in WEBHOOK if key != "alerts"},
)


def _holds(content: bytes) -> None:
    """Reads a body; what comes out is fit to be stored, and nothing but a PayloadError is raised."""
    try:
        groups = parse(content, NOW)
    except PayloadError:
        return
    assert groups
    for group in groups:
        assert group.alerts
        for alert in group.alerts:
            assert alert.labels
            assert (alert.status == "firing") == (alert.ends_at is None)
            assert timedelta(0) == alert.starts_at.utcoffset()
            json.dumps([dict(alert.labels), dict(alert.annotations), group.group_key], ensure_ascii=False).encode()


@settings(deadline=None)
@given(st.binary())
@example(b"\xef\xbb\xbf")
@example(b"\x00")
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    """No body, whatever it holds, makes anything but a PayloadError."""
    _holds(content)


@pytest.mark.parametrize(
    "shape",
    [lambda: _json(LEAVES), lambda: LIKE_AN_ALERT, lambda: LIKE_A_WEBHOOK],
    ids=["any", "like an alert", "like a webhook"],
)
def test_any_json_is_read_or_refused(shape: Callable[[], st.SearchStrategy[Any]]) -> None:
    """No JSON makes anything but a PayloadError; half characters and constants are among it."""

    @settings(deadline=None)
    @given(shape())
    def holds(document: Any) -> None:
        _holds(json.dumps(document).encode())

    holds()


@pytest.mark.parametrize("depth", [10, 500, 900, 990, 1_000, 5_000])
@pytest.mark.parametrize("half", ["", r"\ud800"], ids=["whole", "with half a character"])
def test_any_depth_is_read_or_refused(depth: int, half: str) -> None:
    """Near the interpreter's own limit, too, and when the text must be mended on the way."""
    nested = "[" * depth + f'"{half}"' + "]" * depth

    _holds(f'{{"labels": {{"a": "b"}}, "x": {nested}}}'.encode())
