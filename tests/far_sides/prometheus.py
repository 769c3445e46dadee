"""A real Prometheus on loopback."""

import json
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import requests

from tests.far_sides import process


@dataclass(frozen=True, slots=True)
class Sample:
    """One series of an instant query's answer."""

    labels: dict[str, str]
    value: float


def require() -> None:
    """Skips the test loudly when there is no Prometheus, or fails it where CI=true."""
    process.require("prometheus")


class Prometheus:
    """A Prometheus that scrapes, evaluates rules and alerts; targets and Alertmanagers are given by URL.

    Its first scrape comes five seconds after its start, which no setting shortens.
    """

    def __init__(
        self,
        folder: Path,
        scrape_targets: Sequence[str] = (),
        rules_yaml: str = "",
        alertmanagers: Sequence[str] = (),
        scrape_interval: str = "1s",
    ) -> None:
        """Writes nothing yet; `folder` is a temporary one that holds its configuration, data and log."""
        self.folder = folder / "prometheus"
        self.scrape_targets = tuple(scrape_targets)
        self.rules_yaml = rules_yaml
        self.alertmanagers = tuple(alertmanagers)
        self.scrape_interval = scrape_interval
        self.url = f"http://127.0.0.1:{process.free_port()}"
        self._running = ExitStack()
        self._session = requests.Session()
        self._session.trust_env = False

    def __enter__(self) -> Self:
        require()
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "rules.yml").write_text(self.rules_yaml or "groups: []\n")
        (self.folder / "prometheus.yml").write_text(json.dumps(self._configuration()))
        command = [
            "prometheus",
            f"--config.file={self.folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address={urlsplit(self.url).netloc}",
            f"--web.external-url={self.url}",
        ]
        self._running.callback(self._session.close)
        self._running.enter_context(process.running(command, f"{self.url}/-/ready", self.folder / "log.txt"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close()

    def query(self, promql: str) -> list[Sample]:
        """Returns the samples of an instant vector or scalar, now."""
        response = self._session.post(f"{self.url}/api/v1/query", data={"query": promql}, timeout=5)
        answer = response.json()
        if answer["status"] != "success":
            raise AssertionError(f"{promql}: {answer['error']}")
        data = answer["data"]
        if data["resultType"] == "scalar":
            return [Sample({}, float(data["result"][1]))]
        return [Sample(one["metric"], float(one["value"][1])) for one in data["result"]]

    def wait_until(
        self,
        promql: str,
        predicate: Callable[[list[Sample]], bool] = bool,
        timeout_seconds: float = 10.0,
    ) -> list[Sample]:
        """Asks every 50 ms until the samples fit and returns them; AssertionError with the last if not."""
        deadline = time.monotonic() + timeout_seconds
        while not predicate(samples := self.query(promql)):
            if time.monotonic() > deadline:
                raise AssertionError(f"{promql} did not fit within {timeout_seconds} s; last: {samples}")
            time.sleep(0.05)
        return samples

    def _configuration(self) -> dict[str, object]:
        every = self.scrape_interval
        scrape = {
            "job_name": "far-sides",
            "honor_labels": True,
            "static_configs": [{"targets": [_address(one) for one in self.scrape_targets]}],
        }
        alertmanagers = {"static_configs": [{"targets": [_address(one) for one in self.alertmanagers]}]}
        return {
            "global": {"scrape_interval": every, "evaluation_interval": every},
            "rule_files": [str(self.folder / "rules.yml")],
            "scrape_configs": [scrape],
            "alerting": {"alertmanagers": [alertmanagers]},
        }


def _address(url: str) -> str:
    return urlsplit(url).netloc or url
