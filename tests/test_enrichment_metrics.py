"""What the documentation says of the metrics that enrichers ask for is what they ask for."""

from enrich import find
from enrich._base import Asks
from scripts.enrichment_metrics import metrics, table
from tests.service import ROOT


def test_the_documentation_lists_what_is_asked_for() -> None:
    """docs/enrichment.md has the table that the code makes: `python -m scripts.enrichment_metrics`."""
    assert table() in (ROOT / "docs" / "enrichment.md").read_text(encoding="utf-8")


def test_knows_both_rounds_of_questions() -> None:
    """Also what is asked only once something was answered, of every kind of thing."""
    found = {name: metrics(enricher) for name, enricher in find().items() if isinstance(enricher, Asks)}
    assert {"container_cpu_usage_seconds_total", "node_cpu_seconds_total"} <= set(found["cpu"])
    assert {"kube_pod_owner", "kube_replicaset_created", "kube_job_status_failed"} <= set(found["workload"])
    assert "kube_node_status_condition" in found["node"]
    assert {"expression"} == {name for name, asked in found.items() if not asked}
