"""One run of remediation: alerts and trouble for a time, then rest, then the verdict."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from random import Random

import yaml
from sqlalchemy import func, select

from outbox.database import StoreError, open_database
from outbox.store import Store
from outbox.tables import ACCEPTED, PENDING, deliveries, events
from tests.far_sides.http_server import Answer, HttpServer, Request
from tests.service import Service
from tests.torture.cluster import FailingCluster
from tests.torture.firings import Firing, Teller, Told
from tests.torture.killer import Killer
from tests.torture.remedy_verdict import Bounds, Row, judge
from tests.torture.run import Outcome, counted, mistakes

COOLDOWN_SECONDS = 60.0
_TOKEN = "0123456789abcdef0123456789abcdef"
# Beside the cooldown the service leaves time for what may yet arrive.
_ROUND_SECONDS = 75.0
_TELLERS = 10
_MOST_ROWS = 10_000
_LINGER_SECONDS = 1.0
_MISTAKES = ("a step failed", "remediation was interrupted", "cannot be read")
_DEPLOYMENTS = [f"d{number}" for number in range(16)]
_REHEARSED, _FORBIDDEN = ["e0", "e1"], ["x0", "x1"]
_PODS = [f"db-{number}" for number in range(12)]
_RULE = "kinds: [{kind}], cooldown: 60s, settle: 1s, valid_for: 60s, verify_after: 5s, max_targets: 100"


class People(HttpServer):
    """Who is asked where something did not help: `asked` has the tokens of what it was about."""

    def __init__(self) -> None:
        """Was asked nothing yet."""
        super().__init__()
        self.asked: Counter[str] = Counter()

    def answer(self, request: Request) -> Answer:
        """Hears what a person is asked, and not its end."""
        said = request.json()
        if said["status"] == "firing" and said["groupKey"].startswith("remediation:"):
            self.asked[said["groupKey"].partition(":")[2]] += 1
        return Answer(200)


class _Waiting(Service):
    """A service that is not started while its database is, for then it ends, and whoever runs it starts it again."""

    def __init__(self, folder: Path, environment: Mapping[str, str], config: str, alone: threading.Lock) -> None:
        super().__init__(folder, environment, config)
        self._alone = alone

    def start(self) -> None:
        """Waits for its turn, and starts."""
        with self._alone:
            super().start()


def torture(
    database_url: str,
    folder: Path,
    *,
    seconds: float,
    seed: int,
    quiet_seconds: float,
    restart_database: Callable[[], None] | None = None,
) -> Outcome:
    """Runs it; see `tests.torture.run.torture`.

    Args:
        restart_database: has the database end as in a crash, and begin again.
    """
    dice, told, alone = Random(seed), Told(), threading.Lock()

    def crash() -> bool:
        with alone:
            if restart_database is not None:
                restart_database()
            return restart_database is not None

    rules, most = _rules(seconds)
    with ExitStack() as stack:
        cluster = stack.enter_context(FailingCluster(Random(dice.random())))
        _fill(cluster)
        people = stack.enter_context(People())
        config, environment = _config(folder, cluster, people, rules, most), {"DATABASE_URL": database_url}
        names = ["replica0"] if database_url.startswith("sqlite") else ["replica0", "replica1"]
        replicas = [stack.enter_context(_Waiting(folder / name, environment, config, alone)) for name in names]
        killer, restarts = _load(replicas, cluster, told, seconds, dice, crash)
        cluster.calm = True
        begun = time.monotonic()
        engine = open_database(database_url)
        stack.callback(engine.dispose)
        ledger = _Ledger(Store(engine, "judge"))
        while not ledger.at_rest() and time.monotonic() - begun < quiet_seconds:
            time.sleep(0.5)
        took = time.monotonic() - begun
        time.sleep(_LINGER_SECONDS)
        rows, heard = ledger.rows(), ledger.heard(told.events)
        log = "".join(replica.log for replica in replicas)
    wrong = [
        *told.troubles,
        *killer.troubles,
        *mistakes(log, _MISTAKES),
        *([f"not at rest after {quiet_seconds:.0f} s"] if took >= quiet_seconds else []),
        *judge(
            cluster.changes,
            rows,
            rules,
            cooldown_seconds=COOLDOWN_SECONDS,
            most=most,
            delivered=heard,
            asked=people.asked,
        ),
    ]
    results = Counter(row.result or row.state for row in rows)
    stopped = Counter(row.detail.partition(":")[0] for row in rows if row.result == "refused")
    done = Counter(each.verb for each in cluster.changes if each.took_place)
    summary = (
        f"torture of remediation: seed {seed}: {told.posts} posts ({counted(told.failures)}), {told.begun} firings;"
        f" kills: {killer.done['worker']} of workers, {killer.done['service']} of services, {restarts} of the database;"
        f" {killer.done['freeze']} stops; {len(cluster.changes)} requests to write, {done.total()} took place"
        f" ({counted(done)}); failures injected: {counted(cluster.injected)}; {len(rows)} rows: {counted(results)};"
        f" refused by {counted(stopped)};"
        f" a person asked about {len(people.asked)}; quiet after {took:.1f} s"
    )
    return Outcome(summary, tuple(wrong))


def _rules(seconds: float) -> tuple[Mapping[str, Bounds], int]:
    """The rules' bounds, and how much may be done in all: less than there would be to do."""
    rounds = 1 + int(seconds // _ROUND_SECONDS)
    deployments = ("deployment/shop/d*",)
    return {
        "restart": Bounds(deployments, 6 * rounds),
        "scale": Bounds(deployments, 6 * rounds),
        "delete_pod": Bounds(("pod/shop/db-*",), 6 * rounds),
        "dry": Bounds((), 100),
    }, 15 * rounds


def _config(folder: Path, cluster: FailingCluster, people: People, rules: Mapping[str, Bounds], most: int) -> str:
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(
        yaml.safe_dump(
            {
                "current-context": "here",
                "contexts": [{"name": "here", "context": {"cluster": "loopback", "user": "me"}}],
                "clusters": [{"name": "loopback", "cluster": {"server": cluster.base_url}}],
                "users": [{"name": "me", "user": {"token": cluster.token}}],
            }
        )
    )
    more = {
        "restart": "verb: restart, dry_run: false, namespaces: [shop, kube-system], names: ['d*']",
        "scale": "verb: scale, dry_run: false, step: 1, min: 1, max: 1000, namespaces: [shop], names: ['d*']",
        "delete_pod": "verb: delete_pod, dry_run: false, namespaces: [shop], names: ['db-*']",
        "dry": "verb: restart, namespaces: [shop], names: ['*']",
    }
    routes = "".join(f"\n  - {{receiver: {fix}, matchers: ['fix=\"{fix}\"']}}" for fix in rules)
    receivers = "".join(
        f"\n- name: {fix}\n  kubernetes_configs:\n  - {{name: {fix}, otherwise: people, max_per_hour: {rule.most},"
        f" {more[fix]}, {_RULE.format(kind='Pod' if fix == 'delete_pod' else 'Deployment')}}}"
        for fix, rule in rules.items()
    )
    return f"""
web: {{auth: {{alert: {{tokens: [{_TOKEN}]}}}}}}
delivery: {{lease: 5s}}
remediation:
  max_per_hour: {most}
  kubernetes: {{kubeconfig: {kubeconfig}}}
route:
  receiver: quiet
  routes:{routes}
receivers:
- name: quiet
  log_configs: [{{}}]
- name: people
  webhook_configs: [{{url: '{people.url}', send_resolved: true}}]{receivers}
"""


def _fill(cluster: FailingCluster) -> None:
    for name in (*_DEPLOYMENTS, *_REHEARSED, *_FORBIDDEN):
        cluster.deploy("shop", name)
    for namespace in ("kube-system", "other"):
        cluster.deploy(namespace, "d0")
    cluster.run_pods("shop", "db", _PODS)


def _alerts() -> list[dict[str, str]]:
    """The labels of all that fires now and then: most of it something may be done about."""

    def about(fix: str, namespace: str = "shop", **labels: str) -> dict[str, str]:
        return {"fix": fix, "namespace": namespace, "severity": "critical", **labels}

    return [
        *(about(fix, deployment=name) for fix in ("restart", "scale") for name in _DEPLOYMENTS),
        *(about("restart", deployment=name, shard="1") for name in _DEPLOYMENTS[:8]),
        *(about("delete_pod", pod=name) for name in _PODS),
        *(about("dry", deployment=name) for name in (*_REHEARSED, "d0")),
        *(about("restart", deployment=name) for name in _FORBIDDEN),
        *(
            about(fix, namespace, deployment="d0")
            for fix in ("restart", "scale")
            for namespace in ("kube-system", "other")
        ),
    ]


def _load(
    replicas: Sequence[Service],
    cluster: FailingCluster,
    told: Told,
    seconds: float,
    dice: Random,
    crash: Callable[[], bool],
) -> tuple[Killer, int]:
    """Tells, kills and freezes; when it returns all is up. How often the database was made to begin again, too."""
    finish = threading.Event()
    urls, alerts = [replica.url for replica in replicas], _alerts()
    dice.shuffle(alerts)
    tellers = [
        Teller(urls, alerts[number::_TELLERS], _TOKEN, told, Random(dice.random()), finish)
        for number in range(_TELLERS)
    ]
    killer = Killer(replicas, cluster.wait_for_work, Random(dice.random()), finish)
    for thread in (*tellers, killer):
        thread.start()
    restarts, until = 0, time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, dice.uniform(8.0, 25.0)))
        if time.monotonic() < until:
            restarts += crash()
    finish.set()
    for thread in (killer, *tellers):
        thread.join()
    return killer, restarts


