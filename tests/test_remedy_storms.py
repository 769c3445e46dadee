"""Storms through the front door of the real service: so much at once is not mended one by one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from outbox.database import open_database
from outbox.records import Remediation
from outbox.store import Store
from tests.far_sides.http_server import HttpServer, Request
from tests.far_sides.kubernetes_cluster import KubernetesCluster
from tests.far_sides.kubernetes_things import deployment
from tests.samples import webhook, wire_alert
from tests.service import Service, eventually

MANY = 500
TOKEN = "0123456789abcdef0123456789abcdef"
CONFIG = """
web: {{auth: {{alert: {{tokens: [{token}]}}}}}}
remediation: {{max_per_hour: 1000, kubernetes: {{kubeconfig: {kubeconfig}}}}}
route:
  receiver: quiet
  routes: [{{receiver: fix, matchers: ['fixable="yes"']}}]
receivers:
- name: quiet
  log_configs: [{{}}]
- name: people
  webhook_configs: [{{url: '{people}', send_resolved: true}}]
- name: fix
  kubernetes_configs:
  - {{verb: restart, dry_run: false, namespaces: [shop], kinds: [Deployment], names: ['*'], max_per_hour: 1000,
     settle: 5s, otherwise: people}}
"""

Post = Callable[[Any], requests.Response]


def broken(number: int) -> dict[str, Any]:
    """An alert about a deployment of its own, which began just now."""
    alert = wire_alert("Broken", deployment=f"d{number}", namespace="shop", fixable="yes", severity="critical")
    return {**alert, "generatorURL": "", "startsAt": datetime.now(UTC).isoformat()}


def one_webhook(post: Post) -> None:
    """All in one payload."""
    assert 200 == post(webhook(*(broken(number) for number in range(MANY)))).status_code


def bare_alerts(post: Post) -> None:
    """All in one list of alerts without a group, as a Prometheus posts them."""
    assert 200 == post([broken(number) for number in range(MANY)]).status_code


def single_webhooks(post: Post) -> None:
    """Each in a payload of its own, by 16 at once."""
    bodies = [webhook(broken(number), group_key=f"g{number}") for number in range(MANY)]
    with ThreadPoolExecutor(16) as threads:
        assert {200} == {answer.status_code for answer in threads.map(post, bodies)}


@contextmanager
def land(folder: Path, database_url: str) -> Iterator[tuple[KubernetesCluster, HttpServer, Post, Store]]:
    """The service, a cluster with 500 deployments, who is asked, a way to post, and what stands in the database."""
    with KubernetesCluster() as cluster, HttpServer() as people:
        for number in range(MANY):
            cluster.put(deployment(f"d{number}"))
        kubeconfig = folder / "kubeconfig"
        document = {
            "current-context": "here",
            "contexts": [{"name": "here", "context": {"cluster": "loopback", "user": "me"}}],
            "clusters": [{"name": "loopback", "cluster": {"server": cluster.base_url}}],
            "users": [{"name": "me", "user": {"token": cluster.token}}],
        }
        kubeconfig.write_text(yaml.safe_dump(document))
        config = CONFIG.format(token=TOKEN, kubeconfig=kubeconfig, people=people.url)
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        with Service(folder / "service", {"DATABASE_URL": database_url}, config) as service:

            def post(body: Any) -> requests.Response:
                return requests.post(
                    f"{service.url}/alert", json.dumps(body).encode(), headers=headers, timeout=60, proxies={"http": ""}
                )

            engine = open_database(database_url)
            try:
                yield cluster, people, post, Store(engine, "looks")
            finally:
                engine.dispose()


@pytest.mark.parametrize("storm", [one_webhook, bare_alerts, single_webhooks])
def test_a_storm_touches_nothing_and_asks_one_person_once(
    tmp_path: Path, database_url: str, storm: Callable[[Post], None]
) -> None:
    """500 alerts for 500 deployments, in whatever way they come in."""
    with land(tmp_path, database_url) as (cluster, people, post, store):
        storm(post)

        def ended() -> list[Remediation]:
            rows = list(store.remediations.list(2 * MANY))
            return rows if len(rows) == MANY and all(row.state == "done" for row in rows) else []

        rows = eventually(ended, "500 remediations that have ended", timeout_seconds=90)
        assert {"refused"} == {row.result for row in rows}
        assert {"max_targets"} == {row.detail.partition(":")[0] for row in rows}
        assert [] == [request for request in cluster.requests if request.method != "GET"]
        people.wait_for(1, timeout_seconds=20)
        # Whoever would be asked again would be by the same look that asked them first.
        post(webhook(broken(0), group_key="another"))
        eventually(lambda: len(store.remediations.list(2 * MANY)) == MANY + 1, "one more", timeout_seconds=30)
        eventually(lambda: store.remediations.list(1)[0].state == "done", "it is refused as well", timeout_seconds=30)
        assert ["RemediationStorm"] == [_about(request) for request in people.requests]
        assert [] == cluster.writes


def _about(request: Request) -> str:
    (alert,) = request.json()["alerts"]
    return str(alert["labels"]["alertname"])
