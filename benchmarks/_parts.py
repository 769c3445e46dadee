"""What is measured and what it is measured against: the service, Alertmanager, and a Flask with nothing behind it."""

from __future__ import annotations

import ast
import json
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks._postgresql import PostgreSQL
from config.process import ProcessSettings
from tests.far_sides.alertmanager import Alertmanager
from tests.far_sides.process import free_port, running
from tests.service import ROOT, Service

ROUTING_KEY = "0123456789abcdef0123456789abcdef"
_LOOK_SECONDS = 0.2


class Workplace:
    """A temporary folder and, where it is wanted, a PostgreSQL.

    Args:
        database: sqlite or postgresql.
    """

    def __init__(self, database: str) -> None:
        """Makes nothing yet."""
        self._database = database
        self._open = ExitStack()
        self._postgresql: PostgreSQL | None = None
        self.folder = Path()

    def __enter__(self) -> Self:
        # Else what was started would go on when a benchmark is asked to end.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        self.folder = Path(self._open.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        if self._database == "postgresql":
            self._postgresql = self._open.enter_context(PostgreSQL())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def database(self, name: str) -> dict[str, str]:
        """A new database, as the service's environment names it."""
        if self._postgresql is not None:
            return {"DATABASE_URL": self._postgresql.new_database(name)}
        return {"DATABASE_URL": f"sqlite:///{self.folder / f'{name}.db'}"}

    def service(
        self, name: str, configuration: Mapping[str, Any], database: Mapping[str, str] | None = None
    ) -> Service:
        """The service, not started, as `python app.py serve` starts it with nothing but the database set."""
        environment = self.database(name) if database is None else database
        return Service(self.folder / name, environment, json.dumps(configuration))

    def alertmanager(self, name: str, sink_url: str, group_by: str) -> Alertmanager:
        """An Alertmanager, not started, that tells the sink of each group at once."""
        return Alertmanager(self.folder / name, config_yaml=json.dumps(_alertmanager(sink_url, group_by)))


def nobody() -> dict[str, Any]:
    """A configuration by which all is planned and nobody is told."""
    return {"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]}


def pager(sink_url: str, prometheus_url: str = "") -> dict[str, Any]:
    """A configuration by which PagerDuty is told of everything."""
    return {
        **({"prometheus": {"url": prometheus_url}} if prometheus_url else {}),
        "route": {"receiver": "pager"},
        "receivers": [{"name": "pager", "pagerduty_configs": [{"routing_key": ROUTING_KEY, "url": sink_url}]}],
    }


def _alertmanager(sink_url: str, group_by: str) -> dict[str, Any]:
    return {
        # Nothing of it is to end while it is measured.
        "global": {"resolve_timeout": "1h"},
        "route": {
            "receiver": "pager",
            "group_by": [group_by],
            "group_wait": "0s",
            "group_interval": "1h",
            "repeat_interval": "4h",
        },
        "receivers": [{"name": "pager", "pagerduty_configs": [{"routing_key": ROUTING_KEY, "url": sink_url}]}],
    }


@contextmanager
def bare_flask(folder: Path) -> Iterator[str]:
    """Runs a Flask that answers as the service does, under the same gunicorn; yields its URL."""
    folder.mkdir(parents=True, exist_ok=True)
    address = f"127.0.0.1:{free_port()}"
    served = _served()
    command = [sys.executable, "-m", "gunicorn", "benchmarks._bare_flask:create_app()", "--bind", address]
    command += ["--workers", str(ProcessSettings().workers), "--worker-class", served["worker_class"]]
    command += ["--threads", str(served["threads"]), "--keep-alive", str(served["keepalive"]), "--no-control-socket"]
    command += ["--pythonpath", str(ROOT)]
    # Elsewhere than in ROOT, whose gunicorn.conf.py it would take.
    with running(command, f"http://{address}/readyz", folder / "log.txt", folder=folder):
        yield f"http://{address}"


def _served() -> dict[str, Any]:
    """What gunicorn.conf.py sets to a plain value; it cannot be imported without effects."""
    tree = ast.parse((ROOT / "gunicorn.conf.py").read_text())
    return {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


class MemoryWatch:
    """The most memory, in bytes, that the processes of a session held at once within the block.

    It is their proportional set size: what they share is counted once.
    """

    def __init__(self, session: int) -> None:
        """Watches nothing yet."""
        self._session = session
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.most_bytes = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            self.most_bytes = max(self.most_bytes, sum(map(_pss_bytes, _of_session(self._session))))
            if self._over.wait(_LOOK_SECONDS):
                return


def _of_session(session: int) -> list[Path]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            # After the name, which may hold anything: state, parent, group, session.
            if int((process / "stat").read_text().rpartition(")")[2].split()[3]) == session:
                found.append(process)
        except OSError:
            continue
    return found


def _pss_bytes(process: Path) -> int:
    try:
        lines = (process / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