class _Ledger:
    """What stands in the database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def at_rest(self) -> bool:
        """Whether nothing is on its way."""
        try:
            with self._store._reading() as connection:
                waiting = [
                    connection.execute(select(func.count()).select_from(table).where(where)).scalar_one()
                    for table, where in ((events, ACCEPTED), (deliveries, PENDING))
                ]
            return not any(waiting) and all(row.state == "done" for row in self.rows())
        except StoreError:
            return False

    def rows(self) -> list[Row]:
        """All remediations, the oldest first."""
        return [
            Row(
                each.token,
                each.rule,
                each.alert.fingerprint,
                each.alert.starts_at,
                each.proposal.target.key if each.proposal else "",
                each.acted_at is not None,
                each.state,
                each.result or "",
                each.detail,
            )
            for each in reversed(self._store.remediations.list(_MOST_ROWS))
        ]

    def heard(self, told: Mapping[int, Firing]) -> set[Firing]:
        """The firings of which a rule has heard."""
        wanted = select(deliveries.c.event_id, deliveries.c.action).where(deliveries.c.state == "delivered")
        with self._store._reading() as connection:
            found = connection.execute(wanted.where(deliveries.c.kind == "state")).all()
        return {told[row.event_id] for row in found if row.action == "kubernetes" and row.event_id in told}
