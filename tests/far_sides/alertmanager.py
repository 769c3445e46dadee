"""A real Alertmanager on loopback."""

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import requests

from tests.far_sides import process


def require() -> None:
    """Skips the test loudly when there is no Alertmanager, or fails it where CI=true."""
    process.require("prometheus-alertmanager")


class Alertmanager:
    """An Alertmanager, by default one that posts each group to a webhook a second after it changed."""

    def __init__(self, folder: Path, *, webhook_url: str = "", config_yaml: str = "") -> None:
        """Writes nothing yet; `folder` is a temporary one, and one of the other two is to be given."""
        if bool(webhook_url) == bool(config_yaml):
            raise ValueError("give either webhook_url or config_yaml")
        self.folder = folder / "alertmanager"
        self.config_yaml = config_yaml or json.dumps(_configuration(webhook_url))
        self.url = f"http://127.0.0.1:{process.free_port()}"
        self._running = ExitStack()
        self._session = requests.Session()
        self._session.trust_env = False

    def __enter__(self) -> Self:
        require()
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "alertmanager.yml").write_text(self.config_yaml)
        command = [
            "prometheus-alertmanager",
            f"--config.file={self.folder / 'alertmanager.yml'}",
            f"--storage.path={self.folder / 'data'}",
            f"--web.listen-address={urlsplit(self.url).netloc}",
            f"--web.external-url={self.url}",
            "--cluster.listen-address=",
        ]
        self._running.callback(self._session.close)
        self._running.enter_context(process.running(command, f"{self.url}/-/ready", self.folder / "log.txt"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close()

    def post_alerts(self, alerts: Sequence[Mapping[str, Any]]) -> None:
        """Hands it alerts as Prometheus does: labels and, if wanted, annotations, times, generatorURL."""
        response = self._session.post(f"{self.url}/api/v2/alerts", json=list(alerts), timeout=5)
        if response.status_code != 200:
            raise AssertionError(f"Alertmanager answered {response.status_code}: {response.text}")


def _configuration(webhook_url: str) -> dict[str, object]:
    return {
        "route": {
            "receiver": "alert-manager",
            "group_by": ["alertname", "namespace"],
            "group_wait": "1s",
            "group_interval": "1s",
            "repeat_interval": "1h",
        },
        "receivers": [{"name": "alert-manager", "webhook_configs": [{"url": webhook_url, "send_resolved": True}]}],
    }
