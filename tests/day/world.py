"""The whole service in one process, between far sides on loopback and by the test's clock."""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import requests
from werkzeug.serving import make_server

from building import build_running, configure
from outbound import Http
from outbox.database import migrate, open_database
from outbox.store import Store
from pipeline import Pipeline, Reloader
from pipeline.reload import first
from tests.day.prometheus import Prometheus
from tests.far_sides.kubernetes import kubeconfig
from tests.far_sides.kubernetes_cluster import KubernetesCluster
from tests.far_sides.pagerduty import PagerDuty
from tests.far_sides.process import free_port
from tests.far_sides.slack_api import SlackApi
from tests.pipeline.parts import Clock, started
from tests.service import eventually
from tests.web.clicks import SECRET, signature
from web import create_web

ROUTING_KEY = "0123456789abcdef0123456789abcdef"
WEBHOOK_SECRET = "not-a-real-webhook-secret"
ALERT_TOKEN = "not-a-real-token-of-alertmanagers"
# Later than any clock that this runs by: what is told late says when it was, and here nothing is.
BEGAN = datetime(2099, 3, 2, 7, 31, tzinfo=UTC)
_BUSY_SECONDS = 5.0

CONFIGURATION = """
external_url: {url}
web:
  slack_signing_secret: {signing_secret}
  pagerduty_webhook_secret: {webhook_secret}
  auth: {{alert: {{tokens: [{alert_token}]}}}}
remediation: {{kubernetes: {{kubeconfig: {kubeconfig}}}}}
prometheus: {{url: {prometheus}}}
enrichment: {{enrichers: [memory, restarts], timeout: 10s, cache: 0s}}
route:
  receiver: on-call
  routes:
  - {{receiver: chat, matchers: ['team="infra"']}}
  # Of the first life of the day nothing is done.
  - {{receiver: fix, matchers: ['alertname="CheckoutDown"'], continue: true, active_time_intervals: [mornings]}}
  - {{receiver: on-call}}
time_intervals:
- {{name: mornings, time_intervals: [{{times: [{{start_time: '09:00', end_time: '11:00'}}]}}]}}
receivers:
- name: fix
  kubernetes_configs:
  - name: restart-checkout
    verb: restart
    dry_run: false
    namespaces: [shop]
    kinds: [Deployment]
    names: [checkout]
    approval: slack
    approvers: [U012SAM]
    verify_after: 5m
    otherwise: on-call
- name: on-call
  pagerduty_configs: [{{routing_key: {routing_key}, url: '{pagerduty}', change_events: true}}]
  slack_configs: [{{app_token: {token}, app_url: '{slack}', channel: '#on-call', pace: {{rate: 1000/s, burst: 100}}}}]
- name: chat
  slack_configs: [{{app_token: {token}, app_url: '{slack}', channel: '#ops'}}]
"""


@dataclass(frozen=True, slots=True)
class World:
    """All that there is on that day."""

    url: str
    clock: Clock
    slack: SlackApi
    pagerduty: PagerDuty
    prometheus: Prometheus
    kubernetes: KubernetesCluster
    pipeline: Pipeline

    def at(self, time: str) -> None:
        """Has it be a later time of the day, such as "07:42"."""
        hours, minutes = map(int, time.split(":"))
        moment = BEGAN.replace(hour=hours, minute=minutes)
        assert moment >= self.clock.now
        self.clock.now = moment

    def post(self, payload: dict[str, Any]) -> None:
        """Has Alertmanager tell of a group."""
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {ALERT_TOKEN}"}
        self._post("/alert", json.dumps(payload).encode(), headers)

    def quiet(self) -> None:
        """Waits until nothing is to be planned and nothing to be told."""
        begun = time.monotonic()

        def look() -> bool:
            if time.monotonic() > begun + _BUSY_SECONDS:
                # On a busy machine a call may have failed, which is made again by this clock.
                self.clock.pass_seconds(0.1)
            waits = self.pipeline.store.backlog()
            return not waits.events and not waits.deliveries

        try:
            eventually(look, "all to be told", 20)
        except AssertionError:
            listed = self.pipeline.store.deliveries(now=self.clock.now, limit=200)
            waits = [f"\n{each}" for each in listed if each.word in ("pending", "retrying")]
            raise AssertionError(f"not told by {self.clock.now}:{''.join(waits)}") from None

    def planned(self) -> None:
        """Waits until nothing is to be planned."""
        eventually(lambda: not self.pipeline.store.backlog().events, "all that was accepted to be planned", 20)

    def click(self, body: bytes) -> None:
        """Has Slack tell of somebody's click; it signs by the real clock."""
        stamp = str(int(time.time()))
        headers = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": signature(body, stamp)}
        self._post("/slack/interactions", body, {**headers, "Content-Type": "application/x-www-form-urlencoded"})

    def _post(self, path: str, body: bytes, headers: Mapping[str, str]) -> None:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.post(f"{self.url}{path}", data=body, headers=headers, timeout=10)
        assert 200 == answer.status_code, answer.text


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """The service runs for the length of a block."""
    with ExitStack() as ends:
        clock = Clock()
        clock.now = BEGAN
        slack = ends.enter_context(SlackApi(now=clock))
        pagerduty = ends.enter_context(PagerDuty(known_keys=[ROUTING_KEY], now=clock))
        prometheus = ends.enter_context(Prometheus())
        kubernetes = ends.enter_context(KubernetesCluster())
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        pagerduty.subscribe(f"{url}/pagerduty/webhook", WEBHOOK_SECRET)
        path = folder / "config.yaml"
        path.write_text(
            CONFIGURATION.format(
                url=url,
                prometheus=prometheus.url,
                pagerduty=pagerduty.url,
                slack=slack.url,
                routing_key=ROUTING_KEY,
                signing_secret=SECRET,
                webhook_secret=WEBHOOK_SECRET,
                alert_token=ALERT_TOKEN,
                kubeconfig=kubeconfig(folder, kubernetes.base_url, token=kubernetes.token),
                token=slack.token,
            )
        )
        engine = open_database(f"sqlite:///{folder / 'alert-manager.db'}")
        ends.callback(engine.dispose)
        migrate(engine)
        store = Store(engine, "a")
        load = partial(configure, {}, path)
        running = build_running(load(), None, variables={}, engine=engine, store=store, http=Http())
        pipeline = Pipeline(running, store, clock)
        web = create_web(pipeline, Reloader(first(load, clock()), load, lambda configuration: None))
        server = make_server("127.0.0.1", port, web, threaded=True)
        serving = threading.Thread(target=server.serve_forever, daemon=True)
        serving.start()
        ends.callback(serving.join)
        ends.callback(server.server_close)
        ends.callback(server.shutdown)
        ends.enter_context(started(pipeline))
        yield World(url, clock, slack, pagerduty, prometheus, kubernetes, pipeline)
