"""Notifications to tell: the project's first alert, groups made to measure, and any group at all."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from alerts.findings import Excerpt, Finding, Gap, Reading
from alerts.model import Alert, AlertGroup, Status, common, fingerprint
from alerts.notification import Digest, Image, Notification

MIB = 1024 * 1024
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
START = datetime(2022, 3, 2, 7, 31, 57, 339_000, tzinfo=UTC)
RUNBOOK = (
    "https://github.com/kubernetes-monitoring/kubernetes-mixin/tree/master/runbook.md#alert-name-kubepodcrashlooping"
)
PROMETHEUS = "https://prometheus.example/graph?g0.expr=rate%28kube_pod_container_status_restarts_total%5B10m%5D%29"
ALERTMANAGER = "https://alertmanager.example"
PAGE = "https://alerts.example/#group"
DIGEST_PAGE = "https://alerts.example/digests/7"
# The words of shared/seeds/004: what the project was asked for with.
LABELS = {
    "alertname": "KubePodCrashLooping",
    "cluster": "cluster-main",
    "container": "rs-transformer",
    "endpoint": "http",
    "job": "kube-state-metrics",
    "namespace": "customer",
    "pod": "customer-rs-transformer-9b75b488c-cpfd7",
    "priority": "P0",
    "prometheus": "monitoring/kube-prometheus-stack-prometheus",
    "region": "us-west-1",
    "replica": "0",
    "service": "kube-prometheus-stack-kube-state-metrics",
    "severity": "CRITICAL",
}
ANNOTATIONS = {
    "description": "Pod customer/customer-rs-transformer-9b75b488c-cpfd7 (rs-transformer) is restarting 2.11 times / "
    "10 minutes.",
    "runbook_url": RUNBOOK,
    "summary": "Pod is crash looping.",
}
CPU = Reading("cpu", "CPU", 0.42, "cores", START, "the query", request=0.25, limit=0.5)
MEMORY = Reading("memory", "memory", 220 * MIB, "bytes", START, "the query", limit=256 * MIB)
LOG = Excerpt("logs", "log of app before it ended", ("starting <b>", "panic: ``` & out of memory"), START, "kubectl")
NO_MEMORY = Gap("memory", "memory", "Prometheus timed out after 2s")


def alert(
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    status: Status = "firing",
    generator_url: str = "",
    start: datetime = START,
) -> Alert:
    """Returns an alert, resolved ones twelve minutes after their start."""
    labels = {"alertname": "PodTrouble"} if labels is None else labels
    ends_at = None if status == "firing" else start + timedelta(minutes=12)
    return Alert(labels, annotations or {}, status, start, ends_at, generator_url, fingerprint(labels))


def notification(
    *alerts: Alert, findings: Sequence[Finding] | Mapping[str, tuple[Finding, ...]] = (), page_url: str = ""
) -> Notification:
    """Returns what is to be said of one group; a plain sequence of findings is every alert's."""
    group = AlertGroup(
        group_key='{}:{alertname="PodTrouble"}',
        alerts=alerts,
        common_labels=common(each.labels for each in alerts),
        common_annotations=common(each.annotations for each in alerts),
        external_url=ALERTMANAGER,
    )
    if not isinstance(findings, Mapping):
        findings = {each.fingerprint: tuple(findings) for each in alerts}
    return Notification("on-call", "test", 0, group, findings, page_url)


def seed(status: Status = "firing") -> Notification:
    """Returns the first alert with its readings."""
    return notification(alert(LABELS, ANNOTATIONS, status, PROMETHEUS), findings=[CPU, MEMORY], page_url=PAGE)


def mixed() -> Notification:
    """Returns a group of which one alert fires and another is over."""
    return notification(
        alert({"alertname": "PodTrouble", "pod": "cart-1"}, {"summary": "It is gone."}, "resolved"),
        alert({"alertname": "PodTrouble", "pod": "cart-2"}, {"summary": "It is slow."}),
        findings=[CPU, NO_MEMORY],
    )


def noted(*notes: str, status: Status = "firing") -> Notification:
    """Returns the first alert with notes; hostile ones unless some are given."""
    hostile = (
        "<!channel> <https://evil.example|x> & *_`",
        "x" * 100_000,
        "two\nlines",
        " \n",
        "🔥\u202e\x00é" * 50,
        "",
    )
    return replace(seed(status), notes=notes or hostile)


def digest(*alerts: Alert, page_url: str = DIGEST_PAGE, **counts: Any) -> Notification:
    """Returns what stands for many groups, of which these alerts are the worst."""
    told = notification(*alerts, page_url=page_url)
    group = replace(told.group, group_key="digest:7", external_url="")
    return replace(told, group=group, digest=Digest(**counts))


def storm() -> Notification:
    """Returns the digest of a storm: thousands of alerts, the worst ten named."""
    names = ("KubeNodeNotReady", "KubePodCrashLooping")
    alerts = [
        alert({"alertname": names[at > 1], "severity": "critical", "namespace": "shop", "pod": f"cart-{at}"})
        for at in range(10)
    ]
    return digest(*alerts, groups=4_800, firing={"warning": 3_000, "critical": 1_204}, resolved=608)


