"""The test's own eyes: a name or label that is not there is seen, wherever in an expression it stands."""

import pytest

from tests.prometheus.exposed import metrics, wrong


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('sum by (outcome) (rate(alert_manager_events_total{job="a", outcome=~"dead"}[5m])) > 0', []),
        ("alert_manager_event_total", ["there is no alert_manager_event_total"]),
        ("-(1 + sum(rate(alert_manager_gone_total[5m])))", ["there is no alert_manager_gone_total"]),
        ("time() - max(alert_manager_gone)", ["there is no alert_manager_gone"]),
        ("changes(max(alert_manager_gone)[2m:1m]) > 0", ["there is no alert_manager_gone"]),
        ("topk(3, alert_manager_gone) or vector(0)", ["there is no alert_manager_gone"]),
        ('alert_manager_events_total{outcom="dead"}', ["alert_manager_events_total has no label outcom"]),
        ("sum by (receiver) (alert_manager_events_total)", ["nothing has the label receiver"]),
        ("alert_manager_acceptance_seconds", ["there is no alert_manager_acceptance_seconds"]),
        ("histogram_quantile(0.9, sum by (le) (rate(alert_manager_acceptance_seconds_bucket[5m])))", []),
        ("1 + 1", ["it asks for nothing"]),
    ],
)
def test_sees_what_is_not_exposed(expression: str, expected: list[str]) -> None:
    """Metrics and labels that nobody exposes are named."""
    assert expected == wrong(expression)


def test_knows_the_metrics() -> None:
    """The table of docs/metrics.md is read: names, labels, histograms."""
    assert {"status", "job", "namespace", "instance"} == metrics()["alert_manager_alerts_received_total"]
    assert "le" in metrics()["alert_manager_send_seconds_bucket"]
    assert len(metrics()) > 50