def delivery_failing(untold: int = 3) -> Notification:
    """Returns what a fallback receiver is told when a destination fails."""
    labels = {"severity": "critical", "receiver": "on-call", "destination": "on-call/pagerduty/0"}
    lines = [f"[FIRING] KubePodCrashLooping customer/web-{at}: Pod is crash looping." for at in range(untold)]
    annotations = {
        "summary": f"on-call/pagerduty/0 has taken nothing for 2m: {untold} alerts are untold there.",
        "description": "\n".join(["PagerDuty: status 503: <html> & such", *lines]),
    }
    return notification(alert({"alertname": "DeliveryFailing", **labels}, annotations))


def huge(count: int = 500, characters: int = 5_000) -> Notification:
    """Returns a large group with large annotations, of text that Slack and JSON write longer than it is."""
    text = ('<!channel> & "\\\n\x00🔥' * characters)[:characters]
    annotations = {"summary": text, "description": text, "runbook_url": f"https://runbooks.example/{text}"}
    return notification(
        *[
            alert(
                {"alertname": f"A{at % 3}{text}", "namespace": text, "pod": f"p-{at}", "severity": text},
                annotations,
                "resolved" if at % 2 else "firing",
                text,
            )
            for at in range(count)
        ],
        findings=[replace(CPU, title=text), Gap("memory", text, text)],
        page_url=f"https://alerts.example/{text}",
    )


_SPECIAL = st.sampled_from('&<>@!#|*_`~"\\ \n\r\t\x00\x07\x1b\u2028\u202e\ufffd🔥👩‍🚒é')
_PLAIN = st.characters(exclude_categories=["Cs"])
_SHORT = st.text(_SPECIAL | _PLAIN, max_size=20) | st.sampled_from(
    ["<!channel>", "<@U1>", "<https://evil.example|runbook>", " ", "critical", "a&b", "x"]
)
_TEXTS = st.builds(str.__mul__, _SHORT, st.sampled_from([1, 1, 1, 1, 30, 400, 2_000]))
_URLS = _TEXTS | st.builds(
    str.__add__,
    st.sampled_from(["https://a.example/", "http://[::1]:9090/", "javascript:", "https://", "\x01https://a/"]),
    _TEXTS,
)
_LABEL_NAMES = st.sampled_from(
    ["alertname", "severity", "cluster", "namespace", "pod", "container", "instance", "service", "job", "endpoint"]
)
_TIMES = st.integers(-62_000_000_000, 253_000_000_000).map(lambda seconds: EPOCH + timedelta(seconds=seconds))
_NUMBERS = st.floats(0, 1e18) | st.none()
_FINDINGS = st.lists(
    st.builds(Gap, _TEXTS, _TEXTS, _TEXTS)
    | st.builds(Reading, _TEXTS, _TEXTS, st.floats(0, 1e18), _TEXTS, _TIMES, _TEXTS, _NUMBERS, _NUMBERS),
    max_size=5,
).map(tuple)
# Counts need not agree with the group's alerts: no message may fail for that.
_COUNTS = st.integers(0, 10**9)
_DIGESTS = st.none() | st.builds(Digest, _COUNTS, st.dictionaries(_TEXTS, _COUNTS, max_size=5), _COUNTS)


@st.composite
def any_notification(draw: st.DrawFn) -> Notification:
    """Draws a notification about one to thirty alerts of any text, with findings, gaps or neither."""
    labels = draw(st.lists(st.dictionaries(_LABEL_NAMES, _TEXTS, max_size=8), min_size=1, max_size=4))
    annotations = draw(
        st.lists(
            st.fixed_dictionaries({}, optional={"summary": _TEXTS, "description": _TEXTS, "runbook_url": _URLS}),
            min_size=1,
            max_size=4,
        )
    )
    findings = draw(st.lists(_FINDINGS, min_size=1, max_size=3))
    urls, times = draw(st.lists(_URLS, min_size=3, max_size=3)), draw(st.lists(_TIMES, min_size=1, max_size=3))
    alerts = []
    for at in range(draw(st.integers(1, 30))):
        status: Status = "firing" if draw(st.booleans()) else "resolved"
        named = {**labels[at % len(labels)], "n": str(at)}
        alerts.append(alert(named, annotations[at % len(annotations)], status, urls[0], times[at % len(times)]))
    told = notification(
        *alerts,
        findings={each.fingerprint: findings[at % len(findings)] for at, each in enumerate(alerts)},
        page_url=urls[1],
    )
    truncated = draw(st.sampled_from([0, 0, 7]))
    group = replace(told.group, group_key=draw(_TEXTS), external_url=urls[2], truncated_alerts=truncated)
    notes = draw(st.lists(_TEXTS, max_size=4).map(tuple))
    images = draw(st.lists(st.builds(Image, _URLS, _TEXTS), max_size=3).map(tuple))
    return replace(told, receiver=draw(_TEXTS), group=group, notes=notes, digest=draw(_DIGESTS), images=images)
